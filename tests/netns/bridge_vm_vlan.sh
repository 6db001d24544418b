#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# bridge-vm and VLANs: who reaches whom, containers and VMs, trunks, a gateway
# inside a VLAN, a bridge that was there before, and what CHECK notices.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

for ns in c1 c2 c3 c4 v1; do
	ns_new "$ns"
done
tap_arp=$(tap_tool tap_arp)

if ! output=$(ip link add name probe type bridge vlan_filtering 1 2>&1); then
	add c1 c1 "$(conf '.vlan = 5')"
	refused 100 "without VLAN filtering in the kernel vlan is refused" \
		"create bridge br0" "VLAN filtering"
	fails "and nothing was made" ip link show dev br0
	ip link add name br0 type bridge
	add c1 c1 "$(conf '.vlan = 5')"
	refused 100 "on a bridge that exists too" br0 \
		"this kernel has no VLAN filtering"
	cni STATUS "" "" "$(conf '.vlan = 5')"
	refused 50 "STATUS says so" br0 "VLAN filtering"
	skip "VLANs" "no bridge VLAN filtering in this kernel"
	exit 0
fi
if ! ip link add link probe name probe.5 type vlan id 5 2>/dev/null; then
	skip "VLANs" "no 802.1Q in this kernel"
	exit 0
fi
ip link del probe

# vlans DEVICE: "100 PVID Egress Untagged" and the like, one a line.
vlans() {
	bridge -j vlan show dev "$1" | jq -r '.[].vlans[] |
		"\(.vlan)\(if .vlanEnd then "-\(.vlanEnd)" else "" end)" +
		"\((.flags // []) | map(" " + .) | join(""))"'
}

reaches() {
	succeeds "$1" ip netns exec "$2" busybox ping -qc1 -W2 "$3"
}

reaches_not() {
	fails "$1" ip netns exec "$2" busybox ping -qc1 -W1 "$3"
}

ip4() {
	jq -r '[.ips[].address | select(contains("."))][0] | split("/")[0]' \
		<<<"$result"
}

access='100 PVID Egress Untagged'

# --- An access VLAN. ---

vlan100=$(conf '.vlan = 100')
add c1 c1 "$vlan100"
worked "ADD into VLAN 100"
p1=$(port) ip1=$(ip4)
is "the bridge filters VLANs" "$(link br0)" \
	'.linkinfo.info_data.vlan_filtering == 1'
same "$access" "$(vlans "$p1")" "the port is in VLAN 100 alone"
check c1 c1 "$vlan100"
worked "CHECK"
result1=$result
add c2 c2 "$vlan100"
ip2=$(ip4)
add c3 c3 "$(conf '.vlan = 200')"
ip3=$(ip4)
worked "ADD into VLAN 200"
add c4 c4 "$(conf)"
worked "and into none"
same "1 PVID Egress Untagged" "$(vlans "$(port)")" \
	"which is the bridge's default VLAN"
reaches "the same VLAN talks" c1 "$ip2"
reaches "the other way too" c2 "$ip1"
reaches_not "another VLAN does not" c3 "$ip1"
reaches_not "nor does the default VLAN" c4 "$ip1"
reaches_not "to another one either" c4 "$ip3"

# --- What CHECK notices, one damage at a time. ---

damage() {
	local name=$1 words=$2

	shift 2
	"$@"
	result=$result1
	check c1 c1 "$vlan100"
	# shellcheck disable=SC2086 # one word each
	refused 102 "CHECK: $name" $words
	bridge vlan del dev "$p1" vid 1-99
	bridge vlan del dev "$p1" vid 101-4094
	bridge vlan add dev "$p1" vid 100 pvid untagged
	ip link set br0 type bridge vlan_filtering 1
	check c1 c1 "$vlan100"
	worked "repaired"
}

damage "the VLAN is gone" "$p1 100 absent" bridge vlan del dev "$p1" vid 100
damage "it is no PVID any more" "$p1 100" \
	bridge vlan add dev "$p1" vid 100 untagged
damage "it is tagged" "$p1 100" bridge vlan add dev "$p1" vid 100 pvid
damage "there is another one" "$p1 300" bridge vlan add dev "$p1" vid 300
damage "the bridge does not filter" "br0 filter" \
	ip link set br0 type bridge vlan_filtering 0

cni DEL c1 c1 "$vlan100"
cni DEL c2 c2 "$vlan100"
cni DEL c3 c3 "$vlan100"
worked "DEL"
cni DEL c4 c4 "$vlan100"
same "" "$(ip -o link show master br0)" "no port is left"

# --- Trunks. ---

# tagged NS VID ADDRESS: an 802.1Q device inside.
tagged() {
	ip -n "$1" link add link eth0 name "eth0.$2" type vlan id "$2"
	ip -n "$1" address add "$3" dev "eth0.$2"
	ip -n "$1" link set "eth0.$2" up
}

