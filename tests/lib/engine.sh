# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# engine.sh: real container engines in a private host, on networks of ours, and
# a VM beside their containers. Source it after test_main of netns.sh.
#
#	engine_is NAME VERSION PACKAGE-VERSION
#	engine_host                         /etc, a runtime, a root for images
#	engine_outside                      a client in the namespace "outside"
#	engine_list CNI-VERSION             the network net1 in /etc/cni/net.d
#	engine_vm NETWORK; engine_vm_end    a VM on a tap that joins, and leaves
#	engine_wait SECONDS COMMAND...      until it succeeds

# shellcheck source=tests/lib/cni.sh
. "${BASH_SOURCE%/*}/cni.sh"
# shellcheck source=tests/lib/vm.sh
. "${BASH_SOURCE%/*}/vm.sh"
# shellcheck source=tests/lib/container.sh
. "${BASH_SOURCE%/*}/container.sh"

# No engine's test waits for the trial of KVM.
# shellcheck disable=SC2034 # vm.sh reads it
vm_accel=tcg
guest_data=1000000
engine_dir=$TMPDIR/engine
engine_outside4=203.0.113.2 engine_uplink4=203.0.113.1

# engine_is NAME VERSION PACKAGE-VERSION: for whoever reads what run.sh prints.
engine_is() {
	echo "engine - $1 $2 (Debian $3)"
}

installed() {
	# shellcheck disable=SC2016 # dpkg's own variable
	dpkg-query -W -f '${Version}' "$1"
}

# /etc with what engines look for there, thrown away afterwards; a runc that
# makes no cgroups, for they would outlive us; and the root of an image. An
# engine's own --root, given later, counts.
engine_host() {
	local etc=$TMPDIR/etc layers

	mkdir -p "$engine_dir" "$etc"/{upper,work}
	layers=lowerdir=/etc,upperdir=$etc/upper,workdir=$etc/work
	mount -t overlay -o "$layers" etc /etc
	rm -rf /etc/cni/net.d
	mkdir -p /etc/cni/net.d
	container_build
	tar -C "$guest_dir/container-root" -cf "$engine_dir/root.tar" .
	engine_runc=$engine_dir/runtime.sh
	{
		echo '#!/bin/bash'
		declare -f engine_config engine_ps
		cat <<-EOF
			for word; do
				case \${before-} in
				-b | --bundle) engine_config "\$word" ;;
				esac
				before=\$word
			done
			set -- --rootless true --root "$engine_dir/runtime" "\$@"
			case "\$*" in
			*" ps --format json "*) engine_ps "\$@" ;;
			*) exec runc "\$@" ;;
			esac
		EOF
	} >"$engine_runc"
	chmod +x "$engine_runc"
	vm_build
	ns_new vm1
	# What an engine does elsewhere, it does to this machine.
	mount -o remount,bind,ro /
}

# engine_ps ... ps --format json ID: runc looks for processes in the cgroup.
engine_ps() {
	runc "${@:1:$#-4}" state "${!#}" | jq -c '[.pid]'
}

# engine_config BUNDLE: runc excuses a cgroup that it cannot make only where none
# was asked for.
engine_config() {
	local config

	config=$(jq 'del(.linux.cgroupsPath, .linux.resources)' \
		"$1/config.json") && echo "$config" >"$1/config.json"
}

engine_list() {
	conf '{ cniVersion: "'"$1"'", name, plugins: [
		{ type, bridge, isDefaultGateway: true, ipMasq: true,
		  perAttachment: ["attach"], ipam },
		{ type: "portmap-nft",
		  capabilities: { portMappings: true } } ] }' \
		>/etc/cni/net.d/net1.conflist
}

# holds ADDRESS [NETWORK]: it has a lease.
holds() {
	leases "${2:-net1}" | grep -qxF "$1"
}

engine_outside() {
	ns_new outside
	ip link add uplink type veth peer name eth0 netns outside
	ip addr add "$engine_uplink4/24" dev uplink
	ip link set uplink addrgenmode none up
	ip -n outside addr add "$engine_outside4/24" dev eth0
	ip -n outside link set eth0 addrgenmode none up
}

# from_outside PORT: what a web server behind that port of the host says. It has
# no route to the guests, so this came through the host's address.
from_outside() {
	timeout 8 ip netns exec outside busybox \
		wget -q -O - "http://$engine_uplink4:$1/cgi-bin/whoami"
}

# from_host PORT: the same from the host itself.
from_host() {
	timeout 8 busybox wget -q -O - "http://127.0.0.1:$1/cgi-bin/whoami"
}

# engine_vm NETWORK: a VM joins it, as the README says. Leaves its addresses in
# $vm4 and, if it has one, $vm6.
engine_vm() {
	local all gateways

	vm_network=$1
	result=$(CNI_ARGS=ATTACH=tap "$cni_bin/weft" add "$1" \
		/run/netns/vm1 --id vm1)
	all=$(jq -r '[.ips[].address] | join(",")' <<<"$result")
	gateways=$(jq -r '[.ips[].gateway] | join(",")' <<<"$result")
	vm4=$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")
	# shellcheck disable=SC2034 # for the test
	vm6=$(jq -r '.ips[1].address // "" | sub("/.*"; "")' <<<"$result")
	vm_start vm1 "$(port)" "$(jq -r '.interfaces[2].mac' <<<"$result")" \
		"$all" "$gateways"
	if vm_ready vm1; then
		ok "a VM boots on a tap of the engine's network ($vm4)"
	else
		note "$(vm_complaint vm1)"
		nok "a VM boots on a tap of the engine's network ($vm4)"
	fi
}

vm_pings() {
	succeeds "$1" guest_run vm1 "ping -q -c 1 -W 3 $2"
}

engine_vm_end() {
	vm_stop vm1
	CNI_ARGS=ATTACH=tap "$cni_bin/weft" del "$vm_network" \
		/run/netns/vm1 --id vm1
}

# engine_wait SECONDS COMMAND...
engine_wait() {
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# gone PID...: they have ended.
gone() {
	! kill -0 "$@" 2>/dev/null
}

# Everything but this script, its shells and what is asked here.
processes() {
	ps -e -o comm=,args= | awk '$1 !~ /^(bash|ps|awk)$/'
}

# What other networks may count on by now stays on any CNI host, and so do empty
# directories. Not here, for states to be compared.
engine_kept() {
	sysctl_set net/ipv4/ip_forward 0
	sysctl_set net/ipv6/conf/all/forwarding 0
	find /var/lib/cni -mindepth 1 -depth -type d -empty -delete
}
