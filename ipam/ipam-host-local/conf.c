/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/conf.h"

#include <errno.h>
#include <stdlib.h>

#include "ipam-host-local/request.h"

/* "ipam" as it is written: "single" is the only range of the first versions. */
struct raw_ipam {
	const char *data_dir;
	const char *resolv_conf;
	const cJSON *ranges;
	const cJSON *routes;
	struct range single;
};

struct raw_runtime {
	const cJSON *ranges;
	const cJSON *ips;
};

static int decode_ip(const cJSON *v, void *field, struct cni_err *err)
{
	if (!cJSON_IsString(v))
		return json_expected(v, "a string", err);
	if (*v->valuestring && ip_parse(v->valuestring, field) < 0)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "invalid IP address: %s", v->valuestring);
	return 0;
}

static int decode_subnet(const cJSON *v, void *field, struct cni_err *err)
{
	if (!cJSON_IsString(v))
		return json_expected(v, "a string", err);
	if (ip_net_parse(v->valuestring, field) < 0)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "invalid CIDR address: %s", v->valuestring);
	return 0;
}

#define FIELD(key, kind, type_, member, ...)                   \
	{                                                      \
		.name = (key), .type = (kind),                 \
		.offset = offsetof(type_, member), __VA_ARGS__ \
	}
#define RANGE_FIELDS(type_, at)                                                \
	FIELD("subnet", JSON_FUNC, type_, at subnet, .decode = decode_subnet), \
		FIELD("rangeStart", JSON_FUNC, type_, at start,                \
		      .decode = decode_ip),                                    \
		FIELD("rangeEnd", JSON_FUNC, type_, at end,                    \
		      .decode = decode_ip),                                    \
		FIELD("gateway", JSON_FUNC, type_, at gateway,                 \
		      .decode = decode_ip)

static const struct json_field range_fields[] = {
	RANGE_FIELDS(struct range, ),
	{ 0 },
};

static const struct json_field ipam_fields[] = {
	FIELD("dataDir", JSON_STR, struct raw_ipam, data_dir),
	FIELD("resolvConf", JSON_STR, struct raw_ipam, resolv_conf),
	FIELD("ranges", JSON_ARR, struct raw_ipam, ranges),
	FIELD("routes", JSON_ARR, struct raw_ipam, routes),
	RANGE_FIELDS(struct raw_ipam, single.),
	{ 0 },
};

static const struct json_field runtime_fields[] = {
	FIELD("ipRanges", JSON_ARR, struct raw_runtime, ranges),
	FIELD("ips", JSON_ARR, struct raw_runtime, ips),
	{ 0 },
};

void ipam_conf_free(struct ipam_conf *c)
{
	free(c->sets);
	free(c->ranges);
	free(c->routes);
	ip_list_free(&c->requested);
	*c = (struct ipam_conf){ 0 };
}

static int no_memory(struct cni_err *err)
{
	return err_set(err, CNI_E_INTERNAL, ENOMEM, "read \"ipam\"");
}

static void count(const cJSON *list, size_t *sets, size_t *ranges)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, list)
	{
		*sets += 1;
		*ranges += (size_t)cJSON_GetArraySize(v);
	}
}

static int make_room(struct ipam_conf *c, const struct raw_ipam *ipam,
		     const struct raw_runtime *runtime, struct cni_err *err)
{
	size_t sets = 0, ranges = 0;

	count(runtime->ranges, &sets, &ranges);
	count(ipam->ranges, &sets, &ranges);
	sets += !!ipam->single.subnet.addr.family;
	ranges += !!ipam->single.subnet.addr.family;
	if (!sets)
		return err_say(err, CNI_E_CONFIG, ENODATA,
			       "no IP ranges specified");
	if (sets > IPAM_MAX_RANGES || ranges > IPAM_MAX_RANGES)
		return err_say(err, CNI_E_CONFIG, E2BIG,
			       "%zu IP ranges in %zu sets: at most %d", ranges,
			       sets, IPAM_MAX_RANGES);
	c->sets = calloc(sets, sizeof(*c->sets));
	c->ranges = calloc(ranges + 1, sizeof(*c->ranges));
	return c->sets && c->ranges ? 0 : no_memory(err);
}

/* The next set, still empty, behind the ranges of the last. */
static struct range_set *next_set(struct ipam_conf *c)
{
	struct range_set *s = &c->sets[c->n_sets];

	s->ranges = c->n_sets ? s[-1].ranges + s[-1].n : c->ranges;
	c->n_sets++;
	return s;
}

