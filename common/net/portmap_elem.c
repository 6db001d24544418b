/* SPDX-License-Identifier: Apache-2.0 */
#include "net/portmap_elem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/array.h"
#include "net/nft.h"

enum {
	PER_FORWARD = 4, /* a map's and at most three sets' elements */
	HEAD = 256,	 /* of a request, more than enough */
	NESTS = 32,	 /* attributes' headers of one element, likewise */
	/* The list of elements is one attribute, whose length is 16 bits. */
	REQUEST_MAX = 60000,
};

static bool is_v6(const struct portmap_forward *f)
{
	return f->guest_ip.family == AF_INET6;
}

static uint8_t *put_ip(uint8_t *p, const struct ip_addr *ip)
{
	memcpy(p, ip->b, ip_len(ip));
	return p + ip_len(ip);
}

static uint8_t *put_port(uint8_t *p, uint16_t port)
{
	p[0] = (uint8_t)(port >> 8);
	p[1] = (uint8_t)port;
	return p + 4;
}

static uint8_t *put_service(uint8_t *p, uint8_t proto, uint16_t port)
{
	p[0] = proto;
	return put_port(p + 4, port);
}

static struct portmap_elem elem_of(const struct portmap *p, enum portmap_set s)
{
	struct portmap_elem e = { .set = s };

	(void)snprintf(e.owner, sizeof(e.owner), "%s", p->owner);
	return e;
}

static struct portmap_elem map_elem(const struct portmap *p,
				    const struct portmap_forward *f)
{
	const int any = !f->host_ip.family || ip_is_unspecified(&f->host_ip);
	struct portmap_elem e = elem_of(
		p, (enum portmap_set)((any ? PORTMAP_ANY4 : PORTMAP_HOST4) +
				      is_v6(f)));
	uint8_t *k = e.key;

	if (!any)
		k = put_ip(k, &f->host_ip);
	(void)put_service(k, f->proto, f->host_port);
	(void)put_port(put_ip(e.data, &f->guest_ip), f->guest_port);
	return e;
}

static size_t set_elems(const struct portmap *p,
			const struct portmap_forward *f,
			struct portmap_elem ret[PER_FORWARD - 1])
{
	const char *link = p->link[is_v6(f)];
	size_t n = 0;

	if (p->snat && *link) {
		struct portmap_elem *e = &ret[n++];

		*e = elem_of(p, (enum portmap_set)(PORTMAP_SNAT4 + is_v6(f)));
		memcpy(e->key, link, strnlen(link, IF_NAMESIZE - 1));
		(void)put_service(put_ip(e->key + IF_NAMESIZE, &f->guest_ip),
				  f->proto, f->guest_port);
	}
	if (p->snat) {
		struct portmap_elem *e = &ret[n++];

		*e = elem_of(p, (enum portmap_set)(PORTMAP_SELF4 + is_v6(f)));
		(void)put_service(
			put_ip(put_ip(e->key, &f->guest_ip), &f->guest_ip),
			f->proto, f->guest_port);
	}
	if (p->snat && p->masq_all) {
		struct portmap_elem *e = &ret[n++];

		*e = elem_of(p, (enum portmap_set)(PORTMAP_MASQ4 + is_v6(f)));
		(void)put_service(put_ip(e->key, &f->guest_ip), f->proto,
				  f->guest_port);
	}
	return n;
}

static int compare(const void *a, const void *b)
{
	const struct portmap_elem *x = a, *y = b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	return memcmp(x->key, y->key, sizeof(x->key));
}

/* Two ports of the host that lead to one of the guest are masqueraded alike. */
static size_t unique(struct portmap_elem *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!kept || compare(&v[kept - 1], &v[i]) != 0)
			v[kept++] = v[i];
	return kept;
}

int portmap_elems(const struct portmap *p, struct portmap_elem **ret,
		  size_t *ret_n, struct cni_err *err)
{
	struct portmap_elem *v = calloc(p->n * PER_FORWARD + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "%zu forwards",
			       p->n);
	for (size_t i = 0; i < p->n; i++) {
		v[n++] = map_elem(p, &p->v[i]);
		n += set_elems(p, &p->v[i], &v[n]);
	}
	qsort(v, n, sizeof(*v), compare);
	*ret = v;
	*ret_n = unique(v, n);
	return 0;
}

