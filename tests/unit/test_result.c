/* SPDX-License-Identifier: Apache-2.0 */
/* Results in every version's shape: CNI spec, and what libcni prints. */
#include "../lib/check.h"
#include "cni/result.h"

enum { V4 = 1, V6 = 2 };

/* What bridge-vm reports, with all that can be said of a guest's interface. */
static void build(unsigned int families, struct cni_result *r)
{
	const struct cni_interface made[] = {
		{ .name = "weft0", .mac = "02:00:00:00:00:01" },
		{ .name = "veth1", .mac = "fe:00:00:00:00:02" },
		{ .name = "eth0",
		  .mac = "02:00:00:00:00:02",
		  .sandbox = "/ns",
		  .mtu = 1500,
		  .socket_path = "/s",
		  .pci_id = "0000:00:01.0" },
	};
	struct cni_ip ip4 = { .interface = 2 }, ip6 = { .interface = 2 };
	struct cni_route r4 = { .mtu = 1400,
				.advmss = -1,
				.priority = 0,
				.table = -1,
				.scope = -1 };
	struct cni_route r6 = { .mtu = -1,
				.advmss = -1,
				.priority = -1,
				.table = -1,
				.scope = -1 };

	(void)ip_net_parse("10.1.0.5/16", &ip4.address);
	(void)ip_parse("10.1.0.1", &ip4.gateway);
	(void)ip_net_parse("fd00::5/64", &ip6.address);
	(void)ip_net_parse("0.0.0.0/0", &r4.dst);
	(void)ip_parse("10.1.0.1", &r4.gw);
	(void)ip_net_parse("fd01::7/64", &r6.dst);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(cni_result_add_interface(r, &made[i]), 0);
	if (families & V4) {
		assert_int_equal(cni_result_add_ip(r, &ip4), 0);
		assert_int_equal(cni_result_add_route(r, &r4), 0);
	}
	if (families & V6) {
		assert_int_equal(cni_result_add_ip(r, &ip6), 0);
		assert_int_equal(cni_result_add_route(r, &r6), 0);
	}
}

/* In one line, the version as "V". */
static char *print_compact(const struct cni_result *r, enum cni_version v)
{
	struct cni_err err = CNI_ERR_INIT;
	cleanup_json cJSON *doc = NULL;
	cleanup_free char *text = NULL;
	cJSON *version;

	assert_ok(cni_result_print(r, v, &text, &err), &err);
	assert_ok(json_parse(text, strlen(text), &doc, &err), &err);
	version = cJSON_GetObjectItemCaseSensitive(doc, "cniVersion");
	assert_string_equal(version->valuestring, cni_version_str(v));
	(void)cJSON_SetValuestring(version, "V");
	return cJSON_PrintUnformatted(doc);
}

static void check_printed(unsigned int families, enum cni_version from,
			  enum cni_version to, const char *want)
{
	cleanup_result struct cni_result r = { 0 };

	build(families, &r);
	for (int v = (int)from; v <= (int)to; v++) {
		char *got = print_compact(&r, (enum cni_version)v);

		assert_string_equal(got, want);
		free(got);
	}
}

#define IP4_OLD \
	"\"ip4\":{\"ip\":\"10.1.0.5/16\",\"gateway\":\"10.1.0.1\",\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\"}]}"
#define IP6_OLD \
	"\"ip6\":{\"ip\":\"fd00::5/64\",\"routes\":[{\"dst\":\"fd01::7/64\"}]}"

TEST(versions_0_1_and_0_2_have_one_address_a_family)
{
	check_printed(V4, CNI_V0_1_0, CNI_V0_2_0,
		      "{\"cniVersion\":\"V\"," IP4_OLD ",\"dns\":{}}");
	check_printed(V6, CNI_V0_1_0, CNI_V0_2_0,
		      "{\"cniVersion\":\"V\"," IP6_OLD ",\"dns\":{}}");
	check_printed(V4 | V6, CNI_V0_1_0, CNI_V0_2_0,
		      "{\"cniVersion\":\"V\"," IP4_OLD "," IP6_OLD
		      ",\"dns\":{}}");
}

