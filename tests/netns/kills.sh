#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# VMs come and go, and everything is killed with SIGKILL at random points: the
# plugin in ADD, the VMM at any time, the plugin in DEL. After one more DEL there
# is nothing of it, or, of what no DEL ever came for, after GC.
#
# WEFT_KILLS: how many (150; `make faults` does 1,100). WEFT_SEED: which ones.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

cycles=${WEFT_KILLS:-$(scaled 150)}
seed=${WEFT_SEED:-$(($$ + SRANDOM % 1000000))}
RANDOM=$seed
note "WEFT_SEED=$seed"
kill_at=$(tap_tool kill_at)
tap_open=$(tap_tool)
shopt -s nullglob

own_dev
ip link add parent type veth peer name parent1
ip link set parent up
ip link set parent1 up
roads=(tap tap splice)
if ip link add link parent name probe type macvtap 2>/dev/null; then
	ip link del probe
	roads+=(macvtap)
else
	skip "macvtaps among them" "this kernel has none"
fi
ns_new pod
mkfifo "$TMPDIR/hold"
exec 9<>"$TMPDIR/hold"

declare -A conf=(
	[tap]=$(conf '.attach = "tap"')
	[veth]=$(conf)
	[splice]=$(conf '{cniVersion, name, type: "tap-vm"}')
	[macvtap]=$(conf '.type = "macvlan-vm" | .name = "net2" |
		.attach = "macvtap" | .master = "parent" | del(.bridge) |
		.ipam.ranges = [[{subnet: "10.2.0.0/24"}]]')
)

# call VERB CONF [US]: in $status, 137 if it was killed after so long.
call() {
	local verb=$1 config=$2 type

	[[ $config =~ \"type\":\"([a-z-]*)\" ]]
	type=${BASH_REMATCH[1]}
	status=0
	out=$(CNI_COMMAND=$verb CNI_CONTAINERID=$id CNI_IFNAME=eth0 \
		CNI_NETNS=/run/netns/pod CNI_PATH=$cni_bin \
		"$kill_at" "${3-60000000}" "$cni_bin/$type" \
		2>"$TMPDIR/stderr" <<<"$config") || status=$?
}

# killed VERB CONF: somewhere between its first instruction and some time after
# its last. Within how long, in us, follows what such calls take: about half of
# them are killed.
killed() {
	local verb=$1

	call "$verb" "$2" $(((RANDOM * 32768 + RANDOM) % within[$verb]))
	case $status in
	0) within[$verb]=$((within[$verb] * 7 / 8 + 100)) ;;
	137)
		within[$verb]=$((within[$verb] * 9 / 8))
		kills[$verb]=$((kills[$verb] + 1))
		;;
	*) bad "$verb" ;;
	esac
}

# bad WHAT: the first one is shown whole.
bad() {
	[ $((failures += 1)) -gt 3 ] ||
		note "cycle $cycle, $road: $1: status $status"$'\n'"$out"$'\n'"$(
			cat "$TMPDIR/stderr")"
}

with_prev_of_add() {
	echo "${conf[splice]%\}},\"prevResult\":$out}"
}

# add: killed, in one of its two steps where it has them. $status is that of the
# last one.
add_killed() {
	case $road in
	splice)
		if [ $((RANDOM % 3)) = 0 ]; then
			killed ADD "${conf[veth]}"
		else
			call ADD "${conf[veth]}"
		fi
		[ "$status" != 0 ] || killed ADD "$(with_prev_of_add)"
		;;
	*) killed ADD "${conf[$road]}" ;;
	esac
}

# vmm: has it open for a while, and is killed, at any time until some way into
# DEL; 137, or ENODEV where DEL was there first.
vmm() {
	local what ns=()

	case $road in
	tap) what=$(jq -r '.interfaces[1].name' <<<"$out") ;;
	splice) what=tap0 ns=(ip netns exec pod) ;;
	macvtap) what=$(jq -r '.interfaces[0].socketPath' <<<"$out") ;;
	esac
	"${ns[@]}" "$kill_at" $((RANDOM * 2)) "$tap_open" "$what" single hold \
		<&9 >/dev/null 2>&1 &
	vmm_pid=$!
	kills[VMM]=$((kills[VMM] + 1))
}

