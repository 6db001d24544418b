#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft lint: what it says, and where.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

weft=$cni_bin/weft
cd "$TMPDIR"
# "list | says" counts here, not in a subshell.
shopt -s lastpipe

# says STATUS FILE NAME EXPECTED: the text on stdin is FILE.
says() {
	local status=0 got

	cat >"$2"
	got=$("$weft" lint "$2" 2>&1) || status=$?
	same "$1"$'\n'"${4-}" "$status"$'\n'"$got" "$3"
}

# list PLUGIN...: a conflist of them, each from the third line on.
list() {
	printf '{ "cniVersion": "1.1.0", "name": "n",\n"plugins": [\n'
	printf '%s' "$1"
	shift
	[ $# = 0 ] || printf ',\n%s' "$@"
	printf '\n] }\n'
}

ipam='"ipam": {"type": "ipam-host-local", "subnet": "10.1.0.0/24"}'
list '{"type": "bridge-vm", '"$ipam"'}' |
	says 0 a.conflist "a good list: not a word"
echo '{"cniVersion": "1.0.0", "name": "n", "type": "bridge-vm"}' |
	says 0 a.conf "a good file of one plugin"
list '{"type": "bridge-vm", "isgateway": true}' |
	says 0 a.conflist "keys of any case are read, so they are right"
list '{"type": "bridge-vm", "ipam": {"type": "dhcp", "daemonSocketPath": "/x"}}' \
	'{"type": "tuning", "sysctl": {"a": "b"}}' |
	says 0 a.conflist "others' plugins are left alone"

says 0 a.conflist "every unknown key, at its place" \
	'a.conflist:4:3: warning: unknown key "isGatway", did you mean "isGateway"?
a.conflist:5:12: warning: unknown key "ownr", did you mean "owner"?
a.conflist:5:23: warning: unknown key "zzzzz": nobody reads it
a.conflist:7:43: warning: unknown key "gatewy", did you mean "gateway"?
a.conflist:8:38: warning: unknown key "metric": nobody reads it' <<'EOF'
{ "cniVersion": "1.1.0", "name": "n",
"plugins": [
{ "type": "bridge-vm",
  "isGatway": true,
  "tap": { "ownr": 1, "zzzzz": 1 },
  "ipam": { "type": "ipam-host-local",
    "ranges": [[{"subnet": "10.1.0.0/24", "gatewy": ""}]],
    "routes": [{ "dst": "0.0.0.0/0", "metric": 1 }] } }
] }
EOF
says 1 a.conflist "every wrong value, at its place" \
	'a.conflist:1:62: error: key "disableCheck": "maybe" is not true or false
a.conflist:4:9: error: network "n": key "mtu": 70000 is not within 0..65535
a.conflist:5:16: error: network "n": key "isGateway": "yes" is not true or false
a.conflist:6:13: error: network "n": attach "macvtap": must be "veth" or "tap"
a.conflist:7:22: error: network "n": key "tap": key "queues": 0 is not within 1..256
a.conflist:8:9: error: network "n": key "gc": "lax" is not "strict"' <<'EOF'
{ "cniVersion": "1.1.0", "name": "n",        "disableCheck": "maybe",
"plugins": [
{ "type": "bridge-vm",
  "mtu":70000,
  "isGateway": "yes",
  "attach": "macvtap",
  "tap": { "queues": 0 },
  "gc": "lax"
} ] }
EOF
says 1 a.conflist "a range with host bits" \
	'a.conflist:5:3: error: invalid range set 1: Network has host bits set. For a subnet mask of length 24 the network address is 10.2.0.0' <<'EOF'
{ "cniVersion": "1.1.0", "name": "n", "plugins": [
{ "type": "bridge-vm", "ipam": { "type": "ipam-host-local",
 "ranges": [
  [{ "subnet": "10.1.0.0/24" }],
  [{ "subnet": "10.2.0.5/24" }]
] } } ] }
EOF
says 1 a.conflist "no address at all" \
	'a.conflist:1:108: error: key "ipam": key "gateway": invalid IP address: 10.1.0.256' <<'EOF'
{"name":"n","cniVersion":"1.1.0","plugins":[{"type":"bridge-vm","ipam":{"type":"ipam-host-local","gateway":"10.1.0.256"}}]}
EOF
says 0 a.conflist "a key given twice" \
	'a.conflist:1:65: warning: key "mtu" is given again below, and the last one counts' <<'EOF'
{"name":"n","cniVersion":"1.1.0","plugins":[{"type":"bridge-vm","mtu":1400,"MTU":1500}]}
EOF

# --- bridge-vm's VLANs, macvlan-vm, portmap-nft ---

list '{"type": "bridge-vm", "vlan": 100, "mtu": "auto", "uplink": "eth1",
"vlanTrunk": [{"id": 10}, {"minID": 200, "maxID": 299}], "macspoofchk": true}' |
	says 0 a.conflist "VLANs"
