# SPDX-License-Identifier: Apache-2.0
# make help lists the targets. V=1 shows commands, SAN=1 builds with sanitizers.

.DEFAULT_GOAL := all
B := build$(if $(SAN),/san)
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s%s\n' $(1) '$(2)')

LIBS := libnl-3.0 libcjson
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wvla -Wwrite-strings -Wundef -Wimplicit-fallthrough \
	-Wconversion -Wno-sign-conversion
HARDEN := -fstack-protector-strong -fPIE \
	$(if $(SAN),,-D_FORTIFY_SOURCE=2)
comma := ,
SANITIZE := $(if $(SAN),-fsanitize=address$(comma)undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -Icommon -Iplugins -Iipam -Igo-free-shim \
	-I$(BPF) \
	$(WARN) $(HARDEN) $(SANITIZE) $(CPPFLAGS) $(CFLAGS) \
	$(shell pkg-config --cflags $(LIBS) 2>/dev/null)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SANITIZE) $(LDFLAGS)
LDLIBS = $(shell pkg-config --libs $(LIBS) 2>/dev/null)

NAMES := bridge-vm macvlan-vm tap-vm ipam-host-local portmap-nft policy-ebpf
SRC := $(wildcard common/*/*.c plugins/*.c plugins/*/*.c ipam/*/*.c \
	go-free-shim/libcni/*.c go-free-shim/weft/*.c)
# A program of its own, with privileges of its own: of the command it has only
# what attaches and opens.
HELPER := weft-qemu-helper
HELPER_SRC := $(wildcard go-free-shim/$(HELPER)/*.c)
HELPER_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(HELPER_SRC) \
	$(wildcard common/base/*.c common/cni/*.c common/net/*.c \
		go-free-shim/libcni/*.c) \
	$(addprefix go-free-shim/weft/,run_device.c run_nic.c run_space.c \
		run_words.c session.c))
HDR := $(wildcard common/*/*.h plugins/*/*.h ipam/*/*.h go-free-shim/*/*.h)
OBJ := $(SRC:%.c=$(B)/obj/%.o)
MOST := $(filter-out $(B)/obj/plugins/main.o,$(OBJ)) \
	$(B)/obj/go-free-shim/$(HELPER)/acl.o
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT := $(UNIT_SRC:tests/unit/%.c=$(B)/tests/%)
NETNS_SRC := $(wildcard tests/netns/net_*.c)
NETNS := $(NETNS_SRC:tests/netns/%.c=$(B)/tests/%)
TEST_HDR := $(wildcard tests/*/*.h)
FAULTS_SRC := $(filter-out %/fail_alloc.c,$(wildcard tests/faults/*.c))
FAULTS_HDR := $(wildcard tests/faults/*.h)
FORMATTED = $(LINT_SRC) $(wildcard examples/*.c) $(LINT_HDR) $(UNIT_SRC) \
	$(NETNS_SRC) $(TEST_HDR) $(wildcard tests/faults/*.c) $(BENCH_SRC) \
	$(BPF_SRC)
SH := .ci/run completions/weft.bash $(wildcard examples/*.sh examples/*/*.sh tests/*.sh tests/*/*.sh)

include common/bpf/bpf.mk

.PHONY: all
all: $(B)/bin/weft $(NAMES:%=$(B)/bin/%) $(B)/libexec/$(HELPER) $(if $(SAN),,lib) ## build build/bin and build/lib (default)

$(B)/bin/weft: $(OBJ)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/libexec/$(HELPER): $(HELPER_OBJ)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

$(NAMES:%=$(B)/bin/%): $(B)/bin/weft
	$(Q)ln -sf weft $@

$(B)/obj/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(OBJ): | $(BPF_GEN)

-include $(sort $(OBJ:.o=.d) $(HELPER_OBJ:.o=.d)) $(UNIT:=.d) $(NETNS:=.d) $(B)/tests/answering.d

# Tests: one program per file, linked with everything but main().
$(UNIT): $(B)/tests/%: tests/unit/%.c $(MOST)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(MOST) \
		-lcmocka $(LDLIBS)

$(NETNS): $(B)/tests/%: tests/netns/%.c $(MOST)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(MOST) \
		-lcmocka $(LDLIBS)

# For tests/guard: what a plugin does to a port, alone.
ANSWERING := $(B)/tests/answering
$(ANSWERING): tests/lib/answering.c $(MOST)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(MOST) \
		$(LDLIBS)

# The fault sweep: an injector, and a library to be preloaded.
FAULTS := $(B)/faults/faults $(B)/faults/fail_alloc.so
$(B)/faults/faults: $(FAULTS_SRC) $(FAULTS_HDR) $(MOST)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(FAULTS_SRC) $(MOST) \
		$(LDLIBS)

$(B)/faults/fail_alloc.so: tests/faults/fail_alloc.c $(FAULTS_HDR)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC -shared -o $@ $<

include static/static.mk
include go-free-shim/libcni/lib.mk

include tests/bench/bench.mk

# Renamed into place: an engine may run the old one at this moment.
BINDIR ?= /opt/cni/bin
PREFIX ?= /usr/local
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
LIBEXECDIR ?= $(PREFIX)/libexec
define install-from
$(Q)install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man8
$(Q)install -m 755 $(1)/weft $(DESTDIR)$(BINDIR)/.weft.new
$(Q)mv -f $(DESTDIR)$(BINDIR)/.weft.new $(DESTDIR)$(BINDIR)/weft
$(Q)for name in $(NAMES); do \
	ln -sfn weft $(DESTDIR)$(BINDIR)/$$name || exit; done
$(Q)install -d $(DESTDIR)$(LIBEXECDIR)
$(Q)install -m 755 $(1:%/bin=%/libexec)/$(HELPER) $(DESTDIR)$(LIBEXECDIR)
$(Q)install -m 644 $(wildcard docs/*.8) $(DESTDIR)$(MANDIR)/man8
$(Q)install -d $(addprefix $(DESTDIR)$(DATADIR)/,weft \
	bash-completion/completions zsh/site-functions)
$(Q)install -m 644 docs/weft.schema.json $(DESTDIR)$(DATADIR)/weft
$(Q)install -m 644 completions/weft.bash \
	$(DESTDIR)$(DATADIR)/bash-completion/completions/weft
$(Q)install -m 644 completions/_weft $(DESTDIR)$(DATADIR)/zsh/site-functions
endef

.PHONY: install install-static
install: all install-lib ## into DESTDIR, BINDIR (/opt/cni/bin), PREFIX (/usr/local)
	$(call install-from,$(B)/bin)
install-static: static ## the same of the static build
	$(call install-from,$(S)/bin)

.PHONY: test-programs
test-programs: $(UNIT) $(NETNS) $(ANSWERING)

.PHONY: deps
deps: ## install what is missing for build, tests, lint and demo (as root)
	$(Q)tests/lib/deps.sh

.PHONY: demo
demo: ## a container and a VM on one network, in a private host (as root)
	$(Q)tests/lib/deps.sh build demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)examples/demo.sh

.PHONY: test
test: ## install what is missing, run every test that this machine can run
	$(Q)tests/lib/deps.sh build static test demo kernel guard
	$(Q)$(MAKE) --no-print-directory all fault-programs
	$(Q)$(MAKE) --no-print-directory SAN=1 all test-programs
	$(Q)tests/run.sh

.PHONY: test-static
test-static: static ## the tests of the plugins, with the static build
	$(Q)tests/lib/deps.sh test demo
	$(Q)WEFT_BIN=$(S)/bin tests/run.sh netns vms

.PHONY: test-vms
test-vms: ## the tests with real VMs: a QEMU guest on each road (as root)
	$(Q)tests/lib/deps.sh build test demo kernel
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/run.sh vms

.PHONY: test-kernel
test-kernel: ## the network tests in a VM with KERNEL=6.1 or 6.12 of Debian
	$(Q)tests/lib/deps.sh build test kernel
	$(Q)$(MAKE) --no-print-directory all fault-programs
	$(Q)$(MAKE) --no-print-directory SAN=1 all test-programs
	$(Q)KERNEL=$(or $(KERNEL),6.1) tests/run.sh kernel

.PHONY: test-guard
test-guard: ## the guard: conformance, oracle, bypasses, real DHCP clients (as root)
	$(Q)tests/lib/deps.sh build test guard
	$(Q)$(MAKE) --no-print-directory SAN=1 all test-programs
	$(Q)tests/run.sh guard

.PHONY: test-engines
test-engines: ## podman, containerd and Go's libcni with our plugins (as root)
	$(Q)tests/lib/deps.sh build test demo engines
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/run.sh engines

.PHONY: faults fault-programs
fault-programs: $(FAULTS)
faults: ## break every system call and allocation, once; 1,100 random kills (as root)
	$(Q)tests/lib/deps.sh build test
	$(Q)$(MAKE) --no-print-directory all fault-programs
	$(Q)WEFT_KILLS=1100 tests/netns/kills.sh
	$(Q)tests/faults/faults.sh

.PHONY: mutants
mutants: ## does a test notice when the code is wrong? (as root)
	$(Q)tests/lib/deps.sh build test
	$(Q)tests/mutants/mutants.sh

.PHONY: unit
unit: ## the unit tests alone: no root, no kernel
	$(Q)$(MAKE) --no-print-directory SAN=1 test-programs
	$(Q)tests/run.sh unit

LINT_SRC := $(SRC) $(HELPER_SRC) $(STATIC_SRC)
LINT_HDR := $(HDR) $(wildcard static/*/*.h)

.PHONY: lint
lint: ## format, clang-tidy, gcc -fanalyzer, cppcheck, shellcheck, the arrows
	$(Q)tests/lib/deps.sh build test lint
	$(Q)$(MAKE) --no-print-directory -j2 -k format-check arrows rules \
		analyze cppcheck shellcheck tidy

.PHONY: format format-check
format: ## rewrite C files in the project's format
	$(Q)clang-format -i $(FORMATTED)
format-check:
	$(call say,FORMAT,)
	$(Q)clang-format --dry-run -Werror $(FORMATTED)

.PHONY: arrows rules
arrows:
	$(call say,ARROWS,)
	$(Q)tests/lint/arrows.sh
rules:
	$(call say,RULES,)
	$(Q)tests/lint/rules.sh

.PHONY: analyze
analyze: $(LINT_SRC:%.c=$(B)/analyze/%.ok) $(HDR:%.h=$(B)/analyze/%.h.ok)
$(B)/analyze/%.ok: %.c | $(BPF_GEN)
	$(call say,ANALYZE,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -O2 -Werror -fanalyzer -MMD -MP -MT $@ \
		-MF $(@:.ok=.d) -c -o /dev/null $<
	$(Q)touch $@
$(B)/analyze/%.h.ok: %.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Wno-unused-function -Werror -fsyntax-only -x c $<
	$(Q)touch $@
-include $(LINT_SRC:%.c=$(B)/analyze/%.d)

.PHONY: tidy
tidy: $(LINT_SRC:%.c=$(B)/tidy/%.ok)
$(B)/tidy/%.ok: %.c .clang-tidy $(HDR) | $(BPF_GEN)
	$(call say,TIDY,$<)
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- $(ALL_CFLAGS) 2>$(@:.ok=.log) || \
		{ cat $(@:.ok=.log); exit 1; }
	$(Q)touch $@

.PHONY: cppcheck
cppcheck: $(BPF_GEN)
	$(call say,CPPCHECK,)
	$(Q)mkdir -p $(B)/cppcheck
	$(Q)cppcheck -q --error-exitcode=1 --std=c11 --inline-suppr \
		--cppcheck-build-dir=$(B)/cppcheck \
		--enable=warning,performance,portability \
		--suppressions-list=tests/lint/cppcheck.txt -D_GNU_SOURCE \
		-Icommon -Iplugins -Iipam -Igo-free-shim -I$(BPF) $(LINT_SRC)

.PHONY: shellcheck
shellcheck:
	$(call say,SHELLCHK,)
	$(Q)shellcheck -x $(SH)

.PHONY: clean
clean: ## remove build/
	$(Q)rm -rf build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' \
		Makefile static/static.mk go-free-shim/libcni/lib.mk \
		tests/bench/bench.mk
