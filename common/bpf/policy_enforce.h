/* SPDX-License-Identifier: Apache-2.0 */
/* policy_enforce.h - a network's policy, put in force on its guests. */
#ifndef WEFT_BPF_POLICY_ENFORCE_H
#define WEFT_BPF_POLICY_ENFORCE_H

#include "bpf/policy_member.h"
#include "bpf/policy_tables.h"
#include "bpf/policy_text.h"

/**
 * policy_check() - Could that be a network's policy?
 * @doc:	See policy_parse()
 * @err:	CNI_E_CONFIG, CNI_E_DECODE: which policy, rule, key and value
 *
 * Return: 0 or a negative errno
 */
int policy_check(const struct cJSON *doc, struct cni_err *err);

/**
 * policy_in_force() - Which text holds for a network
 * @g:		The guard
 * @network:	The network's hash
 * @ret:	cJSON_Delete(); unchanged if there is none
 * @ret_source:	Who has written it
 * @err:	Filled on failure
 *
 * Return: 1, 0 if there is none, or a negative errno
 */
int policy_in_force(const struct guard *g, uint64_t network, struct cJSON **ret,
		    enum policy_source *ret_source, struct cni_err *err);

/**
 * policy_for() - What a text says for one of a network's guests
 * @doc:	The text; NULL says nothing
 * @m:		All of them
 * @i:		Which one
 * @ret:	policy_free(); unchanged on failure
 * @ret_tables:	policy_tables_free(); the same
 * @err:	CNI_E_CONFIG: it does not fit
 *
 * Return: 0 or a negative errno
 */
int policy_for(const struct cJSON *doc, const struct policy_members *m,
	       size_t i, struct policy *ret, struct policy_tables *ret_tables,
	       struct cni_err *err);

/**
 * policy_enforce() - Let a text be in force on all of a network, or on none
 * @g:		The guard
 * @network:	The network's hash
 * @doc:	The text; NULL: none
 * @err:	CNI_E_CONFIG, CNI_E_UNAVAILABLE: it does not fit; what was in force
 *		still is
 *
 * Under guard_lock(), as the two below.
 *
 * Return: 0 or a negative errno
 */
int policy_enforce(const struct guard *g, uint64_t network,
		   const struct cJSON *doc, struct cni_err *err);

/**
 * policy_joined() - Let the text that holds be in force on who has come
 * @ifindex:	Its port
 *
 * And on others, if rules name their peers by labels. Return: as policy_enforce()
 */
int policy_joined(const struct guard *g, uint64_t network, uint32_t ifindex,
		  struct cni_err *err);

/**
 * policy_left() - Somebody is gone
 *
 * With the last one the configuration's text goes. Return: as policy_enforce()
 */
int policy_left(const struct guard *g, uint64_t network, struct cni_err *err);

#endif
