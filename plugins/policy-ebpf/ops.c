/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "bpf/policy_member.h"
#include "guest/check.h"
#include "guest/guest.h"
#include "net/netns.h"
#include "policy-ebpf/conf.h"
#include "policy-ebpf/policy_ebpf.h"

/**
 * struct job - One call's things
 * @call:	The request
 * @attachment:	Whose
 * @conf:	What its network says
 * @guard:	Opened
 * @host:	rtnetlink on the host
 * @port:	The device there that leads to the guest
 * @mac:	The guest's
 * @entry:	The guest's, in
 * @prev:	prevResult
 */
struct job {
	const struct cni_call *call;
	struct cni_attachment attachment;
	struct guard_conf conf;
	struct guard guard;
	struct netlink *host;
	struct link_info port;
	struct mac mac;
	const struct cni_interface *entry;
	const struct cni_result *prev;
};

static void job_close(struct job *j)
{
	guard_close(&j->guard);
	netlink_close(j->host);
}

static int job_open(const struct cni_call *call, struct job *ret,
		    struct cni_err *err)
{
	const int r = policy_ebpf_conf_parse(call, &ret->conf, err);

	ret->call = call;
	ret->attachment = cni_attachment_of(call);
	return r ? r : netlink_open(&ret->host, err);
}

/* A VM's tap is on the host itself. */
static int find_tap(struct job *j, const struct cni_result *prev,
		    struct cni_err *err)
{
	for (size_t i = 0; i < prev->n_interfaces; i++) {
		const struct cni_interface *e = &prev->interfaces[i];
		int r;

		if (e->sandbox && *e->sandbox)
			continue;
		r = link_get(j->host, e->name, &j->port, err);
		if (r < 0 && r != -ENODEV)
			return r;
		if (!r && !strcmp(j->port.kind, "tun"))
			return 0;
	}
	return -ENODEV;
}

/* By the guest's end, for results need not name the other one; and only if that
 * is in our own namespace. */
static int find_veth(struct job *j, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	cleanup_close int netns = -1;
	struct link_info guest = { 0 };
	int r = netns_open(j->call->args.netns, &netns, err);

	if (!r)
		r = netlink_open_in(netns, &nl, err);
	if (!r)
		r = link_get(nl, j->attachment.ifname, &guest, err);
	if (r < 0)
		return r;
	j->mac = guest.mac;
	if (strcmp(guest.kind, "veth") != 0)
		return err_say(
			err, CNI_E_CONFIG, EOPNOTSUPP,
			"interface %s in %s: of a %s the host sees nothing; a policy needs a veth or a tap",
			guest.name, j->call->args.netns,
			*guest.kind ? guest.kind : "device");
	r = link_get_index(j->host, guest.peer, &j->port, err);
	if (!r &&
	    (strcmp(j->port.kind, "veth") != 0 || j->port.peer != guest.index))
		r = -ENODEV;
	return r == -ENODEV
		       ? err_say(err, CNI_E_CONFIG, ENODEV,
				 "interface %s in %s: its other end is not on the host",
				 guest.name, j->call->args.netns)
		       : r;
}

static int find_port(struct job *j, const struct cni_result *prev,
		     struct cni_err *err)
{
	int r;

	j->prev = prev;
	j->entry = check_find_entry(prev, j->attachment.ifname,
				    j->call->args.netns);
	r = find_tap(j, prev, err);
	if (r != -ENODEV)
		return r;
	return find_veth(j, err);
}

static struct guarded guarded_of(const struct job *j)
{
	return (struct guarded){ .call = j->call,
				 .attachment = &j->attachment,
				 .conf = &j->conf,
				 .guard = &j->guard,
				 .mac = j->mac,
				 .ips = j->prev,
				 .of = j->entry,
				 .nl = j->host,
				 .ifindex = j->port.index };
}

/* A port that its own plugin guards keeps what that has said. */
static int guard_port(struct job *j, struct cni_err *err)
{
	const struct guarded g = guarded_of(j);
	struct cni_err e = CNI_ERR_INIT;
	int r = guard_open(&j->guard, err);

	if (r < 0)
		return r;
	r = guard_knows(&j->guard, j->port.index,
			cni_attachment_hash(&j->attachment));
	if (r < 0)
		return err_set(err, CNI_E_KERNEL, -r, "guard: read of %s",
			       j->port.name);
	if (r)
		return guarded_join(&g, err);
	r = guarded_put(&g, err);
	if (r < 0)
		(void)guarded_forget_port(&j->attachment, j->port.index, &e);
	return r;
}

static int add(const struct cni_call *call, struct cni_result *ret,
	       struct cni_err *err)
{
	CLEANUP(job_close) struct job j = { .guard = GUARD_NONE };
	int r = cni_result_prev(call->conf.prev_result, call->conf.version, ret,
				err);

	if (!r)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"network \"%s\": must be called as chained plugin",
			call->conf.name);
	if (r > 0)
		r = job_open(call, &j, err);
	if (!r)
		r = find_port(&j, ret, err);
	if (!r)
		r = guard_port(&j, err);
	return r;
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	CLEANUP(job_close) struct job j = { .guard = GUARD_NONE };
	CLEANUP(cni_result_free) struct cni_result prev = { 0 };
	struct guarded g;
	int r = cni_result_prev(call->conf.prev_result, call->conf.version,
				&prev, err);

	if (!r)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "network \"%s\": CHECK without prevResult",
			       call->conf.name);
	if (r > 0)
		r = job_open(call, &j, err);
	if (!r)
		r = find_port(&j, &prev, err);
	if (r < 0)
		return r;
	r = guard_find(&j.guard, err);
	if (r < 0)
		return r;
	if (!r)
		return damaged(err, "interface %s has no guard: none is loaded",
			       j.port.name);
	g = guarded_of(&j);
	return guarded_check_join(&g, err);
}

/* Its port may be gone, and be found by what is kept alone. */
static int del(const struct cni_call *call, struct cni_err *err)
{
	const struct cni_attachment a = cni_attachment_of(call);

	return guarded_forget_all(&a, err);
}

/* Who is still there, valid or not, is not cut off. */
static int spare_living(const struct cni_call *call,
			struct cni_attachments *valid, struct cni_err *err)
{
	cleanup_members struct policy_members m = { 0 };
	cleanup_guard struct guard g = GUARD_NONE;
	cleanup_netlink struct netlink *host = NULL;
	struct cni_err e = CNI_ERR_INIT;
	struct link_info link;
	int r = guard_find(&g, err);

	if (r <= 0)
		return r;
	r = policy_members_read(&g, cni_network_hash(call->conf.name), &m, err);
	if (!r)
		r = netlink_open(&host, err);
	for (size_t i = 0; !r && i < m.n; i++)
		if (!link_get_index(host, m.v[i].ifindex, &link, &e))
			r = cni_attachments_add(valid, m.v[i].container_id,
						m.v[i].ifname);
	return r;
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	cleanup_attachments struct cni_attachments valid = { 0 };
	struct guard_conf conf;
	int r = policy_ebpf_conf_parse(call, &conf, err);

	if (!r)
		r = cni_attachments_parse(call->conf.attachments, &valid, err);
	if (!r)
		r = spare_living(call, &valid, err);
	return r ? r : guarded_collect(call->conf.name, &valid, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	cleanup_guard struct guard guard = GUARD_NONE;
	struct guard_conf conf;
	const int r = policy_ebpf_conf_parse(call, &conf, err);

	return r ? r : guard_open(&guard, err);
}

const struct cni_plugin policy_ebpf = {
	.name = "policy-ebpf",
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};
