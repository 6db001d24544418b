#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Completion in bash: what is offered where.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=completions/weft.bash
. "$cni_root/completions/weft.bash"

export NETCONFPATH=$TMPDIR/net.d
mkdir "$NETCONFPATH" "$TMPDIR/files"
echo '{"cniVersion": "1.1.0", "name" : "alpha", "plugins": [{"name": "x"}]}' \
	>"$NETCONFPATH/1.conflist"
printf '{\n  "name":\t"beta"\n}' >"$NETCONFPATH/2.conf"
echo 'no JSON' >"$NETCONFPATH/3.json"
# shellcheck disable=SC2016 # not to be expanded, ever
echo '{"name": "$(touch /run/tmp/ran)"}' >"$NETCONFPATH/4.conf"
touch "$TMPDIR/files/"{a,b}.conflist

# offers NAME EXPECTED WORD...: for the last of the words.
offers() {
	local name=$1 expected=$2

	shift 2
	COMP_WORDS=(weft "$@")
	COMP_CWORD=$#
	COMPREPLY=()
	_weft
	same "$expected" "$(printf '%s\n' "${COMPREPLY[@]}" | sort |
		paste -sd ' ')" "$name"
}

verbs=$("$cni_bin/weft" --help | awk '/^  [a-z]/ { print $1 }' | sort -u)
COMP_WORDS=(weft '') COMP_CWORD=1
_weft
same "$verbs" "$(printf '%s\n' "${COMPREPLY[@]}" | sort)" \
	"the verbs that weft has"
offers "a verb begun" 'del doctor' d
offers "networks" 'alpha beta' add ''
offers "a network begun" beta ls b
offers "behind an option" 'alpha beta' --id c1 del ''
offers "network's own verbs" 'ls rm' network ''
offers "whose network" 'alpha beta' network rm ''
offers "ls has none" '' network ls ''
offers "options" '--id --ifname' add alpha --i
offers "an ID is anybody's" '' add --id ''
offers "lease's own verbs" 'ls release' lease ''
offers "of whose leases" 'alpha beta' lease release ''
offers "keys are not guessed" '' lease release alpha ''
offers "policy's own verbs" 'apply reset show test' policy ''
offers "of whose policy" 'alpha beta' policy apply ''
offers "a file to apply" "$TMPDIR/files/a.conflist" policy apply alpha \
	"$TMPDIR/files/a"
offers "whose network to watch" 'alpha beta' watch ''
offers "the direction of a packet" 'from to' policy test alpha c1 ''
offers "files to lint" "$TMPDIR/files/a.conflist $TMPDIR/files/b.conflist" \
	lint "$TMPDIR/files/"
offers "more files" "$TMPDIR/files/b.conflist" lint x "$TMPDIR/files/b"
offers "networks to run on" 'alpha beta' run alpha ''
offers "the VMMs whose command is printed" 'cloud-hypervisor' run --print c
offers "networks behind an option's value" 'beta' run --print qemu --queues 2 b
offers "the VMM is a program" "$TMPDIR/files/a.conflist" \
	run alpha -- "$TMPDIR/files/a"
offers "one network's orphans" 'beta' gc --orphans --min-age 5m b
offers "doctor takes nothing" '' doctor ''
offers "nor does repair" '' repair ''
rm "$NETCONFPATH"/*
offers "no networks" '' add ''
succeeds "nothing of a file was run" [ ! -e /run/tmp/ran ]
