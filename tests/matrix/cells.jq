# SPDX-License-Identifier: Apache-2.0
#
# The matrix: every cell in which a reference plugin and ours are compared, by
# tests/netns/matrix.sh. `tests/netns/matrix.sh list` shows their names.
#
# A cell is {plugin, name, conf} and, where it needs them,
#	kind	what is compared:
#		facts	(the default) ADD, CHECK, DEL: all facts after each
#		case	the outcome of each of `steps`, and what is left
#		leases	each step's answer, and the lease directory to the byte
#		ports	facts, and who answers the questions in `ask`
#	steps	verbs, or "VERB:ID", or "break", which runs `break`
#	env	variables of the call
#	before	shell, run before the first call
#	break	shell, run at "break"; in cells of facts before CHECK
#	tag	a word before each fact that differs, so that what is meant to differ
#		here may not differ in other cells
#	needs	"vlan": a kernel whose bridges filter VLANs

# --- The dimensions ---

def versions: ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];
def v4: {subnet: "10.1.0.0/24"};
def v6: {subnet: "fd00:1::/64"};
def families: [{family: "IPv4", ranges: [[v4]]}, {family: "IPv6", ranges: [[v6]]},
	{family: "dual-stack", ranges: [[v4], [v6]]}, {family: "layer 2"}];
def family($name): families[] | select(.family == $name);
def several: [
	[{subnet: "10.1.0.0/24", rangeStart: "10.1.0.20", rangeEnd: "10.1.0.21"},
	{subnet: "10.2.0.0/24", gateway: "10.2.0.254"}],
	[{subnet: "10.3.0.0/16"}], [{subnet: "fd00:3::/48"}]];
def routes: [{dst: "192.0.2.0/24"}, {dst: "198.51.100.0/24", gw: "10.1.0.9"},
	{dst: "2001:db8::/32"}];
def attributes: [{dst: "0.0.0.0/0", gw: "10.1.0.1", priority: 7},
	{dst: "192.0.2.0/24", table: 100, scope: 0}];
def defaults: [{dst: "0.0.0.0/0"}, {dst: "::/0"}];

# requests: a requested address in each way there is, from a family.
def requests:
	select(.ranges) | ({IPv4: ["10.1.0.77"], IPv6: ["fd00:1::77"],
		"dual-stack": ["10.1.0.77", "fd00:1::77"]}[.family]) as $ips |
	(select($ips | length == 1) | {by: "CNI_ARGS",
		env: ["CNI_ARGS=IgnoreUnknown=1;IP=\($ips[0])"]}),
	{by: "args.cni", conf: {args: {cni: {ips: $ips}}}},
	{by: "runtimeConfig", conf: {runtimeConfig: {ips: $ips}}};
def mac_requests:
	{by: "CNI_ARGS", env: ["CNI_ARGS=IgnoreUnknown=1;MAC=02:00:00:00:00:07"]},
	{by: "runtimeConfig", conf: {runtimeConfig: {mac: "02:00:00:00:00:09"}}};

def ipam($ranges): {ipam: {type: "host-local", ranges: $ranges}};
def net($type; $version): {cniVersion: $version, name: "net1", type: $type};
def with_ipam: if .ranges then ipam(.ranges) else {} end;
# What 0.1.0 and 0.2.0 cannot express.
def expressible($version): .ranges or $version >= "0.3";

# --- What every plugin does with a call that is wrong ---

