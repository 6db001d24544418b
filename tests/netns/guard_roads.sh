#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The guard on the other ports of VMs: behind a splice in a pod, and on a macvtap,
# whose directions are the other way round; on a container's macvlan as well.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/guard.sh
. "$(dirname "$0")/../lib/guard.sh"

for ns in pod guest lan; do
	ns_new $ns
done
ranges='[[{"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.5",
	"rangeEnd": "10.1.0.5"}], [{"subnet": "fd00:1::/64",
	"rangeStart": "fd00:1::5", "rangeEnd": "fd00:1::5"}]]'
peer() {
	ip link add "$1" type veth peer name "$1" netns lan
	ip link set "$1" up
	ip -n lan link set "$1" up
	ip -n lan addr add 10.1.0.9/24 dev "$1"
	ip -n lan addr add fd00:1::9/64 dev "$1" nodad
}

# --- A splice. ---

first=$(conf ".ipam.ranges = $ranges")
add c1 pod "$first"
worked "a pod"
peer lan0
ip link set lan0 master br0
second=$(jq -c --argjson prev "$result" \
	'{cniVersion, name, type: "tap-vm", prevResult: $prev}' <<<"$first")
cni ADD c1 pod "$second"
worked "with a VM in it"
mac=$(ip -n pod -j link show eth0 | jq -r '.[0].address')
same 1 "$(entries)" "the guard knows the VM, not the pod"
guest_vm tap0 "$mac" ip netns exec pod
judge splice
vm_end
check c1 pod "$second"
worked "CHECK is content"
ip netns exec pod tc filter del dev tap0 ingress pref 30560
check c1 pod "$second"
refused 102 "CHECK sees that it is off" weft_guard_from
mkdir -p /var/lib/cni/weft
jq -n '{kind: "cniCacheV1", containerId: "c1", ifName: "eth0",
	networkName: "net1", netns: "/run/netns/pod"}' \
	>/var/lib/cni/weft/net1-c1-eth0
same "guard: on 1 port" "$("$cni_bin/weft" repair)" "weft repair finds it in its pod"
check c1 pod "$second"
worked "CHECK is content again"
rm -r /var/lib/cni/weft
del c1 pod "$second"
worked "DEL of tap-vm"
same 0 "$(all_maps)" "leaves nothing"
cni ADD c1 pod "$second"
worked "ADD again"
del c1 pod "$first"
worked "DEL of the first step alone"
same 0 "$(all_maps)" "leaves nothing of the second's"
ip link del lan0
ip link del br0

# --- A macvtap, and a macvlan. ---

own_dev
ip link add probe0 type veth peer name probe1
if ! ip link add link probe0 name probe2 type macvtap; then
	skip "a macvtap" "this kernel has none"
	exit
fi
ip link del probe0
peer p0
macvtap=$(jq -nc --argjson ranges "$ranges" '{cniVersion: "1.1.0", name: "net2",
	type: "macvlan-vm", master: "p0", attach: "macvtap",
	ipam: {type: "ipam-host-local", ranges: $ranges}}')
add v1 pod "$macvtap"
worked "a VM on a macvtap"
same 1 "$(entries)" "the guard knows it"
exec 9<>"$(jq -r '.interfaces[0].socketPath' <<<"$result")"
guest_vm 9 "$(jq -r '.interfaces[0].mac' <<<"$result")"
judge macvtap
vm_end
exec 9>&-
check v1 pod "$macvtap"
worked "CHECK is content"
ip netns exec pod tc filter del dev eth0 egress pref 30560
check v1 pod "$macvtap"
refused 102 "CHECK sees that it is off" weft_guard_from
del v1 pod "$macvtap"
worked "DEL"
same 0 "$(all_maps)" "leaves nothing"

macvlan=$(jq -c '.attach = "macvlan" | .guard = {antispoof: true}' <<<"$macvtap")
add c1 pod "$macvlan"
worked "a container on a macvlan may be guarded, too"
guest=pod guest_mac=$(jq -r '.interfaces[0].mac' <<<"$result")
judge macvlan
check c1 pod "$macvlan"
worked "CHECK is content"
gc=$(jq -c '."cni.dev/valid-attachments" = []' <<<"$macvlan")
ip -n pod link del eth0
cni GC "" "" "$gc"
worked "GC"
same 0 "$(all_maps)" "forgets it"
