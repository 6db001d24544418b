/* SPDX-License-Identifier: Apache-2.0 */
/* Bridge ports: their VLANs, their flags; 802.1Q devices. */
#include <errno.h>

#include "net/bridge.h"
#include "net/veth.h"
#include "net/vlan.h"
#include "net_lib.h"

static const char alias[] = "weft1:bridge-vm:hybrid:c1:eth0";

static struct link_info get(struct sandbox *s, const char *name)
{
	struct link_info l = { 0 };

	assert_works(link_get(s->nl, name, &l, &s->err), s->err);
	return l;
}

/* A bridge and one port of it. */
static struct link_info new_port(struct sandbox *s, bool filtering)
{
	const struct bridge_opts b = { .mac = mac_of("fe:00:00:00:00:01"),
				       .vlan_filtering = filtering };
	struct veth_opts o = { .host_name = "port",
			       .guest_name = "eth0",
			       .netns = s->guest,
			       .alias = alias };
	struct veth made;

	assert_works(bridge_create(s->nl, "br0", &b, &o.master, &s->err),
		     s->err);
	assert_works(veth_create(s->nl, &o, &made, &s->err), s->err);
	return get(s, "port");
}

/* The same; a kernel without VLAN filtering refuses it. */
static struct link_info new_filtered_port(struct sandbox *s)
{
	const struct bridge_opts b = { .vlan_filtering = true };
	uint32_t index;
	int r = bridge_create(s->nl, "probe", &b, &index, &s->err);

	if (r == -EOPNOTSUPP) {
		assert_says(&s->err, "probe");
		assert_says(&s->err, "VLAN filtering");
		print_message("no bridge VLAN filtering in this kernel\n");
		skip();
	}
	assert_ok(r, &s->err);
	assert_works(link_delete(s->nl, index, &s->err), s->err);
	return new_port(s, true);
}

static struct vlan_set vlans(struct sandbox *s, uint32_t index)
{
	struct vlan_set set = { .pvid = 9 };

	assert_works(vlan_get(s->nl, index, &set, &s->err), s->err);
	return set;
}

static void assert_vlan(const struct vlan_set *set, uint16_t vid,
			const char *how)
{
	assert_string_equal(vlan_set_format(set, vid), how);
}

TEST(a_set_says_how_each_vlan_is_there)
{
	struct vlan_set a = { 0 }, b = { 0 };

	assert_int_equal(vlan_set_difference(&a, &b), 0);
	vlan_set_add(&a, 1, VLAN_TAGGED);
	vlan_set_add(&a, 63, VLAN_UNTAGGED);
	vlan_set_add(&a, 64, VLAN_ACCESS);
	vlan_set_add(&a, 4094, VLAN_TAGGED);
	assert_vlan(&a, 1, "tagged");
	assert_vlan(&a, 2, "absent");
	assert_vlan(&a, 63, "untagged");
	assert_vlan(&a, 64, "PVID, untagged");
	assert_vlan(&a, 4094, "tagged");
	assert_true(vlan_set_has(&a, 4094));
	assert_false(vlan_set_has(&a, 4093));

	b = a;
	assert_int_equal(vlan_set_difference(&a, &b), 0);
	vlan_set_add(&b, 4094, VLAN_UNTAGGED);
	assert_int_equal(vlan_set_difference(&a, &b), 4094);
	vlan_set_add(&b, 64, VLAN_TAGGED);
	assert_int_equal(b.pvid, 0);
	assert_vlan(&b, 64, "tagged");
	assert_int_equal(vlan_set_difference(&a, &b), 64);
}

TEST(port_flags_are_set_and_read_and_stay)
{
	struct sandbox *s = *state;
	const struct link_info port = new_port(s, false);

	assert_false(port.hairpin);
	assert_false(port.isolated);
	assert_works(
		bridge_port_set(s->nl, port.index,
				&(struct bridge_port_opts){ .hairpin = true },
				&s->err),
		s->err);
	assert_true(get(s, "port").hairpin);
	assert_false(get(s, "port").isolated);
	assert_works(
		bridge_port_set(s->nl, port.index,
				&(struct bridge_port_opts){ .isolated = true },
				&s->err),
		s->err);
	assert_true(get(s, "port").hairpin);
	assert_true(get(s, "port").isolated);
}

