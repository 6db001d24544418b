/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "net/netlink.h"
#include "net/qdisc.h"

enum { HANDLE = 1 }; /* each plugin has a priority of its own */

static struct netlink_req filter_req(int type, int flags,
				     const struct bpf_filter *f)
{
	const struct tcmsg t = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)f->ifindex,
		.tcm_handle = HANDLE,
		.tcm_parent =
			TC_H_MAKE(TC_H_CLSACT, f->egress ? TC_H_MIN_EGRESS
							 : TC_H_MIN_INGRESS),
		.tcm_info = TC_H_MAKE((uint32_t)f->prio << 16,
				      (uint32_t)htons(ETH_P_ALL)),
	};
	struct netlink_req q = netlink_req(type, flags, &t, sizeof(t));

	netlink_put_str(&q, TCA_KIND, "bpf");
	return q;
}

/* An ingress qdisc, which another one may have made, takes the same filters. */
static int ensure_clsact(struct netlink *nl, uint32_t ifindex,
			 struct cni_err *err)
{
	struct netlink_req q = qdisc_clsact_req(ifindex);
	struct cni_err e = CNI_ERR_INIT;
	const int r = netlink_do(nl, &q, &e);

	if (!r || r == -EEXIST)
		return 0;
	*err = e;
	return err_ctx(err, r, "clsact qdisc");
}

static int add_filter(struct netlink *nl, const struct bpf_filter *f, int prog,
		      struct cni_err *err)
{
	const int how = f->replace ? NLM_F_REPLACE : NLM_F_EXCL;
	struct netlink_req q =
		filter_req(RTM_NEWTFILTER, NLM_F_CREATE | how, f);
	struct nlattr *options = netlink_nest(&q, TCA_OPTIONS);

	netlink_put_u32(&q, TCA_BPF_FD, (uint32_t)prog);
	netlink_put_str(&q, TCA_BPF_NAME, f->name);
	netlink_put_u32(&q, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	netlink_nest_end(&q, options);
	return netlink_do(nl, &q, err);
}

static int check_attached(struct netlink *nl, const struct bpf_filter *f,
			  int prog, struct cni_err *err)
{
	struct bpf_filter_info have;
	uint8_t want[BPF_TAG_SIZE];
	int r = bpf_prog_tag(prog, want, err);

	if (!r)
		r = bpf_filter_get(nl, f, &have, err);
	if (r < 0)
		return r;
	return r && !memcmp(want, have.tag, BPF_TAG_SIZE)
		       ? 0
		       : err_say(err, CNI_E_KERNEL, EIO,
				 "the kernel says that it is there, and it is not");
}

int bpf_filter_attach(struct netlink *nl, const struct bpf_filter *f, int prog,
		      struct cni_err *err)
{
	int r = ensure_clsact(nl, f->ifindex, err);

	if (!r)
		r = add_filter(nl, f, prog, err);
	if (!r)
		r = check_attached(nl, f, prog, err);
	return r < 0 ? err_ctx(err, r, "attach eBPF program %s", f->name) : 0;
}

/* Without a qdisc, without the priority, without the handle: the kernel has
 * other words for each. */
static bool is_absent(int r)
{
	return r == -ENOENT || r == -EINVAL || r == -ENODEV;
}

int bpf_filter_detach(struct netlink *nl, const struct bpf_filter *f,
		      struct cni_err *err)
{
	struct netlink_req q = filter_req(RTM_DELTFILTER, 0, f);
	struct cni_err e = CNI_ERR_INIT;
	const int r = netlink_do(nl, &q, &e);

	if (!r || is_absent(r))
		return 0;
	*err = e;
	return err_ctx(err, r, "detach eBPF program %s", f->name);
}

static int read_filter(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[TCA_MAX + 1], *options[TCA_BPF_MAX + 1];
	struct bpf_filter_info *f = arg;

	if (h->nlmsg_type != RTM_NEWTFILTER ||
	    nlmsg_parse(h, sizeof(struct tcmsg), tb, TCA_MAX, NULL) < 0 ||
	    !tb[TCA_OPTIONS] ||
	    nla_parse_nested(options, TCA_BPF_MAX, tb[TCA_OPTIONS], NULL) < 0 ||
	    !options[TCA_BPF_TAG] ||
	    nla_len(options[TCA_BPF_TAG]) != BPF_TAG_SIZE)
		return err_say(err, CNI_E_KERNEL, EBADMSG,
			       "a filter that is no eBPF program's");
	memcpy(f->tag, nla_data(options[TCA_BPF_TAG]), BPF_TAG_SIZE);
	netlink_attr_str(options[TCA_BPF_NAME], f->name, sizeof(f->name));
	return 0;
}

int bpf_filter_get(struct netlink *nl, const struct bpf_filter *f,
		   struct bpf_filter_info *ret, struct cni_err *err)
{
	struct netlink_req q = filter_req(RTM_GETTFILTER, 0, f);
	struct cni_err e = CNI_ERR_INIT;
	const int r = netlink_get(nl, &q, read_filter, ret, &e);

	if (is_absent(r))
		return 0;
	if (!r)
		return 1;
	*err = e;
	return err_ctx(err, r, "find eBPF program %s", f->name);
}
