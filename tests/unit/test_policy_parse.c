/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>

#include "../lib/check.h"
#include "base/json.h"
#include "bpf/policy.h"

#define L(k, v)                          \
	{                                \
		.key = (k), .value = (v) \
	}

static const struct policy_label web[] = { L("app", "web"), L("tier", "1") };
static const struct policy_label db[] = { L("app", "db") };
static const struct policy_label team[] = { L("team", "red") };

static struct ip_addr addrs[4];

static const struct policy_endpoint all[] = {
	{ .labels = web,
	  .n_labels = 2,
	  .space = "a",
	  .addrs = &addrs[0],
	  .n_addrs = 2 },
	{ .labels = db,
	  .n_labels = 1,
	  .space = "a",
	  .addrs = &addrs[2],
	  .n_addrs = 1 },
	{ .labels = db,
	  .n_labels = 1,
	  .space = "b",
	  .space_labels = team,
	  .n_space_labels = 1,
	  .addrs = &addrs[3],
	  .n_addrs = 1 },
};

static const struct policy_world world = { &all[0], all, 3 };

static int read_text(const char *text, struct policy *p, struct cni_err *err)
{
	cleanup_json cJSON *doc = NULL;
	int r;

	assert_int_equal(ip_parse("10.0.0.1", &addrs[0]), 0);
	assert_int_equal(ip_parse("fd00::1", &addrs[1]), 0);
	assert_int_equal(ip_parse("10.0.0.2", &addrs[2]), 0);
	assert_int_equal(ip_parse("10.0.0.3", &addrs[3]), 0);
	r = json_parse(text, strlen(text), &doc, err);
	return r ? r : policy_parse(doc, &world, p, err);
}

static struct policy parse(const char *text)
{
	struct policy p = { 0 };
	struct cni_err err = CNI_ERR_INIT;

	assert_ok(read_text(text, &p, &err), &err);
	return p;
}

static void refuses(const char *text, const char *message)
{
	struct policy p = { 0 };
	struct cni_err err = CNI_ERR_INIT;
	const int r = read_text(text, &p, &err);

	assert_error(r, &err, CNI_E_CONFIG, message);
}

