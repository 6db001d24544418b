/* SPDX-License-Identifier: Apache-2.0 */
#include "../lib/netconf.h"
#include "bridge-vm/conf.h"

static struct bridge_vm_conf read_conf(const char *keys, const char *cni_args)
{
	static struct cni_netconf last;
	struct cni_err err = CNI_ERR_INIT;
	struct bridge_vm_conf c;
	struct cni_call call;

	cni_netconf_free(&last);
	call = call_with(keys, cni_args, &last);
	assert_ok(bridge_vm_conf_parse(&call, &c, &err), &err);
	return c;
}

static void check_refused(const char *keys, const char *cni_args, int code,
			  const char *msg)
{
	cleanup_netconf struct cni_netconf conf = { 0 };
	const struct cni_call call = call_with(keys, cni_args, &conf);
	struct cni_err err = CNI_ERR_INIT;
	struct bridge_vm_conf c;

	assert_refused(bridge_vm_conf_parse(&call, &c, &err), &err, code, msg);
}

TEST(nothing_said_means_the_defaults)
{
	const struct bridge_vm_conf c = read_conf("", "");

	assert_string_equal(c.bridge, "cni0");
	assert_false(c.is_gateway || c.is_default_gateway || c.force_address ||
		     c.ip_masq || c.disable_guest || c.strict_gc || c.has_mac);
	assert_int_equal(c.mtu, 0);
	assert_int_equal(c.attach, BRIDGE_VM_VETH);
	assert_string_equal(c.tap.name, "");
	assert_int_equal(c.tap.owner, -1);
	assert_int_equal(c.tap.group, -1);
	assert_int_equal(c.tap.queues, 1);
}

TEST(every_key_is_read)
{
	const struct bridge_vm_conf c = read_conf(
		"\"bridge\":\"b\",\"isGateway\":true,\"forceAddress\":true,"
		"\"ipMasq\":true,\"ipMasqBackend\":\"iptables\",\"mtu\":9000,"
		"\"attach\":\"tap\",\"tap\":{\"name\":\"t\",\"owner\":0,"
		"\"group\":4294967294,\"queues\":256},\"gc\":\"strict\"",
		"");

	assert_string_equal(c.bridge, "b");
	assert_true(c.is_gateway && c.force_address && c.ip_masq &&
		    c.strict_gc);
	assert_false(c.is_default_gateway);
	assert_int_equal(c.mtu, 9000);
	assert_int_equal(c.attach, BRIDGE_VM_TAP);
	assert_string_equal(c.tap.name, "t");
	assert_int_equal(c.tap.owner, 0);
	assert_true(c.tap.group == 4294967294);
	assert_int_equal(c.tap.queues, 256);
}

TEST(a_default_gateway_is_a_gateway)
{
	const struct bridge_vm_conf c =
		read_conf("\"isDefaultGateway\":true", "");

	assert_true(c.is_gateway && c.is_default_gateway);
}

TEST(upstreams_other_keys_are_read)
{
	const struct bridge_vm_conf c = read_conf(
		"\"hairpinMode\":true,\"vlan\":4094,\"macspoofchk\":true,"
		"\"preserveDefaultVlan\":true,\"enabledad\":true,"
		"\"portIsolation\":true,\"uplink\":\"eth1\",\"mtu\":\"auto\","
		"\"vlanTrunk\":[{\"id\":5},{\"minID\":7,\"maxID\":9},{}]",
		"");

	assert_true(c.hairpin && c.mac_check && c.keep_default_vlan && c.dad &&
		    c.isolated && c.has_trunk);
	assert_false(c.promisc);
	assert_int_equal(c.vlan, 4094);
	assert_string_equal(c.uplink, "eth1");
	assert_int_equal(c.mtu, BRIDGE_VM_MTU_AUTO);
	for (uint16_t vid = 1; vid <= VLAN_MAX; vid++)
		assert_int_equal(vlan_set_has(&c.trunk, vid),
				 vid == 5 || (vid >= 7 && vid <= 9));
	assert_true(read_conf("\"promiscMode\":true", "").promisc);
	assert_false(read_conf("\"vlanTrunk\":[]", "").has_trunk);
	assert_true(read_conf("\"vlanTrunk\":[{}]", "").has_trunk);
}

