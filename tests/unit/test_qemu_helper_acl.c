/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "../lib/check.h"
#include "weft-qemu-helper/acl.h"

static int uid_of(const char *name, uid_t *ret)
{
	if (strcmp(name, "alice") != 0)
		return -ENOENT;
	*ret = 1000;
	return 0;
}

static int gid_of(const char *name, gid_t *ret)
{
	if (strcmp(name, "kvm") != 0)
		return -ENOENT;
	*ret = 107;
	return 0;
}

static const gid_t gids[] = { 5, 107 };
static const struct acl_who alice = { 1000, gids, 2, uid_of, gid_of };
static const struct acl_who bob = { 1001, gids, 1, uid_of, gid_of };

static int ask(const char *text, const struct acl_who *who)
{
	struct cni_err err = CNI_ERR_INIT;

	return acl_check(text, "net1", who, &err);
}

TEST(without_a_line_nobody_may)
{
	(void)state;
	assert_int_equal(ask("", &alice), -EACCES);
	assert_int_equal(ask("\n# allow all\n  \t\n", &alice), -EACCES);
	assert_int_equal(ask("allow net2", &alice), -EACCES);
	assert_int_equal(ask("allow net", &alice), -EACCES);
}

TEST(the_first_line_that_fits_decides)
{
	(void)state;
	assert_int_equal(ask("allow net1", &alice), 0);
	assert_int_equal(ask("  allow\tnet1 # for all\r\n", &alice), 0);
	assert_int_equal(ask("allow all", &alice), 0);
	assert_int_equal(ask("deny all\nallow net1", &alice), -EACCES);
	assert_int_equal(ask("allow net1\ndeny all", &alice), 0);
	assert_int_equal(ask("deny net2\nallow net1", &alice), 0);
}

TEST(users_and_groups_by_name_and_by_number)
{
	(void)state;
	assert_int_equal(ask("allow net1 user:alice", &alice), 0);
	assert_int_equal(ask("allow net1 user:alice", &bob), -EACCES);
	assert_int_equal(ask("allow net1 user:1001", &bob), 0);
	assert_int_equal(ask("allow net1 user:1001", &alice), -EACCES);
	assert_int_equal(ask("allow net1 group:kvm", &alice), 0);
	assert_int_equal(ask("allow net1 group:kvm", &bob), -EACCES);
	assert_int_equal(ask("allow net1 group:5", &bob), 0);
	assert_int_equal(ask("allow net1 user:nobody", &alice), -EACCES);
	assert_int_equal(ask("allow net1 group:none", &alice), -EACCES);
	assert_int_equal(ask("deny all user:1001\nallow all", &bob), -EACCES);
	assert_int_equal(ask("deny all user:1001\nallow all", &alice), 0);
}

TEST(a_line_that_is_not_understood_lets_nobody_in)
{
	static const char *const bad[] = {
		"allow",
		"permit net1",
		"allow net1 alice",
		"allow net1 user:",
		"allow net1 user:alice group:kvm",
		"Allow net1",
		"allow net1 x",
		"allow net2 x",
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(ask(bad[i], &alice), -EINVAL);
		(void)snprintf(text, sizeof(text), "allow all\n%s", bad[i]);
		assert_int_equal(ask(text, &alice), -EINVAL);
	}
}

TEST(it_says_which_line)
{
	struct cni_err err = CNI_ERR_INIT;

	(void)state;
	assert_int_equal(acl_check("\n\nallow\n", "net1", &alice, &err),
			 -EINVAL);
	assert_memory_equal(err.msg, "line 3: ", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_line_nobody_may),
		cmocka_unit_test(the_first_line_that_fits_decides),
		cmocka_unit_test(users_and_groups_by_name_and_by_number),
		cmocka_unit_test(a_line_that_is_not_understood_lets_nobody_in),
		cmocka_unit_test(it_says_which_line),
	};

	return RUN(tests);
}
