#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A container and a VM that ask at the same time, fifty times over (or as
# WEFT_TEST_SCALE has it), at once.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

pairs=$(scaled 50)
config=$(conf '.isDefaultGateway = true | .ipMasq = true |
	.perAttachment = ["attach"]')
mkdir "$TMPDIR/out"

# all VERB: every guest's call in a process of its own; all wait for the last
# one, then go. Prints how many failed.
all() {
	local verb=$1 i failed=0 pids=()

	exec 7>"$TMPDIR/gate"
	flock 7
	for i in $(seq "$pairs"); do
		one "$verb" "c$i" "c$i" veth &
		pids+=($!)
		one "$verb" "v$i" "c$i" tap &
		pids+=($!)
	done
	flock -u 7
	for i in "${pids[@]}"; do
		wait "$i" || failed=$((failed + 1))
	done
	echo "$failed"
}

one() {
	local verb=$1 id=$2 ns=$3 attach=$4

	flock -s "$TMPDIR/gate" true
	cni "$verb" "$id" "$ns" "$(cat "$TMPDIR/conf.$verb.$id" 2>/dev/null ||
		echo "$config")" CNI_ARGS="ATTACH=$attach"
	[ "$status" = 0 ] || echo "$out" >&2
	[ "$verb" != ADD ] || echo "$out" >"$TMPDIR/out/$id"
	return "$status"
}

for i in $(seq "$pairs"); do
	ns_new "c$i"
done

# cycle: ADD, DEL of all; what is left goes to stdout.
cycle() {
	all ADD >/dev/null
	all DEL >/dev/null
	state c1 "c$pairs"
}
before=$(cycle)

start=$(date +%s%N)
same 0 "$(all ADD)" "$pairs pairs ask at once, and none is refused"
note "$((2 * pairs)) ADDs in $((($(date +%s%N) - start) / 1000000)) ms"
# unique JQ: how many different answers there are.
unique() {
	jq -s "[.[] | $1] | unique | length" "$TMPDIR"/out/*
}
same $((2 * pairs)) "$(unique '.ips[0].address')" \
	"they have $((2 * pairs)) different IPv4 addresses"
same $((2 * pairs)) "$(unique '.ips[1].address')" \
	"and IPv6 addresses"
same $((2 * pairs)) "$(unique '.interfaces[2].mac')" \
	"the guests' MACs are all different"
same $((2 * pairs)) "$(unique '.interfaces[1].mac')" "so are the ports'"
same $((2 * pairs)) "$(unique '.interfaces[1].name')" "and their names"
same "$pairs $pairs" "$(ip -o link show master br0 type veth | wc -l) \
$(ip -o link show master br0 type tun | wc -l)" \
	"all are ports of the one bridge"
same $((4 * pairs)) "$(leases | wc -l)" "as many leases as addresses"
same "1 1 2" "$(ip -4 -o addr show dev br0 | wc -l) \
$(ip -6 -o addr show dev br0 scope global | wc -l) \
$(nft list table inet weft | grep -c masquerade)" \
	"one gateway a family, one rule a subnet"

for id in "$TMPDIR"/out/*; do
	with_prev "$config" "$(cat "$id")" >"$TMPDIR/conf.CHECK.${id##*/}"
done
same 0 "$(all CHECK)" "CHECK is content with every one of them, all at once"
pings "the first container reaches the last" c1 \
	"$(jq -r '.ips[0].address | sub("/.*"; "")' "$TMPDIR/out/c$pairs")"

same 0 "$(all DEL)" "one DEL each, at once, succeeds"
same "" "$(leases)" "and leaves the pool empty"
same "" "$(ip -o link show master br0)" "and no port"
same "$before" "$(state c1 "c$pairs")" "the state is that before"
