#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# containerd 1.6: pods by CRI, and `ctr run --cni`.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
# shellcheck source=tests/lib/cache.sh
. "$(dirname "$0")/../lib/cache.sh"
cache_kernel cloud >/dev/null
test_main "$@"
# shellcheck source=tests/lib/pods.sh
. "$(dirname "$0")/../lib/pods.sh"

engine_is containerd "$(containerd --version | awk '{ print $3 }')" \
	"$(installed containerd)"
engine_host
engine_outside
containerd_config
pods_begin 1.0.0
containerd_image default >/dev/null
pods_run
pods_vm
pods_restart
pods_lost
same 'ADD DEL' "$(verbs)" 'these verbs are what it sends'

# --- ctr run --cni ---

# ctr_run ARGUMENT...
ctr_run() {
	ctrd run --runc-binary "$engine_runc" --cni "$@"
}

ctr_ip() {
	ctrd task exec --exec-id "x$RANDOM" "$1" ip -o -4 addr show eth0 |
		sed -E 's/.* inet ([0-9.]+).*/\1/'
}

succeeds 'ctr run --cni' ctr_run -d localhost/guest:1 c1
succeeds 'it pings the VM' ctrd task exec --exec-id ping c1 \
	ping -qc1 -W3 "$vm4"
address=$(ctr_ip c1)
succeeds 'it holds its address' holds "$address"
ctrd task kill -s KILL c1
succeeds 'task rm' engine_wait 10 ctrd task rm c1
succeeds 'container rm' ctrd container rm c1
succeeds 'ctr sends no DEL: the address is still held' holds "$address"
succeeds 'weft gc finds it' \
	"$cni_bin/weft" --cache-dir /var/lib/cni/results gc net1
only_vm 'ctr without DEL'
succeeds 'ctr run --rm --cni: DEL after the namespace is gone' \
	ctr_run --rm localhost/guest:1 c2 \
	/bin/ping -qc1 -W3 "$vm4"
only_vm 'ctr --rm'

pods_end
