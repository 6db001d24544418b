/* SPDX-License-Identifier: Apache-2.0 */
/* What IPv6 has two protocols for: that there is a router and what is on the
 * link by RFC 4861, the addresses by RFC 8415. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "bpf/answers.h"
#include "bpf/blob.h"

enum {
	RA = 134,
	HOPS = 64,
	MANAGED = 0xc0, /* addresses and all else by DHCPv6 */
	ON_LINK = 0x80, /* nobody makes up an address of his own */
	ROUTER_LIFETIME_S = 0xffff,
	UNIT = 8, /* in which the length of an option is */
	MTU_MIN = 1280,
	EUI64_AT = 8,
	LOCAL_BIT = 2,
};

enum {
	ND_MAC = 1,
	ND_PREFIX = 3,
	ND_MTU = 5,
	ND_ROUTE = 24,
	ND_DNS = 25,
	ND_SEARCH = 31,
};

enum {
	CLIENT_ID = 1,
	SERVER_ID,
	IA_NA,
	IA_TA,
	IA_ADDR,
	DNS = 23,
	SEARCH = 24,
	NTP = 56,
	NTP_ADDR = 1,
	BOOT_URL = 59,
};

/* Those are the protocol's own. */
static bool is_own(unsigned int code)
{
	return code <= 20 || code == 25 || code == 26;
}

static bool is_ip6(const struct ip_addr *a)
{
	return a->family == AF_INET6;
}

static size_t count(const struct ip_addr *ip, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += is_ip6(&ip[i]);
	return found;
}

static void put_list(struct blob *o, const struct ip_addr *ip, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_ip6(&ip[i]))
			blob_put(o, ip[i].b, sizeof(ip[i].b));
}

static void begin_nd(struct blob *o, unsigned int type, const char *what)
{
	o->what = what;
	o->open = o->len + 1;
	blob_u8(o, type);
	blob_u8(o, 0);
}

static void end_nd(struct blob *o)
{
	const size_t at = o->open - 1;

	while (!o->bad && (o->len - at) % UNIT)
		blob_u8(o, 0);
	if (!o->bad)
		o->b[o->open] = (uint8_t)((o->len - at) / UNIT);
}

static void put_prefix(struct blob *o, const struct ip_net *addr)
{
	const struct ip_net net = ip_net_masked(addr);

	begin_nd(o, ND_PREFIX, "prefix");
	blob_u8(o, net.plen);
	blob_u8(o, ON_LINK);
	blob_u32(o, ANSWERS_FOREVER);
	blob_u32(o, ANSWERS_FOREVER);
	blob_u32(o, 0);
	blob_put(o, net.addr.b, sizeof(net.addr.b));
	end_nd(o);
}

/* Once each. */
static void put_prefixes(struct blob *o, const struct answers *a)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct ip_net *x = &a->addrs[i];
		bool said =
			!is_ip6(&x->addr) || x->plen == ip_max_plen(AF_INET6);

		for (size_t k = 0; !said && k < i; k++)
			said = a->addrs[k].plen == x->plen &&
			       ip_net_contains(&a->addrs[k], &x->addr);
		if (!said)
			put_prefix(o, x);
	}
}

static bool is_by_gateway(const struct answers *a,
			  const struct answers_route *r)
{
	return is_ip6(&r->dst.addr) && is_ip6(&a->gateway6) &&
	       (!r->via.family || ip_equal(&r->via, &a->gateway6));
}

static bool has_default(const struct answers *a)
{
	for (size_t i = 0; i < a->n_routes; i++)
		if (is_by_gateway(a, &a->routes[i]) && !a->routes[i].dst.plen)
			return true;
	return false;
}

static void put_routes(struct blob *o, const struct answers *a)
{
	for (size_t i = 0; i < a->n_routes; i++) {
		const struct ip_net net = ip_net_masked(&a->routes[i].dst);

		if (!net.plen || !is_by_gateway(a, &a->routes[i]))
			continue;
		begin_nd(o, ND_ROUTE, "routes");
		blob_u8(o, net.plen);
		blob_u8(o, 0);
		blob_u32(o, ANSWERS_FOREVER);
		blob_put(o, net.addr.b, net.plen > 64 ? 16 : UNIT);
		end_nd(o);
	}
}

static void put_dns(struct blob *o, const struct answers *a)
{
	if (count(a->dns, a->n_dns)) {
		begin_nd(o, ND_DNS, "DNS servers");
		blob_u16(o, 0);
		blob_u32(o, ANSWERS_FOREVER);
		put_list(o, a->dns, a->n_dns);
		end_nd(o);
	}
	if (!a->n_search)
		return;
	begin_nd(o, ND_SEARCH, "search list");
	blob_u16(o, 0);
	blob_u32(o, ANSWERS_FOREVER);
	for (size_t i = 0; i < a->n_search; i++)
		blob_name(o, a->search[i]);
	end_nd(o);
}

static int put_ra(const struct answers *a, struct guard_answer *ret,
		  struct cni_err *err)
{
	struct blob o = { .b = ret->ra, .max = sizeof(ret->ra) };
	int r;

	blob_u8(&o, RA);
	blob_u8(&o, 0);
	blob_u16(&o, 0);
	blob_u8(&o, HOPS);
	blob_u8(&o, MANAGED);
	blob_u16(&o, has_default(a) ? ROUTER_LIFETIME_S : 0);
	blob_u32(&o, 0);
	blob_u32(&o, 0);
	begin_nd(&o, ND_MAC, "MAC");
	blob_put(&o, a->mac.b, sizeof(a->mac.b));
	end_nd(&o);
	if (a->mtu >= MTU_MIN) {
		begin_nd(&o, ND_MTU, "MTU");
		blob_u16(&o, 0);
		blob_u32(&o, a->mtu);
		end_nd(&o);
	}
	put_prefixes(&o, a);
	put_routes(&o, a);
	put_dns(&o, a);
	r = answers_end(&o, "router advertisement", err);
	if (!r)
		ret->ra_len = (uint16_t)o.len;
	return r;
}

