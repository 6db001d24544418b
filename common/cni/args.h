/* SPDX-License-Identifier: Apache-2.0 */
/* args.h - the CNI_* environment of a plugin. */
#ifndef WEFT_CNI_ARGS_H
#define WEFT_CNI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum cni_command {
	CNI_ADD,
	CNI_DEL,
	CNI_CHECK,
	CNI_GC,
	CNI_STATUS,
	CNI_VERSION,
	CNI_UNKNOWN,
};

/**
 * struct cni_args - What the runtime asked, checked; "" where a value is unset
 *
 * The strings are the environment's own.
 */
struct cni_args {
	enum cni_command command;
	const char *command_name; /* as given */
	const char *container_id;
	const char *netns;
	const char *ifname;
	const char *args; /* CNI_ARGS: "K=V;K=V" */
	const char *path; /* CNI_PATH: directories, colon-separated */
	bool netns_override;
};

/** cni_command_name() - "ADD" */
const char *cni_command_name(enum cni_command c);

/**
 * cni_args_from_env() - Read and check the environment in libcni's order
 * @ret:	Filled on success
 * @err:	CNI_E_ENV in libcni's words; the message names the variables
 *
 * CNI_COMMAND must be set: cni_plugin_main() handles its absence.
 * CNI_PATH is optional, as the specification has it; libcni's skel demands it.
 *
 * Source: CNI spec 1.1.0 section 2 "Parameters"; libcni pkg/skel.
 *
 * Return: 0 or -EINVAL
 */
int cni_args_from_env(struct cni_args *ret, struct cni_err *err);

/**
 * cni_args_get() - The value of one key of CNI_ARGS
 * @a:		Arguments
 * @key:	Case-sensitive; the last one given wins
 * @buf:	The value, NUL-terminated, "" without one
 * @size:	Size of @buf
 * @err:	CNI_E_ENV: a pair without exactly one '=', or a value too long
 *
 * Keys that nobody here knows are ignored: the environment is inherited by
 * delegated plugins, whose keys differ (containernetworking/cni#560).
 *
 * Return: 1 if found, 0 if not, or -EINVAL
 */
int cni_args_get(const struct cni_args *a, const char *key, char *buf,
		 size_t size, struct cni_err *err);

/** cni_name_is_valid() - A container ID's or a network name's characters */
bool cni_name_is_valid(const char *s);

/**
 * cni_ifname_check() - Is this fit for a network interface in Linux?
 * @err:	CNI_E_ENV in libcni's words
 *
 * Refused beyond libcni: '%'. The kernel makes "eth0" of "eth%d", which then
 * nobody finds under its name.
 *
 * Return: 0 or -EINVAL
 */
int cni_ifname_check(const char *s, struct cni_err *err);

#endif
