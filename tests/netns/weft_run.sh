#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft run: with VMMs that only say what they were given.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/cache.sh
. "$(dirname "$0")/../lib/cache.sh"

weft=$cni_bin/weft
export NETCONFPATH=$TMPDIR/net.d CNI_PATH=$cni_bin:$TMPDIR/plugins
export OUT=$TMPDIR/out
mkdir "$NETCONFPATH" "$TMPDIR/plugins"
network() {
	conf '{cniVersion, name: "'"$1"'", plugins: [del(.cniVersion, .name) |
		.bridge = "'"$1"'" | .isGateway = true |
		.ipam.ranges = [[{subnet: "10.'"${1#net}"'.0.0/24"}],
			[{subnet: "fd00:'"${1#net}"'::/64"}]] |
		'"${2:-.}"']}' >"$NETCONFPATH/$1.conflist"
}
network net1 '.attach = "tap"'
network net2 '.perAttachment = ["attach"] | .tap.queues = 3'
network net3 .
network net4 '.attach = "tap" | .bridge = "no/bridge"'
ns_new c1
ns_new guest

# A VMM: writes to $OUT how it was called and what it has open, then does
# what its first argument says.
vmm=$TMPDIR/vmm
cat >"$vmm" <<'EOF'
#!/bin/bash
do=$1
shift
{
	printf 'word %s\n' "$@"
	for fd in /proc/$$/fd/*; do
		tap=$(sed -n 's/^iff:\t*//p' "/proc/$$/fdinfo/${fd##*/}" \
			2>/dev/null)
		[ -z "$tap" ] || echo "tap ${fd##*/} $tap"
		[ "$(readlink "$fd")" != /dev/vhost-net ] ||
			echo "vhost ${fd##*/}"
	done
	grep -l '^iff:' /proc/$PPID/fdinfo/* | sed 's/^/parent has /'
	echo "ignored $(sed -n 's/^SigIgn:\t//p' /proc/$$/status)"
	echo "pid $$"
} >"$OUT.new" 2>/dev/null
for s in HUP INT QUIT TERM USR1 USR2 WINCH CONT; do
	# shellcheck disable=SC2064
	[ "$do" != signals ] || trap "echo $s >>$OUT.signals" $s
done
[ "$do" != stubborn ] || trap '' TERM
mv "$OUT.new" "$OUT"
case $do in
exit) exit "${CODE-0}" ;;
die) kill -KILL $$ ;;
hold) exec sleep 30 ;;
signals | stubborn)
	for ((i = 0; i < 300; i++)); do
		[ ! -e "$OUT.end" ] || exit 3
		sleep 0.1
	done
	;;
esac
EOF
chmod +x "$vmm"

runs() {
	rm -f "$OUT"*
	status=0
	"$weft" run "$@" >"$TMPDIR/stdout" 2>"$TMPDIR/stderr" || status=$?
}
# starts ARGUMENT...: in the background, until the VMM is there.
starts() {
	rm -f "$OUT"*
	# What a shell starts in the background has these ignored.
	env --default-signal=INT,QUIT "$weft" run "$@" \
		>"$TMPDIR/stdout" 2>"$TMPDIR/stderr" &
	run=$!
	until_true 100 [ -e "$OUT" ]
}
until_true() {
	local tries=$1

	shift
	until "$@" || [ $((tries -= 1)) = 0 ]; do sleep 0.1; done
}
ends() {
	status=0
	wait "$run" || status=$?
}
word() {
	sed -n 's/^word //p' "$OUT" | sed -n "$1p"
}
said() {
	output=$(cat "$TMPDIR/stderr")
	if [[ $output = *"$2"* ]]; then
		ok "$1"
	else
		note "$output"
		nok "$1" "it does not say '$2'"
	fi
}
# What is left of it, but the bridges.
left() {
	leases net1
	leases net2
	ip -o link show type tun
	ip -o link show type veth
	find /run/weft/run /var/lib/cni/weft -mindepth 1 2>/dev/null || true
	grep -s /run/weft /proc/self/mounts || true
}

# --- as it should be ---

"$weft" run net1 net2 --id warm -- true
before=$(state)
starts --id vm1 net1 net2 -- "$vmm" hold %FDS% fds=%FDS1% %TAP% %TAP1% \
	%MAC0% %MAC1% %IP% %IP1% %GATEWAY% %MTU% %QUEUES1% \
	a=%FDLIST1%,b=%NETNS% 100% %FD% %fds% %%TAP%%
pid=$(sed -n 's/^pid //p' "$OUT")
tap0=$(word 3) tap1=$(word 4)
same "$(sed -n "s/^tap \([0-9]*\) $tap0\$/\1/p" "$OUT")" "$(word 1)" \
	"the first network's tap is open under the number that it is told"
same "fds=$(sed -n "s/^tap \([0-9]*\) $tap1\$/\1/p" "$OUT" | paste -sd:)" \
	"$(word 2)" "the second's three queues likewise"
same 3 "$(grep -c "^tap .* $tap1\$" "$OUT")" "as many as the network's tap has"
same "" "$(grep 'parent has' "$OUT" || true)" "weft itself keeps none open"
ls=$("$weft" ls --json)
same "$(jq -r '.[].mac' <<<"$ls")" "$(word 5; word 6)" \
	"the MACs are those of the attachments"
same "$(jq -r '.[].addresses | join(",")' <<<"$ls")" "$(word 7; word 8)" \
	"and so are the addresses"
is "attached as eth0 and eth1 of one VM, with carrier" "$ls" \
	'map(.ifname) == ["eth0", "eth1"] and all(.[]; .kind == "tap" and
	.containerID == "vm1" and .carrier)'
same "10.1.0.1,fd00:1::1 1500 3" "$(word 9) $(word 10) $(word 11)" \
	"gateways, MTU, number of queues"
same "a=$(word 2 | sed 's/fds=//; s/:/,/g'),b=/run/weft/run/vm1/netns" \
	"$(word 12)" "a list with commas, and the namespace"
# shellcheck disable=SC2153 # not TAP
same "100% %FD% %fds% %$tap0%" "$(word 13) $(word 14) $(word 15) $(word 16)" \
	"what is no placeholder stays"
same 700 "$(stat -c %a /run/weft/run/vm1)" "its directory is root's"
same "lo" "$(nsenter --net=/run/weft/run/vm1/netns ip -o link |
	awk -F': ' '{ print $2 }')" "its namespace is empty"
succeeds "CHECK" "$weft" check net1 --id vm1
"$weft" gc net1
same 0 "$(kill -0 "$pid" && "$weft" ls --json net1 | jq -r \
	'.[0] | if .carrier then 0 else 1 end')" "GC leaves it alone"
runs --id vm1 net1 -- "$vmm" exit
same 125 "$status" "another one of that ID is refused"
said "in so many words" ' of "vm1" is going on'
kill -TERM "$run"
ends
same 143 "$status" "TERM reaches the VMM: the status is 128 and its number"
same "$before" "$(state)" "and all is as before"

runs net1 -- "$vmm" exit %NETNS%
same 0 "$status" "without an ID"
is "it has one of its own" "$(word 1 | jq -R .)" \
	'test("^/run/weft/run/run-[0-9a-f]{16}/netns$")'
for code in 0 1 125 200; do
	CODE=$code runs net1 --id vm1 -- "$vmm" exit
	same "$code" "$status" "the VMM's status $code is weft's"
done
runs net1 --id vm1 -- sed -n 's/^SigBlk:\t//p' /proc/self/status
same 0000000000000000 "$(cat "$TMPDIR/stdout")" "no signal is blocked"
runs net1 --id vm1 -- "$vmm" die
same 137 "$status" "killed: 128 and the signal's number"
runs net1 --id vm1 -- "$TMPDIR/nowhere"
same "127 weft: run $TMPDIR/nowhere: No such file or directory" \
	"$status $(cat "$TMPDIR/stderr")" "a VMM that there is not"
runs net1 --id vm1 -- "$NETCONFPATH/net1.conflist"
same 126 "$status" "one that is no program"
runs net1 --id vm1 -- "$vmm" exit %FDS% <&- >&-
same 0 "$status" "standard streams that are closed"
succeeds "are no place for a tap" [ "$(word 1)" -gt 2 ]
(
	trap '' HUP
	runs net1 --id vm1 -- "$vmm" exit
)
is "a signal that is ignored stays so, for the VMM" \
	"$(sed -n 's/^ignored //p' "$OUT" | jq -R .)" 'test("[13579bdf]$")'
runs net1 --id vm1 -- "$vmm" exit %TAP%
same "" "$(grep '^tap' "$OUT" || true)" \
	"who does not ask for descriptors gets none: it may open the tap by name"
succeeds "as a VMM does" "$weft" run net1 --id vm1 -- \
	"$(tap_tool)" %TAP% single
runs net2 --queues 1 --id vm1 -- "$vmm" exit %FDS%
same 1 "$(grep -c '^tap' "$OUT")" "--queues: fewer than there are"
same "$before" "$(state)" "all is as before"

# --- traffic ---

"$weft" add net1 /run/netns/c1 --id c1 >/dev/null
"${CC:-cc}" -D_GNU_SOURCE -o "$TMPDIR/pump" "$cni_root/tests/lib/vmm.c"
"$weft" run net1 --id vm1 -- "$TMPDIR/pump" %FDS% /run/netns/guest %MAC% \
	>"$OUT" 2>&1 &
run=$!
until_true 50 grep -q ready "$OUT"
until_true 50 ip -n guest link show eth0 >/dev/null 2>&1
for a in $("$weft" ls --json net1 |
	jq -r '.[] | select(.kind == "tap") | .addresses[]'); do
	ip -n guest addr add "$a" dev eth0
done
ip netns exec guest sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
ip -n guest link set eth0 up
for a in $("$weft" ls --json net1 | jq -r '.[] | select(.kind == "veth") |
	.addresses[] | sub("/.*"; "")'); do
	pings "the VM reaches a container's $a" guest "$a"
done
kill "$run"
ends
"$weft" del net1 --id c1
same "" "$(left)" "nothing is left"

# --- signals ---

starts net1 --id vm1 -- "$vmm" signals
for s in HUP INT QUIT TERM USR1 USR2 WINCH; do
	kill -$s "$run"
	until_true 50 grep -qs "^$s$" "$OUT.signals"
	same 1 "$(grep -cx $s "$OUT.signals" || true)" "SIG$s is passed on, once"
done
pid=$(sed -n 's/^pid //p' "$OUT")
stopped() {
	grep -q '^State:	T' "/proc/$pid/status" &&
		grep -q '^State:	T' "/proc/$run/status"
}
kill -TSTP "$run"
until_true 50 stopped
succeeds "SIGTSTP stops both" stopped
kill -CONT "$run"
until_true 50 grep -qs CONT "$OUT.signals"
fails "SIGCONT lets both go on" stopped
touch "$OUT.end"
ends
same 3 "$status" "and the status still is the VMM's"
same "" "$(left)" "nothing is left"

cat >"$TMPDIR/plugins/slow" <<'EOF'
#!/bin/bash
conf=$(cat)
case $CNI_COMMAND in
ADD)
	touch "$OUT.slow"
	sleep 0.5
	jq .prevResult <<<"$conf"
	;;
VERSION) echo '{"cniVersion": "1.1.0", "supportedVersions": ["1.1.0"]}' ;;
esac
EOF
chmod +x "$TMPDIR/plugins/slow"
jq '.plugins += [{type: "slow"}] | .name = "net5"' \
	"$NETCONFPATH/net1.conflist" >"$NETCONFPATH/net5.conflist"
rm -f "$OUT"*
"$weft" run net5 net2 --id vm1 -- "$vmm" exit &
run=$!
until_true 50 [ -e "$OUT.slow" ]
kill -TERM "$run"
ends
same 143 "$status" "TERM while it attaches"
succeeds "starts no VMM" [ ! -e "$OUT" ]
same "" "$(left)" "and leaves nothing"

# --- failures ---

runs net1 net2 net4 --id vm1 -- "$vmm" exit
same 125 "$status" "the third network fails"
succeeds "no VMM is started" [ ! -e "$OUT" ]
same "" "$(left)" "the others are undone"
runs net1 net3 --id vm1 -- "$vmm" exit
same 125 "$status" "a network of containers only"
said "says what to do" 'network "net3" attaches a container'
said "by name" 'list "attach" in "perAttachment"'
same "" "$(left)" "and is undone"
runs net1 nowhere --id vm1 -- "$vmm" exit
same "125 " "$status $(left)" "a network that there is not"
runs net1 --queues 2 --id vm1 -- "$vmm" exit %FDS%
said "more queues than the network gives" 'set "queues" in its configuration'
same "125 " "$status $(left)" "are refused, and undone"
runs net1 --id vm1 -- "$vmm" exit %TAP1%
said "a network that is not on the command line" '%TAP1%: networks are counted'
same "125 " "$status $(left)" "is refused, and undone"
runs net1 --id ../x -- "$vmm" exit
same 125 "$status" "an ID that is no file name"
runs net1 --id vm1
same 125 "$status" "no VMM"
runs -- "$vmm"
same 2 "$status" "no network: usage"
runs net1 --queues 0 -- "$vmm"
same 2 "$status" "no queue: usage"
"$weft" add net1 /run/netns/c1 --id vm1 >/dev/null
runs net1 --id vm1 -- "$vmm" exit
said "what was attached by add" 'is attached to network "net1" already'
is "is left alone" "$("$weft" ls --json)" 'length == 1'
succeeds "and detached by del" "$weft" del net1 --id vm1
same "" "$(left)" "nothing is left"

# --- killed ---

starts net1 net2 --id vm1 -- "$vmm" hold %FDS% %FDS1%
pid=$(sed -n 's/^pid //p' "$OUT")
kill -KILL "$run"
ends
until_true 50 [ ! -e "/proc/$pid" ]
succeeds "killed, it takes the VMM along" [ ! -e "/proc/$pid" ]
is "the attachments stay" "$("$weft" ls --json)" 'length == 2'
runs net1 --id vm1 -- "$vmm" exit %FDS%
same "0 " "$status $(left)" "the next run of that ID cleans up, and runs"

"$weft" run net1 --id vm1 -- setpriv --reuid 1000 --regid 1000 --clear-groups \
	--pdeathsig TERM sleep 30 &
run=$!
sleepers() {
	pgrep -P "$run" -x sleep
}
until_true 50 sleepers >/dev/null
pid=$(sleepers)
kill -KILL "$run"
ends
until_true 50 [ ! -e "/proc/$pid" ]
succeeds "also one that became another user, and asked for it" \
	[ ! -e "/proc/$pid" ]
starts net1 --id vm1 -- "$vmm" stubborn %FDS%
kill -KILL "$run"
ends
runs net1 --id vm1 -- "$vmm" exit
said "while a VMM lives on, the next one is refused" "a VMM lives on"
is "its tap is left alone" "$("$weft" ls --json)" 'length == 1 and .[0].carrier'
touch "$OUT.end"
until_true 50 [ "$("$weft" ls --json | jq '.[0].carrier')" = false ]
runs net1 --id vm1 -- "$vmm" exit
same "0 " "$status $(left)" "and then no more"

# --- other devices ---

# The reference's tap is in the VM's namespace.
if reference=$(cache_reference_plugins); then
	jq -n '{cniVersion: "1.0.0", name: "net6", plugins: [{type: "tap",
		multiQueue: true, owner: 0, group: 0, queues: 2}]}' \
		>"$NETCONFPATH/net6.conflist"
	CNI_PATH=$CNI_PATH:$reference runs net6 --id vm1 -- \
		"$vmm" exit %FDS% %TAP% %MAC%
	same "0 $(sed -n 's/^tap \([0-9]*\) eth0$/\1/p' "$OUT" | paste -sd:)" \
		"$status $(word 1)" "a tap in the VM's namespace is opened there"
	same 2 "$(grep -c ^tap "$OUT")" "with its queues"
	same "" "$(left)" "and nothing is left"
else
	skip "a tap in the VM's namespace" "no reference plugins"
fi

# tap-vm's is there, too, beside the interface that it is joined to.
jq '.name = "net8" | .plugins += [{type: "tap-vm", tap: {queues: 2}}]' \
	"$NETCONFPATH/net3.conflist" >"$NETCONFPATH/net8.conflist"
runs net8 --id vm1 -- "$vmm" exit %FDS% %TAP% %MAC% %IP% eth0
same 0 "$status" "tap-vm behind a container's network"
same "$(sed -n "s/^tap \([0-9]*\) $(word 2)\$/\1/p" "$OUT" | paste -sd:) 2" \
	"$(word 1) $(grep -c ^tap "$OUT")" "gives its tap's queues"
is "and the guest's MAC and addresses" "$(jq -nc '$ARGS.positional' --args \
	"$(word 3)" "$(word 4)")" '(.[0] | test("^02:")) and (.[1] |
	test("^10\\.3\\.0\\.[0-9]+/24,fd00:3::[0-9a-f]+/64$"))'
ip link del net3 2>/dev/null || true
same "" "$(left)" "and nothing is left"

# A macvtap is opened by the node that the result names.
cat >"$TMPDIR/plugins/fake-macvtap" <<'EOF'
#!/bin/bash
node=/run/tmp/mvt
case $CNI_COMMAND in
ADD)
	ip link add parent type veth
	ip link add link parent name mvt0 type macvtap mode bridge
	number=$(cat /sys/class/net/mvt0/tap*/dev)
	mknod "$node" c "${number%:*}" "${number#*:}"
	jq -nc --arg node "$node" --arg netns "$CNI_NETNS" '{
		cniVersion: "1.1.0", interfaces: [{name: "mvt0",
		mac: "02:00:00:00:00:01", socketPath: $node}]}'
	;;
DEL)
	ip link del parent 2>/dev/null
	rm -f "$node"
	;;
esac
exit 0
EOF
chmod +x "$TMPDIR/plugins/fake-macvtap"
if ip link add mvp type veth && ip link add link mvp name mv type macvtap; then
	ip link del mvp
	jq -n '{cniVersion: "1.1.0", name: "net7", plugins: [
		{type: "fake-macvtap"}]}' >"$NETCONFPATH/net7.conflist"
	# shellcheck disable=SC2016 # expanded there
	runs net7 --queues 2 --id vm1 -- sh -c \
		'for fd in $(echo $1 | tr : " "); do
		readlink /proc/self/fd/$fd; done' sh %FDS%
	same "0 /run/tmp/mvt,/run/tmp/mvt" \
		"$status $(paste -sd, "$TMPDIR/stdout")" \
		"is opened by its node, once for each queue"
	same "" "$(left)" "and nothing is left"
else
	ip link del mvp 2>/dev/null || true
	skip "a macvtap" "this kernel has none"
fi

# In a /dev of its own: once without vhost-net, once with a device of that name;
# and as this kernel has it.
mkdir "$TMPDIR/dev"
mount -t tmpfs dev "$TMPDIR/dev"
mkdir "$TMPDIR/dev/net"
mknod "$TMPDIR/dev/net/tun" c 10 200
mknod "$TMPDIR/dev/null" c 1 3
cat >"$TMPDIR/in-dev" <<'EOF'
#!/bin/bash
mount --bind "$TMPDIR/dev" /dev
exec "$@"
EOF
chmod +x "$TMPDIR/in-dev"
rm -f "$OUT"*
succeeds "without vhost-net" unshare --mount "$TMPDIR/in-dev" "$weft" run \
	net2 --id vm1 -- "$vmm" exit x,vhostfds=%VHOSTFDS%,y %FDS%
same "x,y" "$(word 1)" "its option is left out"
mknod "$TMPDIR/dev/vhost-net" c 1 3
rm -f "$OUT"*
succeeds "with vhost-net" unshare --mount "$TMPDIR/in-dev" "$weft" run \
	net2 --id vm1 -- "$vmm" exit x,vhostfds=%VHOSTFDS%,y %FDS%
same "x,vhostfds=$(sed -n 's/^vhost //p' "$OUT" | sort -n | paste -sd:),y" "$(word 1)" \
	"its descriptors are told"
same 3 "$(grep -c ^vhost "$OUT")" "as many as queues"
umount "$TMPDIR/dev"
vhost=
if [ -c /dev/vhost-net ]; then
	vhost=,vhost=on
	runs net2 --id vm1 -- "$vmm" exit %VHOSTFDS% %FDS%
	same 3 "$(grep -c ^vhost "$OUT")" "this kernel's vhost-net"
else
	skip "this kernel's vhost-net" "there is no /dev/vhost-net"
fi
same "" "$(left)" "nothing is left"

# --- --print ---

# calls NAME JQ: what --print said, run by a shell, calls a program that way.
mkdir "$TMPDIR/bin"
# shellcheck disable=SC2016 # expanded there
for program in qemu-system-x86_64 cloud-hypervisor nsenter; do
	printf '%s\n' '#!/bin/sh' 'printf "%s\n" "$0" "$@" | jq -Rnc "[inputs]"' \
		>"$TMPDIR/bin/$program"
	chmod +x "$TMPDIR/bin/$program"
done
calls() {
	is "$1" "$(PATH=$TMPDIR/bin:$PATH sh -c "$output")" "$2"
}
odd="a,b'c\$d"
network net1 '.attach = "tap" | .tap.name = "'"$odd"'"'
network net2 '.attach = "tap" | .tap.queues = 3'
"$weft" add net1 /run/netns/c1 --id vm1 >"$TMPDIR/r1"
"$weft" -i eth1 add net2 /run/netns/c1 --id vm1 >"$TMPDIR/r2"
mac=$(jq -r '.interfaces[2].mac' "$TMPDIR/r1")
mac1=$(jq -r '.interfaces[2].mac' "$TMPDIR/r2")
tap1=$(jq -r '.interfaces[1].name' "$TMPDIR/r2")
succeeds "--print qemu" "$weft" run --print qemu net1 net2 --id vm1
note "$output"
# shellcheck disable=SC2016 # no variable
calls "runs as printed, whatever the tap's name" \
	'.[1:] == ["-netdev", "tap,id=net0,ifname=a,,b'\''c$d,script=no,downscript=no'"$vhost"'",
	"-device", "virtio-net-pci,netdev=net0,mac='"$mac"',host_mtu=1500",
	"-netdev", "tap,id=net1,ifname='"$tap1"',script=no,downscript=no,queues=3'"$vhost"'",
	"-device", "virtio-net-pci,netdev=net1,mac='"$mac1"',host_mtu=1500,mq=on,vectors=8"]'
