/* SPDX-License-Identifier: Apache-2.0 */
/* user.h - somebody's own programs on a port, behind the guard's. */
#ifndef WEFT_BPF_USER_H
#define WEFT_BPF_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct netlink;

/**
 * struct bpf_user - Loaded programs
 * @from:	Sees what the guest sends and the guard has let pass; -1: none does
 * @to:		Sees what it is sent
 */
struct bpf_user {
	int from, to;
};

#define BPF_USER_NONE                \
	{                            \
		.from = -1, .to = -1 \
	}

/**
 * bpf_user_open() - Open what is pinned
 * @path:	In a bpffs: a program, which is both; or a directory, with a program
 *		"from", one "to", or both, or else but one
 * @ret:	Close with bpf_user_close(), also after a failure
 * @err:	CNI_E_CONFIG: a directory with several, of other names
 *
 * Return: 1, 0 if there is nothing, or a negative errno
 */
int bpf_user_open(const char *path, struct bpf_user *ret, struct cni_err *err);

void bpf_user_close(struct bpf_user *u);

#define cleanup_bpf_user CLEANUP(bpf_user_close)

/**
 * bpf_user_attach() - Put them on a port
 * @u:		The programs
 * @nl:		rtnetlink socket of the port's namespace
 * @ifindex:	The port
 * @mirrored:	A macvtap: what its guest sends goes out there
 * @err:	Filled on failure
 *
 * What they return counts as in tc-bpf(8): TC_ACT_UNSPEC goes on, to whoever is
 * next; TC_ACT_SHOT drops, which the guard does not count.
 *
 * Return: 0 or a negative errno
 */
int bpf_user_attach(const struct bpf_user *u, struct netlink *nl,
		    uint32_t ifindex, bool mirrored, struct cni_err *err);

/**
 * bpf_user_check() - Is one there, in either direction?
 * @err:	CNI_E_CHECK: there is none
 *
 * Return: 0, -ESTALE, or another negative errno
 */
int bpf_user_check(struct netlink *nl, uint32_t ifindex, bool mirrored,
		   struct cni_err *err);

#endif
