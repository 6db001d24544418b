/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "../lib/check.h"
#include "base/json.h"

struct thing {
	const char *s;
	bool b;
	int64_t i, bounded;
	const cJSON *o, *a;
	int seen;
};

static int count(const cJSON *v, void *field, struct cni_err *err)
{
	if (cJSON_IsNumber(v))
		return json_expected(v, "what I like", err);
	++*(int *)field;
	return 0;
}

#define FIELD(key, kind, member, ...)                                 \
	{                                                             \
		.name = (key), .type = (kind),                        \
		.offset = offsetof(struct thing, member), __VA_ARGS__ \
	}

static const struct json_field fields[] = {
	FIELD("str", JSON_STR, s),
	FIELD("bool", JSON_BOOL, b),
	FIELD("int", JSON_INT, i),
	FIELD("bounded", JSON_INT, bounded, .min = 1, .max = 9),
	FIELD("obj", JSON_OBJ, o),
	FIELD("arr", JSON_ARR, a),
	FIELD("func", JSON_FUNC, seen, .decode = count),
	{ 0 },
};

static cJSON *parse(const char *text)
{
	struct cni_err err = CNI_ERR_INIT;
	cJSON *doc = NULL;

	assert_ok(json_parse(text, strlen(text), &doc, &err), &err);
	return doc;
}

static int decode(const char *text, struct thing *ret, struct cni_err *err)
{
	cleanup_json cJSON *doc = parse(text);
	int r;

	*ret = (struct thing){ .s = "default" };
	*err = (struct cni_err)CNI_ERR_INIT;
	r = json_decode(doc, fields, ret, err);
	/* What points into the tree must not outlive it. */
	if (ret->s && strcmp(ret->s, "default") != 0)
		ret->s = !strcmp(ret->s, "a") ? "a" : "b";
	return r;
}

static void check_refused(const char *text, int code, const char *msg)
{
	struct cni_err err;
	struct thing t;

	assert_error(decode(text, &t, &err), &err, code, msg);
}

TEST(every_type_is_decoded)
{
	struct cni_err err;
	struct thing t;

	assert_ok(
		decode("{\"str\":\"a\",\"bool\":true,\"int\":-5,\"bounded\":9,"
		       "\"obj\":{},\"arr\":[],\"func\":\"x\"}",
		       &t, &err),
		&err);
	assert_string_equal(t.s, "a");
	assert_true(t.b && t.i == -5 && t.bounded == 9 && t.o && t.a &&
		    t.seen == 1);
}

TEST(an_unknown_key_is_ignored)
{
	struct cni_err err;
	struct thing t;

	assert_ok(decode("{\"strs\":5,\"\":[[[]]],\"str \":1}", &t, &err),
		  &err);
	assert_string_equal(t.s, "default");
}

TEST(null_leaves_a_field_as_it_is)
{
	struct cni_err err;
	struct thing t;

	assert_ok(decode("{\"str\":null,\"bool\":null,\"int\":null,"
			 "\"obj\":null,\"arr\":null,\"func\":null}",
			 &t, &err),
		  &err);
	assert_string_equal(t.s, "default");
	assert_int_equal(t.seen, 0);
	assert_ok(decode("{\"str\":\"a\",\"str\":null}", &t, &err), &err);
	assert_string_equal(t.s, "a");
	assert_ok(decode("null", &t, &err), &err);
}

TEST(keys_are_found_in_any_case)
{
	struct cni_err err;
	struct thing t;

	assert_ok(decode("{\"STR\":\"a\",\"BoOl\":true}", &t, &err), &err);
	assert_string_equal(t.s, "a");
	assert_true(t.b);
}

TEST(the_last_of_two_equal_keys_wins_as_in_go)
{
	struct cni_err err;
	struct thing t;

	assert_ok(decode("{\"str\":\"b\",\"str\":\"a\"}", &t, &err), &err);
	assert_string_equal(t.s, "a");
}

