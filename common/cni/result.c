/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/result.h"

#include <errno.h>
#include <string.h>

#include "cni/dns.h"

void cni_result_free(struct cni_result *r)
{
	for (size_t i = 0; i < r->n_interfaces; i++)
		free(r->interfaces[i].own);
	free(r->interfaces);
	free(r->ips);
	free(r->routes);
	cJSON_Delete(r->dns);
	cJSON_Delete(r->doc);
	*r = (struct cni_result){ 0 };
}

/* Doubles where @n is a power of two: no capacity to keep. */
static int append(void *array, size_t *n, const void *item, size_t size)
{
	const bool is_full = !(*n & (*n - 1));
	void *more =
		is_full ? reallocarray(*(void **)array, *n ? 2 * *n : 1, size)
			: *(void **)array;

	if (!more)
		return -ENOMEM;
	memcpy((char *)more + *n * size, item, size);
	*(void **)array = more;
	++*n;
	return 0;
}

/* One block for all of its strings. */
static int own_texts(struct cni_interface *i)
{
	const char **const texts[] = { &i->name, &i->mac, &i->sandbox,
				       &i->socket_path, &i->pci_id };
	const size_t n = sizeof(texts) / sizeof(texts[0]);
	size_t size = 1;
	char *p;

	for (size_t k = 0; k < n; k++)
		size += *texts[k] ? strlen(*texts[k]) + 1 : 0;
	p = i->own = malloc(size);
	if (!p)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++)
		if (*texts[k]) {
			const size_t len = strlen(*texts[k]) + 1;

			*texts[k] = memcpy(p, *texts[k], len);
			p += len;
		}
	return 0;
}

int cni_result_add_interface(struct cni_result *r,
			     const struct cni_interface *i)
{
	struct cni_interface copy = *i;
	int ret = own_texts(&copy);

	if (!ret)
		ret = append((void *)&r->interfaces, &r->n_interfaces, &copy,
			     sizeof(copy));
	if (ret < 0)
		free(copy.own);
	return ret;
}

int cni_result_add_ip(struct cni_result *r, const struct cni_ip *ip)
{
	return append((void *)&r->ips, &r->n_ips, ip, sizeof(*ip));
}

int cni_result_add_route(struct cni_result *r, const struct cni_route *route)
{
	return append((void *)&r->routes, &r->n_routes, route, sizeof(*route));
}

static int decode_net(const cJSON *v, void *field, struct cni_err *err)
{
	if (!cJSON_IsString(v) || ip_net_parse(v->valuestring, field) < 0)
		return json_expected(v, "an address with a prefix length", err);
	return 0;
}

static int decode_ip(const cJSON *v, void *field, struct cni_err *err)
{
	/* Go's net.IP reads "" as none. */
	if (cJSON_IsString(v) && !*v->valuestring)
		return 0;
	if (!cJSON_IsString(v) || ip_parse(v->valuestring, field) < 0)
		return json_expected(v, "an IP address", err);
	return 0;
}

#define ROUTE(key, kind, member, ...)                                     \
	{                                                                 \
		.name = (key), .type = (kind),                            \
		.offset = offsetof(struct cni_route, member), __VA_ARGS__ \
	}
#define ROUTE_U32(key, member) \
	ROUTE(key, JSON_INT, member, .min = 0, .max = UINT32_MAX)

int cni_route_decode(const cJSON *obj, struct cni_route *ret,
		     struct cni_err *err)
{
	static const struct json_field fields[] = {
		ROUTE("dst", JSON_FUNC, dst, .decode = decode_net),
		ROUTE("gw", JSON_FUNC, gw, .decode = decode_ip),
		ROUTE_U32("mtu", mtu),
		ROUTE_U32("advmss", advmss),
		ROUTE_U32("priority", priority),
		ROUTE_U32("table", table),
		ROUTE("scope", JSON_INT, scope, .min = 0, .max = UINT8_MAX),
		{ 0 },
	};
	struct cni_route route = { .mtu = -1,
				   .advmss = -1,
				   .priority = -1,
				   .table = -1,
				   .scope = -1 };
	int r;

