/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "net/addr.h"
#include "net/bridge.h"
#include "net/masq.h"
#include "net/route.h"
#include "net/sysctl.h"
#include "net/veth.h"
#include "net_lib.h"

/* Traffic: two guests on a bridge, and a namespace that is the outside. */
struct topology {
	int guest[2], outside;
};

static void port(struct sandbox *s, int netns, const char *host,
		 const char *guest, uint32_t master,
		 const char *const host_ip[2], const char *const guest_ip[2],
		 const char *const gw[2])
{
	const struct veth_opts o = { .host_name = host,
				     .guest_name = guest,
				     .netns = netns,
				     .master = master,
				     .alias = "test" };
	cleanup_netlink struct netlink *nl = NULL;
	struct veth v;

	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	assert_works(netlink_open_in(netns, &nl, &s->err), s->err);
	assert_works(link_set_up(s->nl, v.host_index, true, &s->err), s->err);
	assert_works(link_set_up(nl, v.guest_index, true, &s->err), s->err);
	for (int i = 0; i < 2; i++) {
		const struct ip_net g = net_of(guest_ip[i]);

		if (host_ip) {
			const struct ip_net h = net_of(host_ip[i]);

			assert_works(addr_add(s->nl, v.host_index, &h,
					      i ? IFA_F_NODAD : 0, &s->err),
				     s->err);
		}
		assert_works(addr_add(nl, v.guest_index, &g,
				      i ? IFA_F_NODAD : 0, &s->err),
			     s->err);
		if (gw) {
			const struct route r = {
				.dst = net_of(i ? "::/0" : "0.0.0.0/0"),
				.gw = ip_of(gw[i]),
				.oif = v.guest_index,
				.scope = -1,
			};

			assert_works(route_add(nl, &r, &s->err), s->err);
		}
	}
}

static void build(struct sandbox *s, struct topology *t)
{
	static const char *const gw[] = { "10.88.0.1", "fd00:88::1" };
	static const char *const in1[] = { "10.88.0.2/16", "fd00:88::2/64" };
	static const char *const in2[] = { "10.88.0.3/16", "fd00:88::3/64" };
	static const char *const up[] = { "192.0.2.1/24", "2001:db8::1/64" };
	static const char *const out[] = { "192.0.2.9/24", "2001:db8::9/64" };
	const struct bridge_opts o = { .mac = mac_of("fe:00:00:00:00:01") };
	const struct ip_net gw4 = net_of("10.88.0.1/16");
	const struct ip_net gw6 = net_of("fd00:88::1/64");
	uint32_t br;

	t->guest[0] = s->guest;
	t->guest[1] = new_netns();
	t->outside = new_netns();
	assert_works(bridge_create(s->nl, "weft0", &o, &br, &s->err), s->err);
	assert_works(addr_add(s->nl, br, &gw4, 0, &s->err), s->err);
	assert_works(addr_add(s->nl, br, &gw6, IFA_F_NODAD, &s->err), s->err);
	assert_works(link_set_up(s->nl, br, true, &s->err), s->err);
	port(s, t->guest[0], "vethg0", "eth0", br, NULL, in1, gw);
	port(s, t->guest[1], "vethg1", "eth0", br, NULL, in2, gw);
	port(s, t->outside, "uplink", "eth0", 0, up, out, NULL);
	assert_works(sysctl_set_net("ipv4", NULL, "ip_forward", "1", &s->err),
		     s->err);
	assert_works(
		sysctl_set_net("ipv6/conf", "all", "forwarding", "1", &s->err),
		s->err);
}

static int udp_in(int netns, const char *address)
{
	cleanup_netns_leave int home = -1;
	struct cni_err err = CNI_ERR_INIT;
	const struct timeval wait = { .tv_sec = 3 };
	const struct ip_addr a = ip_of(address);
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(7777) };
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = htons(7777) };
	const bool is4 = a.family == AF_INET;
	int fd;

	memcpy(&v4.sin_addr, a.b, 4);
	memcpy(&v6.sin6_addr, a.b, 16);
	assert_int_equal(netns_enter(netns, &home, &err), 0);
	fd = socket(a.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, is4 ? (void *)&v4 : (void *)&v6,
			      is4 ? sizeof(v4) : sizeof(v6)),
			 0);
	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)),
		0);
	return fd;
}

