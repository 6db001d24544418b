/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/ls_splice.h"

#include <string.h>

#include "net/netns.h"

#define ROLE "tap-vm"

/* Another interface in the namespace of the attachment's own. */
static bool may_have(const struct cache_entry *e)
{
	const cJSON *i;

	cJSON_ArrayForEach(i, json_get(e->result, "interfaces"))
	{
		const char *name = cJSON_GetStringValue(json_get(i, "name"));
		const char *netns =
			cJSON_GetStringValue(json_get(i, "sandbox"));

		if (name && netns && !strcmp(netns, e->netns) &&
		    strcmp(name, e->ifname) != 0)
			return true;
	}
	return false;
}

bool ls_splice_find(const struct cache_entry *e, struct link_info *ret,
		    struct cni_alias *ret_alias)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct cni_err ignored = CNI_ERR_INIT;
	char altname[CNI_LINK_ALTNAME_SIZE];
	cleanup_close int fd = -1;

	if (!e->result || !*e->netns || !may_have(e))
		return false;
	cni_attachment_altname(&(struct cni_attachment){ e->network,
							 e->container_id,
							 e->ifname },
			       altname);
	return !netns_open(e->netns, &fd, &ignored) &&
	       !netlink_open_in(fd, &nl, &ignored) &&
	       !link_get_altname(nl, altname, ret, &ignored) &&
	       !strcmp(ret->kind, "tun") &&
	       cni_alias_parse(ret->alias, ret_alias) &&
	       !strcmp(ret_alias->role, ROLE);
}
