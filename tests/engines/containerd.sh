#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# containerd 1.6: pods by CRI, and `ctr run --cni`.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
# shellcheck source=tests/lib/cache.sh
. "$(dirname "$0")/../lib/cache.sh"
cache_kernel cloud >/dev/null
test_main "$@"
# shellcheck source=tests/lib/containerd.sh
. "$(dirname "$0")/../lib/containerd.sh"

engine_is containerd containerd "$(containerd --version | awk '{ print $3 }')"
engine_host
engine_outside
containerd_config
conf '{ cniVersion: "1.0.0", name, plugins: [
	{ type, bridge, isDefaultGateway: true, ipMasq: true,
	  perAttachment: ["attach"], ipam },
	{ type: "portmap-nft", capabilities: { portMappings: true } } ] }' \
	>/etc/cni/net.d/net1.conflist
containerd_up 'containerd starts'
succeeds 'an image is imported' containerd_image k8s.io
containerd_image default >/dev/null

# Without what containerd itself keeps.
world() {
	state outside vm1 | grep -v -e ' /run/containerd' -e "$containerd_dir"
}
before=$(world)

# field ID JQ: what the runtime says of it.
field() {
	cri show "$1" | jq -r "$2"
}

holds() {
	leases | grep -qxF "$1"
}

only_vm() {
	same "$(printf '%s\n' "$vm4" "$vm6" | sort)" "$(leases)" \
		"the VM alone is left, after $1"
}

# --- pods ---

is 'the network is ready' "$(cri status | jq -Rs .)" \
	'contains("NetworkReady true")'
succeeds 'a pod with a hostPort' cri run p1 8080:80
p1=$output
ip1=$(field "$p1" '.ips[0]')
succeeds 'its forward is reached from outside' \
	engine_wait 5 from_outside 8080
succeeds 'and from the host' from_host 8080
same 2 "$(field "$p1" '.ips | length')" 'the pod has addresses of both families'
succeeds 'a container in the pod' cri start "$p1" c1 localhost/guest:1 \
	/bin/sleep 1000
c1=$output
succeeds 'a second pod' cri run p2
p2=$output
succeeds 'pods ping each other' \
	cri exec "$c1" ping -qc1 -W3 "$(field "$p2" '.ips[0]')"
succeeds 'they ping each other by IPv6' \
	cri exec "$c1" ping -qc1 -W3 "$(field "$p2" '.ips[1]')"
now=$(world)
fails 'a port that is taken is refused' cri run p3 8080:80
is 'CRI says whose it is' "$(jq -Rs . <<<"$output")" "contains(\"$p1\")"
same "$now" "$(world)" 'and nothing of it is left'

# --- a VM ---

engine_vm net1
succeeds 'a pod pings the VM' cri exec "$c1" ping -qc1 -W3 "$vm4"
succeeds 'a pod pings the VM by IPv6' cri exec "$c1" ping -qc1 -W3 "$vm6"
vm_pings 'the VM pings a pod' "$ip1"

# --- containerd restarts, pods do not ---

containerd_down
fails 'containerd is down' ctrd version
succeeds 'a pod is reached while containerd is down' from_outside 8080
containerd_up 'containerd starts again'
same "ready $ip1" "$(field "$p1" '"\(.state) \(.ips[0])"')" \
	'it knows the pod and its address'
succeeds 'the VM is still reached from the pod' \
	cri exec "$c1" ping -qc1 -W3 "$vm4"
succeeds 'the pod is stopped' cri stop "$p1"
fails 'then its address is free' holds "$ip1"
fails 'and its port' from_host 8080
succeeds 'stopping twice' cri stop "$p1"
succeeds 'and removed' cri remove "$p1"

# --- DEL when the namespace is gone ---

succeeds 'another pod with that port' cri run p4 8080:80
p4=$output
ip4=$(field "$p4" '.ips[0]')
succeeds 'it is reached' engine_wait 5 from_outside 8080
netns=$(field "$p4" .netns)
kill -KILL "$(field "$p4" .pid)"
umount "$netns"
rm "$netns"
succeeds 'stop of a pod whose namespace is gone' cri stop "$p4"
fails 'its address is free' holds "$ip4"
fails 'and so is its port' from_host 8080
succeeds 'it is removed' cri remove "$p4"
succeeds 'the other one is stopped' cri stop "$p2"
succeeds 'and removed' cri remove "$p2"
only_vm 'the pods'

# --- ctr run --cni ---

# ctr_run ARGUMENT...
ctr_run() {
	ctrd run --runc-binary "$engine_runc" --cni "$@"
}

ctr_ip() {
	ctrd task exec --exec-id "x$RANDOM" "$1" ip -o -4 addr show eth0 |
		sed -E 's/.* inet ([0-9.]+).*/\1/'
}

succeeds 'ctr run --cni' ctr_run -d localhost/guest:1 c1
succeeds 'it pings the VM' ctrd task exec --exec-id ping c1 \
	ping -qc1 -W3 "$vm4"
address=$(ctr_ip c1)
succeeds 'it holds its address' holds "$address"
ctrd task kill -s KILL c1
succeeds 'task rm' engine_wait 10 ctrd task rm c1
succeeds 'container rm' ctrd container rm c1
succeeds 'ctr sends no DEL: the address is still held' holds "$address"
succeeds 'weft gc finds it' \
	"$cni_bin/weft" --cache-dir /var/lib/cni/results gc net1
only_vm 'ctr without DEL'
succeeds 'ctr run --rm --cni: DEL after the namespace is gone' \
	ctr_run --rm localhost/guest:1 c2 \
	/bin/ping -qc1 -W3 "$vm4"
only_vm 'ctr --rm'

# --- and nothing is left ---

engine_vm_end
same '' "$(leases)" 'no address is held'
same '[]' "$("$cni_bin/weft" ls --json | jq -c .)" 'no device is left'
succeeds 'weft network rm net1' "$cni_bin/weft" network rm net1
engine_kept
same "$before" "$(world)" 'nothing is left'
containerd_down
engine_wait 5 test -z "$(processes)" || true
same '' "$(processes)" 'no process is left'
