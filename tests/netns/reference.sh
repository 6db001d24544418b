#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Configurations of the reference plugins, run by them and, with only `type`
# changed, by us; each in a host of its own. What they leave is written down as
# one fact a line and compared. A difference must stand in docs/differences.md.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

root=$(cd "$(dirname "$0")/../.." && pwd)

# --- Inside a fresh host: probe BIN CONF [NAME=VALUE] prints facts. ---

result_facts() {
	jq -cS 'if .interfaces then .interfaces[] |= (del(.mac) |
		if .name | startswith("veth") then .name = "PORT" else . end)
	else . end' <<<"$1" | sed 's/^/result /'
}

# ns_facts WHERE [NETNS]. That a link is operational the kernel notes within a
# second, until then it says "unknown" and means the same. Its own routes to
# IPv6 addresses follow the addresses, later.
ns_facts() {
	all_ns_facts "$@" | sed "$(gateway_port)"
}

# What a gateway in a VLAN costs the reference: a second port, of which one fact
# is enough. A sed program.
gateway_port() {
	local name

	name=$(ip -j link | jq -r '.[] |
		select(.link == "cni0.100").ifname')
	[ -z "$name" ] || echo "s/ link $name kind / link GWPORT kind /
		/ $name /d; / $name\$/d"
}

all_ns_facts() {
	local where=$1 ns=${2-} gw

	gw=$(ip -j link | jq -r '[.[] |
		select(.link == "cni0.100").ifname][0] // ""')

	ip ${ns:+-n "$ns"} -d -j link | jq -r --arg where "$where" \
		--arg gw "$gw" '
		def named: if test("^veth") and . != $gw then "PORT" else . end;
		.[] | select(.ifname != "lo") | (.ifname | named) as $name |
		{
			kind: .linkinfo.info_kind, mtu, txqlen: (.txqlen // 0),
			operstate: (.operstate | sub("UNKNOWN"; "UP")),
			addrgenmode: .inet6_addr_gen_mode,
			flags: (.flags | sort | join(",")),
			master, promiscuity, min_mtu, max_mtu
		} + (if .linkinfo.info_kind == "bridge" then
			.linkinfo.info_data | with_entries(select(.key |
			test("_timer$|_id$|root_port|topology") | not))
		else {} end) + ((.linkinfo.info_slave_data // {}) |
			with_entries(select(.key | test("^(id|no)$") or
			test("designated|timer|root_id|bridge_id") | not)))
		| to_entries[] |
		"\($where) link \($name) \(.key) \(.value)"' | sort
	ip ${ns:+-n "$ns"} -j addr | jq -r --arg where "$where" \
		--arg gw "$gw" '
		def named: if test("^veth") and . != $gw then "PORT" else . end;
		.[] | (.ifname | named) as $name | .addr_info[] |
		([to_entries[] | select(.value == true) | .key |
			select(. != "tentative")] | join(",")) as $flags |
		(.local | if test("^fe80:") then "fe80::LL" else . end) as $a |
		"\($where) addr \($name) \($a)/\(.prefixlen) scope \(.scope) brd \(.broadcast // "-") lft \(.valid_life_time) \($flags)"
		' | sed 's/ $//' | sort
	{
		ip ${ns:+-n "$ns"} -4 -o route show table all
		ip ${ns:+-n "$ns"} -6 -o route show table all
	} | sed -E "${gw:+/ $gw /b;} s/fe80::[0-9a-f:]+/fe80::LL/; s/veth[0-9a-f]+/PORT/
		s/ linkdown//; s/ +/ /g; s/ $//; s/^/$where route /" |
		grep -v ' table local .* pref ' | sort
}

sysctl_facts() {
	local port=$1 name

	# shellcheck disable=SC2016 # expanded inside
	ip netns exec guest bash -c '
		cd /proc/sys/net
		for f in ipv4/conf/eth0/arp_notify \
			ipv6/conf/{eth0,lo}/{disable_ipv6,keep_addr_on_down} \
			ipv6/conf/eth0/{accept_dad,enhanced_dad,accept_ra}; do
			echo "guest sysctl $f $(cat $f)"
		done'
	for name in cni0 "$port"; do
		(cd /proc/sys/net && grep . ipv4/ip_forward \
			ipv6/conf/all/forwarding \
			ipv6/conf/"$name"/{accept_ra,disable_ipv6} \
			ipv4/conf/"$name"/{forwarding,route_localnet}) |
			sed "s/^/host sysctl /; s/$port/PORT/; s/:\([01]\)/ \1/"
	done | sort -u
}

lease_facts() (
	cd /var/lib/cni/networks 2>/dev/null || exit 0
	[ ! -e .weft ] || echo "lease directory .weft"
	find . -name .weft -prune -o -printf 'lease %p %y %m %U:%G\n'
	find . -name .weft -prune -o -type f -exec md5sum {} + |
		sed 's/^/lease content /'
)

# Who is in which VLAN; nothing where the kernel cannot filter them.
vlan_facts() {
	bridge -j vlan show 2>/dev/null | jq -r --arg gw "$(ip -j link |
		jq -r '[.[] | select(.link == "cni0.100").ifname][0] // ""')" \
		'.[] | select(.ifname != $gw) |
		(.ifname | if test("^veth") then "PORT" else . end) as $name |
		.vlans[] | "host vlan \($name) \(.vlan)" +
		"\(if .vlanEnd then "-\(.vlanEnd)" else "" end)" +
		"\((.flags // []) | map(" " + .) | join(""))"'
}

rule_facts() {
	nft list ruleset | awk '/masquerade/ && !/#/ { n++ }
		END { print "rules", (n > 0 ? "masquerade" : "none") }'
}

probe() {
	local bin=$1 conf=$2 type out port

	type=$(jq -r .type <<<"$conf")
	# No second to wait for the end of duplicate address detection.
	sysctl_set net/ipv6/conf/default/dad_transmits 0
	ns_new guest
	ip netns exec guest \
		sysctl -qw net.ipv6.conf.default.dad_transmits=0
	out=$(probe_run ADD "${@:3}") || { echo "$out" && return; }
	result_facts "$out"
	port=$(jq -r '[.interfaces[]?.name | select(test("^veth"))][0] // empty' \
		<<<"$out")
	[ -n "$port" ] || port=$(ip -j link | jq -r '[.[].ifname |
		select(test("^veth"))][0]') # cniVersion 0.2.0
	await_addresses
	{
		ns_facts host
		ns_facts guest guest
		vlan_facts
		sysctl_facts "$port"
		lease_facts
		rule_facts
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
		vlan_facts
		lease_facts
		rule_facts
	} | sort | sed '/ link cni0\(.100\)\? operstate /d
		s/NO-CARRIER,//
		s/^/after DEL: /' # the bridge's carrier goes later
}

# The kernel's own IPv6 addresses come when it has noticed the carrier.
await_addresses() {
	local i

	for ((i = 0; i < 100; i++)); do
		[ -z "$(ip -6 -o addr show dev cni0 scope link)" ] ||
			[ -z "$(ip -n guest -6 -o addr show dev eth0 \
				scope link)" ] || return 0
		sleep 0.03
	done
}

probe_run() {
	local verb=$1

	shift
	env CNI_COMMAND="$verb" CNI_CONTAINERID=first CNI_IFNAME=eth0 \
		CNI_NETNS=/run/netns/guest CNI_PATH="$bin" \
		"$@" "$bin/$type" <<<"$conf" 2>&1
}

# Where there is iptables, the reference masquerades by it: facts must not depend
# on what a machine has installed.
hide_iptables() {
	local name path

	for name in iptables ip6tables; do
		path=$(command -v $name) || continue
		mount --bind /dev/null "$path"
	done
}

if [ "${1-}" = probe ]; then
	hide_iptables
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
	skip "eleven configurations give what the reference plugins give" \
		"${reference##*$'\n'}"
	exit
fi

# Does the kernel filter VLANs, and has it 802.1Q? For modules, ask by use.
vlans=$(private_host bash -c 'ip link add name b type bridge vlan_filtering 1 &&
	ip link add link b name b.5 type vlan id 5 && echo yes' 2>/dev/null ||
	true)

# Lines that docs/differences.md lists: "-" the reference's, "+" ours; those
# of VLANs in blocks of their own, those of macvlan are macvlan_reference.sh's.
# shellcheck disable=SC2016 # backquotes of Markdown
intended=$(sed '/^## macvlan-vm/,/^## ipam/d' "$root/docs/differences.md" |
	sed -n "/^\`\`\`diff${vlans:+\\( vlan\\)\\?}\$/,/^\`\`\`\$/{/^[-+]/p}")
seen=$TMPDIR/seen
: >"$seen"

# compare NAME CONF [NAME=VALUE...]
compare() {
	local name=$1 theirs ours=$2 a b unlisted

	shift 2
	theirs=$ours
	ours=$(jq -c '.type = "bridge-vm" | if .ipam.type then
		.ipam.type = "ipam-host-local" else . end' <<<"$ours")
	a=$(private_host bash "$0" probe "$reference" "$theirs" "$@")
	b=$(private_host bash "$0" probe "$cni_bin" "$ours" "$@")
	diff --unchanged-line-format= --old-line-format='-%L' \
		--new-line-format='+%L' <(echo "$a") <(echo "$b") \
		>"$TMPDIR/diff" || true
	cat "$TMPDIR/diff" >>"$seen"
	unlisted=$(grep -vxFf <(echo "$intended") "$TMPDIR/diff" || true)
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
	jq -nc '{cniVersion: "1.1.0", name: "net1", type: "bridge",
		bridge: "cni0", ipam: {type: "host-local",
		ranges: [[{subnet: "10.1.0.0/24"}]]}} | '"${1:-.}"
}

v6='[{"subnet": "fd00:1::/64"}]'

compare "IPv4: like bridge with host-local" "$(base)"
compare "IPv6: like bridge with host-local" \
	"$(base ".ipam.ranges = [$v6] | .isGateway = true")"
compare "dual-stack: like bridge with host-local" \
	"$(base ".ipam.ranges += [$v6] | .isGateway = true | .mtu = 9000")"
compare "several ranges: like bridge with host-local" \
	"$(base '.ipam.ranges = [[{subnet: "10.1.0.0/24",
		rangeStart: "10.1.0.20", rangeEnd: "10.1.0.21"},
		{subnet: "10.2.0.0/24", gateway: "10.2.0.254"}],
		[{subnet: "10.3.0.0/16"}], [{subnet: "fd00:3::/48"}]] |
		.ipam.routes = [{dst: "192.0.2.0/24"},
		{dst: "198.51.100.0/24", gw: "10.1.0.9"},
		{dst: "2001:db8::/32"}]')"
