/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/leases.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/ip.h"
#include "libcni/conflist.h"
#include "weft/weft.h"

#define DATA_DIR "/var/lib/cni/networks"

char *leases_data_dir(const char *network)
{
	cleanup_conflist struct conflist list = { 0 };
	struct cni_err ignored = CNI_ERR_INIT;
	const char *data_dir = DATA_DIR;
	const cJSON *plugin;

	if (!conflist_load(weft_conf_dir(), network, &list, &ignored)) {
		cJSON_ArrayForEach(plugin, list.plugins)
		{
			const cJSON *dir =
				json_get(json_get(plugin, "ipam"), "dataDir");

			if (cJSON_IsString(dir) && *dir->valuestring)
				data_dir = dir->valuestring;
		}
	}
	return strdup(data_dir);
}

/* The path of <dataDir>/<sub><network>. */
static void lease_dir(const char *network, const char *sub, char *buf,
		      size_t size)
{
	cleanup_free char *data_dir = leases_data_dir(network);

	(void)snprintf(buf, size, "%s/%s%s", data_dir ? data_dir : DATA_DIR,
		       sub, network);
}

/* Runs @fn on every name in a directory; one that is not there is empty. */
static int each_name(const char *path,
		     int (*fn)(int dir, const char *name, void *arg,
			       struct cni_err *err),
		     void *arg, struct cni_err *err)
{
	struct dirent **names = NULL;
	cleanup_close int dir =
		open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int n, r = 0;

	if (dir < 0)
		return errno == ENOENT ? 0
				       : err_set(err, CNI_E_IO, errno,
						 "open directory %s", path);
	n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (!r && strcmp(names[i]->d_name, ".") != 0 &&
		    strcmp(names[i]->d_name, "..") != 0)
			r = fn(dir, names[i]->d_name, arg, err);
		free(names[i]);
	}
	free(names);
	return r < 0 ? err_ctx(err, r, "%s", path) : 0;
}

static int refuse_lease(int dir, const char *name, void *arg,
			struct cni_err *err)
{
	struct ip_addr a;

	(void)dir;
	(void)arg;
	return ip_parse(name, &a) < 0
		       ? 0
		       : err_say(err, CNI_E_TAKEN, EBUSY,
				 "address %s is still held", name);
}

int leases_check_none(const char *network, struct cni_err *err)
{
	char path[PATH_MAX];

	lease_dir(network, "", path, sizeof(path));
	return each_name(path, refuse_lease, NULL, err);
}

static int remove_any(int dir, const char *name, void *arg, struct cni_err *err)
{
	(void)arg;
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_set(err, CNI_E_IO, errno, "remove %s", name);
	return 0;
}

static int remove_known(int dir, const char *name, void *arg,
			struct cni_err *err)
{
	return !strcmp(name, "lock") || !strncmp(name, "last_reserved_ip.", 17)
		       ? remove_any(dir, name, arg, err)
		       : 0;
}

static int remove_dir(const char *path, struct cni_err *err)
{
	if (rmdir(path) < 0 && errno != ENOENT)
		return err_set(err, CNI_E_IO, errno, "remove directory %s",
			       path);
	return 0;
}

int leases_remove(const char *network, struct cni_err *err)
{
	char leases[PATH_MAX], own[PATH_MAX];
	int r;

	lease_dir(network, "", leases, sizeof(leases));
	lease_dir(network, ".weft/", own, sizeof(own));
	r = each_name(own, remove_any, NULL, err);
	if (!r)
		r = remove_dir(own, err);
	if (!r)
		r = each_name(leases, remove_known, NULL, err);
	if (!r)
		r = remove_dir(leases, err);
	if (r < 0)
		return r;

	/* Shared with other networks: the last one takes it along. */
	*strrchr(own, '/') = '\0';
	(void)rmdir(own);
	return 0;
}

void leases_free(struct leases *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].text);
	free(l->v);
	*l = (struct leases){ 0 };
}

/* "container ID CR LF interface", and white space around it. */
static void split(struct lease *l)
{
	char *s = l->text + strspn(l->text, " \t\r\n");
	size_t n = strlen(s);

	while (n && strchr(" \t\r\n", s[n - 1]))
		s[--n] = '\0';
	l->container_id = s;
	s += strcspn(s, "\r\n");
	l->ifname = s + strspn(s, "\r\n");
	*s = '\0';
}

static int read_lease(int dir, const char *name, void *arg, struct cni_err *err)
{
	struct leases *list = arg;
	struct lease l = { .text = NULL }, *more;
	char text[4096];
	struct stat st;

	if (ip_parse(name, &l.address) < 0 ||
	    file_read_at(dir, name, text, sizeof(text)) < 0 ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* another's file, or just released */
	l.made = st.st_mtime;
	more = reallocarray(list->v, list->n + 1, sizeof(*more));
	if (more)
		list->v = more;
	l.text = more ? strdup(text) : NULL;
	if (!l.text)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "lease %s", name);
	split(&l);
	list->v[list->n++] = l;
	return 0;
}

static int by_holder(const void *a, const void *b)
{
	const struct lease *x = a, *y = b;
	const int c = strcmp(x->container_id, y->container_id);

	return c ? c : strcmp(x->ifname, y->ifname);
}

static int by_holder_and_address(const void *a, const void *b)
{
	const struct lease *x = a, *y = b;
	const int c = by_holder(a, b);

	return c ? c : ip_cmp(&x->address, &y->address);
}

int leases_read(const char *network, struct leases *ret, struct cni_err *err)
{
	char path[PATH_MAX];
	int r;

	lease_dir(network, "", path, sizeof(path));
	r = each_name(path, read_lease, ret, err);
	if (!r && ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_holder_and_address);
	return r;
}

static int read_key(int dir, const char *name, void *arg, struct cni_err *err)
{
	struct lease_keys *list = arg;
	struct lease_key k = { .text = NULL }, *more;
	char text[PATH_MAX], *rest;
	ssize_t n;

	if (strncmp(name, "key-", 4) != 0)
		return 0;
	n = readlinkat(dir, name, text, sizeof(text) - 1);
	if (n < 0)
		return 0; /* just gone */
	text[n] = '\0';
	more = reallocarray(list->v, list->n + 1, sizeof(*more));
	if (more)
		list->v = more;
	k.text = rest = more ? strdup(text) : NULL;
	if (!k.text)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "key %s", name);
	k.container_id = strsep(&rest, " ");
	k.ifname = strsep(&rest, " ");
	k.name = rest;
	if (rest)
		list->v[list->n++] = k;
	else
		free(k.text);
	return 0;
}

int leases_read_keys(const char *network, struct lease_keys *ret,
		     struct cni_err *err)
{
	char path[PATH_MAX];

	lease_dir(network, ".weft/", path, sizeof(path));
	return each_name(path, read_key, ret, err);
}

void lease_keys_free(struct lease_keys *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].text);
	free(l->v);
	*l = (struct lease_keys){ 0 };
}

const struct lease *leases_of(const struct leases *l, const char *container_id,
			      const char *ifname, size_t *ret_n)
{
	const struct lease key = { .container_id = container_id,
				   .ifname = ifname };
	const struct lease *first =
		l->n ? bsearch(&key, l->v, l->n, sizeof(*l->v), by_holder)
		     : NULL;
	size_t n = 0;

	while (first && first > l->v && !by_holder(first - 1, &key))
		first--;
	while (first && first + n < l->v + l->n && !by_holder(first + n, &key))
		n++;
	*ret_n = n;
	return first;
}