l2=$(conf 'del(.ipam)')
trunk=$(jq -c '.vlanTrunk = [{minID: 10, maxID: 12}, {id: 50}]' <<<"$l2")
add c1 c1 "$trunk"
worked "ADD of a trunk"
same $'1 PVID Egress Untagged\n10\n11\n12\n50' "$(vlans "$(port)")" \
	"it has its VLANs tagged, and the first one untagged, as upstream's"
check c1 c1 "$trunk"
worked "CHECK"
bridge vlan del dev "$(port)" vid 11
check c1 c1 "$trunk"
refused 102 "CHECK: a VLAN of the trunk is gone" 11 absent tagged
bridge vlan add dev "$(port)" vid 11
add c2 c2 "$(jq -c '.vlan = 11' <<<"$l2")"
add c3 c3 "$(jq -c '.vlan = 13' <<<"$l2")"
tagged c1 11 192.0.2.1/24
tagged c1 13 198.51.100.1/24
ip -n c2 address add 192.0.2.2/24 dev eth0
ip -n c3 address add 198.51.100.3/24 dev eth0
reaches "a trunk's tagged frames reach their VLAN" c1 192.0.2.2
reaches "and back" c2 192.0.2.1
reaches_not "what is not on the trunk is out of reach" c1 198.51.100.3
for ns in c1 c2 c3; do
	cni DEL "$ns" "$ns" "$l2"
done

native=$(jq -c '.vlan = 11 | .vlanTrunk = [{minID: 10, maxID: 12}]' <<<"$l2")
add c1 c1 "$native"
same $'10\n11 PVID Egress Untagged\n12' "$(vlans "$(port)")" \
	"a native VLAN within the trunk stays native"
check c1 c1 "$native"
worked "CHECK"
cni DEL c1 c1 "$l2"
keep=$(jq -c '.vlan = 11 | .preserveDefaultVlan = true' <<<"$l2")
add c1 c1 "$keep"
same $'1 Egress Untagged\n11 PVID Egress Untagged' "$(vlans "$(port)")" \
	"preserveDefaultVlan"
check c1 c1 "$keep"
worked "CHECK"
cni DEL c1 c1 "$l2"
keep=$(jq -c '.vlanTrunk = [{id: 7}] | .preserveDefaultVlan = true' <<<"$l2")
add c1 c1 "$keep"
same $'1 PVID Egress Untagged\n7' "$(vlans "$(port)")" "and with a trunk"
check c1 c1 "$keep"
worked "CHECK"
cni DEL c1 c1 "$l2"

# --- VMs: an access VLAN, a trunk, a VLAN per attachment. ---

add c1 c1 "$(conf '.vlan = 100')"
ip1=$(ip4)
vm=$(conf '.attach = "tap" | .vlan = 100')
add v1 v1 "$vm"
worked "ADD of a VM into VLAN 100"
same "$access" "$(vlans "$(port)")" "its tap is in VLAN 100 alone"
check v1 v1 "$vm"
worked "CHECK"
mac=$(jq -r '.interfaces[2].mac' <<<"$result")
succeeds "the VM reaches the container of VLAN 100" \
	"$tap_arp" "$(port)" "$mac" "$(ip4)" "$ip1"
fails "not with a tag of its own choice" \
	"$tap_arp" "$(port)" "$mac" "$(ip4)" "$ip1" 100
cni DEL v1 v1 "$vm"
vm=$(conf '.attach = "tap" | .vlan = 200')
add v1 v1 "$vm"
fails "a VM of VLAN 200 does not" \
	"$tap_arp" "$(port)" "$mac" "$(ip4)" "$ip1"
cni DEL v1 v1 "$vm"
vm=$(conf '.attach = "tap" | .vlanTrunk = [{id: 100}]')
add v1 v1 "$vm"
succeeds "a VM on a trunk does, tagged" \
	"$tap_arp" "$(port)" "$mac" "$(ip4)" "$ip1" 100
fails "and without a tag not" "$tap_arp" "$(port)" "$mac" "$(ip4)" "$ip1"
cni DEL v1 v1 "$vm"

asked=$(conf '.attach = "tap" | .perAttachment = ["vlan"]')
add v1 v1 "$asked" CNI_ARGS="VLAN=100"
worked "a VLAN asked for by CNI_ARGS"
same "$access" "$(vlans "$(port)")" "is the tap's"
check v1 v1 "$asked" CNI_ARGS="VLAN=100"
worked "CHECK"
cni DEL v1 v1 "$asked"
add v1 v1 "$(jq -c '.args.cni.vlan = 100' <<<"$asked")" CNI_ARGS="VLAN=7"
same "$access" "$(vlans "$(port)")" "args.cni.vlan counts more"
cni DEL v1 v1 "$asked"
add v1 v1 "$(conf '.attach = "tap"')" CNI_ARGS="VLAN=7"
refused 7 "where the network does not list it, it is refused" 7 net1 \
	perAttachment
cni DEL c1 c1 "$vm"

