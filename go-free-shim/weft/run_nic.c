/* SPDX-License-Identifier: Apache-2.0 */
/* One network of a VM: attach, open, put into words, detach. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libcni/cache.h"
#include "weft/run.h"

/* Is the key the attachment's to set? */
static bool is_per_attachment(const cJSON *plugin, const char *key)
{
	const cJSON *k;

	cJSON_ArrayForEach(k, json_get(plugin, "perAttachment"))
	{
		if (cJSON_IsString(k) && !strcmp(k->valuestring, key))
			return true;
	}
	return false;
}

/* What a VM asks of a network that leaves it to the attachment; NULL: it does
 * not. */
static const char *wish(const struct conflist *list)
{
	static const char *const kinds[][2] = { { "bridge-vm", "tap" },
						{ "macvlan-vm", "macvtap" } };
	const cJSON *p;

	cJSON_ArrayForEach(p, list->plugins)
	{
		const char *type = cJSON_GetStringValue(json_get(p, "type"));

		for (size_t i = 0; type && i < sizeof(kinds) / sizeof(*kinds);
		     i++)
			if (!strcmp(type, kinds[i][0]) &&
			    is_per_attachment(p, "attach"))
				return kinds[i][1];
	}
	return NULL;
}

static int ask_for_vm(struct run_nic *nic, struct cni_err *err)
{
	struct runtime *rt = &nic->session.rt;
	const char *kind = wish(&nic->session.list);
	const char *given = rt->args;

	if (!kind || !strncmp(given, "ATTACH=", 7) || strstr(given, ";ATTACH="))
		return 0;
	if (asprintf(&nic->args, "%s%sATTACH=%s", given, *given ? ";" : "",
		     kind) < 0) {
		nic->args = NULL;
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "CNI_ARGS");
	}
	rt->args = nic->args;
	return 0;
}

int run_nic_load(struct run_nic *nic, const struct weft_args *a, size_t nth,
		 const char *netns, struct cni_err *err)
{
	char *const positional[] = { a->positional[nth], (char *)netns };
	struct weft_args mine = *a;
	int r;

	if (a->print && a->n == 1)
		(void)snprintf(nic->ifname, sizeof(nic->ifname), "%s",
			       a->ifname);
	else
		(void)snprintf(nic->ifname, sizeof(nic->ifname), "eth%zu", nth);
	mine.positional = positional;
	mine.n = *netns ? 2 : 1;
	mine.ifname = nic->ifname;
	r = session_open(&nic->session, &mine, err);
	if (!r)
		r = session_name_guest(&nic->session, &mine, err);
	return r ? r : ask_for_vm(nic, err);
}

static int find_device(struct run_nic *nic, struct cni_err *err)
{
	const struct runtime *rt = &nic->session.rt;
	int r = cni_result_parse(nic->result, rt->list->version, &nic->parsed,
				 err);

	if (!r)
		r = run_device_find(&nic->parsed, rt->netns, &nic->device, err);
	if (r < 0)
		return r;
	return r ? 0
		 : err_say(err, CNI_E_CONFIG, ENODEV,
			   "network \"%s\" attaches a container, with nothing "
			   "that a VMM opens: give bridge-vm \"attach\": "
			   "\"tap\" or macvlan-vm \"macvtap\", or list "
			   "\"attach\" in \"perAttachment\", or chain tap-vm",
			   rt->list->name);
}

int run_nic_attach(struct run_nic *nic, struct cni_err *err)
{
	struct cni_err ignored = CNI_ERR_INIT;
	int r = runtime_add(&nic->session.rt, &nic->result, err);

	nic->attached = r != -EEXIST;
	if (!r)
		r = find_device(nic, err);
	if (r < 0)
		(void)run_nic_detach(nic, &ignored);
	return r;
}

int run_nic_recall(struct run_nic *nic, struct cni_err *err)
{
	struct runtime *rt = &nic->session.rt;
	cleanup_cache_entry struct cache_entry e = { 0 };

	if (!cache_load(rt->cache_dir, rt->list->name, rt->container_id,
			rt->ifname, &e) ||
	    !e.result)
		return err_say(err, CNI_E_CONTAINER, ENOENT,
			       "%s of \"%s\" is not attached to network "
			       "\"%s\" (see %s): weft add does it",
			       rt->ifname, rt->container_id, rt->list->name,
			       rt->cache_dir);
	nic->result = cJSON_Duplicate(e.result, true);
	if (!nic->result)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "result");
	(void)snprintf(nic->session.netns, sizeof(nic->session.netns), "%s",
		       e.netns);
	return find_device(nic, err);
}

static int64_t number_or(const cJSON *obj, const char *key, int64_t fallback)
{
	const cJSON *v = json_get(obj, key);

	return cJSON_IsNumber(v) ? (int64_t)v->valuedouble : fallback;
}

size_t run_nic_queues(const struct run_nic *nic)
{
	const char *const keys[] = { "tap", "macvtap" };
	int64_t most = 1;
	const cJSON *p;

	if (!nic->device.multi_queue && !nic->device.is_macvtap)
		return 1;
	cJSON_ArrayForEach(p, nic->session.list.plugins)
	{
		most = number_or(p, "queues", most);
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			most = number_or(json_get(p, keys[i]), "queues", most);
	}
	return most > 0 && most <= WEFT_QUEUES_MAX ? (size_t)most : 1;
}

