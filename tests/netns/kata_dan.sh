#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# kataDan: bridge-vm's taps in the files where Kata looks for them. What is in
# such a file as a whole, vm_goldens.sh compares.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

for ns in v1 v2; do
	ns_new $ns
done
dans=/run/kata-containers/dans
file=$dans/v1.json
kata=$(conf '.attach = "tap" | .kataDan = true | .isDefaultGateway = true')
kata2=$(jq -c '.name = "net2" | .bridge = "br2" |
	.ipam.ranges = [[{subnet: "10.2.0.0/24"}]]' <<<"$kata")

# --- ADD, CHECK, DEL, each twice; nothing stays. ---

add v1 v1 "$kata"
worked "ADD where there is no directory yet"
del v1 v1 "$kata"
before=$(state v1)
succeeds "which stays, for Kata" test -d $dans
add v1 v1 "$kata"
same 600 "$(stat -c %a $file)" "the file is root's alone"
is "it has one device, in the host's namespace" "$(cat $file)" '
	.netns == null and (.devices | length) == 1'
is "the result's tap, MAC and addresses are there" "$(cat $file)" "
	.devices[0] | .name == \"eth0\" and
	.device == {type: \"host-tap\", tap_name: \"$(port)\", queue_num: 1,
		queue_size: 0} and
	.guest_mac == $(jq '.interfaces[2].mac' <<<"$result") and
	.network_info.interface.ip_addresses == $(jq -c '[.ips[].address]' \
	<<<"$result")"
is "and whose it is" "$(cat $file)" \
	'.devices[0].weft == "weft1:bridge-vm:net1:v1:eth0"'
held=$result
was=$(cat $file)
add v1 v1 "$kata"
refused 101 "a second ADD is refused" "$(port)" exists
same "$was" "$(cat $file)" "and has not touched the file"
result=$held
check v1 v1 "$kata"
worked "CHECK"
check v1 v1 "$kata"
worked "CHECK twice"
del v1 v1 "$kata"
worked "DEL"
fails "takes the file away" test -e $file
del v1 v1 "$kata"
worked "DEL again"
same "$before" "$(state v1)" "nothing is left"
add v1 v1 "$kata"
cni DEL v1 "" "$(conf)"
worked "DEL with neither namespace nor prevResult nor kataDan"
same "$before" "$(state v1)" "leaves nothing either"
add v1 v1 "$kata"
ip link del "$(port)"
cni DEL v1 v1 "$(conf)"
worked "DEL where somebody has removed the tap"
same "$before" "$(state v1)" "leaves nothing either"
add v1 v1 "$(jq -c 'del(.attach)' <<<"$kata")"
worked "a container on such a network"
fails "is none of Kata's" test -e $file
check v1 v1 "$(jq -c 'del(.attach)' <<<"$kata")"
worked "CHECK does not look for it"
del v1 v1 "$(jq -c 'del(.attach)' <<<"$kata")"

# --- What the VMM asks for. ---

config=$(jq -c '.mtu = 9000 | .tap = {name: "kata0", queues: 4} |
	.ipam.routes = [{dst: "192.0.2.0/24", gw: "10.1.0.9", mtu: 1400,
	scope: 0}, {dst: "198.51.100.0/24"}] | .isDefaultGateway = false |
	.isGateway = false' <<<"$kata")
add v1 v1 "$config"
is "queues, name and MTU are the tap's" "$(cat $file)" '.devices[0] |
	.device == {type: "host-tap", tap_name: "kata0", queue_num: 4,
	queue_size: 0} and .network_info.interface.mtu == 9000'
is "the routes are those of a container" "$(cat $file)" '
	.devices[0].network_info.routes == [{dest: "192.0.2.0/24",
	gateway: "10.1.0.9", source: "", scope: 0, flags: 0, mtu: 1400},
	{dest: "198.51.100.0/24", gateway: "10.1.0.1", source: "", scope: 0,
	flags: 0}]'
succeeds "and a VMM with so many queues opens it" "$(tap_tool)" kata0 multi
check v1 v1 "$config"
worked "CHECK"
cni DEL v1 v1 "$(conf)"
fails "DEL with another configuration finds it" test -e $file
ip link del br0
add v1 v1 "$(jq -c '.ipam.routes = [{dst: "192.0.2.0/24", table: 100}]' \
	<<<"$kata")"
refused 2 "a route in a table of its own cannot be told" table 100 192.0.2.0
fails "and nothing is told" test -e $file
same "" "$(leases)" "nor leased"
add v1 v1 "$(jq -c 'del(.ipam, .isDefaultGateway)' <<<"$kata")"
is "layer 2: no address and no route" "$(cat $file)" '
	.devices[0].network_info | .interface.ip_addresses == [] and
	.routes == []'
check v1 v1 "$(jq -c 'del(.ipam, .isDefaultGateway)' <<<"$kata")"
worked "CHECK of that"
cni DEL v1 v1 "$(jq -c 'del(.ipam)' <<<"$kata")"

# An IPAM plugin of the user's, that names no gateway.
cat >"$TMPDIR/plain" <<'EOF'
#!/bin/sh
cat >/dev/null
[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion": "1.1.0", "ips": [
	{"address": "10.1.0.9/24"}, {"address": "fd00:1::9/64"}], "routes": [
	{"dst": "192.0.2.0/24"}, {"dst": "2001:db8::/32"}]}'
EOF
chmod +x "$TMPDIR/plain"
add v1 v1 "$(jq -c '.ipam = {type: "plain"} | del(.isDefaultGateway)' \
	<<<"$kata")" CNI_PATH="$TMPDIR"
is "a route without a gateway is to the link" "$(cat $file)" '
	[.devices[0].network_info.routes[] | .gateway, .scope] == ["", 0, "", 0]'
cni DEL v1 v1 "$(jq -c 'del(.ipam)' <<<"$kata")"

# --- Several networks of one sandbox, and others' devices. ---

mkdir -p $dans
theirs='{"name":"eth9","device":{"type":"vfio"},"n":12345678901234567890}'
printf '{"devices": [%s]}' "$theirs" >$file
add v1 v1 "$kata"
first=$result
add v1 v1 "$kata2" CNI_IFNAME=net1
is "two networks and another's device are in one file, in the order they came" \
	"$(cat $file)" '[.devices[].name] == ["eth9", "eth0", "net1"]'
succeeds "the other's byte for byte" grep -qF "$theirs" $file
cni CHECK v1 v1 "$(with_prev "$kata" "$first")"
worked "CHECK of the first"
cni DEL v1 v1 "$kata"
is "DEL removes its own" "$(cat $file)" '[.devices[].name] == ["eth9", "net1"]'
cni CHECK v1 v1 "$(with_prev "$kata2")" CNI_IFNAME=net1
worked "CHECK of the second"
cni DEL v1 v1 "$kata2" CNI_IFNAME=net1
same "{\"devices\": [
$theirs
]}" "$(cat $file)" "the other's stays"
rm $file

