#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# bridge-vm and portmap-nft as one list under weft: add, check, del, gc, repair
# after the ruleset is gone, and network rm, which leaves nothing.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/ask.sh
. "$(dirname "$0")/../lib/ask.sh"

ask_build
weft=$cni_bin/weft
results=/var/lib/cni/results
export NETCONFPATH=$TMPDIR/net.d CNI_PATH=$cni_bin
mkdir "$NETCONFPATH"
for ns in c1 c2 c3 out; do
	ns_new $ns
done
ip link add out0 type veth peer name eth0 netns out
ip link set out0 up
ip -n out link set eth0 up
ip addr add 192.0.2.1/24 dev out0
ip -n out addr add 192.0.2.9/24 dev eth0

conf '{cniVersion, name, plugins: [
	del(.cniVersion, .name) | .ipMasq = true | .isDefaultGateway = true |
	.perAttachment = ["attach"],
	{type: "portmap-nft", capabilities: {portMappings: true}}]}' \
	>"$NETCONFPATH/net1.conflist"

forward() {
	echo "{\"portMappings\": [{\"hostPort\": $1, \"containerPort\": 80,
		\"protocol\": \"tcp\"}]}"
}
reaches() {
	same "$2 192.0.2.9" "$(answer out tcp 192.0.2.1 "$3")" "$1"
}
forwards() {
	nft list table inet weft 2>/dev/null | grep -o 'net1:[^"]*' | sort -u ||
		true
}

before=$(state c1 c2 c3)
CAP_ARGS=$(forward 8080) succeeds "add" "$weft" add net1 /run/netns/c1 --id c1
is "prints bridge-vm's result" "$output" \
	'(.ips | length) == 2 and (.interfaces | length) == 3'
serve c1 c1 tcp:80
sleep 0.2
reaches "the port leads to it" c1 8080
succeeds "check" "$weft" check net1 --id c1
CAP_ARGS=$(forward 8080) fails "the port of another" \
	"$weft" add net1 /run/netns/c2 --id c2
is "is refused by name" "$(jq -Rs . <<<"$output")" \
	'test("host port tcp 8080 is taken by .* net1:c1:eth0")'
same "" "$(leases | grep -v -e '\.2$' -e '::2$' || true)" \
	"and what bridge-vm did is undone"
reaches "the first one keeps it" c1 8080
succeeds "add without ports" "$weft" add net1 /run/netns/c2 --id c2
succeeds "check without ports" "$weft" check net1 --id c2
CAP_ARGS=$(forward 8083) succeeds "add of a VM" env CNI_ARGS=ATTACH=tap \
	"$weft" add net1 /run/netns/c3 --id c3
same "net1:c1:eth0
net1:c3:eth0" "$(forwards)" "container and VM have their forwards"

# --- repair ---

nft flush ruleset
fails "check after a flush" "$weft" check net1 --id c1
succeeds "repair" "$weft" repair
same "net1 c1 eth0: forwarded
net1 c3 eth0: forwarded
guard: on 1 port" "$output" "says whose"
reaches "the port leads to it again" c1 8080
same "net1:c1:eth0
net1:c3:eth0" "$(forwards)" "all are back"
nft flush ruleset
NETCONFPATH=$TMPDIR/none succeeds "repair with no configuration but the cached" \
	"$weft" repair
same "net1:c1:eth0
net1:c3:eth0" "$(forwards)" "does it all the same"
succeeds "repair where all is well" "$weft" repair
same "net1:c1:eth0
net1:c3:eth0" "$(forwards)" "leaves it so"

# As an engine keeps them, with its own names; one whose namespace is gone, one
# that was killed half-way, one that nobody can read.
mkdir -p $results
cp /var/lib/cni/weft/net1-c1-eth0 $results/net1-c1-eth0
jq -c '.containerId = "old" | .netns = "/run/netns/gone"' \
	/var/lib/cni/weft/net1-c1-eth0 >$results/net1-old-eth0
jq -c '.containerId = "half" | del(.result)' \
	/var/lib/cni/weft/net1-c1-eth0 >$results/net1-half-eth0
: >$results/net1-empty-eth0
jq -c '.containerId = "rival"' /var/lib/cni/weft/net1-c1-eth0 \
	>$results/net1-rival-eth0
mv /var/lib/cni/weft "$TMPDIR/weft-cache"
nft flush ruleset
fails "repair from an engine's cache, not all of it" "$weft" repair
is "repairs what it can" "$(jq -Rs . <<<"$output")" \
	'test("net1 c1 eth0: forwarded")'
is "leaves out what is gone" "$(jq -Rs . <<<"$output")" \
	'test("net1 old eth0: left out: /run/netns/gone is gone")'
is "names what it could not" "$(jq -Rs . <<<"$output")" \
	'test("results/net1-empty-eth0: not readable") and
	test("net1 half eth0: it was never attached") and
	test("net1 rival eth0: .*taken by .* net1:c1:eth0") and
	test("3 of 4 attachments could not be repaired")'
rm $results/net1-{half,empty,rival}-eth0
nft flush ruleset
succeeds "repair from one directory" "$weft" repair --cache-dir "$TMPDIR/weft-cache"
same "net1:c1:eth0
net1:c3:eth0" "$(forwards)" "has all of it"
mv "$TMPDIR/weft-cache" /var/lib/cni/weft
rm -r $results
# As the reference plugin attached it, before the type was changed.
old=$(jq '.plugins[1].type = "portmap"' "$NETCONFPATH/net1.conflist" | base64 -w0)
jq -c --arg c "$old" '.config = $c' /var/lib/cni/weft/net1-c1-eth0 \
	>"$TMPDIR/edited"
cp "$TMPDIR/edited" /var/lib/cni/weft/net1-c1-eth0
nft flush ruleset
succeeds "repair of what the reference forwarded" "$weft" repair
reaches "does it our way" c1 8080

# --- the end ---

succeeds "del" "$weft" del net1 --id c1
same "net1:c3:eth0" "$(forwards)" "takes its own forwards"
succeeds "del" "$weft" del net1 --id c2
ip netns del c3
succeeds "gc" "$weft" gc net1
same "" "$(forwards)" "collects those of a guest that is gone"
ns_new c3
succeeds "network rm" "$weft" network rm net1
same "" "$(nft list ruleset)" "leaves no ruleset"
sysctl_set net/ipv4/ip_forward 0
sysctl_set net/ipv6/conf/all/forwarding 0
rm -rf /var/lib/cni/weft
same "$(grep -v -e forwarding -e '/var/lib/cni/networks' <<<"$before")" \
	"$(state c1 c2 c3 | grep -v -e forwarding -e '/var/lib/cni/networks')" \
	"and the host as it was"
