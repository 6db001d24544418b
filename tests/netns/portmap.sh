#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# portmap-nft with packets: from outside, from the host, from guests, to a
# container and to a VM; and what of it stands in the kernel.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/ask.sh
. "$(dirname "$0")/../lib/ask.sh"

ask_build

# --- the world: three guests, a client outside, and a host behind us ---

for ns in c1 c2 v1 out far; do
	ns_new $ns
done
wire() {
	ip link add "$1" type veth peer name eth0 netns "$2"
	ip link set "$1" up
	ip -n "$2" link set eth0 up
	ip addr add "$3.1/24" dev "$1"
	ip -n "$2" addr add "$3.9/24" dev eth0
	ip -n "$2" route add default via "$3.1"
	ip addr add "$4::1/64" dev "$1" nodad
	ip -n "$2" addr add "$4::9/64" dev eth0 nodad
	ip -n "$2" route add default via "$4::1"
}
wire out0 out 192.0.2 2001:db8
wire far0 far 198.51.100 2001:db8:1

config=$(conf '.isDefaultGateway = true | .perAttachment = ["attach"]')
declare -A results=()
add c1 c1 "$config"
results[c1]=$result
add c2 c2 "$config"
results[c2]=$result
add v1 v1 "$config" CNI_ARGS=ATTACH=tap
results[v1]=$result
worked "a network of two containers and a VM"

# ip_of GUEST 4|6
ip_of() {
	jq -r ".ips[$(($2 / 6))].address" <<<"${results[$1]}" | cut -d/ -f1
}

# The VM's network is what its tap leads to.
"$TMPDIR/vmm" "$(jq -r '.interfaces[1].name' <<<"${results[v1]}")" \
	/run/netns/v1 "$(jq -r '.interfaces[2].mac' <<<"${results[v1]}")" \
	>"$TMPDIR/vmm.out" &
until grep -qs ready "$TMPDIR/vmm.out"; do sleep 0.05; done
ip -n v1 link set eth0 up
ip -n v1 addr add "$(ip_of v1 4)/24" dev eth0
ip -n v1 addr add "$(ip_of v1 6)/64" dev eth0 nodad
ip -n v1 route add default via 10.1.0.1
ip -n v1 route add default via fd00:1::1

serve c1 c1 tcp:80 tcp:81 udp:53
serve c2 c2 tcp:80 udp:53
serve v1 v1 tcp:80 udp:53
serve "" host tcp:7000
serve far far tcp:8080 tcp:7001

# Link-local addresses take a second or two to be sure of themselves.
settled() {
	local ns

	for ns in "" c1 c2 v1 out far; do
		! in_ns "$ns" ip -6 -o addr show tentative | grep -q . ||
			return 1
	done
}
for _ in $(seq 100); do
	! settled || break
	sleep 0.1
done

# br_netfilter, where there is one, is a matter of its own.
bridge_nf() {
	sysctl_set net/bridge/bridge-nf-call-iptables "$1"
	sysctl_set net/bridge/bridge-nf-call-ip6tables "$1"
}
bridge_nf 0

# --- helpers ---

