/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/ip_list.h"

#include <errno.h>
#include <stdlib.h>

void ip_list_free(struct ip_list *l)
{
	free(l->v);
	*l = (struct ip_list){ 0 };
}

int ip_list_add(struct ip_list *l, const struct ip_addr *a)
{
	if (l->n == l->size) {
		const size_t size = l->size ? 2 * l->size : 8;
		struct ip_addr *v = reallocarray(l->v, size, sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->size = size;
	}
	l->v[l->n++] = *a;
	return 0;
}

bool ip_list_has(const struct ip_list *l, const struct ip_addr *a)
{
	for (size_t i = 0; i < l->n; i++)
		if (ip_equal(&l->v[i], a))
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

void ip_list_sort(struct ip_list *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), compare);
}

size_t ip_list_lower_bound(const struct ip_list *l, const struct ip_addr *a)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (ip_cmp(&l->v[mid], a) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
