#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What looks at a whole network: GC, STATUS, and weft network rm.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

for ns in c1 c2 v1 v2 v3; do
	ns_new $ns
done
tap_open=$(tap_tool)
base=$(conf '.isDefaultGateway = true | .ipMasq = true |
	.perAttachment = ["attach"]')

# gc LIST [JQ]: with that list of valid attachments.
gc() {
	cni GC "" "" "$(jq -c --argjson list "$1" \
		'."cni.dev/valid-attachments" = $list | '"${2:-.}" \
		<<<"$base")"
}

vm() {
	add "$1" "$1" "$base" CNI_ARGS=ATTACH=tap
}

valid() {
	jq -nc '[$ARGS.positional[] | {containerID: ., ifname: "eth0"}]' \
		--args "$@"
}

# --- GC ---

cni GC "" "" "$base"
refused 7 "GC without cni.dev/valid-attachments is refused" \
	cni.dev/valid-attachments
gc '"all"'
refused 6 "so is a list that is none" valid-attachments
gc '[]'
worked "GC of a network that is not there yet"

vm v1
stale=$(port)
vm v2
kept=$(port)
add c1 c1 "$base"
veth=$(port)
container=$result
gc "$(valid v2 c1)"
worked "GC with a list"
fails "removes the tap that is not on it" ip link show dev "$stale"
succeeds "keeps the tap that is" ip link show dev "$kept"
succeeds "and the container's" ip link show dev "$veth"
same 4 "$(leases | wc -l)" "and frees just its addresses"
gc "$(valid v2 c1)"
worked "GC again"

vm v3
held=$(port)
exec 8> >("$tap_open" "$held" single hold >"$TMPDIR/held")
until [ -s "$TMPDIR/held" ]; do sleep 0.01; done
gc '[]'
worked "GC with an empty list"
fails "removes the tap that nobody holds open" ip link show dev "$kept"
succeeds "spares the tap that a VMM holds open" ip link show dev "$held"
succeeds "spares the container that lives" ip link show dev "$veth"
same 4 "$(leases | wc -l)" "and the spared ones keep their addresses"
cni CHECK c1 c1 "$(with_prev "$base" "$container")"
worked "CHECK is content with the spared container"
add c2 c2 "$base"
same "" "$(jq -r '.ips[].address | sub("/.*"; "")' <<<"$container" |
	grep -Fxf <(jq -r '.ips[].address | sub("/.*"; "")' <<<"$result"))" \
	"nobody else gets a spared one's address"
gc '[]' '.gc = "strict"'
worked "gc: strict"
same "" "$(ip -o link show master br0)" "removes what is alive, too"
same "" "$(leases)" "and frees every address"
exec 8>&-

# What is not this network's.
ip link add other type veth peer name other1
ip link set other master br0 up
ip tuntap add mode tap name tap0
add c1 c1 "$(jq -c '.name = "net2" | .ipam.ranges =
	[[{subnet: "10.2.0.0/24"}]] | .isDefaultGateway = false' <<<"$base")"
gc '[]' '.gc = "strict"'
worked "GC beside others' devices"
same 3 "$(ip -o link | grep -c -e ' other@' -e ' tap0:' -e " $(port)@")" \
	"touches none, nor another network's port"
same 10.2.0.2 "$(leases net2)" "nor another network's lease"
cni DEL c1 c1 "$(jq -c '.name = "net2"' <<<"$base")"
ip link del other
ip link del tap0

# Leases without a device: a reboot took the devices.
add c1 c1 "$base"
ip link del "$(port)"
vm v1
ip link del "$(port)"
same 4 "$(leases | wc -l)" "after a crash there are leases without devices"
gc "$(valid c1)"
same 2 "$(leases | wc -l)" "GC frees those of guests that are gone"
gc '[]'
same "" "$(leases)" "all of them, in the end"
printf 'not a lease' >"$cni_leases/net1/README"
printf 'x\r\ny' >"$cni_leases/net1/10.1.0.300"
gc '[]'
same 2 "$(find "$cni_leases/net1" -name README -o -name '*.300' | wc -l)" \
	"GC leaves files that are no leases"
rm "$cni_leases/net1/"{README,10.1.0.300}

# An address is free when nobody can send from it any more.
cat >"$TMPDIR/last" <<'EOF'
#!/bin/bash
config=$(cat)
[ "$CNI_COMMAND" != GC ] ||
	ip link show dev "$(jq -r .watch <<<"$config")" >/dev/null 2>&1
echo "$CNI_COMMAND $?" >>"$(jq -r .order <<<"$config")"
jq -nc '{cniVersion: "1.1.0", ips: [{address: "10.1.0.9/24"}]}'
EOF
chmod +x "$TMPDIR/last"
with_last() {
	jq -c --arg order "$TMPDIR/order" --arg watch "${1-}" \
		'.ipam.type = "last" | .order = $order | .watch = $watch' <<<"$base"
}
add c1 c1 "$(with_last)" CNI_PATH="$TMPDIR"
worked "ADD with an IPAM plugin that watches"
same 10.1.0.1 "$(jq -r '.ips[0].gateway' <<<"$result")" \
	"the gateway that it does not name is the subnet's first address"
