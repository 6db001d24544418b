#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The day the `type` changes: what the reference plugins made is checked and
# removed by us, and the other way round, in one lease directory.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

# --- Inside a fresh host: forwards THEIRS OURS. ---

# What they forward for two, we take from one.
forwards() {
	local theirs=$1 ours=$2 prev id

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

if [ "${1-}" = forwards ]; then
	forwards "$2" "$3"
	exit
fi

# --- Outside ---

test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/cache.sh
. "$cni_root/tests/lib/cache.sh"

if ! reference=$(cache_reference_plugins 2>&1); then
	skip "takeover from and by the reference plugins" \
		"${reference##*$'\n'}"
	exit
fi

ours=$(conf '.isDefaultGateway = true')
theirs=$(jq -c '.type = "bridge" | .ipam.type = "host-local"' <<<"$ours")

# ref VERB ID NETNS [PREV]: the reference, on the same network.
ref() {
	local cni_bin=$reference

	cni "$1" "$2" "$3" "$(with_prev "$theirs" "${4-null}")"
}

for i in 1 2 3 4 5 6 7; do
	ns_new "c$i"
done

ref ADD c1 c1
worked "the reference attaches a container"
first=$result
address=$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$first")
cni CHECK c1 c1 "$(with_prev "$ours" "$first")"
worked "our CHECK is content with it"
add c2 c2 "$ours"
worked "we attach another to the same bridge"
second=$result
has "with the next address" ".ips[0].address != \"$address/24\""
same br0 "$(ip -o link show master br0 type veth | wc -l |
	sed 's/^2$/br0/')" "both are ports of one bridge"
cni CHECK c1 c1 "$(with_prev "$ours" "$first")"
worked "the first stays as it was"
pings "and the two reach each other" c2 "$address"
ref CHECK c2 c2 "$second"
worked "the reference's CHECK is content with ours"
ref ADD c3 c3
third=$result
ref CHECK c3 c3 "$third"
worked "the reference goes on after us"
same 3 "$(jq -s '[.[].ips[0].address] | unique | length' \
	<<<"$first $second $third")" "no address is given out twice"
add c1 c1 "$ours"
refused 101 "a second ADD of what the reference attached is refused" eth0
same "$(leases | wc -l)" 6 "and its lease stays"

cni DEL c1 c1 "$(with_prev "$ours" "$first")"
worked "our DEL of what the reference made"
fails "removes the interface" ip -n c1 link show dev eth0
same "" "$(leases | grep -Fx "$address" || true)" "and frees the address"
ref DEL c2 c2 "$second"
worked "the reference's DEL of what we made"
fails "removes the interface" ip -n c2 link show dev eth0
cni DEL c3 "" "$ours"
worked "our DEL, without a namespace, of what the reference made"
same "" "$(leases)" "frees the address"
ref DEL c3 c3 "$third"
same "" "$(ip -o link show master br0)" "the reference agrees"
# The reference's gateway looks for duplicates while the bridge has a port.
ref ADD c1 c1
for _ in {1..50}; do
	[ -n "$(ip -6 -o addr show dev br0 tentative)" ] || break
	sleep 0.1
done
cni DEL c1 c1 "$ours"
before=$(state c1)
ref ADD c1 c1
cni DEL c1 c1 "$ours"
same "$before" "$(state c1)" "nothing is left of either"

# Both at once on one directory.
pids=()
for i in 1 3 5 7; do
	(
		for _ in 1 2 3 4 5; do
			ref ADD "c$i" "c$i"
			jq -r '.ips[0].address // .msg' <<<"$out"
			ref DEL "c$i" "c$i" "$result"
		done
	) >"$TMPDIR/live$i" &
	pids+=($!)
	[ "$i" != 7 ] || continue
	(
		for _ in 1 2 3 4 5; do
			cni ADD "c$((i + 1))" "c$((i + 1))" "$ours"
			jq -r '.ips[0].address // .msg' <<<"$out"
			cni DEL "c$((i + 1))" "c$((i + 1))" "$ours"
		done
	) >"$TMPDIR/live$((i + 1))" &
	pids+=($!)
done
for i in "${pids[@]}"; do
	wait "$i" || true
done
same 35 "$(cat "$TMPDIR"/live* | grep -c '^10\.1\.0\.[0-9]*/24$')" \
	"both at once on one directory: every ADD gets an address"
same 35 "$(sort -u "$TMPDIR"/live* | wc -l)" "and never the same one"
same "" "$(leases)" "every DEL frees it"

# Leases in the old form, with no interface name.
printf 'legacy' >"$cni_leases/net1/10.1.0.200"
cni DEL legacy "" "$ours"
same "" "$(leases)" "a lease of host-local's old form is freed"

# What makes the reference's own DEL work after ours.
config=$(jq -c '.ipMasq = true' <<<"$ours")
theirs=$(jq -c '.ipMasq = true | .ipMasqBackend = "nftables"' <<<"$theirs")
ref ADD c1 c1
cni DEL c1 c1 "$(with_prev "$config")"
worked "our DEL of an attachment with the reference's masquerade"
ref DEL c1 c1 "$result"
same "" "$(leases)" "and nothing is held"

same "5 0 5" "$(private_host bash "$0" forwards "$reference" "$cni_bin" | xargs)" \
	"DEL removes what the reference forwarded, and only that"
