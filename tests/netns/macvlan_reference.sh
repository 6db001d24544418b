#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Configurations of the reference macvlan, run by it and, with only `type`
# changed, by macvlan-vm; each in a host of its own. What they leave is written
# down as one fact a line and compared. A difference must stand in
# docs/differences.md, section macvlan-vm or ipam-host-local.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

root=$(cd "$(dirname "$0")/../.." && pwd)

# --- Inside a fresh host: probe BIN CONF [NAME=VALUE] prints facts. ---

# parent_facts, guest_facts: links, addresses, routes of either namespace.
ns_facts() {
	local where=$1 ns=${2-}

	# Without what is derived here, and random or absent there.
	ip ${ns:+-n "$ns"} -d -j link | jq -r --arg where "$where" '.[] |
		select(.ifname != "lo") | .ifname as $name |
		del(.ifname, .ifindex, .address, .group, .ifalias, .link_netnsid,
			.link_netns) |
		.operstate |= sub("UNKNOWN"; "UP") |
		.flags |= (sort | join(",")) |
		. + ((.linkinfo.info_data // {}) | with_entries(
			.key |= "macvlan \(.)")) + {kind: .linkinfo.info_kind} |
		del(.linkinfo) | to_entries[] |
		"\($where) link \($name) \(.key) \(.value)"' | sort
	ip ${ns:+-n "$ns"} -j addr | jq -r --arg where "$where" '
		.[] | .ifname as $name | .addr_info[] |
		([to_entries[] | select(.value == true) | .key |
			select(. != "tentative")] | join(",")) as $flags |
		(.local | if test("^fe80:") then "fe80::LL" else . end) as $a |
		"\($where) addr \($name) \($a)/\(.prefixlen) scope \(.scope) brd \(.broadcast // "-") lft \(.valid_life_time) \($flags)"
		' | sed 's/ $//' | sort
	{
		ip ${ns:+-n "$ns"} -4 -o route show table all
		ip ${ns:+-n "$ns"} -6 -o route show table all
	} | sed -E "s/fe80::[0-9a-f:]+/fe80::LL/; s/ linkdown//; s/ +/ /g
		s/ $//; s/^/$where route /" |
		grep -v ' table local .* pref ' | sort
}

sysctl_facts() {
	# shellcheck disable=SC2016 # expanded inside
	ip netns exec guest bash -c '
		cd /proc/sys/net
		for f in ipv4/conf/eth0/{arp_notify,rp_filter,arp_filter} \
			ipv6/conf/{eth0,lo}/{disable_ipv6,keep_addr_on_down} \
			ipv6/conf/eth0/{accept_dad,enhanced_dad,accept_ra} \
			ipv6/conf/eth0/ndisc_notify; do
			echo "guest sysctl $f $(cat $f)"
		done'
	(cd /proc/sys/net && grep . ipv4/ip_forward ipv6/conf/all/forwarding \
		ipv4/conf/p0/{forwarding,arp_notify,rp_filter} \
		ipv6/conf/p0/{accept_ra,disable_ipv6}) |
		sed 's/^/host sysctl /; s/:\([0-9]\)/ \1/' | sort
}

lease_facts() (
	cd /var/lib/cni/networks 2>/dev/null || exit 0
	[ ! -e .weft ] || echo "lease directory .weft"
	find . -name .weft -prune -o -printf 'lease %p %y %m %U:%G\n'
	find . -name .weft -prune -o -type f -exec md5sum {} + |
		sed 's/^/lease content /'
)

# await_address DEV IP-OPTION...: the kernel's own IPv6 address comes when it has
# noticed the carrier.
await_address() {
	local dev=$1 i

	shift
	for ((i = 0; i < 100; i++)); do
		[ -z "$(ip "$@" -6 -o addr show dev "$dev" scope link \
			-tentative 2>/dev/null)" ] || return 0
		sleep 0.03
	done
}

probe() {
	local bin=$1 conf=$2 type out

	type=$(jq -r .type <<<"$conf")
	sysctl_set net/ipv6/conf/default/dad_transmits 0
	ns_new lan
	ns_new guest
	ip netns exec guest \
		sysctl -qw net.ipv6.conf.default.dad_transmits=0
	ip link add p0 address 02:11:00:00:00:01 type veth peer name p0 \
		netns lan
	ip -n lan link set p0 up
	ip link set p0 up
	ip addr add 10.1.0.1/24 dev p0
	ip addr add fd00:1::1/64 dev p0 nodad
	ip route add default via 10.1.0.99
	if [ "$(jq .linkInContainer <<<"$conf")" = true ]; then
		ip link add in0 type veth peer name in0 netns guest
		ip link set in0 up
		ip -n guest link set in0 up
	fi
	await_address p0
	out=$(probe_run ADD "${@:3}") || { echo "$out" && return; }
	jq -cS 'if .interfaces then .interfaces[] |= del(.mac) else . end' \
		<<<"$out" | sed 's/^/result /'
	same_mac "$out"
	await_address eth0 -n guest
	{
		ns_facts host
		ns_facts guest guest
		sysctl_facts
		lease_facts
	} | sort
	if [ "$(jq -r .cniVersion <<<"$conf")" != 0.2.0 ]; then
		conf=$(jq -c --argjson p "$out" '.prevResult = $p' <<<"$conf")
		probe_run CHECK "${@:3}" |
			jq -r '"CHECK fails: \(.msg)"' || true
	fi
	probe_run DEL "${@:3}"
	{
		ns_facts host
		ns_facts guest guest
		lease_facts
	} | sort | sed 's/^/after DEL: /'
}

