/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#include "net/masq.h"
#include "net_lib.h"

#define NFT(words) assert_int_equal(system("nft " words), 0)

static bool has_nft(void)
{
	return !system("nft --version >/dev/null 2>&1");
}

static struct masq masq_of(const char *network, const struct ip_net *subnets,
			   size_t n)
{
	return (struct masq){ .network = network,
			      .bridge = "weft0",
			      .subnets = subnets,
			      .n_subnets = n };
}

static const char *ruleset(const char *what)
{
	static char text[65536];
	char command[128];
	FILE *p;
	size_t n;

	(void)snprintf(command, sizeof(command), "nft %s 2>&1", what);
	p = popen(command, "re");
	assert_non_null(p);
	n = fread(text, 1, sizeof(text) - 1, p);
	text[n] = '\0';
	(void)pclose(p);
	return text;
}

TEST(nft_lists_the_rules_as_a_person_would_write_them)
{
	static const char want[] =
		"table inet weft {\n"
		"\tchain masq-hybrid {\n"
		"\t\tcomment \"hybrid\"\n"
		"\t\ttype nat hook postrouting priority srcnat; "
		"policy accept;\n"
		"\t\tiifname \"weft0\" oifname != \"weft0\" "
		"ip saddr 10.88.0.0/16 ip daddr != 10.88.0.0/16 "
		"ip daddr != 224.0.0.0/4 masquerade "
		"comment \"masquerade 10.88.0.0/16\"\n"
		"\t\tiifname \"weft0\" oifname != \"weft0\" "
		"ip6 saddr fd00:88::/64 ip6 daddr != fd00:88::/64 "
		"ip6 daddr != ff00::/8 ip6 daddr != fe80::/10 masquerade "
		"comment \"masquerade fd00:88::/64\"\n"
		"\t}\n"
		"}\n";
	struct sandbox *s = *state;
	const struct ip_net nets[] = { net_of("10.88.0.5/16"),
				       net_of("fd00:88::7/64") };
	const struct masq m = masq_of("hybrid", nets, 2);

	if (!has_nft())
		skip();
	assert_works(masq_ensure(&m, &s->err), s->err);
	assert_string_equal(ruleset("list ruleset"), want);
}

TEST(a_second_ensure_changes_nothing)
{
	struct sandbox *s = *state;
	const struct ip_net nets[] = { net_of("10.88.0.0/16"),
				       net_of("10.88.0.9/16"),
				       net_of("fd00:88::/64") };
	const struct masq m = masq_of("hybrid", nets, 3);
	char before[4096];

	if (!has_nft())
		skip();
	assert_works(masq_ensure(&m, &s->err), s->err);
	(void)snprintf(before, sizeof(before), "%s",
		       ruleset("-a list ruleset"));
	for (int i = 0; i < 5; i++)
		assert_works(masq_ensure(&m, &s->err), s->err);
	assert_string_equal(ruleset("-a list ruleset"), before);
	assert_works(masq_check(&m, &s->err), s->err);
}

/* Odd prefixes and every family: written, read back, found right. */
TEST(every_prefix_length_reads_back_as_right)
{
	struct sandbox *s = *state;
	struct ip_net nets[32];

	for (uint8_t i = 0; i < 32; i++)
		nets[i] = (struct ip_net){ .addr = ip_of("170.170.170.170"),
					   .plen = (uint8_t)(i + 1) };
	const struct masq v4 = masq_of("four", nets, 32);

	assert_works(masq_ensure(&v4, &s->err), s->err);
	assert_works(masq_check(&v4, &s->err), s->err);
	for (uint8_t i = 0; i < 32; i++)
		nets[i] = (struct ip_net){ .addr = ip_of("fdaa:aaaa::aaaa"),
					   .plen = (uint8_t)(4 * i + 3) };
	const struct masq v6 = masq_of("six", nets, 32);

	assert_works(masq_ensure(&v6, &s->err), s->err);
	assert_works(masq_check(&v6, &s->err), s->err);
}

