/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor.c - the least that an attachment costs: the changes that bridge-vm and
 * ipam-host-local make for it, in the kernel and in the lease directory, and the
 * questions that CHECK asks, by the fewest system calls. No JSON, no name is
 * derived, nothing is looked at first, no answer is read but its error; the
 * address is the container ID's number. What it makes is like ours to the
 * sysctl, so that one second later nobody could tell.
 *
 *	FLOOR_BRIDGE	the bridge, which is there
 *	FLOOR_DIR	the lease directory, with `own` in it for the index
 *	FLOOR_TAP	set: a tap
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUP 0x77656674
#define INDEX(n) (0x20000000 + (n))

/* Requests of one sendmsg. */
struct batch {
	char buf[4096];
	size_t len;
	struct nlmsghdr *h; /* the last */
	unsigned int n;	    /* that will be acknowledged */
};

static unsigned int n; /* the attachment's number */
static char port[IFNAMSIZ], ip4[32], ip6[48];

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v ? v : "";
}

static void put(struct batch *b, const void *data, size_t len)
{
	memcpy(b->buf + b->len, data, len);
	b->len += NLMSG_ALIGN(len);
	if (b->h)
		b->h->nlmsg_len = (unsigned)(b->buf + b->len - (char *)b->h);
}

static void request(struct batch *b, int type, int flags, const void *hdr,
		    size_t len)
{
	const struct nlmsghdr h = {
		.nlmsg_type = (unsigned short)type,
		.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags),
	};

	b->h = (void *)(b->buf + b->len);
	put(b, &h, sizeof(h));
	put(b, hdr, len);
	b->n += !!(flags & NLM_F_ACK);
}

static void attr(struct batch *b, int type, const void *data, size_t len)
{
	const struct nlattr a = { .nla_len = (unsigned short)(sizeof(a) + len),
				  .nla_type = (unsigned short)type };

	put(b, &a, sizeof(a));
	put(b, data, len);
}

static void attr_u32(struct batch *b, int type, unsigned int v)
{
	attr(b, type, &v, sizeof(v));
}

static struct nlattr *nest(struct batch *b, int type)
{
	struct nlattr *a = (void *)(b->buf + b->len);

	attr(b, type | NLA_F_NESTED, "", 0);
	return a;
}

static void nest_end(struct batch *b, struct nlattr *a)
{
	a->nla_len = (unsigned short)(b->buf + b->len - (char *)a);
}

static int sock(unsigned int groups)
{
	const struct sockaddr_nl a = { .nl_family = AF_NETLINK,
				       .nl_groups = groups };
	const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || (groups && bind(fd, (const void *)&a, sizeof(a))))
		err(1, "netlink");
	return fd;
}

/* Sends what is there and hears that it was done. */
static void flush(int fd, struct batch *b)
{
	char in[16384];
	ssize_t len = send(fd, b->buf, b->len, 0);

	while (len > 0 && b->n) {
		struct nlmsghdr *h = (void *)in;

		len = recv(fd, in, sizeof(in), 0);
		for (; len > 0 && NLMSG_OK(h, (size_t)len);
		     h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == NLMSG_ERROR)
				errno = -*(int *)NLMSG_DATA(h);
			if (h->nlmsg_type == NLMSG_ERROR && errno)
				err(1, "%s", port);
			b->n--;
		}
		len = 1;
	}
	if (len < 0)
		err(1, "netlink");
	*b = (struct batch){ 0 };
}

static void write_at(int dir, const char *name, int flags, const char *text)
{
	const int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | flags, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || close(fd))
		err(1, "%s", name);
}

static void sysctl_set(const char *dir, const char *name, const char *key,
		       const char *value)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s/%s/%s", dir, name,
		       key);
	write_at(AT_FDCWD, path, 0, value);
}

