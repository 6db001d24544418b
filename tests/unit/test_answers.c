/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest is told, to the byte. */
#include <arpa/inet.h>
#include <errno.h>

#include "../lib/check.h"
#include "bpf/answers.h"

/* A guest with everything that there is. */
struct all {
	struct ip_net addrs[3];
	struct answers_route routes[4];
	struct ip_addr dns[3], ntp[2];
	const char *search[2];
	struct answers a;
	struct guard_answer got;
	struct cni_err err;
};

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	if (ip_parse(text, &a) < 0)
		fail_msg("%s is an address", text);
	return a;
}

static struct ip_net net(const char *text)
{
	struct ip_net n;

	if (ip_net_parse(text, &n) < 0)
		fail_msg("%s is a network", text);
	return n;
}

static void begin(struct all *w)
{
	memset(w, 0, sizeof(*w));
	w->err = (struct cni_err)CNI_ERR_INIT;
	w->addrs[0] = net("fd00:1::5/64");
	w->addrs[1] = net("10.1.0.5/24");
	w->addrs[2] = net("fd00:1::6/64");
	w->routes[0].dst = net("0.0.0.0/0");
	w->routes[1].dst = net("::/0");
	w->dns[0] = ip("10.1.0.53");
	w->dns[1] = ip("fd00:1::53");
	w->dns[2] = ip("10.1.0.54");
	w->ntp[0] = ip("10.1.0.123");
	w->ntp[1] = ip("fd00:1::123");
	w->search[0] = "weft.test";
	w->search[1] = "b.test.";
	w->a = (struct answers){ .addrs = w->addrs,
				 .n = 3,
				 .neighbour = true,
				 .gateway4 = ip("10.1.0.1"),
				 .gateway6 = ip("fd00:1::1"),
				 .routes = w->routes,
				 .n_routes = 2,
				 .dns = w->dns,
				 .ntp = w->ntp,
				 .search = w->search };
	(void)mac_parse("fe:00:00:00:00:09", &w->a.mac);
}

static void encode(struct all *w)
{
	w->err = (struct cni_err)CNI_ERR_INIT;
	assert_ok(answers_encode(&w->a, &w->got, &w->err), &w->err);
}

static void refuse(struct all *w, int errnum, const char *words)
{
	struct guard_answer before;

	before = w->got;
	w->err = (struct cni_err)CNI_ERR_INIT;
	if (answers_encode(&w->a, &w->got, &w->err) != -errnum)
		fail_msg("\"%s\" is not said, but \"%s\"", words, w->err.msg);
	assert_int_equal(w->err.code, CNI_E_CONFIG);
	assert_says(&w->err, words);
	assert_memory_equal(&before, &w->got, sizeof(before));
}

/* @want: its bytes; then it ends. */
static void check_rest4(const struct all *w, const uint8_t *want, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (w->got.rest4[i] != want[i])
			fail_msg("byte %zu is %u, not %u", i, w->got.rest4[i],
				 want[i]);
	assert_int_equal(w->got.rest4[n], 255);
	assert_int_equal(w->got.rest4_len, n + 1 < 32 ? 32 : n + 1);
	for (size_t i = n + 1; i < sizeof(w->got.rest4); i++)
		assert_int_equal(w->got.rest4[i], 0);
}

#define assert_rest4(w, ...)                                \
	do {                                                \
		static const uint8_t want_[] = __VA_ARGS__; \
		check_rest4((w), want_, sizeof(want_));     \
	} while (0)

#define assert_bytes(got, len, ...)                             \
	do {                                                    \
		static const uint8_t want_[] = __VA_ARGS__;     \
		assert_int_equal((len), sizeof(want_));         \
		assert_memory_equal(got, want_, sizeof(want_)); \
	} while (0)

#define MASK 1, 4, 255, 255, 255, 0, 28, 4, 10, 1, 0, 255
#define GATEWAY 3, 4, 10, 1, 0, 1
#define LL 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0xfc, 0, 0, 0xff, 0xfe, 0, 0, 9
#define NET6 0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define FOREVER 0xff, 0xff, 0xff, 0xff
#define NAMES                                                                 \
	4, 'w', 'e', 'f', 't', 4, 't', 'e', 's', 't', 0, 1, 'b', 4, 't', 'e', \
		's', 't', 0

