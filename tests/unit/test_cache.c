/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "../lib/tmp.h"
#include "libcni/cache.h"

#define LEFT_OVER ".weft-0c0b5e6dc95bc97a"
#define LIST "{\"name\":\"net\",\"plugins\":[{\"type\":\"a\"}]}"

static int setup(void **state)
{
	struct tmp *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	tmp_make(t);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	tmp_remove(*state);
	free(*state);
	return 0;
}

static const struct conflist list = { .text = (char *)LIST,
				      .len = sizeof(LIST) - 1 };

static void save(const struct tmp *t, const char *id, const char *args,
		 const char *result)
{
	struct cni_err err = CNI_ERR_INIT;
	cleanup_json cJSON *doc = cJSON_Parse(result);
	const struct cache_entry e = { .network = "net",
				       .container_id = id,
				       .ifname = "eth0",
				       .netns = "/ns",
				       .args = args,
				       .result = doc };

	assert_ok(cache_save(t->path, &list, &e, &err), &err);
}

static void an_entry_is_written_as_libcni_writes_it(void **state)
{
	struct tmp *t = *state;
	char *text;

	save(t, "c-1", "A=B;C=", "{\"ips\":[]}");
	text = tmp_read(t, "net-c-1-eth0");
	assert_non_null(text);
	assert_string_equal(
		text,
		"{\"kind\":\"cniCacheV1\",\"containerId\":\"c-1\",\"config\":\"eyJuYW1lIjoibmV0IiwicGx1Z2lucyI6W3sidHlwZSI6ImEifV19\",\"ifName\":\"eth0\",\"networkName\":\"net\",\"netns\":\"/ns\",\"cniArgs\":[[\"A\",\"B\"],[\"C\",\"\"]],\"result\":{\"ips\":[]}}");
	free(text);
}

static void what_was_saved_is_loaded(void **state)
{
	cleanup_cache_entry struct cache_entry e = { 0 };
	struct tmp *t = *state;

	save(t, "c", "A=B;C=;D=x=y", "{\"x\":1}");
	assert_int_equal(cache_load(t->path, "net", "c", "eth0", &e), 1);
	assert_string_equal(e.netns, "/ns");
	assert_string_equal(e.args, "A=B;C=;D=x=y");
	assert_int_equal(json_get(e.result, "x")->valueint, 1);
	assert_null(e.cap_args);
}

static void long_arguments_are_kept_whole(void **state)
{
	cleanup_cache_entry struct cache_entry e = { 0 };
	char *args = repeat('v', 20000);
	struct tmp *t = *state;

	args[0] = 'K';
	args[1] = '=';
	args[9999] = ';';
	args[12000] = '=';
	save(t, "c", args, NULL);
	assert_int_equal(cache_load(t->path, "net", "c", "eth0", &e), 1);
	assert_string_equal(e.args, args);
	free(args);
}

