/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/kinds.h"

#include <stdio.h>
#include <string.h>

#include "bridge-vm/conf.h"
#include "ipam-host-local/conf.h"

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
	ret->del_waits |= json_get(call->conf.doc, "delWait") != NULL;
	return 0;
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
