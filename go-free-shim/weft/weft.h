/* SPDX-License-Identifier: Apache-2.0 */
/* weft.h - the command: for people and scripts, without an engine. */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define WEFT_PATH_SIZE 4096
#define WEFT_QUEUES_MAX 256U /* linux/tun.h: MAX_TAP_QUEUES */

/** weft_main() - Run `weft VERB ...`; return the exit status */
int weft_main(int argc, char **argv);

/**
 * struct weft_args - A command line, taken apart
 * @verb:	The first word, NULL without one
 * @help:	--help
 * @positional:	What is neither an option nor the verb; part of argv
 * @n:		How many
 * @id:		--id, NULL for the derived one
 * @ifname:	--ifname, CNI_IFNAME or "eth0"
 * @cache_dir:	--cache-dir or CACHE_DIR
 * @json:	--json
 * @queues:	--queues, 0 for what the network says
 * @print:	--print, NULL without it
 * @orphans:	--orphans, of gc
 * @yes:	--yes
 * @min_age:	--min-age, seconds
 * @count:	--count, of watch; 0: no end
 * @command:	What follows "--", for run; ended by NULL
 */
struct weft_args {
	const char *verb;
	bool help;
	char *const *positional;
	size_t n;
	const char *id;
	const char *ifname;
	const char *cache_dir;
	bool json;
	unsigned int queues;
	const char *print;
	bool orphans, yes;
	unsigned int min_age, count;
	char **command;
};

#define WEFT_MIN_AGE 600 /* seconds, without --min-age */

#define WEFT_FOUND 1	    /* done, and what was found is status 1 */
#define WEFT_RUN_FAILED 125 /* run's own failure; the rest is the VMM's */

/* Verbs, one file each: the exit status (0, WEFT_FOUND, run's any), or a
 * negative errno with @err filled. */
int weft_add(const struct weft_args *a, struct cni_err *err);
int weft_check(const struct weft_args *a, struct cni_err *err);
int weft_del(const struct weft_args *a, struct cni_err *err);
int weft_gc_orphans(const struct weft_args *a, struct cni_err *err);
int weft_gc(const struct weft_args *a, struct cni_err *err);
int weft_status(const struct weft_args *a, struct cni_err *err);
int weft_version(const struct weft_args *a, struct cni_err *err);
int weft_repair(const struct weft_args *a, struct cni_err *err);
int weft_ls(const struct weft_args *a, struct cni_err *err);
int weft_network(const struct weft_args *a, struct cni_err *err);
int weft_network_ls(const struct weft_args *a, struct cni_err *err);
int weft_lease(const struct weft_args *a, struct cni_err *err);
int weft_policy(const struct weft_args *a, struct cni_err *err);
int weft_watch(const struct weft_args *a, struct cni_err *err);
int weft_run(const struct weft_args *a, struct cni_err *err);
int weft_lint(const struct weft_args *a, struct cni_err *err);
int weft_doctor(const struct weft_args *a, struct cni_err *err);

/** weft_conf_dir() - NETCONFPATH, or where engines look */
const char *weft_conf_dir(void);

/** weft_plugin_path() - CNI_PATH, or where weft is and engines look */
const char *weft_plugin_path(char buf[WEFT_PATH_SIZE]);

#endif
