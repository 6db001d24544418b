/* SPDX-License-Identifier: Apache-2.0 */
/* Lease directories in which others, power cuts and liars were. */
#include "ipam-host-local/lease.h"
#include "ipam_world.h"

static void leases_of_host_local_are_found_without_an_index(void **state)
{
	cleanup_world struct world w = world_new(DUAL);

	(void)state;
	world_put_text(&w, "n/10.1.0.5", "c1\r\neth0");
	world_put_text(&w, "n/fd00::9", "c1\r\neth0\n");
	world_put_text(&w, "n/last_reserved_ip.0", "10.1.0.5");
	assert_works(&w, CNI_CHECK, "c1");
	assert_adds(&w, "c1", "10.1.0.5 fd00::9");
	assert_true(w.adopted);
	assert_adds(&w, "c2", "10.1.0.6 fd00::2");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.5"), "-");
	assert_string_equal(world_get(&w, "n/fd00::9"), "-");
	assert_string_equal(world_get(&w, "n/10.1.0.6"), "c2\r\neth0");
}

static void a_leases_name_is_the_address_as_we_write_it(void **state)
{
	struct ip_addr a;

	(void)state;
	assert_true(lease_name_parse("10.1.0.2", &a));
	assert_true(lease_name_parse("fd00::5", &a));
	assert_false(lease_name_parse("FD00::5", &a));
	assert_false(lease_name_parse("fd00:0::5", &a));
	assert_false(lease_name_parse("::ffff:10.1.0.2", &a));
	assert_false(lease_name_parse("lock", &a));
}

static void legacy_leases_count_only_where_no_full_one_does(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	world_put_text(&w, "n/10.1.0.5", "c1");
	assert_works(&w, CNI_CHECK, "c1");
	assert_fails(&w, CNI_ADD, "c1", CNI_E_TAKEN,
		     "10.1.0.5 has been allocated to c1");
	world_put_text(&w, "n/10.1.0.6", "c1\r\neth0");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.6"), "-");
	assert_string_equal(world_get(&w, "n/10.1.0.5"), "c1");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.5"), "-");
}

static void lost_leases_of_an_earlier_boot_are_free(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	world_put(&w, "n/10.1.0.2", "", 0, YEARS);
	world_put(&w, "n/10.1.0.3", "\0\0\0\0", 4, YEARS);
	assert_adds(&w, "c1", "10.1.0.2");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c1\r\neth0");
	w.args = "IP=10.1.0.3";
	assert_adds(&w, "c2", "10.1.0.3");
	assert_string_equal(world_get(&w, "n/10.1.0.3"), "c2\r\neth0");
}

static void lost_leases_of_this_boot_are_taken(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	world_put(&w, "n/10.1.0.2", "", 0, 0);
	world_put(&w, "n/10.1.0.3", "\0\0\0\0", 4, 0);
	assert_adds(&w, "c1", "10.1.0.4");
	w.args = "IP=10.1.0.2";
	assert_fails(&w, CNI_ADD, "c2", CNI_E_TAKEN,
		     "held by a file that names no container");
}

static void lost_leases_do_not_exhaust_a_pool_for_status(void **state)
{
	cleanup_world struct world w =
		world_new("[[{\"subnet\":\"10.1.0.0/30\"}]]");

	(void)state;
	assert_works(&w, CNI_STATUS, "");
	world_put(&w, "n/10.1.0.2", "", 0, YEARS);
	assert_works(&w, CNI_STATUS, "");
	assert_adds(&w, "c1", "10.1.0.2");
	assert_fails(
		&w, CNI_STATUS, "", CNI_E_RETRY,
		"no IP addresses available in range set: 10.1.0.1-10.1.0.2: 1 of 1 in use");
}

static void a_lying_index_releases_nobodys_address(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	assert_adds(&w, "c2", "10.1.0.3");
	world_lie(&w, "c1", "eth0", "c1 eth0 10.1.0.3");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "-");
	assert_string_equal(world_get(&w, "n/10.1.0.3"), "c2\r\neth0");
}

