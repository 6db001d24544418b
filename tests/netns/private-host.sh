#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Every network test stands on host_state seeing what is left behind, and on
# nothing of a private host outliving it.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"

# sees WHAT DO UNDO
sees() {
	local before during

	before=$(host_state)
	eval "$2"
	during=$(host_state)
	eval "$3"
	if [ "$before" = "$during" ]; then
		nok "host_state sees $1"
	else
		same "$before" "$(host_state)" "host_state sees $1, and its end"
	fi
}

processes() {
	pgrep -xc sleep || true
}

# ended SIGNAL: a private host's caller gets it; who is alive afterwards?
ended() {
	local caller tries=30

	# shellcheck disable=SC2016 # expanded inside
	bash -c '. "$0"; private_host bash -c "setsid sleep 600 & sleep 600"' \
		"${BASH_SOURCE%/*}/../lib/netns.sh" &
	caller=$!
	until [ "$(processes)" = 2 ]; do sleep 0.05; done
	kill "-$1" "$caller"
	wait "$caller" 2>/dev/null || true
	until [ "$(processes)" = 0 ] || [ $((tries -= 1)) = 0 ]; do
		sleep 0.1
	done
	same 0 "$(processes)" "a private host does not survive SIG$1"
}

sees 'a link' 'ip link add weft0 type bridge' 'ip link del weft0'
sees 'an MTU' 'ip link set lo mtu 9000' 'ip link set lo mtu 65536'
sees 'an address' 'ip addr add 192.0.2.1/32 dev lo' \
	'ip addr del 192.0.2.1/32 dev lo'
sees 'an IPv6 address' 'ip addr add 2001:db8::1/128 dev lo' \
	'ip addr del 2001:db8::1/128 dev lo'
sees 'a route' 'ip route add blackhole 192.0.2.0/24 table 7' \
	'ip route del blackhole 192.0.2.0/24 table 7'
sees 'a rule' 'ip rule add table 7' 'ip rule del table 7'
sees 'an nftables table' 'nft add table inet weft' 'nft delete table inet weft'
sees 'forwarding' 'sysctl_set net/ipv4/ip_forward 1' \
	'sysctl_set net/ipv4/ip_forward 0'
sees 'a lease' 'echo c1 >/var/lib/cni/10.88.0.2' 'rm /var/lib/cni/10.88.0.2'
echo one >/run/file
sees 'what a file says' 'echo two >/run/file' 'echo one >/run/file'
sees 'a mount' 'mount -t tmpfs none /mnt' 'umount /mnt'
sees 'a namespace' 'ns_new c1' 'ip netns del c1'
ended TERM
ended KILL
