/* SPDX-License-Identifier: Apache-2.0 */
#include "../lib/netconf.h"
#include "macvlan-vm/conf.h"

static struct macvlan_vm_conf read_conf(const char *keys, const char *cni_args)
{
	static struct cni_netconf last;
	struct cni_err err = CNI_ERR_INIT;
	struct macvlan_vm_conf c;
	struct cni_call call;

	cni_netconf_free(&last);
	call = call_with(keys, cni_args, &last);
	assert_ok(macvlan_vm_conf_parse(&call, &c, &err), &err);
	return c;
}

static void check_refused(const char *keys, const char *cni_args, int code,
			  const char *msg)
{
	cleanup_netconf struct cni_netconf conf = { 0 };
	const struct cni_call call = call_with(keys, cni_args, &conf);
	struct cni_err err = CNI_ERR_INIT;
	struct macvlan_vm_conf c;

	assert_refused(macvlan_vm_conf_parse(&call, &c, &err), &err, code, msg);
}

TEST(nothing_said_means_the_defaults)
{
	const struct macvlan_vm_conf c = read_conf("", "");

	assert_string_equal(c.parent, "");
	assert_string_equal(c.mode, "bridge");
	assert_int_equal(c.mtu, 0);
	assert_int_equal(c.bc_queue_len, 0);
	assert_false(c.link_in_container || c.host_access || c.del_wait ||
		     c.has_mac || c.strict_gc || c.may_be_vm);
	assert_int_equal(c.attach, MACVLAN_VM_MACVLAN);
	assert_int_equal(c.tap_owner, 0);
	assert_int_equal(c.tap_group, 0);
	assert_int_equal(c.tap_queues, 1);
	assert_int_equal(c.tap_mode, 0660);
}

TEST(every_key_is_read)
{
	struct macvlan_vm_conf c = read_conf(
		"\"master\":\"eth1\",\"mode\":\"private\",\"mtu\":9000,"
		"\"linkInContainer\":true,\"bcqueuelen\":4294967295,"
		"\"attach\":\"macvlan\",\"delWait\":true",
		"");

	assert_string_equal(c.parent, "eth1");
	assert_string_equal(c.mode, "private");
	assert_int_equal(c.mtu, 9000);
	assert_true(c.link_in_container && c.del_wait);
	assert_true(c.bc_queue_len == 4294967295);
	c = read_conf("\"hostAccess\":true,\"ipam\":{\"type\":\"x\"}", "");
	assert_true(c.host_access);
	c = read_conf("\"attach\":\"macvtap\",\"gc\":\"strict\",\"macvtap\":{"
		      "\"queues\":256,\"owner\":107,\"group\":4294967294,"
		      "\"mode\":\"0604\"}",
		      "");
	assert_int_equal(c.attach, MACVLAN_VM_MACVTAP);
	assert_true(c.may_be_vm && c.strict_gc);
	assert_int_equal(c.tap_queues, 256);
	assert_int_equal(c.tap_owner, 107);
	assert_int_equal(c.tap_group, 4294967294);
	assert_int_equal(c.tap_mode, 0604);
}

TEST(every_mode_of_upstream_is_one)
{
	assert_string_equal(read_conf("\"mode\":\"\"", "").mode, "bridge");
	assert_string_equal(read_conf("\"mode\":\"bridge\"", "").mode,
			    "bridge");
	assert_string_equal(read_conf("\"mode\":\"vepa\"", "").mode, "vepa");
	assert_string_equal(read_conf("\"mode\":\"passthru\"", "").mode,
			    "passthru");
	check_refused("\"mode\":\"source\"", "", CNI_E_CONFIG,
		      "key \"mode\": unknown macvlan mode: \"source\"");
}

TEST(a_vms_rate_can_be_limited_and_no_containers)
{
	struct macvlan_vm_conf c;

	check_refused(
		"\"egressRate\":80,\"egressBurst\":80", "", CNI_E_FIELD,
		"bandwidth: unsupported: egress of 80 bits a second: a macvlan "
		"has no device on the host that could be limited");
	check_refused(
		"\"runtimeConfig\":{\"bandwidth\":{\"ingressRate\":80,"
		"\"ingressBurst\":80}}",
		"", CNI_E_FIELD,
		"bandwidth: unsupported: ingress of 80 bits a second: a macvlan "
		"has no device on the host that could be limited");
	(void)read_conf("\"ingressRate\":0", "");
	c = read_conf("\"attach\":\"macvtap\",\"egressRate\":80,"
		      "\"egressBurst\":800,\"ingressRate\":160,"
		      "\"ingressBurst\":80",
		      "");
	assert_int_equal(c.bandwidth.from_guest.rate, 10);
	assert_int_equal(c.bandwidth.from_guest.burst, 100);
	assert_int_equal(c.bandwidth.to_guest.rate, 20);
}

