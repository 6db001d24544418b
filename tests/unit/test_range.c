/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipam-host-local/range.h"
#include "unit.h"

#define MAX_RANGES 4

static struct ip_addr addr(const char *s)
{
	struct ip_addr a = { 0 };

	if (*s)
		assert_int_equal(ip_parse(s, &a), 0);
	return a;
}

static struct range range(const char *subnet, const char *start,
			  const char *end, const char *gateway)
{
	struct range r = { .start = addr(start),
			   .end = addr(end),
			   .gateway = addr(gateway) };

	if (*subnet)
		assert_int_equal(ip_net_parse(subnet, &r.subnet), 0);
	return r;
}

static void assert_ip(const struct ip_addr *a, const char *want)
{
	char text[IP_STR_SIZE];

	assert_string_equal(ip_format(a, text), want);
}

static void assert_completes(const char *subnet, const char *start,
			     const char *end, const char *gateway)
{
	struct range r = range(subnet, "", "", "");
	struct range_set s = { &r, 1 };
	struct cni_err err = CNI_ERR_INIT;

	assert_int_equal(range_set_complete(&s, &err), 0);
	assert_ip(&r.start, start);
	assert_ip(&r.end, end);
	assert_ip(&r.gateway, gateway);
}

static void a_subnet_alone_gives_start_end_and_gateway(void **state)
{
	(void)state;
	assert_completes("10.9.0.0/24", "10.9.0.1", "10.9.0.254", "10.9.0.1");
	assert_completes("10.9.0.0/30", "10.9.0.1", "10.9.0.2", "10.9.0.1");
	assert_completes("fd00::/126", "fd00::1", "fd00::3", "fd00::1");
	assert_completes("0.0.0.0/0", "0.0.0.1", "255.255.255.254", "0.0.0.1");
}

static void assert_refused(struct range *ranges, size_t n, const char *want)
{
	struct range_set s = { ranges, n };
	struct cni_err err = CNI_ERR_INIT;

	assert_int_equal(range_set_complete(&s, &err), -22);
	assert_int_equal(err.code, CNI_E_CONFIG);
	assert_string_equal(err.msg, want);
}

static void assert_one_refused(struct range r, const char *want)
{
	assert_refused(&r, 1, want);
}

static void bad_ranges_are_refused_in_host_locals_words(void **state)
{
	struct range twice[] = { range("10.9.0.0/24", "", "", ""),
				 range("10.9.0.0/25", "", "", "") };
	struct range mixed[] = { range("10.9.0.0/24", "", "", ""),
				 range("fd00::/64", "", "", "") };

	(void)state;
	assert_one_refused(range("10.9.0.0/31", "", "", ""),
			   "Network 10.9.0.0/31 too small to allocate from");
	assert_one_refused(range("fd00::/127", "", "", ""),
			   "Network fd00::/127 too small to allocate from");
	assert_one_refused(
		range("10.9.1.5/24", "", "", ""),
		"Network has host bits set. For a subnet mask of length 24 the network address is 10.9.1.0");
	assert_one_refused(range("10.9.0.0/24", "10.9.1.1", "", ""),
			   "RangeStart 10.9.1.1 not in network 10.9.0.0/24");
	assert_one_refused(range("10.9.0.0/24", "fd00::1", "", ""),
			   "RangeStart fd00::1 not in network 10.9.0.0/24");
	assert_one_refused(range("10.9.0.0/24", "", "10.9.1.1", ""),
			   "RangeEnd 10.9.1.1 not in network 10.9.0.0/24");
	assert_one_refused(range("10.9.0.0/24", "10.9.0.20", "10.9.0.10", ""),
			   "RangeStart 10.9.0.20 not in network 10.9.0.0/24");
	assert_one_refused(range("10.9.0.0/24", "10.9.0.255", "", ""),
			   "RangeStart 10.9.0.255 not in network 10.9.0.0/24");
	assert_one_refused(range("", "10.9.0.1", "", ""),
			   "range without \"subnet\"");
	assert_refused(
		twice, 2,
		"subnets 10.9.0.1-10.9.0.254 and 10.9.0.1-10.9.0.126 overlap");
	assert_refused(mixed, 2, "mixed address families");
	assert_refused(NULL, 0, "empty range set");
}

static void network_and_broadcast_may_be_asked_for_explicitly(void **state)
{
	struct range r = range("10.9.0.0/24", "10.9.0.0", "10.9.0.255", "");
	struct range_set s = { &r, 1 };
	struct cni_err err = CNI_ERR_INIT;

	(void)state;
	assert_int_equal(range_set_complete(&s, &err), 0);
	assert_ip(&r.start, "10.9.0.0");
	assert_ip(&r.end, "10.9.0.255");
}

