/* SPDX-License-Identifier: Apache-2.0 */
/* masq.h - masquerade, one static chain per network. */
#ifndef WEFT_NET_MASQ_H
#define WEFT_NET_MASQ_H

#include <stddef.h>

#include "base/err.h"
#include "base/ip.h"

/**
 * struct masq - What leaves a network under the host's address
 * @network:	Name of the network; chooses the chain
 * @bridge:	Its bridge: what stays on it is never masqueraded
 * @subnets:	IPv4 and IPv6; host bits do not matter
 * @n_subnets:	At most MASQ_SUBNETS
 */
struct masq {
	const char *network;
	const char *bridge;
	const struct ip_net *subnets;
	size_t n_subnets;
};

#define MASQ_SUBNETS 64

/**
 * masq_ensure() - Make the rules of a network right
 * @m:		The network; the calling thread's netns is where it is
 * @err:	Filled on failure
 *
 * In table "inet weft" a chain "masq-<network>", hooked at srcnat, with a rule
 * for each of @m->subnets:
 *
 *	iifname "<bridge>" oifname != "<bridge>" ip saddr <subnet>
 *	ip daddr != <subnet> ip daddr != 224.0.0.0/4 masquerade
 *
 * and the like in IPv6, not to ff00::/8 nor fe80::/10. Reads this one chain;
 * only if something is missing or wrong, one transaction makes it right,
 * provided that nothing else changed since the reading. Right rules for other
 * subnets on the same bridge stay; everything else in the chain goes.
 *
 * Source: linux/netfilter/nf_tables.h, nft(8); NFNL_BATCH_GENID.
 *
 * Return: 0, or
 *   -EAGAIN        others changed the ruleset under every attempt; CNI_E_RETRY
 *   -EPROTONOSUPPORT, -EOPNOTSUPP, -ENOENT  no nf_tables, inet family or
 *                  masquerade in this kernel
 *   -E2BIG         more than MASQ_SUBNETS rules
 *   -EPERM         no CAP_NET_ADMIN in the namespace's user namespace
 */
int masq_ensure(const struct masq *m, struct cni_err *err);

/**
 * masq_check() - Are the rules of a network right?
 *
 * Return: 0, -ENOENT with a sentence that says what is missing or wrong, or
 * another negative errno
 */
int masq_check(const struct masq *m, struct cni_err *err);

/**
 * masq_list() - The subnets that a network masquerades
 * @network:	Name of the network
 * @bridge:	Its bridge
 * @ret:	The subnets of right rules
 * @ret_n:	How many; 0 also where there is no nf_tables
 * @err:	Filled on failure
 *
 * Return: 0, or a negative errno
 */
int masq_list(const char *network, const char *bridge,
	      struct ip_net ret[MASQ_SUBNETS], size_t *ret_n,
	      struct cni_err *err);

/**
 * masq_remove() - Remove the rules of a network
 * @network:	Name of the network
 * @err:	Filled on failure
 *
 * With the chain, and with the table if nothing else is in it. None there is
 * success.
 *
 * Return: 0, or a negative errno as masq_ensure()
 */
int masq_remove(const char *network, struct cni_err *err);

#endif
