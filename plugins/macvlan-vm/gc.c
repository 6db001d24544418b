/* SPDX-License-Identifier: Apache-2.0 */
/* GC. Devices in their guests' namespaces nobody can look for: what there is to
 * collect is on the host. */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/log.h"
#include "cni/attachments.h"
#include "cni/delegate.h"
#include "macvlan-vm/access.h"
#include "macvlan-vm/ops.h"
#include "macvlan-vm/tap.h"
#include "net/macvtap.h"

struct scan {
	const struct cni_call *call;
	bool strict;
	struct netlink *host;
	struct cni_attachments valid;
	struct link_info *links;
	size_t n;
};

/* What a VM receives waits in an ifb, which goes with the macvtap. */
static bool is_of_a_tap(const struct scan *s, const struct link_info *link)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->links[i].kind, "macvtap") &&
		    !strcmp(s->links[i].alias, link->alias))
			return true;
	return false;
}

/* A VM's device that is not on the list. The short form of a long alias does
 * not name its network: it is nobody's to collect, only DEL's. */
static bool is_stale(const struct scan *s, const struct link_info *link,
		     struct cni_alias *ret)
{
	return link->group == LINK_GROUP_WEFT &&
	       (!strcmp(link->kind, "macvtap") ||
		(!strcmp(link->kind, "ifb") && !is_of_a_tap(s, link))) &&
	       cni_alias_parse(link->alias, ret) &&
	       !strcmp(ret->role, MACVLAN_VM_ROLE) &&
	       !strcmp(ret->of.network, s->call->conf.name) &&
	       *ret->of.container_id &&
	       !cni_attachments_has(&s->valid, ret->of.container_id,
				    ret->of.ifname);
}

/* What stays keeps its address. */
static int spare(struct scan *s, const struct cni_attachment *a,
		 struct cni_err *err)
{
	return cni_attachments_add(&s->valid, a->container_id, a->ifname) < 0
		       ? err_set(err, CNI_E_INTERNAL, ENOMEM, "GC")
		       : 0;
}

static int is_held(const struct link_info *link, struct cni_err *err)
{
	return strcmp(link->kind, "macvtap") != 0
		       ? 0
		       : macvtap_is_open(link->name, link->index, err);
}

static int collect_one(struct scan *s, const struct link_info *link,
		       const struct cni_attachment *a, struct cni_err *err)
{
	int r = s->strict ? 0 : is_held(link, err);

	if (r > 0)
		log_info("GC: %s is in use, spared", link->name);
	if (!r)
		r = tap_delete(s->host, a, LINK_WAIT_KERNEL, err);
	return r;
}

static int collect_taps(struct scan *s, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	struct cni_alias alias;
	int r, acc = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!is_stale(s, &s->links[i], &alias))
			continue;
		r = collect_one(s, &s->links[i], &alias.of, &e);
		acc = err_keep_first(err, &e, r < 0 ? r : 0, acc);
		if (r && spare(s, &alias.of, err) < 0)
			return -ENOMEM;
	}
	r = node_collect(&e);
	return err_keep_first(err, &e, r, acc);
}

static int collect_leases(const struct scan *s, struct cni_err *err)
{
	cleanup_netconf struct cni_netconf conf = { 0 };
	struct cni_call call = *s->call;
	int r;

	if (!*s->call->conf.ipam_type)
		return 0;
	r = cni_attachments_replace(&s->call->conf, &s->valid, &conf, err);
	if (r < 0)
		return r;
	call.conf = conf;
	return cni_delegate(&call, CNI_GC, conf.ipam_type, err);
}

static int collect(struct scan *s, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	struct macvlan_vm_conf conf;
	int r, acc;

	r = macvlan_vm_conf_parse(s->call, &conf, err);
	if (!r)
		r = cni_attachments_parse(s->call->conf.attachments, &s->valid,
					  err);
	if (!r)
		r = netlink_open(&s->host, err);
	if (!r)
		r = link_list(s->host, 0, &s->links, &s->n, err);
	if (r < 0)
		return r;
	s->strict = conf.strict_gc;
	acc = collect_taps(s, err);
	r = guarded_collect(s->call->conf.name, &s->valid, &e);
	acc = err_keep_first(err, &e, r, acc);
	r = access_collect(s->host, s->call->conf.name, &s->valid, &e);
	acc = err_keep_first(err, &e, r, acc);
	r = collect_leases(s, &e);
	return err_keep_first(err, &e, r, acc);
}

int macvlan_vm_gc(const struct cni_call *call, struct cni_err *err)
{
	struct scan s = { .call = call };
	const int r = collect(&s, err);

	cni_attachments_free(&s.valid);
	netlink_close(s.host);
	free(s.links);
	return r;
}
