#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [unit|netns|build|vms|kernel|NAME...]: run the test programs, add up
# what they say. The last line is: N passed, N failed[, N skipped].
#
# kernel: the network tests under the generic kernel $KERNEL (6.1), in a VM.
# WEFT_BIN: another build than build/bin; the programs of C, which are linked
# with none, then stay out. WEFT_LOGS: where output goes (build/log).
set -euo pipefail
[ -z "${WEFT_BIN-}" ] || WEFT_BIN=$(realpath -e "$WEFT_BIN")
export WEFT_BIN
cd "$(dirname "$0")/.."

bin=build/san/tests
logs=${WEFT_LOGS:-build/log}
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

	log=$logs/$(basename "$program").log
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

# run_kernel VERSION: run.sh in a VM. A test that is skipped there has failed:
# that kernel has everything. Should we be killed, the VM ends with us.
run_kernel() {
	local out=$PWD/build/kernel/$1 log=$logs/kernel-$1.log status=0 jq
	local sum='^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$'

	mkdir -p "$out"
	# No network in there: what tests fetch must be here before.
	tests/lib/cache.sh cache_reference_plugins >/dev/null || true
	jq=$(tests/lib/cache.sh cache_jq) || true
	PATH=${jq:+$jq:}$PATH WEFT_LOGS=$out WEFT_SWEEP_SECONDS=600 \
		WEFT_TESTS_MUST_RUN=${WEFT_TESTS_MUST_RUN-1} \
		WEFT_TEST_SCALE=${WEFT_TEST_SCALE-25} \
		setpriv --pdeathsig TERM tests/lib/kernel-vm.sh "$1" "$out" \
		tests/run.sh netns 2>&1 </dev/null |
		tee "$log" | grep --line-buffered -vE "$sum" || status=$?
	if [[ $(tail -n 1 "$log") =~ $sum ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
		[ "$status" = 0 ] || [ "${BASH_REMATCH[2]}" != 0 ] ||
			run_kernel_failed "$1" "$status"
	else
		run_kernel_failed "$1" "$status"
	fi
}

run_kernel_failed() {
	tail -n 20 "build/kernel/$1/console" 2>/dev/null || true
	echo "not ok - Linux $1 runs the tests to their end: status $2"
	failed=$((failed + 1))
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
		kernel) echo "kernel ${KERNEL:-6.1}" ;;
		*) echo "$what" ;;
		esac
	done
}

[ $# -gt 0 ] || set -- unit netns build vms
mkdir -p "$logs"
list=$(programs "$@")
mapfile -t list <<<"$list"
for program in "${list[@]}"; do
	case $program in
	"kernel "*) run_kernel "${program#* }" ;;
	*) run_one "$program" ;;
	esac
done
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ]
