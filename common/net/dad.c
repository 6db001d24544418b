/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dad.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/ip.h"
#include "net/link.h"
#include "net/netlink.h"

enum {
	INTERVAL_MS = 20,
	IF_OPER_UP = 6, /* linux/if.h, which cannot be had beside net/if.h */
};

struct scan {
	struct ip_addr tentative, failed; /* the last of each; family 0: none */
};

static int read_addr(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[IFA_MAX + 1];
	const struct ifaddrmsg *ifa;
	struct scan *s = arg;
	struct ip_addr a = { .family = AF_INET6 };
	uint32_t flags;

	if (!h) {
		*s = (struct scan){ 0 };
		return 0;
	}
	if (h->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(h, sizeof(*ifa), tb, IFA_MAX, NULL) < 0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read an address");
	ifa = nlmsg_data(h);
	flags = netlink_attr_u32(tb[IFA_FLAGS], ifa->ifa_flags);
	if (!tb[IFA_ADDRESS] || nla_len(tb[IFA_ADDRESS]) != (int)ip_len(&a))
		return 0;
	memcpy(a.b, nla_data(tb[IFA_ADDRESS]), ip_len(&a));
	if (flags & IFA_F_DADFAILED)
		s->failed = a;
	else if (flags & IFA_F_TENTATIVE)
		s->tentative = a;
	return 0;
}

static int scan(struct netlink *nl, uint32_t index, struct scan *ret,
		struct cni_err *err)
{
	const struct ifaddrmsg m = { .ifa_family = AF_INET6,
				     .ifa_index = index };
	struct netlink_req q = netlink_req(RTM_GETADDR, 0, &m, sizeof(m));

	*ret = (struct scan){ 0 };
	return netlink_dump(nl, &q, read_addr, ret, err);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void pause_a_little(void)
{
	const struct timespec interval = { .tv_nsec = INTERVAL_MS * 1000000L };

	(void)nanosleep(&interval, NULL);
}

int dad_wait(struct netlink *nl, uint32_t index, unsigned int timeout_ms,
	     struct cni_err *err)
{
	const int64_t end = now_ms() + timeout_ms;
	char text[IP_STR_SIZE];
	struct scan s;

	for (;;) {
		int r = scan(nl, index, &s, err);

		if (r < 0)
			return err_ctx(err, r, "duplicate address detection");
		if (s.failed.family)
			return err_say(
				err, CNI_E_TAKEN, EADDRINUSE,
				"address %s: another host of the network has it (duplicate address detection)",
				ip_format(&s.failed, text));
		if (!s.tentative.family)
			return 0;
		if (now_ms() >= end)
			return err_say(
				err, CNI_E_RETRY, ETIMEDOUT,
				"address %s: still tentative after %u ms of duplicate address detection",
				ip_format(&s.tentative, text), timeout_ms);
		pause_a_little();
	}
}

int dad_wait_for_port(struct netlink *nl, uint32_t index,
		      unsigned int timeout_ms, struct cni_err *err)
{
	const int64_t end = now_ms() + timeout_ms;
	struct link_info port;

	for (;;) {
		int r = link_get_index(nl, index, &port, err);

		if (r < 0 || (port.forwarding && port.operstate == IF_OPER_UP))
			return r;
		if (now_ms() >= end)
			return err_say(
				err, CNI_E_RETRY, ETIMEDOUT,
				"port %s: its bridge lets nothing through after %u ms",
				port.name, timeout_ms);
		pause_a_little();
	}
}