	if (!cJSON_IsObject(obj))
		return json_expected(obj, "a route", err);
	r = json_decode(obj, fields, &route, err);
	if (r < 0)
		return r;
	if (!route.dst.addr.family)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "route without \"dst\"");
	if (route.gw.family && route.gw.family != route.dst.addr.family)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "route whose \"gw\" is of another family");

	*ret = route;
	return 0;
}

static int parse_interface(const cJSON *obj, struct cni_result *ret,
			   struct cni_err *err)
{
#define INTERFACE(key, kind, member)                              \
	{                                                         \
		.name = (key), .type = (kind),                    \
		.offset = offsetof(struct cni_interface, member), \
	}
	static const struct json_field fields[] = {
		INTERFACE("name", JSON_STR, name),
		INTERFACE("mac", JSON_STR, mac),
		INTERFACE("mtu", JSON_INT, mtu),
		INTERFACE("sandbox", JSON_STR, sandbox),
		INTERFACE("socketPath", JSON_STR, socket_path),
		INTERFACE("pciID", JSON_STR, pci_id),
		{ 0 },
	};
	struct cni_interface i = { .name = "" };
	int r = json_decode(obj, fields, &i, err);

	if (!r && cni_result_add_interface(ret, &i) < 0)
		r = err_set(err, CNI_E_INTERNAL, ENOMEM, "interface");
	return r;
}

static int parse_ip(const cJSON *obj, struct cni_result *ret,
		    struct cni_err *err)
{
	struct {
		struct cni_ip ip;
		int64_t interface;
	} v = { .interface = -1 };
	const struct json_field fields[] = {
		{ .name = "address",
		  .type = JSON_FUNC,
		  .offset = offsetof(__typeof__(v), ip.address),
		  .decode = decode_net },
		{ .name = "gateway",
		  .type = JSON_FUNC,
		  .offset = offsetof(__typeof__(v), ip.gateway),
		  .decode = decode_ip },
		{ .name = "interface",
		  .type = JSON_INT,
		  .offset = offsetof(__typeof__(v), interface),
		  .min = -1,
		  .max = UINT16_MAX },
		{ 0 },
	};
	int r = json_decode(obj, fields, &v, err);

	if (r < 0)
		return r;
	if (!v.ip.address.addr.family)
		return err_say(err, CNI_E_DECODE, EINVAL,
			       "address without \"address\"");
	v.ip.interface = (int)v.interface;
	return cni_result_add_ip(ret, &v.ip) < 0
		       ? err_set(err, CNI_E_INTERNAL, ENOMEM, "address")
		       : 0;
}

static int parse_route(const cJSON *obj, struct cni_result *ret,
		       struct cni_err *err)
{
	struct cni_route route;
	int r = cni_route_decode(obj, &route, err);

	if (!r && cni_result_add_route(ret, &route) < 0)
		r = err_set(err, CNI_E_INTERNAL, ENOMEM, "route");
	return r;
}

static int parse_array(const cJSON *obj, const char *key,
		       int (*parse)(const cJSON *item, struct cni_result *ret,
				    struct cni_err *err),
		       struct cni_result *ret, struct cni_err *err)
{
	const cJSON *array = json_get(obj, key), *item;
	int r, i = 0;

	if (array && !cJSON_IsArray(array))
		return err_ctx(err, json_expected(array, "an array", err),
			       "key \"%s\"", key);
	cJSON_ArrayForEach(item, array)
	{
		r = cJSON_IsObject(item)
			    ? parse(item, ret, err)
			    : json_expected(item, "an object", err);
		if (r < 0)
			return err_ctx(err, r, "%s[%d]", key, i);
		i++;
	}
	return 0;
}

