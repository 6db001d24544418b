#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# bench.sh: the race. weft beside the reference plugins and beside the floor
# (floor.c), in a private host; race.c does the timing. Prints a table, writes
# build/bench.json, and fails if a figure of figures.jq is missed twice.
#
#	RUNS=40 tests/bench/bench.sh    a short one, for development (200)
#	RETRY=0                         do not measure what was missed again
#	LEASES="0 1000"                 fill our own lease directories so far
#	PARTS="latency ipam"            only these of latency, memory, parallel,
#	                                ipam, ports, nat; figures of others are
#	                                left out
#
# What is raced: IPv4 and IPv6, isDefaultGateway, no ipMasq; leases on a tmpfs.
# `delWait: false` has DEL answer at the event: by default it does so only where
# PID 1 is known to reap orphans, and here PID 1 is this shell.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

RUNS=${RUNS:-200}
RETRY=${RETRY:-1}
LEASES=${LEASES:-0 1000 10000 50000}
PARTS=${PARTS:-latency memory parallel ipam ports nat}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
dynamic=$root/build/bin
static=$root/build/static/bin
tools=$root/build/bench
race=$tools/race

# As a whole again in a private host.
if [ -z "${WEFT_PRIVATE_HOST-}" ]; then
	# shellcheck source=tests/lib/cache.sh
	. "$here/../lib/cache.sh"
	WEFT_REFERENCE=$(cache_reference_plugins)
	export WEFT_REFERENCE
	WEFT_PRIVATE_HOST=1 private_host bash "$0" "$@"
	exit
fi
reference=$WEFT_REFERENCE
confs=$TMPDIR/bench
results=$TMPDIR/results
mkdir "$confs"
: >"$results"

# conf NAME TYPE NUMBER [JQ]: writes the configuration NAME, on bridge NAME in
# the networks 10.NUMBER.0.0/16 and fd00:NUMBER::/64.
conf() {
	jq -nc --arg name "$1" --arg type "$2" --arg n "$3" \
		--arg ipam "$([[ $2 = *-vm ]] && echo ipam-)host-local" '{
		cniVersion: "1.0.0", name: $name, type: $type, bridge: $name,
		isDefaultGateway: true, delWait: false, ipam: {
			type: $ipam,
			ranges: [[{subnet: "10.\($n).0.0/16"}],
				[{subnet: "fd00:\($n)::/64"}]]
		}
	} | '"${4:-.}" >"$confs/$1"
}

# A bridge with an address of its own: an automatic one changes with its ports,
# and the reference's CHECK then fails.
bridge() {
	ip link add name "$1" address "02:00:00:00:00:$2" type bridge
	ip link set dev "$1" up
}

# runs LEAST: RUNS, of which a slow test takes a part, but not less than LEAST.
runs() {
	local n=$((RUNS / $2))

	echo $((n > $1 ? n : $1))
}

# run PART COMMAND...: race, and keep what it prints.
run() {
	local part=$1

	shift
	echo "# $part: ${*:1:2}" >&2
	"$race" "$@" | jq -c --arg part "$part" '. + {part: $part}' >>"$results"
}

set_up() {
	local name number=10
	local on_parent='del(.bridge, .ipam.ranges[1]) | .master = "parent" |
		.ipam.routes = [{dst: "0.0.0.0/0"}]'

	conf static bridge-vm 10
	conf dynamic bridge-vm 11
	conf reference bridge 12
	conf floor bridge-vm 89
	# The reference's has no guard.
	for name in tap,13 dyntap,14; do
		conf "${name%,*}" bridge-vm "${name#*,}" \
			'.attach = "tap" | .guard = {antispoof: false, addressing: false}'
	done
	conf guarded bridge-vm 19 '.attach = "tap"'
	# With IPv6 it waits 5 s for an address that needs a carrier to settle.
	conf reftap tap 15 'del(.bridge, .ipam.ranges[1])'
	# IPv4: with IPv6 it waits for duplicate address detection, a second.
	for name in macvlan dynmacvlan; do
		conf $name macvlan-vm 17 "$on_parent"
	done
	conf refmacvlan macvlan 18 "$on_parent"
	ip link add parent type veth peer name parent1
	ip link set parent up
	ip link set parent1 up
	for name in static dynamic reference floor tap dyntap reftap guarded; do
		bridge "$name" "$number"
		number=$((number + 1))
	done
	ip addr add 10.89.0.1/16 dev floor
	ip addr add fd00:89::1/64 dev floor nodad
	mkdir -p /run/floor/own /run/floor-tap/own
	bridge ports 99
	conf ports bridge-vm 16
	conf refports bridge 16 '.bridge = "ports"'
	ns_new guests
}

