# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# guest.sh: what containers and VMs of the tests have in common: a busybox
# root, an HTTP server in it, and an agent that runs commands for the host.
# The agent talks over two fifos, $guest_dir/NAME.in and NAME.out, which end at
# a container's standard streams or at a VM's second serial port.

guest_dir=${TMPDIR:-/tmp}
guest_data=32000000
declare -A guest_pid=()

# guest_root DIR: make a root there, with the agent, web pages, and "introduce",
# which says what kernel and what MAC this is.
guest_root() {
	mkdir -p "$1"/{bin,dev,proc,sys,tmp}
	cp "$(command -v busybox)" "$1/bin/busybox"
	"$1/bin/busybox" --install "$1/bin"
	cat >"$1/bin/agent" <<-'EOF'
		#!/bin/sh
		# One line in: ID COMMAND. Out: its output, then ID "exit" STATUS.
		# A read forgets what it has when a child ends, and pid 1 is given
		# the children of others: so it reads in a process below.
		httpd -h /www
		(
			echo ready
			while read -r id command; do
				timeout 30 sh -c "$command" </dev/null 2>&1
				echo "$id exit $?"
			done
		)
		exit 1
	EOF
	cat >"$1/bin/introduce" <<-'EOF'
		#!/bin/sh
		mac=$(ip link show eth0 2>/dev/null | awk '/ether/ { print $2 }')
		echo "Linux $(uname -r), eth0 has ${mac:-gone}"
	EOF
	chmod +x "$1/bin/agent" "$1/bin/introduce"
	guest_www "$1/www"
}

# guest_www DIR: /data, so many bytes of nothing, and a page that says who asks.
guest_www() {
	mkdir -p "$1/cgi-bin"
	truncate -s "$guest_data" "$1/data"
	cat >"$1/cgi-bin/whoami" <<-'EOF'
		#!/bin/sh
		echo "Content-Type: text/plain"
		echo
		echo "$REMOTE_ADDR"
	EOF
	chmod +x "$1/cgi-bin/whoami"
}

guest_fifos() {
	rm -f "$guest_dir/$1".{in,out}
	mkfifo "$guest_dir/$1".{in,out}
}

# guest_ready NAME SECONDS: wait until its agent is there.
guest_ready() {
	local out line

	exec {out}<>"$guest_dir/$1.out"
	guest_read "$1" "$out" "$2" || true
	exec {out}>&-
	[ "${line%$'\r'}" = ready ]
}

# guest_read NAME FD SECONDS: the next $line, as long as the guest lives.
guest_read() {
	local left=$3 part

	line=
	while [ "$left" -gt 0 ]; do
		if read -r -t 1 part <&"$2"; then
			line+=$part
			return 0
		fi
		line+=$part
		kill -0 "${guest_pid[$1]}" 2>/dev/null || return 1
		left=$((left - 1))
	done
	return 1
}

# guest_run NAME COMMAND: run it there. Its output and exit status; 124 if no
# answer comes, and then nothing more can be asked of this guest.
guest_run() {
	local name=$1 id=$EPOCHREALTIME line out status=124

	exec {out}<>"$guest_dir/$name.out"
	echo "$id $2" 1<>"$guest_dir/$name.in"
	while guest_read "$name" "$out" 35; do
		case $line in
		"$id exit "*)
			status=${line##* }
			break
			;;
		esac
		echo "$line"
	done
	exec {out}>&-
	return "$status"
}

# guest_end NAME: kill what runs it, and forget it.
guest_end() {
	kill -KILL "${guest_pid[$1]}" 2>/dev/null || true
	wait "${guest_pid[$1]}" 2>/dev/null || true
	unset "guest_pid[$1]"
	rm -rf "$guest_dir/$1".*
}
