# SPDX-License-Identifier: Apache-2.0
# The eBPF programs: compiled once for every build, embedded as numbers.

BPF := build/bpf
BPF_SRC := $(wildcard common/bpf/kern/*.bpf.c)
BPF_INSNS := $(BPF_SRC:common/bpf/kern/%.bpf.c=$(BPF)/%.insns)
BPF_CC ?= clang

# Their own headers only, beside the kernel's. -mcpu=v3 is what 5.10 knows, and
# another one is another program to the verifier.
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -std=gnu17 -Wall -Wextra -Werror -Icommon \
	-idirafter /usr/include/$(shell $(CC) -print-multiarch)

# A program with relocations would need a loader: better no build.
$(BPF)/%.insns: common/bpf/kern/%.bpf.c common/bpf/bpf.mk
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPF_CC) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $(@:.insns=.d) \
		-c -o $(@:.insns=.o) $<
	$(Q)! readelf -SW $(@:.insns=.o) | grep -w 'REL[A]*' || \
		{ echo "$<: has relocations" >&2; exit 1; }
	$(Q)objcopy -I elf64-little -O binary -j tc $(@:.insns=.o) \
		$(@:.insns=.bin)
	$(Q)od -An -v -tx8 -w8 $(@:.insns=.bin) | sed 's/ *\(.*\)/0x\1U,/' >$@.new
	$(Q)test -s $@.new && mv $@.new $@

# Which build's programs they are: those of another one may still be in use.
$(BPF)/guard.id: $(filter $(BPF)/guard_%,$(BPF_INSNS))
	$(Q)cat $^ | sha256sum | sed 's/\(.\{16\}\).*/"\1"/' >$@.new
	$(Q)mv $@.new $@

BPF_GEN := $(BPF_INSNS) $(BPF)/guard.id

-include $(BPF_INSNS:.insns=.d)
