/* SPDX-License-Identifier: Apache-2.0 */
/* CHECK: reality against prevResult, which a chained plugin may have changed;
 * the configuration says what prevResult does not. */
#include "guest/check.h"

#include <errno.h>
#include <string.h>

#include "cni/delegate.h"
#include "macvlan-vm/access.h"
#include "macvlan-vm/ops.h"
#include "macvlan-vm/tap.h"
#include "net/macvlan.h"

/* By default it is not compared: the default route may have moved since, and
 * the guest is none the worse. */
static int check_parent(struct job *j, const struct link_info *guest,
			struct cni_err *err)
{
	struct link_info seen;
	int r;

	r = link_get_peer(j->guest.nl, guest, &seen, err);
	if (r == -ENODEV)
		return damaged(err, "interface %s: its parent is gone",
			       guest->name);
	if (r < 0 || !*j->conf.parent)
		return r;
	if (seen.index == parent_index(&j->parent) &&
	    (seen.index != j->parent.index ||
	     !strcmp(seen.name, j->parent.name)))
		return 0;
	return damaged(err, "interface %s: its parent is %s, not %s",
		       guest->name, seen.name, j->parent.name);
}

static int check_mode(struct job *j, const struct link_info *guest,
		      struct cni_err *err)
{
	struct macvlan_info info;
	int r = macvlan_get(j->guest.nl, guest->name, job_is_vm(j), &info, err);

	if (r < 0 || info.mode == macvlan_mode(j->conf.mode))
		return r;
	return damaged(err, "interface %s: mode is \"%s\", not \"%s\"",
		       guest->name, macvlan_mode_name(info.mode), j->conf.mode);
}

static int check_mtu(const struct job *j, const struct cni_interface *e,
		     const struct link_info *guest, struct cni_err *err)
{
	const int64_t want = e->mtu ? e->mtu : j->conf.mtu;

	if (!want || guest->mtu == want)
		return 0;
	return damaged(err, "interface %s: MTU is %u, not %lld", guest->name,
		       guest->mtu, (long long)want);
}

/* The reference plugin, which may have made it, has nothing like that. */
static int check_guarded(const struct job *j, const struct cni_result *prev,
			 const struct cni_interface *e,
			 const struct link_info *guest, struct cni_err *err)
{
	struct guarded g = job_guarded(j, prev);

	g.of = e;
	g.ifindex = guest->index;
	g.mtu = guest->mtu;
	return strcmp(guest->alias, j->alias) ? 0 : guarded_check(&g, err);
}

static int check_device(struct job *j, const struct cni_result *prev,
			const struct cni_interface *e, struct cni_err *err)
{
	struct cni_interface named = *e;
	struct link_info guest;
	int r;

	named.name = j->device;
	r = check_guest(&j->guest, &named, job_is_vm(j) ? "macvtap" : "macvlan",
			true, &guest, err);
	if (!r)
		r = check_mode(j, &guest, err);
	if (!r)
		r = check_parent(j, &guest, err);
	if (!r)
		r = check_mtu(j, e, &guest, err);
	if (!r && job_is_vm(j))
		r = tap_check(j, &guest, err);
	return r ? r : check_guarded(j, prev, e, &guest, err);
}

static int check_all(struct job *j, struct cni_result *prev,
		     struct cni_err *err)
{
	const struct cni_interface *guest = NULL;
	int r = check_find_guest(j->call, prev, &guest, err);

	if (!r && guest_is_l3(j->call))
		r = cni_delegate(j->call, CNI_CHECK, j->call->conf.ipam_type,
				 err);
	if (r < 0)
		return r;
	if (*j->conf.parent || j->conf.host_access)
		r = parent_find(j->parents, &j->conf, &j->parent, err);
	if (r == -ENODEV)
		err->code = CNI_E_CHECK;
	if (!r)
		r = check_device(j, prev, guest, err);
	/* A VM configures itself. */
	if (!r && !job_is_vm(j))
		r = check_guest_l3(&j->guest, prev, err);
	return r ? r : access_check(j, prev, err);
}

int macvlan_vm_check(const struct cni_call *call, struct cni_err *err)
{
	cleanup_result struct cni_result prev = { 0 };
	cleanup_job struct job j;
	int r;

	r = macvlan_job_open(call, &j, err);
	if (r < 0)
		return r;
	r = cni_result_prev_required(call->conf.prev_result, call->conf.version,
				     &prev, err);
	return r < 0 ? r : check_all(&j, &prev, err);
}
