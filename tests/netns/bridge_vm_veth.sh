#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# bridge-vm with a container: every key, every verb, and what CHECK notices.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

ns_new c1
ns_new c2

# --- ADD, CHECK, DEL, each twice; nothing stays but the network's own. ---

full=$(conf '.isDefaultGateway = true | .ipMasq = true | .mtu = 1400 |
	.dns = {nameservers: ["10.1.0.1"]}')

add c1 c1 "$full"
worked "ADD makes a container's port, with all that layer 3 has"
has "the result is segment, port, guest; its addresses are the guest's" '
	(.interfaces | length == 3) and (.ips | all(.interface == 2)) and
	.interfaces[0].name == "br0" and
	(.interfaces[1].name | test("^veth[0-9a-f]{11}$")) and
	(.interfaces[1].mac | test("^fe:")) and
	.interfaces[2].name == "eth0" and (.interfaces[2].mac | test("^02:")) and
	.interfaces[2].sandbox == "/run/netns/c1"'
has "both families get an address and a default route" '
	[.ips[].address] == ["10.1.0.2/24", "fd00:1::2/64"] and
	[.routes[].dst] == ["0.0.0.0/0", "::/0"] and
	.dns.nameservers == ["10.1.0.1"]'
add c1 c1 "$full"
refused 101 "a second ADD is refused, naming the interface" eth0 \
	/run/netns/c1 exists
check c1 c1 "$full"
worked "and has changed nothing: CHECK is content"
check c1 c1 "$full"
worked "CHECK twice"
pings "the container reaches its gateway" c1 10.1.0.1
pings "the container reaches its gateway by IPv6" c1 fd00:1::1
del c1 c1 "$full"
worked "DEL"
del c1 c1 "$full"
worked "DEL again"
same "" "$(leases)" "DEL frees both addresses"
before=$(state c1)
add c1 c1 "$full"
check c1 c1 "$full"
del c1 c1 "$full"
same "$before" "$(state c1)" "another ADD, CHECK and DEL leaves nothing more"
add c1 c1 "$full"
cni DEL c1 "" "$full"
worked "DEL without a namespace and without prevResult"
same "$before" "$(state c1)" "leaves nothing either"
add c1 c1 "$full"
cni DEL c1 c1 "$(conf '.bridge = "other0" | .ipam.ranges |= .[:1]')"
worked "DEL with another configuration than ADD's"
same "$before" "$(state c1)" "leaves nothing either"
del never c1 "$full"
worked "DEL of what never was"

add c1 c1 "$full"
first=$result
add c1 c2 "$full" CNI_IFNAME=net1
worked "one container may have two interfaces on one network"
same 2 "$(jq -s '[.[].ips[0].address] | unique | length' \
	<<<"$first $result")" \
	"with addresses of their own"
del c1 c2 "$full" CNI_IFNAME=net1
cni CHECK c1 c1 "$(with_prev "$full" "$first")"
worked "and DEL of the second leaves the first alone"
del c1 c1 "$full"

# --- What the devices are. ---

add c1 c1 "$full"
p=$(port)
host=$(link "$p") guest=$(link eth0 c1) bridge=$(link br0)
is "the port is marked as ours" "$host" '.group == "2003134068"'
is "and says whose it is" "$host" \
	'.ifalias == "weft1:bridge-vm:net1:c1:eth0"'
is "so does the guest's end" "$guest" \
	'.ifalias == "weft1:bridge-vm:net1:c1:eth0"'
is "and the bridge, for its network" "$bridge" \
	'.ifalias == "weft1:bridge-vm:net1"'
is "mtu counts on the bridge" "$bridge" '.mtu == 1400'
is "mtu counts on the port" "$host" '.mtu == 1400'
is "mtu counts on the guest's end" "$guest" '.mtu == 1400'
is "the port has one queue" "$host" \
	'.num_tx_queues == 1 and .num_rx_queues == 1'
is "the MAC of the guest is the result's" "$guest" \
	".address == $(jq '.interfaces[2].mac' <<<"$result")"
same 3 "$(cat "/sys/class/net/$p/addr_assign_type")" \
	"the port's MAC is set: udev leaves it alone"
same 3 "$(ip netns exec c1 cat /sys/class/net/eth0/addr_assign_type)" \
	"the guest's MAC is set: udev leaves it alone"
same 3 "$(cat /sys/class/net/br0/addr_assign_type)" \
	"the bridge's MAC is set: ports do not change it"
same "" "$(ip -6 -o addr show dev "$p")" "no IPv6 on the port"
mac=$(jq -r .address <<<"$guest")
del c1 c1 "$full"
add c1 c1 "$full"
has "the same attachment gets the same MAC" ".interfaces[2].mac == \"$mac\""
del c1 c1 "$full"
ip link del br0

# --- Keys. ---

config=$(conf '.mtu = 9000')
add c1 c1 "$config"
same "9000 9000 9000" "$(link br0 | jq .mtu) $(link "$(port)" | jq .mtu) \
$(link eth0 c1 | jq .mtu)" "mtu 9000 is whole: bridge, port, guest"
same "" "$(ip -4 -o addr show dev br0)" \
	"without isGateway the bridge has no address"
has "and the result no route" '.routes | length == 0'
del c1 c1 "$config"

config=$(conf '.isGateway = true')
add c1 c1 "$config"
same "10.1.0.1/24 fd00:1::1/64" "$(ip -j addr show dev br0 | jq -r '
	[.[].addr_info[] | select(.scope == "global") |
	"\(.local)/\(.prefixlen)"] | join(" ")')" \
	"isGateway puts the gateways on the bridge"
same "1 1" "$(cat /proc/sys/net/ipv4/ip_forward \
	/proc/sys/net/ipv6/conf/all/forwarding | xargs)" \
	"isGateway turns forwarding on"
has "isGateway alone makes no route" '.routes | length == 0'
del c1 c1 "$config"

other=$(conf '.isGateway = true | .ipam.ranges = [[{subnet: "10.9.0.0/24"}]] |
	.name = "net9"')
add c1 c1 "$other"
refused 101 "an address in the way is named" br0 10.9.0.1/24 10.1.0.1/24 \
	forceAddress
same "" "$(leases net9)" "and the lease given back"
other=$(jq -c '.forceAddress = true' <<<"$other")
add c1 c1 "$other"
worked "forceAddress replaces it"
same 10.9.0.1/24 "$(ip -4 -j addr show dev br0 | jq -r '.[0].addr_info |
	map("\(.local)/\(.prefixlen)") | join(" ")')" \
	"the bridge has the new address alone"
same fd00:1::1/64 "$(ip -6 -j addr show dev br0 scope global | jq -r '
	[.[].addr_info[]? | select(.local) | "\(.local)/\(.prefixlen)"] | join(" ")')" \
	"and keeps that of a network which does not overlap"
del c1 c1 "$other"
config=$(conf '.isGateway = true | .forceAddress = true | .ipam.ranges =
	[[{subnet: "10.5.0.0/24"}], [{subnet: "10.6.0.0/24"}]]')
add c1 c1 "$config"
add c2 c2 "$config"
same "10.5.0.1/24 10.6.0.1/24" "$(ip -4 -j addr show dev br0 | jq -r '
	.[0].addr_info | map("\(.local)/\(.prefixlen)") | join(" ")')" \
	"two IPv4 ranges have both their gateways on the bridge"
cni DEL c1 c1 "$config"
cni DEL c2 c2 "$config"
ip link del br0

for backend in iptables nftables; do
	config=$(conf ".isGateway = true | .ipMasq = true |
		.ipMasqBackend = \"$backend\"")
	add c1 c1 "$config"
	same 2 "$(nft list table inet weft | grep -c masquerade)" \
		"ipMasqBackend $backend means our rule, one a subnet"
	nft delete table inet weft
	cni DEL c1 c1 "$config"
done
same "" "$(iptables-save 2>/dev/null | grep CNI || true)" \
	"and nothing of iptables"

# Where it goes and what it does not touch: a packet out is masqueraded.
config=$(conf '.isDefaultGateway = true | .ipMasq = true')
ns_new outside
ip link add out0 type veth peer name eth0 netns outside
ip addr add 192.0.2.1/24 dev out0
ip addr add 2001:db8::1/64 dev out0 nodad
ip link set out0 up
ip -n outside addr add 192.0.2.9/24 dev eth0
ip -n outside addr add 2001:db8::9/64 dev eth0 nodad
ip -n outside link set eth0 up
add c1 c1 "$config"
add c2 c2 "$config"
c2_addr=$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")
pings "out through masquerade, IPv4" c1 192.0.2.9
pings "out through masquerade, IPv6" c1 2001:db8::9
pings "and from one container to the other" c1 "$c2_addr"
chain=$(nft list table inet weft)
add c3 outside "$config" CNI_IFNAME=eth1
same "$chain" "$(nft list table inet weft)" \
	"one rule a subnet, however many containers"
cni DEL c3 outside "$config" CNI_IFNAME=eth1
cni DEL c2 c2 "$config"
same "$chain" "$(nft list table inet weft)" "the rule stays after DEL"
cni DEL c1 c1 "$config"
ip link del out0
ip netns del outside

# mac, in its three places.
config=$(conf)
env=CNI_ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:01"
add c1 c1 "$config" "$env"
has "MAC in CNI_ARGS is the guest's" \
	'.interfaces[2].mac == "02:00:00:00:00:01"'
same 02:00:00:00:00:01 "$(link eth0 c1 | jq -r .address)" "truly"
cni DEL c1 c1 "$config"
config=$(conf '.args.cni.mac = "02:00:00:00:00:02"')
add c1 c1 "$config" "$env"
has "args.cni.mac overrides it" '.interfaces[2].mac == "02:00:00:00:00:02"'
cni DEL c1 c1 "$config"
config=$(jq -c '.runtimeConfig.mac = "02:00:00:00:00:03"' <<<"$config")
add c1 c1 "$config" "$env"
has "runtimeConfig.mac overrides both" \
	'.interfaces[2].mac == "02:00:00:00:00:03"'
check c1 c1 "$config" "$env"
worked "and CHECK knows"
cni DEL c1 c1 "$config"
add c1 c1 "$(conf '.runtimeConfig.mac = "ff:ff:ff:ff:ff:ff"')"
refused 7 "a MAC that is no unicast one is refused, naming it" net1 mac \
	ff:ff:ff:ff:ff:ff
add c1 c1 "$(conf)" CNI_ARGS=MAC=rubbish
refused 7 "so is rubbish" net1 mac rubbish

# dns.
echo "nameserver 192.0.2.53" >"$TMPDIR/resolv.conf"
config=$(conf ".ipam.resolvConf = \"$TMPDIR/resolv.conf\"")
add c1 c1 "$config"
has "without dns the IPAM plugin's counts" \
	'.dns.nameservers == ["192.0.2.53"]'
cni DEL c1 c1 "$config"
config=$(jq -c '.dns = {search: ["example.org"]}' <<<"$config")
add c1 c1 "$config"
has "with dns only that" '.dns == {search: ["example.org"]}'
cni DEL c1 c1 "$config"

# Layer 2.
config=$(conf 'del(.ipam)')
add c1 c1 "$config"
worked "without ipam it is layer 2"
has "with no address" '(.interfaces | length == 3) and (.ips | length == 0)'
check c1 c1 "$config"
worked "CHECK of layer 2"
same "" "$(ip -n c1 -4 -o addr show dev eth0)" "no address in the container"
same true "$(link eth0 c1 | jq '.flags | index("UP") != null')" "it is up"
cni DEL c1 c1 "$config"
config=$(conf 'del(.ipam) | .disableContainerInterface = true')
add c1 c1 "$config"
worked "disableContainerInterface"
same null "$(link eth0 c1 | jq '.flags | index("UP")')" \
	"leaves the container's interface down"
check c1 c1 "$config"
worked "and CHECK is content with that"
cni DEL c1 c1 "$config"
add c1 c1 "$(conf '.disableContainerInterface = true')"
refused 7 "but not with ipam" net1 DisableContainerInterface IPAM

# --- Refused: key, value and network are named. ---

before=$(state c1)
add c1 c1 "$(conf '.perAttachment = ["attach", "mtu"]')"
refused 2 "so is a key in perAttachment that is not supported yet" \
	perAttachment mtu net1
config=$(conf '.hairpinMode = false | .promiscMode = false | .vlan = 0 |
	.vlanTrunk = [] | .preserveDefaultVlan = false | .macspoofchk = false |
	.enabledad = false | .portIsolation = false')
same "$before" "$(state c1)" "and nothing was made"
add c1 c1 "$config"
worked "what is off is no request"
cni DEL c1 c1 "$config"
while read -r code key value words; do
	add c1 c1 "$(conf ".$key = $value")"
	# shellcheck disable=SC2086 # one word each
	refused "$code" "$key $value is refused" "${key##*.}" net1 $words
done <<-'END'
	6 bridge 7 string
	7 bridge "a/b" a/b
	7 bridge "a-name-of-17-byte" a-name-of-17-byte
	6 isGateway "yes" yes true
	7 mtu 67 67
	7 mtu -1 -1
	7 mtu 70000 70000
	6 mtu "9000" 9000
	7 ipMasqBackend "ebtables" ebtables
	7 attach "macvtap" macvtap
	7 gc "soft" soft
	7 tap.queues 0 0
	7 tap.queues 257 257
	7 tap.owner -2 -2
	7 tap.name "a/b" a/b
	6 tap.owner "root" root
END
same "$before" "$(state c1)" "and nothing was made"

ip link add notabr type veth
add c1 c1 "$(conf '.bridge = "notabr"')"
refused 101 "a device that is no bridge" notabr "already exists but is not a bridge"
ip link del notabr
add c1 /nonexistent "$(conf)"
refused 8 "a namespace that does not exist is named" /nonexistent \
	"No such file"
add c1 /etc/hostname "$(conf)"
refused 8 "a file that is no namespace is named" /etc/hostname
same "$before" "$(state c1)" "and nothing was made"

# --- CHECK notices. ---

full=$(conf '.isDefaultGateway = true | .ipMasq = true')
# damage NAME COMMAND [WORD...]: CHECK is content before, and not after. $p is
# the port.
damage() {
	local name=$1 command=$2

	shift 2
	cni DEL c1 c1 "$full"
	ip link del br0 2>/dev/null || true
	add c1 c1 "$full"
	check c1 c1 "$full"
	[ "$status" = 0 ] || cni_show "CHECK before: $name"
	p=$(port)
	eval "$command"
	check c1 c1 "$full"
	refused 102 "CHECK notices: $name" "$@"
}

# shellcheck disable=SC2016 # expanded by damage
{
	damage "the pair is gone" 'ip link del $p' eth0
	damage "the port is down" 'ip link set $p down' veth "is down"
	damage "the port is off the bridge" 'ip link set $p nomaster' veth br0
	damage "the port is on another bridge" \
		'ip link add br7 type bridge; ip link set $p master br7' veth br0
	ip link del br7
	damage "the port's MAC is another" \
		'ip link set $p address 02:00:00:00:00:77' 02:00:00:00:00:77
	damage "the guest's MAC is another" \
		'ip -n c1 link set eth0 address 02:00:00:00:00:78' 02:00:00:00:00:78
	damage "the guest's interface is down" 'ip -n c1 link set eth0 down' eth0
	damage "the guest's IPv4 address is gone" \
		'ip -n c1 addr flush dev eth0; ip -n c1 addr add fd00:1::99/64 dev eth0' \
		eth0 10.1.0
	damage "the guest's IPv6 address is gone" \
		'ip -n c1 -6 addr flush dev eth0 scope global' eth0 fd00:1::
	damage "the guest's default route is gone" \
		'ip -n c1 route del default' 0.0.0.0/0
	damage "the guest's IPv6 default route is gone" \
		'ip -n c1 -6 route del default' ::/0
	damage "the bridge is gone" 'ip link del br0' br0 "not found"
	damage "the bridge is down" 'ip link set br0 down' br0 "is down"
	damage "the bridge's MAC is another" \
		'ip link set br0 address 02:00:00:00:00:79' br0 02:00:00:00:00:79
	damage "the bridge's address is gone" \
		'ip addr del 10.1.0.1/24 dev br0' br0 10.1.0.1
	damage "the ruleset was flushed" 'nft flush ruleset' masq
	damage "the masquerade rule was altered" '
		nft -a list table inet weft | sed -n "s/.*saddr 10.*handle //p" |
			xargs -I{} nft replace rule inet weft masq-net1 handle {} \
			ip saddr 10.1.0.0/24 accept' masq
	damage "the masquerade chain is empty" 'nft flush chain inet weft masq-net1' \
		masq
}
cni DEL c1 c1 "$full"
add c1 c1 "$full"
rm "$cni_leases/net1/"*[.:]*[0-9]
check c1 c1 "$full"
refused 102 "CHECK notices: the lease is gone" c1
cni DEL c1 c1 "$full"

# ADD repairs what belongs to the network.
add c1 c1 "$full"
first=$result
nft flush ruleset
ip addr del 10.1.0.1/24 dev br0
ip link set br0 down
add c2 c2 "$full"
cni CHECK c1 c1 "$(with_prev "$full" "$first")"
worked "the next ADD puts bridge, address and rule right for all"
cni DEL c2 c2 "$full"
mark=$(link br0 | jq -r .ifalias)
ip link set br0 alias ""
add c2 c2 "$full"
same "$mark" "$(link br0 | jq -r .ifalias)" \
	"and marks the bridge of an ADD that was killed before it could"
cni DEL c2 c2 "$full"

# No false alarm.
ip -n c1 link set eth0 address 02:00:00:00:00:99
cni CHECK c1 c1 "$(with_prev "$full" "$first")"
refused 102 "a MAC that nobody reported is noticed" 02:00:00:00:00:99
changed=$(jq -c '.interfaces[2].mac = "02:00:00:00:00:99"' <<<"$first")
cni CHECK c1 c1 "$(with_prev "$full" "$changed")"
worked "but not what a chained plugin changed and reported"
changed=$(jq -c '.interfaces += [{name: "ifb7", mac: "02:00:00:00:00:07"},
	{name: "eth0", sandbox: "/run/netns/other"}]' <<<"$changed")
cni CHECK c1 c1 "$(with_prev "$full" "$changed")"
worked "nor devices that a chained plugin added to the result"
ip -n c1 addr add 10.44.0.1/24 dev eth0
ip -n c1 route add 203.0.113.0/24 via 10.1.0.1
nft add table ip mine
nft add chain ip mine c
cni CHECK c1 c1 "$(with_prev "$full" "$changed")"
worked "nor addresses, routes and rules of others"
cni CHECK c1 c1 "$full"
refused 7 "CHECK without prevResult is refused" "prevResult"
cni CHECK c1 c1 "$(with_prev "$full" "$changed" | jq -c '.cniVersion = "0.3.1"')"
refused 1 "CHECK before cniVersion 0.4.0 is refused" CHECK
cni DEL c1 c1 "$full"

same 0 "$(cat /proc/sys/net/ipv6/conf/br0/accept_ra)" \
	"no guest's router configures the host by the bridge"

# A name alone makes nothing ours.
add c1 c1 "$full"
stranger=$(port)
cni DEL c1 c1 "$full"
ip link add "$stranger" type veth peer name stranger1
add c1 c1 "$full"
refused 101 "ADD refuses to share a name with a stranger's device" "$stranger"
cni DEL c1 c1 "$full"
worked "DEL of an attachment whose name a stranger's device has"
succeeds "leaves that alone" ip link show dev "$stranger"
ip link del "$stranger"
