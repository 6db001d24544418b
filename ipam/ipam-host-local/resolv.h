/* SPDX-License-Identifier: Apache-2.0 */
/* resolv.h - resolv.conf(5) as CNI's dns. */
#ifndef WEFT_IPAM_HOST_LOCAL_RESOLV_H
#define WEFT_IPAM_HOST_LOCAL_RESOLV_H

#include "base/json.h"

#define RESOLV_MAX_SIZE (1U << 16) /* bytes of a file */

/**
 * resolv_parse() - Decode a file's content as host-local does; pure
 * @text:	Cut up
 * @ret:	{"nameservers", "domain", "search", "options"}, what there is of
 *		them; NULL if nothing. Free with cJSON_Delete()
 *
 * Return: 0 or -ENOMEM
 */
int resolv_parse(char *text, cJSON **ret);

/**
 * resolv_read() - The same from a regular file; links are followed
 *
 * Return: 0 or a negative errno
 */
int resolv_read(const char *path, cJSON **ret, struct cni_err *err);

#endif
