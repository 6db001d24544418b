/* SPDX-License-Identifier: Apache-2.0 */
/* upstream.h - what the reference plugins made of the firewall before us. */
#ifndef WEFT_NET_UPSTREAM_H
#define WEFT_NET_UPSTREAM_H

#include <stddef.h>

#include "base/err.h"

enum {
	UPSTREAM_MASQ = 1 << 0,	    /* bridge: ipMasq */
	UPSTREAM_SPOOF = 1 << 1,    /* bridge: macspoofchk */
	UPSTREAM_FORWARDS = 1 << 2, /* portmap */
};

/**
 * struct upstream - An attachment as the reference plugins name it
 * @network:	Name of the network
 * @container_id: Without a network, all that some of their rules say
 * @ifname:	In the container; their iptables chains do not tell apart two
 *		interfaces of one container on one network
 */
struct upstream {
	const char *network, *container_id, *ifname;
};

/**
 * upstream_remove() - Remove their rules and chains for an attachment
 * @u:		Whose; of the calling thread's netns
 * @what:	UPSTREAM_*
 * @err:	Filled on failure
 *
 * Rules of nftables and those of iptables-nft, which are nf_tables rules, too:
 *
 *	inet cni_plugins_masquerade	rules, by the hash in their comment
 *	ip, ip6 cni_hostport		rules, by the container's ID in theirs
 *	ip, ip6 nat			chains CNI-<hash>, CNI-DN-<hash>
 *	bridge nat			chains cni-br-iface-<ID>-<ifname>
 *
 * with the rules that jump to such a chain, all of one table in one transaction.
 * What they share stays, as they leave it themselves. One request tells which of
 * these tables there are; none is success.
 *
 * Source: containernetworking-plugins 1.9.1, as it behaves.
 *
 * Return: 0, or
 *   -EBUSY       a rule that is not theirs jumps to such a chain
 *   -EAGAIN      others changed the ruleset under every attempt; CNI_E_RETRY
 *   -EPERM       no CAP_NET_ADMIN in the namespace's user namespace
 */
int upstream_remove(const struct upstream *u, unsigned int what,
		    struct cni_err *err);

/**
 * upstream_find() - Is there anything of theirs for an attachment?
 *
 * By iptables-legacy, too.
 *
 * Return: 1, 0, or a negative errno
 */
int upstream_find(const struct upstream *u, unsigned int what,
		  struct cni_err *err);

/**
 * upstream_warn_legacy() - Log what they made by iptables-legacy
 * @u:		Whose
 * @what:	UPSTREAM_MASQ, UPSTREAM_FORWARDS
 *
 * That can only be replaced as a whole, under a lock that a file is: it stays,
 * and the line names the chain and the command that removes it. Asks nothing of
 * a kernel in which nobody uses iptables-legacy.
 */
void upstream_warn_legacy(const struct upstream *u, unsigned int what);

/**
 * upstream_collect() - Remove what they made for no valid attachment
 * @network:	Name of the network
 * @valid:	Its attachments that stay
 * @n:		How many
 * @what:	UPSTREAM_*
 * @err:	Filled on failure
 *
 * As far as it says whose it is: rules in cni_hostport do not name their
 * network and stay. A spoof check does neither, but goes if its device is gone.
 *
 * Return: 0, or a negative errno as upstream_remove()
 */
int upstream_collect(const char *network, const struct upstream *valid,
		     size_t n, unsigned int what, struct cni_err *err);

#endif
