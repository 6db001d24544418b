#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# bridge-vm: what its ports and the bridge are told beside VLANs: hairpin,
# isolation, promiscuity, the spoof check, duplicate address detection, MTU.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

for ns in c1 c2 c3; do
	ns_new "$ns"
done
tap_arp=$(tap_tool tap_arp)

ip4() {
	jq -r '[.ips[].address | select(contains("."))][0] | split("/")[0]' \
		<<<"$result"
}

guards() {
	nft list ruleset netdev
}

reaches() {
	succeeds "$1" ip netns exec "$2" busybox ping -qc1 -W2 "$3"
}

reaches_not() {
	fails "$1" ip netns exec "$2" busybox ping -qc1 -W1 "$3"
}

# damaged NAME CONF WORDS COMMAND...: CHECK of c1 sees what it does.
damaged() {
	local name=$1 config=$2 words=$3

	shift 3
	check c1 c1 "$config"
	worked "CHECK, before: $name"
	"$@"
	check c1 c1 "$config"
	# shellcheck disable=SC2086 # one word each
	refused 102 "CHECK: $name" $words
}

# --- Port flags. ---

for attach in veth tap; do
	flags=$(conf ".attach = \"$attach\" | .hairpinMode = true |
		.portIsolation = true")
	add c1 c1 "$flags"
	worked "$attach: ADD with hairpinMode and portIsolation"
	is "the port is so" "$(link "$(port)")" \
		'.linkinfo.info_slave_data | .hairpin and .isolated'
	damaged "hairpin mode is off" "$flags" "$(port) hairpin" \
		bridge link set dev "$(port)" hairpin off
	bridge link set dev "$(port)" hairpin on
	damaged "isolation is off" "$flags" "$(port) isolated" \
		bridge link set dev "$(port)" isolated off
	cni DEL c1 c1 "$flags"
	worked "DEL"
done

isolated=$(conf '.portIsolation = true | .isGateway = true')
add c1 c1 "$isolated"
ip1=$(ip4)
add c2 c2 "$isolated"
add c3 c3 "$(conf)"
ip3=$(ip4)
reaches_not "isolated guests do not reach each other" c2 "$ip1"
reaches "but who is not isolated" c2 "$ip3"
reaches "and the gateway" c1 10.1.0.1
for ns in c1 c2 c3; do
	cni DEL "$ns" "$ns" "$isolated"
done

promisc=$(conf '.promiscMode = true')
add c1 c1 "$promisc"
worked "ADD with promiscMode, on a bridge that is there"
is "the bridge is promiscuous" "$(link br0)" '.flags | any(. == "PROMISC")'
damaged "the bridge is not promiscuous" "$promisc" "br0 promiscuous" \
	ip link set br0 promisc off
add c2 c2 "$promisc"
check c2 c2 "$promisc"
worked "the next ADD repairs that"
cni DEL c1 c1 "$promisc"
cni DEL c2 c2 "$promisc"

# --- The spoof check. ---

spoof=$(conf '.macspoofchk = true | .isGateway = true')
add c2 c2 "$(conf '.isGateway = true')"
ip2=$(ip4)
before=$(state c1)
add c1 c1 "$spoof"
worked "ADD with macspoofchk"
p1=$(port)
mac=$(jq -r '.interfaces[2].mac' <<<"$result")
same 1 "$(guards | grep -cF \
	"hook ingress device \"$p1\" priority -300; policy drop;")" \
	"a chain of the port drops what it does not know"
same 1 "$(guards | grep -cF "ether saddr $mac accept")" \
	"and knows the guest's MAC"
reaches "the guest's own frames pass" c1 "$ip2"
ip -n c1 link set eth0 address 02:00:00:00:00:99
reaches_not "with another MAC nothing does" c1 "$ip2"
reaches_not "not even to the host" c1 10.1.0.1
ip -n c1 link set eth0 address "$mac"
reaches "with its own everything is well again" c1 "$ip2"
damaged "the rule is gone" "$spoof" "$p1 rules" \
	nft flush chain netdev weft \
	"$(nft -j list ruleset netdev | jq -r '.nftables[].chain.name // empty')"
reaches_not "and it fails closed" c1 "$ip2"
nft delete table netdev weft
check c1 c1 "$spoof"
refused 102 "CHECK: the chain is gone" "$p1" missing
del c1 c1 "$spoof"
worked "DEL"
add c1 c1 "$spoof"
check c1 c1 "$spoof"
worked "ADD again, CHECK"
cni DEL c1 c1 "$(conf)"
worked "DEL by a configuration that says nothing of it"
same "" "$(guards)" "leaves no chain"
same "$before" "$(state c1)" "nor anything else"
add c1 c1 "$spoof" CNI_ARGS="MAC=02:00:00:00:12:34"
reaches "a requested MAC is the one that may send" c1 "$ip2"
check c1 c1 "$spoof" CNI_ARGS="MAC=02:00:00:00:12:34"
worked "CHECK"
ip netns del c1
ns_new c1
cni DEL c1 "" "$spoof"
worked "DEL when the container's namespace is gone"
same "" "$(guards)" "leaves no chain"

