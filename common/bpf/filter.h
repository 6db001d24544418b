/* SPDX-License-Identifier: Apache-2.0 */
/* filter.h - eBPF programs on a device, by clsact. */
#ifndef WEFT_BPF_FILTER_H
#define WEFT_BPF_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bpf/prog.h"

struct netlink;

#define BPF_FILTER_NAME_SIZE 32

/* Lower ones run first; each of ours ends with "go on" or with its verdict. */
enum bpf_filter_prio {
	BPF_FILTER_GUARD = 0x7760,
	BPF_FILTER_USER = 0x7763,
	BPF_FILTER_SPLICE = 0x7766,
};

/**
 * struct bpf_filter - Where a program is, or is to be
 * @ifindex:	The device
 * @prio:	Its place among others, of which each plugin has its own
 * @egress:	For what goes out by the device, not for what comes in
 * @replace:	One that is there makes room: no frame sees neither
 * @name:	As `tc filter show` has it
 */
struct bpf_filter {
	uint32_t ifindex;
	enum bpf_filter_prio prio;
	bool egress, replace;
	const char *name;
};

/**
 * struct bpf_filter_info - What is there
 * @tag:	See bpf_prog_tag()
 * @name:	The filter's; "" if it has none
 */
struct bpf_filter_info {
	uint8_t tag[BPF_TAG_SIZE];
	char name[BPF_FILTER_NAME_SIZE];
};

/**
 * bpf_filter_attach() - Let a program see each frame that comes in by a device, or
 *	goes out
 * @nl:		rtnetlink socket of the device's namespace
 * @f:		The place
 * @prog:	Descriptor of the program
 * @err:	Filled on failure
 *
 * Makes the device's clsact qdisc if it has neither that nor an ingress one,
 * and reads back that the program is there: a kernel has been seen to say yes
 * and attach nothing (cilium#21345).
 *
 * Source: net/sched/cls_bpf.c, TCA_BPF_*, linux/pkt_cls.h; tc-bpf(8).
 *
 * Return: 0, or
 *   -EEXIST  there is one of this priority and handle already, and it is not to
 *	     be replaced
 *   -ENOENT, -EOPNOTSUPP  a kernel without clsact or without cls_bpf
 *   another negative errno
 */
int bpf_filter_attach(struct netlink *nl, const struct bpf_filter *f, int prog,
		      struct cni_err *err);

/**
 * bpf_filter_detach() - Take ours away; the qdisc and others' filters stay
 *
 * Return: 0, also if there is none, or a negative errno
 */
int bpf_filter_detach(struct netlink *nl, const struct bpf_filter *f,
		      struct cni_err *err);

/**
 * bpf_filter_get() - Which program is there?
 * @nl:		rtnetlink socket of the device's namespace
 * @f:		The place
 * @ret:	It; unchanged if there is none
 * @err:	Filled on failure
 *
 * Return: 1 if there is one, 0 if not, or a negative errno
 */
int bpf_filter_get(struct netlink *nl, const struct bpf_filter *f,
		   struct bpf_filter_info *ret, struct cni_err *err);

#endif
