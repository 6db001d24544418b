/* SPDX-License-Identifier: Apache-2.0 */
#include "net/portmap_old.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/array.h"
#include "net/netlink.h"
#include "net/nft.h"

#define TABLE "cni_hostport"

enum { TRIES = 32, AT_ONCE = NETLINK_BATCH_MAX - 2 };

static const char *const chains[] = { "hostports", "hostip_hostports",
				      "masquerading" };

struct listing {
	const char *comment;
	struct array handles; /* uint64_t, as the kernel sent them */
	size_t start;	      /* where this chain begins */
};

static struct netlink_req rule_req(int type, uint8_t family, const char *chain)
{
	struct netlink_req q = fw_req_of(type, 0, family);

	netlink_put_str(&q, NFTA_RULE_TABLE, TABLE);
	netlink_put_str(&q, NFTA_RULE_CHAIN, chain);
	return q;
}

static int read_rule(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	char comment[FW_COMMENT_MAX + 1];
	struct listing *l = arg;
	uint64_t handle;

	if (!h) {
		l->handles.n = l->start;
		return 0;
	}
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX, NULL) <
		    0 ||
	    !tb[NFTA_RULE_HANDLE] ||
	    nla_len(tb[NFTA_RULE_HANDLE]) != sizeof(handle))
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a rule");
	fw_read_comment(tb[NFTA_RULE_USERDATA], comment, sizeof(comment));
	if (!*comment || strcmp(comment, l->comment) != 0)
		return 0;
	memcpy(&handle, nla_data(tb[NFTA_RULE_HANDLE]), sizeof(handle));
	return array_append(&l->handles, &handle, sizeof(handle), err);
}

static int read_nothing(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	(void)h;
	(void)arg;
	(void)err;
	return 0;
}

/* Return: 1 or 0, or a negative errno */
static int has_table(struct netlink *nl, uint8_t family, struct cni_err *err)
{
	struct netlink_req q = fw_req_of(NFT_MSG_GETTABLE, 0, family);
	struct cni_err e = CNI_ERR_INIT;
	int r;

	netlink_put_str(&q, NFTA_TABLE_NAME, TABLE);
	r = netlink_get(nl, &q, read_nothing, NULL, &e);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		*err = e;
	return r < 0 ? r : 1;
}

static int delete_rules(struct netlink *nl, uint8_t family, const char *chain,
			const uint64_t *handles, size_t n, struct cni_err *err)
{
	struct netlink_req q[NETLINK_BATCH_MAX];
	size_t k = 0;

	q[k++] = fw_begin(0);
	for (size_t i = 0; i < n; i++, k++) {
		q[k] = rule_req(NFT_MSG_DELRULE, family, chain);
		netlink_put(&q[k], NFTA_RULE_HANDLE, &handles[i],
			    sizeof(handles[i]));
	}
	q[k++] = fw_end();
	return netlink_do_batch(nl, q, k, err);
}

static int clean_chain(struct netlink *nl, uint8_t family, const char *chain,
		       const char *comment, struct cni_err *err)
{
	struct netlink_req q = rule_req(NFT_MSG_GETRULE, family, chain);
	struct listing l = { .comment = comment };
	struct cni_err e = CNI_ERR_INIT;
	int r = netlink_dump(nl, &q, read_rule, &l, &e);

	if (r == -ENOENT)
		r = 0; /* no such chain */
	for (size_t i = 0; r >= 0 && i < l.handles.n; i += AT_ONCE) {
		const size_t left = l.handles.n - i;

		r = delete_rules(nl, family, chain,
				 (const uint64_t *)l.handles.v + i,
				 left < AT_ONCE ? left : AT_ONCE, &e);
	}
	free(l.handles.v);
	if (r < 0)
		*err = e;
	return r;
}

/* Return: 0, -ENOENT if somebody else removed something meanwhile, or another
 * negative errno */
static int clean_once(const char *comment, struct cni_err *err)
{
	static const uint8_t families[] = { FW_PROTO_IPV4, FW_PROTO_IPV6 };
	cleanup_netlink struct netlink *nl = NULL;
	int r = netlink_open_nfnl(&nl, err);

	for (size_t f = 0; r >= 0 && f < 2; f++) {
		r = has_table(nl, families[f], err);
		for (size_t i = 0; r > 0 && i < 3; i++) {
			const int c = clean_chain(nl, families[f], chains[i],
						  comment, err);

			r = c < 0 ? c : 1;
		}
	}
	return r < 0 ? r : 0;
}

int portmap_old_remove(const char *comment, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	int r = -ENOENT;

	for (int i = 0; i < TRIES && r == -ENOENT; i++)
		r = clean_once(comment, &e);
	if (r >= 0 || r == -EPROTONOSUPPORT || r == -EOPNOTSUPP)
		return 0;
	*err = e;
	return err_ctx(err, r, "remove the reference plugin's forwards");
}
