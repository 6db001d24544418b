/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "ipam-host-local/alloc.h"
#include "ipam-host-local/index.h"
#include "ipam-host-local/ipam.h"
#include "ipam-host-local/resolv.h"
#include "ipam-host-local/sticky.h"

static int report(const struct alloc *a, struct cni_result *ret,
		  struct cni_err *err)
{
	const struct ipam_conf *c = a->conf;
	int r = 0;

	for (size_t i = 0; !r && i < c->n_sets; i++) {
		const struct ip_addr *addr = &a->slots[i].addr;
		const struct range *range = range_set_find(&c->sets[i], addr);
		const struct cni_ip ip = {
			.address = { *addr, range ? range->subnet.plen : 0 },
			.gateway =
				range ? range->gateway : (struct ip_addr){ 0 },
			.interface = -1,
		};

		r = cni_result_add_ip(ret, &ip);
	}
	for (size_t i = 0; !r && i < c->n_routes; i++)
		r = cni_result_add_route(ret, &c->routes[i]);
	return r < 0 ? err_set(err, CNI_E_INTERNAL, -r, "result") : 0;
}

static int add(const struct cni_call *call, struct cni_result *ret,
	       struct cni_err *err)
{
	const struct cni_attachment who = cni_attachment_of(call);
	cleanup_ipam_conf struct ipam_conf conf = { 0 };
	cleanup_store struct store store = STORE_INIT;
	cleanup_held struct held held = { 0 };
	struct cni_attachment whose = who;
	cleanup_alloc struct alloc alloc = {
		.conf = &conf, .store = &store, .who = &whose, .held = &held
	};
	struct cni_err ignored = CNI_ERR_INIT;
	struct cni_key key = { .name = "" };
	struct sticky sticky = { .holder = "" };
	int r;

	r = ipam_conf_parse(call, &conf, err);
	if (!r)
		r = cni_key_parse(call, &key, err);
	if (!r && *conf.resolv_conf)
		r = resolv_read(conf.resolv_conf, &ret->dns, err);
	if (!r)
		r = store_make(conf.data_dir, who.network, &store, err);
	if (!r)
		r = store_lock(&store, err);
	if (!r && *key.name)
		r = sticky_attach(&store, &who, &key, &sticky, err);
	if (*sticky.holder)
		whose.container_id = sticky.holder;
	if (!r)
		r = held_find(&store, &whose, &held, err);
	if (!r)
		r = alloc_plan(&alloc, err);
	if (!r)
		r = alloc_publish(&alloc, err);
	if (!r)
		r = report(&alloc, ret, err);
	if (r < 0 && sticky.anew) {
		alloc_free(&alloc);
		(void)sticky_detach(&store, &who, &key, &ignored);
	}
	if (r < 0)
		return err_ctx(err, r, "network %s", who.network);

	/* A rollback leaves to the key what is the key's. */
	ret->adopted = alloc_keep(&alloc) && !sticky.anew;
	store_settle(&store);
	return 0;
}

static int detach(struct store *s, const struct cni_call *call,
		  const struct cni_attachment *who, struct cni_err *err)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct cni_key key = { .name = "" };

	/* One that ADD would refuse has nothing. */
	if (cni_key_parse(call, &key, &ignored) < 0 || !*key.name)
		return 0;
	return sticky_detach(s, who, &key, err);
}

static int release(struct store *s, const struct cni_attachment *who,
		   struct cni_err *err)
{
	const struct cni_attachment container = { who->network,
						  who->container_id, "" };
	const struct ip_list none = { 0 };
	cleanup_held struct held held = { 0 };
	struct cni_err e = CNI_ERR_INIT;
	const struct ip_list *leases;
	int acc;

	acc = held_find(s, who, &held, err);
	leases = held.own.n ? &held.own : &held.legacy;
	for (size_t i = 0; i < leases->n; i++) {
		const int r = store_remove(s, &leases->v[i], &e);

		acc = err_keep_first(err, &e, r, acc);
	}
	if (!acc)
		index_write(s, who, &none);
	if (!acc && leases == &held.legacy)
		index_write(s, &container, &none);
	store_unstage(s); /* an ADD may have been killed */
	return acc;
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	const struct cni_attachment who = cni_attachment_of(call);
	cleanup_store struct store store = STORE_INIT;
	const char *data_dir = NULL;
	int r;

	r = ipam_conf_data_dir(&call->conf, &data_dir, err);
	if (!r) {
		r = store_open(data_dir, who.network, &store, err);
		if (!r)
			return 0;
	}
	if (r > 0)
		r = store_lock(&store, err);
	if (!r)
		r = detach(&store, call, &who, err);
	if (!r)
		r = release(&store, &who, err);
	if (r >= 0)
		store_settle(&store);
	return r < 0 ? err_ctx(err, r, "network %s", who.network) : 0;
}

/* Later plugins may have added addresses: only those of our ranges count. */
static int check_result(const struct cni_call *call,
			const struct ipam_conf *conf, const struct held *held,
			struct cni_err *err)
{
	cleanup_result struct cni_result prev = { 0 };
	char ip[IP_STR_SIZE];
	int r = cni_result_prev(call->conf.prev_result, call->conf.version,
				&prev, err);

	for (size_t i = 0; r > 0 && i < prev.n_ips; i++) {
		const struct ip_addr *a = &prev.ips[i].address.addr;

		for (size_t k = 0; k < conf->n_sets; k++)
			if (range_set_find(&conf->sets[k], a) &&
			    !ip_list_has(&held->own, a) &&
			    !ip_list_has(&held->legacy, a))
				return err_say(err, CNI_E_CHECK, ENOENT,
					       "%s is not allocated to %s",
					       ip_format(a, ip),
					       call->args.container_id);
	}
	return r < 0 ? r : 0;
}

