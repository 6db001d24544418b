#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The bugs of the reference bridge and host-local, one function each: what they
# get wrong is right here. Each begins in a host without network or lease.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/cache.sh
. "$cni_root/tests/lib/cache.sh"

gateway=$(conf '.isDefaultGateway = true | .ipMasq = true')

# plugins#49: the veth of a failed ADD stayed, and the next one said that it
# exists already.
failed_add_leaves_no_veth() {
	local before

	mkdir "$cni_leases" 2>/dev/null || true
	before=$(state c1)
	add c1 c1 "$(conf '.ipam.routes = [{dst: "192.0.2.0/24",
		gw: "203.0.113.1"}]')"
	refused 100 "an ADD that fails at the last step says at which" \
		192.0.2.0/24 203.0.113.1
	fails "it leaves no veth in the container" \
		ip -n c1 link show dev eth0
	same "" "$(leases)" "nor an address"
	same "" "$(ip -o link show type veth)" "nor one on the host"
	add c1 c1 "$(conf)"
	worked "the next ADD just works"
	cni DEL c1 c1 "$(conf)"
}

l2_check_passes() {
	add c1 c1 "$(conf 'del(.ipam)')"
	check c1 c1 "$(conf 'del(.ipam)')"
	worked "CHECK of layer 2 passes"
	cni DEL c1 c1 "$(conf 'del(.ipam)')"
	worked "DEL too"
}

l2_with_0_2_0_is_refused_before_anything_is_made() {
	local before

	before=$(state c1)
	add c1 c1 "$(conf 'del(.ipam) | .cniVersion = "0.2.0"')"
	refused 1 "layer 2 cannot be told in cniVersion 0.2.0" net1 0.2.0
	same "$before" "$(state c1)" "and nothing was made"
}

# plugins#620: "could not set bridge's mac: invalid argument", for ever.
bridge_mac_stays_when_ports_come_and_go() {
	local mac

	add c1 c1 "$gateway"
	mac=$(link br0 | jq -r .address)
	add c2 c2 "$gateway" CNI_ARGS="MAC=02:00:00:00:00:01"
	same "$mac" "$(link br0 | jq -r .address)" \
		"a port with a lower MAC does not change the bridge's"
	cni DEL c2 c2 "$gateway"
	cni DEL c1 c1 "$gateway"
	same "$mac" "$(link br0 | jq -r .address)" \
		"nor does the last one's leaving"
	add c1 c1 "$gateway"
	check c1 c1 "$gateway"
	worked "ADD and CHECK go on"
	cni DEL c1 c1 "$gateway"
}

bridge_without_a_mac_is_adopted() {
	ip link add br0 type bridge
	ip link set br0 up
	ip link add port0 master br0 type veth
	ip link del port0
	same 00:00:00:00:00:00 "$(link br0 | jq -r .address)" \
		"a bridge that lost its last port has no MAC"
	add c1 c1 "$gateway"
	worked "it is adopted"
	same 3 "$(cat /sys/class/net/br0/addr_assign_type)" \
		"and its MAC pinned"
	check c1 c1 "$gateway"
	worked "CHECK"
	cni DEL c1 c1 "$gateway"
	succeeds "it is not removed with the network's own" \
		"$cni_bin/weft" network rm net1
	succeeds "it is still there" ip link show dev br0
}

# plugins#810: an empty CNI_NETNS left the masquerade rules of the container.
del_with_empty_netns_leaves_no_rule() {
	local before

	add c1 c1 "$gateway"
	cni DEL c1 c1 "$gateway"
	before=$(state c1)
	add c1 c1 "$gateway"
	cni DEL c1 "" "$gateway"
	worked "DEL without a namespace"
	same "$before" "$(state c1)" "leaves no rule, address or device"
	ns_new gone
	add c2 gone "$gateway"
	ip netns del gone
	cni DEL c2 gone "$gateway"
	worked "DEL of a namespace that is gone"
	same "$before" "$(state c1)" "leaves no rule, address or device"
	touch /run/netns/gone
	cni DEL c2 gone "$gateway"
	worked "DEL where only its mount point is left"
	rm /run/netns/gone
}