TEST(every_message_begins_with_server_and_lease)
{
	struct all w;

	begin(&w);
	encode(&w);
	assert_bytes(w.got.head4, sizeof(w.got.head4),
		     { 53,  1,	0, 54, 4, 10,  1,   0,	1, 51, 4, 0,  1,  81,
		       128, 58, 4, 0,  0, 168, 192, 59, 4, 0,  1, 39, 80, 0 });
	assert_memory_equal(&w.got.ip4, ip("10.1.0.5").b, 4);
	assert_memory_equal(&w.got.server4, ip("10.1.0.1").b, 4);
	assert_memory_equal(&w.got.gateway4, ip("10.1.0.1").b, 4);
	assert_int_equal(w.got.flags,
			 GUARD_NEIGHBOUR | GUARD_DHCP4 | GUARD_DHCP6);
	assert_int_equal(ntohl(w.got.t1), 43200);
	assert_int_equal(ntohl(w.got.t2), 69120);
	w.a.lease_s = ANSWERS_FOREVER;
	encode(&w);
	assert_bytes(w.got.head4 + 9, 18,
		     { 51, 4, FOREVER, 58, 4, FOREVER, 59, 4, FOREVER });
	assert_int_equal(w.got.t2, ANSWERS_FOREVER);
}

TEST(a_guest_is_told_what_a_container_has)
{
	struct all w;

	begin(&w);
	encode(&w);
	assert_rest4(&w, { MASK, GATEWAY });
	w.a.n_routes = 0;
	encode(&w);
	assert_rest4(&w, { MASK });
	w.a.mtu = 1400;
	w.a.n_dns = 3;
	w.a.n_ntp = 2;
	w.a.n_search = 2;
	w.a.hostname = "vm1";
	w.a.domain = "x.y";
	encode(&w);
	assert_rest4(&w, { MASK,  26,  2,  5,  120, 6,	 8,   10,  1,
			   0,	  53,  10, 1,  0,   54,	 12,  3,   'v',
			   'm',	  '1', 15, 3,  'x', '.', 'y', 119, 19,
			   NAMES, 42,  4,  10, 1,   0,	 123 });
}

TEST(routes_are_told_with_the_bytes_that_count)
{
	struct all w;

	begin(&w);
	w.routes[2].dst = net("192.0.2.128/25");
	w.routes[2].via = ip("10.1.0.2");
	w.routes[3].dst = net("172.16.9.9/12");
	w.a.n_routes = 4;
	encode(&w);
	assert_rest4(&w, { MASK, GATEWAY, 121, 21, 0,	10, 1, 0, 1,
			   25,	 192,	  0,   2,  128, 10, 1, 0, 2,
			   12,	 172,	  16,  10, 1,	0,  1 });
	/* Without a gateway what has no router is on the link. */
	w.a.gateway4.family = 0;
	w.routes[1].dst = net("198.51.100.0/24");
	w.a.routes = w.routes + 1;
	w.a.n_routes = 1;
	encode(&w);
	assert_rest4(&w, { MASK, 121, 8, 24, 198, 51, 100, 0, 0, 0, 0 });
	assert_memory_equal(&w.got.server4, ip("192.0.0.8").b, 4);
	assert_int_equal(w.got.gateway4, 0);
}

TEST(a_gateway_beside_the_network_is_made_reachable)
{
	struct all w;

	begin(&w);
	w.addrs[1] = net("10.1.0.5/32");
	encode(&w);
	assert_rest4(&w,
		     { 1, 4, 255, 255, 255, 255, GATEWAY, 121, 14, 32, 10, 1,
		       0, 1, 0,	  0,   0,   0,	 0,	  10,  1,  0,  1 });
}

TEST(what_to_boot_stands_where_each_client_looks)
{
	static const uint8_t seven = 7;
	static const struct answers_option mine = { .code = 175,
						    .data = &seven,
						    .len = 1 };
	struct all w;

	begin(&w);
	w.a.boot_server = "10.1.0.9";
	w.a.boot_file = "b.efi";
	w.a.boot_url = "tftp://x/b";
	encode(&w);
	assert_rest4(&w, { MASK, GATEWAY, 66,  8,   '1', '0', '.', '1',
			   '.',	 '0',	  '.', '9', 67,	 5,   'b', '.',
			   'e',	 'f',	  'i', 175, 3,	 176, 1,   1 });
	assert_memory_equal(&w.got.next4, ip("10.1.0.9").b, 4);
	assert_string_equal((char *)w.got.names4 + 64, "b.efi");
	assert_bytes(w.got.names4 + 192, 4, { 0x63, 0x82, 0x53, 0x63 });
	assert_bytes(w.got.rest6, w.got.rest6_len,
		     { 0, 59, 0, 10, 't', 'f', 't', 'p', ':', '/', '/', 'x',
		       '/', 'b' });
	w.a.boot_server = "boot.test";
	encode(&w);
	assert_int_equal(w.got.next4, 0);
	w.a.boot_file = NULL;
	encode(&w);
	assert_rest4(&w, { MASK, GATEWAY, 66, 9, 'b', 'o', 'o', 't', '.', 't',
			   'e', 's', 't' });
	w.a.boot_file = "b.efi";
	w.a.boot_server = NULL;
	w.a.options = &mine;
	w.a.n_options = 1;
	encode(&w);
	assert_rest4(&w, { MASK, GATEWAY, 67, 5, 'b', '.', 'e', 'f', 'i', 175,
			   1, 7 });
}