static void long_sets_are_cut_visibly_in_messages(void **state)
{
	struct range ranges[20];
	struct range_set s = { ranges, 20 };
	struct cni_err err = CNI_ERR_INIT;
	char text[RANGE_SET_STR_SIZE], net[32];

	(void)state;
	for (int i = 0; i < 20; i++) {
		(void)snprintf(net, sizeof(net), "10.9.%d.0/24", i);
		ranges[i] = range(net, "", "", "");
	}
	assert_int_equal(range_set_complete(&s, &err), 0);
	(void)range_set_format(&s, text);
	assert_true(strlen(text) < sizeof(text));
	assert_string_equal(text + strlen(text) - 4, ",...");
}

/* Everything between two IPv4 addresses is taken. */
static void take(struct ip_list *l, const char *from, const char *to)
{
	struct ip_addr a = addr(from);
	const struct ip_addr last = addr(to);

	for (; ip_cmp(&a, &last) <= 0; (void)ip_add(&a, 1))
		assert_int_equal(ip_list_add(l, &a), 0);
	ip_list_sort(l);
}

static void assert_picks(const struct range_set *s, const char *last,
			 const struct ip_list *taken, const char *want)
{
	const struct ip_addr from = addr(last);
	struct ip_addr got = { 0 };

	assert_int_equal(range_set_pick(s, *last ? &from : NULL, taken, &got),
			 !!*want);
	assert_ip(&got, want);
}

static void the_search_begins_behind_the_last_and_tries_it_last(void **state)
{
	struct range ranges[] = {
		range("10.1.0.0/29", "10.1.0.2", "10.1.0.4", ""),
		range("10.2.0.0/29", "10.2.0.1", "10.2.0.2", "10.2.0.2"),
	};
	struct range_set s = { ranges, 2 };
	cleanup_ip_list struct ip_list taken = { 0 };
	struct cni_err err = CNI_ERR_INIT;

	(void)state;
	assert_int_equal(range_set_complete(&s, &err), 0);
	assert_picks(&s, "", &taken, "10.1.0.2");
	assert_picks(&s, "10.1.0.2", &taken, "10.1.0.3");
	assert_picks(&s, "10.1.0.4", &taken, "10.2.0.1");
	assert_picks(&s, "10.2.0.1", &taken, "10.1.0.2");
	assert_picks(&s, "192.0.2.1", &taken, "10.1.0.2");

	take(&taken, "10.1.0.2", "10.1.0.2");
	take(&taken, "10.1.0.4", "10.1.0.4");
	take(&taken, "10.2.0.1", "10.2.0.1");
	assert_picks(&s, "10.1.0.3", &taken, "10.1.0.3");
	take(&taken, "10.1.0.3", "10.1.0.3");
	assert_picks(&s, "10.1.0.3", &taken, "");
}

static void a_dense_block_of_a_large_pool_is_skipped(void **state)
{
	struct range r = range("10.0.0.0/8", "", "", "");
	struct range_set s = { &r, 1 };
	cleanup_ip_list struct ip_list taken = { 0 };
	struct cni_err err = CNI_ERR_INIT;

	(void)state;
	assert_int_equal(range_set_complete(&s, &err), 0);
	take(&taken, "10.0.0.2", "10.0.195.80");
	assert_picks(&s, "", &taken, "10.0.195.81");
	assert_picks(&s, "10.0.7.7", &taken, "10.0.195.81");
	assert_picks(&s, "10.255.255.254", &taken, "10.0.195.81");
	assert_picks(&s, "10.255.255.253", &taken, "10.255.255.254");
}

static void a_pool_of_2_to_the_64_addresses_works_to_its_end(void **state)
{
	struct range r = range("fd00::/64", "", "", "");
	struct range_set s = { &r, 1 };
	cleanup_ip_list struct ip_list taken = { 0 };
	struct cni_err err = CNI_ERR_INIT;

	(void)state;
	assert_int_equal(range_set_complete(&s, &err), 0);
	assert_picks(&s, "", &taken, "fd00::2");
	assert_picks(&s, "fd00::ffff:ffff:ffff:fffe", &taken,
		     "fd00::ffff:ffff:ffff:ffff");
	assert_picks(&s, "fd00::ffff:ffff:ffff:ffff", &taken, "fd00::2");
}

