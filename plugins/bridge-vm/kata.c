/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge-vm/kata.h"

#include <errno.h>
#include <string.h>

#include "guest/check.h"
#include "net/link.h"

/* What the file says of a guest. */
struct told {
	const char *mac;
	uint32_t mtu;
	const struct cni_result *l3;
};

static int add_number(cJSON *to, const char *key, uint32_t n)
{
	return json_add(to, key, cJSON_CreateNumber(n));
}

/* Kata takes a key for what it is not told of only where it has a default, and
 * "" for what there is none of. */
static int add_string(cJSON *to, const char *key, const char *s)
{
	return json_add(to, key, cJSON_CreateString(s));
}

static int add_array(cJSON *to, const char *key, cJSON **ret)
{
	*ret = cJSON_CreateArray();
	return json_add(to, key, *ret);
}

static int add_object(cJSON *to, const char *key, cJSON **ret)
{
	*ret = cJSON_CreateObject();
	return json_add(to, key, *ret);
}

static int add_tap(const struct job *j, cJSON *device)
{
	cJSON *tap;
	int r = add_object(device, "device", &tap);

	if (!r)
		r = add_string(tap, "type", "host-tap");
	if (!r)
		r = add_string(tap, "tap_name", j->port_name);
	/* Pairs. Over one Kata opens it as the multi-queue tap that it is. */
	if (!r)
		r = add_number(tap, "queue_num", (uint32_t)j->conf.tap.queues);
	return r ? r : add_number(tap, "queue_size", 0);
}

static int add_interface(const struct told *t, cJSON *info)
{
	char text[IP_NET_STR_SIZE];
	cJSON *iface, *ips;
	int r = add_object(info, "interface", &iface);

	if (!r)
		r = add_array(iface, "ip_addresses", &ips);
	for (size_t i = 0; !r && i < t->l3->n_ips; i++)
		r = add_string(ips, NULL,
			       ip_net_format(&t->l3->ips[i].address, text));
	if (!r)
		r = add_number(iface, "mtu", t->mtu);
	if (!r)
		r = add_string(iface, "ntype", "tuntap");
	return r ? r : add_number(iface, "flags", 0);
}

static int add_route(const struct route *k, cJSON *routes)
{
	char dst[IP_NET_STR_SIZE], gw[IP_STR_SIZE] = "";
	cJSON *route;
	int r = add_object(routes, NULL, &route);

	if (k->gw.family)
		(void)ip_format(&k->gw, gw);
	if (!r)
		r = add_string(route, "dest", ip_net_format(&k->dst, dst));
	if (!r)
		r = add_string(route, "gateway", gw);
	if (!r)
		r = add_string(route, "source", "");
	if (!r)
		r = add_number(route, "scope",
			       k->scope < 0 ? 0 : (uint32_t)k->scope);
	if (!r)
		r = add_number(route, "flags", 0);
	return r || !k->mtu ? r : add_number(route, "mtu", k->mtu);
}

static int add_info(const struct told *t, cJSON *device)
{
	cJSON *info, *list;
	int r = add_object(device, "network_info", &info);

	if (!r)
		r = add_interface(t, info);
	if (!r)
		r = add_array(info, "routes", &list);
	for (size_t i = 0; !r && i < t->l3->n_routes; i++) {
		const struct route k = guest_route(t->l3, &t->l3->routes[i], 0);

		r = add_route(&k, list);
	}
	return r ? r : add_array(info, "neighbors", &list);
}

static int build(const struct job *j, const struct told *t, cJSON **ret,
		 struct cni_err *err)
{
	cleanup_json cJSON *device = cJSON_CreateObject();
	int r = add_string(device, "name", j->attachment.ifname);

	if (!r)
		r = add_string(device, "guest_mac", t->mac);
	if (!r)
		r = add_tap(j, device);
	if (!r)
		r = add_info(t, device);
	if (!r)
		r = add_string(device, DAN_MARK, j->alias);
	if (r < 0)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "kataDan");
	*ret = TAKE_PTR(device);
	return 0;
}

/* Other tables would be the guest's main one. */
static int check_tables(const struct cni_result *l3, struct cni_err *err)
{
	char text[IP_NET_STR_SIZE];

	for (size_t i = 0; i < l3->n_routes; i++) {
		const struct cni_route *k = &l3->routes[i];

		if (k->table > 0 && k->table != ROUTE_TABLE_MAIN)
			return err_say(
				err, CNI_E_FIELD, EOPNOTSUPP,
				"kataDan: route to %s: table %lld: Kata knows the main one only",
				ip_net_format(&k->dst, text),
				(long long)k->table);
	}
	return 0;
}

