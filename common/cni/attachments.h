/* SPDX-License-Identifier: Apache-2.0 */
/* attachments.h - GC's list of what is valid. */
#ifndef WEFT_CNI_ATTACHMENTS_H
#define WEFT_CNI_ATTACHMENTS_H

#include "cni/netconf.h"

struct cni_attachment;

/**
 * struct cni_attachments - "cni.dev/valid-attachments", decoded
 * @list:	The array as a delegate gets it; owns the strings
 * @v:		Sorted, without their network
 * @n:		How many
 */
struct cni_attachments {
	cJSON *list;
	struct cni_attachment *v;
	size_t n;
};

/**
 * cni_attachments_parse() - Copy and check the list
 * @array:	Of {"containerID", "ifname"}; NULL: the runtime did not say, and
 *		guessing "nothing is valid" would tear down a node
 * @ret:	Free with cni_attachments_free(), also after a failure
 * @err:	CNI_E_CONFIG without a list, CNI_E_DECODE for a bad entry
 *
 * Source: CNI spec 1.1.0 section 2, "GC".
 *
 * Return: 0 or a negative errno
 */
int cni_attachments_parse(const cJSON *array, struct cni_attachments *ret,
			  struct cni_err *err);

void cni_attachments_free(struct cni_attachments *a);

#define cleanup_attachments CLEANUP(cni_attachments_free)

/** cni_attachments_has() - Is it valid? @ifname NULL: any of the container's */
bool cni_attachments_has(const struct cni_attachments *a,
			 const char *container_id, const char *ifname);

/** cni_attachments_add() - One more is valid; return 0 or -ENOMEM */
int cni_attachments_add(struct cni_attachments *a, const char *container_id,
			const char *ifname);

/**
 * cni_attachments_replace() - The same configuration with another list
 * @conf:	Configuration
 * @a:		List
 * @ret:	A configuration of its own; free with cni_netconf_free()
 *
 * Return: 0 or a negative errno
 */
int cni_attachments_replace(const struct cni_netconf *conf,
			    const struct cni_attachments *a,
			    struct cni_netconf *ret, struct cni_err *err);

#endif