TEST(what_is_no_port_has_no_flags)
{
	struct sandbox *s = *state;
	const struct bridge_port_opts o = { .hairpin = true };
	struct cni_err *err = &s->err;

	new_port(s, false);
	assert_works(link_set_master(s->nl, get(s, "port").index, 0, err),
		     *err);
	assert_true(bridge_port_set(s->nl, get(s, "port").index, &o, err) < 0);
	assert_says(err, "port flags");
}

TEST(promiscuous_is_what_was_asked_for)
{
	struct sandbox *s = *state;

	new_port(s, false);
	assert_false(get(s, "br0").flags & IFF_PROMISC);
	assert_works(link_set_promisc(s->nl, get(s, "br0").index, &s->err),
		     s->err);
	assert_true(get(s, "br0").flags & IFF_PROMISC);
}

TEST(a_bridge_filters_from_its_beginning_or_later)
{
	struct sandbox *s = *state;
	const struct mac mac = mac_of("fe:00:00:00:00:01");
	struct link_info bridge;

	new_filtered_port(s);
	assert_int_equal(get(s, "br0").vlan_filtering, 1);
	assert_int_equal(get(s, "br0").default_pvid, 1);
	assert_works(link_delete(s->nl, get(s, "br0").index, &s->err), s->err);
	assert_works(link_delete(s->nl, get(s, "port").index, &s->err), s->err);

	new_port(s, false);
	assert_int_equal(get(s, "br0").vlan_filtering, 0);
	assert_works(bridge_filter_vlans(s->nl, get(s, "br0").index, &s->err),
		     s->err);
	assert_int_equal(get(s, "br0").vlan_filtering, 1);
	bridge = get(s, "br0");
	assert_true(mac_equal(&bridge.mac, &mac));
}

TEST(a_port_changes_from_the_default_vlan_to_an_access_vlan)
{
	struct sandbox *s = *state;
	const struct link_info port = new_filtered_port(s);
	struct vlan_set del = { 0 }, add = { 0 }, have;
	const struct vlan_change c = { .del = &del, .add = &add };

	have = vlans(s, port.index);
	assert_vlan(&have, 1, "PVID, untagged");
	vlan_set_add(&del, 1, VLAN_ACCESS);
	vlan_set_add(&del, 77, VLAN_TAGGED); /* never there */
	vlan_set_add(&add, 100, VLAN_ACCESS);
	assert_works(vlan_change(s->nl, port.index, &c, &s->err), s->err);
	have = vlans(s, port.index);
	assert_int_equal(vlan_set_difference(&have, &add), 0);
	assert_int_equal(have.pvid, 100);
}

TEST(ranges_and_single_vlans_come_out_as_they_went_in)
{
	struct sandbox *s = *state;
	const struct link_info port = new_filtered_port(s);
	struct vlan_set add = { 0 }, have;
	const struct vlan_change c = { .add = &add };

	for (uint16_t vid = 1; vid <= VLAN_MAX; vid++)
		if (vid < 100 || vid == 200 || vid > 4000)
			vlan_set_add(&add, vid, VLAN_TAGGED);
	vlan_set_add(&add, 50, VLAN_ACCESS);
	vlan_set_add(&add, 60, VLAN_UNTAGGED);
	assert_works(vlan_change(s->nl, port.index, &c, &s->err), s->err);
	have = vlans(s, port.index);
	assert_int_equal(vlan_set_difference(&have, &add), 0);
}

