/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/bandwidth.h"

#include <errno.h>

enum { UNSET = -1, BITS = 8 };

/* What JSON's numbers can tell apart. */
#define MOST INT64_C(9007199254740991)

/* In bits. */
struct raw {
	int64_t ingress_rate, ingress_burst, egress_rate, egress_burst;
	const cJSON *runtime;
};

#define FIELD(key, member)                                              \
	{                                                               \
		.name = (key), .type = JSON_INT, .min = 0, .max = MOST, \
		.offset = offsetof(struct raw, member),                 \
	}

static const struct json_field fields[] = {
	FIELD("ingressRate", ingress_rate),
	FIELD("ingressBurst", ingress_burst),
	FIELD("egressRate", egress_rate),
	FIELD("egressBurst", egress_burst),
	{ 0 },
};

static const struct json_field runtime_fields[] = {
	{ .name = "bandwidth",
	  .type = JSON_OBJ,
	  .offset = offsetof(struct raw, runtime) },
	{ 0 },
};

static bool is_empty(const struct raw *raw)
{
	return raw->ingress_rate == UNSET && raw->ingress_burst == UNSET &&
	       raw->egress_rate == UNSET && raw->egress_burst == UNSET;
}

static int settle(const char *way, int64_t rate, int64_t burst,
		  struct shape_rate *ret, struct cni_err *err)
{
	if (rate <= 0 && burst <= 0)
		return 0;
	if (burst <= 0)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"%sRate\": if rate is set, burst must also be set: \"%sBurst\"",
			way, way);
	if (rate <= 0)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"%sBurst\": if burst is set, rate must also be set: \"%sRate\"",
			way, way);
	if (burst / BITS >= UINT32_MAX)
		return err_say(
			err, CNI_E_CONFIG, ERANGE,
			"key \"%sBurst\": %lld: burst cannot be more than 4GB",
			way, (long long)burst);
	if (rate < BITS)
		return err_say(
			err, CNI_E_CONFIG, ERANGE,
			"key \"%sRate\": %lld: less than a byte a second", way,
			(long long)rate);
	*ret = (struct shape_rate){ .rate = (uint64_t)rate / BITS,
				    .burst = (uint32_t)(burst / BITS) };
	return 0;
}

int bandwidth_parse(const struct cni_call *call, struct bandwidth *ret,
		    struct cni_err *err)
{
	struct raw raw = { UNSET, UNSET, UNSET, UNSET, NULL };
	struct bandwidth b = { 0 };
	bool is_runtime = false;
	int r;

	r = json_decode(call->conf.doc, fields, &raw, err);
	if (!r && is_empty(&raw)) {
		r = json_decode(call->conf.runtime_config, runtime_fields, &raw,
				err);
		if (r < 0)
			return err_ctx(err, r, "runtimeConfig");
		is_runtime = true;
		r = json_decode(raw.runtime, fields, &raw, err);
	}
	if (!r)
		r = settle("ingress", raw.ingress_rate, raw.ingress_burst,
			   &b.to_guest, err);
	if (!r)
		r = settle("egress", raw.egress_rate, raw.egress_burst,
			   &b.from_guest, err);
	if (r < 0)
		return is_runtime ? err_ctx(err, r, "runtimeConfig.bandwidth")
				  : r;
	*ret = b;
	return 0;
}
