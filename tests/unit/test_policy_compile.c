/* SPDX-License-Identifier: Apache-2.0 */
/* The compiler against the oracle. WEFT_ORACLE: how many verdicts, WEFT_SEED:
 * where the dice begin. */
#include <errno.h>

#include "../guard/oracle.h"
#include "../lib/check.h"
#include "base/json.h"
#include "bpf/policy_tables.h"

enum { VERDICTS = 200000, PACKETS = 1000, RULES = 12, SEED = 20261123 };

static uint64_t number_of(const char *name, uint64_t or_else)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : or_else;
}

static const struct policy_rule *rule_of(const struct policy *p,
					 enum policy_dir dir, uint32_t number)
{
	for (size_t i = 0; i < p->side[dir].n; i++)
		if (p->side[dir].rules[i].number == number)
			return &p->side[dir].rules[i];
	return NULL;
}

/* The rule that is named says that, and speaks of the packet. */
static bool is_reason(const struct policy *p, const struct policy_packet *k,
		      struct policy_verdict v)
{
	const struct policy_rule *r = rule_of(p, k->dir, v.rule);

	if (!p->side[k->dir].selected || (!v.rule && v.action == POLICY_DENY))
		return !v.rule;
	return r && r->action == v.action && oracle_is_peer(r, &k->peer) &&
	       oracle_is_port(r, k->proto, k->port);
}

static void compare(const struct policy *p, const struct policy_tables *t,
		    struct dice *d, uint64_t seed)
{
	for (int i = 0; i < PACKETS; i++) {
		const uint64_t before = d->state;
		const struct policy_packet k = dice_packet(d, p);
		const struct policy_verdict v = policy_lookup(t, &k);
		char text[IP_STR_SIZE];

		if (v.action == oracle_judge(p, &k) && is_reason(p, &k, v))
			continue;
		fail_msg(
			"policy %llu, packet %llu: direction %d, %s, protocol %u, port %u: %s by rule %u",
			(unsigned long long)seed, (unsigned long long)before,
			k.dir, ip_format(&k.peer, text), k.proto, k.port,
			v.action == POLICY_ALLOW ? "allowed" : "denied",
			v.rule);
	}
}

TEST(compiler_and_oracle_agree)
{
	const uint64_t verdicts = number_of("WEFT_ORACLE", VERDICTS);
	struct dice d = { number_of("WEFT_SEED", SEED) };
	struct cni_err err = CNI_ERR_INIT;
	uint64_t n, denied = 0;

	for (n = 0; n < verdicts; n += PACKETS) {
		const uint64_t seed = d.state;
		cleanup_policy struct policy p = dice_policy(&d, RULES);
		cleanup_tables struct policy_tables t = { 0 };
		struct policy_packet k = dice_packet(&d, &p);

		assert_ok(policy_compile(&p, POLICY_ENTRIES_MAX, &t, &err),
			  &err);
		compare(&p, &t, &d, seed);
		denied += oracle_judge(&p, &k) == POLICY_DENY;
	}
	print_message("oracle: %llu verdicts, 0 differ\n",
		      (unsigned long long)n);
	/* Neither of the two answers is the rare one. */
	assert_true(denied * PACKETS > n / 8);
	assert_true(denied * PACKETS < n / 8 * 7);
}

static struct policy_tables compile(const char *text)
{
	static const struct policy_endpoint self = { 0 };
	static const struct policy_world world = { &self, NULL, 0 };
	cleanup_policy struct policy p = { 0 };
	struct policy_tables t = { 0 };
	struct cni_err err = CNI_ERR_INIT;
	cleanup_json cJSON *doc = NULL;

	assert_ok(json_parse(text, strlen(text), &doc, &err), &err);
	assert_ok(policy_parse(doc, &world, &p, &err), &err);
	assert_ok(policy_compile(&p, POLICY_ENTRIES_MAX, &t, &err), &err);
	return t;
}

#define BLOCK(c) "{\"ipBlock\":{\"cidr\":\"" c "\"}}"

