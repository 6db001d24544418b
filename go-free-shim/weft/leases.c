/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/leases.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/ip.h"
#include "libcni/conflist.h"
#include "weft/weft.h"

#define DATA_DIR "/var/lib/cni/networks"

/* The path of <dataDir>/<sub><network>. */
static void lease_dir(const char *network, const char *sub, char *buf,
		      size_t size)
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
	(void)snprintf(buf, size, "%s/%s%s", data_dir, sub, network);
}

/* Runs @fn on every name in a directory; one that is not there is empty. */
static int each_name(const char *path,
		     int (*fn)(int dir, const char *name, struct cni_err *err),
		     struct cni_err *err)
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
			r = fn(dir, names[i]->d_name, err);
		free(names[i]);
	}
	free(names);
	return r < 0 ? err_ctx(err, r, "%s", path) : 0;
}

static int refuse_lease(int dir, const char *name, struct cni_err *err)
{
	struct ip_addr a;

	(void)dir;
	return ip_parse(name, &a) < 0
		       ? 0
		       : err_say(err, CNI_E_TAKEN, EBUSY,
				 "address %s is still held", name);
}

int leases_check_none(const char *network, struct cni_err *err)
{
	char path[PATH_MAX];

	lease_dir(network, "", path, sizeof(path));
	return each_name(path, refuse_lease, err);
}

static int remove_any(int dir, const char *name, struct cni_err *err)
{
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_set(err, CNI_E_IO, errno, "remove %s", name);
	return 0;
}

static int remove_known(int dir, const char *name, struct cni_err *err)
{
	return !strcmp(name, "lock") || !strncmp(name, "last_reserved_ip.", 17)
		       ? remove_any(dir, name, err)
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
	r = each_name(own, remove_any, err);
	if (!r)
		r = remove_dir(own, err);
	if (!r)
		r = each_name(leases, remove_known, err);
	if (!r)
		r = remove_dir(leases, err);
	if (r < 0)
		return r;

	/* Shared with other networks: the last one takes it along. */
	*strrchr(own, '/') = '\0';
	(void)rmdir(own);
	return 0;
}
