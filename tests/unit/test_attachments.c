/* SPDX-License-Identifier: Apache-2.0 */
#include "../lib/check.h"
#include "cni/attachments.h"

#define CONF(list)                                                                     \
	"{\"name\":\"n\",\"cniVersion\":\"1.1.0\",\"cni.dev/valid-attachments\":" list \
	"}"

static int parse(const char *text, struct cni_netconf *conf,
		 struct cni_attachments *ret, struct cni_err *err)
{
	*err = (struct cni_err)CNI_ERR_INIT;
	assert_ok(cni_netconf_parse(dup_text(text), strlen(text), conf, err),
		  err);
	return cni_attachments_parse(conf->attachments, ret, err);
}

static void check_refused(const char *text, int code, const char *msg)
{
	cleanup_netconf struct cni_netconf conf = { 0 };
	struct cni_attachments a = { 0 };
	struct cni_err err;

	assert_error(parse(text, &conf, &a, &err), &err, code, msg);
	cni_attachments_free(&a);
}

TEST(what_is_listed_is_valid_and_nothing_else)
{
	cleanup_netconf struct cni_netconf conf = { 0 };
	struct cni_attachments a = { 0 };
	struct cni_err err;

	/* In no order. */
	assert_ok(parse(CONF("[{\"IFNAME\":\"eth1\",\"ContainerId\":\"d\"},"
			     "{\"containerID\":\"c\",\"ifname\":\"eth0\"},"
			     "{\"containerID\":\"b\",\"ifname\":\"eth0\"}]"),
			&conf, &a, &err),
		  &err);
	assert_true(cni_attachments_has(&a, "c", "eth0"));
	assert_true(cni_attachments_has(&a, "d", "eth1"));
	assert_true(cni_attachments_has(&a, "b", "eth0"));
	assert_false(cni_attachments_has(&a, "c", "eth1"));
	assert_true(cni_attachments_has(&a, "c", NULL));
	assert_false(cni_attachments_has(&a, "e", NULL));
	assert_int_equal(cni_attachments_add(&a, "e", "eth0"), 0);
	assert_true(cni_attachments_has(&a, "e", "eth0"));
	cni_attachments_free(&a);
}

TEST(an_empty_list_says_that_all_is_stale)
{
	cleanup_netconf struct cni_netconf conf = { 0 };
	struct cni_attachments a = { 0 };
	struct cni_err err;

	assert_ok(parse(CONF("[]"), &conf, &a, &err), &err);
	assert_false(cni_attachments_has(&a, "c", NULL));
	cni_attachments_free(&a);
}

TEST(no_list_at_all_is_an_error)
{
	const char *msg =
		"key \"cni.dev/valid-attachments\" is missing: without it nothing can be told stale";

	check_refused("{\"name\":\"n\",\"cniVersion\":\"1.1.0\"}", CNI_E_CONFIG,
		      msg);
	check_refused(CONF("null"), CNI_E_CONFIG, msg);
}

TEST(a_bad_entry_stops_the_collection_of_garbage)
{
	check_refused(
		CONF("[null]"), CNI_E_DECODE,
		"key \"cni.dev/valid-attachments\": null is not an object");
	check_refused(
		CONF("[{\"containerID\":\"c\"}]"), CNI_E_CONFIG,
		"key \"cni.dev/valid-attachments\": an attachment without \"ifname\"");
	check_refused(
		CONF("[{\"ifname\":\"c\"}]"), CNI_E_CONFIG,
		"key \"cni.dev/valid-attachments\": an attachment without \"containerID\"");
	check_refused(
		CONF("[{\"containerID\":5}]"), CNI_E_DECODE,
		"key \"cni.dev/valid-attachments\": key \"containerID\": 5 is not a string");
}

TEST(a_delegate_gets_the_same_configuration_with_our_list)
{
	const char *text =
		"{\"name\":\"n\",\"cniVersion\":\"1.1.0\",\"x\":[1,{\"y\":null}],"
		"\"CNI.dev/Valid-Attachments\":[5],"
		"\"cni.dev/valid-attachments\":[]}";
	cleanup_netconf struct cni_netconf conf = { 0 }, other = { 0 };
	struct cni_attachments a = { 0 };
	struct cni_err err;

	assert_ok(parse(text, &conf, &a, &err), &err);
	assert_int_equal(cni_attachments_add(&a, "c", "eth0"), 0);
	assert_ok(cni_attachments_replace(&conf, &a, &other, &err), &err);
	assert_string_equal(
		other.text,
		"{\"name\":\"n\",\"cniVersion\":\"1.1.0\",\"x\":[1,{\"y\":null}],\"cni.dev/valid-attachments\":[{\"containerID\":\"c\",\"ifname\":\"eth0\"}]}");
	assert_string_equal(conf.text, text);
	cni_attachments_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_listed_is_valid_and_nothing_else),
		cmocka_unit_test(an_empty_list_says_that_all_is_stale),
		cmocka_unit_test(no_list_at_all_is_an_error),
		cmocka_unit_test(a_bad_entry_stops_the_collection_of_garbage),
		cmocka_unit_test(
			a_delegate_gets_the_same_configuration_with_our_list),
	};

	return RUN(tests);
}
