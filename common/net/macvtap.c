/* SPDX-License-Identifier: Apache-2.0 */
#include "net/macvtap.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/mount.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/node.h"

enum { NO_ARP_REPLY = 8 }; /* arp_ignore: for no address at all */

int macvtap_quiet(struct netlink *nl, uint32_t index, const char *alias,
		  struct cni_err *err)
{
	struct netlink_req q = link_req(RTM_SETLINK, 0, index, "");
	struct nlattr *spec, *inet, *conf;
	int r;

	netlink_put(&q, IFLA_IFALIAS, alias, strlen(alias));
	spec = netlink_nest(&q, IFLA_AF_SPEC);
	inet = netlink_nest(&q, AF_INET);
	conf = netlink_nest(&q, IFLA_INET_CONF);
	netlink_put_u32(&q, IPV4_DEVCONF_ARP_IGNORE, NO_ARP_REPLY);
	netlink_put_u32(&q, IPV4_DEVCONF_FORWARDING, 0);
	netlink_nest_end(&q, conf);
	netlink_nest_end(&q, inet);
	netlink_nest_end(&q, spec);
	r = netlink_do(nl, &q, err);
	return r < 0 ? err_ctx(err, r, "mark interface %u", index)
		     : link_forbid_link_local(nl, index, err);
}

int macvtap_raise(struct netlink *nl, uint32_t index, struct cni_err *err)
{
	const unsigned int flags = IFF_UP | IFF_ALLMULTI;
	const struct ifinfomsg ifi = { .ifi_index = (int)index,
				       .ifi_flags = flags,
				       .ifi_change = flags };
	struct netlink_req q = netlink_req(RTM_SETLINK, 0, &ifi, sizeof(ifi));
	const int r = netlink_do(nl, &q, err);

	return r < 0 ? err_ctx(err, r, "bring up") : 0;
}

/* Returns a descriptor, or a negative errno. */
static int open_sysfs(void)
{
	cleanup_close int fs =
		(int)syscall(SYS_fsopen, "sysfs", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

/* "246:1" */
static int parse_number(const char *text, dev_t *ret)
{
	char *end;
	const unsigned long high = strtoul(text, &end, 10);
	unsigned long low;

	if (end == text || *end != ':')
		return -EBADMSG;
	text = end + 1;
	low = strtoul(text, &end, 10);
	if (end == text || (*end && *end != '\n') || high > UINT32_MAX ||
	    low > UINT32_MAX)
		return -EBADMSG;
	*ret = makedev((unsigned int)high, (unsigned int)low);
	return 0;
}

int macvtap_number(const char *name, uint32_t index, dev_t *ret,
		   struct cni_err *err)
{
	cleanup_close int sysfs = open_sysfs();
	char path[64], text[32];
	ssize_t n;
	int r;

	if (sysfs < 0)
		return err_set(err, CNI_E_KERNEL, -sysfs,
			       "open a sysfs of the namespace of %s", name);
	(void)snprintf(path, sizeof(path), "class/net/%s/tap%u/dev", name,
		       index);
	n = file_read_at(sysfs, path, text, sizeof(text));
	r = n < 0 ? (int)n : parse_number(text, ret);
	return r < 0 ? err_set(err, CNI_E_KERNEL, -r,
			       "character device of %s: read sysfs %s", name,
			       path)
		     : 0;
}

int macvtap_is_open(const char *name, uint32_t index, struct cni_err *err)
{
	dev_t number = 0;
	const int r = macvtap_number(name, index, &number, err);

	return r < 0 ? r : node_is_held(number, err);
}
