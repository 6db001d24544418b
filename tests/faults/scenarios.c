/* SPDX-License-Identifier: Apache-2.0 */
/* scenarios.c - what is called, of which configuration. */
#include "scenarios.h"

#define RANGES(subnet4, subnet6)                      \
	"\"ranges\":[[{\"subnet\":\"" subnet4 "\"}]," \
	"[{\"subnet\":\"" subnet6 "\"}]]"
#define DUAL RANGES("10.1.0.0/16", "fd00:1::/64")
#define THEIR_IPAM "\"ipam\":{\"type\":\"host-local\"," DUAL "}"
#define OUR_IPAM "\"ipam\":{\"type\":\"ipam-host-local\"," DUAL "}"
#define WHOLE                                           \
	"\"bridge\":\"br0\",\"isDefaultGateway\":true," \
	"\"ipMasq\":true," OUR_IPAM

const struct setup setup_veth = { "veth", "bridge-vm", WHOLE, false,
				  false,  NULL,	       false, false };
#define TAP ",\"attach\":\"tap\""
static const struct setup tap = { "tap", "bridge-vm", WHOLE TAP, false,
				  false, NULL,	      false,	 false };
static const struct setup kata = {
	.name = "kata",
	.type = "bridge-vm",
	.keys = WHOLE TAP ",\"kataDan\":true",
};
static const struct setup port = {
	.name = "port",
	.type = "bridge-vm",
	.keys = WHOLE ",\"macspoofchk\":true,\"hairpinMode\":true,"
		      "\"portIsolation\":true,\"mtu\":\"auto\"",
};
#define LIMITS                                               \
	",\"ingressRate\":80000000,\"ingressBurst\":800000," \
	"\"egressRate\":40000000,\"egressBurst\":800000"
static const struct setup limits = {
	"limits", "bridge-vm", WHOLE LIMITS, false, false, NULL, false, false
};
static const struct setup limited_tap = {
	.name = "limited tap",
	.type = "bridge-vm",
	.keys = WHOLE LIMITS ",\"attach\":\"tap\",\"tap\":{\"name\":\"vm0\"}",
};
const struct setup setup_vlan = {
	.name = "vlan",
	.type = "bridge-vm",
	.keys = WHOLE ",\"macspoofchk\":true,\"promiscMode\":true,\"vlan\":100,"
		      "\"vlanTrunk\":[{\"minID\":10,\"maxID\":12}]",
};
static const struct setup macvlan = {
	.name = "macvlan",
	.type = "macvlan-vm",
	.keys = "\"master\":\"p0\",\"hostAccess\":true," OUR_IPAM,
	.has_parent = true,
};
#define MACVTAP                                                         \
	"\"master\":\"p0\",\"hostAccess\":true,\"attach\":\"macvtap\"," \
	"\"macvtap\":{\"queues\":2,\"owner\":107,\"mode\":\"0600\"}," OUR_IPAM
static const struct setup macvtap = { "macvtap", "macvlan-vm", MACVTAP, false,
				      true,	 NULL,	       false,	false };
static const struct setup macvtap_host = {
	"macvtap here", "macvlan-vm", MACVTAP, false, true, NULL, true, false
};
static const struct setup limited_macvtap = { "limited macvtap",
					      "macvlan-vm",
					      MACVTAP LIMITS,
					      false,
					      true,
					      NULL,
					      false,
					      false };
static const struct setup ipam = {
	.name = "IPAM",
	.type = "ipam-host-local",
	.keys = OUR_IPAM,
};
#define KEYED "\"perAttachment\":[\"allocationKey\"]," OUR_IPAM
static const struct setup key = {
	.name = "key",
	.type = "ipam-host-local",
	.keys = KEYED,
};
/* The bystander has the key: whoever comes waits for it. */
static const struct setup waits = {
	.name = "waits",
	.type = "ipam-host-local",
	.keys = "\"onConflict\":\"silent\"," KEYED,
};
static const struct setup foreign = {
	.name = "foreign IPAM",
	.type = "bridge-vm",
	.keys = "\"bridge\":\"br0\"," THEIR_IPAM,
	.is_foreign = true,
};
const struct setup setup_reference = {
	.name = "reference",
	.type = "host-local",
	.keys = THEIR_IPAM,
	.is_foreign = true,
};

