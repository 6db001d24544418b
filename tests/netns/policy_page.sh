#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# examples/policy.md: its commands in its order, and what it says that they print. Times,
# ports that the kernel chooses and counters of frames are not compared.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

page=$cni_root/examples/policy.md
export NETCONFPATH=$TMPDIR/net.d CNI_PATH=$cni_bin PATH=$cni_bin:$PATH
mkdir -p "$NETCONFPATH" /var/lib/cni/networks
mkdir -m 700 /var/lib/cni/weft
cp "$cni_root/examples/shop.conflist" "$NETCONFPATH"
cd "$cni_root/examples"
before=$(host_state)

# block KIND NAME: what is between ```KIND NAME and ```.
block() {
	awk -v start="\`\`\`$1 $2" '$0 == start { on = 1; next }
		/^```/ { on = 0 } on' "$page"
}

plain() {
	sed -E 's/[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}/TIME/
		s/:[3-6][0-9]{4} > /:PORT > /; s/[0-9]+ frames?/N frames/'
}

# prints NAME: the first line is the command, behind "# "; then what it prints.
prints() {
	local text command

	text=$(block console "$1")
	command=$(sed -n '1s/^# //p' <<<"$text")
	same "$(sed 1d <<<"$text" | plain)" \
		"$(bash -euo pipefail -c "$command" 2>&1 | plain)" "$command"
}

succeeds "guests" bash -euo pipefail -c "$(block sh guests)"
prints apply
prints show
prints allowed
prints denied

# In two terminals.
text=$(block console watch)
command=$(sed -n '1s/^# //p' <<<"$text")
: >"$TMPDIR/seen"
bash -c "exec $command" >"$TMPDIR/seen" 2>&1 &
watcher=$!
until grep -q watching "$TMPDIR/seen"; do sleep 0.02; done
succeeds "traffic" bash -euo pipefail -c "$(block sh traffic)"
kill -INT $watcher
wait $watcher
same "$(sed 1d <<<"$text" | plain)" "$(grep -v igmp "$TMPDIR/seen" | plain)" \
	"$command"

prints rules
prints reset
succeeds "the end" bash -euo pipefail -c "$(block sh end)"
same "$before" "$(host_state)" "nothing is left"

# --- Nothing else is printed in the documentation. ---

fence=$'```'
same "$(sed -n "s/^$fence\(sh\|console\) //p" "$page" | sort)" \
	"$(printf '%s\n' guests apply show allowed denied watch traffic \
		rules reset end | sort)" \
	"every block has been run"
# manual: what weft(8) shows of these commands, as there is no second world for it.
manual() {
	awk '/^\.Bd -literal$/ { in_block = 1; next }
		/^\.Ed$/ { in_block = on = 0 }
		in_block && /^[$#] weft / { on = /^[$#] weft (policy|watch)/ }
		on' "$cni_root/docs/weft.8"
}
while read -r line; do
	succeeds "weft(8) says the same: $line" grep -Fxq "# ${line#[#$] }" \
		<<<"$(sed 's/^[^#]/# &/' "$page")"
done < <(manual)
