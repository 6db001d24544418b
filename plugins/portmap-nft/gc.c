/* SPDX-License-Identifier: Apache-2.0 */
/* GC: the runtime names what is valid, every element says whose it is. */
#include "portmap-nft/gc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cni/attachments.h"
#include "net/link.h"
#include "net/portmap.h"
#include "net/upstream.h"
#include "portmap-nft/conf.h"

struct scan {
	const char *network;
	char (*valid)[PORTMAP_NFT_OWNER_SIZE]; /* sorted */
	size_t n;
	struct netlink *host; /* NULL: strict */
};

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool has_link(const struct scan *s, const struct cni_attachment *a,
		     const char *prefix)
{
	struct cni_err ignored = CNI_ERR_INIT;
	char name[CNI_LINK_NAME_SIZE];
	struct link_info link;

	cni_attachment_link_name(a, prefix, name);
	return !link_get(s->host, name, &link, &ignored) &&
	       link.group == LINK_GROUP_WEFT && !strcmp(link.name, name) &&
	       (strcmp(link.kind, "tun") != 0 || link.carrier);
}

/* As bridge-vm spares a port that is in use: other runtimes' lists do not know
 * ours. What is too long to say whose it is has no such protection. */
static bool is_alive(const struct scan *s, const char *owner)
{
	char text[PORTMAP_NFT_OWNER_SIZE];
	struct cni_attachment a;

	return s->host && portmap_nft_owner_parse(owner, text, &a) &&
	       (has_link(s, &a, "veth") || has_link(s, &a, "tap"));
}

static bool is_stale(const char *owner, void *arg)
{
	const struct scan *s = arg;

	if (!portmap_nft_owner_is_of(owner, s->network) ||
	    bsearch(owner, s->valid, s->n, sizeof(*s->valid), compare))
		return false;
	if (!is_alive(s, owner))
		return true;
	log_info("GC: %s is in use, spared", owner);
	return false;
}

static int read_valid(const struct cni_call *call, struct scan *s,
		      struct cni_err *err)
{
	cleanup_attachments struct cni_attachments valid = { 0 };
	int r = cni_attachments_parse(call->conf.attachments, &valid, err);

	if (r < 0)
		return r;
	s->valid = calloc(valid.n + 1, sizeof(*s->valid));
	if (!s->valid)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "GC");
	for (; s->n < valid.n; s->n++) {
		valid.v[s->n].network = s->network;
		portmap_nft_owner(&valid.v[s->n], s->valid[s->n]);
	}
	qsort(s->valid, s->n, sizeof(*s->valid), compare);
	return 0;
}

/* Of the reference plugin; nobody can ask whether its guests live. */
static int collect_upstreams(const struct cni_call *call, struct cni_err *err)
{
	cleanup_attachments struct cni_attachments valid = { 0 };
	cleanup_free struct upstream *v = NULL;
	int r = cni_attachments_parse(call->conf.attachments, &valid, err);

	if (r < 0)
		return r;
	v = calloc(valid.n + 1, sizeof(*v));
	if (!v)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "GC");
	for (size_t i = 0; i < valid.n; i++)
		v[i] = (struct upstream){ call->conf.name,
					  valid.v[i].container_id,
					  valid.v[i].ifname };
	return upstream_collect(call->conf.name, v, valid.n, UPSTREAM_FORWARDS,
				err);
}

int portmap_nft_gc(const struct cni_call *call, struct cni_err *err)
{
	cleanup_portmap_nft_conf struct portmap_nft_conf conf = { 0 };
	struct scan s = { .network = call->conf.name };
	int r = portmap_nft_conf_parse(call, &conf, err);

	if (!r)
		r = read_valid(call, &s, err);
	if (!r && !conf.strict_gc)
		r = netlink_open(&s.host, err);
	if (!r)
		r = portmap_remove(is_stale, &s, err);
	if (!r)
		r = collect_upstreams(call, err);
	netlink_close(s.host);
	free(s.valid);
	return r;
}
