/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/roll.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipam-host-local/index.h"

static const char *ifname_of(const struct roll_entry *e)
{
	return e->text + strlen(e->text) + 1;
}

static char *join(const char *container_id, const char *ifname)
{
	const size_t n = strlen(container_id) + 1, k = strlen(ifname) + 1;
	char *text = malloc(n + k);

	if (text) {
		memcpy(text, container_id, n);
		memcpy(text + n, ifname, k);
	}
	return text;
}

int roll_add(struct roll *r, const struct lease *l, const struct ip_addr *a)
{
	const size_t size = r->size ? 2 * r->size : 64;
	struct roll_entry *more;
	char *text;

	if (l->kind != LEASE_FULL && l->kind != LEASE_LEGACY)
		return 0;
	if (r->n == r->size) {
		more = reallocarray(r->v, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		r->v = more;
		r->size = size;
	}
	text = join(l->container_id, l->ifname);
	if (!text)
		return -ENOMEM;
	r->v[r->n++] = (struct roll_entry){ text, *a };
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct roll_entry *x = a, *y = b;
	int c = strcmp(x->text, y->text);

	if (!c)
		c = strcmp(ifname_of(x), ifname_of(y));
	return c ? c : ip_cmp(&x->addr, &y->addr);
}

static bool same_holder(const struct roll_entry *a, const struct roll_entry *b)
{
	return !strcmp(a->text, b->text) && !strcmp(ifname_of(a), ifname_of(b));
}

void roll_index(struct roll *r, struct store *s, const char *network)
{
	size_t end;
	bool ok = true;

	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), compare);
	for (size_t i = 0; ok && i < r->n; i = end) {
		const struct cni_attachment who = { network, r->v[i].text,
						    ifname_of(&r->v[i]) };
		cleanup_ip_list struct ip_list addrs = { 0 };

		for (end = i; end < r->n && same_holder(&r->v[i], &r->v[end]);
		     end++)
			ok &= !ip_list_add(&addrs, &r->v[end].addr);
		ok = ok && index_learn(s, &who, &addrs);
	}
	s->complete = ok;
}

void roll_free(struct roll *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->v[i].text);
	free(r->v);
	*r = (struct roll){ 0 };
}
