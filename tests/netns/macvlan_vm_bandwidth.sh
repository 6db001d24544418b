#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# How fast a VM on a macvtap may send and receive: what ADD makes of it, and that
# it is true; CHECK, DEL and GC.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/ask.sh
. "$(dirname "$0")/../lib/ask.sh"

for ns in v1 g1 lan; do
	ns_new $ns
done
ip link add p0 type veth peer name p0 netns lan
ip link set p0 up
ip -n lan link set p0 up
ip -n lan addr add 10.1.0.99/24 dev p0
if ! ip link add probe0 type ifb 2>/dev/null ||
	! ip link add link p0 name probe1 type macvtap 2>/dev/null; then
	skip "bandwidth of a macvtap" "no ifb or no macvtap in this kernel"
	exit 0
fi
ip link del probe0
ip link del probe1
net=n$(tr -d - </proc/sys/kernel/random/uuid | cut -c1-12)
# /dev is one for all who run this at a time.
mconf() {
	conf '.name = "'"$net"'" | .type = "macvlan-vm" | .master = "p0" |
		.attach = "macvtap" | del(.bridge) |
		.ipam.ranges = [[{subnet: "10.1.0.0/24"}]] | '"${1:-.}"
}
limits='.runtimeConfig.bandwidth = {ingressRate: 20000000, ingressBurst: 800000,
	egressRate: 10000000, egressBurst: 400000}'
config=$(mconf "$limits")
# qdisc DEVICE: bytes a second and at once.
qdisc() {
	tc -n v1 -j qdisc show dev "$1" root |
		jq -r '.[0].options | "\(.rate) \(.burst)"'
}
ifbs() {
	ip ${1:+-n "$1"} -j link show type ifb | jq -r '.[].ifname' | xargs
}

# --- What is made, and that CHECK and DEL know it. ---

add v1 v1 "$(mconf)"
same "" "$(ifbs v1)$(ifbs)" "without limits nothing is there"
del v1 v1 "$(mconf)"
before=$(state v1 lan)
add v1 v1 "$config"
worked "ADD with limits"
has "its result is as without" '.interfaces | length == 1'
i=$(ifbs v1)
is "what it receives waits beside it, in a device that is marked as ours" \
	"$(link "$i" v1)" '.group == "2003134068" and
	.ifalias == "weft1:macvlan-vm:'"$net"':v1:eth0" and
	(.flags | index("UP")) and (.ifname | test("^ifb[0-9a-f]{11}$"))'
same '2500000 100000' "$(qdisc "$i")" "and passes as many bytes"
same '1250000 50000' "$(qdisc eth0)" "what it sends goes out by the macvtap"
check v1 v1 "$config"
worked "CHECK"
add v1 v1 "$config"
refused 101 "a second ADD is refused"
check v1 v1 "$config"
worked "and has changed nothing"
damaged() {
	local words=$1

	shift
	"$@"
	check v1 v1 "$config"
	refused 102 "CHECK notices: $words" eth0 "$words"
}
damaged "does not go through" tc -n v1 filter del dev eth0 ingress
damaged "not found" ip -n v1 link del "$i"
damaged "not limited" tc -n v1 qdisc del dev eth0 root
cni DEL v1 v1 "$(mconf)"
worked "DEL without limits"
same "$before" "$(state v1 lan)" "leaves nothing"
add v1 v1 "$config"
ip -n v1 link del eth0
cni DEL v1 v1 "$(mconf 'del(.attach)')"
worked "DEL after the macvtap has gone by itself"
same "$before" "$(state v1 lan)" "leaves nothing either"
add v1 v1 "$(jq -c '.runtimeConfig.bandwidth |= {ingressRate, ingressBurst}' \
	<<<"$config")"
same 1 "$(ifbs v1 | wc -w)" "one direction alone"
del v1 v1 "$config"
add v1 v1 "$(jq -c '.runtimeConfig.bandwidth |= {egressRate, egressBurst}' \
	<<<"$config")"