# Two at a time, many times: none is lost.
for i in {1..5}; do
	cni ADD v1 v1 "$kata" &
	cni ADD v1 v1 "$kata2" CNI_IFNAME=net1 &
	wait
	[ "$(jq '.devices | length' $file)" = 2 ] || break
	cni DEL v1 v1 "$kata" &
	cni DEL v1 v1 "$kata2" CNI_IFNAME=net1 &
	wait
	[ ! -e $file ] || break
done
succeeds "networks that come and go at once are all in it, and all out" \
	[ "$i" = 5 -a ! -e $file ]

# --- Files that Kata could not read. ---

for text in '{"devices": [' '{}' '[]'; do
	echo "$text" >$file
	add v1 v1 "$kata"
	refused 5 "ADD into the garbled file '$text'" $file
	same "$text" "$(cat $file)" "leaves it"
	same "" "$(leases; ip -o link show master br0)" "and nothing else"
	cni DEL v1 v1 "$kata"
	worked "DEL does not mind"
	same "$text" "$(cat $file)" "and leaves it too"
done
succeeds "but says so in the log" grep -q "$file" "$TMPDIR/stderr"
echo '{"netns": "/run/netns/v1", "devices": []}' >$file
add v1 v1 "$kata"
refused 7 "a file for devices in the pod's namespace takes none of the host's" \
	$file /run/netns/v1
rm $file
add v1 v1 "$(jq -c '.kataDanDir = "dans"' <<<"$kata")"
refused 7 "the directory is an absolute path" kataDanDir dans
touch "$TMPDIR/file"
config=$(jq -c --arg d "$TMPDIR/file" '.kataDanDir = $d' <<<"$kata")
add v1 v1 "$config"
refused 5 "and a directory" "$TMPDIR/file"
cni DEL v1 v1 "$config"
worked "DEL does not mind"
add v1 v1 "$kata" CNI_CONTAINERID="$(printf 'x%.0s' {1..251})"
refused 5 "a container ID that no file can have" 251

# --- Another directory. ---

config=$(jq -c '.kataDanDir = "/run/kata-containers/dans-rs"' <<<"$kata")
add v1 v1 "$config"
succeeds "kataDanDir says where" test -e /run/kata-containers/dans-rs/v1.json
fails "and only there" test -e $file
check v1 v1 "$config"
worked "CHECK"
cni DEL v1 "" "$config"
fails "DEL" test -e /run/kata-containers/dans-rs/v1.json
rmdir /run/kata-containers/dans-rs