static void a_lying_index_gives_nobody_two_addresses(void **state)
{
	static const char *const lies[] = {
		"c1 eth0 10.1.0.3",
		"c1 eth0 10.1.0.2 10.1.0.3",
		"c1 eth0 10.1.0.6",
		"c1 eth0 ",
		"c1 eth0",
		"c1",
		" ",
		"c1 eth0 10.1.0.02",
		"c1 eth0 ../../etc/passwd",
		"c1 eth0  10.1.0.2",
		"c2 eth0 10.1.0.3",
		"/etc/passwd",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		cleanup_world struct world w = world_new(ONE);

		assert_adds(&w, "c1", "10.1.0.2");
		assert_adds(&w, "c2", "10.1.0.3");
		world_lie(&w, "c1", "eth0", lies[i]);
		assert_works(&w, CNI_CHECK, "c1");
		assert_adds(&w, "c1", "10.1.0.2");
		world_lie(&w, "c1", "eth0", lies[i]);
		assert_works(&w, CNI_DEL, "c1");
		assert_string_equal(world_get(&w, "n/10.1.0.2"), "-");
		assert_string_equal(world_get(&w, "n/10.1.0.3"), "c2\r\neth0");
	}
}

static void a_lease_made_after_its_entry_does_not_confirm_it(void **state)
{
	cleanup_world struct world w = world_new(ONE);
	struct timespec pause = { .tv_nsec = 20000000L };

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	assert_int_equal(nanosleep(&pause, NULL), 0);
	/* host-local's DEL, then its ADD with one more range */
	world_put_text(&w, "n/10.1.0.2", "c1\r\neth0");
	world_put_text(&w, "n/10.7.0.2", "c1\r\neth0");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "-");
	assert_string_equal(world_get(&w, "n/10.7.0.2"), "-");
}

static void an_index_that_cannot_be_written_costs_nothing_but_time(void **state)
{
	cleanup_world struct world w = world_new(ONE);
	char path[PATH_MAX], name[64];

	(void)state;
	assert_works(&w, CNI_STATUS, "");
	world_index_name("c1", "eth0", name);
	world_path(&w, name, path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_adds(&w, "c1", "10.1.0.2");
	assert_adds(&w, "c1", "10.1.0.2");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "-");
}

static void what_a_killed_call_left_in_the_way_is_no_harm(void **state)
{
	cleanup_world struct world w = world_new(ONE);
	char from[PATH_MAX], to[PATH_MAX];

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	/* killed between link(2) and unlink(2) */
	world_path(&w, "n/10.1.0.2", from);
	world_path(&w, ".weft/n/lease.new", to);
	assert_int_equal(link(from, to), 0);
	world_path(&w, ".weft/n/index.new", to);
	assert_int_equal(symlink("half", to), 0);
	assert_adds(&w, "c2", "10.1.0.3");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c1\r\neth0");
	assert_string_equal(world_get(&w, "n/10.1.0.3"), "c2\r\neth0");
	assert_string_equal(world_get(&w, ".weft/n/lease.new"), "-");
	/* the entry exists: this one is replaced by rename(2) */
	world_lie(&w, "c2", "eth0", "c2 eth0 10.1.0.6");
	assert_adds(&w, "c2", "10.1.0.3");
	assert_int_equal(world_count(&w, ".weft"), 2);
}

