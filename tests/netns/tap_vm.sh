#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tap-vm: a VM inside a pod, behind whatever plugin made the pod's interface.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/ask.sh
. "$(dirname "$0")/../lib/ask.sh"

ask_build
tap_open=$(tap_tool)
reference=$("$cni_root/tests/lib/cache.sh" cache_reference_plugins)
for ns in p1 p2 g1 lan; do
	ns_new $ns
done
bridge=$(conf '.isDefaultGateway = true')

# spliced CONF [JQ]: the step after CONF in the chain, with its result.
spliced() {
	jq -c --argjson prev "$result" '{cniVersion, name, type: "tap-vm",
		prevResult: $prev} | '"${2:-.}" <<<"$1"
}

# chain_add NETNS CONF [JQ] [NAME=VALUE...]: both steps; $conf1, $conf2 are
# what CHECK and DEL get, $out the last one's answer.
chain_add() {
	local netns=$1 jq=${3:-.}

	conf1=$2
	shift 2
	shift $(($# > 0))
	cni ADD v1 "$netns" "$conf1" "$@"
	[ "$status" = 0 ] || return 0
	conf2=$(spliced "$conf1" "$jq")
	cni ADD v1 "$netns" "$conf2" "$@"
}

# chain_check NETNS [NAME=VALUE...]: of both; the first failure counts.
chain_check() {
	check v1 "$1" "$conf1" "${@:2}"
	[ "$status" != 0 ] || check v1 "$1" "$conf2" "${@:2}"
}

chain_del() {
	del v1 "$1" "$conf2" "${@:2}"
	[ "$status" != 0 ] || del v1 "$1" "$conf1" "${@:2}"
}

tap() {
	link tap0 p1
}

# owners TAP: who may open it.
owners() {
	# shellcheck disable=SC2016 # expanded inside
	ip netns exec p1 sh -c 'cat "/sys/class/net/$0/owner" \
		"/sys/class/net/$0/group"' "$1" | xargs
}

# own_addresses NS: without those that the kernel made up.
own_addresses() {
	ip -n "$1" -j addr show dev eth0 |
		jq -r '[.[0].addr_info[] | select(.scope == "global") |
		"\(.local)/\(.prefixlen)"] | join(" ")'
}

# --- ADD, CHECK, DEL, each twice; nothing stays. ---

chain_add p1 "$bridge"
chain_del p1
before=$(state p1)
chain_add p1 "$bridge"
worked "ADD after bridge-vm"
has "the result is bridge-vm's, and the tap" '
	(.interfaces | length == 4) and (.ips | all(.interface == 2)) and
	.interfaces[2].name == "eth0" and
	.interfaces[3] == {name: "tap0", mac: .interfaces[3].mac, mtu: 1500,
		sandbox: "/run/netns/p1"}'
is "it is a persistent tap, single-queue, with virtio-net headers" "$(tap)" '
	.linkinfo.info_data == {type: "tap", pi: false, vnet_hdr: true,
	multi_queue: false, persist: true} and (.flags | index("UP"))'
is "marked as ours" "$(tap)" '.group == "2003134068" and
	.ifalias == "weft1:tap-vm:net1:v1:eth0" and
	(.altnames[0] | test("^weft-[0-9a-f]{16}$"))'
same "" "$(ip -n p1 -o addr show dev eth0; ip -n p1 -o addr show dev tap0)" \
	"no address is left in the pod: all are the VM's"
same 1 "$(ip netns exec p1 cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6)" \
	"nor will the kernel make one up"
for dev in eth0 tap0; do
	is "$dev hands on what comes in" \
		"$(tc -n p1 -j filter show dev $dev ingress)" '
		map(select(.options.bpf_name == "weft_splice")) |
		length == 1 and .[0].kind == "bpf"'
done
held=$result
cni ADD v1 p1 "$conf2"
refused 101 "a second ADD is refused, naming the tap" tap0 p1
result=$held
chain_check p1
worked "and has changed nothing: CHECK of both is content"
chain_check p1
worked "CHECK twice"
chain_del p1
worked "DEL"
chain_del p1
worked "DEL again"
same "$before" "$(state p1)" "nothing is left"
chain_add p1 "$bridge"
cni DEL v1 p1 "$(jq -c 'del(.prevResult)' <<<"$conf2")"
worked "DEL without prevResult"
same "" "$(ip -n p1 -o link show type tun)" "finds the tap"
same "[]" "$(tc -n p1 -j filter show dev eth0 ingress)" "and the splice"
cni DEL v1 "" "$conf2"
worked "DEL without a namespace"
cni DEL v1 /run/netns/gone "$conf2"
worked "DEL with one that is gone"
cni DEL v1 p1 "$conf1"
cni DEL v1 p1 "$conf2"
worked "DEL after bridge-vm's, against the order"
cni DEL v2 p1 "$conf2"
worked "DEL before any ADD"
same "$before" "$(state p1)" "and nothing is left"
chain_add p1 "$bridge"
ip -n p1 link del tap0
cni DEL v1 p1 "$conf2"
worked "DEL where somebody took the tap away"
same "[]" "$(tc -n p1 -j filter show dev eth0 ingress)" "removes the splice"
cni DEL v1 p1 "$conf1"

# --- What it refuses. ---

result='{"cniVersion": "1.1.0", "interfaces": [], "ips": []}'
cni ADD v1 p1 "$(spliced "$bridge" 'del(.prevResult)')"
refused 7 "alone it does not work" "chained"
cni ADD v1 p1 "$(spliced "$bridge")"
refused 7 "without an interface there is nothing to splice" eth0 p1
add v1 p1 "$(jq -c '.attach = "tap"' <<<"$bridge")"
cni ADD v1 p1 "$(spliced "$bridge")"
refused 7 "after a step that made a tap on the host" "$(port)" eth0
cni ADD v1 /proc/self/ns/net "$(spliced "$bridge")"
refused 7 "also where that is the VM's namespace" "$(port)" eth0
cni DEL v1 p1 "$bridge"
ip -n p1 tuntap add mode tap name eth0
cni ADD v1 p1 "$(spliced "$bridge")"
refused 7 "after one that made a tap in the pod" tap eth0
ip -n p1 link del eth0
add v1 p1 "$bridge"
cni ADD v1 p1 "$(spliced "$bridge" '.vmResult = "qemu"')"
refused 7 "an unknown vmResult" vmResult qemu
cni ADD v1 p1 "$(spliced "$bridge" '.tap.queues = 300')"
refused 7 "more queues than the kernel has" queues 300
cni ADD v1 p1 "$(spliced "$bridge" '.tap.name = "eth0"')"
refused 7 "the interface's own name" eth0
ip -n p1 link add tap0 type veth
cni ADD v1 p1 "$(spliced "$bridge")"
refused 101 "a name that is taken" tap0 veth
ip -n p1 link del tap0
cni DEL v1 p1 "$bridge"
cni STATUS "" "" "$(jq -c '.type = "tap-vm"' <<<"$bridge")"
worked "STATUS where all is there"
same "$before" "$(state p1)" "and nothing is left of all that"

# --- Names, owners, queues: what each VMM's user expects. ---

kube=pod6d1b23123e2
chain_add p1 "$(jq -c '.mtu = 1400' <<<"$bridge")" '.tap.queues = 4' \
	CNI_IFNAME=$kube
worked "KubeVirt's binding tap, by the interface's name"
has "the interface stays what it was" \
	".interfaces[2].name == \"$kube\" and .ips[0].interface == 2"
is "with its MAC and MTU" "$(link $kube p1)" ".mtu == 1400 and .address ==
	$(jq '.interfaces[2].mac' <<<"$out")"
is "the tap has its hash, its MTU and the queues of the network" \
	"$(link tap6d1b23123e2 p1)" \
	'.mtu == 1400 and .linkinfo.info_data.multi_queue'
same "107 107" "$(owners tap6d1b23123e2)" "and is qemu's user's to open"
succeeds "a VMM with four queues opens it" \
	ip netns exec p1 "$tap_open" tap6d1b23123e2 multi
fails "one with a single queue does not" \
	ip netns exec p1 "$tap_open" tap6d1b23123e2 single
chain_check p1 CNI_IFNAME=$kube
worked "CHECK"
chain_del p1 CNI_IFNAME=$kube
worked "DEL"
chain_add p1 "$bridge" '.tap.name = "vm-nic"'
has "tap.name names it" '.interfaces[3].name == "vm-nic"'
cni DEL v1 p1 "$(jq -c 'del(.tap)' <<<"$conf2")"
worked "DEL finds it although the configuration no longer names it"
same "" "$(ip -n p1 -o link show type tun)" "by its altname"
cni DEL v1 p1 "$conf1"
chain_add p1 "$bridge" . CNI_IFNAME=net1
has "elsewhere its name is derived, and stays" \
	'.interfaces[3].name == "tap9bf1f6e6ea5" or
	(.interfaces[3].name | test("^tap[0-9a-f]{11}$"))'
chain_del p1 CNI_IFNAME=net1
same "$before" "$(state p1)" "and nothing is left of all that"

# --- tc-redirect-tap's shape, as Firecracker's SDK reads it. ---

chain_add p1 "$bridge" '.vmResult = "tc-redirect-tap" | .cniVersion = "1.0.0"'
worked "vmResult tc-redirect-tap"
mac=$(link eth0 p1 | jq -r .address)
same "$(jq -S --arg mac "$mac" --arg tap "$(tap | jq -r .address)" '
	.cniVersion = "1.0.0" | .interfaces += [
	{name: "tap0", mac: $tap, sandbox: "/run/netns/p1"},
	{name: "tap0", mac: $mac, sandbox: "v1"}] |
	.ips += [.ips[0] | .interface = 4]' \
	<<<"$(jq .prevResult <<<"$conf2")")" "$(jq -S . <<<"$out")" \
	"its result, with the one address that the SDK can take"
same "$(jq -r '[.prevResult.ips[].address] | join(" ")' <<<"$conf2")" \
	"$(own_addresses p1)" "the addresses stay"
chain_check p1
worked "CHECK"
cni DEL v1 p1 "$(jq -c 'del(.prevResult)' <<<"$conf2")"
same "" "$(ip -n p1 -o link show type tun)" \
	"DEL without prevResult, which leaks upstream's tap"
cni DEL v1 p1 "$conf1"
tc=TC_REDIRECT_TAP
chain_add p1 "$bridge" '.vmResult = "tc-redirect-tap"' \
	CNI_ARGS="${tc}_NAME=fc0;${tc}_UID=1000;${tc}_GID=1001;FOO=bar"
has "CNI_ARGS name the tap" '.interfaces[3].name == "fc0"'
same "1000 1001" "$(owners fc0)" "and say who opens it"
chain_del p1
add v1 p1 "$bridge"
shape='.vmResult = "tc-redirect-tap"'
cni ADD v1 p1 "$(spliced "$bridge" "$shape")" CNI_ARGS="${tc}_UID=joe"
refused 4 "a user that is no number" ${tc}_UID joe
cni ADD v1 p1 "$(spliced "$bridge" "$shape")" CNI_ARGS="${tc}_NAME=a/b"
refused 4 "a name that no device can have" ${tc}_NAME a/b
cni ADD v1 p1 "$(spliced "$bridge")" CNI_ARGS="${tc}_NAME=fc0"
has "without vmResult nobody's CNI_ARGS count" '.interfaces[3].name == "tap0"'
chain_del p1
v6=$(jq -c '.ipam.ranges = [[{subnet: "fd00:1::/64"}]]' <<<"$bridge")
chain_add p1 "$v6" "$shape"
has "the only address there is may be an IPv6 one" \
	'.ips[-1] == {interface: 4, address: .ips[0].address,
	gateway: "fd00:1::1"}'
