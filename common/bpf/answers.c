/* SPDX-License-Identifier: Apache-2.0 */
/* DHCPv4; what comes of IPv6 is in answers_ip6.c. */
#include "bpf/answers.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "bpf/blob.h"

enum {
	FILE_AT = 64, /* in names4, behind the server's name */
	FILE_MAX = 127,
	OPTION_MAX = 255,
	BARE = 32, /* bytes of rest4 that there are at least */
	MTU_MIN = 68,
};

#define MAGIC 0x63825363U

/* RFC 2132, and where they have RFCs of their own those. */
enum {
	PAD = 0,
	NETMASK = 1,
	ROUTER = 3,
	DNS = 6,
	HOSTNAME = 12,
	DOMAIN = 15,
	MTU = 26,
	BROADCAST = 28,
	NTP = 42,
	ADDRESS = 50,
	LEASE = 51,
	OVERLOAD = 52,
	TYPE = 53,
	SERVER = 54,
	REQUESTED = 55,
	MAX_SIZE = 57,
	T1 = 58,
	T2 = 59,
	CLIENT = 61,
	BOOT_SERVER = 66,
	BOOT_FILE = 67,
	RELAY = 82,
	SEARCH = 119,
	ROUTES = 121,
	IPXE = 175,
	END = 255,
};

/* In the option of iPXE. */
enum { IPXE_NO_PROXY = 176 };

/* Those are the protocol's own. */
static const uint8_t own[] = { PAD,    ADDRESS,	  LEASE,    OVERLOAD, TYPE,
			       SERVER, REQUESTED, MAX_SIZE, T1,	      T2,
			       CLIENT, RELAY,	  END };

bool answers_replaced(const struct answers *a, bool ip6, unsigned int code)
{
	for (size_t i = 0; i < a->n_options; i++)
		if (a->options[i].ip6 == ip6 && a->options[i].code == code)
			return true;
	return false;
}

int answers_end(const struct blob *o, const char *where, struct cni_err *err)
{
	if (!o->bad)
		return 0;
	if (o->why == -EINVAL)
		return err_say(err, CNI_E_CONFIG, EINVAL, "%s: no valid %s",
			       where, o->bad);
	return err_say(err, CNI_E_CONFIG, E2BIG,
		       "%s: %s does not fit any more into %zu bytes", where,
		       o->bad, o->max);
}

/* Return: is it to be put? */
static bool begin(struct blob *o, const struct answers *a, unsigned int code,
		  const char *what)
{
	o->what = what;
	if (answers_replaced(a, false, code))
		return false;
	blob_u8(o, code);
	o->open = o->len;
	blob_u8(o, 0);
	return true;
}

static void end(struct blob *o)
{
	const size_t n = o->len - o->open - 1;

	if (n > OPTION_MAX)
		blob_fail(o, -E2BIG);
	if (!o->bad)
		o->b[o->open] = (uint8_t)n;
}

static void put_ip(struct blob *o, const struct ip_addr *ip)
{
	blob_put(o, ip->b, ip_len(ip));
}

static void put_text(struct blob *o, const struct answers *a, unsigned int code,
		     const char *text, const char *what)
{
	if (!text || !*text || !begin(o, a, code, what))
		return;
	blob_put(o, text, strlen(text));
	end(o);
}

static void put_list(struct blob *o, const struct answers *a, unsigned int code,
		     const struct ip_addr *ip, size_t n, const char *what)
{
	size_t ours = 0;

	for (size_t i = 0; i < n; i++)
		ours += ip[i].family == AF_INET;
	if (!ours || !begin(o, a, code, what))
		return;
	for (size_t i = 0; i < n; i++)
		if (ip[i].family == AF_INET)
			put_ip(o, &ip[i]);
	end(o);
}

static const struct ip_net *find_addr(const struct answers *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->addrs[i].addr.family == AF_INET)
			return &a->addrs[i];
	return NULL;
}

static void put_net(struct blob *o, const struct answers *a,
		    const struct ip_net *addr)
{
	const uint32_t mask = addr->plen ? ~0U << (32 - addr->plen) : 0;
	const struct ip_addr last = ip_net_last(addr);

	if (begin(o, a, NETMASK, "netmask (option 1)")) {
		blob_u32(o, mask);
		end(o);
	}
	if (addr->plen < 31 &&
	    begin(o, a, BROADCAST, "broadcast address (option 28)")) {
		put_ip(o, &last);
		end(o);
	}
	if (a->mtu >= MTU_MIN && a->mtu <= UINT16_MAX &&
	    begin(o, a, MTU, "MTU (option 26)")) {
		blob_u16(o, a->mtu);
		end(o);
	}
}

