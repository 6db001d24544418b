/* SPDX-License-Identifier: Apache-2.0 */
/* cni_plugin_main() as a runtime sees it: a process with a status and pipes. */
#include <errno.h>

#include "../lib/child.h"
#include "base/json.h"
#include "cni/plugin.h"

static int fake_add(const struct cni_call *call, struct cni_result *ret,
		    struct cni_err *err)
{
	const struct cni_interface i = { .name = call->args.ifname,
					 .sandbox = call->args.netns };

	if (!strcmp(call->args.container_id, "fail"))
		return err_say(err, CNI_E_TAKEN, EEXIST, "add failed");
	if (!strcmp(call->args.container_id, "nocode"))
		return err_say(err, CNI_E_OK, EEXIST, "no code");
	return cni_result_add_interface(ret, &i);
}

/* Tells on stderr that it ran. */
static int fake_verb(const struct cni_call *call, struct cni_err *err)
{
	(void)fprintf(stderr, "ran %s", cni_command_name(call->args.command));
	if (!strcmp(call->args.container_id, "fail"))
		return err_say(err, CNI_E_CHECK, EINVAL, "cut %s\xe2\x82", "x");
	if (!strcmp(call->args.container_id, "limited"))
		return err_say(err, CNI_E_LIMITED, EINVAL, "limited");
	return 0;
}

static const struct cni_plugin full = { "fake",	   fake_add,  fake_verb,
					fake_verb, fake_verb, fake_verb };
static const struct cni_plugin bare = { .name = "bare", .add = fake_add };
static const struct cni_plugin none[] = { { 0 } };

static int run_plugin(void *plugin)
{
	return cni_plugin_main(plugin, none);
}

static struct child *run(const struct cni_plugin *p, const char *const *env,
			 const char *in)
{
	struct child *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->main = run_plugin;
	c->arg = (void *)p;
	c->env = env;
	c->in = in;
	child_run(c);
	return c;
}

#define ENV(...)                                \
	(const char *const[])                   \
	{                                       \
		__VA_ARGS__ __VA_OPT__(, ) NULL \
	}
#define GUEST "CNI_CONTAINERID=c", "CNI_NETNS=/ns", "CNI_IFNAME=eth0"
#define CONF(v) "{\"cniVersion\":\"" v "\",\"name\":\"n\",\"type\":\"fake\"}"

static void check_silent(const char *const *env, const char *in,
			 const char *ran)
{
	struct child *c = run(&full, env, in);

	assert_int_equal(c->status, 0);
	assert_string_equal(c->out, "");
	assert_string_equal(c->err, ran);
	free(c);
}

/* Exactly one JSON document: the error. */
static void check_error_of(const struct cni_plugin *p, const char *const *env,
			   const char *in, int code, const char *msg)
{
	struct cni_err err = CNI_ERR_INIT;
	struct child *c = run(p, env, in);
	cleanup_json cJSON *doc = NULL;
	const cJSON *v;

	assert_int_equal(c->status, 1);
	assert_ok(json_parse(c->out, strlen(c->out), &doc, &err), &err);
	v = cJSON_GetObjectItemCaseSensitive(doc, "msg");
	assert_non_null(v);
	assert_string_equal(v->valuestring, msg);
	v = cJSON_GetObjectItemCaseSensitive(doc, "code");
	assert_non_null(v);
	assert_int_equal(v->valueint, code);
	assert_true(is_utf8(c->out));
	free(c);
}

static void check_fails(const char *const *env, const char *in, int code,
			const char *msg)
{
	check_error_of(&full, env, in, code, msg);
}

TEST(without_a_command_it_says_on_stderr_what_it_is)
{
	const char *const *const envs[] = { ENV(), ENV("CNI_COMMAND="),
					    ENV(GUEST) };

	for (size_t i = 0; i < 3; i++) {
		struct child *c = run(&full, envs[i], "garbage");

		assert_int_equal(c->status, 0);
		assert_string_equal(c->out, "");
		assert_string_equal(
			c->err,
			"CNI fake plugin weft\nCNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n");
		free(c);
	}
}

