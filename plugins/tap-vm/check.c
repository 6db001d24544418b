/* SPDX-License-Identifier: Apache-2.0 */
/* CHECK: reality against prevResult, which a chained plugin may have changed. */
#include "guest/check.h"

#include <errno.h>
#include <string.h>

#include "bpf/prog.h"
#include "net/tap.h"
#include "tap-vm/job.h"

/* An ID that is not wanted may be there all the same: root opens it anyway. */
static int check_owner(const struct job *j, const struct tap_info *tap,
		       struct cni_err *err)
{
	const struct tap_request *want = &j->conf.tap;

	if (want->owner >= 0 && tap->owner != (uint32_t)want->owner)
		return damaged(err, "tap %s: owner %lld cannot open it",
			       j->conf.name, (long long)want->owner);
	if (want->group >= 0 && tap->group != (uint32_t)want->group)
		return damaged(err, "tap %s: group %lld cannot open it",
			       j->conf.name, (long long)want->group);
	return 0;
}

static int check_flags(const struct job *j, struct cni_err *err)
{
	struct tap_info tap;
	const int r = tap_get(j->guest.nl, j->conf.name, &tap, err);

	if (r < 0)
		return r;
	if (!tap.tap || tap.packet_info)
		return damaged(err, "tap %s: does not carry plain frames",
			       j->conf.name);
	if (tap.multi_queue != (j->conf.tap.queues > 1))
		return damaged(
			err,
			"tap %s: is %smulti-queue, and a VMM asking for %lld queues cannot open it",
			j->conf.name, tap.multi_queue ? "" : "not ",
			(long long)j->conf.tap.queues);
	return check_owner(j, &tap, err);
}

static int check_tap(struct job *j, const struct cni_result *prev,
		     struct cni_err *err)
{
	const struct cni_interface *e =
		check_find_entry(prev, j->conf.name, j->call->args.netns);
	struct link_info tap;
	int r;

	if (!e)
		return damaged(err, "tap %s with sandbox %s: not in prevResult",
			       j->conf.name, j->call->args.netns);
	r = check_link(j->guest.nl, e, "tun", &tap, err);
	if (r < 0)
		return r;
	if (strcmp(tap.alias, j->alias) != 0)
		return damaged(err, "tap %s: its alias is \"%s\", not \"%s\"",
			       tap.name, tap.alias, j->alias);
	if (!(tap.flags & IFF_UP))
		return damaged(err, "tap %s: is down", tap.name);
	if (tap.mtu != j->iface.mtu)
		return damaged(err, "tap %s: MTU is %u, that of %s is %u",
			       tap.name, tap.mtu, j->iface.name, j->iface.mtu);
	j->tap = tap.index;
	return check_flags(j, err);
}

/* By the digest of the very program that ADD would attach: its target is in
 * it. */
static int check_splice(const struct job *j, const char *from, uint32_t index,
			uint32_t to, struct cni_err *err)
{
	const struct bpf_filter f = tap_vm_splice(index);
	uint8_t want[BPF_TAG_SIZE];
	struct bpf_filter_info have;
	cleanup_close int prog = -1;
	int r = bpf_splice_load(to, &prog, err);

	if (!r)
		r = bpf_prog_tag(prog, want, err);
	if (!r)
		r = bpf_filter_get(j->guest.nl, &f, &have, err);
	if (r < 0)
		return r;
	if (!r)
		return damaged(err, "splice of %s: is missing", from);
	return memcmp(want, have.tag, BPF_TAG_SIZE)
		       ? damaged(err, "splice of %s: leads elsewhere", from)
		       : 0;
}

static int check_all(struct job *j, struct cni_result *prev,
		     struct cni_err *err)
{
	const struct cni_interface *e;
	struct guarded g;
	int r = check_find_guest(j->call, prev, &e, err);

	if (!r)
		r = link_get(j->guest.nl, e->name, &j->iface, err);
	if (r == -ENODEV && err->code != CNI_E_CHECK)
		return damaged(err, "interface %s: not found in %s", e->name,
			       j->call->args.netns);
	if (!r)
		r = check_mac(&j->iface, e, err);
	if (!r && !(j->iface.flags & IFF_UP))
		r = damaged(err, "interface %s in %s: is down", e->name,
			    j->call->args.netns);
	if (!r && !(j->iface.flags & IFF_ALLMULTI))
		r = damaged(
			err,
			"interface %s in %s: does not take all multicast, and nobody finds the VM by IPv6",
			e->name, j->call->args.netns);
	if (!r)
		r = check_tap(j, prev, err);
	if (!r)
		r = check_splice(j, j->iface.name, j->iface.index, j->tap, err);
	if (!r)
		r = check_splice(j, j->conf.name, j->tap, j->iface.index, err);
	if (!r)
		r = tap_vm_find_gateway(j, prev, err);
	if (r < 0)
		return r;
	g = tap_vm_guarded(j, prev, e);
	return guarded_check(&g, err);
}

int tap_vm_check(const struct cni_call *call, struct cni_err *err)
{
	cleanup_result struct cni_result prev = { 0 };
	cleanup_job struct job j;
	int r = tap_vm_job_open(call, &j, err);

	if (r < 0)
		return r;
	r = cni_result_prev_required(call->conf.prev_result, call->conf.version,
				     &prev, err);
	return r < 0 ? r : check_all(&j, &prev, err);
}
