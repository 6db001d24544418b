#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft drives a list of three plugins: bridge-vm and two of a few lines, which
# keep a file for each attachment and write down what they were asked. Killed
# between any two plugins, one DEL leaves nothing.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

weft=$cni_bin/weft
cache=/var/lib/cni/weft
export NETCONFPATH=$TMPDIR/net.d FAKE=$TMPDIR/fake
export CNI_PATH=$cni_bin:$TMPDIR/plugins
mkdir "$NETCONFPATH" "$FAKE" "$TMPDIR/plugins"
ns_new c1
ns_new c2

# What it is told to fail or to kill its runtime at stands in $FAKE/fail and
# $FAKE/kill: "first ADD". Killing comes before anything is done.
cat >"$TMPDIR/plugins/first" <<'PLUGIN'
#!/bin/bash
me=${0##*/} conf=$(cat)
log() { jq -nc --arg c "$CNI_COMMAND" --arg p "$me" '[$p, $c]' >>"$FAKE/log"; }
case $CNI_COMMAND in
VERSION)
	echo '{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0","1.1.0"]}'
	exit ;;
esac
log
echo "$conf" >"$FAKE/$me.$CNI_COMMAND"
env | grep ^CNI_ | sort >"$FAKE/$me.$CNI_COMMAND.env"
if [ "$(cat "$FAKE/kill" 2>/dev/null)" = "$me $CNI_COMMAND" ]; then
	kill -KILL $PPID
	exit 1
fi
if grep -qx "$me $CNI_COMMAND" "$FAKE/fail" 2>/dev/null; then
	echo '{"code": 107, "msg": "told to", "details": "by the test"}'
	exit 1
fi
file=$FAKE/$me-held-$CNI_CONTAINERID-$CNI_IFNAME
case $CNI_COMMAND in
ADD) touch "$file"; jq .prevResult <<<"$conf" ;;
DEL) rm -f "$file" ;;
CHECK) [ -e "$file" ] && jq -e .prevResult <<<"$conf" >/dev/null ||
	{ echo '{"code": 108, "msg": "not there"}'; exit 1; } ;;
esac
PLUGIN
chmod +x "$TMPDIR/plugins/first"
ln -s first "$TMPDIR/plugins/second"

conf '{cniVersion, name, disableCheck: false, plugins: [
	del(.cniVersion, .name) | .ipMasq = true | .isDefaultGateway = true,
	{type: "first", capabilities: {x: true, y: false}, own: [1]},
	{type: "second", capabilities: {y: true}, runtimeConfig: {y: 0}}]}' \
	>"$NETCONFPATH/net1.conflist"

log() {
	[ ! -e "$FAKE/log" ] || jq -rc 'join(" ")' "$FAKE/log" | paste -sd,
	rm -f "$FAKE/log"
}

# Of a guest; the bridge and the masquerade stay for the next one.
left() {
	leases
	ip -o link show master br0 2>/dev/null || true
	ip -n c1 -o link show type veth
	find "$FAKE" -name '*held*'
	find "$cache" -type f
}

# --- as it should be ---

export CAP_ARGS='{"x": {"deep": [1, "<>"]}, "y": 2, "z": 3}' CNI_ARGS='A=b;C=d'
succeeds "ADD" "$weft" add net1 /run/netns/c1 --id c1
is "prints the last plugin's result" "$output" \
	'(.ips | length) == 2 and .interfaces[2].name == "eth0"'
result=$output
same "first ADD,second ADD" "$(log)" "runs the plugins in order"
is "each gets name, version and the one before's result" \
	"$(cat "$FAKE/second.ADD")" '.name == "net1" and .cniVersion == "1.1.0" and
	.prevResult.interfaces[2].name == "eth0" and .type == "second"'
is "its own keys" "$(cat "$FAKE/first.ADD")" '.own == [1]'
is "and the capabilities that it declares" \
	"$(cat "$FAKE/first.ADD" "$FAKE/second.ADD" | jq -s .)" \
	'.[0].runtimeConfig == {"x": {"deep": [1, "<>"]}} and
	.[1].runtimeConfig == {"y": 2}'
same "CNI_ARGS=A=b;C=d CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 \
CNI_NETNS=/run/netns/c1 CNI_PATH=$CNI_PATH" \
	"$(paste -sd' ' "$FAKE/first.ADD.env")" "and the environment"
is "the cache file is libcni's" "$(cat "$cache/net1-c1-eth0")" \
	'keys == ["capabilityArgs", "cniArgs", "config", "containerId", "ifName",
	"kind", "netns", "networkName", "result"] and .kind == "cniCacheV1" and
	.cniArgs == [["A", "b"], ["C", "d"]] and .capabilityArgs.z == 3 and
	(.config | @base64d | fromjson | .name) == "net1"'
