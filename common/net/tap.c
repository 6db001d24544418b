/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/mem.h"
#include "net/link.h"
#include "net/netlink.h"

enum { INDEX_TRIES = 16, MARK = 1, ADDRGEN = 2, REQUESTS = 3 };

static const char device[] = "/dev/net/tun";

/* TUNSETIFF until an ifindex is free; returns the one that was, in @index. */
static int attach(int fd, const struct tap_opts *o, uint32_t *index,
		  struct cni_err *err)
{
	const unsigned flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
			       IFF_TUN_EXCL |
			       (o->multi_queue ? IFF_MULTI_QUEUE : 0U);
	struct ifreq ifr;

	for (int i = 0; i < INDEX_TRIES; i++) {
		ifr = (struct ifreq){ .ifr_flags = (short)flags };
		memcpy(ifr.ifr_name, o->name, strlen(o->name));
		if (*index && ioctl(fd, TUNSETIFINDEX, index) < 0)
			break;
		if (!ioctl(fd, TUNSETIFF, &ifr))
			return 0;
		if (errno != EBUSY)
			break;
		if (if_nametoindex(o->name))
			return err_say(err, CNI_E_TAKEN, EEXIST,
				       "interface %s exists already", o->name);
		if (!*index)
			return err_set(err, CNI_E_KERNEL, EBUSY, "TUNSETIFF");
		*index = link_next_index(*index);
	}
	return err_set(err, CNI_E_KERNEL, errno, "TUNSETIFF");
}

static int set_owner(int fd, const struct tap_opts *o, struct cni_err *err)
{
	if (o->owner != TAP_ANYONE &&
	    ioctl(fd, TUNSETOWNER, (unsigned long)o->owner) < 0)
		return err_set(err, CNI_E_KERNEL, errno, "set owner %u",
			       o->owner);
	if (o->group != TAP_ANYONE &&
	    ioctl(fd, TUNSETGROUP, (unsigned long)o->group) < 0)
		return err_set(err, CNI_E_KERNEL, errno, "set group %u",
			       o->group);
	return 0;
}

static int open_device(int *ret_fd, struct cni_err *err)
{
	const int fd = open(device, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_set(err, CNI_E_KERNEL, errno, "open %s", device);
	*ret_fd = fd;
	return 0;
}

int tap_available(struct cni_err *err)
{
	cleanup_close int fd = -1;

	return open_device(&fd, err);
}

int tap_open(const struct tap_opts *opts, int *ret_fd, uint32_t *ret_index,
	     struct cni_err *err)
{
	cleanup_close int fd = -1;
	uint32_t index = opts->index;
	int r;

	r = link_check_name(opts->name, err);
	if (r < 0)
		return err_ctx(err, r, "create tap");
	r = open_device(&fd, err);
	if (!r)
		r = attach(fd, opts, &index, err);
	if (r >= 0)
		r = set_owner(fd, opts, err);
	if (r < 0)
		return err_ctx(err, r, "create tap %s", opts->name);
	if (!index)
		index = if_nametoindex(opts->name);
	if (!index)
		return err_set(err, CNI_E_KERNEL, errno, "find tap %s",
			       opts->name);

	*ret_fd = TAKE_FD(fd);
	*ret_index = index;
	return 0;
}

int tap_join(const char *name, uint32_t index, bool multi_queue, int *ret_fd,
	     struct cni_err *err)
{
	const unsigned flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
			       (multi_queue ? IFF_MULTI_QUEUE : 0U);
	cleanup_close int fd = open(device, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct ifreq ifr = { .ifr_flags = (short)flags };

	if (fd < 0)
		return err_set(err, CNI_E_KERNEL, errno, "open %s", device);
	memcpy(ifr.ifr_name, name, strnlen(name, sizeof(ifr.ifr_name) - 1));
	if (if_nametoindex(name) != index)
		return err_set(err, CNI_E_KERNEL, ENODEV, "open tap %s", name);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return err_set(err, CNI_E_KERNEL, errno, "open tap %s", name);
	/* Gone in between, it was made anew, and goes with the descriptor. */
	if (if_nametoindex(name) != index)
		return err_set(err, CNI_E_KERNEL, ENODEV, "open tap %s", name);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int tap_configure(struct netlink *nl, const char *name,
		  const struct tap_conf *conf, struct cni_err *err)
{
	struct netlink_req q[REQUESTS];
	struct cni_err e = CNI_ERR_INIT; /* not every refusal is a failure */
	int results[REQUESTS], r;

	q[0] = link_req(RTM_SETLINK, 0, 0, name);
	netlink_put_u32(&q[0], IFLA_GROUP, LINK_GROUP_WEFT);
	link_put_mac(&q[0], &conf->mac);
	if (conf->mtu)
		netlink_put_u32(&q[0], IFLA_MTU, conf->mtu);
	if (conf->master)
		netlink_put_u32(&q[0], IFLA_MASTER, conf->master);
	link_req_mark(name, conf->alias, &q[MARK]);

	r = netlink_do_all(nl, q, REQUESTS, results, &e);
	if (r >= 0 || (!results[0] && !results[MARK] &&
		       results[ADDRGEN] == -EAFNOSUPPORT))
		return 0;

	*err = e;
	r = link_explain_full(nl, r, conf->master, err);
	return err_ctx(err, r, "configure tap %s", name);
}

int tap_persist(int fd, struct cni_err *err)
{
	if (ioctl(fd, TUNSETPERSIST, 1UL) < 0)
		return err_set(err, CNI_E_KERNEL, errno, "make tap persistent");
	return 0;
}

int tap_expire(int fd, struct cni_err *err)
{
	if (ioctl(fd, TUNSETPERSIST, 0UL) < 0)
		return err_set(err, CNI_E_KERNEL, errno,
			       "let the tap end with its VMM");
	return 0;
}

static int read_tun(struct nlattr *data, void *arg)
{
	struct nlattr *tb[IFLA_TUN_MAX + 1];

	if (nla_parse_nested(tb, IFLA_TUN_MAX, data, NULL) < 0)
		return -EBADMSG;
	*(struct tap_info *)arg = (struct tap_info){
		.owner = netlink_attr_u32(tb[IFLA_TUN_OWNER], TAP_ANYONE),
		.group = netlink_attr_u32(tb[IFLA_TUN_GROUP], TAP_ANYONE),
		.queues = netlink_attr_u32(tb[IFLA_TUN_NUM_QUEUES], 0) +
			  netlink_attr_u32(tb[IFLA_TUN_NUM_DISABLED_QUEUES], 0),
		.tap = netlink_attr_u8(tb[IFLA_TUN_TYPE], 0) == IFF_TAP,
		.persist = netlink_attr_u8(tb[IFLA_TUN_PERSIST], 0),
		.multi_queue = netlink_attr_u8(tb[IFLA_TUN_MULTI_QUEUE], 0),
		.vnet_hdr = netlink_attr_u8(tb[IFLA_TUN_VNET_HDR], 0),
		.packet_info = netlink_attr_u8(tb[IFLA_TUN_PI], 0),
	};
	return 0;
}

int tap_get(struct netlink *nl, const char *name, struct tap_info *ret,
	    struct cni_err *err)
{
	const int r = link_get_data(nl, name, "tun", read_tun, ret, err);

	return r < 0 ? err_ctx(err, r, "find tap %s", name) : 0;
}