TEST(versions_0_1_and_0_2_cannot_say_layer_2)
{
	cleanup_result struct cni_result r = { 0 };
	struct cni_err err = CNI_ERR_INIT;
	char *text = NULL;

	build(0, &r);
	for (int v = CNI_V0_1_0; v <= CNI_V0_2_0; v++) {
		assert_true(cni_result_print(&r, (enum cni_version)v, &text,
					     &err) < 0);
		assert_int_equal(err.code, CNI_E_VERSION);
		assert_says(&err, "cannot convert: no valid IP addresses");
		assert_null(text);
	}
}

#define INTERFACES_OLD \
	"\"interfaces\":[{\"name\":\"weft0\",\"mac\":\"02:00:00:00:00:01\"},{\"name\":\"veth1\",\"mac\":\"fe:00:00:00:00:02\"},{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:02\",\"sandbox\":\"/ns\"}]"
#define IPS4_OLD \
	"{\"version\":\"4\",\"interface\":2,\"address\":\"10.1.0.5/16\",\"gateway\":\"10.1.0.1\"}"
#define IPS6_OLD \
	"{\"version\":\"6\",\"interface\":2,\"address\":\"fd00::5/64\"}"
#define ROUTE4 \
	"{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\",\"mtu\":1400,\"priority\":0}"
#define ROUTE6 "{\"dst\":\"fd01::7/64\"}"

TEST(a_result_outlives_the_strings_that_it_was_made_of)
{
	cleanup_result struct cni_result r = { 0 };
	char name[] = "eth0", mac[] = "02:00:00:00:00:01", ns[] = "/ns";

	assert_int_equal(cni_result_add_interface(
				 &r, &(struct cni_interface){ .name = name,
							      .mac = mac,
							      .sandbox = ns }),
			 0);
	memset(name, 'x', sizeof(name) - 1);
	memset(mac, 'x', sizeof(mac) - 1);
	memset(ns, 'x', sizeof(ns) - 1);
	assert_string_equal(r.interfaces[0].name, "eth0");
	assert_string_equal(r.interfaces[0].mac, "02:00:00:00:00:01");
	assert_string_equal(r.interfaces[0].sandbox, "/ns");
	assert_null(r.interfaces[0].pci_id);
}

TEST(versions_0_3_to_0_4_have_interfaces_and_the_ips_version)
{
	check_printed(V4, CNI_V0_3_0, CNI_V0_4_0,
		      "{\"cniVersion\":\"V\"," INTERFACES_OLD
		      ",\"ips\":[" IPS4_OLD "],\"routes\":[" ROUTE4
		      "],\"dns\":{}}");
	check_printed(V6, CNI_V0_3_0, CNI_V0_4_0,
		      "{\"cniVersion\":\"V\"," INTERFACES_OLD
		      ",\"ips\":[" IPS6_OLD "],\"routes\":[" ROUTE6
		      "],\"dns\":{}}");
	check_printed(V4 | V6, CNI_V0_3_0, CNI_V0_4_0,
		      "{\"cniVersion\":\"V\"," INTERFACES_OLD
		      ",\"ips\":[" IPS4_OLD "," IPS6_OLD "],\"routes\":[" ROUTE4
		      "," ROUTE6 "],\"dns\":{}}");
	check_printed(0, CNI_V0_3_0, CNI_V0_4_0,
		      "{\"cniVersion\":\"V\"," INTERFACES_OLD ",\"dns\":{}}");
}

#define INTERFACES \
	"\"interfaces\":[{\"name\":\"weft0\",\"mac\":\"02:00:00:00:00:01\"},{\"name\":\"veth1\",\"mac\":\"fe:00:00:00:00:02\"},{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:02\",\"mtu\":1500,\"sandbox\":\"/ns\",\"socketPath\":\"/s\",\"pciID\":\"0000:00:01.0\"}]"
#define IPS4 \
	"{\"interface\":2,\"address\":\"10.1.0.5/16\",\"gateway\":\"10.1.0.1\"}"
#define IPS6 "{\"interface\":2,\"address\":\"fd00::5/64\"}"

