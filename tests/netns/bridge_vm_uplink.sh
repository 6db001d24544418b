#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# bridge-vm with an uplink: guests on the host's LAN, here a veth whose other
# end is in a namespace that plays the LAN.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

for ns in c1 c2 lan; do
	ns_new "$ns"
done
tap_arp=$(tap_tool tap_arp)

new_uplink() {
	ip link add up0 mtu 1450 type veth peer name eth0 netns lan
	ip link set up0 address 02:aa:00:00:00:01
	ip -n lan link set eth0 up
	ip -n lan address add 10.1.0.200/24 dev eth0
}

new_uplink
up=$(conf '.uplink = "up0" | .mtu = "auto"')

# --- What is refused, before anything is made. ---

before=$(state c1)
add c1 c1 "$(conf '.uplink = "none0"')"
refused 100 "an uplink that is not there" br0 none0
add c1 c1 "$(conf '.uplink = "lo"')"
refused 7 "lo" lo loopback
add c1 c1 "$(conf '.uplink = "br0"')"
refused 7 "the bridge itself" br0
add c1 c1 "$(conf '.uplink = "a/b"')"
refused 7 "what is no name" uplink a/b
add c1 c1 "$(conf '.uplink = 5')"
refused 6 "what is no string" uplink 5
same "$before" "$(state c1)" "and nothing was made"
for addr in 192.0.2.1/24 2001:db8::1/64; do
	[[ $addr != *:* || -e /proc/sys/net/ipv6 ]] || continue
	ip address add "$addr" dev up0
	add c1 c1 "$up"
	refused 101 "an uplink with the address $addr" up0 "$addr"
	cni STATUS "" "" "$up"
	refused 50 "STATUS says so too" up0 "$addr"
	is "it keeps its address" "$(ip -j address show dev up0)" \
		"[.[].addr_info[].local] | any(. == \"${addr%/*}\")"
	ip address del "$addr" dev up0
done
ip link add name other type bridge
ip link set up0 master other
add c1 c1 "$up"
refused 101 "another bridge's port" up0 other
cni STATUS "" "" "$up"
refused 50 "STATUS" up0 other
is "it stays where it is" "$(link up0)" '.master == "other"'
ip link del other
add c1 c1 "$(conf '.uplink = "br9"')"
refused 100 "no bridge was made meanwhile" br9
fails "none at all" ip link show dev br0

# --- Guests on the LAN. ---

ip link set up0 up
ip address add 169.254.7.7/16 dev up0
add c1 c1 "$up"
worked "ADD with an uplink that carries link-local addresses"
same "" "$(ip -o address show dev up0)" "which are flushed"
is "it is a port, and up" "$(link up0)" '.master == "br0" and
	(.flags | any(. == "UP"))'
has "the bridge has its MAC" '.interfaces[0].mac == "02:aa:00:00:00:01"'
same "02:aa:00:00:00:01 1450" \
	"$(link br0 | jq -r '"\(.address) \(.mtu)"')" "and its MTU"
same "1450 1450" "$(link "$(port)" | jq .mtu) $(link eth0 c1 | jq .mtu)" \
	"so have port and guest"
pings "the guest reaches the LAN" c1 10.1.0.200
check c1 c1 "$up"
worked "CHECK"
result1=$result
add c2 c2 "$(jq -c '.attach = "tap"' <<<"$up")"
worked "a VM too"
mac=$(jq -r '.interfaces[2].mac' <<<"$result")
vm_ip=$(jq -r '.ips[0].address | split("/")[0]' <<<"$result")
succeeds "it reaches the LAN" \
	"$tap_arp" "$(port)" "$mac" "$vm_ip" 10.1.0.200
cni DEL c2 c2 "$up"
worked "DEL"
is "the uplink stays" "$(link up0)" '.master == "br0"'

# --- What CHECK notices. ---

damage() {
	local name=$1 words=$2

	shift 2
	"$@"
	result=$result1
	check c1 c1 "$up"
	# shellcheck disable=SC2086 # one word each
	refused 102 "CHECK: $name" $words
	cni ADD c2 c2 "$up"
	cni DEL c2 c2 "$up"
	result=$result1
	check c1 c1 "$up"
	worked "the next ADD repairs that"
}

damage "the uplink is no port any more" "up0 br0" ip link set up0 nomaster
damage "the uplink is down" "up0 down" ip link set up0 down
ip link add name other type bridge
ip link set up0 nomaster
ip link set up0 master other
check c1 c1 "$up"
refused 102 "CHECK: the uplink is on another bridge" up0 br0
ip link del other
ip link del up0
check c1 c1 "$up"
refused 102 "CHECK: the uplink is gone" up0 "not found"
cni STATUS "" "" "$up"
refused 50 "STATUS" up0
cni DEL c1 c1 "$up"
worked "DEL without the uplink"
new_uplink
add c1 c1 "$up"
worked "ADD once it is back"
cni DEL c1 c1 "$up"
succeeds "weft network rm, with nothing but the uplink on it" \
	"$cni_bin/weft" network rm net1
is "frees it" "$(link up0)" 'has("master") | not'
ip link add name br0 type bridge
ip link set br0 address 02:bb:00:00:00:01
add c1 c1 "$(conf '.uplink = "up0"')"
worked "ADD on a bridge that was there"
is "it takes the MAC too" "$(link br0)" '.address == "02:aa:00:00:00:01"'
cni DEL c1 c1 "$up"
ip link del br0

# --- VLANs of the LAN. ---

if ! ip link add name probe type bridge vlan_filtering 1 2>/dev/null; then
	skip "an uplink that is a trunk" \
		"no bridge VLAN filtering in this kernel"
	exit 0
fi
ip link del probe
ip -n lan link add link eth0 name eth0.100 type vlan id 100
ip -n lan address flush dev eth0
ip -n lan address add 10.1.0.200/24 dev eth0.100
ip -n lan link set eth0.100 up
vlan=$(jq -c '.vlan = 100' <<<"$up")
add c1 c1 "$vlan"
worked "ADD into VLAN 100 of the LAN"
pings "the guest reaches it" c1 10.1.0.200
check c1 c1 "$vlan"
worked "CHECK"
bridge vlan del dev up0 vid 100
check c1 c1 "$vlan"
refused 102 "CHECK: the uplink left the VLAN" up0 100
bridge vlan add dev up0 vid 100 pvid untagged
add c2 c2 "$vlan"
worked "ADD where the uplink has the VLAN in its own way"
is "which stays" "$(bridge -j vlan show dev up0)" '[.[].vlans[] |
	select(.vlan == 100)][0].flags | any(. == "PVID")'
check c2 c2 "$vlan"
worked "CHECK"
cni DEL c1 c1 "$vlan"
cni DEL c2 c2 "$vlan"
