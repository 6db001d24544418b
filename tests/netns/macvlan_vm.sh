#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# macvlan-vm with a container: every key, every verb, traffic, hostAccess, what
# CHECK notices, and the bugs of the reference macvlan that are not here.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

# A veth end is the parent; the other one is on the LAN, with a neighbour.
parent_new() {
	ip link add "$1" address "02:11:00:00:00:$2" type veth \
		peer name "$1" netns lan
	ip link set "$1" up
	ip -n lan link set "$1" up
}

ns_new c1
ns_new c2
ns_new lan
parent_new p0 01
parent_new p1 02
ip addr add 10.1.0.1/24 dev p0
ip addr add fd00:1::1/64 dev p0 nodad
ip -n lan addr add 10.1.0.99/24 dev p0
ip -n lan addr add fd00:1::99/64 dev p0 nodad

# mconf [JQ]: a configuration, changed by a jq program.
mconf() {
	jq -nc '{
		cniVersion: "1.1.0", name: "net1", type: "macvlan-vm",
		master: "p0", ipam: {
			type: "ipam-host-local",
			ranges: [[{subnet: "10.1.0.0/24"}],
				[{subnet: "fd00:1::/64"}]]
		}
	} | '"${1:-.}"
}

# host_device: the host's own macvlan of net1.
host_device() {
	ip -j link | jq -r '.[] | select(.ifname | test("^mvh")) | .ifname'
}

# --- ADD, CHECK, DEL, each twice; nothing stays. ---

full=$(mconf '.mtu = 1400 | .bcqueuelen = 5000 |
	.ipam.routes = [{dst: "0.0.0.0/0"}, {dst: "::/0"}] |
	.dns = {nameservers: ["10.1.0.1"]}')

# What IPAM's directory looks like is IPAM's.
add c1 c1 "$full"
del c1 c1 "$full"
before=$(state c1)
add c1 c1 "$full"
worked "ADD makes a container's interface, with all that layer 3 has"
has "the result is the guest alone; its addresses are the guest's" '
	(.interfaces | length == 1) and (.ips | all(.interface == 0)) and
	.interfaces[0].name == "eth0" and (.interfaces[0].mac | test("^02:")) and
	.interfaces[0].sandbox == "/run/netns/c1"'
has "both families get an address and a default route" '
	([.ips[].address | sub("/.*"; "")] | length == 2) and
	[.routes[].dst] == ["0.0.0.0/0", "::/0"] and
	.dns.nameservers == ["10.1.0.1"]'
guest=$(link eth0 c1)
is "it is a macvlan, marked as ours" "$guest" '
	.linkinfo.info_kind == "macvlan" and .group == "2003134068" and
	.ifalias == "weft1:macvlan-vm:net1:c1:eth0"'
is "mode, mtu and bcqueuelen count" "$guest" '
	.linkinfo.info_data.mode == "bridge" and .mtu == 1400 and
	.linkinfo.info_data.bcqueuelen == 5000'
is "the MAC of the guest is the result's" "$guest" \
	".address == $(jq '.interfaces[0].mac' <<<"$result")"
same 3 "$(ip netns exec c1 cat /sys/class/net/eth0/addr_assign_type)" \
	"the guest's MAC is set: udev leaves it alone"
same "10.1.0.1 fd00:1::1" "$(ip -n c1 -j route show default |
	jq -r '.[0].gateway') $(ip -n c1 -6 -j route show default |
	jq -r '.[0].gateway')" "the default routes are in the container"
add c1 c1 "$full"
refused 101 "a second ADD is refused, naming the interface" eth0 \
	/run/netns/c1 exists
add c1 c1 "$full" CNI_CONTAINERID=other
refused 101 "whoever asks" eth0 exists
check c1 c1 "$full"
worked "and has changed nothing: CHECK is content"
check c1 c1 "$full"
worked "CHECK twice"
del c1 c1 "$full"
worked "DEL"
del c1 c1 "$full"
worked "DEL again"
same "$before" "$(state c1)" "ADD, CHECK and DEL leave nothing"
add c1 c1 "$full"
cni DEL c1 c1 "$(mconf '.master = "no" | .mtu = 9000 | .mode = "vepa" |
	.ipam.ranges |= .[:1]')"
