/* SPDX-License-Identifier: Apache-2.0 */
/* policy.h - weft policy: what its verbs share. */
#ifndef WEFT_WEFT_POLICY_H
#define WEFT_WEFT_POLICY_H

#include "base/json.h"
#include "bpf/policy_enforce.h"
#include "weft/weft.h"

/**
 * struct policy_view - A network as the guard has it
 * @network:	Its name
 * @hash:	And the hash of that
 * @guard:	Opened
 * @doc:	The policy that holds; NULL: none
 * @source:	Who has written it
 * @members:	Its guests that have a guard
 */
struct policy_view {
	const char *network;
	uint64_t hash;
	struct guard guard;
	cJSON *doc;
	enum policy_source source;
	struct policy_members members;
};

#define POLICY_VIEW_NONE             \
	{                            \
		.guard = GUARD_NONE, \
	}

void policy_view_close(struct policy_view *v);

#define cleanup_view CLEANUP(policy_view_close)

/**
 * policy_view_guest() - Which of the members is meant
 * @id:		Its container ID
 * @ifname:	Its interface
 * @ret:	Where it is in members.v
 * @err:	CNI_E_ENV: there is none, or it has no guard
 *
 * Return: 0 or a negative errno
 */
int policy_view_guest(const struct policy_view *v, const char *id,
		      const char *ifname, size_t *ret, struct cni_err *err);

#define POLICY_PORT_TEXT 32

/** policy_port_text() - "tcp/80-90", "icmp/8", "any"; returns @ret */
const char *policy_port_text(const struct policy_port *p,
			     char ret[POLICY_PORT_TEXT]);

/* The verbs: the exit status, or a negative errno. */
int policy_show(const struct weft_args *a, const struct policy_view *v,
		struct cni_err *err);
int policy_test(const struct weft_args *a, const struct policy_view *v,
		struct cni_err *err);

#endif
