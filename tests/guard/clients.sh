#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Real clients ask for their addresses by a port that nobody listens on: what
# answers is the guard. Each in a namespace of its own, as its user runs it.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"

root=$(cd "$(dirname "$0")/../.." && pwd)
answering=$root/build/san/tests/answering
gateway_mac=fe:00:00:00:00:09
mac=02:00:00:00:00:01
told=(ip=10.1.0.5/24 gateway=10.1.0.1 route=0.0.0.0/0 "gateway_mac=$gateway_mac"
	dns=10.1.0.53 domain=weft.test search=weft.test search=b.test
	hostname=guest1 ntp=10.1.0.123 mtu=1400 lease=3600)

# guest KEY=VALUE...: a new one, with nothing on eth0, which is told these.
guest() {
	ip netns del guest 2>/dev/null || true
	ip link del port 2>/dev/null || true
	ns_new guest
	ip link add port type veth peer name eth0 netns guest
	ip -n guest link set eth0 address $mac
	"$answering" port $mac "$@"
	ip link set port up
	ip -n guest link set eth0 up
}

in_guest() {
	ip netns exec guest "$@"
}

# wait_for COMMAND...: five seconds at most, until it succeeds.
patience=100
wait_for() {
	local i

	for ((i = 0; i < patience; i++)); do
		! "$@" 2>/dev/null || return 0
		sleep 0.05
	done
	return 1
}

count() {
	"$answering" port | awk -v name="$1" '$1 == name { n = $2 }
		END { print n + 0 }'
}

# What eth0 has: addresses, and routes by a router.
addresses() {
	ip -n guest -j addr show dev eth0 | jq -r '.[].addr_info[] |
		select(.scope == "global") | "\(.local)/\(.prefixlen)"' | sort
}

routes() {
	ip -n guest "$1" -j route | jq -r '.[] | select(.gateway) |
		"\(.dst) \(.gateway)"' | sort
}

# Writes down what udhcpc was told.
cat >"$TMPDIR/script" <<'EOF'
#!/bin/bash
{ echo "event $1"; env; } >>"$TMPDIR/events"
case $1 in
bound | renew)
	ip addr replace "$ip/$mask" dev "$interface"
	for r in $router; do ip route replace default via "$r"; done
	;;
esac
EOF
chmod +x "$TMPDIR/script"

udhcpc() {
	rm -f "$TMPDIR/events"
	in_guest busybox udhcpc -i eth0 -f -q -n -t 3 -T 1 -s "$TMPDIR/script" "$@"
}

heard() {
	awk -F = -v key="$1" '$1 == key { v = substr($0, length(key) + 2) }
		END { print v }' "$TMPDIR/events"
}

test_busybox() {
	guest "${told[@]}"
	succeeds "udhcpc gets a lease" udhcpc -O search -O ntpsrv -O mtu
	same "10.1.0.5 24 10.1.0.1 10.1.0.53 weft.test 3600 10.1.0.1" \
		"$(for k in ip mask router dns domain lease serverid; do
			heard $k; done | xargs)" "udhcpc: what it was told"
	same "1400 guest1 10.1.0.123 weft.test b.test" \
		"$(for k in mtu hostname ntpsrv search; do
			heard $k; done | xargs)" "udhcpc: options"
	ip -n guest addr flush dev eth0
	succeeds "udhcpc -r of a wrong address" \
		udhcpc -r 10.1.0.77
	same "10.1.0.5" "$(heard ip)" "udhcpc -r: it is given the right one"
	same "0" "$(count pass)" "udhcpc: nothing has left the port"
	guest "${told[@]}" boot_server=10.1.0.9 boot_file=boot.ipxe \
		route=192.0.2.0/24,10.1.0.2
	succeeds "udhcpc: of a boot server, and routes" udhcpc -O staticroutes \
		-O tftp -O bootfile
	same "10.1.0.9 boot.ipxe boot.ipxe 10.1.0.9" \
		"$(for k in siaddr boot_file bootfile tftp; do
			heard $k; done | xargs)" "udhcpc: what to boot"
	same "0.0.0.0/0 10.1.0.1 192.0.2.0/24 10.1.0.2" \
		"$(heard staticroutes)" "udhcpc: routes"
	arp_for_gateway
}

