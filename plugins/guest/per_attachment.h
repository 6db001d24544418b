/* SPDX-License-Identifier: Apache-2.0 */
/* per_attachment.h - what a network's owner leaves to whoever attaches; pure. */
#ifndef WEFT_GUEST_PER_ATTACHMENT_H
#define WEFT_GUEST_PER_ATTACHMENT_H

#include <stdbool.h>

#include "guest/request.h"

/**
 * per_attachment_check() - Can all that "perAttachment" lists be left?
 * @list:	The array, or NULL
 * @keys:	Those that can, ended by NULL
 * @err:	CNI_E_DECODE, or CNI_E_FIELD for a key that cannot
 *
 * Return: 0 or a negative errno
 */
int per_attachment_check(const cJSON *list, const char *const *keys,
			 struct cni_err *err);

/** per_attachment_has() - Is @key left to the attachment? */
bool per_attachment_has(const cJSON *list, const char *key);

/**
 * per_attachment_attach() - "attach": the attachment's word where it counts
 * @call:	The request
 * @list:	"perAttachment"
 * @attach:	The configuration's; replaced by what is asked for
 * @buf:	Holds that
 * @err:	What request_read() says, or CNI_E_CONFIG where @list lacks it
 *
 * Return: 0 or a negative errno
 */
int per_attachment_attach(const struct cni_call *call, const cJSON *list,
			  const char **attach, char buf[REQUEST_SIZE],
			  struct cni_err *err);

#endif