worked "DEL with another configuration than ADD's, and without prevResult"
same "$before" "$(state c1)" "leaves nothing either"
add c1 c1 "$full"
cni DEL c1 "" "$full"
worked "DEL without a namespace"
same "" "$(leases)" "frees the addresses"
ip -n c1 link del eth0
del never c1 "$full"
worked "DEL of what never was"
ns_new gone
add c3 gone "$full"
ip netns del gone
cni DEL c3 gone "$full"
worked "DEL of a namespace that is gone"
touch /run/netns/gone
cni DEL c3 gone "$full"
worked "DEL where only its mount point is left"
rm /run/netns/gone
same "$before" "$(state c1)" "leave nothing"
parent_new p2 03
add c1 c1 "$(mconf '.master = "p2"')"
ip link del p2
fails "when the parent goes, the guest's interface goes" \
	ip -n c1 link show dev eth0
del c1 c1 "$(mconf '.master = "p2"')"
worked "DEL when the parent is gone"
same "$before" "$(state c1)" "leaves nothing"
ip -n c1 link add eth0 type veth peer name other
ip -n c1 link set eth0 alias "weft1:bridge-vm:net1:c1:eth0"
del c1 c1 "$full"
worked "DEL of an interface that another plugin has made"
succeeds "leaves it" ip -n c1 link show dev eth0
ip -n c1 link del eth0

# --- Traffic. ---

add c1 c1 "$(mconf)" CNI_ARGS="IP=10.1.0.2"
one=$(jq -r '.ips[].address | sub("/.*"; "")' <<<"$result")
add c2 c2 "$(mconf)" CNI_ARGS="IP=10.1.0.3"
two=$(jq -r '.ips[].address | sub("/.*"; "")' <<<"$result")
for ip in $two 10.1.0.99 fd00:1::99; do
	pings "the guest reaches ${ip/$two/the other guest}" c1 "$ip"
done
for ip in $one $two; do
	pings "the LAN reaches a guest, $ip" lan "$ip"
done
fails "the host does not, without hostAccess" \
	busybox ping -qc1 -W1 "${one%%$'\n'*}"
same "" "$(host_device)" "and there is no device for it"
cni DEL c1 c1 "$(mconf)"
cni DEL c2 c2 "$(mconf)"

for mode in private vepa; do
	add c1 c1 "$(mconf ".mode = \"$mode\"")" CNI_ARGS="IP=10.1.0.2"
	first=$result
	add c2 c2 "$(mconf ".mode = \"$mode\"")"
	is "mode $mode" "$(link eth0 c1)" \
		".linkinfo.info_data.mode == \"$mode\""
	fails "keeps guests apart" ip netns exec c2 \
		busybox ping -qc1 -W1 10.1.0.2
	pings "but not from the LAN" c1 10.1.0.99
	cni CHECK c1 c1 "$(with_prev "$(mconf ".mode = \"$mode\"")" "$first")"
	worked "CHECK in mode $mode"
	cni DEL c1 c1 "$(mconf)"
	cni DEL c2 c2 "$(mconf)"
done

config=$(mconf '.mode = "passthru" | .master = "p1"')
mac=$(link p1 | jq -r .address)
add c1 c1 "$config"
has "mode passthru: the guest has the parent's MAC" \
	".interfaces[0].mac == \"$mac\""
same "$mac" "$(link eth0 c1 | jq -r .address)" "it has indeed"
check c1 c1 "$config"
worked "CHECK in mode passthru"
add c2 c2 "$config"
refused 100 "a second guest there is refused, with the kernel's reason" p1
same "" "$(comm -13 <(jq -r '.ips[].address | sub("/.*"; "")' <<<"$result" |
	sort) <(leases))" "and holds no address"
cni DEL c1 c1 "$config"
config=$(jq -c '.mac = "02:00:00:00:00:07"' <<<"$config")
add c1 c1 "$config"
has "a requested MAC counts in passthru, too" \
	'.interfaces[0].mac == "02:00:00:00:00:07"'
