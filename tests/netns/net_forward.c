/* SPDX-License-Identifier: Apache-2.0 */
/* What nf_tables has is provoked by nft in doctor.sh; iptables-legacy, which a
 * machine need not have as a program, is spoken to here as it would. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "net/forward.h"
#include "net/probe.h"
#include "net_lib.h"

/* After libc's headers, which these know to respect. */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

static int open_raw(bool v6)
{
	return socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC,
		      IPPROTO_RAW);
}

/* As "iptables-legacy -L" does, which makes the table. Return: whether there
 * is one */
static bool read_table(bool v6, struct ipt_getinfo *info,
		       struct ipt_get_entries **ret)
{
	const int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	cleanup_close int fd = open_raw(v6);
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	memcpy(info->name, "filter", sizeof("filter"));
	if (fd < 0 || getsockopt(fd, level, IPT_SO_GET_INFO, info, &len) < 0)
		return false;
	len = (socklen_t)(sizeof(**ret) + info->size);
	*ret = calloc(1, len);
	assert_non_null(*ret);
	memcpy((*ret)->name, "filter", sizeof("filter"));
	(*ret)->size = info->size;
	assert_int_equal(getsockopt(fd, level, IPT_SO_GET_ENTRIES, *ret, &len),
			 0);
	return true;
}

/* "iptables-legacy -P FORWARD ...". Return: false without such tables */
static bool set_policy(bool v6, int verdict)
{
	const int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	cleanup_close int fd = open_raw(v6);
	cleanup_free struct ipt_get_entries *e = NULL;
	cleanup_free struct xt_counters *counters = NULL;
	cleanup_free struct ipt_replace *set = NULL;
	struct ipt_getinfo info;
	uint16_t target;
	size_t at;

	if (!read_table(v6, &info, &e))
		return false;
	set = calloc(1, sizeof(*set) + info.size);
	counters = calloc(info.num_entries, sizeof(*counters));
	assert_non_null(set);
	memcpy(set->name, info.name, sizeof(set->name));
	set->valid_hooks = info.valid_hooks;
	set->num_entries = info.num_entries;
	set->size = info.size;
	memcpy(set->hook_entry, info.hook_entry, sizeof(set->hook_entry));
	memcpy(set->underflow, info.underflow, sizeof(set->underflow));
	set->num_counters = info.num_entries;
	set->counters = counters;
	memcpy(set->entries, e->entrytable, info.size);
	at = info.underflow[NF_INET_FORWARD];
	memcpy(&target,
	       (char *)set->entries + at +
		       (v6 ? offsetof(struct ip6t_entry, target_offset)
			   : offsetof(struct ipt_entry, target_offset)),
	       sizeof(target));
	verdict = -verdict - 1;
	memcpy((char *)set->entries + at + target +
		       sizeof(struct xt_entry_target),
	       &verdict, sizeof(verdict));
	assert_int_equal(setsockopt(fd, level, IPT_SO_SET_REPLACE, set,
				    (socklen_t)(sizeof(*set) + info.size)),
			 0);
	return true;
}

static void check_legacy(struct sandbox *s, bool v6)
{
	struct forward_drop drops[FORWARD_MAX];
	size_t n = 9;

	/* To look is not to make: else the second look would find the table. */
	assert_false(forward_legacy(v6, NULL));
	assert_ok(forward_drops("weft0", drops, &n, &s->err), &s->err);
	assert_int_equal(n, 0);
	if (!set_policy(v6, NF_ACCEPT)) {
		print_message("no such tables in this kernel\n");
		skip();
	}
	assert_false(forward_legacy(v6, NULL));
	assert_true(set_policy(v6, NF_DROP));
	assert_true(forward_legacy(v6, NULL));
	assert_false(forward_legacy(!v6, NULL));
	assert_ok(forward_drops("weft0", drops, &n, &s->err), &s->err);
	assert_int_equal(n, 1);
	assert_string_equal(drops[0].family, v6 ? "ip6" : "ip");
	assert_string_equal(drops[0].table, "");
	assert_string_equal(drops[0].chain, "FORWARD");
	assert_true(set_policy(v6, NF_ACCEPT));
	assert_false(forward_legacy(v6, NULL));
}

TEST(iptables_legacy_drops)
{
	check_legacy(*state, false);
}

TEST(ip6tables_legacy_drops)
{
	check_legacy(*state, true);
}

TEST(looking_makes_no_table)
{
	char text[4096] = "";
	FILE *f;

	(void)forward_legacy(false, NULL);
	(void)forward_legacy(true, "weft0");
	f = fopen("/proc/thread-self/net/ip_tables_names", "re");
	if (f) {
		(void)!fread(text, 1, sizeof(text) - 1, f);
		(void)fclose(f);
	}
	assert_null(strstr(text, "filter"));
}

TEST(the_kernel_is_tried_elsewhere_and_we_are_back)
{
	struct sandbox *s = *state;
	cleanup_close int before = own_netns(), after = -1;
	unsigned int missing = ~0U;
	struct stat a, b;
	size_t n = 9, m = 0;
	cleanup_free struct link_info *links = NULL, *later = NULL;

	assert_ok(link_list(s->nl, 0, &links, &n, &s->err), &s->err);
	assert_ok(probe_kernel(&missing, &s->err), &s->err);
	after = own_netns();
	assert_int_equal(fstat(before, &a) | fstat(after, &b), 0);
	assert_true(a.st_ino == b.st_ino);
	/* Every test of this directory needs these. */
	assert_int_equal(missing & (PROBE_VETH | PROBE_BRIDGE | PROBE_TAP), 0);
	assert_ok(link_list(s->nl, 0, &later, &m, &s->err), &s->err);
	assert_int_equal(n, m);
}

int main(void)
{
	char host[16] = "";

	/* Where the kernel is the test's own, modules are there to be had. */
	(void)gethostname(host, sizeof(host) - 1);
	if (!strcmp(host, "weft-vm"))
		(void)!system("modprobe -a iptable_filter ip6table_filter");
	const struct CMUnitTest tests[] = {
		in_sandbox(iptables_legacy_drops),
		in_sandbox(ip6tables_legacy_drops),
		in_sandbox(looking_makes_no_table),
		in_sandbox(the_kernel_is_tried_elsewhere_and_we_are_back),
	};

	return RUN(tests);
}
