/* SPDX-License-Identifier: Apache-2.0 */
/* policy_read.h - what the readers of a policy's parts share. */
#ifndef WEFT_BPF_POLICY_READ_H
#define WEFT_BPF_POLICY_READ_H

#include "base/json.h"
#include "bpf/policy.h"

/**
 * struct policy_reader - One policy of the text, while it is read
 * @world:	Who is where
 * @space:	The policy's namespace
 * @dir:	Of the rule at hand
 * @number:	Of the last rule of each direction
 * @err:	Where everybody says what is wrong
 */
struct policy_reader {
	const struct policy_world *world;
	const char *space;
	enum policy_dir dir;
	uint32_t number[POLICY_DIRS];
	struct cni_err *err;
};

/* Of all that follow: 0 or a negative errno, with key and value in @err. */

/** policy_read_ports() - The elements of "ports"; NULL: any */
int policy_read_ports(const cJSON *list, struct policy_rule *ret,
		      struct cni_err *err);

/** policy_read_peers() - The elements of "from" or "to"; NULL: any */
int policy_read_peers(const struct policy_reader *rd, const cJSON *list,
		      struct policy_rule *ret);

/** policy_bad() - Say that a value is not what it has to be; NULL: "nothing" */
int policy_bad(const char *key, const cJSON *v, const char *want,
	       struct cni_err *err);

/** policy_list() - A key's list; NULL where there is none or it is empty */
int policy_list(const cJSON *obj, const char *key, const cJSON **ret,
		struct cni_err *err);

/** policy_text() - A key's string; @ret stays where there is none */
int policy_text(const cJSON *obj, const char *key, const char **ret,
		struct cni_err *err);

#endif
