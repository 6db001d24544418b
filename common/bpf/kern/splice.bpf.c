/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splice.bpf.c - hand every frame to another device, as it is: with its tag,
 * its segments still in one piece and its checksum still to be filled in.
 *
 * A device that is down or without carrier (the tap of a VM that is stopped)
 * drops it without a word. mirred would log each one.
 */
#include <linux/bpf.h>

#include "bpf/splice_target.h"

static long (*const redirect)(__u32 ifindex,
			      __u64 flags) = (void *)BPF_FUNC_redirect;

__attribute__((section("tc"), used)) int splice(struct __sk_buff *skb)
{
	(void)skb;
	return (int)redirect(SPLICE_TARGET, 0);
}
