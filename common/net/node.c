/* SPDX-License-Identifier: Apache-2.0 */
#include "net/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"

enum { NAME_SIZE = 32, DIGITS = 11 };

static const mode_t PERMISSIONS = 0777;

static int open_dir(struct cni_err *err)
{
	const int fd = open(NODE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_set(err, CNI_E_IO, errno, "open " NODE_DIR) : fd;
}

static const char *unfinished(const char *name, char buf[NAME_SIZE])
{
	(void)snprintf(buf, NAME_SIZE, ".%s", name);
	return buf;
}

static bool is_node_name(const char *s)
{
	const size_t n = strlen(NODE_PREFIX);

	return !strncmp(s, NODE_PREFIX, n) && strlen(s + n) == DIGITS &&
	       strspn(s + n, "0123456789abcdef") == DIGITS;
}

static bool is_device(int dir, const char *name, struct stat *ret)
{
	return !fstatat(dir, name, ret, AT_SYMLINK_NOFOLLOW) &&
	       S_ISCHR(ret->st_mode);
}

/* No device, or one whose number leads nowhere; where that cannot be seen, what
 * the kernel has closed. */
static bool is_dead(const struct stat *st)
{
	struct stat link;
	char path[64];

	if (!(st->st_mode & PERMISSIONS))
		return true;
	(void)snprintf(path, sizeof(path), "/sys/dev/char/%u:%u",
		       major(st->st_rdev), minor(st->st_rdev));
	/* The link itself: what it leads to is shown in its namespace alone. */
	return !access("/sys/dev/char", F_OK) && lstat(path, &link) < 0 &&
	       errno == ENOENT;
}

/* Removes the nodes of one number, or, if that is 0, the dead ones. */
static int sweep(int at, dev_t number, struct cni_err *err)
{
	cleanup_dir DIR *dir = NULL;
	const struct dirent *e;
	struct stat st;
	int r = file_opendir_at(at, &dir), acc = 0;

	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "list " NODE_DIR);
	while ((e = readdir(dir))) {
		if (!is_node_name(e->d_name) ||
		    !is_device(at, e->d_name, &st) ||
		    (number ? st.st_rdev != number : !is_dead(&st)))
			continue;
		if (unlinkat(at, e->d_name, 0) < 0 && errno != ENOENT && !acc)
			acc = err_set(err, CNI_E_IO, errno,
				      "remove " NODE_DIR "/%s", e->d_name);
	}
	return acc;
}

/* The kernel's own node, if that name is this device's. */
static bool link_kernels(int dir, const struct node *n, const char *to)
{
	char from[NAME_SIZE];
	struct stat st;

	(void)snprintf(from, sizeof(from), "tap%u", n->index);
	if (linkat(dir, from, dir, to, 0) < 0)
		return false;
	if (is_device(dir, to, &st) && st.st_rdev == n->number)
		return true;
	(void)unlinkat(dir, to, 0);
	return false;
}

/* Visible under its name only when it is what it is to be. */
static int make(int dir, const struct node *n, const char *temporary)
{
	if (fchownat(dir, temporary, n->owner, n->group, AT_SYMLINK_NOFOLLOW) ||
	    fchmodat(dir, temporary, n->mode, 0) ||
	    renameat(dir, temporary, dir, n->name))
		return -errno;
	return 0;
}

int node_make(const struct node *n, struct cni_err *err)
{
	cleanup_close int dir = open_dir(err);
	char temporary[NAME_SIZE];
	int r = dir < 0 ? dir : 0;

	if (r < 0)
		return r;
	(void)unlinkat(dir, unfinished(n->name, temporary), 0);
	if (!link_kernels(dir, n, temporary)) {
		r = sweep(dir, n->number, err);
		if (r < 0)
			return r;
		if (mknodat(dir, temporary, S_IFCHR, n->number) < 0)
			r = -errno;
	}
	if (!r)
		r = make(dir, n, temporary);
	return r < 0 ? err_set(err, CNI_E_IO, -r,
			       "make " NODE_DIR "/%s, a node of device %u:%u",
			       n->name, major(n->number), minor(n->number))
		     : 0;
}

int node_get(const char *name, struct node *ret, struct cni_err *err)
{
	cleanup_close int dir = open_dir(err);
	struct stat st;

	if (dir < 0)
		return dir;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, CNI_E_IO, errno, NODE_DIR "/%s", name);
	if (!S_ISCHR(st.st_mode))
		return err_say(err, CNI_E_IO, ENODEV,
			       NODE_DIR "/%s is no character device", name);
	*ret = (struct node){ .name = name,
			      .number = st.st_rdev,
			      .owner = st.st_uid,
			      .group = st.st_gid,
			      .mode = st.st_mode & PERMISSIONS };
	return 0;
}

int node_remove(const char *name, struct cni_err *err)
{
	cleanup_close int dir = open_dir(err);
	char temporary[NAME_SIZE];

	if (dir < 0)
		return dir;
	if ((unlinkat(dir, unfinished(name, temporary), 0) < 0 &&
	     errno != ENOENT) ||
	    (unlinkat(dir, name, 0) < 0 && errno != ENOENT))
		return err_set(err, CNI_E_IO, errno, "remove " NODE_DIR "/%s",
			       name);
	return 0;
}

int node_collect(struct cni_err *err)
{
	cleanup_close int dir = open_dir(err);

	return dir < 0 ? dir : sweep(dir, 0, err);
}
