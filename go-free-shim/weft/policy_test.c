/* SPDX-License-Identifier: Apache-2.0 */
/* What would become of a packet, and why. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weft/policy.h"

static const struct {
	const char *name;
	uint8_t proto;
} protocols[] = {
	{ "tcp", IPPROTO_TCP },	      { "udp", IPPROTO_UDP },
	{ "sctp", IPPROTO_SCTP },     { "icmp", IPPROTO_ICMP },
	{ "icmpv6", IPPROTO_ICMPV6 },
};

enum { N_PROTOCOLS = sizeof(protocols) / sizeof(*protocols) };

static const char *protocol_name(uint16_t proto)
{
	for (size_t i = 0; i < N_PROTOCOLS; i++)
		if (protocols[i].proto == proto)
			return protocols[i].name;
	return proto == POLICY_ANY ? "any" : "?";
}

static bool is_icmp(uint16_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

const char *policy_port_text(const struct policy_port *p,
			     char ret[POLICY_PORT_TEXT])
{
	const char *name = protocol_name(p->proto);
	const unsigned int first = p->first, last = p->last;

	if (!first && last == UINT16_MAX)
		(void)snprintf(ret, POLICY_PORT_TEXT, "%s", name);
	else if (is_icmp(p->proto) && first == last)
		(void)snprintf(ret, POLICY_PORT_TEXT, "%s/%u:%u", name,
			       first >> 8, first & UINT8_MAX);
	else if (is_icmp(p->proto))
		(void)snprintf(ret, POLICY_PORT_TEXT, "%s/%u", name,
			       first >> 8);
	else if (first == last)
		(void)snprintf(ret, POLICY_PORT_TEXT, "%s/%u", name, first);
	else
		(void)snprintf(ret, POLICY_PORT_TEXT, "%s/%u-%u", name, first,
			       last);
	return ret;
}

static int bad(const char *what, const char *text, const char *want,
	       struct cni_err *err)
{
	return err_say(err, CNI_E_ENV, EINVAL,
		       "policy test: %s \"%s\" is not %s", what, text, want);
}

static int take_number(const char **text, unsigned int max, uint16_t *ret)
{
	char *end;
	const unsigned long n = strtoul(*text, &end, 10);

	if (end == *text || **text < '0' || **text > '9' || n > max)
		return -EINVAL;
	*text = end;
	*ret = (uint16_t)n;
	return 0;
}

/* "tcp/443", "icmp/8", "icmp/3:4", or "gre" by its number, "47". */
static int read_protocol(const char *text, struct policy_packet *ret,
			 struct cni_err *err)
{
	static const char want[] =
		"tcp, udp or sctp with a port, icmp or icmpv6 with a type, or a protocol's number";
	const char *slash = strchr(text, '/'), *at = slash ? slash + 1 : NULL;
	const size_t n = slash ? (size_t)(slash - text) : strlen(text);
	uint16_t number = 0, code = 0;
	size_t i = 0;

	while (i < N_PROTOCOLS && (strlen(protocols[i].name) != n ||
				   strncmp(protocols[i].name, text, n) != 0))
		i++;
	if (i == N_PROTOCOLS) {
		if (at || take_number(&text, UINT8_MAX, &number) < 0 || *text)
			return bad("protocol", text, want, err);
		ret->proto = (uint8_t)number;
		return 0;
	}
	ret->proto = protocols[i].proto;
	if (!at ||
	    take_number(&at, is_icmp(ret->proto) ? UINT8_MAX : UINT16_MAX,
			&number) < 0)
		return bad("protocol", text, want, err);
	ret->port = is_icmp(ret->proto) ? (uint16_t)(number << 8) : number;
	if (is_icmp(ret->proto) && *at == ':') {
		at++;
		if (take_number(&at, UINT8_MAX, &code) < 0)
			return bad("protocol", text, want, err);
		ret->port |= code;
	}
	return *at ? bad("protocol", text, want, err) : 0;
}

static int read_packet(char *const *words, struct policy_packet *ret,
		       struct cni_err *err)
{
	*ret = (struct policy_packet){ .dir = POLICY_INGRESS };
	if (!strcmp(words[0], "to"))
		ret->dir = POLICY_EGRESS;
	else if (strcmp(words[0], "from") != 0)
		return bad("direction", words[0], "\"from\" or \"to\"", err);
	if (ip_parse(words[1], &ret->peer) < 0)
		return bad("peer", words[1], "an address", err);
	return read_protocol(words[2], ret, err);
}

static void say_why(const struct policy_side *side, struct policy_verdict is)
{
	if (!side->selected)
		(void)printf("no policy selects the guest for that direction");
	else if (is.rule)
		(void)printf("rule %u %s it", is.rule,
			     is.action == POLICY_DENY ? "denies" : "allows");
	else
		(void)printf("no rule allows it");
}

int policy_test(const struct weft_args *a, const struct policy_view *v,
		struct cni_err *err)
{
	char *const *words = a->positional + 3;
	cleanup_tables struct policy_tables t = { 0 };
	cleanup_policy struct policy p = { 0 };
	struct policy_verdict is = { POLICY_ALLOW, 0 };
	const struct policy_side *side;
	struct policy_packet packet = { .dir = POLICY_INGRESS };
	size_t i = 0;
	bool denied;
	int r = policy_view_guest(v, a->positional[2], a->ifname, &i, err);

	if (!r)
		r = read_packet(words, &packet, err);
	if (!r)
		r = policy_for(v->doc, &v->members, i, &p, &t, err);
	if (r < 0)
		return r;
	side = &p.side[packet.dir];
	if (side->selected)
		is = policy_lookup(&t, &packet);
	denied = is.action == POLICY_DENY && !side->audit;
	(void)printf("%s: %s %s %s %s: ",
		     denied			? "denied"
		     : is.action == POLICY_DENY ? "audited"
						: "allowed",
		     v->members.v[i].container_id, words[0], words[1],
		     words[2]);
	say_why(side, is);
	(void)printf("\n");
	return denied ? WEFT_FOUND : 0;
}