list '{"type": "macvlan-vm", "mode": "bridge", "hostAccess": true, '"$ipam"'}' \
	'{"type": "portmap-nft", "capabilities": {"portMappings": true}}' |
	says 0 a.conflist "macvlan-vm and portmap-nft"
says 1 a.conflist "a wrong vlan, trunk, uplink" \
	'a.conflist:4:11: error: network "n": key "vlan": 4095 is not within 0..4094
a.conflist:5:35: error: network "n": key "vlanTrunk"[1]: key "id": 0 is not within 1..4094
a.conflist:6:10: error: network "n": key "mtu": true is not an integer or "auto"
a.conflist:7:13: error: network "n": key "uplink": "b0" is the bridge itself
a.conflist:7:19: warning: unknown key "macspoofchck", did you mean "macspoofchk"?' <<'EOF'
{ "cniVersion": "1.1.0", "name": "n",
"plugins": [
{ "type": "bridge-vm", "bridge": "b0",
  "vlan": 4095,
  "vlanTrunk": [{"id":1}, { "id": 0 }],
  "mtu": true,
  "uplink": "b0", "macspoofchck": true
} ] }
EOF
says 1 a.conflist "half a range of VLANs" \
	'a.conflist:2:37: error: network "n": key "vlanTrunk"[0]: minID and maxID should be configured simultaneously, maxID is missing: {"minID":5,"macID":9}' <<'EOF'
{ "cniVersion": "1.1.0", "name": "n", "plugins": [
{ "type": "bridge-vm", "vlanTrunk": [{ "minID": 5, "macID": 9 }] } ] }
EOF
says 0 a.conflist "a key misspelt in it" \
	'a.conflist:2:49: warning: unknown key "macID", did you mean "maxID"?' <<'EOF'
{ "cniVersion": "1.1.0", "name": "n", "plugins": [
{ "type": "bridge-vm", "vlanTrunk": [{ "id": 5, "macID": 9 }] } ] }
EOF
says 1 a.conflist "macvlan-vm's mode and the rest" \
	'a.conflist:4:11: error: network "n": key "mode": unknown macvlan mode: "brigde"
a.conflist:5:10: error: network "n": key "mtu": 70000 is not within 0..65535
a.conflist:6:10: error: network "n": key "mac": "01:00:5e:00:00:01": not a unicast Ethernet address
a.conflist:7:17: error: network "n": key "bcqueuelen": -1 is not within 0..4294967295
a.conflist:8:13: error: network "n": attach "tap": must be "macvlan" or "macvtap"
a.conflist:9:24: error: network "n": key "macvtap": key "mode": "0777": must be octal, such as "0660": who may read and write
a.conflist:9:32: warning: unknown key "queue", did you mean "queues"?
a.conflist:10:3: warning: unknown key "hostAcces", did you mean "hostAccess"?' <<'EOF'
{ "cniVersion": "1.1.0", "name": "n",
"plugins": [
{ "type": "macvlan-vm",
  "mode": "brigde",
  "mtu": 70000,
  "mac": "01:00:5e:00:00:01",
  "bcqueuelen": -1,
  "attach": "tap",
  "macvtap": { "mode": "0777", "queue": 4 },
  "hostAcces": true
} ] }
EOF
says 1 a.conflist "a port out of range, and what only iptables can" \
	'a.conflist:5:18: error: network "n": key "markMasqBit": 32: MasqMarkBit must be between 0 and 31
a.conflist:5:38: error: network "n": key "conditionsV4": unsupported: value ["-i","eth0"]: it is for iptables, and this plugin writes nf_tables by itself
a.conflist:6:3: warning: unknown key "masqAl", did you mean "masqAll"?
a.conflist:9:19: error: network "n": portMappings[1]: key "hostPort": Invalid host port number: 70000' <<'EOF'
{ "cniVersion": "1.1.0", "name": "n",
"plugins": [
{ "type": "bridge-vm" },
{ "type": "portmap-nft", "capabilities": { "portMappings": true },
  "markMasqBit": 32, "conditionsV4": ["-i", "eth0"],
  "masqAl": true, "conditionsV6": [],
  "runtimeConfig": { "portMappings": [
    { "hostPort": 8080, "containerPort": 80 },
    { "hostPort": 70000, "containerPort": 80 } ] } } ] }
EOF
says 1 a.conflist "portmap-nft first, deaf, and with a port in quotes" \
	'a.conflist:3:11: error: "portmap-nft" works on an interface that another plugin made: it cannot be the first
a.conflist:3:11: warning: "portmap-nft" without "capabilities": {"portMappings": true}: engines will tell it nothing
a.conflist:4:19: error: network "n": portMappings[0]: key "hostPort": "8080" is not an integer' <<'EOF'
{ "cniVersion": "1.1.0", "name": "n",
"plugins": [
{ "type": "portmap-nft", "runtimeConfig": { "portMappings": [
    { "hostPort": "8080", "containerPort": 80 , "hostIp": "x"}]} } ] }
