/* SPDX-License-Identifier: Apache-2.0 */
/* conflist.h - network configuration lists as libcni finds and reads them. */
#ifndef WEFT_LIBCNI_CONFLIST_H
#define WEFT_LIBCNI_CONFLIST_H

#include "base/json.h"
#include "cni/version.h"

/**
 * struct conflist - A network: its plugins in order
 * @doc:	Owns the rest
 * @text:	The file's bytes
 * @len:	Their number
 * @name:	The network
 * @version:	The highest version that the list offers and we speak
 * @disable_check: CHECK does nothing
 * @disable_gc:	GC does nothing
 * @only_inlined: The directory <name>/ beside the list adds nothing
 * @plugins:	Array of plugin configurations; NULL if it has none so far
 */
struct conflist {
	cJSON *doc;
	char *text;
	size_t len;
	const char *name;
	enum cni_version version;
	bool disable_check;
	bool disable_gc;
	bool only_inlined;
	const cJSON *plugins;
};

/**
 * conflist_load() - Find a network by name in a directory
 * @dir:	Such as /etc/cni/net.d: *.conflist in the order of their names,
 *		then *.conf and *.json, each of which holds a single plugin. A
 *		list also has the plugins of <dir>/<name>/, *.conf in order
 * @name:	Network
 * @ret:	Free with conflist_free(), also after a failure
 * @err:	CNI_E_CONFIG in libcni's words; a file that cannot be read ends the
 *		search, as it does there. One that only has a version that we
 *		do not speak ends it only if it is the one
 *
 * Source: CNI spec 1.1.0 section 1; libcni conf.go.
 *
 * Return: 0, -ENOENT, or another negative errno
 */
int conflist_load(const char *dir, const char *name, struct conflist *ret,
		  struct cni_err *err);

/**
 * conflist_parse() - Decode one list
 * @text:	Taken over in every case; from malloc()
 * @is_single:	One plugin's configuration, to be wrapped
 * @ret:	Free with conflist_free(), also after a failure. May have no
 *		plugins: see conflist_complete()
 *
 * Return: 0 or a negative errno
 */
int conflist_parse(char *text, size_t len, bool is_single, struct conflist *ret,
		   struct cni_err *err);

/** conflist_complete() - Refuse a list that has no plugins at all */
int conflist_complete(const struct conflist *c, struct cni_err *err);

/**
 * conflist_each() - Run @fn for every network in a directory, in order
 * @fn:		May take the list and leave zeroes; not 0 ends it
 *
 * Files that cannot be read are logged.
 *
 * Return: 0, what @fn returned, or a negative errno
 */
int conflist_each(const char *dir, int (*fn)(struct conflist *c, void *arg),
		  void *arg, struct cni_err *err);

void conflist_free(struct conflist *c);

#define cleanup_conflist CLEANUP(conflist_free)

#endif
