#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# ADD fails, or is killed, at every one of its system calls in turn, on a
# network that is not there yet. A failed one leaves nothing but what belongs
# to the network, and says why in one CNI error; after a killed one a single
# DEL leaves nothing. strace makes the calls fail.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

if ! strace -o /dev/null true 2>/dev/null; then
	skip "ADD fails at every system call" "strace cannot trace here"
	exit
fi

ns_new c1
budget=${WEFT_SWEEP_SECONDS:-90}

# traced STRACE-ARGS...: ADD under strace. Leaves $out and $status.
traced() {
	status=0
	out=$(CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 \
		CNI_NETNS=/run/netns/c1 CNI_PATH=$cni_bin \
		strace -f "$@" "$cni_bin/bridge-vm" <<<"$config" \
		2>"$TMPDIR/stderr") || status=$?
}

# What an attachment could leave behind.
left() {
	ip -br link | grep -v -e '^lo ' -e '^br0 ' || true
	ip -n c1 -br link | grep -v '^lo ' || true
	ip -n c1 -br addr show scope global
	find /var/lib/cni /run/weft ! -type d ! -name lock \
		! -name 'last_reserved_ip.*' -printf '%p %s\n' 2>/dev/null ||
		true
}

no_network() {
	ip link del br0 2>/dev/null || true
	nft flush ruleset
	rm -rf "${cni_leases:?}"
}

# count CALL TRACE: how often it was made.
count() {
	awk -v name="$1" 'index($0, " " name "(") { n++ }
		END { print n + 0 }' "$2"
}

# sweep KIND CALL WHAT: inject WHAT, an error or a signal, into each one.
sweep() {
	local kind=$1 call=$2 what=$3 first last n bad=0 done=0 hit=0

	first=$(count "$call" "$TMPDIR/idle")
	last=$(count "$call" "$TMPDIR/whole.$kind")
	for ((n = first + 1; n <= last; n++)); do
		[ $SECONDS -lt "$budget" ] || break
		no_network
		traced -o /dev/null -e "trace=$call" \
			-e "inject=$call:$what:when=$n"
		one_case || {
			note "$kind: $call $what when=$n: status $status"
			note "$out"
			bad=$((bad + 1))
		}
		done=$((done + 1))
	done
	note "$kind: $what at $call: $hit of $done made ADD fail"
	if [ $done -lt $((last - first)) ]; then
		skip "$kind: $what at $((last - first - done)) more $call" \
			"no time left"
	fi
	[ $done = 0 ] ||
		same 0 $bad "$kind: $what at $done $call leaves nothing"
}

# Is it right what the last ADD said and left? Cleans up.
one_case() {
	local now right=0 said

	case $status in
	0) jq -e .cniVersion <<<"$out" >/dev/null 2>&1 || right=1 ;;
	1)
		hit=$((hit + 1))
		is_error || right=1
		now=$(left)
		if [ "$now" != "$clean" ]; then
			note "$(diff <(echo "$clean") <(echo "$now") || true)"
			right=1
		fi
		;;
	*) hit=$((hit + 1)) ;;
	esac
	# Killed, or it could not come back to its own namespace and aborted.
	if [ $status != 1 ] || [ $right != 0 ]; then
		said=$out
		cni DEL c1 c1 "$config"
		if [ "$status" != 0 ]; then
			note "DEL: $out"
			right=1
		fi
		now=$(left)
		if [ "$now" != "$clean" ]; then
			note "$(diff <(echo "$clean") <(echo "$now") || true)"
			right=1
			ip -n c1 link del eth0 2>/dev/null || true
		fi
		out=$said
	fi
	return $right
}

# No leak detection under strace, should this be a build with sanitizers.
export ASAN_OPTIONS=detect_leaks=0
CNI_COMMAND='' strace -f -o "$TMPDIR/idle" "$cni_bin/bridge-vm" 2>/dev/null
for kind in veth tap; do
	config=$(conf ".isDefaultGateway = true | .ipMasq = true |
		.attach = \"$kind\"")
	add c1 c1 "$config"
	cni DEL c1 c1 "$config"
	clean=$(left)
	no_network
	traced -o "$TMPDIR/whole.$kind"
	same 0 $status "$kind: ADD works under strace"
	cni DEL c1 c1 "$config"
	same "$clean" "$(left)" "$kind: and leaves nothing after DEL"

	sweep $kind sendmsg error=ENOBUFS
	sweep $kind recvmsg error=ENOBUFS
	sweep $kind ioctl error=EPERM
	sweep $kind socket error=EMFILE
	sweep $kind setns error=EPERM
	sweep $kind linkat error=ENOSPC
	sweep $kind symlinkat error=ENOSPC
	sweep $kind mkdirat error=ENOSPC
	sweep $kind mkdir error=ENOSPC
	sweep $kind read error=EIO
	sweep $kind flock error=EINTR
	for call in sendmsg recvmsg ioctl setns linkat symlinkat; do
		sweep $kind $call signal=KILL
	done
done
for kind in tap veth; do
	config=$(jq -c ".attach = \"$kind\"" <<<"$config")
	sweep $kind openat error=EIO
done