same 02:00:00:00:00:07 "$(link eth0 c1 | jq -r .address)" "it has it"
check c1 c1 "$config"
worked "CHECK"
cni DEL c1 c1 "$config"
same "$mac" "$(link p1 | jq -r .address)" \
	"and the parent has its own again after DEL"

# --- Keys. ---

config=$(mconf 'del(.master)')
add c1 c1 "$config"
refused 7 "without master and without a default route" \
	"no default route interface found"
ip route add default via 10.1.0.99
add c1 c1 "$config"
worked "the default parent is the default route's device"
same "$(link p0 | jq .ifindex)" "$(link eth0 c1 | jq .link_index)" "p0 indeed"
check c1 c1 "$config"
worked "CHECK"
ip route del default
check c1 c1 "$config"
worked "CHECK does not mind when the default route moves"
cni DEL c1 c1 "$config"
ip -6 route add default via fd00:1::99
add c1 c1 "$config"
worked "of IPv6, if IPv4 has none"
cni DEL c1 c1 "$config"
ip -6 route del default

add c1 c1 "$(mconf '.mtu = 1501')"
refused 7 "an MTU over the parent's is refused, with key, value and limit" \
	mtu 1501 1500 p0
add c1 c1 "$(mconf '.mtu = 1500')"
worked "the parent's own is not"
cni DEL c1 c1 "$(mconf)"
ip link set p1 mtu 9000
add c1 c1 "$(mconf '.master = "p1"')"
same 9000 "$(link eth0 c1 | jq .mtu)" "by default it is the parent's"
cni DEL c1 c1 "$(mconf)"
add c1 c1 "$(mconf '.mtu = 67')"
refused 7 "one under IPv4's least is refused" mtu 67 68
add c1 c1 "$(mconf '.mode = "source"')"
refused 7 "a mode that is none is refused" mode source
add c1 c1 "$(mconf '.attach = "tap"')"
refused 7 "a kind that is another plugin's is refused" attach macvtap
ip link add br0 type bridge
ip link set p1 master br0
add c1 c1 "$(mconf '.master = "p1"')"
refused 100 "a parent that is a bridge's port is refused" p1 port
cni STATUS "" "" "$(mconf '.master = "p1"')"
refused 50 "STATUS says so before" p1 port
ip link del br0
same "" "$(leases)" "no refused ADD holds an address"

add c1 c1 "$(mconf '.mac = "02:00:00:00:00:01"')"
has "mac of the configuration" '.interfaces[0].mac == "02:00:00:00:00:01"'
cni DEL c1 c1 "$(mconf)"
add c1 c1 "$(mconf '.mac = "02:00:00:00:00:01"')" \
	CNI_ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:02"
has "CNI_ARGS overrides it" '.interfaces[0].mac == "02:00:00:00:00:02"'
cni DEL c1 c1 "$(mconf)"
add c1 c1 "$(mconf '.args.cni.mac = "02:00:00:00:00:03" |
	.runtimeConfig.mac = "02:00:00:00:00:04"')" CNI_ARGS="MAC=02:00:00:00:00:02"
has "runtimeConfig overrides all" '.interfaces[0].mac == "02:00:00:00:00:04"'
same 02:00:00:00:00:04 "$(link eth0 c1 | jq -r .address)" "it has it"
add c2 c2 "$(mconf '.mac = "02:00:00:00:00:04"')"
refused 100 "a MAC that another guest of the parent has is refused" eth0
same "" "$(ip -n c2 -o link show type macvlan)" "and nothing is left of it"
cni DEL c1 c1 "$(mconf)"

l2=$(mconf 'del(.ipam)')
add c1 c1 "$l2"
worked "layer 2"
has "has no addresses" '(.ips // []) == [] and (.interfaces | length == 1)'
is "and is up" "$(link eth0 c1)" '.flags | index("UP")'
check c1 c1 "$l2"
worked "CHECK of layer 2"
cni DEL c1 c1 "$l2"
worked "DEL of layer 2"

