# SPDX-License-Identifier: Apache-2.0
#
# What `podman network create` wrote, for weft. See docs/engines.md.
.name as $name | .plugins |= map(
	if .type == "bridge" then
		.type = "bridge-vm" |
		.bridge = "br-\($name)"[:15] |
		.ipam.type = "ipam-host-local" |
		.capabilities.mac = true |
		.perAttachment = ["attach"]
	elif .type == "portmap" then
		.type = "portmap-nft"
	else
		empty
	end)
