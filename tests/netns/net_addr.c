/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "net/addr.h"
#include "net/bridge.h"
#include "net/route.h"
#include "net/sysctl.h"
#include "net_lib.h"

static bool has_ipv6(void)
{
	return !access("/proc/sys/net/ipv6", F_OK);
}

static uint32_t new_bridge(struct sandbox *s, const char *name)
{
	const struct bridge_opts o = { 0 };
	uint32_t index;

	assert_works(bridge_create(s->nl, name, &o, &index, &s->err), s->err);
	return index;
}

static void give(struct sandbox *s, uint32_t index, const char *text)
{
	const struct ip_net a = net_of(text);
	const uint32_t flags = a.addr.family == AF_INET6 ? IFA_F_NODAD : 0;

	assert_works(addr_add(s->nl, index, &a, flags, &s->err), s->err);
}

static bool holds(const struct ip_net *v, size_t n, const char *text)
{
	const struct ip_net a = net_of(text);

	for (size_t i = 0; i < n; i++)
		if (v[i].plen == a.plen && ip_equal(&v[i].addr, &a.addr))
			return true;
	return false;
}

TEST(addresses_of_one_device_are_listed_alone)
{
	struct sandbox *s = *state;
	const uint32_t a = new_bridge(s, "bra"), b = new_bridge(s, "brb");
	cleanup_free struct ip_net *v = NULL;
	size_t n;

	if (!has_ipv6())
		skip();
	assert_works(addr_list(s->nl, a, &v, &n, &s->err), s->err);
	assert_int_equal(n, 0);
	assert_null(v);
	give(s, a, "10.1.0.1/16");
	give(s, a, "10.2.0.1/31");
	give(s, a, "fd00:1::1/64");
	give(s, b, "10.3.0.1/24");
	give(s, b, "fd00:3::1/64");
	assert_works(addr_list(s->nl, a, &v, &n, &s->err), s->err);
	assert_int_equal(n, 3);
	assert_true(holds(v, n, "10.1.0.1/16"));
	assert_true(holds(v, n, "10.2.0.1/31"));
	assert_true(holds(v, n, "fd00:1::1/64"));
}

TEST(an_address_twice_is_eexist_and_taken_away_twice_is_not_there)
{
	struct sandbox *s = *state;
	const uint32_t a = new_bridge(s, "bra");
	const struct ip_net v4 = net_of("10.1.0.1/16");
	const struct ip_net v6 = net_of("fd00:1::1/64");

	if (!has_ipv6())
		skip();
	give(s, a, "10.1.0.1/16");
	give(s, a, "fd00:1::1/64");
	assert_fails(addr_add(s->nl, a, &v4, 0, &s->err), EEXIST, s->err,
		     "add address 10.1.0.1/16");
	assert_fails(addr_add(s->nl, a, &v6, IFA_F_NODAD, &s->err), EEXIST,
		     s->err, "add address fd00:1::1/64");
	assert_works(addr_del(s->nl, a, &v4, &s->err), s->err);
	assert_works(addr_del(s->nl, a, &v6, &s->err), s->err);
	assert_fails(addr_del(s->nl, a, &v4, &s->err), EADDRNOTAVAIL, s->err,
		     "remove address 10.1.0.1/16");
	assert_fails(addr_del(s->nl, a, &v6, &s->err), EADDRNOTAVAIL, s->err,
		     "remove address fd00:1::1/64");
}

TEST(no_device_is_enodev)
{
	struct sandbox *s = *state;
	const struct ip_net v4 = net_of("10.1.0.1/16");
	struct ip_net *v = NULL;
	struct route *routes = NULL;
	size_t n;

	assert_fails(addr_add(s->nl, 4711, &v4, 0, &s->err), ENODEV, s->err,
		     "interface 4711");
	assert_fails(addr_list(s->nl, 4711, &v, &n, &s->err), ENODEV, s->err,
		     "interface 4711");
	assert_fails(route_list(s->nl, 4711, &routes, &n, &s->err), ENODEV,
		     s->err, "list routes");
}

