/* SPDX-License-Identifier: Apache-2.0 */
#include "../lib/check.h"
#include "cni/netconf.h"

static int parse(const char *text, struct cni_netconf *ret, struct cni_err *err)
{
	*err = (struct cni_err)CNI_ERR_INIT;
	return cni_netconf_parse(dup_text(text), strlen(text), ret, err);
}

static void check_refused(const char *text, int code, const char *msg)
{
	cleanup_netconf struct cni_netconf c = { 0 };
	struct cni_err err;

	assert_error(parse(text, &c, &err), &err, code, msg);
}

TEST(the_shared_keys_are_decoded)
{
	const char *text =
		"{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"type\":\"bridge-vm\","
		"\"ipam\":{\"type\":\"host-local\"},\"dns\":{\"domain\":\"d\"},"
		"\"prevResult\":{},\"runtimeConfig\":{\"mac\":\"m\"},"
		"\"args\":{\"cni\":{\"x\":1},\"other\":5},"
		"\"cni.dev/valid-attachments\":[],\"unknown\":[1]}";
	cleanup_netconf struct cni_netconf c = { 0 };
	struct cni_err err;

	assert_ok(parse(text, &c, &err), &err);
	assert_int_equal(c.version, CNI_V1_1_0);
	assert_string_equal(c.name, "n");
	assert_string_equal(c.type, "bridge-vm");
	assert_string_equal(c.ipam_type, "host-local");
	assert_non_null(c.prev_result);
	assert_non_null(json_get(c.runtime_config, "mac"));
	assert_non_null(json_get(c.args_cni, "x"));
	assert_non_null(c.attachments);
	assert_string_equal(json_get(c.dns, "domain")->valuestring, "d");
	/* A delegate gets the very bytes. */
	assert_string_equal(c.text, text);
	assert_int_equal(c.len, strlen(text));
}

TEST(a_name_is_all_that_is_needed)
{
	cleanup_netconf struct cni_netconf c = { 0 };
	struct cni_err err;

	assert_ok(parse("{\"name\":\"n\"}", &c, &err), &err);
	assert_int_equal(c.version, CNI_V0_1_0);
	assert_string_equal(c.type, "");
	assert_string_equal(c.ipam_type, "");
	assert_null(c.ipam);
	assert_null(c.dns);
	assert_null(c.prev_result);
	assert_null(c.attachments);
}

TEST(null_is_as_if_the_key_were_not_there)
{
	cleanup_netconf struct cni_netconf c = { 0 };
	struct cni_err err;

	assert_ok(parse("{\"name\":\"n\",\"cniVersion\":null,\"type\":null,"
			"\"ipam\":null,\"dns\":null,\"prevResult\":null,"
			"\"runtimeConfig\":null,\"args\":null,"
			"\"cni.dev/valid-attachments\":null}",
			&c, &err),
		  &err);
	assert_int_equal(c.version, CNI_V0_1_0);
	assert_null(c.prev_result);
	assert_null(c.attachments);
	cni_netconf_free(&c);
	assert_ok(parse("{\"name\":\"n\",\"ipam\":{\"type\":null},"
			"\"args\":{\"cni\":null}}",
			&c, &err),
		  &err);
	assert_string_equal(c.ipam_type, "");
	assert_null(c.args_cni);
}

TEST(the_networks_name_is_checked_in_libcnis_words)
{
	static const char *const bad[] = {
		"{\"name\":\"n\\n\"}",	   "{\"name\":\"-n\"}",
		"{\"name\":\"a b\"}",	   "{\"name\":\"../n\"}",
		"{\"name\":\"\xc3\xa9\"}", "{\"name\":\"..\"}",
	};

	check_refused("{}", CNI_E_CONFIG, "missing network name");
	check_refused("{\"name\":\"\"}", CNI_E_CONFIG, "missing network name");
	check_refused("{\"name\":null}", CNI_E_CONFIG, "missing network name");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_refused(bad[i], CNI_E_CONFIG,
			      "invalid characters found in network name");
}

