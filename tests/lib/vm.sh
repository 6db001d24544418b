# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# vm.sh: virtual machines of Debian's cloud kernel and a busybox initramfs, on
# a tap or a macvtap that exists already.
#
#	vm_build
#	vm_start NAME TAP MAC ADDRESSES GATEWAYS [QEMU-ARGUMENT...]
#	vm_queues=4 vm_mtu=9000 vm_start ...
#	vm_start NAME TAP MAC asks ''        it asks for its addresses, by DHCP and RA
#	vm_start_macvtap NAME NODE QUEUES MAC ADDRESSES GATEWAYS [QEMU-ARGUMENT...]
#	vm_ready NAME [SECONDS]
#	vm_says NAME                        its first words: kernel and MAC
#	guest_run NAME COMMAND
#	vm_stop NAME

# shellcheck source=tests/lib/cache.sh
. "${BASH_SOURCE%/*}/cache.sh"
# shellcheck source=tests/lib/guest.sh
. "${BASH_SOURCE%/*}/guest.sh"

# kvm or tcg, and why, should someone want to say it.
# shellcheck disable=SC2034
vm_accel=${WEFT_ACCEL-} vm_accel_why=

# What QEMU is started by, if not by itself: `weft run` and its arguments.
vm_by=()

# vm_build: kernel and initramfs, and which acceleration works here.
vm_build() {
	local tree version root=$guest_dir/vm-root

	tree=$(cache_kernel cloud)
	version=$(basename "$tree"/lib/modules/*)
	vm_kernel=$tree/boot/vmlinuz-$version
	vm_initramfs=$guest_dir/initramfs
	guest_root "$root"
	rm "$root/www/data"
	vm_modules "$tree" "$version" "$root/modules" virtio_pci virtio_net
	vm_client "$root"
	vm_init "$guest_data" >"$root/init"
	chmod +x "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$vm_initramfs"
	rm -rf "$root"
	[ -n "$vm_accel" ] || vm_probe
}

# vm_modules TREE VERSION DIR MODULE...: copy them and what they need to DIR,
# numbered in the order in which they must be loaded.
vm_modules() {
	local tree=$1 version=$2 dir=$3 number=100 module file name

	shift 3
	mkdir "$dir"
	for module; do
		while read -r _ file; do
			name=$(basename "${file%%.ko*}")
			[ ! -e "$(echo "$dir"/*-"$name.ko")" ] || continue
			number=$((number + 1))
			vm_unpack "$file" >"$dir/$number-$name.ko"
		done < <(modprobe -d "$tree" -S "$version" \
			--show-depends "$module" | grep '^insmod ')
	done
}

vm_unpack() {
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.zst) zstd -qdc "$1" ;;
	*) cat "$1" ;;
	esac
}

# vm_client DIR: what asks for addresses, of both families; without hooks it leaves
# resolv.conf alone.
vm_client() {
	local client=/usr/sbin/dhcpcd file

	mkdir -p "$1"/{etc,run,usr/sbin,var/lib/dhcpcd}
	while read -r file; do
		cp --parents "$file" "$1"
	done < <(ldd $client | grep -o '/[^ ]*')
	cp $client "$1$client"
	printf '%s\n' 'script /bin/true' noarp ipv6rs ia_na \
		'waitip 4' 'waitip 6' 'timeout 20' >"$1/etc/dhcpcd.conf"
}

# vm_init DATA-SIZE: the guest's /init. Debian's kernels do not configure IP, so
# it reads its addresses from the command line itself.
vm_init() {
	cat <<-EOF
		#!/bin/sh
		truncate -s $1 /www/data
	EOF
	cat <<-'EOF'
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs dev /dev
		for module in /modules/*.ko; do
			insmod "$module"
		done
		for word in $(cat /proc/cmdline); do
			case $word in
			weft.addresses=*) addresses=${word#*=} ;;
			weft.gateways=*) gateways=${word#*=} ;;
			esac
		done
		ip link set lo up
		if [ -e /sys/class/net/eth0 ]; then
			echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
			echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_ra
			ip link set eth0 up
		fi
		if [ "$addresses" = asks ]; then
			addresses=
			dhcpcd eth0 >/dev/console 2>&1
		fi
		for address in $(echo "$addresses" | tr , ' '); do
			ip address add "$address" dev eth0
		done
		for gateway in $(echo "$gateways" | tr , ' '); do
			# Where it is not on the link: behind the reference ptp.
			ip route add "$gateway" dev eth0
			ip route add default via "$gateway"
		done
		echo "weft-guest: $(introduce)"
		stty raw -echo </dev/ttyS1
		exec /bin/agent <>/dev/ttyS1 >&0
	EOF
}

# KVM may be there and accepted, and still no guest boots on it (nested hosts).
# So one without a network must show that it does.
vm_probe() {
	vm_accel=tcg
	vm_accel_why='there is no KVM'
	[ -w /dev/kvm ] || return 0
	vm_accel=kvm
	vm_launch probe -nic none
	if ! vm_ready probe 4; then
		vm_accel=tcg
		# shellcheck disable=SC2034
		vm_accel_why='KVM boots no guest here'
	fi
	vm_stop probe
}

vm_start() {
	local name=$1 queues=${vm_queues:-1} device
	local netdev=tap,id=net0,ifname=$2,script=no,downscript=no,vhost=off

	device=$(vm_device "$3" "$queues")
	vm_arguments="weft.addresses=$4 weft.gateways=$5"
	shift 5
	[ "$queues" = 1 ] || netdev+=,queues=$queues
	vm_launch "$name" -netdev "$netdev" -device "$device" "$@"
}

# vm_device MAC QUEUES: with vm_mtu its driver is told that MTU.
vm_device() {
	local device=virtio-net-pci,netdev=net0,mac=$1,romfile=

	[ "$2" = 1 ] || device+=,mq=on,vectors=$((2 * $2 + 2))
	echo "$device${vm_mtu:+,host_mtu=$vm_mtu}"
}

# vm_start_macvtap NAME NODE QUEUES MAC ADDRESSES GATEWAYS [QEMU-ARGUMENT...]: the
# same with a macvtap, by descriptors of its character device.
vm_start_macvtap() {
	local name=$1 node=$2 queues=$3 device
	local vm_by=("${BASH_SOURCE[0]%/*}/../../examples/macvtap/with-fds.sh")

	device=$(vm_device "$4" "$queues")
	vm_by+=("$node" "$queues")
	vm_arguments="weft.addresses=$5 weft.gateways=$6"
	shift 6
	vm_launch "$name" -netdev tap,id=net0,fds=%FDS%,vhost=off \
		-device "$device" "$@"
}

vm_launch() {
	local name=$1 cpu=max

	shift
	[ "$vm_accel" = tcg ] || cpu=host
	guest_fifos "$name"
	"${vm_by[@]}" qemu-system-x86_64 -M q35 -accel "$vm_accel" -cpu "$cpu" -m 128 \
		-nodefaults -no-user-config -no-reboot -display none \
		-kernel "$vm_kernel" -initrd "$vm_initramfs" \
		-append "console=ttyS0 quiet panic=-1 ${vm_arguments-}" \
		-serial "file:$guest_dir/$name.console" \
		-chardev "pipe,id=agent,path=$guest_dir/$name" \
		-serial chardev:agent "$@" \
		</dev/null >"$guest_dir/$name.log" 2>&1 &
	guest_pid[$name]=$!
}

vm_ready() {
	guest_ready "$1" "${2:-30}"
}

vm_says() {
	tr -d '\r' <"$guest_dir/$1.console" | sed -n 's/^weft-guest: //p'
}

# vm_complaint NAME: why it did not come up, as far as QEMU or Linux said.
vm_complaint() {
	cat "$guest_dir/$1.log"
	tail -n 20 "$guest_dir/$1.console" 2>/dev/null || true
}

vm_stop() {
	[ -z "${guest_pid[$1]-}" ] || guest_end "$1"
}
