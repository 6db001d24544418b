/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign plugins, played by small shell scripts. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "../lib/tmp.h"
#include "cni/delegate.h"
#include "cni/exec.h"

#define CONF "{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"ipam\":{}}"
#define RESULT "{\"ips\":[{\"address\":\"10.1.0.5/16\"}]}"

static const struct cni_plugin no_plugins[] = { { 0 } };

/* A request, its environment, and the directory where the plugin lies. */
struct request {
	struct tmp dir;
	struct cni_call call;
	struct cni_err err;
};

static int setup(void **state)
{
	struct request *q = calloc(1, sizeof(*q));

	assert_non_null(q);
	tmp_make(&q->dir);
	q->call = (struct cni_call){ .plugins = no_plugins,
				     .args = { .command = CNI_ADD,
					       .container_id = "c",
					       .netns = "/none",
					       .ifname = "eth0",
					       .args = "",
					       .path = q->dir.path } };
	assert_ok(cni_netconf_parse(dup_text(CONF), strlen(CONF), &q->call.conf,
				    &q->err),
		  &q->err);
	(void)setenv("CNI_COMMAND", "ADD", 1);
	(void)setenv("CNI_ARGS", "A=B", 1);
	(void)setenv("WEFT_TEST", "kept", 1);
	(void)setenv("T", q->dir.path, 1);
	*state = q;
	return 0;
}

static int teardown(void **state)
{
	struct request *q = *state;

	cni_netconf_free(&q->call.conf);
	tmp_remove(&q->dir);
	free(q);
	return 0;
}

static void plugin(struct request *q, const char *script)
{
	char text[4096];

	(void)snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
	(void)tmp_write(&q->dir, "p", text, 0700);
}

static int add(struct request *q, struct cni_result *ret)
{
	q->err = (struct cni_err)CNI_ERR_INIT;
	return cni_delegate_add(&q->call, "p", ret, &q->err);
}

static int fails(struct request *q, const char *script)
{
	cleanup_result struct cni_result r = { 0 };

	plugin(q, script);
	return add(q, &r);
}

/* @text was written to @name by the plugin. */
static void check_file(const struct request *q, const char *name,
		       const char *text)
{
	char *got = tmp_read(&q->dir, name);

	assert_non_null(got);
	assert_string_equal(got, text);
	free(got);
}

static void a_result_is_decoded(void **state)
{
	cleanup_result struct cni_result r = { 0 };
	struct request *q = *state;

	plugin(q, "echo '" RESULT "'");
	assert_ok(add(q, &r), &q->err);
	assert_int_equal(r.n_ips, 1);
}

static void the_plugin_gets_the_very_bytes(void **state)
{
	struct request *q = *state;

	(void)fails(q, "cat >$T/in.$CNI_COMMAND; echo '" RESULT "'");
	check_file(q, "in.ADD", CONF);
}

static void only_the_command_is_replaced_in_its_environment(void **state)
{
	struct request *q = *state;

	plugin(q,
	       "echo $CNI_COMMAND $CNI_ARGS $WEFT_TEST $CNI_NETNS_OVERRIDE >>$T/env");
	for (int c = CNI_DEL; c <= CNI_STATUS; c++)
		assert_ok(cni_delegate(&q->call, (enum cni_command)c, "p",
				       &q->err),
			  &q->err);
	check_file(q, "env",
		   "DEL A=B kept\nCHECK A=B kept\nGC A=B kept\n"
		   "STATUS A=B kept\n");
	assert_string_equal(getenv("CNI_COMMAND"), "ADD");
}

static void in_our_own_namespace_it_is_told_that_this_is_meant(void **state)
{
	struct request *q = *state;

	q->call.args.netns = "/proc/self/ns/net";
	plugin(q, "env | grep -c '^CNI_NETNS_OVERRIDE=1$' >$T/env");
	assert_ok(cni_delegate(&q->call, CNI_DEL, "p", &q->err), &q->err);
	check_file(q, "env", "1\n");
}

static void its_error_passes_unchanged(void **state)
{
	struct request *q = *state;

	assert_error(
		fails(q,
		      "echo '{\"code\":123,\"msg\":\"no \\\"x\\\"\",\"details\":\"a b\"}'; exit 1"),
		&q->err, 123, "no \"x\"");
	assert_string_equal(q->err.details, "a b");
}

static void an_error_without_code_is_internal(void **state)
{
	struct request *q = *state;

	assert_error(fails(q, "echo '{\"msg\":\"m\"}'; exit 3"), &q->err,
		     CNI_E_INTERNAL, "m");
	assert_error(fails(q, "echo '{\"code\":0,\"msg\":\"m\"}'; exit 3"),
		     &q->err, CNI_E_INTERNAL, "m");
}

