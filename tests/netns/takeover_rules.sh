#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the reference plugins put into the firewall for an attachment goes with
# our DEL and GC, and satisfies our CHECK: by nftables, by iptables-nft, and as
# far as that can be by iptables-legacy. A neighbour's stays.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/takeover.sh
. "$cni_root/tests/lib/takeover.sh"
# shellcheck source=tests/lib/cache.sh
. "$cni_root/tests/lib/cache.sh"

if ! reference=$(cache_reference_plugins 2>&1); then
	skip "the reference plugins' rules" "${reference##*$'\n'}"
	exit
fi
for i in 1 2 3 4 5; do
	ns_new "c$i"
done

# both ID: the reference attaches it, with a port. Leaves $result and $forwards.
both() {
	ref ADD "$1" "$1" "$ours"
	[ "$status" = 0 ] || cni_show "the reference attaches $1"
	forwards=$(ports "$result")
	ref ADD "$1" "$1" "$forwards"
	[ "$status" = 0 ] || cni_show "the reference forwards to $1"
	result=$(jq -c . <<<"$result")
}

# gone NAME BEFORE: nothing of c1 is left, all else is as it was.
gone() {
	same "$2" "$(rules)" "$1: rules are as before, the neighbour's too"
	same "$lease" "$(leases)" "$1: and its addresses are free"
}

for firewall in nftables iptables-nft; do
	use $firewall
	ours=$(conf ".isGateway = true | .ipMasq = true | .macspoofchk = true |
		.ipMasqBackend = \"$backend\"")
	both c2
	neighbour=$result
	before=$(rules)
	lease=$(leases)
	both c1
	mine=$forwards
	succeeds "$firewall: the reference makes rules for c1" test "$before" \
		!= "$(rules)"
	check c1 c1 "$ours"
	worked "$firewall: our CHECK is content with its bridge"
	cni CHECK c1 c1 "$mine"
	worked "$firewall: and with its forwards"

	cni DEL c1 c1 "$mine"
	worked "$firewall: our DEL of the forwards"
	del c1 c1 "$ours"
	worked "$firewall: our DEL of the attachment"
	gone "$firewall" "$before"
	cni DEL c1 c1 "$mine"
	worked "$firewall: DEL of the forwards again"
	del c1 c1 "$ours"
	worked "$firewall: DEL again"
	gone "$firewall, again" "$before"
	result=$neighbour
	check c2 c2 "$ours"
	worked "$firewall: CHECK of the neighbour"

	both c1
	cni DEL c1 "" "$(jq -c 'del(.prevResult, .runtimeConfig)' \
		<<<"$forwards")"
	cni DEL c1 "" "$(jq -c 'del(.macspoofchk, .ipMasq)' <<<"$ours")"
	worked "$firewall: DEL without namespace, prevResult and keys"
	gone "$firewall, without" "$before"
	ip netns del c1
	ns_new c1

	both c1
	# shellcheck disable=SC2016 # expanded inside
	succeeds "$firewall: DEL needs no program" env CNI_COMMAND=DEL \
		CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/c1 \
		CNI_PATH="$cni_bin" PATH=/nonexistent /bin/bash -c \
		'printf %s "$1" | "$0/bridge-vm" && printf %s "$2" |
		"$0/portmap-nft"' "$cni_bin" "$ours" "$forwards"
	gone "$firewall, without programs" "$before"

	# Damage.
	both c1
	ip -n c1 addr del "$(jq -r '.ips[0].address' <<<"$result")" dev eth0
	check c1 c1 "$ours"
	refused 102 "$firewall: CHECK notices a missing address" "address"
	ref DEL c1 c1 "$forwards"
	del c1 c1 "$ours"
	both c1
	ip -n c1 link set eth0 down
	check c1 c1 "$ours"
	refused 102 "$firewall: CHECK notices that it is down" "down"
	ip -n c1 link set eth0 up
	nft flush table bridge nat
	check c1 c1 "$ours"
	refused 102 "$firewall: CHECK notices a spoof check that is gone" \
		cni-br-iface-c1-eth0
	if [ $firewall = nftables ]; then
		nft flush chain inet cni_plugins_masquerade masq_checks
		nft flush chain ip cni_hostport hostports
		nft flush chain ip6 cni_hostport hostports
		nft flush chain ip cni_hostport masquerading
		nft flush chain ip6 cni_hostport masquerading
	else
		nft flush chain ip nat POSTROUTING
		nft flush chain ip6 nat POSTROUTING
		nft flush chain ip nat CNI-HOSTPORT-DNAT
		nft flush chain ip6 nat CNI-HOSTPORT-DNAT
	fi
	check c1 c1 "$(jq -c 'del(.macspoofchk)' <<<"$ours")"
	refused 102 "$firewall: and a masquerade" masquerade
	cni CHECK c1 c1 "$forwards"
	refused 102 "$firewall: and forwards" forward
	cni DEL c1 c1 "$forwards"
	worked "$firewall: DEL of forwards half of which is gone"
	del c1 c1 "$ours"
	worked "$firewall: DEL of an attachment half of which is gone"
	same "0 0" "$(lines c2d892b58e87e28a12fe6) $(lines macspoofchk-c1)" \
		"$firewall: nothing is left of it"
	cni DEL c2 c2 "$(ports "$neighbour")"
	result=$neighbour
	del c2 c2 "$ours"
	same "0 0 0" "$(lines '"c2"') $(lines CNI-DN-) $(lines '-c2-')" \
		"$firewall: nor of the neighbour after its own DEL"
	nft flush ruleset