TEST(any_option_can_be_given_by_its_number)
{
	static const uint8_t data[] = { 10, 1, 0, 99 };
	const struct answers_option options[] = {
		{ .code = 3, .data = data, .len = 4 },
		{ .code = 224, .data = data, .len = 1 },
		{ .ip6 = true, .code = 23, .data = data, .len = 2 },
	};
	struct all w;

	begin(&w);
	w.a.options = options;
	w.a.n_options = 3;
	w.a.n_dns = 2;
	encode(&w);
	assert_rest4(&w, { MASK, 6, 4, 10, 1, 0, 53, 3, 4, 10, 1, 0, 99, 224, 1,
			   10 });
	assert_bytes(w.got.rest6, w.got.rest6_len, { 0, 23, 0, 2, 10, 1 });
}

TEST(the_protocols_own_options_cannot_be_given)
{
	static const uint8_t own4[] = { 0,  50, 51, 52, 53, 54, 55,
					57, 58, 59, 61, 82, 255 };
	static const uint8_t own6[] = { 0, 1, 2, 3, 5, 7, 13, 14, 20, 25, 26 };
	struct answers_option option = { .data = own4, .len = 1 };
	struct all w;
	char words[32];

	begin(&w);
	w.a.options = &option;
	w.a.n_options = 1;
	for (size_t i = 0; i < sizeof(own4); i++) {
		option.code = own4[i];
		(void)snprintf(words, sizeof(words), "DHCPv4 option %u",
			       option.code);
		refuse(&w, EINVAL, words);
	}
	option.code = 256;
	refuse(&w, EINVAL, "option 256");
	option.ip6 = true;
	for (size_t i = 0; i < sizeof(own6); i++) {
		option.code = own6[i];
		(void)snprintf(words, sizeof(words), "DHCPv6 option %u",
			       option.code);
		refuse(&w, EINVAL, words);
	}
}

TEST(what_does_not_fit_is_named)
{
	static const uint8_t data[300];
	struct answers_option option = { .code = 43, .data = data };
	struct answers_route routes[40];
	char name[257] = "";
	struct all w;

	begin(&w);
	w.a.options = &option;
	w.a.n_options = 1;
	option.len = 256;
	refuse(&w, EINVAL, "longer than 255");
	/* 18 of them are there already, and the end. */
	option.len = 255;
	encode(&w);
	w.a.n_ntp = 1;
	refuse(&w, E2BIG, "option 43 does not fit");
	w.a.n_options = 0;
	w.a.n_ntp = 0;
	for (size_t i = 0; i < 40; i++) {
		memset(&routes[i], 0, sizeof(routes[i]));
		routes[i].dst = net("192.0.2.0/24");
	}
	w.a.routes = routes;
	w.a.n_routes = 31;
	encode(&w);
	w.a.n_routes = 32;
	refuse(&w, E2BIG, "routes (option 121)");
	w.a.n_routes = 0;
	memset(name, 'a', sizeof(name) - 1);
	w.a.hostname = name;
	refuse(&w, E2BIG, "host name (option 12)");
	w.a.hostname = NULL;
	option = (struct answers_option){
		.ip6 = true, .code = 43, .data = data, .len = 252
	};
	w.a.n_options = 1;
	encode(&w);
	option.len++;
	refuse(&w, E2BIG, "DHCPv6: option 43");
}

TEST(only_names_can_be_searched)
{
	static const char *const bad[] = {
		"",
		".",
		"a..b",
		".a",
		"a123456789012345678901234567890123456789012345678901234567890123",
	};
	struct all w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		begin(&w);
		w.search[0] = bad[i];
		w.a.n_search = 1;
		refuse(&w, EINVAL, "no valid search list (option 119)");
	}
}