del_all() {
	local name names=("$road")

	[ "$road" != splice ] || names=(splice veth)
	for name in "${names[@]}"; do
		if [ "${1-}" = killed ]; then
			killed DEL "${conf[$name]}"
		else
			call DEL "${conf[$name]}"
			[ "$status" = 0 ] || bad DEL
		fi
	done
}

# What there is: ports of the bridge, leases, nodes.
left() {
	local ports=(/sys/class/net/br0/brif/*) nodes=(/dev/mvt* /dev/.mvt*)
	local leases=("$cni_leases"/net[12]/10.*)

	echo "${#ports[@]} ports, ${#leases[@]} leases, ${#nodes[@]} nodes"
}

# The pod is gone, and nobody ever says so. What was in there goes in the kernel's
# own time, and each bridge's port that is no tap.
lose() {
	local tries=100 veths=(1)

	stop_vmm
	ip netns del pod
	ns_new pod
	while [ ${#veths[@]} -gt 0 ] && [ $((tries -= 1)) -gt 0 ]; do
		sleep 0.02
		veths=(/sys/class/net/br0/brif/veth*)
	done
	lost=$((lost + 1))
}

stop_vmm() {
	[ -z "$vmm_pid" ] || wait "$vmm_pid" 2>/dev/null || true
	vmm_pid=
}

# A node whose device the kernel has not freed yet is for the next GC.
collect() {
	local tries=50

	until gc && [ "$(left)" = "$nothing" ]; do
		if [[ $(left) != "${nothing% * nodes} "* ]] ||
			[ $((tries -= 1)) = 0 ]; then
			bad "GC leaves $(left)"
			not_gone=$((not_gone + 1))
			return
		fi
		sleep 0.1
	done
}

gc() {
	local config none='"cni.dev/valid-attachments":[]'

	for config in "${conf[tap]}" "${conf[macvtap]}"; do
		call GC "${config%\}},$none}"
		[ "$status" = 0 ] || bad GC
	done
}

# none_of_it WAS: as much as before. A node that was lost may be less: what makes
# one for a device removes others of that number.
none_of_it() {
	local is was

	is=$(left)
	is=${is% nodes} was=${1% nodes}
	[ "${is% *}" = "${was% *}" ] && [ "${is##* }" -le "${was##* }" ]
}

cycle() {
	local was

	id=kill$cycle
	road=${roads[cycle % ${#roads[@]}]}
	was=$(left)
	add_killed
	[ "$status" != 0 ] || vmm
	if [ $((RANDOM % 4)) = 0 ]; then
		lose
		return
	fi
	[ $((RANDOM % 3)) != 0 ] || del_all killed
	del_all
	stop_vmm
	none_of_it "$was" || {
		bad "DEL leaves $(left), beside $was"
		not_gone=$((not_gone + 1))
	}
}

declare -A kills=([ADD]=0 [DEL]=0 [VMM]=0) within=()
nothing='0 ports, 0 leases, 0 nodes'
failures=0 not_gone=0 lost=0 vmm_pid='' id=first cycle=0
# How long calls take; what stays is the network's, and that is not counted.
for road in "${roads[@]}"; do
	for verb in ADD DEL; do
		[ "$road" != splice ] || continue
		start=${EPOCHREALTIME/./}
		call $verb "${conf[$road]}"
		within[$verb]=$((2 * (${EPOCHREALTIME/./} - start)))
	done
done
collect
same "$nothing" "$(left)" "there is nothing to begin with"
before=$(state pod)
for ((cycle = 1; cycle <= cycles; cycle++)); do
	cycle
	[ $((cycle % 20)) != 0 ] || collect
done
collect

note "$cycles cycles: killed ${kills[ADD]} ADDs, ${kills[DEL]} DELs and \
${kills[VMM]} VMMs; $lost were left to GC"
succeeds "calls and VMMs were killed, and attachments lost" \
	test $((kills[ADD] * kills[DEL] * kills[VMM] * lost)) -gt 0
same "0 of $cycles" "$not_gone of $cycles" "one DEL, or GC, removes all of it"
same 0 "$failures" "and no call but the killed ones fails"
same "$nothing" "$(left)" "after $cycles cycles there is no port"
same "$before" "$(state pod)" "the host is as it was before"
