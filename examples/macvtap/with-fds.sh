#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# with-fds.sh NODE QUEUES COMMAND...: open a macvtap's character device so many
# times and become the command, in whose words %FDS% is these descriptors, 10:11
# for two. It needs neither privilege nor the node: see README.md.
set -euo pipefail

node=$1 queues=$2 fds=
shift 2
while [ "$queues" -gt 0 ]; do
	exec {fd}<>"$node"
	fds+=:$fd queues=$((queues - 1))
done
exec "${@//%FDS%/${fds#:}}"