static const struct setup portmap = {
	.name = "portmap",
	.type = "portmap-nft",
	.keys = "\"runtimeConfig\":{\"portMappings\":["
		"{\"hostPort\":8080,\"containerPort\":80},"
		"{\"hostPort\":53,\"containerPort\":53,\"protocol\":\"udp\"}]},"
		"\"prevResult\":{\"cniVersion\":\"1.1.0\",\"interfaces\":"
		"[{\"name\":\"eth0\",\"sandbox\":\"/run/netns/" GUEST "\"}],"
		"\"ips\":[{\"address\":\"10.1.0.2/24\",\"interface\":0},"
		"{\"address\":\"fd00:1::2/64\",\"interface\":0}]}",
};
static const struct setup splice = {
	"splice",
	"tap-vm",
	"\"tap\":{\"name\":\"vm0\",\"owner\":107,\"group\":107},"
	"\"prevResult\":{\"cniVersion\":\"1.1.0\",\"interfaces\":"
	"[{\"name\":\"eth0\",\"sandbox\":\"/run/netns/" GUEST "\"}],"
	"\"ips\":[{\"address\":\"10.1.0.2/16\",\"interface\":0}]}",
	false,
	false,
	NULL,
	false,
	false
};
/* A VM that ends at once. What is left of a run is removed by gc --orphans, or by the
 * next run. */
#define RUN WHOLE ",\"perAttachment\":[\"attach\"]"
static const struct setup run = { .name = "run",
				  .type = "bridge-vm",
				  .keys = RUN };
static const struct setup run_again = { .name = "run again",
					.type = "bridge-vm",
					.keys = RUN };
/* Everybody lets everybody in, by a label: what comes and goes changes what holds
 * for the bystander. */
#define POLICED                                                             \
	WHOLE ",\"labels\":{\"app\":\"x\"},\"policy\":{\"podSelector\":{}," \
	      "\"ingress\":[{\"from\":[{\"podSelector\":{\"matchLabels\":"  \
	      "{\"app\":\"x\"}}}]}]}"
static const struct setup policed = { .name = "policed",
				      .type = "bridge-vm",
				      .keys = POLICED };
static const struct setup policed_first = { .name = "policed first",
					    .type = "bridge-vm",
					    .keys = POLICED,
					    .is_first = true };
/* What the reference bridge has made is ours to remove. */
static const struct setup taken = {
	"taken over",
	"bridge-vm",
	"\"bridge\":\"br0\",\"ipMasq\":true,\"ipMasqBackend\":\"nftables\","
	"\"macspoofchk\":true,\"ipam\":{\"type\":\"ipam-host-local\"," DUAL "}",
	false,
	false,
	"bridge",
	false,
	false
};

#define WAIT ",\"delWait\":true"
#define LAX                               \
	",\"cni.dev/valid-attachments\":" \
	"[{\"containerID\":\"" BYSTANDER "\",\"ifname\":\"eth0\"}]"
#define STALE                                               \
	",\"gc\":\"strict\",\"cni.dev/valid-attachments\":" \
	"[{\"containerID\":\"" BYSTANDER "\",\"ifname\":\"eth0\"}]"

