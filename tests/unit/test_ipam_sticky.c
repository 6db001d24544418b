/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that go with a key: ADD, DEL, GC, and whoever else comes. */
#include "cni/key.h"
#include "ipam_world.h"

#define KEY(k) ",\"allocationKey\":\"" k "\""
#define ASKED(k)                                  \
	",\"perAttachment\":[\"allocationKey\"]," \
	"\"args\":{\"cni\":{\"allocationKey\":\"" k "\"}}"
#define SILENT KEY("vm1") ",\"onConflict\":\"silent\""
#define VALID(id)                                                      \
	",\"cni.dev/valid-attachments\":[{\"containerID\":\"" id "\"," \
	"\"ifname\":\"eth0\"}]"

static struct world keyed(const char *ranges, const char *more)
{
	struct world w = world_new(ranges);

	w.more = more;
	return w;
}

static int records(const struct world *w)
{
	return world_count(w, ".weft");
}

static void the_next_container_has_the_addresses(void **state)
{
	cleanup_world struct world w = keyed(DUAL, KEY("vm1"));

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_false(w.adopted);
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c1\r\neth0");
	assert_string_equal(world_get(&w, "n/fd00::2"), "c1\r\neth0");
	assert_works(&w, CNI_CHECK, "c1");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.2"),
			    "weft-key.vm1\r\neth0");
	assert_string_equal(world_get(&w, "n/fd00::2"), "weft-key.vm1\r\neth0");
	assert_int_equal(records(&w), 1);
	assert_fails(&w, CNI_CHECK, "c1", CNI_E_CHECK, "Failed to find");
	assert_works(&w, CNI_DEL, "c1");
	assert_int_equal(world_count(&w, "n"), 5);

	w.more = "";
	assert_adds(&w, "x", "10.1.0.3 fd00::3");
	w.more = ASKED("vm1");
	assert_adds(&w, "c2", "10.1.0.2 fd00::2");
	assert_false(w.adopted);
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c2\r\neth0");
	assert_string_equal(world_get(&w, "n/fd00::2"), "c2\r\neth0");
	assert_works(&w, CNI_CHECK, "c2");
	assert_adds(&w, "c2", "10.1.0.2 fd00::2");
	assert_true(w.adopted);
	assert_works(&w, CNI_DEL, "c2");
	assert_adds(&w, "c3", "10.1.0.2 fd00::2");
	assert_string_equal(world_index(&w, "c3", "eth0"),
			    "c3 eth0 10.1.0.2 fd00::2");
	assert_string_equal(world_index(&w, "weft-key.vm1", "eth0"), "-");
	assert_string_equal(world_index(&w, "c2", "eth0"), "-");
}

static void a_second_holder_is_refused_by_name(void **state)
{
	cleanup_world struct world w = keyed(ONE, KEY("vm1"));

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	assert_fails(&w, CNI_ADD, "c2", CNI_E_TAKEN,
		     "allocationKey \"vm1\" of network \"n\", interface eth0: "
		     "held by container c1");
	assert_works(&w, CNI_DEL, "c2");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c1\r\neth0");
	assert_works(&w, CNI_CHECK, "c1");
	assert_int_equal(world_call(&w, CNI_ADD, "c2", "eth1"), 0);
	assert_string_equal(w.ips, "10.1.0.3");
	w.more = KEY("vm2");
	assert_adds(&w, "c3", "10.1.0.4");
	w.more = KEY("vm1");
	assert_works(&w, CNI_DEL, "c1");
	assert_adds(&w, "c4", "10.1.0.2");
}

/* Its DEL was host-local's, or had no key: there is nothing to hold it by. */
static void a_holder_without_leases_is_none(void **state)
{
	cleanup_world struct world w = keyed(ONE, KEY("vm1"));
	char path[PATH_MAX];

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	w.more = "";
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "-");
	w.more = KEY("vm1");
	assert_adds(&w, "c2", "10.1.0.3");
	world_path(&w, "n/10.1.0.3", path);
	assert_int_equal(unlink(path), 0);
	assert_adds(&w, "c3", "10.1.0.4");
	/* Late, and not of what another has. */
	assert_works(&w, CNI_DEL, "c2");
	assert_works(&w, CNI_DEL, "c1");
	assert_fails(&w, CNI_ADD, "c4", CNI_E_TAKEN, "held by container c3");
}

