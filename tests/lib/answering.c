/* SPDX-License-Identifier: Apache-2.0 */
/* answering DEVICE MAC KEY=VALUE...: put the guard on a port of a guest with
 * that MAC, and what it is told. Keys: ip, gateway, gateway_mac, route
 * (DST[,VIA]), dns, ntp, search, domain, hostname, mtu, lease, boot_server,
 * boot_file, boot_url, mirrored.
 * answering DEVICE: how many frames of each verdict came from its guest. */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bpf/answers.h"
#include "bpf/guard.h"
#include "net/netlink.h"

enum { MOST = 8 };

static struct ip_net addrs[MOST];
static struct answers_route routes[MOST];
static struct ip_addr dns[MOST], ntp[MOST];
static const char *search[MOST];

static struct answers told = { .neighbour = true,
			       .addrs = addrs,
			       .routes = routes,
			       .dns = dns,
			       .ntp = ntp,
			       .search = search };

static void need(int good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "answering: %s?\n", what);
	exit(2);
}

static void take_gateway(const char *text)
{
	struct ip_addr a;

	need(!ip_parse(text, &a), text);
	if (a.family == AF_INET)
		told.gateway4 = a;
	else
		told.gateway6 = a;
}

static void take_route(char *text)
{
	char *via = strchr(text, ',');
	struct answers_route *r = &routes[told.n_routes++];

	if (via)
		*via++ = '\0';
	need(!ip_net_parse(text, &r->dst), text);
	need(!via || !ip_parse(via, &r->via), "via");
}

static int take_text(const char *key, const char *v)
{
	if (!strcmp(key, "domain"))
		told.domain = v;
	else if (!strcmp(key, "hostname"))
		told.hostname = v;
	else if (!strcmp(key, "boot_server"))
		told.boot_server = v;
	else if (!strcmp(key, "boot_file"))
		told.boot_file = v;
	else if (!strcmp(key, "boot_url"))
		told.boot_url = v;
	else if (!strcmp(key, "search"))
		search[told.n_search++] = v;
	else
		return 0;
	return 1;
}

static void take(char *word, struct guard_rules *rules)
{
	char *v = strchr(word, '=');

	need(!!v, word);
	*v++ = '\0';
	need(told.n < MOST && told.n_routes < MOST && told.n_dns < MOST &&
		     told.n_ntp < MOST && told.n_search < MOST,
	     "so many");
	if (!strcmp(word, "ip"))
		need(!ip_net_parse(v, &addrs[told.n++]), v);
	else if (!strcmp(word, "gateway"))
		take_gateway(v);
	else if (!strcmp(word, "gateway_mac"))
		need(!mac_parse(v, &told.mac), v);
	else if (!strcmp(word, "route"))
		take_route(v);
	else if (!strcmp(word, "dns"))
		need(!ip_parse(v, &dns[told.n_dns++]), v);
	else if (!strcmp(word, "ntp"))
		need(!ip_parse(v, &ntp[told.n_ntp++]), v);
	else if (!strcmp(word, "mtu"))
		told.mtu = (uint32_t)strtoul(v, NULL, 10);
	else if (!strcmp(word, "lease"))
		told.lease_s = (uint32_t)strtoul(v, NULL, 10);
	else if (!strcmp(word, "mirrored"))
		rules->mirrored = true;
	else
		need(take_text(word, v), word);
}

static int print_counts(const struct guard *g, uint32_t port,
			struct cni_err *err)
{
	struct guard_counts n;
	int r = guard_counts(g, port, &n, err);

	for (enum guard_verdict v = 0; !r && v < GUARD_VERDICTS; v++)
		if (n.from[v])
			(void)printf("%s %llu\n", guard_verdict_name(v),
				     (unsigned long long)n.from[v]);
	return r;
}

int main(int argc, char **argv)
{
	struct guard_rules rules = { .antispoof = true,
				     .addrs = addrs,
				     .answers = &told };
	const uint32_t port = argc > 1 ? if_nametoindex(argv[1]) : 0;
	cleanup_netlink struct netlink *nl = NULL;
	cleanup_guard struct guard g = GUARD_NONE;
	struct cni_err err = CNI_ERR_INIT;
	int r;

	need(port > 0, "which device");
	r = guard_open(&g, &err);
	if (!r && argc == 2) {
		r = print_counts(&g, port, &err);
	} else if (!r) {
		need(!mac_parse(argv[2], &rules.mac), argv[2]);
		for (int i = 3; i < argc; i++)
			take(argv[i], &rules);
		rules.n = told.n;
		rules.attachment = port;
		r = guard_admit(&g, port, &rules, &err);
		if (!r)
			r = netlink_open(&nl, &err);
		if (!r)
			r = guard_attach(&g, nl, port, rules.mirrored, &err);
		if (!r)
			r = guard_check(nl, port, rules.mirrored, &rules, &err);
	}
	if (r < 0)
		(void)fprintf(stderr, "answering: %s {%s}\n", err.msg,
			      err.details);
	return r < 0;
}
