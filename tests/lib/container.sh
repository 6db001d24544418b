# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# container.sh: containers by runc in a named network namespace that exists
# already, and in a mount namespace of ours (private_host).
#
#	container_build
#	container_start NAME NETNS-PATH
#	guest_ready NAME 5; guest_run NAME COMMAND
#	container_stop NAME

# shellcheck source=tests/lib/guest.sh
. "${BASH_SOURCE%/*}/guest.sh"

container_build() {
	local hierarchy

	guest_root "$guest_dir/container-root"
	# A cgroup would outlive us, were we killed. Where none can be made, and
	# with --rootless, runc does without.
	while read -r hierarchy; do
		! mountpoint -q "$hierarchy" ||
			mount -o remount,bind,ro "$hierarchy"
	done < <(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/self/mounts |
		sort -u)
}

container_start() {
	local name=$1 bundle=$guest_dir/$1.bundle

	mkdir "$bundle"
	container_config "$name" "$2" >"$bundle/config.json"
	guest_fifos "$name"
	container_runc run --bundle "$bundle" "$name" \
		<>"$guest_dir/$name.in" 1<>"$guest_dir/$name.out" \
		2>"$guest_dir/$name.log" &
	guest_pid[$name]=$!
}

container_runc() {
	runc --root "$guest_dir/runc" --rootless true "$@"
}

container_config() {
	jq -n --arg name "$1" --arg netns "$2" \
		--arg root "$guest_dir/container-root" '
	["CAP_NET_RAW", "CAP_NET_BIND_SERVICE"] as $capabilities | {
		ociVersion: "1.0.2",
		hostname: $name,
		root: { path: $root, readonly: true },
		process: {
			args: ["/bin/agent"], cwd: "/",
			env: (["PATH=/bin"] + [$ENV.WEFT_DEMO // empty |
				"WEFT_DEMO=\(.)"]),
			user: { uid: 0, gid: 0 }, noNewPrivileges: true,
			capabilities: {
				bounding: $capabilities,
				effective: $capabilities,
				permitted: $capabilities
			}
		},
		mounts: [
			{ destination: "/proc", type: "proc", source: "proc" },
			{ destination: "/dev", type: "tmpfs", source: "dev",
			  options: ["nosuid", "mode=755"] }
		],
		linux: { namespaces: [
			{ type: "pid" }, { type: "mount" }, { type: "ipc" },
			{ type: "uts" }, { type: "network", path: $netns }
		] }
	}'
}

container_complaint() {
	cat "$guest_dir/$1.log"
}

container_stop() {
	[ -n "${guest_pid[$1]-}" ] || return 0
	container_runc delete --force "$1" 2>/dev/null || true
	guest_end "$1"
}