static void gc_frees_what_no_container_has(void **state)
{
	cleanup_world struct world w = keyed(DUAL, KEY("vm1"));

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	w.more = KEY("vm2");
	assert_adds(&w, "c2", "10.1.0.3 fd00::3");
	assert_works(&w, CNI_DEL, "c2");
	w.more = VALID("c1");
	assert_works(&w, CNI_GC, "");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c1\r\neth0");
	assert_string_equal(world_get(&w, "n/10.1.0.3"), "-");
	assert_int_equal(records(&w), 2); /* the entry and the key of c1 */
	w.more = VALID("other");
	assert_works(&w, CNI_GC, "");
	assert_int_equal(records(&w), 0);
	w.more = KEY("vm1");
	assert_adds(&w, "c3", "10.1.0.4 fd00::4");
}

static void the_keys_own_container_id_frees_it(void **state)
{
	cleanup_world struct world w = keyed(DUAL, KEY("vm1"));

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_works(&w, CNI_DEL, "c1");
	w.more = "";
	assert_works(&w, CNI_DEL, "weft-key.vm1");
	assert_int_equal(world_count(&w, "n"), 3);
	assert_int_equal(records(&w), 0);
}

/* Nothing is taken back from whoever had it, nor left with who failed. */
static void a_failed_add_leaves_the_addresses_to_the_key(void **state)
{
	cleanup_world struct world w = keyed(ONE, KEY("vm1"));

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	assert_works(&w, CNI_DEL, "c1");
	w.args = "IP=10.1.0.5";
	assert_fails(&w, CNI_ADD, "c2", CNI_E_TAKEN, "10.1.0.2 has been");
	w.args = "";
	assert_string_equal(world_get(&w, "n/10.1.0.2"),
			    "weft-key.vm1\r\neth0");
	assert_int_equal(records(&w), 1);
	assert_adds(&w, "c3", "10.1.0.2");
	w.more = KEY("vm2");
	w.args = "IP=10.1.0.2";
	assert_fails(&w, CNI_ADD, "c4", CNI_E_TAKEN, "10.1.0.2");
	assert_int_equal(records(&w), 2);
}

/* After any step of a DEL that was killed, another DEL ends it, and so does an
 * ADD of the same container. */
static void half_a_move_is_finished(void **state)
{
	cleanup_world struct world w = keyed(DUAL, KEY("vm1"));

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	world_put_text(&w, "n/new", "weft-key.vm1\r\neth0");
	{
		char from[PATH_MAX], to[PATH_MAX];

		world_path(&w, "n/new", from);
		world_path(&w, "n/10.1.0.2", to);
		assert_int_equal(rename(from, to), 0);
	}
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c1\r\neth0");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/fd00::2"), "weft-key.vm1\r\neth0");
	assert_adds(&w, "c2", "10.1.0.2 fd00::2");
	world_put_text(&w, "n/new", "weft-key.vm1\r\neth0");
	{
		char from[PATH_MAX], to[PATH_MAX];

		world_path(&w, "n/new", from);
		world_path(&w, "n/fd00::2", to);
		assert_int_equal(rename(from, to), 0);
	}
	assert_works(&w, CNI_DEL, "c2");
	assert_string_equal(world_get(&w, "n/10.1.0.2"),
			    "weft-key.vm1\r\neth0");
	assert_adds(&w, "c3", "10.1.0.2 fd00::2");
	assert_int_equal(world_count(&w, "n"), 5);
}

static void age(const struct world *w, const char *name)
{
	const struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
				       { .tv_sec = time(NULL) - YEARS } };
	char path[PATH_MAX];

	world_path(w, name, path);
	assert_int_equal(utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW), 0);
}

static void age_record(const struct world *w, const char *holder)
{
	const struct cni_attachment of = { "n", holder, "eth0" };
	char name[64];

	(void)snprintf(name, sizeof(name), ".weft/n/key-%016llx",
		       (unsigned long long)cni_attachment_hash(&of));
	age(w, name);
}

static void a_holder_from_before_the_boot_has_lost_it(void **state)
{
	cleanup_world struct world w = keyed(ONE, KEY("vm1"));

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	age(&w, "n/10.1.0.2");
	assert_fails(&w, CNI_ADD, "c2", CNI_E_TAKEN, "held by container c1");
	age_record(&w, "weft-key.vm1");
	assert_adds(&w, "c2", "10.1.0.2");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c2\r\neth0");
	assert_works(&w, CNI_DEL, "c1");
	assert_works(&w, CNI_CHECK, "c2");
	age_record(&w, "weft-key.vm1");
	assert_fails(&w, CNI_ADD, "c3", CNI_E_TAKEN, "held by container c2");
}

