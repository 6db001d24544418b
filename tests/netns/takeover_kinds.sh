#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Every kind of attachment, both ways: the reference makes it and we CHECK and
# DEL it; we make it and the reference does. What is left of the former is
# nothing, of the latter what docs/coming-from-the-reference-plugins.md names.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/takeover.sh
. "$cni_root/tests/lib/takeover.sh"
# shellcheck source=tests/lib/cache.sh
. "$cni_root/tests/lib/cache.sh"

if ! reference=$(cache_reference_plugins 2>&1); then
	skip "takeover of every kind" "${reference##*$'\n'}"
	exit
fi
use nftables
sysctl_set net/ipv6/conf/default/dad_transmits 0

# world: what there is but for what the page names: our own tables and index.
# And of a bridge without ports, the reference has no address; its gateway in a
# VLAN listens to routers.
world() {
	state c1 | sed '/^table \(inet\|netdev\) weft {$/,/^}$/d; /\/\.weft/d
		/^link br0 /s/"address":"[^"]*"//
		/^conf\/br0.100\/accept_ra:/d'
}

# Our pods have none of the chains that it wants to remove by iptables. Some
# versions of that call it an error, which comes last and only once.
ref_del() {
	ref DEL c1 c1 "$(with_prev "$1")"
	[ "$status" = 0 ] || ref DEL c1 c1 "$(with_prev "$1")"
}

# both_ways NAME CONF [EXCEPTION]: EXCEPTION is what the reference's CHECK says
# of ours, if it is never content.
both_ways() {
	local name=$1 config=$2 exception=${3-} before

	ns_new c1
	ip netns exec c1 sysctl -qw net.ipv6.conf.default.dad_transmits=0
	if [ "$(jq -r .linkInContainer <<<"$config")" = true ]; then
		ip link add in0 type veth peer name in0 netns c1
		ip -n c1 link set in0 up
		ip link set in0 up
	fi
	# What stays of a network is there.
	ref ADD c1 c1 "$config"
	settle
	ref DEL c1 c1 "$config"
	before=$(world)

	ref ADD c1 c1 "$config"
	worked "$name: the reference attaches"
	check c1 c1 "$config"
	worked "$name: our CHECK"
	ip -n c1 link set eth0 down
	check c1 c1 "$config"
	refused 102 "$name: our CHECK when it is down" eth0
	cni STATUS "" "" "$(jq -c '.cniVersion = "1.1.0"' <<<"$config")"
	worked "$name: our STATUS"
	del c1 c1 "$config"
	worked "$name: our DEL"
	same "$before" "$(world)" "$name: leaves nothing"

	add c1 c1 "$config"
	worked "$name: we attach"
	ref CHECK c1 c1 "$(with_prev "$config")"
	if [ -n "$exception" ]; then
		refused 999 "$name: the reference's CHECK cannot" "$exception"
	else
		worked "$name: the reference's CHECK"
	fi
	ref_del "$config"
	worked "$name: the reference's DEL"
	same "$before" "$(world)" "$name: leaves no more than the page says"
	ip netns del c1
	ip link del br0 2>/dev/null || true
	ip link del br0.100 2>/dev/null || true
	ip link del in0 2>/dev/null || true
	nft flush ruleset
	rm -rf /var/lib/cni/networks
}

kinds=0
each() {
	kinds=$((kinds + 1))
	! sampled $kinds || both_ways "$@"
}

# The reference's gateway is tentative at first, and for ever without a port.
settle() {
	local i

	for ((i = 0; i < 100; i++)); do
		[ -n "$(ip -6 -o addr show tentative)" ] || return 0
		sleep 0.05
	done
}

l2='no plugin name provided'
each "bridge" "$(conf)"
each "bridge on layer 2" "$(conf 'del(.ipam)')" "$l2"
each "isGateway" "$(conf '.isGateway = true')"
each "isDefaultGateway, ipMasq" \
	"$(conf '.isDefaultGateway = true | .ipMasq = true |
		.ipMasqBackend = "nftables"')"
each "macspoofchk" "$(conf '.macspoofchk = true')"
each "promiscMode" "$(conf '.promiscMode = true')"
each "hairpinMode" "$(conf '.hairpinMode = true')"
each "portIsolation" "$(conf '.portIsolation = true')"
each "mtu, routes" "$(conf '.mtu = 1400 | .isGateway = true |
	.ipam.routes = [{dst: "192.0.2.0/24"}, {dst: "2001:db8::/32"}]')"
each "cniVersion 0.4.0" "$(conf '.cniVersion = "0.4.0"')"

ip link add p0 type veth peer name p1
ip link set p0 up
ip link set p1 up
macvlan=$(jq -nc '{cniVersion: "1.1.0", name: "net1", type: "macvlan-vm",
	master: "p0", ipam: {type: "ipam-host-local",
	ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]]}}')
for mode in bridge private vepa passthru; do
	each "macvlan $mode" "$(jq -c --arg m $mode '.mode = $m' \
		<<<"$macvlan")"
done
each "macvlan on layer 2" "$(jq -c 'del(.ipam)' <<<"$macvlan")"
each "macvlan with mtu and bcqueuelen" \
	"$(jq -c '.mtu = 1400 | .bcqueuelen = 2000' <<<"$macvlan")"
each "macvlan linkInContainer" \
	"$(jq -c '.linkInContainer = true | .master = "in0"' <<<"$macvlan")"
ip link del p0

if ! ip link add name probe type bridge vlan_filtering 1 2>/dev/null; then
	skip "VLANs" "no bridge VLAN filtering in this kernel"
	exit
fi
ip link del probe
both_ways "vlan" "$(conf '.vlan = 100')"
both_ways "vlanTrunk" "$(conf '.vlanTrunk = [{id: 5}, {minID: 7, maxID: 9}]')"
both_ways "vlan and vlanTrunk" "$(conf '.vlan = 100 | .vlanTrunk = [{id: 5}]')"
both_ways "preserveDefaultVlan" \
	"$(conf '.vlan = 100 | .preserveDefaultVlan = true')"
both_ways "preserveDefaultVlan and vlanTrunk" \
	"$(conf '.vlanTrunk = [{id: 5}] | .preserveDefaultVlan = true')"
both_ways "a gateway in a VLAN" "$(conf '.vlan = 100 | .isGateway = true')"

# The other way round: the gateway's device is ours first.
config=$(conf '.vlan = 100 | .isGateway = true')
ns_new c1
ns_new c2
add c1 c1 "$config"
is "a gateway in a VLAN of ours" "$(link br0.100)" \
	'.linkinfo.info_kind == "vlan"'
first=$result
ref ADD c2 c2 "$config"
worked "is used by the reference"
ref CHECK c2 c2 "$(with_prev "$config")"
worked "whose CHECK is content"
check c2 c2 "$config"
worked "as is ours"
pings "both pods reach each other" c1 \
	"$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")"
ref CHECK c1 c1 "$(with_prev "$config" "$first")"
worked "the reference's CHECK of ours"
