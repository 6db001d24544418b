/* SPDX-License-Identifier: Apache-2.0 */
#include "../lib/check.h"
#include "base/json_where.h"

/* The node that holds @value, a string that is there once. */
static const cJSON *holder(const cJSON *at, const char *value)
{
	const cJSON *child, *found;

	if (cJSON_IsString(at) && !strcmp(at->valuestring, value))
		return at;
	cJSON_ArrayForEach(child, at)
	{
		found = holder(child, value);
		if (found)
			return found;
	}
	return NULL;
}

static void check_at(const char *text, size_t line, size_t column,
		     size_t key_line, size_t key_column)
{
	struct cni_err err = CNI_ERR_INIT;
	cleanup_json cJSON *doc = NULL;
	struct json_path path;
	struct json_where w;

	assert_ok(json_parse(text, strlen(text), &doc, &err), &err);
	assert_true(json_path_find(doc, holder(doc, "x"), &path));
	assert_ptr_equal(json_path_get(doc, &path), holder(doc, "x"));
	w = json_where(text, strlen(text), &path, false);
	assert_int_equal(w.line, line);
	assert_int_equal(w.column, column);
	w = json_where(text, strlen(text), &path, true);
	assert_int_equal(w.line, key_line);
	assert_int_equal(w.column, key_column);
}

TEST(a_value_and_its_key)
{
	check_at("\"x\"", 1, 1, 1, 1);
	check_at("{\"a\":\"x\"}", 1, 6, 1, 2);
	check_at("{\n  \"b\": 1,\n  \"a\" :\n\t\"x\"\n}", 4, 2, 3, 3);
	check_at("[1, [], {}, [2, \"x\"]]", 1, 17, 1, 17);
	check_at("\r\n\r\n {\"a\":{\"b\":{\"c\":\"x\"}}}", 3, 17, 3, 13);
}

TEST(strings_full_of_brackets_quotes_and_colons)
{
	check_at("{\"{[\\\"]},:\":\"}],\\\\\",\"a\":\"x\"}", 1, 25, 1, 21);
	check_at("{\"a\\\\\":[\"\\\\\\\"]\"],\"b\":\"x\"}", 1, 22, 1, 18);
	check_at("[\",\", \"]\", \"}\", \"\\\",\", \"x\"]", 1, 24, 1, 24);
	check_at("{\"\":\"\",\"\":{},\"\":\"x\"}", 1, 17, 1, 14);
}

TEST(one_key_twice_is_two_places)
{
	check_at("{\"a\":\"y\",\n\"a\":\"x\",\n\"a\":\"z\"}", 2, 5, 2, 1);
	check_at("{\"a\":\"x\",\"A\":\"y\"}", 1, 6, 1, 2);
}

TEST(columns_are_characters)
{
	check_at("{\"\xc3\xa4\xe2\x82\xac\":1,\"a\":\"x\"}", 1, 13, 1, 9);
	check_at("{\"\xf0\x9f\x98\x80\":\"x\"}", 1, 6, 1, 2);
	check_at("\xef\xbb\xbf{\"a\":\"x\"}", 1, 6, 1, 2);
}

TEST(numbers_and_words_end_where_they_end)
{
	check_at("[-1.5e+3 , true\n, null, false, 0, \"x\"]", 2, 19, 2, 19);
	check_at("{\"n\":1E5,\"t\":true,\"a\":\"x\"}", 1, 23, 1, 19);
}

TEST(deep_and_many)
{
	static char text[200000];
	char *p = text;

	for (int i = 0; i < JSON_MAX_DEPTH - 1; i++)
		*p++ = '[';
	memcpy(p, "\"x\"", 3);
	memset(p + 3, ']', JSON_MAX_DEPTH - 1);
	check_at(text, 1, JSON_MAX_DEPTH, 1, JSON_MAX_DEPTH);

	p = text;
	*p++ = '[';
	for (int i = 0; i < 50000; i++) {
		memcpy(p, "1,\n", 3);
		p += 3;
	}
	memcpy(p, "\"x\"]", 5);
	check_at(text, 50001, 1, 50001, 1);
}