/* Who waits for a VM to come has the leases of where it still is. */
static int find_awaited(struct store *s, const struct cni_call *call,
			const struct cni_attachment *who, struct held *ret,
			struct cni_err *err)
{
	struct cni_attachment holder = *who;
	char id[STICKY_ID_SIZE];
	struct cni_key key;
	int r = cni_key_parse(call, &key, err);

	if (!r && *key.name)
		r = sticky_holder(s, who, &key, id, err);
	if (r <= 0)
		return r;
	holder.container_id = id;
	return held_find(s, &holder, ret, err);
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	const struct cni_attachment who = cni_attachment_of(call);
	cleanup_ipam_conf struct ipam_conf conf = { 0 };
	cleanup_store struct store store = STORE_INIT;
	cleanup_held struct held held = { 0 };
	int r;

	r = ipam_conf_parse(call, &conf, err);
	if (!r)
		r = store_open(conf.data_dir, who.network, &store, err);
	if (r > 0) {
		r = store_lock(&store, err);
		if (!r)
			r = held_find(&store, &who, &held, err);
	}
	if (!r && !held.own.n && !held.legacy.n)
		r = find_awaited(&store, call, &who, &held, err);
	if (!r && !held.own.n && !held.legacy.n)
		r = err_say(
			err, CNI_E_CHECK, ENOENT,
			"host-local: Failed to find address added by container %s",
			who.container_id);
	if (!r)
		r = check_result(call, &conf, &held, err);
	if (!r)
		store_settle(&store);
	return r < 0 ? err_ctx(err, r, "network %s", who.network) : 0;
}

static bool is_stale(const struct lease *l, const struct cni_attachments *valid)
{
	return (l->kind == LEASE_FULL &&
		!cni_attachments_has(valid, l->container_id, l->ifname)) ||
	       (l->kind == LEASE_LEGACY &&
		!cni_attachments_has(valid, l->container_id, NULL));
}

static int sweep(const struct store *s, const struct cni_attachments *valid,
		 struct cni_err *err)
{
	cleanup_ip_list struct ip_list all = { 0 };
	struct cni_err e = CNI_ERR_INIT;
	struct lease lease;
	int acc;

	acc = store_list(s, &all, err);
	for (size_t i = 0; i < all.n; i++) {
		int r = store_read(s, &all.v[i], &lease, &e);

		if (r > 0 && is_stale(&lease, valid))
			r = store_remove(s, &all.v[i], &e);
		acc = err_keep_first(err, &e, r, acc);
	}
	return acc;
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	cleanup_store struct store store = STORE_INIT;
	cleanup_attachments struct cni_attachments valid = { 0 };
	const char *network = call->conf.name, *data_dir = NULL;
	int r;

	r = ipam_conf_data_dir(&call->conf, &data_dir, err);
	if (!r)
		r = cni_attachments_parse(call->conf.attachments, &valid, err);
	if (!r) {
		r = store_open(data_dir, network, &store, err);
		if (!r)
			return 0;
	}
	if (r > 0)
		r = store_lock(&store, err);
	if (!r)
		r = sticky_inherit(&store, network, &valid, err);
	if (!r) {
		r = sweep(&store, &valid, err);
		index_sweep(&store, network, &valid);
		sticky_sweep(&store, &valid);
		if (!r)
			store_settle(&store);
	}
	return r < 0 ? err_ctx(err, r, "network %s", network) : 0;
}

/* Ranges that only the runtime knows are not in a STATUS request. */
static bool has_runtime_ranges(const struct cni_netconf *c)
{
	const cJSON *caps = json_get(c->doc, "capabilities");

	return cJSON_IsTrue(json_get(caps, "ipRanges"));
}

static int check_room(const struct ipam_conf *conf, const char *network,
		      struct store *s, struct cni_err *err)
{
	const struct cni_attachment nobody = { network, "", "" };
	cleanup_held struct held held = { 0 };
	struct ip_addr a;
	int r;

	r = store_list(s, &held.taken, err);
	for (size_t i = 0; !r && i < conf->n_sets; i++) {
		if (range_set_pick(&conf->sets[i], NULL, &held.taken, &a))
			continue;
		/* Perhaps a power cut left some of them. */
		if (!held.scanned)
			r = held_scan(s, &nobody, &held, err);
		if (!r &&
		    !range_set_pick(&conf->sets[i], NULL, &held.taken, &a))
			r = range_set_exhausted(&conf->sets[i], &held.taken,
						err);
	}
	return r;
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	cleanup_ipam_conf struct ipam_conf conf = { 0 };
	cleanup_store struct store store = STORE_INIT;
	int r;

	r = ipam_conf_parse(call, &conf, err);
	if (r == -ENODATA && has_runtime_ranges(&call->conf))
		return 0;
	if (!r)
		r = store_make(conf.data_dir, call->conf.name, &store, err);
	if (!r && !store_is_writable(&store))
		r = err_set(err, CNI_E_IO, EACCES, "write to %s",
			    conf.data_dir);
	if (!r)
		r = store_lock(&store, err);
	if (!r)
		r = check_room(&conf, call->conf.name, &store, err);
	return r < 0 ? err_ctx(err, r, "network %s", call->conf.name) : 0;
}

const struct cni_plugin ipam_host_local = {
	.name = "ipam-host-local",
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};