/* A full range takes what no guest has survived, but not what is a key's. */
static void a_boot_does_not_free_a_key(void **state)
{
	cleanup_world struct world w =
		keyed("[[{\"subnet\":\"10.1.0.0/30\"}]]", KEY("vm1"));
	char name[64];

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	assert_works(&w, CNI_DEL, "c1");
	age(&w, "n/10.1.0.2");
	world_index_name("weft-key.vm1", "eth0", name);
	age(&w, name);
	w.more = "";
	assert_fails(&w, CNI_ADD, "c2", CNI_E_RETRY, "no IP addresses");
	w.more = KEY("vm1");
	assert_adds(&w, "c3", "10.1.0.2");
}

static void who_may_ask_for_what(void **state)
{
	cleanup_world struct world w = world_new(ONE);

	(void)state;
	w.args = "ALLOCATION_KEY=vm1";
	assert_fails(&w, CNI_ADD, "c1", CNI_E_CONFIG,
		     "allocationKey \"vm1\" asked for by this attachment: "
		     "network \"n\" does not list");
	w.more = ",\"perAttachment\":[\"vlan\",\"allocationKey\"]";
	assert_adds(&w, "c1", "10.1.0.2");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.2"),
			    "weft-key.vm1\r\neth0");
	w.more = ASKED("vm2");
	assert_adds(&w, "c1", "10.1.0.3");
	w.args = "";
	w.more = KEY("a/b");
	assert_fails(&w, CNI_ADD, "c2", CNI_E_CONFIG, "\"a/b\": must be 1 to");
	w.more = ",\"allocationKey\":7";
	assert_fails(&w, CNI_ADD, "c2", CNI_E_DECODE, "key \"allocationKey\"");
	w.more = KEY("x") ",\"onConflict\":\"loud\"";
	assert_fails(&w, CNI_ADD, "c2", CNI_E_CONFIG, "\"loud\"");
	/* What is wrong with it keeps nothing from being freed. */
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.3"), "-");
}

static void age_waiting(const struct world *w)
{
	const struct cni_attachment of = { "n", "weft-key.vm1", "eth0" };
	char name[64];

	(void)snprintf(name, sizeof(name), ".weft/n/next-%016llx",
		       (unsigned long long)cni_attachment_hash(&of));
	age(w, name);
}

/* The VM has come: it has the addresses and they are its own. */
static void who_waits_has_the_addresses_after_the_first_ones_del(void **state)
{
	cleanup_world struct world w = keyed(DUAL, SILENT);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_adds(&w, "c2", "10.1.0.2 fd00::2");
	assert_false(w.adopted);
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c1\r\neth0");
	assert_works(&w, CNI_CHECK, "c1");
	assert_works(&w, CNI_CHECK, "c2");
	assert_adds(&w, "c2", "10.1.0.2 fd00::2");
	assert_true(w.adopted);
	assert_fails(&w, CNI_ADD, "c3", CNI_E_TAKEN,
		     "container c2 waits for it already");
	assert_fails(&w, CNI_CHECK, "c3", CNI_E_CHECK, "Failed to find");
	assert_works(&w, CNI_DEL, "c3");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c2\r\neth0");
	assert_string_equal(world_get(&w, "n/fd00::2"), "c2\r\neth0");
	assert_string_equal(world_index(&w, "c2", "eth0"),
			    "c2 eth0 10.1.0.2 fd00::2");
	assert_int_equal(records(&w), 2); /* the entry and the key */
	assert_works(&w, CNI_CHECK, "c2");
	assert_works(&w, CNI_DEL, "c1");
	w.more = KEY("vm1");
	assert_fails(&w, CNI_ADD, "c3", CNI_E_TAKEN, "held by container c2");
	assert_works(&w, CNI_DEL, "c2");
	assert_string_equal(world_get(&w, "n/10.1.0.2"),
			    "weft-key.vm1\r\neth0");
	assert_int_equal(records(&w), 1);
}

/* It has stayed where it was. */
static void who_waits_takes_nothing_along(void **state)
{
	cleanup_world struct world w = keyed(DUAL, SILENT);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_adds(&w, "c2", "10.1.0.2 fd00::2");
	assert_works(&w, CNI_DEL, "c2");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c1\r\neth0");
	assert_int_equal(records(&w), 2);
	assert_works(&w, CNI_CHECK, "c1");
	assert_fails(&w, CNI_CHECK, "c2", CNI_E_CHECK, "Failed to find");
	assert_adds(&w, "c3", "10.1.0.2 fd00::2");
	assert_works(&w, CNI_DEL, "c3");
	assert_works(&w, CNI_DEL, "c1");
	assert_string_equal(world_get(&w, "n/10.1.0.2"),
			    "weft-key.vm1\r\neth0");
}

