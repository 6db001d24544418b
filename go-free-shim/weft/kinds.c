/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bridge-vm/conf.h"
#include "ipam-host-local/conf.h"
#include "macvlan-vm/conf.h"
#include "policy-ebpf/conf.h"
#include "portmap-nft/conf.h"
#include "tap-vm/conf.h"

static int read_bridge_vm(const struct cni_call *call, struct facts *ret,
			  struct cni_err *err)
{
	struct bridge_vm_conf c;
	const int r = bridge_vm_conf_parse(call, &c, err);

	if (r < 0)
		return r;
	(void)snprintf(ret->bridge, sizeof(ret->bridge), "%s", c.bridge);
	ret->gateway |= c.is_gateway;
	ret->forwards |= c.is_gateway || c.ip_masq;
	return 0;
}

static int read_macvlan_vm(const struct cni_call *call, struct facts *ret,
			   struct cni_err *err)
{
	struct macvlan_vm_conf c;

	(void)ret;
	return macvlan_vm_conf_parse(call, &c, err);
}

static int read_tap_vm(const struct cni_call *call, struct facts *ret,
		       struct cni_err *err)
{
	struct tap_vm_conf c;

	(void)ret;
	return tap_vm_conf_parse(call, &c, err);
}

static int read_portmap_nft(const struct cni_call *call, struct facts *ret,
			    struct cni_err *err)
{
	cleanup_portmap_nft_conf struct portmap_nft_conf c = { 0 };

	(void)ret;
	return portmap_nft_conf_parse(call, &c, err);
}

static int read_policy_ebpf(const struct cni_call *call, struct facts *ret,
			    struct cni_err *err)
{
	struct guard_conf c;

	(void)ret;
	return policy_ebpf_conf_parse(call, &c, err);
}

static int read_ipam_host_local(const struct cni_call *call, struct facts *ret,
				struct cni_err *err)
{
	cleanup_ipam_conf struct ipam_conf c = { 0 };
	const int r = ipam_conf_parse(call, &c, err);

	if (r < 0)
		return r;
	(void)snprintf(ret->data_dir, sizeof(ret->data_dir), "%s", c.data_dir);
	for (size_t i = 0; i < c.n_sets; i++)
		for (size_t k = 0; k < c.sets[i].n; k++)
			if (ret->n < FACTS_SUBNETS)
				ret->subnets[ret->n++] =
					c.sets[i].ranges[k].subnet;
	return 0;
}

/* The reference plugins are here for the place where they may stand. */
static const struct kind kinds[] = {
	{ "bridge-vm", KIND_MAIN, NULL, read_bridge_vm },
	{ "macvlan-vm", KIND_MAIN, NULL, read_macvlan_vm },
	{ "tap-vm", KIND_CHAINED, NULL, read_tap_vm },
	{ "portmap-nft", KIND_CHAINED, "portMappings", read_portmap_nft },
	{ "policy-ebpf", KIND_CHAINED, NULL, read_policy_ebpf },
	{ "ipam-host-local", KIND_IPAM, NULL, read_ipam_host_local },
	{ "bridge", KIND_MAIN, NULL, NULL },
	{ "macvlan", KIND_MAIN, NULL, NULL },
	{ "ipvlan", KIND_MAIN, NULL, NULL },
	{ "ptp", KIND_MAIN, NULL, NULL },
	{ "vlan", KIND_MAIN, NULL, NULL },
	{ "host-device", KIND_MAIN, NULL, NULL },
	{ "portmap", KIND_CHAINED, "portMappings", NULL },
	{ "bandwidth", KIND_CHAINED, NULL, NULL },
	{ "firewall", KIND_CHAINED, NULL, NULL },
	{ "tuning", KIND_CHAINED, NULL, NULL },
	{ "sbr", KIND_CHAINED, NULL, NULL },
	{ "vrf", KIND_CHAINED, NULL, NULL },
	{ "host-local", KIND_IPAM, NULL, NULL },
	{ "dhcp", KIND_IPAM, NULL, NULL },
	{ "static", KIND_IPAM, NULL, NULL },
};

const struct kind *kind_at(size_t i)
{
	return i < sizeof(kinds) / sizeof(kinds[0]) ? &kinds[i] : NULL;
}

const struct kind *kind_find(const char *type)
{
	const struct kind *k;

	for (size_t i = 0; (k = kind_at(i)); i++)
		if (type && !strcmp(k->type, type))
			return k;
	return NULL;
}

char *kind_text(const cJSON *plugin, const char *network, const char *version,
		size_t *ret_len)
{
	cleanup_json cJSON *doc = cJSON_Duplicate(plugin, true);
	char *text = NULL;
	int r = 0;

	/* The last one of a key counts. */
	if (network)
		r |= json_add(doc, "name", cJSON_CreateString(network));
	if (version)
		r |= json_add(doc, "cniVersion", cJSON_CreateString(version));
	if (doc && !r)
		text = cJSON_PrintUnformatted(doc);
	*ret_len = text ? strlen(text) : 0;
	return text;
}

int kind_facts(const cJSON *plugin, const char *network,
	       enum cni_version version, struct facts *ret, struct cni_err *err)
{
	struct cni_call call = { .args = { .args = "" } };
	const struct kind *kind =
		kind_find(cJSON_GetStringValue(json_get(plugin, "type")));
	const struct kind *ipam;
	size_t len = 0;
	char *text;
	int r;

	if (!kind || !kind->read || kind->role != KIND_MAIN)
		return 0;
	text = kind_text(plugin, network, cni_version_str(version), &len);
	if (!text)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "read \"%s\"",
			       network);
	r = cni_netconf_parse(text, len, &call.conf, err);
	if (!r)
		r = kind->read(&call, ret, err);
	if (!r && kind->role == KIND_MAIN)
		ret->del_waits |= json_get(call.conf.doc, "delWait") != NULL;
	ipam = r ? NULL : kind_find(call.conf.ipam_type);
	if (ipam && ipam->read)
		r = ipam->read(&call, ret, err);
	cni_netconf_free(&call.conf);
	return r < 0 ? r : 1;
}