chain_del p1
ip addr flush dev br0
cni DEL v1 p1 "$bridge"

# --- Frames, behind every plugin. ---

# vm_start TAP MAC [ADDRESS...]: a VMM in the pod p1, its guest being g1.
vm_start() {
	local address tap=$1 mac=$2

	shift 2
	: >"$TMPDIR/vmm.out"
	ip netns exec p1 "$TMPDIR/vmm" "$tap" /run/netns/g1 "$mac" \
		>"$TMPDIR/vmm.out" &
	vmm=$!
	until grep -qs ready "$TMPDIR/vmm.out"; do sleep 0.05; done
	ip -n g1 link set eth0 mtu "$(link "$tap" p1 | jq .mtu)" up
	for address; do
		ip -n g1 addr add "$address" dev eth0 nodad 2>/dev/null ||
			ip -n g1 addr add "$address" dev eth0
	done
}

vm_stop() {
	kill "$vmm"
	wait "$vmm" 2>/dev/null || true
}

# reaches_both NAME NS V4 V6
reaches_both() {
	pings "$1 (IPv4)" "$2" "$3"
	pings "$1 (IPv6)" "$2" "$4"
}

guest_mac() {
	jq -r 'first(.interfaces[] | select(.name == "eth0")).mac' <<<"$result"
}

