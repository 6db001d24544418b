/* SPDX-License-Identifier: Apache-2.0 */
/* ip_list.h - addresses that grow in number; pure. */
#ifndef WEFT_IPAM_HOST_LOCAL_IP_LIST_H
#define WEFT_IPAM_HOST_LOCAL_IP_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ip.h"
#include "base/mem.h"

/* Zero-initialise; free with ip_list_free(). */
struct ip_list {
	struct ip_addr *v;
	size_t n;
	size_t size;
};

void ip_list_free(struct ip_list *l);

#define cleanup_ip_list CLEANUP(ip_list_free)

/** ip_list_add() - Append; return 0 or -ENOMEM */
int ip_list_add(struct ip_list *l, const struct ip_addr *a);

/** ip_list_has() - Is it in there? In any order */
bool ip_list_has(const struct ip_list *l, const struct ip_addr *a);

/** ip_list_sort() - By ip_cmp() */
void ip_list_sort(struct ip_list *l);

/** ip_list_lower_bound() - Where in a sorted list @a is or would be */
size_t ip_list_lower_bound(const struct ip_list *l, const struct ip_addr *a);

#endif
