/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no-mail.bpf.c - a program of your own behind the guard's: guests send no mail,
 * and how often they have tried is counted, by interface.
 *
 *	clang -target bpf -O2 -g -I/usr/include/$(uname -m)-linux-gnu \
 *		-c no-mail.bpf.c -o /etc/cni/no-mail.bpf.o
 *
 *	"guard": { "program": "/etc/cni/no-mail.bpf.o" }
 *
 * "from" sees what a guest sends, "to" would see what it is sent.
 */
/* The first one has the types of the last. */
/* clang-format off */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* clang-format on */

enum { TCP = 6, SMTP = 25 };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u64);
} tried SEC(".maps");

static void count(__u32 ifindex)
{
	const __u64 one = 1;
	__u64 *n = bpf_map_lookup_elem(&tried, &ifindex);

	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&tried, &ifindex, &one, BPF_NOEXIST);
}

SEC("tc")

int from(struct __sk_buff *skb)
{
	struct iphdr ip;
	struct tcphdr tcp;

	if (skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) ||
	    ip.protocol != TCP ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + ip.ihl * 4, &tcp, sizeof(tcp)) ||
	    tcp.dest != bpf_htons(SMTP))
		return TC_ACT_UNSPEC;
	count(skb->ifindex);
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";
