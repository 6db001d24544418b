#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The guard on every kind of port: who is honest reaches the others, who poses as
# another does not; it is there before the port is up, and goes with it.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

# shellcheck source=tests/lib/guard.sh
. "$(dirname "$0")/../lib/guard.sh"

for ns in peer pod guest lan; do
	ns_new $ns
done
maps=$guard_maps

# --- A container asks for it; a VM has it. ---

ipam='.ipam.ranges = [[{subnet: "10.1.0.0/24", rangeStart: "10.1.0.5",
	rangeEnd: "10.1.0.5"}], [{subnet: "fd00:1::/64", rangeStart: "fd00:1::5",
	rangeEnd: "fd00:1::5"}]]'
plain=$(conf '.isGateway = true | '"$ipam")
add peer peer "$plain"
worked "a container's port has no guard of itself"
same 0 "$(entries)" "nothing was loaded for it"
del peer peer "$plain"

ip link add lan0 type veth peer name eth0 netns lan
ip link set lan0 master br0
ip link set lan0 up
ip -n lan link set eth0 up
ip -n lan addr add 10.1.0.9/24 dev eth0
ip -n lan addr add fd00:1::9/64 dev eth0 nodad
before=$(state pod)

guarded=$(conf '.isGateway = true | .guard = {antispoof: true} | '"$ipam")
add c1 pod "$guarded"
worked "a container may have one, too"
guest=pod
guest_mac=$(jq -r '.interfaces[2].mac' <<<"$result")
same 1 "$(entries)" "the guard knows it"
judge veth
check c1 pod "$guarded"
worked "CHECK is content"
del c1 pod "$guarded"
worked "DEL"
same 0 "$(all_maps)" "nothing is left of it in any map"

vm=$(conf '.attach = "tap" | .isGateway = true | '"$ipam")
add v1 guest "$vm"
worked "a VM is guarded without a word"
guest_vm "$(port)" "$(jq -r '.interfaces[2].mac' <<<"$result")"
judge tap
is "weft ls tells what was dropped, and why" \
	"$("$cni_bin/weft" ls --json net1)" '.[0].guard | .sent > 0 and
	.received > 0 and .dropped.mac > 0 and .dropped.arp > 0 and
	.dropped."ipv6-source" > 0 and (.dropped | has("router") | not)'
vm_end

# --- CHECK sees each damage. ---

p=$(port)
damaged() {
	check v1 guest "$vm"
	refused 102 "CHECK: $1" "guard of interface" "$2"
	del v1 guest "$vm"
	add v1 guest "$vm"
	p=$(port)
}
tc filter del dev "$p" ingress pref 30560
damaged "what it sends is not looked at" "weft_guard_from is missing"
tc filter del dev "$p" egress pref 30560
damaged "nor what it is sent" "weft_guard_to is missing"
key() {
	printf '%08x' "$(jq .ifindex <<<"$(link "$p")")" |
		sed 's/\(..\)\(..\)\(..\)\(..\)/0x\4 0x\3 0x\2 0x\1/'
}
# shellcheck disable=SC2046 # bytes, one word each
bpftool map delete pinned $maps/weft_guests key $(key)
damaged "the guard does not know it" "is missing"
# shellcheck disable=SC2046
bpftool map delete pinned $maps/weft_counts key $(key)
damaged "nothing is counted" "counters are missing"
check v1 guest "$vm"
worked "and undamaged it is content"
tc filter add dev "$p" ingress pref 40000 protocol all u32 match u32 0 0 \
	flowid 1:1
check v1 guest "$vm"
worked "also beside somebody else's filter"

# --- Put back, and renewed. ---

tag_of() {
	tc -j filter show dev "$p" "$1" pref 30560 |
		jq -r 'map(select(.options))[0].options.prog.tag'
}
tags="$(tag_of ingress) $(tag_of egress)"
tc filter del dev "$p" egress pref 30560
tc filter replace dev "$p" ingress pref 30560 handle 1 protocol all \
	bpf direct-action object-pinned "$(ls -d /sys/fs/bpf/weft/*/weft_to)"
fails "another program in its place" test "$tags" = "$(tag_of ingress) $(tag_of egress)"
same "guard: on 1 port" "$("$cni_bin/weft" repair)" "weft repair says where it is again"
same "$tags" "$(tag_of ingress) $(tag_of egress)" "both programs are back"
check v1 guest "$vm"
worked "CHECK is content"

# --- Closed where it is not known. ---