compare "a requested address: like bridge with host-local" \
	"$(base '.isGateway = true')" CNI_ARGS="IgnoreUnknown=1;IP=10.1.0.77"
compare "isDefaultGateway: like bridge with host-local" \
	"$(base ".ipam.ranges += [$v6] | .isDefaultGateway = true |
		.dns = {nameservers: [\"10.1.0.1\"]}")"
compare "ipMasq: like bridge with host-local" \
	"$(base ".ipam.ranges += [$v6] | .isDefaultGateway = true |
		.ipMasq = true")"
compare "layer 2 only: like bridge" "$(base 'del(.ipam)')"
compare "cniVersion 0.2.0: like bridge with host-local" \
	"$(base '.cniVersion = "0.2.0" | .isDefaultGateway = true')"
compare "cniVersion 0.4.0: like bridge with host-local" \
	"$(base ".cniVersion = \"0.4.0\" | .isDefaultGateway = true |
		.ipam.ranges += [$v6]")"
compare "cniVersion 1.1.0, its route attributes: like bridge with host-local" \
	"$(base '.isGateway = true | .ipam.routes = [{dst: "0.0.0.0/0",
		gw: "10.1.0.1", priority: 7}, {dst: "192.0.2.0/24",
		table: 100, scope: 0}]')"

