/* SPDX-License-Identifier: Apache-2.0 */
/* weft doctor: the configured networks, their plugins and lease directories. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "libcni/conflist.h"
#include "weft/doctor.h"
#include "weft/weft.h"

enum { HELP = 1024 };

static void add_type(struct doctor *d, const char *type)
{
	const cJSON *v;

	if (!type || !*type)
		return;
	cJSON_ArrayForEach(v,
			   d->types) if (!strcmp(v->valuestring, type)) return;
	d->failed |= json_add_str(d->types, NULL, type) < 0;
}

static void add_net(struct doctor *d, const char *network,
		    const struct facts *facts)
{
	struct doctor_net *more =
		reallocarray(d->nets, d->n_nets + 1, sizeof(*more));

	d->failed |= !more;
	if (!more)
		return;
	d->nets = more;
	more += d->n_nets++;
	(void)snprintf(more->network, sizeof(more->network), "%s", network);
	more->facts = *facts;
}

static int take_network(struct conflist *c, void *arg)
{
	struct doctor *d = arg;
	const cJSON *p;

	cJSON_ArrayForEach(p, c->plugins)
	{
		struct cni_err err = CNI_ERR_INIT;
		struct facts facts = { 0 };
		const cJSON *ipam = json_get(p, "ipam");
		int r;

		add_type(d, cJSON_GetStringValue(json_get(p, "type")));
		add_type(d, cJSON_GetStringValue(json_get(ipam, "type")));
		r = kind_facts(p, c->name, c->version, &facts, &err);
		if (r > 0)
			add_net(d, c->name, &facts);
		if (r < 0)
			doctor_say(
				d,
				&(struct doctor_finding){
					"configuration", DOCTOR_ERROR,
					"every ADD to this network fails with this very error",
					"weft lint \"${NETCONFPATH:-/etc/cni/net.d}\"/*.conf*" },
				"network \"%s\": %s", c->name, err.msg);
	}
	return 0;
}

static void check_overlap(struct doctor *d, const struct doctor_net *a,
			  const struct doctor_net *b)
{
	char x[IP_NET_STR_SIZE], y[IP_NET_STR_SIZE];

	if (!strcmp(a->network, b->network))
		return;
	for (size_t i = 0; i < a->facts.n; i++)
		for (size_t k = 0; k < b->facts.n; k++) {
			if (!ip_net_overlaps(&a->facts.subnets[i],
					     &b->facts.subnets[k]))
				continue;
			doctor_say(
				d,
				&(struct doctor_finding){
					"subnets-overlap", DOCTOR_WARNING,
					"each network keeps leases of its own, so two guests may get one address, and the host has two routes",
					"weft lint \"${NETCONFPATH:-/etc/cni/net.d}\"/*.conf*" },
				"subnet %s of network \"%s\" overlaps with %s of \"%s\"",
				ip_net_format(&a->facts.subnets[i], x),
				a->network,
				ip_net_format(&b->facts.subnets[k], y),
				b->network);
			return;
		}
}

static bool in_path(const char *path, const char *name)
{
	char file[WEFT_PATH_SIZE];

	while (*path) {
		const size_t n = strcspn(path, ":");

		if ((size_t)snprintf(file, sizeof(file), "%.*s/%s", (int)n,
				     path, name) < sizeof(file) &&
		    !access(file, X_OK))
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

static void check_binaries(struct doctor *d)
{
	char buf[WEFT_PATH_SIZE], help[HELP];
	const char *path = weft_plugin_path(buf);
	const cJSON *v;

	if (!d->types->child)
		add_type(d, "bridge-vm");
	(void)snprintf(help, sizeof(help), "make install BINDIR=%.*s",
		       (int)strcspn(path, ":"), path);
	cJSON_ArrayForEach(v, d->types)
	{
		const struct kind *k = kind_find(v->valuestring);

		if (in_path(path, v->valuestring))
			continue;
		doctor_say(
			d,
			&(struct doctor_finding){
				"no-plugin", DOCTOR_ERROR,
				"engines look there alone; no guest can be attached",
				k && k->read
					? help
					: "apt install containernetworking-plugins" },
			"plugin \"%s\" is not in CNI_PATH, %s", v->valuestring,
			path);
	}
}

/* The directory itself, or the nearest above it that exists. */
static void existing(const char *path, char *buf, size_t size)
{
	struct stat st;
	char *slash;

	(void)snprintf(buf, size, "%s", path);
	while (stat(buf, &st) && (slash = strrchr(buf, '/'))) {
		if (slash == buf)
			slash++;
		*slash = '\0';
		if (!strcmp(buf, "/"))
			break;
	}
}

/* Return: 0, or a negative errno: a lease cannot be made there */
static int try_link(const char *dir)
{
	char one[FACTS_PATH + 32], two[FACTS_PATH + 40];
	int fd, r;

	(void)snprintf(one, sizeof(one), "%s/.weft-doctor-XXXXXX", dir);
	fd = mkstemp(one);
	if (fd < 0)
		return -errno;
	(void)close(fd);
	(void)snprintf(two, sizeof(two), "%s.link", one);
	r = link(one, two) ? -errno : 0;
	if (!r)
		(void)unlink(two);
	(void)unlink(one);
	return r;
}

static void check_leases(struct doctor *d, const char *data_dir)
{
	char dir[FACTS_PATH], help[HELP];
	int r;

	existing(data_dir, dir, sizeof(dir));
	r = try_link(dir);
	if (r >= 0)
		return;
	(void)snprintf(
		help, sizeof(help),
		"mkdir -p %s && mount -t tmpfs -o mode=755 leases %s   # or \"dataDir\" on a local file system",
		data_dir, data_dir);
	doctor_say(
		d,
		&(struct doctor_finding){
			"lease-directory", DOCTOR_ERROR,
			"a lease is a file that is linked into its place, so that two ADDs never get one address; no guest can get an address",
			help },
		"the lease directory %s: no hard link can be made in %s: %s",
		data_dir, dir, strerror(-r));
}

void doctor_look_at_configuration(struct doctor *d)
{
	struct cni_err err = CNI_ERR_INIT;

	if (conflist_each(weft_conf_dir(), take_network, d, &err) < 0)
		doctor_say(d,
			   &(struct doctor_finding){
				   "configuration", DOCTOR_ERROR,
				   "engines look there for networks",
				   "mkdir -p /etc/cni/net.d" },
			   "%s", err.msg);
	for (size_t i = 0; i < d->n_nets; i++)
		for (size_t k = 0; k < i; k++)
			check_overlap(d, &d->nets[i], &d->nets[k]);
	check_binaries(d);
	for (size_t i = 0; i < d->n_nets; i++) {
		const char *dir = d->nets[i].facts.data_dir;
		bool again = !*dir;

		for (size_t k = 0; k < i; k++)
			again |= !strcmp(d->nets[k].facts.data_dir, dir);
		if (!again)
			check_leases(d, dir);
	}
}
