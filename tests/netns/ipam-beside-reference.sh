#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# ipam-host-local beside the reference host-local 1.9.1: the same answers and
# the same bytes on twin directories, and both at once on one directory, also
# in parallel and killed at any system call.
#
# WEFT_SEQUENCES sets how many random sequences of each kind, WEFT_SEED where
# they begin.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
# shellcheck source=tests/lib/cache.sh
. "$(dirname "$0")/../lib/cache.sh"

bin=$(readlink -f "${WEFT_BIN:-$(dirname "$0")/../../build/bin}")
ours=$bin/ipam-host-local
sequences=${WEFT_SEQUENCES:-$(scaled 40)}
seed=${WEFT_SEED:-1}
steps=25

theirs=$(cache_reference_plugins || true)/host-local
# Leases know no kernel networking: no private host is needed.
WEFT_PRIVATE_HOST=1
test_main "$@"
dir=$(mktemp -d)
trap 'rm -rf "$dir"; test_end' EXIT

# call PROGRAM VERB ID CONFIG [CNI_ARGS] [WRAPPER...]: sets $output and $status.
call() {
	local program=$1 verb=$2 id=$3 config=$4 args=${5-}

	shift $(($# > 5 ? 5 : $#))
	status=0
	output=$(CNI_COMMAND=$verb CNI_CONTAINERID=$id CNI_IFNAME=eth0 \
		CNI_NETNS=/none CNI_PATH=/none CNI_ARGS=$args \
		"$@" "$program" <<<"$config" 2>/dev/null) || status=$?
}

either() {
	if ((RANDOM % 2)); then echo "$ours"; else echo "$theirs"; fi
}

# pool N: the "ipam" keys of one of several kinds of pools, all of them small
# and with addresses in common.
pool() {
	local v6='[{"subnet":"fd00::/125"}]'

	case $1 in
	0) echo '"subnet":"10.1.0.0/28"' ;;
	1) echo '"ranges":[[{"subnet":"10.1.0.0/29"}]]' ;;
	2) echo '"ranges":[[{"subnet":"10.1.0.0/28","rangeStart":"10.1.0.4",
		"rangeEnd":"10.1.0.9","gateway":"10.1.0.6"}],'"$v6"']' ;;
	3) echo '"ranges":[[{"subnet":"10.1.0.0/29"},
		{"subnet":"10.2.0.0/29","gateway":"10.2.0.6"}],'"$v6"']' ;;
	4) echo '"subnet":"10.1.0.0/29","rangeStart":"10.1.0.0",
		"rangeEnd":"10.1.0.7","routes":[{"dst":"0.0.0.0/0"},
		{"dst":"10.9.0.1/16","gw":"10.1.0.5"}],"ranges":['"$v6"']' ;;
	5) echo '"ranges":[[{"subnet":"10.1.0.0/29"}],
		[{"subnet":"10.2.0.0/29"}],'"$v6"']' ;;
	6) echo '"ranges":['"$v6"',[{"subnet":"10.1.0.0/30"},
		{"subnet":"10.1.0.8/30"},{"subnet":"10.1.0.4/30"}]]' ;;
	esac
}

# config DATADIR POOL MORE-KEYS
config() {
	echo '{"cniVersion":"1.0.0","name":"n","ipam":{"type":"host-local",
		"dataDir":"'"$1"'",'"$(pool "$2")"'}'"$3"'}'
}

# Sets $args and $more: how the next ADD asks for an address, if it does.
random_request() {
	local ip=10.$((1 + RANDOM % 2)).0.$((RANDOM % 12))

	args='' more=''
	((RANDOM % 4)) || ip=fd00::$((RANDOM % 9))
	case $((RANDOM % 8)) in
	0) args="IgnoreUnknown=1;IP=$ip;K8S_POD_NAME=x" ;;
	1) more=',"args":{"cni":{"ips":["'$ip'/16"]}}' ;;
	2) more=',"runtimeConfig":{"ips":["'$ip'"]}' ;;
	3) more=',"runtimeConfig":{"ipRanges":[[{"subnet":"10.7.0.0/29"}]]}' ;;
	esac
}