own_netns_is_code_8_before_anything() {
	local before

	before=$(state)
	add c1 /proc/self/ns/net "$gateway"
	refused 8 "the plugin's own namespace is refused, by one document" \
		"should not be the same"
	same "$before" "$(state)" "and nothing was made"
	add c1 /proc/self/ns/net "$(conf)" CNI_NETNS_OVERRIDE=1
	worked "unless CNI_NETNS_OVERRIDE says so"
	cni DEL c1 /proc/self/ns/net "$(conf)" CNI_NETNS_OVERRIDE=1
	worked "and DEL"
	fails "it is gone" ip link show dev eth0
	same "" "$(leases)" "with its addresses"
}

del_in_own_netns_never_touches_the_hosts_eth0() {
	ip link add eth0 type veth peer name uplink
	cni DEL c1 /proc/self/ns/net "$gateway"
	succeeds "DEL in the host's namespace leaves its eth0" \
		ip link show dev eth0
	cni DEL c1 /proc/1/ns/net "$gateway"
	succeeds "by whatever path" ip link show dev eth0
	cni DEL c1 /proc/self/ns/net "$gateway" CNI_NETNS_OVERRIDE=true
	succeeds "and whatever the override" ip link show dev eth0
	ip link del eth0
}

default_route_without_gw_and_isDefaultGateway() {
	local config

	config=$(jq -c '.ipam.routes = [{dst: "0.0.0.0/0"}, {dst: "::/0"}]' \
		<<<"$gateway")
	add c1 c1 "$config"
	worked "a default route without gw beside isDefaultGateway"
	has "is one route" '.routes | length == 2'
	same "1 1" "$(ip -n c1 route | grep -c ^default) \
$(ip -n c1 -6 route | grep -c ^default)" "in the container too"
	check c1 c1 "$config"
	worked "CHECK"
	cni DEL c1 c1 "$config"
	config=$(jq -c '.ipam.routes = [{dst: "192.0.2.0/24"},
		{dst: "192.0.2.0/24"}]' <<<"$gateway")
	add c1 c1 "$config"
	worked "the same route twice is one"
	cni DEL c1 c1 "$config"
}

# plugins#680: SettleAddresses polled for a second or two.
ipv6_is_usable_at_once() {
	local start

	start=$(date +%s%N)
	add c1 c1 "$gateway"
	start=$((($(date +%s%N) - start) / 1000000))
	same "" "$(ip -n c1 -6 addr show tentative scope global)" \
		"no address is tentative after ADD"
	pings "the container reaches its gateway" c1 fd00:1::1
	if [ $start -lt 400 ]; then
		ok "ADD waits for no duplicate address detection"
	else
		nok "ADD waits for no duplicate address detection" "$start ms"
	fi
	cni DEL c1 c1 "$gateway"
}

# containerd#3507: "could not add IP address to cni0: file exists".
twenty_first_adds_at_once() {
	local i failed=0 pids=()

	for i in $(seq 20); do
		ns_new "p$i"
	done
	for i in $(seq 20); do
		(
			cni ADD "p$i" "p$i" "$gateway"
			echo "$out" >"$TMPDIR/p$i"
			exit "$status"
		) &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || failed=$((failed + 1))
	done
	same 0 "$failed" "twenty ADDs at once on a network that is not there yet"
	[ "$failed" = 0 ] || note "$(cat "$TMPDIR"/p*)"
	same 1 "$(ip -o link show type bridge | wc -l)" "make one bridge"
	same 1 "$(ip -4 -o addr show dev br0 | wc -l)" "with one address"
	same 2 "$(nft list table inet weft | grep -c masquerade)" \
		"and one rule a subnet"
	same 20 "$(cat "$TMPDIR"/p* | jq -s 'map(.ips[0].address) | unique |
		length')" "every one has an address of its own"
	failed=0
	for i in $(seq 20); do
		cni CHECK "p$i" "p$i" "$(with_prev "$gateway" \
			"$(cat "$TMPDIR/p$i")")"
		[ "$status" = 0 ] || failed=$((failed + 1))
		cni DEL "p$i" "p$i" "$gateway"
		ip netns del "p$i"
	done
	same 0 "$failed" "CHECK is content with every one"
	same "" "$(leases)" "DEL frees all"
}

# plugins#1225: "permission denied".
ipv6_disabled_on_the_host() {
	echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
	echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
	ns_new six
	ip netns exec six sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	ip netns exec six sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	add c1 six "$gateway"
	worked "IPv6 works where the host has it disabled by default"
	check c1 six "$gateway"
	worked "CHECK"
	pings "frames pass" six fd00:1::1
	cni DEL c1 six "$gateway"
	ip netns del six
	echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6
	echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
}

