/* SPDX-License-Identifier: Apache-2.0 */
#include "net/shape.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "net/qdisc.h"

enum {
	VLAN_TAG = 4,
	DEFAULT_MTU = 1500,
	LATENCIES_PER_S = 1000 / SHAPE_LATENCY_MS,
};

/* As the reference plugin computes them, but never so that a frame of full
 * size could not pass at all. */
static struct qdisc_tbf bucket(const struct shape *s,
			       const struct shape_rate *rate)
{
	const uint32_t frame =
		(s->mtu ? s->mtu : DEFAULT_MTU) + ETH_HLEN + VLAN_TAG;
	const uint32_t burst = rate->burst < frame ? frame : rate->burst;
	const uint64_t limit = rate->rate / LATENCIES_PER_S + burst;

	return (struct qdisc_tbf){
		.rate = rate->rate,
		.burst = burst,
		.limit = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX,
	};
}

static struct netlink_req ifb_req(const struct shape *s)
{
	struct netlink_req q =
		link_req(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, s->ifb);
	struct nlattr *info;

	netlink_put_u32(&q, IFLA_GROUP, LINK_GROUP_WEFT);
	link_put_mac(&q, &s->ifb_mac);
	if (s->mtu)
		netlink_put_u32(&q, IFLA_MTU, s->mtu);
	info = netlink_nest(&q, IFLA_LINKINFO);
	netlink_put_str(&q, IFLA_INFO_KIND, "ifb");
	netlink_nest_end(&q, info);
	return q;
}

static struct netlink_req altname_req(const struct shape *s)
{
	struct netlink_req q =
		link_req(RTM_NEWLINKPROP,
			 NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, 0, s->ifb);
	struct nlattr *list = netlink_nest(&q, IFLA_PROP_LIST);

	netlink_put_str(&q, IFLA_ALT_IFNAME, s->ifb_altname);
	netlink_nest_end(&q, list);
	return q;
}

/* Removes what cannot be found by its alternative name. */
static void discard(struct netlink *nl, const struct shape *s)
{
	struct cni_err ignored = CNI_ERR_INIT;
	cleanup_netlink struct netlink *fresh = NULL;
	struct link_info l;

	if (netlink_is_broken(nl)) {
		if (netlink_reopen(nl, &fresh, &ignored) < 0)
			return;
		nl = fresh;
	}
	if (!link_get(nl, s->ifb, &l, &ignored) && !strcmp(l.kind, "ifb") &&
	    !strcmp(l.name, s->ifb) && mac_equal(&l.mac, &s->ifb_mac))
		(void)link_delete(nl, l.index, &ignored);
}

static int create_ifb(struct netlink *nl, const struct shape *s,
		      struct link_info *ret, struct cni_err *err)
{
	enum { CREATE, ALIAS, ADDRGEN, ALTNAME, REQUESTS };
	struct cni_err e = CNI_ERR_INIT; /* not every refusal is a failure */
	int results[REQUESTS] = { 0 }, r = link_check_name(s->ifb, err);
	struct netlink_req q[REQUESTS];

	if (r < 0)
		return r;
	q[CREATE] = ifb_req(s);
	link_req_mark(s->ifb, s->alias, &q[ALIAS]);
	if (s->ifb_altname)
		q[ALTNAME] = altname_req(s);
	r = netlink_do_all(nl, q, s->ifb_altname ? REQUESTS : ALTNAME, results,
			   &e);
	if (r < 0 && !results[CREATE] && !results[ALIAS] && !results[ALTNAME] &&
	    results[ADDRGEN] == -EAFNOSUPPORT)
		r = 0;
	if (r < 0) {
		if (!results[CREATE] || netlink_is_broken(nl))
			discard(nl, s);
		*err = e;
		return err_ctx(err, r, "create ifb %s", s->ifb);
	}
	return link_get(nl, s->ifb, ret, err);
}

/* Each but the clsact, which others may need as well, is new. */
static int limit_in(struct netlink *nl, uint32_t index, const struct shape *s,
		    struct cni_err *err)
{
	enum { CLSACT, BUCKET, UP, REDIRECT, REQUESTS };
	const struct qdisc_tbf tbf = bucket(s, &s->in);
	struct cni_err e = CNI_ERR_INIT; /* not every refusal is a failure */
	struct netlink_req q[REQUESTS];
	int results[REQUESTS], r;
	struct link_info ifb = { 0 };

