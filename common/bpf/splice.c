/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <string.h>

#include "bpf/prog.h"
#include "bpf/splice_target.h"

static const uint64_t insns[] = {
#include "splice.insns"
};

#define N_INSNS (sizeof(insns) / sizeof(*insns))

_Static_assert(N_INSNS <= BPF_PROG_MAX_INSNS, "it fits where it is patched");

/* A MOV of the placeholder, of 32 bits or of 64. */
static bool is_placeholder(const struct bpf_insn *i)
{
	return (i->code == (BPF_ALU | BPF_MOV | BPF_K) ||
		i->code == (BPF_ALU64 | BPF_MOV | BPF_K)) &&
	       i->imm == (int32_t)SPLICE_TARGET;
}

int bpf_splice_load(uint32_t target, int *ret_fd, struct cni_err *err)
{
	uint64_t code[N_INSNS];
	const struct bpf_code splice = { "weft_splice", code, N_INSNS };
	unsigned int patched = 0;

	for (size_t i = 0; i < N_INSNS; i++) {
		struct bpf_insn insn;

		memcpy(&insn, &insns[i], sizeof(insn));
		if (is_placeholder(&insn)) {
			insn.imm = (int32_t)target;
			patched++;
		}
		memcpy(&code[i], &insn, sizeof(insn));
	}
	if (patched != 1)
		return err_say(
			err, CNI_E_INTERNAL, EINVAL,
			"eBPF program weft_splice: built with %u places for the target, not one",
			patched);
	return bpf_prog_load(&splice, ret_fd, err);
}
