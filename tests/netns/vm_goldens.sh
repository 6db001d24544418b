#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What tc-redirect-tap's users, KubeVirt and Kata read, as a whole: each result
# and file against one that is written down here, with the names worked out by
# the shell from the rules that are documented, and by nothing of ours.
# shellcheck disable=SC2016 # jq's, not the shell's
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

for ns in p1 vm1; do
	ns_new $ns
done
machine=$(tr -d ' \r\n' 2>/dev/null </etc/machine-id || true)

# --- The rules. ---

# fnv WORD...: FNV-1a of 64 bits over the words, NUL between them.
fnv() {
	local LC_ALL=C h=$((0xcbf29ce484222325)) word i c between=

	for word; do
		# x ^ NUL is x.
		[ -z "$between" ] || h=$((h * 0x100000001b3))
		between=yes
		for ((i = 0; i < ${#word}; i++)); do
			printf -v c %d "'${word:i:1}"
			h=$(((h ^ c) * 0x100000001b3))
		done
	done
	echo $h
}

# link_name PREFIX NETWORK CONTAINER IFNAME: DESIGN.md section 4.
link_name() {
	local h

	h=$(fnv "${@:2}")
	printf '%s%011x\n' "$1" $((((h >> 44) & 0xfffff) ^
		(h & 0xfffffffffff)))
}

# mac FIRST WORD...: likewise.
mac() {
	local h text

	h=$(fnv "$machine" "${@:2}")
	printf -v text '%s%010x' "$1" $((((h >> 40) & 0xffffff) ^
		(h & 0xffffffffff)))
	sed 's/../&:/g; s/:$//' <<<"$text"
}

# kubevirt PREFIX NETWORK: KubeVirt's own, over the name in spec.networks.
kubevirt() {
	printf '%s%s\n' "$1" "$(printf %s "$2" | sha256sum | cut -c -11)"
}

same af63dc4c8601ec8c "$(printf %x "$(fnv a)")" \
	"FNV-1a is that of its authors' test vectors"
same 85944171f73967e8 "$(printf %x "$(fnv foobar)")" "of more than one letter"
same "pod37a8eec1ce1 tap6d1b23123e2 podb1f51a511f1" \
	"$(kubevirt pod default) $(kubevirt tap mynetwork) $(kubevirt pod red)" \
	"KubeVirt's hash is that of its documented examples"

# golden NAME JQ [JQ-ARGUMENT...]: the last answer is just that.
golden() {
	same "$(jq -nS "${@:3}" "$2")" "$(jq -S . <<<"$out")" "$1"
}

# chain CONF JQ ID NETNS [NAME=VALUE...]: tap-vm after bridge-vm; $conf1, $conf2
# are what DEL gets.
chain() {
	conf1=$1
	cni ADD "$3" "$4" "$1" "${@:5}"
	[ "$status" = 0 ] || return 0
	conf2=$(jq -c --argjson prev "$out" '{cniVersion, name, type: "tap-vm",
		prevResult: $prev} | '"$2" <<<"$1")
	cni ADD "$3" "$4" "$conf2" "${@:5}"
}

chain_del() {
	cni DEL "$1" "$2" "$conf2" "${@:3}"
	cni DEL "$1" "$2" "$conf1" "${@:3}"
}

gateway=$(conf '.isDefaultGateway = true | .name = "pods"')
bridge_mac=$(mac 02 br0 '' '')

# --- KubeVirt, binding "tap": pod<hash> and tap<hash> in the pod. ---

ifname=$(kubevirt pod red)
arguments=(--arg ifname "$ifname" --arg tap "$(kubevirt tap red)"
	--arg veth "$(link_name veth pods launcher-1 "$ifname")"
	--arg bridge "$bridge_mac"
	--arg guest "$(mac 02 pods launcher-1 "$ifname")"
	--arg port "$(mac fe pods launcher-1 "$ifname")")
chain "$(jq -c '.mtu = 1400' <<<"$gateway")" \
	'.vmResult = "kubevirt" | .tap.queues = 2' launcher-1 p1 \
	CNI_IFNAME="$ifname"
golden "KubeVirt: the result" '{
	cniVersion: "1.1.0",
	interfaces: [
		{name: "br0", mac: $bridge},
		{name: $veth, mac: $port},
		{name: $ifname, mac: $guest, sandbox: "/run/netns/p1"},
		{name: $tap, mac: $port, mtu: 1400, sandbox: "/run/netns/p1"}],
	ips: [
		{interface: 2, address: "10.1.0.2/24", gateway: "10.1.0.1"},
		{interface: 2, address: "fd00:1::2/64", gateway: "fd00:1::1"}],
	routes: [{dst: "0.0.0.0/0", gw: "10.1.0.1"},
		{dst: "::/0", gw: "fd00:1::1"}]}' "${arguments[@]}"
same "$(mac 02 pods launcher-1 "$ifname") 1400" \
	"$(link "$ifname" p1 | jq -r '"\(.address) \(.mtu)"')" \
	"KubeVirt: the guest's MAC and MTU are read from pod<hash>"
same "107 107" "$(ip netns exec p1 sh -c 'cd /sys/class/net/$0 &&
	cat owner group' "$(kubevirt tap red)" | xargs)" \
	"KubeVirt: qemu's user opens tap<hash>"
same "lo $ifname $(kubevirt tap red)" "$(ip -n p1 -j link |
	jq -r '[.[].ifname] | sort_by(. != "lo") | join(" ")')" \
	"KubeVirt: and nothing else is in the pod"
chain_del launcher-1 p1 CNI_IFNAME="$ifname"

# --- Firecracker's SDK: tc-redirect-tap. ---

arguments=(--arg veth "$(link_name veth pods vm1 eth0)" --arg bridge "$bridge_mac"
	--arg guest "$(mac 02 pods vm1 eth0)" --arg port "$(mac fe pods vm1 eth0)")
shape='.vmResult = "tc-redirect-tap"'
expected='{
	cniVersion: "1.0.0",
	interfaces: [
		{name: "br0", mac: $bridge},
		{name: $veth, mac: $port},
		{name: "eth0", mac: $guest, sandbox: "/run/netns/vm1"},
		{name: $tap, mac: $port, sandbox: "/run/netns/vm1"},
		{name: $tap, mac: $guest, sandbox: "vm1"}],
	ips: [
		{interface: 2, address: "10.1.0.3/24", gateway: "10.1.0.1"},
		{interface: 2, address: "fd00:1::3/64", gateway: "fd00:1::1"},
		{interface: 4, address: "10.1.0.3/24", gateway: "10.1.0.1"}],
	routes: [{dst: "0.0.0.0/0", gw: "10.1.0.1"},
		{dst: "::/0", gw: "fd00:1::1"}],
	dns: {nameservers: ["192.0.2.53"], domain: "example.org"}}'