# The parent in the container.
ip link add in0 type veth peer name in1
ip link set in0 netns c1
ip -n c1 link set in0 up
ip link set in1 up
config=$(mconf '.linkInContainer = true | .master = "in0"')
add c1 c1 "$config"
worked "linkInContainer"
same in0 "$(link eth0 c1 | jq -r .link)" "the parent is the container's"
check c1 c1 "$config"
worked "CHECK"
cni DEL c1 c1 "$config"
worked "DEL"
succeeds "the parent stays" ip -n c1 link show dev in0
add c1 c1 "$(mconf '.linkInContainer = true')"
refused 7 "a parent of the host is not the container's" p0 container
ip link del in1

# A macvlan on a macvlan is one on its parent.
ip link add mv0 link p0 type macvlan mode bridge
ip link set mv0 up
config=$(mconf '.master = "mv0"')
add c1 c1 "$config"
check c1 c1 "$config"
worked "CHECK where the parent is a macvlan itself"
cni DEL c1 c1 "$config"
ip link del mv0

# --- hostAccess. ---

access=$(mconf '.hostAccess = true')
before=$(state c1)
tcp() { # NAME SERVER-NS CLIENT-NS ADDRESS; "" is the host
	local pid

	${2:+ip netns exec "$2"} busybox nc -l -p 7777 -e echo hello \
		</dev/null >/dev/null 2>&1 &
	pid=$!
	sleep 0.2
	# shellcheck disable=SC2016 # expanded inside
	same hello "$(${3:+ip netns exec "$3"} timeout 5 busybox nc "$4" 7777 \
		</dev/null || true)" "$1"
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

add c1 c1 "$access" CNI_ARGS="IP=10.1.0.2"
worked "hostAccess"
c1_v6=$(jq -r '.ips[1].address | sub("/.*"; "")' <<<"$result")
dev=$(host_device)
is "makes the host's own macvlan, marked, on the parent, without link-local" \
	"$(link "$dev")" '.link == "p0" and .group == "2003134068" and
	.ifalias == "weft1:macvlan-vm:net1" and
	.inet6_addr_gen_mode == "none" and
	.linkinfo.info_data.mode == "bridge" and (.ifname | length == 14)'
for ip in 10.1.0.2 "$c1_v6"; do
	succeeds "the host reaches the guest, $ip" \
		busybox ping -qc1 -W2 "$ip"
done
for ip in 10.1.0.1 fd00:1::1; do
	pings "the guest reaches the host by its own address, $ip" c1 "$ip"
done
tcp "TCP from the host" c1 "" 10.1.0.2
tcp "TCP to the host" "" c1 10.1.0.1
tcp "TCP from the host, IPv6" c1 "" "$c1_v6"
tcp "TCP to the host, IPv6" "" c1 fd00:1::1
for ip in 10.1.0.1 10.1.0.2 fd00:1::1 "$c1_v6"; do
	pings "the LAN reaches both as before, $ip" lan "$ip"
done
succeeds "and the host reaches the LAN" busybox ping -qc1 -W2 10.1.0.99
succeeds "by the parent" grep -q p0 <(ip route get 10.1.0.99)
sysctl -qw net.ipv4.conf.all.rp_filter=1
succeeds "a strict rp_filter is no obstacle" busybox ping -qc1 -W2 10.1.0.2
pings "nor from the LAN" lan 10.1.0.1
sysctl -qw net.ipv4.conf.all.rp_filter=0
check c1 c1 "$access"
worked "CHECK with hostAccess"
add c2 c2 "$access"
worked "a second guest shares the device"
same 1 "$(host_device | wc -l)" "there is one"
c2_ip=$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")
del c2 c2 "$access"
worked "DEL of one"
succeeds "leaves the device" ip link show dev "$dev"
same "" "$(ip route show "$c2_ip")" "but no route to it"
succeeds "the other is still reached" busybox ping -qc1 -W2 10.1.0.2
cni DEL c1 "" "$(mconf)"
worked "DEL of the last, by a configuration without hostAccess"
same "" "$(host_device)" "removes the device"
ip -n c1 link del eth0
same "$before" "$(state c1)" "and leaves nothing"

add c1 c1 "$(jq -c '.ipam.ranges = [[{subnet: "10.7.0.0/24"}]]' <<<"$access")"
refused 7 "without an address of the host among the guests" 10.7.0.0/24 p0 \
	hostAccess
same "$before" "$(state c1)" "nothing is left"
add c1 c1 "$(jq -c '.ipam.ranges[1][0].subnet = "fd00:7::/64"' <<<"$access")"
worked "one family is enough"
succeeds "and works" busybox ping -qc1 -W2 \
	"$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")"