#define SUPPORTED \
	"\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n"

static void check_version(const char *in, const char *out)
{
	struct child *c = run(&full, ENV("CNI_COMMAND=VERSION"), in);

	assert_int_equal(c->status, 0);
	assert_string_equal(c->out, out);
	assert_string_equal(c->err, "");
	free(c);
}

TEST(version_echoes_the_input_and_lists_all)
{
	check_version("{\"cniVersion\":\"0.3.1\"}",
		      "{\"cniVersion\":\"0.3.1\"," SUPPORTED);
	check_version("{\"cniVersion\":\"0.1.0\",\"name\":5}",
		      "{\"cniVersion\":\"0.1.0\"," SUPPORTED);
}

TEST(version_needs_no_input_that_makes_sense)
{
	static const char *const inputs[] = { "",
					      "{}",
					      "garbage",
					      "[]",
					      "{",
					      "{\"cniVersion\":5}",
					      "{\"cniVersion\":\"9.9.9\"}" };

	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		check_version(inputs[i],
			      "{\"cniVersion\":\"1.1.0\"," SUPPORTED);
}

TEST(a_result_is_one_document_without_a_newline)
{
	struct child *c =
		run(&full, ENV("CNI_COMMAND=ADD", GUEST), CONF("1.1.0"));

	assert_int_equal(c->status, 0);
	assert_string_equal(
		c->out,
		"{\n    \"cniVersion\": \"1.1.0\",\n    \"interfaces\": [\n        {\n            \"name\": \"eth0\",\n            \"sandbox\": \"/ns\"\n        }\n    ]\n}");
	free(c);
}

TEST(the_other_verbs_print_nothing)
{
	check_silent(ENV("CNI_COMMAND=DEL", GUEST), CONF("1.1.0"), "ran DEL");
	check_silent(ENV("CNI_COMMAND=DEL", GUEST), "{\"name\":\"n\"}",
		     "ran DEL");
	check_silent(ENV("CNI_COMMAND=CHECK", GUEST), CONF("0.4.0"),
		     "ran CHECK");
	check_silent(ENV("CNI_COMMAND=GC"), CONF("1.1.0"), "ran GC");
	check_silent(ENV("CNI_COMMAND=STATUS"), CONF("1.1.0"), "ran STATUS");
}

TEST(del_works_without_a_namespace)
{
	check_silent(
		ENV("CNI_COMMAND=DEL", "CNI_CONTAINERID=c", "CNI_IFNAME=eth0"),
		CONF("1.1.0"), "ran DEL");
	check_silent(ENV("CNI_COMMAND=DEL", "CNI_CONTAINERID=c",
			 "CNI_IFNAME=eth0", "CNI_NETNS="),
		     CONF("1.1.0"), "ran DEL");
}

TEST(an_error_is_one_document_laid_out_as_libcni_does)
{
	struct child *c = run(&full,
			      ENV("CNI_COMMAND=ADD", "CNI_CONTAINERID=fail",
				  "CNI_NETNS=/ns", "CNI_IFNAME=eth0"),
			      CONF("0.4.0"));

	assert_int_equal(c->status, 1);
	assert_string_equal(
		c->out,
		"{\n    \"cniVersion\": \"0.4.0\",\n    \"code\": 101,\n    \"msg\": \"add failed\"\n}");
	free(c);
}

TEST(an_error_without_code_is_999)
{
	check_fails(ENV("CNI_COMMAND=ADD", "CNI_CONTAINERID=nocode",
			"CNI_NETNS=/ns", "CNI_IFNAME=eth0"),
		    CONF("1.1.0"), 999, "no code");
}

TEST(an_error_is_utf8_whatever_it_names)
{
	check_fails(ENV("CNI_COMMAND=DEL", "CNI_CONTAINERID=fail",
			"CNI_IFNAME=eth0"),
		    CONF("1.1.0"), CNI_E_CHECK, "cut x??");
}

