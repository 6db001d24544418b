/* SPDX-License-Identifier: Apache-2.0 */
/* antispoof4.h - ARP and IPv4: is the sender who it says it is? */
#ifndef WEFT_BPF_ANTISPOOF4_H
#define WEFT_BPF_ANTISPOOF4_H

#include <linux/if_ether.h>
#include <linux/igmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include "bpf/kern/source.h"

enum {
	DHCP_SERVER = 67,
	DHCP_CLIENT = 68,
	FRAGMENT_OFFSET = 0x1fff, /* in units of 8 bytes */
	MORE_FRAGMENTS = 0x2000,
	TCP_HEADER = 20,
	BARE_IHL = 5, /* in words: without options */
	ARP_ETHERNET = 1,
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
	RARP_REQUEST = 3,
};

#define ROUTER_ALERT 0x94040000U /* RFC 2113, as every IGMP message has it */

/* RFC 826, of Ethernet and IPv4. */
struct arp {
	__u16 hardware, protocol;
	__u8 mac_len, ip_len;
	__u16 operation;
	__u8 sender_mac[ETH_ALEN];
	__u8 sender_ip[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target_ip[4];
} __attribute__((packed));

inlined bool is_mac(const __u8 *a, const __u8 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] &&
	       a[4] == b[4] && a[5] == b[5];
}

inlined bool is_of_ip4(const struct arp *arp)
{
	return arp->hardware == htons(ARP_ETHERNET) &&
	       arp->protocol == htons(ETH_P_IP) && arp->mac_len == ETH_ALEN &&
	       arp->ip_len == sizeof(__u32);
}

/* By which QEMU tells the segment where a VM that has moved is now. */
inlined enum guard_verdict judge_rarp(const struct sender *s)
{
	const struct arp *arp = data_of(s->skb) + ETH_HLEN;
	__u32 from, to;

	if ((void *)(arp + 1) > end_of(s->skb))
		return GUARD_TRUNCATED;
	__builtin_memcpy(&from, arp->sender_ip, sizeof(from));
	__builtin_memcpy(&to, arp->target_ip, sizeof(to));
	return is_of_ip4(arp) && arp->operation == htons(RARP_REQUEST) &&
			       is_mac(arp->sender_mac, s->guest->mac) &&
			       is_mac(arp->target_mac, s->guest->mac) &&
			       !from && !to
		       ? GUARD_PASS
		       : GUARD_ARP;
}

/* A probe (RFC 5227) has no sender. */
inlined enum guard_verdict judge_arp(const struct sender *s)
{
	const struct arp *arp = data_of(s->skb) + ETH_HLEN;
	__u32 ip;

	if ((void *)(arp + 1) > end_of(s->skb))
		return GUARD_TRUNCATED;
	if (!(s->guest->flags & GUARD_IP4))
		return GUARD_FAMILY;
	if (!is_of_ip4(arp) ||
	    (arp->operation != htons(ARP_REQUEST) &&
	     arp->operation != htons(ARP_REPLY)) ||
	    !is_mac(arp->sender_mac, s->guest->mac))
		return GUARD_ARP;
	__builtin_memcpy(&ip, arp->sender_ip, sizeof(ip));
	if (!ip && arp->operation == htons(ARP_REQUEST))
		return GUARD_PASS;
	return owns_ip4(s, ip) ? GUARD_PASS : GUARD_ARP;
}

/* Its first part has what tells the rest apart, and no later one reaches back
 * into that: RFC 1858, RFC 3128. */
inlined enum guard_verdict judge_fragment4(const struct iphdr *ip)
{
	const __u16 field = __builtin_bswap16(ip->frag_off);
	const __u16 offset = field & FRAGMENT_OFFSET;

	if (ip->protocol != IPPROTO_TCP)
		return GUARD_PASS;
	if (offset)
		return offset * 8 < TCP_HEADER ? GUARD_FRAGMENT : GUARD_PASS;
	return __builtin_bswap16(ip->tot_len) < sizeof(*ip) + TCP_HEADER
		       ? GUARD_FRAGMENT
		       : GUARD_PASS;
}

inlined enum guard_verdict judge_igmp(const struct sender *s, __u32 at)
{
	const __u8 *type = data_of(s->skb) + at;

	if ((void *)(type + 1) > end_of(s->skb))
		return GUARD_TRUNCATED;
	return *type == IGMP_HOST_MEMBERSHIP_QUERY ? GUARD_QUERIER : GUARD_PASS;
}

inlined enum guard_verdict judge_options4(const struct sender *s,
					  const struct iphdr *ip)
{
	const __u32 *option = (const void *)(ip + 1);

	if ((void *)(option + 1) > end_of(s->skb))
		return GUARD_TRUNCATED;
	if (ip->ihl != BARE_IHL + 1 || ip->protocol != IPPROTO_IGMP ||
	    *option != htonl(ROUTER_ALERT) ||
	    ip->frag_off & htons(FRAGMENT_OFFSET | MORE_FRAGMENTS))
		return GUARD_OPTIONS;
	return judge_igmp(s, ETH_HLEN + sizeof(*ip) + sizeof(*option));
}

inlined enum guard_verdict judge_udp4(const struct sender *s,
				      const struct iphdr *ip)
{
	const struct udphdr *udp = (const void *)(ip + 1);

	if ((void *)(udp + 1) > end_of(s->skb))
		return GUARD_TRUNCATED;
	if (udp->source == htons(DHCP_SERVER))
		return GUARD_DHCP_SERVER;
	/* Who has no address yet may ask for one: cilium#15980. */
	return ip->saddr || (udp->source == htons(DHCP_CLIENT) &&
			     udp->dest == htons(DHCP_SERVER) &&
			     ip->daddr == INADDR_BROADCAST)
		       ? GUARD_PASS
		       : GUARD_IP4_SOURCE;
}

inlined enum guard_verdict judge_ip4(const struct sender *s)
{
	const struct iphdr *ip = data_of(s->skb) + ETH_HLEN;
	enum guard_verdict v = GUARD_PASS;

	if ((void *)(ip + 1) > end_of(s->skb))
		return GUARD_TRUNCATED;
	if (!(s->guest->flags & GUARD_IP4))
		return GUARD_FAMILY;
	if (ip->version != 4 || ip->ihl < BARE_IHL)
		return GUARD_TRUNCATED;
	if (ip->saddr ? !owns_ip4(s, ip->saddr)
		      : ip->protocol != IPPROTO_UDP)
		return GUARD_IP4_SOURCE;
	if (ip->ihl != BARE_IHL)
		return judge_options4(s, ip);
	if (ip->frag_off & htons(FRAGMENT_OFFSET | MORE_FRAGMENTS)) {
		if (!ip->saddr)
			return GUARD_IP4_SOURCE;
		v = judge_fragment4(ip);
	}
	if (v || ip->frag_off & htons(FRAGMENT_OFFSET))
		return v;
	if (ip->protocol == IPPROTO_UDP)
		return judge_udp4(s, ip);
	return ip->protocol == IPPROTO_IGMP
		       ? judge_igmp(s, ETH_HLEN + sizeof(*ip))
		       : GUARD_PASS;
}

#endif
