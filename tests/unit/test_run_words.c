/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "../lib/check.h"
#include "base/mem.h"
#include "weft/run_words.h"

static const struct run_values values[2] = {
	{ { [RUN_FDS] = (char *)"3:4",
	    [RUN_VHOSTFDS] = (char *)"",
	    [RUN_TAP] = (char *)"tap0",
	    [RUN_IP] = (char *)"10.1.0.2/24" } },
	{ { [RUN_FDS] = (char *)"5",
	    [RUN_VHOSTFDS] = (char *)"6",
	    [RUN_TAP] = (char *)"%FDS%" } },
};

static void check(const char *word, const char *want)
{
	struct cni_err err = CNI_ERR_INIT;
	cleanup_free char *got = NULL;

	assert_int_equal(run_word_expand(word, values, 2, &got, &err), 0);
	assert_string_equal(got, want);
}

TEST(placeholders_are_replaced_wherever_they_stand)
{
	(void)state;
	check("", "");
	check("%FDS%", "3:4");
	check("a=%FDS%,b=%TAP%%IP%", "a=3:4,b=tap010.1.0.2/24");
	check("%FDS0%%FDS1%", "3:45");
	check("%FDS00001%", "5");
}

TEST(what_is_put_in_is_not_looked_at_again)
{
	(void)state;
	check("%TAP1%", "%FDS%");
}

TEST(anything_else_with_a_percent_sign_is_itself)
{
	(void)state;
	check("100%", "100%");
	check("%", "%");
	check("%%", "%%");
	check("%FDS", "%FDS");
	check("%FD%", "%FD%");
	check("%FDSX%", "%FDSX%");
	check("%fds%", "%fds%");
	check("%1%", "%1%");
	check("%%FDS%%", "%3:4%");
	check("%FDS%FDS%", "3:4FDS%");
	check("%FDS-1%", "%FDS-1%");
}

TEST(without_vhost_net_its_option_goes)
{
	(void)state;
	check("tap,fds=%FDS%,vhostfds=%VHOSTFDS%", "tap,fds=3:4");
	check("tap,vhostfds=%VHOSTFDS%,fds=%FDS%", "tap,fds=3:4");
	check("vhostfds=%VHOSTFDS%,fds=%FDS%", "fds=3:4");
	check("vhostfds=%VHOSTFDS%", "");
	check("%VHOSTFDS%", "");
	check("a,%VHOSTFDS%,b", "a,,b");
	check("tap,vhostfds=%VHOSTFDS1%,x", "tap,vhostfds=6,x");
	check("%GATEWAY%", "");
	check("a,gw=%GATEWAY%", "a,gw=");
}

TEST(a_network_that_is_not_there_is_an_error)
{
	struct cni_err err = CNI_ERR_INIT;
	char *got = (char *)"untouched";

	(void)state;
	assert_int_equal(run_word_expand("x%TAP2%", values, 2, &got, &err),
			 -EINVAL);
	assert_string_equal(err.msg, "%TAP2%: networks are counted from 0, and "
				     "there are 2");
	assert_string_equal(got, "untouched");
	assert_int_equal(run_word_expand("%TAP1%", values, 1, &got, &err),
			 -EINVAL);
	assert_int_equal(run_word_expand("%TAP999999999999999999999%", values,
					 2, &got, &err),
			 0);
	assert_string_equal(got, "%TAP999999999999999999999%");
	free(got);
}

TEST(which_network_uses_what)
{
	(void)state;
	assert_true(run_word_uses("a%TAP1%b%FDS%", RUN_FDS, 0));
	assert_true(run_word_uses("a%TAP1%b%FDS%", RUN_TAP, 1));
	assert_false(run_word_uses("a%TAP1%b%FDS%", RUN_TAP, 0));
	assert_false(run_word_uses("%FDLIST%", RUN_FDS, 0));
	assert_true(run_word_uses("%%FDS0%", RUN_FDS, 0));
}

static void check_quoted(const char *word, const char *want)
{
	cleanup_free char *got = run_word_quote(word);

	assert_non_null(got);
	assert_string_equal(got, want);
}

TEST(a_shell_gets_it_back_as_it_was)
{
	(void)state;
	check_quoted("tap,id=n0", "tap,id=n0");
	check_quoted("", "''");
	check_quoted("a b", "'a b'");
	check_quoted("a'b", "'a'\\''b'");
	check_quoted("$(x)`y`\"\\*", "'$(x)`y`\"\\*'");
	check_quoted("~", "'~'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placeholders_are_replaced_wherever_they_stand),
		cmocka_unit_test(what_is_put_in_is_not_looked_at_again),
		cmocka_unit_test(anything_else_with_a_percent_sign_is_itself),
		cmocka_unit_test(without_vhost_net_its_option_goes),
		cmocka_unit_test(a_network_that_is_not_there_is_an_error),
		cmocka_unit_test(which_network_uses_what),
		cmocka_unit_test(a_shell_gets_it_back_as_it_was),
	};

	return RUN(tests);
}
