/* SPDX-License-Identifier: Apache-2.0 */
/* What a VMM opens: which device, and how. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "net/link.h"
#include "net/netns.h"
#include "net/node.h"
#include "net/tap.h"
#include "weft/run.h"

enum { FIRST_FD = 3 };

/* What cannot be told counts as held. */
static bool is_held(const char *node)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct stat st;

	return !stat(node, &st) && S_ISCHR(st.st_mode) &&
	       node_is_held(st.st_rdev, &ignored);
}

/* A new kind of device is one line here, and one in run_device_open(). */
static int look_at(struct netlink *nl, const struct cni_interface *i,
		   struct run_device *ret, struct cni_err *err)
{
	struct run_device d = { .node = i->socket_path ? i->socket_path : "" };
	struct link_info link;
	struct tap_info tap = { 0 };
	int r = link_get(nl, i->name, &link, err);

	if (r < 0)
		return r == -ENODEV ? 0 : r;
	d.is_macvtap = !strcmp(link.kind, "macvtap");
	if (!d.is_macvtap) {
		r = strcmp(link.kind, "tun") ? 0
					     : tap_get(nl, i->name, &tap, err);
		if (r < 0 || !tap.tap)
			return r == -ENODEV ? 0 : r;
	}
	(void)snprintf(d.name, sizeof(d.name), "%s", link.name);
	d.index = link.index;
	d.mtu = link.mtu;
	d.multi_queue = tap.multi_queue;
	/* The kernel counts the queues only of a tap that may have several. A
	 * macvtap's carrier is its parent's. */
	d.is_open = d.is_macvtap ? is_held(d.node) : link.carrier || tap.queues;
	*ret = d;
	return 1;
}

/* The last one: a plugin of a chain goes by what the one before made. */
static int find(const struct cni_result *result, const char *netns,
		struct netlink *host, struct netlink *guest,
		struct run_device *ret, struct cni_err *err)
{
	int found = 0;

	for (size_t i = 0; i < result->n_interfaces; i++) {
		const struct cni_interface *f = &result->interfaces[i];
		const bool is_host = !f->sandbox || !*f->sandbox;
		int r = 0;

		if (f->name && (is_host || !strcmp(f->sandbox, netns)) &&
		    (is_host ? host : guest))
			r = look_at(is_host ? host : guest, f, ret, err);
		if (r < 0)
			return r;
		if (r > 0)
			ret->in_netns = !is_host;
		found |= r;
	}
	return found;
}

int run_device_find(const struct cni_result *result, const char *netns,
		    struct run_device *ret, struct cni_err *err)
{
	cleanup_netlink struct netlink *host = NULL, *guest = NULL;
	cleanup_close int fd = -1;
	int r = netlink_open(&host, err);

	if (!r)
		r = netns_open(netns, &fd, err);
	if (!r)
		r = netlink_open_in(fd, &guest, err);
	/* Without it there is still the host's side. */
	if (r < 0 && !host)
		return r;
	return find(result, netns, host, guest, ret, err);
}

/* Closed standard streams are no place for a device. */
static int move_up(int *fd)
{
	const int up =
		*fd < FIRST_FD ? fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FD) : *fd;

	const int r = up < 0 ? -errno : 0;

	if (up != *fd)
		(void)close(*fd);
	*fd = up;
	return r;
}

/* The node is of the plugin's making, by the device's own number. */
static int open_macvtap(const struct run_device *d, int *ret_fd,
			struct cni_err *err)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (!*d->node)
		return err_say(err, CNI_E_CONFIG, ENOENT,
			       "macvtap %s: the result does not say where its "
			       "character device is (cniVersion 1.1.0 does)",
			       d->name);
	fd = open(d->node, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, CNI_E_KERNEL, errno, "macvtap %s: open %s",
			       d->name, d->node);
	if (!S_ISCHR(st.st_mode))
		return err_say(err, CNI_E_KERNEL, ENODEV,
			       "macvtap %s: %s is no character device", d->name,
			       d->node);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
}

int run_device_open(const struct run_device *d, const char *netns,
		    size_t queues, int *ret_fds, struct cni_err *err)
{
	cleanup_netns_leave int home = -1;
	cleanup_close int fd = -1;
	int r = 0;

	if (d->in_netns && !d->is_macvtap) {
		r = netns_open(netns, &fd, err);
		if (!r)
			r = netns_enter(fd, &home, err);
	}
	for (size_t i = 0; !r && i < queues; i++) {
		r = d->is_macvtap ? open_macvtap(d, &ret_fds[i], err)
				  : tap_join(d->name, d->index, d->multi_queue,
					     &ret_fds[i], err);
		if (!r)
			r = move_up(&ret_fds[i]);
		if (r < 0 && !err->code)
			r = err_set(err, CNI_E_KERNEL, -r, "open %s", d->name);
		if (r < 0)
			close_all(ret_fds, i);
	}
	return r;
}

int run_vhost_open(size_t queues, int *ret_fds)
{
	static const char path[] = "/dev/vhost-net";

	for (size_t i = 0; i < queues; i++) {
		ret_fds[i] = open(path, O_RDWR | O_CLOEXEC);
		if (ret_fds[i] >= 0 && !move_up(&ret_fds[i]))
			continue;
		if (errno != ENOENT && errno != ENODEV && errno != ENXIO)
			log_warn("open %s: %s: the VMM goes without it", path,
				 strerror(errno));
		close_all(ret_fds, i);
		return 0;
	}
	return 1;
}
