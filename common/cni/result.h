/* SPDX-License-Identifier: Apache-2.0 */
/* result.h - what ADD answers, in the three shapes of CNI's history. */
#ifndef WEFT_CNI_RESULT_H
#define WEFT_CNI_RESULT_H

#include "base/ip.h"
#include "base/json.h"
#include "cni/version.h"

struct cni_interface {
	const char *name;
	const char *mac;	 /* NULL: not said */
	const char *sandbox;	 /* NULL: the host's */
	const char *socket_path; /* NULL: none */
	const char *pci_id;	 /* NULL: none */
	int64_t mtu;		 /* bytes; 0: not said */
	char *own;		 /* a result's: what its strings are in */
};

struct cni_ip {
	struct ip_net address;
	struct ip_addr gateway; /* family 0: none */
	int interface;		/* index into interfaces; -1: not said */
};

struct cni_route {
	struct ip_net dst;
	struct ip_addr gw; /* family 0: none */
	int64_t mtu;	   /* this and the rest: -1 if not said */
	int64_t advmss;
	int64_t priority;
	int64_t table;
	int64_t scope;
};

/**
 * struct cni_result - A result, always in the newest shape
 * @doc:	What parsed strings point into; NULL if built by hand, then the
 *		strings belong to the configuration or to the caller
 * @dns:	As cni_dns_decode() makes it: never empty; or NULL. Owned
 * @adopted:	An IPAM plugin of ours found the attachment's own lease: the
 *		caller's rollback must not release it
 *
 * Zero-initialise; free with cni_result_free().
 */
struct cni_result {
	cJSON *doc;
	struct cni_interface *interfaces;
	size_t n_interfaces;
	struct cni_ip *ips;
	size_t n_ips;
	struct cni_route *routes;
	size_t n_routes;
	cJSON *dns;
	bool adopted;
};

void cni_result_free(struct cni_result *r);

#define cleanup_result CLEANUP(cni_result_free)

/**
 * cni_result_add_interface() - Append a copy, strings and all
 *
 * A result outlives whoever made it. Return: 0 or -ENOMEM
 */
int cni_result_add_interface(struct cni_result *r,
			     const struct cni_interface *i);
/** cni_result_add_ip() - Append a copy; return 0 or -ENOMEM */
int cni_result_add_ip(struct cni_result *r, const struct cni_ip *ip);
/** cni_result_add_route() - Append a copy; return 0 or -ENOMEM */
int cni_result_add_route(struct cni_result *r, const struct cni_route *route);

/**
 * cni_result_parse() - Decode a result of any version
 * @obj:	An object; borrowed, or owned by @ret if it took it as doc
 * @inherited:	The version where the object itself names none
 * @ret:	Zeroed; may be partly filled on failure, free it in any case
 * @err:	CNI_E_DECODE naming the key and the value
 *
 * Return: 0 or a negative errno
 */
int cni_result_parse(const cJSON *obj, enum cni_version inherited,
		     struct cni_result *ret, struct cni_err *err);

/**
 * cni_result_prev() - The configuration's prevResult
 * @prev:	Object or NULL, borrowed
 * @version:	The configuration's; the object's own must be of its family
 * @ret:	Empty if there is none
 *
 * Return: 1 if there is one, 0 if not, or a negative errno (CNI_E_DECODE)
 */
int cni_result_prev(const cJSON *prev, enum cni_version version,
		    struct cni_result *ret, struct cni_err *err);

/**
 * cni_result_prev_required() - The same for CHECK, which cannot do without
 *
 * Return: 0, or a negative errno (CNI_E_DECODE; CNI_E_CONFIG if there is none)
 */
int cni_result_prev_required(const cJSON *prev, enum cni_version version,
			     struct cni_result *ret, struct cni_err *err);

/**
 * cni_result_print() - Encode for a version
 * @r:		Result
 * @version:	0.1.0 and 0.2.0 hold one address per family: the first ones
 * @ret:	The JSON text, free with free()
 * @err:	CNI_E_VERSION if @version cannot say it (no address at all)
 *
 * Return: 0 or a negative errno
 */
int cni_result_print(const struct cni_result *r, enum cni_version version,
		     char **ret, struct cni_err *err);

/**
 * cni_route_decode() - One {"dst": ..., "gw": ...} of a result or of IPAM
 *
 * Return: 0, or -EINVAL with CNI_E_DECODE or CNI_E_CONFIG
 */
int cni_route_decode(const cJSON *obj, struct cni_route *ret,
		     struct cni_err *err);

#endif
