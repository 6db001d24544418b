/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/packet.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum {
	ARP_SIZE = 28,
	IP4_SIZE = 20,
	IP6_SIZE = 40,
	EXTENSIONS = 8, /* more than the guard follows */
	TCP_FLAGS_AT = 13,
	PORTS_SIZE = 4,
	MORE_FRAGMENTS = 0x2000,
	FRAGMENT_OFFSET = 0x1fff,
	TAG_SIZE = 4,
	VLAN_MASK = 0xfff,
};

/* What is left to be read. */
struct bytes {
	const uint8_t *b;
	size_t n;
};

static uint16_t u16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

/* Return: NULL if there are not as many */
static const uint8_t *take(struct bytes *s, size_t n)
{
	const uint8_t *at = s->b;

	if (s->n < n)
		return NULL;
	s->b += n;
	s->n -= n;
	return at;
}

static void set_addr(struct ip_addr *a, uint8_t family, const uint8_t *b)
{
	a->family = family;
	memcpy(a->b, b, family == AF_INET ? 4 : 16);
}

static void read_arp(struct bytes s, struct packet *p)
{
	const uint8_t *b = take(&s, ARP_SIZE);

	if (!b || u16(b) != 1 || u16(b + 2) != ETH_P_IP || b[4] != ETH_ALEN ||
	    b[5] != 4)
		return;
	p->operation = u16(b + 6);
	memcpy(p->arp_mac.b, b + 8, ETH_ALEN);
	set_addr(&p->from, AF_INET, b + 14);
	set_addr(&p->to, AF_INET, b + 24);
}

static void read_upper(struct bytes s, struct packet *p)
{
	const bool is_tcp = p->proto == IPPROTO_TCP;
	const uint8_t *b;

	if (p->offset)
		return;
	if (is_tcp || p->proto == IPPROTO_UDP || p->proto == IPPROTO_SCTP) {
		b = take(&s, is_tcp ? TCP_FLAGS_AT + 1 : PORTS_SIZE);
		if (!b)
			return;
		p->has_ports = true;
		p->from_port = u16(b);
		p->to_port = u16(b + 2);
		p->flags = is_tcp ? b[TCP_FLAGS_AT] : 0;
	} else if (p->proto == (p->from.family == AF_INET ? IPPROTO_ICMP
							  : IPPROTO_ICMPV6)) {
		b = take(&s, 2);
		if (!b)
			return;
		p->has_type = true;
		p->icmp_type = b[0];
		p->icmp_code = b[1];
	}
}

static void read_ip4(struct bytes s, struct packet *p)
{
	const uint8_t *b = take(&s, IP4_SIZE);
	uint16_t field;
	size_t words;

	if (!b || b[0] >> 4 != 4)
		return;
	words = b[0] & 0xfU;
	set_addr(&p->from, AF_INET, b + 12);
	set_addr(&p->to, AF_INET, b + 16);
	p->proto = b[9];
	field = u16(b + 6);
	p->is_fragment = field & (MORE_FRAGMENTS | FRAGMENT_OFFSET);
	p->offset = (field & FRAGMENT_OFFSET) * 8U;
	if (words * 4 >= IP4_SIZE && take(&s, words * 4 - IP4_SIZE))
		read_upper(s, p);
}

/* Return: is it one that another header follows? Then that is the next. */
static bool skip_extension(struct bytes *s, struct packet *p)
{
	const uint8_t *b = s->b;
	size_t len;

	switch (p->proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		len = s->n < 2 ? SIZE_MAX : (b[1] + 1UL) * 8;
		break;
	case IPPROTO_AH:
		len = s->n < 2 ? SIZE_MAX : (b[1] + 2UL) * 4;
		break;
	case IPPROTO_FRAGMENT:
		len = 8;
		break;
	default:
		return false;
	}
	if (!take(s, len)) {
		s->n = 0;
		p->proto = -1;
		return false;
	}
	if (p->proto == IPPROTO_FRAGMENT) {
		p->is_fragment = true;
		p->offset = u16(b + 2) & 0xfff8U;
	}
	p->proto = b[0];
	return !p->offset;
}

static void read_ip6(struct bytes s, struct packet *p)
{
	const uint8_t *b = take(&s, IP6_SIZE);

	if (!b || b[0] >> 4 != 6)
		return;
	set_addr(&p->from, AF_INET6, b + 8);
	set_addr(&p->to, AF_INET6, b + 24);
	p->proto = b[6];
	for (int i = 0; i < EXTENSIONS && skip_extension(&s, p); i++)
		;
	read_upper(s, p);
}

