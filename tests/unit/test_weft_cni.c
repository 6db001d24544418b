/* SPDX-License-Identifier: Apache-2.0 */
/* The public header, with plugins of a few lines of shell. */
#include <errno.h>

#include "../lib/tmp.h"
#include "libcni/weft-cni.h"

struct world {
	struct tmp t;
	struct weft_cni *net;
	struct weft_cni_error err;
};

#define LIST(version, type)                           \
	"{\"name\":\"net\",\"cniVersion\":\"" version \
	"\",\"plugins\":[{\"type\":\"" type           \
	"\",\"capabilities\":{\"x\":true}}]}"

#define PLUGIN(add)                                                                  \
	"#!/bin/sh\n"                                                                \
	"d=${0%/*}; cat >$d/stdin; echo $CNI_COMMAND $CNI_CONTAINERID >>$d/log\n"    \
	"[ -e $d/fail ] && { echo '{\"code\":11,\"msg\":\"m\",\"details\":\"d\"}'; " \
	"exit 1; }\n"                                                                \
	"[ $CNI_COMMAND = ADD ] || exit 0\n" add "\n"

static struct world *world(void **state, const char *version, const char *add)
{
	struct world *w = calloc(1, sizeof(*w));
	char list[256], plugin[1024], cache[128];

	assert_non_null(w);
	*state = w;
	tmp_make(&w->t);
	(void)snprintf(list, sizeof(list), LIST("%s", "p"), version);
	(void)snprintf(plugin, sizeof(plugin), "%s%s\n", PLUGIN(""), add);
	(void)tmp_write(&w->t, "p", plugin, 0700);
	(void)snprintf(cache, sizeof(cache), "%s/cache", w->t.path);
	assert_int_equal(weft_cni_parse(list, strlen(list), &w->net, &w->err),
			 0);
	assert_int_equal(weft_cni_set_plugin_path(w->net, w->t.path), 0);
	assert_int_equal(weft_cni_set_cache_dir(w->net, cache), 0);
	return w;
}

static int teardown(void **state)
{
	struct world *w = *state;

	weft_cni_close(w->net);
	tmp_remove(&w->t);
	free(w);
	return 0;
}

static void log_is(const struct world *w, const char *want)
{
	char *log = tmp_read(&w->t, "log");

	assert_string_equal(log ? log : "", want);
	free(log);
}

static const struct weft_cni_guest c1 = { .container_id = "c1",
					  .netns = "/ns",
					  .args = "A=b",
					  .capability_args = "{\"x\":[7]}" };
static const struct weft_cni_guest c1_by_name = { .container_id = "c1" };

static int collect(const struct weft_cni_guest *g, void *arg)
{
	(void)snprintf(arg, 256, "%s %s %s %s %s", g->container_id, g->netns,
		       g->ifname, g->args, g->capability_args);
	return 3;
}

static void a_guest_comes_and_goes(void **state)
{
	struct world *w = world(state, "1.1.0", "echo '{\"ips\":[]}'");
	char text[256] = "", *result = NULL, *again = NULL;

	assert_string_equal(weft_cni_name(w->net), "net");
	assert_string_equal(weft_cni_version(w->net), "1.1.0");
	assert_int_equal(weft_cni_status(w->net, &w->err), 0);
	assert_int_equal(weft_cni_add(w->net, &c1, &result, &w->err), 0);
	assert_non_null(strstr(result, "\"cniVersion\":"));
	assert_int_equal(weft_cni_result(w->net, &c1_by_name, &again), 0);
	assert_string_equal(result, again);
	assert_int_equal(weft_cni_each(w->net, collect, text), 3);
	assert_string_equal(text, "c1 /ns eth0 A=b {\"x\":[7]}");
	assert_int_equal(weft_cni_check(w->net, &c1_by_name, &w->err), 0);
	assert_int_equal(weft_cni_add(w->net, &c1, NULL, &w->err), -EEXIST);
	assert_int_equal(w->err.code, 101);
	assert_int_equal(weft_cni_del(w->net, &c1_by_name, NULL), 0);
	free(again);
	again = tmp_read(&w->t, "stdin");
	assert_non_null(strstr(again, "\"runtimeConfig\":{\"x\":[7]}"));
	assert_int_equal(weft_cni_result(w->net, &c1, &result), -ENOENT);
	log_is(w, "STATUS\nADD c1\nCHECK c1\nDEL c1\n");
	free(result);
	free(again);
}

static void what_is_not_on_gcs_list_goes(void **state)
{
	struct world *w = world(state, "1.1.0", "echo null");
	const struct weft_cni_guest c2 = { .container_id = "c2" };
	char *text;

	assert_int_equal(weft_cni_add(w->net, &c1, NULL, &w->err), 0);
	assert_int_equal(weft_cni_add(w->net, &c2, NULL, &w->err), 0);
	assert_int_equal(weft_cni_gc(w->net, &c1, 1, &w->err), 0);
	text = tmp_read(&w->t, "stdin");
	assert_non_null(strstr(text, "\"cni.dev/valid-attachments\":[{"
				     "\"containerID\":\"c1\",\"ifname\":"
				     "\"eth0\"}]"));
	free(text);
	assert_int_equal(weft_cni_gc(w->net, NULL, 0, &w->err), 0);
	text = tmp_read(&w->t, "stdin");
	assert_non_null(strstr(text, "\"cni.dev/valid-attachments\":[]"));
	free(text);
	log_is(w, "ADD c1\nADD c2\nDEL c2\nGC\nDEL c1\nGC\n");
}

