/* SPDX-License-Identifier: Apache-2.0 */
/* runtime.h - run a network's plugins as a container runtime does. */
#ifndef WEFT_LIBCNI_RUNTIME_H
#define WEFT_LIBCNI_RUNTIME_H

#include "libcni/conflist.h"

/**
 * struct runtime - Who asks, and about what
 * @list:	The network
 * @plugin_path: CNI_PATH
 * @cache_dir:	Where results are kept
 * @container_id: "" for GC and STATUS
 * @netns:	"" where there is none any more
 * @ifname:	In the guest
 * @args:	CNI_ARGS, "" for none
 * @cap_args:	Capability arguments, NULL for none
 */
struct runtime {
	const struct conflist *list;
	const char *plugin_path;
	const char *cache_dir;
	const char *container_id;
	const char *netns;
	const char *ifname;
	const char *args;
	const cJSON *cap_args;
};

/**
 * runtime_add() - ADD by every plugin in order, then cache the result
 * @ret:	The last plugin's result; free with cJSON_Delete()
 * @err:	The failing plugin's error, named
 *
 * A failure calls no DEL: that is the caller's, who may want to look first.
 *
 * Source: CNI spec 1.1.0 section 3; libcni api.go.
 *
 * Return: 0 or a negative errno
 */
int runtime_add(const struct runtime *rt, cJSON **ret, struct cni_err *err);

/**
 * runtime_del() - DEL by every plugin, the last first
 *
 * Goes on over a failing plugin and returns the first failure; the cache entry
 * goes only if all went well. What the entry knows and @rt does not (netns,
 * CNI_ARGS, capabilities) is taken from it.
 */
int runtime_del(const struct runtime *rt, struct cni_err *err);

/** runtime_check() - CHECK by every plugin in order, with the cached result */
int runtime_check(const struct runtime *rt, struct cni_err *err);

/**
 * runtime_gc() - Remove what belongs to no guest
 *
 * A cached attachment is valid while its namespace exists. Others get a DEL,
 * then every plugin GC with the list of the valid ones: always a list, for
 * without one a plugin would have to guess.
 */
int runtime_gc(const struct runtime *rt, struct cni_err *err);

/** runtime_status() - STATUS of every plugin in order */
int runtime_status(const struct runtime *rt, struct cni_err *err);

#endif
