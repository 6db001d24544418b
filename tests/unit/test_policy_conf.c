/* SPDX-License-Identifier: Apache-2.0 */
/* "policy" and "labels": what a network says, and what its guests may. */
#include "../lib/netconf.h"
#include "bpf/policy_member.h"
#include "guest/policy.h"

#define ASKS "\"args\":{\"cni\":{\"labels\":"
#define TRUSTS "\"perAttachment\":[\"labels\"],"

static int parse(const char *keys, struct policy_conf *ret, struct cni_err *err)
{
	static struct cni_netconf last;
	struct cni_call call;

	cni_netconf_free(&last);
	call = call_with(keys, "", &last);
	return policy_conf_parse(&call, ret, err);
}

static struct policy_conf accepts(const char *keys)
{
	struct cni_err err = CNI_ERR_INIT;
	struct policy_conf c;

	assert_ok(parse(keys, &c, &err), &err);
	return c;
}

static void refuses(const char *keys, int code, const char *msg)
{
	struct cni_err err = CNI_ERR_INIT;
	struct policy_conf c;

	assert_error(parse(keys, &c, &err), &err, code, msg);
}

TEST(a_policy_is_one_or_several)
{
	assert_null(accepts("").policy);
	assert_non_null(accepts("\"policy\":[]").policy);
	assert_non_null(accepts("\"policy\":{\"podSelector\":{}}").policy);
	refuses("\"policy\":\"x\"", CNI_E_DECODE,
		"key \"policy\": \"x\" is not a NetworkPolicy or an array of them");
	refuses("\"policy\":[{\"podSelector\":{}},{\"podSelector\":{},\"ingres\":[]}]",
		CNI_E_CONFIG,
		"key \"policy\": policy 2: key \"ingres\" is unknown here");
}

TEST(labels_have_a_name_and_a_string)
{
	assert_non_null(accepts("\"labels\":{\"a\":\"\"}").labels);
	refuses("\"labels\":[]", CNI_E_DECODE,
		"key \"labels\": [] is not an object");
	refuses("\"labels\":{\"a\":5}", CNI_E_CONFIG,
		"key \"labels\": 5: a label has a name, and a value that is a string");
	refuses("\"labels\":{\"\":\"a\"}", CNI_E_CONFIG,
		"key \"labels\": \"a\": a label has a name, and a value that is a string");
}

TEST(an_attachment_has_labels_if_it_may)
{
	accepts(TRUSTS ASKS "{\"a\":\"b\"}}}");
	accepts(TRUSTS ASKS "[{\"key\":\"a\",\"value\":\"b\"}]}}");
	refuses(ASKS "{\"a\":\"b\"}}}", CNI_E_CONFIG,
		"label \"a\" asked for by this attachment: network \"n\" does not list \"labels\" in perAttachment");
	refuses(TRUSTS ASKS "[{\"key\":\"a\"}]}}", CNI_E_CONFIG,
		"args.cni: key \"labels\": {\"key\":\"a\"}: a label has a name, and a value that is a string");
	refuses(TRUSTS ASKS "[\"a=b\"]}}", CNI_E_CONFIG,
		"args.cni: key \"labels\": \"a=b\": a label has a name, and a value that is a string");
	refuses(TRUSTS ASKS "5}}", CNI_E_DECODE,
		"args.cni: key \"labels\": 5 is not an object");
}

TEST(what_the_network_says_of_everybody_nobody_changes)
{
	refuses(TRUSTS "\"labels\":{\"zone\":\"a\"}," ASKS "{\"zone\":\"b\"}}}",
		CNI_E_CONFIG,
		"label \"zone\" asked for by this attachment: network \"n\" gives it to everybody");
	accepts(TRUSTS "\"labels\":{\"zone\":\"a\"}," ASKS "{\"x\":\"b\"}}}");
}

TEST(there_is_room_for_so_many_labels)
{
	struct policy_identity id = { .network = "n",
				      .container_id = "c1",
				      .ifname = "eth0",
				      .space = "" };
	cleanup_json cJSON *labels = cJSON_CreateObject();
	struct cni_err err = CNI_ERR_INIT;
	struct guard_member m;
	char value[GUARD_MEMBER_TEXT + 1];

	id.labels = labels;
	assert_ok(policy_member_encode(7, &id, &m, &err), &err);
	assert_int_equal(m.network, 7);
	assert_true(m.len > 0 && m.len < sizeof(m.text));
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	cJSON_AddStringToObject(labels, "a", value);
	assert_error(
		policy_member_encode(7, &id, &m, &err), &err, CNI_E_CONFIG,
		"labels of \"c1\": with names and addresses 2134 bytes, more than 2036");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_is_one_or_several),
		cmocka_unit_test(labels_have_a_name_and_a_string),
		cmocka_unit_test(an_attachment_has_labels_if_it_may),
		cmocka_unit_test(
			what_the_network_says_of_everybody_nobody_changes),
		cmocka_unit_test(there_is_room_for_so_many_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
