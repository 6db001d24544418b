/* SPDX-License-Identifier: Apache-2.0 */
#include "net/masq.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <string.h>

#include "net/masq_state.h"
#include "net/netlink.h"
#include "net/nft.h"

enum {
	TRIES = 32, /* ... against others who change the ruleset */
	FRAME = 5,  /* begin, table, chain away, chain, end */
};

_Static_assert(FRAME + MASQ_STRANGERS + MASQ_SUBNETS <= NETLINK_BATCH_MAX,
	       "a transaction fits into one send");

struct batch {
	struct netlink_req q[NETLINK_BATCH_MAX];
	size_t n;
};

static void add(struct batch *b, struct netlink_req q)
{
	b->q[b->n++] = q;
}

static void init(struct masq_state *s, const struct masq *m)
{
	*s = (struct masq_state){ .m = m };
	masq_chain_name(m->network, s->chain);
}

static bool is_right(const struct masq_state *s)
{
	if (!s->table_right || !s->chain_right || s->n_strangers || s->crowded)
		return false;
	for (size_t i = 0; i < s->m->n_subnets; i++)
		if (!masq_is_kept(s, &s->m->subnets[i]))
			return false;
	return true;
}

static void delete_chain(struct batch *b, const struct masq_state *s)
{
	add(b, masq_name_req(NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_TABLE,
			     NFTA_CHAIN_NAME, s->chain));
}

static void delete_strangers(struct batch *b, const struct masq_state *s)
{
	for (size_t i = 0; i < s->n_strangers; i++) {
		struct netlink_req q =
			masq_name_req(NFT_MSG_DELRULE, 0, NFTA_RULE_TABLE,
				      NFTA_RULE_CHAIN, s->chain);

		netlink_put(&q, NFTA_RULE_HANDLE, &s->strangers[i],
			    sizeof(s->strangers[i]));
		add(b, q);
	}
}

/* Turns what there is into what there should be. */
static int repair(struct netlink *nl, struct masq_state *s, struct cni_err *err)
{
	const bool anew = !s->chain_right || s->crowded;
	struct batch b = { .n = 0 };
	struct netlink_req q;

	add(&b, fw_begin(s->generation));
	q = fw_req(NFT_MSG_NEWTABLE, NLM_F_CREATE);
	netlink_put_str(&q, NFTA_TABLE_NAME, FW_TABLE);
	netlink_put_be32(&q, NFTA_TABLE_FLAGS, 0);
	add(&b, q);
	if (anew && s->has_chain)
		delete_chain(&b, s);
	if (anew)
		add(&b, masq_chain_req(s));
	else
		delete_strangers(&b, s);

	for (size_t i = 0; anew && i < s->n_kept; i++)
		add(&b, masq_rule_req(s, &s->kept[i]));
	for (size_t i = 0; i < s->m->n_subnets; i++) {
		const struct ip_net net = ip_net_masked(&s->m->subnets[i]);

		if (masq_is_kept(s, &net))
			continue;
		if (s->n_kept == MASQ_SUBNETS) {
			for (size_t k = 0; k < b.n; k++)
				netlink_req_free(&b.q[k]);
			return err_say(err, CNI_E_KERNEL, E2BIG,
				       "more than %d subnets", MASQ_SUBNETS);
		}
		s->kept[s->n_kept++] = net; /* never the same one twice */
		add(&b, masq_rule_req(s, &net));
	}
	add(&b, fw_end());
	return netlink_do_batch(nl, b.q, b.n, err);
}

static int ensure_once(const struct masq *m, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct masq_state s;
	int r;

	init(&s, m);
	r = netlink_open_nfnl(&nl, err);
	if (r >= 0)
		r = masq_read(nl, &s, err);
	if (r >= 0 && !is_right(&s))
		r = repair(nl, &s, err);
	return r;
}

/* Others who change the ruleset at the same time make an attempt fail; a
 * failed transaction also costs its socket. */
