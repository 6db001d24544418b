#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# matrix.sh [list]: every cell of tests/matrix/cells.jq is done by a
# reference plugin and, with only `type` changed, by ours; each in a host of its
# own. What comes of it is written down as one fact a line and compared. A
# difference must stand in docs/differences.md, under the cell's plugin.
#
# WEFT_MATRIX, a regular expression: only cells of such a name ("bridge: IPv4").
# WEFT_MATRIX_NEEDS: only cells with that need. WEFT_MATRIX_LANES: so many at a
# time. WEFT_MATRIX_KEEP: a directory for each cell's facts.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
# shellcheck source=tests/lib/facts.sh
. "$(dirname "$0")/../lib/facts.sh"
# shellcheck source=tests/lib/ask.sh
. "$(dirname "$0")/../lib/ask.sh"

root=$(cd "$(dirname "$0")/../.." && pwd)

# fresh_host SCRIPT...: what private_host does, in less time: we are in one already,
# and so much need not be hidden again.
fresh_host() {
	setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child \
		--mount-proc bash "$@"
}

fresh_host_init() {
	mount -t tmpfs -o mode=755 run /run
	mkdir "$TMPDIR"
	mount -t sysfs sysfs /sys
	mount -t tmpfs -o mode=755 cni /var/lib/cni
	ip link set lo up
	sysctl_set net/ipv4/ip_forward 0
	sysctl_set net/ipv6/conf/all/forwarding 0
}

# --- Inside a fresh host: probe theirs|ours LINE prints facts. ---

# cell_read LINE: a cell's fields, as variables; lists as arrays.
cell_read() {
	# shellcheck disable=SC2034 # some are for one side or the other only
	IFS=$'\x1f' read -r plugin name kind needs steps theirs ours env \
		before break ask dir tag <<<"$1"
	IFS=$'\x1e' read -r -a env <<<"${env[0]-}"
	IFS=$'\x1e' read -r -a ask <<<"${ask[0]-}"
}

probe() {
	local side=$1 conf bin program out status
	local plugin name kind needs steps theirs ours env before break ask \
		dir tag

	cell_read "$2"
	conf=${!side}
	bin=$reference program=$plugin
	if [ "$side" = ours ]; then
		bin=$cni_bin
		case $plugin in
		bridge | macvlan) program=$plugin-vm ;;
		portmap) program=portmap-nft ;;
		host-local) program=ipam-host-local ;;
		esac
	fi
	fresh_host_init
	[ "$side" = ours ] || hide_iptables
	"host_of_${plugin/-/_}"
	[ -z "$before" ] || eval "$before"
	"probe_$kind"
	echo "this is all"
}

# call VERB [ID]: as an engine would. Leaves $out and $status.
call() {
	status=0
	out=$(env CNI_COMMAND="$1" CNI_CONTAINERID="${2-first}" \
		CNI_IFNAME=eth0 CNI_NETNS=/run/netns/guest CNI_PATH="$bin" \
		"${env[@]}" "$bin/$program" <<<"$conf" 2>/dev/null) || status=$?
}

