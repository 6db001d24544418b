/* SPDX-License-Identifier: Apache-2.0 */
#include "net/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

enum { NAME_SIZE = 128, VALUE_SIZE = 256 };

static const char root[] = "/proc/sys/net";

/* Too long a name is cut, and then no sysctl's. */
static const char *name(const char *dir, const char *ifname, const char *key,
			char buf[NAME_SIZE])
{
	const char *const parts[] = {
		root, "/", dir, "/", ifname ? ifname : "", ifname ? "/" : "",
		key
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const size_t len = strnlen(parts[i], NAME_SIZE - 1 - n);

		memcpy(buf + n, parts[i], len);
		n += len;
	}
	buf[n] = '\0';
	return buf;
}

static bool is_component(const char *s)
{
	return *s && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 &&
	       !strchr(s, '/');
}

/* Returns a descriptor, or a negative errno. Nothing below root is a link. */
static int open_key(const char *dir, const char *ifname, const char *key,
		    int flags)
{
	char path[NAME_SIZE];
	int fd;

	if (ifname && !is_component(ifname))
		return -EINVAL;
	fd = open(name(dir, ifname, key, path), flags | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* The text without its line end; returns its length or a negative errno. */
static ssize_t read_value(int fd, char *buf, size_t size)
{
	ssize_t n = read(fd, buf, size);

	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -E2BIG;
	while (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

static ssize_t read_key(const char *dir, const char *ifname, const char *key,
			char *buf, size_t size)
{
	cleanup_close int fd = open_key(dir, ifname, key, O_RDONLY);

	return fd < 0 ? fd : read_value(fd, buf, size);
}

int sysctl_get_net(const char *dir, const char *ifname, const char *key,
		   char *buf, size_t size, struct cni_err *err)
{
	char text[VALUE_SIZE], where[NAME_SIZE];
	ssize_t n = read_key(dir, ifname, key, text, sizeof(text));

	if (n >= 0 && (size_t)n >= size)
		n = -E2BIG;
	if (n < 0)
		return err_set(err, CNI_E_KERNEL, (int)-n, "read %s",
			       name(dir, ifname, key, where));
	memcpy(buf, text, (size_t)n + 1);
	return 0;
}

int sysctl_set_net(const char *dir, const char *ifname, const char *key,
		   const char *value, struct cni_err *err)
{
	cleanup_close int fd = open_key(dir, ifname, key, O_RDWR);
	char text[VALUE_SIZE], where[NAME_SIZE];
	ssize_t n;

	/* What may not be written may be right, what may not be read may be
	 * written. */
	n = fd >= 0 ? read_value(fd, text, sizeof(text))
		    : read_key(dir, ifname, key, text, sizeof(text));
	if (n >= 0 && !strcmp(text, value))
		return 0;

	if (fd < 0)
		fd = open_key(dir, ifname, key, O_WRONLY);
	n = fd < 0 ? fd : pwrite(fd, value, strlen(value), 0);
	if (n < 0)
		return err_set(err, CNI_E_KERNEL, fd < 0 ? -fd : errno,
			       "set sysctl %s to %s",
			       name(dir, ifname, key, where), value);
	return 0;
}