succeeds "--print cloud-hypervisor" \
	"$weft" run --print cloud-hypervisor -i eth1 net2 --id vm1
calls "runs as printed" '.[1:] == ["--net",
	"tap='"$tap1"',mac='"$mac1"',num_queues=6,mtu=1500"]'
succeeds "--print firecracker" "$weft" run --print firecracker net1 --id vm1
# shellcheck disable=SC2016 # no variable
is "is its configuration" "$output" '."network-interfaces" == [{
	iface_id: "eth0", guest_mac: "'"$mac"'", host_dev_name: "a,b'\''c$d"}]'
fails "Firecracker has one queue" "$weft" run --print firecracker -i eth1 net2 --id vm1
fails "another number of queues" "$weft" run --print qemu --queues 2 net1 --id vm1
fails "another VMM" "$weft" run --print bochs net1 --id vm1
fails "nobody in particular" "$weft" run --print qemu net1
fails "one who is not attached" "$weft" run --print qemu net1 --id vm9
is "is told apart" "$(jq -Rs . <<<"$output")" 'test("not attached .*weft add")'
"$weft" del net1 --id vm1
"$weft" -i eth1 del net2 --id vm1
if [ -n "${reference-}" ]; then
	export CNI_PATH=$CNI_PATH:$reference
	"$weft" add net6 /run/netns/c1 --id vm1 >/dev/null
	succeeds "of a tap in the VM's namespace" \
		"$weft" run --print qemu net6 --id vm1
	calls "it enters it" '.[1:3] == ["--net=/run/netns/c1", "qemu-system-x86_64"]'
	"$weft" del net6 --id vm1
fi
same "" "$(left)" "nothing is left"
