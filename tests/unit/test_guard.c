/* SPDX-License-Identifier: Apache-2.0 */
/* "guard", and what becomes of it in the maps: no kernel. */
#include "../lib/netconf.h"
#include "bpf/guard.h"
#include "bpf/policy_abi.h"
#include "guest/guard.h"

static struct guard_conf read_conf(const char *keys, bool is_vm)
{
	static struct cni_netconf last;
	struct cni_err err = CNI_ERR_INIT;
	struct guard_conf c;
	struct cni_call call;

	cni_netconf_free(&last);
	call = call_with(keys, "", &last);
	assert_ok(guard_conf_parse(&call, is_vm, &c, &err), &err);
	return c;
}

static void refuses(const char *keys, int code, const char *msg)
{
	cleanup_netconf struct cni_netconf conf = { 0 };
	struct cni_call call = call_with(keys, "", &conf);
	struct cni_err err = CNI_ERR_INIT;
	struct guard_conf c;

	assert_error(guard_conf_parse(&call, true, &c, &err), &err, code, msg);
}

static struct ip_net net_of(const char *text)
{
	struct ip_net n;

	assert_int_equal(ip_net_parse(text, &n), 0);
	return n;
}

TEST(vms_are_guarded_and_containers_if_they_ask)
{
	assert_true(read_conf("", true).antispoof);
	assert_false(read_conf("", false).antispoof);
	assert_true(read_conf("\"guard\":{}", true).antispoof);
	assert_false(read_conf("\"guard\":{}", false).antispoof);
	assert_true(
		read_conf("\"guard\":{\"antispoof\":true}", false).antispoof);
	assert_false(
		read_conf("\"guard\":{\"antispoof\":false}", true).antispoof);
}

TEST(an_allowed_address_is_a_network_of_one)
{
	const struct guard_conf c =
		read_conf("\"guard\":{\"allowedAddresses\":[\"192.0.2.1\","
			  "\"192.0.2.128/25\",\"fd00::1\",\"fd00:1::/32\"]}",
			  true);

	assert_int_equal(c.n_routed, 4);
	assert_int_equal(c.routed[0].plen, 32);
	assert_int_equal(c.routed[1].plen, 25);
	assert_int_equal(c.routed[2].plen, 128);
	assert_int_equal(c.routed[3].plen, 32);
}

TEST(what_cannot_be_is_refused_by_name)
{
	refuses("\"guard\":5", CNI_E_DECODE,
		"key \"guard\": 5 is not an object");
	refuses("\"guard\":{\"allowedAddresses\":[7]}", CNI_E_DECODE,
		"key \"guard\": key \"allowedAddresses\": 7 is not a string");
	refuses("\"guard\":{\"allowedAddresses\":[\"x\"]}", CNI_E_CONFIG,
		"key \"guard\": key \"allowedAddresses\": \"x\" is neither an address nor a network");
	refuses("\"guard\":{\"allowedAddresses\":[\"10.0.0.1/8\"]}",
		CNI_E_CONFIG,
		"key \"guard\": key \"allowedAddresses\": \"10.0.0.1/8\" is neither an address nor a network: 10.0.0.0/8 is one");
	refuses("\"guard\":{\"antispoof\":false,\"allowedAddresses\":[\"10.0.0.1\"]}",
		CNI_E_CONFIG,
		"key \"guard\": key \"allowedAddresses\" means nothing without \"antispoof\"");
	refuses("\"guard\":{\"program\":\"x.o\"}", CNI_E_CONFIG,
		"key \"guard\": key \"program\": \"x.o\" is no absolute path");
	refuses("\"guard\":{\"program\":\"\"}", CNI_E_CONFIG,
		"key \"guard\": key \"program\": \"\" is no absolute path");
	refuses("\"guard\":{\"require\":true,\"antispoof\":false,\"addressing\":false}",
		CNI_E_CONFIG,
		"key \"guard\": key \"require\" means nothing without \"antispoof\", \"addressing\", \"program\" or \"policy\"");
}

TEST(a_program_and_a_policy_are_something_to_require)
{
	const struct guard_conf c = read_conf(
		"\"guard\":{\"program\":\"/x\",\"require\":true}", false);

	assert_string_equal(c.program, "/x");
	assert_true(c.require);
	assert_true(
		read_conf("\"policy\":[],\"guard\":{\"require\":true}", false)
			.require);
	assert_false(read_conf("", true).require);
	assert_null(read_conf("", true).program);
}

TEST(sixteen_may_be_allowed_and_no_more)
{
	char keys[1024] = "\"guard\":{\"allowedAddresses\":[\"10.0.0.0\"";

	for (int i = 1; i < GUARD_PREFIXES; i++)
		(void)snprintf(keys + strlen(keys), sizeof(keys) - strlen(keys),
			       ",\"10.0.0.%d\"", i);
	(void)strcat(keys, "]}");
	assert_int_equal(read_conf(keys, true).n_routed, GUARD_PREFIXES);
	keys[strlen(keys) - 2] = '\0';
	(void)strcat(keys, ",\"10.0.1.0\"]}");
	refuses(keys, CNI_E_CONFIG,
		"key \"guard\": key \"allowedAddresses\": more than 16");
}

