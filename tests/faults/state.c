/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <err.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/ip.h"
#include "bpf/filter.h"
#include "bpf/guard.h"
#include "bpf/map.h"
#include "bpf/policy_abi.h"
#include "net/addr.h"
#include "net/link.h"
#include "net/netns.h"
#include "net/nft.h"

enum { NAMESPACES = 4 };

static struct netlink *net[NAMESPACES], *fw;
static size_t n_net;

static void must(int r, const struct cni_err *e)
{
	if (r < 0)
		errx(2, "look around: %s", e->msg);
}

void state_open(const char *const *paths)
{
	struct cni_err e = CNI_ERR_INIT;
	int fd = -1;

	must(netlink_open(&net[n_net++], &e), &e);
	must(netlink_open_nfnl(&fw, &e), &e);
	for (; *paths; paths++) {
		must(netns_open(*paths, &fd, &e), &e);
		must(netlink_open_in(fd, &net[n_net++], &e), &e);
		(void)close(fd);
	}
}

__attribute__((format(printf, 2, 3))) static void add(struct state *s,
						      const char *format, ...)
{
	va_list args;

	s->lines = realloc(s->lines, (s->n + 1) * sizeof(*s->lines));
	va_start(args, format);
	if (!s->lines || vasprintf(&s->lines[s->n++], format, args) < 0)
		errx(2, "out of memory");
	va_end(args);
}

static uint64_t hash(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325U;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3U;
	return h;
}

static void read_splice(struct state *s, size_t at, const struct link_info *l)
{
	const struct bpf_filter f = { .ifindex = l->index,
				      .prio = BPF_FILTER_SPLICE,
				      .name = "weft_splice" };
	struct bpf_filter_info info;
	struct cni_err e = CNI_ERR_INIT;
	const int r = bpf_filter_get(net[at], &f, &info, &e);

	must(r, &e);
	if (r)
		add(s, "splice in %zu: %s", at, l->name);
}

static void read_links(struct state *s, size_t at)
{
	cleanup_free struct link_info *links = NULL;
	struct cni_err e = CNI_ERR_INIT;
	size_t n = 0;

	must(link_list(net[at], 0, &links, &n, &e), &e);
	for (size_t i = 0; i < n; i++)
		add(s, "device in %zu: %s %s group %x alias %s", at,
		    links[i].name, links[i].kind, links[i].group,
		    links[i].alias);
	for (size_t i = 0; i < n; i++) {
		cleanup_free struct ip_net *addrs = NULL;
		char text[IP_NET_STR_SIZE];
		size_t n_addrs = 0;

		if (at)
			read_splice(s, at, &links[i]);
		must(addr_list(net[at], links[i].index, &addrs, &n_addrs, &e),
		     &e);
		for (size_t k = 0; k < n_addrs; k++)
			if (!ip_is_link_local(&addrs[k].addr))
				add(s, "address in %zu: %s %s", at,
				    links[i].name,
				    ip_net_format(&addrs[k], text));
	}
}

static int read_element(struct nlmsghdr *h, void *arg, struct cni_err *e)
{
	struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *a;
	struct state *s = arg;
	char set[192];
	int left;

	(void)e;
	if (!h || nlmsg_parse(h, sizeof(struct nfgenmsg), tb,
			      NFTA_SET_ELEM_LIST_MAX, NULL) < 0)
		errx(2, "a set changes by itself");
	netlink_attr_str(tb[NFTA_SET_ELEM_LIST_SET], set, sizeof(set));
	if (!tb[NFTA_SET_ELEM_LIST_ELEMENTS])
		return 0;
	nla_for_each_nested(a, tb[NFTA_SET_ELEM_LIST_ELEMENTS], left)
		add(s, "nf_tables: element of %s %016llx", set,
		    (unsigned long long)hash(nla_data(a), (size_t)nla_len(a)));
	return 0;
}

/* In the midst of a dump its socket is taken. */
static void read_elements(struct state *s, const char *table, const char *set)
{
	struct netlink_req q = fw_req(NFT_MSG_GETSETELEM, 0);
	cleanup_netlink struct netlink *nl = NULL;
	struct cni_err e = CNI_ERR_INIT;

	netlink_put_str(&q, NFTA_SET_ELEM_LIST_TABLE, table);
	netlink_put_str(&q, NFTA_SET_ELEM_LIST_SET, set);
	must(netlink_open_nfnl(&nl, &e), &e);
	must(netlink_dump(nl, &q, read_element, s, &e), &e);
}

/* All kinds of objects begin with the table's name, but a table, and go
 * on with the chain's. */
static int read_fw(struct nlmsghdr *h, void *arg, struct cni_err *e)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct state *s = arg;
	char table[64] = "", chain[192] = "";
	uint64_t sum = 0;

	(void)e;
	if (!h || nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX,
			      NULL) < 0)
		errx(2, "the ruleset changes by itself");
	netlink_attr_str(tb[NFTA_RULE_TABLE], table, sizeof(table));
	switch (h->nlmsg_type & 0xff) {
	case NFT_MSG_NEWSET:
		netlink_attr_str(tb[NFTA_SET_NAME], chain, sizeof(chain));
		read_elements(s, table, chain);
		break;
	case NFT_MSG_NEWCHAIN:
		netlink_attr_str(tb[NFTA_CHAIN_NAME], chain, sizeof(chain));
		break;
	case NFT_MSG_NEWRULE:
		netlink_attr_str(tb[NFTA_RULE_CHAIN], chain, sizeof(chain));
		if (tb[NFTA_RULE_EXPRESSIONS])
			sum = hash(nla_data(tb[NFTA_RULE_EXPRESSIONS]),
				   (size_t)nla_len(tb[NFTA_RULE_EXPRESSIONS]));
		break;
	default:
		break;
	}
	add(s, "nf_tables: %s %s %016llx", table, chain,
	    (unsigned long long)sum);
	return 0;
}

