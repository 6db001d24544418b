/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/wait.h>

#include "net/addr.h"
#include "net/bridge.h"
#include "net/nft.h"
#include "net/portmap.h"
#include "net/route.h"
#include "net/sysctl.h"
#include "net_lib.h"

#define OWNER "0123456789abcdef net:c1:eth0"
#define OTHER "fedcba9876543210 net:c2:eth0"

static bool has_nft(void)
{
	return !system("nft --version >/dev/null 2>&1");
}

static const char *ruleset(const char *what)
{
	static char text[1 << 20];
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

static struct portmap_forward forward(uint8_t proto, const char *host_ip,
				      uint16_t port, const char *guest)
{
	struct portmap_forward f = { .proto = proto,
				     .host_port = port,
				     .guest_ip = ip_of(guest),
				     .guest_port = 80 };

	if (host_ip)
		f.host_ip = ip_of(host_ip);
	return f;
}

static struct portmap portmap_of(const char *owner,
				 const struct portmap_forward *v, size_t n)
{
	struct cni_err ignored = CNI_ERR_INIT;

	(void)sysctl_set_net("ipv4/conf", "lo", "route_localnet", "1",
			     &ignored);
	return (struct portmap){ .owner = owner,
				 .v = v,
				 .n = n,
				 .snat = true,
				 .link = { "lo", "lo" } };
}

static bool is_this(const char *owner, void *arg)
{
	return !strcmp(owner, arg);
}

static uint32_t generation(struct sandbox *s)
{
	cleanup_netlink struct netlink *nl = NULL;
	uint32_t g = 0;

	assert_works(netlink_open_nfnl(&nl, &s->err), s->err);
	assert_works(fw_generation(nl, &g, &s->err), s->err);
	return g;
}

TEST(nft_lists_it_as_a_person_would_write_it)
{
	static const char *const lines[] = {
		"map portmap4 {",
		"type inet_proto . inet_service : ipv4_addr . inet_service",
		"elements = { tcp . 8080 comment \"" OWNER
		"\" : 10.1.0.2 . 80 }",
		"elements = { 192.0.2.1 . udp . 53 comment \"" OWNER
		"\" : 10.1.0.2 . 80 }",
		"elements = { sctp . 9 comment \"" OWNER "\" : fd00::2 . 80 }",
		"\"lo\" . 10.1.0.2 . tcp . 80 comment \"" OWNER "\"",
		"ip6 daddr ::1 return",
		"dnat ip to ip daddr . meta l4proto . th dport map "
		"@portmap4-host",
		"dnat ip6 to meta l4proto . th dport map @portmap6",
		"type nat hook prerouting priority dstnat + 10; policy accept;",
		"fib daddr type local jump portmap",
		"ct status ! dnat return",
		"iifname . ip daddr . meta l4proto . th dport @portmap4-snat "
		"masquerade",
		"ip saddr . ip daddr . meta l4proto . th dport @portmap4-self "
		"masquerade",
		"iifname != \"lo\"",
	};
	struct sandbox *s = *state;
	const struct portmap_forward v[] = {
		forward(IPPROTO_TCP, NULL, 8080, "10.1.0.2"),
		forward(IPPROTO_UDP, "192.0.2.1", 53, "10.1.0.2"),
		forward(IPPROTO_SCTP, NULL, 9, "fd00::2"),
	};
	const struct portmap p = portmap_of(OWNER, v, 3);
	const char *text;
	bool adopted;

	if (!has_nft())
		skip();
	assert_works(portmap_ensure(&p, &adopted, &s->err), s->err);
	assert_false(adopted);
	text = ruleset("list ruleset");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("not listed: %s", lines[i]);
}

TEST(an_add_is_one_transaction_however_many_there_are)
{
	enum { OTHERS = 1000 };
	struct sandbox *s = *state;
	struct portmap_forward many[OTHERS];
	const struct portmap_forward mine[] = {
		forward(IPPROTO_TCP, NULL, 8080, "10.1.0.2"),
		forward(IPPROTO_TCP, NULL, 8080, "fd00::2"),
		forward(IPPROTO_TCP, "192.0.2.1", 8081, "10.1.0.2"),
	};
	const struct portmap p = portmap_of(OWNER, mine, 3);
	struct portmap all = portmap_of(OTHER, many, OTHERS);
	uint32_t before = generation(s);
	bool adopted;

	for (uint16_t i = 0; i < OTHERS; i++)
		many[i] = forward(IPPROTO_TCP, NULL, (uint16_t)(20000 + i),
				  "10.1.0.9");
	all.masq_all = true;
	assert_works(portmap_ensure(&p, &adopted, &s->err), s->err);
	assert_int_equal(generation(s), before + 1);
	assert_works(portmap_remove(is_this, (void *)OWNER, &s->err), s->err);
	assert_int_equal(generation(s), before + 2);
	assert_works(portmap_ensure(&all, &adopted, &s->err), s->err);
	assert_int_equal(generation(s), before + 3);
	assert_works(portmap_check(&all, &s->err), s->err);
	assert_works(portmap_ensure(&p, &adopted, &s->err), s->err);
	assert_int_equal(generation(s), before + 4);
	assert_works(portmap_check(&p, &s->err), s->err);
	assert_works(portmap_remove(is_this, (void *)OTHER, &s->err), s->err);
	assert_int_equal(generation(s), before + 5);
	assert_works(portmap_check(&p, &s->err), s->err);
	assert_fails(portmap_check(&all, &s->err), ENOENT, s->err,
		     "is missing");
	/* Nothing to do changes nothing. */
	assert_works(portmap_remove(is_this, (void *)OTHER, &s->err), s->err);
	assert_int_equal(generation(s), before + 5);
}

TEST(ten_thousand_ports_fit_and_more_are_refused_whole)
{
	enum { N = 10000, TOO_MANY = 40000 };
	struct sandbox *s = *state;
	struct portmap_forward *v = calloc(TOO_MANY, sizeof(*v));
	struct portmap p = portmap_of(OWNER, v, N);
	bool adopted;

	assert_non_null(v);
	for (size_t i = 0; i < TOO_MANY; i++)
		v[i] = forward(IPPROTO_UDP, NULL, (uint16_t)(1 + i),
			       "10.1.0.2");
	assert_works(portmap_ensure(&p, &adopted, &s->err), s->err);
	assert_works(portmap_check(&p, &s->err), s->err);
	assert_works(portmap_remove(is_this, (void *)OWNER, &s->err), s->err);
	p.n = TOO_MANY;
	for (size_t i = 0; i < TOO_MANY; i++)
		v[i].guest_port = (uint16_t)(1 + i);
	p.masq_all = true;
	assert_fails(portmap_ensure(&p, &adopted, &s->err), E2BIG, s->err,
		     "too many ports for one transaction");
	p.n = 1;
	assert_fails(portmap_check(&p, &s->err), ENOENT, s->err, "is missing");
	free(v);
}

TEST(a_clash_names_the_owner_and_leaves_all_as_it_was)
{
	struct sandbox *s = *state;
	const struct portmap_forward a[] = {
		forward(IPPROTO_TCP, "2001:db8::1", 8080, "fd00::2"),
	};
	const struct portmap_forward b[] = {
		forward(IPPROTO_TCP, NULL, 1, "10.1.0.3"),
		forward(IPPROTO_TCP, "2001:db8::1", 8080, "fd00::3"),
	};
	const struct portmap pa = portmap_of(OWNER, a, 1),
			     pb = portmap_of(OTHER, b, 2);
	uint32_t before;
	bool adopted;

	assert_works(portmap_ensure(&pa, &adopted, &s->err), s->err);
	before = generation(s);
	assert_fails(portmap_ensure(&pb, &adopted, &s->err), EEXIST, s->err,
		     "host port tcp [2001:db8::1]:8080 is taken by " OWNER);
	assert_int_equal(s->err.code, CNI_E_TAKEN);
	assert_int_equal(generation(s), before);
	assert_works(portmap_check(&pa, &s->err), s->err);
}

TEST(once_more_is_adopted_and_made_anew)
{
	struct sandbox *s = *state;
	struct portmap_forward v[] = {
		forward(IPPROTO_TCP, NULL, 8080, "10.1.0.2"),
		forward(IPPROTO_TCP, "192.0.2.1", 8080, "10.1.0.2"),
	};
	const struct portmap p = portmap_of(OWNER, v, 2);
	bool adopted = true;

	assert_works(portmap_ensure(&p, &adopted, &s->err), s->err);
	assert_false(adopted);
	v[0].guest_ip = ip_of("10.1.0.7");
	assert_fails(portmap_check(&p, &s->err), ENOENT, s->err,
		     "forward tcp 8080 leads elsewhere");
	assert_works(portmap_ensure(&p, &adopted, &s->err), s->err);
	assert_true(adopted);
	assert_works(portmap_check(&p, &s->err), s->err);
}

TEST(what_is_left_of_a_guests_address_in_a_set_is_taken_over)
{
	struct sandbox *s = *state;
	const struct portmap_forward stale[] = {
		forward(IPPROTO_TCP, NULL, 8080, "10.1.0.2"),
	};
	const struct portmap_forward now[] = {
		forward(IPPROTO_TCP, NULL, 9090, "10.1.0.2"),
	};
	const struct portmap ps = portmap_of(OTHER, stale, 1),
			     pn = portmap_of(OWNER, now, 1);
	bool adopted;

	assert_works(portmap_ensure(&ps, &adopted, &s->err), s->err);
	assert_works(portmap_ensure(&pn, &adopted, &s->err), s->err);
	assert_false(adopted);
	assert_works(portmap_remove(is_this, (void *)OTHER, &s->err), s->err);
	assert_works(portmap_check(&pn, &s->err), s->err);
}

TEST(idle_structure_goes_and_the_last_takes_the_table)
{
	struct sandbox *s = *state;
	const struct portmap_forward v[] = {
		forward(IPPROTO_TCP, NULL, 8080, "10.1.0.2"),
	};
	const struct portmap p = portmap_of(OWNER, v, 1);
	bool adopted;

	assert_works(portmap_remove_idle(&s->err), s->err);
	assert_works(portmap_ensure(&p, &adopted, &s->err), s->err);
	assert_works(portmap_remove_idle(&s->err), s->err);
	assert_works(portmap_check(&p, &s->err), s->err);
	assert_works(portmap_remove(is_this, (void *)OWNER, &s->err), s->err);
	if (has_nft())
		assert_int_equal(system("nft add set inet weft mine "
					"'{ type ipv4_addr; }'"),
				 0);
	assert_works(portmap_remove_idle(&s->err), s->err);
	if (!has_nft())
		return;
	assert_string_equal(ruleset("list ruleset"),
			    "table inet weft {\n\tset mine {\n"
			    "\t\ttype ipv4_addr\n\t}\n}\n");
	assert_int_equal(system("nft delete set inet weft mine"), 0);
	assert_works(portmap_ensure(&p, &adopted, &s->err), s->err);
	assert_works(portmap_remove(is_this, (void *)OWNER, &s->err), s->err);
	assert_works(portmap_remove_idle(&s->err), s->err);
	assert_string_equal(ruleset("list ruleset"), "");
}

static const struct damage {
	const char *how; /* arguments of nft */
	const char *says;
} damages[] = {
	{ "flush ruleset", "table inet weft is missing" },
	{ "flush chain inet weft portmap", "chain portmap lacks a rule" },
	{ "'flush chain inet weft portmap-in; delete chain inet weft "
	  "portmap-in'",
	  "chain portmap-in is missing" },
	{ "'flush chain inet weft portmap-in; delete chain inet weft "
	  "portmap-in; add chain inet weft portmap-in { type nat hook "
	  "prerouting priority 0; }'",
	  "chain portmap-in has another type, hook, priority or policy" },
	{ "'flush chain inet weft portmap-in; add rule inet weft portmap-in "
	  "jump portmap'",
	  "chain portmap-in lacks a rule, or has foreign" },
	{ "add rule inet weft portmap-snat accept",
	  "chain portmap-snat lacks a rule, or has foreign" },
	{ "'flush chain inet weft portmap-snat; delete set inet weft "
	  "portmap6-self'",
	  "lacks a rule" },
	{ "'flush chain inet weft portmap-snat; delete set inet weft "
	  "portmap4-masq; add set inet weft portmap4-masq { type ipv4_addr; "
	  "}'",
	  "lacks a rule" },
	{ "add table inet weft '{ flags dormant; }'", "dormant" },
	{ "'flush ruleset; add table inet weft; add chain inet weft portmap; "
	  "add table inet weft { flags dormant; }'",
	  "dormant" },
	{ "flush map inet weft portmap4", "forward tcp 8080 is missing" },
};

TEST(whatever_was_damaged_check_names_and_ensure_repairs)
{
	struct sandbox *s = *state;
	const struct portmap_forward v[] = {
		forward(IPPROTO_TCP, NULL, 8080, "10.1.0.2"),
		forward(IPPROTO_TCP, NULL, 8080, "fd00::2"),
	};
	struct portmap p = portmap_of(OWNER, v, 2);
	char command[512];
	bool adopted;

	if (!has_nft())
		skip();
	p.link[0][0] = '\0'; /* there is no such device here */
	assert_works(portmap_ensure(&p, &adopted, &s->err), s->err);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		(void)snprintf(command, sizeof(command), "nft %s",
			       damages[i].how);
		if (system(command) != 0)
			fail_msg("%s", damages[i].how);
		assert_fails(portmap_check(&p, &s->err), ENOENT, s->err,
			     damages[i].says);
		assert_works(portmap_ensure(&p, &adopted, &s->err), s->err);
		assert_works(portmap_check(&p, &s->err), s->err);
	}
}