const struct scenario scenarios[] = {
	{ &setup_veth, "veth ADD", "ADD", NULL, true },
	{ &setup_veth, "veth CHECK", "CHECK", NULL, false },
	{ &setup_veth, "veth DEL", "DEL", WAIT, false },
	{ &setup_veth, "veth DEL with a child", "DEL", EVENT, false },
	{ &setup_veth, "veth GC", "GC", STALE, false },
	{ &tap, "tap ADD", "ADD", NULL, true },
	{ &tap, "tap CHECK", "CHECK", NULL, false },
	{ &tap, "tap DEL", "DEL", WAIT, false },
	{ &tap, "tap DEL with a child", "DEL", EVENT, false },
	{ &tap, "tap GC", "GC", STALE, false },
	{ &kata, "kata ADD", "ADD", NULL, true },
	{ &kata, "kata CHECK", "CHECK", NULL, false },
	{ &kata, "kata DEL", "DEL", WAIT, false },
	{ &kata, "kata GC", "GC", STALE, false },
	{ &port, "port ADD", "ADD", NULL, true },
	{ &port, "port CHECK", "CHECK", NULL, false },
	{ &port, "port DEL", "DEL", WAIT, false },
	{ &port, "port GC", "GC", STALE, false },
	{ &limits, "limits ADD", "ADD", NULL, true },
	{ &limits, "limits CHECK", "CHECK", NULL, true },
	{ &limits, "limits DEL", "DEL", WAIT, true },
	{ &limits, "limits DEL, children", "DEL", EVENT, true },
	{ &limits, "limits GC", "GC", STALE, true },
	{ &limited_tap, "limited tap ADD", "ADD", NULL, true },
	{ &policed, "policed ADD", "ADD", NULL, false },
	{ &policed_first, "policed first ADD", "ADD", NULL, true },
	{ &policed, "policed CHECK", "CHECK", NULL, false },
	{ &policed, "policed DEL", "DEL", WAIT, false },
	{ &policed, "policed GC", "GC", STALE, false },
	{ &setup_vlan, "vlan ADD", "ADD", NULL, true },
	{ &setup_vlan, "vlan CHECK", "CHECK", NULL, false },
	{ &setup_vlan, "vlan DEL", "DEL", WAIT, false },
	{ &macvlan, "macvlan ADD", "ADD", NULL, true },
	{ &macvlan, "macvlan second ADD", "ADD", NULL, false },
	{ &macvlan, "macvlan CHECK", "CHECK", NULL, false },
	{ &macvlan, "macvlan DEL", "DEL", WAIT, false },
	{ &macvlan, "macvlan last DEL", "DEL", WAIT, true },
	{ &macvlan, "macvlan last DEL, children", "DEL", EVENT, true },
	{ &macvtap, "macvtap ADD", "ADD", NULL, true },
	{ &macvtap, "macvtap second ADD", "ADD", NULL, false },
	{ &macvtap, "macvtap CHECK", "CHECK", NULL, false },
	{ &macvtap, "macvtap DEL", "DEL", WAIT, false },
	{ &macvtap, "macvtap last DEL, children", "DEL", EVENT, true },
	{ &macvtap_host, "macvtap here ADD", "ADD", NULL, false },
	{ &macvtap_host, "macvtap here CHECK", "CHECK", NULL, false },
	{ &macvtap_host, "macvtap here DEL", "DEL", WAIT, false },
	{ &macvtap_host, "macvtap here DEL, children", "DEL", EVENT, false },
	{ &macvtap_host, "macvtap here GC", "GC", STALE, false },
	{ &macvtap_host, "macvtap here GC, lax", "GC", LAX, false },
	{ &limited_macvtap, "limited macvtap ADD", "ADD", NULL, true },
	{ &limited_macvtap, "limited macvtap DEL", "DEL", WAIT, true },
	{ &ipam, "IPAM ADD", "ADD", NULL, true },
	{ &ipam, "IPAM CHECK", "CHECK", NULL, false },
	{ &ipam, "IPAM DEL", "DEL", NULL, false },
	{ &ipam, "IPAM GC", "GC", STALE, false },
	/* Not of a new key: what DEL then leaves to it is not always the same. */
	{ &key, "key ADD of what it had", "ADD", NULL, false },
	{ &key, "key CHECK", "CHECK", NULL, false },
	{ &key, "key DEL", "DEL", NULL, false },
	{ &key, "key GC", "GC", STALE, true },
	{ &waits, "waits ADD", "ADD", NULL, false },
	{ &waits, "waits CHECK", "CHECK", NULL, false },
	{ &waits, "waits DEL", "DEL", NULL, false },
	{ &waits, "waits GC", "GC", STALE, false },
	{ &portmap, "portmap ADD", "ADD", NULL, true },
	{ &portmap, "portmap CHECK", "CHECK", NULL, true },
	{ &portmap, "portmap DEL", "DEL", NULL, true },
	{ &portmap, "portmap GC", "GC", STALE, true },
	{ &splice, "splice ADD", "ADD", NULL, true },
	{ &splice, "splice CHECK", "CHECK", NULL, true },
	{ &splice, "splice DEL", "DEL", WAIT, true },
	{ &splice, "splice DEL with a child", "DEL", EVENT, true },
	{ &run, "run, and gc --orphans", "ADD", NULL, false },
	{ &run_again, "run, and again", "ADD", NULL, false },
	{ &taken, "taken over CHECK", "CHECK", NULL, false },
	{ &taken, "taken over DEL", "DEL", WAIT, false },
	{ &foreign, "foreign IPAM ADD", "ADD", NULL, false },
	{ &foreign, "foreign IPAM CHECK", "CHECK", NULL, false },
	{ &foreign, "foreign IPAM DEL", "DEL", WAIT, false },
};

const size_t n_scenarios = sizeof(scenarios) / sizeof(scenarios[0]);
