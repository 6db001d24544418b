#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft-qemu-helper, for a user without privileges; tests/vms/weft_run.sh has the
# real QEMU.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/qemu_helper.sh
. "$(dirname "$0")/../lib/qemu_helper.sh"

helper_install
recv=$TMPDIR/user/fd_recv
weft=$cni_bin/weft
"${CC:-cc}" -D_GNU_SOURCE -o "$recv" "$cni_root/tests/lib/fd_recv.c"
list() {
	conf '{cniVersion, name, plugins: [del(.cniVersion, .name) |
		'"$1"']}' >/etc/cni/net.d/net1.conflist
}
acl() {
	printf '%s\n' "$@" >/etc/weft/qemu-helper.conf
}
list '.perAttachment = ["attach"]'
acl 'allow net1 user:1000'

# asks USER BR: leaves $status, and $output.
asks() {
	status=0
	output=$(helper_user "$1" "$recv" "$helper" "$2" 2>&1 </dev/null) ||
		status=$?
}
refuses() {
	asks "${3-1000}" "${4-net1}"
	if [ "$status" = 1 ] && [[ $output = *"$2"* ]]; then
		ok "$1"
	else
		note "$status: $output"
		nok "$1"
	fi
	same "$before" "$(now)" "and nothing is made"
}
now() {
	state | grep -v -e /run/weft -e /var/lib/cni/weft -e 'ip_forward'
}
left() {
	ip -o link show type tun
	find /run/weft/run /var/lib/cni/weft -mindepth 1 2>/dev/null || true
	leases
}
holds() {
	coproc holder { helper_user 1000 "$recv" "$helper" "$1" 2>"$TMPDIR/told"; }
	read -r -u "${holder[0]}" tap flags
}
release() {
	eval "exec ${holder[1]}>&-"
	# shellcheck disable=SC2154 # of coproc
	wait "$holder_PID" 2>/dev/null || true
}

asks 1000 net1
same 0 "$status" "a user may join"
"$weft" gc --orphans --yes --min-age 0 >/dev/null
before=$(now)

holds net1:vm1
same "tap vnet_hdr 1000" "${tap:0:3} $flags $(helper_user 1000 id -u)" \
	"gets a tap with virtio-net headers"
is "it is on the bridge, with carrier" "$("$weft" ls --json)" 'length == 1 and
	(.[0] | .device == "'"$tap"'" and .containerID == "qemu-1000-vm1" and
	.carrier and .kind == "tap" and (.addresses | length) == 2)'
is "is told MAC and addresses" "$(jq -Rs . "$TMPDIR/told")" \
	'test("qemu-1000-vm1: mac='"$("$weft" ls --json | jq -r '.[0].mac')"' ip=10.1.0")'
same "$(sed 's/.*mac=//; s/ .*//' "$TMPDIR/told")" \
	"$(helper_user 1000 "$helper" --mac --br=net1:vm1)" \
	"which MAC it would be it could ask before"
fails "only with a name" helper_user 1000 "$helper" --mac --br=net1
same "root" "$(stat -c %U "$cni_leases"/net1/10.1.0.* /var/lib/cni/weft/* |
	sort -u)" "leases and cache are root's"
is "it is held by the VMM" "$("$weft" gc --orphans --min-age 0 --json)" \
	'map(.heldBy) == ["VMM"]'
"$weft" gc net1
asks 1000 net1:vm1
same 1 "$status" "a second VM of that name is refused"
is "while the first lives" "$(jq -Rs . <<<"$output")" 'test("a VMM lives on")'
asks 1001 net1:vm1
same 1 "$status" "another user may not"
release
same "" "$(ip -o link show type tun)" "the tap ends with its last descriptor"
is "the lease is nobody's then" "$("$weft" gc --orphans --min-age 0 --json)" \
	'length == 1 and .[0].heldBy == null'
is "after a while" "$("$weft" gc --orphans --json)" '.[0].heldBy == "age"'
mac=$(sed 's/.*mac=//; s/ .*//' "$TMPDIR/told")
holds net1:vm1
same "$mac" "$(sed 's/.*mac=//; s/ .*//' "$TMPDIR/told")" \
	"the next VM of that name has its MAC, and needs no clean-up"
release
"$weft" gc --orphans --yes --min-age 0 >/dev/null
same "$before" "$(now)" "gc --orphans ends it"
same "" "$(left)" "all of it"

# --- who may not ---

