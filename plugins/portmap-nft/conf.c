/* SPDX-License-Identifier: Apache-2.0 */
#include "portmap-nft/conf.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PORT_MAX = 65535, MARK_BIT_MAX = 31, HASH_DIGITS = 16 };

/* Decoded but only used to settle the rest. */
struct raw {
	struct portmap_nft_conf c;
	const char *backend, *gc;
	int64_t mark_bit;
	const cJSON *mappings;
};

struct mapping {
	int64_t host_port, guest_port, range;
	const char *protocol, *host_ip;
};

/* Arguments of iptables cannot be anything else. */
static int refuse_if_set(const cJSON *v, void *field, struct cni_err *err)
{
	char text[64];

	(void)field;
	if ((cJSON_IsArray(v) && !v->child) ||
	    (cJSON_IsString(v) && !*v->valuestring))
		return 0;
	return err_say(
		err, CNI_E_FIELD, EOPNOTSUPP,
		"unsupported: value %s: it is for iptables, and this plugin writes nf_tables by itself",
		json_text(v, text, sizeof(text)));
}

#define FIELD(key, kind, member, ...)                               \
	{                                                           \
		.name = (key), .type = (kind),                      \
		.offset = offsetof(struct raw, member), __VA_ARGS__ \
	}
#define IPTABLES(key)                                                     \
	{                                                                 \
		.name = (key), .type = JSON_FUNC, .decode = refuse_if_set \
	}
#define MAPPING(key, kind, member)                          \
	{                                                   \
		.name = (key), .type = (kind),              \
		.offset = offsetof(struct mapping, member), \
	}

static const struct json_field fields[] = {
	FIELD("backend", JSON_STR, backend),
	FIELD("snat", JSON_BOOL, c.snat),
	FIELD("masqAll", JSON_BOOL, c.masq_all),
	FIELD("delWait", JSON_BOOL, c.del_wait),
	FIELD("gc", JSON_STR, gc),
	FIELD("markMasqBit", JSON_INT, mark_bit),
	IPTABLES("conditionsV4"),
	IPTABLES("conditionsV6"),
	IPTABLES("externalSetMarkChain"),
	{ 0 },
};

static const struct json_field runtime_fields[] = {
	FIELD("portMappings", JSON_ARR, mappings),
	{ 0 },
};

static const struct json_field mapping_fields[] = {
	MAPPING("hostPort", JSON_INT, host_port),
	MAPPING("containerPort", JSON_INT, guest_port),
	MAPPING("range", JSON_INT, range),
	MAPPING("protocol", JSON_STR, protocol),
	MAPPING("hostIP", JSON_STR, host_ip),
	{ 0 },
};

static int check_values(const struct raw *raw, struct cni_err *err)
{
	if (strcmp(raw->backend, "") != 0 &&
	    strcmp(raw->backend, "iptables") != 0 &&
	    strcmp(raw->backend, "nftables") != 0)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "key \"backend\": unknown backend \"%s\"",
			       raw->backend);
	if (raw->mark_bit < 0 || raw->mark_bit > MARK_BIT_MAX)
		return err_say(
			err, CNI_E_CONFIG, ERANGE,
			"key \"markMasqBit\": %lld: MasqMarkBit must be between 0 and 31",
			(long long)raw->mark_bit);
	if (strcmp(raw->gc, "") != 0 && strcmp(raw->gc, "strict") != 0)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "key \"gc\": \"%s\" is not \"strict\"", raw->gc);
	return 0;
}

static int read_proto(const char *name, uint8_t *ret, struct cni_err *err)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} known[] = { { "tcp", IPPROTO_TCP },
		      { "udp", IPPROTO_UDP },
		      { "sctp", IPPROTO_SCTP } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcasecmp(name, known[i].name)) {
			*ret = known[i].proto;
			return 0;
		}
	return err_say(
		err, CNI_E_CONFIG, EINVAL,
		"key \"protocol\": \"%s\": must be \"tcp\", \"udp\" or \"sctp\"",
		name);
}

