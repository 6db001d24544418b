/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/user.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "bpf/filter.h"
#include "bpf/map.h"
#include "net/netlink.h"

void bpf_user_close(struct bpf_user *u)
{
	closep(&u->from);
	closep(&u->to);
	*u = (struct bpf_user)BPF_USER_NONE;
}

static int say_open(int r, const char *path, struct cni_err *err)
{
	return err_set(err, CNI_E_CONFIG, -r, "open eBPF program %s", path);
}

static int open_both(const char *path, struct bpf_user *ret,
		     struct cni_err *err)
{
	ret->from = bpf_pinned(path);
	if (ret->from < 0)
		return say_open(ret->from, path, err);
	ret->to = fcntl(ret->from, F_DUPFD_CLOEXEC, 0);
	return ret->to < 0 ? say_open(-errno, path, err) : 1;
}

/* Return: 1, 0 if it is not there, or a negative errno */
static int open_named(const char *dir, const char *name, int *ret_fd,
		      struct cni_err *err)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = bpf_pinned(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : say_open(fd, path, err);
	*ret_fd = fd;
	return 1;
}

/* Return: how many programs there are, the first of them in @ret, or a negative
 * errno */
static int count_programs(const char *path, char ret[NAME_MAX + 1])
{
	cleanup_dir DIR *dir = opendir(path);
	const struct dirent *e;
	int n = 0;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		struct stat st;

		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) <
			    0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (!n++)
			(void)snprintf(ret, NAME_MAX + 1, "%s", e->d_name);
	}
	return n;
}

static int open_only(const char *dir, struct bpf_user *ret, struct cni_err *err)
{
	char name[NAME_MAX + 1] = "", path[PATH_MAX];
	const int n = count_programs(dir, name);

	if (n <= 0)
		return n ? say_open(n, dir, err) : 0;
	if (n > 1)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"%s: %d eBPF programs, and none is called \"from\" or \"to\"",
			dir, n);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open_both(path, ret, err);
}

int bpf_user_open(const char *path, struct bpf_user *ret, struct cni_err *err)
{
	struct stat st;
	int r, found;

	*ret = (struct bpf_user)BPF_USER_NONE;
	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : say_open(-errno, path, err);
	if (!S_ISDIR(st.st_mode))
		return open_both(path, ret, err);
	found = open_named(path, "from", &ret->from, err);
	r = found < 0 ? found : open_named(path, "to", &ret->to, err);
	if (r < 0 || found || r)
		return r < 0 ? r : 1;
	return open_only(path, ret, err);
}

static struct bpf_filter filter_of(uint32_t ifindex, bool sent, bool mirrored)
{
	return (struct bpf_filter){ .ifindex = ifindex,
				    .prio = BPF_FILTER_USER,
				    .egress = sent == mirrored,
				    .replace = true,
				    .name = sent ? "weft_user_from"
						 : "weft_user_to" };
}

int bpf_user_attach(const struct bpf_user *u, struct netlink *nl,
		    uint32_t ifindex, bool mirrored, struct cni_err *err)
{
	const struct bpf_filter from = filter_of(ifindex, true, mirrored);
	const struct bpf_filter to = filter_of(ifindex, false, mirrored);
	int r = 0;

	if (u->from >= 0)
		r = bpf_filter_attach(nl, &from, u->from, err);
	if (!r && u->to >= 0)
		r = bpf_filter_attach(nl, &to, u->to, err);
	return r;
}

int bpf_user_check(struct netlink *nl, uint32_t ifindex, bool mirrored,
		   struct cni_err *err)
{
	for (int sent = 0; sent < 2; sent++) {
		const struct bpf_filter f = filter_of(ifindex, sent, mirrored);
		struct bpf_filter_info have = { 0 };
		const int r = bpf_filter_get(nl, &f, &have, err);

		if (r < 0)
			return r;
		if (r && !strcmp(have.name, f.name))
			return 0;
	}
	return err_say(err, CNI_E_CHECK, ESTALE,
		       "interface %u: the program of \"guard\" is missing",
		       ifindex);
}
