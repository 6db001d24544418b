/* SPDX-License-Identifier: Apache-2.0 */
/* valid.h - the attachments that GC must leave alone; pure. */
#ifndef WEFT_IPAM_HOST_LOCAL_VALID_H
#define WEFT_IPAM_HOST_LOCAL_VALID_H

#include "base/json.h"
#include "cni/attachment.h"

/* Sorted; the strings are the configuration's. Free with valid_free(). */
struct valid {
	struct cni_attachment *v;
	size_t n;
};

/**
 * valid_parse() - Read "cni.dev/valid-attachments"
 * @list:	[{"containerID": ..., "ifname": ...}], NULL if it is absent
 * @err:	CNI_E_CONFIG if absent: nothing at all would then be in use.
 *		CNI_E_DECODE for a wrong type
 *
 * Source: CNI spec 1.1.0, "GC: Clean up any stale resources".
 *
 * Return: 0 or a negative errno
 */
int valid_parse(const cJSON *list, struct valid *ret, struct cni_err *err);

void valid_free(struct valid *v);

#define cleanup_valid CLEANUP(valid_free)

/** valid_has() - Is this attachment in use? Its network is not looked at */
bool valid_has(const struct valid *v, const struct cni_attachment *who);

/** valid_has_container() - Is any attachment of this container in use? */
bool valid_has_container(const struct valid *v, const char *container_id);

#endif
