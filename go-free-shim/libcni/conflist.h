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
 * @plugins:	Array of plugin configurations, none empty
 */
struct conflist {
	cJSON *doc;
	char *text;
	size_t len;
	const char *name;
	enum cni_version version;
	bool disable_check;
	bool disable_gc;
	const cJSON *plugins;
};

/**
 * conflist_load() - Find a network by name in a directory
 * @dir:	Such as /etc/cni/net.d: *.conflist in the order of their names,
 *		then *.conf and *.json, each of which holds a single plugin
 * @name:	Network
 * @ret:	Free with conflist_free(), also after a failure
 * @err:	CNI_E_CONFIG in libcni's words; a file that cannot be read ends the
 *		search, as it does there
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
 *
 * Return: 0 or a negative errno
 */
int conflist_parse(char *text, size_t len, bool is_single, struct conflist *ret,
		   struct cni_err *err);

void conflist_free(struct conflist *c);

#define cleanup_conflist CLEANUP(conflist_free)

#endif
