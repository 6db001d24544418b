/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "net/addr.h"
#include "net/bridge.h"
#include "net/tap.h"
#include "net_lib.h"

enum { INDEX = 0x40003000 };

static const struct tap_opts opts = {
	.name = "tap0123456789a", .owner = 107, .group = 108, .index = INDEX
};

static const char alias[] = "weft1:bridge-vm:hybrid:vm1:eth0";

TEST(an_opened_tap_has_exactly_the_flags_that_were_asked)
{
	struct sandbox *s = *state;
	cleanup_close int fd = -1;
	struct tap_info t;
	uint32_t index;

	assert_works(tap_open(&opts, &fd, &index, &s->err), s->err);
	assert_int_equal(index, INDEX);
	assert_int_equal(if_nametoindex(opts.name), INDEX);
	assert_true((unsigned)fcntl(fd, F_GETFD) & (unsigned)FD_CLOEXEC);
	assert_works(tap_get(s->nl, opts.name, &t, &s->err), s->err);
	assert_int_equal(t.owner, 107);
	assert_int_equal(t.group, 108);
	assert_true(t.tap);
	assert_true(t.vnet_hdr);
	assert_false(t.packet_info);
	assert_false(t.multi_queue);
	assert_false(t.persist);
}

TEST(multi_queue_and_nobodys_tap)
{
	struct sandbox *s = *state;
	const struct tap_opts o = { .name = "tapmq",
				    .multi_queue = true,
				    .owner = TAP_ANYONE,
				    .group = TAP_ANYONE };
	cleanup_close int fd = -1;
	struct tap_info t;
	uint32_t index = 0;

	assert_works(tap_open(&o, &fd, &index, &s->err), s->err);
	assert_int_equal(if_nametoindex("tapmq"), index);
	assert_works(tap_get(s->nl, "tapmq", &t, &s->err), s->err);
	assert_true(t.multi_queue);
	assert_int_equal(t.queues, 1);
	assert_int_equal(t.owner, TAP_ANYONE);
	assert_int_equal(t.group, TAP_ANYONE);
}

TEST(a_tap_is_joined_as_it_was_made_and_never_made)
{
	struct sandbox *s = *state;
	const struct tap_opts one = { .name = "tap1", .index = INDEX };
	const struct tap_opts many = { .name = "tap2", .multi_queue = true };
	cleanup_close int a = -1, b = -1, c = -1;
	uint32_t first, second;

	assert_works(tap_open(&one, &a, &first, &s->err), s->err);
	assert_fails(tap_join("tap1", first, false, &c, &s->err), EBUSY, s->err,
		     "open tap tap1");
	assert_works(tap_persist(a, &s->err), s->err);
	(void)close(a);
	a = -1;
	assert_fails(tap_join("tap1", first, true, &c, &s->err), EINVAL, s->err,
		     "open tap tap1");
	assert_fails(tap_join("tap1", first + 1, false, &c, &s->err), ENODEV,
		     s->err, "open tap tap1");
	assert_fails(tap_join("tap3", 7, false, &c, &s->err), ENODEV, s->err,
		     "open tap tap3");
	assert_int_equal(if_nametoindex("tap3"), 0);
	assert_works(tap_join("tap1", first, false, &a, &s->err), s->err);
	assert_true((unsigned)fcntl(a, F_GETFD) & (unsigned)FD_CLOEXEC);
	assert_true((unsigned)fcntl(a, F_GETFL) & (unsigned)O_NONBLOCK);

	assert_works(tap_open(&many, &b, &second, &s->err), s->err);
	assert_works(tap_join("tap2", second, true, &c, &s->err), s->err);
	assert_int_equal(ioctl(a, TUNSETPERSIST, 0UL), 0);
}

TEST(closing_an_unfinished_tap_removes_it)
{
	struct sandbox *s = *state;
	int fd = -1;
	uint32_t index;

	assert_works(tap_open(&opts, &fd, &index, &s->err), s->err);
	assert_int_equal(count_links(s->nl), 2);
	(void)close(fd);
	assert_int_equal(count_links(s->nl), 1);
}

TEST(a_configured_persistent_tap_is_a_marked_port)
{
	struct sandbox *s = *state;
	const struct bridge_opts br = { .mac = mac_of("fe:00:00:00:00:01") };
	struct tap_conf c = { .mac = mac_of("fe:01:02:03:04:05"),
			      .mtu = 9000,
			      .alias = alias };
	cleanup_free struct ip_net *addrs = NULL;
	struct tap_info t;
	struct link_info l;
	uint32_t index;
	size_t n;
	int fd = -1;

	assert_works(bridge_create(s->nl, "br0", &br, &c.master, &s->err),
		     s->err);
	assert_works(tap_open(&opts, &fd, &index, &s->err), s->err);
	assert_works(tap_configure(s->nl, opts.name, &c, &s->err), s->err);
	assert_works(link_set_up(s->nl, index, true, &s->err), s->err);
	assert_works(tap_persist(fd, &s->err), s->err);
	(void)close(fd);

	assert_works(link_get(s->nl, opts.name, &l, &s->err), s->err);
	assert_int_equal(l.index, INDEX);
	assert_int_equal(l.master, c.master);
	assert_int_equal(l.mtu, 9000);
	assert_int_equal(l.group, LINK_GROUP_WEFT);
	assert_string_equal(l.alias, alias);
	assert_string_equal(l.kind, "tun");
	assert_true(mac_equal(&l.mac, &c.mac));
	assert_false(l.carrier); /* nobody holds it */
	assert_works(tap_get(s->nl, opts.name, &t, &s->err), s->err);
	assert_true(t.persist);
	assert_int_equal(t.queues, 0);
	assert_works(addr_list(s->nl, index, &addrs, &n, &s->err), s->err);
	assert_int_equal(n, 0);
}

