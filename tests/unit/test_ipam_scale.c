/* SPDX-License-Identifier: Apache-2.0 */
/* The index when it is complete, and when it is not: others write beside us. */
#include <fcntl.h>
#include <time.h>

#include "ipam_world.h"

/* Nothing but reading every lease would find this: no index entry, and a
 * directory that looks as if it was not there. */
static void put_behind_our_back(const struct world *w, const char *name,
				const char *text)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT } };
	char path[PATH_MAX];
	struct stat st;

	world_path(w, "n", path);
	assert_int_equal(stat(path, &st), 0);
	world_put_text(w, name, text);
	t[1] = st.st_mtim;
	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void make_old(const struct world *w, const char *name)
{
	const time_t then = time(NULL) - YEARS;
	const struct timespec t[2] = { { .tv_sec = then }, { .tv_sec = then } };
	char path[PATH_MAX];

	world_path(w, name, path);
	assert_int_equal(utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW), 0);
}

static void make_attachment_old(const struct world *w, const char *id,
				const char *lease)
{
	char name[64];

	world_index_name(id, "eth0", name);
	make_old(w, name);
	make_old(w, lease);
}

static void while_nobody_else_writes_a_miss_reads_no_lease(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	put_behind_our_back(&w, "n/10.1.0.6", "c9\r\neth0");
	assert_works(&w, CNI_DEL, "c9");
	assert_string_equal(world_get(&w, "n/10.1.0.6"), "c9\r\neth0");
	assert_adds(&w, "c2", "10.1.0.3");
	assert_works(&w, CNI_DEL, "c9");
	assert_string_equal(world_get(&w, "n/10.1.0.6"), "c9\r\neth0");
}

static void what_another_wrote_is_read_once_and_then_known(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	world_put_text(&w, "n/10.1.0.6", "c9\r\neth0");
	assert_adds(&w, "c2", "10.1.0.3");
	assert_string_equal(world_index(&w, "c9", "eth0"),
			    "c9 eth0 10.1.0.6 ~");
	assert_works(&w, CNI_DEL, "c9");
	assert_string_equal(world_get(&w, "n/10.1.0.6"), "-");
	assert_string_equal(world_index(&w, "c9", "eth0"), "-");
}

static void
leases_of_several_holders_in_any_order_are_indexed_by_holder(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	world_put_text(&w, "n/10.1.0.3", "c8\r\neth0");
	world_put_text(&w, "n/10.1.0.4", "c9\r\neth0");
	world_put_text(&w, "n/10.1.0.5", "c8\r\neth0");
	world_put_text(&w, "n/10.1.0.6", "c9\r\neth0");
	assert_adds(&w, "c1", "10.1.0.2");
	assert_string_equal(world_index(&w, "c8", "eth0"),
			    "c8 eth0 10.1.0.3 10.1.0.5 ~");
	assert_string_equal(world_index(&w, "c9", "eth0"),
			    "c9 eth0 10.1.0.4 10.1.0.6 ~");
	assert_works(&w, CNI_DEL, "c8");
	assert_string_equal(world_get(&w, "n/10.1.0.3"), "-");
	assert_string_equal(world_get(&w, "n/10.1.0.5"), "-");
	assert_string_equal(world_get(&w, "n/10.1.0.6"), "c9\r\neth0");
}

static void an_index_that_somebody_touched_is_not_complete(void **state)
{
	cleanup_world struct world w = world_new(ONE);
	char name[64], path[PATH_MAX];

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	world_index_name("c1", "eth0", name);
	world_path(&w, name, path);
	assert_int_equal(unlink(path), 0);
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "-");
}

static void a_legacy_lease_is_found_through_the_index_too(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	world_put_text(&w, "n/10.1.0.6", "c9");
	assert_adds(&w, "c2", "10.1.0.3");
	assert_works(&w, CNI_DEL, "c9");
	assert_string_equal(world_get(&w, "n/10.1.0.6"), "-");
}

static void a_dry_pool_takes_back_what_no_guest_has_survived(void **state)
{
	cleanup_world struct world w =
		world_new("[[{\"subnet\":\"10.1.0.0/30\"}]]");

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	assert_fails(&w, CNI_ADD, "c2", CNI_E_RETRY, "no IP addresses");
	make_attachment_old(&w, "c1", "n/10.1.0.2");
	assert_adds(&w, "c2", "10.1.0.2");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c2\r\neth0");
	assert_string_equal(world_index(&w, "c1", "eth0"), "-");
}

static void an_old_lease_of_anothers_stays_until_gc(void **state)
{
	cleanup_world struct world w =
		world_new("[[{\"subnet\":\"10.1.0.0/30\"}]]");
	char name[64];

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	assert_works(&w, CNI_DEL, "c1");
	world_put(&w, "n/10.1.0.2", "c9\r\neth0", 8, YEARS);
	assert_fails(&w, CNI_ADD, "c2", CNI_E_RETRY, "no IP addresses");
	world_index_name("c9", "eth0", name);
	make_old(&w, name);
	assert_fails(&w, CNI_ADD, "c2", CNI_E_RETRY, "no IP addresses");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c9\r\neth0");
}

static void who_comes_back_after_a_boot_keeps_the_address(void **state)
{
	cleanup_world struct world w =
		world_new("[[{\"subnet\":\"10.1.0.0/30\"}]]");

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	make_attachment_old(&w, "c1", "n/10.1.0.2");
	assert_adds(&w, "c1", "10.1.0.2");
	assert_fails(&w, CNI_ADD, "c2", CNI_E_RETRY, "no IP addresses");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c1\r\neth0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			while_nobody_else_writes_a_miss_reads_no_lease),
		cmocka_unit_test(
			what_another_wrote_is_read_once_and_then_known),
		cmocka_unit_test(
			leases_of_several_holders_in_any_order_are_indexed_by_holder),
		cmocka_unit_test(
			an_index_that_somebody_touched_is_not_complete),
		cmocka_unit_test(a_legacy_lease_is_found_through_the_index_too),
		cmocka_unit_test(
			a_dry_pool_takes_back_what_no_guest_has_survived),
		cmocka_unit_test(an_old_lease_of_anothers_stays_until_gc),
		cmocka_unit_test(who_comes_back_after_a_boot_keeps_the_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
