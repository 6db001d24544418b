/* SPDX-License-Identifier: Apache-2.0 */
/* tap_request.h - the configuration's "tap"; pure. */
#ifndef WEFT_GUEST_TAP_REQUEST_H
#define WEFT_GUEST_TAP_REQUEST_H

#include <stdint.h>

#include "base/json.h"

#define TAP_REQUEST_MAX_QUEUES 256 /* linux/if_tun.h: MAX_TAP_QUEUES */

/**
 * struct tap_request - What the VMM needs of its tap
 * @name:	"" for the derived one
 * @owner:	User ID that may open it; -1: root only
 * @group:	Group ID likewise
 * @queues:	What the VMM will ask for; over 1 needs IFF_MULTI_QUEUE
 */
struct tap_request {
	const char *name;
	int64_t owner, group, queues;
};

#define TAP_REQUEST_INIT                                          \
	{                                                         \
		.name = "", .owner = -1, .group = -1, .queues = 1 \
	}

/**
 * tap_request_decode() - Decode and check "tap"
 * @obj:	Object or NULL; must outlive @ret
 * @ret:	Initialised; what is not said stays
 * @err:	CNI_E_DECODE or CNI_E_CONFIG, naming the key and the value
 *
 * Return: 0 or a negative errno
 */
int tap_request_decode(const cJSON *obj, struct tap_request *ret,
		       struct cni_err *err);

#endif
