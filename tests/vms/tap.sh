#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A VM of QEMU on bridge-vm's tap, by its name, beside a container on the bridge;
# four queues, frames of 9,000 bytes.
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
vm_build
config=$(conf '.isDefaultGateway = true | .mtu = 9000 | .tap.queues = 4 |
	.macspoofchk = true | .perAttachment = ["attach"]')
add c1 c1 "$config"
cni DEL c1 c1 "$config"
before=$(state c1 vm1)

add c1 c1 "$config"
worked "ADD of a container"
mapfile -t peer < <(jq -r '.ips[].address' <<<"$out")
road_container c1 "${peer[@]}"
add vm1 vm1 "$config" CNI_ARGS=ATTACH=tap
worked "ADD of a VM"
tap=$(port) mac=$(jq -r '.interfaces[2].mac' <<<"$out")
addresses=$(jq -r '[.ips[].address] | join(",")' <<<"$out")
gateways=$(jq -r '[.ips[].gateway] | join(",")' <<<"$out")
mapfile -t road_guest < <(jq -r '.ips[].address | sub("/.*"; "")' <<<"$out")

vm_up() {
	vm_queues=4 vm_mtu=9000 vm_start vm1 "$tap" "$mac" "$addresses" \
		"$gateways" -smp 4 -action reboot=reset
}

vm_kill() {
	guest_end vm1
	check vm1 vm1 "$config" CNI_ARGS=ATTACH=tap
	worked "CHECK when the VMM was killed"
}

road_also() {
	local address

	for address in 10.1.0.1 fd00:1::1; do
		succeeds "$1: the VM reaches its gateway, $address" \
			guest_run vm1 "ping -qc1 -W5 $address"
	done
}

road_life vm1
same 4 "$(guest_run vm1 'ls -d1 /sys/class/net/eth0/queues/tx-*' | wc -l)" \
	"it has four queues"
road_jumbo vm1 9000
check vm1 vm1 "$config" CNI_ARGS=ATTACH=tap
worked "CHECK while it runs"
del vm1 vm1 "$config"
worked "DEL while it runs"
fails "the tap is gone" ip link show dev "$tap"
road_cut_off vm1
vm_stop vm1
road_end
cni DEL c1 c1 "$config"
same "$before" "$(state c1 vm1)" "nothing is left"