static bool is_tag(uint16_t type)
{
	return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

void packet_read(const uint8_t *b, size_t n, struct packet *ret)
{
	struct bytes s = { b, n };
	const uint8_t *eth = take(&s, ETH_HLEN);

	*ret = (struct packet){ .tag = -1, .proto = -1 };
	if (!eth)
		return;
	memcpy(ret->to_mac.b, eth, ETH_ALEN);
	memcpy(ret->from_mac.b, eth + ETH_ALEN, ETH_ALEN);
	ret->type = u16(eth + 12);
	while (is_tag(ret->type)) {
		const uint8_t *tag = take(&s, TAG_SIZE);

		if (!tag)
			return;
		if (ret->tag < 0)
			ret->tag = u16(tag) & VLAN_MASK;
		ret->type = u16(tag + 2);
	}
	if (ret->type == ETH_P_ARP)
		read_arp(s, ret);
	else if (ret->type == ETH_P_IP)
		read_ip4(s, ret);
	else if (ret->type == ETH_P_IPV6)
		read_ip6(s, ret);
}

const char *packet_flags_text(const struct packet *p,
			      char ret[PACKET_FLAGS_TEXT])
{
	static const char *const names[] = { "fin", "syn", "rst",
					     "psh", "ack", "urg" };
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (p->flags & 1U << i)
			n += (size_t)snprintf(ret + n, PACKET_FLAGS_TEXT - n,
					      "%s%s", n ? "," : "", names[i]);
	return ret;
}

const char *packet_proto_text(const struct packet *p,
			      char ret[PACKET_PROTO_TEXT])
{
	const char *name = p->proto == IPPROTO_TCP	? "tcp"
			   : p->proto == IPPROTO_UDP	? "udp"
			   : p->proto == IPPROTO_SCTP	? "sctp"
			   : p->proto == IPPROTO_ICMP	? "icmp"
			   : p->proto == IPPROTO_ICMPV6 ? "icmpv6"
			   : p->proto == IPPROTO_IGMP	? "igmp"
							: NULL;

	if (name)
		(void)snprintf(ret, PACKET_PROTO_TEXT, "%s", name);
	else if (p->proto >= 0)
		(void)snprintf(ret, PACKET_PROTO_TEXT, "ip/%d", p->proto);
	else
		(void)snprintf(ret, PACKET_PROTO_TEXT, "ip");
	return ret;
}

#define END_TEXT (IP_STR_SIZE + 9)

static const char *end_text(const struct ip_addr *a, const uint16_t *port,
			    char ret[END_TEXT])
{
	char text[IP_STR_SIZE];

	(void)ip_format(a, text);
	if (!port)
		(void)snprintf(ret, END_TEXT, "%s", text);
	else if (a->family == AF_INET)
		(void)snprintf(ret, END_TEXT, "%s:%u", text, *port);
	else
		(void)snprintf(ret, END_TEXT, "[%s]:%u", text, *port);
	return ret;
}

static void put_ip(const struct packet *p, char ret[PACKET_TEXT])
{
	const uint16_t *from_port = p->has_ports ? &p->from_port : NULL;
	const uint16_t *to_port = p->has_ports ? &p->to_port : NULL;
	char from[END_TEXT], to[END_TEXT], proto[PACKET_PROTO_TEXT];
	char flags[PACKET_FLAGS_TEXT], type[12] = "", part[24] = "";

	if (p->has_type && p->icmp_code)
		(void)snprintf(type, sizeof(type), "/%u:%u", p->icmp_type,
			       p->icmp_code);
	else if (p->has_type)
		(void)snprintf(type, sizeof(type), "/%u", p->icmp_type);
	if (p->is_fragment)
		(void)snprintf(part, sizeof(part), " part at %u", p->offset);
	(void)packet_flags_text(p, flags);
	(void)snprintf(ret, PACKET_TEXT, "%s%s%s %s > %s%s%s",
		       packet_proto_text(p, proto), type, part,
		       end_text(&p->from, from_port, from),
		       end_text(&p->to, to_port, to), *flags ? " " : "", flags);
}

static void put_arp(const struct packet *p, char ret[PACKET_TEXT])
{
	char from[IP_STR_SIZE], to[IP_STR_SIZE], mac[MAC_STR_SIZE];

	(void)snprintf(ret, PACKET_TEXT, "arp %s %s (%s) > %s",
		       p->operation == 1   ? "request"
		       : p->operation == 2 ? "reply"
					   : "other",
		       ip_format(&p->from, from), mac_format(&p->arp_mac, mac),
		       ip_format(&p->to, to));
}

const char *packet_text(const struct packet *p, char ret[PACKET_TEXT])
{
	char from[MAC_STR_SIZE], to[MAC_STR_SIZE];

	if (p->operation)
		put_arp(p, ret);
	else if (p->from.family)
		put_ip(p, ret);
	else
		(void)snprintf(ret, PACKET_TEXT, "0x%04x %s > %s", p->type,
			       mac_format(&p->from_mac, from),
			       mac_format(&p->to_mac, to));
	return ret;
}
