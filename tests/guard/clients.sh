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
wait_for() {
	local i

	for ((i = 0; i < 100; i++)); do
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

test_busybox
