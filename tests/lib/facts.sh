# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# facts.sh: what there is on a host and in its namespace "guest", one fact a
# line, so that the work of two plugins can be compared. Source it after
# netns.sh, inside a private host.

facts_lib=$(dirname "${BASH_SOURCE[0]}")

# facts: all of them, sorted.
facts() {
	local gw

	gw=$(gateway_port)
	{
		link_facts
		route_facts host "$gw"
		[ ! -e /run/netns/guest ] || route_facts guest "$gw" guest
		vlan_facts "$gw"
		lease_facts /var/lib/cni/networks
		rule_facts
	} | sort
}

# The port that the reference makes for a gateway in a VLAN.
gateway_port() {
	[ ! -e /sys/class/net/cni0.100 ] || ip -j link | jq -r '[.[] |
		select(.link == "cni0.100").ifname][0] // ""'
}

link_facts() {
	{
		ip -d -j link
		ip -j addr
		ip -n guest -d -j link 2>/dev/null || true
		ip -n guest -j addr 2>/dev/null || true
	} | jq -rsf "$facts_lib/facts.jq"
}

# route_facts WHERE GWPORT [NETNS]. The kernel's own routes to IPv6 addresses
# follow the addresses, later.
route_facts() {
	local where=$1 gw=$2 ns=${3-}

	{
		ip ${ns:+-n "$ns"} -4 -o route show table all
		ip ${ns:+-n "$ns"} -6 -o route show table all
	} | sed -E "${gw:+/ $gw( |\$)/d;} s/fe80::[0-9a-f:]+/fe80::LL/
		/ table local .* pref /d; s/veth[0-9a-f]+/PORT/
		s/ linkdown//; s/ +/ /g; s/ $//; s/^/$where route /"
}

# vlan_facts GWPORT: who is in which VLAN; nothing where the kernel cannot
# filter them.
vlan_facts() {
	[ -e /sys/class/net/cni0/bridge ] || return 0
	bridge -j vlan show 2>/dev/null | jq -r --arg gw "$1" '
		.[] | select(.ifname != $gw) |
		(.ifname | if test("^veth") then "PORT" else . end) as $name |
		.vlans[] | "host vlan \($name) \(.vlan)" +
		"\(if .vlanEnd then "-\(.vlanEnd)" else "" end)" +
		"\((.flags // []) | map(" " + .) | join(""))"'
}

# lease_facts DATADIR
lease_facts() (
	cd "$1" 2>/dev/null || exit 0
	[ ! -e .weft ] || echo "lease directory .weft"
	# A size and the lines: to the byte.
	find . -name .weft -prune -o -type d -printf 'lease %p %y %m %U:%G\n' \
		-o -printf 'lease %p %y %m %U:%G %s\n'
	find . -name .weft -prune -o -type f -exec grep -aH '' {} + |
		sed 's/\r/\\r/g; s/^/lease content /'
)

rule_facts() {
	nft list ruleset | awk '
		/ masquerade( |$)/ { masq = 1 }
		/ether saddr/ { spoof = 1 }
		/10\.1\.0\.11[^0-9]|fd00:1::11[^0-9a-f]/ { ports = 1 }
		END {
			print "rules", masq ? "masquerade" : "none"
			if (spoof)
				print "rules spoof check"
			if (ports)
				print "rules for the guest of portmap"
		}'
}

# sysctl_facts [GWPORT]: of the guest, the host, and the devices that are in between.
sysctl_facts() {
	local name

	# shellcheck disable=SC2016 # expanded inside
	ip netns exec guest sh -c '
		cd /proc/sys/net && grep -s . \
			ipv4/conf/eth0/arp_notify ipv4/conf/eth0/rp_filter \
			ipv4/conf/eth0/arp_filter ipv6/conf/eth0/ndisc_notify \
			ipv6/conf/*/disable_ipv6 ipv6/conf/*/keep_addr_on_down \
			ipv6/conf/eth0/accept_dad ipv6/conf/eth0/enhanced_dad \
			ipv6/conf/eth0/accept_ra; true' |
		sed 's/^/guest sysctl /; s/:/ /'
	for name in cni0 p0 veth; do
		(cd /proc/sys/net && grep -s . ipv4/ip_forward \
			ipv6/conf/all/forwarding \
			ipv6/conf/"$name"*/{accept_ra,disable_ipv6} \
			ipv4/conf/"$name"*/{forwarding,route_localnet} \
			ipv4/conf/"$name"*/{arp_notify,rp_filter} || true) |
			sed -E "\\|/${1:-none}/|d; s/^/host sysctl /; s/:/ /
				s/veth[0-9a-f]+/PORT/"
	done | sort -u || true
}

# objects: what there is, by name alone: devices, addresses, leases, rules; less
# than facts, and faster.
objects() {
	{
		ip addr
		echo guest
		ip -n guest addr 2>/dev/null || true
		find /var/lib/cni/networks -name '*[.:]*' ! -name 'last_*' \
			-type f -printf 'lease %P\n' 2>/dev/null || true
		rule_facts
	} | awk '
		BEGIN { where = "host" }
		$1 == "guest" { where = $1 }
		$1 == "lease" || $1 == "rules" && $2 !~ /^(none|masq)/
		/^[0-9]+: / {
			name = $2
			sub(/(@.*)?:$/, "", name)
			sub(/^veth.*/, "PORT", name)
			known = name ~ /^(lo|in0|out0|p[012])$/
			if (!known)
				print where, name, "link"
		}
		/^ *inet6? / && !known && $2 !~ /^fe80:/ {
			print where, name, "addr", $2
		}' | sort
}

# await_links: the kernel's own IPv6 addresses come when it has noticed the
# carrier of those that are up.
await_links() {
	local i

	if [ -z "$(ip -n guest -o link show up dev eth0)" ]; then
		for ((i = 0; i < 100; i++)); do
			[[ $(ip -o link show cni0) != *NO-CARRIER* ]] || break
			sleep 0.03
		done
	fi
	for ((i = 0; i < 100; i++)); do
		! links_lack "" cni0 cni0.100 p0 && ! links_lack guest eth0 &&
			break
		sleep 0.03
	done
}

# links_lack NS DEV...: is one of them up, and has no such address?
links_lack() {
	local ns=$1 dev up have

	shift
	up=$(ip ${ns:+-n "$ns"} -o link show up)
	have=$(ip ${ns:+-n "$ns"} -6 -o addr show scope link -tentative)
	for dev; do
		[[ $up != *" $dev"[:@]* || $have = *" $dev "* ]] || return 0
	done
	return 1
}

# hide_iptables: where there is iptables, the reference masquerades by it: facts
# must not depend on what a machine has installed.
hide_iptables() {
	local name path

	for name in iptables ip6tables; do
		path=$(command -v $name) || continue
		mount --bind /dev/null "$path"
	done
}
