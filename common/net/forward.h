/* SPDX-License-Identifier: Apache-2.0 */
/* forward.h - who drops what is forwarded, in all three packet filters. */
#ifndef WEFT_NET_FORWARD_H
#define WEFT_NET_FORWARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define FORWARD_MAX 16 /* chains that are told */
#define FORWARD_NAME 64

/**
 * struct forward_drop - A chain that drops what no rule of it accepts
 * @family:	"ip", "ip6", "inet", "bridge"
 * @table:	nf_tables' table; "" for iptables-legacy
 * @chain:	Its name
 * @docker:	The table has DOCKER-USER, where Docker leaves rules alone
 */
struct forward_drop {
	const char *family;
	char table[FORWARD_NAME];
	char chain[FORWARD_NAME];
	bool docker;
};

/**
 * forward_drops() - Chains at the forward hook with policy drop
 * @bridge:	Interface name: a table that has a rule about it is somebody's
 *		answer already and left out
 * @ret:	Room for FORWARD_MAX
 * @ret_n:	How many
 * @err:	Filled on failure
 *
 * Reads the chains, and the rules of a table only if a chain of it drops. Runs
 * no program. A kernel without nf_tables, or without iptables, drops nothing
 * there. Not for the way of a packet through an ADD: it dumps.
 *
 * Source: linux/netfilter/nf_tables.h; linux/netfilter_ipv4/ip_tables.h,
 * /proc/net/ip_tables_names.
 *
 * Return: 0, or a negative errno
 */
int forward_drops(const char *bridge, struct forward_drop ret[FORWARD_MAX],
		  size_t *ret_n, struct cni_err *err);

/** forward_nft_table() - Is there a table of this name, in any family? */
bool forward_nft_table(const char *name);

/**
 * forward_legacy() - The same of iptables-legacy alone, one family
 * @v6:		ip6tables
 * @bridge:	As above; NULL: only the policy counts
 *
 * Return: whether its FORWARD chain has policy DROP
 */
bool forward_legacy(bool v6, const char *bridge);

#endif