TEST(wrong_types_are_decoding_errors_in_libcnis_words)
{
	check_refused(
		"{\"name\":5}", CNI_E_DECODE,
		"error unmarshall network config: key \"name\": 5 is not a string");
	check_refused(
		"{\"name\":\"n\",\"ipam\":[]}", CNI_E_DECODE,
		"error unmarshall network config: key \"ipam\": [] is not an object");
	check_refused(
		"{\"name\":\"n\",\"ipam\":{\"type\":1}}", CNI_E_DECODE,
		"error unmarshall network config: key \"ipam\": key \"type\": 1 is not a string");
	check_refused(
		"{\"name\":\"n\",\"args\":{\"cni\":1}}", CNI_E_DECODE,
		"error unmarshall network config: key \"args\": key \"cni\": 1 is not an object");
	check_refused(
		"{\"name\":\"n\",\"cniVersion\":1.1}", CNI_E_DECODE,
		"error unmarshall network config: key \"cniVersion\": 1.1 is not a string");
	check_refused(
		"{\"name\":\"n\",\"cni.dev/valid-attachments\":{}}",
		CNI_E_DECODE,
		"error unmarshall network config: key \"cni.dev/valid-attachments\": {} is not an array");
	check_refused(
		"{\"name\":\"n\",\"prevResult\":\"x\"}", CNI_E_DECODE,
		"error unmarshall network config: key \"prevResult\": \"x\" is not an object");
}

TEST(dns_that_no_runtime_could_decode_is_refused)
{
	check_refused(
		"{\"name\":\"n\",\"dns\":{\"nameservers\":\"1.1.1.1\"}}",
		CNI_E_DECODE,
		"error unmarshall network config: key \"dns\": key \"nameservers\": \"1.1.1.1\" is not an array");
	check_refused(
		"{\"name\":\"n\",\"dns\":{\"search\":[\"a\",1]}}", CNI_E_DECODE,
		"error unmarshall network config: key \"dns\": key \"search\": 1 is not a string");
}

TEST(dns_that_says_nothing_is_none)
{
	cleanup_netconf struct cni_netconf c = { 0 };
	struct cni_err err;

	assert_ok(parse("{\"name\":\"n\",\"dns\":{\"nameservers\":[],"
			"\"domain\":\"\",\"x\":1}}",
			&c, &err),
		  &err);
	assert_null(c.dns);
}

TEST(what_is_no_object_is_no_configuration)
{
	static const char *const bad[] = { "[]", "5", "null", "\"x\"", "true" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_netconf struct cni_netconf c = { 0 };
		struct cni_err err;

		assert_true(parse(bad[i], &c, &err) < 0);
		assert_int_equal(err.code, CNI_E_DECODE);
		assert_says(&err, "is not an object");
	}
	check_refused(
		"", CNI_E_DECODE,
		"error unmarshall network config: JSON syntax error at line 1, column 1");
}

TEST(types_come_before_the_name_and_the_name_before_the_version)
{
	check_refused(
		"{\"ipam\":5,\"cniVersion\":\"9\"}", CNI_E_DECODE,
		"error unmarshall network config: key \"ipam\": 5 is not an object");
	check_refused("{\"cniVersion\":\"9.9.9\"}", CNI_E_CONFIG,
		      "missing network name");
	check_refused("{\"cniVersion\":\"9.9.9\",\"name\":\"n\"}",
		      CNI_E_VERSION, "incompatible CNI versions");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shared_keys_are_decoded),
		cmocka_unit_test(a_name_is_all_that_is_needed),
		cmocka_unit_test(null_is_as_if_the_key_were_not_there),
		cmocka_unit_test(the_networks_name_is_checked_in_libcnis_words),
		cmocka_unit_test(
			wrong_types_are_decoding_errors_in_libcnis_words),
		cmocka_unit_test(dns_that_no_runtime_could_decode_is_refused),
		cmocka_unit_test(dns_that_says_nothing_is_none),
		cmocka_unit_test(what_is_no_object_is_no_configuration),
		cmocka_unit_test(
			types_come_before_the_name_and_the_name_before_the_version),
	};

	return RUN(tests);
}