arp_for_gateway() {
	succeeds "the gateway is found" in_guest busybox arping -f -c 3 -w 3 \
		-I eth0 10.1.0.1
}

both=("${told[@]}" ip=fd00:1::5/64 gateway=fd00:1::1 route=::/0 dns=fd00:1::53)

# The kernel has looked for a router when eth0 came up.
test_kernel() {
	guest "${both[@]}"
	succeeds "Linux finds its router" wait_for has_route6
	same "default fe80::fc00:ff:fe00:9" "$(routes -6 | grep default)" \
		"Linux: by the link-local address of the gateway"
	same "fd00:1::/64" "$(ip -n guest -6 -j route | jq -r '.[] |
		select(.dst == "fd00:1::/64") | .dst')" "Linux: what is on the link"
	same "1400" "$(in_guest cat /proc/sys/net/ipv6/conf/eth0/mtu)" \
		"Linux: MTU"
	same "" "$(addresses)" "Linux makes up no address"
}

has_route6() {
	routes -6 | grep -q default
}

# dhclient's script of Debian would change this machine's resolv.conf.
cat >"$TMPDIR/dhclient-script" <<'EOF'
#!/bin/bash
{ echo "event $reason"; env; } >>"$TMPDIR/events"
case $reason in
BOUND | RENEW | REBIND | REBOOT) ip addr replace "$new_ip_address/24" dev "$interface" ;;
BOUND6 | RENEW6 | REBIND6) ip addr replace "$new_ip6_address/128" dev "$interface" ;;
esac
EOF
chmod +x "$TMPDIR/dhclient-script"

dhclient() {
	rm -f "$TMPDIR/events"
	in_guest env TMPDIR="$TMPDIR" timeout 30 dhclient -1 -d -v \
		-sf "$TMPDIR/dhclient-script" -e TMPDIR="$TMPDIR" \
		-pf "$TMPDIR/dhclient.pid" "$@" eth0
}

events() {
	awk '$1 == "event" { print $2 }' "$TMPDIR/events" | xargs
}

# until_event NAME COMMAND...: run it until it has come so far.
until_event() {
	local name=$1 pid status=0

	shift
	"$@" >"$TMPDIR/out" 2>&1 &
	pid=$!
	wait_for grep -q "^event $name" "$TMPDIR/events" || status=$?
	kill "$(cat "$TMPDIR/dhclient.pid")" 2>/dev/null || true
	wait "$pid" || true
	[ "$status" = 0 ] || cat "$TMPDIR/out"
	return "$status"
}

test_dhclient() {
	guest "${both[@]}"
	succeeds "dhclient gets a lease" until_event BOUND \
		dhclient -4 -lf "$TMPDIR/leases"
	same "10.1.0.5 10.1.0.1 1400 weft.test" \
		"$(for k in new_ip_address new_routers new_interface_mtu \
			new_domain_name; do heard $k; done | xargs)" \
		"dhclient: what it was told"
	sed 's/fixed-address .*/fixed-address 10.1.0.77;/' "$TMPDIR/leases" \
		>"$TMPDIR/wrong"
	ip -n guest addr flush dev eth0 scope global
	succeeds "dhclient that remembers a wrong address is refused it" \
		until_event BOUND dhclient -4 -lf "$TMPDIR/wrong"
	same "10.1.0.5 1" "$(heard new_ip_address) $(grep -c DHCPNAK \
		"$TMPDIR/out")" "dhclient: and asks for the right one"
	wait_for has_link_local
	succeeds "dhclient -6 gets a lease" until_event BOUND6 \
		dhclient -6 -lf "$TMPDIR/leases6"
	same "fd00:1::5 fd00:1::53 weft.test. b.test." \
		"$(for k in new_ip6_address new_dhcp6_name_servers \
			new_dhcp6_domain_search; do heard $k; done | xargs)" \
		"dhclient -6: what it was told"
	dhclient -6 -S -lf "$TMPDIR/leases-s" >"$TMPDIR/out" 2>&1 || true
	succeeds "dhclient -6 -S informs itself" \
		grep -q "RCV: Reply message" "$TMPDIR/out"
}

