/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "../lib/tmp.h"
#include "libcni/conflist.h"

static int parse(const char *text, bool is_single, struct conflist *ret,
		 struct cni_err *err)
{
	*err = (struct cni_err)CNI_ERR_INIT;
	return conflist_parse(dup_text(text), strlen(text), is_single, ret,
			      err);
}

static void check_refused(const char *text, int code, const char *msg)
{
	cleanup_conflist struct conflist c = { 0 };
	struct cni_err err;

	assert_error(parse(text, false, &c, &err), &err, code, msg);
}

#define PLUGINS "\"plugins\":[{\"type\":\"a\"}]"

TEST(a_list_is_read_with_its_plugins_in_order)
{
	cleanup_conflist struct conflist c = { 0 };
	struct cni_err err;

	assert_ok(parse("{\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"x\":1,"
			"\"plugins\":[{\"type\":\"a\"},{\"type\":\"b\"}]}",
			false, &c, &err),
		  &err);
	assert_string_equal(c.name, "n");
	assert_int_equal(c.version, CNI_V1_0_0);
	assert_int_equal(cJSON_GetArraySize(c.plugins), 2);
	assert_false(c.disable_check || c.disable_gc);
}

static void check_version(const char *keys, enum cni_version want)
{
	cleanup_conflist struct conflist c = { 0 };
	struct cni_err err;
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"name\":\"n\",%s" PLUGINS "}",
		       keys);
	assert_ok(parse(text, false, &c, &err), &err);
	assert_int_equal(c.version, want);
}

TEST(the_highest_version_that_both_sides_speak_is_taken)
{
	check_version("", CNI_V0_1_0);
	check_version("\"cniVersion\":\"0.4.0\",", CNI_V0_4_0);
	check_version("\"cniVersions\":[\"0.4.0\",\"1.0.0\",\"0.3.1\"],",
		      CNI_V1_0_0);
	check_version("\"cniVersion\":\"1.1.0\",\"cniVersions\":[\"0.4.0\"],",
		      CNI_V1_1_0);
	check_version("\"cniVersions\":[\"1.0.0\",\"1.2.0\",\"2.0.0\"],",
		      CNI_V1_0_0);
	check_version("\"cniVersions\":[\"0.4.0\"],\"cniVersion\":\"1.2.0\",",
		      CNI_V0_4_0);
	check_version("\"cniVersions\":[],\"cniVersion\":\"0.3.0\",",
		      CNI_V0_3_0);
}

TEST(a_version_that_nobody_speaks_is_refused)
{
	check_refused("{\"name\":\"n\",\"cniVersion\":\"9.9.9\"," PLUGINS "}",
		      CNI_E_VERSION, "incompatible CNI versions");
	check_refused("{\"name\":\"n\",\"cniVersions\":[5]," PLUGINS "}",
		      CNI_E_DECODE, "key \"cniVersions\": 5 is not a string");
	check_refused("{\"name\":\"n\",\"cniVersions\":\"1.0.0\"," PLUGINS "}",
		      CNI_E_DECODE,
		      "key \"cniVersions\": \"1.0.0\" is not an array");
}

static bool flag(const char *value)
{
	cleanup_conflist struct conflist c = { 0 };
	struct cni_err err;
	char text[256];

	(void)snprintf(
		text, sizeof(text),
		"{\"name\":\"n\",\"disableCheck\":%s,\"disableGC\":%s," PLUGINS
		"}",
		value, value);
	assert_ok(parse(text, false, &c, &err), &err);
	assert_int_equal(c.disable_check, c.disable_gc);
	return c.disable_gc;
}

TEST(flags_may_be_strings_in_any_case)
{
	assert_true(flag("true"));
	assert_true(flag("\"TRUE\""));
	assert_true(flag("\"true\""));
	assert_false(flag("false"));
	assert_false(flag("\"False\""));
	assert_false(flag("null"));
	check_refused("{\"name\":\"n\",\"disableGC\":1," PLUGINS "}",
		      CNI_E_DECODE,
		      "key \"disableGC\": 1 is not true or false");
	check_refused("{\"name\":\"n\",\"disableGC\":\"yes\"," PLUGINS "}",
		      CNI_E_DECODE,
		      "key \"disableGC\": \"yes\" is not true or false");
}

