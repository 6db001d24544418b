/* SPDX-License-Identifier: Apache-2.0 */
/* iptables-legacy's FORWARD chain, by the getsockopt() that iptables uses. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel's addresses, and not libc's of the same names beside them. */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "base/file.h"
#include "net/forward.h"

enum { TABLES_MAX = 4096, BLOB_MAX = 64 << 20 };

static const struct family {
	const char *names;
	int domain, level, info, entries;
	size_t head;	/* of struct *_get_entries, before the rules */
	size_t targets; /* where a rule says where its target begins */
} families[] = {
	{ "/proc/net/ip_tables_names", AF_INET, IPPROTO_IP, IPT_SO_GET_INFO,
	  IPT_SO_GET_ENTRIES, offsetof(struct ipt_get_entries, entrytable),
	  offsetof(struct ipt_entry, target_offset) },
	{ "/proc/net/ip6_tables_names", AF_INET6, IPPROTO_IPV6,
	  IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES,
	  offsetof(struct ip6t_get_entries, entrytable),
	  offsetof(struct ip6t_entry, target_offset) },
};

/* Asking for a table would make it: ask only for one that is there. */
static bool has_filter(const struct family *f)
{
	cleanup_close int fd = open(f->names, O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	char *line, *rest;
	size_t len = 0;

	if (fd < 0 || file_read_fd(fd, TABLES_MAX, &text, &len) < 0)
		return false;
	for (rest = text; (line = strsep(&rest, "\n"));)
		if (!strcmp(line, "filter"))
			return true;
	return false;
}

/* The policy is the verdict of the chain's last rule. */
static bool is_drop(const struct family *f, const uint8_t *rules, size_t size,
		    size_t at)
{
	uint16_t target = 0;
	int verdict = 0;

	if (at + f->targets + sizeof(target) > size)
		return false;
	memcpy(&target, rules + at + f->targets, sizeof(target));
	at += target + sizeof(struct xt_entry_target);
	if (at + sizeof(verdict) > size)
		return false;
	memcpy(&verdict, rules + at, sizeof(verdict));
	return verdict == -NF_DROP - 1;
}

/* Both families' answers are alike; IPv4's types stand for both. */
static bool read_drop(const struct family *f, int fd, const char *bridge)
{
	struct ipt_getinfo info = { .name = "filter" };
	cleanup_free struct ipt_get_entries *e = NULL;
	socklen_t len = sizeof(info);
	const uint8_t *rules;

	if (getsockopt(fd, f->level, f->info, &info, &len) < 0 ||
	    info.size > BLOB_MAX)
		return false;
	len = (socklen_t)(f->head + info.size);
	e = calloc(1, len);
	if (!e)
		return false;
	memcpy(e->name, info.name, sizeof(e->name));
	e->size = info.size;
	if (getsockopt(fd, f->level, f->entries, e, &len) < 0)
		return false;
	rules = (const uint8_t *)e + f->head;
	if (bridge && *bridge &&
	    memmem(rules, info.size, bridge, strlen(bridge) + 1))
		return false;
	return is_drop(f, rules, info.size, info.underflow[NF_INET_FORWARD]);
}

bool forward_legacy(bool v6, const char *bridge)
{
	const struct family *f = &families[v6];
	cleanup_close int fd = -1;

	if (!has_filter(f))
		return false;
	fd = socket(f->domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	return fd >= 0 && read_drop(f, fd, bridge);
}