TEST(the_environment_is_checked_before_stdin)
{
	check_fails(
		ENV("CNI_COMMAND=ADD"), "garbage", CNI_E_ENV,
		"required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME] missing");
	check_fails(
		ENV("CNI_COMMAND=DEL", "CNI_CONTAINERID=/", "CNI_IFNAME=eth0"),
		"garbage", CNI_E_ENV, "invalid characters in containerID");
}

TEST(stdin_is_checked_before_the_command)
{
	check_fails(
		ENV("CNI_COMMAND=FOO"), "garbage", CNI_E_DECODE,
		"error unmarshall network config: JSON syntax error at line 1, column 1");
	check_fails(ENV("CNI_COMMAND=FOO"), "{}", CNI_E_CONFIG,
		    "missing network name");
	check_fails(ENV("CNI_COMMAND=FOO"), CONF("9.9.9"), CNI_E_VERSION,
		    "incompatible CNI versions");
	check_fails(ENV("CNI_COMMAND=FOO"), CONF("1.1.0"), CNI_E_ENV,
		    "unknown CNI_COMMAND: FOO");
}

TEST(commands_are_in_upper_case)
{
	check_fails(ENV("CNI_COMMAND=add", GUEST), CONF("1.1.0"), CNI_E_ENV,
		    "unknown CNI_COMMAND: add");
}

/* Every command in every version: allowed or not. */
TEST(old_configurations_do_not_know_new_commands)
{
	static const char *const confs[] = {
		CONF("0.1.0"), CONF("0.2.0"), CONF("0.3.0"), CONF("0.3.1"),
		CONF("0.4.0"), CONF("1.0.0"), CONF("1.1.0"),
	};

	for (size_t i = 0; i < 7; i++) {
		check_silent(ENV("CNI_COMMAND=DEL", GUEST), confs[i],
			     "ran DEL");
		if (i < 4)
			check_fails(ENV("CNI_COMMAND=CHECK", GUEST), confs[i],
				    CNI_E_VERSION,
				    "config version does not allow CHECK");
		else
			check_silent(ENV("CNI_COMMAND=CHECK", GUEST), confs[i],
				     "ran CHECK");
		if (i < 6) {
			check_fails(ENV("CNI_COMMAND=GC"), confs[i],
				    CNI_E_VERSION,
				    "config version does not allow GC");
			check_fails(ENV("CNI_COMMAND=STATUS"), confs[i],
				    CNI_E_VERSION,
				    "config version does not allow STATUS");
		}
	}
}

TEST(a_verb_that_a_plugin_does_not_have_succeeds)
{
	const char *const *const envs[] = {
		ENV("CNI_COMMAND=GC"),
		ENV("CNI_COMMAND=STATUS"),
		ENV("CNI_COMMAND=DEL", GUEST),
		ENV("CNI_COMMAND=CHECK", GUEST),
	};

	for (size_t i = 0; i < 4; i++) {
		struct child *c = run(&bare, envs[i], CONF("1.1.0"));

		assert_int_equal(c->status, 0);
		assert_string_equal(c->out, "");
		free(c);
	}
}

/* Spec 1.1, STATUS: 50 is "not available", 51 "and containers are limited". */
TEST(status_fails_with_50_or_51_whatever_is_in_the_way)
{
	check_fails(ENV("CNI_COMMAND=STATUS", "CNI_CONTAINERID=fail"),
		    CONF("1.1.0"), CNI_E_UNAVAILABLE, "cut x??");
	check_fails(ENV("CNI_COMMAND=STATUS", "CNI_CONTAINERID=limited"),
		    CONF("1.1.0"), CNI_E_LIMITED, "limited");
	check_fails(ENV("CNI_COMMAND=GC", "CNI_CONTAINERID=fail"),
		    CONF("1.1.0"), CNI_E_CHECK, "cut x??");
}

TEST(layer_2_in_an_old_version_is_told_not_printed)
{
	check_fails(
		ENV("CNI_COMMAND=ADD", GUEST), CONF("0.2.0"), CNI_E_VERSION,
		"cannot convert: no valid IP addresses: a result of version 0.2.0 is its address");
}

