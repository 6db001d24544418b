/* SPDX-License-Identifier: Apache-2.0 */
/* The other half of result.h: encoding, one shape per era. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "cni/result.h"

/* Adds "key": [] to obj unless there is nothing to hold. */
static cJSON *add_array(cJSON *obj, const char *key, size_t n, int *acc)
{
	cJSON *array = n ? cJSON_CreateArray() : NULL;

	if (n && json_add(obj, key, array) < 0) {
		*acc = -ENOMEM;
		return NULL;
	}
	return array;
}

static int add_number(cJSON *obj, const char *key, int64_t v)
{
	return json_add(obj, key, cJSON_CreateNumber((double)v));
}

static int add_ip(cJSON *obj, const char *key, const struct ip_addr *a)
{
	char text[IP_STR_SIZE];

	return a->family ? json_add_str(obj, key, ip_format(a, text)) : 0;
}

static int add_net(cJSON *obj, const char *key, const struct ip_net *n)
{
	char text[IP_NET_STR_SIZE];

	return json_add_str(obj, key, ip_net_format(n, text));
}

static int add_interface(cJSON *array, const struct cni_interface *i,
			 enum cni_version version)
{
	cJSON *obj = cJSON_CreateObject();
	int r = json_add(array, NULL, obj);

	if (r < 0)
		return r;
	r |= json_add(obj, "name", cJSON_CreateString(i->name));
	r |= json_add_str(obj, "mac", i->mac);
	if (version >= CNI_V1_0_0 && i->mtu)
		r |= add_number(obj, "mtu", i->mtu);
	r |= json_add_str(obj, "sandbox", i->sandbox);
	if (version >= CNI_V1_0_0) {
		r |= json_add_str(obj, "socketPath", i->socket_path);
		r |= json_add_str(obj, "pciID", i->pci_id);
	}
	return r ? -ENOMEM : 0;
}

static int add_address(cJSON *array, const struct cni_ip *ip,
		       enum cni_version version)
{
	const bool is_v4 = ip->address.addr.family == AF_INET;
	cJSON *obj = cJSON_CreateObject();
	int r = json_add(array, NULL, obj);

	if (r < 0)
		return r;
	if (version < CNI_V1_0_0)
		r |= json_add_str(obj, "version", is_v4 ? "4" : "6");
	if (ip->interface >= 0)
		r |= add_number(obj, "interface", ip->interface);
	r |= add_net(obj, "address", &ip->address);
	r |= add_ip(obj, "gateway", &ip->gateway);
	return r ? -ENOMEM : 0;
}

static int add_route(cJSON *array, const struct cni_route *route, bool bare)
{
	const struct {
		const char *key;
		int64_t value;
	} more[] = {
		{ "mtu", route->mtu },		 { "advmss", route->advmss },
		{ "priority", route->priority }, { "table", route->table },
		{ "scope", route->scope },
	};

	cJSON *obj = cJSON_CreateObject();
	int r = json_add(array, NULL, obj);

	if (r < 0)
		return r;
	r |= add_net(obj, "dst", &route->dst);
	r |= add_ip(obj, "gw", &route->gw);
	for (size_t i = 0; !bare && i < sizeof(more) / sizeof(more[0]); i++)
		if (more[i].value >= 0)
			r |= add_number(obj, more[i].key, more[i].value);
	return r ? -ENOMEM : 0;
}

/* ip4 or ip6: the family's first address, and all its routes. */
static int add_legacy_family(cJSON *doc, const struct cni_result *r, int family)
{
	const struct cni_ip *ip = r->ips;
	const struct cni_ip *end = ip + r->n_ips;
	cJSON *obj, *routes = NULL;
	int acc;

	while (ip < end && ip->address.addr.family != family)
		ip++;
	if (ip == end)
		return 0;

	obj = cJSON_CreateObject();
	acc = json_add(doc, family == AF_INET ? "ip4" : "ip6", obj);
	if (acc < 0)
		return acc;
	acc |= add_net(obj, "ip", &ip->address);
	acc |= add_ip(obj, "gateway", &ip->gateway);
	for (size_t i = 0; i < r->n_routes; i++) {
		if (r->routes[i].dst.addr.family != family)
			continue;
		if (!routes)
			routes = add_array(obj, "routes", 1, &acc);
		if (routes)
			acc |= add_route(routes, &r->routes[i], true);
	}
	return acc ? -ENOMEM : 0;
}

static int add_arrays(cJSON *doc, const struct cni_result *r,
		      enum cni_version version)
{
	int acc = 0;
	cJSON *interfaces = add_array(doc, "interfaces", r->n_interfaces, &acc);
	cJSON *ips = add_array(doc, "ips", r->n_ips, &acc);
	cJSON *routes = add_array(doc, "routes", r->n_routes, &acc);

	for (size_t i = 0; interfaces && i < r->n_interfaces; i++)
		acc |= add_interface(interfaces, &r->interfaces[i], version);
	for (size_t i = 0; ips && i < r->n_ips; i++)
		acc |= add_address(ips, &r->ips[i], version);
	for (size_t i = 0; routes && i < r->n_routes; i++)
		acc |= add_route(routes, &r->routes[i], false);
	return acc;
}

static int add_dns(cJSON *doc, const struct cni_result *r,
		   enum cni_version version)
{
	if (r->dns)
		return json_add(doc, "dns", cJSON_Duplicate(r->dns, true));
	/* Go's "omitempty" left the struct in until 1.0.0. */
	return version < CNI_V1_0_0 ? json_add(doc, "dns", cJSON_CreateObject())
				    : 0;
}

int cni_result_print(const struct cni_result *r, enum cni_version version,
		     char **ret, struct cni_err *err)
{
	cleanup_json cJSON *doc = cJSON_CreateObject();
	int acc = json_add_str(doc, "cniVersion", cni_version_str(version));
	char *text;

	if (version < CNI_V0_3_0) {
		if (!r->n_ips)
			return err_say(
				err, CNI_E_VERSION, EINVAL,
				"cannot convert: no valid IP addresses: a result of version %s is its address",
				cni_version_str(version));
		acc |= add_legacy_family(doc, r, AF_INET);
		acc |= add_legacy_family(doc, r, AF_INET6);
	} else {
		acc |= add_arrays(doc, r, version);
	}
	acc |= add_dns(doc, r, version);

	text = acc ? NULL : json_print(doc);
	if (!text)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "print result");
	*ret = text;
	return 0;
}