/* The text of the value that @path leads to. */
static void check_span(const char *text, struct json_path path,
		       const char *want)
{
	size_t len = 99;
	const char *at = json_span(text, strlen(text), &path, &len);

	assert_non_null(at);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(at, want, len);
}

TEST(the_text_of_a_value_is_without_the_space_around_it)
{
	const char *text = "\xef\xbb\xbf { \"a\" : [ 1e3 , {\"b\": \"]\"}\n, "
			   "[2 , 3] ] , \"c\":null}\n";

	check_span(text, (struct json_path){ 2, { 0, 0 } }, "1e3");
	check_span(text, (struct json_path){ 2, { 0, 1 } }, "{\"b\": \"]\"}");
	check_span(text, (struct json_path){ 3, { 0, 1, 0 } }, "\"]\"");
	check_span(text, (struct json_path){ 2, { 0, 2 } }, "[2 , 3]");
	check_span(text, (struct json_path){ 1, { 1 } }, "null");
	check_span(" 1 ", (struct json_path){ 0 }, "1");
}

TEST(a_way_that_leads_nowhere_has_no_text)
{
	const struct json_path path = { 1, { 7 } };
	size_t len = 99;

	assert_null(json_span("[1]", 3, &path, &len));
	assert_int_equal(len, 99);
}

TEST(a_way_that_leads_nowhere_is_the_end)
{
	static const char *const texts[] = {
		"",  "{",   "[\"",  "{\"a",  "[1]",  "{\"a\":}",
		"1", "[,,", "{\"a", "[\"\\", "[[[[", "\xef"
	};
	const struct json_path paths[] = { { 1, { 7 } },
					   { 2, { 0, 3 } },
					   { 3, { 0, 0, 9 } } };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		for (size_t j = 0; j < 3; j++) {
			const size_t len = strlen(texts[i]);
			char *copy = malloc(len + 1);
			struct json_where w;

			memcpy(copy, texts[i], len + 1);
			w = json_where(copy, len, &paths[j], j % 2);
			free(copy);
			assert_int_equal(w.line, 1);
			assert_int_equal(w.column, len + 1);
		}
}

TEST(a_stranger_is_not_found)
{
	struct cni_err err = CNI_ERR_INIT;
	cleanup_json cJSON *a = NULL, *b = NULL;
	struct json_path path = { .n = 3 };

	assert_ok(json_parse("[1]", 3, &a, &err), &err);
	assert_ok(json_parse("[1]", 3, &b, &err), &err);
	assert_false(json_path_find(a, b->child, &path));
	assert_int_equal(path.n, 3);
	path = (struct json_path){ 2, { 0, 0 } };
	assert_null(json_path_get(a, &path));
}

TEST(what_is_no_JSON_is_told_with_its_place)
{
	static const struct {
		const char *text;
		size_t at;
	} cases[] = { { "{\"a\": 1,}", 8 }, { "{\"a\" 1}", 5 },
		      { "[1] x", 4 },	    { "[\"\x01\"]", 2 },
		      { "\"\\u0000\"", 1 }, { "{", 0 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cni_err err = CNI_ERR_INIT;
		cJSON *doc = NULL;
		size_t at = 99;

		assert_true(json_parse_at(cases[i].text, strlen(cases[i].text),
					  &doc, &at, &err) < 0);
		assert_int_equal(at, cases[i].at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_and_its_key),
		cmocka_unit_test(strings_full_of_brackets_quotes_and_colons),
		cmocka_unit_test(one_key_twice_is_two_places),
		cmocka_unit_test(columns_are_characters),
		cmocka_unit_test(numbers_and_words_end_where_they_end),
		cmocka_unit_test(deep_and_many),
		cmocka_unit_test(
			the_text_of_a_value_is_without_the_space_around_it),
		cmocka_unit_test(a_way_that_leads_nowhere_has_no_text),
		cmocka_unit_test(a_way_that_leads_nowhere_is_the_end),
		cmocka_unit_test(a_stranger_is_not_found),
		cmocka_unit_test(what_is_no_JSON_is_told_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