TEST(the_last_wins_also_over_one_in_the_exact_case)
{
	struct cni_err err;
	struct thing t;

	assert_ok(decode("{\"str\":\"b\",\"STR\":\"a\"}", &t, &err), &err);
	assert_string_equal(t.s, "a");
	assert_ok(decode("{\"STR\":\"b\",\"str\":\"a\"}", &t, &err), &err);
	assert_string_equal(t.s, "a");
}

TEST(a_wrong_type_among_equal_keys_is_an_error_even_if_it_loses)
{
	check_refused("{\"str\":5,\"str\":\"a\"}", CNI_E_DECODE,
		      "key \"str\": 5 is not a string");
}

TEST(a_wrong_type_names_key_and_value)
{
	check_refused("{\"str\":[1,2]}", CNI_E_DECODE,
		      "key \"str\": [1,2] is not a string");
	check_refused("{\"STR\":true}", CNI_E_DECODE,
		      "key \"str\": true is not a string");
	check_refused("{\"bool\":\"true\"}", CNI_E_DECODE,
		      "key \"bool\": \"true\" is not true or false");
	check_refused("{\"bool\":1}", CNI_E_DECODE,
		      "key \"bool\": 1 is not true or false");
	check_refused("{\"obj\":[]}", CNI_E_DECODE,
		      "key \"obj\": [] is not an object");
	check_refused("{\"arr\":{}}", CNI_E_DECODE,
		      "key \"arr\": {} is not an array");
	check_refused("{\"func\":1}", CNI_E_DECODE,
		      "key \"func\": 1 is not what I like");
	check_refused("[]", CNI_E_DECODE, "[] is not an object");
	check_refused("5", CNI_E_DECODE, "5 is not an object");
}

TEST(an_integer_is_whole_and_exact)
{
	check_refused("{\"int\":1.5}", CNI_E_DECODE,
		      "key \"int\": 1.5 is not an integer");
	check_refused("{\"int\":\"1\"}", CNI_E_DECODE,
		      "key \"int\": \"1\" is not an integer");
	check_refused("{\"int\":9007199254740992}", CNI_E_DECODE,
		      "key \"int\": 9.00719925474099e+15 is not an integer");
	check_refused("{\"int\":-1e30}", CNI_E_DECODE,
		      "key \"int\": -1e+30 is not an integer");
	check_refused("{\"int\":1e400}", CNI_E_DECODE,
		      "key \"int\": a number out of range is not an integer");
	check_refused("{\"int\":-1e400}", CNI_E_DECODE,
		      "key \"int\": a number out of range is not an integer");
	check_refused("{\"int\":1e-400, \"bounded\":0.1}", CNI_E_DECODE,
		      "key \"bounded\": 0.1 is not an integer");
}

TEST(integers_up_to_2_to_the_53_are_kept)
{
	struct cni_err err;
	struct thing t;

	assert_ok(decode("{\"int\":9007199254740991}", &t, &err), &err);
	assert_true(t.i == 9007199254740991);
	assert_ok(decode("{\"int\":-9007199254740991}", &t, &err), &err);
	assert_true(t.i == -9007199254740991);
}

TEST(a_bounded_integer_names_its_bounds)
{
	check_refused("{\"bounded\":0}", CNI_E_CONFIG,
		      "key \"bounded\": 0 is not within 1..9");
	check_refused("{\"bounded\":10}", CNI_E_CONFIG,
		      "key \"bounded\": 10 is not within 1..9");
}

TEST(a_long_value_is_cut_visibly_in_the_error)
{
	char *big = repeat('x', 300), text[400];
	struct cni_err err;
	struct thing t;

	(void)snprintf(text, sizeof(text), "{\"int\":\"%s\"}", big);
	assert_true(decode(text, &t, &err) < 0);
	assert_says(&err, "xxx... is not an integer");
	assert_true(strlen(err.msg) < 120);
	free(big);
}

static void check_syntax(const char *text, size_t len, const char *msg)
{
	struct cni_err err = CNI_ERR_INIT;
	cJSON *doc = NULL;

	assert_error(json_parse(text, len, &doc, &err), &err, CNI_E_DECODE,
		     msg);
	assert_null(doc);
}

