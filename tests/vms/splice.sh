#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A VM of QEMU inside a pod's namespace, on tap-vm's tap, behind bridge-vm,
# macvlan-vm and the reference ptp, beside a container of the same network.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/road.sh
. "$(dirname "$0")/../lib/road.sh"

for ns in c1 pod lan; do
	ns_new $ns
done
ip link add p0 mtu 9000 type veth peer name p0 mtu 9000 netns lan
ip link set p0 up
ip -n lan link set p0 up
vm_build
ours=$cni_bin
# QEMU is the pod's, in its namespace.
vm_by=(ip netns exec pod)

# spliced CONF QUEUES: tap-vm's part of the chain.
spliced() {
	jq -c --argjson queues "$2" --argjson prev "$result" '{cniVersion, name,
		type: "tap-vm", tap: {queues: $queues}, prevResult: $prev}' <<<"$1"
}

vm_up() {
	vm_mtu=$mtu vm_queues=$queues vm_start vm1 tap0 "$mac" "$addresses" \
		"$gateways" -smp "$queues" -action reboot=reset
}

vm_kill() {
	guest_end vm1
	check vm1 pod "$conf2"
	worked "CHECK when the VMM was killed"
	# What comes meanwhile is nobody's, and in nobody's way.
	ip netns exec "$road_ns" busybox ping -qc2 -i 0.2 -W1 \
		"${road_guest[0]}" >/dev/null || true
}

# road NAME QUEUES MTU CONF [PREFIXES]: from ADD to DEL. PREFIXES: of the guest's
# addresses, if other than the result's.
road() {
	local name=$1 queues=$2 mtu=$3 conf1=$4 conf2 mac addresses gateways

	echo "# behind $name"
	cni_bin=$first cni ADD c1 c1 "$conf1"
	worked "$name: ADD of a container"
	mapfile -t peer < <(jq -r '.ips[].address' <<<"$out")
	road_container c1 "${peer[@]}"
	cni_bin=$first cni ADD vm1 pod "$conf1"
	worked "ADD of a pod"
	conf2=$(spliced "$conf1" "$queues")
	add vm1 pod "$conf2"
	worked "and of a VM in it"
	mac=$(jq -r 'first(.interfaces[] | select(.name == "eth0")).mac' \
		<<<"$out")
	addresses=$(jq -r --arg to "${5-}" '[.ips[].address |
		if $to == "" then . else sub("/.*"; "") + (if test(":")
		then "/128" else "/32" end) end] | join(",")' <<<"$out")
	gateways=$(jq -r '[.ips[].gateway // empty] | join(",")' <<<"$out")
	mapfile -t road_guest < <(jq -r \
		'.ips[].address | sub("/.*"; "")' <<<"$out")

	road_life vm1
	same "$mac" "$(vm_says vm1 | sed 's/.* has //')" \
		"its MAC is the pod's interface's"
	road_jumbo vm1 "$mtu"
	check vm1 pod "$conf2"
	worked "CHECK while it runs"
	del vm1 pod "$conf2"
	worked "DEL while it runs"
	road_cut_off vm1
	vm_stop vm1
	road_end
	cni_bin=$first cni DEL vm1 pod "$conf1"
	cni_bin=$first cni DEL c1 c1 "$conf1"
	same "lo lo" "$(for ns in pod c1; do ip -n $ns -o link; done |
		sed 's/^[0-9]*: \([^:]*\):.*/\1/' | xargs)" \
		"$name: nothing is left in the pod"
	same "" "$(leases)" "nor an address"
}

first=$ours
road bridge-vm 4 9000 "$(conf '.isDefaultGateway = true | .mtu = 9000 |
	.macspoofchk = true')"
ip link del br0
road macvlan-vm 1 9000 "$(conf '.type = "macvlan-vm" | .master = "p0" |
	del(.bridge)')"
if first=$(cache_reference_plugins); then
	# Guests reach each other by the host alone.
	road ptp 1 1500 "$(conf '.type = "ptp" | .cniVersion = "1.0.0" |
		.mtu = 1500 | .ipam.type = "host-local" | .ipam.routes =
		[{dst: "0.0.0.0/0"}, {dst: "::/0"}] | del(.bridge)')" host
else
	skip "behind the reference ptp" "no reference plugins"
fi
