#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# How fast guests may send and receive: what ADD makes of it, beside what the
# reference plugin makes, and that it is true; CHECK, DEL and GC.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/cache.sh
. "$(dirname "$0")/../lib/cache.sh"
# shellcheck source=tests/lib/ask.sh
. "$(dirname "$0")/../lib/ask.sh"

for ns in c1 c2 v1 bystander; do
	ns_new $ns
done
limits='{ingressRate: 20000000, ingressBurst: 800000, egressRate: 10000000,
	egressBurst: 400000}'
asked=".runtimeConfig.bandwidth = $limits"
config=$(conf "$asked")
tap=$(conf "$asked"' | .attach = "tap"')

# ifb: the device where the guest's frames wait, in the last result.
ifb() {
	jq -r '.interfaces[3].name' <<<"$result"
}

# qdisc DEVICE: its root as tc shows it.
qdisc() {
	tc -j qdisc show dev "$1" root |
		jq -Sc '.[0] | del(.refcnt, .dev)'
}

# --- Without limits nothing is there, and nothing is asked. ---

if ! ip link add probe type ifb 2>/dev/null; then
	skip "bandwidth" "no ifb in this kernel"
	exit 0
fi
ip link del probe
add bystander bystander "$(conf)"
worked "ADD without limits"
same '"noqueue"' "$(qdisc "$(port)" | jq .kind)" "leaves the port as it is"
same "" "$(tc qdisc show dev "$(port)" clsact)" "with no hook"
add c1 c1 "$(conf '.ingressRate = 0 | .ingressBurst = 0 |
	.runtimeConfig.bandwidth = {egressRate: 8e6, egressBurst: 8e5}')"
has "rates of 0 are none, and come before the engine's" \
	'.interfaces | length == 3'
del c1 c1 "$(conf)"
add v1 v1 "$(conf '.attach = "tap"')"
del v1 v1 "$(conf '.attach = "tap"')"
before=$(state c1 c2 v1)

# --- What is made, and that CHECK and DEL know it. ---

add c1 c1 "$config"
worked "ADD with limits"
p=$(port) i=$(ifb)
has "its result ends with the device where the guest's frames wait" '
	(.interfaces | length == 4) and (.ips | all(.interface == 2)) and
	(.interfaces[3] | (.name | test("^ifb[0-9a-f]{11}$")) and
		(.mac | test("^fa:")) and (has("sandbox") | not))'
is "which is marked as ours, by the alias of the port" "$(link "$i")" '
	.group == "2003134068" and .ifalias == "weft1:bridge-vm:net1:c1:eth0" and
	(.flags | index("UP")) and .linkinfo.info_kind == "ifb"'
same "" "$(ip -6 -o addr show dev "$i")" "no IPv6 on it"
same '2500000 100000' "$(qdisc "$p" | jq -r \
	'.options | "\(.rate) \(.burst)"')" "the port passes as many bytes"
same '1250000 50000' "$(qdisc "$i" | jq -r \
	'.options | "\(.rate) \(.burst)"')" "and the guest's wait there"
check c1 c1 "$config"
worked "CHECK"
same 1 "$("$cni_bin/weft" ls --json |
	jq '[.[] | select(.containerID == "c1")] | length')" \
	"weft ls shows the guest once"
add c1 c1 "$config"
refused 101 "a second ADD is refused"
check c1 c1 "$config"
worked "and has changed nothing"

# The reference's numbers are the same.
if ref=$(cache_reference_plugins); then
	add c2 c2 "$(conf)"
	r=$(jq -nc --argjson prev "$result" '{cniVersion: "1.1.0",
		name: "net1", type: "bandwidth", prevResult: $prev} |'"$asked")
	reference() {
		CNI_COMMAND=$1 CNI_CONTAINERID=c2 CNI_IFNAME=eth0 \
			CNI_NETNS=/run/netns/c2 CNI_PATH=$ref \
			"$ref/bandwidth" <<<"$r"
	}
	succeeds "the reference's bandwidth works after bridge-vm" reference ADD
	same "$(qdisc "$(jq -r '.interfaces[3].name' <<<"$output")")" \
		"$(qdisc "$i")" "its device has the same limit as ours"
	same "$(qdisc "$(port)")" "$(qdisc "$p")" "and so has the port"
	check c2 c2 "$(conf)"
	worked "CHECK of bridge-vm is content with it"
	succeeds "the reference's DEL" reference DEL
	del c2 c2 "$(conf)"
	worked "DEL of bridge-vm after it"
	same "$i" "$(ip -j link show type ifb | jq -r '.[].ifname' | xargs)" \
		"leaves nothing of either"
else
	skip "beside the reference plugin" "it cannot be had"
fi

cni DEL c1 "" "$(conf)"
worked "DEL with neither namespace nor limits"
same "$before" "$(state c1 c2 v1)" "leaves nothing"
add c1 c1 "$config"
ip link del "$(port)"
cni DEL c1 "" "$(conf)"
worked "DEL after the port has gone by itself"
same "$before" "$(state c1 c2 v1)" "leaves nothing either"
for keys in . '.tap.name = "vm-eth"'; do
	kind=$(jq -c "$keys" <<<"$tap")
	add v1 v1 "$kind"
	worked "ADD of a VM ($keys)"
	check v1 v1 "$kind"
	worked "CHECK of it"
	same 1 "$("$cni_bin/weft" ls --json |
		jq '[.[] | select(.containerID == "v1")] | length')" \
		"weft ls shows it once"
	cni DEL v1 "" "$(conf)"
	worked "DEL with neither"
	same "$before" "$(state c1 c2 v1)" "leaves nothing"