same "$(jq -S . <<<"$result")" "$(jq -S .result "$cache/net1-c1-eth0")" \
	"with the result"
same 600 "$(stat -c %a "$cache/net1-c1-eth0")" "for root alone"

fails "a second ADD is refused" "$weft" add net1 /run/netns/c1 --id c1
is "in so many words" "$(jq -Rs . <<<"$output")" 'test("is attached to network .* already")'
same "" "$(log)" "without asking anybody"
fails "so it is where the first plugin sees it" \
	"$weft" add net1 /run/netns/c1 --id c1 --cache-dir "$TMPDIR/other"
same "" "$(log)$(ls "$TMPDIR/other")" "which leaves no cache entry"
unset CAP_ARGS CNI_ARGS
succeeds "CHECK" "$weft" check net1 /run/netns/c1 --id c1
same "first CHECK,second CHECK" "$(log)" "asks in order"
is "with what ADD was told, and its result" "$(cat "$FAKE/first.CHECK")" \
	'.runtimeConfig.x.deep[0] == 1 and (.prevResult.ips | length) == 2'
succeeds "STATUS" "$weft" status net1
same "first STATUS,second STATUS" "$(log)" "asks in order"
succeeds "version" "$weft" version net1
is "asks each plugin" "$(jq -Rs . <<<"$output")" \
	'test("^bridge-vm 0\\.1\\.0.* 1\\.1\\.0\nfirst 0\\.4\\.0 1\\.0\\.0 1\\.1\\.0\nsecond ")'
succeeds "cnitool's way of writing" "$weft" -i eth5 add net1 /run/netns/c1
is "takes the option first" "$output" '.interfaces[2].name == "eth5"'
succeeds "and derives an ID" "$weft" --ifname eth5 del net1 /run/netns/c1
log >/dev/null

succeeds "GC" "$weft" gc net1 /run/netns/c1
same "first GC,second GC" "$(log)" "asks in order"
is "with the list of who lives, under both names" "$(cat "$FAKE/first.GC")" \
	'."cni.dev/valid-attachments" == [{"containerID":"c1","ifname":"eth0"}] and
	."cni.dev/attachments" == ."cni.dev/valid-attachments"'
succeeds "CHECK is content" "$weft" check net1 --id c1
mkdir -p /var/lib/cni/results
sed 's/"c1"/"engine"/' "$cache/net1-c1-eth0" \
	>/var/lib/cni/results/net1-engine-eth0
"$weft" gc net1
is "an engine's living guest is on the list" "$(cat "$FAKE/first.GC")" \
	'."cni.dev/valid-attachments" | length == 2 and
	any(.[]; .containerID == "engine")'
"$weft" --cache-dir /var/lib/cni/results gc net1
is "and weft's own, with the engine's cache" "$(cat "$FAKE/first.GC")" \
	'."cni.dev/valid-attachments" | length == 2 and
	any(.[]; .containerID == "c1")'
rm -r /var/lib/cni/results
log >/dev/null
succeeds "DEL" "$weft" del net1 --id c1
same "second DEL,first DEL" "$(log)" "runs them the last first"
is "with result and capabilities of ADD" "$(cat "$FAKE/first.DEL")" \
	'.runtimeConfig.x.deep[0] == 1 and (.prevResult.ips | length) == 2'
same "A=b;C=d" "$(sed -n 's/^CNI_ARGS=//p' "$FAKE/first.DEL.env")" \
	"and its CNI_ARGS"
same "" "$(left)" "and leaves nothing"
succeeds "DEL again" "$weft" del net1 --id c1
log >/dev/null

"$weft" add net1 /run/netns/c2 --id gone >/dev/null
ip netns del c2
succeeds "GC after a namespace went away" "$weft" gc net1
same "" "$(left)" "detaches its guest"
is "and has an empty list, never none" "$(cat "$FAKE/first.GC")" \
	'."cni.dev/valid-attachments" == []'
log >/dev/null

# --- failures ---

for plugin in first second; do
	echo "$plugin ADD" >"$FAKE/fail"
	fails "ADD that fails in $plugin" "$weft" add net1 /run/netns/c1 --id c1
	same "weft: plugin type=\"$plugin\" name=\"net1\" failed (add): told to (code 107)
  by the test" "$output" "says so in libcni's words"
	same "" "$(left)" "and is undone"
done
rm "$FAKE/fail"
"$weft" add net1 /run/netns/c1 --id c1 >/dev/null
printf '%s\n' "first DEL" "second DEL" >"$FAKE/fail"
fails "DEL that fails in two plugins" "$weft" del net1 --id c1
is "reports the first failure" "$(jq -Rs . <<<"$output")" \
	'test("type=\"second\" .*failed \\(delete\\): told to")'
