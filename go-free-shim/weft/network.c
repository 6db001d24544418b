/* SPDX-License-Identifier: Apache-2.0 */
/* weft network ls, and rm: what belongs to the network and not to a guest. */
#include <errno.h>
#include <string.h>

#include "cni/args.h"
#include "cni/attachment.h"
#include "net/link.h"
#include "net/masq.h"
#include "net/portmap.h"
#include "weft/leases.h"
#include "weft/weft.h"

static int remove_bridge(struct netlink *host, const struct link_info *bridge,
			 struct cni_err *err)
{
	cleanup_free struct link_info *ports = NULL;
	size_t n = 0;
	int r = link_list(host, bridge->index, &ports, &n, err);

	if (!r && n)
		return err_say(err, CNI_E_TAKEN, EBUSY,
			       "bridge %s still has %zu port%s, %s for one",
			       bridge->name, n, n > 1 ? "s" : "",
			       ports[0].name);
	if (!r)
		r = link_delete(host, bridge->index, err);
	return r == -ENODEV ? 0 : r;
}

/* Found by their alias: the configuration may be gone. */
static int remove_bridges(const char *network, struct cni_err *err)
{
	cleanup_netlink struct netlink *host = NULL;
	cleanup_free struct link_info *links = NULL;
	char alias[CNI_LINK_ALIAS_SIZE];
	size_t n = 0;
	int r;

	cni_network_alias(network, "bridge-vm", alias);
	r = netlink_open(&host, err);
	if (!r)
		r = link_list(host, 0, &links, &n, err);
	for (size_t i = 0; !r && i < n; i++)
		if (!strcmp(links[i].alias, alias) &&
		    links[i].group == LINK_GROUP_WEFT)
			r = remove_bridge(host, &links[i], err);
	return r;
}

static int rm(const char *network, struct cni_err *err)
{
	int r;

	if (!cni_name_is_valid(network))
		return err_say(err, CNI_E_ENV, EINVAL,
			       "network \"%s\": invalid characters", network);
	r = leases_check_none(network, err);
	if (!r)
		r = remove_bridges(network, err);
	/* Port forwards are shared by all networks: with the last of them. */
	if (!r)
		r = portmap_remove_idle(err);
	if (!r)
		r = masq_remove(network, err);
	if (!r)
		r = leases_remove(network, err);
	return r < 0 ? err_ctx(err, r, "remove network %s", network) : 0;
}

int weft_network(const struct weft_args *a, struct cni_err *err)
{
	const char *verb = a->positional[0];

	if (!strcmp(verb, "ls") && a->n == 1)
		return weft_network_ls(a, err);
	if (!strcmp(verb, "rm") && a->n == 2)
		return rm(a->positional[1], err);
	return err_say(
		err, CNI_E_ENV, EINVAL,
		"network %s: not \"network ls\" nor \"network rm NETWORK\"",
		verb);
}
