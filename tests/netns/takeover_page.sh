#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# docs/coming-from-the-reference-plugins.md, its commands in its order: a node
# with running pods, upgraded and rolled back. The engine is weft on libcni's
# cache.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
# shellcheck source=tests/lib/takeover.sh
. "$cni_root/tests/lib/takeover.sh"
# shellcheck source=tests/lib/cache.sh
. "$cni_root/tests/lib/cache.sh"

if ! reference=$(cache_reference_plugins 2>&1); then
	skip "the page's commands" "${reference##*$'\n'}"
	exit
fi
page=$cni_root/docs/coming-from-the-reference-plugins.md

# --- A node: /etc and /opt of its own. ---

mkdir -p "$TMPDIR"/etc/{upper,work}
mount -t overlay -o "lowerdir=/etc,upperdir=$TMPDIR/etc/upper,workdir=$TMPDIR/etc/work" \
	etc /etc
mount -t tmpfs opt /opt
rm -rf /etc/cni
mkdir -p /etc/cni/net.d /opt/cni/bin
cp "$reference"/{bridge,host-local,portmap} /opt/cni/bin
export PATH=/opt/cni/bin:$PATH
for i in 1 2 3 4 5 6; do
	ns_new "c$i"
done
jq -n '{cniVersion: "1.1.0", name: "net1", plugins: [
	{type: "bridge", bridge: "br0", isDefaultGateway: true, ipMasq: true,
		macspoofchk: true, ipam: {type: "host-local",
		ranges: [[{subnet: "10.1.0.0/24"}]]}},
	{type: "portmap", capabilities: {portMappings: true}}]}' \
	>/etc/cni/net.d/10-net1.conflist

# block NAME: the page's commands of that name.
block() {
	awk -v start="\`\`\`sh $1" '$0 == start { on = 1; next }
		/^```/ { on = 0 } on' "$page"
}

# does NAME BLOCK: they work.
ran=()
does() {
	local commands

	ran+=("$2")
	commands=$(block "$2")
	succeeds "$1" bash -euo pipefail -c "$names"$'\n'"$commands"
}

names=$(block names)
ran+=(names)

# engine VERB ID: as an engine would, whatever the list says today.
engine() {
	local caps

	caps="{\"portMappings\": [{\"hostPort\": 80${2#c}0,
		\"containerPort\": 80, \"protocol\": \"tcp\"}]}"
	[ "$1" = add ] || caps=
	CAP_ARGS=$caps "$cni_bin/weft" --cache-dir /var/lib/cni/results "$1" \
		net1 "/run/netns/$2" --id "$2"
}

address() {
	jq -r '.result.ips[0].address | sub("/.*"; "")' \
		"/var/lib/cni/results/net1-$1-eth0"
}

traces() {
	bash -c "$(block traces)"
}

ran+=(traces)
succeeds "the reference attaches c1" engine add c1
succeeds "and c2" engine add c2
succeeds "and c6" engine add c6
one=$(address c1) two=$(address c2)
succeeds "its traces are found" grep -q CNI- <<<"$(traces)"

# --- Upgrade. ---

cp -P "$cni_bin"/{weft,bridge-vm,macvlan-vm,ipam-host-local,portmap-nft} \
	/opt/cni/bin
does "the lists are kept" keep
does "they are translated, and lint has nothing against them" translate
same "" "$output" "says nothing"
same '["bridge-vm","ipam-host-local","portmap-nft"]' "$(jq -c '[.plugins[] |
	.type, .ipam.type // empty]' /etc/cni/net.d.weft/10-net1.conflist)" \
	"only the types are others"
ran+=(doctor)
bash -euo pipefail -c "$(block doctor)" >"$TMPDIR/doctor" || true
fails "doctor finds nothing wrong with the list" grep -q conflist \
	"$TMPDIR/doctor"
does "the lists are switched" switch
same 10-net1.conflist "$(ls -A /etc/cni/net.d)" "and nothing lies about"
pings "the old pods still reach each other" c1 "$two"
does "STATUS" status
succeeds "a new pod" engine add c3
three=$(address c3)
pings "reaches the old ones" c3 "$one"
does "every pod is as it should be" check
same $'c1 eth0: well\nc2 eth0: well\nc3 eth0: well\nc6 eth0: well' "$output" \
	"all four"
succeeds "DEL of an old pod" engine del c1
same "" "$(traces | grep "$(printf net1c1 | sha512sum | cut -c 1-21)")" \
	"leaves no trace of it"
succeeds "but its neighbour's" grep -q \
	"$(printf net1c2 | sha512sum | cut -c 1-21)" <<<"$(traces)"
pings "which runs on" c2 "$three"
ip netns del c6
does "who never got a DEL is detached" forgotten
same "" "$(traces | grep -e "$(printf net1c6 | sha512sum | cut -c 1-21)" || true)" \
	"without a trace"
same 2 "$(find /var/lib/cni/results -type f | wc -l)" "the others stay"
same "$(printf '%s\n' "$two" "$three" | sort)" "$(leases)" "with their addresses"

# --- Rollback, with a pod of either. ---

does "the lists are put back" back
same bridge "$(jq -r '.plugins[0].type' /etc/cni/net.d/10-net1.conflist)" \
	"the reference's"
pings "pods of both reach each other" c2 "$three"
succeeds "the reference attaches c4" engine add c4
pings "which reaches ours" c4 "$three"
fails "the reference's CHECK misses our forwards" engine check c3
succeeds "our pod's forward is there" grep -q 8030 \
	<<<"$(nft list table inet weft)"
engine del c3 >/dev/null 2>&1 || note "the reference's first DEL fails"
succeeds "the reference detaches ours, at the second attempt at the latest" \
	engine del c3
fails "its interface is gone" ip -n c3 link show dev eth0
same "" "$(leases | grep -Fx "$three" || true)" "its address is free"
succeeds "its forward is not" grep -q 8030 <<<"$(nft list table inet weft)"
does "the page's command removes it" forwards
fails "so it is" grep -q 8030 <<<"$(nft list table inet weft)"
pings "others are none the worse" c4 "$two"

# --- And forward again, to the end. ---

does "switched once more" switch
succeeds "a pod of ours" engine add c5
does "every pod is well" check
for i in 2 4; do
	succeeds "DEL of the reference's c$i" engine del c$i
done
does "what they shared is removed" shared
same "" "$(traces | grep -v 'table bridge' || true)" "no trace is left"
pings "our pod keeps its way out" c5 10.1.0.1
succeeds "DEL of ours" engine del c5
same "" "$(leases)" "no address is held"
does "back to the reference for good" back
does "without us" last
same "" "$(nft list tables | grep weft || true)" "no table of ours is left"
same "" "$(ls -A /var/lib/cni/results)" "nor is anything in the cache"
succeeds "the reference goes on" engine add c1
engine del c1 >/dev/null

same "" "$(grep -oP '^```sh \K.*' "$page" | grep -vxFf \
	<(printf '%s\n' "${ran[@]}") || true)" "no command of the page is left out"