TEST(versions_1_0_and_1_1_leave_out_what_is_empty)
{
	check_printed(V4, CNI_V1_0_0, CNI_V1_1_0,
		      "{\"cniVersion\":\"V\"," INTERFACES ",\"ips\":[" IPS4
		      "],\"routes\":[" ROUTE4 "]}");
	check_printed(V6, CNI_V1_0_0, CNI_V1_1_0,
		      "{\"cniVersion\":\"V\"," INTERFACES ",\"ips\":[" IPS6
		      "],\"routes\":[" ROUTE6 "]}");
	check_printed(V4 | V6, CNI_V1_0_0, CNI_V1_1_0,
		      "{\"cniVersion\":\"V\"," INTERFACES ",\"ips\":[" IPS4
		      "," IPS6 "],\"routes\":[" ROUTE4 "," ROUTE6 "]}");
	check_printed(0, CNI_V1_0_0, CNI_V1_1_0,
		      "{\"cniVersion\":\"V\"," INTERFACES "}");
}

/* @from is parsed as of version @v, then printed as of @as. */
static void check_converted(const char *from, enum cni_version v,
			    enum cni_version as, const char *want)
{
	cleanup_result struct cni_result r = { 0 };
	struct cni_err err = CNI_ERR_INIT;
	char *got;

	assert_ok(json_parse(from, strlen(from), &r.doc, &err), &err);
	assert_ok(cni_result_parse(r.doc, v, &r, &err), &err);
	got = print_compact(&r, as);
	assert_string_equal(got, want);
	free(got);
}

TEST(an_old_result_becomes_addresses_without_interfaces)
{
	check_converted(
		"{" IP4_OLD "," IP6_OLD "}", CNI_V0_2_0, CNI_V0_4_0,
		"{\"cniVersion\":\"V\",\"ips\":[{\"version\":\"4\",\"address\":\"10.1.0.5/16\",\"gateway\":\"10.1.0.1\"},{\"version\":\"6\",\"address\":\"fd00::5/64\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\"}," ROUTE6
		"],\"dns\":{}}");
}

TEST(interface_0_is_printed_and_none_is_not)
{
	check_converted(
		"{\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"address\":\"1.2.3.4/8\",\"interface\":0},{\"address\":\"1.2.3.5/8\"}]}",
		CNI_V1_1_0, CNI_V1_1_0,
		"{\"cniVersion\":\"V\",\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"interface\":0,\"address\":\"1.2.3.4/8\"},{\"address\":\"1.2.3.5/8\"}]}");
}

TEST(only_the_first_address_of_a_family_survives_in_0_2)
{
	check_converted(
		"{\"ips\":[{\"address\":\"fd00::1/64\"},{\"address\":\"1.2.3.4/8\"},{\"address\":\"1.2.3.5/8\"},{\"address\":\"fd00::2/64\"}]}",
		CNI_V1_1_0, CNI_V0_2_0,
		"{\"cniVersion\":\"V\",\"ip4\":{\"ip\":\"1.2.3.4/8\"},\"ip6\":{\"ip\":\"fd00::1/64\"},\"dns\":{}}");
}

TEST(routes_of_a_family_without_address_are_dropped_in_0_2)
{
	check_converted(
		"{\"ips\":[{\"address\":\"1.2.3.4/8\"}],\"routes\":[{\"dst\":\"::/0\"},{\"dst\":\"9.0.0.0/8\",\"mtu\":9}]}",
		CNI_V1_1_0, CNI_V0_1_0,
		"{\"cniVersion\":\"V\",\"ip4\":{\"ip\":\"1.2.3.4/8\",\"routes\":[{\"dst\":\"9.0.0.0/8\"}]},\"dns\":{}}");
}

TEST(dns_passes_without_what_cni_does_not_know)
{
	check_converted(
		"{\"dns\":{\"Nameservers\":[\"1.1.1.1\"],\"domain\":\"d\",\"search\":[],\"options\":[\"o\"],\"x\":1}}",
		CNI_V1_1_0, CNI_V1_0_0,
		"{\"cniVersion\":\"V\",\"dns\":{\"nameservers\":[\"1.1.1.1\"],\"domain\":\"d\",\"options\":[\"o\"]}}");
	check_converted("{\"dns\":{\"search\":[]}}", CNI_V1_1_0, CNI_V1_0_0,
			"{\"cniVersion\":\"V\"}");
}

