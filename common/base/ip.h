/* SPDX-License-Identifier: Apache-2.0 */
/* ip.h - IPv4 and IPv6 addresses in one type; pure. */
#ifndef WEFT_BASE_IP_H
#define WEFT_BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IP_STR_SIZE 46	   /* INET6_ADDRSTRLEN */
#define IP_NET_STR_SIZE 50 /* IP_STR_SIZE and "/128" */

/**
 * struct ip_addr - An address
 * @family:	AF_INET or AF_INET6; 0: none
 * @b:		Network byte order, the first 4 or all 16 bytes; rest is zero
 */
struct ip_addr {
	uint8_t family;
	uint8_t b[16];
};

/**
 * struct ip_net - An address and the length of its prefix
 * @addr:	Host bits are kept: "10.1.0.5/16" is an interface's address
 * @plen:	Bits, 0..32 or 0..128
 */
struct ip_net {
	struct ip_addr addr;
	uint8_t plen;
};

/**
 * ip_parse() - Read an address as Go's net.ParseIP does
 * @s:		Text; no zone, no leading zeros in IPv4
 * @ret:	The address; unchanged on failure. ::ffff:a.b.c.d becomes IPv4
 *
 * Return: 0, or -EINVAL
 */
int ip_parse(const char *s, struct ip_addr *ret);

/**
 * ip_net_parse() - Read "address/length" as Go's net.ParseCIDR does
 * @s:		Text; host bits are kept
 * @ret:	The network; unchanged on failure
 *
 * Return: 0, or -EINVAL
 */
int ip_net_parse(const char *s, struct ip_net *ret);

/** ip_format() - RFC 5952 text, lower case; returns @buf */
const char *ip_format(const struct ip_addr *a, char buf[IP_STR_SIZE]);

/** ip_net_format() - The same with "/length"; returns @buf */
const char *ip_net_format(const struct ip_net *n, char buf[IP_NET_STR_SIZE]);

/** ip_len() - Bytes of an address: 4, 16, or 0 if there is none */
size_t ip_len(const struct ip_addr *a);

/** ip_max_plen() - 32 or 128 */
uint8_t ip_max_plen(uint8_t family);

/** ip_cmp() - <0, 0 or >0; IPv4 before IPv6 */
int ip_cmp(const struct ip_addr *a, const struct ip_addr *b);

bool ip_equal(const struct ip_addr *a, const struct ip_addr *b);
bool ip_is_unspecified(const struct ip_addr *a);

/** ip_is_link_local() - 169.254/16 or fe80::/10 */
bool ip_is_link_local(const struct ip_addr *a);

/**
 * ip_add() - The address @n further on
 *
 * Return: true, or false where the family's address space ends before; @a is
 * then unchanged
 */
bool ip_add(struct ip_addr *a, uint64_t n);

/**
 * ip_distance() - How many steps from @lo to @hi
 *
 * Return: the count, UINT64_MAX if it is larger; 0 if @hi is not beyond @lo
 */
uint64_t ip_distance(const struct ip_addr *lo, const struct ip_addr *hi);

/** ip_net_contains() - Is @a of the same family and under the prefix? */
bool ip_net_contains(const struct ip_net *n, const struct ip_addr *a);

/** ip_net_overlaps() - Does one of the two prefixes contain the other? */
bool ip_net_overlaps(const struct ip_net *a, const struct ip_net *b);

/** ip_net_first() - All host bits zero: the network's own address */
struct ip_addr ip_net_first(const struct ip_net *n);

/** ip_net_last() - All host bits one: IPv4's broadcast address */
struct ip_addr ip_net_last(const struct ip_net *n);

/** ip_net_masked() - The network itself, host bits cleared */
struct ip_net ip_net_masked(const struct ip_net *n);

#endif
