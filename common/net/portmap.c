/* SPDX-License-Identifier: Apache-2.0 */
#include "net/portmap.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/conntrack.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/nft.h"
#include "net/portmap_elem.h"
#include "net/portmap_table.h"
#include "net/route.h"
#include "net/sysctl.h"

enum {
	TRIES = 32, /* ... against others who change the ruleset */
	TEXT_SIZE = 96,
	SEND_BUFFER = 8 << 20, /* bytes; what a transaction may have */
};

/* One attempt after another, each on a socket of its own. */
struct attempt {
	const struct portmap *p;
	struct portmap_elem *v;
	size_t n;
	bool adopted; /* there was something of the owner's */
	bool unheard; /* a transaction was sent, and its answer got lost */
	struct portmap_whose whose;
};

/* Others who change the ruleset at the same time make an attempt fail; a
 * failed transaction also costs its socket. */
static int persevere(int (*once)(struct attempt *a, struct cni_err *err),
		     struct attempt *a, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	int r = -EAGAIN;

	for (int i = 0; i < TRIES && (r == -ERESTART || r == -EAGAIN); i++)
		r = once(a, &e);
	if (r >= 0)
		return 0;

	*err = e;
	if (r == -ERESTART || r == -EAGAIN)
		r = err_say(err, CNI_E_RETRY, EAGAIN,
			    "others keep changing the nf_tables ruleset");
	return r;
}

/* Sends what is in @b between begin and end. */
static int commit(struct netlink *nl, struct portmap_batch *b,
		  struct cni_err *err)
{
	const int size = SEND_BUFFER;

	portmap_batch_add(b, fw_end());
	if (b->full) {
		for (size_t i = 0; i < b->n; i++)
			netlink_req_free(&b->q[i]);
		return err_say(err, CNI_E_KERNEL, E2BIG,
			       "too many ports for one transaction");
	}
	/* Without the privilege the transaction itself is refused. */
	(void)setsockopt(netlink_fd(nl), SOL_SOCKET, SO_SNDBUFFORCE, &size,
			 sizeof(size));
	return netlink_do_batch(nl, b->q, b->n, err);
}

static int taken(const struct portmap_elem *e, struct cni_err *err)
{
	char text[TEXT_SIZE];

	return err_say(err, CNI_E_TAKEN, EEXIST, "host port %s is taken by %s",
		       portmap_elem_text(e, text, sizeof(text)),
		       *e->owner ? e->owner : "a rule that is not ours");
}

/* Something was there already. What is our own, from an ADD before, goes in the
 * transaction that makes it anew. In a set what another left of this very guest
 * address is taken over: nobody else has that address. */
static int put_over_own(struct netlink *nl, const struct portmap_table *t,
			struct attempt *a, struct portmap_batch *b,
			struct cni_err *err)
{
	struct portmap_elem have;
	int r;

	for (size_t i = 0; i < a->n; i++) {
		if (!t->set_right[a->v[i].set])
			continue;
		r = portmap_elem_get(nl, &a->v[i], &have, err);
		if (r < 0)
			return r;
		if (!r)
			continue;
		if (!strcmp(have.owner, a->v[i].owner))
			a->adopted = true;
		else if (portmap_sets[have.set].data_len)
			return taken(&have, err);
		portmap_elems_put(b, NFT_MSG_DELSETELEM, 0, &a->v[i], 1);
	}
	return 0;
}

static int put_elems(struct netlink *nl, struct attempt *a,
		     struct portmap_batch *b, struct cni_err *err)
{
	int r;

	portmap_elems_put(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL,
			  a->v, a->n);
	r = commit(nl, b, err);
	a->unheard |= r < 0 && r != -ERESTART && netlink_is_broken(nl);
	return r;
}

static int put_anew(struct attempt *a, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct portmap_batch b = { .n = 0 };
	struct portmap_table t;
	int r = netlink_open_nfnl(&nl, err);

	if (r >= 0)
		r = portmap_table_read(nl, &t, err);
	if (r < 0)
		return r;
	portmap_batch_add(&b, fw_begin(t.generation));
	portmap_table_repair(&t, &b);
	r = put_over_own(nl, &t, a, &b, err);
	if (r < 0) {
		for (size_t i = 0; i < b.n; i++)
			netlink_req_free(&b.q[i]);
		return r == -ENOENT ? -EAGAIN : r;
	}
	return put_elems(nl, a, &b, err);
}

/* A table that sleeps takes no new hooks in the transaction that wakes it. */
static int wake(struct netlink *nl, const struct portmap_table *t,
		struct cni_err *err)
{
	struct portmap_batch b = { .n = 0 };
	int r;

