#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft run on a network of macvlan-vm: a VM on the host's own LAN.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

ns_new g1
ns_new lan
ip link add p0 type veth peer name p0 netns lan
ip link set p0 up
ip -n lan link set p0 up
ip -n lan addr add 10.1.0.99/24 dev p0
ip -n lan addr add fd00:1::99/64 dev p0 nodad
if ! ip link add link p0 name probe0 type macvtap; then
	skip "weft run on a macvtap" "this kernel has none"
	exit
fi
ip link del probe0
weft=$cni_bin/weft
vmm=$(tap_tool vmm)
export NETCONFPATH=$TMPDIR/net.d
mkdir "$NETCONFPATH"
# /dev is one for all who run this at a time.
net=n$(tr -d - </proc/sys/kernel/random/uuid | cut -c1-12)

# network QUEUES
network() {
	conf '{cniVersion, name: "'"$net"'", plugins: [del(.cniVersion, .name,
		.bridge) | .type = "macvlan-vm" | .master = "p0" |
		.attach = "macvtap" | .macvtap.queues = '"$1"' |
		.ipam.ranges = [[{subnet: "10.1.0.0/24", rangeStart: "10.1.0.2",
			rangeEnd: "10.1.0.2"}], [{subnet: "fd00:1::/64",
			rangeStart: "fd00:1::2", rangeEnd: "fd00:1::2"}]]]}' \
		>"$NETCONFPATH/$net.conflist"
}

# run: the VM, until it is ended; $pid is weft's.
run() {
	: >"$TMPDIR/vmm.out"
	"$weft" run "$net" --id vm1 -- \
		"$vmm" %FDS% /run/netns/g1 %MAC% >"$TMPDIR/vmm.out" &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		! grep -qs ready "$TMPDIR/vmm.out" || break
		sleep 0.1
	done
	ip -n g1 link set eth0 up
	ip -n g1 addr add 10.1.0.2/24 dev eth0
	ip -n g1 addr add fd00:1::2/64 dev eth0 nodad
}

nodes() {
	find /dev -maxdepth 1 -name 'mvt*' | sort
}

network 1
"$weft" run "$net" --id warm -- true
before=$(state | grep -v -e '/run/weft' -e /var/lib/cni/weft)
dev=$(nodes)
run
pings "the VM reaches the LAN (IPv4)" g1 10.1.0.99
pings "the VM reaches the LAN (IPv6)" g1 fd00:1::99
pings "and the LAN the VM" lan 10.1.0.2
kill -TERM $pid
wait $pid 2>/dev/null || true
ip -n g1 link del eth0 2>/dev/null || true
same "$before" "$(state | grep -v -e '/run/weft' -e /var/lib/cni/weft)" \
	"it ends, and nothing is left"
same "$dev" "$(nodes)" "nor a node"

# weft is killed, and its VMM with it.
killed() {
	local child

	child=$(pgrep -P $pid)
	kill -KILL $pid
	wait $pid 2>/dev/null || true
	for ((i = 0; i < 50; i++)); do
		kill -0 "$child" 2>/dev/null || break
		sleep 0.1
	done
	ip -n g1 link del eth0 2>/dev/null || true
}

run
killed
run
pings "after a kill it runs again" g1 10.1.0.99
killed
succeeds "killed, gc --orphans finds it" \
	"$weft" gc --orphans --yes --min-age 0
same "$before" "$(state | grep -v -e '/run/weft' -e /var/lib/cni/weft)" \
	"and takes it away"
same "$dev" "$(nodes)" "and its node"

network 2
# shellcheck disable=SC2016 # for that shell
out=$("$weft" run "$net" --id vm2 --queues 2 -- sh -c '
	for fd in $(echo "$1" | tr : " "); do
		readlink "/proc/$$/fd/$fd"
	done' vmm %FDS%)
same 2 "$(grep -c '^/dev/.*mvt' <<<"$out")" "two queues are two descriptors"