static int lease_dir(void)
{
	const int dir = open(env("FLOOR_DIR"), O_DIRECTORY | O_CLOEXEC);
	const int lock =
		openat(dir, "lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	if (dir < 0 || lock < 0 || flock(lock, LOCK_EX))
		err(1, "lease directory");
	return dir;
}

static void take_lease(void)
{
	const int dir = lease_dir();
	char name[32], text[128];

	(void)snprintf(name, sizeof(name), "own/%u", n);
	(void)snprintf(text, sizeof(text), "%s\r\neth0",
		       env("CNI_CONTAINERID"));
	write_at(dir, "own/new", O_CREAT | O_EXCL, text);
	if (symlinkat(text, dir, name) || linkat(dir, "own/new", dir, ip4, 0) ||
	    linkat(dir, "own/new", dir, ip6, 0) || unlinkat(dir, "own/new", 0))
		err(1, "lease");
	write_at(dir, "last_reserved_ip.0", O_CREAT, ip4);
	write_at(dir, "last_reserved_ip.1", O_CREAT, ip6);
	(void)close(dir);
}

static void drop_lease(void)
{
	const int dir = lease_dir();
	char name[32];

	(void)snprintf(name, sizeof(name), "own/%u", n);
	if (unlinkat(dir, ip4, 0) || unlinkat(dir, ip6, 0) ||
	    unlinkat(dir, name, 0))
		err(1, "lease");
}

static void put_end(struct batch *b, const char *name, unsigned char first)
{
	const unsigned char mac[6] = {
		first, 0, 0, 0, (unsigned char)(n >> 8), (unsigned char)n
	};

	attr(b, IFLA_IFNAME, name, strlen(name) + 1);
	attr(b, IFLA_ADDRESS, mac, sizeof(mac));
	attr_u32(b, IFLA_GROUP, GROUP);
	attr_u32(b, IFLA_NUM_TX_QUEUES, 1);
	attr_u32(b, IFLA_NUM_RX_QUEUES, 1);
}

static void put_alias(struct batch *b)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)INDEX(n) };
	const char alias[] = "weft1:bridge-vm:bench:floor-000000:eth0";

	request(b, RTM_SETLINK, NLM_F_ACK, &ifi, sizeof(ifi));
	attr(b, IFLA_IFALIAS, alias, sizeof(alias));
}

static void put_mark(struct batch *b)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)INDEX(n) };
	const unsigned char none = IN6_ADDR_GEN_MODE_NONE;
	struct nlattr *spec, *inet6;

	put_alias(b);
	request(b, RTM_SETLINK, NLM_F_ACK, &ifi, sizeof(ifi));
	spec = nest(b, IFLA_AF_SPEC);
	inet6 = nest(b, AF_INET6);
	attr(b, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	nest_end(b, inet6);
	nest_end(b, spec);
}

static void make_veth(int host, int netns)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)INDEX(n) };
	struct nlattr *info, *data, *peer;
	struct batch b = { 0 };

	request(&b, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &ifi,
		sizeof(ifi));
	put_end(&b, port, 0xfe);
	attr_u32(&b, IFLA_MASTER, if_nametoindex(env("FLOOR_BRIDGE")));
	info = nest(&b, IFLA_LINKINFO);
	attr(&b, IFLA_INFO_KIND, "veth", 5);
	data = nest(&b, IFLA_INFO_DATA);
	peer = nest(&b, VETH_INFO_PEER);
	put(&b, &ifi, sizeof(ifi));
	attr_u32(&b, IFLA_NET_NS_FD, (unsigned)netns);
	put_end(&b, env("CNI_IFNAME"), 0x02);
	nest_end(&b, peer);
	nest_end(&b, data);
	nest_end(&b, info);
	put_mark(&b);
	flush(host, &b);
}

static void put_up(struct batch *b)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)INDEX(n),
				       .ifi_flags = IFF_UP,
				       .ifi_change = IFF_UP };

	request(b, RTM_SETLINK, NLM_F_ACK, &ifi, sizeof(ifi));
}

static void put_address(struct batch *b, int family, const char *text, int plen)
{
	const struct ifaddrmsg ifa = { .ifa_family = (unsigned char)family,
				       .ifa_prefixlen = (unsigned char)plen,
				       .ifa_index = INDEX(n) };
	const size_t len = family == AF_INET ? 4 : 16;
	unsigned char a[16];

	(void)inet_pton(family, text, a);
	request(b, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &ifa,
		sizeof(ifa));
	attr(b, IFA_LOCAL, a, len);
	attr(b, IFA_ADDRESS, a, len);
	if (family == AF_INET6)
		attr_u32(b, IFA_FLAGS, IFA_F_NODAD);
	a[2] = a[3] = 255;
	if (family == AF_INET)
		attr(b, IFA_BROADCAST, a, len);
}

