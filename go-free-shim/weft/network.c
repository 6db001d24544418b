/* SPDX-License-Identifier: Apache-2.0 */
/* weft network ls, and rm: what belongs to the network and not to a guest. */
#include <errno.h>
#include <string.h>

#include "bpf/guard.h"
#include "cni/args.h"
#include "cni/attachment.h"
#include "net/link.h"
#include "net/masq.h"
#include "net/portmap.h"
#include "weft/leases.h"
#include "weft/weft.h"

/* Of guests, or of anybody else; the uplink, whose address the bridge has,
 * goes free with it. */
static const struct link_info *find_user(const struct link_info *bridge,
					 const struct link_info *ports,
					 size_t n, size_t *ret_n)
{
	const struct link_info *found = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		if (ports[i].group != LINK_GROUP_WEFT &&
		    mac_equal(&ports[i].mac, &bridge->mac))
			continue;
		if (!found)
			found = &ports[i];
		++*ret_n;
	}
	return found;
}

static int remove_bridge(struct netlink *host, const struct link_info *bridge,
			 struct cni_err *err)
{
	cleanup_free struct link_info *ports = NULL;
	const struct link_info *user;
	size_t n = 0, users;
	int r = link_list(host, bridge->index, &ports, &n, err);

	if (r < 0)
		return r;
	user = find_user(bridge, ports, n, &users);
	if (user)
		return err_say(err, CNI_E_TAKEN, EBUSY,
			       "bridge %s still has %zu port%s, %s for one",
			       bridge->name, users, users > 1 ? "s" : "",
			       user->name);
	r = link_delete(host, bridge->index, err);
	return r == -ENODEV ? 0 : r;
}

/* Found by their alias: the configuration may be gone. The device of a gateway
 * in a VLAN is found by it, too, and has no ports. */
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
		r = guard_forget_network(cni_network_hash(network), err);
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
