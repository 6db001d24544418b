# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# netns.sh: network tests in a private host. A test script begins with
#
#	#!/bin/bash
#	set -euo pipefail
#	. "$(dirname "$0")/../lib/netns.sh"
#	test_main "$@"
#
# and from there on is pid 1 of fresh network, mount, pid and ipc namespaces,
# which play the host and die with it. The last line says how many passed.

# private_host COMMAND...: run it in such namespaces, which die with the caller
# too, even of SIGKILL.
private_host() {
	local child status=0 lib=${BASH_SOURCE[0]}

	# shellcheck disable=SC2016 # expanded inside
	setpriv --pdeathsig KILL \
		unshare --net --mount --pid --ipc --fork --kill-child \
		--mount-proc bash -euc '. "$0"; host_init; exec "$@"' \
		"$lib" "$@" <&0 &
	child=$!
	trap 'private_host_end "$child" 129' HUP
	trap 'private_host_end "$child" 130' INT
	trap 'private_host_end "$child" 143' TERM
	wait "$child" || status=$?
	trap - HUP INT TERM
	return "$status"
}

private_host_end() {
	kill -KILL "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
	trap - HUP INT TERM
	exit "$2"
}

# What a real host has: a tmpfs on /run, a /sys that shows this network, and
# an empty /var/lib/cni, without a trace in the true /var/lib.
host_init() {
	mount -t tmpfs -o mode=755 run /run
	mkdir /run/tmp /run/.cgroup /run/.var-lib
	export TMPDIR=/run/tmp
	mount --rbind /sys/fs/cgroup /run/.cgroup
	mount -t sysfs sysfs /sys
	mount --move /run/.cgroup /sys/fs/cgroup
	rmdir /run/.cgroup
	mount -t bpf -o mode=700 bpf /sys/fs/bpf
	if [ ! -d /var/lib/cni ]; then
		mount --rbind /var/lib /run/.var-lib
		mount -t tmpfs -o mode=755 var-lib /var/lib
		find /run/.var-lib -mindepth 1 -maxdepth 1 \
			-exec ln -s -t /var/lib {} +
		mkdir /var/lib/cni
	fi
	mount -t tmpfs -o mode=755 cni /var/lib/cni
	ip link set lo up
	# The first one leaves /run/netns behind.
	ip netns add first
	ip netns del first
	# A new namespace inherits the machine's; a host begins with these.
	sysctl_set net/ipv4/ip_forward 0
	sysctl_set net/ipv6/conf/all/forwarding 0
}

# own_dev: a /dev of its own: that of the machine is one for all who run at a
# time. The generic kernel's VM has one, which is the kernel's.
own_dev() {
	local device

	[ "$(hostname)" != weft-vm ] || return 0
	mkdir "$TMPDIR/dev"
	mount -t tmpfs -o mode=755 dev "$TMPDIR/dev"
	mkdir "$TMPDIR/dev/net"
	for device in null zero urandom net/tun; do
		cp -a "/dev/$device" "$TMPDIR/dev/$device"
	done
	ln -s /proc/self/fd "$TMPDIR/dev/fd"
	# nft of the reference plugins reads it.
	ln -s fd/0 "$TMPDIR/dev/stdin"
	mount --move "$TMPDIR/dev" /dev
	rmdir "$TMPDIR/dev"
}

sysctl_set() {
	[ ! -e "/proc/sys/$1" ] || echo "$2" >"/proc/sys/$1"
}

ns_new() {
	ip netns add "$1"
	ip -n "$1" link set lo up
}

