/* SPDX-License-Identifier: Apache-2.0 */
/* answers.h - what a guest is told when it asks for its addresses, as the
 * programs of the guard send it; pure. */
#ifndef WEFT_BPF_ANSWERS_H
#define WEFT_BPF_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/mac.h"
#include "bpf/guard_abi.h"

/* Without one nobody would renew anything. */
#define ANSWERS_LEASE_S 86400U
#define ANSWERS_FOREVER 0xffffffffU

/**
 * struct answers_route - Of a guest
 * @dst:	Where to
 * @via:	By which router; of no family: by the gateway
 */
struct answers_route {
	struct ip_net dst;
	struct ip_addr via;
};

/**
 * struct answers_option - Any other, as its bytes; instead of ours
 * @ip6:	Of DHCPv6, not of DHCPv4
 * @code:	Its number
 * @data:	What is in it,
 * @len:	so many bytes
 */
struct answers_option {
	bool ip6;
	uint16_t code;
	const uint8_t *data;
	size_t len;
};

/**
 * struct answers - What there is to know; all of it may be absent but @mac
 * @mac:	Who tells it
 * @neighbour:	@mac is the gateway's: to be told to who asks for that
 * @addrs:	The guest's, @n of them: the first of IPv4 and all of IPv6
 * @gateway4:	The network's; gives the address, too
 * @gateway6:	The same of IPv6
 * @routes:	Of the guest, @n_routes of them; only what is in here it gets
 * @dns:	Resolvers of both families, @n_dns
 * @ntp:	Time servers of both families, @n_ntp
 * @search:	Where to look for names, @n_search domains
 * @domain:	The guest's
 * @hostname:	Its name
 * @boot_server: From where it boots, as option 66
 * @boot_file:	What it boots, as option 67
 * @boot_url:	What it boots, as option 59 of DHCPv6
 * @mtu:	Of its network; 0: not said
 * @lease_s:	For how long, seconds; 0: ANSWERS_LEASE_S
 * @options:	Any other, @n_options
 */
struct answers {
	struct mac mac;
	bool neighbour;
	const struct ip_net *addrs;
	size_t n;
	struct ip_addr gateway4, gateway6;
	const struct answers_route *routes;
	size_t n_routes;
	const struct ip_addr *dns, *ntp;
	size_t n_dns, n_ntp;
	const char *const *search;
	size_t n_search;
	const char *domain, *hostname;
	const char *boot_server, *boot_file, *boot_url;
	uint32_t mtu, lease_s;
	const struct answers_option *options;
	size_t n_options;
};

/**
 * answers_encode() - As the programs send it
 * @a:		What there is to know
 * @ret:	Filled on success, every byte
 * @err:	CNI_E_CONFIG, naming the option that does not fit or is wrong
 *
 * An IPv6 route by another router than the gateway is left out: nothing that a
 * guest understands says it. Without a gateway IPv4 is answered from 192.0.0.8.
 *
 * Source: RFC 2131, 2132, 3397, 3442, 4191, 4861, 5908, 5970, 7600, 8106, 8415.
 *
 * Return: 0, or
 *   -E2BIG   more than fits
 *   -EINVAL  what no option can say
 */
int answers_encode(const struct answers *a, struct guard_answer *ret,
		   struct cni_err *err);

#endif
