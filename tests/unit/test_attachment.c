/* SPDX-License-Identifier: Apache-2.0 */
/* The names of DESIGN.md section 4 are frozen: computed by another program. */
#include "../lib/check.h"
#include "cni/attachment.h"

#define ID "3d1219c7c4c5404aaa1f6d2a48adfda4"
#define A10 "aaaaaaaaaa"
#define A64 A10 A10 A10 A10 A10 A10 "aaaa"

static const struct vector {
	struct cni_attachment a;
	uint64_t hash;
	const char *veth;
	const char *altname;
	uint32_t ifindex;
	const char *guest, *port; /* on machine ID */
	const char *guest_of_none;
} vectors[] = {
	{ { "hybrid", "cnitool-0123", "eth0" },
	  0xabc35630d4f90629,
	  "veth630d4f3ba1c",
	  "weft-abc35630d4f90629",
	  1425606185,
	  "02:9e:83:b5:c3:d3",
	  "fe:9e:83:b5:c3:d3",
	  "02:05:5a:48:24:a5" },
	{ { "n", "c", "i" },
	  0xec436029873ca44b,
	  "veth0298732607d",
	  "weft-ec436029873ca44b",
	  1195156555,
	  "02:4d:60:75:3a:a1",
	  "fe:4d:60:75:3a:a1",
	  "02:57:0d:c3:c8:66" },
	{ { "", "", "" },
	  0x08328807b4eb6fed,
	  "veth807b4ebecc5",
	  "weft-08328807b4eb6fed",
	  1961586669,
	  "02:45:2a:e5:06:3a",
	  "fe:45:2a:e5:06:3a",
	  "02:18:6c:d6:62:a5" },
	/* Where one name ends and the next begins matters. */
	{ { "ab", "c", "i" },
	  0x9ff3216ac4635c84,
	  "veth16ac46aa3b6",
	  "weft-9ff3216ac4635c84",
	  1147362436,
	  "02:ee:3b:ce:62:4c",
	  "fe:ee:3b:ce:62:4c",
	  "02:dd:9d:ba:51:b5" },
	{ { "a", "bc", "i" },
	  0xdc957015ea405930,
	  "veth015ea4d9067",
	  "weft-dc957015ea405930",
	  1782602032,
	  "02:8c:fa:a4:aa:95",
	  "fe:8c:fa:a4:aa:95",
	  "02:51:41:27:1d:7e" },
	{ { "weft-net_1.x", A64, "eth12345678901a" },
	  0xc102c75f0d4ee229,
	  "veth75f0d42f205",
	  "weft-c102c75f0d4ee229",
	  1297015337,
	  "02:ff:a7:33:97:b8",
	  "fe:ff:a7:33:97:b8",
	  "02:66:1c:ce:13:f0" },
};

#define each_vector(v)                         \
	for (const struct vector *v = vectors; \
	     v < vectors + sizeof(vectors) / sizeof(vectors[0]); v++)

TEST(the_hash_is_fnv_1a_over_the_three_names)
{
	each_vector(v) assert_true(cni_attachment_hash(&v->a) == v->hash);
}

TEST(link_names_are_a_prefix_and_eleven_hex_digits)
{
	char name[CNI_LINK_NAME_SIZE];

	each_vector(v)
	{
		cni_attachment_link_name(&v->a, "veth", name);
		assert_string_equal(name, v->veth);
		assert_int_equal(strlen(name), 15);
		cni_attachment_link_name(&v->a, "tap", name);
		assert_memory_equal(name, "tap", 3);
		assert_string_equal(name + 3, v->veth + 4);
	}
}

TEST(altnames_are_the_whole_hash)
{
	char name[CNI_LINK_ALTNAME_SIZE];

	each_vector(v)
	{
		cni_attachment_altname(&v->a, name);
		assert_string_equal(name, v->altname);
	}
}

TEST(interface_indexes_are_in_the_upper_half)
{
	each_vector(v)
	{
		assert_int_equal(cni_attachment_ifindex(&v->a), v->ifindex);
		assert_true(v->ifindex >> 30 == 1);
	}
}

static void check_macs(const char *id, const struct cni_attachment *a,
		       const char *want_guest, const char *want_port)
{
	struct mac guest, port;
	char buf[MAC_STR_SIZE];

	cni_attachment_macs_on(id, a, &guest, &port);
	assert_string_equal(mac_format(&guest, buf), want_guest);
	assert_string_equal(mac_format(&port, buf), want_port);
	assert_true(mac_is_unicast(&guest) && mac_is_unicast(&port));
}

TEST(macs_are_the_machines_and_the_attachments)
{
	each_vector(v) check_macs(ID, &v->a, v->guest, v->port);
}

TEST(a_machine_without_an_id_has_macs_too)
{
	each_vector(v)
	{
		char port[MAC_STR_SIZE];

		(void)snprintf(port, sizeof(port), "fe%s",
			       v->guest_of_none + 2);
		check_macs("", &v->a, v->guest_of_none, port);
	}
}