# outcome: of the last call: ok, or the error's code.
outcome() {
	if [[ $out =~ \"code\":\ *([0-9]+) ]]; then
		echo "${BASH_REMATCH[1]}"
	elif [ "$status" != 0 ]; then
		echo "status $status and no error"
	else
		echo ok
	fi
}

# prev_result: the last answer of ADD becomes prevResult.
prev_result() {
	conf=$(jq -c --argjson prev "$out" '.prevResult = $prev' <<<"$conf")
}

# --- Hosts ---

host_of_bridge() {
	# No second to wait for the end of duplicate address detection.
	sysctl_set net/ipv6/conf/default/dad_transmits 0
	ns_new guest
	ip netns exec guest \
		sysctl -qw net.ipv6.conf.default.dad_transmits=0
}

host_of_macvlan() {
	host_of_bridge
	ns_new lan
	ip link add p0 address 02:11:00:00:00:01 type veth peer name p0 \
		netns lan
	ip -n lan link set p0 up
	ip link set p0 up
	ip addr add 10.1.0.1/24 dev p0
	ip addr add fd00:1::1/64 dev p0 nodad
	ip route add default via 10.1.0.99
	if [[ $conf = *linkInContainer* ]]; then
		ip link add in0 type veth peer name in0 netns guest
		ip link set in0 up
		ip -n guest link set in0 up
	fi
	await_links
}

host_of_host_local() {
	ip netns add guest
}

# A bridge with two guests, and one outside. Nothing has a link-local address,
# so that nobody need wait for them.
host_of_portmap() {
	local i ns

	for ns in guest other out; do
		ns_new $ns
		ip netns exec $ns \
			sysctl -qw net.ipv6.conf.default.addr_gen_mode=1
	done
	sysctl_set net/ipv6/conf/default/addr_gen_mode 1
	ip link add cni0 type bridge
	ip link set cni0 up
	ip addr add 10.1.0.1/24 dev cni0
	ip addr add fd00:1::1/64 dev cni0 nodad
	i=1
	for ns in guest other; do
		ip link add p$i type veth peer name eth0 netns $ns
		ip link set p$i master cni0 up
		ip -n $ns link set eth0 up
		ip -n $ns addr add 10.1.0.1$i/24 dev eth0
		ip -n $ns addr add fd00:1::1$i/64 dev eth0 nodad
		ip -n $ns route add default via 10.1.0.1
		ip -n $ns route add default via fd00:1::1
		i=$((i + 1))
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
}

# --- Kinds of cells ---

# Whoever disables the guest's interface has a bridge without a carrier. The
# reference's had one until the first port came, and a link-local address then;
# ours gets its own with the first carrier (docs/differences.md says why).
without_carrier() {
	if [[ $conf = *disableContainerInterface* ]]; then
		sed '/^host addr cni0 fe80::/d; /^host route fe80::.* dev cni0 /d'
	else
		cat
	fi
}

probe_facts() {
	call ADD
	if [ "$status" != 0 ]; then
		echo "ADD fails: $out"
		return
	fi
	result_facts
	await_links
	{
		facts
		sysctl_facts "$(gateway_port)"
	} | without_carrier | sort
	if [[ $conf != *'"cniVersion":"0.'[12]* ]]; then
		prev_result
		call CHECK
		[ "$status" = 0 ] || [[ $conf = *'"cniVersion":"0.3'* ]] ||
			echo "CHECK fails: $(jq -r .msg <<<"$out")"
		[[ $conf != *'"cniVersion":"0.3'* ]] || echo "CHECK: $(outcome)"
	fi
	call DEL
	echo "DEL: $(outcome)"
	# The bridge's carrier goes later.
	facts | without_carrier | sed '/ link cni0\(.100\)\? operstate /d; s/NO-CARRIER,//
		s/^/after DEL: /'
	call DEL
	echo "DEL again: $(outcome)"
}

result_facts() {
	local mac

	mac=$(ip -n guest -o link show eth0 |
		sed -E 's|.* link/ether ([^ ]*).*|\1|')
	jq -cSr --arg mac "$mac" '
		((.interfaces // [{sandbox: 1, mac: $mac}])[] | select(.sandbox) |
			"result mac \(.mac == $mac)"),
		if .interfaces then .interfaces[] |= (del(.mac) |
			if .name | startswith("veth") then .name = "PORT"
			else . end) else . end' <<<"$out" |
		sed 's/^{/result {/'
	[[ $mac != 02:00:00:* ]] || echo "guest mac $mac"
}

# A fact's first word is the cell's name: what is meant to differ here may not
# differ elsewhere.
probe_case() {
	local step said=

	for step in $steps; do
		case $step in
		break)
			eval "$break"
			said+=", then"
			;;
		VERSION)
			call VERSION
			said+=", $(jq -c .supportedVersions <<<"$out")"
			;;
		*)
			call "$step"
			said+=", $step $(outcome)"
			[ "$step" != ADD ] || after_add
			;;
		esac
	done
	echo "case $name: ${said#, }"
	echo "case $name: left: $(left)"
}

left() {
	local list

	list=$(objects | if [ "$plugin" = portmap ]; then
		grep '^rules' || true
	else
		cat
	fi | paste -sd ,)
	echo "${list:-nothing}"
}

after_add() {
	if [ "$status" != 0 ]; then
		echo "case $name: left by ADD: $(left)"
	elif [ "$plugin" != portmap ]; then
		prev_result
	fi
}