cni GC "" "" "$(with_last "$(port)" | jq -c '.gc = "strict" |
	."cni.dev/valid-attachments" = []')" CNI_PATH="$TMPDIR"
worked "GC with it"
same "GC 1" "$(tail -n 1 "$TMPDIR/order")" \
	"its addresses are collected when the port is gone, not before"

add c1 c1 "$base"
cni GC "" "" "$(jq -c '."cni.dev/valid-attachments" = [] |
	.cniVersion = "1.0.0"' <<<"$base")"
refused 1 "GC before cniVersion 1.1.0 is refused" GC
cni DEL c1 c1 "$base"

# --- STATUS ---

cni STATUS "" "" "$base"
worked "STATUS of a network that works"
ip link add notabr type veth peer name notabr1
cni STATUS "" "" "$(jq -c '.bridge = "notabr"' <<<"$base")"
refused 50 "STATUS: the bridge's name belongs to another device" notabr
ip link del notabr
cni STATUS "" "" "$(jq -c '.bridge = "nobr"' <<<"$base")"
worked "STATUS: a bridge that is not there will be made"
fails "but not by STATUS" ip link show dev nobr
small=$(jq -c '.ipam.ranges = [[{subnet: "10.3.0.0/30"}]] | .name = "net3" |
	.isDefaultGateway = false' <<<"$base")
cni STATUS "" "" "$small"
worked "STATUS: an address is free"
add c1 c1 "$small"
cni STATUS "" "" "$small"
refused 50 "STATUS: no address is free" 10.3.0.
cni DEL c1 c1 "$small"
cni STATUS "" "" "$(jq -c '.vlan = 4095' <<<"$base")"
refused 50 "STATUS: a configuration that ADD would refuse" vlan 4095
cni STATUS "" "" "$(jq -c '.uplink = "none0"' <<<"$base")"
refused 50 "STATUS: an uplink that is not there" none0
cni STATUS "" "" "$(jq -c '.cniVersion = "1.0.0"' <<<"$base")"
refused 1 "STATUS before cniVersion 1.1.0 is refused" STATUS

# Half the ports come by the other half's making.
ip link add full type bridge
start=$SECONDS
for i in $(seq 512); do
	echo "link add a$i type veth peer name b$i"
	echo "link set a$i master full"
	[ "$i" = 512 ] || echo "link set b$i master full"
done >"$TMPDIR/batch"
ip -b "$TMPDIR/batch"
note "1023 ports in $((SECONDS - start)) s"
same 1023 "$(ip -o link show master full | wc -l)" "a bridge with 1,023 ports"
crowded=$(jq -c '.bridge = "full" | .name = "net4"' <<<"$base")
cni STATUS "" "" "$crowded"
refused 50 "STATUS: the bridge is full" full 1023
add c1 c1 "$crowded"
refused 100 "ADD on it says so" full 1023
vm_out=$(jq -c '.attach = "tap"' <<<"$crowded")
add c1 c1 "$vm_out"
refused 100 "for a VM as well" full 1023
same "" "$(leases net4)$(ip -n c1 -o link show type veth)" \
	"and leaves no lease and no device"
ip link del a512
cni STATUS "" "" "$crowded"
worked "STATUS: a port has become free"
add c1 c1 "$crowded"
worked "and ADD takes it"
cni DEL c1 c1 "$crowded"

# --- weft network rm ---

export NETCONFPATH=$TMPDIR/net.d
mkdir "$NETCONFPATH"
before=$(state c1)
fresh=$(jq -c '.name = "net5" | .bridge = "br5"' <<<"$base")
add c1 c1 "$fresh"
fails "network rm is refused while a container lives" \
	"$cni_bin/weft" network rm net5
is "and says why" "$(jq -Rs . <<<"$output")" 'test("still h")'
check c1 c1 "$fresh"
worked "and has touched nothing"
cni DEL c1 c1 "$fresh"
add c1 c1 "$(jq -c 'del(.ipam) | .isDefaultGateway = false' <<<"$fresh")"
fails "so it is while a layer 2 guest lives" "$cni_bin/weft" network rm net5
cni DEL c1 c1 "$(jq -c 'del(.ipam)' <<<"$fresh")"
succeeds "after the last DEL it works" "$cni_bin/weft" network rm net5
fails "the bridge is gone" ip link show dev br5
fails "the rules are gone" nft list chain inet weft masq-net5
fails "the leases' directory is gone" ls "$cni_leases/net5"
same "" "$(ls "$cni_leases/.weft/net5" 2>/dev/null)" "and our own"
same "$before" "$(state c1)" "the state is as before the first ADD"
succeeds "network rm again" "$cni_bin/weft" network rm net5

ip link add br6 type bridge
add c1 c1 "$(jq -c '.bridge = "br6"' <<<"$fresh")"
cni DEL c1 c1 "$fresh"
succeeds "network rm where somebody else made the bridge" \
	"$cni_bin/weft" network rm net5
succeeds "leaves it there" ip link show dev br6
add c1 c1 "$fresh"
cni DEL c1 c1 "$fresh"
touch "$cni_leases/net5/mine"
fails "network rm does not remove a file of somebody's" \
	"$cni_bin/weft" network rm net5
same mine "$(ls "$cni_leases/net5")" "and leaves it"
fails "a network's name is checked" "$cni_bin/weft" network rm ../x