static int add_set(struct ipam_conf *c, const cJSON *list, struct cni_err *err)
{
	struct range_set *s = next_set(c);
	const cJSON *v;
	int r;

	if (!cJSON_IsArray(list) && !cJSON_IsNull(list))
		return json_expected(list, "an array of ranges", err);
	cJSON_ArrayForEach(v, list)
	{
		r = json_decode(v, range_fields, &s->ranges[s->n++], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_sets(struct ipam_conf *c, const cJSON *list, const char *key,
		    struct cni_err *err)
{
	const cJSON *v;
	int r;

	cJSON_ArrayForEach(v, list)
	{
		r = add_set(c, v, err);
		if (r < 0)
			return err_ctx(err, r, "key \"%s\"", key);
	}
	return 0;
}

static int add_ranges(struct ipam_conf *c, const struct raw_ipam *ipam,
		      const struct raw_runtime *runtime, struct cni_err *err)
{
	int r = make_room(c, ipam, runtime, err);

	if (!r)
		r = add_sets(c, runtime->ranges, "runtimeConfig.ipRanges", err);
	if (!r && ipam->single.subnet.addr.family) {
		struct range_set *s = next_set(c);

		s->ranges[s->n++] = ipam->single;
	}
	if (!r)
		r = add_sets(c, ipam->ranges, "ranges", err);
	return r;
}

static int check_sets(const struct ipam_conf *c, struct cni_err *err)
{
	int r;

	for (size_t i = 0; i < c->n_sets; i++) {
		r = range_set_complete(&c->sets[i], err);
		if (r < 0)
			return err_ctx(err, r, "invalid range set %zu", i);
	}
	for (size_t i = 0; i < c->n_sets; i++)
		for (size_t k = i + 1; k < c->n_sets; k++)
			if (range_set_overlaps(&c->sets[i], &c->sets[k]))
				return err_say(
					err, CNI_E_CONFIG, EINVAL,
					"range set %zu overlaps with %zu", i,
					k);
	return 0;
}

/* Old results have one place for each family. */
static int check_version(const struct ipam_conf *c, enum cni_version version,
			 struct cni_err *err)
{
	size_t n[2] = { 0 };

	for (size_t i = 0; i < c->n_sets; i++)
		n[ip_len(&c->sets[i].ranges[0].start) == 4]++;
	if (version >= CNI_V0_3_0 || (n[0] < 2 && n[1] < 2))
		return 0;
	return err_say(
		err, CNI_E_CONFIG, EINVAL,
		"CNI version %s does not support more than 1 address per family",
		cni_version_str(version));
}

static int add_routes(struct ipam_conf *c, const cJSON *list,
		      struct cni_err *err)
{
	const int n = cJSON_GetArraySize(list);
	const cJSON *v;
	int r;

	if (n <= 0)
		return 0;
	c->routes = calloc((size_t)n, sizeof(*c->routes));
	if (!c->routes)
		return no_memory(err);
	cJSON_ArrayForEach(v, list)
	{
		r = cni_route_decode(v, &c->routes[c->n_routes++], err);
		if (r < 0)
			return err_ctx(err, r, "key \"routes\"");
	}
	return 0;
}

static int decode_ipam(const struct cni_netconf *conf,
		       const struct json_field *fields, struct raw_ipam *ret,
		       struct cni_err *err)
{
	int r;

	*ret = (struct raw_ipam){ .data_dir = "", .resolv_conf = "" };
	if (!conf->ipam)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "IPAM config missing 'ipam' key");
	r = json_decode(conf->ipam, fields, ret, err);
	if (r < 0)
		return err_ctx(err, r, "key \"ipam\"");
	if (!*ret->data_dir)
		ret->data_dir = IPAM_DATA_DIR;
	return 0;
}

int ipam_conf_parse(const struct cni_call *call, struct ipam_conf *ret,
		    struct cni_err *err)
{
	struct raw_runtime runtime = { 0 };
	struct raw_ipam ipam;
	int r;

	r = decode_ipam(&call->conf, ipam_fields, &ipam, err);
	if (!r)
		r = json_decode(call->conf.runtime_config, runtime_fields,
				&runtime, err);
	if (!r)
		r = request_parse(call, runtime.ips, &ret->requested, err);
	if (!r)
		r = add_ranges(ret, &ipam, &runtime, err);
	if (!r)
		r = check_sets(ret, err);
	if (!r)
		r = check_version(ret, call->conf.version, err);
	if (!r)
		r = add_routes(ret, ipam.routes, err);
	if (r < 0)
		return r;

	ret->data_dir = ipam.data_dir;
	ret->resolv_conf = ipam.resolv_conf;
	return 0;
}

int ipam_conf_data_dir(const struct cni_netconf *c, const char **ret,
		       struct cni_err *err)
{
	static const struct json_field fields[] = {
		FIELD("dataDir", JSON_STR, struct raw_ipam, data_dir),
		{ 0 },
	};
	struct raw_ipam ipam;
	const int r = decode_ipam(c, fields, &ipam, err);

	if (!r)
		*ret = ipam.data_dir;
	return r;
}