# ports MAPPING...: "8080:80", "udp:53:53", "tcp:8080:80@192.0.2.1"
ports() {
	local m ip=() fields list=()

	for m; do
		ip=("${m##*@}")
		[[ $m = *@* ]] || ip=("")
		IFS=: read -ra fields <<<"${m%%@*}"
		[ ${#fields[@]} = 3 ] || fields=(tcp "${fields[@]}")
		list+=("$(jq -nc --arg p "${fields[0]}" --arg ip "${ip[0]}" \
			"{hostPort: ${fields[1]}, containerPort: ${fields[2]},
			protocol: \$p} + if \$ip != \"\" then {hostIP: \$ip}
			else {} end")")
	done
	printf '%s\n' "${list[@]}" | jq -sc .
}

# pm VERB GUEST JSON-PORTS [JQ]: call the plugin for a guest of the network.
pm() {
	local config

	config=$(jq -nc --argjson m "$3" --argjson prev "${results[$2]}" '{
		cniVersion: "1.1.0", name: "net1", type: "portmap-nft",
		capabilities: {portMappings: true},
		runtimeConfig: {portMappings: $m}, prevResult: $prev
	} | '"${4:-.}")
	cni "$1" "$2" "$2" "$config"
}

# answers NAME WANT NS PROTO ADDRESS PORT [FROM]
answers() {
	same "$2" "$(answer "${@:3}")" "$1"
}

elements() {
	nft -j list table inet weft 2>/dev/null | jq -c '.nftables[] |
		(.map // .set) // empty | select(.elem) | {name, elem}'
}

same "" "$(elements)" "no forwards in the beginning"

# --- reachability ---

pm ADD c1 "$(ports 8080:80 udp:5353:53)"
worked "ADD"
same "$(jq -S . <<<"${results[c1]}")" "$(jq -S . <<<"$out")" \
	"passes the result on"
answers "from outside" "c1 192.0.2.9" out tcp 192.0.2.1 8080
answers "from outside, IPv6" "c1 2001:db8::9" out tcp 2001:db8::1 8080
answers "UDP" "c1 192.0.2.9" out udp 192.0.2.1 5353
answers "UDP, IPv6" "c1 2001:db8::9" out udp 2001:db8::1 5353
answers "to another address of the host" "c1 192.0.2.9" \
	out tcp 198.51.100.1 8080
answers "from the host to its own address" "c1 192.0.2.1" \
	"" tcp 192.0.2.1 8080
answers "from the host, IPv6" "c1 2001:db8::1" "" tcp 2001:db8::1 8080
answers "from the host by 127.0.0.1" "c1 10.1.0.1" "" tcp 127.0.0.1 8080
answers "from the host by 127.0.0.1, UDP" "c1 10.1.0.1" "" udp 127.0.0.1 5353
answers "::1 is refused" nobody "" tcp ::1 8080
answers "hairpin: the guest to itself" "c1 10.1.0.1" c1 tcp 192.0.2.1 8080
answers "hairpin, IPv6" "c1 fd00:1::1" c1 tcp 2001:db8::1 8080
answers "its neighbour on the bridge" "c1 10.1.0.1" c2 tcp 192.0.2.1 8080
answers "its neighbour by the gateway's address, UDP" "c1 10.1.0.1" \
	c2 udp 10.1.0.1 5353
answers "its neighbour, IPv6" "c1 fd00:1::1" c2 tcp fd00:1::1 8080
answers "what is not forwarded goes its own way" "host 192.0.2.9" \
	out tcp 192.0.2.1 7000
answers "the same port of another host is not ours (CVE-2025-67499)" \
	"far 192.0.2.9" out tcp 198.51.100.9 8080
answers "nor from a guest" "far $(ip_of c1 4)" c1 tcp 198.51.100.9 8080
answers "nor from the host" "far 198.51.100.1" "" tcp 198.51.100.9 8080
answers "straight to the guest" "c1 192.0.2.9" \
	out tcp "$(ip_of c1 4)" 80
same 1 "$(cat /proc/sys/net/ipv4/conf/br0/route_localnet)" \
	"127.0.0.1 needs route_localnet"
serve "" loopback tcp:9999
ip -n c1 route flush table local root 127.0.0.0/8
ip -n c1 route add 127.0.0.5 via 10.1.0.1 src "$(ip_of c1 4)"
ip netns exec c1 sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet'
answers "and does not open the host's loopback to guests" nobody \
	c1 tcp 127.0.0.5 9999
rules=$(nft list chain inet weft portmap-lo)
nft flush chain inet weft portmap-lo
answers "which it would" "loopback $(ip_of c1 4)" c1 tcp 127.0.0.5 9999
nft flush chain inet weft portmap-lo
nft -f - <<<"$rules"
ip -n c1 route del 127.0.0.5
ip -n c1 route add local 127.0.0.0/8 dev lo table local
ip netns exec c1 sh -c 'echo 0 >/proc/sys/net/ipv4/conf/all/route_localnet'
kill "$server"

pm ADD v1 "$(ports 8081:80 udp:5354:53)"
worked "ADD for a VM"
answers "a VM from outside" "v1 192.0.2.9" out tcp 192.0.2.1 8081
answers "a VM, UDP over IPv6" "v1 2001:db8::9" out udp 2001:db8::1 5354
answers "a VM from the host" "v1 10.1.0.1" "" tcp 127.0.0.1 8081
answers "a VM from a container" "v1 10.1.0.1" c1 tcp 192.0.2.1 8081
answers "a container from a VM" "c1 10.1.0.1" v1 tcp 192.0.2.1 8080
answers "hairpin of a VM" "v1 10.1.0.1" v1 tcp 192.0.2.1 8081

if [ -e /proc/sys/net/bridge ]; then
	bridge_nf 1
	ip link set "$(jq -r '.interfaces[1].name' <<<"${results[c1]}")" \
		type bridge_slave hairpin on
	answers "br_netfilter: a neighbour" "c1 $(ip_of c2 4)" \
		c2 tcp 192.0.2.1 8080
	answers "br_netfilter: hairpin" "c1 10.1.0.1" c1 tcp 192.0.2.1 8080
	answers "br_netfilter: hairpin, IPv6" "c1 fd00:1::1" \
		c1 tcp 2001:db8::1 8080
	answers "br_netfilter: from outside" "c1 192.0.2.9" \
		out tcp 192.0.2.1 8080
	ip link set "$(jq -r '.interfaces[1].name' <<<"${results[c1]}")" \
		type bridge_slave hairpin off
	bridge_nf 0
else
	skip "br_netfilter" "this kernel has none loaded"
fi

if has_sctp; then
	serve c1 c1 sctp:90
	pm ADD c1 "$(ports 8080:80 udp:5353:53 sctp:9090:90)"
	worked "ADD again, with SCTP"
	answers "SCTP" "c1 192.0.2.9" out sctp 192.0.2.1 9090
	answers "SCTP, IPv6" "c1 2001:db8::9" out sctp 2001:db8::1 9090
else
	skip "SCTP" "this kernel has none"
fi

# --- whose it is ---

pm ADD c2 "$(ports 7777:80 8080:80)"
refused 101 "a clash names the port and the owner" "host port tcp 8080" \
	"net1:c1:eth0"
same "" "$(elements | grep -e c2:eth0 || true)" "and nothing is made"
answers "the owner keeps it" "c1 192.0.2.9" out tcp 192.0.2.1 8080
pm ADD c2 "$(ports 8080:80@198.51.100.1)"
worked "the same port of one address"
answers "is nearer than that of any" "c2 192.0.2.9" out tcp 198.51.100.1 8080
answers "and only that one" "c1 192.0.2.9" out tcp 192.0.2.1 8080
pm DEL c2 '[]'
pm ADD c2 "$(ports 8088:80@127.0.0.1 8089:80@2001:db8::1 8090:80@203.0.113.7)"
worked "forwards of loopback, of an IPv6 address, of one that is not here"
answers "loopback only" "c2 10.1.0.1" "" tcp 127.0.0.1 8088
answers "... is not for outside" nobody out tcp 192.0.2.1 8088
answers "IPv6 only" "c2 2001:db8::9" out tcp 2001:db8::1 8089
answers "... is not IPv4" nobody out tcp 192.0.2.1 8089
ip route add 203.0.113.7/32 via 198.51.100.9
ip -n far addr add 203.0.113.7/32 dev lo
serve far distant tcp:8090
answers "an address that is routed through us is let through" \
	"distant 192.0.2.9" out tcp 203.0.113.7 8090
ip route del 203.0.113.7/32 via 198.51.100.9
pm DEL c2 '[]'
worked "DEL"
same "" "$(elements | grep -e c2:eth0 || true)" "removes its own"
answers "and leaves the others'" "c1 192.0.2.9" out tcp 192.0.2.1 8080

# --- keys ---

pm DEL c1 '[]'
pm ADD c1 "$(ports 8080:80)" '.snat = false'
worked "snat: false"
answers "from outside as ever" "c1 192.0.2.9" out tcp 192.0.2.1 8080
answers "no way for 127.0.0.1" nobody "" tcp 127.0.0.1 8080
answers "nor for a neighbour" nobody c2 tcp 192.0.2.1 8080
pm DEL c1 '[]'
pm ADD c1 "$(ports 8080:80)" '.masqAll = true | .markMasqBit = 5'
worked "masqAll"
answers "hides who asks" "c1 10.1.0.1" out tcp 192.0.2.1 8080
answers "in IPv6, too" "c1 fd00:1::1" out tcp 2001:db8::1 8080
pm DEL c1 '[]'
range='[{"hostPort": 8079, "containerPort": 79, "protocol": "tcp", "range": 3}]'
pm ADD c1 "$range"
refused 101 "a range that holds another's port" "host port tcp 8081" net1:v1
pm DEL v1 '[]'
pm ADD c1 "$range"
worked "a range"
answers "its second port" "c1 192.0.2.9" out tcp 192.0.2.1 8080
answers "its third" "c1 192.0.2.9" out tcp 192.0.2.1 8081
pm DEL c1 '[]'

# --- UDP: a client that keeps sending ---

ask_from() {
	answer out udp "$1" 5353 "$2"
}
same nobody "$(ask_from 192.0.2.1 4000)" "a client that comes too early"
pm ADD c1 "$(ports udp:5353:53)"
same "c1 192.0.2.9" "$(ask_from 192.0.2.1 4000)" \
	"gets its answer from the same port when the forward is there"
pm DEL c1 '[]'
pm ADD c2 "$(ports udp:5353:53)"
same "c2 192.0.2.9" "$(ask_from 192.0.2.1 4000)" \
	"and from the next owner of the port"
pm DEL c2 '[]'
same nobody "$(ask_from 192.0.2.1 4000)" "and from nobody after DEL"

# --- what happens to rulesets ---

both=$(ports 8080:80 udp:5353:53 8082:81@192.0.2.1)
pm ADD c1 "$both"
pm ADD c2 "$(ports 8083:80)"
pm CHECK c1 "$both"
worked "CHECK"
foreign() {
	nft add table ip mine
	nft add chain ip mine pre '{ type nat hook prerouting priority dstnat; }'
	nft add rule ip mine pre tcp dport 8080 dnat to 198.51.100.9:8080
	nft add chain ip mine post '{ type nat hook postrouting priority srcnat; }'
}
foreign
pm CHECK c1 "$both"
worked "CHECK beside foreign rules"
answers "foreign rules come first (CVE-2019-9946)" "far 192.0.2.9" \
	out tcp 192.0.2.1 8080
nft flush ruleset
foreign
pm ADD c1 "$both"
answers "also those that are older than ours" "far 192.0.2.9" \
	out tcp 192.0.2.1 8080
nft delete table ip mine

# damage NAME WORD NFT...: CHECK says so, ADD repairs it.
damage() {
	local name=$1 word=$2

	shift 2
	nft "$@"
	pm CHECK c1 "$both"
	refused 102 "CHECK sees $name" "$word"
	pm ADD c1 "$both"
	worked "ADD repairs $name"
	pm CHECK c1 "$both"
	worked "and CHECK is content"
}
key='tcp . 8080'
damage "a flushed ruleset" "table inet weft is missing" flush ruleset
damage "a missing element" "forward tcp 8080 is missing" \
	delete element inet weft portmap4 "{ $key }"
damage "a missing element of IPv6" "forward tcp (IPv6) 8080 is missing" \
	delete element inet weft portmap6 "{ $key }"
damage "a missing element of one address" "forward tcp 192.0.2.1:8082" \
	delete element inet weft portmap4-host "{ 192.0.2.1 . tcp . 8082 }"
damage "a missing masquerade" "in set portmap4-snat" \
	delete element inet weft portmap4-snat \
	"{ \"br0\" . $(ip_of c1 4) . tcp . 80 }"
damage "a missing jump" "chain portmap-in lacks" \
	flush chain inet weft portmap-in
damage "a missing rule" "chain portmap-snat lacks" \
	flush chain inet weft portmap-snat
damage "a foreign rule in our chain" "chain portmap-out lacks" \
	insert rule inet weft portmap-out accept
damage "a policy" "chain portmap-lo has another" \
	add chain inet weft portmap-lo '{ policy drop; }'
damage "a table that sleeps" "dormant" add table inet weft '{ flags dormant; }'
sysctl_set net/ipv4/conf/br0/route_localnet 0
pm CHECK c1 "$both"
refused 102 "CHECK sees route_localnet off" route_localnet
pm ADD c1 "$both"
worked "ADD sets it again"
nft "delete element inet weft portmap4 { $key }; add element inet weft portmap4 { $key : 10.1.0.77 . 80 }"
pm CHECK c1 "$both"
refused 102 "CHECK sees an element that is not its own" "not this attachment's"
pm ADD c1 "$both"
refused 101 "ADD does not take it" "a rule that is not ours"
nft "delete element inet weft portmap4 { $key }"
comment=$(nft -j list map inet weft portmap6 | jq -r '[.. | .comment? //
	empty | select(test("c1:eth0"))][0]')
nft "add element inet weft portmap4 { $key comment \"$comment\" : 10.1.0.77 . 80 }"
pm CHECK c1 "$both"
refused 102 "CHECK sees an element that leads elsewhere" "leads elsewhere"
pm ADD c1 "$both"
worked "ADD leads it back"
answers "and traffic goes there" "c1 192.0.2.9" out tcp 192.0.2.1 8080
saved=$(nft list ruleset)
nft flush ruleset
nft -f - <<<"$saved"
pm CHECK c1 "$both"
worked "a ruleset saved and restored by nft stays right"
answers "and works" "c1 192.0.2.9" out tcp 192.0.2.1 8080

# --- DEL from any state ---

pm ADD c2 "$(ports 8083:80)"

cni DEL c1 "" '{"cniVersion":"1.1.0","name":"net1","type":"portmap-nft"}'
worked "DEL without runtimeConfig, result and namespace"
same "" "$(elements | grep -e c1:eth0 || true)" "removes all of it"
cni DEL c1 "" '{"cniVersion":"0.1.0","name":"net1","type":"portmap-nft"}'
worked "and again"
cni DEL c2 "" '{"cniVersion":"1.1.0","name":"net2","type":"portmap-nft"}'
worked "DEL of another network's"
answers "does not touch this one's" "c2 192.0.2.9" out tcp 192.0.2.1 8083
pm ADD c1 "$(ports 8080:80)"
pm DEL c1 "$(ports 9999:80)"
worked "DEL with other ports than ADD"
same "" "$(elements | grep -e c1:eth0 || true)" "removes those of ADD"
nft flush ruleset
pm DEL c2 '[]'
worked "DEL after a flush"
same "" "$(nft list ruleset)" "makes nothing"

# --- GC, STATUS ---

pm ADD c1 "$(ports 8080:80)"
pm ADD c2 "$(ports 8083:80)"
gc() {
	cni GC "" "" "$(jq -nc --argjson v "$1" '{cniVersion: "1.1.0",
		name: "'"${2:-net1}"'", type: "portmap-nft",
		"cni.dev/valid-attachments": $v} | '"${3:-.}")"
}
gc '[]' net2 '.gc = "strict"'
worked "GC of another network"
same 2 "$(elements | grep -o '"portmap4","elem.*' | grep -o ':eth0' | wc -l)" \
	"leaves this one's"
ip link del "$(jq -r '.interfaces[1].name' <<<"${results[c2]}")"
gc '[{"containerID": "c1", "ifname": "eth0"}]'
worked "GC"
answers "keeps who is valid" "c1 192.0.2.9" out tcp 192.0.2.1 8080
same "" "$(elements | grep -e c2:eth0 || true)" "and removes who is not"
gc '[]'
worked "GC with an empty list"
answers "spares a guest whose port is there" "c1 192.0.2.9" \
	out tcp 192.0.2.1 8080
gc '[]' net1 '.gc = "strict"'
worked "GC that is strict"
same "" "$(elements)" "does not"
cni GC "" "" '{"cniVersion":"1.1.0","name":"net1","type":"portmap-nft"}'
refused 7 "GC without a list" valid-attachments
cni STATUS "" "" '{"cniVersion":"1.1.0","name":"net1","type":"portmap-nft"}'
worked "STATUS"
cni STATUS "" "" '{"cniVersion":"1.1.0","name":"net1","type":"portmap-nft","conditionsV4":["x"]}'
refused 50 "STATUS where ADD would fail" conditionsV4

# --- refusals ---

pm ADD c1 "$(ports 8080:80)" 'del(.prevResult)'
refused 7 "unchained" "must be called as chained plugin"
pm ADD c1 "$(ports 0:80)"
refused 7 "port 0" "Invalid host port number: 0"
pm ADD c1 "$(ports 8080:80)" '.conditionsV4 = ["!", "-d", "192.0.2.0/24"]'
refused 2 "arguments of iptables" conditionsV4 192.0.2.0
pm ADD c1 '[]' 'del(.runtimeConfig)'
worked "without ports the result is passed on"
same "$(jq -S . <<<"${results[c1]}")" "$(jq -S . <<<"$out")" "as it is"
same "" "$(elements)" "and nothing is made"