# cni#560: MAC= is bridge's, and killed host-local.
unknown_cni_args_kill_nobody() {
	add c1 c1 "$gateway" CNI_ARGS="MAC=02:00:00:00:00:01"
	worked "MAC in CNI_ARGS without IgnoreUnknown"
	has "is heeded" '.interfaces[2].mac == "02:00:00:00:00:01"'
	cni DEL c1 c1 "$gateway" CNI_ARGS="MAC=02:00:00:00:00:01"
	worked "DEL too"
	add c1 c1 "$gateway" CNI_ARGS="K8S_POD_NAME=pod;FOO=bar"
	worked "so are keys of others"
	cni DEL c1 c1 "$gateway"
	add c1 c1 "$gateway" CNI_ARGS="FOO"
	refused 4 "but a pair without = is an error" FOO
}

prevResult_is_passed_on() {
	local prev config

	prev='{"cniVersion": "1.1.0",
		"interfaces": [{"name": "lo9", "mac": "02:00:00:00:00:09"}],
		"ips": [{"interface": 0, "address": "192.0.2.7/24"}],
		"routes": [{"dst": "198.51.100.0/24"}],
		"dns": {"nameservers": ["192.0.2.53"]}}'
	config=$(with_prev "$gateway" "$prev")
	cni ADD c1 c1 "$config"
	worked "ADD with a prevResult"
	has "keeps its entries, and its addresses stay its" '
		.interfaces[0].name == "lo9" and .ips[0].interface == 0 and
		.ips[0].address == "192.0.2.7/24" and
		.routes[0].dst == "198.51.100.0/24" and
		.dns.nameservers == ["192.0.2.53"]'
	# shellcheck disable=SC2016 # a variable of jq
	has "and its own come after them" '(.interfaces | map(.name)) as $n |
		$n[1] == "br0" and $n[3] == "eth0" and
		(.ips[1:] | all(.interface == 3))'
	ip -n c1 route add 198.51.100.0/24 dev eth0
	check c1 c1 "$gateway"
	worked "CHECK is content with it"
	cni DEL c1 c1 "$gateway"
	cni ADD c1 c1 "$(with_prev "$gateway" '{"cniVersion": "0.4.0",
		"ips": "none"}')"
	refused 6 "a prevResult of another age is refused" prevResult 0.4.0
	same "" "$(leases)" "and holds nothing"
}

# plugins#250, nomad#25510: others' interfaces broke CHECK.
foreign_entries_do_not_break_check() {
	local more

	add c1 c1 "$gateway"
	more=$(jq -c '.interfaces += [{name: "eth0", sandbox: "/other"},
		{name: "ifb0", mac: "02:00:00:00:00:01"}] |
		.interfaces |= reverse | .ips[].interface = 2' <<<"$result")
	cni CHECK c1 c1 "$(with_prev "$gateway" "$more")"
	worked "CHECK finds its entries by name and sandbox, in any order"
	cni DEL c1 c1 "$gateway"
}

# nerdctl#665, podman#18753: "duplicate allocation is not allowed" after a
# restart that saw no DEL.
restart_without_del_adopts_the_address() {
	local first

	add c1 c1 "$gateway"
	first=$(jq -c .ips <<<"$result")
	ip -n c1 link del eth0
	add c1 c1 "$gateway"
	worked "ADD of a container that was restarted without DEL"
	same "$first" "$(jq -c .ips <<<"$result")" "gives it its own address"
	ip -n c1 link del eth0
	add c1 c1 "$(jq -c '.ipam.routes = [{dst: "192.0.2.0/24",
		gw: "203.0.113.1"}]' <<<"$gateway")"
	refused 100 "and one that fails" 203.0.113.1
	same 2 "$(leases | wc -l)" "does not give away what it held before"
	cni DEL c1 c1 "$gateway"
}

# podman#19583: "requested IP not available", by whom it did not say.
requested_address_names_its_holder() {
	add c1 c1 "$gateway" CNI_ARGS="IP=10.1.0.9"
	has "a requested address is given" '.ips[0].address == "10.1.0.9/24"'
	add c2 c2 "$gateway" CNI_ARGS="IP=10.1.0.9"
	refused 101 "the next one is told who holds it" 10.1.0.9 c1
	same 2 "$(leases | wc -l)" "and holds nothing"
	cni DEL c1 c1 "$gateway"
}