cni DEL c1 c1 "$access"
add c1 c1 "$(jq -c '.ipam.routes = [{dst: "192.0.2.0/24",
	gw: "203.0.113.1"}]' <<<"$access")"
refused 100 "an ADD that fails at the last step" 192.0.2.0/24
same "$before" "$(state c1)" "leaves no device of the host's either"
add c1 c1 "$access"
ip addr add 10.1.0.8/32 dev p1
add c2 c2 "$(jq -c '.master = "p1"' <<<"$access")"
refused 101 "one network has one parent at a time" p1 net1
ip addr del 10.1.0.8/32 dev p1
cni DEL c1 c1 "$access"
add c1 c1 "$access"
add c2 c2 "$(jq -c '.name = "net2"' <<<"$access")" CNI_ARGS=IP=10.1.0.50
same 2 "$(host_device | wc -l)" "two networks on one parent have one each"
cni DEL c1 c1 "$access"
same 1 "$(host_device | wc -l)" "and remove their own"
succeeds "the other's guest is still reached" \
	busybox ping -qc1 -W2 10.1.0.50
cni DEL c2 c2 "$(jq -c '.name = "net2"' <<<"$access")"
rm -rf "$cni_leases/net2" "$cni_leases"/.weft/net2*

# Between the last look for a guest and the removal nobody adds one: both wait
# for the lock, which is the namespace's own.
both_wait_for_the_lock() {
	local pid

	add c2 c2 "$access" CNI_ARGS="IP=10.1.0.3"
	exec 9</proc/self/ns/net
	flock 9
	cni DEL c2 c2 "$access" 9<&- &
	pid=$!
	sleep 0.5
	same 1 "$(host_device | wc -l)" "a DEL waits while the lock is held"
	cni ADD c1 c1 "$access" CNI_ARGS="IP=10.1.0.2" 9<&- &
	sleep 0.5
	same "" "$(ip route show 10.1.0.2)" "so does an ADD"
	exec 9<&-
	wait "$pid" $!
	same 10.1.0.2 "$(ip -4 -j route show dev "$(host_device)" |
		jq -r '.[].dst')" "then one is gone and the other there"
	cni DEL c1 c1 "$access"
	same "" "$(host_device)" "and then none"
}
both_wait_for_the_lock

# A last DEL and a first ADD at once: whoever is added is reached.
last_del_races_with_a_new_add() {
	local i lost=0 failed=0 pid

	for ((i = 0; i < $(scaled 30); i++)); do
		add c1 c1 "$access" CNI_ARGS="IP=10.1.0.2"
		cni DEL c1 c1 "$access" &
		pid=$!
		add c2 c2 "$access" CNI_ARGS="IP=10.1.0.3"
		[ "$status" = 0 ] || failed=$((failed + 1))
		wait "$pid"
		cni CHECK c2 c2 "$(with_prev "$access")"
		[ "$status" = 0 ] || lost=$((lost + 1))
		cni DEL c2 c2 "$access"
	done
	same "0 0" "$failed $lost" \
		"a last DEL beside a new ADD: none fails, none is cut off"
	same "" "$(host_device)" "and in the end there is no device"
}
last_del_races_with_a_new_add

many_at_once() {
	local i failed=0 pids=()

	for ((i = 0; i < 8; i++)); do
		ns_new "m$i"
		(
			cni ADD "m$i" "m$i" "$access"
			[ "$status" = 0 ] || { echo "$out" >&2 && exit 1; }
		) &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || failed=$((failed + 1))
	done
	same "0 8 1" "$failed $(ip -4 route show dev "$(host_device)" | wc -l) \
$(host_device | wc -l)" "eight first ADDs at once: one device, eight routes"
	pids=()
	for ((i = 0; i < 8; i++)); do
		cni DEL "m$i" "m$i" "$access" &
		pids+=($!)
	done
	wait "${pids[@]}"
	for ((i = 0; i < 8; i++)); do
		ip netns del "m$i"
	done
	same "" "$(host_device)" "eight last DELs at once: none"
	same "" "$(leases)" "and no address"
}
many_at_once

