#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# macvlan-vm with a VM: the macvtap, the node of its character device, who may
# open it, whose device it is, and what CHECK and GC see.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

if ! ip link add probe0 type veth peer name probe1 ||
	! ip link add link probe0 name probe2 type macvtap; then
	skip "macvlan-vm for VMs" "this kernel has no macvtap"
	exit
fi
ip link del probe0

for ns in v1 v2 c1 lan; do
	ns_new $ns
done
parent_new() {
	ip link add "$1" address "02:11:00:00:00:$2" type veth \
		peer name "$1" netns lan
	ip link set "$1" up
	ip -n lan link set "$1" up
}
parent_new p0 01
parent_new p1 02
ip addr add 10.1.0.1/24 dev p0
ip addr add fd00:1::1/64 dev p0 nodad
ip -n lan addr add 10.1.0.99/24 dev p0
ip -n lan addr add fd00:1::99/64 dev p0 nodad
tap_open=$(tap_tool)
tap_arp=$(tap_tool tap_arp)

# /dev is one for all who run this at a time: the names are of a network that
# nobody else has.
net=n$(tr -d - </proc/sys/kernel/random/uuid | cut -c1-12)
nodes=()

# mconf [JQ]: a configuration, changed by a jq program.
mconf() {
	jq -nc --arg net "$net" '{
		cniVersion: "1.1.0", name: $net, type: "macvlan-vm",
		master: "p0", attach: "macvtap", ipam: {
			type: "ipam-host-local",
			ranges: [[{subnet: "10.1.0.0/24"}],
				[{subnet: "fd00:1::/64"}]]
		}
	} | '"${1:-.}"
}

# vm ID NETNS CONF...: ADD; leaves $node, $mac, $ip and $index.
vm() {
	add "$@"
	[ "$status" = 0 ] || return 0
	node=$(jq -r '.interfaces[0].socketPath // ""' <<<"$out")
	mac=$(jq -r '.interfaces[0].mac // ""' <<<"$out")
	ip=$(jq -r '(.ips[0].address // "") | sub("/.*"; "")' <<<"$out")
	[ -z "$node" ] || nodes+=("$node" "/dev/.${node#/dev/}")
}

# hold NODE QUEUES: as a VMM that runs, until descriptor 8 is closed.
hold() {
	local tries=50

	: >"$TMPDIR/held"
	exec 8> >("$tap_open" "$1" "$2" hold >"$TMPDIR/held")
	until grep -qx held "$TMPDIR/held" || [ $((tries -= 1)) = 0 ]; do
		sleep 0.1
	done
}

index_in() {
	link "$1" ${2+"$2"} | jq .ifindex
}

# number NAME [NS]: major:minor, as a sysfs of that namespace has it.
number() {
	local command="mount -t sysfs s /mnt && cat /mnt/class/net/$1/tap*/dev"

	${2+ip netns exec "$2"} unshare -m sh -c "$command"
}

# of PATH: number, owner and permissions of a node.
of() {
	stat -c '%Hr:%Lr %u:%g %a' "$1"
}

# --- ADD, CHECK, DEL, each twice; nothing stays. ---

