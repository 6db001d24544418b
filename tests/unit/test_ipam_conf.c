/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ipam-host-local/conf.h"
#include "ipam-host-local/resolv.h"
#include "unit.h"

/* What one test works with: a parsed call and what came of it. */
struct parsed {
	struct cni_call call;
	struct ipam_conf conf;
	struct cni_err err;
	int r;
};

static void parsed_free(struct parsed *p)
{
	ipam_conf_free(&p->conf);
	cni_netconf_free(&p->call.conf);
}

#define cleanup_parsed CLEANUP(parsed_free)

/* @rest: the configuration behind name and version */
static struct parsed parse(const char *version, const char *args,
			   const char *rest)
{
	struct parsed p = { .err = CNI_ERR_INIT };
	char *text = NULL;

	assert_true(asprintf(&text, "{\"cniVersion\":\"%s\",\"name\":\"n\",%s}",
			     version, rest) > 0);
	p.call.args.args = args;
	p.r = cni_netconf_parse(text, strlen(text), &p.call.conf, &p.err);
	if (!p.r)
		p.r = ipam_conf_parse(&p.call, &p.conf, &p.err);
	return p;
}

static void assert_set(const struct parsed *p, size_t i, const char *want)
{
	char text[RANGE_SET_STR_SIZE];

	assert_int_equal(p->r, 0);
	assert_true(i < p->conf.n_sets);
	assert_string_equal(range_set_format(&p->conf.sets[i], text), want);
}

static void sets_come_from_the_runtime_then_the_old_keys_then_ranges(void **s)
{
	cleanup_parsed struct parsed p = parse(
		"1.0.0", "",
		"\"ipam\":{\"subnet\":\"10.2.0.0/24\",\"rangeEnd\":\"10.2.0.9\","
		"\"ranges\":[[{\"subnet\":\"10.3.0.0/24\"},{\"subnet\":\"10.4.0.0/24\"}],"
		"[{\"subnet\":\"fd00::/64\"}]]},"
		"\"runtimeConfig\":{\"ipRanges\":[[{\"subnet\":\"10.1.0.0/24\"}]]}");

	(void)s;
	assert_set(&p, 0, "10.1.0.1-10.1.0.254");
	assert_set(&p, 1, "10.2.0.1-10.2.0.9");
	assert_set(&p, 2, "10.3.0.1-10.3.0.254,10.4.0.1-10.4.0.254");
	assert_set(&p, 3, "fd00::1-fd00::ffff:ffff:ffff:ffff");
	assert_int_equal(p.conf.n_sets, 4);
	assert_string_equal(p.conf.data_dir, "/var/lib/cni/networks");
	assert_string_equal(p.conf.resolv_conf, "");
}

static void old_keys_without_a_subnet_are_nothing(void **s)
{
	cleanup_parsed struct parsed p = parse(
		"1.0.0", "",
		"\"ipam\":{\"rangeStart\":\"10.2.0.5\",\"gateway\":\"\","
		"\"ranges\":[[{\"subnet\":\"10.3.0.0/24\",\"gateway\":\"\"}]]}");

	(void)s;
	assert_set(&p, 0, "10.3.0.1-10.3.0.254");
	assert_int_equal(p.conf.n_sets, 1);
}

static void keys_match_in_any_case_as_in_go(void **s)
{
	cleanup_parsed struct parsed p = parse(
		"1.0.0", "",
		"\"ipam\":{\"DataDir\":\"/x\",\"SUBNET\":\"10.3.0.0/24\"}");

	(void)s;
	assert_set(&p, 0, "10.3.0.1-10.3.0.254");
	assert_string_equal(p.conf.data_dir, "/x");
}

