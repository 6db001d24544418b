/* SPDX-License-Identifier: Apache-2.0 */
/* "ports" of a rule. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>

#include "base/json.h"
#include "bpf/policy_read.h"
#include "net/array.h"

enum { VALUE_SIZE = 64, PORT_MAX = 65535, BYTE_MAX = 255 };

/* Return: 1 and the number, 0 if there is none, or a negative errno */
static int get_number(const cJSON *obj, const char *key, int min, int max,
		      uint16_t *ret, struct cni_err *err)
{
	const cJSON *v = json_get(obj, key);
	char want[VALUE_SIZE];

	if (!v)
		return 0;
	if (cJSON_IsNumber(v) && v->valuedouble >= min &&
	    v->valuedouble <= max && v->valuedouble == (double)v->valueint) {
		*ret = (uint16_t)v->valueint;
		return 1;
	}
	(void)snprintf(want, sizeof(want), "a number from %d to %d%s", min, max,
		       cJSON_IsString(v) ? ": names are not known here" : "");
	return policy_bad(key, v, want, err);
}

static int read_proto(const cJSON *port, uint16_t *ret, struct cni_err *err)
{
	static const struct {
		const char *name;
		uint16_t proto;
	} protos[] = {
		{ "TCP", IPPROTO_TCP },	  { "UDP", IPPROTO_UDP },
		{ "SCTP", IPPROTO_SCTP }, { "ICMP", IPPROTO_ICMP },
		{ "Any", POLICY_ANY },	  { "ICMPv6", IPPROTO_ICMPV6 },
	};

	const char *name = "TCP";
	int r = policy_text(port, "protocol", &name, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(protos) / sizeof(*protos); i++)
		if (!strcasecmp(name, protos[i].name)) {
			*ret = protos[i].proto;
			return 0;
		}
	return policy_bad("protocol", json_get(port, "protocol"),
			  "TCP, UDP, SCTP, ICMP, ICMPv6 or Any", err);
}

static int read_icmp(const cJSON *port, struct policy_port *p,
		     struct cni_err *err)
{
	uint16_t type = 0, code = 0;
	const int has_type = get_number(port, "type", 0, BYTE_MAX, &type, err);
	const int has_code = has_type < 0 ? 0
					  : get_number(port, "code", 0,
						       BYTE_MAX, &code, err);

	if (has_type < 0 || has_code < 0)
		return -EINVAL;
	if (has_code && !has_type)
		return policy_bad("type", NULL, "enough for a \"code\"", err);
	if (!has_type)
		return 0;
	p->first = (uint16_t)(type << 8 | code);
	p->last = has_code ? p->first : (uint16_t)(p->first | BYTE_MAX);
	return 0;
}

static int read_range(const cJSON *port, struct policy_port *p,
		      struct cni_err *err)
{
	uint16_t first = 0, last = 0;
	const int has_first =
		get_number(port, "port", 1, PORT_MAX, &first, err);
	const int has_last = has_first < 0 ? 0
					   : get_number(port, "endPort", 1,
							PORT_MAX, &last, err);

	if (has_first < 0 || has_last < 0)
		return -EINVAL;
	if (has_last && !has_first)
		return policy_bad("port", NULL, "enough for an \"endPort\"",
				  err);
	if (has_last && last < first)
		return policy_bad("endPort", json_get(port, "endPort"),
				  "at least \"port\"", err);
	if (!has_first)
		return 0;
	p->first = first;
	p->last = has_last ? last : first;
	return 0;
}

static int read_port(const cJSON *port, struct array *ports,
		     struct cni_err *err)
{
	static const char *const of_ports[] = { "protocol", "port", "endPort",
						NULL };
	static const char *const of_icmp[] = { "protocol", "type", "code",
					       NULL };
	static const char *const of_any[] = { "protocol", NULL };
	struct policy_port p = { .last = PORT_MAX };
	int r;

	if (!cJSON_IsObject(port))
		return policy_bad("ports", port, "a list of objects", err);
	r = read_proto(port, &p.proto, err);
	if (!r)
		r = policy_check_keys(port,
				      p.proto == POLICY_ANY ? of_any
				      : p.proto == IPPROTO_ICMP ||
						      p.proto == IPPROTO_ICMPV6
					      ? of_icmp
					      : of_ports,
				      err);
	if (!r)
		r = p.proto == IPPROTO_ICMP || p.proto == IPPROTO_ICMPV6
			    ? read_icmp(port, &p, err)
			    : read_range(port, &p, err);
	return r ? r : array_append(ports, &p, sizeof(p), err);
}

int policy_read_ports(const cJSON *list, struct policy_rule *ret,
		      struct cni_err *err)
{
	struct array ports = { 0 };
	const cJSON *v;
	int r = 0;

	cJSON_ArrayForEach(v, list)
	{
		if (r < 0)
			break;
		r = read_port(v, &ports, err);
	}
	ret->any_port = !list;
	ret->ports = ports.v;
	ret->n_ports = ports.n;
	return r;
}
