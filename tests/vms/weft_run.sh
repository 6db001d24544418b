#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft run and weft-qemu-helper with a real QEMU: what examples/qemu.md says, block
# by block; with two networks, and for a user without privileges, all that road.sh
# asks of a VM.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/road.sh
. "$(dirname "$0")/../lib/road.sh"
# shellcheck source=tests/lib/qemu_helper.sh
. "$(dirname "$0")/../lib/qemu_helper.sh"

page=$cni_root/examples/qemu.md
export NETCONFPATH=$TMPDIR/net.d CNI_PATH=$cni_bin
export PATH=$TMPDIR/bin:$cni_bin:$PATH
mkdir "$TMPDIR/bin" "$NETCONFPATH"
cp "$cni_root"/examples/{hybrid,backend}.conflist "$NETCONFPATH"
ns_new c1
vm_build

# block N: the page's Nth block of code.
block() {
	awk -v n="$1" '/^    / { if (!inside) at++; inside = 1
		if (at == n) print substr($0, 5); next }
		/./ { inside = 0 }' "$page"
}

# The QEMU that a block starts boots our guest as well. What vm_launch would
# start, it becomes.
qemu=$(command -v qemu-system-x86_64)
cat >"$TMPDIR/bin/qemu-system-x86_64" <<'EOF'
#!/bin/bash
mapfile -d '' -t more <"$TMPDIR/arguments"
exec "$QEMU" "${more[@]}" "$@"
EOF
chmod +x "$TMPDIR/bin/qemu-system-x86_64"
cat >"$TMPDIR/bin/run-block" <<'EOF'
#!/bin/bash
script=$1
shift 2
printf '%s\0' "$@" >"$TMPDIR/arguments"
exec bash -euo pipefail -c "$script"
EOF
chmod +x "$TMPDIR/bin/run-block"
export QEMU=$qemu

script='' networks=() arguments=() as_user=()
vm_up() {
	vm_by=("${as_user[@]}" run-block "$script")
	vm_launch vm1 "${arguments[@]}"
}

# Nobody has told the guest its addresses. eth0 is the first network's.
vm_configured() {
	local network i=0 commands='' a

	mapfile -t road_guest < <(attached "${networks[0]}" tap)
	for network in "${networks[@]}"; do
		commands+="echo 0 >/proc/sys/net/ipv6/conf/eth$i/accept_dad
			ip link set eth$i up;"
		for a in $("$cni_bin/weft" ls --json "$network" | jq -r '.[] |
			select(.kind == "tap") | .addresses[]'); do
			commands+="ip addr add $a dev eth$i;"
		done
		i=$((i + 1))
	done
	guest_run "$1" "${commands//$'\n'/;}"
}

attached() {
	"$cni_bin/weft" ls --json | jq -r --arg n "$1" \
		'.[] | select(.network == $n and .kind == "'"$2"'") |
		.addresses[] | sub("/.*"; "")'
}

ends() {
	status=0
	wait "${guest_pid[$1]}" || status=$?
	unset "guest_pid[$1]"
}

powers_off() {
	guest_run vm1 'poweroff -f' >/dev/null 2>&1 || true
	ends vm1
}

weft add hybrid /run/netns/c1 --id c1 >/dev/null
weft run backend --id warm -- true
mapfile -t peer < <(attached hybrid veth)
road_container c1 "${peer[@]}"
before=$(state c1)

# --- one network ---

script=$(block 1) networks=(hybrid)
vm_up
road_boots vm1 "the guest boots"
road_network vm1 "one network"
same "$(weft ls --json hybrid | jq -r '.[] | select(.kind == "tap") | .mac')" \
	"$(vm_says vm1 | sed 's/.* eth0 has //')" "it has the MAC of the result"
powers_off
same "0 $before" "$status $(state c1)" "it powers off: nothing is left"

# --- two networks ---

vm_kill() {
	pkill -KILL -P "${guest_pid[vm1]}" qemu
	ends vm1
	same "137 $before" "$status $(state c1)" "QEMU is killed: nothing is left"
}

road_also() {
	local address

	for address in 10.89.0.1 fd00:89::1; do
		succeeds "$1: the second network's gateway, $address" \
			guest_run vm1 "ping -c 1 -W 5 $address"
	done
	succeeds "$1: which it uses by two queues" guest_run vm1 \
		'[ -d /sys/class/net/eth1/queues/rx-1 ] && [ ! -d /sys/class/net/eth0/queues/rx-1 ]'
}

script=$(block 2) networks=(hybrid backend) arguments=(-action reboot=reset)
road_life vm1
succeeds "DEL of one network while it runs" weft del hybrid --id vm1
same "" "$(attached hybrid tap)" "takes its tap"
fails "the guest is cut off from it" \
	guest_run vm1 "ping -qc1 -W2 ${road_peer[0]}"
succeeds "the other network stays" guest_run vm1 'ping -c 1 -W 5 10.89.0.1'
powers_off
same "0 $before" "$status $(state c1)" "and nothing is left in the end"
unset -f vm_kill road_also

# --- by name ---

script=$(block 3) networks=(hybrid) arguments=()
vm_up
road_boots vm1 "by name: the guest boots"
succeeds "and reaches the container" \
	guest_run vm1 "ping -c 1 -W 5 ${road_peer[0]}"
powers_off
same "0 $before" "$status $(state c1)" "by name: nothing is left"

# --- by the helper, for a user without privileges ---

# helper_block N: with the helper where it is here.
helper_block() {
	block "$1" | sed "s|/usr/local/libexec/weft-qemu-helper|$helper|"
}

helper_install
ln -s weft /opt/cni/bin/portmap-nft
cp "$NETCONFPATH"/* /etc/cni/net.d
grep -q ^kvm: /etc/group || echo kvm:x:64055: >>/etc/group
# In the group that the page lets in.
as_user=(setpriv --reuid 1000 --regid 1000
	--groups "$(getent group kvm | cut -d: -f3)" env PATH="$PATH")
before=$(state c1)
# What it reads and writes must be the user's to read and write.
cp "$vm_kernel" "$TMPDIR/kernel"
vm_kernel=$TMPDIR/kernel
chmod 1777 "$TMPDIR"
rm -f "$TMPDIR"/{arguments,vm1.*}
bash -euo pipefail -c "$(helper_block 5)" >/dev/null 2>&1

script=$(helper_block 6) arguments=(-action reboot=reset)
umask 0
vm_kill() {
	same 1000 "$(ps -o uid= "${guest_pid[vm1]}" | tr -d ' ')" \
		"QEMU is that user's"
	guest_end vm1
	same "" "$(ip -o link show type tun)" "its tap ends with it"
	is "its lease is held by nobody" "$("$cni_bin/weft" gc --orphans \
		--min-age 0 --json hybrid)" 'any(.[]; .heldBy == null)'
}

road_life vm1
"$cni_bin/weft" gc --orphans --yes --min-age 0 >/dev/null
succeeds "gc --orphans leaves a VM that lives" \
	guest_run vm1 "ping -c 1 -W 5 ${road_peer[0]}"
succeeds "DEL while it runs" "$cni_bin/weft" del hybrid --id qemu-1000-vm1
same "" "$(ip -o link show type tun)" "takes its tap"
road_cut_off vm1
vm_stop vm1
"$cni_bin/weft" gc --orphans --yes --min-age 0 >/dev/null
same "$before" "$(state c1 | grep -v /etc/weft)" "and gc --orphans the rest"