static void requests_add_up_from_arguments_to_capabilities(void **s)
{
	const char *const want[] = { "10.1.0.5", "10.1.0.6", "fd00::7",
				     "10.1.0.8" };
	cleanup_parsed struct parsed p = parse(
		"1.0.0",
		"IgnoreUnknown=1;IP=10.1.0.5;FOO=bar;MAC=02:00:00:00:00:01",
		"\"ipam\":{\"subnet\":\"10.1.0.0/16\"},"
		"\"args\":{\"cni\":{\"ips\":[\"10.1.0.6/8\",\"fd00::7/64\"]}},"
		"\"runtimeConfig\":{\"ips\":[\"10.1.0.8\",\"10.1.0.6\"]}");
	char text[IP_STR_SIZE];

	(void)s;
	assert_int_equal(p.r, 0);
	assert_int_equal(p.conf.requested.n, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(ip_format(&p.conf.requested.v[i], text),
				    want[i]);
}

static void an_empty_requested_address_is_none(void **s)
{
	cleanup_parsed struct parsed p =
		parse("1.0.0", "IP=", "\"ipam\":{\"subnet\":\"10.1.0.0/16\"}");

	(void)s;
	assert_int_equal(p.r, 0);
	assert_int_equal(p.conf.requested.n, 0);
}

static void routes_are_taken_over(void **s)
{
	cleanup_parsed struct parsed p = parse(
		"1.0.0", "",
		"\"ipam\":{\"subnet\":\"10.1.0.0/16\",\"routes\":"
		"[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"1.2.3.4/16\",\"gw\":\"10.1.0.9\",\"mtu\":1400}]}");

	(void)s;
	assert_int_equal(p.r, 0);
	assert_int_equal(p.conf.n_routes, 2);
	assert_int_equal(p.conf.routes[1].mtu, 1400);
	assert_int_equal(p.conf.routes[1].gw.b[3], 9);
}

struct bad {
	const char *version, *args, *rest;
	enum cni_code code;
	const char *msg; /* must be in the message */
};

#define S24 "\"subnet\":\"10.1.0.0/24\""

static const struct bad bads[] = {
	{ "1.0.0", "", "\"type\":\"x\"", CNI_E_CONFIG,
	  "IPAM config missing 'ipam' key" },
	{ "1.0.0", "", "\"ipam\":{}", CNI_E_CONFIG, "no IP ranges specified" },
	{ "1.0.0", "", "\"ipam\":{\"ranges\":[]}", CNI_E_CONFIG,
	  "no IP ranges specified" },
	{ "1.0.0", "", "\"ipam\":{\"ranges\":[[]]}", CNI_E_CONFIG,
	  "invalid range set 0: empty range set" },
	{ "1.0.0", "", "\"ipam\":{\"ranges\":[null]}", CNI_E_CONFIG,
	  "invalid range set 0: empty range set" },
	{ "1.0.0", "", "\"ipam\":{\"ranges\":[[{}]]}", CNI_E_CONFIG,
	  "invalid range set 0: " },
	{ "1.0.0", "", "\"ipam\":{\"subnet\":\"10.1.0.0/31\"}", CNI_E_CONFIG,
	  "invalid range set 0: Network 10.1.0.0/31 too small" },
	{ "1.0.0", "", "\"ipam\":{\"subnet\":\"10.1/16\"}", CNI_E_CONFIG,
	  "invalid CIDR address: 10.1/16" },
	{ "1.0.0", "", "\"ipam\":{" S24 ",\"gateway\":\"x\"}", CNI_E_CONFIG,
	  "invalid IP address: x" },
	{ "1.0.0", "",
	  "\"ipam\":{" S24 ",\"ranges\":[[{\"subnet\":\"10.1.0.128/25\"}]]}",
	  CNI_E_CONFIG, "range set 0 overlaps with 1" },
	{ "0.2.0", "",
	  "\"ipam\":{" S24 ",\"ranges\":[[{\"subnet\":\"10.2.0.0/24\"}]]}",
	  CNI_E_CONFIG,
	  "CNI version 0.2.0 does not support more than 1 address per family" },
	{ "1.0.0", "", "\"ipam\":{\"subnet\":5}", CNI_E_DECODE, "subnet" },
	{ "1.0.0", "", "\"ipam\":{\"ranges\":{}}", CNI_E_DECODE, "ranges" },
	{ "1.0.0", "", "\"ipam\":{\"ranges\":[{}]}", CNI_E_DECODE, "ranges" },
	{ "1.0.0", "", "\"ipam\":{\"ranges\":[[5]]}", CNI_E_DECODE, "ranges" },
	{ "1.0.0", "", "\"ipam\":{" S24 ",\"dataDir\":[]}", CNI_E_DECODE,
	  "dataDir" },
	{ "1.0.0", "", "\"ipam\":{" S24 ",\"routes\":[5]}", CNI_E_DECODE,
	  "routes" },
	{ "1.0.0", "", "\"ipam\":{" S24 ",\"routes\":[{\"dst\":\"x\"}]}",
	  CNI_E_DECODE, "dst" },
	{ "1.0.0", "IP=x", "\"ipam\":{" S24 "}", CNI_E_ENV,
	  "invalid IP address x" },
	{ "1.0.0", "IP", "\"ipam\":{" S24 "}", CNI_E_ENV, "invalid pair" },
	{ "1.0.0", "", "\"ipam\":{" S24 "},\"args\":{\"cni\":{\"ips\":[\"\"]}}",
	  CNI_E_CONFIG, "args.cni.ips" },
	{ "1.0.0", "", "\"ipam\":{" S24 "},\"args\":{\"cni\":{\"ips\":[null]}}",
	  CNI_E_DECODE, "args.cni.ips" },
	{ "1.0.0", "", "\"ipam\":{" S24 "},\"args\":{\"cni\":{\"ips\":\"x\"}}",
	  CNI_E_DECODE, "args.cni.ips" },
	{ "1.0.0", "",
	  "\"ipam\":{" S24 "},\"runtimeConfig\":{\"ips\":[\"10.1.0.5/99\"]}",
	  CNI_E_CONFIG, "runtimeConfig.ips" },
	{ "1.0.0", "", "\"ipam\":{" S24 "},\"runtimeConfig\":{\"ips\":5}",
	  CNI_E_DECODE, "ips" },
};

static void bad_configurations_are_refused_with_code_and_key(void **s)
{
	(void)s;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		const struct bad *b = &bads[i];
		cleanup_parsed struct parsed p =
			parse(b->version, b->args, b->rest);

		if (p.r >= 0 || p.err.code != b->code ||
		    !strstr(p.err.msg, b->msg))
			fail_msg("%s: %d, code %d, \"%s\"", b->rest, p.r,
				 p.err.code, p.err.msg);
	}
}

