/* SPDX-License-Identifier: Apache-2.0 */
/* What a `weft run` has on disk, and how the next one finds it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "libcni/cache.h"
#include "net/netns.h"
#include "weft/run.h"

enum { TRIES = 50 }; /* each a tenth of a second */

static void pause_briefly(void)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };

	(void)nanosleep(&tenth, NULL);
}

/* The one that ends removes it: locked, it may be nobody's any more. */
static bool is_still_there(int dir, const char *path)
{
	struct stat opened, named;

	return !fstat(dir, &opened) && !lstat(path, &named) &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

static int lock_once(struct run_space *s, const char *id, struct cni_err *err)
{
	cleanup_close int dir = -1;
	int r = file_mkdirs(s->path, 0700, &dir, err);

	if (r < 0)
		return r;
	if (flock(dir, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_set(err, CNI_E_IO, errno, "lock %s",
				       s->path);
		return err_say(err, CNI_E_TAKEN, EBUSY,
			       "a `weft run` of \"%s\" is going on", id);
	}
	if (!is_still_there(dir, s->path))
		return -EAGAIN;
	s->dir = TAKE_FD(dir);
	return 0;
}

int run_space_lock(struct run_space *s, const char *id, struct cni_err *err)
{
	int r = -EAGAIN;

	*s = (struct run_space){ .dir = -1 };
	(void)snprintf(s->path, sizeof(s->path), "%s/%s", RUN_DIR, id);
	(void)snprintf(s->netns, sizeof(s->netns), "%s/%s/netns", RUN_DIR, id);
	for (int i = 0; r == -EAGAIN && i < TRIES; i++)
		r = lock_once(s, id, err);
	return r == -EAGAIN ? err_set(err, CNI_E_IO, EAGAIN, "lock %s", s->path)
			    : r;
}

/* A VMM was told to end when its `weft run` was killed, and may need a moment. */
static int wait_for_vmm(const struct cache_entry *e, struct cni_err *err)
{
	cleanup_result struct cni_result result = { 0 };
	struct cni_err ignored = CNI_ERR_INIT;
	struct run_device d = { 0 };

	if (!e->result ||
	    cni_result_parse(e->result, CNI_V1_1_0, &result, &ignored) < 0)
		return 0;
	for (int i = 0; i < TRIES; i++) {
		if (run_device_find(&result, e->netns, &d, &ignored) <= 0 ||
		    !d.is_open)
			return 0;
		pause_briefly();
	}
	return err_say(err, CNI_E_TAKEN, EBUSY,
		       "%s of \"%s\" is still open: a VMM lives on", d.name,
		       e->container_id);
}

struct leftover {
	const struct run_space *space;
	const char *id;
	const char *dir;
};

static int detach(const struct leftover *l, const struct cache_entry *e,
		  struct cni_err *err)
{
	cleanup_conflist struct conflist list = { 0 };
	char path[WEFT_PATH_SIZE];
	const struct runtime rt = {
		.list = &list,
		.plugin_path = weft_plugin_path(path),
		.cache_dir = l->dir,
		.container_id = e->container_id,
		.netns = e->netns,
		.ifname = e->ifname,
		.args = e->args,
		.cap_args = e->cap_args,
	};
	int r = cache_config(e, &list, err);

	return r < 0 ? r : runtime_del(&rt, err);
}

static int clear_entry(const char *file, const struct cache_entry *e, void *arg,
		       struct cni_err *err)
{
	const struct leftover *l = arg;
	int r;

	(void)file;
	if (!e || strcmp(e->container_id, l->id) != 0 ||
	    strcmp(e->netns, l->space->netns) != 0)
		return 0;
	r = wait_for_vmm(e, err);
	if (!r)
		r = detach(l, e, err);
	return r < 0 ? err_ctx(err, r, "clean up after an earlier run") : 0;
}

int run_space_clear(const struct run_space *s, const char *id,
		    const char *cache_dir, struct cni_err *err)
{
	struct leftover l = { s, id, cache_dir };
	int r = cache_walk(l.dir, clear_entry, &l, err);

	if (!r && strcmp(cache_dir, CACHE_DIR) != 0) {
		l.dir = CACHE_DIR;
		r = cache_walk(l.dir, clear_entry, &l, err);
	}
	return r ? r : netns_unpin(s->netns, err);
}

int run_space_remove(struct run_space *s, struct cni_err *err)
{
	int r = netns_unpin(s->netns, err);

	if (!r && rmdir(s->path) < 0 && errno != ENOENT)
		r = err_set(err, CNI_E_IO, errno, "remove %s", s->path);
	return r;
}

void run_space_close(struct run_space *s)
{
	closep(&s->dir);
	s->dir = -1;
}