ip link del br0
jumbo=$(jq -c '.mtu = 9000' <<<"$bridge")
chain_add p1 "$jumbo"
vm=$out
add c1 p2 "$jumbo"
# address GUEST 4|6
address() {
	jq -r ".ips[$(($2 / 6))].address" <<<"$1" | cut -d/ -f1
}
vm4=$(address "$vm" 4) vm6=$(address "$vm" 6)
c4=$(address "$result" 4) c6=$(address "$result" 6)
result=$vm
boot() {
	# shellcheck disable=SC2046 # words
	vm_start tap0 "$(guest_mac)" $(jq -r '.ips[].address' <<<"$vm")
}
boot
reaches_both "bridge-vm: the VM reaches a container" g1 "$c4" "$c6"
reaches_both "and is reached by it" p2 "$vm4" "$vm6"
reaches_both "and reaches its gateway" g1 10.1.0.1 fd00:1::1
packets() {
	ip -n p1 -s -j link show dev tap0 | jq ".[0].stats64.$1.packets"
}
was="$(packets tx) $(packets rx)"
ip netns exec p2 busybox ping -qc1 -W2 -s 8900 "$vm4" >/dev/null
# The kernels have a word of their own now and then; in frames of 1,500 bytes it
# would be six each way.
succeeds "9,000 bytes are one frame from the container to the guest and back" \
	[ $(($(packets tx) + $(packets rx) - ${was% *} - ${was#* })) -le 5 ]

# A segment of TCP stays whole, its checksum unfinished.
bytes() {
	ip -n p1 -s -j link show dev tap0 | jq ".[0].stats64.$1.bytes"
}
mkdir "$TMPDIR/www"
truncate -s 16M "$TMPDIR/www/data"
ip netns exec p2 busybox httpd -f -p 8000 -h "$TMPDIR/www" &
httpd=$!
for _ in {1..60}; do
	! ip netns exec p2 busybox wget -qO /dev/null http://127.0.0.1:8000/data \
		2>/dev/null || break
	sleep 0.05
done
was="$(packets tx) $(bytes tx)"
same 16777216 "$(ip netns exec g1 timeout 10 busybox wget -qO - \
	"http://$c4:8000/data" | wc -c)" "16 MiB of TCP arrive in the guest"
frames=$(($(packets tx) - ${was% *})) octets=$(($(bytes tx) - ${was#* }))
note "$octets bytes in $frames frames"
succeeds "in segments larger than the MTU: GSO passes untouched" \
	[ $((octets / frames)) -gt 9100 ]
kill $httpd
wait $httpd 2>/dev/null || true

# Stopped, started again, by another VMM.
vm_stop
# The kernel says so in its own time.
for _ in {1..40}; do
	[[ $(ip -n p1 link show dev tap0) != *NO-CARRIER* ]] || break
	sleep 0.05
done
is "with the VMM stopped the tap has no carrier" "$(tap)" \
	'.flags | index("NO-CARRIER")'
said() {
	dmesg 2>/dev/null | grep 'tap0 is down' | tail -1 || true
}
log_before=$(said)
ip netns exec p2 busybox ping -qc3 -i 0.2 -W1 "$vm4" >/dev/null || true
ip netns exec p2 busybox arping -qc3 -w1 -I eth0 10.1.0.99 >/dev/null || true
same "$log_before" "$(said)" \
	"frames for it are dropped without a word in the kernel's log"
boot
reaches_both "the next VMM on that tap is on the network" p2 "$vm4" "$vm6"
chain_check p1
worked "CHECK with the VMM running"
chain_del p1
worked "DEL with the VMM running"
same "" "$(ip -n p1 -o link show type tun)" "takes the tap from under its hands"
vm_stop
cni DEL c1 p2 "$jumbo"
ip link del br0

ip link add p0 type veth peer name p0 netns lan
ip link set p0 up
ip -n lan link set p0 up
ip -n lan addr add 10.1.0.99/24 dev p0
ip -n lan addr add fd00:1::99/64 dev p0 nodad
macvlan=$(conf '.type = "macvlan-vm" | .master = "p0" | del(.bridge)')
chain_add p1 "$macvlan"
worked "ADD after macvlan-vm"
chain_check p1
worked "CHECK after macvlan-vm"
vm_start tap0 "$(jq -r '.interfaces[0].mac' <<<"$result")" \
	"$(jq -r '.ips[0].address' <<<"$result")" \
	"$(jq -r '.ips[1].address' <<<"$result")"
reaches_both "macvlan-vm: the VM reaches the LAN" g1 10.1.0.99 fd00:1::99
ip -n lan neigh flush all
reaches_both "and is reached from there, by multicast solicitations" lan \
	"$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")" \
	"$(jq -r '.ips[1].address | sub("/.*"; "")' <<<"$result")"
vm_stop
chain_del p1
worked "DEL after macvlan-vm"

# The reference plugins, driven with ours after them.
for type in bridge ptp macvlan; do
	config=$(conf ".type = \"$type\" | .ipam.type = \"host-local\" |
		if .type == \"macvlan\" then .master = \"p0\" else . end |
		.isGateway = true | .cniVersion = \"1.0.0\"")
	cni_bin=$reference cni ADD v1 p1 "$config"
	worked "the reference $type"
	conf2=$(spliced "$config")
	cni ADD v1 p1 "$conf2"
	worked "ADD after it"
	peer=$(jq -r '.ips[0].gateway // empty' <<<"$out")
	# shellcheck disable=SC2046 # words
	vm_start tap0 "$(guest_mac)" $(jq -r '.ips[].address' <<<"$out")
	[ $type = macvlan ] && peer=10.1.0.99
	[ $type != ptp ] || ip -n g1 route replace "$peer" dev eth0
	pings "the VM is on its network" g1 "$peer"
	check v1 p1 "$conf2"
	worked "CHECK"
	vm_stop
	cni DEL v1 p1 "$conf2"
	worked "DEL"
	cni_bin=$reference cni DEL v1 p1 "$config"
	worked "and the reference's own"
done
same "lo" "$(ip -n p1 -j link | jq -r '[.[].ifname] | join(" ")')" \
	"the pod is empty"

# --- CHECK notices. ---

damage() {
	local name=$1 command=$2

	shift 2
	chain_del p1
	ip -n p1 link del tap0 2>/dev/null || true
	chain_add p1 "$bridge"
	check v1 p1 "$conf2"
	[ "$status" = 0 ] || cni_show "CHECK before: $name"
	eval "$command"
	check v1 p1 "$conf2"
	refused 102 "CHECK notices: $name" "$@"
}

damage "the tap is gone" 'ip -n p1 link del tap0' tap0 "not found"
damage "the tap is down" 'ip -n p1 link set tap0 down' tap0 "is down"
damage "the tap's MTU is another" 'ip -n p1 link set tap0 mtu 1300' 1300 1500
damage "the tap's alias is another's" \
	'ip -n p1 link set tap0 alias weft1:tap-vm:net1:v2:eth0' v2
cni DEL v1 p1 "$conf2"
worked "DEL"
succeeds "leaves a tap that another's alias is on" \
	ip -n p1 link show dev tap0
damage "another tap has the name" 'ip -n p1 link del tap0
	ip -n p1 tuntap add mode tap name tap0 multi_queue' tap0
damage "the interface is down" 'ip -n p1 link set eth0 down' eth0 "is down"
damage "the interface filters multicast" \
	'ip -n p1 link set eth0 allmulticast off' eth0 multicast
damage "the interface is gone" 'ip -n p1 link del eth0' eth0 "not found"
damage "the splice of the interface is gone" \
	'tc -n p1 filter del dev eth0 ingress' splice eth0
damage "the splice of the tap is gone" \
	'tc -n p1 filter del dev tap0 ingress' splice tap0
# Of the same name, with all its marks.
# shellcheck disable=SC2016 # expanded by damage
damage "the tap is another one" '
	mac=$(tap | jq -r .address) altname=$(tap | jq -r ".altnames[0]")
	ip -n p1 link del tap0
	ip -n p1 tuntap add mode tap name tap0 vnet_hdr
	ip -n p1 link set tap0 address $mac alias weft1:tap-vm:net1:v1:eth0 up
	ip -n p1 link property add dev tap0 altname $altname' \
	eth0 "leads elsewhere"
chain_del p1
chain_add p1 "$bridge"
tc -n p1 filter add dev eth0 ingress protocol all pref 40000 u32 \
	match u32 0 0 flowid :1
chain_check p1
worked "and does not mind another's filter beside ours"
cni DEL v1 p1 "$conf2"
is "which DEL leaves" "$(tc -n p1 -j filter show dev eth0 ingress)" \
	'[.[].pref] | unique == [40000]'
cni DEL v1 p1 "$conf1"

# Somebody's ingress qdisc is no obstacle.
add v1 p1 "$bridge"
tc -n p1 qdisc add dev eth0 ingress
conf1=$bridge conf2=$(spliced "$bridge")
cni ADD v1 p1 "$conf2"
worked "an ingress qdisc that is there already is made use of"
check v1 p1 "$conf2"
worked "CHECK"
cni DEL v1 p1 "$conf2"
worked "DEL"
is "leaves the qdisc" "$(tc -n p1 -j qdisc show dev eth0)" \
	'map(.kind) | index("ingress")'
cni DEL v1 p1 "$bridge"
