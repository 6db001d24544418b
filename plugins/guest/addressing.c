/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/addressing.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/json.h"
#include "base/mem.h"
#include "cni/args.h"

enum { LEASE_MIN_S = 60, CODE_MAX4 = 254, CODE_MAX6 = 65535 };

struct raw {
	struct addressing_conf c;
	const cJSON *ntp, *options, *options6;
};

#define FIELD(key, kind, member, ...)                               \
	{                                                           \
		.name = (key), .type = (kind),                      \
		.offset = offsetof(struct raw, member), __VA_ARGS__ \
	}

static const struct json_field fields[] = {
	FIELD("leaseTime", JSON_INT, c.lease_s, .min = LEASE_MIN_S,
	      .max = UINT32_MAX),
	FIELD("hostname", JSON_STR, c.hostname),
	FIELD("ntp", JSON_ARR, ntp),
	FIELD("bootServer", JSON_STR, c.boot_server),
	FIELD("bootFile", JSON_STR, c.boot_file),
	FIELD("bootUrl", JSON_STR, c.boot_url),
	FIELD("options", JSON_ARR, options),
	FIELD("options6", JSON_ARR, options6),
	{ 0 },
};

struct raw_option {
	int64_t code;
	const char *text, *hex;
};

#define OPTION(key, kind, member)                                          \
	{                                                                  \
		.name = (key), .type = (kind), .min = 1, .max = CODE_MAX6, \
		.offset = offsetof(struct raw_option, member)              \
	}

static const struct json_field option_fields[] = {
	OPTION("code", JSON_INT, code),
	OPTION("text", JSON_STR, text),
	OPTION("hex", JSON_STR, hex),
	{ 0 },
};

static int read_hex(const char *hex, struct addressing_option *o)
{
	char byte[3] = "";

	for (o->len = 0; *hex; hex += 2) {
		if (!isxdigit((unsigned char)hex[0]) ||
		    !isxdigit((unsigned char)hex[1]) ||
		    o->len == sizeof(o->data))
			return -EINVAL;
		memcpy(byte, hex, 2);
		o->data[o->len++] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return 0;
}

static int read_option(const cJSON *item, struct addressing_option *o,
		       struct cni_err *err)
{
	struct raw_option raw = { .text = "", .hex = "" };
	int r = cJSON_IsObject(item)
			? json_decode(item, option_fields, &raw, err)
			: json_expected(item, "an object", err);

	if (r < 0)
		return r;
	if (!raw.code || (!o->ip6 && raw.code > CODE_MAX4))
		return err_say(err, CNI_E_CONFIG, ERANGE,
			       "key \"code\": %lld is not an option's",
			       (long long)raw.code);
	o->code = (uint16_t)raw.code;
	if (*raw.text && *raw.hex)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "option %u: \"text\" or \"hex\", not both",
			       o->code);
	if (*raw.hex)
		return read_hex(raw.hex, o) < 0
			       ? err_say(err, CNI_E_CONFIG, EINVAL,
					 "option %u: key \"hex\": \"%s\": not pairs of hex digits, at most %d",
					 o->code, raw.hex,
					 ADDRESSING_OPTION_MAX)
			       : 0;
	o->len = strlen(raw.text);
	if (o->len > sizeof(o->data))
		return err_say(err, CNI_E_CONFIG, E2BIG,
			       "option %u: key \"text\": longer than %d",
			       o->code, ADDRESSING_OPTION_MAX);
	memcpy(o->data, raw.text, o->len);
	return 0;
}

static int read_options(const cJSON *list, bool ip6, const char *key,
			struct addressing_conf *c, struct cni_err *err)
{
	const cJSON *item;
	int r = 0;

	cJSON_ArrayForEach(item, list)
	{
		struct addressing_option *o = &c->options[c->n_options];

		if (c->n_options == ADDRESSING_OPTIONS)
			return err_say(err, CNI_E_CONFIG, E2BIG,
				       "key \"%s\": more than %d", key,
				       ADDRESSING_OPTIONS);
		o->ip6 = ip6;
		r = read_option(item, o, err);
		if (r < 0)
			return err_ctx(err, r, "key \"%s\"", key);
		c->n_options++;
	}
	return 0;
}

/* Of a list of addresses as many as there is room for; more are none's need. */
static int read_servers(const cJSON *list, const char *key,
			struct ip_addr ret[ADDRESSING_SERVERS], size_t *n,
			struct cni_err *err)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list)
	{
		const char *text = cJSON_GetStringValue(item);

		if (*n == ADDRESSING_SERVERS)
			return err_say(err, CNI_E_CONFIG, E2BIG,
				       "key \"%s\": more than %d", key,
				       ADDRESSING_SERVERS);
		if (!text)
			return err_ctx(err,
				       json_expected(item, "a string", err),
				       "key \"%s\"", key);
		if (ip_parse(text, &ret[*n]) < 0)
			return err_say(err, CNI_E_CONFIG, EINVAL,
				       "key \"%s\": \"%s\" is not an address",
				       key, text);
		++*n;
	}
	return 0;
}

