#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# allocationKey: MAC and addresses go with a VM, whatever container it runs in.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

for ns in c1 c2 c3; do
	ns_new $ns
done
weft=$cni_bin/weft
config=$(conf '.perAttachment = ["allocationKey"]')
own=$(conf '.allocationKey = "vm1"')

# guest: MAC and addresses of the last result.
guest() {
	jq -c '[.interfaces[2].mac, .ips[].address]' <<<"$result"
}

# --- The same on a container and on a tap, after DEL. ---

add c1 c1 "$own"
worked "ADD with a key"
first=$(guest)
is "the MAC that a key has on every machine" "$result" \
	'.interfaces[2].mac == "02:e6:c1:23:b9:f6"'
same "$(jq -r '.interfaces[2].mac' <<<"$result")" \
	"$(ip -n c1 -j link show eth0 | jq -r '.[0].address')" \
	"is the interface's"
check c1 c1 "$own"
worked "CHECK"
same "vm1 c1" "$("$weft" lease ls net1 --json |
	jq -r '.[] | "\(.key) \(.containerID)"')" "weft lease ls shows who has it"
fails "what a container has is not released" "$weft" lease release net1 vm1
is "and it says who has it" "$(jq -R . <<<"$output")" \
	'contains("container c1, interface eth0")'
del c1 c1 "$own"
worked "DEL"
same "10.1.0.2
fd00:1::2" "$(leases)" "keeps the addresses"
same "vm1 null 10.1.0.2,fd00:1::2" "$("$weft" lease ls net1 --json | jq -r \
	'.[] | "\(.key) \(.containerID) \(.addresses | join(","))"')" \
	"weft lease ls shows them"
del c1 c1 "$own"
worked "DEL again"
same 2 "$(leases | wc -l)" "keeps them, too"
add c3 c3 "$(conf)"
worked "somebody else"
add c2 c2 "$config" CNI_ARGS=ALLOCATION_KEY=vm1
worked "ADD of the next container, by CNI_ARGS"
same "$first" "$(guest)" "gets what the first one had"
check c2 c2 "$config"
worked "CHECK"
add c1 c1 "$own"
refused 101 "while it has the key, the next one is refused" vm1 c2
same "" "$(ip -n c1 -o link show type veth)" "and has no interface"
same "c2" "$("$weft" lease ls net1 --json | jq -r '.[].containerID')" \
	"the holder is as it was"
cni DEL c1 c1 "$own"
check c2 c2 "$config"
worked "its DEL takes nothing from it either"
cni DEL c2 c2 "$config" CNI_ARGS=ALLOCATION_KEY=vm1
add c1 c1 "$(conf '.perAttachment = ["allocationKey"] | .attach = "tap" |
	.args.cni.allocationKey = "vm1"')"
worked "ADD as a VM, by args.cni"
same "$first" "$(guest)" "the same once more"

# --- Without a namespace, and after a failure. ---

cni DEL c1 "" "$own"
worked "DEL without namespace and result"
add c1 c1 "$own"
same "$first" "$(guest)" "has kept them"
del c1 c1 "$own"
ip -n c2 link add eth0 type veth peer name other
add c2 c2 "$own"
refused 101 "an ADD that fails" eth0
ip -n c2 link del eth0
add c1 c1 "$own"
same "$first" "$(guest)" "has taken nothing along"
del c1 c1 "$own"
ip addr add 192.0.2.1/24 dev br0
add c2 c2 "$(jq -c '.isGateway = true' <<<"$own")"
refused 101 "one that fails when it has the addresses" 10.1.0.1
ip addr del 192.0.2.1/24 dev br0
same null "$("$weft" lease ls net1 --json | jq -r '.[].containerID')" \
	"gives them back to the key"
add c1 c1 "$(jq -c '.allocationKey = "vm2"' <<<"$own")"
is "another key is another VM" "$(guest)" ". != $first"
cni DEL c1 c1 "$(conf)"
worked "DEL without the key"
same "" "$("$weft" lease ls net1 --json | jq -r '.[] |
	select(.key == "vm2").key')" "frees the addresses"

# --- Freed by hand and by GC. ---

succeeds "weft lease release" "$weft" lease release net1 vm1
same "10.1.0.2
fd00:1::2" "$output" "prints what it has freed"
same "10.1.0.3
fd00:1::3" "$(leases)" "and frees it"
fails "there is nothing to free any more" "$weft" lease release net1 vm1
fails "nor is there in a network that is not there" \
	"$weft" lease release other vm1
fails "a network's name is checked" "$weft" lease ls ../net1
fails "so is the verb" "$weft" lease free net1
succeeds "ls of nothing" "$weft" lease ls other
add c1 c1 "$own"
cni DEL c1 c1 "$own"
gc='."cni.dev/valid-attachments" = [{containerID: "c3", ifname: "eth0"}]'
cni GC "" "" "$(conf "$gc")"
worked "GC"
same "10.1.0.3
fd00:1::3" "$(leases)" "frees what is kept, and nothing else"

# --- What is refused. ---

cni ADD c1 c1 "$(conf)" CNI_ARGS=ALLOCATION_KEY=vm1
refused 7 "a key that the network leaves to nobody" vm1 perAttachment
cni ADD c1 c1 "$(conf '.allocationKey = "a/b"')"
refused 7 "a key with a slash" a/b
cni ADD c1 c1 "$(conf '.allocationKey = "vm1" | .onConflict = "silent"')"
refused 7 "onConflict: silent, which is for VMs" onConflict silent
cni ADD c1 c1 "$(conf '.allocationKey = "vm1" | del(.ipam)')"
refused 7 "a key without addresses to go with it" ipam-host-local
cni ADD c1 c1 "$(conf '.allocationKey = "vm1" | .ipam.type = "host-local"')"
refused 7 "or with a plugin that knows no keys" host-local
same "10.1.0.3
fd00:1::3" "$(leases)" "none of them has left an address"

# --- macvlan-vm: the same. A veth end serves as parent. ---

ip link add p0 type veth peer name p1
ip link set p0 up
lan=$(conf '.type = "macvlan-vm" | .master = "p0" | .name = "net2" |
	.allocationKey = "vm1" | del(.bridge)')
add c1 c1 "$lan"
worked "ADD of a macvlan"
first=$(jq -c '[.interfaces[0].mac, .ips[].address]' <<<"$result")
add c2 c2 "$lan"
refused 101 "not a second one" vm1 c1
del c1 c1 "$lan"
add c2 c2 "$lan"
same "$first" "$(jq -c '[.interfaces[0].mac, .ips[].address]' <<<"$result")" \
	"the next one gets what the first one had"
del c2 c2 "$lan"
