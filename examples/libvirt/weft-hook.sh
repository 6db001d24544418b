#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# weft-hook.sh DOMAIN OPERATION SUB-OPERATION EXTRA: libvirt's hook for QEMU, with
# the domain's description on standard input. Attaches a domain to the networks
# that its metadata names, in the order of its interfaces of type ethernet, before
# it starts, and detaches it when it has ended.
set -euo pipefail
PATH=$PATH:/opt/cni/bin

domain=$1 operation=$2/$3
xml=$(cat)

# value XPATH: its text.
value() {
	xmllint --xpath "string($1)" - <<<"$xml"
}

# interface N WHAT: of the Nth one that is ours, from 0.
interface() {
	value "(/domain/devices/interface[@type='ethernet'])[$(($1 + 1))]/$2"
}

# The last one first. Of what is not there nothing is removed.
detach() {
	local i

	for ((i = ${#networks[@]} - 1; i >= 0; i--)); do
		weft del "${networks[i]}" "/run/netns/$domain" \
			--id "$domain" --ifname "eth$i"
	done
	[ ! -e "/run/netns/$domain" ] || ip netns del "$domain"
}

attach() {
	local i made

	ip netns add "$domain"
	for i in "${!networks[@]}"; do
		made=$(CNI_ARGS="ATTACH=tap;MAC=$(interface "$i" mac/@address)" \
			weft add "${networks[i]}" "/run/netns/$domain" \
			--id "$domain" --ifname "eth$i")
		made=$(jq -r '.interfaces[1].name' <<<"$made")
		if [ "$made" != "$(interface "$i" target/@dev)" ]; then
			echo "weft: domain $domain: on network ${networks[i]}" \
				"its target dev must be $made" >&2
			return 1
		fi
	done
}

namespace='namespace-uri() = "urn:weft:networks"'
read -ra networks < <(value "/domain/metadata/*[$namespace]"; echo)
[ ${#networks[@]} -gt 0 ] || exit 0

case $operation in
prepare/begin)
	detach # after a crash of the host's
	trap '[ $? = 0 ] || detach' EXIT
	attach
	;;
release/end)
	detach
	;;
esac
