#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft run with a real QEMU: what examples/qemu.md says, block by block.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/vm.sh
. "$(dirname "$0")/../lib/vm.sh"
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

# starts_block GUEST SCRIPT [QEMU-ARGUMENT...]
starts_block() {
	local guest=$1

	vm_by=(run-block "$2")
	vm_launch "$guest" "${@:3}"
	boots "$guest" "the guest boots"
}

boots() {
	if vm_ready "$1" 60; then
		ok "$2"
	else
		note "$(vm_complaint "$1")"
		nok "$2"
	fi
}

# configures GUEST NETWORK...: eth0 is the first network's.
configures() {
	local guest=$1 network i=0 commands='' a

	shift
	for network; do
		commands+="echo 0 >/proc/sys/net/ipv6/conf/eth$i/accept_dad
			ip link set eth$i up;"
		for a in $("$cni_bin/weft" ls --json "$network" | jq -r '.[] |
			select(.kind == "tap") | .addresses[]'); do
			commands+="ip addr add $a dev eth$i;"
		done
		i=$((i + 1))
	done
	guest_run "$guest" "${commands//$'\n'/;}"
}

# guest_can NAME GUEST COMMAND
guest_can() {
	succeeds "$1" guest_run "$2" "$3"
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

weft add hybrid /run/netns/c1 --id c1 >/dev/null
weft run backend --id warm -- true
guest_www "$TMPDIR/www"
ip netns exec c1 busybox httpd -h "$TMPDIR/www"
before=$(state c1)
mapfile -t c1 < <(attached hybrid veth)

reaches() {
	local address host

	for address in "${c1[@]}"; do
		host=$address
		[[ $host != *:* ]] || host="[$host]"
		guest_can "ping $address" "$1" "ping -c 1 -W 5 $address"
		guest_can "HTTP $address" "$1" \
			"wget -q -O - http://$host/cgi-bin/whoami"
	done
}

# --- one network ---

starts_block vm1 "$(block 1)"
configures vm1 hybrid
reaches vm1
same "$(weft ls --json hybrid | jq -r '.[] | select(.kind == "tap") | .mac')" \
	"$(vm_says vm1 | sed 's/.* eth0 has //')" "it has the MAC of the result"
guest_run vm1 'poweroff -f' >/dev/null 2>&1 || true
ends vm1
same "0 $before" "$status $(state c1)" "it powers off: nothing is left"

# --- two networks ---

starts_block vm1 "$(block 2)" -action reboot=reset
configures vm1 hybrid backend
reaches vm1
for address in 10.89.0.1 fd00:89::1; do
	guest_can "the second network's gateway, $address" vm1 \
		"ping -c 1 -W 5 $address"
done
guest_can "which it uses by two queues" vm1 \
	'[ -d /sys/class/net/eth1/queues/rx-1 ] && [ ! -d /sys/class/net/eth0/queues/rx-1 ]'
# Not by guest_run: what it waits for would be the next boot's first word.
echo '0 reboot -f' 1<>"$guest_dir/vm1.in"
boots vm1 "it reboots"
configures vm1 hybrid backend
reaches vm1
pkill -KILL -P "${guest_pid[vm1]}" qemu
ends vm1
same "137 $before" "$status $(state c1)" "QEMU is killed: nothing is left"

# --- by name ---

starts_block vm1 "$(block 3)"
configures vm1 hybrid
reaches vm1
guest_run vm1 'poweroff -f' >/dev/null 2>&1 || true
ends vm1
same "0 $before" "$status $(state c1)" "by name: nothing is left"

# --- by the helper, for a user without privileges ---

# helper_block N: with the helper where it is here.
helper_block() {
	block "$1" | sed "s|/usr/local/libexec/weft-qemu-helper|$helper|"
}

# as_user COMMAND...: in the group that the page lets in.
as_user() {
	setpriv --reuid 1000 --regid 1000 \
		--groups "$(getent group kvm | cut -d: -f3)" \
		env PATH="$PATH" "$@"
}

helper_install
ln -s weft /opt/cni/bin/portmap-nft
cp "$NETCONFPATH"/* /etc/cni/net.d
grep -q ^kvm: /etc/group || echo kvm:x:64055: >>/etc/group
before=$(state c1)
# What it reads and writes must be the user's to read and write.
cp "$vm_kernel" "$TMPDIR/kernel"
vm_kernel=$TMPDIR/kernel
chmod 1777 "$TMPDIR"
rm -f "$TMPDIR"/{arguments,vm1.*}
bash -euo pipefail -c "$(helper_block 5)" >/dev/null 2>&1
vm_by=(as_user run-block "$(helper_block 6)")
umask 0
vm_launch vm1
umask 022
boots vm1 "a user's guest boots"
same 1000 "$(ps -o uid= -C qemu-system-x86_64 -C qemu-system-x86 |
	sort -u | tr -d ' ')" "QEMU is that user's"
configures vm1 hybrid
reaches vm1
guest_run vm1 'poweroff -f' >/dev/null 2>&1 || true
ends vm1
same "0 " "$status $(ip -o link show type tun)" "its tap ends with it"
"$cni_bin/weft" gc --orphans --yes --min-age 0 >/dev/null
same "$before" "$(state c1 | grep -v /etc/weft)" "and its lease with gc --orphans"