# --- CHECK notices every single damage. ---

# damage NAME WORD COMMAND...: CHECK is content before, then names WORD.
damage() {
	local name=$1 word=$2

	add c1 c1 "$config" CNI_ARGS="IP=10.1.0.2"
	check c1 c1 "$config"
	[ "$status" = 0 ] || cni_show "CHECK before: $name"
	shift 2
	"$@"
	check c1 c1 "$config"
	refused 102 "CHECK notices: $name" "$word"
	cni DEL c1 c1 "$config"
}

set_mode() {
	ip -n c1 link set eth0 type macvlan mode "$1"
}

other_parent() {
	local mac

	mac=$(link eth0 c1 | jq -r .address)
	ip -n c1 link del eth0
	ip link add link p1 name tmp0 mtu 1400 address "$mac" type macvlan \
		mode bridge
	ip link set tmp0 netns c1 name eth0
	ip -n c1 link set eth0 up
}

a_bridge_instead() {
	ip -n c1 link del eth0
	ip -n c1 link add eth0 type bridge
}

config=$(mconf '.mtu = 1400 | .hostAccess = true |
	.ipam.routes = [{dst: "0.0.0.0/0"}, {dst: "192.0.2.0/24",
	gw: "10.1.0.9"}]')
damage "the interface is gone" eth0 ip -n c1 link del eth0
damage "it is something else" macvlan a_bridge_instead
damage "it is down" down ip -n c1 link set eth0 down
damage "its parent is another" p1 other_parent
damage "its mode is another" private set_mode private
damage "its MAC is another" MAC \
	ip -n c1 link set eth0 address 02:00:00:00:00:99
damage "its MTU is another" 1300 ip -n c1 link set eth0 mtu 1300
damage "the IPv4 address is gone" 10.1.0.2 \
	ip -n c1 addr del 10.1.0.2/24 dev eth0
damage "the IPv6 address is gone" fd00:1:: \
	ip -n c1 -6 addr flush dev eth0 scope global
damage "the default route is gone" 0.0.0.0/0 ip -n c1 route del default
damage "another route is gone" 192.0.2.0/24 \
	ip -n c1 route del 192.0.2.0/24
host_device_gone() {
	ip link del "$(host_device)"
}
host_device_down() {
	ip link set "$(host_device)" down
}
host_route_gone() {
	ip route del 10.1.0.2
}
damage "the host's device is gone" mvh host_device_gone
damage "the host's device is down" down host_device_down
damage "the host's route is gone" 10.1.0.2 host_route_gone
# Linux 6.1 renames nothing that is up.
rename() {
	ip link set "$1" down
	ip link set "$1" name "$2"
	ip link set "$2" up
}
damage "the parent is not there" p0 rename p0 p9
rename p9 p0
ip addr replace fd00:1::1/64 dev p0 nodad

add c1 c1 "$config"
ip link set p0 promisc on
ip -n c1 link set eth0 promisc on
ip -n c1 addr add 192.0.2.77/32 dev eth0
ip -n c1 link add foreign type bridge
ip link add foreign type bridge
cni CHECK c1 c1 "$(with_prev "$config" "$(jq -c '.interfaces =
	[{name: "eth0", sandbox: "/other"}] + .interfaces |
	.ips[].interface = 1' <<<"$result")")"
worked "no false alarm: someone sniffs, others' devices, addresses and entries"
ip -n c1 link set eth0 address 02:00:00:00:00:99 mtu 1300
cni CHECK c1 c1 "$(with_prev "$config" "$(jq -c '.interfaces[0].mac =
	"02:00:00:00:00:99" | .interfaces[0].mtu = 1300' <<<"$result")")"
worked "no false alarm: a chained plugin has changed MAC and MTU, and says so"
ip link set p0 promisc off
ip -n c1 link del foreign
ip link del foreign
cni DEL c1 c1 "$config"
cni CHECK c1 c1 "$(mconf)"
refused 7 "CHECK without prevResult" prevResult

# --- GC, STATUS, VERSION. ---

gc() {
	cni GC "" "" "$(jq -c --argjson list "$1" \
		'."cni.dev/valid-attachments" = $list' <<<"$access")"
}

cni GC "" "" "$access"
refused 7 "GC without cni.dev/valid-attachments is refused" \
	cni.dev/valid-attachments
add c1 c1 "$access" CNI_ARGS="IP=10.1.0.2"
add c2 c2 "$access" CNI_ARGS="IP=10.1.0.3"
ip -n c1 link del eth0
gc '[{"containerID": "c2", "ifname": "eth0"}]'
worked "GC with a list"
same "10.1.0.3" "$(ip -4 -j route show dev "$(host_device)" |
	jq -r '.[].dst')" "removes the host's route to what is not on it"
same 2 "$(leases | wc -l)" "and its addresses"
check c2 c2 "$access"
worked "what is on it is untouched"
gc '[]'
worked "GC with an empty list"
same "" "$(host_device)" "removes the host's device"
same "" "$(leases)" "and the addresses"
cni DEL c2 c2 "$access"
worked "DEL after that"

cni STATUS "" "" "$access"
worked "STATUS"
cni STATUS "" "" "$(mconf '.master = "no"')"
refused 50 "STATUS without the parent" master no
cni STATUS "" "" "$(mconf '.mtu = 1501')"
refused 50 "STATUS with an MTU that the parent cannot" 1501
cni STATUS "" "" "$(mconf '.linkInContainer = true | .master = "no"')"
worked "STATUS cannot know the container's parents"
cni VERSION "" "" '{"cniVersion": "1.1.0", "type": "macvlan-vm"}'
has "VERSION" '.supportedVersions | index("1.1.0")'

# --- The example. ---

lan_conflist_of_the_examples() {
	ip addr add 192.168.1.10/24 dev p1
	ip route add default via 192.168.1.1
	ip -n lan addr add 192.168.1.1/24 dev p1
	mkdir "$TMPDIR/net.d"
	cp "$cni_root/examples/lan.conflist" "$TMPDIR/net.d"
	export NETCONFPATH=$TMPDIR/net.d CNI_PATH=$cni_bin
	succeeds "examples/lan.conflist: weft add" \
		"$cni_bin/weft" add lan /run/netns/c1
	pings "the guest reaches the LAN's router" c1 192.168.1.1
	pings "the guest reaches the host" c1 192.168.1.10
	succeeds "the host reaches the guest" busybox ping -qc1 -W2 192.168.1.200
	succeeds "weft check" "$cni_bin/weft" check lan /run/netns/c1
	succeeds "weft del" "$cni_bin/weft" del lan /run/netns/c1
	same "" "$(host_device)$(leases lan)" "and nothing is left"
	ip addr del 192.168.1.10/24 dev p1
}
lan_conflist_of_the_examples

# --- What the reference macvlan gets wrong, and its users complained of. ---

# Run: errors after the creation left the link, because of a shadowed variable.
failed_add_leaves_nothing() {
	local before

	before=$(state c1)
	add c1 c1 "$(mconf '.ipam.routes = [{dst: "192.0.2.0/24",
		gw: "203.0.113.1"}]')"
	refused 100 "an ADD that fails at the last step says at which" \
		192.0.2.0/24 203.0.113.1
	same "$before" "$(state c1)" "and leaves neither link nor address"
	add c1 c1 "$(mconf)"
	worked "the next ADD just works"
	cni DEL c1 c1 "$(mconf)"
}

