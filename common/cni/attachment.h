/* SPDX-License-Identifier: Apache-2.0 */
/* attachment.h - (network, containerID, ifname) and every name that follows. */
#ifndef WEFT_CNI_ATTACHMENT_H
#define WEFT_CNI_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mac.h"
#include "cni/plugin.h"

#define CNI_LINK_NAME_SIZE 16	 /* IFNAMSIZ */
#define CNI_LINK_ALIAS_SIZE 256	 /* the kernel's limit and a NUL */
#define CNI_LINK_ALTNAME_SIZE 24 /* "weft-" and 16 hex digits */

/**
 * struct cni_attachment - Who holds a port or an address
 *
 * Everything that is made for it is found again by names derived from these
 * three strings, never by a record that could be lost. The derivation is
 * frozen: DESIGN.md section 4, vectors in tests/unit/test_attachment.c.
 */
struct cni_attachment {
	const char *network;
	const char *container_id;
	const char *ifname;
};

/** cni_attachment_of() - That of a call */
struct cni_attachment cni_attachment_of(const struct cni_call *call);

/** cni_attachment_hash() - FNV-1a 64 over network NUL containerID NUL ifname */
uint64_t cni_attachment_hash(const struct cni_attachment *a);

/** cni_network_hash() - Of what belongs to the network and not to a guest */
uint64_t cni_network_hash(const char *network);

/**
 * cni_attachment_link_name() - @prefix and eleven hex digits
 * @prefix:	"veth" or "tap": at most four bytes
 */
void cni_attachment_link_name(const struct cni_attachment *a,
			      const char *prefix, char ret[CNI_LINK_NAME_SIZE]);

/** cni_attachment_altname() - "weft-" and the hash, for a configured name */
void cni_attachment_altname(const struct cni_attachment *a,
			    char ret[CNI_LINK_ALTNAME_SIZE]);

/**
 * cni_attachment_macs() - The guest's address and its port's
 * @ret_guest:	02: and 40 bits of a hash that begins with the machine's ID
 * @ret_port:	fe: and the same bits
 *
 * The same on every run, different on every machine (/etc/machine-id).
 */
void cni_attachment_macs(const struct cni_attachment *a, struct mac *ret_guest,
			 struct mac *ret_port);

/** cni_attachment_macs_on() - Those that the machine of this ID would give */
void cni_attachment_macs_on(const char *machine_id,
			    const struct cni_attachment *a,
			    struct mac *ret_guest, struct mac *ret_port);

/** cni_bridge_mac() - A bridge's address: the same over (bridge, "", "") */
struct mac cni_bridge_mac(const char *bridge);

/** cni_bridge_mac_on() - That which the machine of this ID would give */
struct mac cni_bridge_mac_on(const char *machine_id, const char *bridge);

/** cni_attachment_ifindex() - 2^30 + the hash's low 30 bits */
uint32_t cni_attachment_ifindex(const struct cni_attachment *a);

/**
 * cni_attachment_alias() - weft1:<role>:<network>:<containerID>:<ifname>
 * @role:	The plugin that made the device
 *
 * Over 255 bytes weft1:<role>:#<hash> instead.
 */
void cni_attachment_alias(const struct cni_attachment *a, const char *role,
			  char ret[CNI_LINK_ALIAS_SIZE]);

/** cni_network_alias() - weft1:<role>:<network>, for what outlives guests */
void cni_network_alias(const char *network, const char *role,
		       char ret[CNI_LINK_ALIAS_SIZE]);

/**
 * struct cni_alias - An alias, taken apart
 * @role:	The plugin that made the device
 * @of:		Whose it is. The container ID and the interface are "" for what
 *		belongs to the network; of the short form only the container ID
 *		is set, to "#<hash>"
 * @text:	What they point into
 */
struct cni_alias {
	const char *role;
	struct cni_attachment of;
	char text[CNI_LINK_ALIAS_SIZE];
};

/** cni_alias_parse() - Is this an alias of ours? @ret changes in any case */
bool cni_alias_parse(const char *alias, struct cni_alias *ret);

#endif
