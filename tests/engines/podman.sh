#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# podman with network_backend = "cni": what it creates, with other types.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
# shellcheck source=tests/lib/cache.sh
. "$(dirname "$0")/../lib/cache.sh"
cache_kernel cloud >/dev/null
test_main "$@"
# shellcheck source=tests/lib/engine.sh
. "$(dirname "$0")/../lib/engine.sh"

engine_host
engine_outside

networks=$engine_dir/net.d
export NETCONFPATH=$networks
export CONTAINERS_CONF=$engine_dir/containers.conf
export CONTAINERS_STORAGE_CONF=$engine_dir/storage.conf
mkdir "$networks"
cat >"$CONTAINERS_CONF" <<EOF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "weft"
tmp_dir = "$engine_dir/tmp"
static_dir = "$engine_dir/static"
volume_path = "$engine_dir/volumes"
[engine.runtimes]
weft = ["$engine_runc"]
[network]
network_backend = "cni"
cni_plugin_dirs = ["$cni_bin"]
network_config_dir = "$networks"
EOF
cat >"$CONTAINERS_STORAGE_CONF" <<EOF
[storage]
driver = "vfs"
graphroot = "$engine_dir/root"
runroot = "$engine_dir/run"
EOF

engine_is podman "$(podman version -f '{{.Client.Version}}')" \
	"$(installed podman)"

# pod ARGUMENT...: no command of podman's is waited for longer than this.
pod() {
	timeout -k 5 60 podman "$@"
}

# network NAME SUBNET...: as docs/engines.md says.
network() {
	local file=$networks/$1.conflist args=()

	for subnet in "${@:2}"; do args+=(--subnet "$subnet"); done
	pod network create "${args[@]}" --ipv6 "$1" >/dev/null
	jq -f "$cni_root/examples/podman.jq" "$file" >"$TMPDIR/list"
	cp "$TMPDIR/list" "$file"
}

# run NAME ARGUMENT...: a container that serves HTTP.
run() {
	local name=$1

	shift
	pod run -d --name "$name" "$@" localhost/guest:1 /bin/httpd -f -h /www
}

pid_of() {
	pod inspect -f '{{.State.Pid}}' "$1"
}

# inside NAME IFNAME: its interface as JSON. ip_in NAME IFNAME FAMILY: an address.
inside() {
	nsenter -t "$(pid_of "$1")" -n ip -j addr show dev "$2"
}

ip_in() {
	inside "$1" "$2" | jq -r --arg family "$3" 'first(.[].addr_info[] |
		select(.family == $family and .scope == "global")).local'
}

# --- what is before ---

pod import "$engine_dir/root.tar" localhost/guest:1 2>/dev/null >/dev/null
before=$(state outside vm1)

# --- run ---

succeeds 'network create' network net1 10.77.1.0/24 fd00:77:1::/64
network net2 10.77.2.0/24 fd00:77:2::/64
succeeds 'run with --ip, --mac-address and -p' \
	run c1 --network net1 --ip 10.77.1.77 \
	--mac-address 0a:00:00:00:00:77 -p 8080:80
is 'the container has that address and that MAC' "$(inside c1 eth0)" \
	'.[0].address == "0a:00:00:00:00:77" and
	any(.[0].addr_info[]; .local == "10.77.1.77" and .prefixlen == 24)'
succeeds 'the forward is reached from outside' \
	engine_wait 5 from_outside 8080
same "::ffff:$engine_outside4" "$(from_outside 8080 | tr -d '[]')" \
	'the container sees who asks'
succeeds 'the forward is reached from the host by 127.0.0.1' from_host 8080
succeeds 'a second container' run c2 --network net1
c2=$(ip_in c2 eth0 inet)
succeeds 'containers ping each other' pod exec c2 ping -qc1 -W3 10.77.1.77
succeeds 'they ping each other by IPv6' \
	pod exec c1 ping -qc1 -W3 "$(ip_in c2 eth0 inet6)"
now=$(state outside vm1)
fails 'an address that is taken is refused' \
	run c3 --network net1 --ip 10.77.1.77
is 'podman says which' "$(jq -Rs . <<<"$output")" 'contains("10.77.1.77")'
pod rm -f -t 0 c3 >/dev/null
same "$now" "$(state outside vm1)" 'and nothing of it is left'

# --- a VM ---

engine_vm net1
succeeds 'a container pings the VM' pod exec c1 ping -qc1 -W3 "$vm4"
succeeds 'a container pings the VM by IPv6' pod exec c1 ping -qc1 -W3 "$vm6"
vm_pings 'the VM pings a container' "$c2"
succeeds 'the VM reaches a forward' guest_run vm1 \
	"timeout 8 wget -q -O - http://10.77.1.1:8080/cgi-bin/whoami"

# --- a VMM in a container: examples/macvtap ---