# --- GC. ---

# gc LIST [JQ]
gc() {
	cni GC "" "" "$(jq -c --argjson list "$1" \
		'."cni.dev/valid-attachments" = $list | '"${2:-.}" <<<"$kata")"
}
add v1 v1 "$kata"
add v2 v2 "$kata"
p2=$(port)
add v1 v1 "$kata2" CNI_IFNAME=net1
echo garbled >$dans/x.json
gc '[{"containerID": "v2", "ifname": "eth0"}]'
worked "GC"
is "removes what is stale, and leaves another network's" "$(cat $file)" \
	'[.devices[].name] == ["net1"]'
succeeds "and what is valid" test -e $dans/v2.json
same garbled "$(cat $dans/x.json)" "and what nobody can read"
rm $dans/x.json
exec 8> >("$(tap_tool)" "$p2" single hold >"$TMPDIR/held")
until [ -s "$TMPDIR/held" ]; do sleep 0.01; done
gc '[]'
succeeds "a VM that runs keeps its device" test -e $dans/v2.json
exec 8>&-
for _ in {1..40}; do
	[[ $(ip link show "$p2") != *NO-CARRIER* ]] || break
	sleep 0.05
done
ip link del "$p2"
gc '[]'
fails "one whose tap is gone already does not" test -e $dans/v2.json
cni DEL v1 v1 "$kata2" CNI_IFNAME=net1
fails "DEL of the last one" test -e $file

# --- CHECK notices. ---

damage() {
	local name=$1 command=$2

	shift 2
	del v1 v1 "$kata"
	rm -f $file
	add v1 v1 "$kata"
	check v1 v1 "$kata"
	[ "$status" = 0 ] || cni_show "CHECK before: $name"
	eval "$command"
	check v1 v1 "$kata"
	refused 102 "CHECK notices: $name" "$@"
}

# change JQ: of the file.
change() {
	jq "$1" $file >"$TMPDIR/changed"
	cp "$TMPDIR/changed" $file
}

damage "the file is gone" "rm $file" $dans v1.json
damage "the device is gone" "change '.devices = []'" v1.json eth0
damage "the file is garbled" "echo x >$file" v1.json
damage "another MAC" "change '.devices[0].guest_mac = \"02:00:00:00:00:01\"'" \
	guest_mac 02:00:00:00:00:01
damage "another tap" "change '.devices[0].device.tap_name = \"tap0\"'" \
	device tap0
damage "an address too few" \
	"change 'del(.devices[0].network_info.interface.ip_addresses[1])'" \
	network_info 10.1.0
damage "another route" \
	"change '.devices[0].network_info.routes[0].gateway = \"10.1.0.7\"'" \
	network_info
# A guest that is told its MTU by its port is told another one, too.
kata=$(jq -c '.guard = {addressing: false}' <<<"$kata")
# shellcheck disable=SC2016 # expanded by damage
damage "the tap's MTU is another" 'ip link set "$(port)" mtu 1300' \
	network_info 1500 1300
del v1 v1 "$kata"
worked "DEL"
fails "leaves nothing" test -e $file

# --- Who may not look there has nothing there. ---

chmod 700 $dans
chmod 755 "$TMPDIR"
install -D "$cni_bin/bridge-vm" "$TMPDIR/bin/bridge-vm"
# unprivileged VERB JQ: in a user namespace, by somebody that root is not.
unprivileged() {
	jq -c ". + {\"cni.dev/valid-attachments\": []} | del(.ipam) | $2" \
		<<<"$(conf)" | setpriv --reuid 1000 --regid 1000 --clear-groups \
		unshare --user --map-root-user --net env CNI_COMMAND="$1" \
		CNI_CONTAINERID=v1 CNI_IFNAME=eth0 CNI_PATH=/ "$TMPDIR/bin/bridge-vm"
}
if setpriv --reuid 1000 --regid 1000 --clear-groups unshare --user \
	--map-root-user --net true 2>/dev/null; then
	succeeds "DEL in a user namespace" unprivileged DEL .
	succeeds "GC in a user namespace" unprivileged GC .
	fails "but not if it says kataDan" unprivileged DEL '.kataDan = true'
else
	skip "DEL and GC in a user namespace" "this kernel lets nobody have one"
fi

# --- weft gc --orphans, where nobody has the network's configuration. ---

mkdir "$TMPDIR/net.d"
add v1 v1 "$kata"
ip netns del v1
NETCONFPATH=$TMPDIR/net.d succeeds "weft gc --orphans" \
	"$cni_bin/weft" gc --orphans --yes --min-age 0
fails "takes an orphan's tap" ip link show dev "$(port)"
fails "and its device" test -e $file
