#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# examples/macvtap: a VMM in a container of runc opens the macvtap of the
# container's namespace if the hook has seen the configuration, and does not
# without, whatever is mounted: the device cgroup's part, under cgroup v2.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
self=$(realpath "$0")

if [ "${1-}" != inside ]; then
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
	status=0
	# shellcheck disable=SC2016 # expanded in there
	"${self%/*}/../lib/kernel-vm.sh" 6.1 "$out" bash -c '
		modprobe -a veth macvtap
		exec "$0" inside' "$self" || status=$?
	# 125: there was no VM, which must not look like a run without tests.
	[ $status != 125 ] || nok "a VM" "it did not start"
	exit $status
fi

test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/container.sh
. "$(dirname "$0")/../lib/container.sh"
hook=$cni_root/examples/macvtap/oci-hook.sh

ns_new pod
ns_new other
ip link add p0 type veth peer name p1
ip link set p0 up
ip link set p1 up
root=$guest_dir/container-root
guest_root "$root"
"${CC:-cc}" -static -D_GNU_SOURCE -o "$root/bin/tap_open" \
	"$cni_root/tests/lib/tap_open.c"

config='{"cniVersion":"1.1.0","name":"net1","type":"macvlan-vm",
	"master":"p0","attach":"macvtap","macvtap":{"owner":107,"mode":"0600"}}'
# The next one's ifindex is another namespace's, too, whose the kernel's node is.
add vm pod "$config"
index=$(link eth0 pod | jq .ifindex)
cni DEL vm pod "$config"
ip -n other link add p9 type veth peer name p8
ip -n other link add link p9 name mvt8 index "$index" type macvtap
add vm pod "$config"
worked "ADD"
node=$(jq -r '.interfaces[0].socketPath' <<<"$out")
mac=$(jq -r '.interfaces[0].mac' <<<"$out")
ip link add link p0 name mvt9 netns pod type macvtap
same "$index" "$(link eth0 pod | jq .ifindex)" "two have its ifindex"
fails "/dev/tap$index is the other's" test \
	"$(stat -c %Hr:%Lr "/dev/tap$index")" = "$(stat -c %Hr:%Lr "$node")"

# container COMMAND [RUNC-ARGUMENT...]: run it as user 107 of a container in that
# namespace, whose configuration has passed through $filter.
container() {
	local bundle=$guest_dir/bundle

	rm -rf "$bundle"
	mkdir "$bundle"
	container_config one /run/netns/pod | jq --arg command "$1" '
		.process.args = ["sh", "-c", $command] |
		.process.user = {uid: 107, gid: 107} |
		.linux.cgroupsPath = "/weft-test" |
		.linux.resources.devices = [{allow: false, access: "rwm"}]' |
		$filter >"$bundle/config.json"
	runc --root "$guest_dir/runc" run "${@:2}" --bundle "$bundle" one
}

filter=$hook
succeeds "with the hook, the VMM opens /dev/tap$index" \
	container "tap_open /dev/tap$index 1"
same "eth0 $mac" "$output" "which is the macvtap of its namespace"
succeeds "it has that device and no more" container 'ls /dev | grep tap'
same "tap$index" "$output" "not one that is not weft's"
succeeds "owner and permissions are the network's" \
	container "stat -c '%u %g %a' /dev/tap$index"
same "107 0 600" "$output" "as configured"

# mounted: the node, as an engine's volume.
mounted() {
	jq --arg node "$node" '.mounts += [{type: "bind", source: $node,
		destination: $node, options: ["bind", "rw"]}]'
}
filter=mounted
succeeds "without the hook, a node can be mounted" container "ls $node"
fails "but not be opened" container "tap_open $node 1"
same "$node: Operation not permitted" "$output" "for the device cgroup"
exec 3<>"$node"
succeeds "a descriptor that was opened outside works" \
	container 'head -c 70 /dev/zero >&3' --preserve-fds 1
exec 3>&-
succeeds "with-fds.sh opens as many as are asked for" \
	"$cni_root/examples/macvtap/with-fds.sh" "$node" 2 echo fds=%FDS%
succeeds "and says which" grep -qxE 'fds=[0-9]+:[0-9]+' <<<"$output"

filter=$hook
ip netns add plain
same '{"linux":{"namespaces":[{"type":"network","path":"/run/netns/plain"}]}}' \
	"$("$hook" <<<'{"linux":{"namespaces":[{"type":"network",
		"path":"/run/netns/plain"}]}}' | jq -c)" \
	"the hook leaves others' containers alone"
same '{"a":1}' "$("$hook" <<<'{"a":1}' | jq -c)" \
	"and those without a network namespace"
del vm pod "$config"
worked "DEL"
