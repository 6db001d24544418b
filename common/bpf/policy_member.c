/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/policy_member.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "bpf/map.h"
#include "net/array.h"

static int no_memory(struct cni_err *err)
{
	return err_set(err, CNI_E_INTERNAL, ENOMEM, "policy: guests");
}

static cJSON *write_addrs(const struct policy_identity *id)
{
	cleanup_json cJSON *list = cJSON_CreateArray();
	char text[IP_STR_SIZE];

	for (size_t i = 0; list && i < id->n; i++) {
		cJSON *v =
			cJSON_CreateString(ip_format(&id->addrs[i].addr, text));

		if (!cJSON_AddItemToArray(list, v)) {
			cJSON_Delete(v);
			return NULL;
		}
	}
	return TAKE_PTR(list);
}

static bool add(cJSON *doc, const char *key, cJSON *v)
{
	if (v && cJSON_AddItemToObject(doc, key, v))
		return true;
	cJSON_Delete(v);
	return false;
}

static cJSON *write_identity(const struct policy_identity *id)
{
	cleanup_json cJSON *doc = cJSON_CreateObject();
	const bool right =
		doc &&
		cJSON_AddStringToObject(doc, "containerID", id->container_id) &&
		cJSON_AddStringToObject(doc, "ifname", id->ifname) &&
		cJSON_AddStringToObject(doc, "namespace", id->space) &&
		add(doc, "labels",
		    id->labels ? cJSON_Duplicate(id->labels, true)
			       : cJSON_CreateObject()) &&
		add(doc, "addresses", write_addrs(id));

	return right ? TAKE_PTR(doc) : NULL;
}

int policy_member_encode(uint64_t network, const struct policy_identity *id,
			 struct guard_member *ret, struct cni_err *err)
{
	cleanup_json cJSON *doc = write_identity(id);
	cleanup_free char *text = doc ? cJSON_PrintUnformatted(doc) : NULL;
	const size_t len = text ? strlen(text) : 0;

	if (!text)
		return no_memory(err);
	if (len > sizeof(ret->text))
		return err_say(
			err, CNI_E_CONFIG, E2BIG,
			"labels of \"%s\": with names and addresses %zu bytes, more than %zu",
			id->container_id, len, sizeof(ret->text));
	*ret = (struct guard_member){ .network = network,
				      .len = (uint32_t)len };
	memcpy(ret->text, text, len);
	return 0;
}

static const char *text_of(const cJSON *doc, const char *key)
{
	const char *text = cJSON_GetStringValue(json_get(doc, key));

	return text ? text : "";
}

static int read_labels(const cJSON *labels, struct policy_member *ret)
{
	const int n = cJSON_GetArraySize(labels);
	const cJSON *v;
	size_t i = 0;

	ret->labels = calloc((size_t)n + 1, sizeof(*ret->labels));
	if (!ret->labels)
		return -ENOMEM;
	cJSON_ArrayForEach(v, labels)
	{
		ret->labels[i++] = (struct policy_label){
			v->string, v->valuestring ? v->valuestring : ""
		};
	}
	ret->endpoint.labels = ret->labels;
	ret->endpoint.n_labels = i;
	return 0;
}

static int read_addrs(const cJSON *addrs, struct policy_member *ret)
{
	const int n = cJSON_GetArraySize(addrs);
	const cJSON *v;
	size_t i = 0;

	ret->addrs = calloc((size_t)n + 1, sizeof(*ret->addrs));
	if (!ret->addrs)
		return -ENOMEM;
	cJSON_ArrayForEach(v, addrs)
	{
		if (cJSON_IsString(v) &&
		    !ip_parse(v->valuestring, &ret->addrs[i]))
			i++;
	}
	ret->endpoint.addrs = ret->addrs;
	ret->endpoint.n_addrs = i;
	return 0;
}

static void free_member(struct policy_member *m)
{
	cJSON_Delete(m->doc);
	free(m->labels);
	free(m->addrs);
}

static int read_member(uint32_t ifindex, const struct guard_member *from,
		       struct policy_member *ret, struct cni_err *err)
{
	cJSON *doc = NULL;
	int r = from->len > sizeof(from->text)
			? err_say(err, CNI_E_INTERNAL, EINVAL, "%u bytes",
				  from->len)
			: json_parse(from->text, from->len, &doc, err);

	if (r < 0)
		return err_ctx(err, r, "guard: who is behind interface %u",
			       ifindex);
	*ret = (struct policy_member){ .ifindex = ifindex,
				       .doc = doc,
				       .container_id =
					       text_of(doc, "containerID"),
				       .ifname = text_of(doc, "ifname") };
	ret->endpoint.space = text_of(doc, "namespace");
	r = read_labels(json_get(doc, "labels"), ret);
	if (!r)
		r = read_addrs(json_get(doc, "addresses"), ret);
	if (!r)
		return 0;
	free_member(ret);
	return no_memory(err);
}

void policy_members_free(struct policy_members *m)
{
	for (size_t i = 0; i < m->n; i++)
		free_member(&m->v[i]);
	free(m->v);
	free(m->endpoints);
	*m = (struct policy_members){ 0 };
}

static int by_ifindex(const void *a, const void *b)
{
	const struct policy_member *x = a, *y = b;

	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

static int list_endpoints(struct policy_members *m, struct cni_err *err)
{
	m->endpoints = calloc(m->n + 1, sizeof(*m->endpoints));
	if (!m->endpoints)
		return no_memory(err);
	if (m->n)
		qsort(m->v, m->n, sizeof(*m->v), by_ifindex);
	for (size_t i = 0; i < m->n; i++)
		m->endpoints[i] = m->v[i].endpoint;
	return 0;
}

static int read_all(const struct guard *g, uint64_t network, struct array *list,
		    struct cni_err *err)
{
	cleanup_free struct guard_member *from = malloc(sizeof(*from));
	const int map = g->map[GUARD_MEMBERS];
	struct policy_member m = { 0 };
	uint32_t key, next;
	int end = bpf_map_next(map, NULL, &next), r = 0;

	if (!from)
		return no_memory(err);
	while (!r && !end) {
		key = next;
		end = bpf_map_next(map, &key, &next);
		r = bpf_map_get(map, &key, from);
		if (r == -ENOENT || (!r && from->network != network)) {
			r = 0;
			continue;
		}
		if (r < 0)
			return err_set(err, CNI_E_KERNEL, -r,
				       "guard: read who is there");
		r = read_member(key, from, &m, err);
		if (r < 0)
			break;
		r = array_append(list, &m, sizeof(m), err);
		if (r < 0)
			free_member(&m);
	}
	if (!r && end != -ENOENT)
		r = err_set(err, CNI_E_KERNEL, -end,
			    "guard: read who is there");
	return r;
}

int policy_members_read(const struct guard *g, uint64_t network,
			struct policy_members *ret, struct cni_err *err)
{
	cleanup_members struct policy_members m = { 0 };
	struct array list = { 0 };
	int r = read_all(g, network, &list, err);

	m.v = list.v;
	m.n = list.n;
	if (!r)
		r = list_endpoints(&m, err);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct policy_members){ 0 };
	return 0;
}
