# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# cni.sh: call a CNI plugin as an engine would, and look at its answer. Source
# it after test_main of netns.sh. WEFT_BIN names another build than build/bin.

cni_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cni_bin=${WEFT_BIN:-$cni_root/build/bin}
cni_leases=/var/lib/cni/networks

# conf [JQ]: a configuration, changed by a jq program.
conf() {
	jq -nc '{
		cniVersion: "1.1.0", name: "net1", type: "bridge-vm",
		bridge: "br0", ipam: {
			type: "ipam-host-local",
			ranges: [[{subnet: "10.1.0.0/24"}],
				[{subnet: "fd00:1::/64"}]]
		}
	} | '"${1:-.}"
}

# cni VERB ID NETNS CONF [NAME=VALUE...]: call the plugin that CONF names, with
# further variables. NETNS is a name made with ns_new, a path, or "". Leaves
# $out, $status, and in $TMPDIR/stderr what it logged.
cni() {
	local verb=$1 id=$2 netns=$3 config=$4 type

	shift 4
	[[ -z $netns || $netns = /* ]] || netns=/run/netns/$netns
	[[ $config =~ \"type\":\ *\"([a-z-]*)\" ]]
	type=${BASH_REMATCH[1]}
	cni_last="$verb $id ${netns##*/} $*"
	status=0
	# The variables given last count.
	out=$(env CNI_COMMAND="$verb" CNI_CONTAINERID="$id" \
		CNI_NETNS="$netns" CNI_IFNAME=eth0 CNI_PATH="$cni_bin" \
		"$@" "$cni_bin/$type" 2>"$TMPDIR/stderr" <<<"$config") ||
		status=$?
	[ "$verb" != ADD ] || [ "$status" != 0 ] || result=$out
}

# add|del|check ID NETNS CONF [NAME=VALUE...]: DEL and CHECK get the last
# ADD's result as prevResult.
add() {
	cni ADD "$@"
}

del() {
	cni DEL "$1" "$2" "$(with_prev "$3")" "${@:4}"
}

check() {
	cni CHECK "$1" "$2" "$(with_prev "$3")" "${@:4}"
}

with_prev() {
	jq -c --argjson prev "${2:-$result}" '.prevResult = $prev' <<<"$1"
}

# worked NAME: the last call succeeded and said what such a call says.
worked() {
	if [ "$status" != 0 ]; then
		cni_show "$1"
	elif [[ $cni_last = ADD* ]] && jq -se '.[0].cniVersion and
		length == 1' <<<"$out" >/dev/null 2>&1; then
		ok "$1"
	elif [[ $cni_last != ADD* ]] && [ -z "$out" ]; then
		ok "$1"
	else
		cni_show "$1"
	fi
}

# refused CODE NAME [WORD...]: the last call failed with just one CNI error, of
# that code, and its message holds the words.
refused() {
	local code=$1 name=$2 word

	shift 2
	if ! is_error || [ "$(jq .code <<<"$out")" != "$code" ]; then
		cni_show "$name"
		return
	fi
	for word; do
		if ! jq -e --arg w "$word" '.msg + " " + (.details // "") |
			contains($w)' <<<"$out" >/dev/null; then
			note "'$word' is not in the message"
			cni_show "$name"
			return
		fi
	done
	ok "$name"
}

is_error() {
	[ "$status" = 1 ] && jq -se 'length == 1 and (.[0] |
		(.code | type) == "number" and .code > 0 and
		(.msg | type) == "string" and .msg != "")' \
		<<<"$out" >/dev/null 2>&1
}

# has NAME JQ: the jq program is true of the last answer.
has() {
	if jq -e "$2" <<<"$out" >/dev/null 2>&1; then
		ok "$1"
	else
		note "not true: $2"
		cni_show "$1"
	fi
}

cni_show() {
	note "$cni_last: status $status"$'\n'"$out"
	note "$(cat "$TMPDIR/stderr")"
	nok "$1"
}

# shellcheck disable=SC2120 # may be called without
# leases [NETWORK]: the addresses that are held.
leases() {
	find "$cni_leases/${1:-net1}" -name '*[.:]*' ! -name 'last_*' \
		-printf '%f\n' 2>/dev/null | sort
}

# state [NS...]: of the host and of namespaces; without the place where the
# next search for a free address begins, and without the addresses that the
# kernel gives a bridge by itself when it gets round to it.
state() {
	local ns

	{
		host_state
		for ns; do
			ns_state "$ns" | sed "s/^/$ns /"
		done
	} | grep -v -e /last_reserved_ip -e /stamp -e fe80:
}

# pings NAME NS ADDRESS: a namespace reaches an address.
pings() {
	succeeds "$1" ip netns exec "$2" busybox ping -qc1 -W2 "$3"
}

# is NAME JSON JQ: the jq program is true of it.
is() {
	if jq -e "$3" <<<"$2" >/dev/null; then
		ok "$1"
	else
		note "not true: $3"$'\n'"$2"
		nok "$1"
	fi
}

# link NAME [NS]: one device as JSON.
link() {
	ip ${2:+-n "$2"} -d -j link show dev "$1" | jq '.[0]'
}

# port: the host-side device in the last result.
port() {
	jq -r '.interfaces[1].name' <<<"$result"
}

# shellcheck disable=SC2120 # may be called without
# tap_tool [NAME]: prints the path of a program for taps: tap_open (the
# default), tap_arp; see NAME.c.
tap_tool() {
	local name=${1:-tap_open} tool

	tool=$TMPDIR/$name
	[ -x "$tool" ] || "${CC:-cc}" -D_GNU_SOURCE -o "$tool" \
		"$cni_root/tests/lib/$name.c"
	echo "$tool"
}