static int persevere(int (*once)(const struct masq *m, struct cni_err *err),
		     const struct masq *m, const char *what,
		     struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	int r = -EAGAIN;

	for (int i = 0; i < TRIES && (r == -ERESTART || r == -EAGAIN); i++)
		r = once(m, &e);
	if (r >= 0)
		return 0;

	*err = e;
	if (r == -ERESTART || r == -EAGAIN)
		r = err_say(err, CNI_E_RETRY, EAGAIN,
			    "others keep changing the nf_tables ruleset");
	return err_ctx(err, r, "%s %s", what, m->network);
}

int masq_ensure(const struct masq *m, struct cni_err *err)
{
	return persevere(ensure_once, m, "masquerade network", err);
}

static int differs(const struct masq_state *s, struct cni_err *err)
{
	char text[IP_NET_STR_SIZE];

	if (!s->has_table || !s->has_chain)
		return err_say(err, CNI_E_CHECK, ENOENT,
			       "nf_tables %s %s is missing",
			       s->has_table ? "chain" : "table inet",
			       s->has_table ? s->chain : FW_TABLE);
	if (!s->table_right)
		return err_say(err, CNI_E_CHECK, ENOENT,
			       "nf_tables table inet %s is dormant", FW_TABLE);
	if (!s->chain_right)
		return err_say(err, CNI_E_CHECK, ENOENT,
			       "nf_tables chain %s has another type, hook, "
			       "priority or policy",
			       s->chain);
	if (s->n_strangers)
		return err_say(err, CNI_E_CHECK, ENOENT,
			       "nf_tables chain %s has %zu foreign or changed "
			       "rules",
			       s->chain, s->n_strangers);
	for (size_t i = 0; i < s->m->n_subnets; i++)
		if (!masq_is_kept(s, &s->m->subnets[i]))
			return err_say(err, CNI_E_CHECK, ENOENT,
				       "nf_tables chain %s has no rule for %s",
				       s->chain,
				       ip_net_format(&s->m->subnets[i], text));
	return 0;
}

int masq_check(const struct masq *m, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct masq_state s;
	int r;

	init(&s, m);
	r = netlink_open_nfnl(&nl, err);
	if (r >= 0)
		r = masq_read(nl, &s, err);
	if (r >= 0)
		r = differs(&s, err);
	return r < 0 ? err_ctx(err, r, "masquerade of network %s", m->network)
		     : 0;
}

int masq_list(const char *network, const char *bridge,
	      struct ip_net ret[MASQ_SUBNETS], size_t *ret_n,
	      struct cni_err *err)
{
	const struct masq m = { .network = network, .bridge = bridge };
	cleanup_netlink struct netlink *nl = NULL;
	struct masq_state s;
	int r;

	init(&s, &m);
	*ret_n = 0;
	r = netlink_open_nfnl(&nl, err);
	if (r >= 0)
		r = masq_read(nl, &s, err);
	if (netlink_is_missing(r))
		return 0;
	if (r < 0)
		return err_ctx(err, r, "masquerade of network %s", network);
	memcpy(ret, s.kept, s.n_kept * sizeof(*ret));
	*ret_n = s.n_kept;
	return 0;
}

static int remove_once(const struct masq *m, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct batch b = { .n = 0 };
	struct masq_state s;
	int r;

	init(&s, m);
	r = netlink_open_nfnl(&nl, err);
	if (r >= 0)
		r = masq_read(nl, &s, err);
	if (netlink_is_missing(r))
		return 0;
	if (r < 0 || !s.has_table || (!s.has_chain && s.table_use))
		return r;

	add(&b, fw_begin(s.generation));
	if (s.has_chain)
		delete_chain(&b, &s);
	if (s.table_use <= (s.has_chain ? 1 : 0))
		add(&b, masq_name_req(NFT_MSG_DELTABLE, 0, NFTA_TABLE_NAME, 0,
				      NULL));
	add(&b, fw_end());
	return netlink_do_batch(nl, b.q, b.n, err);
}

int masq_remove(const char *network, struct cni_err *err)
{
	const struct masq m = { .network = network, .bridge = "" };

	return persevere(remove_once, &m, "remove masquerade of network", err);
}
