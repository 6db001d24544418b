# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# takeover.sh: attach with the reference plugins, whatever firewall they are to
# use. Source it after cni.sh and set $reference to their directory.

# theirs CONF: the same configuration for the reference plugins.
theirs() {
	jq -c '.type |= {"bridge-vm": "bridge", "macvlan-vm": "macvlan",
		"portmap-nft": "portmap"}[.] |
		if .ipam.type then .ipam.type = "host-local" else . end' \
		<<<"$1"
}

# ref VERB ID NETNS CONF [NAME=VALUE...]: as cni, but the reference's. CONF is
# ours.
ref() {
	# shellcheck disable=SC2034,SC2154 # cni's; whoever sources this sets it
	local cni_bin=$reference config

	config=$(theirs "$4")
	PATH=$TMPDIR/iptables:$PATH cni "$1" "$2" "$3" "$config" "${@:5}"
}

# use nftables|iptables-nft|iptables-legacy: what the reference finds, and its
# backend in $backend.
use() {
	local name

	rm -rf "$TMPDIR/iptables"
	mkdir "$TMPDIR/iptables"
	backend=nftables
	[ "$1" != nftables ] || return 0
	backend=iptables
	for name in iptables ip6tables; do
		ln -s "$(command -v "$name${1#iptables}")" \
			"$TMPDIR/iptables/$name"
	done
}

# ports RESULT [NAME]: portmap's configuration, ours, after that result.
ports() {
	jq -nc --argjson p "$1" --arg b "$backend" --arg name "${2-net1}" '{
		cniVersion: "1.1.0", name: $name, type: "portmap-nft",
		backend: $b, prevResult: $p, runtimeConfig: {portMappings:
		($p.ips[0].address | sub("/.*"; "") | split(".")[3] |
		tonumber | [{hostPort: (8000 + .), containerPort: 80,
		protocol: "tcp"}, {hostPort: (5000 + .), containerPort: 53,
		protocol: "udp"}])}}'
}

# rules: all that nf_tables has, without counters.
rules() {
	nft -s list ruleset 2>/dev/null
}

# lines WORD: how many rules tell of it.
lines() {
	rules | grep -cFe "$1" || true
}
