#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft ls and weft network ls.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

weft=$cni_bin/weft
export NETCONFPATH=$TMPDIR/net.d
mkdir "$NETCONFPATH"
for ns in c1 c2 v1; do
	ns_new $ns
done
list() {
	"$weft" ls --json "$@"
}
network() {
	conf '{cniVersion, name: "'"$1"'", plugins: [del(.cniVersion, .name) |
		.perAttachment = ["attach"] | '"${2:-.}"']}' \
		>"$NETCONFPATH/$1.conflist"
}

# aligned NAME: in $output, every column begins where its heading does.
aligned() {
	if awk 'NR == 1 {
			columns = NF
			for (i = 1; i <= NF; i++)
				at[i] = index($0, $i)
		}
		{
			if (NF != columns)
				exit bad = 1
			for (i = 1; i <= NF; i++)
				if (substr($0, at[i], length($i)) != $i ||
				    (i > 1 && substr($0, at[i] - 1, 1) != " "))
					exit bad = 1
		}
		END { exit bad }' <<<"$output"; then
		ok "$1"
	else
		note "$output"
		nok "$1"
	fi
}

widest() {
	awk '{ if (length > n) n = length } END { print n + 0 }' <<<"$output"
}

succeeds "ls where there is nothing" "$weft" ls
same 1 "$(wc -l <<<"$output")" "prints the headings"
is "and as JSON nothing" "$(list)" '. == []'
succeeds "network ls where there is nothing" "$weft" network ls
is "as JSON" "$("$weft" network ls --json)" '. == []'

network net1 '.isDefaultGateway = true | .ipMasq = true'
network net2 '.bridge = "br2" | del(.ipam)'
"$weft" add net1 /run/netns/c1 --id c1 >"$TMPDIR/c1"
CNI_ARGS=ATTACH=tap "$weft" add net1 /run/netns/v1 --id v1 >"$TMPDIR/v1"
"$weft" add net2 /run/netns/c2 --id c2 -i net0 >/dev/null

succeeds "ls" "$weft" ls
note "$output"
aligned "its columns are aligned"
same 4 "$(wc -l <<<"$output")" "a line for each attachment"
succeeds "and fit 100 columns" [ "$(widest)" -le 100 ]
is "a container: what the kernel and the lease say" "$(list)" '.[0] |
	.network == "net1" and .kind == "veth" and .containerID == "c1" and
	.ifname == "eth0" and .up and .carrier and .mtu == 1500 and
	(now - .since) < 60'
same "$(jq -c '[.interfaces[1].name, .interfaces[2].mac, [.ips[].address]]' \
	"$TMPDIR/c1")" "$(list | jq -c '.[0] | [.device, .mac, .addresses]')" \
	"device, MAC and addresses are those of its result"
same "$(jq -c '["tap", .interfaces[1].name, .interfaces[2].mac,
	[.ips[].address], false]' "$TMPDIR/v1")" "$(list | jq -c '.[1] | [.kind,
	.device, .mac, .addresses, .carrier]')" "a VM: MAC and addresses of the cache"
is "layer 2: no addresses, the age of the cache file" "$(list)" '.[2] |
	.network == "net2" and .ifname == "net0" and .addresses == [] and
	(now - .since) < 60'
is "one network alone" "$(list net2)" 'length == 1 and .[0].network == "net2"'

# What really is counts, not what was.
ip -n c1 addr add 192.0.2.7/24 dev eth0
ip -n c1 link set dev eth0 address 02:00:00:00:00:07
ip -n c1 link set dev eth0 down
is "the container's MAC and addresses are read where it is" "$(list)" '.[0] |
	.mac == "02:00:00:00:00:07" and
	any(.addresses[]; . == "192.0.2.7/24") and .carrier == false'
succeeds "a container whose end is down" "$weft" ls net1
is "has no carrier" "$(jq -Rs . <<<"$output")" 'test("c1/eth0 .* no-carrier ")'
touch -d '3 hours ago' "$cni_leases/net1/10.1.0.2"
succeeds "ls" "$weft" ls net1
is "the lease's time is the age" "$(jq -Rs . <<<"$output")" \
	'test("c1/eth0 .* 3h\n")'

