/* SPDX-License-Identifier: Apache-2.0 */
/* policy_abi.h - the layout of the policy's maps; see guard_abi.h, whose
 * GUARD_SCHEMA holds for it, too. */
#ifndef WEFT_BPF_POLICY_ABI_H
#define WEFT_BPF_POLICY_ABI_H

#include <linux/types.h>

enum {
	GUARD_INGRESS = 1 << 0, /* what no rule allows is not for the guest */
	GUARD_EGRESS = 1 << 1,	/* nor may it send that */
	GUARD_AUDIT_INGRESS = 1 << 2, /* but it passes, and is counted */
	GUARD_AUDIT_EGRESS = 1 << 3,
};

/**
 * struct guard_policy - Which rules hold for a guest; by ifindex
 * @id:		Whose rules they are: the first word of their keys
 * @generation:	Changes with the rules, and with it what is known of a flow. Its
 *		last bit says which of two sets under @id it is
 * @flags:	GUARD_INGRESS and so on
 * @quota:	New flows that are remembered, of a period of GUARD_PERIOD
 * @period:	The one at hand; written by the program, like
 * @flows:	how many were new within, and
 * @audited:	how many frames have passed that would not have
 */
struct guard_policy {
	__u32 id;
	__u32 generation;
	__u32 flags;
	__u32 quota;
	__u32 period;
	__u32 flows;
	__u64 audited;
};

enum {
	GUARD_TICK = 30,      /* a period of time is 2^30 ns */
	GUARD_PERIOD = 32,    /* of them */
	GUARD_PEER_BITS = 64, /* of a key in front of the address */
	GUARD_PORT_BITS = 96, /* in front of the protocol */
	GUARD_PROTO_BITS = 8,
};

/**
 * struct guard_peer - An address's prefix, for a longest match
 * @plen:	GUARD_PEER_BITS and more
 * @slot:	Of the two sets
 * @egress:	Of which direction
 * @family:	4 or 6
 * @addr:	IPv4 in the first word
 */
struct guard_peer {
	__u32 plen;
	__u32 id;
	__u8 slot, egress, family, unused;
	__u32 addr[4];
};

/**
 * struct guard_port - A port's prefix, for a longest match
 * @plen:	GUARD_PORT_BITS: whatever protocol; with GUARD_PROTO_BITS: any port
 * @slot:	Of the two sets
 * @class:	Of peers
 * @port:	In network byte order; of ICMP type and code
 */
struct guard_port {
	__u32 plen;
	__u32 id;
	__u8 slot, unused[3];
	__u32 class;
	__u8 proto, port[2], unused2;
};

enum guard_says {
	GUARD_DENIES,
	GUARD_ALLOWS,
	GUARD_LISTS, /* the few that there are, the longest first */
	GUARD_ASKS,  /* GUARD_PORTS, by the class */
};

/**
 * struct guard_rule - What the longest match says
 * @says:	enum guard_says
 * @class:	Of peers to whom the same rules apply, from 1
 * @rule:	Its number, 0 if it is none
 * @egress:	Of which direction
 * @hits:	How often it was asked; written by the program
 */
struct guard_rule {
	__u32 says;
	__u32 class;
	__u32 rule;
	__u32 egress;
	__u64 hits;
};

/**
 * struct guard_few - What is said of a port, without another look
 * @bits, @mask: Protocol and port as one number; which of its bits count
 * @says:	GUARD_DENIES or GUARD_ALLOWS
 * @rule, @hits: As in struct guard_rule
 */
struct guard_few {
	__u32 bits, mask;
	__u32 says;
	__u32 rule;
	__u64 hits;
};

enum { GUARD_FEW = 4, GUARD_PROTO_SHIFT = 16 };

/**
 * struct guard_class - What a prefix of GUARD_PEERS means
 * @few:	Of GUARD_LISTS, from the beginning; nothing has no @mask and no
 *		@says, and is the end
 */
struct guard_class {
	struct guard_rule rule;
	struct guard_few few[GUARD_FEW];
};

/**
 * struct guard_flow - Who talks to whom, whichever way a packet goes
 * @ifindex:	The guest's port
 * @opener:	Of ICMP: 1 if the guest has asked, 2 if it was asked; else 0
 * @local:	The guest's end, IPv4 in the first word
 * @local_port:	Of ICMP the identifier
 */
struct guard_flow {
	__u32 ifindex;
	__u8 family, proto, opener, unused;
	__u32 local[4], remote[4];
	__u16 local_port, remote_port;
};

enum {
	GUARD_REPLIED = 1 << 0, /* both have sent */
	GUARD_CLOSING = 1 << 1, /* FIN or RST was seen */
};

/**
 * struct guard_flow_state - What is known of it
 * @last:	When it was last seen, in units of GUARD_TICK
 * @generation:	Of the rules that have let it pass
 * @egress:	The guest has begun
 * @flags:	GUARD_REPLIED, GUARD_CLOSING
 * @rule:	The one that has let it pass
 */
struct guard_flow_state {
	__u32 last;
	__u32 generation;
	__u8 egress, flags, unused[2];
	__u32 rule;
};

/** struct guard_part - A packet in parts whose first one has passed */
struct guard_part {
	__u32 ifindex;
	__u32 id;
	__u8 family, proto, egress, unused;
	__u32 from[4], to[4];
};

enum {
	GUARD_MEMBER_TEXT = 2036,
	GUARD_CHUNK_TEXT = 4092,
	GUARD_CHUNKS = 256, /* 1 MiB: what a JSON document may have */
	GUARD_CHUNK_HEAD = GUARD_CHUNKS,
};

/**
 * struct guard_member - Who a guest is to selectors; by ifindex. Not for programs
 * @network:	Its network's hash
 * @len:	Bytes of
 * @text:	bpf/policy_member.h has what stands in it
 */
struct guard_member {
	__u64 network;
	__u32 len;
	char text[GUARD_MEMBER_TEXT];
};

/**
 * struct guard_chunk_key - A part of a network's policy as it was written
 * @network:	The network's hash
 * @source:	enum policy_source
 * @slot:	Of the two texts; of the head 0
 * @n:		Which part, or GUARD_CHUNK_HEAD
 */
struct guard_chunk_key {
	__u64 network;
	__u8 source, slot;
	__u16 n;
	__u32 unused;
};

/**
 * struct guard_chunk - Not for programs, either
 * @len:	Bytes of @text; of the head, of the whole
 * @text:	Of the head, the first byte: the slot that holds
 */
struct guard_chunk {
	__u32 len;
	char text[GUARD_CHUNK_TEXT];
};

#endif
