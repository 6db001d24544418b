/* SPDX-License-Identifier: Apache-2.0 */
/* kern.h - what the programs call in the kernel; bpf-helpers(7). */
#ifndef WEFT_BPF_KERN_H
#define WEFT_BPF_KERN_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <stddef.h>

#include "bpf/guard_abi.h"

#define inlined static inline __attribute__((always_inline))
#define program __attribute__((section("tc"), used)) int

#define htons(x) ((__u16)__builtin_bswap16(x))
#define htonl(x) ((__u32)__builtin_bswap32(x))

/* The loader puts the map here. */
#define MAP(n) ((void *)((__u64)GUARD_MAP_MARK << 32 | (n)))

static void *(*const map_find)(void *map,
			       const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*const map_set)(void *map, const void *key, const void *value,
			     __u64 flags) = (void *)BPF_FUNC_map_update_elem;
static long (*const map_drop)(void *map,
			      const void *key) = (void *)BPF_FUNC_map_delete_elem;
static long (*const skb_load)(const void *skb, __u32 offset, void *to,
			      __u32 len) = (void *)BPF_FUNC_skb_load_bytes;
static long (*const skb_pull)(struct __sk_buff *skb,
			      __u32 len) = (void *)BPF_FUNC_skb_pull_data;
static long (*const skb_store)(struct __sk_buff *skb, __u32 offset,
			       const void *from, __u32 len,
			       __u64 flags) = (void *)BPF_FUNC_skb_store_bytes;
static long (*const skb_resize)(struct __sk_buff *skb, __u32 len,
				__u64 flags) = (void *)BPF_FUNC_skb_change_tail;
static __s64 (*const csum_add)(const void *from, __u32 from_len, const void *to,
			       __u32 to_len,
			       __u32 seed) = (void *)BPF_FUNC_csum_diff;
static long (*const redirect)(__u32 ifindex,
			      __u64 flags) = (void *)BPF_FUNC_redirect;
static long (*const send_copy)(struct __sk_buff *skb, __u32 ifindex,
			       __u64 flags) = (void *)BPF_FUNC_clone_redirect;
static long (*const tail_call)(void *ctx, void *map,
			       __u32 index) = (void *)BPF_FUNC_tail_call;

static void *(*const ring_reserve)(void *ring, __u64 size,
				   __u64 flags) = (void *)BPF_FUNC_ringbuf_reserve;
static void (*const ring_submit)(void *event,
				 __u64 flags) = (void *)BPF_FUNC_ringbuf_submit;
static __u64 (*const boot_time)(void) = (void *)BPF_FUNC_ktime_get_boot_ns;
static __u64 (*const ktime)(void) = (void *)BPF_FUNC_ktime_get_coarse_ns;

/* Hides from the compiler what it knows of @x, so that it tests what it uses:
 * the verifier believes no other test. */
#define hide(x) asm volatile("" : "+r"(x))

/* Return: is *@len one to @max? As Linux 6.1 understands it, to which unlike zero
 * says nothing. */
inlined bool is_some(__u32 *len, __u32 max)
{
	__u32 less = *len - 1;

	hide(less);
	*len = less + 1;
	return less < max;
}

inlined void *data_of(const struct __sk_buff *skb)
{
	return (void *)(long)skb->data;
}

inlined void *end_of(const struct __sk_buff *skb)
{
	return (void *)(long)skb->data_end;
}

/* For each number that the verifier knows it goes through all that follows: this
 * one it knows no more. */
inlined __u32 forget(struct __sk_buff *skb, __u32 v)
{
	volatile __u32 *at = &skb->cb[0];

	*at = v;
	return *at;
}

enum { LOOKED_AT = 14 + 40 + 8 }; /* of most frames all that is */

/* Headers may lie in pages of the guest's: then they are copied first. */
inlined void make_linear(struct __sk_buff *skb)
{
	const __u32 len = skb->len;

	if (data_of(skb) + LOOKED_AT > end_of(skb) &&
	    end_of(skb) - data_of(skb) < len)
		skb_pull(skb, len < LOOKED_AT ? len : LOOKED_AT);
}

#endif
