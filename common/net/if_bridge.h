/* SPDX-License-Identifier: Apache-2.0 */
/* if_bridge.h - linux/if_bridge.h, which needs IPv6's structures. musl defines
 * them, too, and does not tell the kernel's headers so. */
#ifndef WEFT_NET_IF_BRIDGE_H
#define WEFT_NET_IF_BRIDGE_H

/* clang-format off */
#include <netinet/in.h>
#ifndef __GLIBC__
#define __UAPI_DEF_IN6_ADDR 0
#define __UAPI_DEF_SOCKADDR_IN6 0
#define __UAPI_DEF_IPV6_MREQ 0
#define __UAPI_DEF_IPPROTO_V6 0
#define __UAPI_DEF_IPV6_OPTIONS 0
#endif
#include <linux/if_bridge.h>
/* clang-format on */

#endif