static uint16_t get_port(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

bool portmap_elem_forward(const struct portmap_elem *e,
			  struct portmap_forward *ret)
{
	const bool any = e->set == PORTMAP_ANY4 || e->set == PORTMAP_ANY6;
	const bool v6 = e->set % 2;
	const size_t len = v6 ? 16 : 4;
	const uint8_t *k = e->key;

	if (!portmap_sets[e->set].data_len)
		return false;
	*ret = (struct portmap_forward){ .guest_ip.family =
						 v6 ? AF_INET6 : AF_INET };
	memcpy(ret->guest_ip.b, e->data, len);
	ret->guest_port = get_port(e->data + len);
	if (!any) {
		ret->host_ip.family = ret->guest_ip.family;
		memcpy(ret->host_ip.b, k, len);
		k += len;
	}
	ret->proto = k[0];
	ret->host_port = get_port(k + 4);
	return true;
}

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_TCP    ? "tcp"
	       : proto == IPPROTO_UDP  ? "udp"
	       : proto == IPPROTO_SCTP ? "sctp"
				       : "unknown protocol";
}

const char *portmap_elem_text(const struct portmap_elem *e, char *buf,
			      size_t size)
{
	const bool v6 = e->set % 2;
	struct portmap_forward f;
	char ip[IP_STR_SIZE] = "";

	if (!portmap_elem_forward(e, &f)) {
		(void)snprintf(buf, size, "in set %s",
			       portmap_sets[e->set].name);
		return buf;
	}
	if (f.host_ip.family)
		(void)ip_format(&f.host_ip, ip);
	(void)snprintf(buf, size, "%s%s %s%s%s%s%u", proto_name(f.proto),
		       *ip || !v6 ? "" : " (IPv6)", v6 && *ip ? "[" : "", ip,
		       v6 && *ip ? "]" : "", *ip ? ":" : "", f.host_port);
	return buf;
}

static void put_value(struct netlink_req *q, int attr, const void *data,
		      size_t len)
{
	struct nlattr *nest = netlink_nest(q, attr);

	netlink_put(q, NFTA_DATA_VALUE, data, len);
	netlink_nest_end(q, nest);
}

static void put_elem(struct netlink_req *q, int type,
		     const struct portmap_elem *e)
{
	const struct portmap_set_spec *s = &portmap_sets[e->set];
	struct nlattr *elem = netlink_nest(q, NFTA_LIST_ELEM);

	put_value(q, NFTA_SET_ELEM_KEY, e->key, s->key_len);
	if (type == NFT_MSG_NEWSETELEM) {
		if (s->data_len)
			put_value(q, NFTA_SET_ELEM_DATA, e->data, s->data_len);
		fw_put_comment(q, NFTA_SET_ELEM_USERDATA, e->owner);
	}
	netlink_nest_end(q, elem);
}

/* One request, of as many elements as it takes. Return: how many */
static size_t put_some(struct portmap_batch *b, int type, int flags,
		       const struct portmap_elem *v, size_t n)
{
	const size_t each =
		NESTS + PORTMAP_KEY_MAX + PORTMAP_DATA_MAX + PORTMAP_OWNER_SIZE;
	size_t k = 0;
	struct netlink_req q;
	struct nlattr *list;

	while (k < n && v[k].set == v[0].set && (k + 1) * each <= REQUEST_MAX)
		k++;
	q = portmap_elem_req(type, flags, v[0].set, HEAD + k * each);
	list = netlink_nest(&q, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < k; i++)
		put_elem(&q, type, &v[i]);
	netlink_nest_end(&q, list);
	portmap_batch_add(b, q);
	return k;
}

void portmap_elems_put(struct portmap_batch *b, int type, int flags,
		       const struct portmap_elem *v, size_t n)
{
	while (n && !b->full) {
		const size_t k = put_some(b, type, flags, v, n);

		v += k;
		n -= k;
	}
}

static void read_value(const struct nlattr *nest, void *buf, size_t len)
{
	const struct nlattr *a =
		nest ? nla_find(nla_data(nest), nla_len(nest), NFTA_DATA_VALUE)
		     : NULL;

	if (a && (size_t)nla_len(a) == len)
		memcpy(buf, nla_data(a), len);
}

