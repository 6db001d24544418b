#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# guard.program: somebody's own eBPF program behind the guard's, from an object file
# or pinned; guard.require.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/guard.sh
. "$(dirname "$0")/../lib/guard.sh"

own_dev
for ns in peer pod guest vm; do
	ns_new $ns
done

# compile FILE OBJECT
compile() {
	clang -target bpf -O2 -g -I"/usr/include/$(uname -m)-linux-gnu" \
		-c "$1" -o "$2"
}

object=$TMPDIR/no-mail.bpf.o
succeeds "the example is compiled" \
	compile "$cni_root/examples/no-mail.bpf.c" "$object"
ipam='.ipam.ranges = [[{subnet: "10.1.0.0/24", rangeStart: "10.1.0.5",
	rangeEnd: "10.1.0.5"}], [{subnet: "fd00:1::/64", rangeStart: "fd00:1::5",
	rangeEnd: "fd00:1::5"}]]'
guarded() {
	conf ".isGateway = true | .guard.program = \"$1\" | $ipam | ${2-.}"
}

# The peer, which listens.
ip link add br0 type bridge
ip link set br0 up
ip link add lan0 type veth peer name eth0 netns peer
ip link set lan0 master br0
ip link set lan0 up
ip -n peer link set eth0 up
ip -n peer addr add 10.1.0.9/24 dev eth0
ip -n peer addr add fd00:1::9/64 dev eth0 nodad
for port in 25 80; do
	ip netns exec peer busybox httpd -f -p "10.1.0.9:$port" -h / &
done
reaches() {
	in_guest timeout 1 bash -c "</dev/tcp/10.1.0.9/$1" 2>/dev/null
}

# Who had the address before is forgotten after a while.
until_reached() {
	local tries=10

	until reaches "$1"; do
		[ $((tries -= 1)) -gt 0 ] || return 1
	done
}

tried() {
	bpftool -j map dump pinned "$(echo /sys/fs/bpf/weft/user-*/maps/tried)" |
		jq '[.[].formatted.value] | add // 0'
}

program_ids() {
	bpftool -j prog show pinned "$(echo /sys/fs/bpf/weft/user-*/from)" |
		jq .id
}

# --- An object file. ---

add c1 pod "$(guarded "$object")"
worked "a container with a program of its owner's"
guest=pod guest_mac=$(jq -r '.interfaces[2].mac' <<<"$result")
succeeds "what that does not mean passes" until_reached 80
fails "what it drops does not" reaches 25
succeeds "its maps are where somebody looks for them" test "$(tried)" -gt 0
id=$(program_ids)
check c1 pod "$(guarded "$object")"
worked "CHECK"
tc filter del dev "$(port)" ingress pref $((0x7763))
check c1 pod "$(guarded "$object")"
refused 102 "CHECK notices when it is gone" "program" "missing"
del c1 pod "$(guarded "$object")"
worked "DEL"
same 0 "$(all_maps)" "nothing is left in the guard"

add v1 vm "$(guarded "$object" '.attach = "tap"')"
worked "a VM with it"
same "$id" "$(program_ids)" "it is loaded once"
guest_vm "$(port)" "$(jq -r '.interfaces[2].mac' <<<"$result")"
succeeds "the guest's traffic passes" until_heard 10.1.0.9
was=$(tried)
fails "what it drops does not" reaches 25
succeeds "it has counted that" test "$(tried)" -gt "$was"
was=$(tried)
fails "who poses as another" \
	with_address 10.1.0.6/24 10.1.0.5/24 reaches 25
same "$was" "$(tried)" "is not seen by it: the guard comes first"
vm_end
guest=pod
del v1 vm "$(guarded "$object" '.attach = "tap"')"
worked "DEL of the VM"

# --- Where the guest sends goes out by its port. ---

ip link add up0 type veth peer name up1
ip link set up0 up
ip link set up1 up
macvtap=$(jq -nc --arg p "$object" '{cniVersion: "1.1.0", name: "net2",
	type: "macvlan-vm", master: "up0", attach: "macvtap", guard: {program: $p}}')
add m1 vm "$macvtap"
worked "a macvtap with it"
same "weft_user_from" "$(tc -n vm filter show dev eth0 egress |
	grep -o 'weft_user_[a-z]*')" "it is on the other side there"
