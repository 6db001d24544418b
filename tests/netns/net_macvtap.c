/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "net/macvlan.h"
#include "net/macvtap.h"
#include "net/node.h"
#include "net/veth.h"
#include "net_lib.h"

#define NAME "mvt0123456789a"
#define OTHER "mvt0123456789b"

enum { INDEX = 0x40003000, PARENT_INDEX = 0x40001000 };

static int elsewhere = -1;

/* A parent, and a /dev that only this test has. */
static int setup(void **state)
{
	struct veth_opts o = { .host_name = "p0",
			       .guest_name = "p1",
			       .host_mac = mac_of("fe:00:00:00:00:01"),
			       .host_index = PARENT_INDEX,
			       .guest_index = PARENT_INDEX,
			       .alias = "parent" };
	struct sandbox *s;
	struct veth v;

	if (sandbox_setup(state))
		return -1;
	s = *state;
	elsewhere = o.netns = new_netns();
	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	assert_works(link_set_up(s->nl, PARENT_INDEX, true, &s->err), s->err);
	return mount("dev", NODE_DIR, "tmpfs", 0, "mode=755");
}

static int teardown(void **state)
{
	assert_int_equal(umount2(NODE_DIR, MNT_DETACH), 0);
	(void)close(elsewhere);
	return sandbox_teardown(state);
}

#define on_parent(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void make(struct sandbox *s, int netns, uint32_t queues)
{
	const struct macvlan_opts o = {
		.name = "tap0",
		.parent = PARENT_INDEX,
		.netns = netns,
		.mode = macvlan_mode("bridge"),
		.mac = mac_of(netns < 0 ? "02:00:00:00:00:01"
					: "02:00:00:00:00:02"),
		.index = INDEX,
		.tap_queues = queues,
	};
	uint32_t index;

	assert_works(macvlan_create(s->nl, &o, &index, &s->err), s->err);
	assert_int_equal(index, INDEX);
}

TEST(it_is_made_with_its_queues_which_hold_frames)
{
	struct sandbox *s = *state;
	struct macvlan_info info;
	struct link_info l;

	make(s, s->guest, 4);
	assert_works(link_get(s->guest_nl, "tap0", &l, &s->err), s->err);
	assert_string_equal(l.kind, "macvtap");
	assert_int_equal(l.group, LINK_GROUP_WEFT);
	assert_int_equal(l.tx_queues, 4);
	assert_int_equal(l.tx_queue_len, 1000);
	assert_works(macvlan_get(s->guest_nl, "tap0", true, &info, &s->err),
		     s->err);
	assert_int_equal(info.mode, macvlan_mode("bridge"));
	assert_fails(macvlan_get(s->guest_nl, "tap0", false, &info, &s->err),
		     EMEDIUMTYPE, s->err, "not a macvlan but a macvtap");
	assert_fails(macvlan_get(s->nl, "p0", true, &info, &s->err),
		     EMEDIUMTYPE, s->err, "find macvtap p0: not a macvtap");
}

static dev_t number_in(struct sandbox *s, int netns)
{
	cleanup_netns_leave int home = -1;
	dev_t ret = 0;

	assert_works(netns_enter(netns, &home, &s->err), s->err);
	assert_works(macvtap_number("tap0", INDEX, &ret, &s->err), s->err);
	return ret;
}

TEST(its_number_is_that_of_its_namespace)
{
	struct sandbox *s = *state;
	dev_t one, two;

	/* In this order: some kernels would miss the index in both. */
	make(s, s->guest, 1);
	make(s, -1, 1);
	one = number_in(s, s->host);
	two = number_in(s, s->guest);
	assert_int_equal(major(one), major(two));
	assert_int_not_equal(minor(one), minor(two));
	assert_int_not_equal(minor(one), 0);
}

TEST(what_is_no_macvtap_has_no_number)
{
	struct sandbox *s = *state;
	dev_t unchanged = 4711;

	assert_fails(macvtap_number("p0", PARENT_INDEX, &unchanged, &s->err),
		     ENOENT, s->err, "character device of p0");
	assert_fails(macvtap_number("no", 7, &unchanged, &s->err), ENOENT,
		     s->err, "class/net/no/tap7/dev");
	assert_int_equal(unchanged, 4711);
}

static void assert_sysctl(const char *path, const char *want)
{
	char text[32] = "";
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	(void)fclose(f);
	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(text, want);
}

TEST(the_stack_keeps_off_it_and_multicast_comes_through)
{
	struct sandbox *s = *state;
	struct link_info l;

	make(s, -1, 1);
	assert_works(macvtap_quiet(s->nl, INDEX, "whose", &s->err), s->err);
	assert_works(macvtap_raise(s->nl, INDEX, &s->err), s->err);
	assert_works(link_get(s->nl, "tap0", &l, &s->err), s->err);
	assert_string_equal(l.alias, "whose");
	assert_true((l.flags & IFF_UP) && (l.flags & IFF_ALLMULTI));
	assert_sysctl("/proc/sys/net/ipv4/conf/tap0/arp_ignore", "8");
	assert_sysctl("/proc/sys/net/ipv4/conf/tap0/forwarding", "0");
	assert_sysctl("/proc/sys/net/ipv6/conf/tap0/addr_gen_mode", "1");
	assert_fails(macvtap_quiet(s->nl, 4711, "whose", &s->err), ENODEV,
		     s->err, "mark interface 4711");
	assert_fails(macvtap_raise(s->nl, 4711, &s->err), ENODEV, s->err,
		     "bring up");
}

