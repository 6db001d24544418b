/* SPDX-License-Identifier: Apache-2.0 */
/* weft.h - the command: for people and scripts, without an engine. */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/** weft_main() - Run `weft VERB ...`; return the exit status */
int weft_main(int argc, char **argv);

/**
 * struct weft_args - A command line, taken apart
 * @verb:	The first word, NULL without one
 * @help:	--help
 * @positional:	What is neither an option nor the verb
 * @n:		How many
 * @id:		--id, NULL for the derived one
 * @ifname:	--ifname, CNI_IFNAME or "eth0"
 * @cache_dir:	--cache-dir or CACHE_DIR
 * @json:	--json
 */
struct weft_args {
	const char *verb;
	bool help;
	const char *positional[4];
	size_t n;
	const char *id;
	const char *ifname;
	const char *cache_dir;
	bool json;
};

/* Verbs, one file each: 0, or a negative errno with @err filled. */
int weft_add(const struct weft_args *a, struct cni_err *err);
int weft_check(const struct weft_args *a, struct cni_err *err);
int weft_del(const struct weft_args *a, struct cni_err *err);
int weft_gc(const struct weft_args *a, struct cni_err *err);
int weft_status(const struct weft_args *a, struct cni_err *err);
int weft_version(const struct weft_args *a, struct cni_err *err);
int weft_repair(const struct weft_args *a, struct cni_err *err);
int weft_ls(const struct weft_args *a, struct cni_err *err);
int weft_network(const struct weft_args *a, struct cni_err *err);
int weft_network_ls(const struct weft_args *a, struct cni_err *err);

/** weft_conf_dir() - NETCONFPATH, or where engines look */
const char *weft_conf_dir(void);

#endif
