# SPDX-License-Identifier: Apache-2.0
# The shipped build: one static file against musl, the same bytes wherever it is
# built with the same compiler, musl and kernel headers. CFLAGS, CPPFLAGS and
# LDFLAGS of the environment are not heard, for that reason.

S := build/static
MUSL_CC ?= musl-gcc
MULTIARCH = $(shell $(MUSL_CC) -print-multiarch)
MUSL_DIR = /usr/lib/$(subst gnu,musl,$(MULTIARCH))

# -Os starts 8 us faster than -O2 (of 120): fewer pages to fault in.
STATIC_HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection
STATIC_BASE = -std=gnu17 -D_GNU_SOURCE -Os $(STATIC_HARDEN) -ffunction-sections \
	-fdata-sections -fno-asynchronous-unwind-tables
STATIC_CFLAGS = $(STATIC_BASE) $(WARN) -Icommon -Iplugins -Iipam \
	-Igo-free-shim -I$(BPF) -isystem $(S)/src/libnl3/include -isystem $(S)/include

# Spelt out, since musl-gcc knows no -static-pie. It costs 9 us beside a file
# at a fixed address, a twentieth of VERSION.
STATIC_START = $(addprefix $(MUSL_DIR)/,rcrt1.o crti.o) \
	$(shell $(MUSL_CC) -print-file-name=crtbeginS.o)
STATIC_END = $(shell $(MUSL_CC) -print-file-name=crtendS.o) $(MUSL_DIR)/crtn.o
STATIC_LDFLAGS := -static -nostartfiles -s -Wl,-pie,--no-dynamic-linker \
	-Wl,-z,text,-z,relro,-z,now,-z,noexecstack,--gc-sections,--build-id=none

STATIC_SRC := $(wildcard static/*.c)
STATIC_OBJ := $(sort $(SRC:%.c=$(S)/obj/%.o) $(STATIC_SRC:%.c=$(S)/obj/%.o) \
	$(HELPER_SRC:%.c=$(S)/obj/%.o))
STATIC_HELPER_OBJ := $(HELPER_OBJ:$(B)/obj/%=$(S)/obj/%) \
	$(STATIC_SRC:%.c=$(S)/obj/%.o)
CJSON_OBJ := $(S)/obj/cjson/cJSON.o
LIBNL_OBJ := $(patsubst %,$(S)/obj/libnl3/lib/%.o,addr attr cache cache_mngr \
	cache_mngt data error handlers hash hashtable mpls msg nl object \
	socket utils version)

.PHONY: static static-sources static-bin
static: ## build/static/bin: one static file against musl, the one to ship
	$(Q)tests/lib/deps.sh static
	$(Q)$(MAKE) --no-print-directory static-sources
	$(Q)$(MAKE) --no-print-directory static-bin

static-bin: $(S)/bin/weft $(NAMES:%=$(S)/bin/%) $(S)/libexec/$(HELPER)
	@printf '%s: %d bytes, sha256 %s\n' $(S)/bin/weft \
		$$(stat -c %s $(S)/bin/weft) \
		$$(sha256sum <$(S)/bin/weft | cut -d ' ' -f 1)

# The libraries' sources stay in the cache. Of this machine's headers only the
# kernel's are seen: the rest of /usr/include belongs to another libc.
static-sources:
	$(Q)mkdir -p $(S)/src $(S)/include
	$(Q)for lib in cjson libnl3; do \
		dir=$$(tests/lib/cache.sh cache_source $$lib) || exit; \
		ln -sfn "$$dir" $(S)/src/$$lib; \
	done
	$(Q)ln -sfn ../src/cjson $(S)/include/cjson
	$(Q)ln -sfn /usr/include/linux $(S)/include/linux
	$(Q)ln -sfn /usr/include/asm-generic $(S)/include/asm-generic
	$(Q)ln -sfn /usr/include/$(MULTIARCH)/asm $(S)/include/asm

$(S)/libexec/$(HELPER): $(STATIC_HELPER_OBJ) $(LIBNL_OBJ) $(CJSON_OBJ)
$(S)/bin/weft: $(filter-out $(HELPER_SRC:%.c=$(S)/obj/%.o),$(STATIC_OBJ)) \
	$(LIBNL_OBJ) $(CJSON_OBJ)
$(S)/bin/weft $(S)/libexec/$(HELPER):
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(STATIC_LDFLAGS) -o $@ $(STATIC_START) $^ $(STATIC_END)

$(NAMES:%=$(S)/bin/%): $(S)/bin/weft
	$(Q)ln -sf weft $@

STATIC_RULES := Makefile static/static.mk static/sources.txt

$(STATIC_OBJ): $(S)/obj/%.o: %.c $(STATIC_RULES) | $(BPF_GEN)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(STATIC_CFLAGS) -MMD -MP -c -o $@ $<

$(CJSON_OBJ): $(STATIC_RULES)
	$(call say,CC,cjson/cJSON.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(STATIC_BASE) -w -c -o $@ $(S)/src/cjson/cJSON.c

$(LIBNL_OBJ): $(S)/obj/libnl3/%.o: static/libnl3/defs.h $(STATIC_RULES)
	$(call say,CC,libnl3/$*.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(STATIC_BASE) -w -Istatic/libnl3 \
		-I$(S)/src/libnl3/include \
		-I$(S)/src/libnl3/include/linux-private -isystem $(S)/include \
		-c -o $@ $(S)/src/libnl3/$*.c

-include $(STATIC_OBJ:.o=.d)
