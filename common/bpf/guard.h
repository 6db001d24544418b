/* SPDX-License-Identifier: Apache-2.0 */
/* guard.h - the programs on every guest's port, and what they know of it. */
#ifndef WEFT_BPF_GUARD_H
#define WEFT_BPF_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/mac.h"
#include "bpf/guard_abi.h"

struct answers;
struct netlink;

/**
 * struct guard - The maps and the programs, opened
 * @map:	By enum guard_map
 * @from:	Program for what a guest sends
 * @to:		Program for what it is sent
 */
struct guard {
	int map[GUARD_ALL_MAPS];
	int from, to;
};

/**
 * struct guard_rules - What holds for one guest
 * @attachment:	Its hash
 * @network:	The network's
 * @antispoof:	It may send only what is its own
 * @trunk:	It may tag its frames
 * @mac:	Its own
 * @host_mac:	The host's on that segment, or zero: what link-local address that
 *		gives is no guest's
 * @addrs:	Its own, @n of them; the lengths of prefixes are not looked at
 * @routed:	Networks that it may send from besides, @n_routed of them
 * @layer2:	Nobody gives it addresses: any will do
 * @mirrored:	A macvtap: what it sends goes out by its port
 * @answers:	What it is told when it asks for its addresses; NULL: nothing
 */
struct guard_rules {
	uint64_t attachment;
	uint64_t network;
	bool antispoof, trunk, layer2, mirrored;
	struct mac mac, host_mac;
	const struct ip_net *addrs;
	size_t n;
	const struct ip_net *routed;
	size_t n_routed;
	const struct answers *answers;
};

/**
 * guard_encode() - As the programs read them; pure
 * @r:		The rules
 * @ret:	Filled on success, like
 * @ret_more:	what does not fit in there; its n is 0 if everything does
 * @err:	CNI_E_CONFIG: more of them than GUARD_ADDRS and GUARD_PREFIXES
 *
 * Return: 0 or a negative errno
 */
int guard_encode(const struct guard_rules *r, struct guard_guest *ret,
		 struct guard_sources *ret_more, struct cni_err *err);

/**
 * guard_open() - Open the guard, which is loaded and pinned the first time
 * @ret:	Close with guard_close(), also after a failure
 * @err:	Filled on failure: without it nobody is to be let through
 *
 * Once per boot under a lock: verifying takes a while. Killed within, the next
 * one goes on. Mounts bpffs where it always is, if nobody has.
 *
 * Return: 0, -ETIMEDOUT (CNI_E_RETRY), or a negative errno
 */
int guard_open(struct guard *ret, struct cni_err *err);

/**
 * guard_find() - Open its maps, if it has ever been loaded
 *
 * Return: 1, 0 if not, or a negative errno
 */
int guard_find(struct guard *ret, struct cni_err *err);

/**
 * guard_find_map() - One of its maps alone
 * @ret_fd:	close(); unchanged if there is none
 *
 * Return: 1, 0 if it was never loaded, or a negative errno
 */
int guard_find_map(enum guard_map map, int *ret_fd, struct cni_err *err);

/**
 * guard_lock() - One at a time: whoever loads it, or changes what holds for others
 * @ret_fd:	close() unlocks
 * @err:	CNI_E_RETRY: somebody has had it for too long
 *
 * Return: 0, -ETIMEDOUT, or another negative errno
 */
int guard_lock(int *ret_fd, struct cni_err *err);

/** guard_close() - What is loaded stays */
void guard_close(struct guard *g);

#define GUARD_NONE                                                      \
	{                                                               \
		.map = { [0 ... GUARD_ALL_MAPS - 1] = -1 }, .from = -1, \
		.to = -1                                                \
	}
#define cleanup_guard CLEANUP(guard_close)

/**
 * guard_index() - The ifindex that a device is to be made with
 * @g:		The guard
 * @attachment:	Hash of whose device it is to be
 * @index:	The first choice
 *
 * Entries are of the whole machine, ifindexes are not: in another namespace it
 * may be taken.
 *
 * Return: the first of GUARD_TRIES that no other attachment has an entry for;
 * if all have one, the last, which guard_admit() will refuse
 */
uint32_t guard_index(const struct guard *g, uint64_t attachment,
		     uint32_t index);

enum { GUARD_TRIES = 4 };

