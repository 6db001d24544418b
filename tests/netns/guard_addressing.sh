#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A VM asks for its addresses and is told them by its port: on a bridge, behind a
# splice, on a macvtap; with what the configuration adds.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/guard.sh
. "$(dirname "$0")/../lib/guard.sh"

for ns in pod guest lan; do
	ns_new $ns
done

# Writes down what udhcpc is told, and does as it is told.
cat >"$TMPDIR/script" <<'SCRIPT'
#!/bin/bash
[ "$1" != bound ] || env >"$TMPDIR/told"
[ "$1" != bound ] || ip addr replace "$ip/$mask" dev "$interface"
[ "$1" != bound ] || for r in $router; do
	ip route replace default via "$r"
done
SCRIPT
chmod +x "$TMPDIR/script"

# boots TAP|FD MAC [COMMAND...]: as guest_vm, but the guest knows nothing.
boots() {
	configure() {
		in_guest ip link set eth0 up
	}
	guest_vm "$@"
}

asks() {
	rm -f "$TMPDIR/told"
	in_guest busybox udhcpc -i eth0 -f -q -n -t 5 -T 1 -s "$TMPDIR/script" \
		"$@" >/dev/null 2>&1
}

told() {
	sed -n "s/^$1=//p" "$TMPDIR/told"
}

dhcp='.guard = {dhcp: {leaseTime: 7200, ntp: ["10.1.0.123"], hostname: "vm7",
	bootServer: "10.1.0.9", bootFile: "boot.ipxe",
	options: [{code: 43, hex: "0a0b"}]}} |
	.dns = {nameservers: ["10.1.0.53", "fd00:1::53"], domain: "weft.test",
		search: ["weft.test"]}'

# --- A tap whose bridge is the gateway. ---

vm=$(conf '.attach = "tap" | .isDefaultGateway = true | .mtu = 1400 | '"$dhcp")
add v1 guest "$vm"
worked "a VM"
boots "$(port)" "$(jq -r '.interfaces[2].mac' <<<"$result")"
succeeds "it asks and is answered, with no process" \
	asks -O ntpsrv -O mtu -O search -O bootfile
same "10.1.0.2 24 10.1.0.1 10.1.0.53 weft.test 7200 vm7 10.1.0.123 1400" \
	"$(for k in ip mask router dns domain lease hostname ntpsrv mtu; do
		told $k
	done | xargs)" "what CNI and the configuration know"
same "10.1.0.9 boot.ipxe" "$(told siaddr) $(told boot_file)" "and whence it boots"
pings "with what it was told it reaches the gateway" guest 10.1.0.1

# By router advertisement where the router is, by DHCPv6 the address.
default6() {
	ip -n guest -6 -j route show default | jq -r '.[].gateway // empty'
}
advertised() {
	local i

	for ((i = 0; i < 50; i++)); do
		[ -z "$(default6)" ] || return 0
		sleep 0.1
	done
	return 1
}
in_guest sysctl -qw net.ipv6.conf.eth0.accept_ra=2
in_guest ip link set eth0 down
in_guest ip link set eth0 up
succeeds "IPv6: its kernel hears a router" advertised
same "$(ip -j link show br0 | jq -r '.[0].address')" \
	"$(in_guest busybox ping -qc1 -W1 "$(default6)%eth0" >/dev/null 2>&1 || true
	ip -n guest -6 -j neigh show "$(default6)" | jq -r '.[0].lladdr')" \
	"which is the bridge"
cat >"$TMPDIR/script6" <<'SCRIPT'
#!/bin/bash
[ "$reason" != BOUND6 ] ||
	ip addr replace "$new_ip6_address/128" dev "$interface" nodad
SCRIPT
chmod +x "$TMPDIR/script6"
asks6() {
	in_guest timeout 20 dhclient -6 -1 -d -q -sf "$TMPDIR/script6" \
		-cf /dev/null -lf "$TMPDIR/leases6" -pf "$TMPDIR/dhclient.pid" \
		eth0 >/dev/null 2>&1 &
	dhclient=$!
	for ((i = 0; i < 100; i++)); do
		[ -z "$(ip -n guest -6 -o addr show dev eth0 scope global)" ] ||
			break
		sleep 0.1
	done
	kill $dhclient
	wait $dhclient 2>/dev/null || true
}
asks6
same "fd00:1::2" "$(ip -n guest -6 -j addr show dev eth0 scope global |
	jq -r '.[].addr_info[]?.local // empty')" "it asks by DHCPv6 and is told its address"
pings "with that it reaches the gateway" guest fd00:1::1
check v1 guest "$vm"
worked "CHECK is content"
dump() {
	bpftool -j map dump pinned "$guard_maps/weft_answers"
}
key=$(dump | jq -r '.[0].key | join(" ")')
# shellcheck disable=SC2086 # bytes, one word each
bpftool map delete pinned "$guard_maps/weft_answers" key $key
check v1 guest "$vm"
refused 102 "CHECK sees that it is told nothing" "told"
vm_end
del v1 guest "$vm"
worked "DEL"
same 0 "$(all_maps)" "leaves nothing"

off=$(conf '.attach = "tap" | .guard = {addressing: false}')
add v1 guest "$off"
boots "$(port)" "$(jq -r '.interfaces[2].mac' <<<"$result")"
fails "who is to be told nothing is not" asks
vm_end
del v1 guest "$off"

# --- Behind a splice. ---

first=$(conf '.isDefaultGateway = true')
add c1 pod "$first"
second=$(jq -c --argjson prev "$result" \
	'{cniVersion, name, type: "tap-vm", prevResult: $prev}' <<<"$first")
cni ADD c1 pod "$second"
worked "a VM in a pod"
boots tap0 "$(ip -n pod -j link show eth0 | jq -r '.[0].address')" \
	ip netns exec pod
succeeds "it asks and is answered by the tap" asks
same "$(jq -r '.ips[0].address' <<<"$result")" "$(told ip)/$(told mask)" \
	"it has the pod's address"
pings "it reaches the gateway" guest 10.1.0.1
vm_end
check c1 pod "$second"
worked "CHECK is content"
del c1 pod "$second"
del c1 pod "$first"
same 0 "$(all_maps)" "DEL leaves nothing"
ip link del br0

# --- On a macvtap. ---

own_dev
ip link add p0 type veth peer name p0 netns lan
ip link set p0 up
ip -n lan link set p0 up
ip -n lan addr add 10.1.0.1/24 dev p0
if ! ip link add link p0 name probe0 type macvtap; then
	skip "on a macvtap" "this kernel has none"
	exit
fi
ip link del probe0
macvtap=$(jq -nc '{cniVersion: "1.1.0", name: "net2", type: "macvlan-vm",
	master: "p0", attach: "macvtap", ipam: {type: "ipam-host-local",
	routes: [{dst: "0.0.0.0/0"}], ranges: [[{subnet: "10.1.0.0/24"}]]}}')
add v1 pod "$macvtap"
worked "a VM on a macvtap"
exec 9<>"$(jq -r '.interfaces[0].socketPath' <<<"$result")"
boots 9 "$(jq -r '.interfaces[0].mac' <<<"$result")"
succeeds "it asks and is answered, the other way round" asks
same "$(jq -r '.ips[0].address' <<<"$result")" "$(told ip)/$(told mask)" \
	"it has the address that IPAM gave"
pings "it reaches the gateway, which is on the LAN" guest 10.1.0.1
vm_end
exec 9>&-
check v1 pod "$macvtap"
worked "CHECK is content"
del v1 pod "$macvtap"
same 0 "$(all_maps)" "DEL leaves nothing"
