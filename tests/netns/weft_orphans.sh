#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft gc --orphans: what goes, and all that must stay.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

weft=$cni_bin/weft
engine=/var/lib/cni/results
export NETCONFPATH=$TMPDIR/net.d
mkdir "$NETCONFPATH"
for ns in c1 v1 v2; do
	ns_new $ns
done
conf '{cniVersion, name, plugins: [del(.cniVersion, .name) |
	.perAttachment = ["attach"] | .macspoofchk = true]}' \
	>"$NETCONFPATH/net1.conflist"
conf '{cniVersion, name: "net2", plugins: [del(.cniVersion, .name, .ipam) |
	.attach = "tap" | .bridge = "br2"]}' >"$NETCONFPATH/net2.conflist"
vm=$(conf '.attach = "tap" | .macspoofchk = true')

# What is left, but for empty directories and what a test itself took away.
now() {
	state | grep -v -e /var/lib/cni/weft -e /run/weft -e /run/netns/v2
}
orphans() {
	"$weft" gc --orphans --json "$@" 2>/dev/null
}
# held NAME BY: the first one is held, and --yes leaves all as it is.
held() {
	local before

	before=$(state)
	is "$1" "$(orphans --min-age 0)" \
		'(map(select(.heldBy != "'"$2"'")) | length) == 0 and length > 0'
	"$weft" gc --orphans --yes --min-age 0 >/dev/null
	same "$before" "$(state)" "and stays"
}
nobodys() {
	is "$1" "$(orphans --min-age 0)" '(map(select(.heldBy == null)) |
		length) == 1'
}
hold() {
	coproc holder { exec "$(tap_tool)" "$1" "$2" hold; }
	read -r -u "${holder[0]}" _
}
release() {
	eval "exec ${holder[1]}>&-"
	# shellcheck disable=SC2154 # of coproc
	wait "$holder_PID" 2>/dev/null || true
}

succeeds "where there is nothing" "$weft" gc --orphans
same "NETWORK GUEST IFNAME KIND DEVICE AGE WHAT" "$output" "prints the headings"
same "[]" "$(orphans)" "and as JSON nothing"

# --- a tap that no cache knows, as after an engine's crash ---

"$weft" add net1 /run/netns/c1 --id warm >/dev/null
"$weft" del net1 --id warm
before=$(now)
add vm1 v1 "$vm"
tap=$(port)
is "a young one is held by its age" "$(orphans)" \
	'.[0] | .heldBy == "age" and .device == "'"$tap"'" and .kind == "tap"'