TEST(bad_values_are_named)
{
	check_refused("\"mtu\":67", "", CNI_E_CONFIG,
		      "key \"mtu\": 67 is under IPv4's least, 68");
	check_refused("\"mtu\":-1", "", CNI_E_CONFIG,
		      "key \"mtu\": -1 is not within 0..65535");
	check_refused("\"bcqueuelen\":-1", "", CNI_E_CONFIG,
		      "key \"bcqueuelen\": -1 is not within 0..4294967295");
	check_refused(
		"\"bcqueuelen\":4294967296", "", CNI_E_CONFIG,
		"key \"bcqueuelen\": 4294967296 is not within 0..4294967295");
	check_refused(
		"\"master\":\"a/b\"", "", CNI_E_CONFIG,
		"key \"master\": \"a/b\": interface name contains / or : or whitespace characters");
	check_refused("\"linkInContainer\":\"yes\"", "", CNI_E_DECODE,
		      "key \"linkInContainer\": \"yes\" is not true or false");
	check_refused("\"gc\":\"lax\"", "", CNI_E_CONFIG,
		      "key \"gc\": \"lax\" is not \"strict\"");
	check_refused("\"attach\":\"tap\"", "", CNI_E_CONFIG,
		      "attach \"tap\": must be \"macvlan\" or \"macvtap\"");
	check_refused(
		"\"macvtap\":{\"queues\":0}", "", CNI_E_CONFIG,
		"key \"macvtap\": key \"queues\": 0 is not within 1..256");
	check_refused(
		"\"macvtap\":{\"queues\":257}", "", CNI_E_CONFIG,
		"key \"macvtap\": key \"queues\": 257 is not within 1..256");
	check_refused(
		"\"macvtap\":{\"owner\":-1}", "", CNI_E_CONFIG,
		"key \"macvtap\": key \"owner\": -1 is not within 0..4294967294");
	check_refused("\"macvtap\":true", "", CNI_E_DECODE,
		      "key \"macvtap\": true is not an object");
}

TEST(permissions_are_octal_and_nothing_more)
{
	static const char *const bad[] = { "",		 "8",	 "rw",	 "0770",
					   "04660",	 "1666", "066 ", "-1",
					   "0000000660", "000" };
	char keys[64], msg[128];

	assert_int_equal(
		read_conf("\"macvtap\":{\"mode\":\"600\"}", "").tap_mode, 0600);
	assert_int_equal(
		read_conf("\"macvtap\":{\"mode\":\"0666\"}", "").tap_mode,
		0666);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(keys, sizeof(keys),
			       "\"macvtap\":{\"mode\":\"%s\"}", bad[i]);
		(void)snprintf(
			msg, sizeof(msg),
			"key \"macvtap\": key \"mode\": \"%s\": must be octal, such as \"0660\": who may read and write",
			bad[i]);
		check_refused(keys, "", CNI_E_CONFIG, msg);
	}
	check_refused("\"macvtap\":{\"mode\":432}", "", CNI_E_DECODE,
		      "key \"macvtap\": key \"mode\": 432 is not a string");
}

#define LISTED "\"perAttachment\":[\"attach\"]"

