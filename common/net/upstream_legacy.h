/* SPDX-License-Identifier: Apache-2.0 */
/* upstream_legacy.h - chains of iptables-legacy, by what iptables reads. */
#ifndef WEFT_NET_UPSTREAM_LEGACY_H
#define WEFT_NET_UPSTREAM_LEGACY_H

#include <stdbool.h>

#include "base/err.h"

/**
 * upstream_legacy_has() - Is there such a chain in its table nat?
 * @v6:		ip6tables's
 * @chain:	Name
 * @err:	Filled on failure
 *
 * Reads the whole table, if /proc/net/ip_tables_names tells of one: to ask for
 * one that is not there would make the kernel load it.
 *
 * Source: linux/netfilter_ipv4/ip_tables.h, IPT_SO_GET_ENTRIES.
 *
 * Return: 1 or 0, or a negative errno
 */
int upstream_legacy_has(bool v6, const char *chain, struct cni_err *err);

#endif
