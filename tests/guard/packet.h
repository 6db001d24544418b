/* SPDX-License-Identifier: Apache-2.0 */
/* packet.h - packets of a flow as frames, and what the guard says of them. */
#ifndef WEFT_TESTS_GUARD_PACKET_H
#define WEFT_TESTS_GUARD_PACKET_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "../lib/frame.h"
#include "bpf/guard.h"
#include "bpf/map.h"
#include "bpf/policy.h"

#define GUEST_MAC "02:00:00:00:00:01"
#define PEER_MAC "fe:00:00:00:00:09"
#define GUEST_IP "10.1.0.5"
#define GUEST_IP6 "fd00:1::5"

enum {
	LO = 1, /* where BPF_PROG_TEST_RUN lets a program run */
	FIN = 1,
	SYN = 2,
	RST = 4,
	ACK = 16,
};

/**
 * struct packet - What is sent
 * @sport:	Source port; of ICMP the identifier
 * @tcp:	Flags; 0 is SYN
 * @field:	Flags and offset of a fragment, as in IPv4
 * @id:		Of a fragment
 * @cut:	Bytes that are missing at the end
 */
struct packet {
	struct policy_packet k;
	unsigned int sport, tcp, field, id, cut, hops;
};

static inline struct ip_addr addr_of(const char *text)
{
	struct ip_addr a;

	if (ip_parse(text, &a) < 0)
		abort();
	return a;
}

static inline struct packet packet_of(enum policy_dir dir, const char *peer,
				      unsigned int proto, unsigned int port)
{
	return (struct packet){ .k = { .dir = dir,
				       .peer = addr_of(peer),
				       .proto = (uint8_t)proto,
				       .port = (uint16_t)port },
				.sport = 40000 };
}

static inline void put_upper(struct frame *f, const struct packet *p)
{
	const unsigned int port = p->k.port;

	switch (p->k.proto) {
	case IPPROTO_TCP:
		frame_ports(f, p->sport, port, 9);
		frame_u8(f, p->tcp ? p->tcp : SYN);
		frame_fill(f, 6);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		frame_u16(f, port);
		frame_u16(f, 0);
		frame_u16(f, p->sport);
		frame_u16(f, 1);
		break;
	default:
		frame_ports(f, p->sport, port, 8);
	}
}

/* The whole of it, as it is seen at the guest's port. */
static inline void put_packet(struct frame *f, const struct packet *p)
{
	const bool is_6 = p->k.peer.family == AF_INET6;
	const bool out = p->k.dir == POLICY_EGRESS;
	char peer[IP_STR_SIZE];
	const char *own = is_6 ? GUEST_IP6 : GUEST_IP;
	const char *from, *to;

	(void)ip_format(&p->k.peer, peer);
	from = out ? own : peer;
	to = out ? peer : own;
	frame_eth(f, out ? GUEST_MAC : PEER_MAC, out ? PEER_MAC : GUEST_MAC,
		  is_6 ? 0x86dd : 0x0800);
	if (!is_6) {
		frame_ip4(f, from, to, p->k.proto, p->field, 0);
		f->b[f->ip + 4] = (uint8_t)(p->id >> 8);
		f->b[f->ip + 5] = (uint8_t)p->id;
	} else {
		/* A mapped address would be printed as IPv4's. */
		frame_ip6(f, "::", "::", p->field ? 44 : p->k.proto,
			  p->hops ? p->hops : 64);
		memcpy(f->b + f->ip + (out ? 24 : 8), p->k.peer.b, 16);
		memcpy(f->b + f->ip + (out ? 8 : 24), addr_of(own).b, 16);
		if (p->field) {
			frame_u8(f, p->k.proto);
			frame_u8(f, 0);
			frame_u16(f, (p->field & 0x1fff) << 3 |
					     (p->field & 0x2000 ? 1 : 0));
			frame_u32(f, p->id);
		}
	}
	if (p->field & 0x1fff)
		frame_fill(f, 64);
	else
		put_upper(f, p);
	f->len -= p->cut;
	frame_end(f);
}

/* Return: the program's verdict; aborts if it could not be asked */
static inline int run_frame(const struct guard *g, enum policy_dir dir,
			    const struct frame *f)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)(dir == POLICY_EGRESS ? g->from : g->to);
	attr.test.data_in = bpf_pointer(f->b);
	attr.test.data_size_in = (uint32_t)f->len;
	attr.test.repeat = 1;
	if (bpf_call(BPF_PROG_TEST_RUN, &attr))
		abort();
	return (int)attr.test.retval;
}

static inline bool passes(const struct guard *g, const struct packet *p)
{
	struct frame f;

	put_packet(&f, p);
	return run_frame(g, p->k.dir, &f) == TC_ACT_UNSPEC;
}

#endif
