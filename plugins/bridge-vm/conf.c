/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge-vm/conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cni/dan.h"
#include "guest/per_attachment.h"

#define MTU_MAX 65535

/* Decoded but only used to settle the rest. */
struct raw {
	struct bridge_vm_conf c;
	const char *masq_backend;
	const char *attach;
	const char *gc;
	const cJSON *tap;
	const cJSON *per_attachment;
	const cJSON *trunk;
	const char *key;
	const char *on_conflict;
};

static int decode_mtu(const cJSON *v, void *field, struct cni_err *err)
{
	static const struct json_field number[] = {
		{ .name = "", .type = JSON_INT, .min = 0, .max = MTU_MAX },
		{ 0 },
	};

	if (cJSON_IsString(v) && !strcmp(v->valuestring, "auto")) {
		*(int64_t *)field = BRIDGE_VM_MTU_AUTO;
		return 0;
	}
	if (!cJSON_IsNumber(v))
		return json_expected(v, "an integer or \"auto\"", err);
	return json_decode_value(v, number, field, err);
}

#define FIELD(key, kind, member, ...)                               \
	{                                                           \
		.name = (key), .type = (kind),                      \
		.offset = offsetof(struct raw, member), __VA_ARGS__ \
	}
static const struct json_field fields[] = {
	FIELD("bridge", JSON_STR, c.bridge),
	FIELD("isGateway", JSON_BOOL, c.is_gateway),
	FIELD("isDefaultGateway", JSON_BOOL, c.is_default_gateway),
	FIELD("forceAddress", JSON_BOOL, c.force_address),
	FIELD("ipMasq", JSON_BOOL, c.ip_masq),
	FIELD("ipMasqBackend", JSON_STR, masq_backend),
	FIELD("mtu", JSON_FUNC, c.mtu, .decode = decode_mtu),
	FIELD("uplink", JSON_STR, c.uplink),
	FIELD("vlan", JSON_INT, c.vlan, .min = 0, .max = VLAN_MAX),
	FIELD("vlanTrunk", JSON_ARR, trunk),
	FIELD("preserveDefaultVlan", JSON_BOOL, c.keep_default_vlan),
	FIELD("macspoofchk", JSON_BOOL, c.mac_check),
	FIELD("hairpinMode", JSON_BOOL, c.hairpin),
	FIELD("promiscMode", JSON_BOOL, c.promisc),
	FIELD("portIsolation", JSON_BOOL, c.isolated),
	FIELD("enabledad", JSON_BOOL, c.dad),
	FIELD("disableContainerInterface", JSON_BOOL, c.disable_guest),
	FIELD("attach", JSON_STR, attach),
	FIELD("tap", JSON_OBJ, tap),
	FIELD("perAttachment", JSON_ARR, per_attachment),
	FIELD("allocationKey", JSON_STR, key),
	FIELD("onConflict", JSON_STR, on_conflict),
	FIELD("kataDan", JSON_BOOL, c.kata_dan),
	FIELD("kataDanDir", JSON_STR, c.kata_dan_dir),
	FIELD("gc", JSON_STR, gc),
	FIELD("delWait", JSON_BOOL, c.del_wait),
	{ 0 },
};

static int settle_mac(const struct cni_call *call, struct raw *raw,
		      struct cni_err *err)
{
	const int r = request_mac(call, &raw->c.mac, err);

	raw->c.has_mac = r > 0;
	return r < 0 ? r : 0;
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
	if (!strcmp(attach, "veth"))
		raw->c.attach = BRIDGE_VM_VETH;
	else if (!strcmp(attach, "tap"))
		raw->c.attach = BRIDGE_VM_TAP;
	else
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "attach \"%s\": must be \"veth\" or \"tap\"",
			       attach);
	return 0;
}

/* What a container's kernel says the moment its interface is up draws traffic;
 * a VM that is to come says nothing before it has. */
static int settle_key(const struct cni_call *call, struct raw *raw,
		      struct cni_err *err)
{
	const int r = request_key(call, &raw->c.key, err);

	if (r < 0 || !raw->c.key.is_silent || raw->c.attach == BRIDGE_VM_TAP)
		return r;
	return err_say(
		err, CNI_E_CONFIG, EINVAL,
		"key \"onConflict\": \"silent\" is for VMs, \"attach\": \"tap\": a container with allocationKey \"%s\" would speak at once",
		raw->c.key.name);
}

/* So that a VM's tag follows the VM. There is but one gateway, in one VLAN. */
static int settle_vlan(const struct cni_call *call, struct raw *raw,
		       struct cni_err *err)
{
	int64_t asked;
	int r = conf_asked_vlan(call, &asked, err);

