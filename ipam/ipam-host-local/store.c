/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

/* No network has this name: those begin with a letter or a digit. */
#define OWN_DIR ".weft"
/* Only under the lock, so one name will do. */
#define STAGED "lease.new"
#define MOVED "lease.moved"
#define STAMP "stamp"
#define STAMP_SIZE 64 /* twice 20 digits, a point, 9 digits and one more */

/* A directory below one that is open already: links are not followed. */
static int open_below(int dir, const char *name, int *ret)
{
	const int fd = openat(dir, name,
			      O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int make_below(int dir, const char *name, mode_t mode, int *ret,
		      struct cni_err *err)
{
	int r = open_below(dir, name, ret);

	if (r == -ENOENT) {
		if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
			return err_set(err, CNI_E_IO, errno,
				       "create directory %s", name);
		r = open_below(dir, name, ret);
	}
	return r < 0 ? err_set(err, CNI_E_IO, -r, "open directory %s", name)
		     : 0;
}

int store_make(const char *data_dir, const char *network, struct store *ret,
	       struct cni_err *err)
{
	cleanup_close int data = -1, own = -1;
	int r;

	r = file_mkdirs(data_dir, 0755, &data, err);
	if (r < 0)
		return r;
	r = make_below(data, network, 0755, &ret->leases, err);
	if (!r)
		r = make_below(data, OWN_DIR, 0700, &own, err);
	if (!r)
		r = make_below(own, network, 0700, &ret->own, err);
	return r < 0 ? err_ctx(err, r, "%s", data_dir) : 0;
}

int store_open(const char *data_dir, const char *network, struct store *ret,
	       struct cni_err *err)
{
	cleanup_close int data =
		open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int own = -1;
	int r = data < 0 ? -errno : open_below(data, network, &ret->leases);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "open directory %s/%s",
			       data_dir, network);
	/* Without an index of ours every lease is read. */
	ret->own_error = open_below(data, OWN_DIR, &own);
	if (!ret->own_error)
		ret->own_error = open_below(own, network, &ret->own);
	return 1;
}

void store_close(struct store *s)
{
	closep(&s->lock);
	closep(&s->own);
	closep(&s->leases);
	*s = (struct store)STORE_INIT;
}

/* Both directories: an index that somebody else touched is not complete. */
static bool format_stamp(const struct store *s, const struct timespec *leases,
			 char buf[STAMP_SIZE])
{
	struct stat st;

	if (fstat(s->own, &st) < 0)
		return false;
	(void)snprintf(buf, STAMP_SIZE, "%020lld.%09ld %020lld.%09ld\n",
		       (long long)leases->tv_sec, leases->tv_nsec,
		       (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return true;
}

static bool is_stamped(const struct store *s)
{
	char have[STAMP_SIZE], want[STAMP_SIZE];
	struct stat st;

	return s->own >= 0 && !fstat(s->leases, &st) &&
	       file_read_at(s->own, STAMP, have, sizeof(have)) > 0 &&
	       format_stamp(s, &st.st_mtim, want) && !strcmp(have, want);
}

int store_lock(struct store *s, struct cni_err *err)
{
	const int r = file_lock_at(s->leases, "lock", 0750, STORE_LOCK_S,
				   &s->lock, err);

	s->complete = !r && is_stamped(s);
	return r;
}

void store_settle(struct store *s)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT } };
	cleanup_close int fd = -1;
	char text[STAMP_SIZE];

	if (!s->complete || is_stamped(s) ||
	    clock_gettime(CLOCK_REALTIME, &t[1]) < 0)
		return;
	t[1].tv_sec--;

	/* The record first: without the mtime it vouches for nothing. */
	fd = openat(s->own, STAMP, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd >= 0 && format_stamp(s, &t[1], text) &&
	    !file_write_all(fd, text, strlen(text)))
		(void)futimens(s->leases, t);
}

bool store_is_writable(const struct store *s)
{
	return !faccessat(s->leases, ".", W_OK | X_OK, AT_EACCESS) &&
	       !faccessat(s->own, ".", W_OK | X_OK, AT_EACCESS);
}

int store_list(const struct store *s, struct ip_list *ret, struct cni_err *err)
{
	cleanup_dir DIR *d = NULL;
	const struct dirent *e = NULL;
	struct ip_addr a;
	int r;

	r = file_opendir_at(s->leases, &d);
	while (!r) {
		errno = 0;
		e = readdir(d);
		if (!e)
			break;
		if (lease_name_parse(e->d_name, &a))
			r = ip_list_add(ret, &a);
	}
	if (!r)
		r = -errno;
	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "list leases");

	ip_list_sort(ret);
	return 0;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static bool boot_time(struct timespec *ret)
{
	struct timespec now, up;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0 ||
	    clock_gettime(CLOCK_BOOTTIME, &up) < 0)
		return false;
	ret->tv_sec = now.tv_sec - up.tv_sec - (now.tv_nsec < up.tv_nsec);
	ret->tv_nsec = now.tv_nsec - up.tv_nsec +
		       (now.tv_nsec < up.tv_nsec ? 1000000000L : 0);
	return true;
}

