/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "../lib/tmp.h"
#include "base/event.h"

static struct tmp tmp;

static int make(void **state)
{
	(void)state;
	tmp_make(&tmp);
	return unsetenv("WEFT_LOG");
}

static int clear(void **state)
{
	(void)state;
	tmp_remove(&tmp);
	return 0;
}

static char *path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", tmp.path, name);
	return path;
}

/* What the log holds after the time, which ends in "Z ". */
static char *logged(const char *name)
{
	char *all = tmp_read(&tmp, name), *at;

	assert_non_null(all);
	at = strstr(all, "Z ");
	assert_non_null(at);
	assert_int_equal(at - all, strlen("2026-11-22T18:16:40.123456"));
	memmove(all, at + 2, strlen(at + 2) + 1);
	return all;
}

static const struct event add = { .plugin = "bridge-vm",
				  .verb = "ADD",
				  .network = "hybrid",
				  .container = "c1",
				  .ifname = "eth0",
				  .result = "10.88.0.2/16",
				  .us = 412 };

TEST(a_success_is_one_line)
{
	struct stat st;
	char *s;

	event_log(path_of("log"), &add);
	s = logged("log");
	assert_string_equal(
		s,
		"ADD plugin=bridge-vm network=hybrid container=c1 ifname=eth0 us=412 ok result=10.88.0.2/16\n");
	free(s);
	assert_int_equal(stat(path_of("log"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

TEST(an_error_has_code_and_sentence_and_comes_after_what_is_there)
{
	struct cni_err err = CNI_ERR_INIT;
	struct event e = { .verb = "DEL", .err = &err, .network = "" };
	char *s;

	(void)err_say(&err, CNI_E_CONFIG, EINVAL, "key \"mtu\": 7\n\x1b[2J");
	(void)tmp_write(&tmp, "log", "first\n", 0600);
	event_log(path_of("log"), &e);
	s = tmp_read(&tmp, "log");
	assert_memory_equal(s, "first\n", 6);
	assert_non_null(strstr(
		s, "DEL us=0 code=7 error=\"key \\\"mtu\\\": 7  [2J\"\n"));
	free(s);
}

TEST(a_line_never_becomes_two_nor_loses_its_end)
{
	char hostile[4000];
	struct event e = add;
	char *s;

	memset(hostile, '\n', sizeof(hostile) - 1);
	hostile[sizeof(hostile) - 1] = '\0';
	e.plugin = e.verb = e.network = e.container = e.ifname = e.result =
		hostile;
	event_log(path_of("log"), &e);
	s = tmp_read(&tmp, "log");
	assert_ptr_equal(strchr(s, '\n'), s + strlen(s) - 1);
	free(s);

	memset(hostile, 'x', sizeof(hostile) - 1);
	e.verb = "ADD";
	(void)unlink(path_of("log"));
	event_log(path_of("log"), &e);
	s = tmp_read(&tmp, "log");
	assert_ptr_equal(strchr(s, '\n'), s + strlen(s) - 1);
	assert_true(strlen(s) <= 2048);
	free(s);
}

TEST(what_cannot_be_written_is_lost_and_nobody_waits)
{
	{
		char aim[128];

		(void)snprintf(aim, sizeof(aim), "%s", path_of("aim"));
		assert_int_equal(symlink(aim, path_of("link")), 0);
	}
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	errno = EDOM;
	event_log(path_of("link"), &add);
	event_log(path_of("fifo"), &add);
	event_log(path_of("no/such"), &add);
	event_log(tmp.path, &add);
	event_log("/dev/full", &add);
	assert_int_equal(errno, EDOM);
	assert_null(tmp_read(&tmp, "aim"));
}

TEST(the_environment_comes_before_the_configuration)
{
	static const struct {
		const char *env, *conf, *where;
	} cases[] = {
		{ NULL, NULL, NULL },
		{ NULL, "", NULL },
		{ "", "", NULL },
		{ "debug", "", NULL },
		{ "debug", "/c", "/c" },
		{ "/e", "/c", "/e" },
		{ "journal", "", "journal" },
		{ "x", "journal", "journal" },
		{ NULL, "relative", NULL },
		{ "relative", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *where;

		(void)unsetenv("WEFT_LOG");
		if (cases[i].env)
			(void)setenv("WEFT_LOG", cases[i].env, 1);
		where = event_where(cases[i].conf);
		assert_true(!where == !cases[i].where);
		if (where)
			assert_string_equal(where, cases[i].where);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_success_is_one_line, make,
						clear),
		cmocka_unit_test_setup_teardown(
			an_error_has_code_and_sentence_and_comes_after_what_is_there,
			make, clear),
		cmocka_unit_test_setup_teardown(
			a_line_never_becomes_two_nor_loses_its_end, make,
			clear),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_written_is_lost_and_nobody_waits, make,
			clear),
		cmocka_unit_test(
			the_environment_comes_before_the_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
