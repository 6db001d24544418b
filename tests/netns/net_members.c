/* SPDX-License-Identifier: Apache-2.0 */
/* What a network's policy is, and on whom: kept by the kernel, changed as a
 * whole. */
#include <errno.h>

#include "base/json.h"
#include "bpf/map.h"
#include "bpf/policy_enforce.h"
#include "bpf/policy_load.h"
#include "guard_lib.h"

enum { ONE = 1, TWO = 2, OTHERS = 3, NET = 70, OTHER_NET = 71 };

#define WEB_ONLY                                                            \
	"{\"podSelector\":{\"matchLabels\":{\"app\":\"db\"}},\"ingress\":[" \
	"{\"from\":[{\"podSelector\":{\"matchLabels\":{\"app\":\"web\"}}}]}]}"
#define CLOSED "{\"podSelector\":{},\"policyTypes\":[\"Ingress\"]}"

/* The text as it is kept. */
#define KEPT(policy) "{\"by\":\"test\",\"policy\":" policy "}"

#define WITH_GUARD()                               \
	struct sandbox *s = *state;                \
	cleanup_guard struct guard g = GUARD_NONE; \
	open_guard(s, &g)

static size_t count_keys(const struct guard *g, enum guard_map map)
{
	unsigned char key[64] = { 0 }, next[64];
	size_t n = 0;

	while (!bpf_map_next(g->map[map], n ? key : NULL, next)) {
		memcpy(key, next, sizeof(key));
		n++;
	}
	return n;
}

static void put_text(struct sandbox *s, const struct guard *g, const char *text)
{
	assert_works(policy_text_put(g, NET, POLICY_CONFIGURED, text, &s->err),
		     s->err);
}

static void has_text(struct sandbox *s, const struct guard *g, const char *text)
{
	cleanup_free char *there = NULL;

	assert_int_equal(
		policy_text_get(g, NET, POLICY_CONFIGURED, &there, &s->err), 1);
	assert_string_equal(there, text);
}

/* With @app as its label. */
static void join(struct sandbox *s, const struct guard *g, uint32_t ifindex,
		 uint64_t network, const char *app, const char *addr)
{
	cleanup_json cJSON *labels = cJSON_CreateObject();
	const struct guard_rules rules = { .attachment = ifindex,
					   .network = network };
	struct policy_identity id = { .network = "n",
				      .container_id = app,
				      .ifname = "eth0",
				      .space = "",
				      .labels = labels,
				      .n = 1 };
	struct guard_member m;
	struct ip_net net;

	assert_int_equal(ip_net_parse(addr, &net), 0);
	id.addrs = &net;
	assert_non_null(cJSON_AddStringToObject(labels, "app", app));
	assert_works(guard_admit(g, ifindex, &rules, &s->err), s->err);
	assert_works(policy_member_encode(network, &id, &m, &s->err), s->err);
	assert_int_equal(bpf_map_put(g->map[GUARD_MEMBERS], &ifindex, &m, 0),
			 0);
	assert_works(policy_joined(g, network, ifindex, &s->err), s->err);
}

static void leave(struct sandbox *s, const struct guard *g, uint32_t ifindex,
		  uint64_t network)
{
	assert_works(guard_dismiss(g, ifindex, ifindex, &s->err), s->err);
	assert_works(policy_left(g, network, &s->err), s->err);
}

static bool is_policed(const struct guard *g, uint32_t ifindex)
{
	struct guard_guest guest;

	assert_int_equal(bpf_map_get(g->map[GUARD_GUESTS], &ifindex, &guest),
			 0);
	return guest.flags & GUARD_POLICED;
}

