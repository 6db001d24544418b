#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The log of verbs: WEFT_LOG and "log", to a file and to the journal's socket.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

log=$TMPDIR/weft.log
stamp='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z'
ns_new c1

# line N REGEX NAME
line() {
	if [[ $(sed -n "$1p" "$log") =~ ^$stamp\ $2$ ]]; then
		ok "$3"
	else
		note "$(cat "$log")"
		nok "$3"
	fi
}

config=$(conf '.log = "'"$log"'" | .isGateway = true')
add c1 c1 "$config"
worked "ADD with a log"
line 1 'ADD plugin=bridge-vm network=net1 container=c1 ifname=eth0 us=[1-9][0-9]* ok result=10\.1\.0\.2/24,fd00:1::2/64' \
	"one line, with what it gave"
same "600" "$(stat -c %a "$log")" "nobody else reads it"
check c1 c1 "$config"
worked "CHECK with a log"
line 2 'CHECK plugin=bridge-vm network=net1 container=c1 ifname=eth0 us=[0-9]+ ok' \
	"the next line"
ip -n c1 addr flush dev eth0
check c1 c1 "$config"
refused 102 "CHECK of damage"
line 3 'CHECK .* us=[0-9]+ code=102 error=".*" ?.*' "code and sentence"
del c1 c1 "$config"
worked "DEL with a log"
line 4 'DEL plugin=bridge-vm .* ok' "DEL's line"
same 4 "$(wc -l <"$log")" "a verb, a line"

add c1 c1 "$(conf '.log = "'"$log"'" | .mtu = "x"')"
refused 6 "a configuration that is refused"
line 5 'ADD .* code=6 error=".*mtu.*"' "is told"
add c1 c1 "$(conf '.log = "/nowhere/x"')" WEFT_LOG="$log"
worked "WEFT_LOG comes before the configuration's"
line 6 'ADD .* ok .*' "and is written"
cni VERSION c1 c1 "$config"
del c1 c1 "$(conf)" WEFT_LOG=debug
worked "WEFT_LOG with a threshold"
same 6 "$(wc -l <"$log")" "is no file's name; nor is VERSION told"

# --- what cannot be written ---

ln -s "$TMPDIR/aim" "$TMPDIR/link"
mkfifo "$TMPDIR/fifo"
for where in /nowhere/x "$TMPDIR/link" "$TMPDIR/fifo" "$TMPDIR" /dev/full \
	relative journal; do
	add c1 c1 "$(conf '.log = "'"$where"'"')"
	worked "ADD whose log is ${where##*/}"
	del c1 c1 "$(conf '.log = "'"$where"'"')"
	worked "and DEL"
done
succeeds "a link is not followed" [ ! -e "$TMPDIR/aim" ]

# --- the journal ---

mkdir -p /run/systemd/journal
cat >"$TMPDIR/listen.py" <<'EOF'
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/systemd/journal/socket")
s.settimeout(20)
print(s.recv(65536).decode(), end="")
EOF
if command -v python3 >/dev/null; then
	python3 "$TMPDIR/listen.py" >"$TMPDIR/journal" &
	until [ -S /run/systemd/journal/socket ]; do sleep 0.05; done
	add c1 c1 "$(conf '.log = "journal"')"
	worked "ADD to the journal"
	wait
	for field in SYSLOG_IDENTIFIER=weft PRIORITY=6 WEFT_VERB=ADD \
		WEFT_NETWORK=net1 WEFT_CONTAINER=c1 WEFT_IFNAME=eth0 \
		WEFT_PLUGIN=bridge-vm; do
		succeeds "with $field" grep -qx "$field" "$TMPDIR/journal"
	done
	succeeds "and a message" grep -qE \
		'^MESSAGE=ADD plugin=bridge-vm .* ok result=10\.1\.0\.' \
		"$TMPDIR/journal"
	same "" "$(grep -vE '^[A-Z_]+=' "$TMPDIR/journal" || true)" \
		"and nothing else"
else
	skip "the journal" "no python3 to listen"
fi

# --- without ---

if command -v strace >/dev/null; then
	CNI_COMMAND=DEL CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_PATH=$cni_bin \
		ASAN_OPTIONS=detect_leaks=0 strace -f -o "$TMPDIR/calls" "$cni_bin/bridge-vm" \
		<<<"$(conf)" >/dev/null
	same 0 "$(grep -cE 'AF_UNIX|O_APPEND' "$TMPDIR/calls" || true)" \
		"without a log nothing is opened for it"
else
	skip "no cost without a log" "no strace"
fi