TEST(vms_are_told_their_addresses_and_containers_if_they_ask)
{
	assert_true(read_conf("", true).addressing);
	assert_false(read_conf("", false).addressing);
	assert_false(
		read_conf("\"guard\":{\"addressing\":false}", true).addressing);
	assert_true(
		read_conf("\"guard\":{\"addressing\":true}", false).addressing);
}

TEST(what_they_are_told_besides_is_read)
{
	const struct guard_conf c = read_conf(
		"\"guard\":{\"dhcp\":{\"leaseTime\":60,\"hostname\":\"h\","
		"\"ntp\":[\"10.0.0.1\",\"fd00::1\"],\"bootServer\":\"s\","
		"\"bootFile\":\"f\",\"bootUrl\":\"u\",\"options\":["
		"{\"code\":43,\"hex\":\"0aFf\"},{\"code\":60,\"text\":\"abc\"}],"
		"\"options6\":[{\"code\":300}]}}",
		true);

	assert_int_equal(c.dhcp.lease_s, 60);
	assert_string_equal(c.dhcp.hostname, "h");
	assert_string_equal(c.dhcp.boot_server, "s");
	assert_string_equal(c.dhcp.boot_file, "f");
	assert_string_equal(c.dhcp.boot_url, "u");
	assert_int_equal(c.dhcp.n_ntp, 2);
	assert_int_equal(c.dhcp.n_options, 3);
	assert_int_equal(c.dhcp.options[0].code, 43);
	assert_int_equal(c.dhcp.options[0].len, 2);
	assert_memory_equal(c.dhcp.options[0].data, "\x0a\xff", 2);
	assert_memory_equal(c.dhcp.options[1].data, "abc", 3);
	assert_false(c.dhcp.options[1].ip6);
	assert_true(c.dhcp.options[2].ip6);
	assert_int_equal(c.dhcp.options[2].len, 0);
}

#define DHCP(x) "\"guard\":{\"dhcp\":{" x "}}"
#define IN_DHCP "key \"guard\": key \"dhcp\": "

TEST(what_nobody_can_be_told_is_refused_by_name)
{
	refuses("\"guard\":{\"addressing\":false,\"dhcp\":{}}", CNI_E_CONFIG,
		"key \"guard\": key \"dhcp\" means nothing without \"addressing\"");
	refuses(DHCP("\"ntp\":[\"ntp.example\"]"), CNI_E_CONFIG,
		IN_DHCP "key \"ntp\": \"ntp.example\" is not an address");
	refuses(DHCP("\"options\":[7]"), CNI_E_DECODE,
		IN_DHCP "key \"options\": 7 is not an object");
	refuses(DHCP("\"options\":[{\"hex\":\"00\"}]"), CNI_E_CONFIG,
		IN_DHCP "key \"options\": key \"code\": 0 is not an option's");
	refuses(DHCP("\"options\":[{\"code\":255}]"), CNI_E_CONFIG,
		IN_DHCP
		"key \"options\": key \"code\": 255 is not an option's");
	refuses(DHCP("\"options6\":[{\"code\":5,\"hex\":\"0\"}]"), CNI_E_CONFIG,
		IN_DHCP
		"key \"options6\": option 5: key \"hex\": \"0\": not pairs of hex digits, at most 255");
	refuses(DHCP("\"options\":[{\"code\":5,\"hex\":\"00\",\"text\":\"x\"}]"),
		CNI_E_CONFIG,
		IN_DHCP
		"key \"options\": option 5: \"text\" or \"hex\", not both");
}

/* Whoever changes one of them raises GUARD_SCHEMA. */
TEST(the_maps_are_those_of_schema_4)
{
	assert_int_equal(GUARD_SCHEMA, 4);
	assert_int_equal(sizeof(struct guard_guest),
			 8 + 8 + 4 + 8 + 4 + 16 + 64 + 64);
	assert_int_equal(sizeof(struct guard_sources), 4 + 16 * 36);
	assert_int_equal(sizeof(struct guard_claim), 24);
	assert_int_equal(sizeof(struct guard_answer), 1200);
	assert_int_equal(sizeof(struct guard_policy), 32);
	assert_int_equal(sizeof(struct guard_peer), 28);
	assert_int_equal(sizeof(struct guard_port), 20);
	assert_int_equal(sizeof(struct guard_class), 24 + 4 * 24);
	assert_int_equal(sizeof(struct guard_flow), 44);
	assert_int_equal(sizeof(struct guard_flow_state), 16);
	assert_int_equal(sizeof(struct guard_part), 44);
	assert_int_equal(sizeof(struct guard_member), 2048);
	assert_int_equal(sizeof(struct guard_chunk_key), 16);
	assert_int_equal(sizeof(struct guard_chunk), 4096);
	assert_int_equal(sizeof(struct guard_counts),
			 (2 * GUARD_VERDICTS + 3) * 8 + 4 + 24 + 4);
	assert_int_equal(sizeof(struct guard_watched), 8 + 8 * 16);
	assert_int_equal(sizeof(struct guard_event), 48 + 128);
	assert_true((int)GUARD_REASONS >= (int)GUARD_VERDICTS);
	assert_int_equal(GUARD_VERDICTS, 21);
	assert_int_equal(offsetof(struct guard_guest, mac), 20);
	assert_int_equal(offsetof(struct guard_guest, ip4), 32);
}