done

# --- Somebody else's rule jumps to such a chain. ---

use iptables-nft
both c1
chain=CNI-c2d892b58e87e28a12fe6479 # the hash of "net1" "c1"
iptables-nft -t nat -N OTHER
iptables-nft -t nat -A OTHER -s 192.0.2.1 -j "$chain"
del c1 c1 "$ours"
refused 100 "a foreign jump to its chain is an error" "$chain"
iptables-nft -t nat -F OTHER
del c1 c1 "$ours"
worked "DEL once it is gone"
same 0 "$(lines "$chain")" "removes the chain"
cni DEL c1 c1 "$forwards"
nft flush ruleset

# --- Several at a time. ---

for firewall in nftables iptables-nft; do
	use $firewall
	ours=$(jq -c --arg b "$backend" '.ipMasqBackend = $b' <<<"$ours")
	for i in 1 2 3 4; do
		both "c$i"
		echo "$forwards" >"$TMPDIR/forwards$i"
	done
	pids=()
	for i in 1 2 3 4; do
		(
			cni DEL "c$i" "c$i" "$(cat "$TMPDIR/forwards$i")"
			echo "$status"
			cni DEL "c$i" "c$i" "$ours"
			echo "$status"
		) >"$TMPDIR/del$i" &
		pids+=($!)
	done
	wait "${pids[@]}"
	same 00000000 "$(cat "$TMPDIR"/del? | tr -d '\n')" \
		"$firewall: four DELs at a time"
	same "0 0 0" "$(lines net1) $(lines CNI-DN) $(lines cni-br-iface)" \
		"$firewall: leave nothing"
	same "" "$(leases)" "$firewall: and no address"
	nft flush ruleset
done

# --- GC. ---

# gc CONF ID...: those are valid.
gc() {
	local config=$1

	shift
	cni GC "" "" "$(jq -c --args '."cni.dev/valid-attachments" =
		[$ARGS.positional[] | {containerID: ., ifname: "eth0"}]' \
		"$@" <<<"$config")"
}

