/* SPDX-License-Identifier: Apache-2.0 */
/* packet.h - what a frame is, for people: as far as its first bytes tell. */
#ifndef WEFT_WEFT_PACKET_H
#define WEFT_WEFT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/mac.h"

/**
 * struct packet - A frame, read
 * @to_mac, @from_mac: Ethernet's
 * @type:	EtherType behind all tags; of IEEE 802.3 the length. Of what is too
 *		short for it, as of all that follow, zero
 * @tag:	The outermost VLAN, or -1
 * @from, @to:	Of ARP the sender and the target; family 0: none
 * @proto:	Behind IPv6's extension headers; -1: not to be seen
 * @has_ports:	Of TCP, UDP and SCTP
 * @flags:	Of TCP; @has_ports
 * @has_type:	Of ICMP
 * @icmp_type, @icmp_code: Those
 * @is_fragment: A part, and
 * @offset:	where it belongs, in bytes
 * @operation:	Of ARP: 1 asks, 2 answers
 * @arp_mac:	Of ARP, whose address @from is said to be
 */
struct packet {
	struct mac to_mac, from_mac;
	uint16_t type;
	int tag;
	struct ip_addr from, to;
	int proto;
	bool has_ports;
	uint16_t from_port, to_port;
	uint8_t flags;
	bool has_type;
	uint8_t icmp_type, icmp_code;
	bool is_fragment;
	unsigned int offset;
	uint16_t operation;
	struct mac arp_mac;
};

/** packet_read() - Any bytes, of which it looks at @n */
void packet_read(const uint8_t *b, size_t n, struct packet *ret);

#define PACKET_TEXT 192

/**
 * packet_text() - "tcp 10.1.0.2:40000 > 10.1.0.3:80 syn"
 *
 * Return: @ret
 */
const char *packet_text(const struct packet *p, char ret[PACKET_TEXT]);

#define PACKET_FLAGS_TEXT 32

/** packet_flags_text() - "syn,ack"; "" if there are none; returns @ret */
const char *packet_flags_text(const struct packet *p,
			      char ret[PACKET_FLAGS_TEXT]);

#define PACKET_PROTO_TEXT 16

/** packet_proto_text() - "tcp", or "ip/47"; returns @ret */
const char *packet_proto_text(const struct packet *p,
			      char ret[PACKET_PROTO_TEXT]);

#endif
