# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# pods.sh: what pods have to go through with any containerd, after
# containerd_config and engine_outside, in this order:
#
#	pods_begin CNI-VERSION; pods_run; pods_vm; pods_restart; pods_lost
#	pods_end

# shellcheck source=tests/lib/containerd.sh
. "${BASH_SOURCE%/*}/containerd.sh"

# What a command said, of netns.sh.
output=

# field ID JQ: what the runtime says of it.
field() {
	cri show "$1" | jq -r "$2"
}

only_vm() {
	same "$(printf '%s\n' "$vm4" "$vm6" | sort)" "$(leases)" \
		"the VM alone is left, after $1"
}

# The host and its guests, without what containerd itself keeps.
world() {
	state outside vm1 | grep -v -e ' /run/containerd' -e "$containerd_dir"
}

pods_begin() {
	engine_list "$1"
	containerd_up 'containerd starts'
	succeeds 'an image is imported' containerd_image k8s.io
	before=$(world)
	is 'the network is ready' "$(cri status | jq -Rs .)" \
		'contains("NetworkReady true")'
}

# Leaves the pods $p1, with a container $c1, and $p2.
pods_run() {
	local now

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
}

# A VM joins them.
pods_vm() {
	engine_vm net1
	succeeds 'a pod pings the VM' cri exec "$c1" ping -qc1 -W3 "$vm4"
	succeeds 'a pod pings the VM by IPv6' cri exec "$c1" ping -qc1 -W3 "$vm6"
	vm_pings 'the VM pings a pod' "$ip1"
}

# containerd restarts, pods do not.
pods_restart() {
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
}

# DEL when the namespace is gone.
pods_lost() {
	local p4 ip4 netns

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
}

# And nothing is left.
pods_end() {
	engine_vm_end
	same '' "$(leases)" 'no address is held'
	same '[]' "$("$cni_bin/weft" ls --json | jq -c .)" 'no device is left'
	succeeds 'weft network rm net1' "$cni_bin/weft" network rm net1
	engine_kept
	same "$before" "$(world)" 'nothing is left'
	containerd_down
	engine_wait 5 test -z "$(processes)" || true
	same '' "$(processes)" 'no process is left'
}
