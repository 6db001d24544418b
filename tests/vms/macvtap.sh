#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A VM of QEMU on a macvtap, by descriptors, beside a container on a macvlan of
# the same parent and pool: ping and HTTP both ways, its reboot, the VMM killed
# and started again, DEL while it runs.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/vm.sh
. "$(dirname "$0")/../lib/vm.sh"

ns_new c1
ns_new vm1
ns_new lan
ip link add p0 mtu 9000 type veth peer name p0 mtu 9000 netns lan
ip link set p0 up
ip -n lan link set p0 up
ip addr add 10.1.0.1/24 dev p0
ip addr add fd00:1::1/64 dev p0 nodad
vm_build

# /dev is one for all who run this at a time.
net=n$(tr -d - </proc/sys/kernel/random/uuid | cut -c1-12)
config=$(jq -nc --arg net "$net" '{
	cniVersion: "1.1.0", name: $net, type: "macvlan-vm", master: "p0",
	hostAccess: true, perAttachment: ["attach"],
	macvtap: {queues: 4, owner: 107},
	ipam: {type: "ipam-host-local", ranges:
		[[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]]}}')

before=$(state c1 vm1 lan)
add c1 c1 "$config" CNI_ARGS=ATTACH=macvlan
worked "ADD of a container"
mapfile -t c1 < <(jq -r '.ips[].address | sub("/.*"; "")' <<<"$out")
guest_www "$TMPDIR/www"
ip netns exec c1 busybox httpd -f -h "$TMPDIR/www" &
httpd=$!
add vm1 vm1 "$config" CNI_ARGS=ATTACH=macvtap
worked "ADD of a VM"
node=$(jq -r '.interfaces[0].socketPath' <<<"$out")
mac=$(jq -r '.interfaces[0].mac' <<<"$out")
addresses=$(jq -r '[.ips[].address] | join(",")' <<<"$out")
mapfile -t vm1 < <(jq -r '.ips[].address | sub("/.*"; "")' <<<"$out")

url() {
	case $1 in
	*:*) echo "http://[$1]/$2" ;;
	*) echo "http://$1/$2" ;;
	esac
}

# start QUEUES: the VMM; it begins again when the guest reboots.
start() {
	vm_start_macvtap vm1 "$node" "$1" "$mac" "$addresses" "" \
		-smp "$1" -action reboot=reset
	if vm_ready vm1 60; then
		ok "the VM boots with $1 queues"
	else
		note "$(vm_complaint vm1)"
		nok "the VM boots with $1 queues"
	fi
}

# network WHEN: is it there, both ways and with both families?
network() {
	local i

	# Whoever begins has to find the other: ARP, neighbour solicitations.
	ip -n c1 neigh flush all
	ip neigh flush all
	for i in 0 1; do
		pings "$1: the container reaches the VM, ${vm1[i]}" \
			c1 "${vm1[i]}"
		succeeds "$1: the VM reaches the container, ${c1[i]}" \
			guest_run vm1 "ping -qc1 -W5 ${c1[i]}"
		succeeds "$1: HTTP from the VM" guest_run vm1 \
			"timeout 20 wget -qO /dev/null $(url "${c1[i]}" data)"
		succeeds "$1: it is seen by its address" guest_run vm1 \
			"wget -qO - $(url "${c1[i]}" cgi-bin/whoami)"
		same "${vm1[i]}" "$(tr -d '[]\r' <<<"$output" |
			sed 's/^::ffff://')" "$1: which is its lease"
		succeeds "$1: HTTP to the VM" ip netns exec c1 \
			timeout 20 busybox wget -qO /dev/null \
			"$(url "${vm1[i]}" data)"
		succeeds "$1: the host reaches it" \
			busybox ping -qc1 -W5 "${vm1[i]}"
	done
}

start 4
same "$mac" "$(vm_says vm1 | sed 's/.* has //')" "its MAC is the result's"
same 4 "$(guest_run vm1 'ls -d1 /sys/class/net/eth0/queues/tx-*' | wc -l)" \
	"it has four queues"
network "four queues"
guest_run vm1 'ip link set eth0 mtu 9000' || true
ip -n c1 link set eth0 mtu 9000
succeeds "jumbo frames pass" guest_run vm1 "ping -qc1 -W5 -s 8900 ${c1[0]}"
check vm1 vm1 "$config" CNI_ARGS=ATTACH=macvtap
worked "CHECK while it runs"

# It answers no more, and then says again that it is ready.
echo "0 reboot -f" 1<>"$guest_dir/vm1.in"
if vm_ready vm1 60; then
	ok "the guest reboots"
else
	nok "the guest reboots" "$(vm_complaint vm1)"
fi
network "after a reboot"

guest_end vm1
check vm1 vm1 "$config" CNI_ARGS=ATTACH=macvtap
worked "CHECK when the VMM was killed"
start 1
network "VMM killed and started again"

del vm1 vm1 "$config"
worked "DEL while it runs"
fails "the node is gone" test -e "$node"
fails "the guest is cut off" guest_run vm1 "ping -qc1 -W2 ${c1[0]}"
succeeds "but runs" guest_run vm1 true
ticks() {
	awk '{ print $14 + $15 }' "/proc/${guest_pid[vm1]}/stat"
}
begin=$(ticks)
sleep 2
used=$(($(ticks) - begin))
if [ "$used" -lt 100 ]; then
	ok "and its VMM does not spin"
else
	nok "and its VMM does not spin" "$used ticks in 2 s"
fi
vm_stop vm1
kill "$httpd"
wait "$httpd" 2>/dev/null || true
cni DEL c1 c1 "$config"
rm -rf "$cni_leases"
same "$before" "$(state c1 vm1 lan)" "nothing is left"