files_of() {
	(
		cd "$1/n"
		find . -printf '%P %y %m %s\n' | sort
		find . -type f ! -name lock | sort | xargs -r grep -H '' || true
	)
}

# The holder of every address, "ADDRESS ID" a line.
leases() {
	(cd "$1/n" 2>/dev/null && grep -H '' [0-9f]*[.:]* 2>/dev/null |
		sed -n 's/^\([^ ]*\):\(c[0-9]*\)\r$/\1 \2/p')
}

addresses() {
	sed -n 's/.*"address": "\([^/]*\).*/\1/p' <<<"$output"
}

twin_fail() {
	note "sequence $1, step $2: $3"
	return 1
}

# One step on both twins; the attachments that hold addresses are in ${held}.
twin_step() {
	local i=$1 step=$2 pool=$3 id=c$((RANDOM % 9)) verb=ADD message
	local -A out code

	random_request
	if [ -n "${held[$id]-}" ] || ! ((RANDOM % 6)); then
		verb=DEL
		unset "held[$id]"
	fi
	call "$ours" $verb "$id" "$(config "$dir/a" "$pool" "$more")" "$args"
	out[a]=$output code[a]=$status
	call "$theirs" $verb "$id" "$(config "$dir/b" "$pool" "$more")" "$args"
	out[b]=$output code[b]=$status
	step="$step: $verb $id, pool $pool, $args $more"

	if [ "${code[a]}" != "${code[b]}" ]; then
		twin_fail "$i" "$step" "${out[a]} ... ${out[b]}" || return
	fi
	if [ "$status" = 0 ]; then
		[ "$verb" = DEL ] || held[$id]=1
		[ "${out[a]}" = "${out[b]}" ] || twin_fail "$i" "$step" \
			"$(diff <(echo "${out[a]}") <(echo "${out[b]}"))" ||
			return
	else
		message=$(sed -n 's/.*"msg": "\(.*\)"/\1/p' <<<"${out[b]}")
		[[ ${out[a]} == *"$message"* ]] || twin_fail "$i" "$step" \
			"${out[a]} without \"$message\"" || return
		# An ADD that fails in a later set: theirs moved the earlier
		# sets' last_reserved_ip, ours did nothing at all.
		rm -f "$dir"/a/n/last_reserved_ip.*
		cp -p "$dir"/b/n/last_reserved_ip.* "$dir/a/n/" 2>/dev/null ||
			true
		failures=$((failures + 1))
	fi
	[ "$(files_of "$dir/a")" = "$(files_of "$dir/b")" ] ||
		twin_fail "$i" "$step" "$(diff <(files_of "$dir/a") \
			<(files_of "$dir/b"))"
}

twins() {
	local i step pools calls=0 failures=0
	local -A held

	for ((i = seed; i < seed + sequences; i++)); do
		RANDOM=$i
		rm -rf "$dir"/[ab]
		mkdir -p "$dir"/{a,b}/n
		held=()
		pools=($((RANDOM % 7)) $((RANDOM % 7)))
		for ((step = 0; step < steps; step++)); do
			twin_step "$i" "$step" \
				"${pools[RANDOM % 5 ? 0 : 1]}" || return
			calls=$((calls + 1))
		done
	done
	echo "$sequences sequences, $calls calls of each, $failures refused"
}

