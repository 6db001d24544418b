# SPDX-License-Identifier: Apache-2.0
# libweft-cni: the same code as in build/bin/weft, with nothing to be seen of it
# but what weft-cni.h declares.

LIB_VERSION := 0.1.0
LIB_SO := libweft-cni.so.0
LIB_SRC := $(wildcard common/base/*.c common/cni/*.c go-free-shim/libcni/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(B)/lib/obj/%.o)
LIB_FILES := $(addprefix $(B)/lib/,$(LIB_SO) libweft-cni.so libweft-cni.a \
	weft-cni.pc)
OBJCOPY ?= objcopy
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include

.PHONY: lib
lib: $(LIB_FILES) ## build/lib: libweft-cni, shared and static, and its .pc

$(LIB_OBJ): $(B)/lib/obj/%.o: %.c Makefile go-free-shim/libcni/lib.mk
	$(call say,CC,$< (lib))
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fPIC -fvisibility=hidden -ffunction-sections \
		-fdata-sections -MMD -MP -c -o $@ $<

$(B)/lib/$(LIB_SO): $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,$(LIB_SO) -Wl,--gc-sections \
		-Wl,-z,relro,-z,now,-z,defs $(SANITIZE) $(LDFLAGS) -o $@ $^ \
		$(shell pkg-config --libs libcjson)

$(B)/lib/libweft-cni.so: $(B)/lib/$(LIB_SO)
	$(Q)ln -sf $(LIB_SO) $@

# One object, whose hidden symbols become its own: a program may have functions
# of the same names.
$(B)/lib/libweft-cni.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)$(LD) -r -o $(@:.a=.o) $^
	$(Q)$(OBJCOPY) --localize-hidden $(@:.a=.o)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(@:.a=.o)

$(B)/lib/weft-cni.pc: go-free-shim/libcni/weft-cni.pc.in Makefile \
		go-free-shim/libcni/lib.mk
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's|@prefix@|$(PREFIX)|' -e 's|@libdir@|$(LIBDIR)|' \
		-e 's|@includedir@|$(INCLUDEDIR)|' \
		-e 's|@version@|$(LIB_VERSION)|' $< >$@

.PHONY: install-lib
install-lib: lib
	$(Q)install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR) \
		$(DESTDIR)$(MANDIR)/man3
	$(Q)install -m 755 $(B)/lib/$(LIB_SO) $(DESTDIR)$(LIBDIR)/.$(LIB_SO).new
	$(Q)mv -f $(DESTDIR)$(LIBDIR)/.$(LIB_SO).new $(DESTDIR)$(LIBDIR)/$(LIB_SO)
	$(Q)ln -sfn $(LIB_SO) $(DESTDIR)$(LIBDIR)/libweft-cni.so
	$(Q)install -m 644 $(B)/lib/libweft-cni.a $(DESTDIR)$(LIBDIR)
	$(Q)install -m 644 $(B)/lib/weft-cni.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	$(Q)install -m 644 go-free-shim/libcni/weft-cni.h $(DESTDIR)$(INCLUDEDIR)
	$(Q)install -m 644 docs/weft-cni.3 $(DESTDIR)$(MANDIR)/man3

-include $(LIB_OBJ:.o=.d)
