/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of ipam-host-local on directories in /tmp. */
#include "ipam_world.h"

static void leases_are_host_locals_to_the_byte(void **state)
{
	cleanup_world struct world w = world_new(DUAL);
	char path[PATH_MAX];
	struct stat st;

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_false(w.adopted);
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c1\r\neth0");
	assert_string_equal(world_get(&w, "n/fd00::2"), "c1\r\neth0");
	assert_string_equal(world_get(&w, "n/last_reserved_ip.0"), "10.1.0.2");
	assert_string_equal(world_get(&w, "n/last_reserved_ip.1"), "fd00::2");
	assert_string_equal(world_get(&w, "n/lock"), "");
	assert_int_equal(world_count(&w, "n"), 5);
	world_path(&w, "n/10.1.0.2", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	world_path(&w, ".weft", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_string_equal(world_index(&w, "c1", "eth0"),
			    "c1 eth0 10.1.0.2 fd00::2");
}

static void add_then_del_leaves_only_what_host_local_leaves(void **state)
{
	cleanup_world struct world w = world_new(DUAL);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_works(&w, CNI_DEL, "c1");
	assert_int_equal(world_count(&w, "n"), 3); /* lock, last reserved */
	assert_int_equal(world_count(&w, ".weft"), 0);
	assert_adds(&w, "c1", "10.1.0.3 fd00::3");
}

static void del_of_what_never_was_succeeds_and_makes_nothing(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	assert_works(&w, CNI_DEL, "c1");
	assert_int_equal(rmdir(w.dir), 0);
	assert_works(&w, CNI_DEL, "c1");
	assert_works(&w, CNI_ADD, "c1");
	assert_works(&w, CNI_DEL, "c2");
	assert_works(&w, CNI_DEL, "c1");
	assert_works(&w, CNI_DEL, "c1");
}

static void del_releases_whatever_the_ranges_say_by_now(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	w.ranges = "[[{\"subnet\":\"10.0.0.0/33\"}]]";
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "-");
}

static void the_same_attachment_adopts_its_addresses(void **state)
{
	cleanup_world struct world w = world_new(DUAL);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_true(w.adopted);
	w.args = "IP=10.1.0.2";
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_true(w.adopted);
	assert_string_equal(world_get(&w, "n/last_reserved_ip.0"), "10.1.0.2");
}

static void other_interfaces_of_a_container_get_other_addresses(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	assert_int_equal(world_call(&w, CNI_ADD, "c1", "eth1"), 0);
	assert_string_equal(w.ips, "10.1.0.3");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.3"), "c1\r\neth1");
}

static void what_does_not_suit_the_request_is_refused_by_name(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	w.args = "IP=10.1.0.5";
	assert_fails(&w, CNI_ADD, "c1", CNI_E_TAKEN,
		     "10.1.0.2 has been allocated to c1");
	assert_string_equal(world_get(&w, "n/10.1.0.5"), "-");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c1\r\neth0");
}

static void half_an_add_is_completed(void **state)
{
	cleanup_world struct world w = world_new(DUAL);

	(void)state;
	world_put_text(&w, "n/10.1.0.4", "c1\r\neth0");
	assert_adds(&w, "c1", "10.1.0.4 fd00::2");
	assert_true(w.adopted);
	assert_string_equal(world_index(&w, "c1", "eth0"),
			    "c1 eth0 10.1.0.4 fd00::2");
	assert_works(&w, CNI_DEL, "c1");
	assert_int_equal(world_count(&w, "n"), 2); /* lock, last_reserved.1 */
}

static void a_network_may_grow_a_second_family(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	w.ranges = DUAL;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	w.ranges = ONE;
	assert_adds(&w, "c1", "10.1.0.2");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/fd00::2"), "-");
}

static void all_sets_or_none(void **state)
{
	cleanup_world struct world w = world_new(
		"[[{\"subnet\":\"10.1.0.0/24\"}],[{\"subnet\":\"fd00::/126\"}]]");

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_adds(&w, "c2", "10.1.0.3 fd00::3");
	assert_fails(
		&w, CNI_ADD, "c3", CNI_E_RETRY,
		"failed to allocate for range 1: no IP addresses available in range set: fd00::1-fd00::3: 2 of 2 in use");
	assert_string_equal(world_get(&w, "n/10.1.0.4"), "-");
	assert_string_equal(world_get(&w, "n/last_reserved_ip.0"), "10.1.0.3");
	assert_string_equal(world_index(&w, "c3", "eth0"), "-");
}

static void an_add_that_fails_late_takes_its_leases_back(void **state)
{
	cleanup_world struct world w = world_new(DUAL);
	char path[PATH_MAX];

	(void)state;
	world_put_text(&w, "n/10.1.0.4", "c1\r\neth0"); /* from before */
	world_path(&w, "n/last_reserved_ip.1", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_fails(&w, CNI_ADD, "c1", CNI_E_IO, "last_reserved_ip.1");
	assert_fails(&w, CNI_ADD, "c2", CNI_E_IO, "last_reserved_ip.1");
	assert_string_equal(world_get(&w, "n/10.1.0.4"), "c1\r\neth0");
	assert_string_equal(world_get(&w, "n/fd00::2"), "-");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "-");
	assert_string_equal(world_index(&w, "c1", "eth0"), "c1 eth0 10.1.0.4");
	assert_string_equal(world_index(&w, "c2", "eth0"), "-");
	assert_string_equal(world_get(&w, ".weft/n/lease.new"), "-");
}

static void a_requested_address_that_is_taken_names_its_holder(void **state)
{
	cleanup_world struct world w = world_new(DUAL);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	w.more = ",\"runtimeConfig\":{\"ips\":[\"fd00::2/64\"]}";
	assert_fails(
		&w, CNI_ADD, "c2", CNI_E_TAKEN,
		"requested IP address fd00::2 is not available in range set fd00::1-fd00::ffff:ffff:ffff:ffff: held by container c1, interface eth0");
	assert_int_equal(world_count(&w, "n"), 5);
	assert_int_equal(world_count(&w, ".weft"), 1);
}

static void requests_that_no_range_satisfies_are_refused(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	w.args = "IP=10.1.0.1";
	assert_fails(&w, CNI_ADD, "c1", CNI_E_CONFIG,
		     "requested ip 10.1.0.1 is subnet's gateway");
	w.args = "IP=10.1.0.7";
	w.more = ",\"runtimeConfig\":{\"ips\":[\"10.2.0.1\",\"10.1.0.3\"]}";
	assert_fails(&w, CNI_ADD, "c1", CNI_E_CONFIG,
		     "failed to allocate all requested IPs: 10.1.0.7 10.2.0.1");
	assert_int_equal(world_count(&w, "n"), 1);
}

static void a_gateway_elsewhere_is_refused_there_alone(void **state)
{
	cleanup_world struct world w = world_new(
		"[[{\"subnet\":\"10.1.0.0/29\",\"gateway\":\"10.1.0.5\"}]]");

	(void)state;
	w.args = "IP=10.1.0.5";
	assert_fails(&w, CNI_ADD, "c1", CNI_E_CONFIG,
		     "requested ip 10.1.0.5 is subnet's gateway");
	w.args = "IP=10.1.0.1";
	assert_adds(&w, "c1", "10.1.0.1");
}

static void a_requested_address_also_moves_the_last_reserved(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	w.args = "IP=10.1.0.4/8";
	assert_adds(&w, "c1", "10.1.0.4");
	w.args = "";
	assert_adds(&w, "c2", "10.1.0.5");
}

static void status_fails_where_add_would_fail(void **state)
{
	cleanup_world struct world w = world_new("[]");

	(void)state;
	assert_fails(&w, CNI_STATUS, "", CNI_E_CONFIG,
		     "no IP ranges specified");
	w.more = ",\"capabilities\":{\"ipRanges\":true}";
	assert_works(&w, CNI_STATUS, "");
	w.ranges = "[[{\"subnet\":\"10.1.0.0/31\"}]]";
	assert_fails(&w, CNI_STATUS, "", CNI_E_CONFIG, "too small");
	w.ranges = ONE;
	world_put_text(&w, "n/x", "");
	(void)strcat(w.dir, "/n/x");
	assert_fails(&w, CNI_STATUS, "", CNI_E_IO, "/n/x");
	w.dir[strlen(w.dir) - 4] = '\0';
}

static void check_notices_a_lease_that_is_gone_or_anothers(void **state)
{
	cleanup_world struct world w = world_new(DUAL);

	(void)state;
	assert_fails(
		&w, CNI_CHECK, "c1", CNI_E_CHECK,
		"host-local: Failed to find address added by container c1");
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	w.more = ",\"prevResult\":{\"cniVersion\":\"1.1.0\",\"ips\":["
		 "{\"address\":\"10.1.0.2/29\"},{\"address\":\"fd00::2/64\"},"
		 "{\"address\":\"192.0.2.1/24\"}]}";
	assert_works(&w, CNI_CHECK, "c1");
	world_put_text(&w, "n/fd00::2", "c2\r\neth0");
	/* One inode, two names: the other lease is c2's now, too. */
	world_put_text(&w, "n/10.1.0.3", "c1\r\neth0");
	assert_fails(&w, CNI_CHECK, "c1", CNI_E_CHECK,
		     "10.1.0.2 is not allocated to c1");
}

static void gc_removes_what_is_not_valid_and_nothing_else(void **state)
{
	cleanup_world struct world w = world_new(DUAL);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_adds(&w, "c2", "10.1.0.3 fd00::3");
	world_put_text(&w, "n/10.1.0.4", "c1");
	world_put_text(&w, "n/10.1.0.5", "c3");
	world_put_text(&w, "n/10.1.0.6", "not a lease");
	world_put_text(&w, "n/10.1.0.06", "c3\r\neth0");
	world_put_text(&w, "n/notes", "c3\r\neth0");
	world_lie(&w, "c9", "eth0", "c9 eth0 10.1.0.2");

	assert_fails(&w, CNI_GC, "", CNI_E_CONFIG, "cni.dev/valid-attachments");
	assert_int_equal(world_count(&w, "n"), 12);
	w.more =
		",\"cni.dev/valid-attachments\":[{\"containerID\":\"c1\",\"ifname\":\"eth0\"}]";
	assert_works(&w, CNI_GC, "");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c1\r\neth0");
	assert_string_equal(world_get(&w, "n/fd00::2"), "c1\r\neth0");
	assert_string_equal(world_get(&w, "n/10.1.0.4"), "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.6"), "not a lease");
	assert_string_equal(world_get(&w, "n/notes"), "c3\r\neth0");
	assert_int_equal(world_count(&w, "n"), 9);
	assert_int_equal(world_count(&w, ".weft"), 1);

	w.more = ",\"cni.dev/valid-attachments\":[]";
	assert_works(&w, CNI_GC, "");
	assert_int_equal(world_count(&w, "n"), 6);
	assert_int_equal(world_count(&w, ".weft"), 0);
}