int addressing_parse(const cJSON *obj, struct addressing_conf *ret,
		     struct cni_err *err)
{
	struct raw raw = { .c = { .hostname = "",
				  .boot_server = "",
				  .boot_file = "",
				  .boot_url = "" } };
	int r = json_decode(obj, fields, &raw, err);

	if (!r)
		r = read_servers(raw.ntp, "ntp", raw.c.ntp, &raw.c.n_ntp, err);
	if (!r)
		r = read_options(raw.options, false, "options", &raw.c, err);
	if (!r)
		r = read_options(raw.options6, true, "options6", &raw.c, err);
	if (r < 0)
		return err_ctx(err, r, "key \"dhcp\"");
	*ret = raw.c;
	return 0;
}

static bool is_of(const struct addressing_from *f, const struct cni_ip *ip)
{
	return !f->of || ip->interface < 0 ||
	       ip->interface == f->of - f->result->interfaces;
}

static void find_gateways(const struct addressing_from *f, struct answers *a)
{
	for (size_t i = 0; i < f->result->n_ips; i++) {
		const struct cni_ip *ip = &f->result->ips[i];
		struct ip_addr *gw = ip->gateway.family == AF_INET
					     ? &a->gateway4
					     : &a->gateway6;

		if (ip->gateway.family && !gw->family && is_of(f, ip))
			*gw = ip->gateway;
	}
}

static int copy_routes(const struct addressing_from *f, struct addressing *ret)
{
	const struct cni_result *r = f->result;

	ret->routes = calloc(r->n_routes + 1, sizeof(*ret->routes));
	if (!ret->routes)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_routes; i++)
		ret->routes[i] = (struct answers_route){ r->routes[i].dst,
							 r->routes[i].gw };
	ret->answers.routes = ret->routes;
	ret->answers.n_routes = r->n_routes;
	return 0;
}

/* What is no address there, an engine has let pass: not told. */
static void copy_dns(const cJSON *dns, struct addressing *ret)
{
	struct answers *a = &ret->answers;
	const cJSON *item;

	cJSON_ArrayForEach(item, json_get(dns, "nameservers"))
	{
		const char *text = cJSON_GetStringValue(item);

		if (text && a->n_dns < ADDRESSING_SERVERS &&
		    !ip_parse(text, &ret->dns[a->n_dns]))
			a->n_dns++;
	}
	cJSON_ArrayForEach(item, json_get(dns, "search"))
	{
		const char *text = cJSON_GetStringValue(item);

		if (text && a->n_search < ADDRESSING_SERVERS)
			ret->search[a->n_search++] = text;
	}
	a->dns = ret->dns;
	a->search = ret->search;
	a->domain = cJSON_GetStringValue(json_get(dns, "domain"));
}

/* Kubernetes's names are labels of RFC 1123, and longer ones no host's. */
static void find_hostname(const struct addressing_from *f,
			  struct addressing *ret)
{
	struct cni_err ignored = CNI_ERR_INIT;

	if (*f->conf->hostname)
		ret->answers.hostname = f->conf->hostname;
	else if (cni_args_get(&f->call->args, "K8S_POD_NAME", ret->hostname,
			      sizeof(ret->hostname), &ignored) > 0)
		ret->answers.hostname = ret->hostname;
}

static void copy_options(const struct addressing_conf *c,
			 struct addressing *ret)
{
	for (size_t i = 0; i < c->n_options; i++) {
		const struct addressing_option *o = &c->options[i];

		ret->options[i] = (struct answers_option){ o->ip6, o->code,
							   o->data, o->len };
	}
	ret->answers.options = ret->options;
	ret->answers.n_options = c->n_options;
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

int addressing_make(const struct addressing_from *from, struct addressing *ret,
		    struct cni_err *err)
{
	const struct addressing_conf *c = from->conf;
	struct answers *a = &ret->answers;

	*ret = (struct addressing){ .answers = {
					    .mac = from->mac,
					    .neighbour = from->neighbour,
					    .addrs = from->addrs,
					    .n = from->n,
					    .ntp = c->ntp,
					    .n_ntp = c->n_ntp,
					    .boot_server =
						    or_null(c->boot_server),
					    .boot_file = or_null(c->boot_file),
					    .boot_url = or_null(c->boot_url),
					    .mtu = from->mtu,
					    .lease_s = (uint32_t)c->lease_s,
				    } };
	find_gateways(from, a);
	copy_dns(from->call->conf.dns ? from->call->conf.dns
				      : from->result->dns,
		 ret);
	find_hostname(from, ret);
	copy_options(c, ret);
	return copy_routes(from, ret) < 0
		       ? err_set(err, CNI_E_INTERNAL, ENOMEM, "guard")
		       : 0;
}

void addressing_free(struct addressing *a)
{
	free(a->routes);
}