guest_vm "$p" "$(jq -r '.interfaces[2].mac' <<<"$result")"
tc filter del dev "$p" ingress pref 40000
succeeds "known, it is answered" until_heard 10.1.0.9
# shellcheck disable=SC2046
bpftool map delete pinned $maps/weft_guests key $(key)
fails "unknown, it is not" hears 10.1.0.9
vm_end
del v1 guest "$vm"
worked "DEL without its entry"
same 1 "$(all_maps)" "leaves but the claim to its link-local address"

# --- GC, and attachments that share a network. ---

two=$(conf '.attach = "tap"')
add v1 guest "$two"
add v2 guest "$two"
same 2 "$(entries)" "two VMs"
ip link del "$(port)"
gc=$(jq -c '."cni.dev/valid-attachments" = [{containerID: "v1",
	ifname: "eth0"}]' <<<"$two")
cni GC "" "" "$gc"
worked "GC"
same 1 "$(entries)" "forgets who has no port any more"
cni DEL v1 "" "$(conf)"
worked "DEL with neither namespace nor prevResult nor attach"
same 0 "$(all_maps)" "leaves nothing"

# --- What is asked for besides. ---

routes=$(conf '.attach = "tap" | .guard = {allowedAddresses: ["10.1.0.64/26",
	"fd00:1:0:0:7::/80"]} | '"$ipam")
add v1 guest "$routes"
worked "a guest that routes"
guest_vm "$(port)" "$(jq -r '.interfaces[2].mac' <<<"$result")"
succeeds "sends from its networks" with_address 10.1.0.70/24 10.1.0.5/24 \
	until_heard 10.1.0.9
succeeds "of both families" with_address fd00:1:0:0:7::1/64 fd00:1::5/64 \
	until_heard fd00:1::9
fails "and from no other" with_address 10.1.0.60/24 10.1.0.5/24 hears 10.1.0.9
check v1 guest "$routes"
worked "CHECK knows them"
vm_end
del v1 guest "$routes"

off=$(conf '.attach = "tap" | .guard = {antispoof: false, addressing: false} | '"$ipam")
add v1 guest "$off"
worked "who wants no guard has none"
same 0 "$(entries)" "the guard does not know it"
guest_vm "$(port)" "$(jq -r '.interfaces[2].mac' <<<"$result")"
succeeds "and it may be anybody" with_address 10.1.0.6/24 10.1.0.5/24 \
	until_heard 10.1.0.9
vm_end
del v1 guest "$off"

layer2=$(conf '.attach = "tap" | del(.ipam)')
add v1 guest "$layer2"
worked "without an IPAM plugin"
guest_vm "$(port)" "$(jq -r '.interfaces[2].mac' <<<"$result")"
succeeds "any address will do" with_address 10.1.0.6/24 10.1.0.5/24 \
	until_heard 10.1.0.9
fails "but no other MAC" with_mac 02:00:00:00:00:77 hears 10.1.0.9
vm_end
del v1 guest "$layer2"
same "$before" "$(state pod)" "everything is as it was"

ip link del lan0
rm -rf /var/lib/cni/networks/net1
succeeds "weft network rm" "$cni_bin/weft" network rm net1
same 0 "$(for map in "$guard_maps"/*; do
	[[ $map = *_watche* ]] || bpftool -j map dump pinned "$map"
done | jq -s 'add | length')" "takes what the bridge claims"

# --- Where there can be none. ---

umount /sys/fs/bpf
mount -t tmpfs -o ro none /sys/fs/bpf
add v1 guest "$off"
worked "without bpffs, who wants no guard is served"
del v1 guest "$off"
worked "and DELeted"
umount /sys/fs/bpf
add v1 guest "$vm"
worked "where nobody has mounted bpffs, ADD does"
succeeds "at the usual place" mountpoint -q /sys/fs/bpf
del v1 guest "$vm"
same 0 "$(all_maps)" "and DEL cleans up"
umount /sys/fs/bpf
no_bpf() {
	setpriv --bounding-set -sys_admin,-bpf --inh-caps -sys_admin,-bpf "$@"
}
state_before=$(state)
out=$(no_bpf env CNI_COMMAND=ADD CNI_CONTAINERID=v1 CNI_IFNAME=eth0 \
	CNI_NETNS=/run/netns/guest CNI_PATH="$cni_bin" "$cni_bin/bridge-vm" \
	<<<"$vm" 2>"$TMPDIR/stderr") && status=0 || status=$?
cni_last="ADD v1"
refused 100 "where it cannot be loaded, ADD fails and says so" guard
same "$state_before" "$(state)" "nothing is left"