same_mac() {
	local mac

	mac=$(ip -n guest -j link show eth0 | jq -r '.[0].address')
	jq -r --arg mac "$mac" '"result mac \((.interfaces // [{mac: $mac}])[0]
		.mac == $mac)"' <<<"$1"
}

probe_run() {
	local verb=$1

	shift
	env CNI_COMMAND="$verb" CNI_CONTAINERID=first CNI_IFNAME=eth0 \
		CNI_NETNS=/run/netns/guest CNI_PATH="$bin" \
		"$@" "$bin/$type" <<<"$conf" 2>&1
}

if [ "${1-}" = probe ]; then
	shift
	probe "$@"
	exit
fi

# --- Outside: run both, compare. ---

test_main "$@"
# shellcheck source=tests/lib/cache.sh
. "$root/tests/lib/cache.sh"
# shellcheck source=tests/lib/cni.sh
. "$root/tests/lib/cni.sh"

if ! reference=$(cache_reference_plugins 2>&1); then
	skip "configurations of macvlan give what the reference gives" \
		"${reference##*$'\n'}"
	exit
fi

# intended SECTION: lines that docs/differences.md lists there: "-" the
# reference's, "+" ours.
intended() {
	awk -v section="## $1" '/^## / { on = $0 == section }
		/^```/ { block = on && /^```diff$/; next }
		block && /^[-+]/' "$root/docs/differences.md"
}

mine=$(intended "macvlan-vm and macvlan")
all=$mine$'\n'$(intended "ipam-host-local and host-local")
seen=$TMPDIR/seen
: >"$seen"

# compare NAME CONF [NAME=VALUE...]
compare() {
	local name=$1 theirs ours=$2 a b unlisted

	shift 2
	theirs=$ours
	ours=$(jq -c '.type = "macvlan-vm" | if .ipam.type then
		.ipam.type = "ipam-host-local" else . end' <<<"$ours")
	a=$(private_host bash "$0" probe "$reference" "$theirs" "$@")
	b=$(private_host bash "$0" probe "$cni_bin" "$ours" "$@")
	diff --unchanged-line-format= --old-line-format='-%L' \
		--new-line-format='+%L' <(echo "$a") <(echo "$b") \
		>"$TMPDIR/diff" || true
	cat "$TMPDIR/diff" >>"$seen"
	unlisted=$(grep -vxFf <(echo "$all") "$TMPDIR/diff" || true)
	if [ -n "$unlisted" ]; then
		note "$unlisted"
		nok "$name" "not in docs/differences.md"
	elif ! grep -q '^result {' <<<"$b"; then
		note "$b"
		nok "$name" "no result"
	else
		ok "$name"
	fi
}

# base [JQ]: a configuration of theirs.
base() {
	jq -nc '{cniVersion: "1.1.0", name: "net1", type: "macvlan",
		master: "p0", ipam: {type: "host-local",
		ranges: [[{subnet: "10.1.0.0/24"}]]}} | '"${1:-.}"
}

v6='[{"subnet": "fd00:1::/64"}]'

compare "IPv4: like macvlan" "$(base)"
compare "IPv6: like macvlan" "$(base ".ipam.ranges = [$v6]")"
compare "dual-stack with default routes: like macvlan" \
	"$(base ".ipam.ranges += [$v6] | .ipam.routes =
		[{dst: \"0.0.0.0/0\"}, {dst: \"::/0\"}]")"
compare "several ranges and routes: like macvlan" \
	"$(base '.ipam.ranges = [[{subnet: "10.1.0.0/24",
		rangeStart: "10.1.0.20", rangeEnd: "10.1.0.21"},
		{subnet: "10.2.0.0/24", gateway: "10.2.0.254"}],
		[{subnet: "10.3.0.0/16"}], [{subnet: "fd00:3::/48"}]] |
		.ipam.routes = [{dst: "192.0.2.0/24"},
		{dst: "198.51.100.0/24", gw: "10.1.0.9"},
		{dst: "2001:db8::/32"}]')"
compare "a requested address: like macvlan" "$(base)" \
	CNI_ARGS="IgnoreUnknown=1;IP=10.1.0.77"
compare "a requested MAC: like macvlan" "$(base)" \
	CNI_ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:07"
compare "mac of the configuration: like macvlan" \
	"$(base '.mac = "02:00:00:00:00:08"')"
compare "the default parent: like macvlan" "$(base 'del(.master)')"
for mode in bridge private vepa passthru; do
	compare "mode $mode: like macvlan" "$(base ".mode = \"$mode\"")"
done
compare "mtu and bcqueuelen: like macvlan" \
	"$(base '.mtu = 1300 | .bcqueuelen = 3000')"
compare "linkInContainer: like macvlan" \
	"$(base '.linkInContainer = true | .master = "in0"')"
compare "layer 2: like macvlan" "$(base 'del(.ipam)')"
compare "dns: like macvlan" "$(base '.dns = {nameservers: ["10.1.0.1"]}')"
for version in 0.2.0 0.3.1 0.4.0 1.0.0; do
	compare "cniVersion $version: like macvlan" \
		"$(base ".cniVersion = \"$version\" | .ipam.ranges += [$v6] |
			.ipam.routes = [{dst: \"0.0.0.0/0\"}]")"
done
compare "cniVersion 1.1.0, its route attributes: like macvlan" \
	"$(base '.ipam.routes = [{dst: "0.0.0.0/0", gw: "10.1.0.1",
		priority: 7}, {dst: "192.0.2.0/24", table: 100, scope: 0}]')"

stale=$(grep -vxFf <(sort -u "$seen") <(echo "$mine") || true)
same "" "$stale" "docs/differences.md lists only differences that there are"
