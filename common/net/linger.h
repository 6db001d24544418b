/* SPDX-License-Identifier: Apache-2.0 */
/* linger.h - nfnetlink sockets that a child closes. */
#ifndef WEFT_NET_LINGER_H
#define WEFT_NET_LINGER_H

#include <stdbool.h>

#include "net/link_remove.h"

/**
 * linger_begin() - From here on, closed nfnetlink sockets stay open
 *
 * After nf_tables has deleted something, the kernel makes the close of every
 * nfnetlink socket wait until its memory is free, 10 to 20 ms, though what was
 * deleted has no effect any more.
 *
 * Source: nft_rcv_nl_event(), net/netfilter/nf_tables_api.c.
 */
void linger_begin(void);

/**
 * linger_end() - Have a child close them
 * @wait:	LINK_WAIT_KERNEL: close them here, as where a child of link_remove()
 *		has them too
 *
 * It keeps no other descriptor and ends after a tenth of a second; whoever reaps
 * orphans reaps it. Where none can be made, the caller waits. Without sockets it does nothing.
 */
void linger_end(enum link_wait wait);

/**
 * linger_keep_with() - For a child that waits for the kernel anyway
 * @fd:		What it needs for that
 *
 * Closes all but @fd and the sockets: they end with the child.
 */
void linger_keep_with(int fd);

/** linger_take() - For netlink_close(): keep @fd if it is to stay open */
bool linger_take(int fd);

#endif