done

# One direction needs no device, and a burst can be less than a frame.
add c1 c1 "$(conf '.ingressRate = 1e6 | .ingressBurst = 8')"
has "received frames wait nowhere else" '.interfaces | length == 3'
same 1518 "$(qdisc "$(port)" | jq .options.burst)" \
	"a frame of full size can always pass"
del c1 c1 "$(conf)"
add c1 c1 "$(conf '.egressRate = 8 | .egressBurst = 34359738360')"
refused 7 "a burst of 4 GiB" egressBurst
add c1 c1 "$(conf '.ingressRate = 8e11 | .ingressBurst = 34359738352 |
	.egressRate = 8 | .egressBurst = 34359738352')"
worked "the largest burst, with a very high and a very low rate"
same 100000000000 "$(qdisc "$(port)" | jq .options.rate)" \
	"more than 32 bits of bytes a second"
check c1 c1 "$(conf '.ingressRate = 8e11 | .ingressBurst = 34359738352 |
	.egressRate = 8 | .egressBurst = 34359738352')"
worked "and CHECK understands both"
del c1 c1 "$(conf)"
cni ADD c1 c1 "$(conf "$asked"' | .type = "macvlan-vm" | .master = "lo"')"
refused 2 "macvlan-vm cannot, and says so" bandwidth 20000000
same "$before" "$(state c1 c2 v1)" "nothing is left of all that"

# --- What CHECK notices. ---

add c1 c1 "$config"
p=$(port) i=$(ifb)
# damaged WORDS COMMAND...: CHECK fails after it.
damaged() {
	local words=$1

	shift
	"$@"
	check c1 c1 "$config"
	refused 102 "CHECK notices: $words" "$p" "$words"
}
damaged "bytes a second, not" tc qdisc change dev "$p" root tbf rate 21mbit \
	burst 100000 latency 25ms
damaged "may pass, not" tc qdisc change dev "$p" root tbf rate 20mbit \
	burst 90000 latency 25ms
damaged "not limited" tc qdisc del dev "$p" root
tc qdisc add dev "$p" root handle 1: tbf rate 20mbit burst 100000 latency 25ms
check c1 c1 "$config"
worked "and is content when it is as it was"
damaged "is down" ip link set "$i" down
ip link set "$i" up
damaged "not limited" tc qdisc del dev "$i" root
tc qdisc add dev "$i" root handle 1: tbf rate 10mbit burst 50000 latency 25ms
check c1 c1 "$config"
worked "content again"
damaged "does not go through" tc filter del dev "$p" ingress
damaged "not found" ip link del "$i"
del c1 c1 "$config"
worked "DEL"

# --- GC ---

gc() {
	cni GC "" "" "$(conf '."cni.dev/valid-attachments" = [
		{containerID: "bystander", ifname: "eth0"}] | '"$1")"
}
add v1 v1 "$tap"
gc .
worked "GC of a VM that is not on the list"
same "" "$(ip -o link show type ifb)" "takes the device along"
add c1 c1 "$config"
gc .
succeeds "what is in use is spared" ip link show dev "$(ifb)"
ip link del "$(port)"
gc .
same "" "$(ip -o link show type ifb)" "but not when its port is gone"
add c1 c1 "$config"
gc '.gc = "strict"'
same "" "$(ip -o link show type ifb)" "nor with gc: strict"
same "$before" "$(state c1 c2 v1)" "nothing else has changed"

# --- It is true. ---

ask_build
"${CC:-cc}" -D_GNU_SOURCE -O1 -o "$TMPDIR/flow" "$cni_root/tests/lib/flow.c"

# flow FROM TO ADDRESS LIMIT NAME: within 15 percent of so many bits a second.
flow() {
	local bits line ms=$((test_scale < 100 ? 4000 : 2000))

	coproc SINK { ip netns exec "$2" "$TMPDIR/flow" sink "$3" 5001; }
	read -r line <&"${SINK[0]}" && [ "$line" = ready ]
	ip netns exec "$1" "$TMPDIR/flow" source "$3" 5001 "$ms" || true
	read -r bits <&"${SINK[0]}"
	# shellcheck disable=SC2154 # set by coproc
	wait "$SINK_PID"
	if ((bits > $4 * 85 / 100 && bits < $4 * 115 / 100)); then
		ok "$5: $((bits / 1000)) kbit/s of $(($4 / 1000))"
	else
		nok "$5" "$bits of $4 bits a second"
	fi
}
address() {
	jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result"
}

add c2 c2 "$(conf)"
c2=$(address)
add c1 c1 "$config"
c1=$(address)
flow c2 c1 "$c1" 20000000 "what a container receives"
flow c1 c2 "$c2" 10000000 "what it sends"
add v1 v1 "$tap"
v1=$(address)
"$TMPDIR/vmm" "$(port)" /run/netns/v1 \
	"$(jq -r '.interfaces[2].mac' <<<"$result")" >"$TMPDIR/vmm.out" &
until grep -qs ready "$TMPDIR/vmm.out"; do sleep 0.05; done
ip -n v1 link set eth0 up
ip -n v1 addr add "$v1/24" dev eth0
flow c2 v1 "$v1" 20000000 "what a VM receives"
flow v1 c2 "$c2" 10000000 "what it sends"
