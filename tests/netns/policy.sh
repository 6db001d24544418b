#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Who may talk to whom, by labels, with no controller: guests come and go, and
# what holds for the others follows.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/guard.sh
. "$(dirname "$0")/../lib/guard.sh"

for ns in db web other web2; do
	ns_new $ns
done
nothing=$(all_maps)

# reaches NS ADDRESS PORT, a connection of TCP.
reaches() {
	ip netns exec "$1" timeout 1 bash -c ">/dev/tcp/$2/$3" 2>/dev/null
}

# serves NS PORT...
servers=()
serves() {
	local ns=$1 port

	mkdir -p "$TMPDIR/www"
	for port in "${@:2}"; do
		ip netns exec "$ns" busybox httpd -f -p "[::]:$port" \
			-h "$TMPDIR/www" &
		servers+=($!)
	done
	until reaches "$ns" "$(addr_of "$ns" 0)" "$port"; do sleep 0.05; done
}

# addr_of NS 0|1: what it has of IPv4 or IPv6.
declare -A results=()
addr_of() {
	jq -r --argjson i "$2" '.ips[$i].address | sub("/.*"; "")' \
		<<<"${results[$1]}"
}

# joins NS LABELS-AS-JSON [CONF]
joins() {
	add "$1" "$1" "$(jq -c --argjson l "$2" '.args.cni.labels = $l' \
		<<<"${3:-$config}")"
	results[$1]=$result
}

leaves() {
	cni DEL "$1" "$1" "$(with_prev "$config" "${results[$1]}")"
}

checks() {
	cni CHECK "$1" "$1" "$(jq -c --argjson prev "${results[$1]}" \
		--argjson l "$2" '.prevResult = $prev | .args.cni.labels = $l' \
		<<<"$config")"
}

config=$(conf '.perAttachment = ["labels"] | .labels = {zone: "a"} | .policy = [
	{podSelector: {matchLabels: {app: "db"}}, policyTypes: ["Ingress"],
	 ingress: [{from: [{podSelector: {matchLabels: {app: "web", zone: "a"}}}],
		ports: [{protocol: "TCP", port: 5432}]}]}]')
db='{"app": "db"}' web='[{"key": "app", "value": "web"}]' other='{"app": "other"}'

# --- By labels. ---

joins db "$db"
worked "a guest with a label"
serves db 5432 5433
joins other "$other"
worked "another one"
fails "who has another label does not reach it" \
	reaches other "$(addr_of db 0)" 5432
joins web "$web"
worked "one that it lets in, its labels as CNI's conventions have them"
for family in 0 1; do
	succeeds "it is let in, IPv$((4 + 2 * family))" \
		reaches web "$(addr_of db $family)" 5432
	fails "on that port alone, IPv$((4 + 2 * family))" \
		reaches web "$(addr_of db $family)" 5433
	fails "the other is not, IPv$((4 + 2 * family))" \
		reaches other "$(addr_of db $family)" 5432
done
pings "whom no policy selects everybody reaches" web "$(addr_of other 0)"
checks db "$db"
worked "CHECK"
checks web "$web"
worked "CHECK of one that no policy selects"

# --- Who takes the address of one who is gone is not let in for that. ---

was=$(addr_of web 0)
leaves web
worked "DEL of the one that was let in"
jq -c --arg a "$was/24" '.args.cni.labels = {app: "thief"} |
	.args.cni.ips = [$a]' <<<"$config" >"$TMPDIR/thief"
cni ADD web web "$(<"$TMPDIR/thief")"
worked "another guest has its address"
results[web]=$result
same "$was" "$(addr_of web 0)" "the very one"
fails "and is not let in" reaches web "$was" 5432
fails "and is not let in by it" reaches web "$(addr_of db 0)" 5432

# --- CHECK notices. ---

delete_first() {
	local key

	key=$(bpftool -j map dump pinned "$guard_maps/$1" |
		jq -r '.[-1].key | join(" ")')
	# shellcheck disable=SC2086 # bytes
	bpftool map delete pinned "$guard_maps/$1" key $key
}
succeeds "somebody removes an entry of a policy" delete_first weft_peers
checks db "$db"
refused 102 "CHECK notices" "policy"
checks db "$other"
refused 102 "CHECK notices other labels" "who it is"

# --- What is refused. ---

joins web2 '{}' "$(jq -c '.policy = {podSelector: {}, ingres: []}' <<<"$config")"
refused 7 "a key of a policy that nobody knows" "policy" "ingres"
joins web2 '{"zone": "b"}'
refused 7 "a label that the owner gives to everybody" "zone" "everybody"
joins web2 '{"x": "y"}' "$(jq -c 'del(.perAttachment)' <<<"$config")"
refused 7 "a label where nobody may choose" "perAttachment" '"x"'
joins web2 '{"x": 5}'
refused 7 "a label that is no string" "5"
joins web2 "$(jq -nc '{x: ("y" * 3000)}')"
refused 7 "labels that there is no room for" "more than"

# --- While it runs: weft policy. ---

