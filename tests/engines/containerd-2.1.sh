#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# containerd 2.1: pods by CRI, with CNI 1.1.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
# shellcheck source=tests/lib/cache.sh
. "$(dirname "$0")/../lib/cache.sh"
cache_kernel cloud >/dev/null
bin=$(cache_containerd)
test_main "$@"
# shellcheck source=tests/lib/pods.sh
. "$(dirname "$0")/../lib/pods.sh"

# The daemon, its shim and ctr are newer than this Debian, but need no more of it.
PATH=$bin:$PATH
package=${bin%/usr/bin}
engine_is containerd "$(containerd --version | awk '{ print $3 }')" \
	"${package##*_}"
engine_host
engine_outside
containerd_config
pods_begin 1.1.0

# --- STATUS ---

ip link add br0 type veth peer name other
is 'a bridge that is none makes the network not ready' \
	"$(cri status | jq -Rs .)" 'test("NetworkReady false .*br0")'
ip link del br0
is 'without it the network is ready' "$(cri status | jq -Rs .)" \
	'contains("NetworkReady true")'

pods_run
pods_vm
pods_restart
pods_lost
same 'ADD DEL STATUS' "$(verbs)" 'these verbs are what it sends'
pods_end