# --- A gateway inside a VLAN. ---

gw=$(conf '.vlan = 100 | .isDefaultGateway = true | .ipMasq = true')
add c1 c1 "$gw"
worked "ADD with a gateway in VLAN 100"
has "it is reported as upstream reports it" '
	(.interfaces | length == 4) and (.ips | all(.interface == 2)) and
	.interfaces[3].name == "br0.100" and
	(.interfaces[3] | has("sandbox") | not) and
	.interfaces[3].mac == .interfaces[0].mac'
result1=$result p1=$(port)
is "it is an 802.1Q device on the bridge" "$(link br0.100)" '
	.linkinfo.info_kind == "vlan" and .linkinfo.info_data.id == 100 and
	.link == "br0" and (.flags | any(. == "UP"))'
same "" "$(ip -o -4 address show dev br0)" "the bridge has no address"
pings "the gateway answers" c1 10.1.0.1
pings "in IPv6 too" c1 fd00:1::1
check c1 c1 "$gw"
worked "CHECK"
ns_new lan
ip link add lan0 type veth peer name eth0 netns lan
ip address add 203.0.113.1/24 dev lan0
ip link set lan0 up
ip -n lan address add 203.0.113.2/24 dev eth0
ip -n lan link set eth0 up
pings "masquerade beyond it" c1 203.0.113.2

gw_damage() {
	local name=$1 words=$2

	shift 2
	"$@"
	result=$result1
	check c1 c1 "$gw"
	# shellcheck disable=SC2086 # one word each
	refused 102 "CHECK: $name" $words
	cni ADD c2 c2 "$gw"
	cni DEL c2 c2 "$gw"
	check c1 c1 "$(with_prev "$gw" "$result1")"
	result=$result1
	check c1 c1 "$gw"
	worked "the next ADD repairs that"
}

gw_damage "the bridge left the VLAN" "br0 100 absent" \
	bridge vlan del dev br0 vid 100 self
gw_damage "the gateway's device is down" "br0.100 down" \
	ip link set br0.100 down
gw_damage "the gateway's address is gone" "br0.100 10.1.0.1" \
	ip address del 10.1.0.1/24 dev br0.100
gw_damage "the gateway's device is gone" "br0.100 not found" \
	ip link del br0.100
is "weft network ls knows the gateway" \
	"$("$cni_bin/weft" network ls --json)" '.[0] |
	.addresses == ["10.1.0.1/24", "fd00:1::1/64"] and
	(.masquerade | sort) == ["10.1.0.0/24", "fd00:1::/64"]'
cni DEL c1 c1 "$gw"
worked "DEL"
succeeds "weft network rm" "$cni_bin/weft" network rm net1
fails "takes the gateway's device" ip link show dev br0.100
fails "and the bridge" ip link show dev br0

ip link add name br0 type bridge
ip link add name br0.100 type dummy
add c1 c1 "$gw"
refused 101 "something else of that name is refused" br0.100 100
fails "and no port is left" ip link show dev "$p1"
same "" "$(leases)" "nor a lease"
ip link del br0.100
ip link del br0

first=$(conf '.vlan = 1 | .isGateway = true')
add c1 c1 "$first"
worked "in the bridge's own VLAN the gateway is the bridge itself"
has "and there is no device more" '.interfaces | length == 3'
pings "it answers" c1 10.1.0.1
check c1 c1 "$first"
worked "CHECK"
cni DEL c1 c1 "$first"
ip link del br0

# --- A bridge that is there already, and does not filter. ---

ns_new old
ip link add name br0 type bridge
ip link set br0 up
ip address add 192.0.2.1/24 dev br0
ip link add old0 master br0 type veth peer name eth0 netns old
ip link set old0 up
ip -n old address add 192.0.2.2/24 dev eth0
ip -n old link set eth0 up
reaches "a bridge with a port of somebody's" old 192.0.2.1
add c1 c1 "$(conf '.vlan = 100')"
worked "ADD into VLAN 100 of it"
is "it filters now" "$(link br0)" \
	'.linkinfo.info_data.vlan_filtering == 1'
reaches "who was there is not cut off" old 192.0.2.1
ip -n c1 address add 192.0.2.3/24 dev eth0
reaches_not "and apart from VLAN 100" c1 192.0.2.2
cni DEL c1 c1 "$l2"
ip link del br0

ip link add name br0 type bridge vlan_default_pvid 0
ip link set br0 up
ip address add 192.0.2.1/24 dev br0
ip link set old0 master br0 2>/dev/null || {
	ip link add old0 master br0 type veth peer name eth1 netns old
	ip -n old link set eth1 up
}
ip link set old0 up
reaches "a bridge without a default VLAN" old 192.0.2.1
add c1 c1 "$(conf '.vlan = 100')"
worked "ADD into VLAN 100 of it"
reaches "nobody is cut off there either" old 192.0.2.1
cni DEL c1 c1 "$l2"
ip link del br0