/* What is said twice takes no room. */
TEST(tables_are_small)
{
	static const struct {
		const char *text;
		size_t peers, ports;
	} cases[] = {
		{ "{}", 0, 0 },
		{ "{\"ingress\":[{}]}", 2, 0 },
		{ "{\"ingress\":[{\"ports\":[{\"port\":80}]}]}", 2, 0 },
		{ "{\"ingress\":[{\"ports\":[{\"port\":1,\"endPort\":65535}]}]}",
		  2, 16 },
		{ "{\"ingress\":[{\"ports\":[{\"port\":1,\"endPort\":65534}]}]}",
		  2, 30 },
		{ "{\"ingress\":[{\"from\":[" BLOCK("10.0.0.0/8") "," BLOCK(
			  "10.1.0.0/16") "]}]}",
		  1, 0 },
		{ "{\"ingress\":[{\"from\":[" BLOCK("10.0.0.0/8") "]},{\"from\":[" BLOCK(
			  "10.1.0.0/16") "],\"ports\":[{\"port\":80}]}]}",
		  1, 0 },
		{ "{\"ingress\":[{\"from\":[" BLOCK("10.0.0.0/8") "],\"ports\":[{\"port\":443}]},{\"from\":[" BLOCK(
			  "10.1.0.0/16") "],\"ports\":[{\"port\":80}]}]}",
		  2, 0 },
		{ "{\"ingress\":[{\"ports\":[{\"port\":2},{\"port\":4},"
		  "{\"port\":6},{\"port\":8}]}]}",
		  2, 0 },
		{ "{\"ingress\":[{\"ports\":[{\"port\":2},{\"port\":4},"
		  "{\"port\":6},{\"port\":8},{\"port\":10}]}]}",
		  2, 5 },
		{ "{\"ingress\":[{},{\"action\":\"Deny\",\"from\":[" BLOCK(
			  "10.1.0.0/16") "],\"ports\":[{\"port\":80}]}]}",
		  3, 0 },
		{ "{\"ingress\":[{\"from\":[{\"ipBlock\":{\"cidr\":\"::/0\","
		  "\"except\":[\"fd00::/8\"]}}]}]}",
		  2, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cleanup_tables struct policy_tables t = compile(cases[i].text);

		if (t.n_peers != cases[i].peers || t.n_ports != cases[i].ports)
			fail_msg("%s: %zu and %zu", cases[i].text, t.n_peers,
				 t.n_ports);
	}
}

/* Removed in the order of the tables, none leaves a shorter one to be found. */
TEST(shorter_prefixes_come_first)
{
	struct dice d = { SEED };
	struct cni_err err = CNI_ERR_INIT;
	cleanup_policy struct policy p = dice_policy(&d, 50);
	cleanup_tables struct policy_tables t = { 0 };

	assert_ok(policy_compile(&p, POLICY_ENTRIES_MAX, &t, &err), &err);
	assert_true(t.n_peers > 10 && t.n_ports > 10);
	for (size_t i = 1; i < t.n_peers; i++)
		assert_true(t.peers[i - 1].key.plen <= t.peers[i].key.plen);
	for (size_t i = 1; i < t.n_ports; i++)
		assert_true(t.ports[i - 1].key.plen <= t.ports[i].key.plen);
}

TEST(what_does_not_fit_is_refused)
{
	struct dice d = { SEED };
	struct cni_err err = CNI_ERR_INIT;
	cleanup_policy struct policy p = dice_policy(&d, 50);
	cleanup_tables struct policy_tables t = { 0 }, small = { 0 };
	size_t most;

	assert_ok(policy_compile(&p, POLICY_ENTRIES_MAX, &t, &err), &err);
	most = t.n_peers > t.n_ports ? t.n_peers : t.n_ports;
	assert_int_equal(policy_compile(&p, most - 1, &small, &err), -E2BIG);
	assert_says(&err, "entries of a table");
	assert_null(small.peers);
	assert_ok(policy_compile(&p, most, &small, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiler_and_oracle_agree),
		cmocka_unit_test(tables_are_small),
		cmocka_unit_test(shorter_prefixes_come_first),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};

	return RUN(tests);
}
