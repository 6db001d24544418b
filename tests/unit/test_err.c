/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "../lib/check.h"

TEST(the_systems_own_sentence_ends_the_message)
{
	struct cni_err e = CNI_ERR_INIT;

	assert_int_equal(err_set(&e, CNI_E_IO, ENOENT, "open %s", "/x"),
			 -ENOENT);
	assert_string_equal(e.msg, "open /x: No such file or directory");
	assert_int_equal(e.code, CNI_E_IO);
	assert_int_equal(e.errnum, ENOENT);
	assert_string_equal(e.details, "");
}

TEST(a_sentence_that_explains_itself_stands_alone)
{
	struct cni_err e = CNI_ERR_INIT;

	assert_int_equal(err_say(&e, CNI_E_CONFIG, EINVAL, "no %d", 7),
			 -EINVAL);
	assert_string_equal(e.msg, "no 7");
}

TEST(context_is_put_in_front_and_code_and_details_stay)
{
	struct cni_err e = CNI_ERR_INIT;

	(void)err_say(&e, CNI_E_TAKEN, EEXIST, "inner");
	err_detail(&e, "a", "%d", 1);
	assert_int_equal(err_ctx(&e, -EEXIST, "outer %s", "x"), -EEXIST);
	assert_string_equal(e.msg, "outer x: inner");
	assert_string_equal(e.details, "a=1");
	assert_int_equal(e.code, CNI_E_TAKEN);
	assert_int_equal(e.errnum, EEXIST);
}

TEST(a_new_error_forgets_the_old_one)
{
	struct cni_err e = CNI_ERR_INIT;

	(void)err_say(&e, CNI_E_TAKEN, EEXIST, "old and long");
	err_detail(&e, "a", "b");
	(void)err_say(&e, CNI_E_IO, EIO, "new");
	assert_string_equal(e.msg, "new");
	assert_string_equal(e.details, "");
}

TEST(details_are_separated_and_one_without_a_key_is_bare)
{
	struct cni_err e = CNI_ERR_INIT;

	err_detail(&e, "a", "%d", 1);
	err_detail(&e, "b", "\"%s\"", "x y");
	err_detail(&e, NULL, "z");
	assert_string_equal(e.details, "a=1 b=\"x y\" z");
}

static void check_cut(const char *text, size_t size)
{
	assert_int_equal(strlen(text), size - 1);
	assert_string_equal(text + size - 4, "...");
}

TEST(a_text_that_does_not_fit_ends_in_dots)
{
	char *big = repeat('x', 2000);
	struct cni_err e = CNI_ERR_INIT;

	(void)err_say(&e, CNI_E_IO, EIO, "%s", big);
	check_cut(e.msg, sizeof(e.msg));
	(void)err_set(&e, CNI_E_IO, EIO, "%s", big);
	check_cut(e.msg, sizeof(e.msg));
	(void)err_ctx(&e, -EIO, "again");
	check_cut(e.msg, sizeof(e.msg));
	assert_memory_equal(e.msg, "again: xxx", 10);
	(void)err_ctx(&e, -EIO, "%s", big);
	check_cut(e.msg, sizeof(e.msg));
	err_detail(&e, "k", "%s", big);
	check_cut(e.details, sizeof(e.details));
	err_detail(&e, "k", "%s", "more");
	check_cut(e.details, sizeof(e.details));
	free(big);
}

TEST(every_length_around_the_limit_fits_or_is_cut)
{
	for (size_t n = 1000; n < 1060; n++) {
		char *text = repeat('x', n);
		struct cni_err e = CNI_ERR_INIT;

		(void)err_say(&e, CNI_E_IO, EIO, "%s", text);
		assert_int_equal(strlen(e.msg),
				 n < sizeof(e.msg) ? n : sizeof(e.msg) - 1);
		if (n < sizeof(e.msg))
			assert_string_equal(e.msg, text);
		else
			check_cut(e.msg, sizeof(e.msg));
		(void)err_ctx(&e, -EIO, "ctx");
		assert_true(strlen(e.msg) < sizeof(e.msg));
		free(text);
	}
}

TEST(the_first_failure_is_kept_and_success_changes_nothing)
{
	struct cni_err first = CNI_ERR_INIT, e = CNI_ERR_INIT;

	assert_int_equal(err_keep_first(&first, &e, 0, 0), 0);
	(void)err_say(&e, CNI_E_IO, EIO, "one");
	assert_int_equal(err_keep_first(&first, &e, -EIO, 0), -EIO);
	(void)err_say(&e, CNI_E_IO, ENOENT, "two");
	assert_int_equal(err_keep_first(&first, &e, -ENOENT, -EIO), -EIO);
	assert_string_equal(first.msg, "one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_systems_own_sentence_ends_the_message),
		cmocka_unit_test(a_sentence_that_explains_itself_stands_alone),
		cmocka_unit_test(
			context_is_put_in_front_and_code_and_details_stay),
		cmocka_unit_test(a_new_error_forgets_the_old_one),
		cmocka_unit_test(
			details_are_separated_and_one_without_a_key_is_bare),
		cmocka_unit_test(a_text_that_does_not_fit_ends_in_dots),
		cmocka_unit_test(every_length_around_the_limit_fits_or_is_cut),
		cmocka_unit_test(
			the_first_failure_is_kept_and_success_changes_nothing),
	};

	return RUN(tests);
}
