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
	GUARD_ROUTES = 1 << 6, /* it has an entry in GUARD_SOURCES */
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

/**
 * struct guard_claim - A link-local address of a network; whose port has it
 *
 * GUARD_HOST: no guest ever does.
 */
struct guard_claim {
	__u64 network;
	__u32 addr[4];
};

#define GUARD_HOST 0U

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
