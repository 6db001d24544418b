# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# ask.sh: servers in namespaces that say who they are and who asked. Source it
# after netns.sh.

ask_lib=$(dirname "${BASH_SOURCE[0]}")
ask_tool=

# ask_build: make the programs; call it once before the rest.
ask_build() {
	local name

	for name in ask vmm; do
		"${CC:-cc}" -D_GNU_SOURCE -O1 -o "$TMPDIR/$name" \
			"$ask_lib/$name.c"
	done
	ask_tool=$TMPDIR/ask
}

# in_ns NS COMMAND...: "" is the host.
in_ns() {
	local ns=$1

	shift
	${ns:+ip netns exec "$ns"} "$@"
}

# serve NS NAME PROTO:PORT...: until the test ends, or kill $server.
serve() {
	local ns=$1 fifo line

	shift
	fifo=$(mktemp -u "$TMPDIR/serve.XXXXXX")
	mkfifo "$fifo"
	in_ns "$ns" "$ask_tool" serve "$@" >"$fifo" &
	# shellcheck disable=SC2034 # for whoever wants to kill it
	server=$!
	read -r line <"$fifo" && [ "$line" = ready ]
}

# answer NS PROTO ADDRESS PORT [FROM]: who answers whom, or "nobody".
answer() {
	local ns=$1

	shift
	in_ns "$ns" "$ask_tool" "$@" 2>/dev/null || echo nobody
}

# has_sctp: can this kernel do it?
has_sctp() {
	modprobe -q sctp 2>/dev/null || true
	local status=0

	"$ask_tool" sctp 127.0.0.1 1 >/dev/null 2>&1 || status=$?
	[ "$status" != 3 ]
}