static void read_ruleset(struct state *s)
{
	static const int types[] = { NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN,
				     NFT_MSG_GETRULE, NFT_MSG_GETSET };
	static const uint8_t families[] = { FW_PROTO_INET, FW_PROTO_NETDEV,
					    FW_PROTO_BRIDGE };
	struct cni_err e = CNI_ERR_INIT;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		for (size_t k = 0; k < sizeof(families); k++) {
			struct netlink_req q =
				fw_req_of(types[i], 0, families[k]);

			must(netlink_dump(fw, &q, read_fw, s, &e), &e);
		}
}

/* Where the next search begins, and when we looked at the leases last. */
static bool changes_always(const char *name)
{
	return !strncmp(name, "last_reserved_ip", 16) || !strcmp(name, "stamp");
}

static void read_file(struct state *s, const FTSENT *f)
{
	char text[4096] = "";
	ssize_t n = 0;

	if (S_ISREG(f->fts_statp->st_mode) && !changes_always(f->fts_name))
		n = file_read_at(AT_FDCWD, f->fts_accpath, text, sizeof(text));
	add(s, "file: %s %o %016llx", f->fts_path, f->fts_statp->st_mode,
	    (unsigned long long)hash(text, n > 0 ? (size_t)n : 0));
}

static void read_files(struct state *s)
{
	char *const roots[] = { (char *)"/var/lib/cni", (char *)"/run", NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *f;

	while (walk && (f = fts_read(walk))) {
		if (!strcmp(f->fts_path, "/run/tmp") ||
		    !strcmp(f->fts_path, "/run/.var-lib"))
			(void)fts_set(walk, f, FTS_SKIP);
		else if (f->fts_info != FTS_DP)
			read_file(s, f);
	}
	(void)fts_close(walk);
}

/* Namespaces that are kept, for one. */
static void read_mounts(struct state *s)
{
	FILE *f = fopen("/proc/self/mounts", "re");
	char line[1024], path[512], type[64];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %511s %63s", path, type) == 2)
			add(s, "mount: %s %s", path, type);
	if (f)
		(void)fclose(f);
}

/* Character devices of macvtaps: finished ones and others. */
static void read_nodes(struct state *s)
{
	DIR *dir = opendir("/dev");
	const struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir)))
		if (strstr(e->d_name, "mvt") &&
		    !fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			add(s, "node: %s %o %u:%u", e->d_name, st.st_mode,
			    st.st_uid, st.st_gid);
	if (dir)
		(void)closedir(dir);
}

/* What the host claims stays until the network goes. */
/* Of whatever map. */
union guard_key {
	uint32_t ifindex;
	struct guard_claim claim;
	struct guard_peer peer;
	struct guard_port port;
	struct guard_chunk_key chunk;
};

static bool is_hosts(const struct guard *g, size_t map,
		     const union guard_key *key)
{
	uint32_t owner = 1;

	return map == GUARD_CLAIMS && !bpf_map_get(g->map[map], key, &owner) &&
	       owner == GUARD_HOST;
}

/* Of two sets one is in force, and it does not matter which one. */
static size_t size_of(size_t map, union guard_key *key)
{
	switch (map) {
	case GUARD_CLAIMS:
		return sizeof(key->claim);
	case GUARD_PEERS:
		key->peer.slot = 0;
		return sizeof(key->peer);
	case GUARD_PORTS:
		key->port.slot = 0;
		return sizeof(key->port);
	case GUARD_TEXTS:
		key->chunk.slot = 0;
		return sizeof(key->chunk);
	default:
		return sizeof(key->ifindex);
	}
}

/* What is known of flows is left to age. */
static void read_guard(struct state *s)
{
	cleanup_guard struct guard g = GUARD_NONE;
	struct cni_err e = CNI_ERR_INIT;
	const int r = guard_find(&g, &e);

	must(r, &e);
	for (size_t i = 0; r && i < GUARD_KEPT; i++) {
		union guard_key key = { 0 }, next = { 0 }, said;
		int end = i == GUARD_FLOWS || i == GUARD_PARTS ||
			  bpf_map_next(g.map[i], NULL, &next);

		for (; !end; end = bpf_map_next(g.map[i], &key, &next)) {
			size_t size;

			key = said = next;
			if (is_hosts(&g, i, &key))
				continue;
			size = size_of(i, &said);
			add(s, "guard: map %zu %016llx", i,
			    (unsigned long long)hash(&said, size));
		}
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void state_read(struct state *ret)
{
	*ret = (struct state){ 0 };
	for (size_t i = 0; i < n_net; i++)
		read_links(ret, i);
	read_ruleset(ret);
	read_files(ret);
	read_mounts(ret);
	read_nodes(ret);
	read_guard(ret);
	qsort(ret->lines, ret->n, sizeof(*ret->lines), compare);
}

void state_free(struct state *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->lines[i]);
	free(s->lines);
	*s = (struct state){ 0 };
}

bool state_has_all(const struct state *whole, const struct state *part,
		   const char *what)
{
	bool all = true;

	for (size_t i = 0; i < part->n; i++) {
		if (bsearch(&part->lines[i], whole->lines, whole->n,
			    sizeof(*whole->lines), compare))
			continue;
		all = false;
		if (what)
			printf("#   %s: %s\n", what, part->lines[i]);
	}
	return all;
}