rm /var/lib/cni/weft/*
is "without a cache the lease has the VM's addresses" "$(list)" '.[1] |
	.mac == null and (.addresses | length) == 2 and
	(.addresses | all(contains("/") | not)) and (now - .since) < 60'
mv "$NETCONFPATH/net1.conflist" "$TMPDIR"
is "also without a configuration" "$(list)" \
	'.[1].addresses | length == 2'
mv "$TMPDIR/net1.conflist" "$NETCONFPATH"
rm "$cni_leases/net1/10.1.0.3" "$cni_leases/net1/fd00:1::3"
is "with neither nothing is made up" "$(list)" '.[1] |
	.addresses == [] and .mac == null and .since == null'
succeeds "and the table" "$weft" ls
aligned "has a dash for each"

# --- VMs inside pods ---

ns_new p1
ns_new p2
ns_new parent
network net4 '.bridge = "br4"'
jq '.plugins += [{type: "tap-vm"}]' "$NETCONFPATH/net4.conflist" \
	>"$TMPDIR/net4" && mv "$TMPDIR/net4" "$NETCONFPATH/net4.conflist"
"$weft" add net4 /run/netns/p1 --id pod1 >"$TMPDIR/p1"
is "tap-vm's is the tap, in its namespace" "$(list net4)" 'length == 1 and
	(.[0] | .kind == "splice" and .device == "tap0" and .up and
	(.carrier | not) and .netns == "/run/netns/p1" and .mtu == 1500)'
same "$(jq -c '[.interfaces[2].mac, [.ips[].address]]' "$TMPDIR/p1")" \
	"$(list net4 | jq -c '.[0] | [.mac, .addresses]')" \
	"with the VM's MAC and addresses"
tap_open=$(tap_tool)
exec 8> >(ip netns exec p1 "$tap_open" tap0 single hold >"$TMPDIR/held")
until grep -q held "$TMPDIR/held"; do sleep 0.05; done
is "a VMM that has it open is its carrier" "$(list net4)" '.[0].carrier'
exec 8>&-
succeeds "ls" "$weft" ls net4
is "in the table, too" "$(jq -Rs . <<<"$output")" \
	'test(" splice +pod1/eth0 +tap0 ")'
ip link add p0 type veth peer name p0 netns parent
ip link set p0 up
ip -n parent link set p0 up
network net6 '.type = "macvlan-vm" | .master = "p0" | del(.bridge)'
jq '.plugins += [{type: "tap-vm"}]' "$NETCONFPATH/net6.conflist" \
	>"$TMPDIR/net6" && mv "$TMPDIR/net6" "$NETCONFPATH/net6.conflist"
"$weft" add net6 /run/netns/p2 --id pod2 -i net0 >"$TMPDIR/p2"
is "and behind a macvlan, which has nothing on the host" "$(list net6)" '
	length == 1 and (.[0] | .kind == "splice" and .containerID == "pod2" and
	.ifname == "net0" and .netns == "/run/netns/p2" and
	(.addresses | length) == 2)'
same "$(jq -r '.interfaces[-1].name' "$TMPDIR/p2")" \
	"$(list net6 | jq -r '.[0].device')" "by its derived name"
same 2 "$(list | jq '[.[] | select(.kind == "splice")] | length')" \
	"each is listed once"
ip netns del p2
is "one whose namespace is gone is not" "$(list net6)" '. == []'
"$weft" del net6 --id pod2 -i net0
"$weft" del net4 --id pod1
is "nor one after DEL" "$(list net4)" '. == []'
ip link del p0
ip link del br4
rm "$NETCONFPATH"/net[46].conflist

# --- strange things ---

long=$(printf 'a%.0s' {1..64})
add "$long" c2 "$(conf '.name = "net1"')" CNI_IFNAME=eth9
is "an engine's attachment is seen, too" "$(list net1)" \
	'any(.[]; .containerID == "'"$long"'" and .kind == "veth")'
succeeds "a long ID" "$weft" ls net1
aligned "leaves the columns aligned"
is "it is shortened there" "$(jq -Rs . <<<"$output")" \
	'test(" aaaaaaaaaaaa\\.\\./eth9 ")'
ip link add other type veth peer name other1
ip link add forged type veth peer name forged1
ip link set dev forged group 0x77656674 \
	alias $'weft1:x:net1:\e[2Jc:eth0'
is "others' devices are not listed" "$(list)" \
	'all(.[]; .device != "other")'
is "a forged alias is nobody's" "$(list)" \
	'.[] | select(.device == "forged") | .network == null'
succeeds "ls" "$weft" ls
same "" "$(tr -d '\n -~' <<<"$output")" "and nothing of it reaches the terminal"
aligned "with its columns aligned"
ip link del forged

# --- network ls ---

network net3 '.bridge = "br3"'
succeeds "network ls" "$weft" network ls
note "$output"
aligned "its columns are aligned"
is "a network" "$("$weft" network ls --json)" '.[0] | .network == "net1" and
	.bridge == "br0" and .addresses == ["10.1.0.1/24", "fd00:1::1/64"] and
	.ports == 3 and .masquerade == ["10.1.0.0/24", "fd00:1::/64"] and
	.leases == 4'
is "a second one" "$("$weft" network ls --json)" '.[1] | .network == "net2" and
	.bridge == "br2" and .ports == 1 and .masquerade == [] and .leases == 0'
is "one that is only configured" "$("$weft" network ls --json)" '.[2] |
	.network == "net3" and .exists == false and .ports == 0'
rm "$NETCONFPATH/net1.conflist"
echo '{' >"$NETCONFPATH/00.conflist"
is "one whose configuration is gone, beside garbage" \
	"$("$weft" network ls --json 2>/dev/null)" '.[0].network == "net1" and
	length == 3'
fails "network ls takes no argument" "$weft" network ls net1
