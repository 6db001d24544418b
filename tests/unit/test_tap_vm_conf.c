/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "../lib/netconf.h"
#include "tap-vm/conf.h"

static struct tap_vm_conf read_conf(const char *ifname, const char *keys,
				    const char *cni_args)
{
	static struct cni_netconf last;
	struct cni_err err = CNI_ERR_INIT;
	struct tap_vm_conf c;
	struct cni_call call;

	cni_netconf_free(&last);
	call = call_with(keys, cni_args, &last);
	call.args.ifname = ifname;
	call.args.container_id = "c";
	assert_ok(tap_vm_conf_parse(&call, &c, &err), &err);
	return c;
}

static void check_refused(const char *keys, const char *cni_args, int code,
			  const char *msg)
{
	cleanup_netconf struct cni_netconf conf = { 0 };
	struct cni_call call = call_with(keys, cni_args, &conf);
	struct cni_err err = CNI_ERR_INIT;
	struct tap_vm_conf c;

	call.args.ifname = "eth0";
	call.args.container_id = "c";
	assert_refused(tap_vm_conf_parse(&call, &c, &err), &err, code, msg);
}

#define TC "\"vmResult\":\"tc-redirect-tap\""

TEST(nothing_said_means_the_defaults)
{
	const struct tap_vm_conf c = read_conf("eth0", "", "");

	assert_int_equal(c.shape, TAP_VM_PLAIN);
	assert_string_equal(c.name, "tap0");
	assert_int_equal(c.tap.owner, -1);
	assert_int_equal(c.tap.group, -1);
	assert_int_equal(c.tap.queues, 1);
	assert_false(c.del_wait);
}

TEST(every_key_is_read)
{
	const struct tap_vm_conf c = read_conf(
		"eth0",
		"\"tap\":{\"name\":\"vm0\",\"owner\":1,\"group\":2,\"queues\":4},"
		"\"vmResult\":\"kubevirt\",\"delWait\":true",
		"");

	assert_int_equal(c.shape, TAP_VM_KUBEVIRT);
	assert_string_equal(c.name, "vm0");
	assert_int_equal(c.tap.owner, 1);
	assert_int_equal(c.tap.group, 2);
	assert_int_equal(c.tap.queues, 4);
	assert_true(c.del_wait);
}

TEST(kubevirts_names_bring_its_defaults)
{
	const struct tap_vm_conf c = read_conf("pod6d1b23123e2", "", "");

	assert_int_equal(c.shape, TAP_VM_KUBEVIRT);
	assert_string_equal(c.name, "tap6d1b23123e2");
	assert_int_equal(c.tap.owner, 107);
	assert_int_equal(c.tap.group, 107);
	assert_int_equal(
		read_conf("pod6d1b23123e2", "\"tap\":{\"owner\":5}", "")
			.tap.owner,
		5);
	assert_int_equal(read_conf("pod6d1b23123eX", "", "").shape,
			 TAP_VM_PLAIN);
	assert_int_equal(read_conf("pod6d1b23123e", "", "").shape,
			 TAP_VM_PLAIN);
	assert_int_equal(read_conf("pod6d1b23123e2", TC, "").shape,
			 TAP_VM_TC_REDIRECT);
	assert_string_equal(
		read_conf("eth0", "\"vmResult\":\"kubevirt\"", "").name,
		"tap0");
}

TEST(other_interfaces_get_a_derived_name_each)
{
	const struct tap_vm_conf a = read_conf("net1", "", "");
	const struct tap_vm_conf b = read_conf("net2", "", "");

	assert_int_equal(strlen(a.name), 14);
	assert_memory_equal(a.name, "tap", 3);
	assert_string_not_equal(a.name, b.name);
}

TEST(tc_redirect_taps_arguments_count_in_its_shape_alone)
{
	static const char args[] = "TC_REDIRECT_TAP_NAME=fc0;"
				   "TC_REDIRECT_TAP_UID=4294967294;"
				   "TC_REDIRECT_TAP_GID=0;FOO=bar";
	struct tap_vm_conf c = read_conf(
		"eth0", TC ",\"tap\":{\"name\":\"x\",\"owner\":7}", args);

	assert_string_equal(c.name, "fc0");
	assert_true(c.tap.owner == 4294967294);
	assert_int_equal(c.tap.group, 0);
	c = read_conf("eth0", TC, "TC_REDIRECT_TAP_NAME=;TC_REDIRECT_TAP_UID=");
	assert_string_equal(c.name, "tap0");
	assert_int_equal(c.tap.owner, geteuid());
	assert_int_equal(c.tap.group, getegid());
	c = read_conf("eth0", "", args);
	assert_string_equal(c.name, "tap0");
	assert_int_equal(c.tap.owner, -1);
}

TEST(what_cannot_be_is_refused_by_name)
{
	check_refused(
		"\"vmResult\":\"qemu\"", "", CNI_E_CONFIG,
		"key \"vmResult\": \"qemu\" is neither \"kubevirt\" nor \"tc-redirect-tap\"");
	check_refused("\"vmResult\":1", "", CNI_E_DECODE,
		      "key \"vmResult\": 1 is not a string");
	check_refused("\"tap\":{\"queues\":0}", "", CNI_E_CONFIG,
		      "key \"tap\": key \"queues\": 0 is not within 1..256");
	check_refused(
		"\"tap\":{\"name\":\"a/b\"}", "", CNI_E_CONFIG,
		"key \"tap\": key \"name\": \"a/b\": interface name contains / or : or whitespace characters");
	check_refused("\"tap\":{\"name\":\"eth0\"}", "", CNI_E_CONFIG,
		      "tap \"eth0\": that is the name of the interface itself");
	check_refused("\"tap\":[]", "", CNI_E_DECODE,
		      "key \"tap\": [] is not an object");
	check_refused(
		TC, "TC_REDIRECT_TAP_UID=-1", CNI_E_ENV,
		"CNI_ARGS: TC_REDIRECT_TAP_UID \"-1\": not a user or group ID");
	check_refused(
		TC, "TC_REDIRECT_TAP_GID=4294967295", CNI_E_ENV,
		"CNI_ARGS: TC_REDIRECT_TAP_GID \"4294967295\": not a user or group ID");
	check_refused(
		TC, "TC_REDIRECT_TAP_GID=99999999999999999999", CNI_E_ENV,
		"CNI_ARGS: TC_REDIRECT_TAP_GID \"99999999999999999999\": not a user or group ID");
	check_refused(
		TC, "TC_REDIRECT_TAP_NAME=sixteen-letters-", CNI_E_ENV,
		"CNI_ARGS: TC_REDIRECT_TAP_NAME \"sixteen-letters-\": interface name is too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_means_the_defaults),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(kubevirts_names_bring_its_defaults),
		cmocka_unit_test(other_interfaces_get_a_derived_name_each),
		cmocka_unit_test(
			tc_redirect_taps_arguments_count_in_its_shape_alone),
		cmocka_unit_test(what_cannot_be_is_refused_by_name),
	};

	return RUN(tests);
}