TEST(rules_of_other_subnets_stay_those_of_another_bridge_go)
{
	struct sandbox *s = *state;
	const struct ip_net one = net_of("10.1.0.0/16"),
			    two = net_of("10.2.0.0/16");
	const struct ip_net both[] = { one, two };
	const struct masq m1 = masq_of("hybrid", &one, 1),
			  m2 = masq_of("hybrid", &two, 1),
			  m12 = masq_of("hybrid", both, 2);
	struct masq moved = m2;

	assert_works(masq_ensure(&m1, &s->err), s->err);
	assert_fails(masq_check(&m12, &s->err), ENOENT, s->err,
		     "chain masq-hybrid has no rule for 10.2.0.0/16");
	assert_works(masq_ensure(&m2, &s->err), s->err);
	assert_works(masq_check(&m12, &s->err), s->err);

	moved.bridge = "weft1";
	assert_works(masq_ensure(&moved, &s->err), s->err);
	assert_works(masq_check(&moved, &s->err), s->err);
	assert_fails(masq_check(&m1, &s->err), ENOENT, s->err, "foreign");
}

struct damage {
	const char *what;
	const char *how;  /* arguments of nft */
	const char *says; /* what CHECK calls it */
};

static const struct damage damages[] = {
	{ "flushed ruleset", "flush ruleset", "table inet weft is missing" },
	{ "deleted table", "delete table inet weft",
	  "table inet weft is missing" },
	{ "deleted chain", "delete chain inet weft masq-hybrid",
	  "chain masq-hybrid is missing" },
	{ "flushed chain", "flush chain inet weft masq-hybrid",
	  "no rule for 10.88.0.0/16" },
	{ "dormant table", "add table inet weft '{ flags dormant; }'",
	  "dormant" },
	{ "foreign rule in front", "insert rule inet weft masq-hybrid accept",
	  "1 foreign or changed rules" },
	{ "foreign rule with our comment",
	  "insert rule inet weft masq-hybrid accept comment "
	  "'\"masquerade 10.88.0.0/16\"'",
	  "1 foreign or changed rules" },
	{ "foreign rule with another subnet's comment",
	  "add rule inet weft masq-hybrid masquerade comment "
	  "'\"masquerade 10.99.0.0/16\"'",
	  "1 foreign or changed rules" },
	{ "policy drop", "add chain inet weft masq-hybrid '{ policy drop; }'",
	  "another type, hook, priority or policy" },
	{ "chain of another type",
	  "'delete chain inet weft masq-hybrid; add chain inet weft "
	  "masq-hybrid { type filter hook postrouting priority srcnat; }'",
	  "another type, hook, priority or policy" },
	{ "chain at another priority",
	  "'delete chain inet weft masq-hybrid; add chain inet weft "
	  "masq-hybrid { type nat hook postrouting priority 0; }'",
	  "another type, hook, priority or policy" },
	{ "chain without a hook",
	  "'delete chain inet weft masq-hybrid; add chain inet weft "
	  "masq-hybrid'",
	  "another type, hook, priority or policy" },
};

TEST(whatever_was_damaged_check_names_and_ensure_repairs)
{
	struct sandbox *s = *state;
	const struct ip_net nets[] = { net_of("10.88.0.0/16"),
				       net_of("fd00:88::/64") };
	const struct ip_net other = net_of("10.77.0.0/16");
	const struct masq m = masq_of("hybrid", nets, 2),
			  m2 = masq_of("other", &other, 1);
	char command[256];

	if (!has_nft())
		skip();
	assert_works(masq_ensure(&m, &s->err), s->err);
	assert_works(masq_ensure(&m2, &s->err), s->err);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		(void)snprintf(command, sizeof(command), "nft %s",
			       damages[i].how);
		if (system(command) != 0)
			fail_msg("%s", damages[i].what);
		assert_fails(masq_check(&m, &s->err), ENOENT, s->err,
			     damages[i].says);
		assert_int_equal(s->err.code, CNI_E_CHECK);
		assert_works(masq_ensure(&m, &s->err), s->err);
		assert_works(masq_check(&m, &s->err), s->err);
	}
	assert_null(strstr(ruleset("list ruleset"), "10.99.0.0"));
}

