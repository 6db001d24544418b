/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for a guest, as the programs read it. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "bpf/guard.h"

enum { V4 = 4, V6 = 6, EUI64_AT = 8, LOCAL_BIT = 2 };

static const struct {
	const char *name, *text;
} verdicts[GUARD_VERDICTS] = {
	[GUARD_PASS] = { "pass", "it passes" },
	[GUARD_TRUNCATED] = { "truncated", "shorter than it says it is" },
	[GUARD_VLAN] = { "vlan", "a VLAN tag that is not the guest's to set" },
	[GUARD_MAC] = { "mac", "not the guest's MAC" },
	[GUARD_BRIDGE] = { "bridge", "STP, LLDP: for bridges only" },
	[GUARD_ETHERTYPE] = { "ethertype", "neither IP nor ARP" },
	[GUARD_FAMILY] = { "family", "the guest has no address of that kind" },
	[GUARD_IP4_SOURCE] = { "ipv4-source", "not the guest's address" },
	[GUARD_IP6_SOURCE] = { "ipv6-source", "not the guest's address" },
	[GUARD_LINK_LOCAL] = { "link-local", "another guest has that address" },
	[GUARD_ARP] = { "arp", "says that another one's address is here" },
	[GUARD_ND] = { "nd", "says that another one's address is here" },
	[GUARD_ROUTER] = { "router", "poses as a router" },
	[GUARD_DHCP_SERVER] = { "dhcp-server", "poses as a DHCP server" },
	[GUARD_QUERIER] = { "querier", "asks for groups, as routers do" },
	[GUARD_OPTIONS] = { "options", "IP options or too many headers" },
	[GUARD_FRAGMENT] = { "fragment", "hides what it is a part of" },
	[GUARD_ANSWERED] = { "answered", "the guest was told" },
	[GUARD_FAILED] = { "failed", "could not be answered" },
	[GUARD_POLICY] = { "policy", "no rule allows it" },
	[GUARD_PART] = { "part", "its first part has not passed" },
};

const char *guard_verdict_name(enum guard_verdict v)
{
	return v < GUARD_VERDICTS ? verdicts[v].name : "?";
}

const char *guard_verdict_text(enum guard_verdict v)
{
	return v < GUARD_VERDICTS ? verdicts[v].text : "?";
}

void guard_link_local(const struct mac *mac, uint32_t ret[4])
{
	const uint8_t b[16] = {
		0xfe,	   0x80,      [EUI64_AT] = mac->b[0] ^ LOCAL_BIT,
		mac->b[1], mac->b[2], 0xff,
		0xfe,	   mac->b[3], mac->b[4],
		mac->b[5],
	};

	memcpy(ret, b, sizeof(b));
}

static bool is_ip4(const struct ip_net *n)
{
	return n->addr.family == AF_INET;
}

static void mask_of(uint8_t plen, uint32_t ret[4])
{
	uint8_t b[16] = { 0 };

	for (unsigned int i = 0; i < plen; i++)
		b[i / 8] |= (uint8_t)(0x80U >> i % 8);
	memcpy(ret, b, sizeof(b));
}

static int add_prefix(const struct ip_net *n, uint8_t plen,
		      struct guard_sources *more, struct cni_err *err)
{
	struct guard_prefix *p;

	if (more->n == GUARD_PREFIXES)
		return err_say(
			err, CNI_E_CONFIG, E2BIG,
			"one guest, more than %d addresses and networks that it may send from",
			GUARD_PREFIXES);
	p = &more->prefix[more->n++];
	p->family = is_ip4(n) ? V4 : V6;
	memcpy(p->addr, n->addr.b, sizeof(p->addr));
	mask_of(plen, p->mask);
	return 0;
}

static int add_addr(const struct ip_net *n, struct guard_guest *g,
		    struct guard_sources *more, struct cni_err *err)
{
	static const uint32_t none[4];

	for (size_t i = 0; i < GUARD_ADDRS; i++)
		if (is_ip4(n) && !g->ip4[i]) {
			memcpy(&g->ip4[i], n->addr.b, sizeof(g->ip4[i]));
			return 0;
		} else if (!is_ip4(n) &&
			   !memcmp(g->ip6[i], none, sizeof(none))) {
			memcpy(g->ip6[i], n->addr.b, sizeof(g->ip6[i]));
			return 0;
		}
	return add_prefix(n, ip_max_plen(n->addr.family), more, err);
}

static uint32_t families_of(const struct ip_net *n, size_t count)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < count; i++)
		flags |= is_ip4(&n[i]) ? GUARD_IP4 : GUARD_IP6;
	return flags;
}

static uint32_t flags_of(const struct guard_rules *r)
{
	return (r->antispoof ? GUARD_ANTISPOOF : 0U) |
	       (r->trunk ? GUARD_TRUNK : 0U) |
	       (r->answers ? GUARD_ANSWERS : 0U) |
	       (r->mirrored ? GUARD_MIRRORED : 0U) |
	       (r->layer2
			? GUARD_ANY_IP4 | GUARD_ANY_IP6 | GUARD_IP4 | GUARD_IP6
			: 0U) |
	       families_of(r->addrs, r->n) |
	       families_of(r->routed, r->n_routed);
}

int guard_encode(const struct guard_rules *r, struct guard_guest *ret,
		 struct guard_sources *ret_more, struct cni_err *err)
{
	struct guard_sources more = { 0 };
	struct guard_guest g = { .attachment = r->attachment,
				 .network = r->network,
				 .flags = flags_of(r) };
	int e = 0;

	memcpy(g.mac, r->mac.b, sizeof(g.mac));
	guard_link_local(&r->mac, g.ip6[0]);
	for (size_t i = 0; !e && i < r->n; i++)
		e = add_addr(&r->addrs[i], &g, &more, err);
	for (size_t i = 0; !e && i < r->n_routed; i++)
		e = add_prefix(&r->routed[i], r->routed[i].plen, &more, err);
	if (e < 0)
		return e;
	if (more.n)
		g.flags |= GUARD_ROUTES;
	*ret = g;
	*ret_more = more;
	return 0;
}
