/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

static struct ip_addr v4_from(const uint8_t *b)
{
	struct ip_addr a = { .family = AF_INET };

	memcpy(a.b, b, 4);
	return a;
}

int ip_parse(const char *s, struct ip_addr *ret)
{
	struct ip_addr a = { 0 };

	if (inet_pton(AF_INET, s, a.b) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, s, a.b) == 1)
		a.family = AF_INET6;
	else
		return -EINVAL;

	if (a.family == AF_INET6 && !memcmp(a.b, v4_mapped, sizeof(v4_mapped)))
		a = v4_from(a.b + sizeof(v4_mapped));

	*ret = a;
	return 0;
}

static int plen_parse(const char *s, uint8_t max, uint8_t *ret)
{
	unsigned int n = 0;

	if (!*s || strlen(s) > 3)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		n = n * 10 + (unsigned int)(*s - '0');
	}
	if (n > max)
		return -EINVAL;

	*ret = (uint8_t)n;
	return 0;
}

int ip_net_parse(const char *s, struct ip_net *ret)
{
	const char *slash = strchr(s, '/');
	char text[IP_STR_SIZE];
	struct ip_net n;
	const size_t len = slash ? (size_t)(slash - s) : 0;

	if (!slash || len >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, len);
	text[len] = '\0';

	if (ip_parse(text, &n.addr) < 0)
		return -EINVAL;
	/* Go measures the prefix in the family that was written. */
	if (n.addr.family == AF_INET && strchr(text, ':')) {
		if (plen_parse(slash + 1, 128, &n.plen) < 0 || n.plen < 96)
			return -EINVAL;
		n.plen = (uint8_t)(n.plen - 96);
	} else if (plen_parse(slash + 1, ip_max_plen(n.addr.family), &n.plen) <
		   0) {
		return -EINVAL;
	}

	*ret = n;
	return 0;
}

/* RFC 5952: the longest run of two or more zero groups, the first of equals. */
static void zero_run(const uint16_t g[8], int *ret_start, int *ret_len)
{
	int start = -1, len = 0;

	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && !g[i + n])
			n++;
		if (n > 1 && n > len) {
			start = i;
			len = n;
		}
		i += n;
	}
	*ret_start = start;
	*ret_len = len;
}

/* At most 16 bits, without leading zeros; returns the digits' end. */
static char *put_number(char *p, unsigned int v, unsigned int base)
{
	char digits[8];
	size_t n = 0;

	do
		digits[n++] = "0123456789abcdef"[v % base];
	while (v /= base);
	while (n)
		*p++ = digits[--n];
	return p;
}

/* inet_ntop() writes ::a.b.c.d for some addresses, Go never does: lease file
 * names must be Go's. */
static char *put6(char *p, const uint8_t b[16])
{
	uint16_t g[8];
	int start, len;

	for (size_t i = 0; i < 8; i++)
		g[i] = (uint16_t)(b[2 * i] << 8 | b[2 * i + 1]);
	zero_run(g, &start, &len);

	for (int i = 0; i < 8; i++) {
		if (i == start) {
			p = stpcpy(p, "::");
			i += len - 1;
			continue;
		}
		if (i && i != start + len)
			*p++ = ':';
		p = put_number(p, g[i], 16);
	}
	return p;
}

static char *put4(char *p, const uint8_t b[4])
{
	for (int i = 0; i < 4; i++) {
		if (i)
			*p++ = '.';
		p = put_number(p, b[i], 10);
	}
	return p;
}

/* By hand: an ADD formats thirty, and musl's printf takes its time. */
const char *ip_format(const struct ip_addr *a, char buf[IP_STR_SIZE])
{
	char *end = buf;

	if (a->family == AF_INET)
		end = put4(buf, a->b);
	else if (a->family == AF_INET6)
		end = put6(buf, a->b);
	*end = '\0';
	return buf;
}

const char *ip_net_format(const struct ip_net *n, char buf[IP_NET_STR_SIZE])
{
	char text[IP_STR_SIZE];

	(void)snprintf(buf, IP_NET_STR_SIZE, "%s/%u", ip_format(&n->addr, text),
		       n->plen);
	return buf;
}

size_t ip_len(const struct ip_addr *a)
{
	return ip_max_plen(a->family) / 8U;
}

uint8_t ip_max_plen(uint8_t family)
{
	return family == AF_INET ? 32 : family == AF_INET6 ? 128 : 0;
}

int ip_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, sizeof(a->b));
}

bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return !ip_cmp(a, b);
}

bool ip_is_unspecified(const struct ip_addr *a)
{
	const struct ip_addr zero = { .family = a->family };

	return ip_equal(a, &zero);
}

bool ip_is_link_local(const struct ip_addr *a)
{
	if (a->family == AF_INET)
		return a->b[0] == 169 && a->b[1] == 254;
	return a->family == AF_INET6 && a->b[0] == 0xfe &&
	       (a->b[1] & 0xc0) == 0x80;
}

bool ip_add(struct ip_addr *a, uint64_t n)
{
	struct ip_addr sum = *a;
	unsigned __int128 carry = n;

	for (size_t i = ip_len(a); i-- > 0;) {
		carry += sum.b[i];
		sum.b[i] = (uint8_t)carry;
		carry >>= 8;
	}
	if (carry)
		return false;

	*a = sum;
	return true;
}

static unsigned __int128 to_int(const struct ip_addr *a)
{
	unsigned __int128 v = 0;

	for (size_t i = 0; i < ip_len(a); i++)
		v = v << 8 | a->b[i];
	return v;
}

uint64_t ip_distance(const struct ip_addr *lo, const struct ip_addr *hi)
{
	unsigned __int128 d;

	if (ip_cmp(hi, lo) <= 0)
		return 0;
	d = to_int(hi) - to_int(lo);
	return d > UINT64_MAX ? UINT64_MAX : (uint64_t)d;
}

/* Host bits become @ones. */
static struct ip_addr fill_host(const struct ip_net *n, bool ones)
{
	struct ip_addr a = n->addr;

	for (size_t bit = n->plen; bit < ip_max_plen(a.family); bit++) {
		const uint8_t m = (uint8_t)(0x80U >> bit % 8);

		a.b[bit / 8] =
			(uint8_t)(ones ? a.b[bit / 8] | m : a.b[bit / 8] & ~m);
	}
	return a;
}

struct ip_addr ip_net_first(const struct ip_net *n)
{
	return fill_host(n, false);
}

struct ip_addr ip_net_last(const struct ip_net *n)
{
	return fill_host(n, true);
}

struct ip_net ip_net_masked(const struct ip_net *n)
{
	return (struct ip_net){ .addr = ip_net_first(n), .plen = n->plen };
}

bool ip_net_contains(const struct ip_net *n, const struct ip_addr *a)
{
	const struct ip_net other = { .addr = *a, .plen = n->plen };
	const struct ip_addr x = ip_net_first(n), y = ip_net_first(&other);

	return n->addr.family == a->family && ip_equal(&x, &y);
}

bool ip_net_overlaps(const struct ip_net *a, const struct ip_net *b)
{
	return a->plen < b->plen ? ip_net_contains(a, &b->addr)
				 : ip_net_contains(b, &a->addr);
}
