/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "net/bridge.h"
#include "net_lib.h"

static const struct bridge_opts plain = { 0 };

TEST(bridge_create_sets_mac_mtu_group_and_alias)
{
	struct sandbox *s = *state;
	const struct bridge_opts o = { .mtu = 9000,
				       .mac = mac_of("fe:00:00:00:00:01"),
				       .alias = "weft1:bridge-vm:hybrid" };
	struct link_info l;
	uint32_t index = 0;

	assert_works(bridge_create(s->nl, "weft0", &o, &index, &s->err),
		     s->err);
	assert_works(link_get(s->nl, "weft0", &l, &s->err), s->err);
	assert_int_equal(l.index, index);
	assert_string_equal(l.kind, "bridge");
	assert_string_equal(l.alias, o.alias);
	assert_int_equal(l.mtu, 9000);
	assert_int_equal(l.group, LINK_GROUP_WEFT);
	assert_true(mac_equal(&l.mac, &o.mac));
	assert_false(l.flags & IFF_UP);
}

TEST(a_taken_bridge_name_is_eexist_and_the_stranger_is_untouched)
{
	struct sandbox *s = *state;
	const struct bridge_opts o = { .mtu = 1400, .alias = "ours" };
	struct link_info l;
	uint32_t index = 77;

	assert_fails(bridge_create(s->nl, "lo", &o, &index, &s->err), EEXIST,
		     s->err, "create bridge lo");
	assert_int_equal(index, 77);
	assert_works(link_get(s->nl, "lo", &l, &s->err), s->err);
	assert_string_equal(l.alias, "");
	assert_int_equal(l.mtu, 65536);
}

TEST(a_refused_bridge_option_leaves_no_bridge)
{
	struct sandbox *s = *state;
	const struct bridge_opts o = { .mtu = 70000 };
	uint32_t index;

	assert_fails(bridge_create(s->nl, "br0", &o, &index, &s->err), EINVAL,
		     s->err, "create bridge br0");
	assert_string_equal(s->err.details,
			    "kernel=\"mtu greater than device maximum\"");
	assert_int_equal(count_links(s->nl), 1);
}

TEST(names_that_are_none_or_templates_are_refused)
{
	static const char *const bad[] = {
		"", ".", "..", "a/b", "a:b", "a b", "br%d", "sixteen-bytes-xx"
	};
	struct sandbox *s = *state;
	uint32_t index;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(
			bridge_create(s->nl, bad[i], &plain, &index, &s->err),
			EINVAL, s->err, "not an interface name");
	assert_int_equal(count_links(s->nl), 1);
}

TEST(absent_devices_are_enodev_by_name_index_and_altname)
{
	struct sandbox *s = *state;
	struct link_info l;

	assert_fails(link_get(s->nl, "nope", &l, &s->err), ENODEV, s->err,
		     "nope");
	assert_fails(link_get_index(s->nl, 4711, &l, &s->err), ENODEV, s->err,
		     "4711");
	assert_fails(
		link_get_altname(s->nl, "weft-0123456789abcdef", &l, &s->err),
		ENODEV, s->err, "weft-0123456789abcdef");
	assert_fails(link_delete(s->nl, 4711, &s->err), ENODEV, s->err,
		     "delete interface 4711");
	assert_fails(link_set_up(s->nl, 4711, true, &s->err), ENODEV, s->err,
		     "bring up interface 4711");
	assert_fails(link_delete(s->nl, 0, &s->err), EINVAL, s->err,
		     "interface 0");
}

TEST(setters_change_what_they_name)
{
	struct sandbox *s = *state;
	const struct mac mac = mac_of("02:12:34:56:78:9a");
	struct link_info l;
	uint32_t i;

	assert_works(bridge_create(s->nl, "br0", &plain, &i, &s->err), s->err);
	assert_works(link_set_mtu(s->nl, i, 1280, &s->err), s->err);
	assert_works(link_set_mac(s->nl, i, &mac, &s->err), s->err);
	assert_works(link_set_alias(s->nl, i, "an alias", &s->err), s->err);
	assert_works(link_set_up(s->nl, i, true, &s->err), s->err);
	assert_works(link_get_index(s->nl, i, &l, &s->err), s->err);
	assert_string_equal(l.name, "br0");
	assert_int_equal(l.mtu, 1280);
	assert_true(mac_equal(&l.mac, &mac));
	assert_string_equal(l.alias, "an alias");
	assert_true(l.flags & IFF_UP);
	assert_works(link_set_up(s->nl, i, false, &s->err), s->err);
	assert_works(link_get_index(s->nl, i, &l, &s->err), s->err);
	assert_false(l.flags & IFF_UP);
}