TEST(a_results_own_version_decides_its_shape)
{
	check_converted(
		"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"1.2.3.4/8\"},\"ips\":[{\"address\":\"9.9.9.9/8\"}]}",
		CNI_V1_1_0, CNI_V1_1_0,
		"{\"cniVersion\":\"V\",\"ips\":[{\"address\":\"1.2.3.4/8\"}]}");
	check_converted(
		"{\"cniVersion\":\"\",\"ips\":[{\"address\":\"1.2.3.4/8\"}]}",
		CNI_V1_1_0, CNI_V1_1_0,
		"{\"cniVersion\":\"V\",\"ips\":[{\"address\":\"1.2.3.4/8\"}]}");
}

TEST(every_attribute_of_a_route_passes)
{
	check_converted(
		"{\"routes\":[{\"dst\":\"1.0.0.0/8\",\"gw\":\"\",\"mtu\":1,\"advmss\":2,\"priority\":3,\"table\":4294967295,\"scope\":255}]}",
		CNI_V1_1_0, CNI_V1_1_0,
		"{\"cniVersion\":\"V\",\"routes\":[{\"dst\":\"1.0.0.0/8\",\"mtu\":1,\"advmss\":2,\"priority\":3,\"table\":4294967295,\"scope\":255}]}");
}

TEST(a_layout_has_four_spaces_and_no_last_newline)
{
	cleanup_result struct cni_result r = { 0 };
	struct cni_err err = CNI_ERR_INIT;
	char *text = NULL;

	assert_ok(cni_result_print(&r, CNI_V0_4_0, &text, &err), &err);
	assert_string_equal(
		text, "{\n    \"cniVersion\": \"0.4.0\",\n    \"dns\": {}\n}");
	free(text);
}

static void check_refused(const char *text, int code, const char *msg)
{
	cleanup_result struct cni_result r = { 0 };
	struct cni_err err = CNI_ERR_INIT;

	assert_ok(json_parse(text, strlen(text), &r.doc, &err), &err);
	assert_error(cni_result_parse(r.doc, CNI_V1_1_0, &r, &err), &err, code,
		     msg);
}

TEST(a_result_of_wrong_types_names_the_place)
{
	check_refused("[]", CNI_E_DECODE, "[] is not a result");
	check_refused("null", CNI_E_DECODE, "null is not a result");
	check_refused("{\"ips\":{}}", CNI_E_DECODE,
		      "key \"ips\": {} is not an array");
	check_refused("{\"ips\":[null]}", CNI_E_DECODE,
		      "ips[0]: null is not an object");
	check_refused("{\"ips\":[{}]}", CNI_E_DECODE,
		      "ips[0]: address without \"address\"");
	check_refused(
		"{\"ips\":[{\"address\":\"1.2.3.4\"}]}", CNI_E_DECODE,
		"ips[0]: key \"address\": \"1.2.3.4\" is not an address with a prefix length");
	check_refused(
		"{\"ips\":[{\"address\":\"1.2.3.4/8\",\"gateway\":\"x\"}]}",
		CNI_E_DECODE,
		"ips[0]: key \"gateway\": \"x\" is not an IP address");
	check_refused(
		"{\"ips\":[{\"address\":\"1.2.3.4/8\",\"interface\":65536}]}",
		CNI_E_CONFIG,
		"ips[0]: key \"interface\": 65536 is not within -1..65535");
	check_refused(
		"{\"interfaces\":[{}],\"ips\":[{\"address\":\"1.2.3.4/8\",\"interface\":1}]}",
		CNI_E_DECODE, "ips[0]: interface 1 of 1");
	check_refused("{\"interfaces\":[{\"name\":1}]}", CNI_E_DECODE,
		      "interfaces[0]: key \"name\": 1 is not a string");
	check_refused("{\"routes\":[{}]}", CNI_E_CONFIG,
		      "routes[0]: route without \"dst\"");
	check_refused("{\"routes\":[{\"dst\":\"1.0.0.0/8\",\"gw\":\"::1\"}]}",
		      CNI_E_CONFIG,
		      "routes[0]: route whose \"gw\" is of another family");
	check_refused("{\"routes\":[{\"dst\":\"1.0.0.0/8\",\"mtu\":-1}]}",
		      CNI_E_CONFIG,
		      "routes[0]: key \"mtu\": -1 is not within 0..4294967295");
	check_refused("{\"dns\":[]}", CNI_E_DECODE,
		      "key \"dns\": [] is not an object");
	check_refused("{\"cniVersion\":5}", CNI_E_DECODE,
		      "key \"cniVersion\": 5 is not a string");
	check_refused("{\"cniVersion\":\"2.0.0\"}", CNI_E_VERSION,
		      "incompatible CNI versions");
	check_refused("{\"cniVersion\":\"0.1.0\",\"ip4\":[]}", CNI_E_DECODE,
		      "key \"ip4\": [] is not an object");
	check_refused(
		"{\"cniVersion\":\"0.1.0\",\"ip6\":{\"ip\":\"::1/64\",\"routes\":[5]}}",
		CNI_E_DECODE, "key \"ip6\": routes[0]: 5 is not an object");
}

