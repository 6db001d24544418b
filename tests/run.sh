#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [unit|netns|build|vms|NAME...]: run the test programs, add up what they
# say. The last line is: N passed, N failed[, N skipped]. With WEFT_BIN, another
# build than build/bin, the programs of C stay out: they are linked with none.
set -euo pipefail
[ -z "${WEFT_BIN-}" ] || WEFT_BIN=$(realpath -e "$WEFT_BIN")
export WEFT_BIN
cd "$(dirname "$0")/.."

bin=build/san/tests
passed=0 failed=0 skipped=0

# Programs of C say TAP, scripts say "ok - ", "not ok - ", "skip - ".
count() {
	local log=$1 status=$2 name=$3 p f s

	s=$(grep -cE '^(skip - |ok [0-9]+ .*# SKIP)' "$log" || true)
	p=$(grep -E '^ok ' "$log" | grep -cv '# SKIP' || true)
	f=$(grep -c '^not ok ' "$log" || true)
	if [ "$status" != 0 ] && [ "$f" = 0 ]; then
		echo "not ok - $name runs to its end: status $status"
		f=1
	elif [ "$status" = 0 ] && [ "$f" = 0 ] && [ $((p + s)) = 0 ]; then
		echo "not ok - $name: ran no test"
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

run_one() {
	local program=$1 log status=0 start=$SECONDS

	log=build/log/$(basename "$program").log
	CMOCKA_MESSAGE_OUTPUT=tap timeout -k 10 900 "$program" \
		>"$log" 2>&1 </dev/null || status=$?
	printf '%s (%d s)\n' "$program" $((SECONDS - start))
	if [ "$status" = 0 ]; then
		grep -E '^(skip - |ok [0-9]+ .*# SKIP)' "$log" || true
	else
		cat "$log"
	fi
	count "$log" "$status" "$program"
}

programs() {
	local what

	for what; do
		case $what in
		unit) find $bin -name 'test_*' -type f -executable | sort ;;
		netns)
			[ -n "${WEFT_BIN-}" ] || find $bin -name 'net_*' \
				-type f -executable | sort
			find tests/netns -name '*.sh' | sort
			;;
		build) find tests/build -name '*.sh' | sort ;;
		vms) find tests/vms -name '*.sh' | sort ;;
		*) echo "$what" ;;
		esac
	done
}

[ $# -gt 0 ] || set -- unit netns build vms
mkdir -p build/log
mapfile -t list < <(programs "$@")
for program in "${list[@]}"; do
	run_one "$program"
done
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ]
