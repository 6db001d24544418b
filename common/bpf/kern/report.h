/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - what does not pass is told to whoever watches: by a program of its
 * own, which is called with what stands in the control block. */
#ifndef WEFT_BPF_KERN_REPORT_H
#define WEFT_BPF_KERN_REPORT_H

#include "bpf/kern/kern.h"

/* Places in the control block; the first is forget()'s. */
enum {
	CB_RULE = 1, /* which one denies it, and JUDGED_AUDIT */
	CB_VERDICT = 2,
};

/* The policy only looks: it passes, and is told. */
#define JUDGED_AUDIT (1U << 31)
#define REPORT_SENT (1U << 8)

inlined bool is_watched(void)
{
	const __u32 only = 0;
	const struct guard_watched *w = map_find(MAP(GUARD_WATCHED), &only);

	return w && w->until > ktime();
}

/* Return: what becomes of it, told or not */
inlined int report(struct __sk_buff *skb, enum guard_verdict v, bool sent)
{
	if (is_watched()) {
		skb->cb[CB_VERDICT] = v | (sent ? REPORT_SENT : 0);
		tail_call(skb, MAP(GUARD_TAILS), GUARD_REPORT);
	}
	return v ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

#endif