/* Processes that all find nothing there: none lost. */
TEST(many_at_once_lose_nothing)
{
	enum { N = 24 };
	struct sandbox *s = *state;
	struct portmap_forward v[N];
	char owner[N][32];
	pid_t pids[N];
	bool adopted;

	for (uint16_t i = 0; i < N; i++) {
		v[i] = forward(IPPROTO_TCP, NULL, (uint16_t)(9000 + i),
			       "10.1.0.2");
		v[i].guest_port = (uint16_t)(80 + i);
		(void)snprintf(owner[i], sizeof(owner[i]), "%016x n:c%u:eth0",
			       i, i);
		pids[i] = fork();
		if (!pids[i]) {
			const struct portmap p = portmap_of(owner[i], &v[i], 1);

			_exit(portmap_ensure(&p, &adopted, &s->err) < 0);
		}
	}
	for (size_t i = 0; i < N; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	for (size_t i = 0; i < N; i++) {
		const struct portmap p = portmap_of(owner[i], &v[i], 1);

		assert_works(portmap_check(&p, &s->err), s->err);
	}
}

TEST(the_guests_device_is_found_and_a_router_is_none)
{
	struct sandbox *s = *state;
	const struct bridge_opts o = { .mac = mac_of("fe:00:00:00:00:01") };
	const struct ip_net gw4 = net_of("10.1.0.1/24"),
			    gw6 = net_of("fd00::1/64");
	struct route r = { .dst = net_of("10.2.0.0/24"),
			   .gw = ip_of("10.1.0.9"),
			   .scope = -1 };
	struct portmap_forward v[] = {
		forward(IPPROTO_TCP, NULL, 1, "10.1.0.2"),
		forward(IPPROTO_TCP, NULL, 1, "fd00::2"),
	};
	struct portmap p = portmap_of(OWNER, v, 2);
	char value[8];

	assert_works(portmap_links(&p, &s->err), s->err);
	assert_string_equal(p.link[0], "");
	assert_string_equal(p.link[1], "");
	assert_works(portmap_localnet(&p, &s->err), s->err);

	assert_works(bridge_create(s->nl, "weft0", &o, &r.oif, &s->err),
		     s->err);
	assert_works(addr_add(s->nl, r.oif, &gw4, 0, &s->err), s->err);
	assert_works(addr_add(s->nl, r.oif, &gw6, 0, &s->err), s->err);
	assert_works(link_set_up(s->nl, r.oif, true, &s->err), s->err);
	assert_works(route_add(s->nl, &r, &s->err), s->err);
	assert_works(portmap_links(&p, &s->err), s->err);
	assert_string_equal(p.link[0], "weft0");
	assert_string_equal(p.link[1], "weft0");
	p.snat = false;
	assert_works(portmap_localnet(&p, &s->err), s->err);
	assert_works(sysctl_get_net("ipv4/conf", "weft0", "route_localnet",
				    value, sizeof(value), &s->err),
		     s->err);
	assert_string_equal(value, "0");
	p.snat = true;
	assert_works(portmap_localnet(&p, &s->err), s->err);
	assert_works(sysctl_get_net("ipv4/conf", "weft0", "route_localnet",
				    value, sizeof(value), &s->err),
		     s->err);
	assert_string_equal(value, "1");

	v[0].guest_ip = ip_of("10.2.0.2"); /* behind a router */
	assert_works(portmap_links(&p, &s->err), s->err);
	assert_string_equal(p.link[0], "");
	v[0].guest_ip = ip_of("10.1.0.1"); /* the host itself */
	assert_works(portmap_links(&p, &s->err), s->err);
	assert_string_equal(p.link[0], "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(nft_lists_it_as_a_person_would_write_it),
		in_sandbox(an_add_is_one_transaction_however_many_there_are),
		in_sandbox(ten_thousand_ports_fit_and_more_are_refused_whole),
		in_sandbox(a_clash_names_the_owner_and_leaves_all_as_it_was),
		in_sandbox(once_more_is_adopted_and_made_anew),
		in_sandbox(
			what_is_left_of_a_guests_address_in_a_set_is_taken_over),
		in_sandbox(idle_structure_goes_and_the_last_takes_the_table),
		in_sandbox(whatever_was_damaged_check_names_and_ensure_repairs),
		in_sandbox(many_at_once_lose_nothing),
		in_sandbox(the_guests_device_is_found_and_a_router_is_none),
	};

	return RUN(tests);
}