check m1 vm "$macvtap"
worked "CHECK of the macvtap"
del m1 vm "$macvtap"
worked "DEL of the macvtap"
ip link del up0

# --- What is pinned. ---

mkdir /sys/fs/bpf/mine
bpftool prog load "$object" /sys/fs/bpf/mine/any type classifier
add c1 pod "$(guarded /sys/fs/bpf/mine/any)"
worked "a pinned program"
same 2 "$({ tc filter show dev "$(port)" ingress
	tc filter show dev "$(port)" egress; } | grep -c 'weft_user')" \
	"sees both directions"
del c1 pod "$(guarded /sys/fs/bpf/mine/any)"
mv /sys/fs/bpf/mine/any /sys/fs/bpf/mine/to
add c1 pod "$(guarded /sys/fs/bpf/mine)"
worked "a directory of them"
same "weft_user_to" "$({ tc filter show dev "$(port)" ingress
	tc filter show dev "$(port)" egress; } | grep -o 'weft_user_[a-z]*')" \
	"has one direction"
succeeds "the guest may send mail then" until_reached 25
del c1 pod "$(guarded /sys/fs/bpf/mine)"
cp "$cni_root/examples/no-mail.bpf.c" "$TMPDIR/two.bpf.c"
sed -i 's/int from(/int one(/; /^char LICENSE/i SEC("tc") int two(struct __sk_buff *skb) { return skb->len; }' \
	"$TMPDIR/two.bpf.c"
compile "$TMPDIR/two.bpf.c" "$TMPDIR/two.bpf.o"

# --- What is refused, and leaves nothing. ---

clean=$(state pod)
refuses_add() {
	add c1 pod "$(guarded "$2" "${3-.}")"
	refused 7 "$1" "${@:4}"
	same "$clean" "$(state pod)" "$1: nothing is left"
}
refuses_add "no absolute path" no-mail.bpf.o . program "no absolute path"
refuses_add "no such file" /nonexistent.o . program /nonexistent.o
refuses_add "no object file" /etc/passwd . program bpftool
refuses_add "two programs of other names" "$TMPDIR/two.bpf.o" . '"from"'
mkdir /sys/fs/bpf/empty
refuses_add "an empty directory" /sys/fs/bpf/empty . "no eBPF program"
sed 's/return TC_ACT_SHOT;/for (;;) count(skb->len);/' \
	"$cni_root/examples/no-mail.bpf.c" >"$TMPDIR/endless.bpf.c"
compile "$TMPDIR/endless.bpf.c" "$TMPDIR/endless.bpf.o" 2>/dev/null
refuses_add "what the verifier does not take" "$TMPDIR/endless.bpf.o" . bpftool
cni STATUS '' '' "$(guarded "$TMPDIR/endless.bpf.o")"
refused 50 "STATUS says so, too" bpftool
same "" "$(find /sys/fs/bpf/weft -name 'new-*')" "what was begun is removed"
add c1 pod "$(guarded "$object" '.guard |= {require: true}')"
refused 7 "require, and nothing to require" require
lan=$(jq -nc '{cniVersion: "1.1.0", name: "net2", type: "macvlan-vm",
	master: "lan0", guard: {antispoof: true, require: true}}')
add c1 pod "$lan"
refused 7 "require, on a macvlan" require "take it off"
add c1 pod "$(guarded "$object" '.guard.require = true')"
worked "require, where the guard is out of the guest's reach"
del c1 pod "$(guarded "$object")"
worked "DEL without it"

# Without bpftool: what is loaded is there, another one is not.
mkdir "$TMPDIR/no-bpftool"
ln -s "$(command -v env)" "$TMPDIR/no-bpftool"
mount --bind /dev/null /usr/sbin/bpftool
add c1 pod "$(guarded "$object")" PATH=/nonexistent
worked "without bpftool: what is loaded already"
del c1 pod "$(guarded "$object")"
sed 's/SMTP = 25/SMTP = 587/' "$cni_root/examples/no-mail.bpf.c" \
	>"$TMPDIR/other.bpf.c"
compile "$TMPDIR/other.bpf.c" "$TMPDIR/other.bpf.o"
add c1 pod "$(guarded "$TMPDIR/other.bpf.o")" PATH=/nonexistent
refused 7 "without bpftool: another one" bpftool
umount /usr/sbin/bpftool