# After each step its answer, and what has changed in the directory.
probe_leases() {
	local step verb id n=0 dir=${dir:-/var/lib/cni/networks} before='' after
	local -A got

	for step in ${steps:-ADD:first CHECK:first ADD:first ADD:second \
		DEL:first CHECK:first DEL:first ADD:third DEL:second \
		DEL:third}; do
		if [ "$step" = break ]; then
			eval "$break"
			continue
		fi
		n=$((n + 1)) verb=${step%:*} id=${step#*:}
		call "$verb" "$id"
		if [ "$verb:$status" != ADD:0 ]; then
			echo "$n $step: $(outcome)"
		elif [ "$out" = "${got[$id]-}" ]; then
			echo "$n $step: what it has"
		else
			echo "$n $step: result $(jq -cS . <<<"$out")"
			got[$id]=$out
		fi
		[ "$verb" != DEL ] || unset "got[$id]"
		after=$(lease_facts "$dir" | grep -v directory | sort)
		diff --unchanged-line-format= --old-line-format="$n lost %L" \
			--new-line-format="$n has %L" \
			<(echo "$before") <(echo "$after") || true
		before=$after
	done
	lease_facts "$dir" | grep directory || true
}

probe_ports() {
	trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
	ask_tool=$root/build/matrix/ask
	serve guest guest tcp:80 udp:53
	call ADD
	echo "ADD: $(outcome)"
	[ "$status" != 0 ] || echo "result $(jq -cS . <<<"$out")"
	ask_all
	{
		facts
		sysctl_facts "$(gateway_port)"
	} | sort
	call CHECK
	echo "CHECK: $(outcome)"
	call DEL
	echo "DEL: $(outcome)"
	facts | sed 's/^/after DEL: /'
	ask=("out tcp 192.0.2.1 8080" "out tcp 2001:db8::1 8080")
	ask_all "after DEL: "
	call DEL
	echo "DEL again: $(outcome)"
}

# ask_all [PREFIX]: all at once; most of the time nobody answers.
ask_all() {
	local question from proto address port pids=()

	for question in "${ask[@]}"; do
		read -r from proto address port <<<"$question"
		echo "${1-}$question: $(answer "${from#host}" "$proto" \
			"$address" "$port")" >"$TMPDIR/answer.${#pids[@]}" &
		pids+=($!)
	done
	wait "${pids[@]}"
	for question in "${!pids[@]}"; do
		cat "$TMPDIR/answer.$question"
	done
}

case ${1-} in
probe)
	shift
	probe "$@"
	exit
	;;
cell)
	line=$(sed -n "$2p" "$TMPDIR/cells")
	for side in theirs ours; do
		fresh_host "$0" probe $side "$line" >"$TMPDIR/$2.$side" 2>&1 ||
			true
	done
	exit
	;;
esac

# --- Outside: run both, compare. ---

# cells: one line each; see cells.jq.
cells() {
	jq -nr -L "$root/tests/matrix" 'include "cells"; cells | line'
}

if [ "${1-}" = list ]; then
	cells | awk -F '\x1f' '{ print $1 ": " $2 (NF && $4 ? " (" $4 ")" : "") }'
	exit
fi

test_main "$@"
# shellcheck source=tests/lib/cache.sh
. "$root/tests/lib/cache.sh"
# shellcheck source=tests/lib/cni.sh
. "$root/tests/lib/cni.sh"

if ! reference=$(cache_reference_plugins 2>&1); then
	skip "the matrix of reference plugins and ours" "${reference##*$'\n'}"
	exit
fi
export reference cni_bin
# The others take five times as long to start.
! fast=$(cache_jq 2>/dev/null) || PATH=$fast:$PATH