static struct node node_of(const char *name, dev_t number)
{
	return (struct node){ .name = name,
			      .number = number,
			      .index = INDEX,
			      .owner = 107,
			      .group = 108,
			      .mode = 0640 };
}

static ino_t inode(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

static void kernels_node(dev_t number)
{
	char path[64];

	(void)snprintf(path, sizeof(path), NODE_DIR "/tap%d", INDEX);
	assert_int_equal(mknod(path, S_IFCHR | 0600, number), 0);
}

#define KERNELS NODE_DIR "/tap1073754112" /* INDEX */

static void assert_node(struct sandbox *s, const char *name, dev_t number)
{
	struct node n;

	assert_works(node_get(name, &n, &s->err), s->err);
	assert_int_equal(n.number, number);
	assert_int_equal(n.owner, 107);
	assert_int_equal(n.group, 108);
	assert_int_equal(n.mode, 0640);
}

TEST(the_kernels_own_node_gets_a_second_name)
{
	struct sandbox *s = *state;
	const dev_t number = makedev(1, 3);
	const struct node n = node_of(NAME, number);

	kernels_node(number);
	assert_works(node_make(&n, &s->err), s->err);
	assert_node(s, NAME, number);
	assert_int_equal(inode(NODE_DIR "/" NAME), inode(KERNELS));
	assert_int_equal(inode(NODE_DIR "/." NAME), 0);
	assert_works(node_remove(NAME, &s->err), s->err);
	assert_int_not_equal(inode(KERNELS), 0);
}

TEST(one_that_is_anothers_is_left_alone)
{
	struct sandbox *s = *state;
	const dev_t number = makedev(1, 3);
	const struct node n = node_of(NAME, number);
	struct stat st;

	kernels_node(makedev(1, 5));
	assert_works(node_make(&n, &s->err), s->err);
	assert_node(s, NAME, number);
	assert_int_equal(stat(KERNELS, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_nlink, 1);
}

TEST(an_old_node_opens_no_new_device)
{
	struct sandbox *s = *state;
	const dev_t number = makedev(1, 3);
	const struct node n = node_of(NAME, number);

	assert_int_equal(mknod(NODE_DIR "/" OTHER, S_IFCHR | 0666, number), 0);
	assert_int_equal(
		mknod(NODE_DIR "/" NAME, S_IFCHR | 0666, makedev(1, 5)), 0);
	assert_int_equal(mknod(NODE_DIR "/." NAME, S_IFREG, 0), 0);
	assert_works(node_make(&n, &s->err), s->err);
	assert_node(s, NAME, number);
	assert_int_equal(inode(NODE_DIR "/" OTHER), 0);
}

TEST(what_is_no_device_is_said)
{
	struct sandbox *s = *state;
	const struct node n = node_of(NAME, makedev(1, 3));
	struct node unused;

	assert_fails(node_get(NAME, &unused, &s->err), ENOENT, s->err, NAME);
	assert_int_equal(mkdir(NODE_DIR "/" NAME, 0700), 0);
	assert_fails(node_get(NAME, &unused, &s->err), ENODEV, s->err,
		     "no character device");
	assert_fails(node_make(&n, &s->err), EISDIR, s->err,
		     "make " NODE_DIR "/" NAME ", a node of device 1:3");
	assert_int_equal(rmdir(NODE_DIR "/" NAME), 0);
	assert_works(node_remove(NAME, &s->err), s->err);
	assert_int_equal(inode(NODE_DIR "/." NAME), 0);
	assert_works(node_remove(NAME, &s->err), s->err);
}

TEST(nodes_without_a_device_are_collected)
{
	static const char *const names[] = { NAME, OTHER, "mvt0123456789c",
					     "mvt0123456789",
					     "mvt0123456789x" };
	struct sandbox *s = *state;
	const dev_t dead = makedev(1, 200);
	char path[64];

	for (size_t i = 0; i < 5; i++) {
		(void)snprintf(path, sizeof(path), NODE_DIR "/%s", names[i]);
		assert_int_equal(mknod(path, S_IFCHR | (i == 1 ? 0 : 0600),
				       i && i < 3 ? makedev(1, 3) : dead),
				 0);
	}
	assert_int_equal(mount("sysfs", "/sys", "sysfs", 0, NULL), 0);
	assert_works(node_collect(&s->err), s->err);
	assert_int_equal(umount("/sys"), 0);
	assert_int_equal(inode(NODE_DIR "/" NAME), 0);	/* dead */
	assert_int_equal(inode(NODE_DIR "/" OTHER), 0); /* closed */
	assert_int_not_equal(inode(NODE_DIR "/mvt0123456789c"), 0);
	assert_int_not_equal(inode(NODE_DIR "/mvt0123456789"), 0);
	assert_int_not_equal(inode(NODE_DIR "/mvt0123456789x"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_parent(it_is_made_with_its_queues_which_hold_frames),
		on_parent(its_number_is_that_of_its_namespace),
		on_parent(what_is_no_macvtap_has_no_number),
		on_parent(the_stack_keeps_off_it_and_multicast_comes_through),
		on_parent(the_kernels_own_node_gets_a_second_name),
		on_parent(one_that_is_anothers_is_left_alone),
		on_parent(an_old_node_opens_no_new_device),
		on_parent(what_is_no_device_is_said),
		on_parent(nodes_without_a_device_are_collected),
	};

	return RUN(tests);
}
