/* SPDX-License-Identifier: Apache-2.0 */
/* delete.c - DEL of what is in the container. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cni/attachment.h"
#include "guest/guest.h"
#include "net/link.h"
#include "net/netns.h"

/* What is there is no namespace, if anything is. Any other failure does not say
 * so: the guest may live, and its address with it. */
static bool is_gone(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -EINVAL || r == -ELOOP ||
	       r == -ENAMETOOLONG;
}

/* In our own namespace CNI_IFNAME is the host's. */
int guest_reach(const struct cni_call *call, struct netlink **ret,
		struct cni_err *err)
{
	cleanup_close int netns = -1;
	int r;

	if (!*call->args.netns || cni_netns_is_own(call->args.netns))
		return 0;
	r = netns_open(call->args.netns, &netns, err);
	if (is_gone(r)) {
		log_info("DEL: %s", err->msg);
		return 0;
	}
	return r ? r : netlink_open_in(netns, ret, err);
}

int guest_delete(const struct cni_call *call, const char *role,
		 enum link_wait wait, struct cni_err *err)
{
	const struct cni_attachment a = cni_attachment_of(call);
	cleanup_netlink struct netlink *guest = NULL;
	char alias[CNI_LINK_ALIAS_SIZE];
	struct link_info link;
	int r = guest_reach(call, &guest, err);

	if (r < 0 || !guest)
		return r;
	cni_attachment_alias(&a, role, alias);
	r = link_get(guest, a.ifname, &link, err);
	/* Found by an alternative name, or made by another plugin. */
	if (!r && (strcmp(link.name, a.ifname) != 0 ||
		   (*link.alias && strcmp(link.alias, alias) != 0)))
		return 0;
	if (!r)
		r = link_remove(guest, link.index, wait, err);
	return r == -ENODEV ? 0 : r;
}

/* Whatever else is wrong in the configuration must not matter. */
enum link_wait guest_wait_asked(const struct cni_call *call)
{
	const cJSON *v = json_get(call->conf.doc, "delWait");

	return cJSON_IsTrue(v)	  ? LINK_WAIT_KERNEL
	       : cJSON_IsFalse(v) ? LINK_WAIT_EVENT
				  : LINK_WAIT_AUTO;
}