static void nothing_is_left_beside_the_entry(void **state)
{
	struct tmp *t = *state;
	struct stat st;

	save(t, "c", "", NULL);
	save(t, "c", "", NULL);
	assert_int_equal(stat(t->path, &st), 0);
	t->file[0] = '\0';
	(void)snprintf(t->file, sizeof(t->file), "%s/net-c-eth0", t->path);
	assert_int_equal(stat(t->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(unlink(t->file), 0);
	assert_int_equal(rmdir(t->path), 0);
	assert_int_equal(mkdir(t->path, 0700), 0);
}

static void every_length_of_configuration_is_base64(void **state)
{
	static const char *const want[] = {
		"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"
	};
	struct tmp *t = *state;

	/* RFC 4648, section 10. */
	for (size_t n = 0; n <= 6; n++) {
		const struct conflist l = { .text = (char *)"foobar",
					    .len = n };
		const struct cache_entry e = { .network = "n",
					       .container_id = "c",
					       .ifname = "i",
					       .args = "" };
		struct cni_err err = CNI_ERR_INIT;
		char part[64], *text;

		assert_ok(cache_save(t->path, &l, &e, &err), &err);
		text = tmp_read(t, "n-c-i");
		(void)snprintf(part, sizeof(part), "\"config\":\"%s\"",
			       want[n]);
		assert_non_null(strstr(text, part));
		free(text);
	}
}

static int load(const struct tmp *t, const char *id)
{
	cleanup_cache_entry struct cache_entry e = { 0 };

	return cache_load(t->path, "net", id, "eth0", &e);
}

static void an_ambiguous_file_name_is_settled_by_its_content(void **state)
{
	cleanup_cache_entry struct cache_entry e = { 0 };
	struct tmp *t = *state;

	save(t, "a-b", "", NULL);
	assert_int_equal(cache_load(t->path, "net-a", "b", "eth0", &e), 0);
	assert_int_equal(load(t, "a-b"), 1);
}

static void empty_and_garbled_entries_are_none(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"null",
		"[]",
		"5",
		"{}",
		"{\"containerId\":\"c\"}",
		"{\"containerId\":5,\"ifName\":\"eth0\",\"networkName\":\"net\"}",
		"{\"containerId\":\"c\",\"ifName\":\"eth0\",\"networkName\":\"\"}",
		"{\"containerId\":\"c\",\"ifName\":\"eth0\",\"networkName\":\"net\",\"result\":[]}",
		"{\"kind\":\"cniCacheV2\",\"containerId\":\"c\",\"ifName\":\"eth0\",\"networkName\":\"net\"}",
		"{\"kind\":\"x\",\"cniVersion\":\"0.4.0\",\"ips\":[]}",
	};
	struct tmp *t = *state;

	assert_int_equal(load(t, "c"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)tmp_write(t, "net-c-eth0", bad[i], 0600);
		assert_int_equal(load(t, "c"), 0);
	}
}

#define ENTRY(more)                                                               \
	"{\"containerId\":\"c\",\"ifName\":\"eth0\",\"networkName\":\"net\"" more \
	"}"

static void odd_arguments_do_no_harm(void **state)
{
	static const struct {
		const char *text, *args;
	} rows[] = {
		{ ENTRY(",\"cniArgs\":5"), "" },
		{ ENTRY(",\"cniArgs\":[5,[],[\"A\"],[1,2],[\"K\",\"V\"]]"),
		  "K=V" },
		{ ENTRY(",\"weft.args\":5"), "" },
		{ ENTRY(",\"weft.args\":\"X=Y\""), "" },
		{ ENTRY(",\"cniArgs\":{\"a\":[\"K\",\"V\"]}"), "K=V" },
		{ ENTRY(",\"result\":null,\"cniArgs\":null"), "" },
	};
	struct tmp *t = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_cache_entry struct cache_entry e = { 0 };

		(void)tmp_write(t, "net-c-eth0", rows[i].text, 0600);
		assert_int_equal(cache_load(t->path, "net", "c", "eth0", &e),
				 1);
		assert_string_equal(e.args, rows[i].args);
	}
}

static void a_link_is_not_followed(void **state)
{
	struct tmp *t = *state;
	char path[300];

	save(t, "c", "", NULL);
	(void)snprintf(path, sizeof(path), "%s/net-d-eth0", t->path);
	assert_int_equal(symlink("net-c-eth0", path), 0);
	assert_int_equal(load(t, "d"), 0);
	assert_int_equal(load(t, "c"), 1);
}

static void removing_is_repeatable(void **state)
{
	struct cni_err err = CNI_ERR_INIT;
	struct tmp *t = *state;

	save(t, "c", "", NULL);
	for (int i = 0; i < 2; i++)
		assert_ok(cache_remove(t->path, "net", "c", "eth0", &err),
			  &err);
	assert_int_equal(load(t, "c"), 0);
	assert_ok(cache_remove("/none", "net", "c", "eth0", &err), &err);
}

static void names_that_make_no_file_name_are_refused(void **state)
{
	struct cni_err err = CNI_ERR_INIT;
	char *big = repeat('c', 300);
	struct tmp *t = *state;
	struct cache_entry e = {
		.network = "n", .container_id = big, .ifname = "i", .args = ""
	};

	assert_true(cache_save(t->path, &list, &e, &err) < 0);
	assert_int_equal(err.code, CNI_E_IO);
	e.container_id = "../x";
	assert_true(cache_save(t->path, &list, &e, &err) < 0);
	assert_int_equal(cache_load(t->path, "n", "../x", "i", &e), 0);
	assert_ok(cache_remove(t->path, "n", "../x", "i", &err), &err);
	free(big);
}

static void an_entry_that_could_not_be_loaded_is_not_saved(void **state)
{
	struct cni_err err = CNI_ERR_INIT;
	char *big = repeat(' ', 900000);
	struct tmp *t = *state;
	const struct conflist l = { .text = big, .len = 900000 };
	const struct cache_entry e = {
		.network = "n", .container_id = "c", .ifname = "i", .args = ""
	};

	assert_true(cache_save(t->path, &l, &e, &err) < 0);
	assert_says(&err, "at most 1048576");
	free(big);
}

static void what_is_old_and_half_written_is_tidied(void **state)
{
	static const char young[] = ".weft-00000000000000aa";
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct tmp *t = *state;
	char *text;

	save(t, "c", "", NULL);
	(void)tmp_write(t, ".other", "{", 0600);
	(void)tmp_write(t, young, "{", 0600);
	assert_int_equal(utimensat(AT_FDCWD, tmp_write(t, LEFT_OVER, "{", 0600),
				   times, 0),
			 0);
	cache_tidy(t->path, 999);
	text = tmp_read(t, LEFT_OVER);
	assert_non_null(text);
	free(text);
	cache_tidy(t->path, 1000);
	assert_null(tmp_read(t, LEFT_OVER));
	text = tmp_read(t, young);
	assert_non_null(text);
	free(text);
	text = tmp_read(t, ".other");
	assert_non_null(text);
	free(text);
	assert_int_equal(load(t, "c"), 1);
	cache_tidy("/none", 1000);
}

