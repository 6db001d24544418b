/* SPDX-License-Identifier: Apache-2.0 */
#include "macvlan-vm/conf.h"

#include <errno.h>
#include <string.h>

#include "guest/per_attachment.h"

enum {
	LEAST_MTU = 68, /* IPv4's, and the kernel's */
	MODE_DIGITS = 4,
};

static const uint32_t MODE_BITS = 0666;

/* Decoded but only used to settle the rest. */
struct raw {
	struct macvlan_vm_conf c;
	const char *mac;
	const char *attach;
	const char *gc;
	const char *tap_mode;
	const cJSON *tap;
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
	FIELD("macvtap", JSON_OBJ, tap),
	FIELD("perAttachment", JSON_ARR, per_attachment),
	FIELD("allocationKey", JSON_STR, key),
	FIELD("onConflict", JSON_STR, on_conflict),
	FIELD("hostAccess", JSON_BOOL, c.host_access),
	FIELD("gc", JSON_STR, gc),
	FIELD("delWait", JSON_BOOL, c.del_wait),
	{ 0 },
};

static const struct json_field tap_fields[] = {
	FIELD("owner", JSON_INT, c.tap_owner, .min = 0, .max = UINT32_MAX - 1),
	FIELD("group", JSON_INT, c.tap_group, .min = 0, .max = UINT32_MAX - 1),
	FIELD("mode", JSON_STR, tap_mode),
	FIELD("queues", JSON_INT, c.tap_queues, .min = 1,
	      .max = MACVLAN_VM_MAX_QUEUES),
	{ 0 },
};

/* Octal, as chmod(1) and the OCI runtime have it; JSON knows no such numbers. */
static int decode_mode(const char *text, uint32_t *ret, struct cni_err *err)
{
	const size_t len = strspn(text, "01234567");
	uint32_t mode = 0;

	for (size_t i = 0; i < len && i < MODE_DIGITS; i++)
		mode = mode * 8 + (uint32_t)(text[i] - '0');
	if (len > MODE_DIGITS || text[len] || !mode || mode & ~MODE_BITS)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"mode\": \"%s\": must be octal, such as \"0660\": who may read and write",
			text);
	*ret = mode;
	return 0;
}

static int decode_tap(struct raw *raw, struct cni_err *err)
{
	int r = json_decode(raw->tap, tap_fields, raw, err);

	if (!r)
		r = decode_mode(raw->tap_mode, &raw->c.tap_mode, err);
	return r < 0 ? err_ctx(err, r, "key \"macvtap\"") : 0;
}

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

/* Container or VM: who attaches may say so where the network lets it. */
static int settle_attach(const struct cni_call *call, struct raw *raw,
			 struct cni_err *err)
{
	char asked[REQUEST_SIZE];
	const char *attach = raw->attach;
	const int r = per_attachment_attach(call, raw->per_attachment, &attach,
					    asked, err);

	if (r < 0)
		return r;
	if (!strcmp(attach, "macvlan"))
		raw->c.attach = MACVLAN_VM_MACVLAN;
	else if (!strcmp(attach, "macvtap"))
		raw->c.attach = MACVLAN_VM_MACVTAP;
	else
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"attach \"%s\": must be \"macvlan\" or \"macvtap\"",
			attach);
	raw->c.may_be_vm = raw->c.attach == MACVLAN_VM_MACVTAP ||
			   per_attachment_has(raw->per_attachment, "attach");
	return 0;
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

static bool is_of_one(const struct cni_call *call)
{
	return call->args.ifname && call->args.command != CNI_GC &&
	       call->args.command != CNI_STATUS;
}

/* A macvlan is all in the container, whose owner could take a limit off it. A
 * VM is not where its macvtap is. Without an attachment it may be either. */
static int settle_bandwidth(const struct cni_call *call,
			    struct macvlan_vm_conf *c, struct cni_err *err)
{
	struct bandwidth *b = &c->bandwidth;
	const int r = bandwidth_parse(call, b, err);

	if (r < 0 || !bandwidth_is_limited(b) ||
	    c->attach == MACVLAN_VM_MACVTAP ||
	    (c->may_be_vm && !is_of_one(call)))
		return r;
	return err_say(
		err, CNI_E_FIELD, EOPNOTSUPP,
		"bandwidth: unsupported: %sgress of %llu bits a second: a macvlan has no device on the host that could be limited",
		b->to_guest.rate ? "in" : "e",
		8 * (unsigned long long)(b->to_guest.rate
						 ? b->to_guest.rate
						 : b->from_guest.rate));
}

static int check_values(const struct cni_call *call, struct raw *raw,
			struct cni_err *err)
{
	struct cni_err bad = CNI_ERR_INIT;
	struct macvlan_vm_conf *c = &raw->c;

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
	if (strcmp(raw->gc, "") != 0 && strcmp(raw->gc, "strict") != 0)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "key \"gc\": \"%s\" is not \"strict\"", raw->gc);
	return check_host_access(call, c, err);
}

/* The kernel makes no second device with a MAC on one parent. */
static int settle_key(const struct cni_call *call, struct raw *raw,
		      struct cni_err *err)
{
	const int r = request_key(call, &raw->c.key, err);

	if (r < 0 || !raw->c.key.is_silent)
		return r;
	return err_say(
		err, CNI_E_FIELD, EOPNOTSUPP,
		"key \"onConflict\": unsupported: value \"silent\": on one parent a MAC can be but one guest's");
}

/* Nothing on the host's side sees a macvlan's frames. */
static int check_guard(const struct macvlan_vm_conf *c, struct cni_err *err)
{
	if (!c->guard.require || c->attach == MACVLAN_VM_MACVTAP)
		return 0;
	return err_say(
		err, CNI_E_CONFIG, EINVAL,
		"key \"guard\": key \"require\": a guard on a macvlan is in the container, which may take it off");
}

int macvlan_vm_conf_parse(const struct cni_call *call,
			  struct macvlan_vm_conf *ret, struct cni_err *err)
{
	static const char *const left[] = { "attach", "allocationKey", "labels",
					    NULL };
	struct raw raw = {
		.c = { .parent = "", .mode = "", .tap_queues = 1 },
		.mac = "",
		.attach = "macvlan",
		.gc = "",
		.tap_mode = "0660",
	};
	int r;

	r = json_decode(call->conf.doc, fields, &raw, err);
	if (!r)
		r = decode_tap(&raw, err);
	if (!r)
		r = per_attachment_check(raw.per_attachment, left, err);
	if (!r)
		r = check_values(call, &raw, err);
	if (!r)
		r = settle_mac(call, &raw, err);
	if (!r)
		r = settle_attach(call, &raw, err);
	if (!r)
		r = settle_key(call, &raw, err);
	if (!r)
		r = settle_bandwidth(call, &raw.c, err);
	if (!r)
		r = guard_conf_parse(call, raw.c.attach == MACVLAN_VM_MACVTAP,
				     &raw.c.guard, err);
	if (!r)
		r = check_guard(&raw.c, err);
	if (r < 0)
		return err_ctx(err, r, "network \"%s\"", call->conf.name);

	raw.c.strict_gc = !strcmp(raw.gc, "strict");
	*ret = raw.c;
	return 0;
}
