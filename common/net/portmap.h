/* SPDX-License-Identifier: Apache-2.0 */
/* portmap.h - ports of the host that lead to guests. */
#ifndef WEFT_NET_PORTMAP_H
#define WEFT_NET_PORTMAP_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"

#define PORTMAP_OWNER_SIZE 127 /* FW_COMMENT_MAX bytes and a NUL */

/**
 * struct portmap_forward - One port of the host, and where it leads
 * @proto:	IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP
 * @host_port:	1..65535
 * @host_ip:	Of the guest's family; family 0: any address of the host
 * @guest_ip:	Where to
 * @guest_port:	1..65535
 */
struct portmap_forward {
	uint8_t proto;
	uint16_t host_port;
	struct ip_addr host_ip;
	struct ip_addr guest_ip;
	uint16_t guest_port;
};

/**
 * struct portmap - The forwards of one attachment
 * @owner:	Whose, at most PORTMAP_OWNER_SIZE - 1 bytes; the comment of every
 *		element, and what they are found by
 * @v:		Forwards, no two from the same port and address
 * @n:		How many
 * @snat:	Masquerade what would not find its way back otherwise: what a
 *		guest sends to a forward into its own segment, and what comes
 *		from 127.0.0.0/8
 * @masq_all:	Masquerade all, if @snat
 * @link:	The host's device towards the guest's IPv4 and IPv6 address, see
 *		portmap_links(); "" where there is none
 */
struct portmap {
	const char *owner;
	const struct portmap_forward *v;
	size_t n;
	bool snat;
	bool masq_all;
	char link[2][IF_NAMESIZE];
};

/**
 * portmap_links() - Find the devices behind which the guest is
 * @p:		Its forwards; fills link
 * @err:	Filled on failure
 *
 * Only a network that the host itself is on counts: what is behind a router
 * answers by way of the router.
 *
 * Return: 0, also where there are none, or a negative errno
 */
int portmap_links(struct portmap *p, struct cni_err *err);

/**
 * portmap_localnet() - Let replies to 127.0.0.1 come in from the guest's device
 * @p:		Its forwards
 * @err:	Filled on failure
 *
 * Sets route_localnet, if there is an IPv4 forward, @p->snat and a device. What
 * a guest itself sends to 127.0.0.0/8 chain "portmap-lo" drops.
 *
 * Return: 0, or a negative errno of sysctl_set_net()
 */
int portmap_localnet(const struct portmap *p, struct cni_err *err);

/**
 * portmap_ensure() - Make the forwards work
 * @p:		Forwards
 * @ret_adopted: Some of them were there already, and are @p->owner's
 * @err:	Filled on failure
 *
 * In table "inet weft", in one transaction: what is missing or wrong of chains
 * and rules (all of ours if anything is), and an element per forward. The cost
 * does not grow with what others have forwarded. Then entries of conntrack that
 * would keep UDP to these ports away from the guest go, and only those.
 *
 * The chains come after foreign ones of their kind (dstnat + 10, srcnat + 10),
 * and only packets for an address of the host itself are looked at.
 *
 * Source: linux/netfilter/nf_tables.h, nft(8).
 *
 * Return: 0, or
 *   -EEXIST      a port is another's; CNI_E_TAKEN, the message names whose
 *   -E2BIG       too much for one transaction
 *   -EAGAIN      others changed the ruleset under every attempt; CNI_E_RETRY
 *   -EOPNOTSUPP, -ENOENT, ...  no nf_tables, or a part of it is missing
 */
int portmap_ensure(const struct portmap *p, bool *ret_adopted,
		   struct cni_err *err);

/**
 * portmap_check() - Are chains, rules and the forwards right?
 *
 * Return: 0, -ENOENT (CNI_E_CHECK) with a sentence that says what is missing or
 * wrong, or another negative errno
 */
int portmap_check(const struct portmap *p, struct cni_err *err);

/**
 * portmap_remove() - Remove all forwards of some owners
 * @is_meant:	Is this owner one of them?
 * @arg:	Passed to it
 * @err:	Filled on failure
 *
 * Lists all forwards there are. Chains stay for the next guest. UDP's conntrack
 * entries of what is removed go too. No nf_tables or no table is success.
 *
 * Return: 0, or a negative errno
 */
int portmap_remove(bool (*is_meant)(const char *owner, void *arg), void *arg,
		   struct cni_err *err);

/**
 * portmap_remove_idle() - Remove chains and maps, unless there are forwards
 *
 * Return: 0, or a negative errno
 */
int portmap_remove_idle(struct cni_err *err);

/** portmap_available() - Can this kernel do it? Return 0 or a negative errno */
int portmap_available(struct cni_err *err);

#endif
