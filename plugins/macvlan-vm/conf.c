/* SPDX-License-Identifier: Apache-2.0 */
#include "macvlan-vm/conf.h"

#include <errno.h>
#include <string.h>

#include "guest/bandwidth.h"
#include "guest/request.h"

enum { LEAST_MTU = 68 }; /* IPv4's, and the kernel's */

/* Decoded but only used to settle the rest. */
struct raw {
	struct macvlan_vm_conf c;
	const char *mac;
	const char *attach;
	const cJSON *per_attachment;
	const char *key;
	const char *on_conflict;
};

#define FIELD(key, kind, member, ...)                               \
	{                                                           \
		.name = (key), .type = (kind),                      \
		.offset = offsetof(struct raw, member), __VA_ARGS__ \
	}

static const struct json_field fields[] = {
	FIELD("master", JSON_STR, c.parent),
	FIELD("mode", JSON_STR, c.mode),
	FIELD("mtu", JSON_INT, c.mtu, .min = 0, .max = 65535),
	FIELD("mac", JSON_STR, mac),
	FIELD("linkInContainer", JSON_BOOL, c.link_in_container),
	FIELD("bcqueuelen", JSON_INT, c.bc_queue_len, .min = 0,
	      .max = UINT32_MAX),
	FIELD("attach", JSON_STR, attach),
	FIELD("perAttachment", JSON_ARR, per_attachment),
	FIELD("allocationKey", JSON_STR, key),
	FIELD("onConflict", JSON_STR, on_conflict),
	FIELD("hostAccess", JSON_BOOL, c.host_access),
	FIELD("delWait", JSON_BOOL, c.del_wait),
	{ 0 },
};

static bool is_mode(const char *s)
{
	return !strcmp(s, "bridge") || !strcmp(s, "private") ||
	       !strcmp(s, "vepa") || !strcmp(s, "passthru");
}

/* The configuration's own counts least. */
static int settle_mac(const struct cni_call *call, struct raw *raw,
		      struct cni_err *err)
{
	struct mac *mac = &raw->c.mac;
	int r = request_mac(call, mac, err);

	raw->c.has_mac = r > 0 || *raw->mac;
	if (r || !*raw->mac)
		return r < 0 ? r : 0;
	if (mac_parse(raw->mac, mac) < 0 || !mac_is_unicast(mac))
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"mac\": \"%s\": not a unicast Ethernet address",
			raw->mac);
	return 0;
}

static int check_attach(const char *attach, struct cni_err *err)
{
	if (!strcmp(attach, "macvlan"))
		return 0;
	if (!strcmp(attach, "macvtap"))
		return err_say(
			err, CNI_E_FIELD, EOPNOTSUPP,
			"key \"attach\": unsupported: value \"macvtap\"");
	return err_say(err, CNI_E_CONFIG, EINVAL,
		       "key \"attach\": \"%s\": must be \"macvlan\"", attach);
}

/* Frames between two macvlans of one parent pass in mode "bridge" only, and an
 * address that nobody leased has no route. */
static int check_host_access(const struct cni_call *call,
			     const struct macvlan_vm_conf *c,
			     struct cni_err *err)
{
	if (!c->host_access)
		return 0;
	if (strcmp(c->mode, "bridge") != 0)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"hostAccess\": needs mode \"bridge\", not \"%s\"",
			c->mode);
	if (c->link_in_container)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"hostAccess\": the host has no part of a parent in the container (linkInContainer)");
	if (!*call->conf.ipam_type)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"hostAccess\": needs \"ipam\": without the guests' addresses there is no route to them");
	return 0;
}

/* A macvlan is all in the container, whose owner could take a limit off it. */
static int check_bandwidth(const struct cni_call *call, struct cni_err *err)
{
	struct bandwidth b = { 0 };
	const int r = bandwidth_parse(call, &b, err);

	if (r < 0 || !bandwidth_is_limited(&b))
		return r;
	return err_say(
		err, CNI_E_FIELD, EOPNOTSUPP,
		"bandwidth: unsupported: %sgress of %llu bits a second: a macvlan has no device on the host that could be limited",
		b.to_guest.rate ? "in" : "e",
		8 * (unsigned long long)(b.to_guest.rate ? b.to_guest.rate
							 : b.from_guest.rate));
}

static int check_values(const struct cni_call *call, struct raw *raw,
			struct cni_err *err)
{
	struct cni_err bad = CNI_ERR_INIT;
	struct macvlan_vm_conf *c = &raw->c;
	int r;

	if (*c->parent && cni_ifname_check(c->parent, &bad) < 0)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "key \"master\": \"%s\": %s", c->parent,
			       bad.msg);
	if (!*c->mode)
		c->mode = "bridge";
	if (!is_mode(c->mode))
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "key \"mode\": unknown macvlan mode: \"%s\"",
			       c->mode);
	if (c->mtu && c->mtu < LEAST_MTU)
		return err_say(err, CNI_E_CONFIG, ERANGE,
			       "key \"mtu\": %lld is under IPv4's least, %d",
			       (long long)c->mtu, LEAST_MTU);
	r = check_attach(raw->attach, err);
	return r ? r : check_host_access(call, c, err);
}

int macvlan_vm_conf_parse(const struct cni_call *call,
			  struct macvlan_vm_conf *ret, struct cni_err *err)
{
	struct raw raw = {
		.c = { .parent = "", .mode = "" },
		.mac = "",
		.attach = "macvlan",
	};
	int r;

	r = json_decode(call->conf.doc, fields, &raw, err);
	if (!r)
		r = check_values(call, &raw, err);
	if (!r)
		r = settle_mac(call, &raw, err);
	if (!r)
		r = request_key(call, &raw.c.key, err);
	if (!r)
		r = check_bandwidth(call, err);
	if (r < 0)
		return err_ctx(err, r, "network \"%s\"", call->conf.name);

	*ret = raw.c;
	return 0;
}
