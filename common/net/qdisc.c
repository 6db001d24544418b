/* SPDX-License-Identifier: Apache-2.0 */
#include "net/qdisc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#define NS_PER_S 1000000000ULL

enum { TICK_NS = 64 }; /* PSCHED_SHIFT of net/pkt_sched.h */

#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)

static struct netlink_req req(int type, int flags, const struct tcmsg *t,
			      const char *kind)
{
	struct netlink_req q = netlink_req(type, flags, t, sizeof(*t));

	netlink_put_str(&q, TCA_KIND, kind);
	return q;
}

/* The time that a burst takes at that rate, in ticks, as far as they can be
 * told in 32 bits. */
static uint32_t ticks_of(const struct qdisc_tbf *tbf)
{
	const uint64_t ticks =
		tbf->burst * NS_PER_S / (tbf->rate ? tbf->rate : 1) / TICK_NS;

	return ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
}

struct netlink_req qdisc_tbf_req(uint32_t index, const struct qdisc_tbf *tbf)
{
	const struct tcmsg t = { .tcm_ifindex = (int)index,
				 .tcm_handle = TC_H_MAKE(1U << 16, 0U),
				 .tcm_parent = TC_H_ROOT };
	const struct tc_tbf_qopt opt = {
		.rate.rate = tbf->rate < UINT32_MAX ? (uint32_t)tbf->rate
						    : UINT32_MAX,
		.limit = tbf->limit,
		.buffer = ticks_of(tbf),
	};
	struct netlink_req q =
		req(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &t, "tbf");
	struct nlattr *options = netlink_nest(&q, TCA_OPTIONS);

	netlink_put(&q, TCA_TBF_PARMS, &opt, sizeof(opt));
	if (tbf->rate > UINT32_MAX)
		netlink_put(&q, TCA_TBF_RATE64, &tbf->rate, sizeof(tbf->rate));
	/* In bytes: ticks are too coarse for a fast device. */
	netlink_put_u32(&q, TCA_TBF_BURST, tbf->burst);
	netlink_nest_end(&q, options);
	return q;
}

struct netlink_req qdisc_clsact_req(uint32_t index)
{
	const struct tcmsg t = { .tcm_ifindex = (int)index,
				 .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0U),
				 .tcm_parent = TC_H_CLSACT };

	return req(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &t, "clsact");
}

static struct tcmsg filter_msg(uint32_t index, uint16_t prio)
{
	return (struct tcmsg){ .tcm_ifindex = (int)index,
			       .tcm_parent = INGRESS,
			       .tcm_info = TC_H_MAKE((uint32_t)prio << 16,
						     htons(ETH_P_ALL)) };
}

struct netlink_req qdisc_redirect_req(uint32_t index, uint16_t prio,
				      uint32_t to)
{
	const struct tcmsg t = filter_msg(index, prio);
	const struct tc_mirred mirred = { .action = TC_ACT_STOLEN,
					  .eaction = TCA_EGRESS_REDIR,
					  .ifindex = to };

	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key any; /* of mask 0: matches all */
	} match = { .sel = { .flags = TC_U32_TERMINAL, .nkeys = 1 } };
	struct netlink_req q =
		req(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &t, "u32");
	struct nlattr *options = netlink_nest(&q, TCA_OPTIONS);
	struct nlattr *list, *one, *inner;

	netlink_put(&q, TCA_U32_SEL, &match, sizeof(match));
	list = netlink_nest(&q, TCA_U32_ACT);
	one = netlink_nest(&q, 1);
	netlink_put_str(&q, TCA_ACT_KIND, "mirred");
	inner = netlink_nest(&q, TCA_ACT_OPTIONS);
	netlink_put(&q, TCA_MIRRED_PARMS, &mirred, sizeof(mirred));
	netlink_nest_end(&q, inner);
	netlink_nest_end(&q, one);
	netlink_nest_end(&q, list);
	netlink_nest_end(&q, options);
	return q;
}

/* Its options, if it is of @kind; NULL: of another. */
static struct nlattr *options_of(struct nlmsghdr *h, int type, const char *kind)
{
	struct nlattr *tb[TCA_MAX + 1];
	char have[16];

	if (h->nlmsg_type != type ||
	    nlmsg_parse(h, sizeof(struct tcmsg), tb, TCA_MAX, NULL) < 0)
		return NULL;
	netlink_attr_str(tb[TCA_KIND], have, sizeof(have));
	return strcmp(have, kind) ? NULL : tb[TCA_OPTIONS];
}

