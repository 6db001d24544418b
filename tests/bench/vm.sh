#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# vm.sh: how fast a container reaches a VM, beside the same devices wired by hand
# with iproute2, and what a VM that reads nothing costs, in a private host. The VM
# is a tap pump with offloads (tests/lib/vmm.c), the rest is wire.c. Prints a
# table, writes build/bench-vm.json, and fails if a figure of figures_vm.jq is
# missed twice.
#
#	ROUNDS=1 FLOOD_MS=1000 tests/bench/vm.sh  a short one (5, 10000)
#	RETRY=0			do not measure what was missed again
#	PARTS="flow flood"	only these of flow, flood, strange
#
# flow: a pair is one of ours and one by hand: tap of bridge-vm; splice of tap-vm
# beside u32 and mirred, as tc-redirect-tap wires it; macvtap of macvlan-vm. Both
# of a pair are there at once, made anew each round, and take turns by the second,
# for so long stay the others on a machine that is shared.
#
# flood: 100,000 ARP requests a second for nobody's address on the segment of a
# pod, that has no VM, or has one whose VMM is gone or stopped, for 10 s in all.
# strange, which is not a target: frames of no protocol, so that without a splice
# it costs as little as it can.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

ROUNDS=${ROUNDS:-5}
SLICES=${SLICES:-6}
FLOOD_MS=${FLOOD_MS:-10000}
FLOOD_RATE=${FLOOD_RATE:-100000}
RETRY=${RETRY:-1}
PARTS=${PARTS:-flow flood}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

if [ -z "${WEFT_PRIVATE_HOST-}" ]; then
	WEFT_PRIVATE_HOST=1 private_host bash "$0" "$@"
	exit
fi
# shellcheck source=tests/lib/cni.sh
. "$here/../lib/cni.sh"
wire=$root/build/bench/wire
vmm=$root/build/bench/vmm
results=$TMPDIR/results
figures=$TMPDIR/figures
: >"$results"
net=n$(tr -d - </proc/sys/kernel/random/uuid | cut -c1-12)
# Who is there at a time has a side, 1 to 5: a bridge bench1, a container c1, a pod
# p1 with a tap benchtap1, a guest g1.
side=1 vmm_pid=()

# All on one processor: so nobody waits for another one to wake up, which takes
# longer than all the rest and never the same, and what a byte costs is what
# bounds the throughput. And before all others there are on the machine.
cpu=(taskset -c $(($(nproc) - 1)) nice -n -19)

# ready FILE: once a program that was started has said so there.
ready() {
	local tries=250

	until grep -qs ready "$1"; do
		[ $((tries -= 1)) -gt 0 ] || {
			echo "nothing is ready: $1" >&2
			exit 1
		}
		sleep 0.02
	done
}

# stop PID SIGNAL
stop() {
	kill "-$2" "$1"
	wait "$1" 2>/dev/null || true
}

# must VERB ID NETNS CONF: a call that has to work; its answer is $out.
must() {
	cni "$@"
	[ "$status" = 0 ] || {
		echo "$cni_last: $out" >&2
		exit 1
	}
}

# ours [JQ]: a configuration of ours; nothing in /dev may clash with a test's.
ours() {
	conf ".name = \"$net$side\" | .bridge = \"bench$side\" |
		.delWait = true | ${1:-.}"
}

# The VM's MAC and address as the last ADD has them.
take_guest() {
	read -r mac guest < <(jq -r '[(.interfaces[] |
		select(.name == "eth0")).mac, .ips[0].address] |
		join(" ")' <<<"$out")
}

# --- Each contender: up_NAME, down_NAME. ---

# A container and a pod on a bridge; what is spliced has all of it.
up_port() {
	must ADD c "c$side" "$(ours)"
	must ADD v "p$side" "$(ours)"
	take_guest
}

down_port() {
	must DEL v "p$side" "$(ours)"
	must DEL c "c$side" "$(ours)"
	ip link del "bench$side"
}