for firewall in nftables iptables-nft; do
	use $firewall
	ours=$(jq -c --arg b "$backend" '.ipMasqBackend = $b' <<<"$ours")
	both c2
	# Another network of the same container, which is none of ours.
	other=$(jq -c '.name = "net2" | .bridge = "br2" |
		.ipam.ranges = [[{subnet: "10.2.0.0/24"}]]' <<<"$ours")
	ref ADD c3 c3 "$other"
	ref ADD c3 c3 "$(ports "$result" net2)"
	before=$(rules)
	lease=$(leases)
	both c1
	ip netns del c1
	ns_new c1
	gc "$forwards" c2
	worked "$firewall: GC of forwards"
	gc "$ours" c2
	worked "$firewall: GC"
	left=$(rules)
	# Rules in cni_hostport do not say of which network they are.
	[ $firewall != nftables ] || left=$(grep -v ' comment "c1"' <<<"$left")
	same "$before" "$left" "$firewall: what is valid stays, and no more"
	same "$lease" "$(leases)" "$firewall: of addresses, too"
	gc "$forwards"
	gc "$ours"
	worked "$firewall: GC without any that is valid"
	hash=$(printf net1c2 | sha512sum | cut -c 1-21)
	same "0 0" "$(lines 'net1, if: eth0, id: c2') $(lines "$hash")" \
		"$firewall: takes the rest"
	same "" "$(leases)" "$firewall: with its addresses"
	same 4 "$(lines 'comment "macspoofchk-c3-eth0"')" \
		"$firewall: but not another network's"
	for i in 2 3; do
		ip netns del c$i
		ns_new c$i
	done
	rm -r /var/lib/cni/networks
	nft flush ruleset
done

# --- What we made costs no search. ---

ours=$(conf '.ipMasq = true')
for keys in '.' '.attach = "tap"'; do
	config=$(jq -c "$keys" <<<"$ours")
	add c1 c1 "$config"
	for sockets in 1 2; do
		succeeds "DEL of ours, time $sockets" env CNI_COMMAND=DEL CNI_CONTAINERID=c1 \
			CNI_IFNAME=eth0 CNI_NETNS=/run/netns/c1 \
			CNI_PATH="$cni_bin" strace -f -e trace=socket,open,openat \
			-o "$TMPDIR/calls" "$cni_bin/bridge-vm" <<<"$config"
		same "$sockets" "$(grep -c NETLINK_NETFILTER "$TMPDIR/calls")" \
			"looks for the reference's rules where no port is found"
		same $((2 * (sockets - 1))) "$(grep -c _tables_names \
			"$TMPDIR/calls" || true)" "and so for iptables-legacy's"
	done
done
nft flush ruleset

# --- iptables-legacy: named, with the command that helps. ---

use iptables-legacy
modprobe -qa iptable_nat ip6table_nat 2>/dev/null || true
if ! iptables-legacy -t nat -S >/dev/null 2>&1; then
	skip "what was made by iptables-legacy" "this kernel has none of it"
	exit
fi

legacy() {
	iptables-legacy-save -t nat | grep -e ^: -e ^-A | sed 's/ \[.*//'
	ip6tables-legacy-save -t nat | grep -e ^: -e ^-A | sed 's/ \[.*//'
}

ours=$(jq -c '.ipMasqBackend = "iptables"' <<<"$ours")
both c2
before=$(legacy)
both c1
check c1 c1 "$ours"
worked "iptables-legacy: our CHECK is content"
cni CHECK c1 c1 "$forwards"
worked "iptables-legacy: with its forwards, too"
warned=$TMPDIR/warned
cni DEL c1 c1 "$forwards"
worked "iptables-legacy: DEL of forwards"
cp "$TMPDIR/stderr" "$warned"
del c1 c1 "$ours"
worked "iptables-legacy: DEL"
cat "$TMPDIR/stderr" >>"$warned"
same 4 "$(grep -c 'weft: warn: .*CNI-.*c2d892b58e87e28a12fe6.* stays' \
	"$warned")" "iptables-legacy: both chains of both families are named"
while read -r line; do
	succeeds "the command that it names works" \
		bash -euo pipefail -c "${line#*to remove it: }"
done <"$warned"
same "$before" "$(legacy)" "and removes them, but not the neighbour's"
del c1 c1 "$ours"
same "" "$(cat "$TMPDIR/stderr")" "after that there is nothing to warn of"
cni CHECK c1 c1 "$forwards"
refused 102 "CHECK of forwards that are gone" forward
cni ADD c3 c3 "$ours"
cni DEL c3 c3 "$ours"
same "" "$(cat "$TMPDIR/stderr")" "our own attachment warns of nothing"