	portmap_batch_add(&b, fw_begin(t->generation));
	portmap_batch_add(&b, portmap_wake());
	r = commit(nl, &b, err);
	return r < 0 ? r : -EAGAIN;
}

static bool is_own(const char *owner, void *arg)
{
	return !strcmp(owner, arg);
}

static int put_once(struct attempt *a, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct portmap_batch b = { .n = 0 };
	struct portmap_table t;
	bool is_right;
	int r = netlink_open_nfnl(&nl, err);

	if (r >= 0)
		r = portmap_table_read(nl, &t, err);
	if (r < 0)
		return r;
	if (t.dormant)
		return wake(nl, &t, err);

	is_right = portmap_table_is_right(&t);
	portmap_batch_add(&b, fw_begin(is_right ? 0 : t.generation));
	portmap_table_repair(&t, &b);
	r = put_elems(nl, a, &b, err);
	if (r == -EEXIST)
		return put_anew(a, err);
	/* Somebody flushed the ruleset after we read it. */
	return r == -ENOENT && is_right ? -EAGAIN : r;
}

static void add_match(struct conntrack_match *v, size_t *n,
		      const struct portmap_forward *f, bool is_other)
{
	struct conntrack_match *m = &v[*n];

	if (f->proto != IPPROTO_UDP)
		return;
	*m = (struct conntrack_match){ .proto = f->proto,
				       .port = f->host_port,
				       .dst = f->host_ip,
				       .to = f->guest_ip,
				       .to_port = f->guest_port,
				       .is_other = is_other };
	m->dst.family = f->guest_ip.family;
	(*n)++;
}

/* A client that keeps sending keeps its connection, and its old way. */
static void forget_old_ways(const struct portmap *p)
{
	cleanup_free struct conntrack_match *v = calloc(p->n, sizeof(*v));
	struct cni_err e = CNI_ERR_INIT;
	size_t n = 0;

	for (size_t i = 0; v && i < p->n; i++)
		add_match(v, &n, &p->v[i], true);
	if (v && conntrack_flush(v, n, &e) < 0)
		log_warn("%s", e.msg);
}

int portmap_ensure(const struct portmap *p, bool *ret_adopted,
		   struct cni_err *err)
{
	struct attempt a = { .p = p };
	struct cni_err ignored = CNI_ERR_INIT;
	int r;

	*ret_adopted = false;
	if (!p->n)
		return 0;
	r = portmap_elems(p, &a.v, &a.n, err);
	if (!r)
		r = persevere(put_once, &a, err);
	free(a.v);
	if (!r) {
		*ret_adopted = a.adopted;
		forget_old_ways(p);
		return 0;
	}
	if (a.unheard && !a.adopted)
		(void)portmap_remove(is_own, (void *)p->owner, &ignored);
	return err_ctx(err, r, "forward ports");
}

static int check_elem(struct netlink *nl, const struct portmap_elem *want,
		      struct cni_err *err)
{
	struct portmap_elem have;
	char text[TEXT_SIZE];
	int r = portmap_elem_get(nl, want, &have, err);

	if (r < 0)
		return r;
	(void)portmap_elem_text(want, text, sizeof(text));
	if (!r)
		return err_say(err, CNI_E_CHECK, ENOENT,
			       "forward %s is missing", text);
	if (strcmp(have.owner, want->owner) != 0)
		return err_say(err, CNI_E_CHECK, ENOENT,
			       "forward %s is not this attachment's but \"%s\"",
			       text, have.owner);
	if (!portmap_elem_equal(&have, want))
		return err_say(err, CNI_E_CHECK, ENOENT,
			       "forward %s leads elsewhere", text);
	return 0;
}

static int check_localnet(const struct portmap *p, struct cni_err *err)
{
	char value[8] = "";
	int r;

	if (!p->snat || !*p->link[0])
		return 0;
	r = sysctl_get_net("ipv4/conf", p->link[0], "route_localnet", value,
			   sizeof(value), err);
	if (!r && strcmp(value, "1") != 0)
		r = err_say(err, CNI_E_CHECK, ENOENT,
			    "net.ipv4.conf.%s.route_localnet is %s", p->link[0],
			    value);
	return r;
}

static int check_all(const struct portmap *p, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	cleanup_free struct portmap_elem *v = NULL;
	struct portmap_table t;
	size_t n = 0;
	int r = netlink_open_nfnl(&nl, err);

	if (r >= 0)
		r = portmap_table_read(nl, &t, err);
	if (r >= 0)
		r = portmap_table_differs(&t, err);
	if (r >= 0)
		r = portmap_elems(p, &v, &n, err);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = check_elem(nl, &v[i], err);
	if (r >= 0)
		r = check_localnet(p, err);
	return r;
}

int portmap_check(const struct portmap *p, struct cni_err *err)
{
	const int r = p->n ? check_all(p, err) : 0;

	return r < 0 ? err_ctx(err, r, "forwarded ports") : 0;
}

