/* SPDX-License-Identifier: Apache-2.0 */
/* portmap_old.h - forwards that the reference plugin made before us. */
#ifndef WEFT_NET_PORTMAP_OLD_H
#define WEFT_NET_PORTMAP_OLD_H

#include "base/err.h"

/**
 * portmap_old_remove() - Remove a container's rules from table cni_hostport
 * @comment:	The container's ID, which is all that the reference's rules say
 * @err:	Filled on failure
 *
 * In tables "ip cni_hostport" and "ip6 cni_hostport", which portmap 1.6 to 1.9
 * make with nftables. Its chains stay, as it leaves them itself. No such table
 * is success.
 *
 * Return: 0, or a negative errno
 */
int portmap_old_remove(const char *comment, struct cni_err *err);

#endif