# Run: a bare "Link not found".
unknown_master_is_named() {
	add c1 c1 "$(mconf '.master = "nope"')"
	refused 7 "a master that is not there is named, with its key" \
		master nope "Link not found"
}

# Run: the same for 0.2.0, after the device was made; it stayed.
l2_with_0_2_0_is_refused_before_anything_is_made() {
	local before

	before=$(state c1)
	add c1 c1 "$(mconf 'del(.ipam) | .cniVersion = "0.2.0"')"
	refused 1 "layer 2 cannot be told in cniVersion 0.2.0" net1 0.2.0
	same "$before" "$(state c1)" "and nothing was made"
}

# Run: a second ADD said "failed to rename macvlan", after it took an address.
second_add_takes_no_address() {
	local before

	add c1 c1 "$(mconf)"
	before=$(leases)
	add other c1 "$(mconf)"
	refused 101 "a second ADD says what exists" eth0 /run/netns/c1
	same "$before" "$(leases)" "and takes no address"
	cni DEL c1 c1 "$(mconf)"
}

# Run: the configuration's dns was all that was reported.
prevResult_and_dns_are_passed_on() {
	local prev

	prev='{"cniVersion": "1.1.0",
		"interfaces": [{"name": "lo9", "mac": "02:00:00:00:00:09"}],
		"ips": [{"interface": 0, "address": "192.0.2.7/24"}],
		"dns": {"nameservers": ["192.0.2.53"]}}'
	cni ADD c1 c1 "$(with_prev "$(mconf)" "$prev")"
	has "prevResult is passed on, our entry after it" '
		[.interfaces[].name] == ["lo9", "eth0"] and
		[.ips[].interface] == [0, 1, 1] and
		.dns.nameservers == ["192.0.2.53"]'
	check c1 c1 "$(mconf)"
	worked "CHECK is content with it"
	cni DEL c1 c1 "$(mconf)"
}

