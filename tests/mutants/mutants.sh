#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# mutants.sh [PATTERN]: does a test notice? Each mutant of the table, or each
# whose line matches, is built in a copy of this tree and must fail a test: the
# named ones, then every unit and network test. The last line is: N of N killed.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
lanes=${WEFT_MUTANT_LANES:-2}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# test_path NAME: the program, in a lane.
test_path() {
	case $1 in
	*.sh) echo "tests/netns/$1" ;;
	*) echo "build/tests/$1" ;;
	esac
}

build() {
	local targets=(all build/faults/faults build/faults/fail_alloc.so) t

	for t; do
		[[ $t = *.sh ]] || targets+=("build/tests/$t")
	done
	make -s "${targets[@]}" >log 2>&1
}

# run NAME: 0 if it passes. Leaves what it said in ./log.
run() {
	local limit=60

	[[ $1 != *.sh ]] || limit=300
	WEFT_TESTS_MUST_RUN=0 CMOCKA_MESSAGE_OUTPUT=tap WEFT_FAULTS_EVERY=31 \
		WEFT_MATRIX='cniVersion 1.1.0' timeout -k 5 $limit "$(test_path "$1")" >log 2>&1 </dev/null
}

# What the last run complained of; it may have crashed instead.
first_failure() {
	local line

	line=$(grep -m 1 '^not ok' log || tail -n 1 log)
	sed -E 's/^not ok [0-9]* ?-? ?//' <<<"$line"
}

all_tests() {
	find tests/unit tests/netns \( -name 'test_*.c' -o -name 'net_*.c' \
		-o -name '*.sh' \) -printf '%f\n' | sed 's/\.c$//' | sort
}

# Those that are not named, unless WEFT_MUTANTS=quick, for work on the table.
others() {
	[ "${WEFT_MUTANTS-}" = quick ] || all_tests
}

# One mutant, in the current directory. Prints one line.
mutate() {
	local file=$1 tests=$2 script=$3 name what="killed by" how named

	IFS=, read -ra named <<<"$tests"
	cp "$file" "$scratch/saved.$BASHPID"
	sed -E -i "$script" "$file"
	if cmp -s "$file" "$scratch/saved.$BASHPID"; then
		how="is none: the change does not apply"
	elif ! build "${named[@]}"; then
		how="does not compile: $(grep -m 1 error log || true)"
	else
		how=survives
		for name in "${named[@]}" $(others); do
			[ -e "$(test_path "$name")" ] || build "$name" || break
			# Twice: a busy machine can make a test fail, too.
			if ! run "$name" && ! run "$name"; then
				how="$what $name: $(first_failure)"
				break
			fi
			[[ ,$tests, = *,$name,* ]] || continue
			[[ ,$tests, != *,$name ]] || what="killed at last by"
		done
	fi
	cp "$scratch/saved.$BASHPID" "$file"
	printf '%s: %s: %s\n' "$file" "$script" "$how"
}

# lane N: every lanes-th mutant.
lane() {
	local file tests script n=0

	cd "$scratch/$1"
	while read -r file tests script; do
		[ $((n++ % lanes)) != "$1" ] ||
			mutate "$file" "$tests" "$script"
	done <"$scratch/table"
}

# Without a mutation every one of these passes; else nothing is proved.
check_tests() {
	local name n=0

	cd "$scratch/$1"
	for name in $(awk '{ print $2 }' "$scratch/table" | tr , '\n' |
		sort -u); do
		[ $((n++ % lanes)) = "$1" ] || continue
		build "$name"
		if ! run "$name" && ! run "$name"; then
			cat log
			echo "$name fails without a mutation"
			return 1
		fi
	done
}

grep -vE '^(#|$)' "$root/tests/mutants/table" | { grep -E "${1-.}" || true; } \
	>"$scratch/table"
mkdir "$scratch/0"
(cd "$root" && git ls-files -z | xargs -0 cp --parents -t "$scratch/0")
(cd "$scratch/0" && build)
for ((i = 1; i < lanes; i++)); do
	cp -a "$scratch/0" "$scratch/$i"
done
checks=()
for ((i = 0; i < lanes; i++)); do
	[ "${WEFT_MUTANTS-}" = quick ] || check_tests $i &
	checks+=($!)
done
for i in "${checks[@]}"; do
	wait "$i"
done
for ((i = 0; i < lanes; i++)); do
	lane $i &
done | tee "$scratch/said"
killed=$(grep -cE ': killed (at last )?by ' "$scratch/said" || true)
total=$(wc -l <"$scratch/table")
while read -r file; do
	if [ -z "${1-}" ] && ! grep -q "^$file " "$scratch/table"; then
		echo "$file: has no mutant"
		killed=-1
	fi
done < <(cd "$root" &&
	git ls-files 'common/net/*.c' 'common/cni/*.c' 'common/bpf/*.c' \
		':!common/bpf/kern' 'plugins/*.c' 'ipam/*.c')
echo "$killed of $total killed"
[ "$killed" = "$total" ]
