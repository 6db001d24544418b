/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include "net/addr.h"
#include "net/bridge.h"
#include "net/conntrack.h"
#include "net/portmap.h"
#include "net_lib.h"

#define OWNER "0123456789abcdef net:c1:eth0"

struct count {
	uint16_t port;
	struct ip_addr dst;
	int n;
};

static int count_one(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[CTA_MAX + 1], *t[CTA_TUPLE_MAX + 1],
		*ip[CTA_IP_MAX + 1], *p[CTA_PROTO_MAX + 1];
	struct count *c = arg;
	const bool v6 = c->dst.family == AF_INET6;
	const struct nlattr *dst;

	(void)err;
	if (!h) {
		c->n = 0;
		return 0;
	}
	assert_false(
		nlmsg_parse(h, sizeof(struct nfgenmsg), tb, CTA_MAX, NULL) < 0);
	nla_parse_nested(t, CTA_TUPLE_MAX, tb[CTA_TUPLE_ORIG], NULL);
	nla_parse_nested(ip, CTA_IP_MAX, t[CTA_TUPLE_IP], NULL);
	nla_parse_nested(p, CTA_PROTO_MAX, t[CTA_TUPLE_PROTO], NULL);
	dst = ip[v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST];
	if (dst && p[CTA_PROTO_DST_PORT] &&
	    nla_get_u16(p[CTA_PROTO_DST_PORT]) == htons(c->port) &&
	    !memcmp(nla_data(dst), c->dst.b, ip_len(&c->dst)))
		c->n++;
	return 0;
}

/* How many connections the kernel knows to an address and a port. */
static int known(struct sandbox *s, const char *dst, uint16_t port)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct count c = { .port = port, .dst = ip_of(dst) };
	const struct nfgenmsg g = { .nfgen_family = c.dst.family };
	struct netlink_req q =
		netlink_req(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, 0,
			    &g, sizeof(g));

	assert_works(netlink_open_nfnl(&nl, &s->err), s->err);
	assert_works(netlink_dump(nl, &q, count_one, &c, &s->err), s->err);
	return c.n;
}

static void send_udp(const char *dst, uint16_t port)
{
	const struct ip_addr a = ip_of(dst);
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(port) };
	const bool is6 = a.family == AF_INET6;
	const int fd = socket(a.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(&v4.sin_addr, a.b, 4);
	memcpy(&v6.sin6_addr, a.b, 16);
	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, "?", 1, 0, is6 ? (void *)&v6 : (void *)&v4,
				is6 ? sizeof(v6) : sizeof(v4)),
			 1);
	(void)close(fd);
}

/* Two addresses of our own, two of others, and conntrack at work. */
static void build(struct sandbox *s)
{
	const struct bridge_opts o = { .mac = mac_of("fe:00:00:00:00:01") };
	const struct ip_net in4 = net_of("10.1.0.1/24"),
			    in6 = net_of("fd00::1/64");
	const struct portmap_forward f = { .proto = IPPROTO_TCP,
					   .host_port = 1,
					   .guest_ip = ip_of("10.1.0.2"),
					   .guest_port = 1 };
	const struct portmap p = { .owner = OWNER, .v = &f, .n = 1 };
	struct link_info lo;
	uint32_t br;
	bool adopted;

	assert_works(link_get(s->nl, "lo", &lo, &s->err), s->err);
	assert_works(link_set_up(s->nl, lo.index, true, &s->err), s->err);
	assert_works(bridge_create(s->nl, "weft0", &o, &br, &s->err), s->err);
	assert_works(addr_add(s->nl, br, &in4, 0, &s->err), s->err);
	assert_works(link_set_up(s->nl, br, true, &s->err), s->err);
	assert_works(addr_add(s->nl, br, &in6, 0x02 /* IFA_F_NODAD */, &s->err),
		     s->err);
	assert_works(portmap_ensure(&p, &adopted, &s->err), s->err);
}

static struct conntrack_match match(const char *dst, uint16_t port)
{
	struct conntrack_match m = { .proto = IPPROTO_UDP,
				     .port = port,
				     .dst = ip_of(dst),
				     .to_port = 80,
				     .is_other = true };

	m.to = ip_of(m.dst.family == AF_INET ? "10.1.0.2" : "fd00::2");
	return m;
}

TEST(only_the_port_of_the_host_is_forgotten)
{
	struct sandbox *s = *state;
	const struct conntrack_match m = match("0.0.0.0", 5353);

	build(s);
	send_udp("10.1.0.1", 5353);
	send_udp("127.0.0.1", 5353);
	send_udp("10.1.0.1", 5354);
	send_udp("10.1.0.9", 5353);
	send_udp("fd00::1", 5353);
	assert_int_equal(known(s, "10.1.0.1", 5353), 1);
	assert_int_equal(known(s, "10.1.0.9", 5353), 1);
	assert_int_equal(known(s, "fd00::1", 5353), 1);
	assert_works(conntrack_flush(&m, 1, &s->err), s->err);
	assert_int_equal(known(s, "10.1.0.1", 5353), 0);
	assert_int_equal(known(s, "127.0.0.1", 5353), 0);
	assert_int_equal(known(s, "10.1.0.1", 5354), 1);
	assert_int_equal(known(s, "10.1.0.9", 5353), 1);
	assert_int_equal(known(s, "fd00::1", 5353), 1);
}

TEST(one_address_is_meant_or_any)
{
	struct sandbox *s = *state;
	const struct conntrack_match m[] = { match("10.1.0.1", 5353),
					     match("::", 5354) };

	build(s);
	send_udp("10.1.0.1", 5353);
	send_udp("127.0.0.1", 5353);
	send_udp("fd00::1", 5354);
	send_udp("fd00::9", 5354);
	assert_works(conntrack_flush(m, 2, &s->err), s->err);
	assert_int_equal(known(s, "10.1.0.1", 5353), 0);
	assert_int_equal(known(s, "127.0.0.1", 5353), 1);
	assert_int_equal(known(s, "fd00::1", 5354), 0);
	assert_int_equal(known(s, "fd00::9", 5354), 1);
}

TEST(led_there_or_led_elsewhere)
{
	struct sandbox *s = *state;
	struct conntrack_match m = match("0.0.0.0", 5353);

	build(s);
	send_udp("10.1.0.1", 5353);
	m.is_other = false;
	assert_works(conntrack_flush(&m, 1, &s->err), s->err);
	assert_int_equal(known(s, "10.1.0.1", 5353), 1);
	m.to = ip_of("10.1.0.1");
	m.to_port = 5353;
	m.is_other = true;
	assert_works(conntrack_flush(&m, 1, &s->err), s->err);
	assert_int_equal(known(s, "10.1.0.1", 5353), 1);
	m.is_other = false;
	assert_works(conntrack_flush(&m, 1, &s->err), s->err);
	assert_int_equal(known(s, "10.1.0.1", 5353), 0);
	assert_works(conntrack_flush(NULL, 0, &s->err), s->err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(only_the_port_of_the_host_is_forgotten),
		in_sandbox(one_address_is_meant_or_any),
		in_sandbox(led_there_or_led_elsewhere),
	};

	return RUN(tests);
}
