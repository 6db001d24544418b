#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The guard at length: the compiler against the oracle, then the kernel, then the
# table of conformance, bypasses, a flood, how long an offer takes. WEFT_ORACLE: how many verdicts of the compiler; the
# kernel is asked for a hundredth.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=build/san/tests
verdicts=${WEFT_ORACLE:-5000000}
seed=${WEFT_SEED:-$(date +%s)}
failed=0

# run NAME VERDICTS: its tests are ours; what it counts is shown.
run() {
	local log

	log=$(mktemp)
	WEFT_ORACLE=$2 WEFT_SEED=$seed CMOCKA_MESSAGE_OUTPUT=tap "$bin/$1" \
		>"$log" 2>&1 || failed=1
	sed -nE 's/^(# )?(oracle|conformance|bypasses|flood|offer): /guard - \2: /p' "$log"
	grep -E '^(not )?ok ' "$log" || {
		echo "not ok - $1 runs"
		failed=1
	}
	[ "$failed" = 0 ] || cat "$log"
	rm -f "$log"
}

echo "guard - the dice begin with WEFT_SEED=$seed"
run test_policy_compile "$verdicts"
run net_policy $((verdicts / 100))
run net_conformance 0
run net_policy_roads 0
run net_guard 0
run net_flood 0
run net_answers 0
exit $failed