veth=(
	"static $static/bridge-vm $confs/static"
	"dynamic $dynamic/bridge-vm $confs/dynamic"
	"reference $reference/bridge $confs/reference"
)
taps=(
	"tap $static/bridge-vm $confs/tap"
	"guarded $static/bridge-vm $confs/guarded"
	"dyntap $dynamic/bridge-vm $confs/dyntap"
	"reftap $reference/tap $confs/reftap"
)

macvlans=(
	"macvlan $static/macvlan-vm $confs/macvlan"
	"dynmacvlan $dynamic/macvlan-vm $confs/dynmacvlan"
	"refmacvlan $reference/macvlan $confs/refmacvlan"
)

floor() {
	echo "$1 $tools/$2 $confs/floor $3 FLOOR_DIR=/run/$4" \
		"FLOOR_BRIDGE=floor ${5-}"
}

measure_latency() {
	run latency latency "$RUNS" "${veth[@]/%/ VACD}" \
		"$(floor floor floor-static VACD floor)" \
		"$(floor dynfloor floor-dynamic VACD floor)"
	run latency latency "$(runs 40 2)" "${taps[@]/%/ ACD}" \
		"$(floor floortap floor-static ACD floor-tap FLOOR_TAP=1)"
	run latency latency "$(runs 40 2)" "${macvlans[@]/%/ ACD}"
}

measure_memory() {
	run memory memory "${veth[@]/%/ VACD}" \
		"$(floor floor floor-static VACD floor)"
}

measure_parallel() {
	local workers

	for workers in 1 2 8 32; do
		run parallel parallel "$(runs 32 4)" "$workers" "$(runs 2 66)" \
			"${veth[0]} AD" "${veth[2]} AD" \
			"$(floor floor floor-static AD floor)"
	done
}

# ipam_conf NAME TYPE: leases of 10.128.0.0/15 in a directory of their own.
ipam_conf() {
	jq -nc --arg name "$1" --arg type "$2" '{
		cniVersion: "1.0.0", name: $name, type: "bridge", ipam: {
			type: $type, dataDir: "/var/lib/cni/bench",
			ranges: [[{subnet: "10.128.0.0/15"}]]
		}
	}' >"$confs/$1"
}

# ipam_one NAME PROGRAM FILL: prints the contender, with FILL leases there: by
# ADDs of its own, or as the reference leaves them.
ipam_one() {
	local name=$1 program=$2 fill=$3

	ipam_conf "$name" "${program##*/}"
	[ "$fill" = 0 ] || [ -e "/var/lib/cni/bench/$name" ] ||
		run ipam fill "$fill" 2 "$name $program $confs/$name A" >&2
	echo "$name $program $confs/$name"
}

# foreign NAME N: N leases, as host-local leaves them.
foreign() {
	local dir=/var/lib/cni/bench/$1

	[ ! -e "$dir" ] || return 0
	mkdir -p "$dir"
	awk -v n="$2" -v dir="$dir" 'BEGIN {
		for (i = 2; i < n + 2; i++) {
			f = sprintf("%s/10.%d.%d.%d", dir, 128 + int(i / 65536),
				int(i / 256) % 256, i % 256)
			printf "foreign-%06d\r\neth0", i >f
			close(f)
		}
		f = dir "/last_reserved_ip.0"
		printf "10.%d.%d.%d", 128 + int((n + 1) / 65536),
			int((n + 1) / 256) % 256, (n + 1) % 256 >f
	}'
}

measure_ipam() {
	local n list=() small=(0 1000 10000)
	local ours=$static/ipam-host-local theirs=$reference/host-local

	for n in $LEASES; do
		list+=("$(ipam_one "own$n" "$ours" "$n") ACD")
	done
	for n in 10000 50000; do
		foreign "foreign$n" "$n"
		list+=("$(ipam_one "foreign$n" "$ours" 0) ACD")
	done
	run ipam latency "$RUNS" "${list[@]}"

	list=()
	for n in 1000 10000; do
		foreign "skip$n" "$n"
		list+=("$(ipam_one "skip$n" "$ours" 0) AD$(last "skip$n")")
	done
	for n in "${small[@]}"; do
		foreign "ref$n" "$n"
		list+=("$(ipam_one "ref$n" "$theirs" 0) ACD")
	done
	run ipam latency "$(runs 20 10)" "${list[@]}"
}

