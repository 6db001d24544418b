/* SPDX-License-Identifier: Apache-2.0 */
/* prog.h - load eBPF programs into the kernel. */
#ifndef WEFT_BPF_PROG_H
#define WEFT_BPF_PROG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BPF_PROG_MAX_INSNS 64 /* of one that is patched */
#define BPF_TAG_SIZE 8	      /* linux/bpf.h */

/**
 * struct bpf_code - A program as the build has made it from bpf/kern/
 * @name:	As bpftool shows it, at most 15 bytes
 * @insns:	struct bpf_insn each, in the machine's byte order
 * @n:		How many
 */
struct bpf_code {
	const char *name;
	const uint64_t *insns;
	size_t n;
};

/**
 * bpf_prog_load() - Verify a program for tc and load it
 * @code:	The program
 * @ret_fd:	Its descriptor: what is not attached goes with it. Unchanged on
 *		failure
 * @err:	On failure, with the end of what the verifier said in its details
 *
 * Source: bpf(2), BPF_PROG_LOAD; BPF_PROG_TYPE_SCHED_CLS.
 *
 * Return: 0, or
 *   -EPERM   neither CAP_BPF and CAP_NET_ADMIN nor CAP_SYS_ADMIN
 *   -ENOSYS  a kernel without bpf(2)
 *   another negative errno
 */
int bpf_prog_load(const struct bpf_code *code, int *ret_fd,
		  struct cni_err *err);

/**
 * bpf_prog_tag() - A digest of a loaded program's instructions
 *
 * Two programs with one tag are the same, the numbers in them included.
 *
 * Source: struct bpf_prog_info, linux/bpf.h.
 *
 * Return: 0 or a negative errno
 */
int bpf_prog_tag(int fd, uint8_t ret[BPF_TAG_SIZE], struct cni_err *err);

/**
 * bpf_splice_load() - The program that hands every frame to another device
 * @target:	ifindex, in the namespace of the device it is attached to
 * @ret_fd:	As bpf_prog_load()
 * @err:	Filled on failure
 *
 * One program a direction and attachment, with the target in its code: there is
 * no map to fill, and nothing is left when the device goes.
 *
 * Return: 0 or a negative errno
 */
int bpf_splice_load(uint32_t target, int *ret_fd, struct cni_err *err);

#endif
