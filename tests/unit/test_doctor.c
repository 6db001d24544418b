/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be provoked without harm to the machine. */
#include "../lib/check.h"
#include "weft/doctor.h"

static const char *severity_of(size_t ports)
{
	static char said[16];
	struct doctor d = { .found = cJSON_CreateArray() };
	const char *s;

	doctor_bridge_ports(&d, "br0", ports);
	s = cJSON_GetStringValue(json_get(d.found->child, "severity"));
	(void)snprintf(said, sizeof(said), "%s", s ? s : "none");
	assert_int_equal(d.errors, !strcmp(said, "error"));
	assert_false(d.failed);
	cJSON_Delete(d.found);
	return said;
}

TEST(a_bridge_is_full_at_1023_ports_and_nearly_at_1000)
{
	assert_string_equal(severity_of(0), "none");
	assert_string_equal(severity_of(999), "none");
	assert_string_equal(severity_of(1000), "warning");
	assert_string_equal(severity_of(1022), "warning");
	assert_string_equal(severity_of(1023), "error");
}

TEST(examples_are_of_a_bridge_that_there_is)
{
	struct doctor_net nets[2] = { 0 };
	struct doctor d = { .nets = nets };

	assert_string_equal(doctor_bridge(&d), "weft0");
	d.n_nets = 2;
	assert_string_equal(doctor_bridge(&d), "weft0");
	memcpy(nets[1].facts.bridge, "br7", 4);
	assert_string_equal(doctor_bridge(&d), "br7");
	assert_null(doctor_needs(&d));
	nets[1].facts.forwards = true;
	assert_ptr_equal(doctor_needs(&d), &nets[1]);
}

TEST(kinds_are_found_by_name_and_each_is_there_once)
{
	const struct kind *k;

	for (size_t i = 0; (k = kind_at(i)); i++)
		assert_ptr_equal(kind_find(k->type), k);
	assert_null(kind_find("bridge-vmx"));
	assert_null(kind_find(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_bridge_is_full_at_1023_ports_and_nearly_at_1000),
		cmocka_unit_test(examples_are_of_a_bridge_that_there_is),
		cmocka_unit_test(
			kinds_are_found_by_name_and_each_is_there_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
