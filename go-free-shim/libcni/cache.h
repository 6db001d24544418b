/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h - what was attached, kept for DEL, CHECK and GC in libcni's format. */
#ifndef WEFT_LIBCNI_CACHE_H
#define WEFT_LIBCNI_CACHE_H

#include <time.h>

#include "libcni/conflist.h"
#include "libcni/weft-cni.h"

#define CACHE_DIR WEFT_CNI_CACHE_DIR
#define CACHE_DIR_LIBCNI "/var/lib/cni/results"

/**
 * struct cache_entry - One attachment; strings point into @doc
 * @doc:	The file
 * @kind:	"cniCacheV1"; "" if it did not say
 * @container_id: Never empty in an entry that was loaded
 * @ifname:	Likewise
 * @network:	Likewise
 * @netns:	"" if unknown
 * @args:	CNI_ARGS as it was; "" for none
 * @cap_args:	Capability arguments, NULL for none
 * @result:	NULL while ADD is not done, or was killed
 * @saved:	When the file was written
 */
struct cache_entry {
	cJSON *doc;
	const char *kind;
	const char *container_id;
	const char *ifname;
	const char *network;
	const char *netns;
	const char *args;
	const cJSON *cap_args;
	const cJSON *result;
	time_t saved;
};

void cache_entry_free(struct cache_entry *e);

#define cleanup_cache_entry CLEANUP(cache_entry_free)

/**
 * cache_save() - Write an entry, atomically: a crash leaves the old or the new
 * @dir:	Made with mode 0700
 * @list:	Whose bytes are kept with it
 * @e:		What to keep; its doc, kind and saved are not looked at
 *
 * Return: 0 or a negative errno
 */
int cache_save(const char *dir, const struct conflist *list,
	       const struct cache_entry *e, struct cni_err *err);

/**
 * cache_load() - Find an attachment's entry
 * @ret:	Free with cache_entry_free()
 *
 * Empty and garbled files count as none: libcni leaves such after a crash.
 * The file's name is ambiguous where a name has a '-': the content decides, but
 * for those of libcni before 0.8, which hold a result alone.
 *
 * Return: 1 if found, 0 if not
 */
int cache_load(const char *dir, const char *network, const char *container_id,
	       const char *ifname, struct cache_entry *ret);

/** cache_remove() - Forget an attachment; none there is success */
int cache_remove(const char *dir, const char *network, const char *container_id,
		 const char *ifname, struct cni_err *err);

/**
 * cache_each() - Run @fn for every readable entry of a network
 *
 * Return: 0, or what @fn returned first that is not 0
 */
int cache_each(const char *dir, const char *network,
	       int (*fn)(const struct cache_entry *e, void *arg,
			 struct cni_err *err),
	       void *arg, struct cni_err *err);

/**
 * cache_tidy() - Remove what was being written when its writer was killed
 * @until:	Only what was written last then or before: a writer may live
 */
void cache_tidy(const char *dir, time_t until);

/**
 * cache_walk() - Run @fn for every file in a cache
 * @fn:		Gets the file's name, and its entry or NULL: it cannot be read
 *
 * Return: 0, or what @fn returned first that is not 0
 */
int cache_walk(const char *dir,
	       int (*fn)(const char *file, const struct cache_entry *e,
			 void *arg, struct cni_err *err),
	       void *arg, struct cni_err *err);

/**
 * cache_config() - The list that an attachment was made with
 * @ret:	Free with conflist_free(), also after a failure
 *
 * Return: 0, -ENOENT if the entry has none, or another negative errno
 */
int cache_config(const struct cache_entry *e, struct conflist *ret,
		 struct cni_err *err);

#endif
