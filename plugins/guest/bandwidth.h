/* SPDX-License-Identifier: Apache-2.0 */
/* bandwidth.h - how fast a guest may send and receive; pure. */
#ifndef WEFT_GUEST_BANDWIDTH_H
#define WEFT_GUEST_BANDWIDTH_H

#include <stdbool.h>

#include "cni/plugin.h"
#include "net/shape.h"

/**
 * struct bandwidth - The limits of one guest
 * @to_guest:	"ingressRate" and "ingressBurst"
 * @from_guest:	"egressRate" and "egressBurst"
 */
struct bandwidth {
	struct shape_rate to_guest, from_guest;
};

/** bandwidth_is_limited() - Is there anything to do? */
static inline bool bandwidth_is_limited(const struct bandwidth *b)
{
	return b->to_guest.rate || b->from_guest.rate;
}

/**
 * bandwidth_parse() - The configuration's keys, or without any the engine's
 *	runtimeConfig.bandwidth
 * @call:	The request
 * @ret:	Zero where nothing is limited
 * @err:	CNI_E_DECODE or CNI_E_CONFIG
 *
 * Values are in bits, as the reference plugin's.
 *
 * Return: 0 or a negative errno
 */
int bandwidth_parse(const struct cni_call *call, struct bandwidth *ret,
		    struct cni_err *err);

#endif