TEST(who_attaches_says_vm_only_where_that_is_listed)
{
	struct macvlan_vm_conf c = read_conf(LISTED, "");

	assert_int_equal(c.attach, MACVLAN_VM_MACVLAN);
	assert_true(c.may_be_vm);
	c = read_conf(LISTED, "IgnoreUnknown=1;ATTACH=macvtap");
	assert_int_equal(c.attach, MACVLAN_VM_MACVTAP);
	c = read_conf(LISTED ",\"args\":{\"cni\":{\"attach\":\"macvtap\"}}",
		      "ATTACH=macvlan");
	assert_int_equal(c.attach, MACVLAN_VM_MACVTAP);
	c = read_conf(LISTED ",\"attach\":\"macvtap\"", "ATTACH=macvlan");
	assert_int_equal(c.attach, MACVLAN_VM_MACVLAN);
	assert_true(c.may_be_vm);
	check_refused(
		"", "ATTACH=macvtap", CNI_E_CONFIG,
		"attach \"macvtap\" asked for by this attachment: network \"n\" does not list \"attach\" in perAttachment");
	check_refused("\"perAttachment\":[\"vlan\"]", "", CNI_E_FIELD,
		      "key \"perAttachment\": unsupported: value \"vlan\"");
	check_refused("\"perAttachment\":[1]", "", CNI_E_DECODE,
		      "key \"perAttachment\": 1 is not a string");
	check_refused(LISTED, "ATTACH=veth", CNI_E_CONFIG,
		      "attach \"veth\": must be \"macvlan\" or \"macvtap\"");
}

TEST(host_access_is_refused_where_it_cannot_be)
{
	check_refused(
		"\"hostAccess\":true,\"mode\":\"vepa\",\"ipam\":{\"type\":\"x\"}",
		"", CNI_E_CONFIG,
		"key \"hostAccess\": needs mode \"bridge\", not \"vepa\"");
	check_refused(
		"\"hostAccess\":true,\"linkInContainer\":true,\"ipam\":{\"type\":\"x\"}",
		"", CNI_E_CONFIG,
		"key \"hostAccess\": the host has no part of a parent in the container (linkInContainer)");
	check_refused(
		"\"hostAccess\":true", "", CNI_E_CONFIG,
		"key \"hostAccess\": needs \"ipam\": without the guests' addresses there is no route to them");
}

#define MAC0 "02:00:00:00:00:00"
#define MAC1 "02:00:00:00:00:01"
#define MAC2 "02:00:00:00:00:02"
#define MAC3 "02:00:00:00:00:03"
#define KEY(m) "\"mac\":\"" m "\""
#define ARGS(m) "\"args\":{\"cni\":{\"mac\":\"" m "\"}}"
#define RUNTIME(m) "\"runtimeConfig\":{\"mac\":\"" m "\"}"

static void check_mac(const char *keys, const char *cni_args, const char *want)
{
	const struct macvlan_vm_conf c = read_conf(keys, cni_args);
	char buf[MAC_STR_SIZE];

	assert_int_equal(c.has_mac, want != NULL);
	if (want)
		assert_string_equal(mac_format(&c.mac, buf), want);
}

TEST(the_mac_asked_for_last_counts)
{
	check_mac("", "", NULL);
	check_mac(KEY(MAC0), "", MAC0);
	check_mac(KEY(MAC0), "MAC=" MAC1, MAC1);
	check_mac(KEY(MAC0) "," ARGS(MAC2), "MAC=" MAC1, MAC2);
	check_mac(KEY(MAC0) "," ARGS(MAC2) "," RUNTIME(MAC3), "MAC=" MAC1,
		  MAC3);
	check_mac(KEY(MAC0) "," RUNTIME(""), "", MAC0);
}

TEST(a_mac_that_no_guest_can_have_is_refused)
{
	check_refused(
		KEY("03:00:00:00:00:01"), "", CNI_E_CONFIG,
		"key \"mac\": \"03:00:00:00:00:01\": not a unicast Ethernet address");
	check_refused(KEY("zz"), "", CNI_E_CONFIG,
		      "key \"mac\": \"zz\": not a unicast Ethernet address");
	check_refused(RUNTIME("zz"), "", CNI_E_CONFIG,
		      "requested mac \"zz\": not a unicast Ethernet address");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_means_the_defaults),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(every_mode_of_upstream_is_one),
		cmocka_unit_test(bad_values_are_named),
		cmocka_unit_test(permissions_are_octal_and_nothing_more),
		cmocka_unit_test(
			who_attaches_says_vm_only_where_that_is_listed),
		cmocka_unit_test(a_vms_rate_can_be_limited_and_no_containers),
		cmocka_unit_test(host_access_is_refused_where_it_cannot_be),
		cmocka_unit_test(the_mac_asked_for_last_counts),
		cmocka_unit_test(a_mac_that_no_guest_can_have_is_refused),
	};

	return RUN(tests);
}
