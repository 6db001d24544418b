/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/program.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha512.h"
#include "bpf/guard.h"
#include "cni/exec.h"

#define HOME "/sys/fs/bpf/weft/"

enum {
	DIGITS = 32,
	OBJECT_MAX = 16 << 20, /* bytes */
	DIR_SIZE = 96,
	SEARCH_SIZE = 4096,
	DEPTH = 4,
	TIMEOUT_S = 60,
	MODE = 0700,
};

static int read_digest(const char *path, char ret[DIGITS + 1],
		       struct cni_err *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r = fd < 0 ? -errno : file_read_fd(fd, OBJECT_MAX, &text, &len);

	if (r < 0)
		return err_set(err, CNI_E_CONFIG, -r, "%s", path);
	sha512_hex_of(text, len, DIGITS, ret);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static int remove_all(const char *dir, struct cni_err *err)
{
	if (!nftw(dir, remove_one, DEPTH, FTW_DEPTH | FTW_PHYS) ||
	    errno == ENOENT)
		return 0;
	return err_set(err, CNI_E_KERNEL, errno, "remove %s", dir);
}

/* An engine's PATH may be short of where distributions put it. */
static int find_bpftool(char *ret, size_t size, struct cni_err *err)
{
	const char *path = getenv("PATH");
	char search[SEARCH_SIZE];

	(void)snprintf(search, sizeof(search), "%s:/usr/local/sbin:/usr/sbin",
		       path ? path : "/usr/bin");
	if (!cni_exec_find(search, "bpftool", ret, size, err))
		return 0;
	return err_say(
		err, CNI_E_CONFIG, ENOENT,
		"bpftool, which loads object files, is not in PATH: install it, or load the program yourself and name where it is pinned");
}

/* What is in there is whole: killed before, the next one begins anew. */
static int run_bpftool(const char *path, const char *dir, struct cni_err *err)
{
	CLEANUP(cni_exec_result_free) struct cni_exec_result said = { 0 };
	static const char *const nothing[] = { NULL };
	char program[SEARCH_SIZE], maps[DIR_SIZE + 8];
	const char *const args[] = { "prog",	   "loadall", path, dir, "type",
				     "classifier", "pinmaps", maps, NULL };
	int r = find_bpftool(program, sizeof(program), err);

	if (r < 0)
		return r;
	(void)snprintf(maps, sizeof(maps), "%s/maps", dir);
	r = cni_exec(&(struct cni_exec){ .program = program,
					 .vars = nothing,
					 .args = args,
					 .with_stderr = true,
					 .timeout_s = TIMEOUT_S },
		     &said, err);
	if (r < 0 || (!said.exit_status && !said.signal))
		return r;
	err_say(err, CNI_E_CONFIG, EINVAL,
		"bpftool could not load it: exit status %d", said.exit_status);
	err_detail(err, "bpftool", "%s", said.out ? said.out : "");
	return -EINVAL;
}

static int load(const char *path, const char *digest, const char *dir,
		struct cni_err *err)
{
	char fresh[DIR_SIZE];
	struct cni_err e = CNI_ERR_INIT;
	int r;

	(void)snprintf(fresh, sizeof(fresh), HOME "new-%s", digest);
	r = remove_all(fresh, err);
	if (!r && mkdir(fresh, MODE) < 0)
		r = err_set(err, CNI_E_KERNEL, errno, "make %s", fresh);
	if (!r)
		r = run_bpftool(path, fresh, err);
	if (!r && rename(fresh, dir) < 0)
		r = err_set(err, CNI_E_KERNEL, errno, "rename %s", fresh);
	if (r < 0)
		(void)remove_all(fresh, &e);
	return r;
}

static int open_object(const char *path, struct bpf_user *ret,
		       struct cni_err *err)
{
	char digest[DIGITS + 1], dir[DIR_SIZE];
	cleanup_close int lock = -1;
	int r = read_digest(path, digest, err);

	if (r < 0)
		return r;
	(void)snprintf(dir, sizeof(dir), HOME "user-%s", digest);
	r = bpf_user_open(dir, ret, err);
	if (r)
		return r;
	r = guard_lock(&lock, err);
	if (r < 0)
		return r;
	r = bpf_user_open(dir, ret, err);
	if (r)
		return r;
	r = load(path, digest, dir, err);
	return r ? r : bpf_user_open(dir, ret, err);
}

int program_open(const char *path, struct bpf_user *ret, struct cni_err *err)
{
	struct statfs fs;
	int r;

	*ret = (struct bpf_user)BPF_USER_NONE;
	if (statfs(path, &fs) < 0)
		r = err_set(err, CNI_E_CONFIG, errno, "%s", path);
	else if (fs.f_type == BPF_FS_MAGIC)
		r = bpf_user_open(path, ret, err);
	else
		r = open_object(path, ret, err);
	if (!r)
		r = err_say(err, CNI_E_CONFIG, ENOENT,
			    "%s: there is no eBPF program", path);
	return r < 0 ? err_ctx(err, r, "key \"guard\": key \"program\"") : 0;
}
