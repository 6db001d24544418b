/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/netfilter/nf_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "../lib/check.h"
#include "net/nft.h"

/* A rule's expressions; @spec: 'p' payload, 'q' another, 'c' compare, 'm' masq */
static struct netlink_req rule(const char *spec, const struct nlattr **ret)
{
	struct netlink_req q = fw_req(NFT_MSG_NEWRULE, 0);
	struct nlattr *list = netlink_nest(&q, NFTA_RULE_EXPRESSIONS);

	for (; *spec; spec++) {
		if (*spec == 'p')
			fw_put_payload(&q, 12, 4);
		if (*spec == 'q')
			fw_put_payload(&q, 16, 4);
		if (*spec == 'c')
			fw_put_cmp(&q, NFT_CMP_EQ, "abcd", 4);
		if (*spec == 'm')
			fw_put_plain(&q, "masq");
	}
	netlink_nest_end(&q, list);
	assert_non_null(q.msg);
	*ret = list;
	return q;
}

static bool same(const char *have, const char *want)
{
	const struct nlattr *h, *w;
	struct netlink_req a = rule(have, &h), b = rule(want, &w);
	const bool r = fw_same_exprs(h, w);

	netlink_req_free(&a);
	netlink_req_free(&b);
	return r;
}

TEST(expressions_are_the_same_in_kind_content_order_and_number)
{
	assert_true(same("pcm", "pcm"));
	assert_true(same("", ""));
	assert_false(same("qcm", "pcm"));
	assert_false(same("cpm", "pcm"));
	assert_false(same("pc", "pcm"));
	assert_false(same("pcm", "pc"));
	assert_false(same("", "m"));
	assert_false(same("m", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			expressions_are_the_same_in_kind_content_order_and_number),
	};

	return RUN(tests);
}
