/* SPDX-License-Identifier: Apache-2.0 */
/* lease.h - a guest's addresses, taken from the IPAM plugin and given back. */
#ifndef WEFT_GUEST_LEASE_H
#define WEFT_GUEST_LEASE_H

#include <stdbool.h>

#include "cni/plugin.h"
#include "net/undo.h"

/**
 * struct lease - What an attachment holds
 * @call:	The request
 * @ipam:	What the IPAM plugin gave
 * @in_use:	The guest's device could not be removed, and may still send from
 *		that address: a rollback must not release it
 */
struct lease {
	const struct cni_call *call;
	struct cni_result *ipam;
	bool in_use;
};

/**
 * lease_take() - ADD by the IPAM plugin, if there is one
 * @l:		Must live as long as @undo; @l->ipam is filled
 * @undo:	Gets the step that gives it back
 * @err:	Filled on failure
 *
 * Return: 0, -EINVAL: the IPAM plugin gave no address, or another negative
 * errno
 */
int lease_take(struct lease *l, struct undo *undo, struct cni_err *err);

#endif
