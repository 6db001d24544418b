/* SPDX-License-Identifier: Apache-2.0 */
/* policy_member.h - the guests of a network, as selectors see them. */
#ifndef WEFT_BPF_POLICY_MEMBER_H
#define WEFT_BPF_POLICY_MEMBER_H

#include "bpf/guard.h"
#include "bpf/policy.h"
#include "bpf/policy_abi.h"

/**
 * struct policy_identity - Who a guest is
 * @network, @container_id, @ifname: Its attachment
 * @space:	Its namespace; "": none
 * @labels:	Its own, an object of strings; NULL: none
 * @addrs:	Where it is, @n of them; lengths of prefixes are not looked at
 */
struct policy_identity {
	const char *network, *container_id, *ifname;
	const char *space;
	const struct cJSON *labels;
	const struct ip_net *addrs;
	size_t n;
};

/**
 * policy_member_encode() - As it is kept
 * @network:	The network's hash
 * @id:		Who it is
 * @ret:	Filled on success
 * @err:	CNI_E_CONFIG: more labels than there is room for
 *
 * Return: 0 or a negative errno
 */
int policy_member_encode(uint64_t network, const struct policy_identity *id,
			 struct guard_member *ret, struct cni_err *err);

/**
 * struct policy_member - One guest
 * @ifindex:	Its port
 * @network, @container_id, @ifname: Whose
 * @endpoint:	What selectors look at
 * @doc, @labels, @addrs: What these point into
 */
struct policy_member {
	uint32_t ifindex;
	const char *network, *container_id, *ifname;
	struct policy_endpoint endpoint;
	struct cJSON *doc;
	struct policy_label *labels;
	struct ip_addr *addrs;
};

/**
 * struct policy_members - Those of one network
 * @v:		By ifindex
 * @n:		How many
 * @endpoints:	Theirs, in the same order
 */
struct policy_members {
	struct policy_member *v;
	size_t n;
	struct policy_endpoint *endpoints;
};

/**
 * policy_members_read() - All of a network
 * @g:		The guard
 * @network:	The network's hash
 * @ret:	policy_members_free(); unchanged on failure
 * @err:	Filled on failure
 *
 * Reads the entries of every guest of the host.
 *
 * Return: 0 or a negative errno
 */
int policy_members_read(const struct guard *g, uint64_t network,
			struct policy_members *ret, struct cni_err *err);

/**
 * policy_member_read() - Who is behind a port
 * @ret:	policy_member_free(), also after a failure
 *
 * Return: 1, 0 if nobody is known to be, or a negative errno
 */
int policy_member_read(const struct guard *g, uint32_t ifindex,
		       struct policy_member *ret, struct cni_err *err);

/** policy_member_free() - Leaves nobody */
void policy_member_free(struct policy_member *m);

#define cleanup_member CLEANUP(policy_member_free)

/** policy_members_free() - Leaves an empty list */
void policy_members_free(struct policy_members *m);

#define cleanup_members CLEANUP(policy_members_free)

#endif
