#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A VM of QEMU on a macvtap, by descriptors, beside a container on a macvlan of
# the same parent and pool: ping and HTTP both ways, its reboot, the VMM killed
# and started again, DEL while it runs.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/road.sh
. "$(dirname "$0")/../lib/road.sh"

ns_new c1
ns_new vm1
ns_new lan
ip link add p0 mtu 9000 type veth peer name p0 mtu 9000 netns lan
ip link set p0 up
ip -n lan link set p0 up
ip addr add 10.1.0.1/24 dev p0
ip addr add fd00:1::1/64 dev p0 nodad
vm_build

# /dev is one for all who run this at a time.
net=n$(tr -d - </proc/sys/kernel/random/uuid | cut -c1-12)
config=$(jq -nc --arg net "$net" '{
	cniVersion: "1.1.0", name: $net, type: "macvlan-vm", master: "p0",
	hostAccess: true, perAttachment: ["attach"],
	macvtap: {queues: 4, owner: 107},
	ipam: {type: "ipam-host-local", ranges:
		[[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]]}}')

before=$(state c1 vm1 lan)
add c1 c1 "$config" CNI_ARGS=ATTACH=macvlan
worked "ADD of a container"
mapfile -t c1 < <(jq -r '.ips[].address' <<<"$out")
road_container c1 "${c1[@]}"
add vm1 vm1 "$config" CNI_ARGS=ATTACH=macvtap
worked "ADD of a VM"
node=$(jq -r '.interfaces[0].socketPath' <<<"$out")
mac=$(jq -r '.interfaces[0].mac' <<<"$out")
addresses=$(jq -r '[.ips[].address] | join(",")' <<<"$out")
mapfile -t road_guest < <(jq -r '.ips[].address | sub("/.*"; "")' <<<"$out")

# The first one has four queues, the next one is content with one.
queues=4
vm_up() {
	vm_mtu=9000 vm_start_macvtap vm1 "$node" "$queues" "$mac" \
		"$addresses" "" -smp "$queues" -action reboot=reset
}

vm_kill() {
	same "$mac" "$(vm_says vm1 | tail -n 1 | sed 's/.* has //')" \
		"its MAC is the result's"
	same 4 "$(guest_run vm1 'ls -d1 /sys/class/net/eth0/queues/tx-*' |
		wc -l)" "it has four queues"
	road_jumbo vm1 9000
	check vm1 vm1 "$config" CNI_ARGS=ATTACH=macvtap
	worked "CHECK while it runs"
	guest_end vm1
	check vm1 vm1 "$config" CNI_ARGS=ATTACH=macvtap
	worked "CHECK when the VMM was killed"
	queues=1
}

road_also() {
	local address

	ip neigh flush all
	for address in "${road_guest[@]}"; do
		succeeds "$1: the host reaches $address" \
			busybox ping -qc1 -W5 "$address"
	done
}

road_life vm1
del vm1 vm1 "$config"
worked "DEL while it runs"
fails "the node is gone" test -e "$node"
road_cut_off vm1
ticks() {
	awk '{ print $14 + $15 }' "/proc/${guest_pid[vm1]}/stat"
}
begin=$(ticks)
sleep 2
used=$(($(ticks) - begin))
succeeds "and its VMM does not spin: $used ticks in 2 s" [ "$used" -lt 100 ]
vm_stop vm1
road_end
cni DEL c1 c1 "$config"
rm -rf "$cni_leases"
same "$before" "$(state c1 vm1 lan)" "nothing is left"
