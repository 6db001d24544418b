/* SPDX-License-Identifier: Apache-2.0 */
/* runtime.h - run a network's plugins as a container runtime does. */
#ifndef WEFT_LIBCNI_RUNTIME_H
#define WEFT_LIBCNI_RUNTIME_H

#include "libcni/conflist.h"

struct cni_attachments;

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
 * What the plugins are told is cached before the first one runs, without a
 * result: one DEL then finds all of it whenever this is killed. A failure calls
 * no DEL: that is the caller's, who may want to look first.
 *
 * Source: CNI spec 1.1.0 section 3; libcni api.go.
 *
 * Return: 0, -EEXIST (CNI_E_TAKEN) if it is attached already and nothing was
 * done, so that there must be no DEL, or another negative errno
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
 * @valid:	Attachments that live. Cached ones that are not on it get a DEL,
 *		then every plugin GC with the list: always a list, for without
 *		one a plugin would have to guess
 *
 * Goes on over what fails and returns the first failure.
 */
int runtime_gc(const struct runtime *rt, const struct cni_attachments *valid,
	       struct cni_err *err);

/**
 * runtime_alive() - The cached attachments whose namespace exists
 * @cache_dir:	May be another one than that of @rt
 * @ret:	To be added to
 */
int runtime_alive(const struct runtime *rt, const char *cache_dir,
		  struct cni_attachments *ret, struct cni_err *err);

/** runtime_status() - STATUS of every plugin in order */
int runtime_status(const struct runtime *rt, struct cni_err *err);

/**
 * runtime_versions() - VERSION of every plugin in order
 * @fn:		Gets a plugin's name and an array of strings
 *
 * Return: 0, what @fn returned first that is not 0, or a negative errno
 */
int runtime_versions(const struct runtime *rt,
		     int (*fn)(const char *type, const cJSON *versions,
			       void *arg, struct cni_err *err),
		     void *arg, struct cni_err *err);

#endif
