/* SPDX-License-Identifier: Apache-2.0 */
/* policy_load.h - a policy put in force on a guest's port, all of it or none. */
#ifndef WEFT_BPF_POLICY_LOAD_H
#define WEFT_BPF_POLICY_LOAD_H

#include "bpf/guard.h"
#include "bpf/policy_tables.h"

#define POLICY_QUOTA 8192 /* new flows that one guest is remembered */

/**
 * guard_police() - Let a policy take the place of the one there was
 * @g:		The guard
 * @ifindex:	A port that guard_admit() has an entry for
 * @t:		The policy; if it selects no direction, there is none from now on
 * @err:	Filled on failure: what was in force still is
 *
 * From one frame to the next. Flows that are known are asked for again, by the
 * rules of now. Two sets of rules have room beside one another; what was left
 * of one that was never in force (by who was killed) goes first. Where another
 * one was in force, it waits until no program looks at that any more: some 20
 * ms.
 *
 * Return: 0; -ENOENT: no such port; -ENOSPC (CNI_E_UNAVAILABLE): the tables are
 * full; or another negative errno
 */
int guard_police(const struct guard *g, uint32_t ifindex,
		 const struct policy_tables *t, struct cni_err *err);

/**
 * struct guard_change - What is to be in force on one port
 * @ifindex:	A port that guard_admit() has an entry for
 * @tables:	The policy; if it selects no direction, there is none from now on
 * @policy, @had, @begun: guard_police_all()'s own
 */
struct guard_change {
	uint32_t ifindex;
	const struct policy_tables *tables;
	struct guard_policy policy;
	bool had, begun;
};

/**
 * guard_police_all() - guard_police() of many ports: of all, or of none
 *
 * First every set is written beside the one in force; only then they change, one
 * after the other.
 *
 * Return: as guard_police()
 */
int guard_police_all(const struct guard *g, struct guard_change *v, size_t n,
		     struct cni_err *err);

/**
 * guard_is_policed() - Is just that in force?
 *
 * Reads the whole set, and notices what is missing, strange or changed in it.
 *
 * Return: 1, 0 if not, or a negative errno
 */
int guard_is_policed(const struct guard *g, uint32_t ifindex,
		     const struct policy_tables *t);

/**
 * guard_tidy() - Remove what a change has left that was killed
 *
 * Return: 0, also if there is nothing, or a negative errno
 */
int guard_tidy(const struct guard *g, uint32_t ifindex, struct cni_err *err);

/**
 * guard_unpolice() - Remove whatever belongs to a port's policy
 *
 * For a port that is down: the tables go before what refers to them.
 *
 * Return: 0, also if there is none, or a negative errno
 */
int guard_unpolice(const struct guard *g, uint32_t ifindex,
		   struct cni_err *err);

/**
 * struct guard_hits - How often a rule was asked for a verdict
 * @egress:	Of which direction
 * @rule:	Its number
 * @n:		Packets that began a flow, and those that were denied
 */
struct guard_hits {
	bool egress;
	uint32_t rule;
	uint64_t n;
};

/**
 * guard_hits() - Of the rules in force that were asked at all
 * @ret:	By direction and number; free()
 * @ret_n:	How many
 *
 * Return: 0, -ENOENT: no policy, or another negative errno
 */
int guard_hits(const struct guard *g, uint32_t ifindex, struct guard_hits **ret,
	       size_t *ret_n, struct cni_err *err);

#endif