# last NAME: before each call the pool is to be searched from its beginning.
last() {
	echo " RACE_PUT=/var/lib/cni/bench/$1/last_reserved_ip.0 10.128.0.1"
}

# ports N: as many veth pairs on the bridge as make N.
ports() {
	local n=$1 i=$2

	for (( ; i < n; i++)); do
		echo "link add p$i group 99 master ports up type veth" \
			"peer name q$i netns guests"
	done | ip -batch -
	ip -n guests link set group 0 up
}

measure_ports() {
	local n before=0 list

	for n in 0 250 1000; do
		ports "$n" "$before"
		before=$n
		list=("ports$n $static/bridge-vm $confs/ports ACD"
			"floor$n $tools/floor-static $confs/floor ACD
			FLOOR_DIR=/run/floor FLOOR_BRIDGE=ports")
		[ "$n" != 250 ] || list+=(
			"ref$n $reference/bridge $confs/refports ACD")
		run ports latency "$(runs 20 4)" "${list[@]//[$'\n\t']/ }"
	done
	remove_ports "$before"
}

# forwards NAME TYPE ID PORTS...: writes the configuration NAME of a chained
# plugin that forwards PORTS.
forwards() {
	local name=$1 type=$2 id=$3

	shift 3
	jq -nc --arg name "$id" --arg type "$type" '{
		cniVersion: "1.0.0", name: $name, type: $type,
		backend: "nftables", delWait: false,
		capabilities: {portMappings: true},
		runtimeConfig: {portMappings: [$ARGS.positional[] | tonumber |
			{hostPort: ., containerPort: ., protocol: "tcp"}]}
	}' --args "$@" >"$confs/$name"
}

# Masquerade, and two forwards. The reference forwards with nftables, its faster
# way; its masquerade by nftables cannot be raced, because DEL of it fails.
measure_nat() {
	local masq='.ipMasq = true'

	[ -e "$confs/natfw" ] || {
		conf masq bridge-vm 20 "$masq"
		conf refmasq bridge 21 "$masq"
		conf nat bridge-vm 22
		conf refnat bridge 23
		bridge masq 20
		bridge refmasq 21
		bridge nat 22
		bridge refnat 23
		forwards natfw portmap-nft nat 8080 8443
		forwards refnatfw portmap refnat 8080 8443
		forwards natone portmap-nft natone 7777
		forwards many portmap-nft many $(seq 10001 11000)
	}
	run nat latency "$(runs 20 4)" \
		"masq $static/bridge-vm $confs/masq AD" \
		"refmasq $reference/bridge $confs/refmasq AD" \
		"nat $static/bridge-vm,$static/portmap-nft $confs/nat,$confs/natfw AD" \
		"refnat $reference/bridge,$reference/portmap $confs/refnat,$confs/refnatfw AD"
	many_forwards ADD
	run nat latency "$(runs 20 4)" \
		"nat1000 $static/bridge-vm,$static/portmap-nft $confs/nat,$confs/natfw AD"
	many_forwards DEL
	measure_trips
}

# From outside by the host's port to a guest, a new flow each: beside no other
# forward and beside a thousand, by turns.
measure_trips() {
	local round server

	ns_new outside
	ns_new inside
	ip link add out0 type veth peer name eth0 netns outside
	ip link set out0 up
	ip addr add 192.0.2.1/24 dev out0
	ip -n outside link set eth0 up
	ip -n outside addr add 192.0.2.9/24 dev eth0
	ip -n outside route add default via 192.0.2.1
	inside ADD bridge-vm nat >"$TMPDIR/prev"
	jq -c --slurpfile p "$TMPDIR/prev" '.prevResult = $p[0] |
		.runtimeConfig.portMappings[].protocol = "udp"' \
		"$confs/natone" >"$confs/natone.prev"
	inside ADD portmap-nft natone.prev >/dev/null
	ip netns exec inside "$tools/trip" serve 7777 >"$TMPDIR/trip" &
	server=$!
	until grep -qs ready "$TMPDIR/trip"; do sleep 0.05; done
	echo "# nat: round trips" >&2
	for round in 1 2 3 4 5; do
		trip none "$round"
		many_forwards ADD
		trip many "$round"
		many_forwards DEL
	done
	kill "$server"
	wait "$server" || true
	inside DEL portmap-nft natone.prev
	inside DEL bridge-vm nat
	ip link del out0
	ip netns del outside
	ip netns del inside
}

