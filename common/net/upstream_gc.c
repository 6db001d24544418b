/* SPDX-License-Identifier: Apache-2.0 */
/* upstream_gc.c - what the reference plugins left of attachments long gone. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/upstream.h"
#include "net/upstream_place.h"

enum {
	HASH = 16,	/* of the network, at the beginning of nft's comment */
	CHAIN_LEN = 28, /* "CNI-" or "CNI-DN-" and a hash */
};

struct scan {
	const char *network;
	const struct upstream *valid;
	size_t n;
	unsigned int what;
	char (*names)[UPSTREAM_NAME_SIZE]; /* of the valid, in this place */
	char prefix[UPSTREAM_NAME_SIZE];   /* of the network's comments */
};

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool is_valid(const struct scan *s, const char *name)
{
	return bsearch(name, s->names, s->n, sizeof(*s->names), compare);
}

/* "<hash of the network>-<hash of the interface>, ..." */
static bool is_stale_comment(const struct scan *s,
			     const struct upstream_rule *r)
{
	char name[2 * HASH + 3];

	if (strncmp(r->comment, s->prefix, strlen(s->prefix)) != 0)
		return false;
	(void)snprintf(name, sizeof(name), "%.*s", (int)sizeof(name) - 1,
		       r->comment);
	return !is_valid(s, name);
}

/* A spoof check does not name its network: one without a device is nobody's. */
static bool is_stale_spoof(const struct scan *s, const struct upstream_rule *r)
{
	static const char prefix[] = "cni-br-iface-";

	return !strncmp(r->jump, prefix, sizeof(prefix) - 1) && *r->dev &&
	       !if_nametoindex(r->dev) && !is_valid(s, r->jump);
}

static bool is_stale(const struct upstream_place *p,
		     const struct upstream_rule *r, void *arg)
{
	const struct scan *s = arg;

	if (!p->by_jump)
		return is_stale_comment(s, r);
	if (p->what == UPSTREAM_SPOOF)
		return is_stale_spoof(s, r);
	return !strncmp(r->jump, "CNI-", 4) && strlen(r->jump) == CHAIN_LEN &&
	       !strncmp(r->comment, s->prefix, strlen(s->prefix)) &&
	       !is_valid(s, r->jump);
}

/* What is valid, and how this network's rules begin, in this place. */
static void prepare(struct scan *s, const struct upstream_place *p)
{
	const struct upstream nobody = { s->network, "", "" };
	bool ignored;

	for (size_t i = 0; i < s->n; i++)
		if (!upstream_name(p, &s->valid[i], s->names[i], &ignored))
			*s->names[i] = '\0';
	qsort(s->names, s->n, sizeof(*s->names), compare);
	if (p->by_jump) {
		(void)snprintf(s->prefix, sizeof(s->prefix),
			       "%sname: \"%s\" id: \"",
			       p->what == UPSTREAM_FORWARDS ? "dnat " : "",
			       s->network);
		return;
	}
	(void)upstream_name(p, &nobody, s->prefix, &ignored);
	s->prefix[HASH + 1] = '\0';
}

static int collect_once(struct netlink *nl, void *arg, struct cni_err *err)
{
	struct scan *s = arg;
	unsigned int tables;
	int r = upstream_tables(nl, &tables, err);

	for (unsigned int i = 0; !r && i < UPSTREAM_PLACES; i++) {
		const struct upstream_place *p = &upstream_places[i];
		cleanup_upstream_found struct upstream_found f = { 0 };

		if (!(tables & 1U << i) || !(p->what & s->what) ||
		    (p->what == UPSTREAM_FORWARDS && !p->by_jump))
			continue;
		prepare(s, p);
		r = upstream_read(nl, p, is_stale, s, &f, err);
		if (!r)
			r = upstream_delete(nl, p, &f, err);
	}
	return r;
}

int upstream_collect(const char *network, const struct upstream *valid,
		     size_t n, unsigned int what, struct cni_err *err)
{
	struct scan s = {
		.network = network, .valid = valid, .n = n, .what = what
	};
	int r;

	s.names = calloc(n + 1, sizeof(*s.names));
	if (!s.names)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "GC");
	r = upstream_persevere(collect_once, &s, err);
	free(s.names);
	return r < 0 ? err_ctx(err, r, "collect the reference plugin's rules")
		     : 0;
}
