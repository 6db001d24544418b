/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard_abi.h - what the guard's programs and their loader share: the layout of
 * the maps. Whoever changes it raises GUARD_SCHEMA: the maps live as long as the
 * kernel, and a program of another build may still be using them.
 */
#ifndef WEFT_BPF_GUARD_ABI_H
#define WEFT_BPF_GUARD_ABI_H

#include <linux/types.h>

#define GUARD_SCHEMA 4

/* In a program's code a map is this number and its place below, which the
 * loader replaces with the map. */
#define GUARD_MAP_MARK 0x77656674U

enum guard_map {
	GUARD_GUESTS,
	GUARD_SOURCES,
	GUARD_CLAIMS,
	GUARD_COUNTS,
	GUARD_ANSWERED_BY,
	GUARD_POLICIES,
	GUARD_PEERS,
	GUARD_PORTS,
	GUARD_FLOWS,
	GUARD_PARTS,
	GUARD_MEMBERS,
	GUARD_TEXTS,
	GUARD_KEPT, /* all before it is of guests and networks */
	GUARD_WATCHED = GUARD_KEPT,
	GUARD_WATCHERS,
	GUARD_MAPS,
	GUARD_TAILS = GUARD_MAPS, /* of one build: it holds programs */
	GUARD_ALL_MAPS,
};

/* Places in GUARD_TAILS. */
enum guard_tail {
	GUARD_ANSWER4,
	GUARD_ANSWER6,
	GUARD_ANSWERERS,
	GUARD_REPORT = GUARD_ANSWERERS,
	GUARD_CALLED,
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
	GUARD_ROUTES = 1 << 6,	 /* it has an entry in GUARD_SOURCES */
	GUARD_ANSWERS = 1 << 7,	 /* it has an entry in GUARD_ANSWERED_BY */
	GUARD_MIRRORED = 1 << 8, /* what it sends goes out by its port */
	GUARD_POLICED = 1 << 9,	 /* it has an entry in GUARD_POLICIES */
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

enum {
	GUARD_ANSWER_ADDRS = 4, /* of IPv6, that a guest is given */
	GUARD_HEAD4 = 28,	/* message type, server, lease; a PAD */
	GUARD_NAMES4 = 196,	/* server's name, file, magic number */
	GUARD_REST4 = 280,	/* 308 with the head: what every client takes */
	GUARD_REST6 = 256,
	GUARD_RA = 256,
};

enum {
	GUARD_NEIGHBOUR = 1 << 0, /* the gateway's MAC is known: say it */
	GUARD_DHCP4 = 1 << 1,
	GUARD_DHCP6 = 1 << 2,
};

/* RFC 8415 section 21.6, in network byte order. */
struct guard_ia_addr {
	__u16 code, len;
	__u32 addr[4];
	__u32 preferred, valid;
};

/**
 * struct guard_answer - What a guest is told when it asks; by its ifindex. All
 *	in network byte order but for flags and lengths
 * @mac:	Who tells it: the gateway
 * @flags:	GUARD_NEIGHBOUR and others
 * @ip4:	The guest's
 * @server4:	Who has given it
 * @next4:	From where a boot file comes; zero: nowhere
 * @gateway4, @gateway6: Who asks for its MAC is told @mac; zero: nobody
 * @router6:	The same; link-local, from where IPv6 is answered
 * @t1, @t2:	When to renew and to rebind, of DHCPv6
 * @rest4_len:	Bytes of @rest4
 * @rest6_len:	Bytes of @rest6
 * @ra_len:	Bytes of @ra; zero: no router advertisements
 * @ia_n:	How many @ia has
 * @head4:	Options that every DHCPv4 message begins with
 * @names4:	What comes before these
 * @rest4:	What comes behind, up to the end and at least 32 bytes
 * @ia:		Its addresses
 * @rest6:	Options of DHCPv6 without identities
 * @ra:		A router advertisement whose checksum is zero
 */
struct guard_answer {
	__u8 mac[6];
	__u16 flags;
	__u32 ip4, server4, next4, gateway4;
	__u32 gateway6[4], router6[4];
	__u32 t1, t2;
	__u16 rest4_len, rest6_len, ra_len, ia_n;
	__u8 head4[GUARD_HEAD4];
	__u8 names4[GUARD_NAMES4];
	__u8 rest4[GUARD_REST4];
	struct guard_ia_addr ia[GUARD_ANSWER_ADDRS];
	__u8 rest6[GUARD_REST6];
	__u8 ra[GUARD_RA];
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
	GUARD_ANSWERED,	   /* asked for an address or for the gateway: told */
	GUARD_FAILED,	   /* to be answered, but the kernel could not */
	GUARD_POLICY,	   /* a rule denies it, or none allows it */
	GUARD_PART,	   /* a fragment whose first part has not passed */
	GUARD_VERDICTS,
};

enum {
	GUARD_REASONS = 24,    /* not less than GUARD_VERDICTS */
	GUARD_REASON_MAX = 16, /* events of a reason in one GUARD_TICK */
	GUARD_WATCHING = 8,    /* who may watch at a time */
	GUARD_FRAME = 128,     /* bytes of a frame that are shown */
};

/**
 * struct guard_counts - Frames from a guest and to it; by ifindex and CPU
 * @from_bytes, @to_bytes: Of those that passed
 * @missed:	Events that nobody was told, since the last one that was
 * @tick:	The unit of time at hand, in which
 * @reported:	so many events were told, by verdict
 */
struct guard_counts {
	__u64 from[GUARD_VERDICTS];
	__u64 to[GUARD_VERDICTS];
	__u64 from_bytes;
	__u64 to_bytes;
	__u64 missed;
	__u32 tick;
	__u8 reported[GUARD_REASONS];
	__u32 unused;
};

/**
 * struct guard_watcher - Somebody who is told
 * @until:	CLOCK_MONOTONIC, ns; who does not say again that he is there is not
 * @lost:	Events that there was no room for; written by the program
 */
struct guard_watcher {
	__u64 until;
	__u64 lost;
};

/** struct guard_watched - Is there somebody? Shared memory, the one of its map */
struct guard_watched {
	__u64 until; /* of all the latest */
	struct guard_watcher by[GUARD_WATCHING];
};

enum {
	GUARD_SENT = 1 << 0,   /* by the guest; else to it */
	GUARD_TAGGED = 1 << 1, /* the tag is not in the frame */
};

/**
 * struct guard_event - A frame that did not pass, or would not have
 * @time:	CLOCK_BOOTTIME, ns
 * @missed:	Of that port on that CPU before, too many to tell
 * @len:	Of the frame
 * @rule:	By which policy's rule; 0: by none
 * @tag:	Its VLAN tag (TCI), if it is GUARD_TAGGED
 * @verdict:	enum guard_verdict; GUARD_PASS: the policy only looks
 * @flags:	GUARD_SENT, GUARD_TAGGED
 * @frame:	Its first bytes
 */
struct guard_event {
	__u64 time;
	__u64 attachment;
	__u64 network;
	__u64 missed;
	__u32 ifindex;
	__u32 len;
	__u32 rule;
	__u16 tag;
	__u8 verdict;
	__u8 flags;
	__u8 frame[GUARD_FRAME];
};

#endif
