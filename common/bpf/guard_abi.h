/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard_abi.h - what the guard's programs and their loader share: the layout of
 * the maps. Whoever changes it raises GUARD_SCHEMA: the maps live as long as the
 * kernel, and a program of another build may still be using them.
 */
#ifndef WEFT_BPF_GUARD_ABI_H
#define WEFT_BPF_GUARD_ABI_H

#include <linux/types.h>

#define GUARD_SCHEMA 1

/* In a program's code a map is this number and its place below, which the
 * loader replaces with the map. */
#define GUARD_MAP_MARK 0x77656674U

enum guard_map {
	GUARD_GUESTS,
	GUARD_SOURCES,
	GUARD_CLAIMS,
	GUARD_COUNTS,
	GUARD_POLICIES,
	GUARD_PEERS,
	GUARD_PORTS,
	GUARD_FLOWS,
	GUARD_PARTS,
	GUARD_MAPS,
};

enum {
	GUARD_ADDRS = 4,      /* of a family, beside the prefixes */
	GUARD_PREFIXES = 16,  /* that a guest may route for */
	GUARD_LINK_LOCALS = 4 /* beside the one that its MAC gives */
};

enum {
	GUARD_ANTISPOOF = 1 << 0, /* look at what the guest sends */
	GUARD_TRUNK = 1 << 1,	  /* it may tag its frames */
	GUARD_ANY_IP4 = 1 << 2,	  /* its addresses are not known */
	GUARD_ANY_IP6 = 1 << 3,
	GUARD_IP4 = 1 << 4, /* it has addresses of that family */
	GUARD_IP6 = 1 << 5,
	GUARD_ROUTES = 1 << 6,	/* it has an entry in GUARD_SOURCES */
	GUARD_POLICED = 1 << 7, /* it has an entry in GUARD_POLICIES */
};

/**
 * struct guard_guest - Who is behind a port; by its ifindex
 * @attachment:	Its hash: whose entry it is
 * @network:	Hash of the network's name
 * @flags:	GUARD_*
 * @mac:	The guest's
 * @next_ll:	Which of @link_local is given up for a new one
 * @ip4, @ip6:	What it may send from, in network byte order; zero: none. The
 *		first of @ip6 is the link-local one that its MAC gives
 * @link_local:	What it has claimed of fe80::/10; written by the program
 */
struct guard_guest {
	__u64 attachment;
	__u64 network;
	__u32 flags;
	__u8 mac[6];
	__u16 unused;
	__u32 next_ll;
	__u32 ip4[GUARD_ADDRS];
	__u32 ip6[GUARD_ADDRS][4];
	__u32 link_local[GUARD_LINK_LOCALS][4];
};

/**
 * struct guard_prefix - Addresses that a guest routes for
 * @mask:	IPv4 in the first word, which of the others is then zero
 */
struct guard_prefix {
	__u32 family; /* 4 or 6 */
	__u32 addr[4];
	__u32 mask[4];
};

struct guard_sources {
	__u32 n;
	struct guard_prefix prefix[GUARD_PREFIXES];
};

/** struct guard_claim - A link-local address of a network; who has it */
struct guard_claim {
	__u64 network;
	__u32 addr[4];
};

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

/* What becomes of a frame. In this order in `weft` and in the documentation. */
enum guard_verdict {
	GUARD_PASS,
	GUARD_TRUNCATED,   /* shorter than what it says it is */
	GUARD_VLAN,	   /* tagged, or tagged once too often */
	GUARD_MAC,	   /* from another one's MAC */
	GUARD_BRIDGE,	   /* STP, LLDP and others of 01:80:c2:00:00:0x */
	GUARD_ETHERTYPE,   /* neither IPv4 nor IPv6 nor ARP */
	GUARD_FAMILY,	   /* the guest has no address of that family */
	GUARD_IP4_SOURCE,  /* from another one's IPv4 address */
	GUARD_IP6_SOURCE,  /* from another one's IPv6 address */
	GUARD_LINK_LOCAL,  /* that address is another guest's */
	GUARD_ARP,	   /* says that another one's address is here */
	GUARD_ND,	   /* the same of IPv6 */
	GUARD_ROUTER,	   /* router advertisement, redirect */
	GUARD_DHCP_SERVER, /* answers as a DHCP server */
	GUARD_QUERIER,	   /* asks for multicast groups as a router does */
	GUARD_OPTIONS,	   /* IPv4 options, IPv6 routing or too many headers */
	GUARD_FRAGMENT,	   /* a fragment that hides what it is part of */
	GUARD_POLICY,	   /* a rule denies it, or none allows it */
	GUARD_PART,	   /* a fragment whose first part has not passed */
	GUARD_VERDICTS,
};

/** struct guard_counts - Frames from a guest and to it; by ifindex and CPU */
struct guard_counts {
	__u64 from[GUARD_VERDICTS];
	__u64 to[GUARD_VERDICTS];
	__u64 from_bytes; /* of those that passed */
	__u64 to_bytes;
};

#endif