vmm_in_a_container() {
	local hooks=$engine_dir/hooks device number

	ip link add p0 type veth peer name p1
	ip link set p0 up
	mkdir "$hooks"
	jq --arg hook "$cni_root/examples/macvtap/oci-hook.sh" \
		'.hook.path = $hook | .hook.env = ["PATH=" + $ENV.PATH]' \
		"$cni_root/examples/macvtap/weft-macvtap.json" \
		>"$hooks/weft-macvtap.json"
	jq '.cniVersion = "1.0.0" | .plugins[0] +=
		{attach: "macvtap", master: "p0", hostAccess: false}' \
		"$cni_root/examples/macvtap/lan-vms.conflist" \
		>"$networks/lan-vms.conflist"
	succeeds 'a container on macvtap, with the hook' \
		pod --hooks-dir "$hooks" run -d --name vmm --network lan-vms \
		--annotation org.weft.macvtap=true \
		localhost/guest:1 /bin/httpd -f -h /www
	device=$(pod exec vmm sh -c 'stat -c "%t:%T %u %g %a" /dev/tap*') || true
	number=$(nsenter -t "$(pid_of vmm)" -n unshare -m \
		sh -c 'mount -t sysfs s /sys; cat /sys/class/net/eth0/tap*/dev')
	same "$(printf '%x:%x 107 107 660' "${number%:*}" "${number#*:}")" \
		"$device" 'it has the device of its own namespace'
	succeeds 'rm' pod rm -f -t 0 vmm
	succeeds 'without the annotation' run vmm --network lan-vms
	fails 'it has none' pod exec vmm sh -c 'ls /dev/tap*'
	pod rm -f -t 0 vmm >/dev/null
	same '' "$(leases lan-vms)" 'and leaves no address'
	succeeds 'weft network rm lan-vms' "$cni_bin/weft" network rm lan-vms
	rm "$networks/lan-vms.conflist"
	ip link del p0
}
vmm_in_a_container

# --- connect and disconnect ---

succeeds 'network connect' pod network connect net2 c2
eth1=$(ip_in c2 eth1 inet)
succeeds 'it holds an address there' holds "$eth1" net2
succeeds 'network disconnect' pod network disconnect net2 c2
fails 'then it has no interface there' inside c2 eth1
fails 'nor an address' holds "$eth1" net2
succeeds 'network connect with --ip' \
	pod network connect --ip 10.77.2.99 net2 c2
same 10.77.2.99 "$(ip_in c2 eth1 inet)" 'it has that address'

# --- stop, start, restart: DEL and ADD with the same identity ---

succeeds 'stop' pod stop -t 0 c1
fails 'a stopped container holds no address' holds 10.77.1.77 net1
fails 'and no port of the host' from_host 8080
succeeds 'start' pod start c1
succeeds 'its forward is back' engine_wait 5 from_outside 8080
succeeds 'the VM is reached again' pod exec c1 ping -qc1 -W3 "$vm4"

# --- when the namespace is gone, podman sends no DEL ---

# lose NAME: as after a crash: nobody is left to clean up, and no namespace.
lose() {
	local conmon pid netns

	conmon=$(pod inspect -f '{{.State.ConmonPid}}' "$1")
	pid=$(pid_of "$1")
	netns=$(pod inspect -f '{{.NetworkSettings.SandboxKey}}' "$1")
	kill -KILL "$conmon"
	kill -KILL "$pid"
	engine_wait 5 gone "$pid"
	umount "$netns"
	rm "$netns"
}

lose c1
succeeds 'rm of a container whose namespace is gone' pod rm -f -t 0 c1
succeeds 'weft gc finds what podman forgot' \
	"$cni_bin/weft" --cache-dir /var/lib/cni/results gc net1
fails 'its address is free' holds 10.77.1.77 net1
fails 'and so is its port' from_host 8080
succeeds 'the other one is spared' pod exec c2 ping -qc1 -W3 "$vm4"
succeeds 'another takes both' run c1 --network net1 --ip 10.77.1.77 \
	--mac-address 0a:00:00:00:00:77 -p 8080:80
succeeds 'and is reached' engine_wait 5 from_outside 8080

# --- and nothing is left ---

engine_vm_end
succeeds 'rm of all' pod rm -f -t 0 c1 c2
same '' "$(leases net1)$(leases net2)" 'no address is held'
same '[]' "$("$cni_bin/weft" ls --json | jq -c .)" 'no device is left'
for name in net1 net2; do
	succeeds "weft network rm $name" "$cni_bin/weft" network rm $name
	succeeds "network rm $name" pod network rm $name
done
engine_kept
same "$before" "$(state outside vm1)" 'nothing is left'
engine_wait 5 test -z "$(processes)" || true
same '' "$(processes)" 'no process is left'