static void one_address_of_each_family_suits_old_versions(void **s)
{
	cleanup_parsed struct parsed p = parse(
		"0.2.0", "",
		"\"ipam\":{" S24 ",\"ranges\":[[{\"subnet\":\"fd00::/64\"}]]}");

	(void)s;
	assert_int_equal(p.r, 0);
}

static void thousands_of_ranges_are_refused_at_once(void **s)
{
	char rest[40000] = "\"ipam\":{\"ranges\":[";
	size_t n = strlen(rest);

	(void)s;
	for (int i = 0; i < 1100; i++)
		n += (size_t)snprintf(rest + n, sizeof(rest) - n,
				      "%s[{\"subnet\":\"fd00::/64\"}]",
				      i ? "," : "");
	(void)snprintf(rest + n, sizeof(rest) - n, "]}");
	{
		cleanup_parsed struct parsed p = parse("1.0.0", "", rest);

		assert_int_equal(p.r, -E2BIG);
		assert_int_equal(p.err.code, CNI_E_CONFIG);
	}
}

static void the_directory_is_found_whatever_the_ranges_are(void **s)
{
	cleanup_parsed struct parsed p =
		parse("1.0.0", "",
		      "\"ipam\":{\"dataDir\":\"/x\",\"subnet\":\"nonsense\"}");
	const char *dir = NULL;

	(void)s;
	assert_true(p.r < 0);
	assert_int_equal(ipam_conf_data_dir(&p.call.conf, &dir, &p.err), 0);
	assert_string_equal(dir, "/x");
}

static void assert_dns(const char *text, const char *want)
{
	cleanup_json cJSON *dns = NULL;
	char *copy = strdup(text), *got;

	assert_non_null(copy);
	assert_int_equal(resolv_parse(copy, &dns), 0);
	got = dns ? cJSON_PrintUnformatted(dns) : NULL;
	assert_string_equal(got ? got : "none", want);
	cJSON_free(got);
	free(copy);
}

static void resolv_conf_is_read_as_host_local_reads_it(void **s)
{
	(void)s;
	assert_dns("", "none");
	assert_dns("# nameserver 1.1.1.1\n;nameserver 2.2.2.2\nnameserver\n\n",
		   "none");
	assert_dns(
		"  nameserver 1.1.1.1 ignored\r\nnameserver\t2.2.2.2\ndomain a b\n"
		"domain c\nsearch d e\nsearch f\noptions ndots:5 rotate\nsortlist x",
		"{\"nameservers\":[\"1.1.1.1\",\"2.2.2.2\"],\"domain\":\"c\","
		"\"search\":[\"d\",\"e\",\"f\"],\"options\":[\"ndots:5\",\"rotate\"]}");
}

static void a_resolv_conf_that_is_no_file_is_an_error_not_a_hang(void **s)
{
	char path[] = "/tmp/weft-test-XXXXXX";
	struct cni_err err = CNI_ERR_INIT;
	cJSON *dns = NULL;

	(void)s;
	assert_non_null(mkdtemp(path));
	assert_true(resolv_read(path, &dns, &err) < 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_true(resolv_read(path, &dns, &err) < 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(resolv_read(path, &dns, &err), -ENOENT);
	assert_non_null(strstr(err.msg, path));
	assert_null(dns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			sets_come_from_the_runtime_then_the_old_keys_then_ranges),
		cmocka_unit_test(old_keys_without_a_subnet_are_nothing),
		cmocka_unit_test(keys_match_in_any_case_as_in_go),
		cmocka_unit_test(
			requests_add_up_from_arguments_to_capabilities),
		cmocka_unit_test(an_empty_requested_address_is_none),
		cmocka_unit_test(routes_are_taken_over),
		cmocka_unit_test(
			bad_configurations_are_refused_with_code_and_key),
		cmocka_unit_test(one_address_of_each_family_suits_old_versions),
		cmocka_unit_test(thousands_of_ranges_are_refused_at_once),
		cmocka_unit_test(
			the_directory_is_found_whatever_the_ranges_are),
		cmocka_unit_test(resolv_conf_is_read_as_host_local_reads_it),
		cmocka_unit_test(
			a_resolv_conf_that_is_no_file_is_an_error_not_a_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
