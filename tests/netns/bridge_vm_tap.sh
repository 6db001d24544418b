#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# bridge-vm with a VM: the tap, who may open it, who may ask for it, and what
# CHECK notices.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

ns_new v1
ns_new v2
tap_open=$(tap_tool)

# --- ADD, CHECK, DEL, each twice; nothing stays but the network's own. ---

full=$(conf '.attach = "tap" | .isDefaultGateway = true | .ipMasq = true |
	.mtu = 1400')
add v1 v1 "$full"
worked "ADD makes a VM's tap, with all that layer 3 has"
has "the result has the shape of a container's" '
	(.interfaces | length == 3) and (.ips | all(.interface == 2)) and
	.interfaces[0].name == "br0" and
	(.interfaces[1].name | test("^tap[0-9a-f]{11}$")) and
	(.interfaces[1].mac | test("^fe:")) and
	.interfaces[2].name == "eth0" and (.interfaces[2].mac | test("^02:")) and
	.interfaces[2].sandbox == "/run/netns/v1"'
has "both families get an address and a default route" '
	[.ips[].address] == ["10.1.0.2/24", "fd00:1::2/64"] and
	[.routes[].dst] == ["0.0.0.0/0", "::/0"]'
fails "the VM's own namespace stays empty" ip -n v1 link show dev eth0
add v1 v1 "$full"
refused 101 "a second ADD is refused, naming the tap" "$(port)" exists
check v1 v1 "$full"
worked "and has changed nothing: CHECK is content"
check v1 v1 "$full"
worked "CHECK twice"
del v1 v1 "$full"
worked "DEL"
del v1 v1 "$full"
worked "DEL again"
same "" "$(leases)" "DEL frees both addresses"
before=$(state v1)
add v1 v1 "$full"
check v1 v1 "$full"
del v1 v1 "$full"
same "$before" "$(state v1)" "another ADD, CHECK and DEL leaves nothing more"
add v1 v1 "$full"
cni DEL v1 "" "$(conf)"
worked "DEL with neither namespace nor prevResult nor attach"
same "$before" "$(state v1)" "leaves nothing either"

# --- What the tap is. ---

add v1 v1 "$full"
p=$(port)
tap=$(link "$p")
is "it is a tap for plain frames with virtio-net headers" "$tap" '
	.linkinfo.info_kind == "tun" and .linkinfo.info_data == {type: "tap",
	pi: false, vnet_hdr: true, multi_queue: false, persist: true}'
is "marked as ours" "$tap" '.group == "2003134068"'
is "it says whose it is" "$tap" '.ifalias == "weft1:bridge-vm:net1:v1:eth0"'
is "mtu counts" "$tap" '.mtu == 1400'
is "it is up, on the bridge" "$tap" \
	'.master == "br0" and (.flags | index("UP"))'
is "its MAC is not the guest's, which would kill the guest's frames" "$tap" \
	".address != $(jq '.interfaces[2].mac' <<<"$result")"
same "" "$(ip -6 -o addr show dev "$p")" "no IPv6 on it"
same 0 "$(cat "/proc/sys/net/ipv6/conf/$p/accept_ra")" "it heeds no router"
same "-1 -1" "$(cat "/sys/class/net/$p/"{owner,group} | xargs)" \
	"only root may open it"
succeeds "a VMM with one queue opens it" "$tap_open" "$p" single
fails "a VMM that wants several cannot" "$tap_open" "$p" multi
del v1 v1 "$full"
ip link del br0

config=$(conf '.attach = "tap" | .mtu = 9000 | .tap = {queues: 2, owner: 107,
	group: 108}')
add v1 v1 "$config"
p=$(port)
same "9000 9000" "$(link br0 | jq .mtu) $(link "$p" | jq .mtu)" \
	"mtu 9000 counts on bridge and tap"
same "107 108" "$(cat "/sys/class/net/$p/"{owner,group} | xargs)" \
	"owner and group may open it"
# The machine's own may be closed to them.
mknod "$TMPDIR/tun" c 10 200
chmod 666 "$TMPDIR/tun"
export TUN_DEVICE=$TMPDIR/tun
succeeds "their process opens it without privilege" \
	setpriv --reuid 107 --regid 108 --clear-groups "$tap_open" "$p" multi
fails "another user's does not" \
	setpriv --reuid 109 --regid 109 --clear-groups "$tap_open" "$p" multi
fails "queues 2: a VMM that wants one queue cannot open it" \
	"$tap_open" "$p" single
check v1 v1 "$config"
worked "CHECK of a multi-queue tap"
del v1 v1 "$config"

# A name of the network's owner's choice.
config=$(conf '.attach = "tap" | .tap.name = "vm-eth"')
add v1 v1 "$config"
has "tap.name is the port's name" '.interfaces[1].name == "vm-eth"'
is "and an altname leads to it" "$(link vm-eth)" \
	'.altnames | length == 1 and (.[0] | test("^weft-[0-9a-f]{16}$"))'
check v1 v1 "$config"
worked "CHECK finds it"
add v2 v2 "$config"
refused 101 "the next VM cannot have the name too" vm-eth exists
same 2 "$(leases | wc -l)" "and holds no address"
add v1 v1 "$(jq -c '.tap.name = "vm-two"' <<<"$config")"
refused 101 "nor can the same one have a second tap by another name" vm-eth
add v1 v1 "$(jq -c '.attach = "veth"' <<<"$config")"
refused 101 "nor an interface in a container beside it" vm-eth
add v1 v1 "$(jq -c 'del(.tap)' <<<"$config")"
refused 101 "nor one by the derived name" vm-eth
check v1 v1 "$config"
worked "and all that has not touched the first"
cni DEL v1 "" "$(conf)"
worked "DEL finds it although the configuration no longer names it"
fails "it is gone" ip link show dev vm-eth
same "" "$(leases)" "with its addresses"
ip tuntap add mode tap name vm-eth
cni DEL v1 "" "$config"
succeeds "somebody else's tap of that name is left alone" \
	ip link show dev vm-eth
ip link del vm-eth
add v1 v1 "$(conf)"
add v1 v1 "$(conf '.attach = "tap"')"
refused 101 "a container's attachment is not also a VM's" "$(port)"
check v1 v1 "$(conf)"
worked "and stays whole"
cni DEL v1 v1 "$(conf)"

# No namespace: a VM in the host's.
config=$(conf '.attach = "tap"')
cni ADD v1 /proc/self/ns/net "$config"
worked "a VM may name the plugin's own namespace"
cni DEL v1 /proc/self/ns/net "$config"
worked "so may its DEL"
same "" "$(leases)" "which frees"

# MAC, layer 2, disableContainerInterface.
add v1 v1 "$config" CNI_ARGS="MAC=02:00:00:00:00:01"
has "a requested MAC is the guest's" \
	'.interfaces[2].mac == "02:00:00:00:00:01"'
same "$(jq -r '.interfaces[1].mac' <<<"$result")" \
	"$(link "$(port)" | jq -r .address)" "and not the tap's"
cni DEL v1 v1 "$config"
l2=$(conf '.attach = "tap" | del(.ipam)')
add v1 v1 "$l2"
worked "without ipam it is layer 2"
check v1 v1 "$l2"
worked "CHECK of layer 2"
del v1 v1 "$l2"
worked "DEL of layer 2"

# --- Who may ask for a tap. ---

closed=$(conf)
open=$(conf '.perAttachment = ["attach"]')
add v1 v1 "$closed" CNI_ARGS="IgnoreUnknown=1;ATTACH=tap"
refused 7 "ATTACH in CNI_ARGS is refused unless perAttachment lists it" \
	tap net1 perAttachment
add v1 v1 "$(jq -c '.args.cni.attach = "tap"' <<<"$closed")"
refused 7 "so is args.cni.attach" tap net1 perAttachment
add v1 v1 "$(jq -c '.runtimeConfig.attach = "tap"' <<<"$closed")"
refused 7 "so is runtimeConfig.attach" tap net1 perAttachment
same "" "$(leases)" "and nothing is held"
add v1 v1 "$open" CNI_ARGS="IgnoreUnknown=1;ATTACH=tap"
has "listed, CNI_ARGS gets its tap" '.interfaces[1].name | test("^tap")'
cni DEL v1 v1 "$open"
asked=$(jq -c '.args.cni.attach = "tap"' <<<"$open")
add v1 v1 "$asked"
has "and args.cni" '.interfaces[1].name | test("^tap")'
cni DEL v1 v1 "$open"
worked "DEL needs not know"
same "" "$(ip -o link show type tun)" "and finds it"
add v1 v1 "$asked" CNI_ARGS="ATTACH=veth"
has "args.cni overrides CNI_ARGS" '.interfaces[1].name | test("^tap")'
cni DEL v1 v1 "$open"
add v1 v1 "$(jq -c '.runtimeConfig.attach = "veth"' <<<"$asked")"
has "runtimeConfig overrides args.cni" '.interfaces[1].name | test("^veth")'
cni DEL v1 v1 "$open"
add v1 v1 "$open" CNI_ARGS="ATTACH=macvtap"
refused 7 "an unknown kind is refused" macvtap net1
add v1 v1 "$open"
has "unasked it stays what the network is" \
	'.interfaces[1].name | test("^veth")'
cni DEL v1 v1 "$open"

# --- A container and a VM on one bridge, the frames themselves. ---

config=$(conf '.isGateway = true | .perAttachment = ["attach"]')
add v1 v1 "$config" CNI_ARGS="ATTACH=tap"
vm=$result
add c1 v2 "$config"
same "10.1.0.0/24" "$(jq -s -r '[.[].ips[0].address | sub("[0-9]+/"; "0/")] |
	unique | join(" ")' <<<"$vm $result")" \
	"a container and a VM get addresses of one pool"
same br0 "$(jq -s -r '[.[].interfaces[0].name] | unique | join(" ")' \
	<<<"$vm $result")" "and ports of one bridge"
cni DEL c1 v2 "$config"
cni DEL v1 v1 "$config"

# --- CHECK notices. ---

full=$(conf '.attach = "tap" | .isGateway = true | .tap.queues = 2')
damage() {
	local name=$1 command=$2

	shift 2
	cni DEL v1 v1 "$full"
	ip link del "$p" 2>/dev/null || true
	ip link del br0 2>/dev/null || true
	add v1 v1 "$full"
	check v1 v1 "$full"
	[ "$status" = 0 ] || cni_show "CHECK before: $name"
	p=$(port)
	eval "$command"
	check v1 v1 "$full"
	refused 102 "CHECK notices: $name" "$@"
}

# shellcheck disable=SC2016 # expanded by damage
{
	damage "the tap is gone" 'ip link del $p' tap "not found"
	damage "the tap is down" 'ip link set $p down' tap "is down"
	damage "the tap is off the bridge" 'ip link set $p nomaster' tap br0
	damage "the tap's MAC is another" \
		'ip link set $p address 02:00:00:00:00:77' 02:00:00:00:00:77
	damage "the tap was made anew without multi-queue" '
		mac=$(link $p | jq -r .address)
		ip link del $p
		ip tuntap add mode tap name $p vnet_hdr
		ip link set $p address $mac master br0 up' tap multi-queue
	damage "a veth pair has the tap's name" '
		ip link del $p
		ip link add $p type veth' tap veth
	damage "the bridge's address is gone" \
		'ip addr flush dev br0' br0 10.1.0.1
	damage "the lease is gone" 'rm $cni_leases/net1/10.1.0.*' v1
}
cni DEL v1 v1 "$full"
add v1 v1 "$full"
exec 8> >("$tap_open" "$(port)" multi hold >/dev/null)
check v1 v1 "$full"
worked "CHECK is content while a VMM holds the tap"
del v1 v1 "$full"
worked "DEL removes it under the VMM's hands"
exec 8>&-
same "" "$(ip -o link show type tun)" "and nothing is left"