static void read_elem(struct nlattr *a, enum portmap_set set,
		      struct portmap_elem *ret)
{
	struct nlattr *tb[NFTA_SET_ELEM_MAX + 1];

	*ret = (struct portmap_elem){ .set = set };
	if (nla_parse_nested(tb, NFTA_SET_ELEM_MAX, a, NULL) < 0)
		return;
	read_value(tb[NFTA_SET_ELEM_KEY], ret->key, portmap_sets[set].key_len);
	read_value(tb[NFTA_SET_ELEM_DATA], ret->data,
		   portmap_sets[set].data_len);
	fw_read_comment(tb[NFTA_SET_ELEM_USERDATA], ret->owner,
			sizeof(ret->owner));
}

/* The elements of one message, each to @take. */
static int read_elems(struct nlmsghdr *h, enum portmap_set set,
		      int (*take)(const struct portmap_elem *e, void *arg,
				  struct cni_err *err),
		      void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *a;
	struct portmap_elem e;
	int left, r = 0;

	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_SET_ELEM_LIST_MAX,
			NULL) < 0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read an element");
	if (!tb[NFTA_SET_ELEM_LIST_ELEMENTS])
		return 0;
	nla_for_each_nested(a, tb[NFTA_SET_ELEM_LIST_ELEMENTS], left)
	{
		read_elem(a, set, &e);
		r = take(&e, arg, err);
		if (r < 0)
			break;
	}
	return r;
}

static int take_one(const struct portmap_elem *e, void *arg,
		    struct cni_err *err)
{
	(void)err;
	*(struct portmap_elem *)arg = *e;
	return 0;
}

static int read_one(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct portmap_elem *ret = arg;

	return read_elems(h, ret->set, take_one, ret, err);
}

int portmap_elem_get(struct netlink *nl, const struct portmap_elem *key,
		     struct portmap_elem *ret, struct cni_err *err)
{
	struct netlink_req q = portmap_elem_req(NFT_MSG_GETSETELEM, 0, key->set,
						HEAD + PORTMAP_KEY_MAX);
	struct nlattr *list = netlink_nest(&q, NFTA_SET_ELEM_LIST_ELEMENTS);
	struct cni_err e = CNI_ERR_INIT;
	int r;

	put_elem(&q, NFT_MSG_GETSETELEM, key);
	netlink_nest_end(&q, list);
	*ret = (struct portmap_elem){ .set = key->set };
	r = netlink_get(nl, &q, read_one, ret, &e);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		*err = e;
	return r < 0 ? r : 1;
}

bool portmap_elem_equal(const struct portmap_elem *a,
			const struct portmap_elem *b)
{
	return !memcmp(a->data, b->data, sizeof(a->data)) &&
	       !strcmp(a->owner, b->owner);
}

struct listing {
	const struct portmap_whose *whose;
	enum portmap_set set;
	struct array elems; /* struct portmap_elem */
	size_t start;	    /* where this set begins */
};

static int take_meant(const struct portmap_elem *e, void *arg,
		      struct cni_err *err)
{
	struct listing *l = arg;

	if (!l->whose->is_meant(e->owner, l->whose->arg))
		return 0;
	return array_append(&l->elems, e, sizeof(*e), err);
}

static int read_meant(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct listing *l = arg;

	if (!h) {
		l->elems.n = l->start;
		return 0;
	}
	return read_elems(h, l->set, take_meant, l, err);
}

int portmap_elems_list(struct netlink *nl, const struct portmap_table *t,
		       const struct portmap_whose *whose,
		       struct portmap_elem **ret, size_t *ret_n,
		       struct cni_err *err)
{
	struct listing l = { .whose = whose };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < PORTMAP_SETS; i++) {
		struct netlink_req q;

		if (!t->set_right[i])
			continue;
		l.set = (enum portmap_set)i;
		l.start = l.elems.n;
		q = portmap_elem_req(NFT_MSG_GETSETELEM, 0, l.set, HEAD);
		r = netlink_dump(nl, &q, read_meant, &l, err);
	}
	if (r < 0) {
		free(l.elems.v);
		return r;
	}
	*ret = l.elems.v;
	*ret_n = l.elems.n;
	return 0;
}
