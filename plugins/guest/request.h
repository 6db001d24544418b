/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - what one attachment asks for; pure. */
#ifndef WEFT_GUEST_REQUEST_H
#define WEFT_GUEST_REQUEST_H

#include "base/mac.h"
#include "cni/key.h"
#include "cni/plugin.h"

#define REQUEST_SIZE 64

/**
 * request_read() - CNI_ARGS, overridden by args.cni, by runtimeConfig
 * @call:	The request
 * @env:	Key in CNI_ARGS
 * @key:	Key in the other two
 * @buf:	The value; "" asks for nothing
 * @err:	CNI_E_ENV, CNI_E_DECODE, or CNI_E_CONFIG for one that is too long
 *
 * Return: 0 or a negative errno
 */
int request_read(const struct cni_call *call, const char *env, const char *key,
		 char buf[REQUEST_SIZE], struct cni_err *err);

/**
 * request_mac() - The MAC that is asked for
 * @ret:	Unchanged if none is
 *
 * Return: 1 if one is, 0 if not, or a negative errno
 */
int request_mac(const struct cni_call *call, struct mac *ret,
		struct cni_err *err);

/**
 * request_key() - What MAC and addresses go with
 * @err:	As cni_key_parse(); CNI_E_CONFIG also with an IPAM plugin that knows
 *		no keys: two guests could have one
 *
 * Return: 0 or a negative errno
 */
int request_key(const struct cni_call *call, struct cni_key *ret,
		struct cni_err *err);

#endif