static void a_long_error_is_cut_visibly(void **state)
{
	struct request *q = *state;

	(void)fails(
		q,
		"x=$(head -c 3000 /dev/zero | tr '\\0' x);"
		"echo \"{\\\"msg\\\":\\\"$x\\\",\\\"details\\\":\\\"$x\\\"}\"; exit 1");
	assert_string_equal(q->err.msg + sizeof(q->err.msg) - 5, "x...");
	assert_string_equal(q->err.details + sizeof(q->err.details) - 5,
			    "x...");
}

static void what_is_no_error_object_is_shown(void **state)
{
	static const char *const outputs[] = {
		"garbage",
		"[]",
		"\"x\"",
		"{}",
		"5",
		"{\"code\":7}",
		"{\"code\":-1,\"msg\":\"m\"}",
		"{\"code\":1.5,\"msg\":\"m\"}",
		"{\"code\":\"x\",\"msg\":\"m\"}",
		"{\"msg\":5}",
	};
	struct request *q = *state;

	for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
		char script[128];

		(void)snprintf(script, sizeof(script), "echo '%s'; exit 2",
			       outputs[i]);
		assert_error(
			fails(q, script), &q->err, CNI_E_INTERNAL,
			"plugin \"p\" failed with no error in its output: exit status 2");
		assert_says(&q->err, "output=");
		assert_says(&q->err, outputs[i]);
	}
}

static void failing_silently_is_told_by_the_exit_status(void **state)
{
	struct request *q = *state;

	assert_error(
		fails(q, "exit 42"), &q->err, CNI_E_INTERNAL,
		"plugin \"p\" failed with no error message: exit status 42");
}

static void being_killed_is_told_by_the_signal(void **state)
{
	struct request *q = *state;

	assert_error(
		fails(q, "kill -9 $$"), &q->err, CNI_E_INTERNAL,
		"plugin \"p\" failed with no error message: killed by signal 9");
	assert_error(
		fails(q, "echo '" RESULT "'; kill -15 $$"), &q->err,
		CNI_E_INTERNAL,
		"plugin \"p\" failed with no error in its output: killed by signal 15");
}

static void success_without_a_result_is_an_error_of_add_only(void **state)
{
	struct request *q = *state;

	assert_error(
		fails(q, ":"), &q->err, CNI_E_DECODE,
		"result of plugin \"p\": JSON syntax error at line 1, column 1");
	assert_ok(cni_delegate(&q->call, CNI_DEL, "p", &q->err), &q->err);
}

static void garbage_is_no_result(void **state)
{
	struct request *q = *state;

	assert_error(
		fails(q, "echo hello"), &q->err, CNI_E_DECODE,
		"result of plugin \"p\": JSON syntax error at line 1, column 1");
	assert_error(fails(q, "echo null"), &q->err, CNI_E_DECODE,
		     "result of plugin \"p\": null is not a result");
	assert_error(fails(q, "echo '{\"ips\":5}'"), &q->err, CNI_E_DECODE,
		     "result of plugin \"p\": key \"ips\": 5 is not an array");
}

static void a_mebibyte_of_output_is_read_and_more_ends_the_plugin(void **state)
{
	cleanup_result struct cni_result r = { 0 };
	struct request *q = *state;

	plugin(q,
	       "echo '" RESULT "'; head -c 1048000 /dev/zero | tr '\\0' ' '");
	assert_ok(add(q, &r), &q->err);
	assert_true(fails(q, "cat /dev/zero") < 0);
	assert_int_equal(q->err.code, CNI_E_DECODE);
	assert_says(&q->err, "/p: more than 1048576 bytes of output, killed");
}

static void a_failed_add_is_followed_by_del(void **state)
{
	struct request *q = *state;

	(void)fails(q, "echo $CNI_COMMAND >>$T/log; exit 1");
	check_file(q, "log", "ADD\nDEL\n");
	(void)fails(q, "echo $CNI_COMMAND >>$T/log2; echo garbage");
	check_file(q, "log2", "ADD\nDEL\n");
	(void)fails(q, "echo $CNI_COMMAND >>$T/log3; echo '" RESULT "'");
	check_file(q, "log3", "ADD\n");
}

static void the_error_of_that_del_does_not_hide_the_first(void **state)
{
	struct request *q = *state;

	assert_error(
		fails(q,
		      "echo \"{\\\"code\\\":7,\\\"msg\\\":\\\"$CNI_COMMAND\\\"}\"; exit 1"),
		&q->err, 7, "ADD");
}

static void status_of_a_delegate_is_50_or_51(void **state)
{
	struct request *q = *state;

	plugin(q, "echo '{\"code\":51,\"msg\":\"m\"}'; exit 1");
	assert_error(cni_delegate(&q->call, CNI_STATUS, "p", &q->err), &q->err,
		     51, "m");
	plugin(q, "echo '{\"code\":999,\"msg\":\"m\"}'; exit 1");
	assert_error(cni_delegate(&q->call, CNI_STATUS, "p", &q->err), &q->err,
		     50, "m");
}

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
	struct request *q = *state;
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

