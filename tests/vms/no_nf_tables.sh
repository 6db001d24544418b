#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A kernel with nfnetlink, but without nf_tables, as a small one may be: all that
# needs no rule works there, and what needs one says what is missing.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
self=$(realpath "$0")

if [ "${1-}" != inside ]; then
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
	status=0
	# shellcheck disable=SC2016 # expanded in there
	"${self%/*}/../lib/kernel-vm.sh" 6.1 "$out" bash -c '
		mkdir -p /etc/modprobe.d
		echo "install nf_tables /bin/false" >/etc/modprobe.d/weft-test.conf
		modprobe -a nfnetlink bridge veth
		exec "$0" inside' "$self" || status=$?
	# 125: there was no VM, which must not look like a run without tests.
	[ $status != 125 ] || nok "a VM" "it did not start"
	exit $status
fi

test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"
ns_new c1

fails "there is no nf_tables" modprobe nf_tables
config=$(conf '.isGateway = true')
add c1 c1 "$config"
worked "ADD"
check c1 c1 "$config"
worked "CHECK"
cni GC "" "" "$(jq -c '."cni.dev/valid-attachments" = []' <<<"$config")"
worked "GC"
del c1 c1 "$config"
worked "DEL"
fails "the guest's interface goes" ip -n c1 link show dev eth0

add c1 c1 "$(conf '.macspoofchk = true')"
refused 100 "the spoof check" nf_tables
add c1 c1 "$(conf '.isGateway = true | .ipMasq = true')"
refused 100 "masquerade" nf_tables
cni DEL c1 c1 "$(conf '.macspoofchk = true | .ipMasq = true')"
worked "DEL of what could not be"

ports='{"cniVersion":"1.1.0","name":"net1","type":"portmap-nft",
	"runtimeConfig":{"portMappings":[{"hostPort":80,"containerPort":80}]}}'
cni STATUS "" "" "$ports"
refused 50 "STATUS of forwards" nf_tables
cni DEL c1 c1 "$ports"
worked "DEL of forwards"