/* What a VMM does: it must ask for the same, and then has carrier. */
TEST(a_vmm_opens_the_persistent_tap_with_the_same_flags_only)
{
	struct sandbox *s = *state;
	const struct tap_conf c = { .alias = alias };
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
					  IFF_MULTI_QUEUE };
	cleanup_close int vmm = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct link_info l;
	uint32_t index;
	int fd = -1;

	assert_works(tap_open(&opts, &fd, &index, &s->err), s->err);
	assert_works(tap_configure(s->nl, opts.name, &c, &s->err), s->err);
	assert_works(link_set_up(s->nl, index, true, &s->err), s->err);
	assert_works(tap_persist(fd, &s->err), s->err);
	(void)close(fd);

	memcpy(ifr.ifr_name, opts.name, strlen(opts.name));
	assert_int_equal(ioctl(vmm, TUNSETIFF, &ifr), -1);
	assert_int_equal(errno, EINVAL);
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	assert_int_equal(ioctl(vmm, TUNSETIFF, &ifr), 0);
	assert_works(link_get(s->nl, opts.name, &l, &s->err), s->err);
	assert_true(l.carrier);
}

TEST(a_taken_tap_name_is_eexist_whatever_holds_it)
{
	struct sandbox *s = *state;
	struct tap_opts o = opts;
	cleanup_close int fd = -1;
	int second = -1;
	uint32_t index;

	assert_works(tap_open(&opts, &fd, &index, &s->err), s->err);
	assert_fails(tap_open(&opts, &second, &index, &s->err), EEXIST, s->err,
		     "interface tap0123456789a exists already");
	assert_int_equal(s->err.code, CNI_E_TAKEN);
	o.name = "lo";
	assert_fails(tap_open(&o, &second, &index, &s->err), EEXIST, s->err,
		     "interface lo exists already");
	o.index = 0;
	assert_fails(tap_open(&o, &second, &index, &s->err), EEXIST, s->err,
		     "interface lo exists already");
	assert_int_equal(second, -1);
	assert_int_equal(count_links(s->nl), 2);
}

TEST(a_taken_ifindex_moves_on_to_the_next)
{
	struct sandbox *s = *state;
	struct tap_opts o = opts;
	cleanup_close int a = -1, b = -1, c = -1;
	uint32_t index;

	assert_works(tap_open(&o, &a, &index, &s->err), s->err);
	o.name = "tapb";
	assert_works(tap_open(&o, &b, &index, &s->err), s->err);
	assert_int_equal(index, INDEX + 1);
	o.name = "tapc";
	assert_works(tap_open(&o, &c, &index, &s->err), s->err);
	assert_int_equal(index, INDEX + 2);
	assert_int_equal(if_nametoindex("tapc"), INDEX + 2);
}

TEST(refusals_name_the_tap_and_the_kernels_reason)
{
	struct sandbox *s = *state;
	struct tap_conf c = { .mtu = 70000, .alias = alias };
	struct tap_opts o = opts;
	struct tap_info t;
	uint32_t index;
	int fd = -1;

	assert_fails(tap_configure(s->nl, "nope", &c, &s->err), ENODEV, s->err,
		     "configure tap nope");
	o.name = "tap%d";
	assert_fails(tap_open(&o, &fd, &index, &s->err), EINVAL, s->err,
		     "\"tap%d\" is not an interface name");
	assert_fails(tap_get(s->nl, "lo", &t, &s->err), EMEDIUMTYPE, s->err,
		     "find tap lo: not a tun but without a kind");
	assert_works(tap_open(&opts, &fd, &index, &s->err), s->err);
	assert_fails(tap_configure(s->nl, opts.name, &c, &s->err), EINVAL,
		     s->err, "configure tap tap0123456789a");
	assert_non_null(strstr(s->err.details, "mtu greater"));
	(void)close(fd);
	assert_int_equal(count_links(s->nl), 1);
}

TEST(without_dev_net_tun_the_error_says_so)
{
	struct sandbox *s = *state;
	uint32_t index;
	int fd = -1;

	assert_int_equal(mount("tmpfs", "/dev/net", "tmpfs", 0, NULL), 0);
	assert_fails(tap_open(&opts, &fd, &index, &s->err), ENOENT, s->err,
		     "open /dev/net/tun");
	assert_int_equal(umount("/dev/net"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(an_opened_tap_has_exactly_the_flags_that_were_asked),
		in_sandbox(multi_queue_and_nobodys_tap),
		in_sandbox(a_tap_is_joined_as_it_was_made_and_never_made),
		in_sandbox(closing_an_unfinished_tap_removes_it),
		in_sandbox(a_configured_persistent_tap_is_a_marked_port),
		in_sandbox(
			a_vmm_opens_the_persistent_tap_with_the_same_flags_only),
		in_sandbox(a_taken_tap_name_is_eexist_whatever_holds_it),
		in_sandbox(a_taken_ifindex_moves_on_to_the_next),
		in_sandbox(refusals_name_the_tap_and_the_kernels_reason),
		in_sandbox(without_dev_net_tun_the_error_says_so),
	};

	return RUN(tests);
}
