/* SPDX-License-Identifier: Apache-2.0 */
/* netlink_sock.h - what is behind struct netlink, for netlink*.c alone. */
#ifndef WEFT_NET_NETLINK_SOCK_H
#define WEFT_NET_NETLINK_SOCK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#define NETLINK_BUF_SIZE 32768 /* the most that one datagram holds */

/**
 * struct netlink - A netlink socket
 * @fd:		The descriptor
 * @seq:	Sequence number of the next request
 * @broken:	See netlink_is_broken()
 * @is_nfnl:	To nfnetlink, see linger_begin()
 */
struct netlink {
	int fd;
	uint32_t seq;
	bool broken;
	bool is_nfnl;
};

#endif
