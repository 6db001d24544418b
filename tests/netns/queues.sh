#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Queues: of a VM's device, as the network is configured, against VMMs that open
# it with one and with four. A tap is multi-queue exactly where more than one is
# asked for, and takes no VMM that thinks otherwise; a macvtap takes each.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

tap_open=$(tap_tool)
ns_new v1

# opens NAME NS PATH QUEUES works|ERROR: a VMM that runs in NS. Firecracker and
# Cloud Hypervisor, like QEMU, ask for IFF_MULTI_QUEUE when they want several.
opens() {
	local got

	got=$(nsenter --net="${2:-/proc/self/ns/net}" "$tap_open" "$3" "$4" \
		2>&1 >/dev/null) && got=works
	same "$5" "${got##*: }" "$1 opened with $4: $5"
}

# multi_queue LINK QUEUES
multi_queue() {
	is "queues ${2:-unset}: IFF_MULTI_QUEUE is $([ "${2:-1}" -gt 1 ] &&
		echo on || echo off)" "$1" \
		".linkinfo.info_data.multi_queue == (${2:-1} > 1)"
}

refusal='Invalid argument'
for queues in '' 1 2 4; do
	if [ "${queues:-1}" = 1 ]; then
		one=works four=$refusal
	else
		one=$refusal four=works
	fi
	set_queues=${queues:+".tap.queues = $queues"}
	set_queues=${set_queues:-.}

	config=$(conf ".attach = \"tap\" | $set_queues")
	add v1 v1 "$config"
	multi_queue "$(link "$(port)")" "$queues"
	opens "a tap of queues ${queues:-unset}" '' "$(port)" 1 "$one"
	opens "a tap of queues ${queues:-unset}" '' "$(port)" 4 "$four"
	check v1 v1 "$config"
	worked "CHECK after that"
	del v1 v1 "$config"
	worked "DEL"

	config=$(conf)
	add v1 v1 "$config"
	chained=$(with_prev "$config" | jq -c ".type = \"tap-vm\" | $set_queues")
	cni ADD v1 v1 "$chained"
	multi_queue "$(link tap0 v1)" "$queues"
	opens "tap-vm's, ${queues:-unset}" /run/netns/v1 tap0 1 "$one"
	opens "tap-vm's, ${queues:-unset}" /run/netns/v1 tap0 4 "$four"
	check v1 v1 "$chained"
	worked "CHECK after that"
	cni DEL v1 v1 "$chained"
	cni DEL v1 v1 "$config"
done
ip link del br0

ip link add p0 type veth peer name p1
ip link set p0 up
ip link set p1 up
if ! ip link add link p0 name probe type macvtap; then
	skip "macvtaps" "this kernel has none"
	exit
fi
ip link del probe
# /dev is one for all who run this at a time.
net=n$(tr -d - </proc/sys/kernel/random/uuid | cut -c1-12)
for queues in 1 4; do
	config=$(conf '.name = "'"$net"'" | .type = "macvlan-vm" |
		.master = "p0" | .attach = "macvtap" | del(.bridge) |
		.macvtap.queues = '$queues)
	add v1 v1 "$config"
	node=$(jq -r '.interfaces[0].socketPath' <<<"$out")
	is "a macvtap of $queues" "$(link eth0 v1)" \
		".num_tx_queues == $queues and .num_rx_queues == $queues"
	for opener in 1 4; do
		opens "a macvtap of $queues" '' "$node" $opener works
	done
	check v1 v1 "$config"
	worked "CHECK after that"
	del v1 v1 "$config"
	worked "DEL"
done
same "" "$(leases "$net")$(leases)" "no address is left"