	if (r < 0 || asked < 0)
		return r;
	if (!per_attachment_has(raw->per_attachment, "vlan"))
		return err_say(
			err, CNI_E_CONFIG, EPERM,
			"vlan %lld asked for by this attachment: network \"%s\" does not list \"vlan\" in perAttachment",
			(long long)asked, call->conf.name);
	if (asked != raw->c.vlan &&
	    (raw->c.is_gateway || raw->c.is_default_gateway))
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"vlan %lld asked for by this attachment: the network's gateway is in VLAN %lld",
			(long long)asked, (long long)raw->c.vlan);
	raw->c.vlan = asked;
	return 0;
}

/* Keys that do not go together, and what would only fail later. */
static int check_bridging(const struct bridge_vm_conf *c, struct cni_err *err)
{
	struct cni_err bad = CNI_ERR_INIT;
	char name[64];

	if (c->hairpin && c->promisc)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"cannot set hairpin mode and promiscuous mode at the same time: keys \"hairpinMode\" and \"promiscMode\"");
	if (*c->uplink && cni_ifname_check(c->uplink, &bad) < 0)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "key \"uplink\": \"%s\": %s", c->uplink,
			       bad.msg);
	if (!strcmp(c->uplink, c->bridge))
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "key \"uplink\": \"%s\" is the bridge itself",
			       c->uplink);
	(void)snprintf(name, sizeof(name), "%s.%lld", c->bridge,
		       (long long)c->vlan);
	if ((c->is_gateway || c->is_default_gateway) && c->vlan &&
	    cni_ifname_check(name, &bad) < 0)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"vlan\": the gateway's device would be called \"%s\": %s",
			name, bad.msg);
	return 0;
}

static int check_values(const struct cni_call *call, struct raw *raw,
			struct cni_err *err)
{
	struct cni_err bad = CNI_ERR_INIT;

	if (cni_ifname_check(raw->c.bridge, &bad) < 0)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "key \"bridge\": \"%s\": %s", raw->c.bridge,
			       bad.msg);
	if (raw->c.mtu > 0 && raw->c.mtu < 68)
		return err_say(err, CNI_E_CONFIG, ERANGE,
			       "key \"mtu\": %lld is under IPv4's least, 68",
			       (long long)raw->c.mtu);
	if (strcmp(raw->masq_backend, "") != 0 &&
	    strcmp(raw->masq_backend, "iptables") != 0 &&
	    strcmp(raw->masq_backend, "nftables") != 0)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"ipMasqBackend\": unknown ipmasq backend \"%s\"",
			raw->masq_backend);
	if (*raw->c.kata_dan_dir != '/')
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "key \"kataDanDir\": \"%s\" is not absolute",
			       raw->c.kata_dan_dir);
	if (strcmp(raw->gc, "") != 0 && strcmp(raw->gc, "strict") != 0)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "key \"gc\": \"%s\" is not \"strict\"", raw->gc);
	if (raw->c.disable_guest && *call->conf.ipam_type)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"cannot use IPAM when DisableContainerInterface flag is set");
	return 0;
}

int bridge_vm_conf_parse(const struct cni_call *call,
			 struct bridge_vm_conf *ret, struct cni_err *err)
{
	static const char *const left[] = { "attach", "vlan", "allocationKey",
					    "labels", NULL };
	struct raw raw = {
		.c = { .bridge = "cni0",
		       .uplink = "",
		       .kata_dan_dir = DAN_DIR,
		       .tap = TAP_REQUEST_INIT },
		.masq_backend = "",
		.attach = "veth",
		.gc = "",
	};
	int r;

	r = json_decode(call->conf.doc, fields, &raw, err);
	if (!r)
		r = tap_request_decode(raw.tap, &raw.c.tap, err);
	if (!r)
		r = per_attachment_check(raw.per_attachment, left, err);
	if (!r)
		r = check_values(call, &raw, err);
	if (!r && raw.trunk)
		r = conf_trunk(raw.trunk, &raw.c.trunk, err);
	if (!r)
		r = settle_vlan(call, &raw, err);
	if (!r)
		r = check_bridging(&raw.c, err);
	if (!r)
		r = settle_mac(call, &raw, err);
	if (!r)
		r = settle_attach(call, &raw, err);
	if (!r)
		r = settle_key(call, &raw, err);
	if (!r)
		r = bandwidth_parse(call, &raw.c.bandwidth, err);
	if (!r)
		r = guard_conf_parse(call, raw.c.attach == BRIDGE_VM_TAP,
				     &raw.c.guard, err);
	if (r < 0)
		return err_ctx(err, r, "network \"%s\"", call->conf.name);

	raw.c.is_gateway |= raw.c.is_default_gateway;
	raw.c.has_trunk = raw.trunk && raw.trunk->child;
	raw.c.strict_gc = !strcmp(raw.gc, "strict");
	*ret = raw.c;
	return 0;
}