int run_nic_open(struct run_nic *nic, unsigned int queues, bool wants_fds,
		 bool wants_vhost, struct cni_err *err)
{
	const struct run_device *d = &nic->device;
	const size_t n = queues ? queues : run_nic_queues(nic);
	int r;

	if (n > 1 && !d->multi_queue && !d->is_macvtap)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "network \"%s\": --queues %zu, but tap %s has "
			       "one: set \"queues\" in its configuration",
			       nic->session.rt.list->name, n, d->name);
	nic->fds = calloc(2 * n, sizeof(*nic->fds));
	if (!nic->fds)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "queues");
	if (!wants_fds)
		return 0;
	r = run_device_open(d, nic->session.rt.netns, n, nic->fds, err);
	if (r < 0)
		return r;
	nic->n_fds = n;
	if (wants_vhost && run_vhost_open(n, nic->fds + n))
		nic->n_vhost = n;
	return 0;
}

static char *join_fds(const int *fds, size_t n, char between)
{
	const size_t each = sizeof("-2147483648");
	char *s = calloc(n + 1, each), *p = s;

	for (size_t i = 0; s && i < n; i++) {
		if (i)
			*p++ = between;
		p += snprintf(p, each, "%d", fds[i]);
	}
	return s;
}

/* Those of the guest alone: a shape for another program may repeat them. */
static char *join_ips(const struct run_nic *nic, bool gateways)
{
	const struct cni_result *res = &nic->parsed;
	char *s = calloc(res->n_ips + 1, IP_NET_STR_SIZE), *p = s;

	for (size_t i = 0; s && i < res->n_ips; i++) {
		const struct cni_ip *ip = &res->ips[i];
		const size_t of = (size_t)ip->interface;
		char text[IP_NET_STR_SIZE];

		if (ip->interface >= 0 && of < res->n_interfaces &&
		    res->interfaces[of].sandbox &&
		    strcmp(res->interfaces[of].sandbox,
			   nic->session.rt.netns) != 0)
			continue;
		if (gateways && !ip->gateway.family)
			continue;
		if (p != s)
			*p++ = ',';
		p += snprintf(p, sizeof(text), "%s",
			      gateways ? ip_format(&ip->gateway, text)
				       : ip_net_format(&ip->address, text));
	}
	return s;
}

const char *run_nic_mac(const struct run_nic *nic)
{
	const struct runtime *rt = &nic->session.rt;
	const char *mac = NULL;

	for (size_t i = 0; i < nic->parsed.n_interfaces; i++) {
		const struct cni_interface *f = &nic->parsed.interfaces[i];

		if (f->sandbox && !strcmp(f->sandbox, rt->netns) && f->name &&
		    !strcmp(f->name, rt->ifname))
			mac = f->mac;
	}
	return mac ? mac : "";
}

int run_nic_words(struct run_nic *nic, struct cni_err *err)
{
	const size_t n = nic->n_fds ? nic->n_fds : run_nic_queues(nic);
	char mtu[16], queues[24];
	char **v = nic->words.v;

	(void)snprintf(mtu, sizeof(mtu), "%u", nic->device.mtu);
	(void)snprintf(queues, sizeof(queues), "%zu", n);
	v[RUN_FDS] = join_fds(nic->fds, nic->n_fds, ':');
	v[RUN_FDLIST] = join_fds(nic->fds, nic->n_fds, ',');
	v[RUN_VHOSTFDS] = join_fds(nic->fds + nic->n_fds, nic->n_vhost, ':');
	v[RUN_TAP] = strdup(nic->device.name);
	v[RUN_MAC] = strdup(run_nic_mac(nic));
	v[RUN_IP] = join_ips(nic, false);
	v[RUN_GATEWAY] = join_ips(nic, true);
	v[RUN_MTU] = strdup(mtu);
	v[RUN_QUEUES] = strdup(queues);
	v[RUN_NETNS] = strdup(nic->session.rt.netns);
	for (size_t i = 0; i < RUN_KEYS; i++)
		if (!v[i])
			return err_set(err, CNI_E_INTERNAL, ENOMEM,
				       "command line");
	return 0;
}

void run_nic_close_fds(struct run_nic *nic)
{
	for (size_t i = 0; i < nic->n_fds + nic->n_vhost; i++)
		(void)close(nic->fds[i]);
	nic->n_fds = nic->n_vhost = 0;
}

int run_nic_detach(struct run_nic *nic, struct cni_err *err)
{
	int r;

	if (!nic->attached)
		return 0;
	run_nic_close_fds(nic);
	nic->attached = false;
	r = runtime_del(&nic->session.rt, err);
	return r < 0 ? err_ctx(err, r, "network \"%s\"",
			       nic->session.rt.list->name)
		     : 0;
}

void run_nic_free(struct run_nic *nic)
{
	run_nic_close_fds(nic);
	cni_result_free(&nic->parsed);
	cJSON_Delete(nic->result);
	for (size_t i = 0; i < RUN_KEYS; i++)
		free(nic->words.v[i]);
	free(nic->fds);
	free(nic->args);
	session_close(&nic->session);
}
