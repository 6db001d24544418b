/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/repair_guard.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "bpf/guard.h"
#include "cni/attachment.h"
#include "libcni/cache.h"
#include "net/link.h"
#include "net/netns.h"

struct rearm {
	struct guard guard;
	size_t ports;
	int acc;
	struct cni_err *err;
};

static void keep(struct rearm *x, const struct cni_err *e, int r)
{
	x->acc = err_keep_first(x->err, e, r, x->acc);
}

/* An ifindex may be another device's in another namespace; its alias not. */
static bool is_guarded(const struct rearm *x, const struct link_info *link)
{
	struct cni_alias alias = { 0 };

	return link->group == LINK_GROUP_WEFT &&
	       cni_alias_parse(link->alias, &alias) &&
	       guard_knows(&x->guard, link->index,
			   cni_attachment_hash(&alias.of)) > 0;
}

static void rearm_links(struct rearm *x, struct netlink *nl)
{
	cleanup_free struct link_info *links = NULL;
	struct cni_err e = CNI_ERR_INIT;
	size_t n = 0;
	int r = link_list(nl, 0, &links, &n, &e);

	keep(x, &e, r);
	for (size_t i = 0; !r && i < n; i++) {
		int done;

		if (!is_guarded(x, &links[i]))
			continue;
		done = guard_attach(&x->guard, nl, links[i].index,
				    !strncmp(links[i].kind, "macv", 4), &e);
		keep(x, &e, done);
		x->ports += !done;
	}
}

/* A namespace that is gone has no port. */
static int rearm_pod(const char *file, const struct cache_entry *e, void *arg,
		     struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct cni_err ignored = CNI_ERR_INIT;
	cleanup_close int fd = -1;

	(void)file;
	(void)err;
	if (e && *e->netns && !netns_open(e->netns, &fd, &ignored) &&
	    !netns_is_own(fd, &ignored) && !netlink_open_in(fd, &nl, &ignored))
		rearm_links(arg, nl);
	return 0;
}

int repair_guard(const char *const dirs[], size_t n, size_t *ret_ports,
		 struct cni_err *err)
{
	struct rearm x = { .guard = GUARD_NONE, .err = err };
	cleanup_netlink struct netlink *host = NULL;
	struct cni_err e = CNI_ERR_INIT;
	int r = guard_find(&x.guard, err);

	*ret_ports = 0;
	if (r > 0) {
		guard_close(&x.guard);
		r = guard_open(&x.guard, err);
		if (!r)
			r = netlink_open(&host, err);
		if (!r)
			rearm_links(&x, host);
		for (size_t i = 0; !r && i < n; i++)
			keep(&x, &e, cache_walk(dirs[i], rearm_pod, &x, &e));
	}
	guard_close(&x.guard);
	*ret_ports = x.ports;
	return r < 0 ? r : x.acc;
}