static const struct ip_addr *via_of(const struct answers *a,
				    const struct answers_route *r)
{
	return r->via.family ? &r->via : &a->gateway4;
}

static bool is_ours(const struct answers_route *r)
{
	return r->dst.addr.family == AF_INET;
}

/* RFC 3442: as many bytes of the destination as count. */
static void put_route(struct blob *o, const struct ip_net *dst,
		      const struct ip_addr *via)
{
	static const uint8_t on_link[4];
	const struct ip_net net = ip_net_masked(dst);

	blob_u8(o, net.plen);
	blob_put(o, net.addr.b, (net.plen + 7U) / 8);
	blob_put(o, via->family == AF_INET ? via->b : on_link, sizeof(on_link));
}

/* A router beside the guest's network has to be reached before it routes. */
static bool is_beside(const struct ip_net *addr, const struct ip_addr *via)
{
	return via->family == AF_INET && !ip_net_contains(addr, via);
}

static void put_classless(struct blob *o, const struct answers *a,
			  const struct ip_net *addr)
{
	static const struct ip_addr none;
	const struct ip_net gateway = { a->gateway4, 32 };
	bool beside = false;

	if (!begin(o, a, ROUTES, "routes (option 121)"))
		return;
	for (size_t i = 0; i < a->n_routes; i++)
		beside |= is_ours(&a->routes[i]) &&
			  is_beside(addr, via_of(a, &a->routes[i])) &&
			  ip_equal(via_of(a, &a->routes[i]), &a->gateway4);
	if (beside)
		put_route(o, &gateway, &none);
	for (size_t i = 0; i < a->n_routes; i++)
		if (is_ours(&a->routes[i]))
			put_route(o, &a->routes[i].dst,
				  via_of(a, &a->routes[i]));
	end(o);
}

/* Who knows option 121 does not look at option 3. */
static void put_routes(struct blob *o, const struct answers *a,
		       const struct ip_net *addr)
{
	const struct ip_addr *router = NULL;
	bool more = false;

	for (size_t i = 0; i < a->n_routes; i++) {
		const struct answers_route *r = &a->routes[i];
		const bool is_default = is_ours(r) && !r->dst.plen;

		if (is_default && !router && via_of(a, r)->family)
			router = via_of(a, r);
		else
			more |= is_ours(r);
	}
	if (router && begin(o, a, ROUTER, "router (option 3)")) {
		put_ip(o, router);
		end(o);
	}
	if (more || (router && is_beside(addr, router)))
		put_classless(o, a, addr);
}

static void put_search(struct blob *o, const struct answers *a)
{
	if (!a->n_search || !begin(o, a, SEARCH, "search list (option 119)"))
		return;
	for (size_t i = 0; i < a->n_search; i++)
		blob_name(o, a->search[i]);
	end(o);
}

/* iPXE waits three seconds for somebody else to say what it boots: but what it
 * asks nobody else hears. */
static void put_boot(struct blob *o, const struct answers *a)
{
	put_text(o, a, BOOT_SERVER, a->boot_server, "boot server (option 66)");
	put_text(o, a, BOOT_FILE, a->boot_file, "boot file (option 67)");
	if (!a->boot_file || !*a->boot_file ||
	    !begin(o, a, IPXE, "iPXE's own (option 175)"))
		return;
	blob_u8(o, IPXE_NO_PROXY);
	blob_u8(o, 1);
	blob_u8(o, true);
	end(o);
}

static int put_others(struct blob *o, const struct answers *a,
		      struct cni_err *err)
{
	static const char *const what = "an option given by its number";

	o->what = what;
	for (size_t i = 0; i < a->n_options; i++) {
		const struct answers_option *x = &a->options[i];

		if (x->ip6)
			continue;
		if (x->code >= END || x->len > OPTION_MAX ||
		    memchr(own, x->code, sizeof(own)))
			return err_say(err, CNI_E_CONFIG, EINVAL,
				       "DHCPv4 option %u: %s", x->code,
				       x->len > OPTION_MAX
					       ? "longer than 255 bytes"
					       : "not one that can be given");
		blob_u8(o, x->code);
		blob_u8(o, (unsigned int)x->len);
		blob_put(o, x->data, x->len);
		if (o->bad == what)
			return err_say(
				err, CNI_E_CONFIG, E2BIG,
				"DHCPv4: option %u does not fit any more into %zu bytes",
				x->code, o->max);
	}
	return 0;
}

