/* SPDX-License-Identifier: Apache-2.0 */
/* upstream_place.h - the reference plugins' tables: names, reading, removal. */
#ifndef WEFT_NET_UPSTREAM_PLACE_H
#define WEFT_NET_UPSTREAM_PLACE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/array.h"
#include "net/netlink.h"
#include "net/upstream.h"

#define UPSTREAM_PLACES 12
#define UPSTREAM_NAME_SIZE 256 /* of a chain or comment, with the NUL */

/**
 * struct upstream_place - A chain with rules of many attachments
 * @table:	Its table
 * @chain:	Its name
 * @what:	UPSTREAM_*
 * @family:	FW_PROTO_*
 * @by_jump:	A rule jumps to a chain of its attachment; else its comment says
 *		whose it is
 */
struct upstream_place {
	const char *table, *chain;
	unsigned int what;
	uint8_t family;
	bool by_jump;
};

extern const struct upstream_place upstream_places[UPSTREAM_PLACES];

/**
 * struct upstream_rule - What a rule says of whose it is
 * @handle:	As the kernel sent it
 * @comment:	nft's or iptables's; "" without
 * @jump:	Chain that it jumps to; "" without
 * @dev:	Device that it compares with; "" without
 */
struct upstream_rule {
	uint64_t handle;
	char comment[UPSTREAM_NAME_SIZE], jump[UPSTREAM_NAME_SIZE];
	char dev[IFNAMSIZ];
};

/** typedef upstream_is_meant - Is this one to be found? */
typedef bool upstream_is_meant(const struct upstream_place *p,
			       const struct upstream_rule *r, void *arg);

/**
 * struct upstream_found - What there is in one place
 * @handles:	uint64_t each: rules of the place's chain
 * @chains:	char[UPSTREAM_NAME_SIZE] each, each once: chains that they
 *		jump to
 */
struct upstream_found {
	struct array handles, chains;
};

void upstream_found_free(struct upstream_found *f);
#define cleanup_upstream_found CLEANUP(upstream_found_free)

/**
 * upstream_name() - What an attachment's rules are known by
 * @p:		Where
 * @u:		Whose
 * @ret:	The chain that they jump to, or what their comment begins with
 * @ret_whole:	That is the whole comment
 *
 * Return: false if such a name would be too long to exist
 */
bool upstream_name(const struct upstream_place *p, const struct upstream *u,
		   char ret[UPSTREAM_NAME_SIZE], bool *ret_whole);

/**
 * upstream_tables() - Which places there may be
 * @ret:	Bit i: the table of upstream_places[i] is there
 *
 * Return: 0, or a negative errno
 */
int upstream_tables(struct netlink *nl, unsigned int *ret, struct cni_err *err);

/** upstream_has_chain() - Return: 1 or 0, or a negative errno */
int upstream_has_chain(struct netlink *nl, const struct upstream_place *p,
		       const char *chain, struct cni_err *err);

/** upstream_read() - Append the rules that are meant; return 0 or -errno */
int upstream_read(struct netlink *nl, const struct upstream_place *p,
		  upstream_is_meant *is_meant, void *arg,
		  struct upstream_found *ret, struct cni_err *err);

/**
 * upstream_delete() - Remove rules, then the chains that they jumped to
 *
 * Return: 0, -ENOENT: somebody else was faster, or another negative errno;
 * then @nl cannot be used any more
 */
int upstream_delete(struct netlink *nl, const struct upstream_place *p,
		    const struct upstream_found *f, struct cni_err *err);

/**
 * upstream_persevere() - Try again while others change the ruleset
 * @once:	Works on a socket of its own; -ENOENT, -EBUSY: somebody else may
 *		have been at it
 * @arg:	Passed to it
 *
 * Return: 0, also where there is no nf_tables, or a negative errno
 */
int upstream_persevere(int (*once)(struct netlink *nl, void *arg,
				   struct cni_err *err),
		       void *arg, struct cni_err *err);

#endif
