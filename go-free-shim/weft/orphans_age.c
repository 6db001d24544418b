/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "weft/orphans.h"

static void know_leases(struct orphans *o, const char *network)
{
	struct cni_err ignored = CNI_ERR_INIT;

	if (!strcmp(o->network, network))
		return;
	leases_free(&o->leases);
	(void)snprintf(o->network, sizeof(o->network), "%s", network);
	(void)leases_read(network, &o->leases, &ignored);
}

static time_t lease_since(struct orphans *o, const struct cni_attachment *a)
{
	const struct lease *l;
	time_t newest = 0;
	size_t n = 0;

	know_leases(o, a->network);
	l = leases_of(&o->leases, a->container_id, a->ifname, &n);
	for (size_t i = 0; i < n; i++)
		newest = l[i].made > newest ? l[i].made : newest;
	return newest;
}

/* Never before the device was made, whoever looked first; later where the
 * kernel has forgotten it in between. */
static time_t device_since(const struct link_info *link)
{
	char path[64], text[16], index[16];
	cleanup_close int dir = -1;
	struct stat st;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/sys/class/net/%s", link->name);
	(void)snprintf(index, sizeof(index), "%u\n", link->index);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0)
		return 0;
	/* A /sys of another network namespace may have one of that name. */
	n = file_read_at(dir, "ifindex", text, sizeof(text));
	return n > 0 && !strcmp(text, index) ? st.st_mtime : 0;
}

time_t orphan_since(struct orphans *o, const struct orphan *x)
{
	const time_t lease = lease_since(o, &x->of);
	const time_t saved = x->entry ? x->entry->saved : 0;
	const time_t since = lease > saved ? lease : saved;

	return since || !x->link ? since : device_since(x->link);
}

bool orphan_is_young(const struct orphans *o, time_t since)
{
	const time_t least = (time_t)o->args->min_age;

	return least && (!since || o->now - since < least);
}
