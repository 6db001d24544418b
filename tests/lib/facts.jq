# SPDX-License-Identifier: Apache-2.0
#
# The host's links and addresses (`ip -d -j link`, `ip -j addr`), then the
# guest's, as one fact a line.
# What a device is called, numbered and addressed by chance is left out, and
# what the kernel counts. That a link is operational the kernel notes within a
# second; until then it says "unknown" and means the same.

# What a gateway in a VLAN costs the reference: a second port, of which one fact
# is enough.
def gateway_port:
	first(.[0][] | select(.link == "cni0.100") | .ifname) // "";

def kind_facts:
	(.info_kind // "" | . as $kind | {kind: (if . == "" then null else . end)}) +
	(.info_kind as $kind | .info_data // {} | with_entries(
		select($kind != "bridge" or (.key |
			test("_timer$|_id$|root_port|topology") | not)) |
		.key |= "\($kind) \(.)")) +
	(.info_slave_data // {} | with_entries(select(.key |
		test("^(id|no)$") or test("designated|timer|root_id|bridge_id") |
		not) | .key |= "port \(.)"));

def link_facts($name):
	del(.ifname, .ifindex, .address, .group, .ifalias, .link_index,
		.link_netnsid, .link_netns, .linkinfo, .inet6_addr_gen_mode) +
	{addrgenmode: .inet6_addr_gen_mode} +
	(.linkinfo // {} | kind_facts) |
	# As many as there are processors.
	if .kind == "veth" then del(.num_tx_queues, .num_rx_queues) else . end |
	.operstate |= sub("UNKNOWN"; "UP") |
	.flags |= (sort | join(",")) |
	.txqlen //= 0 |
	if has("link") and (.link | type) == "string" then
		.link |= sub("^veth.*"; "PORT") else . end |
	to_entries[] | "link \($name) \(.key) \(.value)";

def addr_facts($name):
	.addr_info[] |
	([to_entries[] | select(.value == true) | .key |
		select(. != "tentative")] | join(",")) as $flags |
	(.local | if test("^fe80:") then "fe80::LL" else . end) as $a |
	"addr \($name) \($a)/\(.prefixlen) scope \(.scope) " +
	"brd \(.broadcast // "-") lft \(.valid_life_time) \($flags)" |
	sub(" $"; "");

gateway_port as $gw |
def named: if . == $gw then "GWPORT"
	elif test("^veth") then "PORT" else . end;
def of($where; $links; $addrs):
	($links[] | select(.ifname and .ifname != "lo") |
		(.ifname | named) as $name | if $name == "GWPORT" then
		"link \($name) kind \(.linkinfo.info_kind)"
		else link_facts($name) end),
	($addrs[] | select(.ifname and .ifname != $gw) |
		addr_facts(.ifname | named)) |
	"\($where) \(.)";
of("host"; .[0]; .[1]), of("guest"; .[2] // []; .[3] // [])
