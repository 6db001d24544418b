/* SPDX-License-Identifier: Apache-2.0 */
/* portmap_rules.h - the chains of port forwards and what is in them; pure. */
#ifndef WEFT_NET_PORTMAP_RULES_H
#define WEFT_NET_PORTMAP_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "net/netlink.h"
#include "net/portmap_table.h"

/**
 * struct portmap_chain - A chain
 * @name:	Its name
 * @type:	"nat", "filter", or NULL: it is only jumped to
 * @hook:	FW_PRE_ROUTING, ...
 * @priority:	The lower the earlier
 * @n_rules:	How many rules
 * @put:	Puts the expressions of rule @i
 */
struct portmap_chain {
	const char *name;
	const char *type;
	uint32_t hook;
	int32_t priority;
	size_t n_rules;
	void (*put)(struct netlink_req *q, size_t i);
};

extern const struct portmap_chain portmap_chains[PORTMAP_CHAINS];

/** portmap_chain_req() - Make a chain */
struct netlink_req portmap_chain_req(const struct portmap_chain *c);

/** portmap_rule_req() - Append rule @i to its chain */
struct netlink_req portmap_rule_req(const struct portmap_chain *c, size_t i);

#endif
