#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Go's libcni, which is in most engines: every verb, in CNI 1.1.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
# shellcheck source=tests/lib/cache.sh
. "$(dirname "$0")/../lib/cache.sh"
cache_kernel cloud >/dev/null
gopath=$(cache_libcni)
goroot=$(cache_go)
reference=$(cache_reference_plugins)
test_main "$@"
# shellcheck source=tests/lib/engine.sh
. "$(dirname "$0")/../lib/engine.sh"

package=${gopath%/usr/share/gocode}
package=${package##*_}
engine_is libcni "${package%-*}" "$package"
engine_host
engine_outside
for ns in c1 c2 c3; do ns_new $ns; done
export NETCONFPATH=/etc/cni/net.d CNI_PATH=$cni_bin
engine_list 1.1.0

build() {
	mkdir -p "$engine_dir/go" "$engine_dir/src"
	cp "$cni_root/tests/engines/libcni.go" "$engine_dir/src"
	env -C "$engine_dir/src" GO111MODULE=off CGO_ENABLED=0 GOFLAGS=-p=2 \
		GOTOOLCHAIN=local HOME="$engine_dir/go" GOROOT="$goroot" \
		GOPATH="$gopath" timeout -k 5 300 \
		"$goroot/bin/go" build -o "$engine_dir/libcni" libcni.go
}

libcni() {
	timeout -k 5 70 "$engine_dir/libcni" "$@"
}

# at VERB NAME: of the container whose namespace has that name.
at() {
	libcni "$1" net1 "$2" "/run/netns/$2"
}

ip_in() {
	at cached "$1" | jq -r ".ips[$2].address | sub(\"/.*\"; \"\")"
}

ping_from() {
	ip netns exec "$1" busybox ping -qc1 -W3 "$2"
}

# Of the host and of the containers.
world() {
	state outside vm1 c1 c2
}

succeeds 'libcni is built' build
before=$(world)

# --- before anything is there ---

for plugin in bridge-vm portmap-nft; do
	succeeds "VERSION of $plugin" libcni version $plugin
	is 'it speaks CNI 1.1.0' "$output" 'index("1.1.0") != null'
done
succeeds 'the list is valid' libcni validate net1
is 'and wants port mappings' "$output" '. == ["portMappings"]'
succeeds 'STATUS' libcni status net1
ip link add br0 type veth peer name other
fails 'STATUS where the bridge is no bridge' libcni status net1
is 'names it' "$(jq -Rs . <<<"$output")" 'contains("br0")'
ip link del br0
same "$(grep -v /cni/networks <<<"$before")" \
	"$(world | grep -v /cni/networks)" 'STATUS changes only the store'

# --- ADD and CHECK ---

export CAP_ARGS='{"portMappings": [
	{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}'
succeeds 'ADD with a port' at add c1
is 'its result is of 1.1.0' "$output" '.cniVersion == "1.1.0" and
	(.interfaces | length) == 3 and (.ips | length) == 2'
fails 'ADD with the same port' at add c2
is 'names its owner' "$(jq -Rs . <<<"$output")" 'contains("c1")'
unset CAP_ARGS
at del c2
succeeds 'ADD without' at add c2
ip netns exec c1 busybox httpd -f -h "$guest_dir/container-root/www" &
server=$!
succeeds 'the forward is reached from outside' engine_wait 5 from_outside 8080
succeeds 'containers ping each other' ping_from c2 "$(ip_in c1 0)"
succeeds 'they ping each other by IPv6' ping_from c2 "$(ip_in c1 1)"
succeeds 'CHECK' at check c1
address=$(ip_in c1 0)
ip -n c1 addr del "$address/24" dev eth0
fails 'CHECK without the address' at check c1
is 'names it' "$(jq -Rs . <<<"$output")" "contains(\"$address\")"

# --- a VM ---

engine_vm net1
succeeds 'a container pings the VM' ping_from c2 "$vm4"
succeeds 'a container pings the VM by IPv6' ping_from c2 "$vm6"
vm_pings 'the VM pings a container' "$(ip_in c2 0)"

# --- DEL ---

kill $server
wait $server || true
succeeds 'DEL of what is damaged' at del c1
fails 'its address is free' holds "$address"
fails 'and its port' from_host 8080
succeeds 'DEL again' at del c1
succeeds 'ADD again' at add c1
succeeds 'which is reached' ping_from c2 "$(ip_in c1 0)"

# --- who takes over from whom ---

weft() {
	"$cni_bin/weft" --cache-dir /var/lib/cni/results "$@"
}

succeeds 'weft CHECKs what libcni added' \
	weft check net1 /run/netns/c2 --id c2
succeeds 'weft DELs it' weft del net1 /run/netns/c2 --id c2
succeeds 'weft ADDs' weft add net1 /run/netns/c2 --id c2
succeeds 'libcni CHECKs what weft added' at check c2
succeeds 'libcni DELs it' at del c2

# --- the type changes under what is attached, and back ---

list=/etc/cni/net.d/net1.conflist
both=$engine_dir/both
mkdir "$both"
ln -s "$cni_bin"/* "$reference"/{bridge,host-local,portmap} "$both"
ours=$(cat $list)
theirs=$(jq '.plugins |= map(.type |= {"bridge-vm": "bridge",
	"portmap-nft": "portmap"}[.] | if .ipam then
	.ipam.type = "host-local" | .ipMasqBackend = "nftables" else
	.backend = "nftables" end)' <<<"$ours")
CNI_PATH=$both
echo "$theirs" >$list
export CAP_ARGS='{"portMappings": [
	{"hostPort": 8090, "containerPort": 80, "protocol": "tcp"}]}'
succeeds 'the reference ADDs' at add c2
address=$(ip_in c2 0)
succeeds 'and another' at add c3
unset CAP_ARGS
echo "$ours" >$list
succeeds 'we CHECK it by libcni' at check c2
succeeds 'and by weft' weft check net1 --id c2
succeeds 'a container of ours reaches it' ping_from c1 "$address"
succeeds 'we DEL it by libcni' at del c2
fails 'its address is free' holds "$address"
same '' "$(nft list ruleset | grep 'id: c2\|comment "c2"' || true)" \
	'and its rules are gone'
succeeds 'we DEL the other by weft' weft del net1 --id c3
same '' "$(nft list ruleset | grep 'id: c3\|comment "c3"' || true)" \
	'and its rules are gone'
succeeds 'weft ADDs' weft add net1 /run/netns/c2 --id c2
address=$(ip_in c2 0)
echo "$theirs" >$list
succeeds 'the reference CHECKs that by libcni' at check c2
# Some versions of iptables make its first DEL fail, when all is done.
at del c2 2>/dev/null || succeeds 'the reference DELs it by libcni' at del c2
fails 'its address is free' holds "$address"
echo "$ours" >$list
CNI_PATH=$cni_bin
for table in 'inet cni_plugins_masquerade' 'ip cni_hostport' 'ip6 cni_hostport' \
	'ip nat' 'ip6 nat' 'bridge nat'; do
	# shellcheck disable=SC2086 # two words
	nft delete table $table 2>/dev/null || true
done

# --- the namespace goes away first; then no DEL comes at all ---

succeeds 'ADD' at add c3
address=$(ip_in c3 0)
ip netns del c3
succeeds 'DEL when the namespace is gone' at del c3
fails 'its address is free' holds "$address"
ns_new c3
succeeds 'ADD' at add c3
address=$(ip_in c3 0)
link=$(at cached c3 | jq -r '.interfaces[1].name')
ip netns del c3
# The kernel takes a moment, and until then the guest lives.
engine_wait 5 test ! -e "/sys/class/net/$link"
# libcni's own record went with the disk, say.
rm /var/lib/cni/results/net1-c3-eth0
succeeds 'GC' libcni gc net1 c1
fails 'what is on no list is gone' holds "$address"
succeeds 'what is valid is not' at check c1
succeeds 'nor is a VM that libcni knows nothing of' ping_from c1 "$vm4"
succeeds 'which keeps its address' holds "$vm4"

# --- and nothing is left ---

engine_vm_end
ns_new c3
succeeds 'GC without any that is valid' libcni gc net1
same '' "$(leases)" 'no address is held'
same '[]' "$("$cni_bin/weft" ls --json | jq -c .)" 'no device is left'
succeeds 'weft network rm net1' "$cni_bin/weft" network rm net1
engine_kept
same "$before" "$(world)" 'nothing is left'
same '' "$(processes)" 'no process is left'