add c1 c1 "$spoof"
ip link del "$(port)"
cni GC "" "" "$(jq -c '."cni.dev/valid-attachments" =
	[{containerID: "c2", ifname: "eth0"}]' <<<"$spoof")"
worked "GC"
same "" "$(guards)" "removes a chain whose port is gone"
cni DEL c1 c1 "$spoof"
add c1 c1 "$spoof"
ip link del "$(port)"
add c1 c1 "$spoof"
worked "ADD where an earlier port's chain is left"
check c1 c1 "$spoof"
worked "CHECK"
add c3 c3 "$spoof"
worked "a second guest"
cni DEL c1 c1 "$spoof"
check c3 c3 "$spoof"
worked "whose chain stays when the first one leaves"
cni DEL c3 c3 "$spoof"
same "" "$(guards)" "the last one takes the table"

vm=$(jq -c '.attach = "tap"' <<<"$spoof")
add c1 c1 "$vm"
worked "ADD of a VM with macspoofchk"
mac=$(jq -r '.interfaces[2].mac' <<<"$result")
check c1 c1 "$vm"
worked "CHECK"
succeeds "the VM's own frames pass" \
	"$tap_arp" "$(port)" "$mac" "$(ip4)" "$ip2"
fails "others do not" \
	"$tap_arp" "$(port)" 02:00:00:00:00:99 "$(ip4)" "$ip2"
damaged "the chain is gone" "$vm" "$(port) missing" \
	nft delete table netdev weft
cni DEL c1 c1 "$vm"
cni DEL c2 c2 "$vm"

# What cannot be guarded does not come up.
before=$(state c1)
add c1 c1 "$(jq -c '.ipam.routes = [{dst: "192.0.2.0/24",
	gw: "203.0.113.1"}]' <<<"$spoof")"
refused 100 "an ADD that fails later" 192.0.2.0/24
same "$before" "$(state c1)" "leaves no chain either"

# --- Duplicate address detection. ---

if [ -e /proc/sys/net/ipv6 ]; then
	dad=$(conf '.enabledad = true')
	add c1 c1 "$dad"
	worked "ADD with enabledad"
	ip6=fd00:1::$(jq -r '[.ips[].address | select(contains(":"))][0] |
		split("/")[0] | split("::")[1]' <<<"$result")
	is "its address is tentative no more when ADD returns" \
		"$(ip -n c1 -j -6 address show dev eth0)" \
		"[.[].addr_info[] | select(.local == \"$ip6\")] |
		length == 1 and .[0].tentative != true"
	same "1 1" "$(ip netns exec c1 cat \
		/proc/sys/net/ipv6/conf/eth0/{accept_dad,enhanced_dad} |
		paste -sd' ')" "with the sysctls that upstream sets"
	check c1 c1 "$dad"
	worked "CHECK"
	cni DEL c1 c1 "$dad"
	add c2 c2 "$(conf 'del(.ipam)')"
	ip -n c2 address add fd00:1::77/64 dev eth0 nodad
	before=$(state c1)
	add c1 c1 "$dad" CNI_ARGS="IP=fd00:1::77"
	refused 101 "an address that another has is refused, and named" \
		fd00:1::77 duplicate eth0
	same "$before" "$(state c1)" "and nothing is left"
	add c1 c1 "$(conf)" CNI_ARGS="IP=fd00:1::77"
	worked "without enabledad nobody looks"
	cni DEL c1 c1 "$dad"
	cni DEL c2 c2 "$dad"
	add c1 c1 "$(jq -c '.attach = "tap"' <<<"$dad")"
	worked "a VM looks for itself: ADD does not wait"
	cni DEL c1 c1 "$dad"
else
	skip "enabledad" "no IPv6 in this kernel"
fi

# --- MTU "auto". ---

ip link del br0
auto=$(conf '.mtu = "auto"')
add c1 c1 "$auto"
worked "mtu auto, without bridge or way out"
is "is the kernel's default" "$(link br0)" '.mtu == 1500'
cni DEL c1 c1 "$auto"
ip link del br0
ns_new lan
ip link add out0 mtu 1400 type veth peer name eth0 netns lan
ip address add 203.0.113.2/24 dev out0
ip link set out0 up
ip -n lan link set eth0 up
ip route add default via 203.0.113.1
add c1 c1 "$auto"
same "1400 1400 1400" "$(for dev in br0 "$(port)"; do
	link "$dev" | jq .mtu
done | paste -sd' ') $(link eth0 c1 | jq .mtu)" \
	"it is that of the way out for bridge, port and guest"
check c1 c1 "$auto"
worked "CHECK"
cni DEL c1 c1 "$auto"
ip link set br0 mtu 1300
add c1 c1 "$auto"
same "1300 1300" "$(link "$(port)" | jq .mtu) $(link eth0 c1 | jq .mtu)" \
	"a bridge that is there tells it"
cni DEL c1 c1 "$auto"
vm=$(jq -c '.attach = "tap"' <<<"$auto")
add c1 c1 "$vm"
same 1300 "$(link "$(port)" | jq .mtu)" "a VM's tap too"
cni DEL c1 c1 "$vm"