static void things_that_are_no_lease_keep_their_address(void **state)
{
	cleanup_world struct world w = world_new(ONE);
	char path[PATH_MAX], big[5000];

	(void)state;
	world_put_text(&w, "n/secret", "c1\r\neth0");
	world_path(&w, "n/10.1.0.2", path);
	assert_int_equal(symlink("secret", path), 0);
	world_path(&w, "n/10.1.0.3", path);
	assert_int_equal(mkdir(path, 0700), 0);
	world_path(&w, "n/10.1.0.4", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	memset(big, 'x', sizeof(big));
	world_put(&w, "n/10.1.0.5", big, sizeof(big), YEARS);

	assert_adds(&w, "c1", "10.1.0.6");
	assert_works(&w, CNI_DEL, "c1");
	w.more = ",\"cni.dev/valid-attachments\":[]";
	assert_works(&w, CNI_GC, "");
	assert_string_equal(world_get(&w, "n/secret"), "c1\r\neth0");
	assert_int_equal(world_count(&w, "n"), 6); /* not the directory */
	w.args = "IP=10.1.0.4";
	assert_fails(&w, CNI_ADD, "c1", CNI_E_TAKEN, "10.1.0.4");
}

static void links_in_place_of_our_directories_are_not_followed(void **state)
{
	cleanup_world struct world w = world_new(ONE);
	char path[PATH_MAX];

	(void)state;
	world_path(&w, ".weft", path);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_fails(&w, CNI_ADD, "c1", CNI_E_IO, ".weft");
	assert_int_equal(unlink(path), 0);
	world_path(&w, "n", path);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_fails(&w, CNI_ADD, "c1", CNI_E_IO, "open directory n");
}

static void long_container_ids_work_until_a_clear_limit(void **state)
{
	cleanup_world struct world w = world_new(ONE);
	char id[4096];

	(void)state;
	memset(id, 'a', sizeof(id));
	id[4070] = '\0';
	assert_adds(&w, id, "10.1.0.2");
	assert_adds(&w, id, "10.1.0.2");
	assert_works(&w, CNI_DEL, id);
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "-");
	id[4070] = 'a';
	id[4091] = '\0';
	assert_fails(&w, CNI_ADD, id, CNI_E_ENV, "CNI_CONTAINERID of 4091");
	assert_int_equal(world_count(&w, ".weft"), 0);
	assert_works(&w, CNI_DEL, id);
}

static void a_garbled_last_reserved_ip_only_restarts_the_round(void **state)
{
	static const char *const texts[] = { "", "10.1.0.4\n", "x", "fd00::1",
					     "10.1.0.7" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cleanup_world struct world w = world_new(ONE);

		world_put_text(&w, "n/last_reserved_ip.0", texts[i]);
		assert_adds(&w, "c1", "10.1.0.2");
		assert_string_equal(world_get(&w, "n/last_reserved_ip.0"),
				    "10.1.0.2");
	}
}

static void
an_entry_of_another_attachment_stays_when_hashes_collide(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	assert_adds(&w, "c2", "10.1.0.2");
	world_lie(&w, "c1", "eth0", "c2 eth0 10.1.0.2");
	assert_adds(&w, "c1", "10.1.0.3");
	assert_adds(&w, "c1", "10.1.0.3");
	assert_string_equal(world_index(&w, "c1", "eth0"), "c2 eth0 10.1.0.2");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_index(&w, "c1", "eth0"), "c2 eth0 10.1.0.2");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c2\r\neth0");
	assert_string_equal(world_get(&w, "n/10.1.0.3"), "-");
}

static void
a_stale_index_after_host_local_took_over_is_seen_through(void **state)
{
	cleanup_world struct world w = world_new(DUAL);
	char path[PATH_MAX];

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	world_path(&w, "n/fd00::2", path); /* as if by host-local's DEL, ADD */
	assert_int_equal(unlink(path), 0);
	world_put_text(&w, "n/fd00::3", "c1\r\neth0");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "-");
	assert_string_equal(world_get(&w, "n/fd00::3"), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			leases_of_host_local_are_found_without_an_index),
		cmocka_unit_test(a_leases_name_is_the_address_as_we_write_it),
		cmocka_unit_test(
			legacy_leases_count_only_where_no_full_one_does),
		cmocka_unit_test(lost_leases_of_an_earlier_boot_are_free),
		cmocka_unit_test(lost_leases_of_this_boot_are_taken),
		cmocka_unit_test(lost_leases_do_not_exhaust_a_pool_for_status),
		cmocka_unit_test(a_lying_index_releases_nobodys_address),
		cmocka_unit_test(a_lying_index_gives_nobody_two_addresses),
		cmocka_unit_test(
			a_lease_made_after_its_entry_does_not_confirm_it),
		cmocka_unit_test(
			an_index_that_cannot_be_written_costs_nothing_but_time),
		cmocka_unit_test(what_a_killed_call_left_in_the_way_is_no_harm),
		cmocka_unit_test(things_that_are_no_lease_keep_their_address),
		cmocka_unit_test(
			links_in_place_of_our_directories_are_not_followed),
		cmocka_unit_test(long_container_ids_work_until_a_clear_limit),
		cmocka_unit_test(
			a_garbled_last_reserved_ip_only_restarts_the_round),
		cmocka_unit_test(
			an_entry_of_another_attachment_stays_when_hashes_collide),
		cmocka_unit_test(
			a_stale_index_after_host_local_took_over_is_seen_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