named=$(jq -c '.cniVersion = "1.0.0" | .dns = {nameservers: ["192.0.2.53"],
	domain: "example.org"}' <<<"$gateway")
# The SDK's DEL comes before its ADD.
cni DEL vm1 vm1 "$(jq -c ".type = \"tap-vm\" | $shape" <<<"$named")"
worked "Firecracker: DEL before ADD"
chain "$named" "$shape" vm1 vm1
golden "Firecracker: the result" "$expected" "${arguments[@]}" --arg tap tap0
has "as the SDK reads it: one VM, one tap of its name, one address" '
	(.interfaces | map(.sandbox == "vm1") | index(true)) as $vm |
	(.interfaces | map(select(.sandbox == "vm1")) | length) == 1 and
	(.interfaces | map(select(.name == "tap0" and .sandbox != "vm1")) |
		length) == 1 and
	([.ips[] | select(.interface == $vm)] | length) == 1'
chain_del vm1 vm1
chain "$named" "$shape" vm1 vm1 \
	CNI_ARGS="TC_REDIRECT_TAP_NAME=fc0;TC_REDIRECT_TAP_UID=123"
golden "Firecracker: with a name of the user's" \
	"$expected | (.ips[].address) |= sub(\"3/\"; \"4/\")" \
	"${arguments[@]}" --arg tap fc0