# net_state: links, addresses, routes, rules, nftables and sysctls from here,
# sorted, without counters, indices and what changes by itself with time, as the
# routes do that every device gets once its carrier is noticed.
net_state() {
	local dir

	# One jq for both: to start it costs more than all the rest here.
	{ ip -d -j link && ip -j addr; } | jq -rcs '(.[0][] |
		del(.ifindex, .link_index, .operstate,
		.link_netnsid, .promiscuity, .linkinfo.info_slave_data) |
		.flags |= (. - ["LOWER_UP", "NO-CARRIER"] | sort) |
		walk(if type == "object" then with_entries(select(.key |
			test("_timer$|^topology_change|^root_|^bridge_id$") |
			not)) else . end) | "link \(.ifname) \(.)"),
		(.[1][] | .ifname as $name | .addr_info[] |
		del(.valid_life_time, .preferred_life_time, .tentative) |
		"addr \($name) \(.local)/\(.prefixlen) \(.)")' | sort
	for dir in -4 -6; do
		ip "$dir" -o route show table all |
			sed 's/ expires [^ ]*//; s/ linkdown//
				/^multicast ff00::\/8 /d' | sort
		ip "$dir" rule
	done
	nft -s list ruleset
	for dir in ipv4 ipv6; do
		(cd /proc/sys/net/$dir 2>/dev/null && grep -s . ip_forward \
			conf/*/{forwarding,disable_ipv6,accept_ra,accept_dad} \
			conf/*/{addr_gen_mode,rp_filter,proxy_arp,arp_ignore} \
			conf/*/{route_localnet,arp_notify} | sort) || true
	done
}

# ns_state NAME: the same of a namespace made with ns_new.
ns_state() {
	# shellcheck disable=SC2016 # expanded inside
	ip netns exec "$1" bash -euo pipefail -c \
		'. "$0"; net_state' "${BASH_SOURCE[0]}"
}

# host_state: net_state, the mounts, and the files of /run and /var/lib/cni
# with what is in them.
host_state() {
	net_state
	awk '{ print "mount", $2, $3 }' /proc/self/mounts | sort
	find /run /var/lib/cni -xdev -path /run/tmp -prune -o -printf \
		'file %p %y %m %U:%G %l\n' | sort
	find /run /var/lib/cni -xdev -path /run/tmp -prune -o \
		-path /run/netns -prune -o -fstype nsfs -o -type f -exec md5sum {} + |
		sort -k 2
}

# test_main "$@": come here again in a private host; count from here on.
test_main() {
	if [ -z "${WEFT_PRIVATE_HOST-}" ]; then
		WEFT_PRIVATE_HOST=1 private_host bash "$0" "$@" || exit
		exit
	fi
	unset WEFT_PRIVATE_HOST
	shopt -s inherit_errexit
	passed=0 failed=0 skipped=0
	trap test_end EXIT
}

test_end() {
	local status=$?

	[ "$status" = 0 ] || nok "${0##*/} runs to its end" "status $status"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] || exit 1
}

# WEFT_TEST_SCALE, percent: less, not nothing, where a machine is slow.
test_scale=${WEFT_TEST_SCALE:-100}

# scaled N: so much of it; at least two.
scaled() {
	local n=$(($1 * test_scale / 100))

	echo $((n > 2 ? n : 2))
}

# sampled N: is the Nth case of a sweep one of those to be done?
sampled() {
	[ $(($1 * test_scale / 100)) != $((($1 - 1) * test_scale / 100)) ]
}

ok() {
	echo "ok - $1"
	passed=$((passed + 1))
}

nok() {
	echo "not ok - $1${2:+: $2}"
	failed=$((failed + 1))
}

skip() {
	if [ "${WEFT_TESTS_MUST_RUN-}" = 1 ]; then
		nok "$1" "cannot run here: $2"
	else
		echo "skip - $1: $2"
		skipped=$((skipped + 1))
	fi
}

note() {
	printf '# %s\n' "${1//$'\n'/$'\n# '}"
}

# same EXPECTED GOT NAME: two texts are equal, or the difference is shown.
same() {
	if [ "$1" = "$2" ]; then
		ok "$3"
	else
		note "$(diff -u --label expected --label got \
			<(echo "$1") <(echo "$2") || true)"
		nok "$3"
	fi
}

# succeeds|fails NAME COMMAND...: its output stays in $output, and is shown if
# the command did otherwise.
succeeds() {
	local name=$1

	shift
	if output=$("$@" 2>&1); then
		ok "$name"
	else
		note "$output"
		nok "$name" "'$*' failed"
	fi
}

fails() {
	local name=$1

	shift
	if ! output=$("$@" 2>&1); then
		ok "$name"
	else
		note "$output"
		nok "$name" "'$*' succeeded"
	fi
}