TEST(a_bridges_mac_is_of_its_name_alone)
{
	struct mac m = cni_bridge_mac_on(ID, "weft0");
	char buf[MAC_STR_SIZE];

	assert_string_equal(mac_format(&m, buf), "02:ff:54:7c:9e:bb");
	m = cni_bridge_mac_on("", "weft0");
	assert_string_equal(mac_format(&m, buf), "02:ce:99:e8:e0:fe");
}

TEST(this_machines_macs_are_the_same_on_every_call)
{
	struct mac guest[2], port[2], bridge[2];

	for (int i = 0; i < 2; i++) {
		cni_attachment_macs(&vectors[0].a, &guest[i], &port[i]);
		bridge[i] = cni_bridge_mac("weft0");
	}
	assert_true(mac_equal(&guest[0], &guest[1]));
	assert_true(mac_equal(&port[0], &port[1]));
	assert_true(mac_equal(&bridge[0], &bridge[1]));
}

TEST(an_alias_names_role_and_attachment)
{
	char alias[CNI_LINK_ALIAS_SIZE];

	cni_attachment_alias(&vectors[0].a, "bridge-vm", alias);
	assert_string_equal(alias, "weft1:bridge-vm:hybrid:cnitool-0123:eth0");
	cni_network_alias("hybrid", "bridge-vm", alias);
	assert_string_equal(alias, "weft1:bridge-vm:hybrid");
}

TEST(an_alias_that_does_not_fit_is_the_hash)
{
	char *n = repeat('n', 100), *c = repeat('c', 150);
	const struct cni_attachment a = { n, c, "eth0" };
	char alias[CNI_LINK_ALIAS_SIZE];

	cni_attachment_alias(&a, "bridge-vm", alias);
	assert_string_equal(alias, "weft1:bridge-vm:#f5b96f3a6cb651f2");
	free(n);
	free(c);
	n = repeat('n', 250);
	cni_network_alias(n, "bridge-vm", alias);
	assert_string_equal(alias, "weft1:bridge-vm:#d934aa8be309b115");
	free(n);
}

TEST(an_alias_of_255_bytes_fits_and_one_of_256_does_not)
{
	for (size_t len = 255; len <= 256; len++) {
		char *c = repeat('c', len - strlen("weft1:r:n::eth0"));
		const struct cni_attachment a = { "n", c, "eth0" };
		char alias[CNI_LINK_ALIAS_SIZE];

		cni_attachment_alias(&a, "r", alias);
		if (len == 255)
			assert_int_equal(strlen(alias), 255);
		else
			assert_memory_equal(alias, "weft1:r:#", 9);
		free(c);
	}
}

TEST(an_alias_is_taken_apart_again)
{
	const struct cni_attachment a = { "net", "c-1", "eth0" };
	char text[CNI_LINK_ALIAS_SIZE];
	struct cni_alias got;

	cni_attachment_alias(&a, "bridge-vm", text);
	assert_true(cni_alias_parse(text, &got));
	assert_string_equal(got.role, "bridge-vm");
	assert_string_equal(got.of.network, "net");
	assert_string_equal(got.of.container_id, "c-1");
	assert_string_equal(got.of.ifname, "eth0");
	cni_network_alias("net", "bridge-vm", text);
	assert_true(cni_alias_parse(text, &got));
	assert_string_equal(got.of.network, "net");
	assert_string_equal(got.of.container_id, "");
	assert_true(cni_alias_parse("weft1:tap-vm:#00ff", &got));
	assert_string_equal(got.of.network, "");
	assert_string_equal(got.of.container_id, "#00ff");
}

TEST(what_is_no_alias_of_ours_is_not_taken_for_one)
{
	static const char *const bad[] = {
		"",
		"weft1",
		"weft1:",
		"weft1:x",
		"weft1:x:",
		"weft2:x:net:c:eth0",
		"weft1::net:c:eth0",
		"weft1:x:net:c:",
		"weft1:x:net:c",
		"weft1:x:../n:c:eth0",
		"weft1:x:net:\033[2J:eth0",
		"weft1:x:net:c:eth/0",
		"weft1:x:net:c:eth0:more",
		"weft1:x:#",
		"weft1:x:#\033",
	};
	struct cni_alias got;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(cni_alias_parse(bad[i], &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_fnv_1a_over_the_three_names),
		cmocka_unit_test(an_alias_is_taken_apart_again),
		cmocka_unit_test(what_is_no_alias_of_ours_is_not_taken_for_one),
		cmocka_unit_test(link_names_are_a_prefix_and_eleven_hex_digits),
		cmocka_unit_test(altnames_are_the_whole_hash),
		cmocka_unit_test(interface_indexes_are_in_the_upper_half),
		cmocka_unit_test(macs_are_the_machines_and_the_attachments),
		cmocka_unit_test(a_machine_without_an_id_has_macs_too),
		cmocka_unit_test(a_bridges_mac_is_of_its_name_alone),
		cmocka_unit_test(this_machines_macs_are_the_same_on_every_call),
		cmocka_unit_test(an_alias_names_role_and_attachment),
		cmocka_unit_test(an_alias_that_does_not_fit_is_the_hash),
		cmocka_unit_test(
			an_alias_of_255_bytes_fits_and_one_of_256_does_not),
	};

	return RUN(tests);
}