TEST(a_ruleset_saved_and_restored_by_nft_stays_right)
{
	struct sandbox *s = *state;
	const struct ip_net nets[] = { net_of("10.88.0.0/16"),
				       net_of("10.89.16.0/20"),
				       net_of("192.0.2.7/32"),
				       net_of("fd00:88::/64"),
				       net_of("fd00:99::/61") };
	const struct masq m = masq_of("hybrid", nets, 5);

	if (!has_nft())
		skip();
	assert_works(masq_ensure(&m, &s->err), s->err);
	assert_int_equal(system("r=$(nft list ruleset) && nft flush ruleset && "
				"printf '%s\\n' \"$r\" | nft -f -"),
			 0);
	assert_works(masq_check(&m, &s->err), s->err);
}

TEST(more_strangers_than_we_count_go_with_their_chain)
{
	struct sandbox *s = *state;
	const struct ip_net net = net_of("10.88.0.0/16"),
			    kept = net_of("10.89.0.0/16");
	const struct masq m = masq_of("hybrid", &net, 1),
			  m2 = masq_of("hybrid", &kept, 1);

	if (!has_nft())
		skip();
	assert_works(masq_ensure(&m2, &s->err), s->err);
	assert_int_equal(system("for i in $(seq 100); do echo insert rule inet "
				"weft masq-hybrid tcp dport $i accept; done | "
				"nft -f -"),
			 0);
	assert_works(masq_ensure(&m, &s->err), s->err);
	assert_works(masq_check(&m, &s->err), s->err);
	assert_works(masq_check(&m2, &s->err), s->err);
}

TEST(a_network_has_at_most_64_subnets)
{
	struct sandbox *s = *state;
	struct ip_net nets[MASQ_SUBNETS + 1];
	struct masq m = masq_of("hybrid", nets, MASQ_SUBNETS);

	for (uint8_t i = 0; i <= MASQ_SUBNETS; i++) {
		nets[i] = net_of("10.0.0.0/16");
		nets[i].addr.b[1] = i;
	}
	assert_works(masq_ensure(&m, &s->err), s->err);
	assert_works(masq_check(&m, &s->err), s->err);
	m.n_subnets++;
	assert_fails(masq_ensure(&m, &s->err), E2BIG, s->err,
		     "masquerade network hybrid: more than 64 subnets");
}

TEST(remove_takes_only_its_own_chain_and_the_last_takes_the_table)
{
	struct sandbox *s = *state;
	const struct ip_net net = net_of("10.88.0.0/16");
	char longest[200];
	const struct masq a = masq_of("a", &net, 1), b = masq_of("b", &net, 1),
			  c = masq_of(longest, &net, 1);

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_works(masq_remove("a", &s->err), s->err);
	assert_works(masq_ensure(&a, &s->err), s->err);
	assert_works(masq_ensure(&b, &s->err), s->err);
	assert_works(masq_ensure(&c, &s->err), s->err);
	assert_works(masq_remove("a", &s->err), s->err);
	assert_works(masq_remove("a", &s->err), s->err);
	assert_fails(masq_check(&a, &s->err), ENOENT, s->err,
		     "chain masq-a is missing");
	assert_works(masq_check(&b, &s->err), s->err);
	assert_works(masq_remove(longest, &s->err), s->err);
	assert_works(masq_check(&b, &s->err), s->err);
	assert_works(masq_remove("b", &s->err), s->err);
	assert_fails(masq_check(&b, &s->err), ENOENT, s->err,
		     "table inet weft is missing");

	if (!has_nft())
		return;
	assert_works(masq_ensure(&a, &s->err), s->err);
	NFT("add set inet weft mine '{ type ipv4_addr; }'");
	assert_works(masq_remove("a", &s->err), s->err);
	assert_non_null(strstr(ruleset("list ruleset"), "set mine"));
	NFT("delete set inet weft mine");
	assert_works(masq_remove("a", &s->err), s->err); /* the empty table */
	assert_string_equal(ruleset("list ruleset"), "");
}

