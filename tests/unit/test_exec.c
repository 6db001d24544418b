/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "../lib/fake.h"
#include "cni/exec.h"

static int find(const char *path, const char *type, char *ret, size_t size,
		struct cni_err *err)
{
	*err = (struct cni_err)CNI_ERR_INIT;
	return cni_exec_find(path, type, ret, size, err);
}

TEST(a_plugins_name_is_plain)
{
	struct cni_err err;
	char buf[64];

	assert_error(find("/bin", "a/b", buf, sizeof(buf), &err), &err,
		     CNI_E_CONFIG, "invalid plugin name: a/b");
	assert_error(find("/bin", "../bin/sh", buf, sizeof(buf), &err), &err,
		     CNI_E_CONFIG, "invalid plugin name: ../bin/sh");
	assert_error(find("/bin", "", buf, sizeof(buf), &err), &err,
		     CNI_E_CONFIG, "no plugin name provided");
	assert_true(find("/usr", "..", buf, sizeof(buf), &err) < 0);
	assert_true(find("/usr", ".", buf, sizeof(buf), &err) < 0);
}

TEST(a_plugin_that_is_not_in_the_path_is_named_with_it)
{
	struct cni_err err;
	char buf[64];

	assert_error(find("/a:/b", "x", buf, sizeof(buf), &err), &err,
		     CNI_E_CONFIG,
		     "failed to find plugin \"x\" in path [/a /b]");
	assert_error(find("", "x", buf, sizeof(buf), &err), &err, CNI_E_ENV,
		     "required env variables [CNI_PATH] missing");
}

static void the_first_regular_file_in_the_path_counts(void **state)
{
	struct fake *q = *state;
	char path[512], want[512], buf[512];

	(void)snprintf(path, sizeof(path), "%s/d", q->dir.path);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/d/p", q->dir.path);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)tmp_write(&q->dir, "p", "", 0600);
	(void)snprintf(path, sizeof(path), "::/none:%s/d:%s:/bin", q->dir.path,
		       q->dir.path);
	(void)snprintf(want, sizeof(want), "%s/p", q->dir.path);
	assert_ok(find(path, "p", buf, sizeof(buf), &q->err), &q->err);
	assert_string_equal(buf, want);
	assert_true(find(path, "p", buf, 5, &q->err) < 0);
}

static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *const no_vars[] = { NULL };

static int run(struct fake *q, const char *script, const char *text,
	       int timeout_s, struct cni_exec_result *ret)
{
	char program[128];

	fake_plugin(q, script);
	(void)snprintf(program, sizeof(program), "%s/p", q->dir.path);
	q->err = (struct cni_err)CNI_ERR_INIT;
	return cni_exec(&(struct cni_exec){ .program = program,
					    .vars = no_vars,
					    .text = text,
					    .len = strlen(text),
					    .timeout_s = timeout_s },
			ret, &q->err);
}

static void check_hang(struct fake *q, const char *script)
{
	cleanup_exec_result struct cni_exec_result x = { 0 };
	char *text = repeat(' ', 1 << 20);
	const double start = seconds();

	assert_true(run(q, script, text, 1, &x) < 0);
	assert_int_equal(q->err.code, CNI_E_RETRY);
	assert_says(&q->err, "/p: no answer within 1 s, killed");
	assert_true(seconds() - start < 3);
	assert_int_equal(x.signal, SIGKILL);
	free(text);
}

static void a_plugin_that_hangs_is_killed(void **state)
{
	check_hang(*state, "exec sleep 60");
	/* With its output closed, with everything read, deaf to SIGTERM. */
	check_hang(*state, "exec >/dev/null; exec sleep 60");
	check_hang(*state, "cat >/dev/null; exec sleep 60");
	check_hang(*state, "trap '' TERM; echo x; while :; do :; done");
}

static void a_plugin_need_not_read(void **state)
{
	cleanup_exec_result struct cni_exec_result x = { 0 };
	char *text = repeat(' ', 1 << 20);

	(void)signal(SIGPIPE, SIG_DFL);
	assert_ok(run(*state, "echo ok", text, 10, &x),
		  &((struct fake *)*state)->err);
	assert_string_equal(x.out, "ok\n");
	assert_int_equal(x.exit_status, 0);
	free(text);
}

