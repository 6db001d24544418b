/* SPDX-License-Identifier: Apache-2.0 */
/* kinds.h - what the command knows of plugin types; a new one is one line. */
#ifndef WEFT_WEFT_KINDS_H
#define WEFT_WEFT_KINDS_H

#include "base/ip.h"
#include "cni/plugin.h"

enum kind_role {
	KIND_MAIN,    /* makes the interface: first in the list */
	KIND_CHAINED, /* works on what another one made: never first */
	KIND_IPAM,    /* stands in another plugin's "ipam" */
};

#define FACTS_SUBNETS 64
#define FACTS_PATH 256

/**
 * struct facts - What a plugin's configuration means for its surroundings
 * @bridge:	"" for none
 * @gateway:	ADD turns forwarding on
 * @forwards:	Does not work without forwarding
 * @del_waits:	"delWait" is said, either way
 * @data_dir:	Of leases; "" for none
 * @subnets:	What guests get addresses of, the first FACTS_SUBNETS
 * @n:		How many
 */
struct facts {
	char bridge[16];
	bool gateway;
	bool forwards;
	bool del_waits;
	char data_dir[FACTS_PATH];
	struct ip_net subnets[FACTS_SUBNETS];
	size_t n;
};

/**
 * struct kind - A plugin type
 * @type:	Its name
 * @role:	Where it may stand
 * @capability:	The one without which it has nothing to do; NULL: none
 * @read:	Its own parser; adds to the facts. NULL: not weft's
 */
struct kind {
	const char *type;
	enum kind_role role;
	const char *capability;
	int (*read)(const struct cni_call *call, struct facts *ret,
		    struct cni_err *err);
};

/** kind_find() - By its type, or NULL */
const struct kind *kind_find(const char *type);

/** kind_at() - The @i-th, for lists; NULL after the last */
const struct kind *kind_at(size_t i);

/**
 * kind_text() - A plugin's configuration as libcni hands it out
 * @network:	Put into it; NULL: leave what is there
 * @version:	Likewise
 * @ret_len:	Bytes
 *
 * Return: the text, free with free(); NULL: out of memory
 */
char *kind_text(const cJSON *plugin, const char *network, const char *version,
		size_t *ret_len);

/**
 * kind_facts() - Read a plugin's configuration and that of its IPAM plugin
 * @plugin:	As it stands in a list
 * @network:	The list's name
 * @version:	The list's version
 * @ret:	Filled on success
 * @err:	The plugins' own words
 *
 * Return: 1, 0 if it is none of weft's main plugins, or a negative errno
 */
int kind_facts(const cJSON *plugin, const char *network,
	       enum cni_version version, struct facts *ret,
	       struct cni_err *err);

#endif
