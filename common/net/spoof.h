/* SPDX-License-Identifier: Apache-2.0 */
/* spoof.h - a port from which only frames of one MAC address come in. */
#ifndef WEFT_NET_SPOOF_H
#define WEFT_NET_SPOOF_H

#include <net/if.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mac.h"

#define SPOOF_NAME_SIZE 64     /* of a chain's name, with the NUL */
#define SPOOF_COMMENT_SIZE 127 /* likewise; FW_COMMENT_MAX and the NUL */

/**
 * struct spoof - A guarded port
 * @chain:	Name of its chain, derived from the attachment
 * @comment:	Whose it is, for spoof_list(); one that is too long is left out
 * @port:	Name of the device
 * @mac:	The address that may send
 */
struct spoof {
	const char *chain, *comment, *port;
	struct mac mac;
};

/**
 * spoof_guard() - Let only @s->mac send through a port
 * @s:		The port, in the calling thread's netns; not up yet
 * @err:	Filled on failure
 *
 * In table "netdev weft", in one transaction:
 *
 *	chain <chain> {
 *		type filter hook ingress device <port> priority -300
 *		policy drop
 *		ether saddr <mac> accept
 *	}
 *
 * Frames of other ports never get there, so it costs the same however many are
 * guarded. A chain of that name that is there already is replaced. With the
 * device the kernel removes the chain, until Linux 6.16, or keeps it.
 *
 * Source: linux/netfilter/nf_tables.h, nft(8), NETDEV ADDRESS FAMILY.
 *
 * Return: 0, or
 *   -EPROTONOSUPPORT, -EAFNOSUPPORT, -EOPNOTSUPP  no nf_tables, or no family
 *                  netdev in this kernel
 *   -ENOENT        there is no such device
 *   -EPERM         no CAP_NET_ADMIN in the namespace's user namespace
 */
int spoof_guard(const struct spoof *s, struct cni_err *err);

/**
 * spoof_check() - Is the chain there as spoof_guard() makes it?
 *
 * Return: 0, -ENOENT with a sentence that says what is missing or wrong, or
 * another negative errno
 */
int spoof_check(const struct spoof *s, struct cni_err *err);

/**
 * spoof_has() - Is there something for spoof_remove()?
 * @chain:	Its name
 * @err:	Filled on failure
 *
 * Return: 1, 0 also without nf_tables, or a negative errno
 */
int spoof_has(const char *chain, struct cni_err *err);

/**
 * spoof_remove() - Remove a port's chain
 * @chain:	Its name; none of that name is success
 * @err:	Filled on failure
 *
 * With the table, if nothing else is in it.
 *
 * Return: 0 or a negative errno
 */
int spoof_remove(const char *chain, struct cni_err *err);

/** spoof_prune() - Remove the table if it is empty: chains go with devices */
int spoof_prune(struct cni_err *err);

/** struct spoof_chain - What spoof_list() finds */
struct spoof_chain {
	char name[SPOOF_NAME_SIZE], comment[SPOOF_COMMENT_SIZE];
};

/**
 * spoof_list() - All chains that spoof_guard() has made
 * @ret:	Array, NULL if there are none; free(). Unchanged on failure
 * @ret_n:	How many; 0 also where there is no nf_tables
 * @err:	Filled on failure
 *
 * Grows with the number of attachments: for GC.
 *
 * Return: 0 or a negative errno
 */
int spoof_list(struct spoof_chain **ret, size_t *ret_n, struct cni_err *err);

#endif