TEST(a_list_needs_a_name_and_plugins_with_types)
{
	check_refused("{" PLUGINS "}", CNI_E_CONFIG,
		      "missing or invalid network name");
	check_refused("{\"name\":\"../x\"," PLUGINS "}", CNI_E_CONFIG,
		      "missing or invalid network name");
	check_refused("null", CNI_E_CONFIG, "missing or invalid network name");
	check_refused("[]", CNI_E_DECODE, "[] is not an object");
	check_refused("{\"name\":\"n\",\"loadOnlyInlinedPlugins\":\"true\"}",
		      CNI_E_CONFIG,
		      "loadOnlyInlinedPlugins is true, and no 'plugins' key");
	check_refused("{\"name\":\"n\",\"plugins\":[]}", CNI_E_CONFIG,
		      "no plugins in list");
	check_refused("{\"name\":\"n\",\"plugins\":{}}", CNI_E_DECODE,
		      "key \"plugins\": {} is not an array");
	check_refused("{\"name\":\"n\",\"plugins\":[{\"type\":\"a\"},{}]}",
		      CNI_E_CONFIG, "plugins[1]: missing 'type'");
	check_refused("{\"name\":\"n\",\"plugins\":[{\"type\":\"\"}]}",
		      CNI_E_CONFIG, "plugins[0]: missing 'type'");
	check_refused("{\"name\":\"n\",\"plugins\":[{\"type\":5}]}",
		      CNI_E_CONFIG, "plugins[0]: missing 'type'");
	check_refused("{\"name\":\"n\",\"plugins\":[5,null,[\"type\"]]}",
		      CNI_E_CONFIG, "plugins[0]: missing 'type'");
}

TEST(a_single_plugin_becomes_a_list)
{
	cleanup_conflist struct conflist c = { 0 };
	struct cni_err err;

	assert_ok(parse("{\"name\":\"n\",\"cniVersion\":\"0.4.0\","
			"\"type\":\"a\",\"x\":1}",
			true, &c, &err),
		  &err);
	assert_string_equal(c.name, "n");
	assert_int_equal(c.version, CNI_V0_4_0);
	assert_int_equal(cJSON_GetArraySize(c.plugins), 1);
	assert_int_equal(
		json_get(cJSON_GetArrayItem(c.plugins, 0), "x")->valueint, 1);
	assert_string_equal(c.text,
			    "{\"name\":\"n\",\"cniVersion\":\"0.4.0\","
			    "\"plugins\":[{\"name\":\"n\",\"cniVersion\":"
			    "\"0.4.0\",\"type\":\"a\",\"x\":1}]}");
	assert_int_equal(c.len, strlen(c.text));
}

TEST(what_is_no_object_is_no_single_plugin)
{
	static const char *const bad[] = { "[]",
					   "5",
					   "null",
					   "[{}]",
					   "{\"type\":\"a\"}",
					   "{\"name\":\"n\"}" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_conflist struct conflist c = { 0 };
		struct cni_err err;

		assert_true(parse(bad[i], true, &c, &err) < 0);
		assert_true(*err.msg != '\0');
	}
}

static int load(const struct tmp *t, const char *name, struct conflist *ret,
		struct cni_err *err)
{
	*err = (struct cni_err)CNI_ERR_INIT;
	conflist_free(ret);
	return conflist_load(t->path, name, ret, err);
}

