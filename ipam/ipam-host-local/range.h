/* SPDX-License-Identifier: Apache-2.0 */
/* range.h - pools of addresses and which one comes next; pure. */
#ifndef WEFT_IPAM_HOST_LOCAL_RANGE_H
#define WEFT_IPAM_HOST_LOCAL_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"
#include "ipam-host-local/ip_list.h"

/**
 * struct range - Addresses of one subnet
 * @subnet:	Gives the prefix length of what is handed out
 * @start:	First, inclusive
 * @end:	Last, inclusive
 * @gateway:	Never handed out from this range; may lie outside the subnet
 *
 * As it comes from a configuration the last three may be unset (family 0).
 */
struct range {
	struct ip_net subnet;
	struct ip_addr start;
	struct ip_addr end;
	struct ip_addr gateway;
};

/**
 * struct range_set - One pool: every attachment gets one address from each
 * @ranges:	Of one family, in the order in which they are used up
 * @n:		At least one
 */
struct range_set {
	struct range *ranges;
	size_t n;
};

#define RANGE_SET_STR_SIZE 256 /* for messages: longer sets are cut */

/**
 * range_set_complete() - Fill in what was not given and check the rest
 * @s:		As configured
 * @err:	CNI_E_CONFIG in host-local's words
 *
 * Without a gateway the subnet's first address is one, start is that same
 * address, end the last one, in IPv4 the last before broadcast.
 *
 * Source: containernetworking-plugins 1.9.1, host-local.
 *
 * Return: 0 or -EINVAL
 */
int range_set_complete(struct range_set *s, struct cni_err *err);

/** range_set_find() - The range that holds an address, or NULL */
const struct range *range_set_find(const struct range_set *s,
				   const struct ip_addr *a);

bool range_set_overlaps(const struct range_set *a, const struct range_set *b);

/** range_set_format() - "10.1.0.1-10.1.0.9,10.2.0.1-10.2.0.9"; returns @buf */
const char *range_set_format(const struct range_set *s,
			     char buf[RANGE_SET_STR_SIZE]);

/**
 * range_set_pick() - The next free address
 * @s:		Complete
 * @last:	Handed out last: the search begins behind it and tries it last.
 *		Outside of the set, or NULL: begin at the first range's start
 * @taken:	Sorted
 * @ret:	Unchanged if there is none
 *
 * The order is host-local's, gateways left out. Its cost grows with the
 * addresses in @taken, not with the size of the set.
 *
 * Return: whether there is one
 */
bool range_set_pick(const struct range_set *s, const struct ip_addr *last,
		    const struct ip_list *taken, struct ip_addr *ret);

/**
 * range_set_exhausted() - Record that range_set_pick() found nothing
 * @err:	CNI_E_RETRY in host-local's words, and how many are in use
 *
 * Return: -EAGAIN
 */
int range_set_exhausted(const struct range_set *s, const struct ip_list *taken,
			struct cni_err *err);

#endif