static int prev(const char *text, enum cni_version v, struct cni_err *err)
{
	cleanup_json cJSON *doc = NULL;
	cleanup_result struct cni_result r = { 0 };

	*err = (struct cni_err)CNI_ERR_INIT;
	if (text)
		assert_ok(json_parse(text, strlen(text), &doc, err), err);
	return cni_result_prev(doc, v, &r, err);
}

TEST(prev_result_must_be_of_the_configurations_family)
{
	static const char *const versions[] = { "0.1.0", "0.2.0", "0.3.0",
						"0.3.1", "0.4.0", "1.0.0",
						"1.1.0" };
	static const int family[] = { 0, 0, 1, 1, 1, 2, 2 };

	for (int i = 0; i < 7; i++) {
		for (int j = 0; j < 7; j++) {
			struct cni_err err;
			char text[64];
			int r;

			(void)snprintf(text, sizeof(text),
				       "{\"cniVersion\":\"%s\"}", versions[i]);
			r = prev(text, (enum cni_version)j, &err);
			if (family[i] == family[j])
				assert_int_equal(r, 1);
			else
				assert_int_equal(err.code, CNI_E_DECODE);
			assert_int_equal(r < 0, family[i] != family[j]);
		}
	}
}

TEST(prev_result_without_version_is_of_the_configurations)
{
	struct cni_err err;

	assert_int_equal(prev("{}", CNI_V0_4_0, &err), 1);
	assert_int_equal(prev(NULL, CNI_V0_4_0, &err), 0);
	assert_error(prev("{\"cniVersion\":\"0.4.0\"}", CNI_V1_1_0, &err), &err,
		     CNI_E_DECODE,
		     "prevResult: result of version 0.4.0 in a configuration "
		     "of version 1.1.0");
	assert_error(prev("{\"ips\":5}", CNI_V1_1_0, &err), &err, CNI_E_DECODE,
		     "prevResult: key \"ips\": 5 is not an array");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			versions_0_1_and_0_2_have_one_address_a_family),
		cmocka_unit_test(versions_0_1_and_0_2_cannot_say_layer_2),
		cmocka_unit_test(
			a_result_outlives_the_strings_that_it_was_made_of),
		cmocka_unit_test(
			versions_0_3_to_0_4_have_interfaces_and_the_ips_version),
		cmocka_unit_test(versions_1_0_and_1_1_leave_out_what_is_empty),
		cmocka_unit_test(
			an_old_result_becomes_addresses_without_interfaces),
		cmocka_unit_test(interface_0_is_printed_and_none_is_not),
		cmocka_unit_test(
			only_the_first_address_of_a_family_survives_in_0_2),
		cmocka_unit_test(
			routes_of_a_family_without_address_are_dropped_in_0_2),
		cmocka_unit_test(dns_passes_without_what_cni_does_not_know),
		cmocka_unit_test(a_results_own_version_decides_its_shape),
		cmocka_unit_test(every_attribute_of_a_route_passes),
		cmocka_unit_test(a_layout_has_four_spaces_and_no_last_newline),
		cmocka_unit_test(a_result_of_wrong_types_names_the_place),
		cmocka_unit_test(
			prev_result_must_be_of_the_configurations_family),
		cmocka_unit_test(
			prev_result_without_version_is_of_the_configurations),
	};

	return RUN(tests);
}