/* What there is of @a's; no table is none, as is a kernel without nf_tables. */
static int find_elems(struct attempt *a, struct netlink **nl,
		      struct portmap_table *t, struct cni_err *err)
{
	int r;

	free(a->v);
	a->v = NULL;
	a->n = 0;
	*t = (struct portmap_table){ 0 };
	r = netlink_open_nfnl(nl, err);
	if (r >= 0)
		r = portmap_table_read(*nl, t, err);
	if (r >= 0 && t->has_table)
		r = portmap_elems_list(*nl, t, &a->whose, &a->v, &a->n, err);
	return netlink_is_missing(r) ? 0 : r;
}

static int remove_once(struct attempt *a, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct portmap_batch b = { .n = 0 };
	struct portmap_table t;
	int r = find_elems(a, &nl, &t, err);

	if (r < 0 || !a->n)
		return r;
	portmap_batch_add(&b, fw_begin(0));
	portmap_elems_put(&b, NFT_MSG_DELSETELEM, 0, a->v, a->n);
	r = commit(nl, &b, err);
	return r == -ENOENT ? -EAGAIN : r; /* somebody was faster */
}

static int forget_removed(const struct portmap_elem *v, size_t n,
			  struct cni_err *err)
{
	cleanup_free struct conntrack_match *m = calloc(n + 1, sizeof(*m));
	struct portmap_forward f;
	size_t k = 0;

	if (!m)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "%zu forwards", n);
	for (size_t i = 0; i < n; i++)
		if (portmap_elem_forward(&v[i], &f))
			add_match(m, &k, &f, false);
	return conntrack_flush(m, k, err);
}

int portmap_remove(bool (*is_meant)(const char *owner, void *arg), void *arg,
		   struct cni_err *err)
{
	struct attempt a = { .whose = { is_meant, arg } };
	struct cni_err e = CNI_ERR_INIT;
	int r = persevere(remove_once, &a, err);

	if (!r && forget_removed(a.v, a.n, &e) < 0)
		log_warn("%s", e.msg);
	free(a.v);
	return r < 0 ? err_ctx(err, r, "remove forwarded ports") : 0;
}

static bool is_any(const char *owner, void *arg)
{
	(void)owner;
	(void)arg;
	return true;
}

static int remove_idle_once(struct attempt *a, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct portmap_batch b = { .n = 0 };
	struct portmap_table t;
	int r = find_elems(a, &nl, &t, err);

	if (r < 0 || !t.has_table || a->n)
		return r;
	portmap_batch_add(&b, fw_begin(t.generation));
	portmap_table_delete(&t, &b);
	if (b.n == 1) {
		netlink_req_free(&b.q[0]);
		return 0;
	}
	return commit(nl, &b, err);
}

int portmap_remove_idle(struct cni_err *err)
{
	struct attempt a = { .whose = { is_any, NULL } };
	const int r = persevere(remove_idle_once, &a, err);

	free(a.v);
	return r < 0 ? err_ctx(err, r, "remove port forwarding") : 0;
}

static int find_link(struct netlink *nl, const struct ip_addr *guest,
		     char ret[IF_NAMESIZE], struct cni_err *err)
{
	struct route_answer way;
	struct cni_err e = CNI_ERR_INIT;
	struct link_info link;
	int r = route_get(nl, guest, &way, &e);

	*ret = '\0';
	if (r < 0 && netlink_is_broken(nl)) {
		*err = e;
		return r;
	}
	if (r < 0 || way.has_gw || way.is_local)
		return 0;
	r = link_get_index(nl, way.oif, &link, err);
	if (r == -ENODEV)
		return 0;
	if (!r)
		memcpy(ret, link.name, IF_NAMESIZE);
	return r;
}

int portmap_links(struct portmap *p, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	bool known[2] = { false, false };
	int r = netlink_open(&nl, err);

	for (size_t i = 0; !r && i < p->n; i++) {
		const struct ip_addr *guest = &p->v[i].guest_ip;
		const int v6 = guest->family == AF_INET6;

		if (!known[v6])
			r = find_link(nl, guest, p->link[v6], err);
		known[v6] = true;
	}
	return r < 0 ? err_ctx(err, r, "find the guest's device") : 0;
}

int portmap_localnet(const struct portmap *p, struct cni_err *err)
{
	if (!p->snat || !*p->link[0])
		return 0;
	return sysctl_set_net("ipv4/conf", p->link[0], "route_localnet", "1",
			      err);
}

int portmap_available(struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	uint32_t ignored;
	int r = netlink_open_nfnl(&nl, err);

	return r < 0 ? r : fw_generation(nl, &ignored, err);
}
