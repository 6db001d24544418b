/* SPDX-License-Identifier: Apache-2.0 */
/* portmap_table.h - what portmap.c has in table "inet weft": chains and maps. */
#ifndef WEFT_NET_PORTMAP_TABLE_H
#define WEFT_NET_PORTMAP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/netlink.h"

/* Maps from what a packet says to where it shall go, and sets of what is to be
 * masqueraded; of each one for IPv4, then one for IPv6. */
enum portmap_set {
	PORTMAP_HOST4, /* address . protocol . port : guest . port */
	PORTMAP_HOST6,
	PORTMAP_ANY4, /* protocol . port : guest . port */
	PORTMAP_ANY6,
	PORTMAP_SNAT4, /* device . guest . protocol . guest's port */
	PORTMAP_SNAT6,
	PORTMAP_SELF4, /* guest . guest . protocol . guest's port */
	PORTMAP_SELF6,
	PORTMAP_MASQ4, /* guest . protocol . guest's port */
	PORTMAP_MASQ6,
	PORTMAP_SETS,
};

#define PORTMAP_CHAINS 5
#define PORTMAP_KEY_MAX 40
#define PORTMAP_DATA_MAX 20

/** struct portmap_set_spec - A set's name and sizes in bytes; no data: a set */
struct portmap_set_spec {
	const char *name;
	uint32_t key_type, key_len;
	uint32_t data_type, data_len;
};

extern const struct portmap_set_spec portmap_sets[PORTMAP_SETS];

/**
 * struct portmap_table - What the kernel has
 * @generation:	Of the ruleset, before it was read
 * @has_table:	There is a table
 * @dormant:	... asleep
 * @table_use:	Chains, sets, ... in it
 * @has_chain:	By number; @chain_right: and of our type, hook, priority, policy
 * @rules_right: It has our rules and no others
 * @has_set:	By enum portmap_set; @set_right: and with our key and data
 */
struct portmap_table {
	uint32_t generation;
	bool has_table, dormant;
	uint32_t table_use;
	bool has_chain[PORTMAP_CHAINS], chain_right[PORTMAP_CHAINS];
	bool rules_right[PORTMAP_CHAINS];
	bool has_set[PORTMAP_SETS], set_right[PORTMAP_SETS];
};

/**
 * struct portmap_batch - A transaction being built
 * @q:		Requests
 * @n:		How many
 * @full:	There were more than fit
 */
struct portmap_batch {
	struct netlink_req q[NETLINK_BATCH_MAX];
	size_t n;
	bool full;
};

/** portmap_batch_add() - One request more; taken over in every case */
void portmap_batch_add(struct portmap_batch *b, struct netlink_req q);

/**
 * portmap_table_read() - Read chains, rules and sets, but no elements
 * @nl:		nfnetlink socket
 * @ret:	Filled
 *
 * What is missing is success.
 *
 * Return: 0, or a negative errno
 */
int portmap_table_read(struct netlink *nl, struct portmap_table *ret,
		       struct cni_err *err);

/** portmap_table_is_right() - Is nothing to be done? */
bool portmap_table_is_right(const struct portmap_table *t);

/** portmap_table_differs() - Say what is not right: 0 or -ENOENT */
int portmap_table_differs(const struct portmap_table *t, struct cni_err *err);

/** portmap_table_repair() - The requests that make it right */
void portmap_table_repair(const struct portmap_table *t,
			  struct portmap_batch *b);

/** portmap_table_delete() - The requests that remove it; the table if empty */
void portmap_table_delete(const struct portmap_table *t,
			  struct portmap_batch *b);

/** portmap_wake() - Make the table, or wake it */
struct netlink_req portmap_wake(void);

/** portmap_elem_req() - About elements of a set, to be put; @size: its room */
struct netlink_req portmap_elem_req(int type, int flags, enum portmap_set set,
				    size_t size);

#endif
