/* SPDX-License-Identifier: Apache-2.0 */
/* GC: the runtime names what is valid, the kernel says what there is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "bridge-vm/kata.h"
#include "bridge-vm/ops.h"
#include "bridge-vm/port.h"
#include "cni/attachments.h"
#include "cni/delegate.h"
#include "net/upstream.h"

struct scan {
	const struct cni_call *call;
	bool strict;
	struct cni_attachments valid;
	struct link_info *links; /* the stale ones at the front */
	size_t n_stale;
};

/* weft1:bridge-vm:<network>:<containerID>:<ifname>, taken apart in @buf; none
 * of the three can hold a colon. The short form of a long alias does not name
 * its network: it is nobody's to collect, only DEL's. */
static bool split_alias(const char *alias, const char *network,
			char buf[LINK_ALIAS_SIZE], struct cni_attachment *ret)
{
	char *field[5] = { buf };

	(void)snprintf(buf, LINK_ALIAS_SIZE, "%s", alias);
	for (size_t i = 1; i < 5; i++) {
		char *colon = strchr(field[i - 1], ':');

		if (!colon)
			return false;
		*colon = '\0';
		field[i] = colon + 1;
	}
	*ret = (struct cni_attachment){ network, field[3], field[4] };
	return !strcmp(field[0], "weft1") &&
	       !strcmp(field[1], BRIDGE_VM_ROLE) &&
	       !strcmp(field[2], network) && !strchr(field[4], ':');
}

/* A veth's host end exists as long as the container's namespace; a tap has a
 * carrier while a VMM holds it. Other runtimes' lists do not know ours. */
static bool is_port_alive(const struct link_info *link)
{
	return strcmp(link->kind, "tun") != 0 || link->carrier;
}

/* Where a guest's frames wait is alive as long as its port. One that came before
 * is spared already, and known by its attachment. */
static bool is_alive(const struct link_info *links, size_t i, size_t n)
{
	if (strcmp(links[i].kind, "ifb") != 0)
		return is_port_alive(&links[i]);
	for (size_t k = i + 1; k < n; k++)
		if (!strcmp(links[k].alias, links[i].alias) &&
		    is_port_alive(&links[k]))
			return true;
	return false;
}

static int spare(struct scan *s, const struct cni_attachment *a,
		 struct cni_err *err)
{
	return cni_attachments_add(&s->valid, a->container_id, a->ifname) < 0
		       ? err_set(err, CNI_E_INTERNAL, ENOMEM, "GC")
		       : 0;
}

static int sort_out(struct scan *s, size_t n, struct cni_err *err)
{
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment a;
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		const struct link_info *link = &s->links[i];

		if (link->group != LINK_GROUP_WEFT ||
		    !split_alias(link->alias, s->call->conf.name, buf, &a) ||
		    cni_attachments_has(&s->valid, a.container_id, a.ifname))
			continue;
		if (s->strict || !is_alive(s->links, i, n)) {
			s->links[s->n_stale++] = *link;
			continue;
		}
		log_info("GC: port %s is in use, spared", link->name);
		r = spare(s, &a, err);
	}
	return r;
}

/* Ports that stay keep their addresses: the IPAM plugin gets the runtime's
 * list and what was spared. */
static int gc_ipam(const struct scan *s, struct cni_err *err)
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

static int delete_stale(struct scan *s, struct netlink *host,
			struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment a;
	int r, acc = 0;

	for (size_t i = 0; i < s->n_stale; i++) {
		r = link_delete(host, s->links[i].index, &e);
		if (!r || r == -ENODEV)
			continue;
		acc = err_keep_first(err, &e, r, acc);
		/* It lives on, and so must its address. */
		if (split_alias(s->links[i].alias, s->call->conf.name, buf,
				&a) &&
		    spare(s, &a, err) < 0)
			return -ENOMEM;
	}
	return acc;
}

/* Spoof checks outlive their ports from Linux 6.16 on. What is alive has been
 * spared, and counts as valid. */
static int delete_guards(const struct scan *s, struct cni_err *err)
{
	cleanup_free struct spoof_chain *guards = NULL;
	struct cni_err e = CNI_ERR_INIT;
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment a;
	size_t n = 0;
	int r = spoof_list(&guards, &n, err), acc = 0;

	for (size_t i = 0; !r && i < n; i++)
		if (split_alias(guards[i].comment, s->call->conf.name, buf,
				&a) &&
		    !cni_attachments_has(&s->valid, a.container_id, a.ifname))
			acc = err_keep_first(
				err, &e, spoof_remove(guards[i].name, &e), acc);
	if (!r)
		acc = err_keep_first(err, &e, spoof_prune(&e), acc);
	return r ? r : acc;
}

/* Of a tap that is gone, also one that somebody else has removed. */
static bool is_stale_mark(const char *mark, void *arg)
{
	const struct scan *s = arg;
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment a;

	return strlen(mark) < sizeof(buf) &&
	       split_alias(mark, s->call->conf.name, buf, &a) &&
	       !cni_attachments_has(&s->valid, a.container_id, a.ifname);
}

/* What the reference plugin made before us. */
static int delete_upstreams(const struct scan *s, struct cni_err *err)
{
	cleanup_free struct upstream *valid =
		calloc(s->valid.n + 1, sizeof(*valid));
	const char *network = s->call->conf.name;

	if (!valid)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "GC");
	for (size_t i = 0; i < s->valid.n; i++)
		valid[i] =
			(struct upstream){ network, s->valid.v[i].container_id,
					   s->valid.v[i].ifname };
	return upstream_collect(network, valid, s->valid.n,
				UPSTREAM_MASQ | UPSTREAM_SPOOF, err);
}

static int collect(struct scan *s, struct cni_err *err)
{
	cleanup_netlink struct netlink *host = NULL;
	struct cni_err e = CNI_ERR_INIT;
	struct bridge_vm_conf conf;
	size_t n = 0;
	int r, acc;

	r = bridge_vm_conf_parse(s->call, &conf, err);
	if (!r)
		r = cni_attachments_parse(s->call->conf.attachments, &s->valid,
					  err);
	if (!r)
		r = netlink_open(&host, err);
	if (!r)
		r = link_list(host, 0, &s->links, &n, err);
	if (r < 0)
		return r;
	s->strict = conf.strict_gc;
	r = sort_out(s, n, err);
	if (r < 0)
		return r;

	acc = delete_stale(s, host, err);
	r = delete_guards(s, &e);
	acc = err_keep_first(err, &e, r, acc);
	r = guarded_collect(s->call->conf.name, &s->valid, &e);
	acc = err_keep_first(err, &e, r, acc);
	r = kata_collect(&conf, is_stale_mark, s, &e);
	acc = err_keep_first(err, &e, r, acc);
	r = delete_upstreams(s, &e);
	acc = err_keep_first(err, &e, r, acc);
	r = gc_ipam(s, &e);
	return err_keep_first(err, &e, r, acc);
}

int bridge_vm_gc(const struct cni_call *call, struct cni_err *err)
{
	struct scan s = { .call = call };
	const int r = collect(&s, err);

	cni_attachments_free(&s.valid);
	free(s.links);
	return r;
}