/* Return: is it to be put? */
static bool begin(struct blob *o, const struct answers *a, unsigned int code,
		  const char *what)
{
	o->what = what;
	if (answers_replaced(a, true, code))
		return false;
	blob_u16(o, code);
	o->open = o->len;
	blob_u16(o, 0);
	return true;
}

static void end(struct blob *o)
{
	const size_t n = o->len - o->open - 2;

	if (o->bad)
		return;
	o->b[o->open] = (uint8_t)(n >> 8);
	o->b[o->open + 1] = (uint8_t)n;
}

static void put_ntp(struct blob *o, const struct answers *a)
{
	if (!count(a->ntp, a->n_ntp) ||
	    !begin(o, a, NTP, "NTP servers (option 56)"))
		return;
	for (size_t i = 0; i < a->n_ntp; i++) {
		if (!is_ip6(&a->ntp[i]))
			continue;
		blob_u16(o, NTP_ADDR);
		blob_u16(o, sizeof(a->ntp[i].b));
		blob_put(o, a->ntp[i].b, sizeof(a->ntp[i].b));
	}
	end(o);
}

static void put_known(struct blob *o, const struct answers *a)
{
	if (count(a->dns, a->n_dns) &&
	    begin(o, a, DNS, "DNS servers (option 23)")) {
		put_list(o, a->dns, a->n_dns);
		end(o);
	}
	if (a->n_search && begin(o, a, SEARCH, "search list (option 24)")) {
		for (size_t i = 0; i < a->n_search; i++)
			blob_name(o, a->search[i]);
		end(o);
	}
	put_ntp(o, a);
	if (a->boot_url && *a->boot_url &&
	    begin(o, a, BOOT_URL, "boot file (option 59)")) {
		blob_put(o, a->boot_url, strlen(a->boot_url));
		end(o);
	}
}

static int put_other(struct blob *o, const struct answers_option *x,
		     struct cni_err *err)
{
	if (is_own(x->code) || x->len > UINT16_MAX)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "DHCPv6 option %u: not one that can be given",
			       x->code);
	o->what = "an option given by its number";
	blob_u16(o, x->code);
	blob_u16(o, (unsigned int)x->len);
	blob_put(o, x->data, x->len);
	return o->bad ? err_say(err, CNI_E_CONFIG, E2BIG,
				"DHCPv6: option %u does not fit any more into %zu bytes",
				x->code, o->max)
		      : 0;
}

static int put_rest(const struct answers *a, struct guard_answer *ret,
		    struct cni_err *err)
{
	struct blob o = { .b = ret->rest6, .max = sizeof(ret->rest6) };
	int r;

	put_known(&o, a);
	r = answers_end(&o, "DHCPv6", err);
	for (size_t i = 0; !r && i < a->n_options; i++)
		if (a->options[i].ip6)
			r = put_other(&o, &a->options[i], err);
	ret->rest6_len = (uint16_t)o.len;
	return r;
}

static uint32_t tenths(uint32_t lease, uint32_t n)
{
	return lease == ANSWERS_FOREVER ? lease
					: (uint32_t)((uint64_t)lease * n / 10);
}

static int put_addrs(const struct answers *a, struct guard_answer *ret,
		     struct cni_err *err)
{
	const uint32_t lease = a->lease_s ? a->lease_s : ANSWERS_LEASE_S;

	for (size_t i = 0; i < a->n; i++) {
		struct guard_ia_addr *ia = &ret->ia[ret->ia_n];

		if (!is_ip6(&a->addrs[i].addr))
			continue;
		if (ret->ia_n++ == GUARD_ANSWER_ADDRS)
			return err_say(
				err, CNI_E_CONFIG, E2BIG,
				"DHCPv6: more than %d addresses of one guest",
				GUARD_ANSWER_ADDRS);
		ia->code = htons(IA_ADDR);
		ia->len = htons(sizeof(*ia) - 4);
		memcpy(ia->addr, a->addrs[i].addr.b, sizeof(ia->addr));
		ia->preferred = htonl(lease);
		ia->valid = htonl(lease);
	}
	ret->t1 = htonl(ret->ia_n ? tenths(lease, 5) : 0);
	ret->t2 = htonl(ret->ia_n ? tenths(lease, 8) : 0);
	return 0;
}

/* RFC 4291 appendix A, if the gateway's own is not link-local already. */
static void put_router(const struct answers *a, struct guard_answer *ret)
{
	const uint8_t *mac = a->mac.b;
	const uint8_t own[16] = {
		0xfe,	0x80,	[EUI64_AT] = mac[0] ^ LOCAL_BIT,
		mac[1], mac[2], 0xff,
		0xfe,	mac[3], mac[4],
		mac[5],
	};

	memcpy(ret->router6, own, sizeof(own));
	if (!is_ip6(&a->gateway6))
		return;
	memcpy(ret->gateway6, a->gateway6.b, sizeof(ret->gateway6));
	if (ip_is_link_local(&a->gateway6))
		memcpy(ret->router6, ret->gateway6, sizeof(ret->router6));
}

int answers_encode6(const struct answers *a, struct guard_answer *ret,
		    struct cni_err *err)
{
	int r = put_addrs(a, ret, err);

	if (r < 0 || !ret->ia_n)
		return r;
	ret->flags |= GUARD_DHCP6;
	put_router(a, ret);
	r = put_ra(a, ret, err);
	return r ? r : put_rest(a, ret, err);
}
