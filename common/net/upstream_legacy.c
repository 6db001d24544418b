/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upstream_legacy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/mem.h"

enum {
	NAMES_MAX = 4096, /* bytes: the kernel has five tables */
	TRIES = 16,
};

#define TABLE "nat"

/* Both families have the same, with an entry's head of another size. */
struct family {
	const char *names;
	int domain, level;
	size_t head, target, next; /* its size; offsets of these offsets */
};

static const struct family families[] = {
	{ "/proc/net/ip_tables_names", AF_INET, IPPROTO_IP,
	  sizeof(struct ipt_entry), offsetof(struct ipt_entry, target_offset),
	  offsetof(struct ipt_entry, next_offset) },
	{ "/proc/net/ip6_tables_names", AF_INET6, IPPROTO_IPV6,
	  sizeof(struct ip6t_entry), offsetof(struct ip6t_entry, target_offset),
	  offsetof(struct ip6t_entry, next_offset) },
};

_Static_assert(sizeof(struct ipt_get_entries) ==
		       sizeof(struct ip6t_get_entries),
	       "one head for both families");

/* Return: 1 or 0, or a negative errno */
static int has_table(const struct family *f, struct cni_err *err)
{
	cleanup_close int fd = open(f->names, O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	size_t len;
	char *line, *rest = NULL;
	int r;

	if (fd < 0 && errno == ENOENT)
		return 0;
	r = fd < 0 ? -errno : file_read_fd(fd, NAMES_MAX, &text, &len);
	if (r < 0)
		return err_set(err, CNI_E_KERNEL, -r, "read %s", f->names);
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (!strcmp(line, TABLE))
			return 1;
	return 0;
}

/* Return: 0, -EAGAIN: it changed meanwhile, or another negative errno */
static int read_entries(const struct family *f, struct ipt_get_entries **ret)
{
	cleanup_close int fd =
		socket(f->domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	cleanup_free struct ipt_get_entries *entries = NULL;
	struct ipt_getinfo info = { .name = TABLE };
	socklen_t len = sizeof(info);

	if (fd < 0 ||
	    getsockopt(fd, f->level, IPT_SO_GET_INFO, &info, &len) < 0)
		return -errno;
	len = (socklen_t)(sizeof(*entries) + info.size);
	entries = calloc(1, len);
	if (!entries)
		return -ENOMEM;
	memcpy(entries->name, TABLE, sizeof(TABLE));
	entries->size = info.size;
	if (getsockopt(fd, f->level, IPT_SO_GET_ENTRIES, entries, &len) < 0)
		return -errno;
	*ret = TAKE_PTR(entries);
	return 0;
}

static uint16_t read_u16(const char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* A chain begins with an entry whose target ERROR carries its name. */
static bool is_head(const struct xt_error_target *t, const char *chain)
{
	return !strncmp(t->target.u.user.name, XT_ERROR_TARGET,
			sizeof(t->target.u.user.name)) &&
	       !strncmp(t->errorname, chain, sizeof(t->errorname));
}

static bool find_chain(const struct family *f, const struct ipt_get_entries *e,
		       const char *chain)
{
	const char *entry = (const char *)e->entrytable;
	size_t left = e->size;

	while (left >= f->head) {
		const size_t target = read_u16(entry + f->target);
		const size_t next = read_u16(entry + f->next);
		struct xt_error_target t;

		if (next > left || next < f->head)
			break;
		if (target + sizeof(t) <= next) {
			memcpy(&t, entry + target, sizeof(t));
			if (is_head(&t, chain))
				return true;
		}
		entry += next;
		left -= next;
	}
	return false;
}

int upstream_legacy_has(bool v6, const char *chain, struct cni_err *err)
{
	const struct family *f = &families[v6];
	cleanup_free struct ipt_get_entries *entries = NULL;
	int r = has_table(f, err);

	if (r <= 0)
		return r;
	r = -EAGAIN;
	for (int i = 0; i < TRIES && r == -EAGAIN; i++)
		r = read_entries(f, &entries);
	if (r == -ENOENT || r == -ENOPROTOOPT)
		return 0;
	if (r < 0)
		return err_set(err, CNI_E_KERNEL, -r,
			       "read table " TABLE " of ip%stables-legacy",
			       v6 ? "6" : "");
	return entries && find_chain(f, entries, chain);
}