TEST(policy_types_say_which_direction_is_closed)
{
	static const struct {
		const char *text;
		bool ingress, egress;
	} cases[] = {
		{ "[]", false, false },
		{ "{}", true, false },
		{ "{\"ingress\":[{}]}", true, false },
		{ "{\"egress\":[]}", true, false },
		{ "{\"egress\":[{}]}", true, true },
		{ "{\"policyTypes\":[\"Egress\"]}", false, true },
		{ "{\"policyTypes\":[\"Egress\"],\"ingress\":[{}]}", false,
		  true },
		{ "{\"policyTypes\":[\"Ingress\"],\"egress\":[{}]}", true,
		  false },
		{ "[{\"policyTypes\":[\"Ingress\"]},"
		  "{\"policyTypes\":[\"Egress\"]}]",
		  true, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cleanup_policy struct policy p = parse(cases[i].text);

		assert_int_equal(p.side[POLICY_INGRESS].selected,
				 cases[i].ingress);
		assert_int_equal(p.side[POLICY_EGRESS].selected,
				 cases[i].egress);
		for (int d = 0; d < POLICY_DIRS; d++)
			assert_true(p.side[d].selected || !p.side[d].n);
	}
}

TEST(peers_and_ports_are_read)
{
	cleanup_policy struct policy p = parse(
		"{\"ingress\":[{\"from\":[{\"ipBlock\":{\"cidr\":\"10.1.2.3/8\","
		"\"except\":[\"10.1.0.0/16\",\"10.2.0.0/16\"]}}],\"ports\":["
		"{\"port\":80},{\"protocol\":\"UDP\",\"port\":53,\"endPort\":60},"
		"{\"protocol\":\"SCTP\"},{\"protocol\":\"ICMP\",\"type\":8},"
		"{\"protocol\":\"ICMPv6\",\"type\":128,\"code\":0},"
		"{\"protocol\":\"Any\"}]},"
		"{\"from\":[],\"ports\":[],\"action\":\"Deny\"}]}");
	static const struct policy_port want[] = {
		{ IPPROTO_TCP, 80, 80 },
		{ IPPROTO_UDP, 53, 60 },
		{ IPPROTO_SCTP, 0, 65535 },
		{ IPPROTO_ICMP, 8 << 8, 8 << 8 | 255 },
		{ IPPROTO_ICMPV6, 128 << 8, 128 << 8 },
		{ POLICY_ANY, 0, 65535 },
	};
	const struct policy_rule *r = p.side[POLICY_INGRESS].rules;
	char text[IP_NET_STR_SIZE];

	assert_int_equal(p.side[POLICY_INGRESS].n, 2);
	assert_int_equal(r->n_peers, 1);
	assert_string_equal(ip_net_format(&r->peers[0].net, text),
			    "10.0.0.0/8");
	assert_int_equal(r->peers[0].n_except, 2);
	assert_int_equal(r->n_ports, 6);
	assert_memory_equal(r->ports, want, sizeof(want));
	assert_false(r->any_peer || r->any_port);
	assert_int_equal(r->action, POLICY_ALLOW);
	assert_int_equal(r[1].action, POLICY_DENY);
	assert_true(r[1].any_peer && r[1].any_port);
	assert_int_equal(r[1].number, 2);
}

/* Addresses' last bytes, each as a digit, of whom a selector means. */
static void selects(const char *peer, const char *want)
{
	char text[512], found[16] = "";

	(void)snprintf(text, sizeof(text), "{\"ingress\":[{\"from\":[%s]}]}",
		       peer);
	{
		cleanup_policy struct policy p = parse(text);
		const struct policy_rule *r = p.side[POLICY_INGRESS].rules;

		assert_false(r->any_peer);
		for (size_t i = 0; i < r->n_peers; i++) {
			const struct ip_net *n = &r->peers[i].net;

			assert_int_equal(n->plen, ip_max_plen(n->addr.family));
			found[i] = (char)('0' + n->addr.b[3] + n->addr.b[15]);
		}
	}
	assert_string_equal(found, want);
}

TEST(selectors_mean_whom_the_specification_says)
{
	selects("{\"podSelector\":{}}", "112");
	selects("{\"namespaceSelector\":{}}", "1123");
	selects("{\"podSelector\":{\"matchLabels\":{\"app\":\"db\"}}}", "2");
	selects("{\"namespaceSelector\":{},\"podSelector\":"
		"{\"matchLabels\":{\"app\":\"db\"}}}",
		"23");
	selects("{\"namespaceSelector\":{\"matchLabels\":{\"team\":\"red\"}}}",
		"3");
	selects("{\"namespaceSelector\":{\"matchLabels\":"
		"{\"kubernetes.io/metadata.name\":\"a\"}}}",
		"112");
	selects("{\"podSelector\":{\"matchLabels\":{\"app\":\"web\","
		"\"tier\":\"2\"}}}",
		"");
#define EXPR(e)                                      \
	"{\"namespaceSelector\":{},\"podSelector\":" \
	"{\"matchExpressions\":[" e "]}}"
	selects(EXPR("{\"key\":\"app\",\"operator\":\"In\",\"values\":"
		     "[\"x\",\"web\"]}"),
		"11");
	selects(EXPR("{\"key\":\"tier\",\"operator\":\"NotIn\",\"values\":"
		     "[\"1\"]}"),
		"23");
	selects(EXPR("{\"key\":\"tier\",\"operator\":\"Exists\"}"), "11");
	selects(EXPR("{\"key\":\"tier\",\"operator\":\"DoesNotExist\"}"), "23");
	selects(EXPR("{\"key\":\"app\",\"operator\":\"Exists\"},"
		     "{\"key\":\"tier\",\"operator\":\"DoesNotExist\"}"),
		"23");
}

TEST(a_policy_is_of_its_namespace_and_for_whom_it_selects)
{
	static const struct {
		const char *text;
		bool mine;
	} cases[] = {
		{ "{\"podSelector\":{}}", true },
		{ "{\"podSelector\":{\"matchLabels\":{\"app\":\"web\"}}}",
		  true },
		{ "{\"podSelector\":{\"matchLabels\":{\"app\":\"db\"}}}",
		  false },
		{ "{\"namespace\":\"a\"}", true },
		{ "{\"namespace\":\"b\"}", false },
		{ "{\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"x\","
		  "\"namespace\":\"a\"},\"spec\":{}}",
		  true },
		{ "{\"metadata\":{\"namespace\":\"b\"},\"spec\":{}}", false },
		{ "{\"metadata\":{},\"spec\":{}}", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cleanup_policy struct policy p = parse(cases[i].text);

		assert_int_equal(p.side[POLICY_INGRESS].selected,
				 cases[i].mine);
	}
}

TEST(policies_add_up_and_rules_keep_their_numbers)
{
	cleanup_policy struct policy p =
		parse("[{\"namespace\":\"b\",\"ingress\":[{},{}]},"
		      "{\"ingress\":[{}],\"egress\":[{}]},"
		      "{\"policyTypes\":[\"Egress\"],\"egress\":[{}]}]");

	assert_int_equal(p.side[POLICY_INGRESS].n, 1);
	assert_int_equal(p.side[POLICY_INGRESS].rules[0].number, 3);
	assert_int_equal(p.side[POLICY_EGRESS].n, 2);
	assert_int_equal(p.side[POLICY_EGRESS].rules[1].number, 2);
}

TEST(a_direction_is_only_watched_if_all_who_close_it_agree)
{
	static const struct {
		const char *text;
		bool audit;
	} cases[] = {
		{ "{\"audit\":true}", true },
		{ "[{\"audit\":true},{\"audit\":true}]", true },
		{ "[{\"audit\":true},{}]", false },
		{ "[{},{\"audit\":true}]", false },
		{ "[{\"audit\":true},{\"policyTypes\":[\"Egress\"]}]", true },
		{ "[{\"audit\":true},{\"namespace\":\"b\"}]", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cleanup_policy struct policy p = parse(cases[i].text);

		assert_int_equal(p.side[POLICY_INGRESS].audit, cases[i].audit);
		assert_false(p.side[POLICY_EGRESS].audit);
	}
}

#define RULE(r) "{\"ingress\":[{}," r "]}"
#define PEER(p) RULE("{\"from\":[" p "]}")
#define PORT(p) RULE("{\"ports\":[" p "]}")

TEST(what_is_wrong_is_named)
{
	refuses("{\"ingres\":[]}", "key \"ingres\" is unknown here");
	refuses("[{},5]", "policy 2: \"policy\": 5 is not an object");
	refuses("{\"spec\":{\"x\":1}}", "key \"x\" is unknown here");
	refuses("{\"policyTypes\":[\"In\"]}",
		"\"policyTypes\": \"In\" is not Ingress or Egress");
	refuses("{\"audit\":1}", "\"audit\": 1 is not true or false");
	refuses("{\"ingress\":{}}", "\"ingress\": {} is not a list");
	refuses("{\"ingress\":[\"x\"]}",
		"ingress rule 1: \"ingress\": \"x\" is not a list of objects");
	refuses(RULE("{\"to\":[]}"),
		"ingress rule 2: key \"to\" is unknown here");
	refuses("{\"egress\":[{\"from\":[]}]}",
		"egress rule 1: key \"from\" is unknown here");
	refuses(RULE("{\"action\":\"Drop\"}"),
		"ingress rule 2: \"action\": \"Drop\" is not Allow or Deny");
	refuses("[{},{\"namespace\":\"b\",\"egress\":[{\"ports\":[5]}]}]",
		"policy 2: egress rule 1: \"ports\": 5 is not what may stand in that list");
}

TEST(wrong_peers_are_named)
{
	refuses(PEER("{}"),
		"ingress rule 2: \"peer\": {} is not an ipBlock or a selector");
	refuses(PEER("{\"ipBlock\":{\"cidr\":\"10.0.0.0/33\"}}"),
		"ingress rule 2: \"cidr\": \"10.0.0.0/33\" is not a network in CIDR notation");
	refuses(PEER("{\"ipBlock\":{}}"),
		"ingress rule 2: \"cidr\": nothing is not a network in CIDR notation");
	refuses(PEER("{\"ipBlock\":{\"cidr\":\"::ffff:10.0.0.0/24\"}}"),
		"ingress rule 2: \"cidr\": \"::ffff:10.0.0.0/24\" is not a network in CIDR notation");
	refuses(PEER("{\"ipBlock\":{\"cidr\":\"10.0.0.0/8\",\"except\":"
		     "[\"11.0.0.0/16\"]}}"),
		"ingress rule 2: \"except\": \"11.0.0.0/16\" is not a part of \"cidr\"");
	refuses(PEER("{\"ipBlock\":{\"cidr\":\"10.0.0.0/8\",\"except\":"
		     "[\"10.0.0.0/8\"]}}"),
		"ingress rule 2: \"except\": \"10.0.0.0/8\" is not a part of \"cidr\"");
	refuses(PEER("{\"ipBlock\":{\"cidr\":\"10.0.0.0/8\"},"
		     "\"podSelector\":{}}"),
		"ingress rule 2: \"ipBlock\": {\"cidr\":\"10.0.0.0/8\"} is not to stand beside a selector");
	refuses(PEER("{\"podSelector\":{\"matchLabel\":{}}}"),
		"ingress rule 2: \"podSelector\": key \"matchLabel\" is unknown here");
	refuses(PEER("{\"podSelector\":{\"matchLabels\":{\"a\":1}}}"),
		"ingress rule 2: \"podSelector\": \"a\": 1 is not a string");
	refuses(PEER("{\"namespaceSelector\":{\"matchExpressions\":["
		     "{\"key\":\"a\",\"operator\":\"in\"}]}}"),
		"ingress rule 2: \"namespaceSelector\": \"operator\": \"in\" is not In, NotIn, Exists or DoesNotExist");
	refuses(PEER("{\"podSelector\":{\"matchExpressions\":["
		     "{\"key\":\"a\",\"operator\":\"In\",\"values\":[]}]}}"),
		"ingress rule 2: \"podSelector\": \"values\": [] is not a list of strings");
	refuses(PEER("{\"podSelector\":{\"matchExpressions\":["
		     "{\"key\":\"a\",\"operator\":\"Exists\",\"values\":[\"x\"]}"
		     "]}}"),
		"ingress rule 2: \"podSelector\": \"values\": [\"x\"] is not what may stand by this operator");
}

TEST(wrong_ports_are_named)
{
	refuses(PORT("{\"port\":\"http\"}"),
		"ingress rule 2: \"port\": \"http\" is not a number from 1 to 65535: names are not known here");
	refuses(PORT("{\"port\":0}"),
		"ingress rule 2: \"port\": 0 is not a number from 1 to 65535");
	refuses(PORT("{\"port\":65536}"),
		"ingress rule 2: \"port\": 65536 is not a number from 1 to 65535");
	refuses(PORT("{\"port\":80.5}"),
		"ingress rule 2: \"port\": 80.5 is not a number from 1 to 65535");
	refuses(PORT("{\"port\":80,\"endPort\":79}"),
		"ingress rule 2: \"endPort\": 79 is not at least \"port\"");
	refuses(PORT("{\"endPort\":79}"),
		"ingress rule 2: \"port\": nothing is not enough for an \"endPort\"");
	refuses(PORT("{\"protocol\":\"GRE\"}"),
		"ingress rule 2: \"protocol\": \"GRE\" is not TCP, UDP, SCTP, ICMP, ICMPv6 or Any");
	refuses(PORT("{\"protocol\":\"ICMP\",\"port\":8}"),
		"ingress rule 2: key \"port\" is unknown here");
	refuses(PORT("{\"protocol\":\"ICMP\",\"type\":256}"),
		"ingress rule 2: \"type\": 256 is not a number from 0 to 255");
	refuses(PORT("{\"protocol\":\"ICMP\",\"code\":1}"),
		"ingress rule 2: \"type\": nothing is not enough for a \"code\"");
	refuses(PORT("{\"protocol\":\"Any\",\"port\":1}"),
		"ingress rule 2: key \"port\" is unknown here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_types_say_which_direction_is_closed),
		cmocka_unit_test(peers_and_ports_are_read),
		cmocka_unit_test(selectors_mean_whom_the_specification_says),
		cmocka_unit_test(
			a_policy_is_of_its_namespace_and_for_whom_it_selects),
		cmocka_unit_test(policies_add_up_and_rules_keep_their_numbers),
		cmocka_unit_test(
			a_direction_is_only_watched_if_all_who_close_it_agree),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(wrong_peers_are_named),
		cmocka_unit_test(wrong_ports_are_named),
	};

	return RUN(tests);
}