succeeds "and not in the table" "$weft" gc --orphans
same 1 "$(wc -l <<<"$output")" "at all"
touch -d '9 minutes ago' "$cni_leases"/net1/*[.:]*
is "9 minutes are young" "$(orphans)" '.[0].heldBy == "age"'
is "but for who says so" "$(orphans --min-age 8m)" '.[0].heldBy == null'
touch -d '11 minutes ago' "$cni_leases"/net1/*[.:]*
is "11 are not" "$(orphans)" '.[0].heldBy == null'
is "nor are they for 11m" "$(orphans --min-age 650)" '.[0].heldBy == null'
is "but for an hour" "$(orphans --min-age 1h)" '.[0].heldBy == "age"'
touch -d 'now + 1 hour' "$cni_leases/net1/10.1.0.3"
is "the newest lease counts, also from the future" "$(orphans)" \
	'.[0].heldBy == "age"'
touch -d '11 minutes ago' "$cni_leases"/net1/*[.:]*
same "[]" "$(orphans net2)" "another network's"
middle=$(state)
succeeds "a dry run" "$weft" gc --orphans
same "NETWORK GUEST IFNAME KIND DEVICE AGE WHAT
net1 vm1 eth0 tap $tap 11m orphan
weft: --yes removes them" "$(tr -s ' ' <<<"$output")" "says what it would do"
same "$middle" "$(state)" "and does nothing"

hold "$tap" single
held "a tap that a VMM has open" VMM
release
mkdir -p "$engine"
touch "$engine/net1-vm1-eth0"
held "one that an engine's cache has, be it unreadable" cache
rm -r "$engine"
mkdir -p /var/lib/cni/weft
touch /var/lib/cni/weft/net1-vm1-eth0
held "one that weft's has, unreadable" cache
rm -r /var/lib/cni/weft
mkdir -p "$TMPDIR/cache"
touch "$TMPDIR/cache/net1-vm1-eth0"
is "--cache-dir is one more" "$(orphans --cache-dir "$TMPDIR/cache")" \
	'.[0].heldBy == "cache"'
nobodys "without all that it is nobody's"
succeeds "--yes" "$weft" gc --orphans --yes
same "net1 vm1 eth0 tap $tap 11m removed" "$(tail -n 1 <<<"$output" |
	tr -s ' ')" "removes it"
same "$before" "$(now)" "and its lease, and its rules"

# --- what limits a port's rate ---

add vm1 v1 "$(jq -c '.egressRate = 8000000 | .egressBurst = 800000' <<<"$vm")"
nobodys "a port's ifb is no line of its own"
ip link del "$(port)"
is "but where the port is gone" "$(orphans --min-age 0)" \
	'length == 1 and .[0].kind == "ifb" and .[0].heldBy == null'
succeeds "--yes" "$weft" gc --orphans --yes --min-age 0
same "$before" "$(now)" "removes it, its lease and its rules"

# --- what is alike, and is not ours ---

ip link add name dummybr type bridge
ip tuntap add mode tap name "$tap"
ip link set "$tap" master dummybr
same "[]" "$(orphans --min-age 0)" "a tap of our name without group and alias"
ip link set "$tap" alias weft1:bridge-vm:net1:vm1:eth0
same "[]" "$(orphans --min-age 0)" "with the alias, and not in our group"
ip link set "$tap" group 0x77656674 alias other
same "[]" "$(orphans --min-age 0)" "in our group, with another's alias"
ip link set "$tap" alias weft1:bridge-vm:net1
same "[]" "$(orphans --min-age 0)" "what belongs to a network"
ip link set "$tap" alias "weft1:bridge-vm:#0123456789abcdef"
held "an alias that was too long to name it" unknown
ip link del "$tap"
ip link add name "$tap" type bridge
ip link set "$tap" group 0x77656674 alias weft1:bridge-vm:net1:vm1:eth0
held "a kind that is not known" unknown
ip link del "$tap"
ip link del dummybr

# --- weft's own attachments ---

"$weft" add net1 /run/netns/c1 --id c1 >/dev/null
CNI_ARGS=ATTACH=tap "$weft" add net1 /run/netns/v1 --id v1 >/dev/null
held "containers and VMs whose namespaces exist" namespace
is "all of them are looked at" "$(orphans)" 'length == 2'
rm -r /var/lib/cni/weft
is "without a cache a veth still is its namespace's" "$(orphans --min-age 0)" \
	'map({kind, heldBy}) | sort == [{kind: "tap", heldBy: null},
	{kind: "veth", heldBy: "namespace"}]'
"$weft" del net1 /run/netns/c1 --id c1
"$weft" del net1 /run/netns/v1 --id v1
same "$before" "$(now)" "all is as before"

CNI_ARGS=ATTACH=tap "$weft" add net1 /run/netns/v2 --id v2 >/dev/null
ip netns del v2
touch -d '11 minutes ago' "$cni_leases"/net1/*[.:]*
is "the newer of lease and cache file counts" "$(orphans)" \
	'.[0].heldBy == "age"'
touch -d '11 minutes ago' /var/lib/cni/weft/*
is "then it is nobody's: its namespace is gone" "$(orphans)" \
	'length == 1 and .[0].heldBy == null'
ip link del "$(orphans | jq -r '.[0].device')"
is "also without its device" "$(orphans)" \
	'length == 1 and .[0].device == null and .[0].heldBy == null'
succeeds "--yes" "$weft" gc --orphans --yes net1
same "$before" "$(now)" "releases its address"
same "" "$(ls /var/lib/cni/weft)" "and its cache file"

# --- layer 2: no lease, and no cache ---

cni ADD vm1 v1 "$(conf 'del(.ipam) | .name = "net2" | .attach = "tap" |
	.bridge = "br2"')"
tap=$(port)
is "the kernel's directory tells an age" "$(orphans)" \
	'.[0] | .heldBy == "age" and (now - .since) < 60'
sleep 2
is "which grows" "$(orphans --min-age 1)" '.[0].heldBy == null'
# shellcheck disable=SC2016 # expanded there
is "without it nobody knows" "$(unshare --mount sh -c \
	'mount -t tmpfs none /sys; exec "$@"' sh \
	"$weft" gc --orphans --json --min-age 1)" \
	'.[0] | .since == null and .heldBy == "age"'
nobodys "then only --min-age 0 lets it go"

# --- failures ---

mv "$NETCONFPATH/net2.conflist" "$TMPDIR"
succeeds "without a configuration" "$weft" gc --orphans --yes --min-age 0
is "it says so" "$(jq -Rs . <<<"$output")" \
	'test("only '"$tap"' is removed, and an address stays held: .*net2")'
fails "and removes the device" ip link show "$tap"
mv "$TMPDIR/net2.conflist" "$NETCONFPATH"
add vm1 v1 "$vm"
tap=$(port)
jq '.plugins += [{type: "nowhere"}]' "$NETCONFPATH/net1.conflist" \
	>"$TMPDIR/edited"
cp "$NETCONFPATH/net1.conflist" "$TMPDIR/right"
cp "$TMPDIR/edited" "$NETCONFPATH/net1.conflist"
fails "a DEL that fails" "$weft" gc --orphans --yes --min-age 0
is "is told" "$(jq -Rs . <<<"$output")" 'test("net1 vm1 eth0: .*nowhere") and
	test(" failed\n") and test("1 of 1 orphans could not be removed")'
jq '.plugins = [{type: "portmap-nft", capabilities: {portMappings: true}}]' \
	"$TMPDIR/right" >"$NETCONFPATH/net1.conflist"
add vm1 v1 "$vm"
fails "a configuration that is another one by now" \
	"$weft" gc --orphans --yes --min-age 0
is "is told, too" "$(jq -Rs . <<<"$output")" 'test("is still there after DEL")'
cp "$TMPDIR/right" "$NETCONFPATH/net1.conflist"
succeeds "once it is right" "$weft" gc --orphans --yes --min-age 0
ip link del br2
same "$before" "$(now)" "nothing is left"
for bad in x 5y -1 '' 99999999; do
	fails "--min-age '$bad'" "$weft" gc --orphans --min-age "$bad"
done
fails "gc without --orphans wants a network" "$weft" gc
fails "and no other verb wants --orphans" "$weft" ls --orphans

# --- a weft run that was killed ---

run_dir=/run/weft/run
hold_fd="$(tap_tool) %TAP1% single hold"
mkfifo "$TMPDIR/stdin"
# shellcheck disable=SC2086
"$weft" run net1 net2 --id vm1 -- $hold_fd <>"$TMPDIR/stdin" >"$TMPDIR/out" &
run=$!
for ((i = 0; i < 100; i++)); do
	! grep -qs held "$TMPDIR/out" || break
	sleep 0.1
done
held "a weft run that is going on" run
is "is one line for all its networks" "$(orphans)" 'length == 1 and
	(.[0] | .network == "net1,net2" and .containerID == "vm1" and
	.kind == "run")'
kill -KILL "$run"
wait "$run" 2>/dev/null || true
for ((i = 0; i < 100; i++)); do
	[ "$(orphans --min-age 0 | jq '.[0].heldBy')" != null ] || break
	sleep 0.1
done
is "killed, it is nobody's" "$(orphans --min-age 0)" \
	'length == 1 and .[0].heldBy == null'
is "after a while" "$(orphans)" '.[0].heldBy == "age"'
hold "$("$weft" ls --json net2 | jq -r '.[0].device')" single
held "unless a VMM lives on" VMM
release
same "[]" "$(orphans other)" "another network's"
succeeds "--yes" "$weft" gc --orphans --yes --min-age 0 net2
same "net1,net2 vm1 - run - 0s removed" "$(tail -n 1 <<<"$output" | tr -s ' ' |
	sed 's/ [0-9]\+s / 0s /')" "removes all of it"
ip link del br2
same "$before" "$(now)" \
	"nothing is left"
same "" "$(find $run_dir -mindepth 1)$(grep $run_dir /proc/self/mounts || true)" \
	"nor of its namespace"
mkdir $run_dir/begun
touch $run_dir/begun/netns
is "one that was killed as it began" "$(orphans --min-age 0)" \
	'length == 1 and .[0].network == null and .[0].heldBy == null'
"$weft" gc --orphans --yes --min-age 0 >/dev/null
same "" "$(ls $run_dir)" "goes as well"
half=/var/lib/cni/weft/.weft-00000000000000aa
touch $half
"$weft" gc --orphans --min-age 0 >/dev/null
"$weft" gc --orphans --yes >/dev/null
succeeds "what is being written to the cache stays" test -e $half
"$weft" gc --orphans --yes --min-age 0 >/dev/null
fails "until its writer must have been killed" test -e $half
mkdir $run_dir/empty
same "[]" "$(orphans)$(ls $run_dir)" "an empty directory is not worth a word"
