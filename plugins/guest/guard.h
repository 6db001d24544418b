/* SPDX-License-Identifier: Apache-2.0 */
/* guard.h - the configuration's "guard", and the guard of one attachment. */
#ifndef WEFT_GUEST_GUARD_H
#define WEFT_GUEST_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ip.h"
#include "bpf/guard.h"
#include "cni/attachment.h"
#include "cni/attachments.h"
#include "cni/result.h"
#include "guest/addressing.h"
#include "guest/policy.h"
#include "net/netlink.h"

/**
 * struct guard_conf - What a network wants of the guard
 * @antispoof:	A guest may send only what is its own
 * @addressing:	It is told its addresses when it asks
 * @dhcp:	And what else
 * @require:	Only where the guest cannot take it off
 * @program:	Path of somebody's own, behind it; NULL: none
 * @policy:	Who may talk to whom
 * @routed:	Addresses and networks that it may send from besides
 * @n_routed:	How many
 */
struct guard_conf {
	bool antispoof, addressing, require;
	const char *program;
	struct addressing_conf dhcp;
	struct policy_conf policy;
	struct ip_net routed[GUARD_PREFIXES];
	size_t n_routed;
};

/**
 * guard_conf_parse() - Decode and check "guard"
 * @call:	The configuration
 * @is_vm:	Whom nothing else keeps honest: then it is on unless turned off
 * @ret:	Filled on success
 * @err:	CNI_E_DECODE or CNI_E_CONFIG, naming the key and the value
 *
 * Return: 0 or a negative errno
 */
int guard_conf_parse(const struct cni_call *call, bool is_vm,
		     struct guard_conf *ret, struct cni_err *err);

/**
 * struct guarded - An attachment that is to be guarded
 * @call:	The request
 * @attachment:	Whose
 * @conf:	What is wanted; where that is nothing, all below do nothing
 * @guard:	As guarded_begin() has opened it; CHECK does without
 * @mac:	The guest's
 * @host_mac:	The host's on its segment; zero: it has none there
 * @gateway_mac: Of its gateway, if that is the host: in whose name it is told;
 *		zero: not known
 * @ips:	Its addresses; where it has none, any will do
 * @of:		One of its interfaces: only what is said to be of that; NULL: all
 * @nl:		rtnetlink in the namespace of
 * @ifindex:	its port
 * @mirrored:	What the guest sends goes out by it: a macvtap, a macvlan
 * @trunk:	The guest may tag its frames
 * @mtu:	Of the port; 0: not said
 */
struct guarded {
	const struct cni_call *call;
	const struct cni_attachment *attachment;
	const struct guard_conf *conf;
	const struct guard *guard;
	struct mac mac, host_mac, gateway_mac;
	const struct cni_result *ips;
	const struct cni_interface *of;
	struct netlink *nl;
	uint32_t ifindex;
	bool mirrored, trunk;
	uint32_t mtu;
};

/**
 * guarded_begin() - Open the guard, and say which ifindex the port is to have
 * @a:		Whose
 * @conf:	What is wanted
 * @ret:	Close with guard_close(), also after a failure
 * @index:	The first choice; changed if another guest, in another namespace,
 *		has it
 * @err:	Filled on failure
 *
 * Return: 0 or a negative errno: without the guard no port is to be made
 */
int guarded_begin(const struct cni_attachment *a, const struct guard_conf *conf,
		  struct guard *ret, uint32_t *index, struct cni_err *err);

/** guarded_put() - Before the port is up. Return: 0 or a negative errno */
int guarded_put(const struct guarded *g, struct cni_err *err);

/** guarded_join() - Put its policy on a port that another plugin guards */
int guarded_join(const struct guarded *g, struct cni_err *err);

/** guarded_status() - Can a port be guarded here? Loads it if need be */
int guarded_status(const struct guard_conf *conf, struct cni_err *err);

/**
 * guarded_check() - Is it guarded as guarded_put() left it?
 * @g:		With prevResult as its @ips; the MAC is that of @of, which
 *		another plugin may have changed
 * @err:	CNI_E_CHECK says what is wrong
 *
 * Return: 0 or a negative errno
 */
int guarded_check(const struct guarded *g, struct cni_err *err);

/** guarded_check_join() - Is it as guarded_put() or guarded_join() left it? */
int guarded_check_join(const struct guarded *g, struct cni_err *err);

/**
 * guarded_forget() - Of any configuration: what was written for an attachment
 * @a:		Whose
 * @ifindex:	Its port, if one was found; 0: not
 * @err:	Filled on failure
 *
 * Before the port goes: from here on it is closed.
 *
 * Return: 0, also if there is nothing, or a negative errno
 */
int guarded_forget(const struct cni_attachment *a, uint32_t ifindex,
		   struct cni_err *err);

/** guarded_forget_port() - The same of this port alone */
int guarded_forget_port(const struct cni_attachment *a, uint32_t ifindex,
			struct cni_err *err);

/**
 * guarded_forget_all() - The same of all its ports, which may have any index
 *
 * Reads the entries of every guest.
 */
int guarded_forget_all(const struct cni_attachment *a, struct cni_err *err);

/**
 * guarded_collect() - For GC: of a network, what is not valid
 * @network:	Its name
 * @valid:	What is, with what was spared
 * @err:	Filled on failure
 *
 * Return: 0 or a negative errno
 */
int guarded_collect(const char *network, const struct cni_attachments *valid,
		    struct cni_err *err);

#endif