TEST(a_router_says_what_is_on_the_link)
{
	struct all w;

	begin(&w);
	w.a.mtu = 1400;
	w.a.n_dns = 2;
	w.a.n_search = 2;
	w.routes[2].dst = net("fd00:9::/48");
	w.routes[3].dst = net("fd00:8::/48");
	w.routes[3].via = ip("fd00:1::2"); /* which it cannot say */
	w.a.n_routes = 4;
	encode(&w);
	assert_bytes(w.got.ra, w.got.ra_len,
		     { 134,	0,    0,    0,	  64,	   0xc0,    255,  255,
		       0,	0,    0,    0,	  0,	   0,	    0,	  0,
		       1,	1,    0xfe, 0,	  0,	   0,	    0,	  9,
		       5,	1,    0,    0,	  0,	   0,	    5,	  120,
		       3,	4,    64,   0x80, FOREVER, FOREVER, 0,	  0,
		       0,	0,    NET6, 0,	  24,	   2,	    48,	  0,
		       FOREVER, 0xfd, 0,    0,	  9,	   0,	    0,	  0,
		       0,	25,   3,    0,	  0,	   FOREVER, NET6, 0x53,
		       31,	4,    0,    0,	  FOREVER, NAMES,   0,	  0,
		       0,	0,    0 });
	assert_bytes(&w.got.router6, 16, { LL });
	assert_memory_equal(&w.got.gateway6, ip("fd00:1::1").b, 16);
}

TEST(a_link_local_gateway_is_the_router)
{
	struct all w;

	begin(&w);
	w.a.gateway6 = ip("fe80::1");
	encode(&w);
	assert_memory_equal(&w.got.router6, ip("fe80::1").b, 16);
	assert_memory_equal(&w.got.gateway6, ip("fe80::1").b, 16);
	assert_int_equal(w.got.ra[6] << 8 | w.got.ra[7], 65535);
	w.a.gateway6.family = 0;
	encode(&w);
	assert_int_equal(w.got.ra[6] << 8 | w.got.ra[7], 0);
}

TEST(all_addresses_of_ipv6_are_given)
{
	struct ip_net many[GUARD_ANSWER_ADDRS + 1];
	struct all w;

	begin(&w);
	w.a.lease_s = 1000;
	w.a.n_ntp = 2;
	encode(&w);
	assert_int_equal(w.got.ia_n, 2);
	assert_bytes(&w.got.ia[1], sizeof(w.got.ia[1]),
		     { 0, 5, 0, 24, NET6, 6, 0, 0, 3, 0xe8, 0, 0, 3, 0xe8 });
	assert_bytes(w.got.rest6, w.got.rest6_len,
		     { 0, 56, 0, 20, 0, 1, 0, 16, 0xfd, 0, 0, 1,
		       0, 0,  0, 0,  0, 0, 0, 0,  0,	0, 1, 0x23 });
	for (size_t i = 0; i < GUARD_ANSWER_ADDRS + 1; i++) {
		many[i] = net("fd00:1::1/128");
		many[i].addr.b[15] = (uint8_t)i;
	}
	w.a.addrs = many;
	w.a.n = GUARD_ANSWER_ADDRS;
	encode(&w);
	assert_int_equal(w.got.ia_n, GUARD_ANSWER_ADDRS);
	assert_int_equal(w.got.flags & GUARD_DHCP4, 0);
	/* Nothing is on the link of 128 bits. */
	assert_int_equal(w.got.ra_len, 24);
	w.a.n++;
	refuse(&w, E2BIG, "more than 4 addresses");
}

TEST(who_has_no_address_is_told_nothing)
{
	struct guard_answer none;
	struct all w;

	begin(&w);
	w.a.n = 0;
	w.a.neighbour = false;
	encode(&w);
	memset(&none, 0, sizeof(none));
	memcpy(none.mac, w.a.mac.b, sizeof(none.mac));
	assert_memory_equal(&w.got, &none, sizeof(none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_begins_with_server_and_lease),
		cmocka_unit_test(a_guest_is_told_what_a_container_has),
		cmocka_unit_test(routes_are_told_with_the_bytes_that_count),
		cmocka_unit_test(
			a_gateway_beside_the_network_is_made_reachable),
		cmocka_unit_test(what_to_boot_stands_where_each_client_looks),
		cmocka_unit_test(any_option_can_be_given_by_its_number),
		cmocka_unit_test(the_protocols_own_options_cannot_be_given),
		cmocka_unit_test(what_does_not_fit_is_named),
		cmocka_unit_test(only_names_can_be_searched),
		cmocka_unit_test(a_router_says_what_is_on_the_link),
		cmocka_unit_test(a_link_local_gateway_is_the_router),
		cmocka_unit_test(all_addresses_of_ipv6_are_given),
		cmocka_unit_test(who_has_no_address_is_told_nothing),
	};

	return RUN(tests);
}