EOF

# --- lists, names, versions, places ---

echo '{' | says 1 a.conf "no JSON" \
	'a.conf:1:2: error: JSON syntax error at line 1, column 2'
printf '{\n "a": 1,\n}' | says 1 a.conf "a comma too many" \
	'a.conf:3:1: error: JSON syntax error at line 3, column 1'
echo '[]' | says 1 a.conf "no object" \
	'a.conf:1:1: error: a network configuration is an object'
echo '{"name": "n"}' | says 1 a.conf "neither list nor plugin" \
	'a.conf:1:1: error: neither "plugins", as a list has it, nor "type", as a single plugin'
echo '{"name": "n/x", "plugins": [{"type": "other"}]}' |
	says 1 a.conflist "a bad name" \
		'a.conflist:1:10: error: missing or invalid network name'
echo '{"name": "n", "plugins": [{"type": "x"}, {"tipe": "y"}]}' |
	says 1 a.conflist "a plugin without type" \
		"a.conflist:1:42: error: plugins[1]: missing 'type'"
echo '{"name": "n", "cniVersion": "9.9.9", "plugins": [{"type": "bridge-vm"}]}' |
	says 1 a.conflist "a version that nobody speaks" \
		'a.conflist:1:29: error: incompatible CNI versions; config is "9.9.9", plugin supports ["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]'
list '{"type": "portmap", "capabilities": {"portMappings": true}}' |
	says 1 a.conflist "a chained plugin first" \
		'a.conflist:3:10: error: "portmap" works on an interface that another plugin made: it cannot be the first'
list '{"type": "bridge-vm"}' '{"type": "bridge-vm"}' '{"type": "portmap"}' \
	'{"type": "host-local"}' |
	says 1 a.conflist "plugins at the wrong place" \
		'a.conflist:4:10: warning: "bridge-vm" makes an interface of its own and ignores the plugins before it: it should be the first
a.conflist:5:10: warning: "portmap" without "capabilities": {"portMappings": true}: engines will tell it nothing
a.conflist:6:10: error: "host-local" is an IPAM plugin: its place is "ipam" of another one'
list '{"type": "brigde-vm", "x": 1}' |
	says 0 a.conflist "a plugin's name misspelt" \
		'a.conflist:3:10: warning: plugin "brigde-vm" is not known, did you mean "bridge-vm"?'
list '{"type": "bridge-vm", "log": "weft.log"}' |
	says 1 a.conflist "a log that is no path" \
		'a.conflist:3:30: error: key "log": "weft.log" is neither an absolute path nor "journal": nothing will be logged'

# --- several files ---

list '{"type": "bridge-vm", '"$ipam"'}' >a.conflist
list '{"type": "bridge-vm", "bridge": "b", '"$ipam"'}' |
	sed 's/"n"/"m"/' >b.conflist
cp a.conflist c.conflist
status=0
output=$("$weft" lint a.conflist b.conflist c.conflist) || status=$?
same '0
b.conflist:3:46: warning: subnet 10.1.0.0/24 overlaps with 10.1.0.0/24 of network "n" in a.conflist: both may hand out one address
c.conflist:3:31: warning: network "n" is also in a.conflist: engines take the file whose name comes first
c.conflist:3:31: warning: subnet 10.1.0.0/24 overlaps with 10.1.0.0/24 of network "m" in b.conflist: both may hand out one address' \
	"$status"$'\n'"$output" "networks in each other's way"
is "the same as JSON" "$("$weft" lint --json a.conflist b.conflist c.conflist)" \
	'length == 3 and .[0] == {file: "b.conflist", line: 3, column: 46,
	severity: "warning", message: .[0].message}'
is "nothing is an empty array" "$("$weft" lint --json a.conflist)" '. == []'
fails "a file that is not there" "$weft" lint nowhere
same 'nowhere:1:1: error: read: No such file or directory' "$output" "is named"
fails "nor a directory" "$weft" lint .
fails "lint of nothing" "$weft" lint

mapfile -t examples < <(find "$cni_root/examples" -name '*.conflist' \
	-o -name '*.conf' | sort)
for file in "${examples[@]}"; do
	same "" "$("$weft" lint "$file" 2>&1)" \
		"examples/${file#"$cni_root/examples/"} is right"
done
# Whatever it is given, it ends by itself, with 0 or 1.
n=0
size=$(stat -c %s "${examples[0]}")
for ((i = 0; i < size; i += 7)); do
	for what in cut flip; do
		if [ $what = cut ]; then
			head -c "$i" "${examples[0]}" >x.conflist
		else
			{ head -c "$i" "${examples[0]}"; printf '}'
				tail -c +$((i + 2)) "${examples[0]}"; } >x.conflist
		fi
		status=0
		"$weft" lint x.conflist >/dev/null 2>&1 || status=$?
		[ "$status" -le 1 ] || n=$((n + 1))
	done
done
same 0 "$n" "a file cut or damaged anywhere never ends it badly"