static int read_tbf(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *options = options_of(h, RTM_NEWQDISC, "tbf");
	struct nlattr *tb[TCA_TBF_MAX + 1];
	struct tc_tbf_qopt opt;
	uint64_t rate;

	if (!options || nla_parse_nested(tb, TCA_TBF_MAX, options, NULL) < 0 ||
	    !tb[TCA_TBF_PARMS] || nla_len(tb[TCA_TBF_PARMS]) < (int)sizeof(opt))
		return err_set(err, CNI_E_KERNEL, ENOENT, "no token bucket");
	memcpy(&opt, nla_data(tb[TCA_TBF_PARMS]), sizeof(opt));
	rate = opt.rate.rate;
	if (tb[TCA_TBF_RATE64] &&
	    nla_len(tb[TCA_TBF_RATE64]) >= (int)sizeof(rate))
		memcpy(&rate, nla_data(tb[TCA_TBF_RATE64]), sizeof(rate));
	*(struct qdisc_tbf *)arg = (struct qdisc_tbf){
		.rate = rate,
		.burst = (uint32_t)((double)opt.buffer * TICK_NS *
				    (double)rate / (double)NS_PER_S),
		.limit = opt.limit,
	};
	return 0;
}

int qdisc_tbf_get(struct netlink *nl, uint32_t index, struct qdisc_tbf *ret,
		  struct cni_err *err)
{
	const struct tcmsg t = { .tcm_ifindex = (int)index,
				 .tcm_parent = TC_H_ROOT };
	struct netlink_req q = netlink_req(RTM_GETQDISC, 0, &t, sizeof(t));
	struct qdisc_tbf tbf = { 0 };
	int r = netlink_get_echo(nl, &q, read_tbf, &tbf, err);

	/* What a device has from the beginning is not even told of. */
	if (r == -EINVAL || (!r && !tbf.rate))
		r = err_set(err, CNI_E_KERNEL, ENOENT, "no token bucket");
	if (!r)
		*ret = tbf;
	return r < 0 ? err_ctx(err, r, "read the root qdisc of interface %u",
			       index)
		     : 0;
}

/* Of the first action, which is the one that we make. */
static uint32_t target_of(struct nlattr *options)
{
	struct nlattr *tb[TCA_U32_MAX + 1], *act[TCA_ACT_MAX + 1];
	struct nlattr *parms, *one;
	struct tc_mirred m;
	char kind[16];

	if (nla_parse_nested(tb, TCA_U32_MAX, options, NULL) < 0 ||
	    !tb[TCA_U32_ACT])
		return 0;
	one = nla_find(nla_data(tb[TCA_U32_ACT]), nla_len(tb[TCA_U32_ACT]), 1);
	if (!one || nla_parse_nested(act, TCA_ACT_MAX, one, NULL) < 0)
		return 0;
	netlink_attr_str(act[TCA_ACT_KIND], kind, sizeof(kind));
	if (strcmp(kind, "mirred") != 0 || !act[TCA_ACT_OPTIONS])
		return 0;
	parms = nla_find(nla_data(act[TCA_ACT_OPTIONS]),
			 nla_len(act[TCA_ACT_OPTIONS]), TCA_MIRRED_PARMS);
	if (!parms || nla_len(parms) < (int)sizeof(m))
		return 0;
	memcpy(&m, nla_data(parms), sizeof(m));
	return m.eaction == TCA_EGRESS_REDIR ? m.ifindex : 0;
}

/* Of that priority: the filter's table comes with it. */
static int read_redirect(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *options;
	uint32_t *to = arg;

	(void)err;
	if (!h) {
		*to = 0;
		return 0;
	}
	options = options_of(h, RTM_NEWTFILTER, "u32");
	if (options && !*to)
		*to = target_of(options);
	return 0;
}

int qdisc_redirect_get(struct netlink *nl, uint32_t index, uint16_t prio,
		       uint32_t *ret_to, struct cni_err *err)
{
	const struct tcmsg t = filter_msg(index, prio);
	struct netlink_req q = netlink_req(RTM_GETTFILTER, 0, &t, sizeof(t));
	uint32_t to = 0;
	int r = netlink_dump(nl, &q, read_redirect, &to, err);

	if (!r && !to)
		r = err_set(err, CNI_E_KERNEL, ENOENT, "no filter of prio %u",
			    prio);
	if (r < 0)
		return err_ctx(err, r, "read the filters of interface %u",
			       index);
	*ret_to = to;
	return 0;
}