static int undo_tell(void *arg, struct cni_err *err)
{
	const struct job *j = arg;

	return dan_drop(j->conf.kata_dan_dir, j->attachment.container_id,
			j->alias, err);
}

int kata_tell(struct job *j, const struct cni_result *res, struct cni_err *err)
{
	/* Earlier plugins' addresses are other interfaces'. */
	const struct cni_result l3 = { .ips = j->ipam.ips,
				       .n_ips = j->ipam.n_ips,
				       .routes = res->routes,
				       .n_routes = res->n_routes };
	struct told t = { .mac = j->guest_mac_text, .l3 = &l3 };
	cleanup_json cJSON *device = NULL;
	struct link_info tap = { 0 };
	int r;

	if (!j->conf.kata_dan || !job_is_vm(j))
		return 0;
	r = check_tables(&l3, err);
	if (!r)
		r = link_get(j->host, j->port_name, &tap, err);
	if (r < 0)
		return r;
	t.mtu = tap.mtu;
	r = build(j, &t, &device, err);
	if (r < 0)
		return r;
	undo_push(&j->undo, undo_tell, j);
	return dan_put(j->conf.kata_dan_dir, j->attachment.container_id, device,
		       err);
}

static int compare(const struct job *j, const cJSON *have, const cJSON *want,
		   struct cni_err *err)
{
	const cJSON *child;
	char is[256], was[256];

	cJSON_ArrayForEach(child, want)
	{
		const cJSON *other =
			cJSON_GetObjectItemCaseSensitive(have, child->string);

		if (!cJSON_Compare(other, child, true))
			return damaged(
				err,
				"kataDan: %s/%s.json: \"%s\" of %s is %s, not %s",
				j->conf.kata_dan_dir,
				j->attachment.container_id, child->string,
				j->attachment.ifname,
				json_text(other, is, sizeof(is)),
				json_text(child, was, sizeof(was)));
	}
	return 0;
}

int kata_check(const struct job *j, const struct cni_result *prev,
	       const struct cni_interface *guest, struct cni_err *err)
{
	struct told t = { .mac = guest->mac ? guest->mac : j->guest_mac_text,
			  .l3 = prev };
	cleanup_json cJSON *have = NULL, *want = NULL;
	struct link_info tap = { 0 };
	int r;

	if (!j->conf.kata_dan || !job_is_vm(j))
		return 0;
	r = link_get(j->host, j->port_name, &tap, err);
	if (r < 0)
		return r;
	t.mtu = tap.mtu;
	r = build(j, &t, &want, err);
	if (!r)
		r = dan_get(j->conf.kata_dan_dir, j->attachment.container_id,
			    j->alias, &have, err);
	if (r == -ENOENT || r == -EBADMSG)
		err->code = CNI_E_CHECK;
	return r ? r : compare(j, have, want, err);
}

/* Who may not look there, as without privileges in a user namespace, has not
 * written there either. */
static bool is_out_of_reach(int r, bool kata_dan)
{
	return r == -EACCES && !kata_dan;
}

int kata_collect(const struct bridge_vm_conf *conf, dan_match_fn *match,
		 void *arg, struct cni_err *err)
{
	const char *dir = conf->kata_dan_dir;
	struct cni_err e = CNI_ERR_INIT;
	int r = dan_collect(DAN_DIR, match, arg, err);

	if (is_out_of_reach(r, conf->kata_dan))
		r = 0;
	if (strcmp(dir, DAN_DIR) != 0)
		r = err_keep_first(err, &e, dan_collect(dir, match, arg, &e),
				   r);
	return r;
}

int kata_forget(const struct cni_call *call, struct cni_err *err)
{
	const struct cni_attachment a = cni_attachment_of(call);
	const cJSON *dir = json_get(call->conf.doc, "kataDanDir");
	char mark[CNI_LINK_ALIAS_SIZE];
	struct cni_err e = CNI_ERR_INIT;
	int r;

	cni_attachment_alias(&a, BRIDGE_VM_ROLE, mark);
	r = dan_drop(DAN_DIR, a.container_id, mark, err);
	if (is_out_of_reach(r,
			    cJSON_IsTrue(json_get(call->conf.doc, "kataDan"))))
		r = 0;
	if (cJSON_IsString(dir) && *dir->valuestring == '/' &&
	    strcmp(dir->valuestring, DAN_DIR) != 0)
		r = err_keep_first(
			err, &e,
			dan_drop(dir->valuestring, a.container_id, mark, &e),
			r);
	return r;
}
