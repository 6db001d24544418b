#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What runs in a kernel VM has that kernel and this machine's files, and can
# change neither them nor, however the VM ends, leave anything running.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
vm=$(realpath "$(dirname "$0")/../lib/kernel-vm.sh")
test_main "$@"
cd "$(dirname "$vm")"
out=$TMPDIR/out

machines() {
	pgrep -c qemu || true
}

# ended SIGNAL: the script gets it when the VM is up; what is there then?
ended() {
	local script tries=600

	"$vm" 6.1 "$out" sleep 600 >"$TMPDIR/log" 2>&1 &
	script=$!
	until grep -q 'up after' "$TMPDIR/log" || [ $((tries -= 1)) = 0 ]; do
		sleep 0.1
	done
	same 1 "$(machines)" "a VM is up before SIG$1"
	kill "-$1" "$script"
	wait "$script" 2>/dev/null || true
	tries=50
	until [ "$(machines)" = 0 ] || [ $((tries -= 1)) = 0 ]; do
		sleep 0.1
	done
	same 0 "$(machines)" "and none after it"
}

before=$(host_state)
status=0
# shellcheck disable=SC2016 # expanded in there
output=$(WEFT_SAYS='two words' "$vm" 6.1 "$out" bash -c 'uname -r; pwd
	echo "$WEFT_SAYS" "$@"; touch /usr/written /dev/null "$0/kept"
	modprobe wireguard && ip link add wg0 type wireguard && exit 7' \
	"$out" 'and two more') || status=$?
same 7 "$status" "the status is that of the command"
same "6.1
$PWD
two words and two more" "$(tail -n 3 <<<"$output" |
	sed 's/^6\.1\.[0-9].*/6.1/')" "its kernel, directory and words are right"
same kept "$(find "$out" -name kept -printf %f)" "OUT keeps what it wrote"
same no "$([ -e /usr/written ] && echo yes || echo no)" "the machine does not"
same "console kept" "$(find "$out" -type f -printf '%f\n' | sort | xargs)" \
	"nothing else is in OUT"
ended TERM
ended KILL
rm -rf "$out"
same "$before" "$(host_state)" "the host is as it was before"
fails "a kernel that Debian does not have is refused" "$vm" 5.1 "$out" true
