/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/socket.h>

#include "../lib/check.h"
#include "base/ip.h"
#include "base/mac.h"

static struct ip_addr addr(const char *s)
{
	struct ip_addr a;

	if (ip_parse(s, &a) < 0)
		fail_msg("%s is an address", s);
	return a;
}

static struct ip_net net(const char *s)
{
	struct ip_net n;

	if (ip_net_parse(s, &n) < 0)
		fail_msg("%s is a network", s);
	return n;
}

static void check_text(const char *in, const char *out)
{
	const struct ip_addr a = addr(in);
	char buf[IP_STR_SIZE];

	assert_string_equal(ip_format(&a, buf), out);
}

/* Texts as Go's net.IP.String() prints them. */
TEST(addresses_are_printed_as_go_prints_them)
{
	check_text("10.88.0.1", "10.88.0.1");
	check_text("0.0.0.0", "0.0.0.0");
	check_text("255.255.255.255", "255.255.255.255");
	check_text("::", "::");
	check_text("::1", "::1");
	check_text("1::", "1::");
	check_text("FD00:88::00A", "fd00:88::a");
	check_text("2001:db8:0:0:0:0:0:1", "2001:db8::1");
	check_text("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
	check_text("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
	check_text("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
	check_text("1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0");
	check_text("0:2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8");
	check_text("1:0:0:4:5:6:0:0", "1::4:5:6:0:0");
	check_text("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	check_text("::102:304", "::102:304");
	check_text("::1.2.3.4", "::102:304");
	check_text("64:ff9b::1.2.3.4", "64:ff9b::102:304");
}

TEST(a_mapped_address_is_ipv4)
{
	check_text("::ffff:1.2.3.4", "1.2.3.4");
	check_text("::ffff:102:304", "1.2.3.4");
	assert_int_equal(addr("::ffff:1.2.3.4").family, AF_INET);
	assert_int_equal(addr("::fffe:1.2.3.4").family, AF_INET6);
}

TEST(what_go_refuses_is_no_address)
{
	static const char *const bad[] = {
		"",
		" ",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		"1.2.3.04",
		"1.2.3.4 ",
		" 1.2.3.4",
		"1.2.3.4\n",
		"0x1.2.3.4",
		"1..3.4",
		"1.2.3.",
		":",
		":::",
		"1:2:3:4:5:6:7",
		"1::2::3",
		"::1%lo",
		"fe80::1%1",
		"12345::",
		"00001::",
		"::g",
		"1:2:3:4:5:6:7::8:9",
		"1:2:3:4:5:6:7:8::",
		"::1.2.3",
		"::1.2.3.4:5",
		"[::1]",
		"1.2.3.4/24",
		"-1.2.3.4",
		"+1.2.3.4",
		"::ffff:01.2.3.4",
		"localhost",
	};
	struct ip_addr a = { .family = 77 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (ip_parse(bad[i], &a) == 0)
			fail_msg("\"%s\" is no address", bad[i]);
		assert_int_equal(a.family, 77);
	}
}

TEST(a_network_keeps_its_host_bits)
{
	const struct ip_net n = net("10.1.0.5/16");
	char buf[IP_NET_STR_SIZE];

	assert_string_equal(ip_net_format(&n, buf), "10.1.0.5/16");
	assert_int_equal(n.plen, 16);
}

TEST(prefix_lengths_end_at_the_familys_width)
{
	static const char *const bad[] = {
		"10.0.0.0",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/+8",
		"10.0.0.0/8 ",
		"10.0.0.0/ 8",
		"10.0.0.0/8/8",
		"10.0.0.0/256",
		"10.0.0.0/264",
		"::/129",
		"::/a",
		"/8",
		"::ffff:1.2.3.4/129",
		"::ffff:1.2.3.4/95",
		"10.0.0.0/4294967304",
	};
	struct ip_net n = { .plen = 77 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (ip_net_parse(bad[i], &n) == 0)
			fail_msg("\"%s\" is no network", bad[i]);
		assert_int_equal(n.plen, 77);
	}
	assert_int_equal(net("0.0.0.0/0").plen, 0);
	assert_int_equal(net("1.2.3.4/32").plen, 32);
	assert_int_equal(net("::/128").plen, 128);
	assert_int_equal(net("1.2.3.4/08").plen, 8);
}

TEST(a_mapped_networks_prefix_counts_in_the_family_written)
{
	const struct ip_net n = net("::ffff:10.1.0.0/112");

	assert_int_equal(n.addr.family, AF_INET);
	assert_int_equal(n.plen, 16);
}

TEST(adding_stops_at_the_end_of_the_address_space)
{
	struct ip_addr a = addr("10.0.0.255");
	char buf[IP_STR_SIZE];

	assert_true(ip_add(&a, 1));
	assert_string_equal(ip_format(&a, buf), "10.0.1.0");
	a = addr("255.255.255.255");
	assert_false(ip_add(&a, 1));
	assert_string_equal(ip_format(&a, buf), "255.255.255.255");
	a = addr("0.0.0.0");
	assert_false(ip_add(&a, 1ULL << 32));
	assert_true(ip_add(&a, UINT32_MAX));
	assert_string_equal(ip_format(&a, buf), "255.255.255.255");
	a = addr("fd00::ffff:ffff:ffff:ffff");
	assert_true(ip_add(&a, 1));
	assert_string_equal(ip_format(&a, buf), "fd00:0:0:1::");
	a = addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_false(ip_add(&a, 1));
}

TEST(distances_are_counted_and_saturate)
{
	const struct ip_addr a = addr("10.0.0.1"), b = addr("10.0.1.1");
	const struct ip_addr lo = addr("::"), hi = addr("8000::");

	assert_int_equal(ip_distance(&a, &b), 256);
	assert_int_equal(ip_distance(&b, &a), 0);
	assert_int_equal(ip_distance(&a, &a), 0);
	assert_true(ip_distance(&lo, &hi) == UINT64_MAX);
}

TEST(prefixes_contain_and_overlap_only_in_their_family)
{
	const struct ip_net a = net("10.1.0.0/16"), b = net("10.1.2.3/24");
	const struct ip_net c = net("10.2.0.0/16"), all6 = net("::/0");
	const struct ip_net all4 = net("0.0.0.0/0");
	const struct ip_addr x = addr("10.1.255.255"), y = addr("10.2.0.0");
	const struct ip_addr v6 = addr("fd00::1");

	assert_true(ip_net_contains(&a, &x));
	assert_false(ip_net_contains(&a, &y));
	assert_true(ip_net_contains(&all4, &x));
	assert_false(ip_net_contains(&all4, &v6));
	assert_false(ip_net_contains(&all6, &x));
	assert_true(ip_net_overlaps(&a, &b));
	assert_true(ip_net_overlaps(&b, &a));
	assert_false(ip_net_overlaps(&a, &c));
	assert_false(ip_net_overlaps(&all4, &all6));
	assert_false(ip_net_overlaps(&all6, &all4));
}

TEST(first_last_and_masked_follow_the_prefix)
{
	const struct ip_net n = net("10.1.2.3/23"), v6 = net("fd00::5/127");
	const struct ip_addr first = ip_net_first(&n), last = ip_net_last(&n);
	const struct ip_addr last6 = ip_net_last(&v6);
	const struct ip_net masked = ip_net_masked(&n);
	char buf[IP_NET_STR_SIZE];

	assert_string_equal(ip_format(&first, buf), "10.1.2.0");
	assert_string_equal(ip_format(&last, buf), "10.1.3.255");
	assert_string_equal(ip_format(&last6, buf), "fd00::5");
	assert_string_equal(ip_net_format(&masked, buf), "10.1.2.0/23");
}

TEST(special_addresses_are_told)
{
	const struct ip_addr z4 = addr("0.0.0.0"), z6 = addr("::");
	const struct ip_addr l4 = addr("169.254.1.1"), l6 = addr("febf::1");
	const struct ip_addr n6 = addr("fec0::1"), none = { 0 };
	char buf[IP_STR_SIZE];

	assert_true(ip_is_unspecified(&z4) && ip_is_unspecified(&z6));
	assert_false(ip_is_unspecified(&l4));
	assert_true(ip_is_link_local(&l4) && ip_is_link_local(&l6));
	assert_false(ip_is_link_local(&n6));
	assert_true(ip_cmp(&z4, &z6) < 0 && ip_cmp(&z6, &z4) > 0);
	assert_string_equal(ip_format(&none, buf), "");
}

static void check_mac(const char *in, const char *out)
{
	char buf[MAC_STR_SIZE];
	struct mac m;

	assert_int_equal(mac_parse(in, &m), 0);
	assert_string_equal(mac_format(&m, buf), out);
}

TEST(macs_are_read_in_gos_three_forms)
{
	check_mac("02:00:5E:10:00:01", "02:00:5e:10:00:01");
	check_mac("02-00-5e-10-00-01", "02:00:5e:10:00:01");
	check_mac("0200.5e10.0001", "02:00:5e:10:00:01");
}

TEST(what_is_no_mac_is_refused)
{
	static const char *const bad[] = {
		"",
		"0",
		"02",
		"02:00:5e:10:00",
		"02:00:5e:10:00:1",
		"02:00:5e:10:00:01:02",
		"02:00:5e:10:00:0g",
		"02:00:5e-10:00:01",
		"2:0:5e:10:0:1",
		"02005e100001",
		"0200.5e10.000",
		"0200.5e10:0001",
		"0200:5e10:0001",
		"02.00.5e.10.00.01",
		"02:00:5e:10:00:01\n",
		" 02:00:5e:10:00:01",
		"02:00:00:00:fe:80:00:01",
		"02:00:00:00:01",
	};
	struct mac m = { { 7 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (mac_parse(bad[i], &m) == 0)
			fail_msg("\"%s\" is no MAC", bad[i]);
		assert_int_equal(m.b[0], 7);
	}
}

TEST(group_and_zero_addresses_are_not_unicast)
{
	struct mac m;

	assert_int_equal(mac_parse("01:00:5e:00:00:01", &m), 0);
	assert_false(mac_is_unicast(&m));
	assert_int_equal(mac_parse("00:00:00:00:00:00", &m), 0);
	assert_false(mac_is_unicast(&m));
	assert_int_equal(mac_parse("00:00:00:00:00:01", &m), 0);
	assert_true(mac_is_unicast(&m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_printed_as_go_prints_them),
		cmocka_unit_test(a_mapped_address_is_ipv4),
		cmocka_unit_test(what_go_refuses_is_no_address),
		cmocka_unit_test(a_network_keeps_its_host_bits),
		cmocka_unit_test(prefix_lengths_end_at_the_familys_width),
		cmocka_unit_test(
			a_mapped_networks_prefix_counts_in_the_family_written),
		cmocka_unit_test(adding_stops_at_the_end_of_the_address_space),
		cmocka_unit_test(distances_are_counted_and_saturate),
		cmocka_unit_test(
			prefixes_contain_and_overlap_only_in_their_family),
		cmocka_unit_test(first_last_and_masked_follow_the_prefix),
		cmocka_unit_test(special_addresses_are_told),
		cmocka_unit_test(macs_are_read_in_gos_three_forms),
		cmocka_unit_test(what_is_no_mac_is_refused),
		cmocka_unit_test(group_and_zero_addresses_are_not_unicast),
	};

	return RUN(tests);
}