same "" "$(ifbs v1)" "to send needs no other device"
del v1 v1 "$config"
add v1 v1 "$(jq -c '.attach = "macvlan"' <<<"$config")"
refused 2 "a container is refused, whose owner could take it off" 20000000
both=$(jq -c '.perAttachment = ["attach"] | del(.attach)' <<<"$config")
cni STATUS "" "" "$both"
worked "STATUS of a network of both"
add v1 v1 "$both"
refused 2 "of which containers are refused" 20000000
add v1 v1 "$both" CNI_ARGS=ATTACH=macvtap
worked "and VMs are limited"
del v1 v1 "$both" CNI_ARGS=ATTACH=macvtap
same "$before" "$(state v1 lan)" "nothing is left of all that"

# --- In the plugin's own namespace, and GC. ---

own=/proc/self/ns/net
gc() {
	cni GC "" "" "$(jq -c '."cni.dev/valid-attachments" = []' <<<"$config")"
}
add v1 $own "$config"
worked "ADD on the host"
check v1 $own "$config"
worked "CHECK there"
is "weft ls shows it once" "$("$cni_bin/weft" ls --json)" 'length == 1'
cni DEL v1 "" "$(mconf)"
worked "DEL without a namespace"
same "$before" "$(state v1 lan)" "leaves nothing"
add v1 $own "$config"
gc
worked "GC"
same "$before" "$(state v1 lan)" "takes both"
add v1 $own "$config"
ip link del "$(jq -r '.interfaces[0].socketPath | sub("/dev/"; "")' <<<"$out")"
gc
same "" "$(ifbs)" "also when the macvtap is gone"
add v1 $own "$config"
exec 8<>"$(jq -r '.interfaces[0].socketPath' <<<"$out")"
gc
same 1 "$(ifbs | wc -w)" "but not while a VMM has it open"
exec 8>&-
gc
same "$before" "$(state v1 lan)" "nothing is left of all that"

# --- It is true. ---

ask_build
"${CC:-cc}" -D_GNU_SOURCE -O1 -o "$TMPDIR/flow" "$cni_root/tests/lib/flow.c"

# flow FROM TO ADDRESS LIMIT NAME: near so many bits a second, the less where the machine is busy.
flow() {
	local bits line ms=$((test_scale < 100 ? 4000 : 2000))

	coproc SINK { ip netns exec "$2" "$TMPDIR/flow" sink "$3" 5001; }
	read -r line <&"${SINK[0]}" && [ "$line" = ready ]
	ip netns exec "$1" "$TMPDIR/flow" source "$3" 5001 "$ms" || true
	read -r bits <&"${SINK[0]}"
	# shellcheck disable=SC2154 # set by coproc
	wait "$SINK_PID"
	if ((bits > $4 * 70 / 100 && bits < $4 * 115 / 100)); then
		ok "$5: $((bits / 1000)) kbit/s of $(($4 / 1000))"
	else
		nok "$5" "$bits of $4 bits a second"
	fi
}

add v1 v1 "$config"
guest=$(jq -r '.ips[0].address' <<<"$out")
"$cni_root/examples/macvtap/with-fds.sh" \
	"$(jq -r '.interfaces[0].socketPath' <<<"$out")" 1 "$TMPDIR/vmm" %FDS% \
	/run/netns/g1 "$(jq -r '.interfaces[0].mac' <<<"$out")" \
	>"$TMPDIR/vmm.out" &
vmm=$!
until grep -qs ready "$TMPDIR/vmm.out"; do sleep 0.05; done
ip -n g1 link set eth0 up
ip -n g1 addr add "$guest" dev eth0
pings "the VM is on the network" g1 10.1.0.99
flow lan g1 "${guest%/*}" 20000000 "what a VM receives"
flow g1 lan 10.1.0.99 10000000 "what it sends"
kill "$vmm"
wait "$vmm" 2>/dev/null || true
cni DEL v1 v1 "$config"
worked "DEL"
same "" "$(ifbs v1)$(leases "$net")" "and all is gone"