TEST(a_network_is_found_by_its_name_in_the_order_of_files)
{
	cleanup_conflist struct conflist c = { 0 };
	struct cni_err err;
	struct tmp t;

	tmp_make(&t);
	(void)tmp_write(&t, "20.conflist",
			"{\"name\":\"n\",\"plugins\":[{\"type\":\"second\"}]}",
			0600);
	(void)tmp_write(&t, "10.conflist",
			"{\"name\":\"n\",\"plugins\":[{\"type\":\"first\"}]}",
			0600);
	(void)tmp_write(&t, "05.conf", "{\"name\":\"n\",\"type\":\"conf\"}",
			0600);
	(void)tmp_write(&t, "06.json", "{\"name\":\"j\",\"type\":\"json\"}",
			0600);
	(void)tmp_write(&t, "00.conflist.bak", "garbage", 0600);
	assert_ok(load(&t, "n", &c, &err), &err);
	assert_string_equal(json_get(c.plugins->child, "type")->valuestring,
			    "first");
	assert_ok(load(&t, "j", &c, &err), &err);
	assert_string_equal(json_get(c.plugins->child, "type")->valuestring,
			    "json");
	tmp_remove(&t);
}

TEST(a_network_that_is_not_there_is_named)
{
	cleanup_conflist struct conflist c = { 0 };
	struct cni_err err;
	char msg[256];
	struct tmp t;

	tmp_make(&t);
	(void)snprintf(msg, sizeof(msg), "no net configurations found in %s",
		       t.path);
	assert_error(load(&t, "n", &c, &err), &err, CNI_E_CONFIG, msg);
	(void)tmp_write(&t, "1.conflist", "{\"name\":\"m\"," PLUGINS "}", 0600);
	(void)snprintf(msg, sizeof(msg),
		       "no net configuration with name \"n\" in %s", t.path);
	assert_error(load(&t, "n", &c, &err), &err, CNI_E_CONFIG, msg);
	tmp_remove(&t);
	(void)snprintf(msg, sizeof(msg), "no net configurations found in %s",
		       t.path);
	assert_error(load(&t, "n", &c, &err), &err, CNI_E_CONFIG, msg);
}

TEST(a_file_that_cannot_be_read_ends_the_search_as_in_libcni)
{
	cleanup_conflist struct conflist c = { 0 };
	struct cni_err err;
	struct tmp t;

	tmp_make(&t);
	(void)tmp_write(&t, "1.conflist", "{", 0600);
	(void)tmp_write(&t, "2.conflist", "{\"name\":\"n\"," PLUGINS "}", 0600);
	assert_true(load(&t, "n", &c, &err) < 0);
	assert_int_equal(err.code, CNI_E_DECODE);
	assert_says(&err, "/1.conflist: JSON syntax error");
	tmp_remove(&t);
}

TEST(anothers_version_does_not_end_the_search_but_its_own_does)
{
	cleanup_conflist struct conflist c = { 0 };
	struct cni_err err;
	struct tmp t;

	tmp_make(&t);
	(void)tmp_write(&t, "1.conflist",
			"{\"name\":\"m\",\"cniVersion\":\"9.0.0\"," PLUGINS "}",
			0600);
	(void)tmp_write(&t, "2.conflist", "{\"name\":\"n\"," PLUGINS "}", 0600);
	assert_ok(load(&t, "n", &c, &err), &err);
	assert_true(load(&t, "m", &c, &err) < 0);
	assert_int_equal(err.code, CNI_E_VERSION);
	tmp_remove(&t);
}

static void make_drop_ins(struct tmp *t)
{
	(void)snprintf(t->file, sizeof(t->file), "%s/n", t->path);
	assert_int_equal(mkdir(t->file, 0700), 0);
	(void)snprintf(t->file, sizeof(t->file), "%s/n/15.conf", t->path);
	assert_int_equal(mkdir(t->file, 0700), 0);
	(void)tmp_write(t, "n/20.conf", "{\"type\":\"z\"}", 0600);
	(void)tmp_write(t, "n/10.conf", "{\"type\":\"y\"}", 0600);
	(void)tmp_write(t, "n/05.json", "{\"type\":\"no\"}", 0600);
}

static void check_types(const struct conflist *c, const char *want)
{
	char types[64] = "";
	const cJSON *p;

	cJSON_ArrayForEach(p, c->plugins)
	{
		const size_t n = strlen(types);

		(void)snprintf(types + n, sizeof(types) - n, "%s",
			       json_get(p, "type")->valuestring);
	}
	assert_string_equal(types, want);
}