/* Processes that all find something missing: none lost, none twice. */
TEST(many_at_once_lose_nothing_and_duplicate_nothing)
{
	enum { N = 24 };
	struct sandbox *s = *state;
	struct ip_net nets[N];
	const struct masq all = masq_of("hybrid", nets, N);
	pid_t pids[N];
	int start[2], lines = 0;

	assert_int_equal(pipe2(start, O_CLOEXEC), 0);
	for (uint8_t i = 0; i < N; i++) {
		nets[i] = net_of("10.0.0.0/16");
		nets[i].addr.b[1] = (uint8_t)(i / 2); /* in pairs: the same */
		pids[i] = fork();
		if (!pids[i]) {
			const struct masq m = masq_of("hybrid", &nets[i], 1);
			char c;

			(void)close(start[1]);
			if (read(start[0], &c, 1) < 0)
				_exit(1);
			_exit(masq_ensure(&m, &s->err) < 0);
		}
	}
	(void)close(start[1]);
	for (size_t i = 0; i < N; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	(void)close(start[0]);
	assert_works(masq_check(&all, &s->err), s->err);
	if (!has_nft())
		return;
	for (const char *p = ruleset("list ruleset");
	     (p = strstr(p, "masquerade comment")); p++)
		lines++;
	assert_int_equal(lines, N / 2);
}

static long long now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

TEST(ensure_does_not_grow_with_other_networks)
{
	enum { OTHERS = 300, ROUNDS = 50 };
	struct sandbox *s = *state;
	const struct ip_net net = net_of("10.88.0.0/16");
	const struct masq m = masq_of("hybrid", &net, 1);
	long long best[2] = { INT64_MAX, INT64_MAX };
	char name[32];

	assert_works(masq_ensure(&m, &s->err), s->err);
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; pass && i < OTHERS; i++) {
			(void)snprintf(name, sizeof(name), "other%d", i);
			const struct masq o = masq_of(name, &net, 1);

			assert_works(masq_ensure(&o, &s->err), s->err);
		}
		for (int i = 0; i < ROUNDS; i++) {
			const long long t = now_us();

			assert_works(masq_ensure(&m, &s->err), s->err);
			if (now_us() - t < best[pass])
				best[pass] = now_us() - t;
		}
	}
	print_message("ensure, nothing to do: %lld us alone, %lld us beside %d "
		      "networks\n",
		      best[0], best[1], OTHERS);
	assert_true(best[1] < 3 * best[0] + 50);
}

TEST(without_privilege_the_refusal_names_the_network)
{
	struct sandbox *s = *state;
	const struct ip_net net = net_of("10.88.0.0/16");
	const struct masq m = masq_of("hybrid", &net, 1);

	assert_int_equal(seteuid(65534), 0);
	const int r = masq_ensure(&m, &s->err);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(r, -EPERM);
	assert_non_null(strstr(s->err.msg, "masquerade network hybrid: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(nft_lists_the_rules_as_a_person_would_write_them),
		in_sandbox(a_second_ensure_changes_nothing),
		in_sandbox(every_prefix_length_reads_back_as_right),
		in_sandbox(
			rules_of_other_subnets_stay_those_of_another_bridge_go),
		in_sandbox(whatever_was_damaged_check_names_and_ensure_repairs),
		in_sandbox(a_ruleset_saved_and_restored_by_nft_stays_right),
		in_sandbox(more_strangers_than_we_count_go_with_their_chain),
		in_sandbox(a_network_has_at_most_64_subnets),
		in_sandbox(
			remove_takes_only_its_own_chain_and_the_last_takes_the_table),
		in_sandbox(many_at_once_lose_nothing_and_duplicate_nothing),
		in_sandbox(ensure_does_not_grow_with_other_networks),
		in_sandbox(without_privilege_the_refusal_names_the_network),
	};

	return RUN(tests);
}
