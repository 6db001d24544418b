/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/kern/answer.h"

program guard_answer6(struct __sk_buff *skb)
{
	struct asker who = { .skb = skb };
	return find_asker(&who) && who.guest
		       ? conclude(skb, who.guest, GUARD_PASS)
		       : TC_ACT_SHOT;
}
