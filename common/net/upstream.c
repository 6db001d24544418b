/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upstream.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "net/nft.h"
#include "net/upstream_legacy.h"
#include "net/upstream_place.h"

struct search {
	const struct upstream *u;
	unsigned int what;
	char name[UPSTREAM_NAME_SIZE]; /* in the place at hand */
	bool whole;
	bool found;
};

static bool is_own(const struct upstream_place *p,
		   const struct upstream_rule *r, void *arg)
{
	const struct search *s = arg;

	if (p->by_jump)
		return !strcmp(r->jump, s->name);
	return s->whole ? !strcmp(r->comment, s->name)
			: !strncmp(r->comment, s->name, strlen(s->name));
}

/* A chain of its own is asked for by its name; only if it is there, the rules of
 * all are listed for those that jump to it. */
static int find_in(struct netlink *nl, const struct upstream_place *p,
		   struct search *s, struct upstream_found *ret,
		   struct cni_err *err)
{
	int r = 1;

	if (!upstream_name(p, s->u, s->name, &s->whole))
		return 0;
	if (p->by_jump)
		r = upstream_has_chain(nl, p, s->name, err);
	if (r > 0 && p->by_jump)
		r = array_append(&ret->chains, s->name, sizeof(s->name), err) <
				    0
			    ? -ENOMEM
			    : 1;
	return r > 0 ? upstream_read(nl, p, is_own, s, ret, err) : r;
}

static int each_place(struct netlink *nl, struct search *s,
		      int (*then)(struct netlink *nl,
				  const struct upstream_place *p,
				  const struct upstream_found *f,
				  struct search *s, struct cni_err *err),
		      struct cni_err *err)
{
	unsigned int tables;
	int r = upstream_tables(nl, &tables, err);

	for (unsigned int i = 0; !r && i < UPSTREAM_PLACES; i++) {
		const struct upstream_place *p = &upstream_places[i];
		cleanup_upstream_found struct upstream_found f = { 0 };

		if (!(tables & 1U << i) || !(p->what & s->what))
			continue;
		r = find_in(nl, p, s, &f, err);
		if (!r)
			r = then(nl, p, &f, s, err);
	}
	return r;
}

static int delete_found(struct netlink *nl, const struct upstream_place *p,
			const struct upstream_found *f, struct search *s,
			struct cni_err *err)
{
	const int r = upstream_delete(nl, p, f, err);

	(void)s;
	return r == -EBUSY
		       ? err_ctx(err, r,
				 "chain %s of table %s: another rule than the reference plugin's jumps to it",
				 s->name, p->table)
		       : r;
}

static int remove_once(struct netlink *nl, void *arg, struct cni_err *err)
{
	return each_place(nl, arg, delete_found, err);
}

int upstream_remove(const struct upstream *u, unsigned int what,
		    struct cni_err *err)
{
	struct search s = { .u = u, .what = what };
	const int r = upstream_persevere(remove_once, &s, err);

	return r < 0 ? err_ctx(err, r, "remove the reference plugin's rules")
		     : 0;
}

static int note(struct netlink *nl, const struct upstream_place *p,
		const struct upstream_found *f, struct search *s,
		struct cni_err *err)
{
	(void)nl;
	(void)p;
	(void)err;
	s->found |= f->handles.n > 0;
	return 0;
}

static int find_once(struct netlink *nl, void *arg, struct cni_err *err)
{
	return each_place(nl, arg, note, err);
}

/* Calls @then for each chain of iptables-legacy that is there. */
static int each_legacy(struct search *s,
		       void (*then)(const struct upstream_place *p,
				    struct search *s),
		       struct cni_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < UPSTREAM_PLACES; i++) {
		const struct upstream_place *p = &upstream_places[i];

		if (!p->by_jump || !(p->what & s->what) ||
		    p->family == FW_PROTO_BRIDGE ||
		    !upstream_name(p, s->u, s->name, &s->whole))
			continue;
		r = upstream_legacy_has(p->family == FW_PROTO_IPV6, s->name,
					err);
		if (r > 0)
			then(p, s);
	}
	return r < 0 ? r : 0;
}

static void note_legacy(const struct upstream_place *p, struct search *s)
{
	(void)p;
	s->found = true;
}

int upstream_find(const struct upstream *u, unsigned int what,
		  struct cni_err *err)
{
	struct search s = { .u = u, .what = what };
	int r = upstream_persevere(find_once, &s, err);

	if (!r && !s.found)
		r = each_legacy(&s, note_legacy, err);
	return r < 0 ? err_ctx(err, r, "find the reference plugin's rules")
		     : s.found;
}

static void warn(const struct upstream_place *p, struct search *s)
{
	const char *v6 = p->family == FW_PROTO_IPV6 ? "6" : "", *c = s->name;

	log_warn(
		"the reference plugin's chain %s of ip%stables-legacy stays; to remove it: { echo '*nat'; ip%stables-legacy-save -t nat | sed -n 's/^-A \\(.* -j %s\\)$/-D \\1/p'; echo -F %s; echo -X %s; echo COMMIT; } | ip%stables-legacy-restore -n",
		c, v6, v6, c, c, c, v6);
}

void upstream_warn_legacy(const struct upstream *u, unsigned int what)
{
	struct search s = { .u = u, .what = what };
	struct cni_err e = CNI_ERR_INIT;

	if (each_legacy(&s, warn, &e) < 0)
		log_warn("find the reference plugin's rules: %s", e.msg);
}
