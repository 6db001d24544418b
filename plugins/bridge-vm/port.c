/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge-vm/port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bridge-vm/limits.h"
#include "bridge-vm/ops.h"
#include "net/bridge.h"
#include "net/sysctl.h"
#include "net/tap.h"
#include "net/veth.h"

bool port_is_ours(const struct link_info *link, const struct cni_attachment *a)
{
	char alias[CNI_LINK_ALIAS_SIZE], name[CNI_LINK_NAME_SIZE];
	const char *prefix = !strcmp(link->kind, "tun") ? "tap" : link->kind;

	cni_attachment_alias(a, BRIDGE_VM_ROLE, alias);
	if (*link->alias)
		return !strcmp(link->alias, alias);

	if (strcmp(prefix, "tap") != 0 && strcmp(prefix, "veth") != 0 &&
	    strcmp(prefix, "ifb") != 0)
		return false;
	cni_attachment_link_name(a, prefix, name);
	return link->group == LINK_GROUP_WEFT && !strcmp(link->name, name);
}

int port_find(struct netlink *host, const struct cni_attachment *a,
	      unsigned int nth, struct link_info *ret, struct cni_err *err)
{
	char name[CNI_LINK_ALTNAME_SIZE];
	struct link_info link;
	int r;

	switch (nth) {
	case 0:
		cni_attachment_link_name(a, "veth", name);
		r = link_get(host, name, &link, err);
		break;
	case 1:
		cni_attachment_link_name(a, "tap", name);
		r = link_get(host, name, &link, err);
		break;
	case 2:
		cni_attachment_altname(a, name);
		r = link_get_altname(host, name, &link, err);
		break;
	default:
		return -ERANGE;
	}
	if (r < 0)
		return r == -ENODEV ? 0 : r;

	*ret = link;
	return port_is_ours(&link, a);
}

/* By any of its names, of either kind: a second port would share the first
 * one's address, and go with it in one rollback. */
static int check_no_port(const struct job *j, struct cni_err *err)
{
	int r;

	for (unsigned int i = 0;; i++) {
		struct link_info link = { 0 };

		r = port_find(j->host, &j->attachment, i, &link, err);
		if (r == -ERANGE)
			return 0;
		if (r < 0)
			return r;
		if (r > 0)
			return err_say(
				err, CNI_E_TAKEN, EEXIST,
				"%s of \"%s\" has a port already: %s already exists",
				j->attachment.ifname,
				j->attachment.container_id, link.name);
		/* The mark that follows its creation goes by its name. */
		if (!strcmp(link.name, j->port_name))
			return err_say(
				err, CNI_E_TAKEN, EEXIST,
				"port %s: a %s of that name already exists and is not ours",
				link.name, link.kind);
	}
}

int port_check_absent(struct job *j, struct cni_err *err)
{
	const bool is_vm = job_is_vm(j);
	const char *name = is_vm ? j->port_name : j->attachment.ifname;
	struct link_info link;
	int r;

	r = link_get(is_vm ? j->host : j->guest, name, &link, err);
	if (r == -ENODEV)
		return check_no_port(j, err);
	if (r < 0)
		return r;
	return is_vm ? err_say(err, CNI_E_TAKEN, EEXIST,
			       "tap %s: a %s of that name already exists", name,
			       *link.kind ? link.kind : "device")
		     : err_say(err, CNI_E_TAKEN, EEXIST,
			       "interface %s already exists in %s", name,
			       j->call->args.netns);
}

void port_guard_name(const struct cni_attachment *a, char ret[SPOOF_NAME_SIZE])
{
	(void)snprintf(ret, SPOOF_NAME_SIZE, "macspoof-%016llx",
		       (unsigned long long)cni_attachment_hash(a));
}

int port_delete_all(struct netlink *host, const struct cni_attachment *a,
		    enum link_wait wait, unsigned int *ret_n,
		    struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	char guard[SPOOF_NAME_SIZE];
	struct link_info link;
	int r, acc = 0, has;

	/* Asked before a child is left, which then closes the socket. */
	port_guard_name(a, guard);
	has = spoof_has(guard, &e);
	*ret_n = 0;
	for (unsigned int i = 0;
	     (r = port_find(host, a, i, &link, &e)) != -ERANGE; i++) {
		if (r > 0) {
			++*ret_n;
			r = guarded_forget(a, link.index, &e);
			acc = err_keep_first(err, &e, r, acc);
			r = link_remove(host, link.index, wait, &e);
			if (r == -ENODEV)
				r = 0;
		}
		acc = err_keep_first(err, &e, r, acc);
	}
	if (!*ret_n)
		acc = err_keep_first(err, &e, guarded_forget(a, 0, &e), acc);
	if (acc < 0)
		return acc; /* it may still send */
	return has ? spoof_remove(guard, err) : 0;
}

static int undo_port(void *arg, struct cni_err *err)
{
	cleanup_netlink struct netlink *fresh = NULL;
	struct job *j = arg;
	unsigned int n;
	int r = 0;

	/* A tap that is not persistent yet goes with its descriptor. */
	closep(&j->tap_fd);
	j->tap_fd = -1;
	if (netlink_is_broken(j->host))
		r = netlink_reopen(j->host, &fresh, err);
	if (!r)
		r = port_delete_all(fresh ? fresh : j->host, &j->attachment,
				    LINK_WAIT_KERNEL, &n, err);
	j->lease.in_use = r < 0;
	return r;
}