static void the_last_address_of_all_is_not_stepped_over(void **state)
{
	struct range r = range("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126",
			       "", "", "");
	struct range_set s = { &r, 1 };
	cleanup_ip_list struct ip_list taken = { 0 };
	struct cni_err err = CNI_ERR_INIT;

	(void)state;
	assert_int_equal(range_set_complete(&s, &err), 0);
	take(&taken, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
	     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
	assert_picks(&s, "", &taken, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void exhaustion_says_range_used_and_total(void **state)
{
	struct range ranges[] = {
		range("10.1.0.0/29", "", "", ""),
		range("10.2.0.0/29", "10.2.0.2", "", "192.0.2.1"),
	};
	struct range_set s = { ranges, 2 };
	cleanup_ip_list struct ip_list taken = { 0 };
	struct cni_err err = CNI_ERR_INIT;

	(void)state;
	assert_int_equal(range_set_complete(&s, &err), 0);
	take(&taken, "10.1.0.1", "10.1.0.3"); /* .1 is a gateway */
	assert_int_equal(range_set_exhausted(&s, &taken, &err), -11);
	assert_int_equal(err.code, CNI_E_RETRY);
	assert_string_equal(
		err.msg,
		"no IP addresses available in range set: 10.1.0.1-10.1.0.6,10.2.0.2-10.2.0.6: 2 of 10 in use");
}

/* host-local's iterator as its source has it, one address a step. */
static bool naive_pick(const struct range_set *s, const struct ip_addr *last,
		       const struct ip_list *taken, struct ip_addr *ret)
{
	const struct range *at = last ? range_set_find(s, last) : NULL;
	size_t i = at ? (size_t)(at - s->ranges) : 0;
	struct ip_addr cur = at ? *last : s->ranges[0].start, first = { 0 };
	bool step = at;

	for (;; step = true) {
		if (step && ip_equal(&cur, &s->ranges[i].end)) {
			i = (i + 1) % s->n;
			cur = s->ranges[i].start;
		} else if (step) {
			(void)ip_add(&cur, 1);
		}
		if (!first.family)
			first = cur;
		else if (ip_equal(&cur, &first))
			return false;
		if (ip_equal(&cur, &s->ranges[i].gateway) ||
		    ip_list_has(taken, &cur))
			continue;
		*ret = cur;
		return true;
	}
}

static unsigned int rnd(unsigned int n)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned int)(x % n);
}

static struct ip_addr small(unsigned int i, unsigned int host)
{
	char text[IP_STR_SIZE];

	(void)snprintf(text, sizeof(text), "10.%u.0.%u", i, host);
	return addr(text);
}

static void random_set(struct range *ranges, struct range_set *ret,
		       struct ip_list *taken)
{
	const unsigned int n = 1 + rnd(MAX_RANGES);
	struct cni_err err = CNI_ERR_INIT;

	*ret = (struct range_set){ ranges, n };
	for (unsigned int i = 0; i < n; i++) {
		const unsigned int start = rnd(7), end = start + rnd(8 - start);
		struct range *r = &ranges[i];

		*r = (struct range){ .subnet = { small(i, 0), 29 } };
		if (rnd(2))
			r->start = small(i, start);
		if (rnd(2))
			r->end = small(i, end > 0 ? end : 1);
		if (rnd(2))
			r->gateway = small(i, rnd(8));
		if (ip_cmp(&r->start, &r->end) > 0)
			r->end.family = 0;
		for (unsigned int k = 0; k < 8; k++) {
			const struct ip_addr a = small(i, k);

			if (rnd(4))
				assert_int_equal(ip_list_add(taken, &a), 0);
		}
	}
	assert_int_equal(range_set_complete(ret, &err), 0);
	ip_list_sort(taken);
}

static void the_choice_is_that_of_a_search_step_by_step(void **state)
{
	int found = 0;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		cleanup_ip_list struct ip_list taken = { 0 };
		struct range ranges[MAX_RANGES];
		struct ip_addr a = { 0 }, b = { 0 }, last;
		struct range_set s;
		const struct ip_addr *from;
		bool x;

		random_set(ranges, &s, &taken);
		last = small(rnd(MAX_RANGES + 1), rnd(8));
		from = rnd(5) ? &last : NULL;
		x = range_set_pick(&s, from, &taken, &a);
		assert_int_equal(x, naive_pick(&s, from, &taken, &b));
		assert_true(ip_equal(&a, &b));
		found += x;
	}
	assert_true(found > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_subnet_alone_gives_start_end_and_gateway),
		cmocka_unit_test(bad_ranges_are_refused_in_host_locals_words),
		cmocka_unit_test(
			network_and_broadcast_may_be_asked_for_explicitly),
		cmocka_unit_test(long_sets_are_cut_visibly_in_messages),
		cmocka_unit_test(
			the_search_begins_behind_the_last_and_tries_it_last),
		cmocka_unit_test(a_dense_block_of_a_large_pool_is_skipped),
		cmocka_unit_test(
			a_pool_of_2_to_the_64_addresses_works_to_its_end),
		cmocka_unit_test(the_last_address_of_all_is_not_stepped_over),
		cmocka_unit_test(exhaustion_says_range_used_and_total),
		cmocka_unit_test(the_choice_is_that_of_a_search_step_by_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