acl 'allow net1 user:1001' 'allow net1 group:1002' 'allow net2'
refuses "a user who is not on the list" 'network "net1" is not for you'
asks 1002 net1
same 0 "$status" "a group that is"
"$weft" gc --orphans --yes --min-age 0 >/dev/null
refuses "a network that there is not" net2 1000 net2
acl 'allow net1' 'allow everything to everybody'
refuses "a list that is not understood" 'line 2'
acl 'allow all'
chmod 666 /etc/weft/qemu-helper.conf
refuses "a list that others can write to" 'only root can write'
chmod 644 /etc/weft/qemu-helper.conf
chown 1000 /etc/weft/qemu-helper.conf
refuses "a list of another's" 'only root can write'
rm /etc/weft/qemu-helper.conf
refuses "no list" 'No such file'
acl 'allow all'
mv /etc/weft/qemu-helper.conf /etc/weft/other
ln -s other /etc/weft/qemu-helper.conf
refuses "a list that is a link" qemu-helper.conf
mv /etc/weft/other /etc/weft/qemu-helper.conf
refuses "a network's name that is a path" 'no network' 1000 ../net1
refuses "a VM's name that is one" "no VM's name" 1000 net1:../x
refuses "an empty one" "no VM's name" 1000 net1:
long=$(printf 'x%.0s' {1..65})
refuses "a long one" "no VM's name" 1000 "net1:$long"
list .
refuses "a network of containers" 'attaches a container'
list '.attach = "tap"'
setcap -r "$helper"
refuses "without file capabilities" 'become root'
helper_caps
status=0
output=$(helper_user 1000 "$helper" --br=net1 --fd=3 2>&1 3</dev/null) ||
	status=$?
same "1 weft-qemu-helper: --fd: not a Unix socket's descriptor" \
	"$status $output" "what is no socket"
for args in '' '--br=net1' '--fd=3' '--br=net1 --fd=1' '--br=net1 --fd=3 x' \
	'--fd=3 --br=net1 --more'; do
	# shellcheck disable=SC2086
	fails "arguments '$args'" helper_user 1000 "$helper" $args
done
same "$before" "$(now)" "nothing is made"

# --- what the user has set does not matter ---

mkdir "$TMPDIR/user/net.d" "$TMPDIR/user/bin"
jq '.plugins[0].bridge = "evil"' /etc/cni/net.d/net1.conflist \
	>"$TMPDIR/user/net.d/net1.conflist"
printf '#!/bin/sh\ntouch %s\n' "$TMPDIR/user/ran" >"$TMPDIR/user/bin/bridge-vm"
chmod +x "$TMPDIR/user/bin/bridge-vm"
chown -R 1000 "$TMPDIR/user"
export NETCONFPATH=$TMPDIR/user/net.d CNI_PATH=$TMPDIR/user/bin
export CNI_ARGS='IP=10.1.0.99' CAP_ARGS='{"mac": "02:00:00:00:00:99"}'
export PATH=$TMPDIR/user/bin:$PATH WEFT_LOG=$TMPDIR/user/log
cd "$TMPDIR/user/bin"
holds net1:vm1
cd /
unset NETCONFPATH CNI_PATH CNI_ARGS CAP_ARGS WEFT_LOG
same "" "$(ls "$TMPDIR/user/ran" "$TMPDIR/user/log" 2>/dev/null || true)" \
	"none of the user's programs or files"
is "nor addresses" "$("$weft" ls --json)" '.[0] | (.addresses |
	all(contains("10.1.0.99") | not)) and .mac != "02:00:00:00:00:99"'
fails "nor configuration" ip link show evil
release
"$weft" gc --orphans --yes --min-age 0 >/dev/null
same "" "$(left)" "nothing is left"

# --- killed ---

# QEMU is gone when the tap comes: nobody takes it.
cat >"$TMPDIR/user/deaf.c" <<'EOF'
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	char fd[32];
	int sv[2];

	(void)argc;
	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	close(sv[0]);
	snprintf(fd, sizeof(fd), "--fd=%d", sv[1]);
	execl(argv[1], argv[1], "--br=net1", fd, (char *)NULL);
	return 2;
}
EOF
"${CC:-cc}" -o "$TMPDIR/user/deaf" "$TMPDIR/user/deaf.c"
fails "a QEMU that is gone" helper_user 1000 "$TMPDIR/user/deaf" "$helper"
same "" "$(left)" "all is undone"
