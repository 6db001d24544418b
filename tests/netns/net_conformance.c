/* SPDX-License-Identifier: Apache-2.0 */
/* tests/guard/conformance.json: each row in the kernel, by the tables and by the
 * oracle. The last line before the tests' says how many there are. */
#include <limits.h>

#include "../guard/conformance.h"
#include "../guard/oracle.h"

enum { ROWS_LEAST = 300 };

static void check(struct table *t, const char *row, struct packet *p, bool want)
{
	const bool in_kernel = passes(&t->g, p);
	const bool by_oracle = oracle_judge(&t->policy, &p->k) == POLICY_ALLOW;
	const bool by_tables =
		policy_lookup(&t->tables, &p->k).action == POLICY_ALLOW;
	char text[IP_STR_SIZE];

	t->rows++;
	if (in_kernel == want && by_oracle == want && by_tables == want)
		return;
	t->wrong++;
	print_error("%s: %s, %s: kernel %d, tables %d, oracle %d, not %d\n",
		    t->name, row, ip_format(&p->k.peer, text), in_kernel,
		    by_tables, by_oracle, want);
}

TEST(every_row_of_the_table_holds)
{
	const struct guard_rules rules = { .attachment = 7,
					   .network = 70,
					   .mac = mac_of(GUEST_MAC) };
	static struct table t;

	t = (struct table){
		.s = *state, .g = GUARD_NONE, .ifindex = LO, .check = check
	};
	open_guard(t.s, &t.g);
	assert_works(guard_admit(&t.g, LO, &rules, &t.s->err), t.s->err);
	check_table(&t, UINT_MAX);
	guard_close(&t.g);
	print_message("conformance: %u policies, %u rows, %u wrong\n", t.cases,
		      t.rows, t.wrong);
	assert_int_equal(t.wrong, 0);
	assert_true(t.rows >= ROWS_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(every_row_of_the_table_holds),
	};

	return RUN(tests);
}
