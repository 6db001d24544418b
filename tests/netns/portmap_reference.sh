#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# portmap 1.9.1 (with nftables) and portmap-nft: the same calls, the same
# packets. What differs must be one of the differences below, which are those of
# docs/differences.md.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)

# --- Inside a fresh host: probe BIN TYPE prints facts. ---

probe() {
	local bin=$1 type=$2

	# shellcheck source=tests/lib/ask.sh
	. "$root/tests/lib/ask.sh"
	ask_build
	for ns in c1 c2 out; do
		ns_new $ns
	done
	ip link add br0 type bridge
	ip link set br0 up
	ip addr add 10.1.0.1/24 dev br0
	ip addr add fd00:1::1/64 dev br0 nodad
	for i in 1 2; do
		ip link add p$i type veth peer name eth0 netns c$i
		ip link set p$i master br0 up
		ip -n c$i link set eth0 up
		ip -n c$i addr add 10.1.0.1$i/24 dev eth0
		ip -n c$i addr add fd00:1::1$i/64 dev eth0 nodad
		ip -n c$i route add default via 10.1.0.1
		ip -n c$i route add default via fd00:1::1
	done
	ip link add out0 type veth peer name eth0 netns out
	ip link set out0 up
	ip -n out link set eth0 up
	ip addr add 192.0.2.1/24 dev out0
	ip -n out addr add 192.0.2.9/24 dev eth0
	ip -n out route add default via 192.0.2.1
	ip addr add 2001:db8::1/64 dev out0 nodad
	ip -n out addr add 2001:db8::9/64 dev eth0 nodad
	sysctl_set net/ipv4/ip_forward 1
	sysctl_set net/ipv6/conf/all/forwarding 1
	sysctl_set net/bridge/bridge-nf-call-iptables 0
	sysctl_set net/bridge/bridge-nf-call-ip6tables 0
	serve c1 c1 tcp:80 udp:53
	# Link-local addresses take a second or two to be sure of themselves.
	for ns in "" c1 c2 out; do
		for _ in $(seq 50); do
			in_ns "$ns" ip -6 -o addr show tentative | grep -q . ||
				break
			sleep 0.1
		done
	done

	facts default ''
	facts snat-off ', "snat": false'
	facts masq-all ', "masqAll": true'
	for version in 0.3.1 0.4.0 1.1.0; do
		version=$version call ADD ''
		jq -cS . <<<"$out" | sed "s/^/result $version /"
	done
	call DEL ''
	facts backend ', "backend": "nftables"'
	refusal backend-unknown ', "backend": "x"' "$(ports)"
	refusal mark-bit ', "markMasqBit": 32' "$(ports)"
	refusal port-0 '' '[{"hostPort":0,"containerPort":80,"protocol":"tcp"}]'
	refusal no-ports '' '[]'
}

ports() {
	cat <<-'EOF'
		[{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
		{"hostPort": 5353, "containerPort": 53, "protocol": "udp"},
		{"hostPort": 8081, "containerPort": 80, "protocol": "tcp",
		"hostIP": "10.1.0.1"},
		{"hostPort": 8082, "containerPort": 80, "protocol": "tcp",
		"hostIP": "0.0.0.0"},
		{"hostPort": 8083, "containerPort": 80, "protocol": "tcp",
		"hostIP": "203.0.113.1"}]
	EOF
}

# call VERB KEYS [PORTS]: $bin/$type; leaves $out, $status.
call() {
	local v=${version:-1.0.0} prev config

	prev=$(jq -nc --arg v "$v" '{cniVersion: $v, interfaces: [
		{name: "br0"}, {name: "p1"},
		{name: "eth0", sandbox: "/run/netns/c1"}],
		ips: [{address: "10.1.0.11/24", interface: 2},
		{address: "fd00:1::11/64", interface: 2}]} | if $v < "1" then
		.ips |= map(.version = if .address | test(":") then "6"
		else "4" end) else . end')
	config="{\"cniVersion\": \"$v\", \"name\": \"n\", \"type\": \"$type\"$2,
		\"runtimeConfig\": {\"portMappings\": ${3-$(ports)}},
		\"prevResult\": $prev}"
	status=0
	out=$(CNI_COMMAND=$1 CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 \
		CNI_IFNAME=eth0 CNI_PATH=$bin "$bin/$type" <<<"$config" \
		2>/dev/null) || status=$?
}

