/* SPDX-License-Identifier: Apache-2.0 */
/* lease.h - what the name and the content of a lease file say; pure. */
#ifndef WEFT_IPAM_HOST_LOCAL_LEASE_H
#define WEFT_IPAM_HOST_LOCAL_LEASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/ip.h"
#include "cni/attachment.h"

#define LEASE_SIZE 4096 /* content that is read, with a NUL */

enum lease_kind {
	LEASE_FULL,    /* container ID CR LF interface */
	LEASE_LEGACY,  /* container ID alone: host-local's first versions */
	LEASE_GARBLED, /* empty, or neither of them */
	LEASE_DEAD,    /* garbled, and older than this boot: see store_read() */
	LEASE_ALIEN,   /* not a file that host-local could have made */
};

/**
 * struct lease - Who holds an address
 * @kind:	Which of the rest is set
 * @container_id: "" unless full or legacy
 * @ifname:	"" unless full
 * @text:	The content, cut into the two
 */
struct lease {
	enum lease_kind kind;
	const char *container_id;
	const char *ifname;
	char text[LEASE_SIZE];
};

/**
 * lease_parse() - Read what is in @l->text
 * @l:		Its text is cut up
 * @len:	Bytes of it; a NUL follows
 *
 * White space around the whole is nothing, as host-local has it.
 */
void lease_parse(struct lease *l, size_t len);

/**
 * lease_format() - The content of @who's leases
 * @err:	CNI_E_ENV for a container ID that does not fit
 *
 * Return: bytes, or -ENAMETOOLONG
 */
int lease_format(const struct cni_attachment *who, char buf[LEASE_SIZE],
		 struct cni_err *err);

/** lease_is_of() - Does the content name this very attachment? */
bool lease_is_of(const struct lease *l, const struct cni_attachment *who);

/** lease_is_legacy_of() - Does it name only the container, and this one? */
bool lease_is_legacy_of(const struct lease *l,
			const struct cni_attachment *who);

/**
 * lease_holder() - "container c1, interface eth0", for messages
 *
 * Return: @buf
 */
const char *lease_holder(const struct lease *l, char *buf, size_t size);

/**
 * lease_name_parse() - Is this the name of a lease file?
 * @ret:	The address; unchanged if not
 *
 * Only an address exactly as host-local writes it: a name like "10.1.0.02"
 * does not keep anybody from taking 10.1.0.2.
 */
bool lease_name_parse(const char *name, struct ip_addr *ret);

#endif