def some_protocol: select(.name | test("9.9.9|^no |^VERSION|^CHECK|^GC|pairs"));
def protocol($plugin; $conf):
	{plugin: $plugin, kind: "case", steps: "ADD DEL"} + (
	({name: "cniVersion \("9.9.9", "1.1")"} |
		{name, conf: ($conf + {cniVersion: (.name | split(" ")[1])})}),
	{name: "no name", conf: ($conf | del(.name))},
	{name: "a name with a slash", conf: ($conf + {name: "a/b"})},
	{name: "a name that is a number", conf: ($conf + {name: 1})},
	{name: "no CNI_CONTAINERID", env: ["CNI_CONTAINERID="]},
	{name: "a CNI_CONTAINERID with a slash", env: ["CNI_CONTAINERID=a/b"]},
	{name: "no CNI_IFNAME", env: ["CNI_IFNAME="]},
	{name: "a CNI_IFNAME of 16 characters",
		env: ["CNI_IFNAME=a123456789abcdef"]},
	{name: "a CNI_IFNAME with a colon", env: ["CNI_IFNAME=a:b"]},
	{name: "no CNI_NETNS", env: ["CNI_NETNS="], steps: "ADD CHECK DEL"},
	{name: "an unknown verb", steps: "NONE"},
	{name: "no JSON", conf: "{", steps: "ADD CHECK DEL GC STATUS"},
	{name: "an array", conf: [1]},
	{name: "VERSION", steps: "VERSION"},
	{name: "CHECK of 0.3.1", conf: ($conf + {cniVersion: "0.3.1"}),
		steps: "CHECK"},
	{name: "GC and STATUS of 1.0.0", conf: ($conf + {cniVersion: "1.0.0"}),
		steps: "GC STATUS"},
	{name: "STATUS of 1.1.0", steps: "STATUS"},
	{name: "CNI_ARGS that are no pairs", env: ["CNI_ARGS=a;b"]},
	{name: "CNI_ARGS that nobody knows", env: ["CNI_ARGS=FOO=1"]}
	) | .conf //= $conf;

# --- bridge ---

def bridge($more): net("bridge"; "1.1.0") + {bridge: "cni0"} + $more;