# Both programs on one directory: every answer must agree with what is written
# down here, every lease must be somebody's.
mixed_step() {
	local i=$1 step=$2 pool=$3 id=c$((RANDOM % 9)) verb=ADD program a
	local -a got

	program=$(either)
	random_request
	if [ -n "${holds[$id]-}" ] || ! ((RANDOM % 6)); then verb=DEL; fi
	call "$program" $verb "$id" "$(config "$dir/m" "$pool" "$more")" "$args"
	step="$step: ${program##*/} $verb $id, pool $pool, $args $more"
	if [ $verb = DEL ]; then
		unset "holds[$id]"
		[ "$status" = 0 ] || twin_fail "$i" "$step" "$output" || return
	elif [ "$status" = 0 ]; then
		mapfile -t got < <(addresses)
		for a in "${got[@]}"; do
			[[ " ${holds[*]-} " != *" $a "* ]] || twin_fail "$i" \
				"$step" "$a given twice" || return
		done
		holds[$id]="${got[*]}"
	fi
	[ "$(leases "$dir/m" | sort)" = "$(for id in "${!holds[@]}"; do
		for a in ${holds[$id]}; do echo "$a $id"; done
	done | sort)" ] || twin_fail "$i" "$step" "$(leases "$dir/m")"
}

mixed() {
	local i step id pool calls=0
	local -A holds

	for ((i = seed; i < seed + sequences; i++)); do
		RANDOM=$i
		rm -rf "$dir/m"
		mkdir -p "$dir/m/n"
		holds=()
		pool=$((RANDOM % 7))
		for ((step = 0; step < steps; step++)); do
			mixed_step "$i" "$step" $((RANDOM % 5 ? pool :
				RANDOM % 7)) || return
			calls=$((calls + 1))
		done
		for id in "${!holds[@]}"; do
			call "$(either)" DEL "$id" "$(config "$dir/m" 1 '')"
		done
		[ -z "$(leases "$dir/m")" ] ||
			twin_fail "$i" end "$(leases "$dir/m")" || return
	done
	echo "$sequences sequences, $calls calls"
}

big='"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}]]'

big_config() {
	echo '{"cniVersion":"1.1.0","name":"n","ipam":{"type":"host-local",
		"dataDir":"'"$dir/$1"'",'"$big"'}'"${2-}"'}'
}

# parallel_worker N: adds and deletes on its own containers, some of them are
# killed; what it still holds in the end it prints.
parallel_worker() {
	local n=$1 k id verb

	RANDOM=$((seed * 1000 + n))
	for ((k = 0; k < 12; k++)); do
		id=c$n$((k % 4))
		for verb in ADD DEL ADD; do
			if ((RANDOM % 4)); then
				call "$(either)" $verb "$id" "$(big_config p)"
			else
				call "$ours" $verb "$id" "$(big_config p)" '' \
					timeout -s KILL \
					"0.00$((RANDOM % 6))$((RANDOM % 10))"
				[ "$status" -lt 128 ] || echo >>"$dir/kills"
			fi
		done
		call "$ours" DEL "$id" "$(big_config p)"
		((k < 8)) || call "$(either)" ADD "$id" "$(big_config p)"
		[ "$status" = 0 ] || echo "failed: $output"
		((k < 8)) || addresses
	done
}

in_parallel() {
	local n all

	mkdir -p "$dir/p"
	: >"$dir/kills"
	for n in {10..25}; do
		parallel_worker "$n" >"$dir/worker.$n" &
	done
	wait
	all=$(cat "$dir"/worker.*)
	! grep failed: <<<"$all" || return
	[ "$(wc -l <<<"$all")" = 128 ] &&
		[ -z "$(sort <<<"$all" | uniq -d)" ] &&
		[ "$(leases "$dir/p" | cut -d ' ' -f 1 | sort)" = \
			"$(sort <<<"$all")" ] &&
		[ -z "$(find "$dir/p/n" -name '*[.:]*' -empty)" ] || return
	for n in {10..25}{0..3}; do
		call "$(either)" DEL "c$n" "$(big_config p)"
	done
	[ -z "$(leases "$dir/p")" ] &&
		echo "16 workers, $(wc -l <"$dir/kills") kills"
}

# calls_of VERB: "NAME COUNT" of the system calls of that verb on c1 that touch
# files or come between such.
calls_of() {
	call "$ours" "$1" c1 "$(big_config k "$valid")" '' \
		strace -o "$dir/trace"
	sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$dir/trace" |
		grep -E '^(open|mkdir|link|symlink|unlink|rename|readlink)'`
			`'(at)?$|^(writev?|ftruncate|flock|close|getdents64)$' |
		sort | uniq -c | awk '{ print $2, $1 }'
}