same "" "$(leases)" "has gone on over it"
succeeds "and keeps the cache entry" [ -e "$cache/net1-c1-eth0" ]
rm "$FAKE/fail"
succeeds "one more DEL" "$weft" del net1 --id c1
same "" "$(left)" "is the end"
echo "first GC" >"$FAKE/fail"
log >/dev/null
fails "GC that fails in the first" "$weft" gc net1
same "first GC,second GC" "$(log)" "goes on to the next"
echo "first STATUS" >"$FAKE/fail"
fails "STATUS that fails" "$weft" status net1
same "first STATUS" "$(log)" "ends there"
rm "$FAKE/fail"

# --- killed between two plugins ---

# killed NAME COMMAND...: by a plugin, and its cache still is in order.
killed() {
	local name=$1

	shift
	status=0
	"$@" >"$TMPDIR/killed" 2>&1 || status=$?
	same 137 "$status" "$name"
}

for plugin in first second; do
	echo "$plugin ADD" >"$FAKE/kill"
	CAP_ARGS='{"x": 5}' CNI_ARGS='K=v' killed "ADD killed before $plugin" \
		"$weft" add net1 /run/netns/c1 --id c1
	rm "$FAKE/kill"
	fails "ADD after that" "$weft" add net1 /run/netns/c1 --id c1
	is "asks for a del" "$(jq -Rs . <<<"$output")" 'test("needs a del first")'
	succeeds "one DEL, which names but the ID" "$weft" del net1 --id c1
	same "" "$(left)" "leaves nothing"
	same "5 K=v /run/netns/c1" "$(jq -r .runtimeConfig.x "$FAKE/first.DEL") $(
		sed -n 's/^CNI_ARGS=//p' "$FAKE/first.DEL.env") $(
		sed -n 's/^CNI_NETNS=//p' "$FAKE/first.DEL.env")" \
		"and tells the plugins what ADD was told"
	succeeds "ADD after DEL" "$weft" add net1 /run/netns/c1 --id c1
	for verb in CHECK STATUS GC DEL; do
		[ $verb = STATUS ] || [ $verb = GC ] && args=(net1) ||
			args=(net1 --id c1)
		echo "$plugin $verb" >"$FAKE/kill"
		killed "$verb killed at $plugin" "$weft" "${verb,,}" "${args[@]}"
		rm "$FAKE/kill"
		[ $verb = DEL ] || succeeds "$verb after that" \
			"$weft" "${verb,,}" "${args[@]}"
	done
	succeeds "one DEL after a killed one" "$weft" del net1 --id c1
	same "" "$(left)" "leaves nothing"
done
# Between the last plugin and the cache's last word.
"$weft" add net1 /run/netns/c1 --id c1 >/dev/null
: >"$cache/net1-c1-eth0"
succeeds "DEL with an empty cache file" "$weft" del net1 /run/netns/c1 --id c1
same "" "$(left)" "leaves nothing"

# --- versions ---

edit() {
	jq "$1" "$NETCONFPATH/net1.conflist" >"$TMPDIR/edited"
	mv "$TMPDIR/edited" "$NETCONFPATH/net1.conflist"
}

"$weft" add net1 /run/netns/c1 --id c1 >/dev/null
edit '.cniVersion = "0.4.0"'
succeeds "DEL when the list speaks another version by now" \
	"$weft" del net1 --id c1
is "gets the result in that version" "$(cat "$FAKE/first.DEL")" \
	'.prevResult.cniVersion == "0.4.0" and .prevResult.ips[0].version == "4"'
log >/dev/null
succeeds "GC before 1.1.0" "$weft" gc net1
succeeds "STATUS before 1.1.0" "$weft" status net1
same "" "$(log)" "ask nobody"
edit '.cniVersion = "0.3.1"'
fails "CHECK before 0.4.0" "$weft" check net1 --id c1
is "is refused in libcni's words" "$(jq -Rs . <<<"$output")" \
	'test("configuration version \"0.3.1\" does not support the CHECK command")'
"$weft" add net1 /run/netns/c1 --id c1 >/dev/null
succeeds "DEL before 0.4.0" "$weft" del net1 --id c1
is "has no prevResult" "$(cat "$FAKE/first.DEL")" 'has("prevResult") | not'
edit '.cniVersion = "1.1.0" | .disableCheck = "True" | .disableGC = "true"'
log >/dev/null
succeeds "disableCheck" "$weft" check net1 --id c1
succeeds "disableGC" "$weft" gc net1
same "" "$(log)" "ask nobody"
edit '.plugins += [{type: "nowhere"}]'
fails "a plugin that there is not" "$weft" add net1 /run/netns/c1 --id c1
is "is named in libcni's words" "$(jq -Rs . <<<"$output")" \
	'test("failed to find plugin \"nowhere\" in path \\[/")'
