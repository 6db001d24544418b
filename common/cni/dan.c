/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/dan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json_where.h"
#include "base/log.h"

#define SUFFIX ".json"
/* Only under the lock, so one name will do. */
#define STAGED ".weft.new"

enum { LOCK_TIMEOUT_S = 10 };

/* A sandbox's file as it was read. */
struct dan {
	const char *dir;
	char name[NAME_MAX + 1];
	mode_t mode;
	char *text;
	size_t len;
	cJSON *root;
	const cJSON *devices, *netns;
};

static void dan_free(struct dan *d)
{
	cJSON_Delete(d->root);
	free(d->text);
}

#define cleanup_dan CLEANUP(dan_free)

static bool set_name(struct dan *d, const char *dir, const char *sandbox)
{
	*d = (struct dan){ .dir = dir, .mode = 0600 };
	if (strlen(sandbox) + sizeof(SUFFIX) > sizeof(d->name))
		return false;
	(void)snprintf(d->name, sizeof(d->name), "%s" SUFFIX, sandbox);
	return true;
}

static int garbled(const struct dan *d, const char *why, struct cni_err *err)
{
	return err_say(err, CNI_E_IO, EBADMSG,
		       "%s/%s: Kata could not read it: %s", d->dir, d->name,
		       why);
}

/* As Kata reads it: a key in its own case and once. */
static bool find_keys(struct dan *d)
{
	const cJSON *child;

	cJSON_ArrayForEach(child, d->root)
	{
		const bool is_devices = !strcmp(child->string, "devices");
		const cJSON **at = is_devices ? &d->devices : &d->netns;

		if (!is_devices && strcmp(child->string, "netns") != 0)
			continue;
		if (*at)
			return false;
		*at = child;
	}
	return cJSON_IsArray(d->devices);
}

static int parse(struct dan *d, struct cni_err *err)
{
	struct cni_err why = CNI_ERR_INIT;
	const cJSON *device;
	const int r = json_parse(d->text, d->len, &d->root, &why);

	if (r == -ENOMEM) {
		*err = why;
		return r;
	}
	if (r < 0)
		return garbled(d, why.msg, err);
	if (!cJSON_IsObject(d->root) || !find_keys(d))
		return garbled(d, "no object with one array \"devices\"", err);
	cJSON_ArrayForEach(device, d->devices) if (
		!cJSON_IsObject(
			device)) return garbled(d, "a device that is no object",
						err);
	return 0;
}

static int read_text(int dir, struct dan *d, struct cni_err *err)
{
	/* O_NONBLOCK: a FIFO must not hang us. */
	cleanup_close int fd = openat(
		dir, d->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0 && errno == ELOOP)
		return garbled(d, "a symbolic link", err);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, CNI_E_IO, errno, "open %s/%s", d->dir,
			       d->name);
	if (!S_ISREG(st.st_mode))
		return garbled(d, "no regular file", err);
	d->mode = st.st_mode & 0777;
	r = file_read_fd(fd, JSON_MAX_SIZE, &d->text, &d->len);
	if (r == -EFBIG)
		return garbled(d, "more than 1 MiB", err);
	return r < 0 ? err_set(err, CNI_E_IO, -r, "read %s/%s", d->dir, d->name)
		     : 0;
}

static int load(int dir, struct dan *d, struct cni_err *err)
{
	const int r = read_text(dir, d, err);

	return r ? r : parse(d, err);
}

static int load_or_begin(int dir, struct dan *d, struct cni_err *err)
{
	static const char empty[] = "{\"netns\":null,\"devices\":[]}\n";
	const int r = load(dir, d, err);

	if (r != -ENOENT)
		return r;
	d->text = strdup(empty);
	d->len = strlen(empty);
	return d->text ? parse(d, err)
		       : err_set(err, CNI_E_INTERNAL, ENOMEM, "%s/%s", d->dir,
				 d->name);
}

static const char *mark_of(const cJSON *device)
{
	const cJSON *mark = cJSON_GetObjectItemCaseSensitive(device, DAN_MARK);

	return cJSON_IsString(mark) ? mark->valuestring : NULL;
}

static bool is_same(const char *mark, void *arg)
{
	return !strcmp(mark, arg);
}

/* A file in the making; its buffer is large enough from the beginning. */
struct text {
	char *at;
	size_t len;
};

static void append(struct text *t, const char *s, size_t len)
{
	memcpy(t->at + t->len, s, len);
	t->len += len;
}

static void append_device(struct text *t, const char *s, size_t len, size_t nth)
{
	append(t, ",\n" + !nth, nth ? 2 : 1);
	append(t, s, len);
}

/*
 * The text without the devices that match, and with @more. All else is copied
 * as it stands: numbers in it may be larger than cJSON's.
 *
 * Return: how many devices it has
 */
