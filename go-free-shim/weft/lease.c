/* SPDX-License-Identifier: Apache-2.0 */
/* lease.c - what VMs keep by their allocationKey. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cni/args.h"
#include "cni/exec.h"
#include "cni/key.h"
#include "weft/leases.h"
#include "weft/show.h"
#include "weft/table.h"
#include "weft/weft.h"

#define IPAM "ipam-host-local"

static const char *key_of(const struct lease *l)
{
	const size_t n = strlen(CNI_KEY_HOLDER);

	return strncmp(l->container_id, CNI_KEY_HOLDER, n)
		       ? NULL
		       : l->container_id + n;
}

/* The leases of one holder, from @first on. */
static int describe(cJSON *list, const char *key, const struct lease *first,
		    size_t n, const char *container_id)
{
	cJSON *obj = cJSON_CreateObject(), *addresses;
	int r = json_add(list, NULL, obj);

	if (r < 0)
		return r;
	r = show_str(obj, "key", key);
	r |= show_str(obj, "ifname", first->ifname);
	addresses = cJSON_CreateArray();
	r |= json_add(obj, "addresses", addresses);
	for (size_t i = 0; !r && i < n; i++)
		r = show_net(addresses, &first[i].address, -1);
	return r | show_str(obj, "containerID", container_id);
}

static int describe_all(cJSON *list, const struct leases *l,
			const struct lease_keys *keys)
{
	const struct lease *first;
	size_t n;
	int r = 0;

	for (size_t i = 0; !r && i < keys->n; i++) {
		const struct lease_key *k = &keys->v[i];

		first = leases_of(l, k->container_id, k->ifname, &n);
		if (n)
			r = describe(list, k->name, first, n, k->container_id);
	}
	for (size_t i = 0; !r && i < l->n; i += n) {
		first = leases_of(l, l->v[i].container_id, l->v[i].ifname, &n);
		if (key_of(first))
			r = describe(list, key_of(first), first, n, NULL);
	}
	return r;
}

static int print(const cJSON *list, struct cni_err *err)
{
	static const char *const head[] = { "KEY", "INTERFACE", "ADDRESSES",
					    "CONTAINER" };
	cleanup_table struct table t = { .columns = sizeof(head) /
						    sizeof(head[0]) };
	const cJSON *k;

	for (size_t i = 0; i < t.columns; i++)
		table_cell(&t, head[i]);
	cJSON_ArrayForEach(k, list)
	{
		show_cell(&t, k, "key");
		show_cell(&t, k, "ifname");
		show_list_cell(&t, k, "addresses");
		show_cell(&t, k, "containerID");
	}
	return show_table(&t, err);
}

static int ls(const struct weft_args *a, const struct leases *l,
	      const struct lease_keys *keys, struct cni_err *err)
{
	cleanup_json cJSON *list = cJSON_CreateArray();

	if (!list || describe_all(list, l, keys) < 0)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "list keys");
	return a->json ? show_json(list, err) : print(list, err);
}

/* By the plugin itself, under its lock. */
static int free_lease(const char *network, const struct lease *l,
		      struct cni_err *err)
{
	cleanup_exec_result struct cni_exec_result x = { 0 };
	cleanup_json cJSON *doc = cJSON_CreateObject();
	cleanup_free char *dir = leases_data_dir(network), *text = NULL;
	cJSON *ipam = cJSON_CreateObject();
	char program[PATH_MAX], path[WEFT_PATH_SIZE];
	char id[NAME_MAX + 32], ifname[64];
	const char *vars[] = { "CNI_COMMAND=DEL", id, ifname, NULL };
	int r;

	(void)snprintf(id, sizeof(id), "CNI_CONTAINERID=%s", l->container_id);
	(void)snprintf(ifname, sizeof(ifname), "CNI_IFNAME=%s", l->ifname);
	r = json_add(doc, "ipam", ipam);
	if (!r)
		r = json_add_str(ipam, "type", IPAM) |
		    json_add_str(ipam, "dataDir", dir) |
		    json_add_str(doc, "cniVersion", "1.1.0") |
		    json_add_str(doc, "name", network) |
		    json_add_str(doc, "type", IPAM);
	text = r < 0 ? NULL : json_print(doc);
	if (!text)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "release");
	r = cni_exec_find(weft_plugin_path(path), IPAM, program,
			  sizeof(program), err);
	if (!r)
		r = cni_exec(&(struct cni_exec){ .program = program,
						 .vars = vars,
						 .text = text,
						 .len = strlen(text) },
			     &x, err);
	if (!r && (x.signal || x.exit_status))
		r = cni_exec_error(IPAM, &x, err);
	return r;
}

static int check_free(const char *key, const struct leases *l,
		      const struct lease_keys *keys, struct cni_err *err)
{
	size_t n;

	for (size_t i = 0; i < keys->n; i++) {
		const struct lease_key *k = &keys->v[i];

		(void)leases_of(l, k->container_id, k->ifname, &n);
		if (n && !strcmp(k->name, key))
			return err_say(
				err, CNI_E_TAKEN, EBUSY,
				"key \"%s\": container %s, interface %s, has it",
				key, k->container_id, k->ifname);
	}
	return 0;
}

static int release(const char *network, const char *key, const struct leases *l,
		   const struct lease_keys *keys, struct cni_err *err)
{
	char text[IP_STR_SIZE];
	size_t freed = 0;
	int r = check_free(key, l, keys, err);

	for (size_t i = 0; !r && i < l->n; i++) {
		if (!key_of(&l->v[i]) || strcmp(key_of(&l->v[i]), key) != 0)
			continue;
		r = free_lease(network, &l->v[i], err);
		if (!r)
			(void)printf("%s\n", ip_format(&l->v[i].address, text));
		freed++;
	}
	if (r < 0 || freed)
		return r;
	return err_say(err, CNI_E_ENV, ENOENT,
		       "key \"%s\" of network \"%s\": nothing is kept", key,
		       network);
}

int weft_lease(const struct weft_args *a, struct cni_err *err)
{
	cleanup_leases struct leases l = { 0 };
	cleanup_lease_keys struct lease_keys keys = { 0 };
	const char *verb = a->positional[0], *network = a->positional[1];
	const bool is_ls = !strcmp(verb, "ls") && a->n == 2;
	int r;

	if (!is_ls && (strcmp(verb, "release") != 0 || a->n != 3))
		return err_say(
			err, CNI_E_ENV, EINVAL,
			"lease %s: not \"lease ls NETWORK\" nor \"lease release NETWORK KEY\"",
			verb);
	if (!cni_name_is_valid(network))
		return err_say(err, CNI_E_ENV, EINVAL,
			       "network \"%s\": invalid characters", network);
	r = leases_read(network, &l, err);
	if (!r)
		r = leases_read_keys(network, &keys, err);
	if (r < 0)
		return r;
	return is_ls ? ls(a, &l, &keys, err)
		     : release(network, a->positional[2], &l, &keys, err);
}
