# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# road.sh: what a VM goes through, whatever road leads to it: it boots, reboots,
# its VMM is killed and started again, and each time there are ping and HTTP, of
# both families, both ways, between it and a container. Source it after cni.sh.
#
#	road_container NS ADDRESS...    the other end, which serves HTTP
#	road_life GUEST                 all of it; the VM runs afterwards
#	road_jumbo GUEST MTU            and its MTU is the segment's
#	road_cut_off GUEST              DEL has been while it runs
#	road_end                        of the container's server
#
# The script says how: vm_up starts the VMM and leaves the guest's two addresses
# in $road_guest. It may have vm_configured, for a guest that does not know its
# addresses (called when it has booted), vm_kill, and road_also WHEN, for what
# only this road has.

# shellcheck source=tests/lib/vm.sh
. "${BASH_SOURCE[0]%/*}/vm.sh"

# A transfer, not a measurement: a guest without KVM is slow.
# shellcheck disable=SC2034 # of guest.sh
guest_data=4000000
road_guest=() road_peer=() road_ns='' road_server=''

road_container() {
	road_ns=$1
	shift
	road_peer=("${@%/*}")
	[ -d "$TMPDIR/www" ] || guest_www "$TMPDIR/www"
	ip netns exec "$road_ns" busybox httpd -f -h "$TMPDIR/www" &
	road_server=$!
}

road_end() {
	kill "$road_server"
	wait "$road_server" 2>/dev/null || true
}

road_url() {
	case $1 in
	*:*) echo "http://[$1]/$2" ;;
	*) echo "http://$1/$2" ;;
	esac
}

# road_boots GUEST NAME
road_boots() {
	if ! vm_ready "$1" 60; then
		note "$(vm_complaint "$1")"
		nok "$2"
		return
	fi
	ok "$2"
	! declare -F vm_configured >/dev/null || vm_configured "$1"
}

# road_network GUEST WHEN
road_network() {
	local guest=$1 when=$2 i us them

	# Whoever begins has to find the other: ARP, neighbour solicitations.
	ip -n "$road_ns" neigh flush all
	for i in 0 1; do
		us=${road_guest[i]} them=${road_peer[i]}
		pings "$when: the container reaches the VM, $us" "$road_ns" "$us"
		succeeds "$when: the VM reaches the container, $them" \
			guest_run "$guest" "ping -qc1 -W5 $them"
		succeeds "$when: HTTP from the VM" guest_run "$guest" \
			"timeout 20 wget -qO /dev/null $(road_url "$them" data)"
		succeeds "$when: it is seen by its address" guest_run "$guest" \
			"wget -qO - $(road_url "$them" cgi-bin/whoami)"
		# shellcheck disable=SC2154 # of succeeds
		same "$us" "$(tr -d '[]\r' <<<"$output" | sed 's/^::ffff://')" \
			"$when: which is its lease"
		succeeds "$when: HTTP to the VM" ip netns exec "$road_ns" \
			timeout 20 busybox wget -qO /dev/null \
			"$(road_url "$us" data)"
	done
	! declare -F road_also >/dev/null || road_also "$when"
}

# road_reboots GUEST: it answers no more, and then says again that it is ready,
# which guest_run, waiting for an answer, would take away.
road_reboots() {
	echo '0 reboot -f' 1<>"$guest_dir/$1.in"
	road_boots "$1" "the guest reboots"
}

road_life() {
	local guest=$1

	vm_up
	road_boots "$guest" "the guest boots"
	road_network "$guest" "at first"
	road_reboots "$guest"
	road_network "$guest" "after a reboot"
	if declare -F vm_kill >/dev/null; then vm_kill; else guest_end "$guest"; fi
	vm_up
	road_boots "$guest" "the VMM is killed and started again"
	road_network "$guest" "after that"
}

# What a network's stack says that it has cut and put together.
road_fragments() {
	# shellcheck disable=SC2016 # of awk
	echo 'awk "/^Ip:/ && n++ { print \$15, \$18 }" /proc/net/snmp;
		grep -E "^Ip6(ReasmReqds|FragCreates)" /proc/net/snmp6' |
		tr '\n' ' '
}

# road_jumbo GUEST MTU: as nobody told it; the largest frames, that none may cut
# (Linux sets DF on what fits), pass both ways, whole.
road_jumbo() {
	local guest=$1 mtu=$2 i header was now

	same "$mtu" "$(guest_run "$guest" 'cat /sys/class/net/eth0/mtu' |
		tr -d '\r')" "the guest has the segment's MTU"
	was=$(road_both_fragments "$guest")
	for i in 0 1; do
		header=$((28 + 20 * i))
		succeeds "$mtu bytes from the VM to ${road_peer[i]}" guest_run \
			"$guest" "ping -qc2 -W5 -s $((mtu - header)) ${road_peer[i]}"
		succeeds "$mtu bytes from the container to ${road_guest[i]}" \
			ip netns exec "$road_ns" busybox ping -qc2 -W5 \
			-s $((mtu - header)) "${road_guest[i]}"
	done
	now=$(road_both_fragments "$guest")
	same "$was" "$now" "and none of them in pieces"
	guest_run "$guest" "ping -qc1 -W5 -s $((mtu - 27)) ${road_peer[0]}
		" >/dev/null
	fails "one byte more is two pieces" \
		[ "$now" = "$(road_both_fragments "$guest")" ]
}

road_both_fragments() {
	guest_run "$1" "$(road_fragments)" | tr -d '\r'
	ip netns exec "$road_ns" sh -c "$(road_fragments)"
}

# road_cut_off GUEST: of a tap that is gone QEMU asks all the time, at the cost of a
# CPU; that is between it and the kernel.
road_cut_off() {
	fails "the guest is cut off" \
		guest_run "$1" "ping -qc1 -W2 ${road_peer[0]}"
	succeeds "but runs" guest_run "$1" true
}
