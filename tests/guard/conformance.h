/* SPDX-License-Identifier: Apache-2.0 */
/* conformance.h - tests/guard/conformance.json, row by row. */
#ifndef WEFT_TESTS_GUARD_CONFORMANCE_H
#define WEFT_TESTS_GUARD_CONFORMANCE_H

#include <arpa/inet.h>

#include "../netns/guard_lib.h"
#include "base/json.h"
#include "bpf/policy_load.h"
#include "packet.h"

#define TABLE "tests/guard/conformance.json"

enum {
	SPACES = 3,
	PODS = 3,
	ALL = SPACES * PODS,
	NAME_SIZE = 64,
	SIZE = 1 << 20,
	GRE = 47,
};

/* Who is where. */
struct cast {
	char names[ALL][2][2]; /* of the namespace and the pod */
	struct policy_label labels[ALL][2];
	struct ip_addr addrs[ALL][2];
	struct policy_endpoint all[ALL];
	struct policy_world world;
};

struct table {
	struct sandbox *s;
	struct guard g;
	uint32_t ifindex;
	void *road;
	void (*check)(struct table *t, const char *row, struct packet *p,
		      bool want);
	struct cast cast;
	const char *name; /* of the case at hand */
	struct policy policy;
	struct policy_tables tables;
	unsigned int cases, rows, wrong;
};

static void fill_cast(struct cast *c)
{
	for (unsigned int i = 0; i < ALL; i++) {
		const unsigned int space = i / PODS, pod = i % PODS;
		char text[IP_STR_SIZE];

		c->names[i][0][0] = (char)('x' + space);
		c->names[i][1][0] = (char)('a' + pod);
		c->labels[i][0] = (struct policy_label){ "ns", c->names[i][0] };
		c->labels[i][1] =
			(struct policy_label){ "pod", c->names[i][1] };
		(void)snprintf(text, sizeof(text), "10.1.%u.%u", space,
			       5 + pod);
		c->addrs[i][0] = addr_of(text);
		(void)snprintf(text, sizeof(text), "fd00:1::%x:%x", space,
			       5 + pod);
		c->addrs[i][1] = addr_of(text);
		c->all[i] = (struct policy_endpoint){
			.labels = &c->labels[i][1],
			.n_labels = 1,
			.space = c->names[i][0],
			.space_labels = &c->labels[i][0],
			.n_space_labels = 1,
			.addrs = c->addrs[i],
			.n_addrs = 2,
		};
	}
	c->world = (struct policy_world){ &c->all[0], c->all, ALL };
}

static cJSON *read_table(struct sandbox *s)
{
	cleanup_free char *text = calloc(1, SIZE);
	FILE *f = fopen(TABLE, "re");
	cJSON *doc = NULL;
	size_t n;

	assert_non_null(text);
	assert_non_null(f);
	n = fread(text, 1, SIZE, f);
	(void)fclose(f);
	assert_works(json_parse(text, n, &doc, &s->err), s->err);
	return doc;
}

/* "in tcp 80", "out icmp 3/4" */
static struct packet read_row(const char *text)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} protos[] = {
		{ "tcp", IPPROTO_TCP },	     { "udp", IPPROTO_UDP },
		{ "sctp", IPPROTO_SCTP },    { "icmp", IPPROTO_ICMP },
		{ "icmp6", IPPROTO_ICMPV6 }, { "gre", GRE },
	};
	struct packet p = { .sport = 40000 };
	char dir[4], proto[8];
	unsigned int port, code = 0, n;

	n = (unsigned int)sscanf(text, "%3s %7s %u/%u", dir, proto, &port,
				 &code);
	if (n < 3)
		fail_msg("%s is no row", text);
	for (size_t i = 0; i < sizeof(protos) / sizeof(*protos); i++)
		if (!strcmp(proto, protos[i].name))
			p.k.proto = protos[i].proto;
	assert_int_not_equal(p.k.proto, 0);
	p.k.dir = strcmp(dir, "in") ? POLICY_EGRESS : POLICY_INGRESS;
	p.k.port = (uint16_t)(strstr(proto, "icmp") ? port << 8 | code : port);
	return p;
}

static bool is_letter(char pattern, char c)
{
	return pattern == '*' || pattern == c;
}

/* Never the guest itself. */
static void check_pods(struct table *t, const char *row, struct packet *p,
		       const char *who, bool want)
{
	for (unsigned int i = 1; i < ALL; i++) {
		if (!is_letter(who[0], *t->cast.names[i][0]) ||
		    !is_letter(who[2], *t->cast.names[i][1]))
			continue;
		p->k.peer = t->cast.addrs[i][who[3] == '6'];
		t->check(t, row, p, want);
	}
}

static void check_list(struct table *t, const char *row, const cJSON *list,
		       bool want)
{
	struct packet p = read_row(row);
	char text[512], *rest = NULL;

	if (!list)
		return;
	assert_true(cJSON_IsString(list));
	assert_true(strlen(list->valuestring) < sizeof(text));
	(void)snprintf(text, sizeof(text), "%s", list->valuestring);
	for (char *who = strtok_r(text, " ", &rest); who;
	     who = strtok_r(NULL, " ", &rest)) {
		if (who[1] == '/') {
			check_pods(t, row, &p, who, want);
			continue;
		}
		p.k.peer = (struct ip_addr){ .family = strchr(who, ':')
							       ? AF_INET6
							       : AF_INET };
		/* A mapped address stays what it is. */
		assert_int_equal(inet_pton(p.k.peer.family, who, p.k.peer.b),
				 1);
		t->check(t, row, &p, want);
	}
}

/* What is remembered would not be asked for. */
static void forget_flows(const struct guard *g, uint32_t ifindex)
{
	struct guard_policy p;

	if (bpf_map_get(g->map[GUARD_POLICIES], &ifindex, &p))
		return;
	p.quota = 0;
	assert_int_equal(
		bpf_map_put(g->map[GUARD_POLICIES], &ifindex, &p, BPF_EXIST),
		0);
}

static void check_case(struct table *t, const cJSON *c)
{
	struct sandbox *s = t->s;
	const cJSON *row;

	t->name = json_get(c, "name")->valuestring;
	assert_works(policy_parse(json_get(c, "policy"), &t->cast.world,
				  &t->policy, &s->err),
		     s->err);
	assert_works(policy_compile(&t->policy, POLICY_ENTRIES_MAX, &t->tables,
				    &s->err),
		     s->err);
	assert_works(guard_police(&t->g, t->ifindex, &t->tables, &s->err),
		     s->err);
	forget_flows(&t->g, t->ifindex);
	cJSON_ArrayForEach(row, json_get(c, "rows"))
	{
		check_list(t, row->string, cJSON_GetArrayItem(row, 0), true);
		check_list(t, row->string, cJSON_GetArrayItem(row, 1), false);
	}
	policy_free(&t->policy);
	policy_tables_free(&t->tables);
}

/* @most: rows; then no more cases are begun */
static void check_table(struct table *t, unsigned int most)
{
	cleanup_json cJSON *doc = read_table(t->s);
	const cJSON *c;

	fill_cast(&t->cast);
	cJSON_ArrayForEach(c, doc)
	{
		if (json_get(c, "about") || t->rows >= most)
			continue;
		check_case(t, c);
		t->cases++;
	}
}

#endif
