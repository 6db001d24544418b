/* SPDX-License-Identifier: Apache-2.0 */
/* The environment's checks, in libcni's order and words. */
#include "../lib/check.h"
#include "cni/args.h"
#include "cni/version.h"

static const char *const names[] = { "CNI_COMMAND",	  "CNI_CONTAINERID",
				     "CNI_NETNS",	  "CNI_IFNAME",
				     "CNI_ARGS",	  "CNI_PATH",
				     "CNI_NETNS_OVERRIDE" };

/* NULL: unset. In the order of names[]. */
static int read_env(const char *const values[7], struct cni_args *ret,
		    struct cni_err *err)
{
	*err = (struct cni_err)CNI_ERR_INIT;
	for (size_t i = 0; i < 7; i++) {
		if (values[i])
			(void)setenv(names[i], values[i], 1);
		else
			(void)unsetenv(names[i]);
	}
	return cni_args_from_env(ret, err);
}

TEST(what_the_runtime_asked_is_read)
{
	const char *const v[7] = { "ADD", "c1",	  "/ns", "eth0",
				   "A=B", "/bin", "1" };
	struct cni_args a;
	struct cni_err err;

	assert_ok(read_env(v, &a, &err), &err);
	assert_int_equal(a.command, CNI_ADD);
	assert_string_equal(a.container_id, "c1");
	assert_string_equal(a.netns, "/ns");
	assert_string_equal(a.ifname, "eth0");
	assert_string_equal(a.args, "A=B");
	assert_string_equal(a.path, "/bin");
	assert_true(a.netns_override);
}

static const struct row {
	const char *command;
	const char *missing; /* of what is required when nothing is set */
} table[] = {
	{ "ADD",
	  "required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME] missing" },
	{ "DEL",
	  "required env variables [CNI_CONTAINERID,CNI_IFNAME] missing" },
	{ "CHECK",
	  "required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME] missing" },
	{ "GC", NULL },
	{ "STATUS", NULL },
	{ "VERSION", NULL },
	{ "FOO", NULL },
	{ "add", NULL },
};

TEST(what_each_command_needs_is_named_in_order)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (int empty = 0; empty < 2; empty++) {
			const char *e = empty ? "" : NULL;
			const char *const v[7] = {
				table[i].command, e, e, e, e, e, e
			};
			struct cni_args a;
			struct cni_err err;
			const int r = read_env(v, &a, &err);

			if (table[i].missing)
				assert_error(r, &err, CNI_E_ENV,
					     table[i].missing);
			else
				assert_ok(r, &err);
		}
	}
}

TEST(one_that_is_missing_is_named_alone)
{
	const char *const v[7] = { "ADD", "c", NULL, "eth0" };
	struct cni_args a;
	struct cni_err err;

	assert_error(read_env(v, &a, &err), &err, CNI_E_ENV,
		     "required env variables [CNI_NETNS] missing");
}

TEST(a_bad_value_comes_before_a_missing_one)
{
	const char *const no_id[7] = { "ADD", NULL, NULL, "a/b" };
	const char *const both[7] = { "ADD", "-c", NULL, "a/b" };
	struct cni_args a;
	struct cni_err err;

	assert_error(read_env(no_id, &a, &err), &err, CNI_E_ENV,
		     "interface name contains / or : or whitespace characters");
	assert_error(read_env(both, &a, &err), &err, CNI_E_ENV,
		     "invalid characters in containerID");
	assert_string_equal(err.details, "CNI_CONTAINERID=\"-c\"");
}

TEST(values_that_a_command_does_not_need_are_not_checked)
{
	const char *const v[7] = { "STATUS", "-c/", "", "a/b" };
	struct cni_args a;
	struct cni_err err;

	assert_ok(read_env(v, &a, &err), &err);
	assert_int_equal(a.command, CNI_STATUS);
}

TEST(an_unknown_command_is_not_the_environments_fault)
{
	const char *const v[7] = { "FOO" };
	struct cni_args a;
	struct cni_err err;

	assert_ok(read_env(v, &a, &err), &err);
	assert_int_equal(a.command, CNI_UNKNOWN);
	assert_string_equal(a.command_name, "FOO");
}

