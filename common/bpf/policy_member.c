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
		doc && cJSON_AddStringToObject(doc, "network", id->network) &&
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
	struct policy_label *v = calloc((size_t)n + 1, sizeof(*v));
	const cJSON *label;
	size_t i = 0;

	if (!v)
		return -ENOMEM;
	cJSON_ArrayForEach(label, labels)
	{
		v[i++] = (struct policy_label){ label->string,
						label->valuestring
							? label->valuestring
							: "" };
	}
	ret->labels = v;
	ret->endpoint.labels = v;
	ret->endpoint.n_labels = i;
	return 0;
}

static int read_addrs(const cJSON *addrs, struct policy_member *ret)
{
	const int n = cJSON_GetArraySize(addrs);
	struct ip_addr *v = calloc((size_t)n + 1, sizeof(*v));
	const cJSON *addr;
	size_t i = 0;

	if (!v)
		return -ENOMEM;
	cJSON_ArrayForEach(addr, addrs)
	{
		if (cJSON_IsString(addr) && !ip_parse(addr->valuestring, &v[i]))
			i++;
	}
	ret->addrs = v;
	ret->endpoint.addrs = v;
	ret->endpoint.n_addrs = i;
	return 0;
}

void policy_member_free(struct policy_member *m)
{
	cJSON_Delete(m->doc);
	free(m->labels);
	free(m->addrs);
	*m = (struct policy_member){ 0 };
}

/* @ret is freed with the list that it is in. */
static int read_member(uint32_t ifindex, const struct guard_member *from,
		       struct policy_member *ret, struct cni_err *err)
{
	int r = from->len > sizeof(from->text)
			? err_say(err, CNI_E_INTERNAL, EINVAL, "%u bytes",
				  from->len)
			: json_parse(from->text, from->len, &ret->doc, err);

	if (r < 0)
		return err_ctx(err, r, "guard: who is behind interface %u",
			       ifindex);
	ret->ifindex = ifindex;
	ret->network = text_of(ret->doc, "network");
	ret->container_id = text_of(ret->doc, "containerID");
	ret->ifname = text_of(ret->doc, "ifname");
	ret->endpoint.space = text_of(ret->doc, "namespace");
	r = read_labels(json_get(ret->doc, "labels"), ret);
	if (!r)
		r = read_addrs(json_get(ret->doc, "addresses"), ret);
	return r ? no_memory(err) : 0;
}

void policy_members_free(struct policy_members *m)
{
	for (size_t i = 0; i < m->n; i++)
		policy_member_free(&m->v[i]);
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

static int say_unread(int r, struct cni_err *err)
{
	return err_set(err, CNI_E_KERNEL, -r, "guard: read who is there");
}

/* Return: 1 if it is one of the network, 0 or a negative errno */
static int is_of(const struct guard *g, uint64_t network, uint32_t ifindex,
		 struct guard_member *buf, struct cni_err *err)
{
	const int r = bpf_map_get(g->map[GUARD_MEMBERS], &ifindex, buf);

	if (r < 0)
		return r == -ENOENT ? 0 : say_unread(r, err);
	return buf->network == network;
}

static int list_ports(const struct guard *g, uint64_t network,
		      struct guard_member *buf, struct array *ret,
		      struct cni_err *err)
{
	const int map = g->map[GUARD_MEMBERS];
	uint32_t key, next;
	int end = bpf_map_next(map, NULL, &next), r = 0;

	while (r >= 0 && !end) {
		key = next;
		end = bpf_map_next(map, &key, &next);
		r = is_of(g, network, key, buf, err);
		if (r > 0)
			r = array_append(ret, &key, sizeof(key), err);
	}
	if (r < 0)
		return r;
	return end == -ENOENT ? 0 : say_unread(end, err);
}

static int read_all(const struct guard *g, uint64_t network,
		    const struct array *ports, struct guard_member *buf,
		    struct policy_members *ret, struct cni_err *err)
{
	const uint32_t *port = ports->v;
	int r = 0;

	ret->v = calloc(ports->n + 1, sizeof(*ret->v));
	if (!ret->v)
		return no_memory(err);
	for (size_t i = 0; r >= 0 && i < ports->n; i++) {
		r = is_of(g, network, port[i], buf, err);
		if (r > 0)
			r = read_member(port[i], buf, &ret->v[ret->n++], err);
	}
	return r < 0 ? r : list_endpoints(ret, err);
}

int policy_member_read(const struct guard *g, uint32_t ifindex,
		       struct policy_member *ret, struct cni_err *err)
{
	cleanup_free struct guard_member *buf = malloc(sizeof(*buf));
	int r;

	*ret = (struct policy_member){ 0 };
	if (!buf)
		return no_memory(err);
	r = bpf_map_get(g->map[GUARD_MEMBERS], &ifindex, buf);
	if (r < 0)
		return r == -ENOENT ? 0 : say_unread(r, err);
	r = read_member(ifindex, buf, ret, err);
	return r ? r : 1;
}

int policy_members_read(const struct guard *g, uint64_t network,
			struct policy_members *ret, struct cni_err *err)
{
	cleanup_free struct guard_member *buf = malloc(sizeof(*buf));
	cleanup_members struct policy_members m = { 0 };
	struct array ports = { 0 };
	int r = buf ? list_ports(g, network, buf, &ports, err) : no_memory(err);

	if (!r)
		r = read_all(g, network, &ports, buf, &m, err);
	free(ports.v);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct policy_members){ 0 };
	return 0;
}