/* Output of ip(8), to see with other eyes than ours. */
static void assert_shows(const char *command, const char *words, bool wanted)
{
	char text[4096];
	FILE *p = popen(command, "re");
	size_t n;

	assert_non_null(p);
	n = fread(text, 1, sizeof(text) - 1, p);
	text[n] = '\0';
	assert_int_equal(pclose(p), 0);
	if (!strstr(text, words) == wanted)
		fail_msg("%s: \"%s\" %s in\n%s", command, words,
			 wanted ? "is not" : "is", text);
}

TEST(ipv4_prefixes_below_31_bits_get_a_broadcast_address)
{
	struct sandbox *s = *state;
	const uint32_t a = new_bridge(s, "bra");

	give(s, a, "10.1.2.3/16");
	give(s, a, "10.2.0.0/31");
	give(s, a, "10.3.0.1/32");
	assert_shows("ip -4 addr show dev bra", "10.1.2.3/16 brd 10.1.255.255",
		     true);
	assert_shows("ip -4 addr show dev bra", "10.2.0.0/31 scope", true);
	assert_shows("ip -4 addr show dev bra", "10.3.0.1/32 scope", true);
}

TEST(nodad_addresses_are_usable_at_once)
{
	struct sandbox *s = *state;
	const uint32_t a = new_bridge(s, "bra");

	if (!has_ipv6())
		skip();
	assert_works(link_set_up(s->nl, a, true, &s->err), s->err);
	give(s, a, "fd00:1::1/64");
	assert_shows("ip -6 addr show dev bra",
		     "fd00:1::1/64 scope global nodad", true);
	assert_shows("ip -6 addr show dev bra scope global", "tentative",
		     false);
}

static const struct route *find(const struct route *v, size_t n,
				const char *dst, const char *gw)
{
	const struct ip_net d = net_of(dst);
	const struct ip_addr none = { 0 }, g = gw ? ip_of(gw) : none;

	for (size_t i = 0; i < n; i++)
		if (v[i].dst.plen == d.plen &&
		    ip_equal(&v[i].dst.addr, &d.addr) && ip_equal(&v[i].gw, &g))
			return &v[i];
	return NULL;
}

static uint32_t routed_bridge(struct sandbox *s, const char *name,
			      const char *v4, const char *v6)
{
	const uint32_t i = new_bridge(s, name);

	give(s, i, v4);
	give(s, i, v6);
	assert_works(link_set_up(s->nl, i, true, &s->err), s->err);
	return i;
}

