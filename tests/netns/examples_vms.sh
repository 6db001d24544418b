#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What examples/ says of Firecracker, Cloud Hypervisor, Kata, KubeVirt and libvirt,
# run with a program in the place of each VMM: it opens what it is told to, as a
# guest that has the MAC and the addresses it is told. Every guest reaches its
# gateway or its LAN.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

examples=$cni_root/examples
export PATH=$TMPDIR/bin:$cni_bin:$PATH CNI_PATH=$cni_bin
export NETCONFPATH=$TMPDIR/net.d
mkdir "$TMPDIR/bin" "$NETCONFPATH" "$TMPDIR/work"
cp "$examples/hybrid.conflist" "$NETCONFPATH"
vmm=$(tap_tool vmm)
cd "$TMPDIR/work"
for ns in guest lan; do
	ns_new $ns
done

# block PAGE N: its Nth block of commands.
block() {
	awk -v n="$2" '/^    / { if (!inside) at++; inside = 1
		if (at == n) print substr($0, 5); next }
		/./ { inside = 0 }' "$examples/$1"
}

# pump [NETNS] TAP MAC: a VM in the namespace "guest"; $pump is its VMM.
pump() {
	local in=()

	[ $# = 2 ] || { in=(ip netns exec "$1"); shift; }
	: >"$TMPDIR/pump"
	"${in[@]}" "$vmm" "$1" /run/netns/guest "$2" >"$TMPDIR/pump" &
	pump=$!
	pumping
}

pumping() {
	for _ in {1..100}; do
		! grep -qs ready "$TMPDIR/pump" || break
		sleep 0.05
	done
	ip -n guest link set eth0 up
}

# guest_has ADDRESS...: what a guest would set.
guest_has() {
	local address

	for address; do
		if [[ $address = *:* ]]; then
			ip -n guest addr add "$address" dev eth0 nodad
		else
			ip -n guest addr add "$address" dev eth0
		fi
	done
}

pump_end() {
	kill "$pump"
	wait "$pump" 2>/dev/null || true
}

# addresses NETWORK: those of its only guest.
addresses() {
	weft ls --json "$1" | jq -r '.[].addresses[]'
}

# What goes with the last guest; bridges and their like stay.
left() {
	leases hybrid
	leases "${1-hybrid}"
	ip -o link show type tun
	ip -o link show type veth | grep -v ' eth1@' || true
	find /run/weft/run /var/lib/cni/weft /run/kata-containers/dans \
		-mindepth 1 2>/dev/null || true
	find /run/netns -name 'vm*'
}

# --- Firecracker. ---

page=firecracker/README.md
install -D -m 644 "$examples/firecracker/fcnet.conflist" conf.d/fcnet.conflist
same "" "$(weft lint conf.d/fcnet.conflist 2>&1)" "Firecracker: the list is right"
# As the SDK does it: DEL, ADD, and its own reading of the result.
ns_new vm1
sdk() {
	NETCONFPATH=conf.d weft "$1" fcnet /run/netns/vm1 --id vm1 --ifname veth0
}
succeeds "Firecracker: the SDK's DEL before ADD" sdk del
out=$(sdk add)
tap=$(jq -r '.interfaces[] | select(.sandbox == "vm1").name' <<<"$out")
mac=$(jq -r '.interfaces[] | select(.sandbox == "vm1").mac' <<<"$out")
address=$(jq -r '(.interfaces | map(.sandbox == "vm1") | index(true)) as $vm |
	[.ips[] | select(.interface == $vm).address] | join(" ")' <<<"$out")
same 10.90.0.2/24 "$address" "Firecracker: one address, for one VM"
pump vm1 "$tap" "$mac"
guest_has "$address"
pings "Firecracker: the SDK's VM is on the network" guest 10.90.0.1
succeeds "Firecracker: CHECK" sdk check
pump_end
succeeds "Firecracker: DEL" sdk del
same "" "$(left fcnet | grep -v vm1)" "Firecracker: leaves nothing"
ip netns del vm1

# It reads its configuration, and is a guest for a while.
cat >"$TMPDIR/bin/firecracker" <<'EOF'
#!/bin/bash
set -euo pipefail
[ "$1 $2" = "--no-api --config-file" ]
jq -e '.["boot-source"] and .drives and .["machine-config"]' "$3" >/dev/null
[ "$(jq '.["network-interfaces"] | length' "$3")" = 1 ]
jq -r '.["network-interfaces"][0] | .host_dev_name, .guest_mac' "$3" >"$ASKED"
{ read -r tap; read -r mac; } <"$ASKED"
exec "$RUN_GUEST" "$tap" "$mac"
EOF
cat >"$TMPDIR/bin/cloud-hypervisor" <<'EOF'
#!/bin/bash
set -euo pipefail
while [ "$1" != --net ]; do shift; done
echo "$2" >"$ASKED"
value() {
	sed -n "s/.*\\b$1=\\([^,]*\\).*/\\1/p" "$ASKED"
}
device=$(value fd)$(value tap)
exec "$RUN_GUEST" "$device" "$(value mac)"
EOF
# guest DEVICE MAC: pings until it is answered. The test gives it its addresses.
cat >"$TMPDIR/bin/guest" <<'EOF'
#!/bin/bash
set -euo pipefail
"$VMM" "$1" /run/netns/guest "$2" >"$TMPDIR/pump" &
vmm=$!
until grep -qs ready "$TMPDIR/pump"; do
	kill -0 $vmm
	sleep 0.05
done
ip -n guest link set eth0 up
for address in $(weft ls --json hybrid | jq -r '.[].addresses[]'); do
	if [[ $address = *:* ]]; then
		ip -n guest addr add "$address" dev eth0 nodad
	else
		ip -n guest addr add "$address" dev eth0
	fi
done
for gateway in 10.88.0.1 fd00:88::1; do
	! ip netns exec guest busybox ping -qc1 -W2 $gateway >/dev/null ||
		echo $gateway >>"$REACHED"
done
kill $vmm
wait $vmm 2>/dev/null || true
EOF
chmod +x "$TMPDIR"/bin/*
export VMM=$vmm ASKED=$TMPDIR/asked REACHED=$TMPDIR/reached
export RUN_GUEST=$TMPDIR/bin/guest

# runs NAME PAGE N: a block, in which a guest reaches both gateways.
runs() {
	rm -f "$REACHED"
	succeeds "$1: the page's commands" bash -euo pipefail -c "$(block "$2" "$3")"
	same "10.88.0.1 fd00:88::1" "$(xargs 2>/dev/null <"$REACHED")" \
		"$1: the VM reaches its gateways"
	same "" "$(left)" "$1: nothing is left"
}

cp "$examples/firecracker/vm.json" .
runs "Firecracker by hand" $page 2

# --- Cloud Hypervisor. ---

page=cloud-hypervisor.md
runs "Cloud Hypervisor by a descriptor" $page 1
[[ $(cat "$ASKED") =~ ^fd=[0-9]+,mac=02:[0-9a-f:]+$ ]] &&
	said=yes || said=$(cat "$ASKED")
same yes "$said" "Cloud Hypervisor: one descriptor and the MAC"
runs "Cloud Hypervisor by name" $page 2
same "$(block $page 3 | sed -n 's/.*--net //p; s/mac=[^,]*/mac=/' |
	sed 's/mac=[^,]*/mac=/')" "$(sed 's/mac=[^,]*/mac=/' "$ASKED")" \
	"Cloud Hypervisor: the page shows what is printed"
# The words for more queues, from the page.
cp "$examples/backend.conflist" "$NETCONFPATH"
# shellcheck disable=SC2016 # the page's quotes
net=$(sed -n 's/.*`--net \(fd=.*FDLIST[^`]*\)`.*/\1/p' "$examples/$page")
succeeds "Cloud Hypervisor: two queues" weft run backend --id vm2 -- echo "$net"
succeeds "are two descriptors and four of its queues" grep -qE \
	'^fd=\[[0-9]+,[0-9]+\],mac=[0-9a-f:]+,num_queues=4$' <<<"$output"

# --- Kata. ---

same "" "$(weft lint "$examples/kata/10-kata.conflist" 2>&1)" \
	"Kata: the list is right"
mkdir kata.d
cp "$examples/kata/10-kata.conflist" kata.d
id=a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f90a1b
ns_new pod
kata() {
	NETCONFPATH=kata.d weft "$1" kata /run/netns/pod --id $id
}
succeeds "Kata: ADD of a sandbox" kata add
# What Kata does: the tap of the file, and what its agent is told.
if cat >"$TMPDIR/toml.py" <<'EOF' && python3 "$TMPDIR/toml.py" 2>/dev/null
import tomllib
EOF
then
	toml() {
		python3 -c 'import sys, json, tomllib
json.dump(tomllib.load(open(sys.argv[1], "rb")), sys.stdout)' "$1"
	}
	is "Kata: containerd's table for the runtime" \
		"$(toml "$examples/kata/containerd.toml")" '.plugins[].containerd
		.runtimes.kata.cni_conf_dir == "/etc/cni/kata.d"'
	dans=$(toml "$examples/kata/configuration.toml" | jq -r .runtime.dan_conf)
else
	skip "Kata: the fragments of TOML" "there is no Python 3.11"
	dans=/run/kata-containers/dans
fi
device=$(jq '.devices[0]' "$dans/$id.json")
pump "$(jq -r .device.tap_name <<<"$device")" "$(jq -r .guest_mac <<<"$device")"
# shellcheck disable=SC2046 # words
guest_has $(jq -r '.network_info.interface.ip_addresses[]' <<<"$device")
jq -r '.network_info.routes[] | "route add \(.dest) via \(.gateway) dev eth0"' \
	<<<"$device" | ip -n guest -batch -
pings "Kata: the guest of the file reaches its gateway (IPv4)" guest 10.91.0.1
pings "Kata: and by IPv6" guest fd00:91::1
ip addr add 192.0.2.1/32 dev lo
pings "Kata: and what is beyond, by the file's routes" guest 192.0.2.1
ip addr del 192.0.2.1/32 dev lo
succeeds "Kata: CHECK" kata check
is "Kata: weft ls shows it" "$(weft ls --json kata)" ".[0] |
	.containerID == \"$id\" and .carrier"
pump_end
succeeds "Kata: DEL" kata del
same "" "$(left kata)" "Kata: leaves nothing"
ip netns del pod

# --- What is written in YAML. ---

if python3 -c 'import yaml' 2>/dev/null; then
	# yaml FILE: its documents, as an array.
	yaml() {
		python3 -c 'import sys, json, yaml
json.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)' "$1"
	}
