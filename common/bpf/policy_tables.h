/* SPDX-License-Identifier: Apache-2.0 */
/* policy_tables.h - a policy as the programs look it up; pure. */
#ifndef WEFT_BPF_POLICY_TABLES_H
#define WEFT_BPF_POLICY_TABLES_H

#include "bpf/policy.h"
#include "bpf/policy_abi.h"

#define POLICY_ENTRIES_MAX 262144 /* of a table, of one policy */

struct policy_peer_entry {
	struct guard_peer key;
	struct guard_class value;
};

struct policy_port_entry {
	struct guard_port key;
	struct guard_rule value;
};

/**
 * struct policy_tables - The contents of GUARD_PEERS and GUARD_PORTS
 * @flags:	GUARD_INGRESS, GUARD_EGRESS, GUARD_AUDIT_*
 * @peers:	Shorter prefixes first; keys with neither id nor slot
 * @ports:	The same
 */
struct policy_tables {
	uint32_t flags;
	struct policy_peer_entry *peers;
	size_t n_peers;
	struct policy_port_entry *ports;
	size_t n_ports;
};

/** policy_tables_free() - Leaves empty ones */
void policy_tables_free(struct policy_tables *t);

#define cleanup_tables CLEANUP(policy_tables_free)

/**
 * policy_compile() - From rules that overlap to prefixes of which the longest
 *		      one is right
 * @p:		The policy
 * @max:	How many entries a table may get
 * @ret:	policy_tables_free(); unchanged on failure
 * @err:	CNI_E_CONFIG: it does not fit; nothing of it is then of use
 *
 * Return: 0, -E2BIG or -ENOMEM
 */
int policy_compile(const struct policy *p, size_t max,
		   struct policy_tables *ret, struct cni_err *err);

/**
 * struct policy_verdict - What becomes of a packet, and why
 * @action:	What
 * @rule:	Its number; 0: no rule speaks of it
 */
struct policy_verdict {
	enum policy_action action;
	uint32_t rule;
};

/** policy_lookup() - As the programs look it up; audit is left aside */
struct policy_verdict policy_lookup(const struct policy_tables *t,
				    const struct policy_packet *k);

struct array;

/**
 * policy_ports() - What a class of peers may use
 * @rules:	Those that apply, @n of them
 * @max:	How many entries there may be in @entries
 * @entries:	struct policy_port_entry, appended
 * @ret:	With the class's number; what to say of such a peer: at once, by a
 *		list, or GUARD_ASKS
 * @err:	Filled on failure
 *
 * Return: 0, -E2BIG or -ENOMEM
 */
int policy_ports(const struct policy_rule *const *rules, size_t n, size_t max,
		 struct array *entries, struct guard_class *ret,
		 struct cni_err *err);

/** policy_too_big() - Say that it does not fit. Return: -E2BIG */
int policy_too_big(size_t max, struct cni_err *err);

#endif
