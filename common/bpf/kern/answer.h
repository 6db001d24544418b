/* SPDX-License-Identifier: Apache-2.0 */
/* answer.h - a frame becomes the answer to itself and goes back where it came
 * from. */
#ifndef WEFT_BPF_ANSWER_H
#define WEFT_BPF_ANSWER_H

#include <linux/if_ether.h>

#include "bpf/kern/antispoof4.h"
#include "bpf/kern/report.h"

enum {
	SUM_STEP = 32,	/* bytes that are added up at a time */
	SUM_STEPS = 33, /* of the longest answer */
	UDP_HEADER = 8,
	UDP_CHECK = 6,
};

enum { PLACES = 0x7ff }; /* more than there are bytes in a question */

/* Zero, since nothing is answered that has a tag; but the verifier does not know
 * that. Results that begin with one each and are places, see place(), look all
 * the same to it: then it follows a loop once, not once for each of them. */
inlined __u32 some_zero(const struct __sk_buff *skb)
{
	return *(const volatile __u32 *)&skb->vlan_present & PLACES;
}

/* @zero: of some_zero(). Return: @at */
inlined __u32 place(__u32 at, __u32 zero)
{
	return (at + zero) & PLACES;
}

/**
 * struct asker - Who asks
 * @guest:	What it is
 * @a:		What it is told
 * @eth:	Header of its frame
 */
struct asker {
	struct __sk_buff *skb;
	const struct guard_guest *guest;
	const struct guard_answer *a;
	struct ethhdr eth;
};

inlined __u64 back(const struct guard_guest *g)
{
	return g->flags & GUARD_MIRRORED ? BPF_F_INGRESS : 0;
}

/* Without carry. */
inlined __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)((sum & 0xffff) + (sum >> 16));
}

/* Of a constant number of bytes on the stack, a multiple of four. */
#define sum_of(p, sum) ((__u32)csum_add((void *)0, 0, (p), sizeof(*(p)), (sum)))

/* Of the frame from @at to its end, which is asked for: of a number that it has
 * seen grow the verifier would look at each way to it. */
inlined __u32 sum_frame(struct __sk_buff *skb, __u32 at, __u32 sum)
{
	const __u32 end = skb->len;
	struct {
		__u8 b[SUM_STEP];
	} step;

	for (int i = 0; i < SUM_STEPS; i++) {
		__u32 left = end - at;

		if (at >= end)
			break;
		if (left < SUM_STEP) {
			__builtin_memset(&step, 0, sizeof(step));
			if (!is_some(&left, SUM_STEP) ||
			    skb_load(skb, at, &step, left))
				break;
		} else if (skb_load(skb, at, &step, SUM_STEP)) {
			break;
		}
		sum = sum_of(&step, sum);
		at += SUM_STEP;
	}
	return sum;
}

/* Of UDP zero says that there is none. */
inlined __u16 check_of(__u32 sum)
{
	const __u16 check = (__u16)~fold(sum);

	return check ? check : 0xffff;
}

/* It was never the guest's: what it asked is not counted as sent. */
inlined int conclude(struct __sk_buff *skb, const struct guard_guest *g,
		     enum guard_verdict v)
{
	__u32 ifindex = skb->ifindex;
	struct guard_counts *n = map_find(MAP(GUARD_COUNTS), &ifindex);

	if (!n || v >= GUARD_VERDICTS)
		return TC_ACT_SHOT;
	n->from[v]++;
	if (v == GUARD_ANSWERED)
		return (int)redirect(ifindex, back(g));
	if (v)
		return report(skb, v, true);
	n->from_bytes += skb->len;
	return TC_ACT_UNSPEC;
}

/* Who asks in another one's name is not told. Return: may it be answered? */
inlined bool find_asker(struct asker *who)
{
	__u32 ifindex = who->skb->ifindex;

	who->guest = map_find(MAP(GUARD_GUESTS), &ifindex);
	who->a = map_find(MAP(GUARD_ANSWERED_BY), &ifindex);
	return who->guest && who->a &&
	       !skb_load(who->skb, 0, &who->eth, sizeof(who->eth)) &&
	       is_mac(who->eth.h_source, who->guest->mac);
}

inlined bool put_eth(const struct asker *who, const __u8 *to)
{
	struct ethhdr eth = { .h_proto = who->eth.h_proto };

	__builtin_memcpy(eth.h_dest, to, ETH_ALEN);
	__builtin_memcpy(eth.h_source, who->a->mac, ETH_ALEN);
	return !skb_store(who->skb, 0, &eth, sizeof(eth),
			  BPF_F_INVALIDATE_HASH);
}

#endif