# Cells of facts, from families.
def bridge_features:
	with_ipam as $ipam | . as $f |
	def named($name): {name: "\($f.family), \($name)"};
	(select(.ranges) |
		(named("no gateway") + {conf: {}}),
		(named("isGateway") + {conf: {isGateway: true}}),
		(named("isDefaultGateway, ipMasq") +
			{conf: {isDefaultGateway: true, ipMasq: true}}),
		(requests | named("requested IP by \(.by)") +
			{env, conf: (.conf // {} | .isGateway = true)})),
	(mac_requests, {by: "args.cni", conf: {args: {cni:
		{mac: "02:00:00:00:00:08"}}}} |
		select($f.family | IN("dual-stack", "layer 2")) |
		named("requested MAC by \(.by)") + {env, conf: (.conf // {})}),
	(select(.family | IN("dual-stack", "layer 2")) |
		(named("mtu") + {conf: {mtu: 9000}}),
		(named("hairpinMode, portIsolation") +
			{conf: {hairpinMode: true, portIsolation: true}}),
		(named("promiscMode") + {conf: {promiscMode: true}}),
		(named("macspoofchk") + {conf: {macspoofchk: true}})) |
	{plugin: "bridge"} + . | .conf = bridge($ipam + .conf);

def bridge_more:
	{plugin: "bridge"} + (
	{name: "IPv6, enabledad", conf: bridge(ipam([[v6]]) +
		{isGateway: true, enabledad: true})},
	{name: "layer 2, disableContainerInterface",
		conf: bridge({disableContainerInterface: true})},
	{name: "several ranges and routes", conf: bridge(ipam(several) |
		.ipam.routes = routes)},
	{name: "dns", conf: bridge(ipam([[v4]]) +
		{dns: {nameservers: ["10.1.0.1"], search: ["a", "b"]}})},
	{name: "route attributes", conf: bridge(ipam([[v4]]) +
		{isGateway: true} | .ipam.routes = attributes)},
	{name: "a default route that names its gateway",
		conf: bridge(ipam([[v4]]) + {isDefaultGateway: true} |
			.ipam.routes = [{dst: "0.0.0.0/0", gw: "10.1.0.7"}])},
	{name: "default routes of the IPAM plugin", conf: bridge(ipam([[v4], [v6]]) +
		{isGateway: true} | .ipam.routes = defaults)},
	{name: "no bridge named", conf: (bridge(ipam([[v4]])) | del(.bridge))},
	{name: "ipMasq without a gateway, ipMasqBackend",
		conf: bridge(ipam([[v4]]) +
			{ipMasq: true, ipMasqBackend: "nftables"})},
	{name: "runtimeConfig.ipRanges", conf: bridge(ipam([[v4]]) +
		{runtimeConfig:
			{ipRanges: [[{subnet: "10.4.0.0/24"}]]}})},
	{name: "a bridge that exists", conf: bridge(ipam([[v4], [v6]]) +
		{isGateway: true, mtu: 1400}),
		before: "ip link add cni0 type bridge; ip addr add 10.1.0.1/24 brd + dev cni0"},
	({name: "IPv4, forceAddress", a: "10.9.0.1/24", r: v4},
		{name: "IPv6, forceAddress", a: "fd00:1::9/64", r: v6} |
		{name, conf: bridge(ipam([[.r]]) +
			{isGateway: true, forceAddress: true}),
		before: "ip link add cni0 type bridge; ip addr add \(.a) dev cni0"})
	);

def bridge_vlans:
	(family("IPv4"), family("layer 2")) as $f |
	({vlan: 100}, {vlanTrunk: [{id: 50}]}, {vlan: 100, vlanTrunk: [{id: 50}]},
		(select($f.ranges) | {vlanTrunk: [{minID: 10, maxID: 12}, {id: 50}]},
		{vlan: 100, isDefaultGateway: true},
		{vlan: 100, isDefaultGateway: true, ipMasq: true})) as $keys |
	({}, {preserveDefaultVlan: true} |
		select(.preserveDefaultVlan and ($keys.isDefaultGateway or
			($f.ranges | not)) | not)) as $d |
	{plugin: "bridge", needs: "vlan", conf: bridge($f | with_ipam + $keys + $d),
	name: "\($f.family), VLAN: \($keys + $d | tojson | gsub("[\"{}]"; ""))"};

# damages(PLUGIN; CONF; PARENT): what CHECK is to notice, and from where DEL is to
# work.
def damages($plugin; $conf; $parent):
	{plugin: $plugin, conf: $conf, kind: "case", steps: "ADD break CHECK DEL DEL"} + (
	{name: "the interface is gone", break: "ip -n guest link del eth0"},
	{name: "the address is gone", break: "ip -n guest addr flush dev eth0 scope global"},
	{name: "the MAC is another",
		break: "ip -n guest link set eth0 address 02:00:00:00:00:99"},
	{name: "the namespace is gone", break: "ip netns del guest; while compgen -G \"/sys/class/net/veth*\" >/dev/null; do sleep 0.05; done"},
	{name: "the lease is gone",
		break: "find /var/lib/cni/networks -name 10.1.0.2 -delete"},
	{name: "the parent is gone", break: "ip link del \($parent)"},
	{name: "CNI_IFNAME is another", break: "env+=(CNI_IFNAME=eth1)",
		steps: "ADD break CHECK DEL"},
	{name: "the route is gone", break:
		"ip -n guest route flush default; ip -n guest route flush 10.1.0.0/24"},
	{name: "CHECK without prevResult", steps: "CHECK"},
	{name: "DEL of what was never added", steps: "DEL DEL"},
	{name: "DEL with another result",
		break: "conf=$(jq -c \".prevResult.ips = []\" <<<\"$conf\")",
		steps: "ADD break DEL"},
	{name: "a second ADD", steps: "ADD ADD DEL"}
	);

def bridge_cases:
	{plugin: "bridge", kind: "case", steps: "ADD DEL"} + (
	({name: "vlan \(4095, -1)"} |
		{name, conf: bridge({vlan: (.name | split(" ")[1] | tonumber)})}),
	({t: {id: 0}}, {t: {id: 4095}}, {t: {minID: 5}}, {t: {maxID: 5}},
		{t: {minID: 9, maxID: 5}} | {name: "vlanTrunk \(.t | tojson)",
		conf: bridge({vlanTrunk: [.t]})}),
	{name: "hairpinMode and promiscMode",
		conf: bridge({hairpinMode: true, promiscMode: true})},
	{name: "ipMasqBackend unknown", conf: bridge(ipam([[v4]]) +
		{ipMasq: true, ipMasqBackend: "x"})},
	{name: "disableContainerInterface with ipam", conf: bridge(ipam([[v4]]) +
		{disableContainerInterface: true})},
	{name: "a MAC that is none", conf: bridge(ipam([[v4]])),
		env: ["CNI_ARGS=IgnoreUnknown=1;MAC=x"]},
	{name: "isGateway is no bool", conf: bridge({isGateway: "yes"})},
	{name: "an IPAM plugin that is not there",
		conf: bridge({ipam: {type: "none-such"}})},
	({v: "0.1.0"}, {v: "0.2.0"} | {name: "layer 2 cannot be said in \(.v)",
		conf: (bridge({}) + {cniVersion: .v})}),
	{name: "bridge is not a bridge", conf: bridge({}),
		before: "ip link add cni0 type veth peer name x0"},
	{name: "the bridge has another address",
		conf: bridge(ipam([[v4]]) + {isGateway: true}),
		before: "ip link add cni0 type bridge; ip addr add 10.1.0.9/24 dev cni0"},
	{name: "two IPv4 gateways on one bridge", conf: bridge(ipam([[v4],
		[{subnet: "10.2.0.0/24"}]]) + {isGateway: true})},
	{name: "CNI_IFNAME is taken", conf: bridge(ipam([[v4]])),
		before: "ip -n guest link add eth0 type bridge"},
	{name: "CNI_IFNAME is taken, layer 2", conf: bridge({}), steps: "ADD",
		before: "ip -n guest link add eth0 type bridge"},
	{name: "the namespace is not there", conf: bridge(ipam([[v4]])),
		env: ["CNI_NETNS=/run/netns/none"]},
	{name: "the namespace is the plugin's own", conf: bridge(ipam([[v4]])),
		env: ["CNI_NETNS=/proc/self/ns/net"]},
	{name: "the namespace is no namespace", conf: bridge(ipam([[v4]])),
		env: ["CNI_NETNS=/etc/passwd"]}
	), damages("bridge"; bridge(ipam([[v4], [v6]]) + {isDefaultGateway: true});
		"cni0");

# --- macvlan ---

def macvlan($more): net("macvlan"; "1.1.0") + {master: "p0"} + $more;

def macvlan_more:
	{plugin: "macvlan"} + (
	(families[] | . as $f | requests |
		{name: "\($f.family), requested IP by \(.by)", env,
		conf: macvlan(($f | with_ipam) + (.conf // {}))}),
	((family("dual-stack"), family("layer 2")) as $f | mac_requests,
		{by: "mac", conf: {mac: "02:00:00:00:00:08"}} |
		{name: "\($f.family), requested MAC by \(.by)", env,
		conf: macvlan(($f | with_ipam) + (.conf // {}))}),
	((family("IPv4"), family("layer 2")) as $f |
		"bridge", "private", "vepa", "passthru" |
		{name: "\($f.family), mode \(.)",
		conf: macvlan(($f | with_ipam) + {mode: .})}),
	{name: "no default routes", conf: macvlan(ipam([[v4], [v6]]))},
	{name: "several ranges and routes", conf: macvlan(ipam(several) |
		.ipam.routes = routes)},
	{name: "the default parent", conf: (macvlan(ipam([[v4]])) | del(.master))},
	{name: "mtu and bcqueuelen", conf: macvlan(ipam([[v4]]) +
		{mtu: 1300, bcqueuelen: 3000})},
	{name: "linkInContainer", conf: macvlan(ipam([[v4]]) +
		{master: "in0", linkInContainer: true})},
	{name: "dns", conf: macvlan(ipam([[v4]]) +
		{dns: {nameservers: ["10.1.0.1"]}})},
	{name: "route attributes", conf: macvlan(ipam([[v4]]) |
		.ipam.routes = attributes)}
	);

def macvlan_cases:
	{plugin: "macvlan", kind: "case", steps: "ADD DEL"} + (
	{name: "mode unknown", conf: macvlan({mode: "x"})},
	{name: "mtu over the parent's", conf: macvlan({mtu: 9000})},
	{name: "mtu under zero", conf: macvlan({mtu: -1})},
	{name: "master is not there", conf: macvlan(ipam([[v4]]) + {master: "none"})},
	{name: "no master and no default route",
		conf: (macvlan(ipam([[v4]])) | del(.master)),
		before: "ip route del default"},
	{name: "a MAC that is none", conf: macvlan(ipam([[v4]]) + {mac: "x"})},
	{name: "bcqueuelen is no number", conf: macvlan({bcqueuelen: "x"})},
	{name: "an IPAM plugin that is not there",
		conf: macvlan({ipam: {type: "none-such"}})},
	({v: "0.1.0"}, {v: "0.2.0"} | {name: "layer 2 cannot be said in \(.v)",
		conf: (macvlan({}) + {cniVersion: .v})}),
	{name: "CNI_IFNAME is taken", conf: macvlan(ipam([[v4]])),
		before: "ip -n guest link add eth0 type bridge"},
	{name: "the namespace is not there", conf: macvlan(ipam([[v4]])),
		env: ["CNI_NETNS=/run/netns/none"]},
	{name: "the namespace is the plugin's own", conf: macvlan(ipam([[v4]])),
		env: ["CNI_NETNS=/proc/self/ns/net"]},
	{name: "the namespace is no namespace", conf: macvlan(ipam([[v4]])),
		env: ["CNI_NETNS=/etc/passwd"]}
	), damages("macvlan"; macvlan(ipam([[v4], [v6]]) | .ipam.routes = defaults); "p0");

# --- host-local ---

def local($ipam): net("host-local"; "1.1.0") + {ipam: ({type: "host-local"} + $ipam)};
def local4($more): local({ranges: [[v4 + $more]]});

def local_more:
	{plugin: "host-local", kind: "leases"} + (
	(families[:3][] | . as $f | requests |
		{name: "\($f.family), requested IP by \(.by)", env,
		conf: (local({ranges: $f.ranges}) + (.conf // {})),
		steps: "ADD:first ADD:second CHECK:first DEL:second DEL:first ADD:second"}),
	{name: "the old form", conf: local(v4)},
	{name: "the old form and ranges", conf: local(v4 + {ranges: [[v6]]})},
	{name: "several ranges and routes", conf: local({ranges: several, routes: routes}),
		steps: "ADD:a ADD:b ADD:c ADD:d DEL:b ADD:e ADD:f CHECK:e DEL:a DEL:c DEL:d DEL:e DEL:f"},
	{name: "rangeStart, rangeEnd", conf:
		local4({rangeStart: "10.1.0.5", rangeEnd: "10.1.0.7"})},
	{name: "IPv6, rangeStart, rangeEnd", conf: local({ranges: [[v6 +
		{rangeStart: "fd00:1::10", rangeEnd: "fd00:1::12"}]]})},
	{name: "gateway", conf: local4({gateway: "10.1.0.2"})},
	{name: "gateway elsewhere", conf: local4({gateway: "10.7.0.1"})},
	{name: "dataDir", conf: local({ranges: [[v4]], dataDir: "/run/leases"}),
		dir: "/run/leases"},
	{name: "resolvConf", conf: local({ranges: [[v4]], resolvConf: "/run/r"}),
		before: "printf \"# a\\nnameserver 10.0.0.1\\nnameserver fd00::1\\nsearch a b\\ndomain c\\noptions x y:2\\n\" >/run/r"},
	{name: "route attributes", conf: local({ranges: [[v4]], routes: attributes})},
	{name: "no routes, several families and a default",
		conf: local({ranges: [[v4], [v6]], routes: defaults})},
	{name: "dns of the configuration", conf: (local4({}) +
		{dns: {nameservers: ["10.0.0.1"]}})},
	{name: "runtimeConfig.ipRanges", conf: (local4({}) + {runtimeConfig:
		{ipRanges: [[{subnet: "10.4.0.0/24"}], [{subnet: "fd00:4::/64"}]]}})},
	{name: "an exhausted pool", conf: local({ranges: [[{subnet: "10.1.0.0/30"}]]}),
		steps: "ADD:a ADD:b DEL:a ADD:b"},
	{name: "an exhausted second set", conf: local({ranges: [[v4],
		[{subnet: "fd00:1::/126"}]]}),
		steps: "ADD:a ADD:b ADD:c DEL:a DEL:b"},
	{name: "a freed address is not the next", conf: local4({rangeEnd: "10.1.0.4"}),
		steps: "ADD:a ADD:b DEL:a ADD:c ADD:d DEL:b DEL:c DEL:d"},
	{name: "the network's and the broadcast address, if named",
		conf: local4({rangeStart: "10.1.0.0", rangeEnd: "10.1.0.255"}),
		steps: "ADD:a ADD:b"},
	{name: "two interfaces of one container", conf: local4({}),
		steps: "ADD:a break ADD:a CHECK:a DEL:a", break: "env+=(CNI_IFNAME=net1)"},
	{name: "a foreign file among the leases", conf: local4({}),
		before: "mkdir -p /var/lib/cni/networks/net1; printf old >/var/lib/cni/networks/net1/10.1.0.2",
		steps: "ADD:a CHECK:old DEL:old ADD:b DEL:a DEL:b"}
	);

def local_cases:
	{plugin: "host-local", kind: "case", steps: "ADD DEL"} + (
	{name: "no ipam", conf: net("host-local"; "1.1.0")},
	{name: "no ranges", conf: local({})},
	{name: "an empty range set", conf: local({ranges: [[]]})},
	({s: "10.1.0.0/31"}, {s: "10.1.0.0/32"}, {s: "fd00::/127"},
		{s: "10.1.0.5/24"}, {s: "10.1.0.0"}, {s: "x"}, {s: ""} |
		{name: "subnet \"\(.s)\"", conf: local({ranges: [[{subnet: .s}]]})}),
	{name: "rangeStart elsewhere", conf: local4({rangeStart: "10.2.0.1"})},
	{name: "rangeEnd elsewhere", conf: local4({rangeEnd: "10.2.0.1"})},
	{name: "rangeEnd before rangeStart",
		conf: local4({rangeStart: "10.1.0.9", rangeEnd: "10.1.0.5"})},
	{name: "ranges that overlap", conf: local({ranges: [[v4, v4]]})},
	{name: "range sets that overlap", conf: local({ranges: [[v4], [v4]]})},
	{name: "two families in one set", conf: local({ranges: [[v4, v6]]})},
	{name: "two addresses of a family in 0.2.0", conf: (local({ranges: [[v4],
		[{subnet: "10.2.0.0/24"}]]}) + {cniVersion: "0.2.0"})},
	{name: "a gateway that is none", conf: local4({gateway: "x"})},
	{name: "resolvConf is not there",
		conf: local({ranges: [[v4]], resolvConf: "/run/none"})},
	{name: "a route that is none", conf: local({ranges: [[v4]],
		routes: [{dst: "x"}]})},
	({i: "10.9.0.1"}, {i: "10.1.0.1"}, {i: "10.1.0.255"}, {i: "x"} |
		{name: "requested IP \(.i)", conf: local4({}),
		env: ["CNI_ARGS=IgnoreUnknown=1;IP=\(.i)"]}),
	{name: "requested IPs that are too many", conf: (local4({}) +
		{runtimeConfig: {ips: ["10.1.0.7", "10.1.0.8"]}})},
	{name: "a requested IP that is taken", conf: local4({}),
		env: ["CNI_ARGS=IgnoreUnknown=1;IP=10.1.0.7"],
		before: "mkdir -p /var/lib/cni/networks/net1; printf old >/var/lib/cni/networks/net1/10.1.0.7"},
	{name: "dataDir is a file", conf: local({ranges: [[v4]], dataDir: "/etc/passwd"})},
	{name: "CHECK of what was never added", conf: local4({}), steps: "CHECK"},
	{name: "DEL of what was never added", conf: local4({}), steps: "DEL DEL"},
	{name: "STATUS of a full pool", steps: "ADD STATUS DEL",
		conf: local({ranges: [[{subnet: "10.1.0.0/30"}]]})},
	{name: "the lease is gone", conf: local4({}), steps: "ADD break CHECK DEL",
		break: "find /var/lib/cni/networks -name 10.1.0.2 -delete"}
	);

# --- portmap ---

def result($version; $family):
	{IPv4: ["10.1.0.11/24"], IPv6: ["fd00:1::11/64"],
		"dual-stack": ["10.1.0.11/24", "fd00:1::11/64"],
		"layer 2": []}[$family] as $ips |
	if $version < "0.3" then {cniVersion: $version} +
		($ips | map(if test(":") then {ip6: {ip: .}} else {ip4: {ip: .}} end) |
			add // {})
	else {cniVersion: $version, interfaces: [{name: "cni0"}, {name: "p1"},
		{name: "eth0", sandbox: "/run/netns/guest"}],
		ips: ($ips | map({address: ., interface: 2} +
			if $version >= "1" then {} else
			{version: (if test(":") then "6" else "4" end)} end))}
	end;
def portmap($version; $family; $ports; $more):
	net("portmap"; $version) + $more + {runtimeConfig: {portMappings: $ports},
		prevResult: result($version; $family)};
def port($host; $proto; $more): {hostPort: $host, containerPort:
	(if $proto == "udp" then 53 else 80 end), protocol: $proto} + $more;
def ports: [port(8080; "tcp"; {}), port(5353; "udp"; {}),
	port(8081; "tcp"; {hostIP: "10.1.0.1"}), port(8082; "tcp"; {hostIP: "0.0.0.0"}),
	port(8083; "tcp"; {hostIP: "203.0.113.1"})];
# FROM PROTOCOL ADDRESS PORT
def outside: ["out tcp 192.0.2.1 8080", "out tcp 2001:db8::1 8080",
	"out udp 192.0.2.1 5353", "out udp 2001:db8::1 5353"];
def everywhere: ["out", "guest", "other", "host"] | map(. as $from |
	("192.0.2.1 8080", "192.0.2.1 8081", "10.1.0.1 8081", "192.0.2.1 8082",
	"203.0.113.1 8083", "127.0.0.1 8080", "2001:db8::1 8080",
	"2001:db8::1 8082") |
	select($from == "host" or (startswith("127.") | not)) |
	"\($from) tcp \(.)") + ["out udp 192.0.2.1 5353"];

def portmap_more:
	{plugin: "portmap", kind: "ports", ask: outside} + (
	(versions[] | select(. >= "0.3")) as $v | families[].family as $f |
		select($v == "1.1.0" or $f == "dual-stack") |
		{name: "cniVersion \($v), \($f)", conf: portmap($v; $f; ports; {})}),
	({plugin: "portmap", kind: "ports", ask: everywhere} + (
	({k: {}}, {k: {snat: false}, tag: "no snat"}, {k: {masqAll: true}, tag: "masqAll"},
		{k: {backend: "nftables"}} | {tag, name: "forwards, asked from everywhere \(.k | tojson)",
		conf: portmap("1.0.0"; "dual-stack"; ports; .k)}),
	{name: "hostIP ::", tag: "only IPv6", conf: portmap("1.0.0"; "dual-stack";
		[port(8082; "tcp"; {hostIP: "::"})]; {})},
	{name: "hostIP of IPv6", tag: "only IPv6", conf: portmap("1.0.0"; "dual-stack";
		[port(8080; "tcp"; {hostIP: "2001:db8::1"})]; {})},
	{name: "many ports", conf: portmap("1.0.0"; "dual-stack";
		[range(8000; 8100) | port(.; "tcp", "udp"; {})]; {}), ask: outside},
	{name: "no ports", conf: portmap("1.0.0"; "dual-stack"; []; {}), ask: outside},
	{name: "no runtimeConfig", conf: (portmap("1.0.0"; "dual-stack"; []; {}) |
		del(.runtimeConfig)), ask: outside}
	));

def portmap_cases:
	def a($ports; $more): portmap("1.1.0"; "dual-stack"; $ports; $more);
	{plugin: "portmap", kind: "case", steps: "ADD CHECK DEL"} + (
	{name: "backend unknown", conf: a(ports; {backend: "x"})},
	{name: "markMasqBit over 31", conf: a(ports; {markMasqBit: 32})},
	{name: "markMasqBit", conf: a(ports; {markMasqBit: 5})},
	{name: "markMasqBit and externalSetMarkChain",
		conf: a(ports; {markMasqBit: 5, externalSetMarkChain: "x"})},
	{name: "conditionsV4", conf: a(ports; {conditionsV4: ["-s", "10.0.0.0/8"]})},
	{name: "hostPort 0", conf: a([port(0; "tcp"; {})]; {})},
	{name: "hostPort 65536", conf: a([port(65536; "tcp"; {})]; {})},
	{name: "hostPort under zero", conf: a([port(-1; "tcp"; {})]; {})},
	{name: "containerPort 0", conf: a([port(80; "tcp"; {containerPort: 0})]; {})},
	{name: "hostIP that is none", conf: a([port(80; "tcp"; {hostIP: "x"})]; {})},
	{name: "protocol unknown", conf: a([port(80; "x"; {})]; {})},
	{name: "no protocol", conf: a([port(80; "tcp"; {}) | del(.protocol)]; {})},
	{name: "protocol in capitals", conf: a([port(80; "TCP"; {})]; {})},
	{name: "no prevResult", conf: (a(ports; {}) | del(.prevResult))},
	({v: "0.1.0"}, {v: "0.2.0"} | {name: "cniVersion \(.v)",
		conf: portmap(.v; "IPv4"; ports; {}), steps: "ADD DEL"}),
	{name: "the rules are gone", conf: a(ports; {}), steps: "ADD break CHECK DEL DEL",
		break: "nft flush ruleset"},
	{name: "a port that is another's", conf: a([port(8080; "tcp"; {})]; {}),
		steps: "ADD break ADD DEL", break: "env+=(CNI_CONTAINERID=second)"},
	{name: "DEL of what was never added", conf: a(ports; {}), steps: "DEL DEL"},
	{name: "DEL without prevResult", conf: (a(ports; {})), steps: "ADD break DEL",
		break: "conf=$(jq -c \"del(.prevResult)\" <<<\"$conf\")"},
	{name: "the namespace is gone", conf: (a(ports; {})), steps: "ADD break DEL",
		break: "ip netns del guest"}
	);

# --- All of them ---

def cells:
	(versions[] as $v | families[] | select(expressible($v)) |
		{plugin: "bridge", name: "cniVersion \($v), \(.family)", conf:
			(bridge(with_ipam + if .ranges then
			{isDefaultGateway: true} else {} end) + {cniVersion: $v})},
		(select($v == "1.1.0" or (.family | IN("dual-stack", "layer 2"))) |
			{plugin: "macvlan", name: "cniVersion \($v), \(.family)", conf:
			(macvlan(with_ipam) + {cniVersion: $v} |
			if .ipam then .ipam.routes = [.ipam.ranges[][].subnet |
				if test(":") then defaults[1] else defaults[0] end]
			else . end)}),
		(select(.ranges) | {plugin: "host-local", kind: "leases",
			name: "cniVersion \($v), \(.family)",
			conf: (local({ranges, routes: defaults}) + {cniVersion: $v})})),
	(families[] | bridge_features), bridge_more, bridge_vlans, bridge_cases,
	protocol("bridge"; bridge(ipam([[v4]]))),
	macvlan_more, macvlan_cases, (protocol("macvlan"; macvlan(ipam([[v4]]))) | some_protocol),
	local_more, local_cases, protocol("host-local"; local4({})),
	portmap_more, portmap_cases,
	(protocol("portmap"; portmap("1.1.0"; "IPv4"; ports; {})) | some_protocol);

# Ours is theirs with another type.
def ours:
	if type == "object" then
		.type = {bridge: "bridge-vm", macvlan: "macvlan-vm",
			portmap: "portmap-nft", "host-local": "ipam-host-local"}[.type] |
		if .ipam.type == "host-local" then .ipam.type = "ipam-host-local"
		else . end
	else . end;

# One line a cell, its fields between unit separators, for bash.
def line: [.plugin, .name, .kind // "facts", .needs, .steps,
	(.conf, (.conf | ours) | if type == "string" then . else tojson end),
	((.env // []) | join("\u001e")), .before, .break,
	((.ask // []) | join("\u001e")), .dir, .tag] | map(. // "") | join("\u001f");
