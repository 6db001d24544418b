/* SPDX-License-Identifier: Apache-2.0 */
/* new_flow.bpf.c - guard_from, with another source port for each frame. */
#include "bpf/kern/kern.h"

#undef program
#define program inlined int
#include "bpf/kern/guard_from.bpf.c"

static __u32 (*const random_u32)(void) = (void *)BPF_FUNC_get_prandom_u32;

__attribute__((section("tc"), used)) int new_flow(struct __sk_buff *skb)
{
	const __u16 port = (__u16)random_u32();

	skb_store(skb, ETH_HLEN + sizeof(struct iphdr), &port, sizeof(port), 0);
	return guard_from(skb);
}
