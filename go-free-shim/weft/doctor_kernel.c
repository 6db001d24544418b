/* SPDX-License-Identifier: Apache-2.0 */
/* weft doctor: the kernel's parts, its filters, forwarding, bridges. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/forward.h"
#include "net/link.h"
#include "net/link_remove.h"
#include "net/netlink.h"
#include "net/probe.h"
#include "net/sysctl.h"
#include "weft/doctor.h"

enum { HELP = 512, NEARLY_FULL = LINK_BRIDGE_PORTS - 23 };

static const struct part {
	enum probe_part bit;
	enum doctor_severity severity;
	const char *name, *why, *help;
} parts[] = {
	{ PROBE_VETH, DOCTOR_ERROR, "veth",
	  "a container's interface is one end of a veth", "modprobe veth" },
	{ PROBE_BRIDGE, DOCTOR_ERROR, "bridge",
	  "the guests of a bridge-vm network are on one", "modprobe bridge" },
	{ PROBE_TAP, DOCTOR_WARNING, "tap (/dev/net/tun)",
	  "a VM's interface is a tap; containers do without",
	  "modprobe tun; mkdir -p /dev/net; mknod /dev/net/tun c 10 200" },
	{ PROBE_NFT, DOCTOR_WARNING, "nf_tables with masquerade",
	  "ipMasq and port forwards are rules of nf_tables",
	  "modprobe -a nf_tables nft_chain_nat nft_masq" },
	{ PROBE_MACVLAN, DOCTOR_NOTE, "macvlan",
	  "only networks of macvlan need it", "modprobe macvlan" },
	{ PROBE_MACVTAP, DOCTOR_NOTE, "macvtap",
	  "only VMs on networks of macvlan need it", "modprobe macvtap" },
	{ PROBE_CLSACT, DOCTOR_NOTE, "clsact",
	  "filters of eBPF are attached to it; nothing else needs it",
	  "modprobe sch_ingress" },
};

static void check_init(struct doctor *d)
{
	bool all_say = d->n_nets > 0;

	for (size_t i = 0; i < d->n_nets; i++)
		all_say &= d->nets[i].facts.del_waits;
	if (!link_init_reaps() && !all_say)
		doctor_say(
			d,
			&(struct doctor_finding){
				"init", DOCTOR_NOTE,
				"so DEL waits 12 to 20 ms for the kernel: its child might stay a zombie",
				"docker run --init ...   # or, if it does reap: \"delWait\": false in the configuration" },
			"PID 1 is none of those that are known to reap orphans");
}

void doctor_look_at_kernel(struct doctor *d)
{
	struct cni_err err = CNI_ERR_INIT;
	unsigned int missing = 0;

	check_init(d);
	if (probe_kernel(&missing, &err) < 0) {
		doctor_say(
			d,
			&(struct doctor_finding){
				"no-namespace", DOCTOR_ERROR,
				"what the kernel has was not tried; without CAP_SYS_ADMIN no plugin works either",
				"sudo weft doctor" },
			"%s", err.msg);
		return;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (missing & parts[i].bit)
			doctor_say(d,
				   &(struct doctor_finding){
					   "kernel-part", parts[i].severity,
					   parts[i].why, parts[i].help },
				   "the kernel makes no %s", parts[i].name);
}

/* Several lines of a shell as one. */
static void accept_line(const struct forward_drop *f, const char *bridge,
			char help[HELP])
{
	const char *tool =
		strcmp(f->family, "ip6") != 0 ? "iptables" : "ip6tables";
	const char *chain = f->docker ? "DOCKER-USER" : f->chain;

	if (!*f->table)
		(void)snprintf(
			help, HELP,
			"%s-legacy -I %s -i %s -j ACCEPT; %s-legacy -I %s -o %s -j ACCEPT",
			tool, chain, bridge, tool, chain, bridge);
	else
		(void)snprintf(
			help, HELP,
			"nft 'insert rule %s %s %s iifname \"%s\" accept; insert rule %s %s %s oifname \"%s\" accept'",
			f->family, f->table, chain, bridge, f->family, f->table,
			chain, bridge);
}

static bool is_one(const char *dir, const char *key)
{
	struct cni_err ignored = CNI_ERR_INIT;
	char value[16] = "";

	return !sysctl_get_net(dir, NULL, key, value, sizeof(value),
			       &ignored) &&
	       !strcmp(value, "1");
}

static void check_bridge_netfilter(struct doctor *d, bool drops)
{
	const bool v4 = is_one("bridge", "bridge-nf-call-iptables");

	if (!v4 && !is_one("bridge", "bridge-nf-call-ip6tables"))
		return;
	doctor_say(
		d,
		&(struct doctor_finding){
			"br-netfilter", drops ? DOCTOR_WARNING : DOCTOR_NOTE,
			"what two guests of one bridge say to each other goes through the host's IP filters; Kubernetes with kube-proxy wants it so",
			"sysctl -w net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0" },
		"br_netfilter: bridge-nf-call-ip%stables is 1", v4 ? "" : "6");
}