up_tap() {
	must ADD c "c$side" "$(ours)"
	must ADD v "p$side" "$(ours '.attach = "tap"')"
	take_guest
	pump "" "$(port)"
}

down_tap() {
	down_port
}

# tap_vm [PREV]
tap_vm() {
	jq -c --argjson prev "${1-null}" '{cniVersion, name, delWait,
		type: "tap-vm", prevResult: $prev,
		tap: {name: "benchtap'"$side"'"}}' <<<"$(ours)"
}

up_splice() {
	up_port
	must ADD v "p$side" "$(tap_vm "$out")"
	pump "p$side" "benchtap$side"
}

down_splice() {
	must DEL v "p$side" "$(tap_vm)"
	down_port
}

macvlan() {
	ours ".type = \"macvlan-vm\" | .master = \"parent$side\" |
		del(.bridge) | ${1:-.}"
}

up_macvtap() {
	must ADD c "c$side" "$(macvlan)"
	must ADD v "p$side" "$(macvlan '.attach = "macvtap"')"
	take_guest
	pump_node "$(jq -r '.interfaces[0].socketPath' <<<"$out")"
}

down_macvtap() {
	must DEL v "p$side" "$(macvlan)"
	must DEL c "c$side" "$(macvlan)"
}

# by_hand: a container is there, and it is known who the guest will be.
by_hand() {
	ip -n "c$side" link set eth0 up
	ip -n "c$side" addr add 10.1.0.2/24 dev eth0
	guest=10.1.0.3/24 mac=02:00:00:00:00:03
}

bridge_by_hand() {
	ip link add "bench$side" type bridge
	ip link set "bench$side" up
	veth_by_hand c
	by_hand
}

veth_by_hand() {
	ip link add "veth$1$side" type veth peer name eth0 netns "$1$side"
	ip -n "$1$side" link set eth0 up
	ip link set "veth$1$side" master "bench$side" up
}

bridge_down() {
	ip link del "vethc$side"
	ip link del "bench$side"
}

up_tap_hand() {
	bridge_by_hand
	ip tuntap add mode tap name "benchtap$side" vnet_hdr
	ip link set "benchtap$side" master "bench$side" up
	pump "" "benchtap$side"
}

down_tap_hand() {
	ip link del "benchtap$side"
	bridge_down
}

# redirect FROM TO: all that comes in, in the pod, as tc-redirect-tap does it.
redirect() {
	tc -n "p$side" qdisc add dev "$1" ingress
	tc -n "p$side" filter add dev "$1" parent ffff: protocol all u32 \
		match u32 0 0 action mirred egress redirect dev "$2"
}

up_mirred() {
	bridge_by_hand
	veth_by_hand p
	ip -n "p$side" tuntap add mode tap name "benchtap$side" vnet_hdr
	ip -n "p$side" link set "benchtap$side" up
	redirect eth0 "benchtap$side"
	redirect "benchtap$side" eth0
	mac=$(link eth0 "p$side" | jq -r .address)
	pump "p$side" "benchtap$side"
}

down_mirred() {
	ip -n "p$side" link del "benchtap$side"
	ip link del "vethp$side"
	bridge_down
}

up_macvtap_hand() {
	local number dev=mvt$side

	ip link add link "parent$side" name eth0 netns "c$side" type macvlan \
		mode bridge
	by_hand
	ip link add link "parent$side" name "$dev" address $mac type macvtap \
		mode bridge
	ip link set "$dev" up
	number=$(cat "/sys/class/net/$dev"/tap*/dev)
	mknod "$TMPDIR/$dev" c "${number%:*}" "${number#*:}"
	pump_node "$TMPDIR/$dev"
}

down_macvtap_hand() {
	rm "$TMPDIR/mvt$side"
	ip link del "mvt$side"
	ip -n "c$side" link del eth0
}

# --- The VM. ---