TEST(a_directory_beside_the_list_adds_plugins)
{
	cleanup_conflist struct conflist c = { 0 };
	struct cni_err err;
	struct tmp t;

	tmp_make(&t);
	(void)tmp_write(&t, "n.conflist", "{\"name\":\"n\"}", 0600);
	assert_error(load(&t, "n", &c, &err), &err, CNI_E_CONFIG,
		     "no plugin configs found");
	make_drop_ins(&t);
	assert_ok(load(&t, "n", &c, &err), &err);
	check_types(&c, "yz");
	(void)tmp_write(&t, "n.conflist", "{\"name\":\"n\"," PLUGINS "}", 0600);
	assert_ok(load(&t, "n", &c, &err), &err);
	check_types(&c, "ayz");
	(void)tmp_write(
		&t, "n.conflist",
		"{\"name\":\"n\",\"loadOnlyInlinedPlugins\":\"TRUE\"," PLUGINS
		"}",
		0600);
	assert_ok(load(&t, "n", &c, &err), &err);
	check_types(&c, "a");
	tmp_remove(&t);
}

TEST(a_bad_file_in_that_directory_is_named)
{
	static const char *const bad[] = { "{", "[]", "{}", "{\"type\":5}" };
	struct tmp t;

	tmp_make(&t);
	(void)tmp_write(&t, "n.conflist", "{\"name\":\"n\"," PLUGINS "}", 0600);
	make_drop_ins(&t);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_conflist struct conflist c = { 0 };
		struct cni_err err;

		(void)tmp_write(&t, "n/20.conf", bad[i], 0600);
		assert_true(load(&t, "n", &c, &err) < 0);
		assert_says(&err, "/n/20.conf");
	}
	tmp_remove(&t);
}

static int gather(struct conflist *c, void *arg)
{
	char *names = arg;
	const size_t n = strlen(names);

	(void)snprintf(names + n, 64 - n, "%s", c->name);
	return !strcmp(c->name, "stop") ? 5 : 0;
}

TEST(each_network_is_seen_and_what_cannot_be_read_is_not)
{
	struct cni_err err = CNI_ERR_INIT;
	char names[64] = "";
	struct tmp t;

	tmp_make(&t);
	assert_int_equal(conflist_each("/none", gather, names, &err), 0);
	(void)tmp_write(&t, "1.conflist", "{", 0600);
	(void)tmp_write(&t, "3.conflist", "{\"name\":\"b\"," PLUGINS "}", 0600);
	(void)tmp_write(&t, "2.conflist", "{\"name\":\"a\"," PLUGINS "}", 0600);
	(void)tmp_write(&t, "0.conf", "{\"name\":\"stop\",\"type\":\"x\"}",
			0600);
	(void)tmp_write(&t, "4.json", "{\"name\":\"d\",\"type\":\"x\"}", 0600);
	assert_int_equal(conflist_each(t.path, gather, names, &err), 5);
	assert_string_equal(names, "abstop");
	tmp_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_read_with_its_plugins_in_order),
		cmocka_unit_test(
			the_highest_version_that_both_sides_speak_is_taken),
		cmocka_unit_test(a_version_that_nobody_speaks_is_refused),
		cmocka_unit_test(flags_may_be_strings_in_any_case),
		cmocka_unit_test(a_list_needs_a_name_and_plugins_with_types),
		cmocka_unit_test(a_single_plugin_becomes_a_list),
		cmocka_unit_test(what_is_no_object_is_no_single_plugin),
		cmocka_unit_test(
			a_network_is_found_by_its_name_in_the_order_of_files),
		cmocka_unit_test(a_network_that_is_not_there_is_named),
		cmocka_unit_test(
			a_file_that_cannot_be_read_ends_the_search_as_in_libcni),
		cmocka_unit_test(
			anothers_version_does_not_end_the_search_but_its_own_does),
		cmocka_unit_test(a_directory_beside_the_list_adds_plugins),
		cmocka_unit_test(a_bad_file_in_that_directory_is_named),
		cmocka_unit_test(
			each_network_is_seen_and_what_cannot_be_read_is_not),
	};

	return RUN(tests);
}