/* 0.1.0 and 0.2.0: "ip4": {"ip", "gateway", "routes"}, and "ip6". */
static int parse_legacy_family(const cJSON *result, const char *key,
			       struct cni_result *ret, struct cni_err *err)
{
	static const struct json_field fields[] = {
		{ .name = "ip",
		  .type = JSON_FUNC,
		  .offset = offsetof(struct cni_ip, address),
		  .decode = decode_net },
		{ .name = "gateway",
		  .type = JSON_FUNC,
		  .offset = offsetof(struct cni_ip, gateway),
		  .decode = decode_ip },
		{ 0 },
	};
	const cJSON *obj = json_get(result, key);
	struct cni_ip ip = { .interface = -1 };
	int r = json_decode(obj, fields, &ip, err);

	if (!r && ip.address.addr.family && cni_result_add_ip(ret, &ip) < 0)
		r = err_set(err, CNI_E_INTERNAL, ENOMEM, "address");
	if (!r)
		r = parse_array(obj, "routes", parse_route, ret, err);
	return r < 0 ? err_ctx(err, r, "key \"%s\"", key) : 0;
}

static int parse_arrays(const cJSON *obj, struct cni_result *ret,
			struct cni_err *err)
{
	int r = parse_array(obj, "interfaces", parse_interface, ret, err);

	if (!r)
		r = parse_array(obj, "ips", parse_ip, ret, err);
	if (!r)
		r = parse_array(obj, "routes", parse_route, ret, err);
	for (size_t i = 0; !r && i < ret->n_ips; i++)
		if (ret->ips[i].interface >= (int)ret->n_interfaces &&
		    ret->n_interfaces)
			r = err_say(err, CNI_E_DECODE, EINVAL,
				    "ips[%zu]: interface %d of %zu", i,
				    ret->ips[i].interface, ret->n_interfaces);
	return r;
}

static int version_of(const cJSON *obj, enum cni_version inherited,
		      enum cni_version *ret, struct cni_err *err)
{
	const cJSON *v = json_get(obj, "cniVersion");

	*ret = inherited;
	if (!v || (cJSON_IsString(v) && !*v->valuestring))
		return 0;
	if (!cJSON_IsString(v))
		return err_ctx(err, json_expected(v, "a string", err),
			       "key \"cniVersion\"");
	return cni_version_parse(v->valuestring, ret, err);
}

int cni_result_parse(const cJSON *obj, enum cni_version inherited,
		     struct cni_result *ret, struct cni_err *err)
{
	enum cni_version version;
	int r;

	if (!cJSON_IsObject(obj))
		return json_expected(obj, "a result", err);
	r = version_of(obj, inherited, &version, err);
	if (!r && version >= CNI_V0_3_0) {
		r = parse_arrays(obj, ret, err);
	} else if (!r) {
		r = parse_legacy_family(obj, "ip4", ret, err);
		if (!r)
			r = parse_legacy_family(obj, "ip6", ret, err);
	}
	return r ? r : cni_dns_decode(json_get(obj, "dns"), &ret->dns, err);
}

/* Versions whose results libcni decodes with the same type. */
static int family(enum cni_version v)
{
	return v < CNI_V0_3_0 ? 0 : v < CNI_V1_0_0 ? 1 : 2;
}

int cni_result_prev(const cJSON *prev, enum cni_version version,
		    struct cni_result *ret, struct cni_err *err)
{
	enum cni_version own;
	int r;

	if (!prev)
		return 0;
	r = version_of(prev, version, &own, err);
	if (!r && family(own) != family(version))
		r = err_say(
			err, CNI_E_DECODE, EINVAL,
			"result of version %s in a configuration of version %s",
			cni_version_str(own), cni_version_str(version));
	if (!r)
		r = cni_result_parse(prev, version, ret, err);
	return r < 0 ? err_ctx(err, r, "prevResult") : 1;
}

int cni_result_prev_required(const cJSON *prev, enum cni_version version,
			     struct cni_result *ret, struct cni_err *err)
{
	const int r = cni_result_prev(prev, version, ret, err);

	if (!r)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "Required prevResult missing");
	return r < 0 ? r : 0;
}