void doctor_look_at_filters(struct doctor *d)
{
	const char *bridge = doctor_bridge(d);
	struct forward_drop drops[FORWARD_MAX];
	struct cni_err err = CNI_ERR_INIT;
	char help[HELP];
	size_t n = 0;

	if (forward_drops(bridge, drops, &n, &err) < 0)
		doctor_say(d,
			   &(struct doctor_finding){
				   "forward-drop", DOCTOR_NOTE,
				   "whether forwarding is dropped is not known",
				   "sudo weft doctor" },
			   "%s", err.msg);
	for (size_t i = 0; i < n; i++) {
		accept_line(&drops[i], bridge, help);
		doctor_say(
			d,
			&(struct doctor_finding){
				"forward-drop",
				doctor_needs(d) ? DOCTOR_ERROR : DOCTOR_WARNING,
				"guests reach nothing outside of their network, and no port forward reaches them; Docker sets this policy",
				help },
			"%s chain %s%s%s has policy DROP, and no rule about %s",
			drops[i].family,
			*drops[i].table ? drops[i].table
					: "iptables-legacy filter",
			" ", drops[i].chain, bridge);
	}
	check_bridge_netfilter(d, n > 0);
}

static bool exists(struct netlink *host, const char *bridge)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct link_info info;

	return *bridge && link_get(host, bridge, &info, &ignored) >= 0;
}

/* ADD with a gateway turns it on: off beside its bridge, somebody has since. */
static void check_forwarding(struct doctor *d, struct netlink *host,
			     const struct doctor_net *net, bool v6)
{
	const char *key = v6 ? "ipv6.conf.all.forwarding" : "ipv4.ip_forward";
	struct cni_err ignored = CNI_ERR_INIT;
	char value[16] = "", help[HELP];
	bool has = false;

	for (size_t i = 0; i < net->facts.n; i++)
		has |= (ip_len(&net->facts.subnets[i].addr) == 4) != v6;
	if (!has || !net->facts.forwards ||
	    (net->facts.gateway && !exists(host, net->facts.bridge)))
		return;
	if (sysctl_get_net(v6 ? "ipv6/conf" : "ipv4", v6 ? "all" : NULL,
			   v6 ? "forwarding" : "ip_forward", value,
			   sizeof(value), &ignored) < 0 ||
	    strcmp(value, "0") != 0)
		return;
	(void)snprintf(
		help, sizeof(help),
		"echo net.%s=1 >>/etc/sysctl.d/99-weft.conf && sysctl -w net.%s=1",
		key, key);
	doctor_say(
		d,
		&(struct doctor_finding){
			"no-forwarding", DOCTOR_ERROR,
			"guests reach nothing outside of their network; ADD turns it on with isGateway, and something turned it off again",
			help },
		"net.%s is 0, and network \"%s\" needs it", key, net->network);
}

void doctor_look_at_forwarding(struct doctor *d)
{
	cleanup_netlink struct netlink *host = NULL;
	struct cni_err ignored = CNI_ERR_INIT;

	if (netlink_open(&host, &ignored) < 0)
		return;
	for (int v6 = 0; v6 < 2; v6++)
		for (size_t i = 0; i < d->n_nets; i++) {
			const size_t n = (size_t)cJSON_GetArraySize(d->found);

			check_forwarding(d, host, &d->nets[i], v6);
			/* Once each is enough. */
			if ((size_t)cJSON_GetArraySize(d->found) > n)
				break;
		}
}

void doctor_bridge_ports(struct doctor *d, const char *bridge, size_t ports)
{
	const bool full = ports >= LINK_BRIDGE_PORTS;

	if (ports < NEARLY_FULL)
		return;
	doctor_say(
		d,
		&(struct doctor_finding){
			"bridge-full", full ? DOCTOR_ERROR : DOCTOR_WARNING,
			"the kernel allows 1023 ports; further guests are refused",
			"weft ls   # what can go? Further guests need a network of their own with another \"bridge\"" },
		"bridge %s has %zu ports", bridge, ports);
}

void doctor_look_at_bridges(struct doctor *d)
{
	cleanup_netlink struct netlink *host = NULL;
	cleanup_free struct link_info *links = NULL;
	struct cni_err ignored = CNI_ERR_INIT;
	size_t n = 0;

	if (netlink_open(&host, &ignored) < 0 ||
	    link_list(host, 0, &links, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		size_t ports = 0;

		if (strcmp(links[i].kind, "bridge") != 0)
			continue;
		for (size_t k = 0; k < n; k++)
			ports += links[k].master == links[i].index;
		doctor_bridge_ports(d, links[i].name, ports);
	}
}
