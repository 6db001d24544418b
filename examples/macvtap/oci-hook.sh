#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# oci-hook.sh: a hook of stage precreate (podman, cri-o). A container's
# configuration comes in and goes out, with the character devices of the macvtaps
# that weft made in its network namespace: as /dev/tap<ifindex>, where libvirt and
# KubeVirt look, with owner and permissions of the network's configuration, and
# allowed by the device cgroup.
set -euo pipefail

config=$(cat)
netns=$(jq -r '.linux.namespaces // [] | .[] | select(.type == "network") |
	.path // ""' <<<"$config")

# macvtaps: "IFINDEX MAJOR:MINOR" of each there. The number is in a sysfs of that
# namespace; /dev/tap<ifindex> of the host may be another namespace's.
macvtaps() {
	# shellcheck disable=SC2016 # expanded in there
	nsenter --net="$netns" unshare --mount sh -c '
		mount -t sysfs sysfs /sys
		for dev in /sys/class/net/*/tap*/dev; do
			[ ! -e "$dev" ] || echo "${dev%/dev} $(cat "$dev")"
		done' | sed 's,^.*/tap,,'
}

# granted MAJOR:MINOR: "MODE UID GID" of weft's node for it, if there is one.
granted() {
	local node

	for node in /dev/mvt*; do
		if [ -c "$node" ] && [ "$(stat -c %Hr:%Lr "$node")" = "$1" ]; then
			stat -c '%a %u %g' "$node"
			return
		fi
	done
}

[ -z "$netns" ] || while read -r index number; do
	read -r mode uid gid < <(granted "$number") || continue
	config=$(jq --arg path "/dev/tap$index" --argjson mode $((8#$mode)) \
		--argjson uid "$uid" --argjson gid "$gid" \
		--argjson major "${number%:*}" --argjson minor "${number#*:}" '
		{type: "c", major: $major, minor: $minor} as $device |
		.linux.devices += [$device + {path: $path, fileMode: $mode,
			uid: $uid, gid: $gid}] |
		.linux.resources.devices += [$device +
			{allow: true, access: "rw"}]' <<<"$config")
done < <(macvtaps)
echo "$config"