static void a_plugins_error_is_reported_whole(void **state)
{
	struct world *w = world(state, "1.1.0", "echo {}");

	(void)tmp_write(&w->t, "fail", "", 0600);
	assert_int_equal(weft_cni_add(w->net, &c1, NULL, &w->err), -EIO);
	assert_int_equal(w->err.code, 11);
	assert_string_equal(w->err.msg,
			    "plugin type=\"p\" name=\"net\" failed (add): m");
	assert_string_equal(w->err.details, "d");
	assert_true(weft_cni_gc(w->net, NULL, 0, &w->err) < 0);
	assert_true(weft_cni_status(w->net, &w->err) < 0);
	assert_true(weft_cni_check(w->net, &c1, &w->err) < 0);
	assert_true(weft_cni_del(w->net, &c1, &w->err) < 0);
	assert_int_equal(unlink(w->t.file), 0);
	assert_int_equal(weft_cni_del(w->net, &c1, &w->err), 0);
}

static void a_result_that_is_none_is_refused(void **state)
{
	struct world *w = world(state, "1.0.0", "echo '[]'");

	assert_int_equal(weft_cni_add(w->net, &c1, NULL, &w->err), -EINVAL);
	assert_int_equal(w->err.code, 6);
	assert_non_null(strstr(w->err.msg, "result: [] is not an object"));
	assert_int_equal(weft_cni_add(w->net, &c1, NULL, &w->err), -EEXIST);
	assert_non_null(strstr(w->err.msg, "needs a del first"));
	assert_int_equal(weft_cni_del(w->net, &c1, &w->err), 0);
	(void)tmp_write(&w->t, "p", PLUGIN(""), 0700);
	assert_true(weft_cni_add(w->net, &c1, NULL, &w->err) < 0);
	assert_int_equal(weft_cni_del(w->net, &c1, &w->err), 0);
}

static void wrong_guests_are_refused_before_anybody_is_asked(void **state)
{
	static const struct weft_cni_guest bad[] = {
		{ .container_id = NULL },
		{ .container_id = "../x" },
		{ .container_id = "c", .ifname = "eth/0" },
		{ .container_id = "c", .ifname = "a-name-that-is-long" },
		{ .container_id = "c", .capability_args = "[]" },
		{ .container_id = "c", .capability_args = "{" },
	};
	struct world *w = world(state, "1.1.0", "echo {}");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(weft_cni_add(w->net, &bad[i], NULL, &w->err) < 0);
		assert_true(weft_cni_check(w->net, &bad[i], &w->err) < 0);
		assert_true(weft_cni_del(w->net, &bad[i], &w->err) < 0);
	}
	log_is(w, "");
}

static void a_cached_result_is_said_in_the_lists_version(void **state)
{
	struct world *w =
		world(state, "0.4.0",
		      "echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":"
		      "\"10.1.0.2/24\"}]}'");
	char *text;

	assert_int_equal(weft_cni_add(w->net, &c1, NULL, &w->err), 0);
	assert_int_equal(weft_cni_check(w->net, &c1, &w->err), 0);
	text = tmp_read(&w->t, "stdin");
	assert_non_null(strstr(text, "\"cniVersion\":\"0.4.0\",\"ips\":[{"
				     "\"version\":\"4\""));
	free(text);
	assert_int_equal(weft_cni_gc(w->net, &c1, 1, &w->err), 0);
	assert_int_equal(weft_cni_status(w->net, &w->err), 0);
	log_is(w, "ADD c1\nCHECK c1\n");
}

static void a_result_that_no_version_can_say_does_not_stop_del(void **state)
{
	struct world *w = world(
		state, "0.4.0",
		"echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":5}]}'");

	assert_int_equal(weft_cni_add(w->net, &c1, NULL, &w->err), 0);
	assert_true(weft_cni_check(w->net, &c1, &w->err) < 0);
	assert_int_equal(weft_cni_del(w->net, &c1, &w->err), 0);
}

TEST(what_is_no_list_is_refused)
{
	static const char *const bad[] = { "", "{", "[]", "{\"name\":\"n\"}",
					   LIST("9.9.9", "p") };
	struct weft_cni_error err;
	struct weft_cni *net = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(weft_cni_parse(bad[i], strlen(bad[i]), &net, &err) <
			    0);
	assert_int_equal(weft_cni_open("/none", "n", &net, &err), -ENOENT);
	assert_string_equal(err.msg, "no net configurations found in /none");
	assert_true(weft_cni_open("/none", "n", &net, NULL) < 0);
	assert_null(net);
	weft_cni_close(NULL);
}

#define IN_WORLD(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_guest_comes_and_goes),
		IN_WORLD(what_is_not_on_gcs_list_goes),
		IN_WORLD(a_plugins_error_is_reported_whole),
		IN_WORLD(a_result_that_is_none_is_refused),
		IN_WORLD(wrong_guests_are_refused_before_anybody_is_asked),
		IN_WORLD(a_cached_result_is_said_in_the_lists_version),
		IN_WORLD(a_result_that_no_version_can_say_does_not_stop_del),
		cmocka_unit_test(what_is_no_list_is_refused),
	};

	return RUN(tests);
}