TEST(a_text_is_read_as_it_was_written)
{
	cleanup_free char *text = calloc(1, 3 * GUARD_CHUNK_TEXT + 1), *none;
	WITH_GUARD();

	none = NULL;
	assert_int_equal(
		policy_text_get(&g, NET, POLICY_CONFIGURED, &none, &s->err), 0);
	assert_int_equal(policy_text_exists(NET, &s->err), 0);
	for (size_t n = 1; n < 3; n++) {
		memset(text, 'a' + (int)n, n * GUARD_CHUNK_TEXT);
		put_text(s, &g, text);
		has_text(s, &g, text);
		text[n * GUARD_CHUNK_TEXT] = 'x';
		put_text(s, &g, text);
		has_text(s, &g, text);
	}
	assert_int_equal(policy_text_exists(NET, &s->err), 1);
	assert_int_equal(policy_text_exists(OTHER_NET, &s->err), 0);
	put_text(s, &g, "short");
	has_text(s, &g, "short");
	assert_int_equal(count_keys(&g, GUARD_TEXTS), 2);
	assert_works(policy_text_remove(&g, NET, POLICY_CONFIGURED, &s->err),
		     s->err);
	assert_int_equal(count_keys(&g, GUARD_TEXTS), 0);
}

TEST(a_text_that_is_too_long_leaves_the_former)
{
	const size_t len = (size_t)GUARD_CHUNKS * GUARD_CHUNK_TEXT + 1;
	cleanup_free char *text = calloc(1, len + 1);
	WITH_GUARD();

	put_text(s, &g, "short");
	memset(text, 'x', len);
	assert_fails(policy_text_put(&g, NET, POLICY_CONFIGURED, text, &s->err),
		     E2BIG, s->err, "longer than");
	has_text(s, &g, "short");
	text[len - 1] = '\0';
	put_text(s, &g, text);
	has_text(s, &g, text);
}

TEST(the_applied_text_holds_before_the_configurations)
{
	enum policy_source source = POLICY_SOURCES;
	cleanup_json cJSON *doc = NULL, *applied = NULL;
	WITH_GUARD();

	put_text(s, &g, KEPT("[1]"));
	assert_int_equal(policy_in_force(&g, NET, &doc, &source, &s->err), 1);
	assert_int_equal(source, POLICY_CONFIGURED);
	assert_works(
		policy_text_put(&g, NET, POLICY_APPLIED, KEPT("[2]"), &s->err),
		s->err);
	assert_int_equal(policy_in_force(&g, NET, &applied, &source, &s->err),
			 1);
	assert_int_equal(source, POLICY_APPLIED);
	assert_int_equal(applied->child->valueint, 2);
}

TEST(who_comes_and_goes_changes_what_holds_for_others)
{
	WITH_GUARD();

	put_text(s, &g, KEPT(WEB_ONLY));
	join(s, &g, ONE, NET, "db", "10.1.0.1/24");
	assert_true(is_policed(&g, ONE));
	assert_int_equal(count_keys(&g, GUARD_PEERS), 1);
	join(s, &g, TWO, NET, "web", "10.1.0.2/24");
	assert_false(is_policed(&g, TWO));
	assert_int_equal(count_keys(&g, GUARD_PEERS), 2);
	join(s, &g, OTHERS, OTHER_NET, "web", "10.1.0.3/24");
	assert_int_equal(count_keys(&g, GUARD_PEERS), 2);
	leave(s, &g, TWO, NET);
	assert_int_equal(count_keys(&g, GUARD_PEERS), 1);
	has_text(s, &g, KEPT(WEB_ONLY));
	leave(s, &g, ONE, NET);
	for (enum guard_map m = 0; m < GUARD_KEPT; m++)
		assert_int_equal(count_keys(&g, m),
				 m == GUARD_GUESTS || m == GUARD_MEMBERS ||
					 m == GUARD_COUNTS);
}

