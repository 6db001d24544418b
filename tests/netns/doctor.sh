#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft doctor: every condition provoked, and on a clean host nothing.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

weft=$cni_bin/weft
export NETCONFPATH=$TMPDIR/net.d CNI_PATH=$cni_bin
mkdir "$NETCONFPATH"
cp -a /etc "$TMPDIR/etc"
mount --bind "$TMPDIR/etc" /etc
rm -rf /etc/NetworkManager /etc/systemd/network
mkdir -p /etc/NetworkManager/conf.d /etc/systemd/network

network() {
	conf '{cniVersion, name: "'"$1"'", plugins: [del(.cniVersion, .name) |
		'"${2:-.}"']}' >"$NETCONFPATH/$1.conflist"
}

# doctor: what it finds, and in $status how it ended.
doctor() {
	status=0
	found=$("$weft" doctor --json) || status=$?
}

# finds ID SEVERITY NAME [JQ]: just that, the condition holding for it.
finds() {
	doctor
	is "$3" "$found" 'length == 1 and .[0].id == "'"$1"'" and
		.[0].severity == "'"$2"'" and (.[0].why | length) > 0 and
		(.[0].help | length) > 0 and
		(.[0].help | contains("\n") | not) and
		(.[0] | '"${4:-true}"')'
	same "$([ "$2" = error ] && echo 1 || echo 0)" "$status" \
		"$3: the status says whether there is an error"
}

clean() {
	doctor
	same '[]' "$(jq -c . <<<"$found")" "${1:-clean again}"
}

# helps: run the line that the only finding gives.
helps() {
	eval "$(jq -r '.[0].help' <<<"$found")" >/dev/null
	clean "$1"
}

# running NAME: a process that is called so, until "kill $fake".
running() {
	cp "$(command -v sleep)" "$TMPDIR/$1"
	"$TMPDIR/$1" 600 &
	fake=$!
	until [ "$(cat /proc/$fake/comm)" = "${1:0:15}" ]; do sleep 0.05; done
}

ends() {
	kill "$fake"
	wait "$fake" 2>/dev/null || true
}

# --- a clean host ---

# Where the kernel is the test's own, modules are there to be had.
[ "$(hostname)" != weft-vm ] || modprobe br_netfilter || true
# We are PID 1, and say that we are one that reaps.
own_name=$(cat /proc/self/comm)
echo tini >/proc/$$/comm
for key in iptables ip6tables; do
	sysctl_set net/bridge/bridge-nf-call-$key 0
done
before=$(host_state)
clean "a clean host without networks"
network net1 '.isDefaultGateway = true | .ipMasq = true'
clean "a clean host with one"
same "nothing is in the way" "$("$weft" doctor)" "and for people"
same "$before" "$(host_state)" "looking leaves nothing behind"
fails "doctor takes no argument" "$weft" doctor now

# --- forwarding ---

nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'
finds forward-drop error "FORWARD with policy DROP, as iptables-nft has it" \
	'.what | test("^ip chain filter FORWARD ")'
helps "its help helps"
nft delete table ip filter
nft 'add table ip filter; add chain ip filter DOCKER-USER; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }; add rule ip filter FORWARD jump DOCKER-USER; add rule ip filter DOCKER-USER return'
finds forward-drop error "Docker's FORWARD" '.help | contains("DOCKER-USER")'
helps "its help helps"
nft delete table ip filter
nft 'add table inet mine; add chain inet mine fw { type filter hook forward priority 5; policy drop; }; add rule inet mine fw iifname "br01" accept'
finds forward-drop error "an administrator's chain, another bridge's rule" \
	'.what | test("inet chain mine fw .* br0$")'
helps "its help helps"
nft delete table inet mine
nft 'add table inet mine; add chain inet mine in { type filter hook input priority 5; policy drop; }; add chain inet mine fw { type filter hook forward priority 5; policy accept; }'
clean "an input chain that drops, a forward chain that accepts"
nft delete table inet mine

if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
	sysctl_set net/bridge/bridge-nf-call-iptables 1
	finds br-netfilter note "br_netfilter"
	helps "its help helps"
	sysctl_set net/bridge/bridge-nf-call-ip6tables 1
	finds br-netfilter note "br_netfilter for IPv6" \
		'.what | contains("ip6tables")'
	nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'
	doctor
	is "both together are worse" "$found" 'length == 2 and
		(.[] | select(.id == "br-netfilter")).severity == "warning"'
	nft delete table ip filter
	sysctl_set net/bridge/bridge-nf-call-ip6tables 0
else
	skip "br_netfilter" "not in this kernel"
fi

ip link add br0 type bridge
doctor
is "a bridge, and forwarding was turned off" "$found" \
	'map(.id + .severity) == ["no-forwardingerror", "no-forwardingerror"] and
	(.[0].what | contains("net.ipv4.ip_forward")) and
	(.[1].what | contains("net.ipv6.conf.all.forwarding"))'
sysctl_set net/ipv4/ip_forward 1
sysctl_set net/ipv6/conf/all/forwarding 1
clean "it is on"
sysctl_set net/ipv4/ip_forward 0
sysctl_set net/ipv6/conf/all/forwarding 0
ip link del br0
clean "before the first ADD it is no matter"
network net1 '.ipMasq = true'
doctor
is "nobody turns it on without a gateway" "$found" \
	'map(.id) == ["no-forwarding", "no-forwarding"]'