TEST(every_other_vlan_fits_into_one_change)
{
	struct sandbox *s = *state;
	const struct link_info port = new_filtered_port(s);
	struct vlan_set add = { 0 }, none = { 0 }, have;

	for (uint16_t vid = 1; vid <= VLAN_MAX; vid += 2)
		vlan_set_add(&add, vid, VLAN_TAGGED);
	assert_works(vlan_change(s->nl, port.index,
				 &(struct vlan_change){ .add = &add }, &s->err),
		     s->err);
	have = vlans(s, port.index);
	assert_int_equal(vlan_set_difference(&have, &add), 0);
	assert_works(vlan_change(s->nl, port.index,
				 &(struct vlan_change){ .del = &add }, &s->err),
		     s->err);
	have = vlans(s, port.index);
	assert_int_equal(vlan_set_difference(&have, &none), 0);
}

TEST(a_bridge_itself_is_in_vlans_too)
{
	struct sandbox *s = *state;
	struct vlan_set add = { 0 }, have;
	uint32_t bridge;

	new_filtered_port(s);
	bridge = get(s, "br0").index;
	vlan_set_add(&add, 100, VLAN_TAGGED);
	assert_works(vlan_change(s->nl, bridge,
				 &(struct vlan_change){ .bridge = true,
							.add = &add },
				 &s->err),
		     s->err);
	have = vlans(s, bridge);
	assert_vlan(&have, 1, "PVID, untagged");
	assert_vlan(&have, 100, "tagged");
	have = vlans(s, get(s, "port").index);
	assert_vlan(&have, 100, "absent");
}

TEST(an_802_1q_device_is_marked_and_exclusive)
{
	struct sandbox *s = *state;
	struct link_info l, bridge;
	int r;

	new_port(s, false);
	bridge = get(s, "br0");
	r = vlan_create(s->nl, "br0.100", get(s, "br0").index, 100, alias,
			&s->err);
	if (r == -EOPNOTSUPP) {
		assert_says(&s->err, "br0.100");
		print_message("no 802.1Q in this kernel\n");
		skip();
		return;
	}
	assert_ok(r, &s->err);
	l = get(s, "br0.100");
	assert_string_equal(l.kind, "vlan");
	assert_int_equal(l.vlan, 100);
	assert_int_equal(l.peer, get(s, "br0").index);
	assert_int_equal(l.group, LINK_GROUP_WEFT);
	assert_string_equal(l.alias, alias);
	assert_true(mac_equal(&l.mac, &bridge.mac));
	assert_false(l.flags & IFF_UP);
	assert_fails(vlan_create(s->nl, "br0.100", get(s, "br0").index, 101,
				 alias, &s->err),
		     EEXIST, s->err, "br0.100");
	assert_fails(vlan_create(s->nl, "a/b", get(s, "br0").index, 101, alias,
				 &s->err),
		     EINVAL, s->err, "a/b");
}

TEST(refusals_name_the_interface)
{
	struct sandbox *s = *state;
	struct vlan_set add = { 0 };
	int r;

	new_filtered_port(s);
	vlan_set_add(&add, 5, VLAN_TAGGED);
	assert_fails(vlan_get(s->nl, 4711, &add, &s->err), ENODEV, s->err,
		     "interface 4711");
	r = vlan_change(s->nl, 4711, &(struct vlan_change){ .add = &add },
			&s->err);
	assert_int_equal(r, -ENODEV);
	assert_says(&s->err, "interface 4711");
	assert_works(
		vlan_change(s->nl, 4711, &(struct vlan_change){ 0 }, &s->err),
		s->err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_says_how_each_vlan_is_there),
		in_sandbox(port_flags_are_set_and_read_and_stay),
		in_sandbox(what_is_no_port_has_no_flags),
		in_sandbox(promiscuous_is_what_was_asked_for),
		in_sandbox(a_bridge_filters_from_its_beginning_or_later),
		in_sandbox(
			a_port_changes_from_the_default_vlan_to_an_access_vlan),
		in_sandbox(ranges_and_single_vlans_come_out_as_they_went_in),
		in_sandbox(every_other_vlan_fits_into_one_change),
		in_sandbox(a_bridge_itself_is_in_vlans_too),
		in_sandbox(an_802_1q_device_is_marked_and_exclusive),
		in_sandbox(refusals_name_the_interface),
	};

	return RUN(tests);
}
