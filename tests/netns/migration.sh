#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# "onConflict": "silent": a VM that moves to another VMM on the same network, or
# does not in the end.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

for ns in c1 v1 v2 v3 g1 g2; do
	ns_new $ns
done
vmm_tool=$(tap_tool vmm)
tap_open=$(tap_tool)
network='.isGateway = true | .macspoofchk = true'
config=$(conf "$network | .attach = \"tap\" | .allocationKey = \"vm1\" |
	.onConflict = \"silent\"")
declare -A results=() vmm=()

# attach ID CONFIG
attach() {
	add "$1" "$1" "$2"
	results[$1]=$result
}

# vm_start ID NS: its guest runs, in NS, with the addresses of the result.
vm_start() {
	local address

	: >"$TMPDIR/vmm.out"
	"$vmm_tool" "$(jq -r '.interfaces[1].name' <<<"${results[$1]}")" \
		"/run/netns/$2" "$(jq -r '.interfaces[2].mac' \
			<<<"${results[$1]}")" >"$TMPDIR/vmm.out" &
	vmm[$1]=$!
	until grep -qs ready "$TMPDIR/vmm.out"; do sleep 0.05; done
	ip -n "$2" link set eth0 up
	for address in $(jq -r '.ips[].address' <<<"${results[$1]}"); do
		ip -n "$2" addr add "$address" dev eth0 nodad 2>/dev/null ||
			ip -n "$2" addr add "$address" dev eth0
	done
}

vm_stop() {
	kill "${vmm[$1]}"
	wait "${vmm[$1]}" 2>/dev/null || true
}

# vm_wait ID: a VMM that waits for its guest has the tap open, and is silent.
vm_wait() {
	exec 8> >("$tap_open" \
		"$(jq -r '.interfaces[1].name' <<<"${results[$1]}")" \
		single hold >/dev/null)
	vmm[$1]=$!
}

vm_wait_ends() {
	exec 8>&-
	wait "${vmm[$1]}" 2>/dev/null || true
}

# at: by which attachment's tap the bridge reaches the guest.
at() {
	local id port

	port=$(bridge fdb show br br0 | sed -n "s/^$mac dev \\([^ ]*\\) .*/\\1/p")
	for id in "${!results[@]}"; do
		[ "$port" != "$(jq -r '.interfaces[1].name' \
			<<<"${results[$id]}")" ] || echo "$id"
	done
}

# while_asked COMMAND: how many percent of 40 echo requests to the guest were
# $lost meanwhile.
while_asked() {
	local ping

	ip netns exec c1 busybox ping -q -i 0.05 -c 40 -W 1 10.1.0.3 \
		>"$TMPDIR/ping" &
	ping=$!
	sleep 0.3
	"$@"
	wait $ping || true
	lost=$(sed -n 's/.* received, \([0-9]*\)% packet loss.*/\1/p' \
		"$TMPDIR/ping")
}

arrives() {
	attach v2 "$config"
	worked "ADD of where the VM is to come, while it lives elsewhere"
	vm_wait v2
}

# --- It comes. ---

attach c1 "$(conf "$network")"
attach v1 "$config"
worked "ADD"
mac=$(jq -r '.interfaces[2].mac' <<<"$result")
vm_start v1 g1
pings "it is reached (IPv4)" c1 10.1.0.3
pings "it is reached (IPv6)" c1 fd00:1::3
while_asked arrives
same 0 "$lost" "not one frame was lost by that"
same v1 "$(at)" "the bridge knows the VM where it was"
same "$(jq -c '[.interfaces[2].mac, .ips]' <<<"${results[v1]}")" \
	"$(jq -c '[.interfaces[2].mac, .ips]' <<<"${results[v2]}")" \
	"both have one MAC and one set of addresses"
for id in v1 v2; do
	result=${results[$id]}
	check $id $id "$config"
	worked "CHECK of $id"
done
attach v3 "$config"
refused 101 "a third one is refused" vm1 "v2 waits"
unset "results[v3]"
add v3 v3 "$(jq -c '.onConflict = "refuse"' <<<"$config")"
refused 101 "and a second one without the key" vm1 v1
kill -STOP "${vmm[v1]}"
vm_wait_ends v2
vm_start v2 g2
succeeds "its guest speaks" ip netns exec g2 busybox ping -q -c 1 -W 2 10.1.0.1
same v2 "$(at)" "the bridge knows it where it is now"
pings "and it is reached there (IPv4)" c1 10.1.0.3
pings "and it is reached there (IPv6)" c1 fd00:1::3
kill -CONT "${vmm[v1]}"
vm_stop v1
ip -n g1 link del eth0 2>/dev/null || true
cni DEL v1 v1 "$config"
worked "DEL of where it was"
pings "leaves it its addresses (IPv4)" c1 10.1.0.3
pings "leaves it its addresses (IPv6)" c1 fd00:1::3
result=${results[v2]}
check v2 v2 "$config"
worked "CHECK finds them its own"
same v2 "$("$cni_bin/weft" lease ls net1 --json | jq -r '.[].containerID')" \
	"and weft lease ls says so"
unset "results[v1]"

# --- It does not, and stays. ---

attach v1 "$config"
worked "ADD of where it came from"
cni DEL v1 v1 "$config"
worked "DEL of that, since the VM has stayed"
unset "results[v1]"
result=${results[v2]}
check v2 v2 "$config"
worked "CHECK"
pings "it is where it was" c1 10.1.0.3
vm_stop v2
cni DEL v2 v2 "$config"
same "null 10.1.0.3,fd00:1::3" "$("$cni_bin/weft" lease ls net1 --json |
	jq -r '.[] | "\(.containerID) \(.addresses | join(","))"')" \
	"DEL leaves the addresses to the VM's name"

# --- Whom it is not for. ---

cni ADD v1 v1 "$(jq -c '.attach = "veth"' <<<"$config")"
refused 7 "a container" onConflict silent vm1
ip link add p0 type veth peer name p1
cni ADD v1 v1 "$(conf '.type = "macvlan-vm" | .master = "p0" | .name = "net2" |
	.allocationKey = "vm1" | .onConflict = "silent" | del(.bridge)')"
refused 2 "a guest of macvlan-vm" onConflict silent