static size_t compose(const struct dan *d, dan_match_fn *match, void *arg,
		      const char *more, struct text *ret)
{
	struct json_path path = { 0 };
	const cJSON *device;
	const char *list, *span;
	size_t list_len = 0, len = 0, n = 0;

	(void)json_path_find(d->root, d->devices, &path);
	list = json_span(d->text, d->len, &path, &list_len);
	append(ret, d->text, (size_t)(list - d->text) + 1);
	path.n = 2;
	path.at[1] = 0;
	cJSON_ArrayForEach(device, d->devices)
	{
		const char *mark = mark_of(device);

		span = json_span(d->text, d->len, &path, &len);
		path.at[1]++;
		if (!mark || !match(mark, arg))
			append_device(ret, span, len, n++);
	}
	if (more)
		append_device(ret, more, strlen(more), n++);
	append(ret, "\n]", 2);
	list += list_len;
	append(ret, list, d->len - (size_t)(list - d->text));
	return n;
}

static int write_staged(int dir, const struct dan *d, const struct text *t)
{
	cleanup_close int fd = -1;

	if (unlinkat(dir, STAGED, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, STAGED,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fchmod(fd, d->mode) < 0)
		return -errno;
	return file_write_all(fd, t->at, t->len);
}

static int replace(int dir, const struct dan *d, const struct text *t,
		   struct cni_err *err)
{
	int r = write_staged(dir, d, t);

	if (!r && renameat(dir, STAGED, dir, d->name) < 0)
		r = -errno;
	if (!r)
		return 0;
	(void)unlinkat(dir, STAGED, 0);
	return err_set(err, CNI_E_IO, -r, "write %s/%s", d->dir, d->name);
}

static int edit(int dir, const struct dan *d, dan_match_fn *match, void *arg,
		const char *more, struct cni_err *err)
{
	/* Each device is in the text; its comma may be more than was. */
	const size_t n = (size_t)cJSON_GetArraySize(d->devices) + 2;
	cleanup_free char *buf =
		malloc(d->len + 2 * n + (more ? strlen(more) : 0));
	struct text t = { buf, 0 };

	if (!buf)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "%s/%s", d->dir,
			       d->name);
	if (compose(d, match, arg, more, &t))
		return replace(dir, d, &t, err);
	return unlinkat(dir, d->name, 0) < 0 && errno != ENOENT
		       ? err_set(err, CNI_E_IO, errno, "remove %s/%s", d->dir,
				 d->name)
		       : 0;
}

static int lock(int dir, const char *path, struct cni_err *err)
{
	const int r = file_lock_fd(dir, LOCK_TIMEOUT_S);

	if (r == -ETIMEDOUT)
		return err_say(err, CNI_E_RETRY, ETIMEDOUT,
			       "%s: locked by another for %d s", path,
			       LOCK_TIMEOUT_S);
	return r < 0 ? err_set(err, CNI_E_IO, -r, "lock %s", path) : 0;
}

/* A tap of ours is in our namespace, and the file has one for all of them. */
static int check_netns(const struct dan *d, struct cni_err *err)
{
	if (!cJSON_IsString(d->netns) || !*d->netns->valuestring)
		return 0;
	return err_say(
		err, CNI_E_CONFIG, EXDEV,
		"%s/%s: its devices are in the network namespace \"%s\", not in the host's",
		d->dir, d->name, d->netns->valuestring);
}

static int put(struct dan *d, const cJSON *device, struct cni_err *err)
{
	cleanup_free char *more = cJSON_PrintUnformatted(device);
	cleanup_close int dir = -1;
	int r;

	if (!more)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "%s/%s", d->dir,
			       d->name);
	r = file_mkdirs(d->dir, 0755, &dir, err);
	if (!r)
		r = lock(dir, d->dir, err);
	if (!r)
		r = load_or_begin(dir, d, err);
	if (!r)
		r = check_netns(d, err);
	return r ? r
		 : edit(dir, d, is_same, (void *)mark_of(device), more, err);
}

int dan_put(const char *dir, const char *sandbox, const cJSON *device,
	    struct cni_err *err)
{
	cleanup_dan struct dan d;
	int r;

	if (set_name(&d, dir, sandbox))
		r = put(&d, device, err);
	else
		r = err_say(err, CNI_E_IO, ENAMETOOLONG,
			    "a container ID of %zu bytes is no file's name",
			    strlen(sandbox));
	return r ? err_ctx(err, r, "kataDan") : 0;
}

static int open_dir(const char *path, struct cni_err *err)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_set(err, CNI_E_IO, errno, "open directory %s", path)
		      : fd;
}

/* There is no such directory, so nothing of ours is in it. */
static bool is_nowhere(int fd)
{
	return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ||
	       fd == -ENAMETOOLONG;
}

static int get(struct dan *d, const char *mark, cJSON **ret,
	       struct cni_err *err)
{
	cleanup_close int dir = open_dir(d->dir, err);
	const cJSON *device;
	int r = dir < 0 ? dir : load(dir, d, err);