compare "hairpinMode, portIsolation: like bridge" \
	"$(base '.hairpinMode = true | .portIsolation = true')"
compare "promiscMode: like bridge" \
	"$(base '.promiscMode = true | .isGateway = true')"
compare "macspoofchk: like bridge" "$(base '.macspoofchk = true')"
compare "enabledad: like bridge" \
	"$(base ".ipam.ranges += [$v6] | .isGateway = true | .enabledad = true")"
if [ -n "$vlans" ]; then
	compare "vlan: like bridge" "$(base '.vlan = 100')"
	compare "vlan, preserveDefaultVlan: like bridge" \
		"$(base '.vlan = 100 | .preserveDefaultVlan = true')"
	compare "vlanTrunk: like bridge" \
		"$(base '.vlanTrunk = [{minID: 10, maxID: 12}, {id: 50}]')"
	compare "vlanTrunk, preserveDefaultVlan: like bridge" \
		"$(base '.vlanTrunk = [{id: 50}] | .preserveDefaultVlan = true')"
	compare "vlan, isDefaultGateway: like bridge" \
		"$(base '.vlan = 100 | .isDefaultGateway = true')"
else
	skip "vlan, vlanTrunk: like bridge" \
		"no bridge VLAN filtering or 802.1Q in this kernel"
fi

stale=$(grep -vxFf <(sort -u "$seen") <(echo "$intended") || true)
same "" "$stale" "docs/differences.md lists only differences that there are"
