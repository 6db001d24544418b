/* SPDX-License-Identifier: Apache-2.0 */
#include "net/iface.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "net/addr.h"
#include "net/link.h"
#include "net/netlink.h"

/* Requests @first.. of all that there are: mark, addresses, up, routes. */
struct batch {
	struct netlink *nl;
	uint32_t index;
	const struct iface_opts *opts;
	size_t first, n;
	struct netlink_req q[NETLINK_BATCH_MAX];
};

static struct netlink_req mark_req(uint32_t index,
				   const struct iface_opts *opts)
{
	struct netlink_req q = link_req(RTM_SETLINK, 0, index, "");
	struct nlattr *spec, *inet, *conf;

	netlink_put(&q, IFLA_IFALIAS, opts->alias, strlen(opts->alias));
	if (!opts->arp_notify)
		return q;
	spec = netlink_nest(&q, IFLA_AF_SPEC);
	inet = netlink_nest(&q, AF_INET);
	conf = netlink_nest(&q, IFLA_INET_CONF);
	netlink_put_u32(&q, IPV4_DEVCONF_ARP_NOTIFY, 1);
	netlink_nest_end(&q, conf);
	netlink_nest_end(&q, inet);
	netlink_nest_end(&q, spec);
	return q;
}

/* Which one was it? */
static int explain(const struct batch *b, size_t i, int r, struct cni_err *err)
{
	const struct iface_opts *o = b->opts;
	const bool up = o->up;

	if (!i)
		return err_ctx(err, r, "set alias");
	i--;
	if (i < o->n_addrs)
		return addr_explain(&o->addrs[i], r, err);
	i -= o->n_addrs;
	if (up && !i)
		return err_ctx(err, r, "bring up");
	return route_explain(&o->routes[i - up], r, err);
}

static int flush(struct batch *b, struct cni_err *err)
{
	int results[NETLINK_BATCH_MAX], r;
	size_t i = 0;

	if (!b->n)
		return 0;
	r = netlink_do_all(b->nl, b->q, b->n, results, err);
	while (r < 0 && i + 1 < b->n && !results[i])
		i++;
	if (r < 0)
		return explain(b, b->first + i, r, err);
	b->first += b->n;
	b->n = 0;
	return 0;
}

static int append(struct batch *b, struct netlink_req q, struct cni_err *err)
{
	b->q[b->n++] = q;
	return b->n == NETLINK_BATCH_MAX ? flush(b, err) : 0;
}

static uint32_t addr_flags(const struct iface_opts *o, const struct ip_net *n)
{
	return n->addr.family == AF_INET6 && !o->dad ? IFA_F_NODAD : 0;
}

int iface_configure(struct netlink *nl, uint32_t index,
		    const struct iface_opts *opts, struct cni_err *err)
{
	struct batch b = { .nl = nl, .index = index, .opts = opts };
	int r = 0;

	for (size_t i = 0; !r && i < opts->n_routes; i++)
		r = route_check(&opts->routes[i], err);
	if (!r)
		r = append(&b, mark_req(index, opts), err);
	for (size_t i = 0; !r && i < opts->n_addrs; i++)
		r = append(&b,
			   addr_add_req(index, &opts->addrs[i],
					addr_flags(opts, &opts->addrs[i])),
			   err);
	if (!r && opts->up)
		r = append(&b, link_up_req(index, true), err);
	for (size_t i = 0; !r && i < opts->n_routes; i++)
		r = append(&b, route_add_req(&opts->routes[i]), err);
	return r ? r : flush(&b, err);
}