TEST(routes_are_read_back_as_they_were_added)
{
	struct sandbox *s = *state;
	const uint32_t a =
		routed_bridge(s, "bra", "10.1.0.1/16", "fd00:1::1/64");
	const uint32_t b =
		routed_bridge(s, "brb", "10.2.0.1/16", "fd00:2::1/64");
	const struct route in[] = {
		{ .dst = net_of("0.0.0.0/0"),
		  .gw = ip_of("10.1.0.9"),
		  .oif = a,
		  .scope = -1 },
		{ .dst = net_of("192.0.2.0/24"),
		  .oif = a,
		  .scope = RT_SCOPE_LINK,
		  .mtu = 1400,
		  .advmss = 1360 },
		{ .dst = net_of("198.51.100.0/24"),
		  .gw = ip_of("10.1.0.8"),
		  .oif = a,
		  .scope = -1,
		  .table = 1000,
		  .priority = 50 },
		{ .dst = net_of("::/0"),
		  .gw = ip_of("fd00:1::9"),
		  .oif = a,
		  .scope = -1 },
		{ .dst = net_of("2001:db8::/32"),
		  .gw = ip_of("fd00:1::8"),
		  .oif = a,
		  .scope = -1,
		  .priority = 77,
		  .mtu = 1300 },
		{ .dst = net_of("203.0.113.0/24"),
		  .gw = ip_of("10.2.0.8"),
		  .oif = b,
		  .scope = -1 },
	};
	const size_t n_in = sizeof(in) / sizeof(in[0]);
	cleanup_free struct route *v = NULL;
	char gw[IP_STR_SIZE], dst[IP_NET_STR_SIZE];
	size_t n;

	if (!has_ipv6())
		skip();
	for (size_t i = 0; i < n_in; i++)
		assert_works(route_add(s->nl, &in[i], &s->err), s->err);
	assert_works(route_list(s->nl, a, &v, &n, &s->err), s->err);
	for (size_t i = 0; i < n_in; i++) {
		const struct route *r =
			find(v, n, ip_net_format(&in[i].dst, dst),
			     in[i].gw.family ? ip_format(&in[i].gw, gw) : NULL);

		if (in[i].oif == b) {
			assert_null(r);
			continue;
		}
		assert_non_null(r);
		assert_int_equal(r->oif, a);
		assert_int_equal(r->table, in[i].table ? in[i].table : 254);
		assert_int_equal(r->mtu, in[i].mtu);
		assert_int_equal(r->advmss, in[i].advmss);
		if (in[i].priority)
			assert_int_equal(r->priority, in[i].priority);
		if (in[i].scope >= 0)
			assert_int_equal(r->scope, in[i].scope);
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(v[i].oif, a);
}

TEST(the_same_route_twice_is_eexist_another_gateway_is_not)
{
	struct sandbox *s = *state;
	const uint32_t a =
		routed_bridge(s, "bra", "10.1.0.1/16", "fd00:1::1/64");
	struct route r4 = { .dst = net_of("0.0.0.0/0"),
			    .gw = ip_of("10.1.0.9"),
			    .oif = a,
			    .scope = -1 };
	struct route r6 = { .dst = net_of("::/0"),
			    .gw = ip_of("fd00:1::9"),
			    .oif = a,
			    .scope = -1 };
	cleanup_free struct route *v = NULL;
	size_t n;

	if (!has_ipv6())
		skip();
	assert_works(route_add(s->nl, &r4, &s->err), s->err);
	assert_fails(route_add(s->nl, &r4, &s->err), EEXIST, s->err,
		     "add route 0.0.0.0/0 via 10.1.0.9");
	assert_works(route_add(s->nl, &r6, &s->err), s->err);
	assert_fails(route_add(s->nl, &r6, &s->err), EEXIST, s->err,
		     "add route ::/0 via fd00:1::9");
	r4.gw = ip_of("10.1.0.8");
	r6.gw = ip_of("fd00:1::8");
	assert_works(route_add(s->nl, &r4, &s->err), s->err);
	assert_works(route_add(s->nl, &r6, &s->err), s->err);
	assert_works(route_list(s->nl, 0, &v, &n, &s->err), s->err);
	assert_non_null(find(v, n, "0.0.0.0/0", "10.1.0.8"));
	assert_non_null(find(v, n, "0.0.0.0/0", "10.1.0.9"));
	assert_non_null(find(v, n, "::/0", "fd00:1::8"));
	assert_non_null(find(v, n, "::/0", "fd00:1::9"));
}

TEST(a_route_by_a_device_that_is_down_or_off_its_link_is_refused)
{
	struct sandbox *s = *state;
	const uint32_t a = new_bridge(s, "bra");
	struct route r = { .dst = net_of("0.0.0.0/0"),
			   .gw = ip_of("10.1.0.9"),
			   .oif = a,
			   .scope = -1 };

	give(s, a, "10.1.0.1/16");
	assert_fails(route_add(s->nl, &r, &s->err), ENETUNREACH, s->err,
		     "add route 0.0.0.0/0 via 10.1.0.9");
	r.gw.family = 0;
	assert_fails(route_add(s->nl, &r, &s->err), ENETDOWN, s->err,
		     "add route 0.0.0.0/0 by interface");
	assert_works(link_set_up(s->nl, a, true, &s->err), s->err);
	r.gw = ip_of("10.99.0.9");
	assert_fails(route_add(s->nl, &r, &s->err), ENETUNREACH, s->err,
		     "via 10.99.0.9");
	assert_non_null(strstr(s->err.details, "kernel="));
	r.gw = ip_of("fd00::1");
	assert_fails(route_add(s->nl, &r, &s->err), EAFNOSUPPORT, s->err,
		     "another family");
}

TEST(a_route_has_a_source_and_is_taken_away_by_its_priority)
{
	struct sandbox *s = *state;
	const uint32_t a =
		routed_bridge(s, "bra", "10.1.0.1/16", "fd00:1::1/64");
	struct route r = { .dst = net_of("10.9.0.2/32"),
			   .src = ip_of("10.1.0.1"),
			   .oif = a,
			   .priority = 1U << 30,
			   .scope = -1 };
	struct route *v = NULL;
	size_t n;

	assert_works(route_add(s->nl, &r, &s->err), s->err);
	r.priority++;
	assert_works(route_add(s->nl, &r, &s->err), s->err);
	assert_works(route_list(s->nl, a, &v, &n, &s->err), s->err);
	assert_true(ip_equal(&find(v, n, "10.9.0.2/32", NULL)->src, &r.src));
	free(v);

	assert_works(route_del(s->nl, &r, &s->err), s->err);
	assert_fails(route_del(s->nl, &r, &s->err), ESRCH, s->err,
		     "remove route 10.9.0.2/32");
	assert_works(route_list(s->nl, a, &v, &n, &s->err), s->err);
	assert_int_equal(find(v, n, "10.9.0.2/32", NULL)->priority, 1U << 30);
	free(v);
}

/* Found by one question, or where that does not tell, in the list. */
TEST(the_default_route_is_ipv4s_of_the_main_table_else_ipv6s)
{
	struct sandbox *s = *state;
	const uint32_t a =
		routed_bridge(s, "bra", "10.1.0.1/16", "fd00:1::1/64");
	const uint32_t b =
		routed_bridge(s, "brb", "10.2.0.1/16", "fd00:2::1/64");
	struct route r4 = { .dst = net_of("0.0.0.0/0"),
			    .gw = ip_of("10.1.0.9"),
			    .oif = a,
			    .scope = -1 };
	struct route other = { .dst = net_of("0.0.0.0/0"),
			       .gw = ip_of("10.2.0.9"),
			       .oif = b,
			       .priority = 7,
			       .table = 100,
			       .scope = -1 };
	struct route reserved = { .dst = net_of("240.0.0.0/4"),
				  .oif = b,
				  .scope = -1 };
	struct route r6 = { .dst = net_of("::/0"),
			    .gw = ip_of("fd00:2::9"),
			    .oif = b,
			    .scope = -1 };
	struct route got = { 0 };

	if (!has_ipv6())
		skip();
	assert_works(route_add(s->nl, &other, &s->err), s->err);
	assert_fails(route_get_default(s->nl, &got, &s->err), ENETUNREACH,
		     s->err, "find a default route");
	assert_works(route_add(s->nl, &r6, &s->err), s->err);
	assert_works(route_get_default(s->nl, &got, &s->err), s->err);
	assert_int_equal(got.oif, b);
	assert_works(route_add(s->nl, &r4, &s->err), s->err);
	other.table = 0;
	assert_works(route_add(s->nl, &other, &s->err), s->err);
	assert_works(route_get_default(s->nl, &got, &s->err), s->err);
	assert_int_equal(got.oif, a);
	assert_works(route_add(s->nl, &reserved, &s->err), s->err);
	assert_works(route_get_default(s->nl, &got, &s->err), s->err);
	assert_int_equal(got.oif, a);
	assert_int_equal(got.dst.plen, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(addresses_of_one_device_are_listed_alone),
		in_sandbox(
			an_address_twice_is_eexist_and_taken_away_twice_is_not_there),
		in_sandbox(no_device_is_enodev),
		in_sandbox(ipv4_prefixes_below_31_bits_get_a_broadcast_address),
		in_sandbox(nodad_addresses_are_usable_at_once),
		in_sandbox(routes_are_read_back_as_they_were_added),
		in_sandbox(
			the_same_route_twice_is_eexist_another_gateway_is_not),
		in_sandbox(
			a_route_by_a_device_that_is_down_or_off_its_link_is_refused),
		in_sandbox(
			a_route_has_a_source_and_is_taken_away_by_its_priority),
		in_sandbox(
			the_default_route_is_ipv4s_of_the_main_table_else_ipv6s),
	};

	return RUN(tests);
}