TEST(all_guests_are_policed_or_none)
{
	cleanup_json cJSON *doc = cJSON_Parse(CLOSED);
	const uint32_t two = TWO;
	WITH_GUARD();

	join(s, &g, ONE, NET, "db", "10.1.0.1/24");
	join(s, &g, TWO, NET, "web", "10.1.0.2/24");
	/* Of a port that is not guarded any more. */
	assert_int_equal(bpf_map_remove(g.map[GUARD_GUESTS], &two), 0);
	assert_fails(policy_enforce(&g, NET, doc, &s->err), ENOENT, s->err,
		     "interface 2");
	assert_false(is_policed(&g, ONE));
	assert_int_equal(count_keys(&g, GUARD_PEERS), 0);
	assert_int_equal(count_keys(&g, GUARD_POLICIES), 0);
	assert_int_equal(bpf_map_remove(g.map[GUARD_MEMBERS], &two), 0);
	assert_works(policy_enforce(&g, NET, doc, &s->err), s->err);
	assert_true(is_policed(&g, ONE));
}

TEST(what_is_in_force_is_known_from_what_is_not)
{
	cleanup_members struct policy_members m = { 0 };
	cleanup_tables struct policy_tables t = { 0 }, none = { 0 };
	cleanup_policy struct policy p = { 0 };
	cleanup_json cJSON *doc = cJSON_Parse(WEB_ONLY);
	struct guard_peer key = { 0 };
	struct guard_class value;
	WITH_GUARD();

	put_text(s, &g, KEPT(WEB_ONLY));
	join(s, &g, TWO, NET, "web", "10.1.0.2/24");
	join(s, &g, ONE, NET, "db", "10.1.0.1/24");
	assert_works(policy_members_read(&g, NET, &m, &s->err), s->err);
	assert_int_equal(m.n, 2);
	assert_string_equal(m.v[0].container_id, "db");
	assert_works(policy_for(doc, &m, 0, &p, &t, &s->err), s->err);
	assert_int_equal(guard_is_policed(&g, ONE, &t), 1);
	assert_int_equal(guard_is_policed(&g, ONE, &none), 0);
	assert_int_equal(guard_is_policed(&g, TWO, &t), 0);
	assert_int_equal(guard_is_policed(&g, TWO, &none), 1);

	/* That what is left behind the anchor is changed, and goes. */
	while (!bpf_map_next(g.map[GUARD_PEERS], &key, &key) && !key.family)
		;
	assert_int_equal(key.family, 4);
	assert_int_equal(bpf_map_get(g.map[GUARD_PEERS], &key, &value), 0);
	value.rule.hits = 5;
	assert_int_equal(bpf_map_put(g.map[GUARD_PEERS], &key, &value, 0), 0);
	assert_int_equal(guard_is_policed(&g, ONE, &t), 1);
	value.rule.says = GUARD_DENIES;
	assert_int_equal(bpf_map_put(g.map[GUARD_PEERS], &key, &value, 0), 0);
	assert_int_equal(guard_is_policed(&g, ONE, &t), 0);
	assert_int_equal(bpf_map_remove(g.map[GUARD_PEERS], &key), 0);
	assert_int_equal(guard_is_policed(&g, ONE, &t), 0);
	assert_works(policy_enforce(&g, NET, doc, &s->err), s->err);
	assert_int_equal(guard_is_policed(&g, ONE, &t), 1);
}

TEST(a_network_is_forgotten_with_its_texts)
{
	WITH_GUARD();

	put_text(s, &g, KEPT(CLOSED));
	assert_works(
		policy_text_put(&g, NET, POLICY_APPLIED, KEPT(CLOSED), &s->err),
		s->err);
	join(s, &g, ONE, NET, "db", "10.1.0.1/24");
	assert_works(guard_forget_network(NET, &s->err), s->err);
	for (enum guard_map m = 0; m < GUARD_KEPT; m++)
		assert_int_equal(count_keys(&g, m), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(a_text_is_read_as_it_was_written),
		in_sandbox(a_text_that_is_too_long_leaves_the_former),
		in_sandbox(the_applied_text_holds_before_the_configurations),
		in_sandbox(who_comes_and_goes_changes_what_holds_for_others),
		in_sandbox(all_guests_are_policed_or_none),
		in_sandbox(what_is_in_force_is_known_from_what_is_not),
		in_sandbox(a_network_is_forgotten_with_its_texts),
	};

	return RUN(tests);
}
