/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "../lib/fake.h"
#include "cni/delegate.h"

#define RESULT "{\"ips\":[{\"address\":\"10.1.0.5/16\"}]}"

static int add(struct fake *q, struct cni_result *ret)
{
	q->err = (struct cni_err)CNI_ERR_INIT;
	return cni_delegate_add(&q->call, "p", ret, &q->err);
}

static int fails(struct fake *q, const char *script)
{
	cleanup_result struct cni_result r = { 0 };

	fake_plugin(q, script);
	return add(q, &r);
}

static void a_result_is_decoded(void **state)
{
	cleanup_result struct cni_result r = { 0 };
	struct fake *q = *state;

	fake_plugin(q, "echo '" RESULT "'");
	assert_ok(add(q, &r), &q->err);
	assert_int_equal(r.n_ips, 1);
}

static void the_plugin_gets_the_very_bytes(void **state)
{
	struct fake *q = *state;

	(void)fails(q, "cat >$T/in.$CNI_COMMAND; echo '" RESULT "'");
	fake_check_file(q, "in.ADD", FAKE_CONF);
}

static void only_the_command_is_replaced_in_its_environment(void **state)
{
	struct fake *q = *state;

	fake_plugin(
		q,
		"echo $CNI_COMMAND $CNI_ARGS $WEFT_TEST $CNI_NETNS_OVERRIDE >>$T/env");
	for (int c = CNI_DEL; c <= CNI_STATUS; c++)
		assert_ok(cni_delegate(&q->call, (enum cni_command)c, "p",
				       &q->err),
			  &q->err);
	fake_check_file(q, "env",
			"DEL A=B kept\nCHECK A=B kept\nGC A=B kept\n"
			"STATUS A=B kept\n");
	assert_string_equal(getenv("CNI_COMMAND"), "ADD");
}

static void in_our_own_namespace_it_is_told_that_this_is_meant(void **state)
{
	struct fake *q = *state;

	q->call.args.netns = "/proc/self/ns/net";
	fake_plugin(q, "env | grep -c '^CNI_NETNS_OVERRIDE=1$' >$T/env");
	assert_ok(cni_delegate(&q->call, CNI_DEL, "p", &q->err), &q->err);
	fake_check_file(q, "env", "1\n");
}

static void its_error_passes_unchanged(void **state)
{
	struct fake *q = *state;

	assert_error(
		fails(q,
		      "echo '{\"code\":123,\"msg\":\"no \\\"x\\\"\",\"details\":\"a b\"}'; exit 1"),
		&q->err, 123, "no \"x\"");
	assert_string_equal(q->err.details, "a b");
}

static void an_error_without_code_is_internal(void **state)
{
	struct fake *q = *state;

	assert_error(fails(q, "echo '{\"msg\":\"m\"}'; exit 3"), &q->err,
		     CNI_E_INTERNAL, "m");
	assert_error(fails(q, "echo '{\"code\":0,\"msg\":\"m\"}'; exit 3"),
		     &q->err, CNI_E_INTERNAL, "m");
}

static void a_long_error_is_cut_visibly(void **state)
{
	struct fake *q = *state;

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
	struct fake *q = *state;

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
	struct fake *q = *state;

	assert_error(
		fails(q, "exit 42"), &q->err, CNI_E_INTERNAL,
		"plugin \"p\" failed with no error message: exit status 42");
}

static void being_killed_is_told_by_the_signal(void **state)
{
	struct fake *q = *state;

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
	struct fake *q = *state;

	assert_error(
		fails(q, ":"), &q->err, CNI_E_DECODE,
		"result of plugin \"p\": JSON syntax error at line 1, column 1");
	assert_ok(cni_delegate(&q->call, CNI_DEL, "p", &q->err), &q->err);
}

static void garbage_is_no_result(void **state)
{
	struct fake *q = *state;

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
	struct fake *q = *state;

	fake_plugin(q, "echo '" RESULT
		       "'; head -c 1048000 /dev/zero | tr '\\0' ' '");
	assert_ok(add(q, &r), &q->err);
	assert_true(fails(q, "cat /dev/zero") < 0);
	assert_int_equal(q->err.code, CNI_E_DECODE);
	assert_says(&q->err, "/p: more than 1048576 bytes of output, killed");
}

static void a_failed_add_is_followed_by_del(void **state)
{
	struct fake *q = *state;

	(void)fails(q, "echo $CNI_COMMAND >>$T/log; exit 1");
	fake_check_file(q, "log", "ADD\nDEL\n");
	(void)fails(q, "echo $CNI_COMMAND >>$T/log2; echo garbage");
	fake_check_file(q, "log2", "ADD\nDEL\n");
	(void)fails(q, "echo $CNI_COMMAND >>$T/log3; echo '" RESULT "'");
	fake_check_file(q, "log3", "ADD\n");
}

static void the_error_of_that_del_does_not_hide_the_first(void **state)
{
	struct fake *q = *state;

	assert_error(
		fails(q,
		      "echo \"{\\\"code\\\":7,\\\"msg\\\":\\\"$CNI_COMMAND\\\"}\"; exit 1"),
		&q->err, 7, "ADD");
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
	struct fake *q = *state;

	q->call.plugins = ours;
	fake_plugin(q, "echo >$T/ran; exit 1");
	assert_ok(add(q, &r), &q->err);
	assert_true(r.adopted);
	assert_error(cni_delegate(&q->call, CNI_DEL, "p", &q->err), &q->err,
		     CNI_E_TAKEN, "called with DEL");
	/* A verb that it does not have succeeds. */
	assert_ok(cni_delegate(&q->call, CNI_GC, "p", &q->err), &q->err);
	assert_null(tmp_read(&q->dir, "ran"));
}

static void a_plugin_that_cannot_be_run_is_named(void **state)
{
	cleanup_result struct cni_result r = { 0 };
	struct fake *q = *state;

	(void)tmp_write(&q->dir, "p", "#!/none/sh\n", 0700);
	assert_true(add(q, &r) < 0);
	assert_int_equal(q->err.code, CNI_E_IO);
	assert_says(&q->err, "/p: No such file or directory");
	(void)tmp_write(&q->dir, "p", "no program", 0700);
	assert_true(add(q, &r) < 0);
	assert_says(&q->err, "/p: Exec format error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAKE(a_result_is_decoded),
		WITH_FAKE(the_plugin_gets_the_very_bytes),
		WITH_FAKE(only_the_command_is_replaced_in_its_environment),
		WITH_FAKE(in_our_own_namespace_it_is_told_that_this_is_meant),
		WITH_FAKE(its_error_passes_unchanged),
		WITH_FAKE(an_error_without_code_is_internal),
		WITH_FAKE(a_long_error_is_cut_visibly),
		WITH_FAKE(what_is_no_error_object_is_shown),
		WITH_FAKE(failing_silently_is_told_by_the_exit_status),
		WITH_FAKE(being_killed_is_told_by_the_signal),
		WITH_FAKE(success_without_a_result_is_an_error_of_add_only),
		WITH_FAKE(garbage_is_no_result),
		WITH_FAKE(
			a_mebibyte_of_output_is_read_and_more_ends_the_plugin),
		WITH_FAKE(a_failed_add_is_followed_by_del),
		WITH_FAKE(the_error_of_that_del_does_not_hide_the_first),
		WITH_FAKE(a_plugin_of_ours_is_called_and_not_run),
		WITH_FAKE(a_plugin_that_cannot_be_run_is_named),
	};

	return RUN(tests);
}