full=$(mconf '.mtu = 1400 | .bcqueuelen = 5000 | .hostAccess = true |
	.ipam.routes = [{dst: "0.0.0.0/0"}, {dst: "::/0"}] |
	.macvtap = {queues: 2, owner: 107, group: 108, mode: "0640"}')
vm v1 v1 "$full"
del v1 v1 "$full"
before=$(state v1)
vm v1 v1 "$full"
worked "ADD makes a VM's macvtap, with all that layer 3 has"
has "the result is the guest alone, as a container's; it names the node" '
	(.interfaces | length == 1) and (.ips | all(.interface == 0)) and
	.interfaces[0].name == "eth0" and (.interfaces[0].mac | test("^02:")) and
	.interfaces[0].sandbox == "/run/netns/v1" and
	(.interfaces[0].socketPath | test("^/dev/mvt[0-9a-f]{11}$"))'
has "both families get an address and a default route" '
	([.ips[].address] | length == 2) and
	[.routes[].dst] == ["0.0.0.0/0", "::/0"]'
guest=$(link eth0 v1)
is "it is a macvtap, up, marked as ours" "$guest" '
	.linkinfo.info_kind == "macvtap" and .group == "2003134068" and
	.ifalias == "weft1:macvlan-vm:'"$net"':v1:eth0" and
	(.flags | index("UP") and index("ALLMULTI"))'
is "mode, mtu, bcqueuelen and queues count" "$guest" '
	.linkinfo.info_data.mode == "bridge" and .mtu == 1400 and
	.linkinfo.info_data.bcqueuelen == 5000 and
	.num_tx_queues == 2 and .num_rx_queues == 2'
is "frames are held for the VMM" "$guest" '.txqlen == 1000'
is "its MAC is the guest's" "$guest" ".address == \"$mac\""
same "" "$(ip -n v1 -o addr show dev eth0)" \
	"it has no address: the VM has them"
same "1 8 0" "$(ip netns exec v1 sh -c 'cd /proc/sys/net
	cat ipv6/conf/eth0/disable_ipv6 ipv4/conf/eth0/arp_ignore \
		ipv4/conf/eth0/forwarding' | xargs)" \
	"and the namespace's own stack keeps off it"
same "$(number eth0 v1) 107:108 640" "$(of "$node")" \
	"the node is that device's, with owner and permissions"
index=$(index_in eth0 v1)
same "$(of "$node")" "$(of "/dev/tap$index")" \
	"so is the kernel's, where libvirt and KubeVirt look"
succeeds "its name is not a common one" test "$index" -ge $((1 << 30))
vm v1 v1 "$full"
refused 101 "a second ADD is refused, naming the interface" eth0 exists
check v1 v1 "$full"
worked "and has changed nothing: CHECK is content"
check v1 v1 "$full"
worked "CHECK twice"
del v1 v1 "$full"
worked "DEL"
del v1 v1 "$full"
worked "DEL again"
same "$before" "$(state v1)" "ADD, CHECK and DEL leave nothing"
vm v1 v1 "$full"
cni DEL v1 "" "$(mconf 'del(.attach) | .master = "no" | .mode = "vepa"')"
worked "DEL with neither namespace nor prevResult nor attach"
fails "removes the node" test -e "$node"
same "" "$(leases "$net")" "and frees the addresses"
cni DEL v1 v1 "$(mconf 'del(.attach)')"
worked "DEL with the namespace"
same "$before" "$(state v1)" "leaves nothing"
mknod "/dev/.${node#/dev/}" c 1 3
cni DEL v1 v1 "$full"
fails "DEL removes what a killed ADD left in /dev" \
	test -e "/dev/.${node#/dev/}"
parent_new p2 03
vm v1 v1 "$(mconf '.master = "p2"')"
hold "$node" 1
ip link del p2
del v1 v1 "$(mconf '.master = "p2"')"
worked "DEL when the parent is gone, under a VMM's hands"
exec 8>&-
same "$before" "$(state v1)" "leaves nothing"

# --- In the plugin's own namespace. ---

ip link add eth0 type bridge
before=$(state)
own=/proc/self/ns/net
vm v1 $own "$full"
worked "ADD where the VMM is on the host, which has an eth0"
has "its entry is CNI_IFNAME in CNI_NETNS as ever" '
	.interfaces[0].name == "eth0" and
	.interfaces[0].sandbox == "/proc/self/ns/net"'
dev=${node#/dev/}
is "the device is called as its node" "$(link "$dev")" '
	.linkinfo.info_kind == "macvtap" and .link == "p0" and
	.inet6_addr_gen_mode == "none" and
	.ifalias == "weft1:macvlan-vm:'"$net"':v1:eth0"'
same "$(number "$dev") 107:108 640" "$(of "$node")" "the node is its own"
check v1 $own "$full"
worked "CHECK"
vm v1 $own "$full"
refused 101 "a second ADD is refused" "$dev" exists
vm v1 v1 "$full"
refused 101 "also elsewhere" "$dev" "on the host"
vm v1 v1 "$(jq -c '.attach = "macvlan" | .perAttachment = ["attach"]' \
	<<<"$full")"
refused 101 "also as a container" "$dev" "on the host"
out=$("$cni_bin/weft" ls --json)
has "weft ls shows it as a VM's" '.[] | select(.containerID == "v1") |
	.kind == "macvtap" and .device == "'"$dev"'" and .ifname == "eth0" and
	.mac == "'"$mac"'" and (.addresses | length == 2) and .up'
del v1 $own "$full"
worked "DEL"
same "$before" "$(state)" "leaves nothing, and the host's eth0"
vm v1 $own "$full"
cni DEL v1 "" "$(mconf 'del(.attach)')"
worked "DEL without a namespace and without attach"
same "$before" "$(state)" "leaves nothing either"
ip link add link p0 name "$dev" type macvtap
cni DEL v1 $own "$full"
succeeds "a device of that name that is not ours stays" ip link show dev "$dev"
vm v1 $own "$full"
refused 101 "and is in the way" "$dev" exists
ip link del "$dev"
ip link add link p0 name "$dev" type macvtap
ip link set "$dev" group 2003134068
cni DEL v1 $own "$full"
fails "one that a killed ADD has not marked goes" ip link show dev "$dev"
ip link del eth0

# --- Who may open it, and whose it is. ---

vm v1 v1 "$full"
succeeds "its owner opens it without privilege" \
	setpriv --reuid 107 --regid 109 --clear-groups "$tap_open" "$node" 2
same "eth0 $mac" "$output" "it is that interface"
fails "its group, which may only read, does not" \
	setpriv --reuid 109 --regid 108 --clear-groups "$tap_open" "$node" 2
fails "another user does not" \
	setpriv --reuid 109 --regid 109 --clear-groups "$tap_open" "$node" 2
cni DEL v1 v1 "$full"
for queues in 1 4; do
	vm v1 v1 "$(mconf ".macvtap.queues = $queues")"
	same "0:0 660" "$(of "$node" | cut -d' ' -f2-)" \
		"by default it is root's, 0660"
	for opener in 1 4; do
		succeeds "queues $queues, opened by a VMM with $opener" \
			"$tap_open" "$node" $opener
		succeeds "and asks for one who has 10.1.0.99, $opener" \
			"$tap_arp" "$node" "$mac" "$ip" 10.1.0.99
	done
	check v1 v1 "$(mconf ".macvtap.queues = $queues")"
	worked "CHECK, queues $queues"
	cni DEL v1 v1 "$(mconf)"
done

# Frames come to the queues of one VMM, and its MAC leads to no other. The guard would
# have another ifindex.
two_whose_ifindex_clashes() {
	local one two first second clash

	clash=$(tap_tool clash)
	read -r one two < <("$clash" "$net")
	vm "$one" v1 "$(mconf '.guard = {antispoof: false, addressing: false}')"
	first=$node first_mac=$mac
	vm "$two" v2 "$(mconf '.macvtap = {owner: 107} |
		.guard = {antispoof: false, addressing: false}')"
	second=$node
	same "$(index_in eth0 v1)" "$(index_in eth0 v2)" \
		"two namespaces have macvtaps of one ifindex, $one and $two"
	index=$(index_in eth0 v2)
	same 2 "$(printf '%s\n' "$first" "$second" | sort -u | wc -l)" \
		"their nodes are two"
	same "$(number eth0 v1) 0:0 660" "$(of "$first")" "of the one"
	same "$(number eth0 v2) 107:0 660" "$(of "$second")" "and of the other"
	same "$(of "$first")" "$(of "/dev/tap$index")" \
		"/dev/tap$index is the first one's, and stays as it was"
	same "eth0 $first_mac" "$("$tap_open" "$first" 1)" "opened, they are two"
	same "eth0 $mac" "$("$tap_open" "$second" 1)" "devices"
	succeeds "and the second is heard" \
		"$tap_arp" "$second" "$mac" "$ip" 10.1.0.99
	check "$two" v2 "$(mconf '.macvtap = {owner: 107} |
		.guard = {antispoof: false, addressing: false}')"
	worked "CHECK of the second"
	cni DEL "$one" v1 "$(mconf)"
	same "$(number eth0 v2) 107:0 660" "$(of "$second")" \
		"DEL of the first leaves the second's"
	cni DEL "$two" v2 "$(mconf)"
}
two_whose_ifindex_clashes

# --- When a device goes without DEL, its number is the next one's. ---

number_of_the_dead() {
	local stale gone

	ns_new dead
	vm v9 dead "$(mconf '.macvtap = {owner: 107, mode: "0666"}')"
	stale=$node gone=$(of "$node" | cut -d' ' -f1)
	ip netns del dead
	# The kernel takes its time to free a namespace.
	for _ in $(seq 50); do
		[[ $(of "$stale") = *" 666" ]] || break
		sleep 0.1
	done
	same "$gone 0:0 0" "$(of "$stale")" \
		"the kernel closes the node of a device that is gone"
	cni GC "" "" "$(mconf '."cni.dev/valid-attachments" =
		[{containerID: "v9", ifname: "eth0"}]')"
	worked "GC"
	fails "removes it" test -e "$stale"
	cni DEL v9 dead "$(mconf)"
	worked "DEL after that"
}
number_of_the_dead

# --- Traffic. ---

access=$(mconf '.hostAccess = true | .perAttachment = ["attach"]')
add c1 c1 "$access" CNI_ARGS=ATTACH=macvlan
container=$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$out")
has "the container beside it has a macvlan" '.interfaces[0].socketPath == null'
vm v1 v1 "$access" CNI_ARGS=ATTACH=macvtap
for ip2 in "$container" 10.1.0.99 10.1.0.1; do
	succeeds "the VM is answered by ${ip2/$container/the container}" \
		"$tap_arp" "$node" "$mac" "$ip" "$ip2"
done
fails "with no VMM, nobody answers for its address" \
	ip netns exec lan busybox arping -q -c 1 -w 1 -I p0 "$ip"
cni CHECK v1 v1 "$(with_prev "$access")" CNI_ARGS=ATTACH=macvtap
worked "CHECK with hostAccess"
same "$ip" "$(ip -4 -j route | jq -r '.[].dst' | grep -Fx "$ip")" \
	"the host has a route to it"
cni DEL v1 v1 "$access"
cni DEL c1 c1 "$access"

config=$(mconf '.mac = "02:00:00:00:00:07"')
vm v2 v2 "$(mconf)"
other=$node
cni DEL v2 v2 "$(mconf)"
vm v1 v1 "$config"
before=$(leases "$net")
vm v2 v2 "$config"
refused 100 "a MAC that another guest of the parent has is refused" eth0
fails "and leaves no node" test -e "$other"
succeeds "but the other guest's" test -c "$node"
same "$before" "$(leases "$net")" "and no address is held"
cni DEL v1 v1 "$config"

vm v1 /proc/self/ns/net "$(mconf)"
same "02:11:00:00:00:01" "$(ip netns exec lan busybox arping -c 1 -w 1 \
	-I p0 10.1.0.1 | sed -n 's/.*\[\(.*\)\].*/\L\1/p' | sort -u)" \
	"a macvtap on the host answers for none of the host's addresses"
cni DEL v1 "" "$(mconf)"

for mode in private vepa passthru; do
	config=$(mconf ".mode = \"$mode\" | .master = \"p1\"")
	vm v1 v1 "$config"
	is "mode $mode" "$(link eth0 v1)" \
		".linkinfo.info_data.mode == \"$mode\" and .address == \"$mac\""
	ip -n lan addr add 10.1.0.98/24 dev p1
	succeeds "reaches the LAN" "$tap_arp" "$node" "$mac" "$ip" 10.1.0.98
	ip -n lan addr del 10.1.0.98/24 dev p1
	check v1 v1 "$config"
	worked "CHECK in mode $mode"
	cni DEL v1 v1 "$config"
done
same "02:11:00:00:00:02" "$(link p1 | jq -r .address)" \
	"the parent has its own MAC"
config=$(mconf '.mode = "passthru" | .master = "p1" |
	.mac = "02:00:00:00:00:07"')
vm v1 v1 "$config"
has "a requested MAC counts in passthru" \
	'.interfaces[0].mac == "02:00:00:00:00:07"'
cni DEL v1 v1 "$config"
same "02:11:00:00:00:02" "$(link p1 | jq -r .address)" "until DEL"
ip link add in0 type veth peer name in1
ip link set in0 netns v1
ip -n v1 link set in0 up
config=$(mconf '.linkInContainer = true | .master = "in0"')
vm v1 v1 "$config"
check v1 v1 "$config"
worked "a parent in the VM's namespace"
cni DEL v1 v1 "$config"
ip link del in1
vm v1 v1 "$(mconf 'del(.ipam)')"
has "without ipam it is layer 2" '(.ips // []) == []'
cni DEL v1 v1 "$(mconf 'del(.ipam)')"
vm v1 v1 "$(mconf '.cniVersion = "0.4.0"')"
has "cniVersion 0.4.0 has no socketPath" '.interfaces[0].socketPath == null'
cni DEL v1 v1 "$(mconf)"

# --- Who may ask for it. ---

closed=$(mconf 'del(.attach)')
for asked in '.args.cni' '.runtimeConfig'; do
	vm v1 v1 "$(jq -c "$asked.attach = \"macvtap\"" <<<"$closed")"
	refused 7 "$asked.attach is refused unless perAttachment lists it" \
		macvtap "$net" perAttachment
done
vm v1 v1 "$closed" CNI_ARGS=ATTACH=macvtap
refused 7 "so is CNI_ARGS" macvtap "$net" perAttachment
same "" "$(leases "$net")" "and nothing is held"
vm v1 v1 "$(jq -c '.perAttachment = ["attach"] |
	.args.cni.attach = "macvtap"' <<<"$closed")"
has "listed, it is given" '.interfaces[0].socketPath'
cni DEL v1 v1 "$closed"

# --- CHECK notices. ---

config=$(mconf '.mtu = 1400 | .macvtap = {queues: 2, owner: 107}')
damage() {
	local name=$1 word=$2

	vm v1 v1 "$config"
	check v1 v1 "$config"
	[ "$status" = 0 ] || cni_show "CHECK before: $name"
	shift 2
	"$@"
	check v1 v1 "$config"
	refused 102 "CHECK notices: $name" "$word"
	cni DEL v1 v1 "$config"
}
with_node() {
	"$1" "${@:2}" "$node"
}
another_node() {
	rm "$node"
	mknod "$node" c 1 3
}
a_file_instead() {
	rm "$node"
	touch "$node"
}
made_again() {
	ip -n v1 link del eth0
	ip link add link p0 name tmp0 mtu 1400 address "$mac" "$@"
	ip link set tmp0 netns v1 name eth0
	ip -n v1 link set eth0 allmulticast on up
}
damage "the interface is gone" eth0 ip -n v1 link del eth0
damage "it is a macvlan" macvtap made_again type macvlan mode bridge
damage "it is another one, with one queue" "1 queues" \
	made_again type macvtap mode bridge
damage "it is another one: its node is a dead one's" node \
	made_again numtxqueues 2 numrxqueues 2 type macvtap mode bridge
damage "it is down" down ip -n v1 link set eth0 down
damage "it filters multicast" multicast ip -n v1 link set eth0 allmulticast off
damage "its mode is another" private \
	ip -n v1 link set eth0 type macvtap mode private
damage "its MAC is another" MAC \
	ip -n v1 link set eth0 address 02:00:00:00:00:99
damage "its MTU is another" 1300 ip -n v1 link set eth0 mtu 1300
damage "its queues hold nothing" "length 0" \
	ip -n v1 link set eth0 txqueuelen 0
damage "the node is gone" missing with_node rm
damage "the node is another device's" 1:3 another_node
damage "it is no device" missing a_file_instead
damage "it is another's" 108 with_node chown 108
damage "anybody may open it" 0666 with_node chmod 666
damage "the lease is gone" v1 \
	find "$cni_leases/$net" -name '10.1.0.*' -delete
vm v1 v1 "$config"
hold "$node" 2
check v1 v1 "$config"
worked "CHECK is content while a VMM has it open"
del v1 v1 "$config"
worked "DEL removes it under the VMM's hands"
exec 8>&-

# --- GC. ---

gc() {
	cni GC "" "" "$(jq -c --argjson list "$2" \
		'."cni.dev/valid-attachments" = $list' <<<"$1")"
}
own=/proc/self/ns/net
vm v1 $own "$access" CNI_ARGS="ATTACH=macvtap;IP=10.1.0.11"
one=$node
vm v2 $own "$access" CNI_ARGS="ATTACH=macvtap;IP=10.1.0.12"
two=$node
vm v3 $own "$access" CNI_ARGS="ATTACH=macvtap;IP=10.1.0.13"
vm v4 $own "$(jq -c '.name += "x"' <<<"$access")" \
	CNI_ARGS="ATTACH=macvtap;IP=10.1.0.14"
other=$node
vm v5 v1 "$access" CNI_ARGS="ATTACH=macvtap;IP=10.1.0.15"
inside=$node
hold "$two" 2
gc "$access" '[{"containerID": "v3", "ifname": "eth0"}]'
worked "GC with a list"
fails "removes a device that is not on it" ip link show dev "${one#/dev/}"
fails "and its node" test -e "$one"
succeeds "spares one that a VMM has open" ip link show dev "${two#/dev/}"
same "10.1.0.12 10.1.0.13" "$(leases "$net" | grep -v : | xargs)" \
	"whose address stays, as of what is on the list"
same "10.1.0.12 10.1.0.13" "$(ip -4 -j route | jq -r '.[].dst' |
	grep -E '^10.1.0.1[123]$' | sort | xargs)" "and the host's route to it"
succeeds "and other networks' devices" ip link show dev "${other#/dev/}"
succeeds "with their nodes" test -c "$other"
succeeds "and the node of one that is in its namespace" test -c "$inside"
cni DEL v5 v1 "$access"
gc "$(jq -c '.gc = "strict"' <<<"$access")" \
	'[{"containerID": "v3", "ifname": "eth0"}]'
worked "GC, strict"
fails "spares nothing that is not on the list" \
	ip link show dev "${two#/dev/}"
same "10.1.0.13" "$(leases "$net" | grep -v : | xargs)" "nor its address"
exec 8>&-
cni DEL v3 "" "$access"
cni DEL v4 "" "$(jq -c '.name += "x"' <<<"$access")"
same "" "$(leases "$net")$(leases "${net}x")" "DEL of the rest"

# --- The example; its VM has a name that nobody else's has. ---

lan_vms_of_the_examples() {
	ip addr add 192.168.1.10/24 dev p1
	ip route add default via 192.168.1.1
	ip -n lan addr add 192.168.1.1/24 dev p1
	mkdir "$TMPDIR/net.d"
	cp "$cni_root/examples/macvtap/lan-vms.conflist" "$TMPDIR/net.d"
	export NETCONFPATH=$TMPDIR/net.d CNI_PATH=$cni_bin
	export CNI_ARGS=ATTACH=macvtap
	out=$("$cni_bin/weft" add lan-vms /run/netns/v1 --id "$net")
	has "examples/macvtap: weft add" '.interfaces[0].socketPath'
	node=$(jq -r '.interfaces[0].socketPath' <<<"$out")
	mac=$(jq -r '.interfaces[0].mac' <<<"$out")
	nodes+=("$node")
	same "107:107 660" "$(of "$node" | cut -d' ' -f2-)" "it is owner's"
	succeeds "the VM reaches the LAN's router" "$tap_arp" "$node" "$mac" \
		192.168.1.200 192.168.1.1
	succeeds "the VM reaches the host" "$tap_arp" "$node" "$mac" \
		192.168.1.200 192.168.1.10
	succeeds "with-fds.sh runs a VMM as anybody, with descriptors" \
		"$cni_root/examples/macvtap/with-fds.sh" "$node" 4 \
		setpriv --reuid 109 --regid 109 --clear-groups \
		bash -c 'ls -l /proc/self/fd | grep -c mvt; echo %FDS%'
	same 4 "${output%%$'\n'*}" "one for each queue"
	succeeds "weft check" "$cni_bin/weft" check lan-vms /run/netns/v1 \
		--id "$net"
	succeeds "weft del" "$cni_bin/weft" del lan-vms /run/netns/v1 \
		--id "$net"
	same "" "$(leases lan-vms)" "and nothing is left"
	unset CNI_ARGS
	ip addr del 192.168.1.10/24 dev p1
}
lan_vms_of_the_examples

# --- A /dev that the kernel does not keep. ---

plain_dev() {
	local device

	mkdir "$TMPDIR/dev"
	mount -t tmpfs -o mode=755 dev "$TMPDIR/dev"
	for device in null zero urandom; do
		cp -a "/dev/$device" "$TMPDIR/dev"
	done
	ln -s /proc/self/fd "$TMPDIR/dev/fd"
	mount --move "$TMPDIR/dev" /dev
}
leftover=
for path in "${nodes[@]}"; do
	[ ! -e "$path" ] || leftover+=" $path"
done
same "" "$leftover" "/dev holds no node of ours any more"
plain_dev
config=$(mconf '.macvtap = {owner: 107, group: 108, mode: "0620"}')
vm v1 v1 "$config"
worked "ADD where /dev is no devtmpfs"
same "$(number eth0 v1) 107:108 620" "$(of "$node")" "makes the node"
same "$node" "$(echo /dev/*mvt* /dev/.mvt* | tr ' ' '\n' | grep -v '\*')" \
	"and nothing else"
check v1 v1 "$config"
worked "CHECK"
cni DEL v1 v1 "$config"
fails "DEL removes it" test -e "$node"
stale=/dev/mvt00000000000
mknod "$stale" c "$(awk '$2 == "macvtap" { print $1 }' /proc/devices)" 77777
mknod /dev/mvt0000000000 c 1 3
gc "$access" '[]'
fails "GC removes a node without a device" test -e "$stale"
succeeds "but not one of another name" test -e /dev/mvt0000000000
mkdir "$node"
before=$(state v1)
vm v1 v1 "$config"
refused 5 "an ADD that cannot make the node says so" "${node:-/dev/mvt}"
same "$before" "$(state v1)" "and leaves nothing"
same "" "$(leases "$net")" "no address is left over"