	r = create_ifb(nl, s, &ifb, err);
	if (r < 0)
		return r;
	q[CLSACT] = qdisc_clsact_req(index);
	q[BUCKET] = qdisc_tbf_req(ifb.index, &tbf);
	q[UP] = link_up_req(ifb.index, true);
	q[REDIRECT] = qdisc_redirect_req(index, SHAPE_PRIO, ifb.index);
	r = netlink_do_all(nl, q, REQUESTS, results, &e);
	if (r >= 0 || (results[CLSACT] == -EEXIST && !results[BUCKET] &&
		       !results[UP] && !results[REDIRECT]))
		return 0;
	*err = e;
	return r;
}

int shape_set(struct netlink *nl, uint32_t index, const struct shape *shape,
	      struct cni_err *err)
{
	const struct qdisc_tbf tbf = bucket(shape, &shape->out);
	struct netlink_req q;
	int r = 0;

	if (shape->out.rate) {
		q = qdisc_tbf_req(index, &tbf);
		r = netlink_do(nl, &q, err);
	}
	if (!r && shape->in.rate)
		r = limit_in(nl, index, shape, err);
	return r < 0 ? err_ctx(err, r, "limit the rate of interface %u", index)
		     : 0;
}

#define differs(err, ...) err_say(err, CNI_E_CHECK, ENOENT, __VA_ARGS__)

/* The kernel keeps a burst as a time, in 32 bits. */
static bool is_burst(const struct qdisc_tbf *have, const struct qdisc_tbf *want)
{
	const double longest = (double)UINT32_MAX * 64 / 1e9;
	const double slack =
		(double)want->burst / 1000 + (double)want->rate / 1e6 + 1;
	const double off = (double)have->burst - (double)want->burst;

	return (double)want->burst / (double)want->rate > longest ||
	       (off <= slack && off >= -slack);
}

static int check_bucket(struct netlink *nl, uint32_t index,
			const struct shape *s, const struct shape_rate *rate,
			struct cni_err *err)
{
	const struct qdisc_tbf want = bucket(s, rate);
	struct qdisc_tbf have;
	int r = qdisc_tbf_get(nl, index, &have, err);

	if (r == -ENOENT)
		return differs(err, "its rate is not limited");
	if (r < 0)
		return r;
	if (have.rate != want.rate)
		return differs(
			err,
			"its rate is limited to %llu bytes a second, not %llu",
			(unsigned long long)have.rate,
			(unsigned long long)want.rate);
	if (!is_burst(&have, &want) || have.limit != want.limit)
		return differs(
			err,
			"bursts of %u bytes with %u waiting may pass, not %u with %u",
			have.burst, have.limit, want.burst, want.limit);
	return 0;
}

static int check_in(struct netlink *nl, uint32_t index, const struct shape *s,
		    struct cni_err *err)
{
	struct link_info ifb = { 0 };
	uint32_t to;
	int r = link_get(nl, s->ifb, &ifb, err);

	if (r == -ENODEV)
		return differs(err, "ifb %s: not found", s->ifb);
	if (!r && (strcmp(ifb.kind, "ifb") != 0 || !(ifb.flags & IFF_UP)))
		return differs(err, "ifb %s: is %s", s->ifb,
			       strcmp(ifb.kind, "ifb") ? "another device"
						       : "down");
	if (!r)
		r = qdisc_redirect_get(nl, index, SHAPE_PRIO, &to, err);
	if (r == -ENOENT || (!r && to != ifb.index))
		return differs(err, "what it sends does not go through %s",
			       s->ifb);
	if (!r)
		r = check_bucket(nl, ifb.index, s, &s->in, err);
	return r < 0 ? err_ctx(err, r, "through %s", s->ifb) : 0;
}

int shape_check(struct netlink *nl, uint32_t index, const struct shape *shape,
		struct cni_err *err)
{
	int r = 0;

	if (shape->out.rate)
		r = check_bucket(nl, index, shape, &shape->out, err);
	return !r && shape->in.rate ? check_in(nl, index, shape, err) : r;
}