static void encode(const struct guard_rules *r, struct guard_guest *g,
		   struct guard_sources *more)
{
	struct cni_err err = CNI_ERR_INIT;

	assert_ok(guard_encode(r, g, more, &err), &err);
}

TEST(addresses_go_where_the_program_looks)
{
	static const uint8_t link_local[] = { 0xfe, 0x80, 0, 0, 0, 0,
					      0,    0,	  0, 0, 0, 0xff,
					      0xfe, 0,	  0, 1 };
	const struct ip_net addrs[] = { net_of("10.1.0.5/24"),
					net_of("fd00:1::5/64") };
	const struct guard_rules rules = {
		.attachment = 7,
		.network = 70,
		.antispoof = true,
		.mac = { { 2, 0, 0, 0, 0, 1 } },
		.addrs = addrs,
		.n = 2,
	};
	struct guard_sources more;
	struct guard_guest g;

	encode(&rules, &g, &more);
	assert_int_equal(g.attachment, 7);
	assert_int_equal(g.network, 70);
	assert_int_equal(g.flags, GUARD_ANTISPOOF | GUARD_IP4 | GUARD_IP6);
	assert_memory_equal(&g.ip4[0], addrs[0].addr.b, 4);
	assert_int_equal(g.ip4[1], 0);
	assert_memory_equal(g.ip6[0], link_local, 16);
	assert_memory_equal(g.ip6[1], addrs[1].addr.b, 16);
	assert_int_equal(more.n, 0);
}

TEST(networks_go_apart_with_their_masks)
{
	static const uint32_t none[4];
	const struct ip_net routed[] = { net_of("192.0.2.128/25"),
					 net_of("fd00::/15") };
	const struct guard_rules rules = { .antispoof = true,
					   .trunk = true,
					   .routed = routed,
					   .n_routed = 2 };
	const uint8_t mask4[16] = { 0xff, 0xff, 0xff, 0x80 };
	const uint8_t mask6[16] = { 0xff, 0xfe };
	struct guard_sources more;
	struct guard_guest g;

	encode(&rules, &g, &more);
	assert_int_equal(g.flags, GUARD_ANTISPOOF | GUARD_TRUNK | GUARD_IP4 |
					  GUARD_IP6 | GUARD_ROUTES);
	assert_memory_equal(g.ip4, none, 16);
	assert_int_equal(more.n, 2);
	assert_int_equal(more.prefix[0].family, 4);
	assert_memory_equal(more.prefix[0].mask, mask4, 16);
	assert_int_equal(more.prefix[1].family, 6);
	assert_memory_equal(more.prefix[1].mask, mask6, 16);
	assert_memory_equal(more.prefix[1].addr, routed[1].addr.b, 16);
}

TEST(on_layer_2_any_address_is_the_guests)
{
	const struct guard_rules rules = { .antispoof = true, .layer2 = true };
	struct guard_sources more;
	struct guard_guest g;

	encode(&rules, &g, &more);
	assert_int_equal(g.flags, GUARD_ANTISPOOF | GUARD_ANY_IP4 |
					  GUARD_ANY_IP6 | GUARD_IP4 |
					  GUARD_IP6);
}

TEST(every_verdict_has_a_name_of_its_own)
{
	for (enum guard_verdict v = 0; v < GUARD_VERDICTS; v++)
		for (enum guard_verdict w = 0; w < v; w++)
			assert_string_not_equal(guard_verdict_name(v),
						guard_verdict_name(w));
	assert_string_equal(guard_verdict_name(GUARD_VERDICTS), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vms_are_guarded_and_containers_if_they_ask),
		cmocka_unit_test(an_allowed_address_is_a_network_of_one),
		cmocka_unit_test(what_cannot_be_is_refused_by_name),
		cmocka_unit_test(
			a_program_and_a_policy_are_something_to_require),
		cmocka_unit_test(sixteen_may_be_allowed_and_no_more),
		cmocka_unit_test(
			vms_are_told_their_addresses_and_containers_if_they_ask),
		cmocka_unit_test(what_they_are_told_besides_is_read),
		cmocka_unit_test(what_nobody_can_be_told_is_refused_by_name),
		cmocka_unit_test(the_maps_are_those_of_schema_4),
		cmocka_unit_test(addresses_go_where_the_program_looks),
		cmocka_unit_test(networks_go_apart_with_their_masks),
		cmocka_unit_test(on_layer_2_any_address_is_the_guests),
		cmocka_unit_test(every_verdict_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