# prepare KIND: the state in which the killed call begins.
prepare() {
	rm -rf "$dir/k"
	mkdir -p "$dir/k"
	valid=
	[ "$1" = first ] || call "$ours" ADD c0 "$(big_config k)"
	case $1 in
	taken) # the first candidates, by somebody who has no index
		cd "$dir/k/n"
		printf 'c2\r\neth0' | tee 10.1.0.3 >fd00::3
		cd "$OLDPWD"
		;;
	half) # an ADD that was killed between the sets
		printf 'c1\r\neth0' >"$dir/k/n/10.1.0.9"
		;;
	full) call "$ours" ADD c1 "$(big_config k)" ;;
	foreign) call "$theirs" ADD c1 "$(big_config k)" ;;
	gc) # all but c0 is to go
		call "$ours" ADD c1 "$(big_config k)"
		call "$theirs" ADD c2 "$(big_config k)"
		valid=',"cni.dev/valid-attachments":
			[{"containerID":"c0","ifname":"eth0"}]'
		;;
	esac
}

# After a kill: no lease is empty, c0 is as it was, and one DEL of c1 leaves
# nothing of it; or another ADD completes it.
check_killed() {
	local end=$1 others=$2 program

	[ -z "$(find "$dir/k/n" -name '*[.:]*' ! -name 'last*' -size -6c \
		2>/dev/null)" ] || return
	if [ "$end" = again ]; then
		call "$ours" ADD c1 "$(big_config k)"
		[ "$status" = 0 ] && [ "$(addresses | wc -l)" = 2 ] &&
			[ "$(leases "$dir/k" | grep -c ' c1$')" = 2 ] || return
	fi
	program=$ours
	[ "$end" != theirs ] || program=$theirs
	call "$program" DEL c1 "$(big_config k)"
	[ "$status" = 0 ] && [ "$(leases "$dir/k" | grep -v ' c2$')" = \
		"$others" ] || return
	[ "$end" = theirs ] || [ -z "$(find "$dir/k/.weft" -lname 'c1 *' \
		2>/dev/null)" ]
}

# killed VERB STATE: killed before each of those calls; then in turn DEL, theirs,
# and ADD once more.
killed() {
	local verb=$1 state=$2 name count k end others list kills=0
	local calls=0
	local -a ends=(ours theirs again)

	prepare "$state"
	others=$(leases "$dir/k" | grep ' c0$' || true)
	list=$(calls_of "$verb")
	while read -r name count; do
		for ((k = 1; k <= count; k++)); do
			sampled $((calls += 1)) || continue
			end=${ends[(kills + seed) % 3]}
			prepare "$state"
			call "$ours" "$verb" c1 "$(big_config k "$valid")" '' \
				strace -o /dev/null -e \
				inject="$name:signal=KILL:when=$k"
			if [ "$status" -lt 128 ] ||
				! check_killed "$end" "$others"; then
				echo "$verb, $state, at $name $k, then $end:"
				echo "$status $output $(leases "$dir/k")"
				return 1
			fi
			kills=$((kills + 1))
		done
	done <<<"$list"
	echo "$kills kills"
	[ "$calls" -gt 10 ]
}

# figures NAME COMMAND...: succeeds, and what it says is shown.
figures() {
	succeeds "$@"
	[ -z "$output" ] || note "$output"
}

if [ ! -x "$theirs" ]; then
	skip "beside the reference host-local" "its package cannot be fetched"
	exit
fi

figures "the two programs give the same answers and write the same bytes" twins
figures "the two programs share a directory, call by call" mixed
figures "the two programs share a directory in parallel, some killed" in_parallel
for what in "ADD first" "ADD other" "ADD taken" "ADD half" "ADD full" \
	"ADD foreign" "DEL full" "DEL foreign" "GC gc"; do
	# shellcheck disable=SC2086 # two words
	figures "killed anywhere, then repaired by one call: $what" killed $what
done