TEST(a_configuration_over_one_mebibyte_is_refused)
{
	char *big = repeat(' ', JSON_MAX_SIZE + 1);

	memcpy(big, CONF("1.1.0"), strlen(CONF("1.1.0")));
	check_fails(ENV("CNI_COMMAND=ADD", GUEST), big, CNI_E_DECODE,
		    "network config of more than 1048576 bytes");
	big[JSON_MAX_SIZE] = '\0';
	check_silent(ENV("CNI_COMMAND=DEL", GUEST), big, "ran DEL");
	free(big);
}

TEST(cni_path_is_not_needed_where_nothing_is_delegated)
{
	check_silent(ENV("CNI_COMMAND=DEL", GUEST, "CNI_PATH="), CONF("1.1.0"),
		     "ran DEL");
}

TEST(our_own_namespace_is_refused_unless_overridden)
{
	struct cni_args a = { .netns = "/proc/self/ns/net" };
	struct cni_err err = CNI_ERR_INIT;

	assert_error(
		cni_plugin_not_own_netns(&a, &err), &err, CNI_E_NETNS,
		"plugin's netns and netns from CNI_NETNS should not be the same");
	a.netns_override = true;
	assert_ok(cni_plugin_not_own_netns(&a, &err), &err);
	a.netns_override = false;
	a.netns = "/none";
	assert_ok(cni_plugin_not_own_netns(&a, &err), &err);
	a.netns = "";
	assert_ok(cni_plugin_not_own_netns(&a, &err), &err);
	a.netns = "/proc/self/ns/uts";
	assert_ok(cni_plugin_not_own_netns(&a, &err), &err);
}

static int closed_stdout(void *arg)
{
	(void)close(STDOUT_FILENO);
	return run_plugin(arg);
}

static int full_stdout(void *arg)
{
	child_redirect("/dev/full", O_WRONLY, STDOUT_FILENO);
	return run_plugin(arg);
}

TEST(a_result_that_cannot_be_printed_is_a_failure_and_taken_back)
{
	int (*const mains[])(void *) = { closed_stdout, full_stdout };

	for (size_t i = 0; i < 2; i++) {
		struct child *c = calloc(1, sizeof(*c));

		assert_non_null(c);
		c->main = mains[i];
		c->arg = (void *)&full;
		c->env = ENV("CNI_COMMAND=ADD", GUEST);
		c->in = CONF("1.1.0");
		child_run(c);
		assert_int_equal(c->status, 1);
		assert_string_equal(c->err, "ran DEL");
		c->env = ENV("CNI_COMMAND=VERSION");
		child_run(c);
		assert_int_equal(c->status, 1);
		free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			without_a_command_it_says_on_stderr_what_it_is),
		cmocka_unit_test(version_echoes_the_input_and_lists_all),
		cmocka_unit_test(version_needs_no_input_that_makes_sense),
		cmocka_unit_test(a_result_is_one_document_without_a_newline),
		cmocka_unit_test(the_other_verbs_print_nothing),
		cmocka_unit_test(del_works_without_a_namespace),
		cmocka_unit_test(
			an_error_is_one_document_laid_out_as_libcni_does),
		cmocka_unit_test(an_error_without_code_is_999),
		cmocka_unit_test(an_error_is_utf8_whatever_it_names),
		cmocka_unit_test(the_environment_is_checked_before_stdin),
		cmocka_unit_test(stdin_is_checked_before_the_command),
		cmocka_unit_test(commands_are_in_upper_case),
		cmocka_unit_test(old_configurations_do_not_know_new_commands),
		cmocka_unit_test(a_verb_that_a_plugin_does_not_have_succeeds),
		cmocka_unit_test(
			status_fails_with_50_or_51_whatever_is_in_the_way),
		cmocka_unit_test(layer_2_in_an_old_version_is_told_not_printed),
		cmocka_unit_test(a_configuration_over_one_mebibyte_is_refused),
		cmocka_unit_test(
			cni_path_is_not_needed_where_nothing_is_delegated),
		cmocka_unit_test(
			our_own_namespace_is_refused_unless_overridden),
		cmocka_unit_test(
			a_result_that_cannot_be_printed_is_a_failure_and_taken_back),
	};

	return RUN(tests);
}
