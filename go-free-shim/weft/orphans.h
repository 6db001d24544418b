/* SPDX-License-Identifier: Apache-2.0 */
/* orphans.h - weft gc --orphans: what nobody holds any more. */
#ifndef WEFT_WEFT_ORPHANS_H
#define WEFT_WEFT_ORPHANS_H

#include <time.h>

#include "cni/attachment.h"
#include "libcni/cache.h"
#include "net/link.h"
#include "weft/leases.h"
#include "weft/weft.h"

/**
 * struct orphans - One search
 * @args:	Command line
 * @host:	Socket
 * @links:	The host's devices
 * @n_links:	How many
 * @network:	Whose leases @leases are; "" for none yet
 * @leases:	Of that network
 * @list:	What was looked at, and what became of it
 * @now:	When it began
 * @found:	How many are nobody's
 * @failed:	How many of these could not be removed
 */
struct orphans {
	const struct weft_args *args;
	struct netlink *host;
	struct link_info *links;
	size_t n_links;
	char network[CNI_LINK_ALIAS_SIZE];
	struct leases leases;
	cJSON *list;
	time_t now;
	size_t found, failed;
};

/**
 * struct orphan - An attachment that may be nobody's
 * @of:		Which
 * @link:	Its device on the host; NULL: it has none
 * @entry:	What weft's cache says; NULL: nothing
 * @cache_dir:	The cache that has @entry, or would
 * @since:	It is at least that old; 0: nobody knows
 * @held_by:	Who holds it; NULL: nobody
 */
struct orphan {
	struct cni_attachment of;
	const struct link_info *link;
	const struct cache_entry *entry;
	const char *cache_dir;
	time_t since;
	const char *held_by;
};

/** orphan_is_asked() - Is it of the network that the command line names? */
bool orphan_is_asked(const struct orphans *o, const char *network);

/** orphan_is_open() - Does a VMM have that device open, so far as it shows? */
bool orphan_is_open(const struct orphans *o, const struct link_info *link);

/** orphan_report() - Add to the list: @removed -1: nobody tried */
int orphan_report(struct orphans *o, const struct orphan *x, int removed);

/** orphan_failed() - Say why one could not be removed */
void orphan_failed(struct orphans *o, const struct orphan *x,
		   const struct cni_err *why);

/* orphans_age.c */

/**
 * orphan_since() - Since when is it there, at the latest?
 *
 * The newer of lease and cache file. Without either the kernel's own directory
 * of the device, which it makes when somebody first looks.
 *
 * Return: a time, or 0
 */
time_t orphan_since(struct orphans *o, const struct orphan *x);

/** orphan_is_young() - Younger than --min-age, or of an age nobody knows? */
bool orphan_is_young(const struct orphans *o, time_t since);

/* orphans_run.c */

/** orphans_of_runs() - What killed `weft run`s left in /run/weft/run */
int orphans_of_runs(struct orphans *o, struct cni_err *err);

#endif