/* Not to see what there is is no reason to call it gone. */
static void a_cache_that_cannot_be_opened_is_not_empty(void **state)
{
	struct cni_err err = CNI_ERR_INIT;
	struct tmp *t = *state;
	const char *file = tmp_write(t, "file", "", 0600);

	assert_int_equal(cache_remove(file, "net", "c", "eth0", &err),
			 -ENOTDIR);
	assert_int_equal(cache_remove("/none", "net", "c", "eth0", &err), 0);
}

static int count(const struct cache_entry *e, void *arg, struct cni_err *err);

static void a_bare_result_of_an_older_libcni_is_read(void **state)
{
	cleanup_cache_entry struct cache_entry e = { 0 };
	struct cni_err err = CNI_ERR_INIT;
	struct tmp *t = *state;
	int n = 0;

	(void)tmp_write(t, "net-c-eth0",
			"{\"cniVersion\":\"0.4.0\",\"ips\":[{}]}", 0600);
	assert_int_equal(cache_load(t->path, "net", "c", "eth0", &e), 1);
	assert_string_equal(e.container_id, "c");
	assert_string_equal(e.netns, "");
	assert_string_equal(e.args, "");
	assert_int_equal(cJSON_GetArraySize(json_get(e.result, "ips")), 1);
	/* Whose it is cannot be told from a name with dashes. */
	assert_int_equal(cache_each(t->path, "net", count, &n, &err), 0);
	assert_int_equal(n, 0);
}

static void what_a_killed_writer_left_goes_with_the_entry(void **state)
{
	struct cni_err err = CNI_ERR_INIT;
	struct tmp *t = *state;

	/* FNV-1a 64 of "net\0c\0eth0", as tests/unit/test_attachment.c. */
	save(t, "c", "", NULL);
	(void)tmp_write(t, LEFT_OVER, "{", 0600);
	save(t, "c", "", NULL);
	assert_null(tmp_read(t, LEFT_OVER));
	(void)tmp_write(t, LEFT_OVER, "{", 0600);
	assert_ok(cache_remove(t->path, "net", "c", "eth0", &err), &err);
	assert_int_equal(rmdir(t->path), 0);
	assert_int_equal(mkdir(t->path, 0700), 0);
}

static int count(const struct cache_entry *e, void *arg, struct cni_err *err)
{
	(void)err;
	assert_string_equal(e->network, "net");
	++*(int *)arg;
	return !strcmp(e->container_id, "stop") ? 7 : 0;
}

static void each_sees_the_readable_entries_of_its_network(void **state)
{
	struct cni_err err = CNI_ERR_INIT;
	struct tmp *t = *state;
	int n = 0;

	save(t, "a", "", NULL);
	save(t, "b", "", NULL);
	(void)tmp_write(t, "net-x-eth0", "", 0600);
	(void)tmp_write(t, ".tmp-5", ENTRY(""), 0600);
	(void)tmp_write(t, "other-c-eth0",
			"{\"containerId\":\"c\",\"ifName\":\"eth0\","
			"\"networkName\":\"other\"}",
			0600);
	assert_int_equal(cache_each(t->path, "net", count, &n, &err), 0);
	assert_int_equal(n, 2);
	save(t, "stop", "", NULL);
	save(t, "z", "", NULL);
	n = 0;
	assert_int_equal(cache_each(t->path, "net", count, &n, &err), 7);
	assert_int_equal(n, 3);
	assert_int_equal(cache_each("/none", "net", count, &n, &err), 0);
}

#define IN_DIR(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(an_entry_is_written_as_libcni_writes_it),
		IN_DIR(what_was_saved_is_loaded),
		IN_DIR(long_arguments_are_kept_whole),
		IN_DIR(nothing_is_left_beside_the_entry),
		IN_DIR(every_length_of_configuration_is_base64),
		IN_DIR(an_ambiguous_file_name_is_settled_by_its_content),
		IN_DIR(empty_and_garbled_entries_are_none),
		IN_DIR(odd_arguments_do_no_harm),
		IN_DIR(a_link_is_not_followed),
		IN_DIR(removing_is_repeatable),
		IN_DIR(names_that_make_no_file_name_are_refused),
		IN_DIR(an_entry_that_could_not_be_loaded_is_not_saved),
		IN_DIR(a_bare_result_of_an_older_libcni_is_read),
		IN_DIR(what_a_killed_writer_left_goes_with_the_entry),
		IN_DIR(what_is_old_and_half_written_is_tidied),
		IN_DIR(a_cache_that_cannot_be_opened_is_not_empty),
		IN_DIR(each_sees_the_readable_entries_of_its_network),
	};

	return RUN(tests);
}