# Whose address is being looked for by others already.
has_link_local() {
	ip -n guest -j -6 addr show dev eth0 scope link |
		jq -e '.[].addr_info[] | select(.tentative | not)' >/dev/null
}

test_dhcpcd() {
	guest "${both[@]}"
	wait_for has_link_local
	printf '%s\n' 'duid' 'persistent' 'noarp' 'ia_na' 'ipv6rs' >"$TMPDIR/conf"
	in_guest timeout 20 dhcpcd -f "$TMPDIR/conf" -c /bin/true -B -d eth0 \
		>"$TMPDIR/out" 2>&1 &
	if wait_for has_both; then
		ok "dhcpcd has both addresses"
	else
		note "$(cat "$TMPDIR/out")"
		nok "dhcpcd has both addresses" "$(addresses | xargs)"
	fi
	same "default 10.1.0.1" "$(routes -4)" "dhcpcd: its route"
	same "default fe80::fc00:ff:fe00:9" "$(routes -6 | sort -u)" \
		"dhcpcd: its route of IPv6"
	kill %% 2>/dev/null || true
	wait || true
}

has_both() {
	[ "$(addresses | sed 's,/.*,,' | xargs)" = "10.1.0.5 fd00:1::5" ]
}

# It needs neither dbus nor udev where /sys is read-only.
test_networkd() {
	local networkd=/lib/systemd/systemd-networkd

	if [ ! -x $networkd ]; then
		skip "systemd-networkd" "it is not installed"
		return
	fi
	guest "${both[@]}"
	mkdir -p /run/systemd/network /run/systemd/netif/{links,leases,lldp}
	printf '%s\n' '[Match]' 'Name=eth0' '[Network]' 'DHCP=yes' \
		'IPv6AcceptRA=yes' '[DHCPv4]' 'UseHostname=no' \
		>/run/systemd/network/eth0.network
	chmod -R a+rX /run/systemd
	in_guest bash -c "mount -o remount,ro,bind /sys
		exec timeout 20 $networkd" >"$TMPDIR/out" 2>&1 &
	if wait_for has_both; then
		ok "systemd-networkd has both addresses"
	else
		note "$(tail -n 30 "$TMPDIR/out")"
		nok "systemd-networkd has both addresses" "$(addresses | xargs)"
	fi
	same "default 10.1.0.1" "$(routes -4 | grep default)" \
		"systemd-networkd: its route"
	kill %% 2>/dev/null || true
	wait || true
}

# Leases of a few seconds. Who is not answered from 192.0.0.8, where nothing
# leads to, asks everybody in the end.
test_renewal() {
	guest "${both[@]}" lease=6
	wait_for has_link_local
	patience=400
	succeeds "dhclient renews its lease" until_event RENEW \
		dhclient -4 -lf "$TMPDIR/leases-renew"
	succeeds "dhclient -6 renews its lease" until_event RENEW6 \
		dhclient -6 -lf "$TMPDIR/leases6-renew"
	# Between asking everybody and losing the lease it has three seconds, and asks
	# in each two of them at least once. It calls that either.
	guest ip=10.1.0.5/24 gateway_mac=$gateway_mac lease=24
	printf '%s\n' 'initial-interval 1;' 'backoff-cutoff 2;' \
		>"$TMPDIR/dhclient.conf"
	patience=600
	succeeds "dhclient asks everybody to prolong its lease" \
		until_event 'RE\(NEW\|BIND\)' dhclient -4 -cf "$TMPDIR/dhclient.conf" \
		-lf "$TMPDIR/leases-rebind"
	patience=100
}

# client NAME TEST: a row of the table.
client() {
	local p=$passed f=$failed

	"$2"
	echo "guard - client: $1: $((passed - p)) passed, $((failed - f)) failed"
}

client "busybox udhcpc, arping" test_busybox
client "Linux by itself, router solicitation" test_kernel
client "dhclient, dhclient -6" test_dhclient
client "dhcpcd, both families" test_dhcpcd
client "systemd-networkd, both families" test_networkd
client "dhclient, renewing and rebinding" test_renewal
echo "guard - clients: $passed passed, $failed failed"
