#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# deps.sh [GROUP...]: install what is missing for the groups build, static,
# bench, test, guard, lint, demo, kernel and engines (default: all but engines).
set -euo pipefail

packages() {
	case $1 in
	build) echo gcc libc6-dev make pkg-config clang binutils \
		libcjson-dev libnl-3-dev ;;
	static) echo gcc make musl-tools linux-libc-dev dpkg-dev patch \
		xz-utils clang binutils ;;
	bench) echo iproute2 jq util-linux bsdextrautils ;;
	test) echo libcmocka-dev iproute2 nftables iptables jq strace util-linux \
		bpftool libbpf-dev isc-dhcp-client libcap2-bin libxml2-utils python3-yaml \
		busybox-static procps kmod ;;
	guard) echo iproute2 jq util-linux busybox-static isc-dhcp-client \
		dhcpcd-base systemd ;;
	lint) echo clang-format clang-tidy cppcheck shellcheck ;;
	demo) echo iproute2 nftables jq util-linux procps runc \
		qemu-system-x86 busybox-static dhcpcd-base cpio xz-utils zstd \
		kmod ;;
	engines) echo podman conmon containerd runc python3-grpcio \
		containernetworking-plugins ;;
	kernel) echo qemu-system-x86 busybox-static cpio xz-utils zstd kmod \
		util-linux ;;
	*)
		echo "deps: no group $1 (build, static, bench, test, guard, lint, demo," \
			"kernel, engines)" >&2
		return 2
		;;
	esac
}

# Prints those of the packages that are not installed. Words are compared with
# names that dpkg knows: a package it never heard of has no line at all.
missing() {
	local name status
	local -A installed=()

	while read -r name status; do
		[ "$status" != "ok installed" ] || installed[$name]=1
	done < <(dpkg-query -W \
		-f '${Package} ${db:Status-Eflag} ${db:Status-Status}\n' \
		"$@" 2>/dev/null || true)
	for name; do
		[ -n "${installed[$name]-}" ] || echo "$name"
	done
}

main() {
	local group list wanted=() lacking

	[ $# -gt 0 ] || set -- build static test guard lint demo kernel
	for group; do
		list=$(packages "$group")
		# shellcheck disable=SC2206 # a list of words
		wanted+=($list)
	done
	mapfile -t lacking < <(missing "${wanted[@]}" | sort -u)
	[ ${#lacking[@]} -gt 0 ] || return 0

	echo "deps: installing ${lacking[*]}"
	if [ "$(id -u)" != 0 ]; then
		echo "deps: run 'apt-get install ${lacking[*]}' as root" >&2
		return 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq -o DPkg::Lock::Timeout=300 update
	apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
		install --no-install-recommends "${lacking[@]}" >/dev/null
}

main "$@"
