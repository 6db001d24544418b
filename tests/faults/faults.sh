#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# faults.sh [-n N] [SCENARIO...]: the fault sweep, or every N-th fault of it, in
# a private host: every system call of ADD, CHECK, DEL and GC fails in each way
# it can, or is the last one before or after which the process is killed; every
# allocation fails. After one DEL nothing is left.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/cache.sh
. "$(dirname "$0")/../lib/cache.sh"

programs=$cni_root/build/faults
options=()
if [ "${1-}" = -n ]; then
	options=(-n "$2")
	shift 2
fi
if reference=$(cache_reference_plugins); then
	options+=(-r "$reference")
else
	skip "what needs the reference host-local" "it cannot be had"
fi

# Its own words, counted.
sweep() {
	local line last=

	while IFS= read -r line; do
		case $line in
		"ok - "*) ok "${line#*- }" ;;
		"not ok - "*) nok "${line#*- }" ;;
		"skip - "*) skip "${line#*- }" "" ;;
		*) echo "$line" ;;
		esac
		last=$line
	done
	[[ $last = *" leaks" ]] || nok "the sweep runs to its end"
}

own_dev
ns_new c0
ns_new c1
before=$(state c0 c1)
sweep < <("$programs/faults" "${options[@]}" "$cni_bin" \
	"$programs/fail_alloc.so" "$@")
# The reference leaves its tables, and so do we.
for table in 'inet cni_plugins_masquerade' 'bridge nat'; do
	# shellcheck disable=SC2086 # two words
	nft delete table $table 2>/dev/null || true
done
same "$before" "$(state c0 c1)" "the host is as it was before"