exhaustion_is_code_11() {
	local config i

	config=$(conf '.ipam.ranges = [[{subnet: "10.1.0.0/29"}]]')
	for i in 1 2 3 4 5; do
		add "x$i" c1 "$config" CNI_IFNAME="x$i"
	done
	worked "five guests fit into a /29 with a gateway"
	add c2 c2 "$config"
	refused 11 "the sixth is told to try again later, and why" 10.1.0.
	same "" "$(ip -n c2 -o link show type veth)" "and got no interface"
	cni STATUS "" "" "$config"
	refused 50 "STATUS says so before"
	for i in 1 2 3 4 5; do
		cni DEL "x$i" c1 "$config" CNI_IFNAME="x$i"
	done
	cni STATUS "" "" "$config"
	worked "STATUS when there is room again"
}

# plugins#498: a crash between create and write left an empty file for ever.
empty_lease_of_an_earlier_boot_is_free() {
	local config

	config=$(conf '.ipam.ranges = [[{subnet: "10.1.0.0/29",
		rangeStart: "10.1.0.3", rangeEnd: "10.1.0.3"}]]')
	mkdir -p "$cni_leases/net1"
	: >"$cni_leases/net1/10.1.0.3"
	touch -d 2001-01-01 "$cni_leases/net1/10.1.0.3"
	add c1 c1 "$config"
	worked "an empty lease from an earlier boot is free"
	cni DEL c1 c1 "$config"
}

# plugins#352, cni#356.
mtu_is_on_both_ends() {
	local config

	config=$(conf '.mtu = 1300')
	add c1 c1 "$config"
	same "1300 1300" "$(link eth0 c1 | jq .mtu) \
$(link "$(port)" | jq .mtu)" "mtu is on both ends of the pair"
	cni DEL c1 c1 "$config"
}

# Run by the reference: DEL failed for nftables where iptables had no chain.
masquerade_uses_no_program() {
	add c1 c1 "$gateway" PATH=/nonexistent
	worked "ADD needs neither iptables nor nft"
	cni DEL c1 c1 "$gateway" PATH=/nonexistent
	worked "nor does DEL"
}

masquerade_spares_the_bridge_and_multicast() {
	local rules

	add c1 c1 "$gateway"
	rules=$(nft list table inet weft)
	is "what stays on the bridge is never masqueraded" "$(jq -Rs . \
		<<<"$rules")" 'contains("oifname != \"br0\"")'
	is "nor is multicast" "$(jq -Rs . <<<"$rules")" \
		'contains("224.0.0.0/4") and contains("ff00::/8")'
	cni DEL c1 c1 "$gateway"
}

# plugins#852, #873: the rules stayed when the namespace was gone, and nft took
# minutes.
spoof_check_leaks_no_rule_and_runs_no_program() {
	local before config

	config=$(conf '.macspoofchk = true')
	add c1 c1 "$(conf)"
	cni DEL c1 c1 "$(conf)"
	before=$(nft list ruleset)
	add c1 c1 "$config" PATH=/nonexistent
	worked "ADD with macspoofchk needs no nft"
	cni DEL c1 "" "$config" PATH=/nonexistent
	worked "DEL without a namespace neither"
	same "$before" "$(nft list ruleset)" "and leaves no rule"
	add c1 c1 "$(jq -c '.ipam.routes = [{dst: "192.0.2.0/24",
		gw: "203.0.113.1"}]' <<<"$config")"
	refused 100 "an ADD that fails later" 192.0.2.0/24
	same "$before" "$(nft list ruleset)" "leaves none either"
}

# Its CHECK compared the bridge's flag with the key, both ways.
somebody_else_making_the_bridge_promiscuous_is_no_damage() {
	add c1 c1 "$gateway"
	ip link set br0 promisc on
	check c1 c1 "$gateway"
	worked "CHECK passes while somebody listens on the bridge"
	cni DEL c1 c1 "$gateway"
}

