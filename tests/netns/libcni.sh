#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# libweft-cni as a stranger's program sees it: installed, linked, run.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

cc=${CC:-cc}
dest=$TMPDIR/dest
header=$cni_root/go-free-shim/libcni/weft-cni.h
lib=$cni_root/build/lib

succeeds "make install" make -s -C "$cni_root" install DESTDIR="$dest"
same "lib/libweft-cni.a lib/libweft-cni.so lib/libweft-cni.so.0 \
include/weft-cni.h lib/pkgconfig/weft-cni.pc share/man/man3/weft-cni.3 " \
	"$(cd "$dest/usr/local" && for f in lib/libweft-cni.a \
		lib/libweft-cni.so lib/libweft-cni.so.0 include/weft-cni.h \
		lib/pkgconfig/weft-cni.pc share/man/man3/weft-cni.3; do
		[ ! -e $f ] || echo -n "$f "
	done)" "installs the library, its header, .pc and man page"
export PKG_CONFIG_PATH=$dest/usr/local/lib/pkgconfig
export PKG_CONFIG_SYSROOT_DIR=$dest
export LD_LIBRARY_PATH=$dest/usr/local/lib

# --- what it shows ---

declared=$(grep -oE '\bweft_cni_[a-z_]+\(' "$header" | tr -d '(' | sort -u)
same "$declared" "$(nm -D --defined-only "$lib/libweft-cni.so.0" |
	awk '{ print $3 }' | sort)" "the shared library shows what the header declares"
same "$declared" "$(nm -g --defined-only "$lib/libweft-cni.a" |
	awk 'NF == 3 { print $3 }' | sort)" "so does the static one"
same libweft-cni.so.0 "$(objdump -p "$lib/libweft-cni.so.0" |
	awk '$1 == "SONAME" { print $2 }')" "the library has a soname"
for std in c99 c11 gnu17; do
	succeeds "the header stands alone in $std" "$cc" -std=$std -pedantic \
		-Wall -Wextra -Werror -fsyntax-only -x c "$header"
done
if echo 'int i;' | "$cc" -fsyntax-only -x c++ - 2>/dev/null; then
	succeeds "and in C++" "$cc" -Wall -Wextra -Werror -fsyntax-only \
		-x c++ "$header"
else
	skip "the header in C++" "no C++ compiler"
fi

# --- the example ---

export NETCONFPATH=$TMPDIR/net.d CNI_PATH=$cni_bin
mkdir "$NETCONFPATH"
conf '{cniVersion, name, plugins: [del(.cniVersion, .name)]}' \
	>"$NETCONFPATH/net1.conflist"
read -ra flags < <(pkg-config --cflags --libs weft-cni)
succeeds "examples/attach.c builds with pkg-config" "$cc" -Wall -Wextra -Werror \
	-o "$TMPDIR/attach" "$cni_root/examples/attach.c" "${flags[@]}"
# shellcheck disable=SC2046 # words
succeeds "and with the static library" "$cc" -Wall -o "$TMPDIR/attach-static" \
	"$cni_root/examples/attach.c" -I"$dest/usr/local/include" \
	"$dest/usr/local/lib/libweft-cni.a" $(pkg-config --libs libcjson)
for program in attach attach-static; do
	succeeds "$program attaches itself" "$TMPDIR/$program" net1
	is "and shows its addresses" "$(jq -Rs . <<<"$output")" \
		'test("eth0@.* UP .*10\\.1\\.0\\.[0-9]+/24 fd00:1::")'
	same "" "$(leases)$(ip -o link show master br0)$(ls /var/lib/cni/weft)" \
		"and leaves nothing"
done
fails "a network that is not there" "$TMPDIR/attach" net2
same "no net configuration with name \"net2\" in $NETCONFPATH" "$output" \
	"is named in libcni's words"
