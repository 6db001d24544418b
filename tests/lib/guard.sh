# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# guard.sh: a guest that poses as others. Source it after cni.sh; "guest" is the
# namespace that plays a VM's guest, the peers are 10.1.0.9 and fd00:1::9, and what
# the guest has of IPAM is 10.1.0.5 and fd00:1::5.

guard_maps=/sys/fs/bpf/weft/v4
guard_vmm=$(tap_tool vmm)
guest='' guest_mac=''
# entries: how many guests the guard knows.
entries() {
	[ -e $guard_maps/weft_guests ] || { echo 0; return; }
	bpftool -j map dump pinned $guard_maps/weft_guests | jq length
}

# all_maps: entries of every map together, but for the claim of the host itself, for what
# is known of flows, where the eldest go, and for who watches.
all_maps() {
	local map n=0

	for map in "$guard_maps"/*; do
		[[ ! -e $map || $map = *_flows || $map = *_parts ||
			$map = *_watche[dr]* ]] ||
			n=$((n + $(bpftool -j map dump pinned "$map" |
				jq 'map(select(.value !=
					["0x00", "0x00", "0x00", "0x00"])) | length')))
	done
	echo $n
}

# in_guest COMMAND...
in_guest() {
	ip netns exec "$guest" "$@"
}

# guest_vm TAP|FD MAC [COMMAND...]: namespace "guest" plays the VM, until vm_end. Of a
# command the VMM is started by that.
guest_vm() {
	"${@:3}" "$guard_vmm" "$1" /run/netns/guest "$2" >"$TMPDIR/vmm.out" &
	vmm_pid=$!
	until grep -qs ready "$TMPDIR/vmm.out"; do sleep 0.05; done
	guest=guest guest_mac=$2
	configure
}

vm_end() {
	kill "$vmm_pid"
	wait "$vmm_pid" 2>/dev/null || true
	rm "$TMPDIR/vmm.out"
}

# What a guest is told by IPAM.
configure() {
	in_guest ip link set eth0 up
	in_guest ip addr add 10.1.0.5/24 dev eth0
	in_guest ip addr add fd00:1::5/64 dev eth0 nodad
}

# hears ADDRESS: does the guest get an answer from the peer?
hears() {
	in_guest busybox ping -qc1 -W1 "$1" >/dev/null 2>&1
}

# until_heard ADDRESS: link-local addresses take a while.
until_heard() {
	local tries=20

	until hears "$1"; do
		[ $((tries -= 1)) -gt 0 ] || return 1
	done
}

# with_address NEW OLD COMMAND...: while the guest has that one in its place.
with_address() {
	local new=$1 old=$2 status=0 flags=''

	shift 2
	[[ $new != *:* ]] || flags=nodad
	in_guest ip addr del "$old" dev eth0
	in_guest ip addr add "$new" dev eth0 $flags
	"$@" || status=$?
	in_guest ip addr del "$new" dev eth0
	[[ $old != *:* ]] || flags=nodad
	in_guest ip addr add "$old" dev eth0 $flags
	return $status
}

with_mac() {
	local mac=$1 status=0

	shift
	in_guest ip link set eth0 address "$mac"
	"$@" || status=$?
	in_guest ip link set eth0 address "$guest_mac"
	in_guest ip addr replace fd00:1::5/64 dev eth0 nodad
	return $status
}

# judge KIND: of a guest with 10.1.0.5 and fd00:1::5, and peers .9.
judge() {
	succeeds "$1: an honest guest is answered" until_heard 10.1.0.9
	succeeds "$1: by IPv6" until_heard fd00:1::9
	fails "$1: with another MAC it is not" \
		with_mac 02:00:00:00:00:77 hears 10.1.0.9
	fails "$1: with another address it is not" \
		with_address 10.1.0.6/24 10.1.0.5/24 hears 10.1.0.9
	fails "$1: with another IPv6 address it is not" \
		with_address fd00:1::6/64 fd00:1::5/64 hears fd00:1::9
	succeeds "$1: with its own ones it is again" until_heard 10.1.0.9
	succeeds "$1: by IPv6, too" until_heard fd00:1::9
}