/* From @from to @to and back; returns whom @to took for the sender. */
static struct ip_addr talk(int from_ns, const char *from, int to_ns,
			   const char *to)
{
	cleanup_close int a = udp_in(from_ns, from), b = udp_in(to_ns, to);
	struct sockaddr_storage peer = { 0 }, self = { 0 };
	socklen_t len = sizeof(peer), self_len = sizeof(self);
	struct ip_addr seen = { 0 };
	char c = 0;

	assert_int_equal(getsockname(b, (void *)&self, &self_len), 0);
	assert_int_equal(sendto(a, "x", 1, 0, (void *)&self, self_len), 1);
	if (recvfrom(b, &c, 1, 0, (void *)&peer, &len) != 1)
		fail_msg("%s does not reach %s", from, to);
	assert_int_equal(sendto(b, "y", 1, 0, (void *)&peer, len), 1);
	if (recv(a, &c, 1, 0) != 1 || c != 'y')
		fail_msg("%s does not answer %s", to, from);

	seen.family = (uint8_t)peer.ss_family;
	memcpy(seen.b,
	       seen.family == AF_INET
		       ? (void *)&((struct sockaddr_in *)&peer)->sin_addr
		       : (void *)&((struct sockaddr_in6 *)&peer)->sin6_addr,
	       ip_len(&seen));
	return seen;
}

static void assert_seen(struct ip_addr seen, const char *as)
{
	char text[IP_STR_SIZE];

	assert_string_equal(ip_format(&seen, text), as);
}

TEST(guests_leave_as_the_host_and_meet_each_other_as_themselves)
{
	struct sandbox *s = *state;
	const struct ip_net nets[] = { net_of("10.88.0.0/16"),
				       net_of("fd00:88::/64") };
	const struct masq m = { .network = "hybrid",
				.bridge = "weft0",
				.subnets = nets,
				.n_subnets = 2 };
	struct topology t;
	int home = -1;

	if (access("/proc/sys/net/ipv6", F_OK))
		skip();
	build(s, &t);
	assert_works(masq_ensure(&m, &s->err), s->err);

	assert_seen(talk(t.guest[0], "10.88.0.2", t.outside, "192.0.2.9"),
		    "192.0.2.1");
	assert_seen(talk(t.guest[1], "fd00:88::3", t.outside, "2001:db8::9"),
		    "2001:db8::1");
	assert_seen(talk(t.guest[0], "10.88.0.2", t.guest[1], "10.88.0.3"),
		    "10.88.0.2");
	assert_seen(talk(t.guest[1], "fd00:88::3", t.guest[0], "fd00:88::2"),
		    "fd00:88::3");
	assert_seen(talk(t.guest[0], "10.88.0.2", s->host, "10.88.0.1"),
		    "10.88.0.2");
	assert_seen(talk(s->host, "192.0.2.1", t.outside, "192.0.2.9"),
		    "192.0.2.1");

	/* Without the rules the outside sees the guest, and has no way back. */
	assert_works(masq_remove("hybrid", &s->err), s->err);
	assert_works(netns_enter(t.outside, &home, &s->err), s->err);
	assert_int_equal(system("ip route add 10.88.0.0/16 via 192.0.2.1"), 0);
	netns_leave(&home);
	assert_seen(talk(t.guest[1], "10.88.0.3", t.outside, "192.0.2.9"),
		    "10.88.0.3");
	(void)close(t.guest[1]);
	(void)close(t.outside);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(
			guests_leave_as_the_host_and_meet_each_other_as_themselves),
	};

	return RUN(tests);
}
