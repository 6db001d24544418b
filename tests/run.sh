#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [unit|netns|net|guard|build|vms|kernel|engines|NAME...]: run the test programs, add
# up what they say. The last line is: N passed, N failed[, N skipped].
#
# net: netns without what is not about the kernel.
# kernel: net under Debian's generic kernel $KERNEL (6.1), in a VM.
# WEFT_BIN: another build than build/bin; the programs of C, which are linked
# with none, then stay out. WEFT_LOGS: where output goes (build/log).
set -euo pipefail
[ -z "${WEFT_BIN-}" ] || WEFT_BIN=$(realpath -e "$WEFT_BIN")
export WEFT_BIN
cd "$(dirname "$0")/.."

bin=build/san/tests
logs=${WEFT_LOGS:-build/log}
passed=0 failed=0 skipped=0
no_kernel='/(ipam-|libcni|completion|log|weft_lint|takeover_page)'
# cmocka calls a test that is skipped one that is not ok.
skips='^(skip - |(not )?ok [0-9]+ .*# SKIP)'

# Programs of C say TAP, scripts say "ok - ", "not ok - ", "skip - ".
count() {
	local log=$1 status=$2 name=$3 p f s

	s=$(grep -cE "$skips" "$log" || true)
	p=$(grep -E '^ok ' "$log" | grep -cv '# SKIP' || true)
	f=$(grep '^not ok ' "$log" | grep -cv '# SKIP' || true)
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
		grep -E '^(engine|guard) - ' "$log" || true
		grep -E "$skips" "$log" || true
	else
		cat "$log"
	fi
	count "$log" "$status" "$program"
}

# kernel_start VERSION: run.sh in a VM, beside what else is to be run. A test that
# is skipped there has failed: that kernel has everything. Should we be killed,
# the VM ends with us.
kernel_start() {
	local out=$PWD/build/kernel/$1 jq

	mkdir -p "$out"
	# No network in there: what tests fetch must be here before.
	tests/lib/cache.sh cache_reference_plugins >/dev/null || true
	jq=$(tests/lib/cache.sh cache_jq) || true
	# Of the matrix only what this machine's kernel may lack: all of it would
	# take a quarter of an hour.
	PATH=${jq:+$jq:}$PATH WEFT_LOGS=$out \
		WEFT_MATRIX_NEEDS=${WEFT_MATRIX_NEEDS-vlan} \
		WEFT_TESTS_MUST_RUN=${WEFT_TESTS_MUST_RUN-1} \
		WEFT_TEST_SCALE=${WEFT_TEST_SCALE-25} \
		WEFT_FAULTS_EVERY=${WEFT_FAULTS_EVERY-300} \
		setpriv --pdeathsig TERM tests/lib/kernel-vm.sh "$1" "$out" \
		tests/run.sh net >"$logs/kernel-$1.log" 2>&1 </dev/null &
	kernel_pid=$!
}

# kernel_finish VERSION: show what it says, also while it does; count that.
kernel_finish() {
	local log=$logs/kernel-$1.log status=0
	local sum='^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$'

	tail -n +1 -f --pid="$kernel_pid" "$log" |
		grep --line-buffered -vE "$sum" || true
	wait "$kernel_pid" || status=$?
	if [[ $(tail -n 1 "$log") =~ $sum ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
		[ "$status" != 0 ] && [ "${BASH_REMATCH[2]}" = 0 ] || return 0
	fi
	tail -n 20 "build/kernel/$1/console" 2>/dev/null || true
	echo "not ok - Linux $1 runs the tests to their end: status $status"
	failed=$((failed + 1))
}

programs() {
	local what

	for what; do
		case $what in
		unit) find $bin -name 'test_*' -type f -executable | sort ;;
		netns | net)
			[ -n "${WEFT_BIN-}" ] || find $bin -name 'net_*' \
				-type f -executable | sort
			find tests/netns -name '*.sh' | sort |
				if [ "$what" = net ]; then
					grep -vE "$no_kernel"
				else
					cat
				fi
			;;
		guard) find tests/guard -name '*.sh' | sort ;;
		build) find tests/build -name '*.sh' | sort ;;
		engines) find tests/engines -name '*.sh' | sort ;;
		vms) find tests/vms -name '*.sh' | sort ;;
		kernel) ;;
		*) echo "$what" ;;
		esac
	done
}

[ $# -gt 0 ] || set -- unit netns guard build vms kernel
mkdir -p "$logs"
list=$(programs "$@")
kernel=
if [[ " $* " = *" kernel "* ]]; then
	kernel=${KERNEL:-6.1}
	kernel_start "$kernel"
fi
for program in $list; do
	run_one "$program"
done
[ -z "$kernel" ] || kernel_finish "$kernel"
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ]