static void put_route(struct batch *b, int family, const char *gateway)
{
	const struct rtmsg rtm = { .rtm_family = (unsigned char)family,
				   .rtm_table = RT_TABLE_MAIN,
				   .rtm_protocol = RTPROT_BOOT,
				   .rtm_type = RTN_UNICAST };
	unsigned char a[16];

	(void)inet_pton(family, gateway, a);
	request(b, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE, &rtm, sizeof(rtm));
	attr(b, RTA_GATEWAY, a, family == AF_INET ? 4 : 16);
	attr_u32(b, RTA_OIF, INDEX(n));
}

static void ask(int fd, int type, int flags, const void *hdr, size_t len)
{
	struct batch b = { 0 };
	char in[32768];
	bool more = true;

	request(&b, type, flags, hdr, len);
	if (send(fd, b.buf, b.len, 0) < 0)
		err(1, "netlink");
	while (more) {
		const struct nlmsghdr *h = (void *)in;

		if (recv(fd, in, sizeof(in), 0) < 0)
			err(1, "netlink");
		if (h->nlmsg_type == NLMSG_ERROR)
			errx(1, "%s is damaged", port);
		more = flags && h->nlmsg_type != NLMSG_DONE;
	}
}

static void ask_link(int fd, unsigned int index)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)index };

	ask(fd, RTM_GETLINK, 0, &ifi, sizeof(ifi));
}

/* Its answer is what it is waited for by. */
static void put_ask(struct batch *b)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)INDEX(n) };

	request(b, RTM_GETLINK, 0, &ifi, sizeof(ifi));
	b->n++;
}

/* Heard by the neighbours, now that the port is up. */
static void announce(int fd)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)INDEX(n) };
	const unsigned char mac[6] = {
		0x02, 0, 0, 0, (unsigned char)(n >> 8), (unsigned char)n
	};
	struct batch b = { 0 };

	put_ask(&b);
	request(&b, RTM_SETLINK, NLM_F_ACK, &ifi, sizeof(ifi));
	attr(&b, IFLA_ADDRESS, mac, sizeof(mac));
	flush(fd, &b);
}

static void set_guest(int fd)
{
	const char *name = env("CNI_IFNAME");
	struct batch b = { 0 };

	sysctl_set("ipv4/conf", name, "arp_notify", "1");
	sysctl_set("ipv6/conf", name, "accept_dad", "0");
	sysctl_set("ipv6/conf", name, "ndisc_notify", "1");
	sysctl_set("ipv6/conf", name, "keep_addr_on_down", "1");
	put_alias(&b);
	put_address(&b, AF_INET, ip4, 16);
	put_address(&b, AF_INET6, ip6, 64);
	put_up(&b);
	put_route(&b, AF_INET, "10.89.0.1");
	put_route(&b, AF_INET6, "fd00:89::1");
	flush(fd, &b);
}

static void add_veth(void)
{
	const int netns = open(env("CNI_NETNS"), O_RDONLY | O_CLOEXEC);
	const int host = sock(0);
	struct batch b = { 0 };
	int guest;

	make_veth(host, netns);
	sysctl_set("ipv6/conf", port, "accept_ra", "0");
	if (setns(netns, CLONE_NEWNET))
		err(1, "setns");
	guest = sock(0);
	set_guest(guest);
	put_up(&b);
	put_ask(&b);
	flush(host, &b);
	announce(guest);
}

static void add_tap(void)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)INDEX(n) };
	struct ifreq ifr = { .ifr_flags =
				     (short)(IFF_TAP | IFF_NO_PI |
					     IFF_VNET_HDR | IFF_TUN_EXCL) };
	const int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	const unsigned int index = INDEX(n);
	const int host = sock(0);
	struct batch b = { 0 };

	memcpy(ifr.ifr_name, port, sizeof(port));
	if (ioctl(tun, TUNSETIFINDEX, &index) || ioctl(tun, TUNSETIFF, &ifr))
		err(1, "%s", port);
	request(&b, RTM_SETLINK, NLM_F_ACK, &ifi, sizeof(ifi));
	put_end(&b, port, 0xfe);
	attr_u32(&b, IFLA_MASTER, if_nametoindex(env("FLOOR_BRIDGE")));
	put_mark(&b);
	flush(host, &b);
	sysctl_set("ipv6/conf", port, "accept_ra", "0");
	put_up(&b);
	flush(host, &b);
	if (ioctl(tun, TUNSETPERSIST, 1UL))
		err(1, "%s", port);
}

