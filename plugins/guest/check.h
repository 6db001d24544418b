/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - a guest's interface against prevResult. */
#ifndef WEFT_GUEST_CHECK_H
#define WEFT_GUEST_CHECK_H

#include <stddef.h>

#include "cni/result.h"
#include "guest/guest.h"
#include "net/link.h"

/** damaged() - CHECK's answer: what differs, and from what */
#define damaged(err, ...) err_say(err, CNI_E_CHECK, ENOENT, __VA_ARGS__)

/** check_find_entry() - By name and sandbox, "" for the host's; or NULL */
const struct cni_interface *check_find_entry(const struct cni_result *prev,
					     const char *name,
					     const char *sandbox);

/**
 * check_find_guest() - CNI_IFNAME in CNI_NETNS, and only its addresses
 * @prev:	The addresses of other interfaces are removed: earlier plugins
 *		of the chain have their own
 * @ret:	The guest's entry
 *
 * Return: 0, or -ENOENT (CNI_E_CHECK): it has none
 */
int check_find_guest(const struct cni_call *call, struct cni_result *prev,
		     const struct cni_interface **ret, struct cni_err *err);

/** check_mac() - Is the link's the entry's, if that has one? */
int check_mac(const struct link_info *link, const struct cni_interface *e,
	      struct cni_err *err);

/** check_link() - Find a device that prevResult names; its kind and MAC */
int check_link(struct netlink *nl, const struct cni_interface *e,
	       const char *kind, struct link_info *ret, struct cni_err *err);

/**
 * check_guest() - The same of the guest's interface, and that it is up
 * @g:		Its index is filled
 * @up:		It has to be
 */
int check_guest(struct guest *g, const struct cni_interface *e,
		const char *kind, bool up, struct link_info *ret,
		struct cni_err *err);

/** check_guest_l3() - Its addresses and routes, on layer 3 */
int check_guest_l3(const struct guest *g, const struct cni_result *prev,
		   struct cni_err *err);

/** check_has_address() - Is @want among @have? @any_plen: of any length */
bool check_has_address(const struct ip_net *have, size_t n,
		       const struct ip_net *want, bool any_plen);

#endif