TEST(the_override_is_1_or_true_in_any_case)
{
	static const struct {
		const char *value;
		bool yes;
	} rows[] = { { "1", true },    { "TRUE", true }, { "true", true },
		     { "TrUe", true }, { "0", false },	 { "", false },
		     { "yes", false }, { "11", false },	 { "true ", false },
		     { NULL, false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const v[7] = { "GC", NULL, NULL,	     NULL,
					   NULL, NULL, rows[i].value };
		struct cni_args a;
		struct cni_err err;

		assert_ok(read_env(v, &a, &err), &err);
		assert_int_equal(a.netns_override, rows[i].yes);
	}
}

TEST(names_begin_with_a_letter_or_digit)
{
	static const char *const good[] = { "a",	"Z",   "0", "a.b",
					    "a_b-c.D9", "0..", "a-" };
	static const char *const bad[] = {
		"",	    "-a",  "_a",  ".a",	 "..",	".",
		"a b",	    "a\n", "\na", "a/b", "a:b", "a\xc3\xa9",
		"\xc3\xa9", "a\t", "a\r", "a+b", "a@b", "a\x7f",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(cni_name_is_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (cni_name_is_valid(bad[i]))
			fail_msg("\"%s\" is no name", bad[i]);
}

TEST(exactly_the_allowed_bytes_are_allowed)
{
	for (int c = 1; c < 256; c++) {
		const bool alnum = (c >= '0' && c <= '9') ||
				   (c >= 'a' && c <= 'z') ||
				   (c >= 'A' && c <= 'Z');
		const char first[] = { (char)c, '\0' };
		const char later[] = { 'a', (char)c, '\0' };

		assert_int_equal(cni_name_is_valid(first), alnum);
		assert_int_equal(cni_name_is_valid(later),
				 alnum || c == '.' || c == '_' || c == '-');
	}
}

#define SPACE "interface name contains / or : or whitespace characters"

TEST(interface_names_are_checked_in_libcnis_words)
{
	static const struct {
		const char *name;
		const char *why;
	} bad[] = {
		{ "", "interface name is empty" },
		{ "eth4567890123456", "interface name is too long" },
		{ ".", "interface name is . or .." },
		{ "..", "interface name is . or .." },
		{ "a/b", SPACE },
		{ "/", SPACE },
		{ "a:b", SPACE },
		{ "a b", SPACE },
		{ "eth0\n", SPACE },
		{ "\teth0", SPACE },
		{ "a\vb", SPACE },
		{ "a\fb", SPACE },
		{ "a\rb", SPACE },
		{ "a\xc2\x85", SPACE },	    /* U+0085 */
		{ "a\xc2\xa0", SPACE },	    /* U+00A0 */
		{ "a\xe1\x9a\x80", SPACE }, /* U+1680 */
		{ "a\xe2\x80\x80", SPACE }, /* U+2000 */
		{ "a\xe2\x80\x8a", SPACE }, /* U+200A */
		{ "a\xe2\x80\xa8", SPACE }, /* U+2028 */
		{ "a\xe2\x80\xa9", SPACE }, /* U+2029 */
		{ "a\xe2\x80\xaf", SPACE }, /* U+202F */
		{ "a\xe2\x81\x9f", SPACE }, /* U+205F */
		{ "a\xe3\x80\x80", SPACE }, /* U+3000 */
		{ "eth%d",
		  "interface name contains %, where the kernel puts a number" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cni_err err = CNI_ERR_INIT;

		assert_error(cni_ifname_check(bad[i].name, &err), &err,
			     CNI_E_ENV, bad[i].why);
		assert_says(&err, "CNI_IFNAME=");
	}
}

TEST(fifteen_bytes_and_other_letters_are_an_interface_name)
{
	static const char *const good[] = {
		"e",
		"eth456789012345",
		"...",
		".a",
		"-",
		"eth0.100",
		"a@b",
		"\xc3\xa9th0",
		"a\xe2\x80\x8b", /* U+200B is no space */
		"a\xe2\x80\xb0",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct cni_err err = CNI_ERR_INIT;

		assert_ok(cni_ifname_check(good[i], &err), &err);
	}
}

static int get(const char *args, const char *key, char buf[8],
	       struct cni_err *err)
{
	const struct cni_args a = { .args = args };

	*err = (struct cni_err)CNI_ERR_INIT;
	return cni_args_get(&a, key, buf, 8, err);
}

TEST(a_key_of_cni_args_is_found_by_its_exact_name)
{
	struct cni_err err;
	char buf[8];

	assert_int_equal(get("A=1;MAC=x;B=", "MAC", buf, &err), 1);
	assert_string_equal(buf, "x");
	assert_int_equal(get("mac=x;XMAC=y;MACX=z", "MAC", buf, &err), 0);
	assert_string_equal(buf, "");
	assert_int_equal(get("", "MAC", buf, &err), 0);
	assert_int_equal(get("MAC=", "MAC", buf, &err), 1);
	assert_string_equal(buf, "");
	assert_int_equal(get("MAC=a;MAC=b", "MAC", buf, &err), 1);
	assert_string_equal(buf, "b");
}

TEST(a_pair_has_exactly_one_equals_sign)
{
	static const char *const bad[] = { "A",	  "A=B=C", "X=1;A",
					   "A==", ";A=1",  "A=1;;B=2" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cni_err err;
		char buf[8];

		assert_true(get(bad[i], "Z", buf, &err) < 0);
		assert_int_equal(err.code, CNI_E_ENV);
		assert_says(&err, "CNI_ARGS: invalid pair \"");
	}
}

TEST(a_value_that_does_not_fit_is_named)
{
	struct cni_err err;
	char buf[8];

	assert_int_equal(get("K=1234567", "K", buf, &err), 1);
	assert_string_equal(buf, "1234567");
	assert_error(get("K=12345678", "K", buf, &err), &err, CNI_E_ENV,
		     "CNI_ARGS: value of K is longer than 7 bytes");
}

TEST(all_seven_versions_are_known_by_their_exact_text)
{
	static const char *const known[] = { "0.1.0", "0.2.0", "0.3.0", "0.3.1",
					     "0.4.0", "1.0.0", "1.1.0" };
	struct cni_err err = CNI_ERR_INIT;
	enum cni_version v;

	assert_int_equal(CNI_V_MAX, 7);
	for (int i = 0; i < 7; i++) {
		assert_ok(cni_version_parse(known[i], &v, &err), &err);
		assert_int_equal(v, i);
		assert_string_equal(cni_version_str(v), known[i]);
	}
}

TEST(no_version_means_0_1_0)
{
	struct cni_err err = CNI_ERR_INIT;
	enum cni_version v = CNI_V1_1_0;

	assert_ok(cni_version_parse(NULL, &v, &err), &err);
	assert_int_equal(v, CNI_V0_1_0);
	v = CNI_V1_1_0;
	assert_ok(cni_version_parse("", &v, &err), &err);
	assert_int_equal(v, CNI_V0_1_0);
}

TEST(any_other_version_is_incompatible)
{
	static const char *const bad[] = { "1.1",   "1.1.0 ", "v1.1.0",
					   "1.1.1", "9.9.9",  "1.1.0-rc1",
					   "x",	    "1",      "0.4" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cni_err err = CNI_ERR_INIT;
		enum cni_version v;

		assert_error(cni_version_parse(bad[i], &v, &err), &err,
			     CNI_E_VERSION, "incompatible CNI versions");
	}
}

TEST(an_incompatible_version_is_told_with_what_is_supported)
{
	struct cni_err err = CNI_ERR_INIT;
	enum cni_version v;

	assert_true(cni_version_parse("9.9.9", &v, &err) < 0);
	assert_string_equal(
		err.details,
		"config is \"9.9.9\", plugin supports [\"0.1.0\" \"0.2.0\" \"0.3.0\" \"0.3.1\" \"0.4.0\" \"1.0.0\" \"1.1.0\"]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_runtime_asked_is_read),
		cmocka_unit_test(what_each_command_needs_is_named_in_order),
		cmocka_unit_test(one_that_is_missing_is_named_alone),
		cmocka_unit_test(a_bad_value_comes_before_a_missing_one),
		cmocka_unit_test(
			values_that_a_command_does_not_need_are_not_checked),
		cmocka_unit_test(
			an_unknown_command_is_not_the_environments_fault),
		cmocka_unit_test(the_override_is_1_or_true_in_any_case),
		cmocka_unit_test(names_begin_with_a_letter_or_digit),
		cmocka_unit_test(exactly_the_allowed_bytes_are_allowed),
		cmocka_unit_test(interface_names_are_checked_in_libcnis_words),
		cmocka_unit_test(
			fifteen_bytes_and_other_letters_are_an_interface_name),
		cmocka_unit_test(a_key_of_cni_args_is_found_by_its_exact_name),
		cmocka_unit_test(a_pair_has_exactly_one_equals_sign),
		cmocka_unit_test(a_value_that_does_not_fit_is_named),
		cmocka_unit_test(
			all_seven_versions_are_known_by_their_exact_text),
		cmocka_unit_test(no_version_means_0_1_0),
		cmocka_unit_test(any_other_version_is_incompatible),
		cmocka_unit_test(
			an_incompatible_version_is_told_with_what_is_supported),
	};

	return RUN(tests);
}
