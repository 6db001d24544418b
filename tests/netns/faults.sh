#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A sample of the fault sweep, always the same one; all of it: make faults.
exec "$(dirname "$0")/../faults/faults.sh" -n "${WEFT_FAULTS_EVERY:-37}"
