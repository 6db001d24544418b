#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# make demo, as a test: every cell of its table is one.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
name="a container and a VM share a network, an address pool and a way out"
if examples/demo.sh >"$log" 2>&1 && tail -n 1 "$log" | grep -qx 'demo: passed'
then
	echo "ok - $name"
else
	sed 's/^/# /' "$log"
	echo "not ok - $name"
	exit 1
fi