static int create_veth(struct job *j, struct cni_err *err)
{
	const struct veth_opts opts = {
		.host_name = j->port_name,
		.guest_name = j->attachment.ifname,
		.netns = j->netns,
		.host_mac = j->port_mac,
		.guest_mac = j->guest_mac,
		.host_index = j->index,
		.guest_index = j->index,
		.mtu = j->mtu,
		.master = j->bridge.index,
		.alias = j->alias,
	};
	struct veth made;
	int r = veth_create(j->host, &opts, &made, err);

	if (r < 0)
		return r;
	j->port = made.host_index;
	j->guest_link = made.guest_index;
	return 0;
}

static uint32_t id_or_anyone(int64_t id)
{
	return id < 0 ? TAP_ANYONE : (uint32_t)id;
}

static int create_tap(struct job *j, struct cni_err *err)
{
	const struct tap_opts opts = {
		.name = j->port_name,
		.multi_queue = j->conf.tap.queues > 1,
		.owner = id_or_anyone(j->conf.tap.owner),
		.group = id_or_anyone(j->conf.tap.group),
		.index = j->index,
	};
	const struct tap_conf conf = {
		.mac = j->port_mac,
		.mtu = j->mtu,
		.master = j->bridge.index,
		.alias = j->alias,
	};
	char altname[CNI_LINK_ALTNAME_SIZE];
	int r;

	r = tap_open(&opts, &j->tap_fd, &j->port, err);
	if (!r)
		r = tap_configure(j->host, j->port_name, &conf, err);
	if (r < 0 || !*j->conf.tap.name)
		return r;
	cni_attachment_altname(&j->attachment, altname);
	return link_add_altname(j->host, j->port, altname, err);
}

/* A guest's router must not configure the host, should the port ever be taken
 * off the bridge. */
static int ignore_routers(const struct job *j, struct cni_err *err)
{
	const int r = sysctl_set_net("ipv6/conf", j->port_name, "accept_ra",
				     "0", err);

	return r == -ENOENT ? 0 : r; /* a host without IPv6 */
}

static int set_flags(const struct job *j, struct cni_err *err)
{
	const struct bridge_port_opts opts = { .hairpin = j->conf.hairpin,
					       .isolated = j->conf.isolated };

	return opts.hairpin || opts.isolated
		       ? bridge_port_set(j->host, j->port, &opts, err)
		       : 0;
}

struct spoof port_guard(const struct job *j)
{
	return (struct spoof){ .chain = j->guard,
			       .comment = j->alias,
			       .port = j->port_name,
			       .mac = j->guest_mac };
}

enum { DEFAULT_MTU = 1500 }; /* of Ethernet, and of taps and veths */

struct guarded port_guarded(const struct job *j, const struct cni_result *ips)
{
	static const struct mac unknown;

	return (struct guarded){ .call = j->call,
				 .attachment = &j->attachment,
				 .conf = &j->conf.guard,
				 .guard = &j->loaded,
				 .mac = j->guest_mac,
				 .host_mac = j->bridge.mac,
				 .gateway_mac = j->conf.is_gateway
							? j->bridge.mac
							: unknown,
				 .mtu = j->mtu ? j->mtu : DEFAULT_MTU,
				 .ips = ips,
				 .nl = j->host,
				 .ifindex = j->port,
				 .trunk = j->conf.has_trunk };
}

/* Closed until all that is in place: the port is down. */
static int restrict_port(struct job *j, struct cni_err *err)
{
	const struct guarded guarded = port_guarded(j, &j->ipam);
	const struct spoof guard = port_guard(j);
	int r = set_flags(j, err);

	if (!r)
		r = vlans_join(j, err);
	if (!r && j->conf.mac_check)
		r = spoof_guard(&guard, err);
	if (!r)
		r = guarded_put(&guarded, err);
	if (!r)
		r = limits_set(j, err);
	return r;
}

static int create(struct job *j, struct cni_err *err)
{
	const int r = guarded_begin(&j->attachment, &j->conf.guard, &j->loaded,
				    &j->index, err);

	if (r < 0)
		return r;
	return job_is_vm(j) ? create_tap(j, err) : create_veth(j, err);
}

int port_create(struct job *j, struct cni_err *err)
{
	int r = create(j, err);

	/* What the kernel refused to make is not ours to remove. */
	if (j->port)
		undo_push(&j->undo, undo_port, j);
	if (!r)
		r = ignore_routers(j, err);
	if (!r)
		r = restrict_port(j, err);
	return r < 0 ? err_ctx(err, r, "port %s on bridge %s", j->port_name,
			       j->conf.bridge)
		     : 0;
}

int port_raise(struct job *j, struct cni_err *err)
{
	int r = link_raise(j->host, j->port, err);

	if (!r && job_is_vm(j))
		r = tap_persist(j->tap_fd, err);
	return r < 0 ? err_ctx(err, r, "port %s", j->port_name) : 0;
}
