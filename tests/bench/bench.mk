# SPDX-License-Identifier: Apache-2.0
# The race: its clock, and the floor built in both ways that weft is.

BENCH_SRC := $(wildcard tests/bench/*.c)
BENCH := build/bench

.PHONY: bench bench-vm bench-programs
bench: ## race the reference plugins and the kernel; RUNS=40 for a short one (as root)
	$(Q)tests/lib/deps.sh build static bench
	$(Q)$(MAKE) --no-print-directory all static
	$(Q)$(MAKE) --no-print-directory bench-programs
	$(Q)tests/bench/bench.sh

bench-vm: ## container to VM beside devices wired by hand; ROUNDS=1 for a short one (as root)
	$(Q)tests/lib/deps.sh build bench
	$(Q)$(MAKE) --no-print-directory all $(BENCH)/wire $(BENCH)/vmm
	$(Q)tests/bench/vm.sh

bench-programs: $(BENCH)/race $(BENCH)/trip $(BENCH)/floor-dynamic $(BENCH)/floor-static

$(BENCH)/race $(BENCH)/trip $(BENCH)/floor-dynamic: $(BENCH_SRC) tests/bench/bench.mk
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -pthread -o $@ \
		tests/bench/$(firstword $(subst -, ,$(@F))).c

$(BENCH)/wire: tests/bench/wire.c tests/bench/bench.mk
$(BENCH)/vmm: tests/lib/vmm.c tests/bench/bench.mk
$(BENCH)/wire $(BENCH)/vmm:
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $<

$(BENCH)/new_flow.insns: tests/bench/new_flow.bpf.c $(BPF)/guard_from.insns
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPF_CC) $(BPF_CFLAGS) -c -o $@.o $<
	$(Q)objcopy -I elf64-little -O binary -j tc $@.o $@.bin
	$(Q)od -An -v -tx8 -w8 $@.bin | sed 's/ *\(.*\)/0x\1U,/' >$@

# Linked with what it measures.
$(BENCH)/policy: tests/bench/policy.c $(BENCH)/new_flow.insns $(MOST) \
		tests/guard/packet.h tests/bench/bench.mk
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -I$(BENCH) $(ALL_LDFLAGS) -o $@ $< $(MOST) $(LDLIBS)

.PHONY: bench-policy
bench-policy: ## what the guard and a policy cost a frame, in ns (as root)
	$(Q)tests/lib/deps.sh build
	$(Q)$(MAKE) --no-print-directory $(BENCH)/policy
	$(Q)$(BENCH)/policy $(or $(RULES),0 10 100 1000 10000 100000)

$(BENCH)/floor-static: tests/bench/floor.c tests/bench/bench.mk $(STATIC_RULES)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(STATIC_CFLAGS) -c -o $@.o $<
	$(Q)$(MUSL_CC) $(STATIC_LDFLAGS) -o $@ $(STATIC_START) $@.o $(STATIC_END)