static void a_plugin_that_cannot_be_run_is_named(void **state)
{
	cleanup_result struct cni_result r = { 0 };
	struct request *q = *state;

	(void)tmp_write(&q->dir, "p", "#!/none/sh\n", 0700);
	assert_true(add(q, &r) < 0);
	assert_int_equal(q->err.code, CNI_E_IO);
	assert_says(&q->err, "/p: No such file or directory");
	(void)tmp_write(&q->dir, "p", "no program", 0700);
	assert_true(add(q, &r) < 0);
	assert_says(&q->err, "/p: Exec format error");
}

static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *const no_vars[] = { NULL };

static int run(struct request *q, const char *script, const char *text,
	       int timeout_s, struct cni_exec_result *ret)
{
	char program[128];

	plugin(q, script);
	(void)snprintf(program, sizeof(program), "%s/p", q->dir.path);
	q->err = (struct cni_err)CNI_ERR_INIT;
	return cni_exec(&(struct cni_exec){ .program = program,
					    .vars = no_vars,
					    .text = text,
					    .len = strlen(text),
					    .timeout_s = timeout_s },
			ret, &q->err);
}

static void check_hang(struct request *q, const char *script)
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
		  &((struct request *)*state)->err);
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
		  &((struct request *)*state)->err);
	assert_true(strtol(x.out, NULL, 10) > 900000);
	free(text);
}

static void a_plugin_may_close_its_output_before_it_reads(void **state)
{
	cleanup_exec_result struct cni_exec_result x = { 0 };
	struct request *q = *state;
	char *text = repeat(' ', 1 << 20);

	assert_ok(
		run(q, "exec >/dev/null; sleep 0.1; wc -c >$T/n", text, 10, &x),
		&q->err);
	check_file(q, "n", "1048576\n");
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
	struct request *q = *state;
	int ready[2];
	char c;
	pid_t pid;

	plugin(q, "echo ok");
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
	struct request *q = *state;
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

/* A plugin of our own is called, whatever lies in CNI_PATH. */
static int own_add(const struct cni_call *call, struct cni_result *ret,
		   struct cni_err *err)
{
	(void)call;
	(void)err;
	ret->adopted = true;
	return 0;
}

static int own_del(const struct cni_call *call, struct cni_err *err)
{
	return err_say(err, CNI_E_TAKEN, EBUSY, "called with %s",
		       cni_command_name(call->args.command));
}

static void a_plugin_of_ours_is_called_and_not_run(void **state)
{
	const struct cni_plugin ours[] = {
		{ .name = "p", .add = own_add, .del = own_del }, { 0 }
	};
	cleanup_result struct cni_result r = { 0 };
	struct request *q = *state;

	q->call.plugins = ours;
	plugin(q, "echo >$T/ran; exit 1");
	assert_ok(add(q, &r), &q->err);
	assert_true(r.adopted);
	assert_error(cni_delegate(&q->call, CNI_DEL, "p", &q->err), &q->err,
		     CNI_E_TAKEN, "called with DEL");
	/* A verb that it does not have succeeds. */
	assert_ok(cni_delegate(&q->call, CNI_GC, "p", &q->err), &q->err);
	assert_null(tmp_read(&q->dir, "ran"));
}

#define IN_DIR(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(a_result_is_decoded),
		IN_DIR(the_plugin_gets_the_very_bytes),
		IN_DIR(only_the_command_is_replaced_in_its_environment),
		IN_DIR(in_our_own_namespace_it_is_told_that_this_is_meant),
		IN_DIR(its_error_passes_unchanged),
		IN_DIR(an_error_without_code_is_internal),
		IN_DIR(a_long_error_is_cut_visibly),
		IN_DIR(what_is_no_error_object_is_shown),
		IN_DIR(failing_silently_is_told_by_the_exit_status),
		IN_DIR(being_killed_is_told_by_the_signal),
		IN_DIR(success_without_a_result_is_an_error_of_add_only),
		IN_DIR(garbage_is_no_result),
		IN_DIR(a_mebibyte_of_output_is_read_and_more_ends_the_plugin),
		IN_DIR(a_failed_add_is_followed_by_del),
		IN_DIR(the_error_of_that_del_does_not_hide_the_first),
		IN_DIR(status_of_a_delegate_is_50_or_51),
		cmocka_unit_test(a_plugins_name_is_plain),
		cmocka_unit_test(
			a_plugin_that_is_not_in_the_path_is_named_with_it),
		IN_DIR(the_first_regular_file_in_the_path_counts),
		IN_DIR(a_plugin_that_cannot_be_run_is_named),
		IN_DIR(a_plugin_that_hangs_is_killed),
		IN_DIR(a_plugin_need_not_read),
		IN_DIR(a_plugin_may_read_slowly),
		IN_DIR(a_plugin_may_close_its_output_before_it_reads),
		IN_DIR(a_pending_sigpipe_is_left_alone),
		IN_DIR(a_plugin_that_is_being_replaced_is_waited_for),
		IN_DIR(no_descriptor_of_ours_leaks_into_it),
		IN_DIR(a_plugin_of_ours_is_called_and_not_run),
	};

	return RUN(tests);
}