static int put_rest(const struct answers *a, const struct ip_net *addr,
		    struct guard_answer *ret, struct cni_err *err)
{
	struct blob o = { .b = ret->rest4, .max = sizeof(ret->rest4) - 1 };
	int r;

	put_net(&o, a, addr);
	put_routes(&o, a, addr);
	put_list(&o, a, DNS, a->dns, a->n_dns, "DNS servers (option 6)");
	put_text(&o, a, HOSTNAME, a->hostname, "host name (option 12)");
	put_text(&o, a, DOMAIN, a->domain, "domain (option 15)");
	put_search(&o, a);
	put_list(&o, a, NTP, a->ntp, a->n_ntp, "NTP servers (option 42)");
	put_boot(&o, a);
	r = answers_end(&o, "DHCPv4", err);
	if (!r)
		r = put_others(&o, a, err);
	if (r < 0)
		return r;
	ret->rest4[o.len++] = END;
	ret->rest4_len = (uint16_t)(o.len < BARE ? BARE : o.len);
	return 0;
}

static uint32_t part(uint32_t lease, uint32_t n, uint32_t of)
{
	return lease == ANSWERS_FOREVER ? lease
					: (uint32_t)((uint64_t)lease * n / of);
}

static void put_u32(struct blob *o, unsigned int code, uint32_t v)
{
	blob_u8(o, code);
	blob_u8(o, sizeof(v));
	blob_u32(o, v);
}

/* The message's type is put in its place by the program. */
static void put_head(const struct answers *a, struct guard_answer *ret)
{
	struct blob o = { .b = ret->head4, .max = sizeof(ret->head4) };
	const uint32_t lease = a->lease_s ? a->lease_s : ANSWERS_LEASE_S;

	blob_u8(&o, TYPE);
	blob_u8(&o, 1);
	blob_u8(&o, 0);
	put_u32(&o, SERVER, ntohl(ret->server4));
	put_u32(&o, LEASE, lease);
	put_u32(&o, T1, part(lease, 1, 2));
	put_u32(&o, T2, part(lease, 7, 8));
}

static void put_names(const struct answers *a, struct guard_answer *ret)
{
	const size_t n = a->boot_file ? strlen(a->boot_file) : 0;
	const uint32_t magic = htonl(MAGIC);
	struct ip_addr server;

	if (n && n <= FILE_MAX)
		memcpy(ret->names4 + FILE_AT, a->boot_file, n);
	memcpy(ret->names4 + sizeof(ret->names4) - sizeof(magic), &magic,
	       sizeof(magic));
	if (a->boot_server && !ip_parse(a->boot_server, &server) &&
	    server.family == AF_INET)
		memcpy(&ret->next4, server.b, sizeof(ret->next4));
}

static int encode4(const struct answers *a, struct guard_answer *ret,
		   struct cni_err *err)
{
	static const uint8_t dummy[] = { 192, 0, 0, 8 };
	const struct ip_net *addr = find_addr(a);
	const bool has_gateway = a->gateway4.family == AF_INET;

	if (!addr)
		return 0;
	ret->flags |= GUARD_DHCP4;
	memcpy(&ret->ip4, addr->addr.b, sizeof(ret->ip4));
	memcpy(&ret->server4, has_gateway ? a->gateway4.b : dummy,
	       sizeof(ret->server4));
	if (has_gateway)
		ret->gateway4 = ret->server4;
	put_head(a, ret);
	put_names(a, ret);
	return put_rest(a, addr, ret, err);
}

int answers_encode(const struct answers *a, struct guard_answer *ret,
		   struct cni_err *err)
{
	struct guard_answer answer;
	int r;

	memset(&answer, 0, sizeof(answer));
	memcpy(answer.mac, a->mac.b, sizeof(answer.mac));
	answer.flags = a->neighbour ? GUARD_NEIGHBOUR : 0;
	r = encode4(a, &answer, err);
	if (!r)
		r = answers_encode6(a, &answer, err);
	if (r < 0)
		return r;
	*ret = answer;
	return 0;
}
