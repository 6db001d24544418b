/* SPDX-License-Identifier: Apache-2.0 */
/* netconf.h - a network configuration: the keys that every plugin shares. */
#ifndef WEFT_CNI_NETCONF_H
#define WEFT_CNI_NETCONF_H

#include "base/json.h"
#include "cni/version.h"

/**
 * struct cni_netconf - One plugin's configuration as it came on stdin
 * @doc:	Owns every string and subtree below but @dns
 * @text:	The very bytes, for a delegate
 * @len:	Their number
 * @version:	Of the configuration; results are printed in it
 * @name:	The network
 * @type:	The plugin's name
 * @ipam:	Its "ipam" object, NULL without one
 * @ipam_type:	The IPAM plugin, "" without one: a layer 2 network
 * @dns:	Overrides what the IPAM plugin says; NULL if it says nothing
 * @prev_result: The previous plugin's result, or for CHECK and DEL the last
 * @runtime_config: Capability arguments
 * @args_cni:	"args": {"cni": ...}
 * @log:	Where events go, see event_where(); "" without
 * @attachments: "cni.dev/valid-attachments" for GC, NULL if absent
 */
struct cni_netconf {
	cJSON *doc;
	char *text;
	size_t len;
	enum cni_version version;
	const char *name;
	const char *type;
	const cJSON *ipam;
	const char *ipam_type;
	cJSON *dns;
	const cJSON *prev_result;
	const cJSON *runtime_config;
	const cJSON *args_cni;
	const char *log;
	const cJSON *attachments;
};

/**
 * cni_netconf_parse() - Decode and check the shared keys
 * @text:	Taken over in every case; NUL-terminated, from malloc()
 * @len:	Bytes
 * @ret:	Free with cni_netconf_free(), also after a failure
 * @err:	CNI_E_DECODE, CNI_E_CONFIG or CNI_E_VERSION in libcni's words
 *
 * Return: 0 or a negative errno
 */
int cni_netconf_parse(char *text, size_t len, struct cni_netconf *ret,
		      struct cni_err *err);

void cni_netconf_free(struct cni_netconf *c);

#define cleanup_netconf CLEANUP(cni_netconf_free)

#endif
