#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# policy-ebpf behind the reference's bridge and ptp, which know nothing of it, and
# behind our own plugins, which do.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/guard.sh
. "$(dirname "$0")/../lib/guard.sh"
# shellcheck source=tests/lib/cache.sh
. "$(dirname "$0")/../lib/cache.sh"

reference=$(cache_reference_plugins)
for ns in db web other; do
	ns_new $ns
done
# Those that make a gateway let it be so.
sysctl_set net/ipv4/ip_forward 1
sysctl_set net/ipv6/conf/all/forwarding 1
before=$(state db web other)

# first VERB ID CONF: the plugin that makes the interface, whoever has written it.
first() {
	local type program

	type=$(jq -r .type <<<"$3")
	program=$reference/$type
	[ -x "$program" ] || program=$cni_bin/$type
	env CNI_COMMAND="$1" CNI_CONTAINERID="$2" CNI_NETNS=/run/netns/"$2" \
		CNI_IFNAME=eth0 CNI_PATH="$reference:$cni_bin" "$program" <<<"$3"
}

# policed [JQ]: the second one.
policed() {
	jq -nc '{cniVersion: "1.0.0", name: "net1", type: "policy-ebpf",
		perAttachment: ["labels"], policy: {
			podSelector: {matchLabels: {app: "db"}}, ingress: [{
				from: [{podSelector: {matchLabels: {app: "web"}}}],
				ports: [{port: 5432}]}]}} | '"${1:-.}"
}

declare -A results=()
# joins ID CONF [JQ]: both of them; the second answers.
joins() {
	result=$(first ADD "$1" "$2")
	results[$1]=$result
	cni ADD "$1" "$1" "$(policed "${3:-.}" | jq -c --argjson p "$result" \
		--arg app "$1" '.prevResult = $p | .args.cni.labels.app = $app')"
}

leaves() {
	cni DEL "$1" "$1" "$(policed | jq -c --argjson p "${results[$1]}" \
		'.prevResult = $p')"
	first DEL "$1" "$(jq -c --argjson p "${results[$1]}" \
		'.prevResult = $p' <<<"$2")"
}

checks() {
	cni CHECK "$1" "$1" "$(policed | jq -c --argjson p "${results[$1]}" \
		--arg app "$1" '.prevResult = $p | .args.cni.labels.app = $app')"
}

addr_of() {
	jq -r '.ips[0].address | sub("/.*"; "")' <<<"${results[$1]}"
}

reaches() {
	ip netns exec "$1" timeout 1 bash -c ">/dev/tcp/$2/$3" 2>/dev/null
}

# road NAME CONF: three guests, one of which lets in one other.
road() {
	local pid

	joins db "$2"
	worked "$1: a guest"
	same "$(jq -S . <<<"${results[db]}")" "$(jq -S . <<<"$out")" \
		"$1: its result is the first one's"
	joins web "$2"
	worked "$1: another one"
	joins other "$2"
	worked "$1: a third one"
	ip netns exec db busybox httpd -f -p 5432 -h "$TMPDIR" &
	pid=$!
	until reaches db 127.0.0.1 5432; do sleep 0.05; done
	succeeds "$1: who has the label is let in" \
		reaches web "$(addr_of db)" 5432
	fails "$1: who has another one is not" reaches other "$(addr_of db)" 5432
	checks db
	worked "$1: CHECK"
	tc filter del dev "$(port_of db)" ingress
	checks db
	refused 102 "$1: CHECK sees that it is off" weft_guard_from
	kill $pid
	wait $pid 2>/dev/null || true
	for ns in db web other; do
		leaves $ns "$2"
		worked "$1: DEL of $ns"
	done
	same 0 "$(all_maps)" "$1: nothing is left in any map"
}

# port_of ID: the host's end.
port_of() {
	ip -n "$1" -j link show eth0 | jq '.[0].link_index' |
		xargs -I @ sh -c "ip -j link | jq -r '.[] |
			select(.ifindex == @).ifname'"
}

ipam='ipam: {type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}]],
	routes: [{dst: "0.0.0.0/0"}]}'
bridge=$(jq -nc "{cniVersion: \"1.0.0\", name: \"net1\", type: \"bridge\",
	bridge: \"br9\", isGateway: true, $ipam}")
ptp=$(jq -nc "{cniVersion: \"1.0.0\", name: \"net1\", type: \"ptp\", $ipam}")
road "the reference's bridge" "$bridge"
road "the reference's ptp" "$ptp"
ours=$(conf '.cniVersion = "1.0.0" | .isGateway = true')
road "bridge-vm" "$ours"

# --- A port that is guarded already. ---

guarded=$(jq -c '.guard = {antispoof: true}' <<<"$ours")
joins db "$guarded"
worked "bridge-vm with its own guard"
cni CHECK db db "$(jq -c --argjson p "$result" '.prevResult = $p' \
	<<<"$guarded")"
worked "which finds what it has said"
checks db
worked "CHECK of policy-ebpf"
leaves db "$guarded"
worked "DEL"
same 0 "$(all_maps)" "nothing is left"

# --- What has no port on the host. ---

ip link add p0 type veth peer name p1
ip link set p0 up
lan=$(jq -nc '{cniVersion: "1.0.0", name: "net1", type: "macvlan-vm",
	master: "p0", ipam: {}}')
joins db "$lan"
refused 7 "a macvlan is refused by name" macvlan eth0 "veth or a tap"
first DEL db "$lan"
same 0 "$(all_maps)" "and leaves nothing"
ip link del p0

# --- What is refused. ---

joins db "$bridge" '.perAttachment = ["attach"]'
refused 2 "what nobody may set here" perAttachment '"attach"'
first DEL db "$bridge"
cni ADD db db "$(policed)"
refused 7 "it is chained" "chained"

cni STATUS '' '' "$(policed '.cniVersion = "1.1.0"')"
worked "STATUS"

# --- A guest that is gone. ---

joins db "$bridge"
worked "a guest"
joins web "$bridge"
worked "and another one"
ip netns del db
until ! ip link show "$(jq -r '.interfaces[1].name' <<<"${results[db]}")" \
	>/dev/null 2>&1; do sleep 0.05; done
cni GC '' '' "$(policed '.cniVersion = "1.1.0" |
	.["cni.dev/valid-attachments"] = []')"
worked "GC"
same 1 "$(entries)" "forgets who is gone, and spares who is there"
leaves db "$bridge"
worked "DEL after GC"
ns_new db
leaves web "$bridge"
worked "DEL"
joins db "$bridge"
worked "a guest"
ip netns del db
until ! ip link show "$(jq -r '.interfaces[1].name' <<<"${results[db]}")" \
	>/dev/null 2>&1; do sleep 0.05; done
leaves db "$bridge"
worked "DEL when its port is gone"
same 0 "$(all_maps)" "leaves nothing"
ns_new db
ip link del br9
"$cni_bin/weft" network rm net1
find /var/lib/cni -mindepth 1 -depth -type d -empty -delete
same "$before" "$(state db web other)" "the host is as it was before"
