#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# kernel-vm.sh KERNEL OUT COMMAND...: run a command as root under a generic
# kernel of Debian's (6.1, 6.12), in a VM of its own.
#
# The VM's root is this machine's, read-only over 9p, under a tmpfs that takes
# what is written. Only the directory OUT is shared for writing, and found at
# the same path in there. The command begins in the same working directory with
# the same PATH and WEFT_* variables; its output comes out here, its status is
# ours. 125: there was none; OUT/console says why. There is no network.
#
# WEFT_ACCEL: kvm or tcg (default: the former may be accepted and then hang).
# WEFT_VM_LIMIT: after so many seconds the VM is killed.
set -euo pipefail

# shellcheck source=tests/lib/vm.sh
. "${BASH_SOURCE%/*}/vm.sh"

# kernel_vm_modules: what the way to the root needs.
kernel_vm_modules=(virtio_pci 9pnet_virtio 9p overlay)

# The last two spare TCG a quarter of its work, and so does a processor without
# five-level page tables; only one of them, half.
kernel_vm_cmdline='console=ttyS0 quiet panic=-1 cgroup_no_v1=all'
kernel_vm_cmdline+=' mitigations=off norandmaps'

# kernel_vm_initramfs TREE VERSION OUT
kernel_vm_initramfs() {
	local tree=$1 version=$2 out=$3 root=$3/initramfs.d

	rm -rf "$root"
	mkdir -p "$root"/{bin,proc,sys,dev,new,low,ram}
	cp "$(command -v busybox)" "$root/bin/busybox"
	"$root/bin/busybox" --install "$root/bin"
	vm_modules "$tree" "$version" "$root/modules" "${kernel_vm_modules[@]}"
	echo "$out" >"$root/path.out"
	readlink -f "${BASH_SOURCE[0]}" >"$root/path.script"
	kernel_vm_init >"$root/init"
	chmod +x "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$out/initramfs"
	rm -rf "$root"
}

# The guest's first steps: up to this machine's root, and this script in it.
kernel_vm_init() {
	cat <<-'EOF'
		#!/bin/sh
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs dev /dev
		for module in /modules/*.ko; do
			insmod "$module"
		done
		options=trans=virtio,version=9p2000.L,msize=512000
		out=$(cat /path.out)
		script=$(cat /path.script)
		modules=/new/usr/lib/modules/$(uname -r)
		mount -t 9p -o "$options,ro,cache=loose" root /low
		mount -t tmpfs -o size=75% ram /ram
		mkdir /ram/upper /ram/work
		mount -t overlay -o lowerdir=/low,upperdir=/ram/upper,workdir=/ram/work \
			overlay /new
		mkdir -p "$modules"
		mount -t 9p -o "$options,ro,cache=loose" modules "$modules"
		for dir in proc sys dev; do
			mount --move "/$dir" "/new/$dir"
		done
		exec switch_root /new /bin/bash "$script" --inside "$out" "$options"
	EOF
}

# kernel_vm_inside OUT OPTIONS: pid 1 of the guest, in this machine's root.
kernel_vm_inside() {
	local out=$1 options=$2 status=0

	mount -t tmpfs -o mode=755 run /run
	mkdir -p /dev/pts /dev/shm /run/lock "$out"
	mount -t 9p -o "$options" out "$out"
	mount -t devpts devpts /dev/pts
	mount -t tmpfs -o mode=1777 shm /dev/shm
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount -t bpf bpf /sys/fs/bpf
	mount -t debugfs debugfs /sys/kernel/debug
	hostname weft-vm
	ip link set lo up
	# What udev would do: these links, and nodes that are there before their
	# modules are.
	ln -s /proc/self/fd /dev/fd
	ln -s fd/0 /dev/stdin
	ln -s fd/1 /dev/stdout
	ln -s fd/2 /dev/stderr
	modprobe -a tun vhost_net
	stty -F /dev/ttyS1 raw
	read -r uptime _ </proc/uptime
	echo "Linux $(uname -r), up after $uptime s" >/dev/ttyS1
	setsid -w bash "$out/command" </dev/null >/dev/ttyS1 2>&1 || status=$?
	# The port still holds what it was given last.
	stty -F /dev/ttyS1 sane
	echo "$status" >"$out/status"
}

kernel_vm_off() {
	sync
	echo o >/proc/sysrq-trigger
	sleep 60
}

# kernel_vm_command COMMAND...: what the guest is to run, as a script.
kernel_vm_command() {
	local name

	WEFT_CACHE=$(cache_dir)
	printf 'cd %q\nexport HOME=/root TERM=dumb\n' "$PWD"
	for name in PATH ${!WEFT_*}; do
		[ -z "${!name+set}" ] ||
			printf 'export %s=%q\n' "$name" "${!name}"
	done
	printf 'exec'
	printf ' %q' "$@"
	echo
}

# kernel_vm_start TREE VERSION OUT: until it ends, or we do, even by SIGKILL.
kernel_vm_start() {
	local tree=$1 version=$2 out=$3 accel=${WEFT_ACCEL:-tcg}
	local ro=security_model=none,readonly=on

	[ "$accel" != tcg ] || accel=tcg,thread=multi
	exec setpriv --pdeathsig KILL timeout -s KILL "${WEFT_VM_LIMIT:-4200}" \
		setpriv --pdeathsig KILL \
		qemu-system-x86_64 -M q35 -accel "$accel" -cpu max,-la57 \
		-m 2048 -nodefaults -no-user-config -no-reboot -display none \
		-kernel "$tree/boot/vmlinuz-$version" \
		-initrd "$out/initramfs" -append \
		"$kernel_vm_cmdline" \
		-serial "file:$out/console" -serial stdio \
		-fsdev "local,id=root,path=/,$ro,multidevs=remap" \
		-device virtio-9p-pci,fsdev=root,mount_tag=root \
		-fsdev "local,id=modules,path=$tree/lib/modules/$version,$ro" \
		-device virtio-9p-pci,fsdev=modules,mount_tag=modules \
		-fsdev "local,id=out,path=$out,security_model=none" \
		-device virtio-9p-pci,fsdev=out,mount_tag=out \
		</dev/null
}

kernel_vm_end() {
	trap - EXIT HUP INT TERM
	[ -z "$kernel_vm_pid" ] || kill -KILL "$kernel_vm_pid" 2>/dev/null || true
	wait
	rm -rf "$1"/{initramfs,initramfs.d,command,status}
	exit "$2"
}

kernel_vm() {
	local kernel=$1 out tree version

	mkdir -p "$2"
	out=$(realpath "$2")
	shift 2
	kernel_vm_pid=
	trap 'kernel_vm_end "$out" 129' HUP
	trap 'kernel_vm_end "$out" 130' INT
	trap 'kernel_vm_end "$out" 143' TERM
	trap 'kernel_vm_end "$out" "$?"' EXIT
	tree=$(cache_kernel "$kernel") || exit 125
	version=$(basename "$tree"/lib/modules/*)
	kernel_vm_initramfs "$tree" "$version" "$out"
	kernel_vm_command "$@" >"$out/command"
	kernel_vm_start "$tree" "$version" "$out" &
	kernel_vm_pid=$!
	wait "$kernel_vm_pid" || true
	kernel_vm_pid=
	exit "$(cat "$out/status" 2>/dev/null || echo 125)"
}

if [ "$1" = --inside ]; then
	trap kernel_vm_off EXIT
	kernel_vm_inside "$2" "$3"
else
	kernel_vm "$@"
fi