static void put_delete(struct batch *b)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)INDEX(n) };

	request(b, RTM_DELLINK, NLM_F_ACK, &ifi, sizeof(ifi));
}

/* A child sits out the kernel's clean-up; the answer comes at the event. */
static void del_link(void)
{
	const int events = sock(RTMGRP_LINK), own = sock(0);
	struct batch b = { 0 };
	const int room =
		1 << 22; /* each port of the bridge may tell something */
	bool gone = false;
	pid_t child;
	char in[16384];

	(void)setsockopt(events, SOL_SOCKET, SO_RCVBUFFORCE, &room,
			 sizeof(room));
	put_delete(&b);
	child = fork();
	if (!child) {
		for (int fd = 0; fd < own; fd++)
			(void)close(fd);
		flush(own, &b);
		_exit(0);
	}
	while (child > 0 && !gone && recv(events, in, sizeof(in), 0) > 0) {
		const struct nlmsghdr *h = (void *)in;
		const struct ifinfomsg *ifi = NLMSG_DATA(h);

		gone = h->nlmsg_type == RTM_DELLINK && !ifi->ifi_family &&
		       (unsigned)ifi->ifi_index == INDEX(n);
	}
	if (!gone)
		err(1, "%s", port);
}

static void ask_all(int fd, int type, int family, unsigned int index)
{
	const struct ifaddrmsg ifa = { .ifa_family = (unsigned char)family,
				       .ifa_index = index };
	const struct rtmsg rtm = { .rtm_family = (unsigned char)family };

	if (type == RTM_GETADDR)
		ask(fd, type, NLM_F_DUMP, &ifa, sizeof(ifa));
	else
		ask(fd, type, NLM_F_DUMP, &rtm, sizeof(rtm));
}

static void check(void)
{
	const int netns = open(env("CNI_NETNS"), O_RDONLY | O_CLOEXEC);
	const unsigned int bridge = if_nametoindex(env("FLOOR_BRIDGE"));
	const int host = sock(0), dir = lease_dir();
	int guest, on = 1;

	if (faccessat(dir, ip4, R_OK, 0) || faccessat(dir, ip6, R_OK, 0))
		err(1, "lease");
	(void)setsockopt(host, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on,
			 sizeof(on));
	ask_link(host, bridge);
	ask_link(host, INDEX(n));
	ask_all(host, RTM_GETADDR, AF_UNSPEC, bridge);
	if (*env("FLOOR_TAP"))
		return;
	if (setns(netns, CLONE_NEWNET))
		err(1, "setns");
	guest = sock(0);
	(void)setsockopt(guest, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on,
			 sizeof(on));
	ask_link(guest, INDEX(n));
	ask_all(guest, RTM_GETADDR, AF_UNSPEC, INDEX(n));
	ask_all(guest, RTM_GETROUTE, AF_INET, 0);
	ask_all(guest, RTM_GETROUTE, AF_INET6, 0);
}

static void say(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		err(1, "stdout");
}

int main(void)
{
	const char *number = strrchr(env("CNI_CONTAINERID"), '-');
	char in[65536];

	if (read(STDIN_FILENO, in, sizeof(in)) < 0 || !number)
		err(2, "see the head of floor.c");
	n = (unsigned int)strtoul(number + 1, NULL, 10) + 2;
	(void)snprintf(port, sizeof(port), "floor%u", n);
	(void)snprintf(ip4, sizeof(ip4), "10.89.%u.%u", n >> 8, n & 255);
	(void)snprintf(ip6, sizeof(ip6), "fd00:89::%x", n);

	(void)alarm(20); /* should the child have failed */
	switch (env("CNI_COMMAND")[0]) {
	case 'A':
		take_lease();
		if (*env("FLOOR_TAP"))
			add_tap();
		else
			add_veth();
		say("{\"cniVersion\":\"1.0.0\",\"interfaces\":[],\"ips\":[]}\n");
		break;
	case 'C':
		check();
		break;
	case 'D':
		del_link();
		drop_lease();
		break;
	default:
		say("{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"1.1.0\"]}\n");
	}
	return 0;
}