else
	yaml() {
		return 1
	}
	skip "KubeVirt, and Kata's runtime class" "there is no PyYAML"
fi

kata_yaml() {
	is "Kata: the pod's class is the one there is" \
		"$(yaml "$examples/kata/runtime-class.yaml")" '
		.[0].kind == "RuntimeClass" and .[0].handler == "kata" and
		.[1].spec.runtimeClassName == .[0].metadata.name'
}

# --- KubeVirt. ---

# As KubeVirt and Multus do it, from the three files.
kubevirt() {
	local network cr vm logical ifname tap nad binding

	network=$(yaml "$examples/kubevirt/network.yaml" | jq '.[0]')
	cr=$(yaml "$examples/kubevirt/kubevirt.yaml" | jq '.[0]')
	vm=$(yaml "$examples/kubevirt/vm.yaml" | jq '.[0].spec.template.spec')
	jq -r .spec.config <<<"$network" >net.d.conflist
	mkdir nad
	cp net.d.conflist nad/lan.conflist
	same "" "$(weft lint nad/lan.conflist 2>&1)" \
		"KubeVirt: the NAD's list is right"
	is "KubeVirt: and called as the NAD" "$(cat nad/lan.conflist)" \
		".name == $(jq .metadata.name <<<"$network")"
	logical=$(jq -r '.networks[0].name' <<<"$vm")
	nad=$(jq -r '.metadata | "\(.namespace)/\(.name)"' <<<"$network")
	binding=$(jq -r '.domain.devices.interfaces[0].binding.name' <<<"$vm")
	is "KubeVirt: the VM's network is the NAD, by its interface" "$vm" "
		.networks[0].multus.networkName == \"$nad\" and
		.domain.devices.interfaces[0].name == \"$logical\""
	is "KubeVirt: its binding is registered, of KubeVirt's kind tap" "$cr" "
		.spec.configuration.network.binding[\"$binding\"] ==
		{domainAttachmentType: \"tap\"}"

	ifname=pod$(printf %s "$logical" | sha256sum | cut -c -11)
	tap=tap${ifname#pod}
	succeeds "KubeVirt: the page has the names" grep -q \
		"\`$ifname\`.*\`$tap\`" "$examples/kubevirt/README.md"
	ip link add eth1 type veth peer name eth1 netns lan
	ip link set eth1 up
	ip -n lan link set eth1 up
	ip -n lan addr add 192.168.1.1/24 dev eth1
	ns_new launcher
	mac=$(jq -r '.domain.devices.interfaces[0].macAddress' <<<"$vm")
	succeeds "KubeVirt: ADD" multus add
	same "$mac" "$(link "$ifname" launcher | jq -r .address)" \
		"KubeVirt: $ifname has the MAC of the VM's description"
	# shellcheck disable=SC2016 # expanded inside
	same "107 107" "$(ip netns exec launcher sh -c 'cat \
		/sys/class/net/$0/owner /sys/class/net/$0/group' "$tap" |
		xargs)" "KubeVirt: $tap is QEMU's"
	pump launcher "$tap" "$mac"
	guest_has 192.168.1.9/24
	pings "KubeVirt: the VM is on the LAN" guest 192.168.1.1
	succeeds "KubeVirt: CHECK" multus check
	pump_end
	succeeds "KubeVirt: DEL" multus del
	same "" "$(left lan)" "KubeVirt: leaves nothing"
	ip netns del launcher
}

multus() {
	NETCONFPATH=nad CAP_ARGS="{\"mac\": \"$mac\"}" weft "$1" lan \
		/run/netns/launcher --id launcher --ifname "$ifname"
}

if yaml "$examples/kubevirt/vm.yaml" >/dev/null 2>&1; then
	kata_yaml
	kubevirt
fi

# --- libvirt. ---

# hook DOMAIN-FILE OPERATION...: as libvirt calls it.
hook() {
	"$examples/libvirt/weft-hook.sh" vm1 "${@:2}" - <"$1"
}

libvirt() {
	local xml=$examples/libvirt/vm1.xml tap mac

	tap=$(xmllint --xpath 'string(//interface/target/@dev)' "$xml")
	mac=$(xmllint --xpath 'string(//interface/mac/@address)' "$xml")
	succeeds "libvirt: the domain is not the hook's to make" hook "$xml" \
		start begin
	fails "libvirt: at any other time than at the beginning" \
		ip link show dev "$tap"
	succeeds "libvirt: the hook attaches the domain" hook "$xml" prepare begin
	is "libvirt: by the tap of its description" "$(weft ls --json hybrid)" "
		length == 1 and .[0].device == \"$tap\" and
		.[0].mac == \"$mac\""
	pump "$tap" "$mac"
	# shellcheck disable=SC2046 # words
	guest_has $(addresses hybrid)
	pings "libvirt: the VM reaches its gateway" guest 10.88.0.1
	pump_end
	succeeds "libvirt: a second start, after a crash" hook "$xml" prepare begin
	succeeds "libvirt: the hook detaches it" hook "$xml" release end
	same "" "$(left)" "libvirt: nothing is left"
	succeeds "libvirt: twice" hook "$xml" release end

	sed "s/$tap/tap0/" "$xml" >other.xml
	fails "libvirt: a tap that is not the one" hook other.xml prepare begin
	[[ $output = *"must be $tap"* ]] && said=yes || said=$output
	same yes "$said" "libvirt: the hook says which is"
	same "" "$(left)" "libvirt: and has left nothing"
	grep -v 'weft:' "$xml" >stranger.xml
	succeeds "libvirt: a domain of others" hook stranger.xml prepare begin
	same "" "$(left)" "libvirt: is none of its business"
}

if type xmllint >/dev/null 2>&1; then
	libvirt
else
	skip "libvirt" "there is no xmllint"
fi