# pump NETNS TAP|FD: a VM is there, with its address.
pump() {
	: >"$TMPDIR/pump"
	"${cpu[@]}" ${1:+ip netns exec "$1"} "$vmm" "$2" "/run/netns/g$side" \
		"$mac" >"$TMPDIR/pump" &
	vmm_pid[side]=$!
	ready "$TMPDIR/pump"
	ip -n "g$side" link set eth0 up
	ip -n "g$side" addr add "$guest" dev eth0
}

vmm_end() {
	[ -z "${vmm_pid[side]-}" ] || stop "${vmm_pid[side]}" KILL
	vmm_pid[side]=
}

pump_node() {
	local fd

	exec {fd}<>"$1"
	pump "" "$fd"
	exec {fd}<&-
}

# --- Flow: throughput, processors, round trip. ---

# keep PART NAME ROUND: what wire says on stdin.
keep() {
	jq -c --arg part "$1" --arg name "$2" --argjson round "$3" \
		'. + {part: $part, name: $name, round: $round}' >>"$results"
}

# flow_up SIDE NAME
flow_up() {
	side=$1
	"up_$2"
	: >"$TMPDIR/serve"
	"${cpu[@]}" ip netns exec "g$side" "$wire" serve "${guest%/*}" 7 \
		"${vmm_pid[side]}" >"$TMPDIR/serve" &
	server[side]=$!
	guests[side]=${guest%/*}
	ready "$TMPDIR/serve"
}

flow_down() {
	side=$1
	stop "${server[side]}" TERM
	vmm_end
	"down_$2"
}

# flow ROUND NAME NAME: one of ours and one by hand.
flow() {
	local round=$1 i what names=("" "$2" "$3") server=() guests=()

	echo "# flow: round $round, $2" >&2
	flow_up 1 "$2"
	flow_up 2 "$3"
	for what in "stream 700" "trip 5000"; do
		for ((i = 0; i < 2 * SLICES; i++)); do
			# 1 2 2 1 1 2 2 1
			side=$((1 + (i + 1) / 2 % 2))
			# shellcheck disable=SC2086 # two words
			from_container $what |
				keep flow "${names[side]}" "$round"
		done
	done
	flow_down 1 "$2"
	flow_down 2 "$3"
}

from_container() {
	"${cpu[@]}" ip netns exec "c$side" "$wire" "$1" "${guests[side]}" 7 "$2"
}

measure_flow() {
	local round

	for ((round = 1; round <= ROUNDS; round++)); do
		flow "$round" tap tap_hand
		flow "$round" splice mirred
		flow "$round" macvtap macvtap_hand
	done
}

# --- Flood: broadcasts, and a VM that takes none of them. ---

up_splice_gone() {
	up_splice
	vmm_gone
}

up_splice_stopped() {
	up_splice
	kill -STOP "${vmm_pid[side]}"
}

up_mirred_gone() {
	up_mirred
	vmm_gone
}

up_mirred_stopped() {
	up_mirred
	kill -STOP "${vmm_pid[side]}"
}

# The kernel says so in its own time.
vmm_gone() {
	local tries=100

	vmm_end
	until [[ $(ip -n "p$side" link show dev "benchtap$side") = \
		*NO-CARRIER* ]]; do
		[ $((tries -= 1)) -gt 0 ] && sleep 0.02
	done
}

# said SINCE: lines of the kernel's log since then that name these devices.
said() {
	dmesg | tr -d '[]' | awk -v since="$1" -v name="bench(tap)?$side" \
		'$1 >= since && $0 ~ name' | wc -l
}

# flood_one NAME ROUND TYPE
flood_one() {
	local since got

	since=$(cut -d' ' -f1 /proc/uptime)
	got=$("${cpu[@]}" ip netns exec "c$side" "$wire" "$3" eth0 \
		"$FLOOD_RATE" $((FLOOD_MS / SLICES)))
	jq -c --argjson said "$(said "$since")" '. + {said: $said}' \
		<<<"$got" | keep "$3" "$1" "$2"
}

# flood TYPE ROUND NAME...: all of them are there at once, and take turns.
flood() {
	local type=$1 round=$2 names i

	shift 2
	names=("" "$@")
	echo "# $type: round $round" >&2
	for side in "${!names[@]}"; do
		[ "$side" = 0 ] || "up_${names[side]}"
	done
	for ((i = 0; i < SLICES; i++)); do
		for side in "${!names[@]}"; do
			[ "$side" = 0 ] ||
				flood_one "${names[side]}" "$round" "$type"
		done
	done
	for side in "${!names[@]}"; do
		[ "$side" != 0 ] || continue
		vmm_end
		i=${names[side]%_*}
		"down_$i"
	done
}

# What mirred costs is not a target: two rounds of it.
measure_flood() {
	local round names

	for ((round = 1; round <= ROUNDS; round++)); do
		names=(port splice_gone splice_stopped)
		[ "$round" -gt 2 ] || names+=(mirred_gone mirred_stopped)
		flood "${1-flood}" "$round" "${names[@]}"
	done
}

# The same with frames that without the splice nobody in the pod looks at.
measure_strange() {
	measure_flood strange
}

# --- Set up, judge, report. ---

set_up() {
	local side

	for side in 1 2 3 4 5; do
		ns_new "c$side"
		ns_new "p$side"
		ns_new "g$side"
		ip link add "parent$side" type veth peer name "other$side"
		ip link set "parent$side" up
		ip link set "other$side" up
	done
}

# judge: what figures_vm.jq says about what was measured, an object a figure, goes
# to $figures; the parts where one is missed to $missed.
judge() {
	local parts

	jq -s -c -f "$here/figures_vm.jq" "$results" >"$figures"
	parts=$(jq -rs '[.[] | select(.ok == false).part] | unique[]' \
		"$figures")
	mapfile -t missed < <(printf %s "$parts")
}

measure() {
	local part

	for part; do
		"measure_$part"
	done
}

again() {
	local part

	for part; do
		jq -c --arg part "$part" 'select(.part != $part)' "$results" \
			>"$results.kept"
		mv "$results.kept" "$results"
	done
	measure "$@"
}

report() {
	echo
	jq -rs 'def row($unit; $by): map(select(has($unit)) |
			{name, part, round,
			value: (.[$unit] * $by * 1000 | round / 1000)}) |
			group_by([.part, .name])[] | [.[0].part, .[0].name,
			(group_by(.round)[] | map(.value) | sort |
			.[length / 2 | floor])] | @tsv;
		"Gb/s:", row("bits"; 1e-9), "us there and back:", row("us"; 1),
		"ns of processors, a byte or a frame:", row("cpu"; 1),
		"the same, of the whole machine:", row("machine"; 1), "lines in the log:", row("said"; 1)' \
		"$results" | column -t -s $'\t'
	echo
	jq -r '[.what, .target, .got, {"true": "ok", "false": "MISSED",
		"null": ""}["\(.ok)"]] | @tsv' "$figures" | (
		printf 'figure\ttarget\tgot\n'
		cat
	) | column -t -s $'\t'
}

save() {
	jq -n --arg kernel "$(uname -r)" --argjson cpus "$(nproc)" \
		--argjson rounds "$ROUNDS" --slurpfile measured "$results" \
		--slurpfile figures "$figures" '{kernel: $kernel, cpus: $cpus,
		rounds: $rounds, measured: $measured, figures: $figures}' \
		>"$root/build/bench-vm.json"
}

main() {
	local missed

	set_up
	# shellcheck disable=SC2086 # a list of words
	measure $PARTS
	judge
	if [ ${#missed[@]} -gt 0 ] && [ "$RETRY" = 1 ]; then
		echo "# missed a figure, so once more: ${missed[*]}" >&2
		again "${missed[@]}"
		judge
	fi
	report
	save
	[ ${#missed[@]} = 0 ]
}

main