network net1 '.'
clean "who does not need it is not bothered"
network net1 '.isDefaultGateway = true | .ipMasq = true'

# --- who else lays hands on devices ---

running firewalld
finds firewalld warning "firewalld runs"
ends
nft add table inet firewalld
finds firewalld warning "firewalld's rules are there"
nft delete table inet firewalld

nmcli() { :; }
networkctl() { :; }
running NetworkManager
finds network-manager warning "NetworkManager runs"
helps "its help helps"
rm /etc/NetworkManager/conf.d/*
cat >/etc/NetworkManager/NetworkManager.conf <<'EOF'
# unmanaged-devices=interface-name:*
[main]
unmanaged-devices=interface-name:*
[keyfile]
unmanaged-devices = mac:02:00:00:00:00:01 ; interface-name:veth*,interface-name:tap?*
EOF
finds network-manager warning "it leaves ports alone, the bridge not" \
	'.what | contains("br0")'
sed -i 's/tap?\*/&;interface-name:=br0/' \
	/etc/NetworkManager/NetworkManager.conf
clean "its own file says so, too"
ends

running systemd-networkd
clean "networkd without files that are about us"
printf '[Match]\nName=en* eth0\n[Network]\nDHCP=yes\n' \
	>/etc/systemd/network/10-wired.network
clean "a file about others"
printf '[Match]\nName=*\n[Network]\nDHCP=yes\n' \
	>/etc/systemd/network/20-all.network
finds networkd warning "a file about everything" \
	'.what | contains("20-all.network")'
helps "its help helps"
rm /etc/systemd/network/05-weft.network
printf '[Match]\nName=!veth* tap* br0\n' >/etc/systemd/network/20-all.network
clean "a file about all but ours"
printf '[Match]\nType=ether\nMACAddress=02:00:00:00:00:01\n' \
	>/etc/systemd/network/20-all.network
clean "a file about one MAC"
printf '[Match]\nType=ether\n' >/etc/systemd/network/20-all.network
finds networkd warning "a file about all Ethernet"
rm /etc/systemd/network/*
ends

# --- networks, leases, plugins ---

network net2 '.bridge = "br2" | .ipam.ranges = [[{subnet: "10.1.0.128/25"}]]'
finds subnets-overlap warning "two networks with one subnet" \
	'.what | contains("net1") and contains("net2")'
network net2 '.mtu = "many"'
finds configuration error "a network that is refused" \
	'.what | contains("mtu")'
rm "$NETCONFPATH/net2.conflist"

mkdir "$TMPDIR/bin"
ln -s "$(realpath "$weft")" "$TMPDIR/bin/bridge-vm"
CNI_PATH=$TMPDIR/none:$TMPDIR/bin
finds no-plugin error "CNI_PATH without one of our plugins" \
	'(.what | contains("\"ipam-host-local\"")) and
	(.help | startswith("make install"))'
CNI_PATH=$TMPDIR/none:$cni_bin
network net1 '.ipam.type = "dhcp"'
finds no-plugin error "nor with another's" '.what | contains("\"dhcp\"")'
CNI_PATH=$cni_bin

mkdir "$TMPDIR/mq"
if mount -t mqueue none "$TMPDIR/mq" 2>/dev/null; then
	network net1 '.ipam.dataDir = "'"$TMPDIR"'/mq"'
	finds lease-directory error "a file system without hard links" \
		'.what | contains("hard link")'
	same "" "$(ls -A "$TMPDIR/mq")" "and nothing stays there"
	helps "its help helps"
	umount "$TMPDIR/mq"
else
	skip "a file system without hard links" "no mqueue"
fi
network net1 '.isDefaultGateway = true'

# --- the kernel ---

mount -t tmpfs none /dev/net
finds kernel-part warning "no /dev/net/tun" '.what | contains("tap")'
umount /dev/net
# A module that cannot be loaded is a part that is missing.
if [ "$(hostname)" = weft-vm ] && { rmmod macvtap macvlan 2>/dev/null || true
	[ ! -e /sys/module/macvlan ]; }; then
	modprobe=$(cat /proc/sys/kernel/modprobe)
	echo /bin/false >/proc/sys/kernel/modprobe
	finds kernel-part note "no macvlan" '.what | contains("macvlan")'
	echo "$modprobe" >/proc/sys/kernel/modprobe
	modprobe macvlan
	echo /bin/false >/proc/sys/kernel/modprobe
	finds kernel-part note "no macvtap" '.what | contains("macvtap")'
	echo "$modprobe" >/proc/sys/kernel/modprobe
	clean
else
	skip "no macvlan" "only where modules are ours to refuse"
fi
echo "$own_name" >/proc/$$/comm
finds init note "a PID 1 that nobody knows"
network net1 '.delWait = true'
clean "whoever said delWait knows"
fails "who has no capabilities" setpriv \
	--inh-caps=-all --bounding-set=-all "$weft" doctor
is "is told so" "$(jq -Rs . <<<"$output")" 'contains("sudo weft doctor")'