weft=$cni_bin/weft
leaves web
joins web "$web"
worked "ADD mends what was damaged"
checks db "$db"
worked "CHECK finds it so"
succeeds "weft policy show" "$weft" policy show net1
has_line() {
	if grep -Eq "$2" <<<"$output"; then
		ok "$1"
	else
		note "$output"
		nok "$1: no line $2"
	fi
}
has_line "whose policy it is" "^net1: the configuration's policy"
has_line "who is restricted" '^db +eth0 .*app=db.* enforced +open$'
has_line "who is not" '^web +eth0 .*zone=a,app=web.* open +open$'
for ((i = 0; i < 3; i++)); do
	reaches web "$(addr_of db 0)" 5432 || true
done
succeeds "weft policy show --id" "$weft" policy show net1 --id db
has_line "a rule, and how often it was asked" \
	"^ingress +1 +allow +$(addr_of web 0),.* tcp/5432 +3$"
has_line "how many frames were dropped" \
	'^ingress: what no rule allows is dropped; [1-9][0-9]* frames dropped'
is "the same for programs" "$("$weft" policy show net1 --id db --json)" \
	'.rules[0].hits == 3 and .dropped.ingress > 0 and .ingress == "enforced"'
succeeds "weft policy test: who is let in" \
	"$weft" policy test net1 db from "$(addr_of web 1)" tcp/5432
same "allowed: db from $(addr_of web 1) tcp/5432: rule 1 allows it" \
	"$output" "and why"
fails "weft policy test: who is not" \
	"$weft" policy test net1 db from "$(addr_of other 0)" tcp/5432
same "denied: db from $(addr_of other 0) tcp/5432: no rule allows it" \
	"$output" "and why not"
succeeds "weft policy test: what no policy is about" \
	"$weft" policy test net1 db to 192.0.2.1 icmp/8
for words in "to 192.0.2.1 tcp" "to 192.0.2.1 tcp/65536" "to x tcp/1" \
	"at 192.0.2.1 tcp/1" "to 192.0.2.1 300" "to 192.0.2.1 icmp/8:256"; do
	# shellcheck disable=SC2086 # words
	fails "weft policy test: $words" "$weft" policy test net1 db $words
done
fails "weft policy test: nobody's ID" \
	"$weft" policy test net1 nobody to 192.0.2.1 tcp/1

cat >"$TMPDIR/live" <<'POLICY'
[{"podSelector": {}, "policyTypes": ["Ingress"],
  "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "other"}}}]}]}]
POLICY
succeeds "weft policy apply" "$weft" policy apply net1 "$TMPDIR/live"
same "net1: applied, for 3 guests" "$output" "it says for whom"
succeeds "it holds at once" reaches other "$(addr_of db 0)" 5433
fails "and the former does not" reaches web "$(addr_of db 0)" 5432
checks db "$db"
worked "CHECK goes by it"
leaves web
joins web "$web"
worked "ADD goes by it"
same 1 "$(grep -c 'applied holds' "$TMPDIR/stderr")" "and says so"
fails "who has come is not let in either" reaches web "$(addr_of db 0)" 5432
fails "weft policy apply: a key that nobody knows" \
	"$weft" policy apply net1 - <<<'{"podSelector": {}, "ingres": []}'
has_line "it is named" ingres
jq -nc '{podSelector: {}, policyTypes: ["Ingress"], ingress: [range(600) |
	{from: [{ipBlock: {cidr: "10.\(. % 250).\(. / 250 | floor).0/24"}}],
	 ports: [range(. + 1; . + 5) | {protocol: "TCP", port: ., endPort: (. + 900)}]}]}' \
	>"$TMPDIR/big"
succeeds "weft policy apply: 600 rules" "$weft" policy apply net1 "$TMPDIR/big"
fails "they hold" reaches other "$(addr_of db 0)" 5433
succeeds "weft policy reset" "$weft" policy reset net1
same "net1: the configuration's, for 3 guests" "$output" "it says whose it is"
succeeds "the configuration's holds again" reaches web "$(addr_of db 0)" 5432
fails "weft policy apply: an unknown verb" "$weft" policy aply net1 -
fails "weft policy show: an invalid name" "$weft" policy show /x

# --- Another policy, from the configuration. ---

config=$(jq -c '.policy = {podSelector: {matchLabels: {app: "db"}},
	policyTypes: ["Ingress"], ingress: [{ports: [{port: 5433}]}]}' <<<"$config")
leaves web
joins web "$web"
worked "ADD with another policy"
succeeds "it holds for those that are there, too" \
	reaches other "$(addr_of db 0)" 5433
fails "and the former does not" reaches web "$(addr_of db 0)" 5432
config=$(jq -c 'del(.policy)' <<<"$config")
leaves web
joins web "$web"
worked "ADD without a policy"
succeeds "then there is none" reaches other "$(addr_of db 0)" 5432

for ns in db web other; do
	leaves $ns
	worked "DEL of $ns"
done
same "$nothing" "$(all_maps)" "nothing is left in any map"
kill "${servers[@]}"
wait "${servers[@]}" 2>/dev/null || true