TEST(a_refused_setter_names_device_value_and_the_kernels_reason)
{
	struct sandbox *s = *state;
	const struct mac multicast = mac_of("01:00:5e:00:00:01");
	uint32_t i;

	assert_works(bridge_create(s->nl, "br0", &plain, &i, &s->err), s->err);
	assert_fails(link_set_mtu(s->nl, i, 70000, &s->err), EINVAL, s->err,
		     "set MTU 70000 on interface br0");
	assert_non_null(strstr(s->err.details, "mtu greater"));
	assert_fails(link_set_mac(s->nl, i, &multicast, &s->err), EADDRNOTAVAIL,
		     s->err, "set MAC 01:00:5e:00:00:01 on interface br0");
}

TEST(an_altname_finds_the_device_under_its_own_name)
{
	struct sandbox *s = *state;
	static const char longest[] =
		"weft-0123456789abcdef-0123456789abcdef-0123456789abcdef-"
		"0123456789abcdef-0123456789abcdef-0123456789abcdef-"
		"0123456789abcdef-xyz";
	struct link_info l;
	uint32_t i;

	assert_int_equal(strlen(longest), LINK_ALTNAME_SIZE - 1);
	assert_works(bridge_create(s->nl, "br0", &plain, &i, &s->err), s->err);
	assert_works(link_add_altname(s->nl, i, longest, &s->err), s->err);
	assert_works(link_add_altname(s->nl, i, "short", &s->err), s->err);
	assert_works(link_get_altname(s->nl, longest, &l, &s->err), s->err);
	assert_string_equal(l.name, "br0");
	assert_works(link_get(s->nl, "short", &l, &s->err), s->err);
	assert_string_equal(l.name, "br0");
	assert_fails(link_add_altname(s->nl, 1, "short", &s->err), EEXIST,
		     s->err, "interface lo");
}

TEST(ports_of_one_bridge_are_listed_alone)
{
	struct sandbox *s = *state;
	cleanup_free struct link_info *v = NULL;
	uint32_t a, b, port;
	size_t n;

	assert_works(bridge_create(s->nl, "bra", &plain, &a, &s->err), s->err);
	assert_works(bridge_create(s->nl, "brb", &plain, &b, &s->err), s->err);
	assert_works(link_list(s->nl, a, &v, &n, &s->err), s->err);
	assert_int_equal(n, 0);
	/* a bridge cannot be a bridge's port: ELOOP */
	assert_fails(link_set_master(s->nl, b, a, &s->err), ELOOP, s->err,
		     "attach interface brb");
	port = (uint32_t)system("ip link add vp type veth peer name vq");
	assert_int_equal(port, 0);
	port = if_nametoindex("vp");
	assert_works(link_set_master(s->nl, port, a, &s->err), s->err);
	assert_works(link_list(s->nl, a, &v, &n, &s->err), s->err);
	assert_int_equal(n, 1);
	assert_string_equal(v[0].name, "vp");
	assert_int_equal(v[0].master, a);
	assert_works(link_set_master(s->nl, port, 0, &s->err), s->err);
	free(v);
	v = NULL;
	assert_works(link_list(s->nl, a, &v, &n, &s->err), s->err);
	assert_int_equal(n, 0);
}

TEST(without_privilege_the_refusal_says_eperm)
{
	struct sandbox *s = *state;
	uint32_t index;

	/* The socket was opened by root; what counts is who sends. */
	assert_int_equal(seteuid(65534), 0);
	int r = bridge_create(s->nl, "br0", &plain, &index, &s->err);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(r, -EPERM);
	assert_non_null(strstr(s->err.msg, "create bridge br0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(bridge_create_sets_mac_mtu_group_and_alias),
		in_sandbox(
			a_taken_bridge_name_is_eexist_and_the_stranger_is_untouched),
		in_sandbox(a_refused_bridge_option_leaves_no_bridge),
		in_sandbox(names_that_are_none_or_templates_are_refused),
		in_sandbox(absent_devices_are_enodev_by_name_index_and_altname),
		in_sandbox(setters_change_what_they_name),
		in_sandbox(
			a_refused_setter_names_device_value_and_the_kernels_reason),
		in_sandbox(an_altname_finds_the_device_under_its_own_name),
		in_sandbox(ports_of_one_bridge_are_listed_alone),
		in_sandbox(without_privilege_the_refusal_says_eperm),
	};

	return RUN(tests);
}