/**
 * guard_admit() - Write what holds for a guest: before its port is up
 * @g:		The guard
 * @ifindex:	Its port
 * @rules:	What holds
 * @err:	CNI_E_TAKEN: that index is another's; CNI_E_CONFIG
 *
 * Return: 0 or a negative errno; then guard_dismiss() takes back what there is
 */
int guard_admit(const struct guard *g, uint32_t ifindex,
		const struct guard_rules *rules, struct cni_err *err);

/**
 * guard_dismiss() - Forget an attachment, if that port is its
 *
 * Return: 0, also if there is nothing, or a negative errno
 */
int guard_dismiss(const struct guard *g, uint32_t ifindex, uint64_t attachment,
		  struct cni_err *err);

/**
 * guard_dismiss_all() - Wherever guard_index() may have put it
 * @g:		The guard
 * @attachment:	Its hash
 * @index:	The first choice
 * @ifindex:	Its port besides; 0: none is known
 * @err:	Filled on failure
 *
 * Return: 0, also if there is nothing, or a negative errno
 */
int guard_dismiss_all(const struct guard *g, uint64_t attachment,
		      uint32_t index, uint32_t ifindex, struct cni_err *err);

/**
 * guard_attach() - Put the programs on a port, over those of another build
 * @g:		The guard
 * @nl:		rtnetlink socket of the port's namespace
 * @ifindex:	The port
 * @mirrored:	A macvtap: what its guest sends goes out there
 * @err:	Filled on failure
 *
 * Return: 0 or a negative errno
 */
int guard_attach(const struct guard *g, struct netlink *nl, uint32_t ifindex,
		 bool mirrored, struct cni_err *err);

/**
 * guard_check() - Is everything as guard_admit() and guard_attach() left it?
 *
 * Programs of another build count as well as our own.
 *
 * Return: 0; -ESTALE with a sentence about what is wrong in @err, or another
 * negative errno
 */
int guard_check(struct netlink *nl, uint32_t ifindex, bool mirrored,
		const struct guard_rules *rules, struct cni_err *err);

/**
 * guard_check_port() - Has a port a guard, whatever that lets pass?
 * @g:		The guard
 * @nl:		rtnetlink in the port's namespace
 * @ifindex:	The port
 * @attachment:	Hash of whose it is
 * @err:	Filled on failure
 *
 * Return: 0; -ESTALE with a sentence in @err, or another negative errno
 */
int guard_check_port(const struct guard *g, struct netlink *nl,
		     uint32_t ifindex, uint64_t attachment,
		     struct cni_err *err);

/**
 * guard_counts() - What has passed and what has not, of all CPUs together
 *
 * Return: 0, -ENOENT, or another negative errno
 */
int guard_counts(const struct guard *g, uint32_t ifindex,
		 struct guard_counts *ret, struct cni_err *err);

/**
 * guard_knows() - Is that port the attachment's, and guarded?
 *
 * Return: 1, 0 or a negative errno
 */
int guard_knows(const struct guard *g, uint32_t ifindex, uint64_t attachment);

/** guard_counts_add() - The sum of two */
void guard_counts_add(struct guard_counts *sum, const struct guard_counts *n);

/**
 * guard_next() - Go through the ports of an attachment
 * @g:		The guard
 * @attachment:	Its hash
 * @ifindex:	0: begin; then where the last call has got to
 *
 * Reads the entries of every guest: not for ADD, DEL and CHECK.
 *
 * Return: 1: there is another one, 0 or a negative errno
 */
int guard_next(const struct guard *g, uint64_t attachment, uint32_t *ifindex);

/** guard_verdict_name() - "pass", "mac", ...: as users read it */
const char *guard_verdict_name(enum guard_verdict v);

/** guard_verdict_text() - What it means, in a few words */
const char *guard_verdict_text(enum guard_verdict v);

/** guard_link_local() - That which a MAC gives: RFC 4291 appendix A */
void guard_link_local(const struct mac *mac, uint32_t ret[4]);

/**
 * guard_collect() - Dismiss what is stale of a network, and claims of nobody
 * @network:	Its hash
 * @is_valid:	Called with an attachment's hash
 * @arg:	Handed to it
 * @err:	Filled on failure
 *
 * Return: 0 or the first negative errno; it goes on after one
 */
int guard_collect(uint64_t network, bool (*is_valid)(uint64_t, void *),
		  void *arg, struct cni_err *err);

/**
 * guard_forget_network() - All of a network, the host's claims included
 *
 * Return: 0 or a negative errno
 */
int guard_forget_network(uint64_t network, struct cni_err *err);

#endif