chain_del vm1 vm1
chain "$(jq -c '.cniVersion = "0.4.0"' <<<"$named")" "$shape" vm1 vm1
golden "Firecracker: in the words of cniVersion 0.4.0" "$expected |
	.cniVersion = \"0.4.0\" |
	.ips |= map(.address |= sub(\"3/\"; \"5/\") |
	.version = (if .address | contains(\":\") then \"6\" else \"4\" end))" \
	"${arguments[@]}" --arg tap tap0
chain_del vm1 vm1

# --- Kata: a tap on the bridge, and the file that leads to it. ---

id=a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f90a1b
file=/run/kata-containers/dans/$id.json
kata=$(jq -c '.attach = "tap" | .kataDan = true | .tap.queues = 4 |
	.mtu = 9000 | .bridge = "br9" | .ipam.routes = [{dst: "192.0.2.0/24",
	gw: "10.1.0.9", mtu: 1400}, {dst: "2001:db8::/32"}]' <<<"$gateway")
layer2='.name = "lab" | .bridge = "br8" | del(.ipam, .isDefaultGateway, .mtu, .tap)'
arguments=(--arg tap "$(link_name tap pods $id eth0)"
	--arg guest "$(mac 02 pods $id eth0)" --arg port "$(mac fe pods $id eth0)"
	--arg bridge "$(mac 02 br9 '' '')" --arg id "$id"
	--arg tap1 "$(link_name tap lab $id net1)"
	--arg guest1 "$(mac 02 lab $id net1)")
cni ADD $id p1 "$kata"
golden "Kata: the result" '{
	cniVersion: "1.1.0",
	interfaces: [
		{name: "br9", mac: $bridge},
		{name: $tap, mac: $port},
		{name: "eth0", mac: $guest, sandbox: "/run/netns/p1"}],
	ips: [
		{interface: 2, address: "10.1.0.6/24", gateway: "10.1.0.1"},
		{interface: 2, address: "fd00:1::6/64", gateway: "fd00:1::1"}],
	routes: [{dst: "192.0.2.0/24", gw: "10.1.0.9", mtu: 1400},
		{dst: "2001:db8::/32"},
		{dst: "0.0.0.0/0", gw: "10.1.0.1"},
		{dst: "::/0", gw: "fd00:1::1"}]}' "${arguments[@]}"
cni ADD $id p1 "$(jq -c "$layer2" <<<"$kata")" CNI_IFNAME=net1
worked "Kata: a second network"
out=$(cat $file)
golden "Kata: the file, of both networks" '{
	netns: null,
	devices: [{
		name: "eth0",
		guest_mac: $guest,
		device: {type: "host-tap", tap_name: $tap, queue_num: 4,
			queue_size: 0},
		network_info: {
			interface: {
				ip_addresses: ["10.1.0.6/24", "fd00:1::6/64"],
				mtu: 9000, ntype: "tuntap", flags: 0},
			routes: [
				{dest: "192.0.2.0/24", gateway: "10.1.0.9",
				source: "", scope: 0, flags: 0, mtu: 1400},
				{dest: "2001:db8::/32", gateway: "fd00:1::1",
				source: "", scope: 0, flags: 0},
				{dest: "0.0.0.0/0", gateway: "10.1.0.1",
				source: "", scope: 0, flags: 0},
				{dest: "::/0", gateway: "fd00:1::1",
				source: "", scope: 0, flags: 0}],
			neighbors: []},
		weft: "weft1:bridge-vm:pods:\($id):eth0"
	}, {
		name: "net1",
		guest_mac: $guest1,
		device: {type: "host-tap", tap_name: $tap1, queue_num: 1,
			queue_size: 0},
		network_info: {
			interface: {ip_addresses: [], mtu: 1500, ntype: "tuntap",
				flags: 0},
			routes: [],
			neighbors: []},
		weft: "weft1:bridge-vm:lab:\($id):net1"
	}]}' "${arguments[@]}"
cni DEL $id p1 "$(jq -c "$layer2" <<<"$kata")" CNI_IFNAME=net1
cni DEL $id p1 "$kata"
fails "Kata: DEL of both" test -e $file
