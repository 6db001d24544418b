/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool contains(const struct range *r, const struct ip_addr *a)
{
	return ip_cmp(&r->start, a) <= 0 && ip_cmp(a, &r->end) <= 0;
}

static int bad_subnet(const struct range *r, struct cni_err *err)
{
	const struct ip_addr first = ip_net_first(&r->subnet);
	char net[IP_NET_STR_SIZE], text[IP_STR_SIZE];

	if (!r->subnet.addr.family)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "range without \"subnet\"");
	if (r->subnet.plen > ip_max_plen(r->subnet.addr.family) - 2)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "Network %s too small to allocate from",
			       ip_net_format(&r->subnet, net));
	if (!ip_equal(&r->subnet.addr, &first))
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"Network has host bits set. For a subnet mask of length %u the network address is %s",
			r->subnet.plen, ip_format(&first, text));
	return 0;
}

static int not_in_network(const char *what, const struct ip_addr *a,
			  const struct range *r, struct cni_err *err)
{
	char text[IP_STR_SIZE], net[IP_NET_STR_SIZE];

	return err_say(err, CNI_E_CONFIG, EINVAL, "%s %s not in network %s",
		       what, ip_format(a, text),
		       ip_net_format(&r->subnet, net));
}

/* IPv4's last address is broadcast; the subnet has four or more. */
static struct ip_addr last_usable(const struct ip_net *subnet)
{
	struct ip_addr a = ip_net_last(subnet);

	if (a.family == AF_INET)
		a.b[3]--;
	return a;
}

static int complete(struct range *r, struct cni_err *err)
{
	struct ip_addr first = r->subnet.addr;
	int res = bad_subnet(r, err);

	if (res < 0)
		return res;
	(void)ip_add(&first, 1);

	if (!r->gateway.family)
		r->gateway = first;
	if (!r->start.family)
		r->start = first;
	if (!r->end.family)
		r->end = last_usable(&r->subnet);
	/* host-local blames the start when the two are the wrong way round. */
	if (!ip_net_contains(&r->subnet, &r->start) ||
	    ip_cmp(&r->start, &r->end) > 0)
		return not_in_network("RangeStart", &r->start, r, err);
	if (!ip_net_contains(&r->subnet, &r->end))
		return not_in_network("RangeEnd", &r->end, r, err);
	return 0;
}

static const char *range_format(const struct range *r, char *buf, size_t size)
{
	char start[IP_STR_SIZE], end[IP_STR_SIZE];

	(void)snprintf(buf, size, "%s-%s", ip_format(&r->start, start),
		       ip_format(&r->end, end));
	return buf;
}

static bool overlaps(const struct range *a, const struct range *b)
{
	return contains(a, &b->start) || contains(b, &a->start);
}

static int check_overlap(const struct range_set *s, size_t i,
			 struct cni_err *err)
{
	char a[2 * IP_STR_SIZE], b[2 * IP_STR_SIZE];

	for (size_t k = 0; k < i; k++)
		if (overlaps(&s->ranges[k], &s->ranges[i]))
			return err_say(
				err, CNI_E_CONFIG, EINVAL,
				"subnets %s and %s overlap",
				range_format(&s->ranges[k], a, sizeof(a)),
				range_format(&s->ranges[i], b, sizeof(b)));
	return 0;
}

int range_set_complete(struct range_set *s, struct cni_err *err)
{
	int r = 0;

	if (!s->n)
		return err_say(err, CNI_E_CONFIG, EINVAL, "empty range set");

	for (size_t i = 0; !r && i < s->n; i++) {
		r = complete(&s->ranges[i], err);
		if (!r &&
		    s->ranges[i].start.family != s->ranges[0].start.family)
			r = err_say(err, CNI_E_CONFIG, EINVAL,
				    "mixed address families");
	}
	for (size_t i = 0; !r && i < s->n; i++)
		r = check_overlap(s, i, err);
	return r;
}

const struct range *range_set_find(const struct range_set *s,
				   const struct ip_addr *a)
{
	for (size_t i = 0; i < s->n; i++)
		if (contains(&s->ranges[i], a))
			return &s->ranges[i];
	return NULL;
}

bool range_set_overlaps(const struct range_set *a, const struct range_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (overlaps(&a->ranges[i], &b->ranges[k]))
				return true;
	return false;
}

const char *range_set_format(const struct range_set *s,
			     char buf[RANGE_SET_STR_SIZE])
{
	char one[2 * IP_STR_SIZE];
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		(void)range_format(&s->ranges[i], one, sizeof(one));
		if (n + strlen(one) + sizeof(",...") > RANGE_SET_STR_SIZE) {
			(void)snprintf(buf + n, RANGE_SET_STR_SIZE - n, ",...");
			break;
		}
		n += (size_t)snprintf(buf + n, RANGE_SET_STR_SIZE - n, "%s%s",
				      i ? "," : "", one);
	}
	return buf;
}

/* The first free one of @lo..@hi, which lie in @r. */
static bool pick_between(const struct range *r, const struct ip_addr *lo,
			 const struct ip_addr *hi, const struct ip_list *taken,
			 struct ip_addr *ret)
{
	size_t i = ip_list_lower_bound(taken, lo);
	struct ip_addr a = *lo;

	do {
		const bool is_taken =
			i < taken->n && ip_equal(&taken->v[i], &a);

		if (!is_taken && !ip_equal(&a, &r->gateway)) {
			*ret = a;
			return true;
		}
		i += is_taken;
	} while (!ip_equal(&a, hi) && ip_add(&a, 1));
	return false;
}

bool range_set_pick(const struct range_set *s, const struct ip_addr *last,
		    const struct ip_list *taken, struct ip_addr *ret)
{
	const struct range *at = last ? range_set_find(s, last) : NULL;
	const size_t from = at ? (size_t)(at - s->ranges) + 1 : 0;

	if (at && !ip_equal(last, &at->end)) {
		struct ip_addr lo = *last;

		if (ip_add(&lo, 1) &&
		    pick_between(at, &lo, &at->end, taken, ret))
			return true;
	}
	/* Once around, and back up to where it began. */
	for (size_t k = 0; k < s->n; k++) {
		const struct range *r = &s->ranges[(from + k) % s->n];

		if (pick_between(r, &r->start, at && r == at ? last : &r->end,
				 taken, ret))
			return true;
	}
	return false;
}

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Addresses of the set without its gateways. */
static uint64_t size_of(const struct range_set *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct range *r = &s->ranges[i];

		n = add_capped(n, ip_distance(&r->start, &r->end));
		if (!contains(r, &r->gateway))
			n = add_capped(n, 1);
	}
	return n;
}

int range_set_exhausted(const struct range_set *s, const struct ip_list *taken,
			struct cni_err *err)
{
	char text[RANGE_SET_STR_SIZE];
	uint64_t used = 0;

	for (size_t i = 0; i < taken->n; i++) {
		const struct range *r = range_set_find(s, &taken->v[i]);

		used += r && !ip_equal(&r->gateway, &taken->v[i]);
	}
	return err_say(err, CNI_E_RETRY, EAGAIN,
		       "no IP addresses available in range set: %s: %" PRIu64
		       " of %" PRIu64 " in use",
		       range_set_format(s, text), used, size_of(s));
}
