#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The demo passes, and leaves nothing behind wherever it is killed.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
demo=$(realpath "$(dirname "$0")/../../examples/demo.sh")
test_main "$@"

# demo_killed SIGNAL WHERE: it gets the signal after it printed the words.
demo_killed() {
	local before pid tries=300 out=$TMPDIR/out

	before=$(host_state)
	"$demo" >"$out" 2>&1 &
	pid=$!
	until grep -q "$2" "$out" || [ $((tries -= 1)) = 0 ]; do
		sleep 0.1
	done
	kill "-$1" "$pid"
	wait "$pid" 2>/dev/null || true
	tries=50
	until [ -z "$(others)" ] || [ $((tries -= 1)) = 0 ]; do sleep 0.1; done
	same "$before" "$(host_state)$(others)" \
		"the demo leaves nothing after SIG$1 at '$2'"
}

# The demo marks all its processes with a variable.
others() {
	grep -alsF WEFT_DEMO= /proc/[0-9]*/environ || true
}

succeeds 'the demo passes' "$demo"
same 'demo: passed' "${output##*$'\n'}" 'the demo ends with "demo: passed"'
export WEFT_ACCEL=tcg
demo_killed TERM 'weft add hybrid'
demo_killed KILL 'c1, a container of runc'
demo_killed HUP 'container   VM'
demo_killed KILL 'weft del hybrid'
