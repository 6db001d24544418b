#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft watch: what does not pass is printed as it happens, with who, what and why.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/guard.sh
. "$(dirname "$0")/../lib/guard.sh"

weft=$cni_bin/weft
for ns in db other vm guest; do
	ns_new $ns
done

fails "where no guest has a guard" "$weft" watch
succeeds "that is the reason" grep -q "no guest on this host" <<<"$output"

config=$(conf '.policy = {podSelector: {}, policyTypes: ["Ingress"],
	ingress: [{from: [{ipBlock: {cidr: "10.1.0.0/24"}}], ports: [{port: 80}]},
	{action: "Deny", ports: [{port: 81}]}]}')
add db db "$config"
db=$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")
db_result=$result
add other other "$config"
other=$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")
other_result=$result

# watch_start [ARGUMENT...]: returns when it listens, and writes to $to.
to=$TMPDIR/seen
watch_start() {
	: >"$TMPDIR/said"
	"$weft" watch "$@" >"$to" 2>"$TMPDIR/said" &
	watcher=$!
	until grep -q watching "$TMPDIR/said" || ! kill -0 $watcher 2>/dev/null; do
		sleep 0.02
	done
}

# watch_end: by itself, within two seconds.
watch_end() {
	local tries=100

	while kill -0 $watcher 2>/dev/null && [ $((tries -= 1)) -gt 0 ]; do
		sleep 0.02
	done
	kill -KILL $watcher 2>/dev/null || true
	watch_status=0
	wait $watcher 2>/dev/null || watch_status=$?
}

# tries NS tcp|udp ADDRESS PORT: nobody answers.
tries() {
	ip netns exec "$1" timeout 1 bash -c "echo >/dev/$2/$3/$4" \
		2>/dev/null || true
}

has_line() {
	if grep -Eq "$2" "$TMPDIR/seen"; then
		ok "$1"
	else
		note "$(<"$TMPDIR/seen")"
		nok "$1: no line $2"
	fi
}
when='^[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{6}'

# --- What is told. ---

watch_start --id db
tries other tcp "$db" 82
tries other tcp "$db" 81
kill -TERM $watcher
watch_end
same 0 $watch_status "SIGTERM ends it"
has_line "what no rule allows" \
	"$when to net1 db eth0: tcp $other:[0-9]+ > $db:82 syn: policy, no rule allows it$"
has_line "what a rule denies" \
	"$when to net1 db eth0: tcp $other:[0-9]+ > $db:81 syn: policy, rule 2 denies it$"
same "weft: watching all networks" "$(<"$TMPDIR/said")" \
	"it says when it listens, and nothing else"

watch_start --count 1
tries other udp "$db" 82
watch_end
same 0 $watch_status "--count: it ends by itself"
same 1 "$(wc -l <"$TMPDIR/seen")" "after so many"
watch_start net1 --id db --json
tries other tcp "$db" 82
kill -TERM $watcher
watch_end
is "for programs" "$(jq -c 'select(.destinationPort == 82)' "$TMPDIR/seen")" '.network == "net1" and
	.containerID == "db" and .ifname == "eth0" and .direction == "to" and
	.reason == "policy" and .passed == false and .missed == 0 and
	.protocol == "tcp" and .destinationPort == 82 and
	.source == "'"$other"'" and .destination == "'"$db"'" and
	(.sourcePort > 0) and .etherType == "0x0800" and .length == 74 and
	(has("rule") | not) and (.time | fromdateiso8601? // sub("\\.[0-9]+"; "") |
		fromdateiso8601 - now | fabs < 60)'

# --- What a VM poses as. ---

vm=$(jq -c '.attach = "tap"' <<<"$config")
cni ADD vm vm "$vm" CNI_ARGS="IP=10.1.0.5"
worked "a VM"
vm_result=$result
tap=$(jq -r '.interfaces[] | select(.name | startswith("tap")) | .name' <<<"$result")
guest_vm "$tap" "$(jq -r '.interfaces[] | select(.sandbox).mac' <<<"$result")"
watch_start --id vm --count 1
with_address 10.1.0.6/24 10.1.0.5/24 hears 10.1.0.9 || true
watch_end
has_line "another one's address" \
	"$when from net1 vm eth0: arp request 10\.1\.0\.6 \($guest_mac\) > 10\.1\.0\.[0-9]+: arp, says that another one's address is here$"
watch_start --id vm --count 1
with_mac 02:00:00:00:00:77 hears 10.1.0.9 || true
watch_end
has_line "another one's MAC" \
	"^[^ ]+ from net1 vm eth0: .*: mac, from 02:00:00:00:00:77, not the guest's$"

# --- Who is listened to, and who is not. ---

watch_start --id other
tries other udp "$db" 82
kill -TERM $watcher
watch_end
same "" "$(<"$TMPDIR/seen")" "--id: others are not told of"
watch_start net2
tries other udp "$db" 82
kill -INT $watcher
watch_end
same 0 $watch_status "SIGINT ends it"
same "" "$(<"$TMPDIR/seen")" "another network: nothing"
to=$TMPDIR/seen2 watch_start
first=$watcher
watch_start --count 1
tries other udp "$db" 82
watch_end
same 0 $watch_status "two at a time: the second is told"
kill -KILL $first
wait $first 2>/dev/null || true
succeeds "and the first" grep -q "$db:82" "$TMPDIR/seen2"
watch_start --count 1
tries other udp "$db" 82
watch_end
same 0 $watch_status "after one that was killed: it goes on"
fails "an invalid name" "$weft" watch /x
fails "--count 0" "$weft" watch --count 0
to=/dev/full watch_start
tries other udp "$db" 82
watch_end
same 1 $watch_status "where nothing can be written it ends"
succeeds "and says so" grep -q "watch: write" "$TMPDIR/said"

# --- Too many. ---

watch_start
ip netns exec other bash -c \
	"for ((i = 0; i < 400; i++)); do echo >/dev/udp/$db/82; done"
# What was missed is told with the next one, of the same CPU.
for ((i = 0; i < 8; i++)); do
	sleep 0.3
	tries other udp "$db" 83
done
kill -INT $watcher
watch_end
told=$(grep -c '> '"$db"':8[23]' "$TMPDIR/seen")
missed=$(awk '/ more before that/ { n += $2 } END { print n + 0 }' "$TMPDIR/seen")
note "$told told, $missed not"
succeeds "a flood is told in part" test "$told" -lt 300
succeeds "and the rest is counted" test $((told + missed)) -ge 400

# --- Whom nobody knows any more. ---

vm_end
cni DEL vm vm "$(with_prev "$vm" "$vm_result")"
worked "DEL of the VM"
cni DEL other other "$(with_prev "$config" "$other_result")"
worked "DEL"
cni DEL db db "$(with_prev "$config" "$db_result")"
worked "DEL of the last"
same 0 "$(entries)" "nobody is left"