static void a_plugin_may_read_slowly(void **state)
{
	cleanup_exec_result struct cni_exec_result x = { 0 };
	char *text = repeat(' ', 1 << 20);

	assert_ok(run(*state,
		      "sleep 0.2; head -c 9 >/dev/null; sleep 0.2; wc -c", text,
		      10, &x),
		  &((struct fake *)*state)->err);
	assert_true(strtol(x.out, NULL, 10) > 900000);
	free(text);
}

static void a_plugin_may_close_its_output_before_it_reads(void **state)
{
	cleanup_exec_result struct cni_exec_result x = { 0 };
	struct fake *q = *state;
	char *text = repeat(' ', 1 << 20);

	assert_ok(
		run(q, "exec >/dev/null; sleep 0.1; wc -c >$T/n", text, 10, &x),
		&q->err);
	fake_check_file(q, "n", "1048576\n");
	free(text);
}

static void a_pending_sigpipe_is_left_alone(void **state)
{
	cleanup_exec_result struct cni_exec_result x = { 0 };
	char *text = repeat(' ', 1 << 20);
	sigset_t set, pending;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGPIPE);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	assert_int_equal(run(*state, ":", text, 10, &x), 0);
	(void)sigpending(&pending);
	assert_false(sigismember(&pending, SIGPIPE));
	(void)raise(SIGPIPE);
	cni_exec_result_free(&x);
	assert_int_equal(run(*state, ":", text, 10, &x), 0);
	(void)sigpending(&pending);
	assert_true(sigismember(&pending, SIGPIPE));
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	free(text);
}

static void a_plugin_that_is_being_replaced_is_waited_for(void **state)
{
	cleanup_exec_result struct cni_exec_result x = { 0 };
	struct fake *q = *state;
	int ready[2];
	char c;
	pid_t pid;

	fake_plugin(q, "echo ok");
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		/* Held open for writing, it is ETXTBSY. */
		(void)open(q->dir.file, O_WRONLY | O_CLOEXEC);
		(void)write(ready[1], "x", 1);
		(void)usleep(500000);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	assert_ok(cni_exec(&(struct cni_exec){ .program = q->dir.file,
					       .vars = no_vars,
					       .text = "",
					       .timeout_s = 10 },
			   &x, &q->err),
		  &q->err);
	assert_string_equal(x.out, "ok\n");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void no_descriptor_of_ours_leaks_into_it(void **state)
{
	cleanup_exec_result struct cni_exec_result x = { 0 };
	struct fake *q = *state;
	const char *list;

	/* Whoever started the tests may have left some open. */
	for (int fd = 3; fd < 256; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)tmp_write(&q->dir, "p", "#!/bin/ls /proc/self/fd\n", 0700);
	assert_ok(cni_exec(&(struct cni_exec){ .program = q->dir.file,
					       .vars = no_vars,
					       .text = "" },
			   &x, &q->err),
		  &q->err);
	/* 3 is the directory that ls reads. */
	list = strstr(x.out, "fd:\n");
	assert_non_null(list);
	assert_string_equal(list, "fd:\n0\n1\n2\n3\n");
}

static void arguments_and_stderr_are_as_asked_for(void **state)
{
	static const char *const args[] = { "a b", "", "-c", NULL };
	cleanup_exec_result struct cni_exec_result x = { 0 };
	struct fake *q = *state;
	char program[128];

	fake_plugin(q, "echo $# \"$@\"; echo said >&2");
	(void)snprintf(program, sizeof(program), "%s/p", q->dir.path);
	assert_ok(cni_exec(&(struct cni_exec){ .program = program,
					       .args = args,
					       .vars = no_vars,
					       .with_stderr = true },
			   &x, &q->err),
		  &q->err);
	assert_string_equal(x.out, "3 a b  -c\nsaid\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plugins_name_is_plain),
		cmocka_unit_test(
			a_plugin_that_is_not_in_the_path_is_named_with_it),
		WITH_FAKE(the_first_regular_file_in_the_path_counts),
		WITH_FAKE(a_plugin_that_hangs_is_killed),
		WITH_FAKE(a_plugin_need_not_read),
		WITH_FAKE(a_plugin_may_read_slowly),
		WITH_FAKE(a_plugin_may_close_its_output_before_it_reads),
		WITH_FAKE(a_pending_sigpipe_is_left_alone),
		WITH_FAKE(a_plugin_that_is_being_replaced_is_waited_for),
		WITH_FAKE(no_descriptor_of_ours_leaks_into_it),
		WITH_FAKE(arguments_and_stderr_are_as_asked_for),
	};

	return RUN(tests);
}