static bool is_of_earlier_boot(int dir, const char *name, mode_t type)
{
	struct timespec boot;
	struct stat st;

	return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       (st.st_mode & S_IFMT) == type && boot_time(&boot) &&
	       is_before(&st.st_mtim, &boot);
}

int store_read(const struct store *s, const struct ip_addr *a,
	       struct lease *ret, struct cni_err *err)
{
	char name[IP_STR_SIZE];
	const ssize_t n = file_read_at(s->leases, ip_format(a, name), ret->text,
				       sizeof(ret->text));

	if (n >= 0) {
		lease_parse(ret, (size_t)n);
		if (ret->kind == LEASE_GARBLED &&
		    is_of_earlier_boot(s->leases, name, S_IFREG))
			ret->kind = LEASE_DEAD;
		return 1;
	}
	if (n == -ENOENT)
		return 0;
	/* A link, directory, socket, or more text than any lease has. */
	if (n == -ELOOP || n == -EISDIR || n == -ENXIO || n == -EFBIG) {
		ret->kind = LEASE_ALIEN;
		ret->container_id = ret->ifname = "";
		return 1;
	}
	return err_set(err, CNI_E_IO, (int)-n, "read lease %s", name);
}

bool store_is_of_earlier_boot(const struct store *s, const struct ip_addr *a)
{
	char name[IP_STR_SIZE];

	return is_of_earlier_boot(s->leases, ip_format(a, name), S_IFREG);
}

bool store_own_is_of_earlier_boot(const struct store *s, const char *name)
{
	return is_of_earlier_boot(s->own, name, S_IFLNK);
}

bool store_is_newer(const struct store *s, const struct ip_addr *a,
		    const struct timespec *than)
{
	char name[IP_STR_SIZE];
	struct stat st;

	return fstatat(s->leases, ip_format(a, name), &st,
		       AT_SYMLINK_NOFOLLOW) < 0 ||
	       is_before(than, &st.st_mtim);
}

static int create_staged(const struct store *s)
{
	return openat(s->own, STAGED,
		      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		      0600);
}

int store_stage(const struct store *s, const char *text, size_t len,
		struct cni_err *err)
{
	cleanup_close int fd = create_staged(s);
	int r;

	/* Not to be written into: it may be the lease of another by now. */
	if (fd < 0 && errno == EEXIST && !unlinkat(s->own, STAGED, 0))
		fd = create_staged(s);
	r = fd < 0 ? -errno : file_write_all(fd, text, len);
	if (r < 0) {
		store_unstage(s);
		return err_set(err, CNI_E_IO, -r, "write a lease in " OWN_DIR);
	}
	return 0;
}

int store_publish(const struct store *s, const struct ip_addr *a,
		  struct cni_err *err)
{
	char name[IP_STR_SIZE];

	if (!linkat(s->own, STAGED, s->leases, ip_format(a, name), 0))
		return 0;
	if (errno == EXDEV || errno == EPERM || errno == EOPNOTSUPP)
		return err_set(
			err, CNI_E_IO, errno,
			"link lease %s: dataDir must be one file system that has hard links",
			name);
	return err_set(err, CNI_E_IO, errno, "link lease %s", name);
}

int store_replace(const struct store *s, const struct ip_addr *a,
		  struct cni_err *err)
{
	char name[IP_STR_SIZE];

	/* Of two names of one file rename(2) would remove neither. */
	(void)unlinkat(s->own, MOVED, 0);
	if (linkat(s->own, STAGED, s->own, MOVED, 0) < 0 ||
	    renameat(s->own, MOVED, s->leases, ip_format(a, name)) < 0)
		return err_set(err, CNI_E_IO, errno, "replace lease %s",
			       ip_format(a, name));
	return 0;
}

void store_unstage(const struct store *s)
{
	(void)unlinkat(s->own, STAGED, 0);
	(void)unlinkat(s->own, MOVED, 0);
}

int store_remove(const struct store *s, const struct ip_addr *a,
		 struct cni_err *err)
{
	char name[IP_STR_SIZE];

	if (unlinkat(s->leases, ip_format(a, name), 0) < 0 && errno != ENOENT)
		return err_set(err, CNI_E_IO, errno, "remove lease %s", name);
	return 0;
}

static const char *last_name(size_t n, char buf[48])
{
	(void)snprintf(buf, 48, "last_reserved_ip.%zu", n);
	return buf;
}

bool store_last(const struct store *s, size_t n, struct ip_addr *ret)
{
	char name[48], text[IP_STR_SIZE];

	return file_read_at(s->leases, last_name(n, name), text, sizeof(text)) >
		       0 &&
	       !ip_parse(text, ret);
}

int store_set_last(const struct store *s, size_t n, const struct ip_addr *a,
		   struct cni_err *err)
{
	char name[48], text[IP_STR_SIZE];
	cleanup_close int fd = openat(
		s->leases, last_name(n, name),
		O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	const size_t len = strlen(ip_format(a, text));
	int r;

	/* Not truncated first: ext4 would then write to the disk at close(). */
	r = fd < 0 ? -errno : file_write_all(fd, text, len);
	if (!r && ftruncate(fd, (off_t)len) < 0)
		r = -errno;
	return r < 0 ? err_set(err, CNI_E_IO, -r, "write %s", name) : 0;
}