TEST(kata_is_told_where_it_looks_and_only_if_asked)
{
	struct bridge_vm_conf c = read_conf("", "");

	assert_false(c.kata_dan);
	assert_string_equal(c.kata_dan_dir, "/run/kata-containers/dans");
	c = read_conf("\"kataDan\":true,\"kataDanDir\":\"/run/d\"", "");
	assert_true(c.kata_dan);
	assert_string_equal(c.kata_dan_dir, "/run/d");
}

TEST(bad_vlans_are_named)
{
	static const struct {
		const char *keys, *msg;
		int code;
	} rows[] = {
		{ "\"vlan\":4095", "key \"vlan\": 4095 is not within 0..4094",
		  CNI_E_CONFIG },
		{ "\"vlan\":-1", "key \"vlan\": -1 is not within 0..4094",
		  CNI_E_CONFIG },
		{ "\"vlan\":\"5\"", "key \"vlan\": \"5\" is not an integer",
		  CNI_E_DECODE },
		{ "\"vlanTrunk\":[{\"id\":5},{\"id\":0}]",
		  "key \"vlanTrunk\"[1]: key \"id\": 0 is not within 1..4094",
		  CNI_E_CONFIG },
		{ "\"vlanTrunk\":[{\"minID\":0,\"maxID\":3}]",
		  "key \"vlanTrunk\"[0]: key \"minID\": 0 is not within 1..4094",
		  CNI_E_CONFIG },
		{ "\"vlanTrunk\":[{\"minID\":1,\"maxID\":4095}]",
		  "key \"vlanTrunk\"[0]: key \"maxID\": 4095 is not within 1..4094",
		  CNI_E_CONFIG },
		{ "\"vlanTrunk\":[{\"minID\":2}]",
		  "key \"vlanTrunk\"[0]: minID and maxID should be configured simultaneously, maxID is missing: {\"minID\":2}",
		  CNI_E_CONFIG },
		{ "\"vlanTrunk\":[{\"maxID\":2}]",
		  "key \"vlanTrunk\"[0]: minID and maxID should be configured simultaneously, minID is missing: {\"maxID\":2}",
		  CNI_E_CONFIG },
		{ "\"vlanTrunk\":[{\"minID\":5,\"maxID\":2}]",
		  "key \"vlanTrunk\"[0]: minID 5 is greater than maxID 2",
		  CNI_E_CONFIG },
		{ "\"vlanTrunk\":[5]",
		  "key \"vlanTrunk\"[0]: 5 is not an object", CNI_E_DECODE },
		{ "\"hairpinMode\":true,\"promiscMode\":true",
		  "cannot set hairpin mode and promiscuous mode at the same time: keys \"hairpinMode\" and \"promiscMode\"",
		  CNI_E_CONFIG },
		{ "\"kataDanDir\":\"dans\"",
		  "key \"kataDanDir\": \"dans\" is not absolute",
		  CNI_E_CONFIG },
		{ "\"uplink\":\"cni0\"",
		  "key \"uplink\": \"cni0\" is the bridge itself",
		  CNI_E_CONFIG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_refused(rows[i].keys, "", rows[i].code, rows[i].msg);
}

TEST(the_name_of_a_gateway_in_a_vlan_must_fit)
{
	cleanup_netconf struct cni_netconf conf = { 0 };
	const struct cni_call call =
		call_with("\"bridge\":\"longbridgename\",\"vlan\":4000,"
			  "\"isGateway\":true",
			  "", &conf);
	struct cni_err err = CNI_ERR_INIT;
	struct bridge_vm_conf c;

	assert_true(bridge_vm_conf_parse(&call, &c, &err) < 0);
	assert_int_equal(err.code, CNI_E_CONFIG);
	assert_says(&err, "key \"vlan\"");
	assert_says(&err, "\"longbridgename.4000\"");
	(void)read_conf("\"bridge\":\"longbridgename\",\"vlan\":4000", "");
}

TEST(upstreams_other_keys_may_be_off)
{
	(void)read_conf(
		"\"hairpinMode\":false,\"promiscMode\":false,\"vlan\":0,"
		"\"vlanTrunk\":[],\"preserveDefaultVlan\":false,"
		"\"macspoofchk\":false,\"enabledad\":null,"
		"\"portIsolation\":false",
		"");
}

TEST(bad_values_are_named)
{
	check_refused("\"mtu\":67", "", CNI_E_CONFIG,
		      "key \"mtu\": 67 is under IPv4's least, 68");
	check_refused("\"mtu\":65536", "", CNI_E_CONFIG,
		      "key \"mtu\": 65536 is not within 0..65535");
	check_refused("\"mtu\":-1", "", CNI_E_CONFIG,
		      "key \"mtu\": -1 is not within 0..65535");
	check_refused("\"mtu\":\"1500\"", "", CNI_E_DECODE,
		      "key \"mtu\": \"1500\" is not an integer or \"auto\"");
	check_refused("\"bridge\":\"\"", "", CNI_E_CONFIG,
		      "key \"bridge\": \"\": interface name is empty");
	check_refused(
		"\"bridge\":\"b1234567890123456\"", "", CNI_E_CONFIG,
		"key \"bridge\": \"b1234567890123456\": interface name is too long");
	check_refused(
		"\"bridge\":\"br%d\"", "", CNI_E_CONFIG,
		"key \"bridge\": \"br%d\": interface name contains %, where the kernel puts a number");
	check_refused("\"ipMasqBackend\":\"ebpf\"", "", CNI_E_CONFIG,
		      "key \"ipMasqBackend\": unknown ipmasq backend \"ebpf\"");
	check_refused("\"gc\":\"lax\"", "", CNI_E_CONFIG,
		      "key \"gc\": \"lax\" is not \"strict\"");
	check_refused(
		"\"disableContainerInterface\":true,\"ipam\":{\"type\":\"x\"}",
		"", CNI_E_CONFIG,
		"cannot use IPAM when DisableContainerInterface flag is set");
	check_refused("\"attach\":\"macvtap\"", "", CNI_E_CONFIG,
		      "attach \"macvtap\": must be \"veth\" or \"tap\"");
}

TEST(bad_values_of_a_tap_are_named)
{
	check_refused("\"tap\":{\"queues\":0}", "", CNI_E_CONFIG,
		      "key \"tap\": key \"queues\": 0 is not within 1..256");
	check_refused("\"tap\":{\"queues\":257}", "", CNI_E_CONFIG,
		      "key \"tap\": key \"queues\": 257 is not within 1..256");
	check_refused(
		"\"tap\":{\"owner\":4294967295}", "", CNI_E_CONFIG,
		"key \"tap\": key \"owner\": 4294967295 is not within 0..4294967294");
	check_refused(
		"\"tap\":{\"name\":\"a/b\"}", "", CNI_E_CONFIG,
		"key \"tap\": key \"name\": \"a/b\": interface name contains / or : or whitespace characters");
	check_refused("\"tap\":true", "", CNI_E_DECODE,
		      "key \"tap\": true is not an object");
}

static void check_mac(const char *keys, const char *cni_args, const char *want)
{
	const struct bridge_vm_conf c = read_conf(keys, cni_args);
	char buf[MAC_STR_SIZE];

	assert_int_equal(c.has_mac, want != NULL);
	if (want)
		assert_string_equal(mac_format(&c.mac, buf), want);
}

#define MAC1 "02:00:00:00:00:01"
#define MAC2 "02:00:00:00:00:02"
#define MAC3 "02:00:00:00:00:03"
#define ARGS(m) "\"args\":{\"cni\":{\"mac\":\"" m "\"}}"
#define RUNTIME(m) "\"runtimeConfig\":{\"mac\":\"" m "\"}"

TEST(the_mac_asked_for_last_counts)
{
	check_mac("", "MAC=" MAC1, MAC1);
	check_mac(ARGS(MAC2), "MAC=" MAC1, MAC2);
	check_mac(RUNTIME(MAC3), "MAC=" MAC1, MAC3);
	check_mac(ARGS(MAC2) "," RUNTIME(MAC3), "MAC=" MAC1, MAC3);
	check_mac(RUNTIME(MAC3) "," ARGS(MAC2), "", MAC3);
	check_mac("", "IgnoreUnknown=1;K8S_POD_NAME=x;MAC=" MAC1, MAC1);
}

TEST(an_empty_mac_asks_for_nothing)
{
	check_mac("", "MAC=", NULL);
	check_mac(ARGS(""), "MAC=" MAC1, MAC1);
	check_mac(RUNTIME(""), "MAC=" MAC1, MAC1);
	check_mac(ARGS(MAC2) "," RUNTIME(""), "", MAC2);
	check_mac("\"runtimeConfig\":{\"mac\":null}", "MAC=" MAC1, MAC1);
	/* As upstream, there is no key of the configuration itself. */
	check_mac("\"mac\":\"" MAC1 "\"", "", NULL);
}

TEST(a_mac_that_no_guest_can_have_is_refused)
{
	check_refused(
		RUNTIME("01:00:5e:00:00:01"), "", CNI_E_CONFIG,
		"requested mac \"01:00:5e:00:00:01\": not a unicast Ethernet address");
	check_refused(
		"", "MAC=00:00:00:00:00:00", CNI_E_CONFIG,
		"requested mac \"00:00:00:00:00:00\": not a unicast Ethernet address");
	check_refused("", "MAC=x", CNI_E_CONFIG,
		      "requested mac \"x\": not a unicast Ethernet address");
	check_refused("\"args\":{\"cni\":{\"mac\":5}}", "", CNI_E_DECODE,
		      "args.cni: key \"mac\": 5 is not a string");
	check_refused("", "MAC", CNI_E_ENV, "CNI_ARGS: invalid pair \"MAC\"");
}

TEST(a_request_too_long_is_refused)
{
	char keys[256], *big = repeat('x', 64);

	(void)snprintf(keys, sizeof(keys), "\"runtimeConfig\":{\"mac\":\"%s\"}",
		       big);
	(void)snprintf(keys + 150, sizeof(keys) - 150,
		       "requested mac \"%s\": too long", big);
	check_refused(keys, "", CNI_E_CONFIG, keys + 150);
	(void)snprintf(keys, sizeof(keys), "MAC=%s", big);
	check_refused("", keys, CNI_E_ENV,
		      "CNI_ARGS: value of MAC is longer than 63 bytes");
	free(big);
}

#define ATTACH_ARGS "\"args\":{\"cni\":{\"attach\":\"tap\"}}"
#define LISTED "\"perAttachment\":[\"attach\"]"

TEST(who_attaches_may_choose_where_the_network_lets_it)
{
	assert_int_equal(read_conf(LISTED, "ATTACH=tap").attach, BRIDGE_VM_TAP);
	assert_int_equal(read_conf(LISTED "," ATTACH_ARGS, "").attach,
			 BRIDGE_VM_TAP);
	assert_int_equal(read_conf(LISTED
				   "," ATTACH_ARGS
				   ",\"runtimeConfig\":{\"attach\":\"veth\"}",
				   "ATTACH=tap")
				 .attach,
			 BRIDGE_VM_VETH);
	assert_int_equal(
		read_conf(LISTED ",\"attach\":\"tap\"", "ATTACH=").attach,
		BRIDGE_VM_TAP);
}

TEST(who_attaches_may_choose_nothing_by_default)
{
	const char *msg =
		"attach \"tap\" asked for by this attachment: network \"n\" does not list \"attach\" in perAttachment";

	check_refused("", "ATTACH=tap", CNI_E_CONFIG, msg);
	check_refused(ATTACH_ARGS, "", CNI_E_CONFIG, msg);
	check_refused("\"perAttachment\":[]," ATTACH_ARGS, "", CNI_E_CONFIG,
		      msg);
	check_refused("\"runtimeConfig\":{\"attach\":\"tap\"}", "",
		      CNI_E_CONFIG, msg);
	assert_int_equal(read_conf("", "ATTACH=").attach, BRIDGE_VM_VETH);
}

TEST(a_choice_must_be_one_that_there_is)
{
	check_refused(LISTED, "ATTACH=TAP", CNI_E_CONFIG,
		      "attach \"TAP\": must be \"veth\" or \"tap\"");
	check_refused("\"perAttachment\":[\"queues\"]", "", CNI_E_FIELD,
		      "key \"perAttachment\": unsupported: value \"queues\"");
	check_refused("\"perAttachment\":[5]", "", CNI_E_DECODE,
		      "key \"perAttachment\": 5 is not a string");
}

#define VLAN_LISTED "\"perAttachment\":[\"vlan\"]"
#define VLAN_ARGS "\"args\":{\"cni\":{\"vlan\":20}}"
#define VLAN_RUNTIME "\"runtimeConfig\":{\"vlan\":\"30\"}"

TEST(the_vlan_asked_for_last_counts)
{
	assert_int_equal(read_conf(VLAN_LISTED ",\"vlan\":5", "").vlan, 5);
	assert_int_equal(read_conf(VLAN_LISTED ",\"vlan\":5", "VLAN=10").vlan,
			 10);
	assert_int_equal(read_conf(VLAN_LISTED "," VLAN_ARGS, "VLAN=10").vlan,
			 20);
	assert_int_equal(
		read_conf(VLAN_LISTED "," VLAN_ARGS "," VLAN_RUNTIME, "VLAN=10")
			.vlan,
		30);
	assert_int_equal(read_conf(VLAN_LISTED ",\"vlan\":5", "VLAN=0").vlan,
			 0);
	assert_int_equal(
		read_conf("\"vlan\":5,\"args\":{\"cni\":{\"vlan\":\"\"}}", "")
			.vlan,
		5);
}

TEST(a_vlan_that_may_not_be_asked_for_is_refused)
{
	static const char not_listed[] =
		"vlan 20 asked for by this attachment: network \"n\" does not list \"vlan\" in perAttachment";

	check_refused(VLAN_ARGS, "", CNI_E_CONFIG, not_listed);
	check_refused("\"perAttachment\":[\"attach\"]," VLAN_ARGS, "",
		      CNI_E_CONFIG, not_listed);
	check_refused(
		VLAN_LISTED ",\"isGateway\":true,\"vlan\":5," VLAN_ARGS, "",
		CNI_E_CONFIG,
		"vlan 20 asked for by this attachment: the network's gateway is in VLAN 5");
	assert_int_equal(read_conf(VLAN_LISTED
				   ",\"isGateway\":true,\"vlan\":20," VLAN_ARGS,
				   "")
				 .vlan,
			 20);
}

TEST(a_vlan_that_is_none_is_refused)
{
	static const char *const bad[] = { "VLAN=4095", "VLAN=-1", "VLAN=1x",
					   "VLAN=99999999999999999999" };
	char msg[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(
			msg, sizeof(msg),
			"requested vlan %s: not a number between 0 and 4094",
			bad[i] + strlen("VLAN="));
		check_refused(VLAN_LISTED, bad[i], CNI_E_CONFIG, msg);
	}
	check_refused(
		VLAN_LISTED ",\"args\":{\"cni\":{\"vlan\":1.5}}", "",
		CNI_E_CONFIG,
		"args.cni: key \"vlan\": requested vlan 1.5: not a number between 0 and 4094");
	check_refused(VLAN_LISTED ",\"args\":{\"cni\":{\"vlan\":true}}", "",
		      CNI_E_DECODE,
		      "args.cni: key \"vlan\": true is not a number");
}

#define RATES                                                           \
	"\"ingressRate\":8000,\"ingressBurst\":1607,\"egressRate\":15," \
	"\"egressBurst\":34359738359"
#define ASKED(keys) "\"runtimeConfig\":{\"bandwidth\":{" keys "}}"

TEST(rates_are_read_in_bits)
{
	struct bandwidth b = read_conf(RATES, "").bandwidth;

	assert_true(b.to_guest.rate == 1000 && b.to_guest.burst == 200);
	assert_true(b.from_guest.rate == 1 &&
		    b.from_guest.burst == UINT32_MAX - 1);
	b = read_conf(ASKED(RATES), "").bandwidth;
	assert_true(b.to_guest.rate == 1000 && b.from_guest.rate == 1);
	b = read_conf("", "").bandwidth;
	assert_false(bandwidth_is_limited(&b));
}

TEST(rates_of_the_configuration_come_before_the_engines)
{
	struct bandwidth b =
		read_conf("\"egressRate\":80,\"egressBurst\":80," ASKED(RATES),
			  "")
			.bandwidth;

	assert_true(b.from_guest.rate == 10 && !b.to_guest.rate);
	b = read_conf("\"ingressBurst\":0," ASKED(RATES), "").bandwidth;
	assert_false(bandwidth_is_limited(&b));
	b = read_conf("\"egressRate\":null," ASKED(RATES), "").bandwidth;
	assert_true(bandwidth_is_limited(&b));
}

TEST(bad_rates_are_named)
{
	check_refused("\"ingressRate\":8", "", CNI_E_CONFIG,
		      "key \"ingressRate\": if rate is set, burst must also be "
		      "set: \"ingressBurst\"");
	check_refused("\"egressBurst\":8", "", CNI_E_CONFIG,
		      "key \"egressBurst\": if burst is set, rate must also be "
		      "set: \"egressRate\"");
	check_refused("\"egressRate\":8,\"egressBurst\":34359738360", "",
		      CNI_E_CONFIG,
		      "key \"egressBurst\": 34359738360: burst cannot be more "
		      "than 4GB");
	check_refused("\"ingressRate\":7,\"ingressBurst\":8", "", CNI_E_CONFIG,
		      "key \"ingressRate\": 7: less than a byte a second");
	check_refused("\"ingressRate\":-8", "", CNI_E_CONFIG,
		      "key \"ingressRate\": -8 is not within "
		      "0..9007199254740991");
	check_refused("\"ingressRate\":\"8\"", "", CNI_E_DECODE,
		      "key \"ingressRate\": \"8\" is not an integer");
	check_refused(ASKED("\"ingressRate\":8"), "", CNI_E_CONFIG,
		      "runtimeConfig.bandwidth: key \"ingressRate\": if rate "
		      "is set, burst must also be set: \"ingressBurst\"");
	check_refused("\"runtimeConfig\":{\"bandwidth\":8}", "", CNI_E_DECODE,
		      "runtimeConfig: key \"bandwidth\": 8 is not an object");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_means_the_defaults),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(a_default_gateway_is_a_gateway),
		cmocka_unit_test(upstreams_other_keys_are_read),
		cmocka_unit_test(kata_is_told_where_it_looks_and_only_if_asked),
		cmocka_unit_test(bad_vlans_are_named),
		cmocka_unit_test(the_name_of_a_gateway_in_a_vlan_must_fit),
		cmocka_unit_test(upstreams_other_keys_may_be_off),
		cmocka_unit_test(bad_values_are_named),
		cmocka_unit_test(bad_values_of_a_tap_are_named),
		cmocka_unit_test(the_mac_asked_for_last_counts),
		cmocka_unit_test(an_empty_mac_asks_for_nothing),
		cmocka_unit_test(a_mac_that_no_guest_can_have_is_refused),
		cmocka_unit_test(a_request_too_long_is_refused),
		cmocka_unit_test(
			who_attaches_may_choose_where_the_network_lets_it),
		cmocka_unit_test(who_attaches_may_choose_nothing_by_default),
		cmocka_unit_test(a_choice_must_be_one_that_there_is),
		cmocka_unit_test(the_vlan_asked_for_last_counts),
		cmocka_unit_test(a_vlan_that_may_not_be_asked_for_is_refused),
		cmocka_unit_test(a_vlan_that_is_none_is_refused),
		cmocka_unit_test(rates_are_read_in_bits),
		cmocka_unit_test(
			rates_of_the_configuration_come_before_the_engines),
		cmocka_unit_test(bad_rates_are_named),
	};

	return RUN(tests);
}