no_name_for_a_gateway_leaves_nothing() {
	local before config

	config=$(conf '.bridge = "longbridgename" | .vlan = 4000 |
		.isGateway = true')
	before=$(state c1)
	add c1 c1 "$config"
	refused 7 "a gateway whose device's name is too long is refused" \
		longbridgename.4000 vlan
	same "$before" "$(state c1)" "before anything is made"
}

# novlans NAME: a kernel without VLANs; said once for each test.
novlans() {
	ip link add name probe type bridge vlan_filtering 1 2>/dev/null &&
		ip link del probe && return 1
	skip "$1" "no bridge VLAN filtering in this kernel"
}

# plugins#533, #965.
vlan_on_a_bridge_that_exists_separates() {
	local ip

	novlans "vlan on a bridge that exists" && return
	ip link add name br0 type bridge
	ip link set br0 up
	add c1 c1 "$(conf '.vlan = 5')"
	worked "ADD with a VLAN on a bridge that does not filter"
	is "it filters from then on" "$(link br0)" \
		'.linkinfo.info_data.vlan_filtering == 1'
	same 5 "$(bridge -j vlan show dev "$(port)" |
		jq -r '.[0].vlans | map(.vlan) | join(" ")')" \
		"no VLAN 1 is left on the port"
	ip=$(jq -r '.ips[0].address | split("/")[0]' <<<"$result")
	add c2 c2 "$(conf)"
	fails "and another VLAN is out of reach" \
		ip netns exec c2 busybox ping -qc1 -W1 "$ip"
	cni DEL c1 c1 "$(conf)"
	cni DEL c2 c2 "$(conf)"
}

# The trunk's entry took the native one's place, and frames without a tag were
# lost.
native_vlan_within_the_trunk_stays_native() {
	local config

	novlans "a native VLAN within the trunk" && return
	config=$(conf '.vlan = 11 | .vlanTrunk = [{minID: 10, maxID: 12}]')
	add c1 c1 "$config"
	is "a native VLAN within the trunk stays native" \
		"$(bridge -j vlan show dev "$(port)")" '[.[0].vlans[] |
		select(.vlan == 11)][0].flags | any(. == "PVID")'
	cni DEL c1 c1 "$config"
}

# The neighbours had the old MAC until their entry expired: told of the new one
# before the port passed frames, they never heard.
address_that_moves_to_another_container_is_reached_at_once() {
	local config ip i lost

	config=$(conf '.isGateway = true')
	add c1 c1 "$config"
	ns_new c3
	for ip in 10.1.0.77 fd00:1::77; do
		lost=""
		for i in 1 2 3 4; do
			cni ADD "moving$i" c3 "$config" CNI_ARGS="IP=$ip"
			worked "ADD with $ip"
			ip netns exec c1 busybox ping -qc1 -W1 "$ip" \
				>/dev/null || lost+=" c1:$i"
			busybox ping -qc1 -W1 "$ip" >/dev/null ||
				lost+=" host:$i"
			cni DEL "moving$i" c3 "$config"
		done
		same "" "$lost" "$ip is reached wherever it is"
	done
	ip netns del c3
	cni DEL c1 c1 "$config"
}

# The kernel's link watch told the bridge of the carrier in its own time: on a
# busy machine ADD was over before frames passed, 3 times of 200.
port_forwards_when_add_returns() {
	local config i state busy=() late=0 end=$((SECONDS + 30))

	if [ "$(printf '%s\n' 6.9 "$(uname -r)" | sort -V | head -1)" != 6.9 ]; then
		note "before Linux 6.9 RTM_GETLINK does not run the link watch"
		return
	fi
	config=$(conf '.isGateway = true')
	cni ADD c2 c2 "$config"
	for i in 1 2 3; do
		timeout 30 sh -c 'while :; do :; done' &
		busy+=($!)
		ns_new busy$i
		while [ $SECONDS -lt $end ]; do
			ip -n busy$i link add h up type veth peer name i
			ip -n busy$i link del h
		done 2>/dev/null &
		busy+=($!)
	done
	for ((i = 0; i < 60; i++)); do
		cni ADD c1 c1 "$config"
		read -r state <"/sys/class/net/$(port)/brport/state"
		[ "$state" = 3 ] || late=$((late + 1))
		cni DEL c1 c1 "$config"
	done
	same 0 $late "a port forwards when ADD returns, 60 times on a busy machine"
	kill "${busy[@]}" 2>/dev/null || true
	wait "${busy[@]}" 2>/dev/null || true
	for i in 1 2 3; do
		ip netns del busy$i
	done
	cni DEL c2 c2 "$config"
}

for test in $(declare -F | awk '$3 ~ /_/ { print $3 }'); do
	grep -q "^$test() {\$" "$0" || continue
	ns_new c1
	ns_new c2
	note "$test"
	"$test"
	ip netns del c1
	ip netns del c2
	ip -o link show type bridge | awk -F': ' '{ print $2 }' |
		xargs -rn1 ip link del
	nft flush ruleset
	rm -rf "${cni_leases:?}" /run/weft
done