static int check_ports(const struct mapping *m, struct cni_err *err)
{
	if (m->host_port < 1 || m->host_port > PORT_MAX)
		return err_say(
			err, CNI_E_CONFIG, ERANGE,
			"key \"hostPort\": Invalid host port number: %lld",
			(long long)m->host_port);
	if (m->guest_port < 1 || m->guest_port > PORT_MAX)
		return err_say(
			err, CNI_E_CONFIG, ERANGE,
			"key \"containerPort\": Invalid container port number: %lld",
			(long long)m->guest_port);
	if (m->range < 1 || m->range > PORT_MAX ||
	    m->host_port + m->range - 1 > PORT_MAX ||
	    m->guest_port + m->range - 1 > PORT_MAX)
		return err_say(
			err, CNI_E_CONFIG, ERANGE,
			"key \"range\": %lld ports from %lld to %lld do not fit below 65536",
			(long long)m->range, (long long)m->host_port,
			(long long)m->guest_port);
	return 0;
}

static int append(struct portmap_nft_conf *c, const struct mapping *m,
		  struct portmap_nft_port port, struct cni_err *err)
{
	const size_t n = (size_t)m->range;
	struct portmap_nft_port *more;

	if (c->n_ports + n > PORTMAP_NFT_PORTS)
		return err_say(err, CNI_E_CONFIG, E2BIG, "more than %d ports",
			       PORTMAP_NFT_PORTS);
	more = reallocarray(c->ports, c->n_ports + n, sizeof(*more));
	if (!more)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "%zu ports", n);
	c->ports = more;
	for (size_t i = 0; i < n; i++) {
		port.host_port = (uint16_t)(m->host_port + (int64_t)i);
		port.guest_port = (uint16_t)(m->guest_port + (int64_t)i);
		c->ports[c->n_ports++] = port;
	}
	return 0;
}

static int read_mapping(const cJSON *obj, struct portmap_nft_conf *c,
			struct cni_err *err)
{
	struct mapping m = { .range = 1, .protocol = "tcp", .host_ip = "" };
	struct portmap_nft_port port = { 0 };
	int r;

	if (!cJSON_IsObject(obj))
		return json_expected(obj, "an object", err);
	r = json_decode(obj, mapping_fields, &m, err);
	if (!r)
		r = check_ports(&m, err);
	if (!r)
		r = read_proto(*m.protocol ? m.protocol : "tcp", &port.proto,
			       err);
	if (!r && *m.host_ip && ip_parse(m.host_ip, &port.host_ip) < 0)
		r = err_say(err, CNI_E_CONFIG, EINVAL,
			    "key \"hostIP\": \"%s\": not an IP address",
			    m.host_ip);
	return r ? r : append(c, &m, port, err);
}

static int by_port(const void *a, const void *b)
{
	const struct portmap_nft_port *x = a, *y = b;

	if (x->proto != y->proto)
		return x->proto - y->proto;
	if (x->host_port != y->host_port)
		return x->host_port - y->host_port;
	return ip_cmp(&x->host_ip, &y->host_ip);
}

static bool is_any(const struct ip_addr *ip)
{
	return !ip->family || ip_is_unspecified(ip);
}

/* Would a packet be meant by both alike? */
static bool is_same_place(const struct portmap_nft_port *a,
			  const struct portmap_nft_port *b)
{
	if (is_any(&a->host_ip) && is_any(&b->host_ip))
		return !a->host_ip.family || !b->host_ip.family ||
		       a->host_ip.family == b->host_ip.family;
	return ip_equal(&a->host_ip, &b->host_ip);
}

/* Sorted, what clashes is near. The same again is harmless and dropped. */
static int settle(struct portmap_nft_conf *c, struct cni_err *err)
{
	struct portmap_nft_port *v = c->ports;
	size_t n = 0;

	if (c->n_ports)
		qsort(v, c->n_ports, sizeof(*v), by_port);
	for (size_t i = 0; i < c->n_ports; i++) {
		bool again = false;

		for (size_t k = n; k-- && v[k].proto == v[i].proto &&
				   v[k].host_port == v[i].host_port;) {
			if (!is_same_place(&v[k], &v[i]))
				continue;
			if (v[k].guest_port != v[i].guest_port)
				return err_say(
					err, CNI_E_CONFIG, EINVAL,
					"host port %u leads to the ports %u and %u",
					v[i].host_port, v[k].guest_port,
					v[i].guest_port);
			again |= !ip_cmp(&v[k].host_ip, &v[i].host_ip);
		}
		if (!again)
			v[n++] = v[i];
	}
	c->n_ports = n;
	return 0;
}

static int read_mappings(const cJSON *mappings, struct portmap_nft_conf *c,
			 struct cni_err *err)
{
	const cJSON *obj;
	size_t i = 0;
	int r = 0;