	if (r < 0)
		return r;
	cJSON_ArrayForEach(device, d->devices)
	{
		const char *has = mark_of(device);

		if (!has || strcmp(has, mark) != 0)
			continue;
		*ret = cJSON_Duplicate(device, true);
		return *ret ? 0
			    : err_set(err, CNI_E_INTERNAL, ENOMEM, "%s/%s",
				      d->dir, d->name);
	}
	return err_say(err, CNI_E_IO, ENOENT, "%s/%s: no device of %s", d->dir,
		       d->name, mark);
}

int dan_get(const char *dir, const char *sandbox, const char *mark, cJSON **ret,
	    struct cni_err *err)
{
	cleanup_dan struct dan d;
	int r;

	if (set_name(&d, dir, sandbox))
		r = get(&d, mark, ret, err);
	else
		r = err_say(err, CNI_E_IO, ENOENT, "%s: no file of %s", dir,
			    mark);
	return r ? err_ctx(err, r, "kataDan") : 0;
}

static bool has_match(const struct dan *d, dan_match_fn *match, void *arg)
{
	const cJSON *device;

	cJSON_ArrayForEach(device, d->devices)
	{
		const char *mark = mark_of(device);

		if (mark && match(mark, arg))
			return true;
	}
	return false;
}

/* Of one file, under the lock. */
static int drop(int dir, struct dan *d, dan_match_fn *match, void *arg,
		struct cni_err *err)
{
	const int r = load(dir, d, err);

	if (r == -ENOENT)
		return 0;
	if (r == -EBADMSG) {
		log_at(LOG_L_WARN, "kataDan: left as it is: %s", err->msg);
		return 0;
	}
	if (r < 0)
		return r;
	return has_match(d, match, arg) ? edit(dir, d, match, arg, NULL, err)
					: 0;
}

static bool is_absent(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	       errno == ENOENT;
}

/* What a killed ADD was about to write. */
static int drop_staged(int dir, const char *path, struct cni_err *err)
{
	return unlinkat(dir, STAGED, 0) < 0 && errno != ENOENT
		       ? err_set(err, CNI_E_IO, errno, "remove %s/" STAGED,
				 path)
		       : 0;
}

static int drop_from(int dir, struct dan *d, const char *mark,
		     struct cni_err *err)
{
	int r;

	/* A host without Kata, and a container on one with it. */
	if (is_absent(dir, d->name) && is_absent(dir, STAGED))
		return 0;
	r = lock(dir, d->dir, err);
	if (!r)
		r = drop_staged(dir, d->dir, err);
	return r ? r : drop(dir, d, is_same, (void *)mark, err);
}

int dan_drop(const char *dir, const char *sandbox, const char *mark,
	     struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	cleanup_close int fd = open_dir(dir, &e);
	cleanup_dan struct dan d;
	int r;

	if (!set_name(&d, dir, sandbox) || is_nowhere(fd))
		return 0;
	r = fd < 0 ? fd : drop_from(fd, &d, mark, &e);
	if (r < 0) {
		*err = e;
		return err_ctx(err, r, "kataDan");
	}
	return 0;
}

static bool set_file(struct dan *d, const char *dir, const char *name)
{
	const size_t len = strlen(name), suffix = strlen(SUFFIX);

	*d = (struct dan){ .dir = dir, .mode = 0600 };
	if (len <= suffix || len >= sizeof(d->name) ||
	    strcmp(name + len - suffix, SUFFIX) != 0)
		return false;
	memcpy(d->name, name, len + 1);
	return true;
}

static int sweep(int dir, const char *path, dan_match_fn *match, void *arg,
		 struct cni_err *err)
{
	cleanup_dir DIR *list = NULL;
	const struct dirent *e;
	int acc = 0, r = file_opendir_at(dir, &list);

	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "list %s", path);
	for (errno = 0; (e = readdir(list)); errno = 0) {
		struct cni_err why = CNI_ERR_INIT;
		cleanup_dan struct dan d;

		if (!set_file(&d, path, e->d_name))
			continue;
		r = drop(dir, &d, match, arg, &why);
		acc = err_keep_first(err, &why, r, acc);
	}
	return acc || !errno ? acc
			     : err_set(err, CNI_E_IO, errno, "list %s", path);
}

int dan_collect(const char *dir, dan_match_fn *match, void *arg,
		struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	cleanup_close int fd = open_dir(dir, &e);
	int r = fd;

	if (is_nowhere(fd))
		return 0;
	if (fd >= 0)
		r = lock(fd, dir, &e);
	if (!r)
		r = drop_staged(fd, dir, &e);
	if (!r)
		r = sweep(fd, dir, match, arg, &e);
	if (r < 0) {
		*err = e;
		return err_ctx(err, r, "kataDan");
	}
	return 0;
}