# Run: upstream's DEL removes the host's own interface of that name.
own_netns_is_refused_and_its_devices_stay() {
	local before

	ip link add eth0 type veth peer name uplink
	before=$(state)
	add c1 /proc/self/ns/net "$(mconf)"
	refused 8 "the plugin's own namespace is refused" "should not be the same"
	cni DEL c1 /proc/self/ns/net "$(mconf)"
	worked "DEL there"
	same "$before" "$(state)" "touches nothing"
	ip link del eth0
	add c1 /proc/self/ns/net "$(mconf)" CNI_NETNS_OVERRIDE=1
	worked "unless CNI_NETNS_OVERRIDE says so"
	cni DEL c1 /proc/self/ns/net "$(mconf)" CNI_NETNS_OVERRIDE=1
	fails "then DEL removes its own" ip link show dev eth0
}

# plugins#250: one MAC on several nodes; systemd 243+ rewrote random ones.
the_mac_is_derived_and_the_same_after_a_restart() {
	local mac

	add c1 c1 "$(mconf)"
	mac=$(jq -r '.interfaces[0].mac' <<<"$result")
	cni DEL c1 c1 "$(mconf)"
	add c1 c1 "$(mconf)"
	has "the same attachment gets the same MAC" \
		".interfaces[0].mac == \"$mac\""
	cni DEL c1 c1 "$(mconf)"
	add c1 c1 "$(mconf)" CNI_IFNAME=eth1
	has "another one another" ".interfaces[0].mac != \"$mac\""
	cni DEL c1 c1 "$(mconf)" CNI_IFNAME=eth1
}

# An interface of the host's with the guest's name is no obstacle.
the_host_may_have_the_guests_name() {
	ip link add eth0 type bridge
	add c1 c1 "$(mconf)"
	worked "ADD of eth0 where the host has one"
	cni DEL c1 c1 "$(mconf)"
	succeeds "which stays" ip link show dev eth0
	ip link del eth0
}

# plugins#680: SettleAddresses polled for a second or two.
ipv6_is_usable_at_once() {
	add c1 c1 "$(mconf)"
	same "" "$(ip -n c1 -6 addr show tentative scope global)" \
		"no address is tentative after ADD"
	pings "the LAN is reached by IPv6 at once" c1 fd00:1::99
	cni DEL c1 c1 "$(mconf)"
}

for test in $(declare -F | awk '$3 ~ /_/ { print $3 }'); do
	grep -q "^# --- What the reference" "$0" || exit 1
	sed '1,/^# --- What the reference/d' "$0" | grep -q "^$test() {\$" ||
		continue
	note "$test"
	"$test"
done
same "" "$(leases)" "no address is left over"