static void a_failed_add_does_not_wait(void **state)
{
	cleanup_world struct world w = keyed(ONE, SILENT);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2");
	w.args = "IP=10.1.0.5";
	assert_fails(&w, CNI_ADD, "c2", CNI_E_TAKEN, "10.1.0.2 has been");
	w.args = "";
	assert_int_equal(records(&w), 2);
	assert_adds(&w, "c3", "10.1.0.2");
	age_waiting(&w);
	assert_adds(&w, "c4", "10.1.0.2");
}

static void gc_gives_to_who_waits(void **state)
{
	cleanup_world struct world w = keyed(DUAL, SILENT);

	(void)state;
	assert_adds(&w, "c1", "10.1.0.2 fd00::2");
	assert_adds(&w, "c2", "10.1.0.2 fd00::2");
	w.more = VALID("c2");
	assert_works(&w, CNI_GC, "");
	assert_string_equal(world_get(&w, "n/10.1.0.2"), "c2\r\neth0");
	assert_int_equal(records(&w), 2);
	w.more = SILENT;
	assert_adds(&w, "c3", "10.1.0.2 fd00::2");
	w.more = VALID("c2");
	assert_works(&w, CNI_GC, "");
	assert_int_equal(records(&w), 2);
	w.more = SILENT;
	assert_adds(&w, "c4", "10.1.0.2 fd00::2");
	w.more = VALID("other");
	assert_works(&w, CNI_GC, "");
	assert_int_equal(records(&w), 0);
	assert_int_equal(world_count(&w, "n"), 3);
}

/* Killed when all was given away, but not yet the name. */
static void half_a_handover_is_finished(void **state)
{
	cleanup_world struct world w = keyed(ONE, SILENT);

	(void)state;
	for (int again = 0; again < 2; again++) {
		char from[PATH_MAX], to[PATH_MAX];

		assert_adds(&w, "c1", "10.1.0.2");
		assert_adds(&w, "c2", "10.1.0.2");
		world_put_text(&w, "n/new", "c2\r\neth0");
		world_path(&w, "n/new", from);
		world_path(&w, "n/10.1.0.2", to);
		assert_int_equal(rename(from, to), 0);
		assert_fails(&w, CNI_ADD, "c3", CNI_E_TAKEN, "c2");
		if (again)
			assert_works(&w, CNI_DEL, "c1");
		assert_works(&w, CNI_CHECK, "c2");
		assert_works(&w, CNI_DEL, "c2");
		assert_string_equal(world_get(&w, "n/10.1.0.2"),
				    "weft-key.vm1\r\neth0");
	}
}

static void a_key_has_its_mac_on_every_machine(void **state)
{
	const struct cni_attachment a = { "n", "c1", "eth0" };
	const struct cni_attachment b = { "n", "c2", "eth0" };
	const struct cni_attachment c = { "n", "c1", "eth1" };
	struct cni_key key, other;
	char text[MAC_STR_SIZE];
	struct mac m, mac;

	(void)state;
	cni_key_set(&key, "vm1");
	cni_key_set(&other, "vm2");
	mac = cni_key_mac(&key, &a);
	m = cni_key_mac(&key, &b);
	assert_true(mac_equal(&mac, &m));
	m = cni_key_mac(&key, &c);
	assert_false(mac_equal(&mac, &m));
	m = cni_key_mac(&other, &a);
	assert_false(mac_equal(&mac, &m));
	assert_int_equal(mac.b[0], 2);
	(void)mac_format(&mac, text);
	assert_string_equal(text, "02:46:fa:c9:65:48");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_container_has_the_addresses),
		cmocka_unit_test(a_second_holder_is_refused_by_name),
		cmocka_unit_test(a_holder_without_leases_is_none),
		cmocka_unit_test(gc_frees_what_no_container_has),
		cmocka_unit_test(the_keys_own_container_id_frees_it),
		cmocka_unit_test(a_failed_add_leaves_the_addresses_to_the_key),
		cmocka_unit_test(half_a_move_is_finished),
		cmocka_unit_test(a_holder_from_before_the_boot_has_lost_it),
		cmocka_unit_test(a_boot_does_not_free_a_key),
		cmocka_unit_test(who_may_ask_for_what),
		cmocka_unit_test(
			who_waits_has_the_addresses_after_the_first_ones_del),
		cmocka_unit_test(who_waits_takes_nothing_along),
		cmocka_unit_test(a_failed_add_does_not_wait),
		cmocka_unit_test(gc_gives_to_who_waits),
		cmocka_unit_test(half_a_handover_is_finished),
		cmocka_unit_test(a_key_has_its_mac_on_every_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
