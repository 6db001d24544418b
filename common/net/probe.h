/* SPDX-License-Identifier: Apache-2.0 */
/* probe.h - which parts this kernel has, by trying them. */
#ifndef WEFT_NET_PROBE_H
#define WEFT_NET_PROBE_H

#include "base/err.h"

/* Bits: one of each kind of thing that a plugin makes. */
enum probe_part {
	PROBE_VETH = 1 << 0,
	PROBE_BRIDGE = 1 << 1,
	PROBE_TAP = 1 << 2, /* by /dev/net/tun */
	PROBE_NFT = 1 << 3, /* nf_tables, inet, masquerade */
	PROBE_MACVLAN = 1 << 4,
	PROBE_CLSACT = 1 << 5,
	PROBE_MACVTAP = 1 << 6, /* not said where there is no macvlan either */
};

/**
 * probe_kernel() - Try every part in a namespace of its own
 * @ret_missing: enum probe_part of those that failed; unchanged on failure
 * @err:	Filled on failure
 *
 * A fresh network namespace is entered and left again; it ends with what was
 * made in it. Like an ADD, trying may load modules.
 *
 * Return: 0, or a negative errno: there could be no namespace, often -EPERM
 */
int probe_kernel(unsigned int *ret_missing, struct cni_err *err);

#endif
