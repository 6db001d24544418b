/* SPDX-License-Identifier: Apache-2.0 */
/* LabelSelectors: whom do they mean? */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "bpf/policy.h"

enum { VALUE_SIZE = 64 };

static const char *const selector_keys[] = { "matchLabels", "matchExpressions",
					     NULL };
static const char *const expression_keys[] = { "key", "operator", "values",
					       NULL };

static bool is_known(const char *key, const char *const known[])
{
	for (; *known; known++)
		if (!strcasecmp(key, *known))
			return true;
	return false;
}

int policy_check_keys(const cJSON *obj, const char *const known[],
		      struct cni_err *err)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, obj)
	{
		if (!is_known(v->string, known))
			return err_say(err, CNI_E_CONFIG, EINVAL,
				       "key \"%s\" is unknown here", v->string);
	}
	return 0;
}

static int bad_value(const char *key, const cJSON *v, const char *want,
		     struct cni_err *err)
{
	char text[VALUE_SIZE];

	return err_say(err, CNI_E_CONFIG, EINVAL, "\"%s\": %s is not %s", key,
		       v ? json_text(v, text, sizeof(text)) : "nothing", want);
}

static int check_labels(const cJSON *labels, struct cni_err *err)
{
	const cJSON *v;

	if (labels && !cJSON_IsObject(labels))
		return bad_value("matchLabels", labels, "an object", err);
	cJSON_ArrayForEach(v, labels)
	{
		if (!cJSON_IsString(v))
			return bad_value(v->string, v, "a string", err);
	}
	return 0;
}

enum operator{
	OP_IN,
	OP_NOT_IN,
	OP_EXISTS,
	OP_DOES_NOT_EXIST,
	OPS,
};

static enum operator operator_of(const cJSON *expression)
{
	static const char *const names[OPS] = { "In", "NotIn", "Exists",
						"DoesNotExist" };
	const cJSON *v = json_get(expression, "operator");

	for (enum operator op = 0; cJSON_IsString(v) && op < OPS; op++)
		if (!strcmp(v->valuestring, names[op]))
			return op;
	return OPS;
}

static int check_expression(const cJSON *e, struct cni_err *err)
{
	const cJSON *values = json_get(e, "values"), *v;
	const enum operator op = operator_of(e);
	int r;

	if (!cJSON_IsObject(e))
		return bad_value("matchExpressions", e, "a list of objects",
				 err);
	r = policy_check_keys(e, expression_keys, err);
	if (r < 0)
		return r;
	if (!cJSON_IsString(json_get(e, "key")))
		return bad_value("key", json_get(e, "key"), "a label's key",
				 err);
	if (op == OPS)
		return bad_value("operator", json_get(e, "operator"),
				 "In, NotIn, Exists or DoesNotExist", err);
	if (values && !cJSON_IsArray(values))
		return bad_value("values", values, "a list of strings", err);
	if ((op == OP_IN || op == OP_NOT_IN) !=
	    (cJSON_GetArraySize(values) > 0))
		return bad_value("values", values,
				 op == OP_IN || op == OP_NOT_IN
					 ? "a list of strings"
					 : "what may stand by this operator",
				 err);
	cJSON_ArrayForEach(v, values)
	{
		if (!cJSON_IsString(v))
			return bad_value("values", v, "a string", err);
	}
	return 0;
}

int policy_check_selector(const cJSON *selector, struct cni_err *err)
{
	const cJSON *expressions, *e;
	int r;

	if (!cJSON_IsObject(selector))
		return bad_value("selector", selector, "an object", err);
	r = policy_check_keys(selector, selector_keys, err);
	if (!r)
		r = check_labels(json_get(selector, "matchLabels"), err);
	expressions = json_get(selector, "matchExpressions");
	if (!r && expressions && !cJSON_IsArray(expressions))
		r = bad_value("matchExpressions", expressions, "a list", err);
	cJSON_ArrayForEach(e, expressions)
	{
		if (r < 0)
			break;
		r = check_expression(e, err);
	}
	return r;
}

static const char *value_of(const char *key, const struct policy_label *labels,
			    size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(labels[i].key, key))
			return labels[i].value;
	return NULL;
}

static bool is_listed(const cJSON *values, const char *value)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, values)
	{
		if (value && !strcmp(v->valuestring, value))
			return true;
	}
	return false;
}

static bool is_met(const cJSON *e, const struct policy_label *labels, size_t n)
{
	const char *have = value_of(json_get(e, "key")->valuestring, labels, n);

	switch (operator_of(e)) {
	case OP_IN:
		return is_listed(json_get(e, "values"), have);
	case OP_NOT_IN: /* also who has no such label */
		return !is_listed(json_get(e, "values"), have);
	case OP_EXISTS:
		return have;
	case OP_DOES_NOT_EXIST:
		return !have;
	case OPS:
		break;
	}
	return false;
}

bool policy_selects(const cJSON *selector, const struct policy_label *labels,
		    size_t n)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, json_get(selector, "matchLabels"))
	{
		const char *have = value_of(v->string, labels, n);

		if (!have || strcmp(have, v->valuestring) != 0)
			return false;
	}
	cJSON_ArrayForEach(v, json_get(selector, "matchExpressions"))
	{
		if (!is_met(v, labels, n))
			return false;
	}
	return true;
}
