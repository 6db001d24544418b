/* SPDX-License-Identifier: Apache-2.0 */
/* leases.h - a network's lease directory. */
#ifndef WEFT_WEFT_LEASES_H
#define WEFT_WEFT_LEASES_H

#include <stddef.h>
#include <time.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/mem.h"

/**
 * struct lease - An address that is held
 * @address:	Which
 * @made:	When
 * @container_id: By whom; points into @text
 * @ifname:	"" in host-local's oldest files
 * @text:	The file's content
 */
struct lease {
	struct ip_addr address;
	time_t made;
	const char *container_id;
	const char *ifname;
	char *text;
};

/**
 * struct leases - Those of one network, sorted by holder
 * @v:		Array
 * @n:		How many
 */
struct leases {
	struct lease *v;
	size_t n;
};

/**
 * leases_read() - Read a network's leases
 * @network:	Valid name
 * @ret:	Free with leases_free(), also after a failure
 *
 * Return: 0 or a negative errno; without a directory there are none
 */
int leases_read(const char *network, struct leases *ret, struct cni_err *err);

void leases_free(struct leases *l);

#define cleanup_leases CLEANUP(leases_free)

/**
 * leases_of() - One attachment's leases
 * @ret_n:	How many
 *
 * Return: the first of them
 */
const struct lease *leases_of(const struct leases *l, const char *container_id,
			      const char *ifname, size_t *ret_n);

/**
 * struct lease_key - Who has an allocationKey, or had it last
 * @name:	The key
 * @container_id: Whose it is; points into @text, as all do
 * @ifname:	Of which interface
 * @text:	The record
 */
struct lease_key {
	const char *name;
	const char *container_id;
	const char *ifname;
	char *text;
};

struct lease_keys {
	struct lease_key *v;
	size_t n;
};

/**
 * leases_read_keys() - Read who has the keys of a network
 * @ret:	Free with lease_keys_free(), also after a failure. One without
 *		leases does not count
 *
 * Return: 0 or a negative errno
 */
int leases_read_keys(const char *network, struct lease_keys *ret,
		     struct cni_err *err);

void lease_keys_free(struct lease_keys *l);

#define cleanup_lease_keys CLEANUP(lease_keys_free)

/** leases_data_dir() - What a network's lease directory is in; free(), or NULL */
char *leases_data_dir(const char *network);

/**
 * leases_check_none() - Refuse while an address is held
 * @network:	Valid name; its configuration, where there still is one, says
 *		where the leases are
 *
 * Return: 0, -EBUSY (CNI_E_TAKEN) naming one, or a negative errno
 */
int leases_check_none(const char *network, struct cni_err *err);

/**
 * leases_remove() - Remove what host-local and we keep beside the leases
 *
 * Files that neither of us makes stay, and with them the directory: then that
 * is the error.
 *
 * Return: 0 or a negative errno
 */
int leases_remove(const char *network, struct cni_err *err);

#endif
