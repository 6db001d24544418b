#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft gc --orphans: macvtaps that VMMs on the host had.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

ip link add p0 type veth peer name p1
ip link set p0 up
ip link set p1 up
if ! ip link add link p0 name mine type macvtap; then
	skip "orphans of macvtap" "this kernel has no macvtap"
	exit
fi
weft=$cni_bin/weft
tap_open=$(tap_tool)
export NETCONFPATH=$TMPDIR/net.d
mkdir "$NETCONFPATH"
# /dev is one for all who run this at a time.
net=n$(tr -d - </proc/sys/kernel/random/uuid | cut -c1-12)
config=$(conf '.type = "macvlan-vm" | .name = "'"$net"'" | .master = "p0" |
	.attach = "macvtap" | del(.bridge)')
jq '{cniVersion, name, plugins: [del(.cniVersion, .name)]}' <<<"$config" \
	>"$NETCONFPATH/$net.conflist"

attach() {
	add "$1" /proc/self/ns/net "$config" CNI_NETNS_OVERRIDE=1
	node=$(jq -r '.interfaces[0].socketPath // ""' <<<"$out")
	device=${node#/dev/}
}

orphans() {
	"$weft" gc --orphans --json "$@" 2>/dev/null
}

# held NAME BY: by whom, and --yes leaves all as it is.
held() {
	local before

	before=$(state)
	is "$1" "$(orphans "${@:3}")" \
		'map([.kind, .device, .heldBy]) == [["macvtap",
			"'"$device"'", "'"$2"'"]]'
	"$weft" gc --orphans --yes "${@:3}" >/dev/null
	same "$before" "$(state)" "and stays"
	succeeds "with its node" test -c "$node"
}

attach warm
del warm /proc/self/ns/net "$config" CNI_NETNS_OVERRIDE=1
before=$(state)
attach vm1
worked "ADD of a VM on the host"
held "a young one is held by its age" age
coproc holder { exec "$tap_open" "$node" single hold; }
read -r -u "${holder[0]}" _
held "one that a VMM has open" VMM --min-age 0
eval "exec ${holder[1]}>&-"
# shellcheck disable=SC2154 # of coproc
wait "$holder_PID" 2>/dev/null || true
mkdir -p /var/lib/cni/results
touch "/var/lib/cni/results/$net-vm1-eth0"
held "one that an engine's cache has" cache --min-age 0
rm -r /var/lib/cni/results
is "without all that it is nobody's" "$(orphans --min-age 0)" \
	'map(.heldBy) == [null]'
succeeds "--yes" "$weft" gc --orphans --yes --min-age 0
same "$net vm1 eth0 macvtap $device removed" "$(tail -n 1 <<<"$output" |
	tr -s ' ' | sed 's/ [0-9]\+s / /')" "removes it"
same "$before" "$(state)" "and its lease"
fails "and its node" test -e "$node"

attach vm1
rm "$NETCONFPATH/$net.conflist"
succeeds "without the network's configuration" \
	"$weft" gc --orphans --yes --min-age 0
fails "its device goes" ip link show dev "$device"
fails "and its node" test -e "$node"
cni DEL vm1 "" "$config"
worked "DEL"
same "$before" "$(state)" "frees the address"
succeeds "a stranger's macvtap stays" ip link show dev mine
