#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Rules that no compiler knows.
set -euo pipefail
cd "$(dirname "$0")/../.."

bad=0
sources=(common plugins ipam go-free-shim)

# forbid WHY PATTERN [GREP-ARGS...]
forbid() {
	local why=$1 pattern=$2

	shift 2
	if grep -rnE --include='*.[ch]' "$@" "$pattern" "${sources[@]}" >&2
	then
		echo "rule: $why" >&2
		bad=1
	fi
}

forbid "no shell from a plugin" '\b(system|popen)\('
forbid "unbounded string functions" '\b(strcpy|strcat|sprintf|vsprintf|gets)\('
forbid "no exit from a library, but of a child: cleanups would not run" \
	'\b(exit|_exit)\(' --exclude-dir=go-free-shim --exclude={link_remove,linger}.c
forbid "only plugin.c and the command print" '\b(printf|puts|fputs|fprintf)\(' \
	--exclude=plugin.c --exclude=log.c --exclude=json.c \
	--exclude-dir={weft,weft-qemu-helper}
forbid "libnl's route objects beside our own builder" '<netlink/route/'
forbid "work that is left for later stands in an issue" '\b(TODO|FIXME|XXX)\b'

while read -r file; do
	if ! head -n 5 "$file" | grep -q 'SPDX-License-Identifier: '; then
		echo "$file: no SPDX line" >&2
		bad=1
	fi
done < <(git ls-files '*.c' '*.h' '*.sh' Makefile .ci/run)

while read -r lines file; do
	most=500
	[[ $file != tests/* ]] || most=800
	if [ "$lines" -gt $most ]; then
		echo "$file: $lines lines: two rooms in one" >&2
		bad=1
	fi
done < <(git ls-files '*.c' '*.h' | xargs wc -l | grep -v ' total$')

exit $bad