# inside VERB PLUGIN CONFIGURATION
inside() {
	CNI_COMMAND=$1 CNI_CONTAINERID=inside CNI_IFNAME=eth0 CNI_PATH=/ \
		CNI_NETNS=/run/netns/inside "$static/$2" <"$confs/$3"
}

# trip NAME ROUND
trip() {
	jq -nc --arg name "$1" --argjson n "$2" --argjson us "$(ip netns exec \
		outside "$tools/trip" ask $((5 * RUNS)) 192.0.2.1 7777)" \
		'{part: "nat", test: "trip", name: $name, n: $n, us: $us}' \
		>>"$results"
}

# many_forwards VERB: a thousand, to an address where nobody is.
many_forwards() {
	jq -c '.prevResult = {cniVersion: "1.0.0",
		interfaces: [{name: "eth0", sandbox: "/run/netns/guests"}],
		ips: [{address: "10.22.255.9/16", interface: 0}]}' \
		"$confs/many" |
		CNI_COMMAND=$1 CNI_CONTAINERID=many CNI_IFNAME=eth0 CNI_PATH=/ \
			CNI_NETNS=/run/netns/guests "$static/portmap-nft" >/dev/null
}

# All at once, by their group: one by one they take 16 ms each.
remove_ports() {
	local start=$EPOCHREALTIME took

	ip link del group 99
	took=$((${EPOCHREALTIME/./} - ${start/./}))
	jq -nc --argjson n "$1" --argjson us "$took" \
		'{part: "ports", test: "remove", n: $n, us: $us}' >>"$results"
}

# The last line of a kind counts: a part may have run twice.
latest() {
	jq -s 'group_by([.part, .test, .name, .verb, .workers, .n]) | map(last)' \
		"$results"
}

# judge: what figures.jq says about what was measured, an object a figure.
judge() {
	latest | jq -c -f "$here/figures.jq"
}

missed_parts() {
	judge | jq -r 'select(.ok | not) | .part' | sort -u
}

measure() {
	local part

	for part; do
		"measure_$part"
	done
}

report() {
	echo
	latest | jq -r '.[] | select(.test == "latency") | [.part, .name, .verb,
		.runs, .failed, .min, .p10, .p50, .p99, .cpu] | @tsv' |
		columns part what verb runs failed min p10/us p50/us p99/us \
			cpu/us
	latest | jq -r '.[] | select(.test == "parallel") | [.name, .verb,
		.workers, .failed, .per_second] | @tsv' |
		columns parallel verb workers failed per-second
	latest | jq -r '.[] | select(.test == "memory") | [.name, .verb, .peak] |
		@tsv' | columns peak-memory verb kB
	latest | jq -r 'map(select(.test == "trip")) | group_by(.name)[] |
		"# round trips, \(.[0].name): \(map(.us) | sort | join(" ")) us"'
	latest | jq -r '.[] | select(.test == "fill") | "# \(.name): filled by \(
		.n) ADDs, \(.per_second) a second"'
	latest | jq -r '.[] | select(.test == "remove") |
		"# \(.n) ports removed in \(.us / 1000 | round) ms"'
	echo
	judge | jq -r '[.what, .target, .got, if .ok then "ok" else "MISSED"
		end] | @tsv' | columns figure target got ''
}

columns() {
	local rows

	rows=$(cat)
	[ -n "$rows" ] || return 0
	(IFS=$'\t' && echo "$*" && echo "$rows") | column -t -s $'\t'
	echo
}

save() {
	jq -n --arg kernel "$(uname -r)" --argjson cpus "$(nproc)" \
		--argjson runs "$RUNS" --slurpfile measured <(latest) \
		--slurpfile figures <(judge) '{kernel: $kernel, cpus: $cpus,
		runs: $runs, measured: $measured[0], figures: $figures}' \
		>"$root/build/bench.json"
}

main() {
	local missed

	set_up
	# shellcheck disable=SC2086 # a list of words
	measure $PARTS
	mapfile -t missed < <(missed_parts)
	if [ ${#missed[@]} -gt 0 ] && [ "$RETRY" = 1 ]; then
		echo "# missed a figure, so once more: ${missed[*]}" >&2
		measure "${missed[@]}"
	fi
	report
	save
	[ -z "$(missed_parts)" ]
}

main
