/* SPDX-License-Identifier: Apache-2.0 */
/* masq_state.h - what masq.c finds in the kernel and writes there. */
#ifndef WEFT_NET_MASQ_STATE_H
#define WEFT_NET_MASQ_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"
#include "net/masq.h"
#include "net/netlink.h"

#define MASQ_CHAIN_SIZE 128
#define MASQ_STRANGERS 32

/**
 * struct masq_state - The kernel's rules of one network
 * @m:		What they should be
 * @chain:	The chain's name
 * @generation:	Of the ruleset, before it was read
 * @has_table:	There is a table
 * @table_right: It is not dormant
 * @table_use:	Chains, sets, ... in it
 * @has_chain:	There is a chain
 * @chain_right: It has our type, hook, priority and policy
 * @kept:	The right rules, by their subnets
 * @strangers:	Handles of all other rules, as the kernel sent them
 * @crowded:	There are more strangers than fit
 */
struct masq_state {
	const struct masq *m;
	char chain[MASQ_CHAIN_SIZE];
	uint32_t generation;
	bool has_table, table_right;
	uint32_t table_use;
	bool has_chain, chain_right;
	struct ip_net kept[MASQ_SUBNETS];
	size_t n_kept;
	uint64_t strangers[MASQ_STRANGERS];
	size_t n_strangers;
	bool crowded;
};

/** masq_chain_name() - "masq-<network>", or a hash if that is over 100 bytes */
void masq_chain_name(const char *network, char buf[MASQ_CHAIN_SIZE]);

/**
 * masq_read() - Read one network's rules
 * @nl:		nfnetlink socket
 * @s:		@m and @chain set, all else zero; the rest is filled
 * @err:	Filled on failure
 *
 * Reads no other chain, however many there are. What is missing is success.
 *
 * Return: 0, or a negative errno
 */
int masq_read(struct netlink *nl, struct masq_state *s, struct cni_err *err);

/** masq_is_kept() - Is there a right rule for @subnet? */
bool masq_is_kept(const struct masq_state *s, const struct ip_net *subnet);

/** masq_rule_req() - The rule for one subnet, appended to the chain */
struct netlink_req masq_rule_req(const struct masq_state *s,
				 const struct ip_net *subnet);

/** masq_chain_req() - The chain */
struct netlink_req masq_chain_req(const struct masq_state *s);

/** masq_name_req() - About a table, chain or rule; no chain if its attr is 0 */
struct netlink_req masq_name_req(int type, int flags, int table_attr,
				 int chain_attr, const char *chain);

#endif
