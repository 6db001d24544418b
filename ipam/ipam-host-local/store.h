/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - the lease directory of one network, as host-local keeps it. */
#ifndef WEFT_IPAM_HOST_LOCAL_STORE_H
#define WEFT_IPAM_HOST_LOCAL_STORE_H

#include <time.h>

#include "ipam-host-local/ip_list.h"
#include "ipam-host-local/lease.h"

#define STORE_LOCK_S 60 /* how long a call waits for another */

/**
 * struct store - <dataDir>/<network> and our own <dataDir>/.weft/<network>
 * @leases:	The directory that host-local shares with us: "lock", a file
 *		per address in use, "last_reserved_ip.N"
 * @own:	Ours alone: temporary files and the index; -1 if missing
 * @own_error:	Why store_open() did not open that; -ENOENT: it is not there
 * @lock:	Held while not -1
 * @complete:	The index knows every lease: what it does not have, is not
 *
 * Initialise with STORE_INIT; store_close() also unlocks.
 */
struct store {
	int leases;
	int own;
	int own_error;
	int lock;
	bool complete;
};

#define STORE_INIT                                  \
	{                                           \
		.leases = -1, .own = -1, .lock = -1 \
	}

/**
 * store_make() - Open a network's directories, made if they are missing
 * @data_dir:	May be relative, as upstream allows
 * @network:	Validated name
 * @ret:	STORE_INIT before
 *
 * Return: 0 or a negative errno
 */
int store_make(const char *data_dir, const char *network, struct store *ret,
	       struct cni_err *err);

/**
 * store_open() - The same, making nothing
 *
 * Return: 1, 0 if the network has no directory, or a negative errno
 */
int store_open(const char *data_dir, const char *network, struct store *ret,
	       struct cni_err *err);

void store_close(struct store *s);

/**
 * store_settle() - Let the next call trust the index as far as this one could
 * @s:		Locked; complete says whether every change is in the index
 *
 * The lease directory's mtime becomes a value of ours, which is recorded
 * beside the index: as long as it stands there, nobody else has added or
 * removed a lease. The value lies a second back, where no clock will write it.
 * Never an error: without a stamp the next miss reads all leases.
 */
void store_settle(struct store *s);

#define cleanup_store CLEANUP(store_close)

/**
 * store_lock() - Exclude everybody, also host-local, until store_close()
 *
 * Sets complete, see store_settle().
 * @err:	CNI_E_RETRY after STORE_LOCK_S
 */
int store_lock(struct store *s, struct cni_err *err);

/** store_is_of_earlier_boot() - Was this lease made before the host came up? */
bool store_is_of_earlier_boot(const struct store *s, const struct ip_addr *a);

/** store_own_is_of_earlier_boot() - The same of an entry of the index */
bool store_own_is_of_earlier_boot(const struct store *s, const char *name);

/** store_is_writable() - Could a lease be written there now? */
bool store_is_writable(const struct store *s);

/**
 * store_list() - Every address that has a file, sorted
 * @ret:	Free with ip_list_free(), also after a failure
 */
int store_list(const struct store *s, struct ip_list *ret, struct cni_err *err);

/**
 * store_read() - Who holds an address?
 * @s:		Locked, for a LEASE_DEAD to be one
 *
 * Nobody syncs leases to disk, so a power cut may leave empty or garbled
 * files. They are from an earlier boot and dead: their addresses are free. A
 * garbled one from this boot is not: under the lock it is none that host-local
 * is about to write, but somebody who keeps no lock may be, or wants the
 * address left alone.
 *
 * Return: 1, 0 if there is no file, or a negative errno
 */
int store_read(const struct store *s, const struct ip_addr *a,
	       struct lease *ret, struct cni_err *err);

/** store_is_newer() - Was a lease made after @than, or is gone? */
bool store_is_newer(const struct store *s, const struct ip_addr *a,
		    const struct timespec *than);

/**
 * store_stage() - Prepare a lease's content, complete but not yet published
 * @s:		Locked
 *
 * What a killed call left is removed first.
 */
int store_stage(const struct store *s, const char *text, size_t len,
		struct cni_err *err);

/**
 * store_publish() - Make the staged content the lease of an address
 *
 * By link(2): the file appears with its content or not at all, and only if
 * there is none. All leases of one store_stage() are names of one inode.
 *
 * Return: 0, -EEXIST, or another negative errno
 */
int store_publish(const struct store *s, const struct ip_addr *a,
		  struct cni_err *err);

/**
 * store_replace() - Make the staged content the lease of an address that has one
 *
 * By rename(2): whoever looks finds the one or the other.
 */
int store_replace(const struct store *s, const struct ip_addr *a,
		  struct cni_err *err);

void store_unstage(const struct store *s);

/** store_remove() - Free an address; success if it is free already */
int store_remove(const struct store *s, const struct ip_addr *a,
		 struct cni_err *err);

/**
 * store_last() - What range set @n gave out last
 *
 * Return: whether there is a readable record
 */
bool store_last(const struct store *s, size_t n, struct ip_addr *ret);

/** store_set_last() - Record it, for host-local too */
int store_set_last(const struct store *s, size_t n, const struct ip_addr *a,
		   struct cni_err *err);

#endif