# ask FROM TO PORT: in the background; most of the time nobody answers.
ask() {
	echo "$1 to $2: $(answer "${1#host}" tcp "${2%:*}" "$3")" \
		>"$TMPDIR/answer.${#asked[@]}" &
	asked+=($!)
}

# answers_of CASE: what came, in the order of the questions.
answers_of() {
	local i

	wait "${asked[@]}"
	for i in "${!asked[@]}"; do
		sed "s/^/$1: from /" "$TMPDIR/answer.$i"
	done
}

# facts CASE KEYS: attach, ask from everywhere, check, detach.
facts() {
	local from to port asked=()

	call ADD "$2"
	echo "$1: ADD $status $(jq -cS . <<<"$out")"
	for from in out c1 c2 host; do
		for to in 192.0.2.1:8080 192.0.2.1:8081 10.1.0.1:8081 \
			192.0.2.1:8082 203.0.113.1:8083 127.0.0.1:8080 \
			2001:db8::1:8080 2001:db8::1:8082; do
			port=${to##*:}
			[ "$from:${to%:*}" != c1:127.0.0.1 ] || continue
			[ "$from:${to%:*}" != c2:127.0.0.1 ] || continue
			[ "$from:${to%:*}" != out:127.0.0.1 ] || continue
			echo "$1: $from to $to: $(answer "${from#host}" tcp \
				"${to%:*}" "$port")"
		done
	done
	echo "$1: out by UDP: $(answer out udp 192.0.2.1 5353)"
	echo "$1: route_localnet $(cat /proc/sys/net/ipv4/conf/br0/route_localnet)"
	sysctl_set net/ipv4/conf/br0/route_localnet 0
	[[ $2 = *snat* ]] || sysctl_set net/ipv4/conf/br0/route_localnet 1
	call CHECK "$2"
	echo "$1: CHECK $status"
	call DEL "$2"
	echo "$1: DEL $status $out"
	echo "$1: out after DEL: $(answer out tcp 192.0.2.1 8080)"
	sysctl_set net/ipv4/conf/br0/route_localnet 0
}

# takeover THEIRS OURS: what they forward for two, we take from one.
takeover() {
	local theirs=$1 ours=$2 prev

	ip link add br0 type bridge
	ip addr add 10.1.0.1/24 dev br0
	for id in c1 c2; do
		ns_new $id
		prev="{\"cniVersion\": \"1.0.0\", \"interfaces\": [
			{\"name\": \"eth0\", \"sandbox\": \"/run/netns/$id\"}],
			\"ips\": [{\"address\": \"10.1.0.${id#c}/24\"},
			{\"address\": \"fd00::${id#c}/64\"}]}"
		one_port ADD $id "$theirs/portmap" "80${id#c}"
	done >/dev/null
	nft list ruleset | grep -c 'comment "c1"'
	for _ in 1 2; do
		one_port DEL c1 "$ours/portmap-nft" 801
	done
	nft list ruleset | grep -c 'comment "c1"' || true
	nft list ruleset | grep -c 'comment "c2"'
}

one_port() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_NETNS=/run/netns/$2 \
		CNI_IFNAME=eth0 CNI_PATH=${3%/*} "$3" <<<"{
		\"cniVersion\": \"1.0.0\", \"name\": \"n\",
		\"type\": \"x\", \"backend\": \"nftables\",
		\"runtimeConfig\": {\"portMappings\": [{\"hostPort\": $4,
		\"containerPort\": 80, \"protocol\": \"tcp\"}]},
		\"prevResult\": $prev}"
}

refusal() {
	call ADD "$2" "$3"
	echo "$1: $status"
	call DEL "" "$3"
}

if [ "${1-}" = probe ]; then
	trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
	probe "$2" "$3"
	exit
fi
if [ "${1-}" = takeover ]; then
	takeover "$2" "$3"
	exit
fi
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/cache.sh
. "$(dirname "$0")/../lib/cache.sh"

if ! reference=$(cache_reference_plugins); then
	skip "beside the reference" "its binaries cannot be had"
	exit
fi
private_host bash "$0" probe "$reference" portmap >"$TMPDIR/theirs" 2>&1
private_host bash "$0" probe "$cni_bin" portmap-nft >"$TMPDIR/ours" 2>&1
succeeds "the reference forwards" grep -q '^default: out to 192.0.2.1:8080: c1 ' \
	"$TMPDIR/theirs"

# Neighbours, whom only its iptables backend masquerades, and masqAll, which
# only that one knows.
want=$(diff "$TMPDIR/theirs" "$TMPDIR/ours" | grep '^[<>]' |
	grep -vE '^[<>] (default|backend|masq-all): c2 to ' |
	grep -vE '^[<>] masq-all: (out|host) (to|by) ' || true)
same "" "$want" "nothing differs but what is meant to"
for case in default backend; do
	same "$case: c2 to 192.0.2.1:8080: c1 10.1.0.1" \
		"$(grep "^$case: c2 to 192.0.2.1:8080" "$TMPDIR/ours")" \
		"$case: a neighbour is masqueraded"
	same "" "$(grep "^$case: c2 to .*nobody" "$TMPDIR/ours" |
		grep -v -e 203.0.113.1 -e 192.0.2.1:8081 -e 2001:db8::1:8082 ||
		true)" "$case: and reaches what there is"
done
same "masq-all: out to 192.0.2.1:8080: c1 10.1.0.1" \
	"$(grep "^masq-all: out to 192.0.2.1:8080" "$TMPDIR/ours")" \
	"masqAll masquerades those from outside"
note "$(wc -l <"$TMPDIR/ours") facts compared"
same "5 0 5" "$(private_host bash "$0" takeover "$reference" "$cni_bin" | xargs)" \
	"DEL removes what the reference forwarded, and only that"