# Does the kernel filter VLANs, and has it 802.1Q? For modules, ask by use.
vlans=$(private_host bash -c 'ip link add br0 type bridge vlan_filtering 1 &&
	ip link add link br0 name br0.5 type vlan id 5 && echo vlan' \
	2>/dev/null || true)

cells | awk -F '\x1f' -v only="${WEFT_MATRIX_NEEDS-}" -v pattern="${WEFT_MATRIX-}" '
	(only == "" || $4 == only) && ($1 ": " $2) ~ pattern' >"$TMPDIR/all"
awk -F '\x1f' -v has="$vlans" '$4 == "" || $4 == has' "$TMPDIR/all" \
	>"$TMPDIR/cells"
without=$(($(wc -l <"$TMPDIR/all") - $(wc -l <"$TMPDIR/cells")))
[ -z "${WEFT_MATRIX_NEEDS-}" ] ||
	note "only cells that need: $WEFT_MATRIX_NEEDS"

mkdir -p "$root/build/matrix"
TMPDIR=$root/build/matrix ask_build
seq "$(wc -l <"$TMPDIR/cells")" | xargs -n 1 \
	-P "${WEFT_MATRIX_LANES:-$(($(nproc) * 3))}" bash "$0" cell

# listed PLUGIN BLOCK: the lines that docs/differences.md has in blocks of that
# kind (diff, diff vlan), in the section of that plugin or of every: "-" the
# reference's, "+" ours. A row of a table of cases counts as two lines.
listed() {
	local title="## .* and $1\$"

	[ "$1" != every ] || title='^## Every plugin$'
	awk -F ' *[|] *' -v title="$title" -v fence="\`\`\`$2" '
		/^## / { on = $0 ~ title }
		/^```/ { block = on && $0 == fence; next }
		block && /^[-+]/
		!/^[|]/ { table = 0 }
		table && on && !/^[|]-/ {
			if ($3 != "")
				print "-case " $2 ": " $3
			if ($4 != "")
				print "+case " $2 ": " $4
		}
		/^[|] case [|]/ { table = fence == "```diff" }' \
		"$root/docs/differences.md"
}

# judge N: says what cell N's two sets of facts are to each other.
judge() {
	local n=$1 unlisted section here="$TMPDIR/$1"
	# shellcheck disable=SC2034 # of no use here
	local plugin name kind needs steps theirs ours env before break ask \
		dir tag

	cell_read "$(sed -n "${n}p" "$TMPDIR/cells")"
	diff --unchanged-line-format= --old-line-format='-%L' \
		--new-line-format='+%L' "$here.theirs" "$here.ours" \
		>"$here.diff" || true
	[ -z "$tag" ] || sed -i "s/^./&$tag: /" "$here.diff"
	for section in every "$plugin" host-local; do
		[[ $section != host-local || $plugin != portmap ]] || continue
		sort -u "$here.diff" >>"$TMPDIR/seen.$section"
		cat "$TMPDIR/listed.$section.diff"
		[ "$needs" != vlan ] || cat "$TMPDIR/listed.$section.diff vlan"
	done >"$here.listed"
	unlisted=$(grep -vxFf "$here.listed" "$here.diff" || true)
	[ -z "${WEFT_MATRIX_KEEP-}" ] || cp "$here".* "$WEFT_MATRIX_KEEP"
	if [ -n "$unlisted" ]; then
		note "$unlisted"
		verdict failed nok "not in docs/differences.md"
	elif [ "$(grep -cx "this is all" "$here".{theirs,ours} |
		grep -c ':1$')" != 2 ] || ! grep -qE '(^| )result |^case ' \
		"$here.ours"; then
		note "$(cat "$here.ours")"
		verdict failed nok "no result"
	elif [ -s "$here.diff" ]; then
		verdict intended ok
	else
		verdict equal ok
	fi
}

# verdict KIND OK|NOK [WHY]
verdict() {
	local kind=$1 say=$2 text=$1

	[ "$kind" != intended ] || text="intended difference"
	shift 2
	count[$kind]=$((count[$kind] + 1))
	"$say" "$plugin: $name: $text" "$@"
}

for section in every bridge macvlan host-local portmap; do
	: >"$TMPDIR/seen.$section"
	for block in diff "diff vlan"; do
		listed "$section" "$block" >"$TMPDIR/listed.$section.$block"
	done
done
declare -A count=([equal]=0 [intended]=0 [failed]=0)
cells=$(wc -l <"$TMPDIR/cells")
for ((n = 1; n <= cells; n++)); do
	judge "$n"
done
[ "$without" = 0 ] || skip "$without cells that need VLANs" \
	"no bridge VLAN filtering or 802.1Q in this kernel"

# What is listed must be seen, by those that were run.
blocks=("diff" ${vlans:+"diff vlan"})
[ -z "${WEFT_MATRIX_NEEDS-}" ] || blocks=("diff $WEFT_MATRIX_NEEDS")
[ -z "${WEFT_MATRIX-}" ] || blocks=()
for block in "${blocks[@]}"; do
	stale=$(for section in every bridge macvlan host-local portmap; do
		grep -vxFf <(sort -u "$TMPDIR/seen.$section") \
			"$TMPDIR/listed.$section.$block" |
			sed "s/^/$section: /"
	done || true)
	same "" "$stale" "docs/differences.md, $block: all of it was seen"
done
note "matrix: $cells cells: ${count[equal]} equal, ${count[intended]} `
	`intended difference, ${count[failed]} failed"