static void gc_of_a_network_that_is_not_there_makes_nothing(void **state)
{
	cleanup_world struct world w = world_new("nonsense");

	(void)state;
	w.ranges = "5";
	w.more = ",\"cni.dev/valid-attachments\":[]";
	assert_works(&w, CNI_GC, "");
	assert_int_equal(rmdir(w.dir), 0);
}

static void a_million_addresses_with_thousands_taken_stay_quick(void **state)
{
	cleanup_world struct world w =
		world_new("[[{\"subnet\":\"10.0.0.0/12\"}]]");
	char name[64];

	(void)state;
	for (int i = 2; i < 3000; i++) {
		(void)snprintf(name, sizeof(name), "n/10.0.%d.%d", i / 256,
			       i % 256);
		world_put_text(&w, name, "other\r\neth0");
	}
	assert_adds(&w, "c1", "10.0.11.184");
	assert_adds(&w, "c2", "10.0.11.185");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leases_are_host_locals_to_the_byte),
		cmocka_unit_test(
			add_then_del_leaves_only_what_host_local_leaves),
		cmocka_unit_test(
			del_of_what_never_was_succeeds_and_makes_nothing),
		cmocka_unit_test(del_releases_whatever_the_ranges_say_by_now),
		cmocka_unit_test(the_same_attachment_adopts_its_addresses),
		cmocka_unit_test(
			other_interfaces_of_a_container_get_other_addresses),
		cmocka_unit_test(
			what_does_not_suit_the_request_is_refused_by_name),
		cmocka_unit_test(half_an_add_is_completed),
		cmocka_unit_test(a_network_may_grow_a_second_family),
		cmocka_unit_test(all_sets_or_none),
		cmocka_unit_test(an_add_that_fails_late_takes_its_leases_back),
		cmocka_unit_test(
			a_requested_address_that_is_taken_names_its_holder),
		cmocka_unit_test(requests_that_no_range_satisfies_are_refused),
		cmocka_unit_test(a_gateway_elsewhere_is_refused_there_alone),
		cmocka_unit_test(
			a_requested_address_also_moves_the_last_reserved),
		cmocka_unit_test(status_fails_where_add_would_fail),
		cmocka_unit_test(
			check_notices_a_lease_that_is_gone_or_anothers),
		cmocka_unit_test(gc_removes_what_is_not_valid_and_nothing_else),
		cmocka_unit_test(
			gc_of_a_network_that_is_not_there_makes_nothing),
		cmocka_unit_test(
			a_million_addresses_with_thousands_taken_stay_quick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