TEST(a_syntax_error_has_line_and_column)
{
	check_syntax("{\n  \"a\": x\n}", 12,
		     "JSON syntax error at line 2, column 8");
	check_syntax("", 0, "JSON syntax error at line 1, column 1");
	check_syntax("{} {}", 5, "JSON syntax error at line 1, column 4");
	check_syntax("{}\n,", 4, "JSON syntax error at line 2, column 1");
	check_syntax("[1,]", 4, "JSON syntax error at line 1, column 4");
}

TEST(what_is_no_json_is_refused)
{
	static const char *const bad[] = {
		" ",	       "{",	     "}",	"[",	   "\"",
		"nul",	       "{a:1}",	     "{'a':1}", "{\"a\"}", "{\"a\":}",
		"{\"a\":1,}",  "[,]",	     "NaN",	"[+1]",	   "[.5]",
		"[-]",	       "[1 2]",	     "//",	"\"\\x\"", "\"\\u12\"",
		"\"\\ud800\"", "{\"a\":1}x",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cni_err err = CNI_ERR_INIT;
		cJSON *doc = NULL;

		if (json_parse(bad[i], strlen(bad[i]), &doc, &err) == 0)
			fail_msg("%s is no JSON", bad[i]);
		assert_int_equal(err.code, CNI_E_DECODE);
	}
}

TEST(control_characters_and_nul_are_refused_however_they_are_written)
{
	check_syntax("{}\0", 3, "JSON with NUL byte");
	check_syntax("\"a\0b\"", 5, "JSON with NUL byte");
	check_syntax("\"a\\u0000\"", 9, "JSON with NUL character");
	check_syntax("\"\\\\\\u0000\"", 10, "JSON with NUL character");
	check_syntax("{\"a\\u0000b\":1}", 14, "JSON with NUL character");
	check_syntax("\"a\nb\"", 5, "JSON with control character");
	check_syntax("[\x01]", 3, "JSON with control character");
	cJSON_Delete(parse("[\"\\\\u0000\", \"\\u0001\", \"\\n\"]\r\n\t "));
}

static char *nested(size_t depth)
{
	char *s = repeat('[', 2 * depth);

	memset(s + depth, ']', depth);
	return s;
}

TEST(depth_64_is_read_and_more_is_refused)
{
	static const size_t deep[] = { 65, 1000, 100000 };
	char *s = nested(64);

	cJSON_Delete(parse(s));
	free(s);
	for (size_t i = 0; i < 3; i++) {
		s = nested(deep[i]);
		check_syntax(s, strlen(s), "JSON with too many levels");
		/* Also where the ends are missing. */
		check_syntax(s, deep[i], "JSON with too many levels");
		free(s);
	}
	cJSON_Delete(parse("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
			   "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[\"]"));
}

TEST(one_mebibyte_is_read_and_a_byte_more_is_refused)
{
	char *s = repeat(' ', JSON_MAX_SIZE + 1);
	struct cni_err err = CNI_ERR_INIT;
	cJSON *doc = NULL;

	s[0] = '{';
	s[1] = '}';
	assert_ok(json_parse(s, JSON_MAX_SIZE, &doc, &err), &err);
	cJSON_Delete(doc);
	doc = NULL;
	assert_error(json_parse(s, JSON_MAX_SIZE + 1, &doc, &err), &err,
		     CNI_E_DECODE, "JSON of 1048577 bytes: at most 1048576");
	free(s);
}

TEST(get_finds_what_go_finds)
{
	cleanup_json cJSON *doc = parse("{\"a\":1,\"A\":2,\"b\":3,\"b\":null}");

	assert_int_equal(json_get(doc, "a")->valueint, 2);
	assert_null(json_get(doc, "b"));
	assert_null(json_get(doc, "c"));
	assert_null(json_get(NULL, "c"));
}

static void check_print(const char *text, const char *want)
{
	cleanup_json cJSON *doc = parse(text);
	char *got = json_print(doc);

	assert_string_equal(got, want);
	free(got);
}