	cJSON_ArrayForEach(obj, mappings)
	{
		r = read_mapping(obj, c, err);
		if (r < 0)
			return err_ctx(err, r, "portMappings[%zu]", i);
		i++;
	}
	r = settle(c, err);
	return r < 0 ? err_ctx(err, r, "portMappings") : 0;
}

int portmap_nft_conf_parse(const struct cni_call *call,
			   struct portmap_nft_conf *ret, struct cni_err *err)
{
	struct raw raw = { .c.snat = true, .backend = "", .gc = "" };
	int r;

	*ret = raw.c;
	r = json_decode(call->conf.doc, fields, &raw, err);
	if (!r)
		r = check_values(&raw, err);
	if (!r) {
		r = json_decode(call->conf.runtime_config, runtime_fields, &raw,
				err);
		if (r < 0)
			r = err_ctx(err, r, "runtimeConfig");
	}
	if (!r) {
		raw.c.strict_gc = !strcmp(raw.gc, "strict");
		*ret = raw.c;
		r = read_mappings(raw.mappings, ret, err);
	}
	return r < 0 ? err_ctx(err, r, "network \"%s\"", call->conf.name) : 0;
}

void portmap_nft_conf_free(struct portmap_nft_conf *c)
{
	free(c->ports);
	c->ports = NULL;
	c->n_ports = 0;
}

void portmap_nft_guest(const struct cni_result *prev, const char *ifname,
		       struct ip_addr ret[2])
{
	memset(ret, 0, 2 * sizeof(*ret));
	for (size_t i = 0; i < prev->n_ips; i++) {
		const struct cni_ip *ip = &prev->ips[i];
		const int k = ip->interface;
		const int v6 = ip->address.addr.family == AF_INET6;

		if (k >= 0 && (size_t)k < prev->n_interfaces) {
			const struct cni_interface *e = &prev->interfaces[k];

			if (strcmp(e->name, ifname) != 0 || !e->sandbox ||
			    !*e->sandbox)
				continue;
		}
		if (!ret[v6].family)
			ret[v6] = ip->address.addr;
	}
}

static uint64_t network_hash(const char *network)
{
	const struct cni_attachment a = { network, "", "" };

	return cni_attachment_hash(&a);
}

void portmap_nft_owner(const struct cni_attachment *a,
		       char ret[PORTMAP_NFT_OWNER_SIZE])
{
	const unsigned long long hash = cni_attachment_hash(a);
	const int n = snprintf(ret, PORTMAP_NFT_OWNER_SIZE, "%016llx %s:%s:%s",
			       hash, a->network, a->container_id, a->ifname);

	if (n < PORTMAP_NFT_OWNER_SIZE)
		return;
	(void)snprintf(ret, PORTMAP_NFT_OWNER_SIZE, "%016llx #%016llx:%s:%s",
		       hash, (unsigned long long)network_hash(a->network),
		       a->container_id, a->ifname);
}

bool portmap_nft_owner_is_of(const char *owner, const char *network)
{
	const char *name = owner + HASH_DIGITS + 1;
	char hash[HASH_DIGITS + 2];
	size_t len;

	if (strlen(owner) <= HASH_DIGITS || owner[HASH_DIGITS] != ' ')
		return false;
	len = strcspn(name, ":");
	if (len == strlen(network) && !strncmp(name, network, len))
		return true;
	(void)snprintf(hash, sizeof(hash), "#%016llx",
		       (unsigned long long)network_hash(network));
	return len == strlen(hash) && !strncmp(name, hash, len);
}

bool portmap_nft_owner_parse(const char *owner,
			     char text[PORTMAP_NFT_OWNER_SIZE],
			     struct cni_attachment *ret)
{
	char again[PORTMAP_NFT_OWNER_SIZE], *id, *ifname;

	if (strlen(owner) <= HASH_DIGITS || owner[HASH_DIGITS] != ' ')
		return false;
	(void)snprintf(text, PORTMAP_NFT_OWNER_SIZE, "%s",
		       owner + HASH_DIGITS + 1);
	id = strchr(text, ':');
	ifname = id ? strchr(id + 1, ':') : NULL;
	if (!ifname)
		return false;
	*id++ = '\0';
	*ifname++ = '\0';
	*ret = (struct cni_attachment){ text, id, ifname };
	portmap_nft_owner(ret, again);
	return !strcmp(owner, again);
}