TEST(documents_are_printed_with_four_spaces_and_no_last_newline)
{
	check_print("{\"a\":[1,{\"b\":\"x\\n\\\"\"}],\"c\":{},\"d\":[]}",
		    "{\n    \"a\": [\n        1,\n        {\n"
		    "            \"b\": \"x\\n\\\"\"\n        }\n    ],\n"
		    "    \"c\": {},\n    \"d\": []\n}");
	check_print("\"x\"", "\"x\"");
	check_print("[]", "[]");
}

TEST(what_is_printed_is_utf8_whatever_went_in)
{
	check_print("\"z\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
		    "\"z\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
	check_print("\"a\xff\"", "\"a?\"");
	check_print("\"\xc3\"", "\"?\"");
	check_print("\"\xe2\x82\"", "\"\?\?\"");
	check_print("\"\xc0\x80\"", "\"\?\?\"");
	check_print("\"\xe0\x80\x80\"", "\"\?\?\?\"");
	check_print("\"\xed\xa0\x80\"", "\"\?\?\?\"");
	check_print("\"\xf4\x90\x80\x80\"", "\"\?\?\?\?\"");
	check_print("\"\xf8\x88\x80\x80\x80\"", "\"\?\?\?\?\?\"");
}

TEST(every_pair_of_bytes_is_printed_as_utf8)
{
	char text[] = "[\"a??\xa0\"]";

	for (int i = 0x80; i < 0x100; i++) {
		for (int j = 0x80; j < 0x100; j++) {
			cJSON *doc;
			char *got;

			text[3] = (char)i;
			text[4] = (char)j;
			doc = parse(text);
			got = json_print(doc);
			assert_true(is_utf8(got));
			free(got);
			cJSON_Delete(doc);
		}
	}
}

TEST(adding_to_nothing_frees_what_was_to_be_added)
{
	cleanup_json cJSON *obj = cJSON_CreateObject();

	assert_int_equal(json_add(NULL, "k", cJSON_CreateNumber(1)), -ENOMEM);
	assert_int_equal(json_add(obj, "k", NULL), -ENOMEM);
	assert_int_equal(json_add_str(obj, "k", ""), 0);
	assert_int_equal(json_add_str(obj, "k", NULL), 0);
	assert_null(obj->child);
	assert_int_equal(json_add_str(obj, "k", "v"), 0);
	assert_string_equal(json_get(obj, "k")->valuestring, "v");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_decoded),
		cmocka_unit_test(an_unknown_key_is_ignored),
		cmocka_unit_test(null_leaves_a_field_as_it_is),
		cmocka_unit_test(keys_are_found_in_any_case),
		cmocka_unit_test(the_last_of_two_equal_keys_wins_as_in_go),
		cmocka_unit_test(the_last_wins_also_over_one_in_the_exact_case),
		cmocka_unit_test(
			a_wrong_type_among_equal_keys_is_an_error_even_if_it_loses),
		cmocka_unit_test(a_wrong_type_names_key_and_value),
		cmocka_unit_test(an_integer_is_whole_and_exact),
		cmocka_unit_test(integers_up_to_2_to_the_53_are_kept),
		cmocka_unit_test(a_bounded_integer_names_its_bounds),
		cmocka_unit_test(a_long_value_is_cut_visibly_in_the_error),
		cmocka_unit_test(a_syntax_error_has_line_and_column),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(
			control_characters_and_nul_are_refused_however_they_are_written),
		cmocka_unit_test(depth_64_is_read_and_more_is_refused),
		cmocka_unit_test(
			one_mebibyte_is_read_and_a_byte_more_is_refused),
		cmocka_unit_test(get_finds_what_go_finds),
		cmocka_unit_test(
			documents_are_printed_with_four_spaces_and_no_last_newline),
		cmocka_unit_test(what_is_printed_is_utf8_whatever_went_in),
		cmocka_unit_test(every_pair_of_bytes_is_printed_as_utf8),
		cmocka_unit_test(adding_to_nothing_frees_what_was_to_be_added),
	};

	return RUN(tests);
}
