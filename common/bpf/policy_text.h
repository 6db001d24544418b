/* SPDX-License-Identifier: Apache-2.0 */
/* policy_text.h - a network's policy as it was written, kept by the kernel. */
#ifndef WEFT_BPF_POLICY_TEXT_H
#define WEFT_BPF_POLICY_TEXT_H

#include "bpf/guard.h"

/** enum policy_source - Who has written it; the last that there is one of holds */
enum policy_source {
	POLICY_CONFIGURED, /* the network's configuration, at the last ADD */
	POLICY_APPLIED,	   /* somebody, while it runs */
	POLICY_SOURCES,
};

/**
 * policy_text_get() - Read one: {"by": who has written it, "policy": ...}
 * @g:		The guard
 * @network:	The network's hash
 * @source:	Whose
 * @ret:	free(); unchanged if there is none
 * @err:	Filled on failure
 *
 * Return: 1, 0 if there is none, or a negative errno
 */
int policy_text_get(const struct guard *g, uint64_t network,
		    enum policy_source source, char **ret, struct cni_err *err);

/**
 * policy_text_exists() - Is there one of a network, whoever has written it?
 *
 * For who has not opened the guard. Return: 1, 0 or a negative errno
 */
int policy_text_exists(uint64_t network, struct cni_err *err);

/**
 * policy_text_put() - Write one over that which was there, as a whole
 * @err:	CNI_E_CONFIG: longer than GUARD_CHUNKS chunks
 *
 * Under guard_lock().
 *
 * Return: 0 or a negative errno: what was there still is
 */
int policy_text_put(const struct guard *g, uint64_t network,
		    enum policy_source source, const char *text,
		    struct cni_err *err);

/** policy_text_remove() - Under guard_lock(). Return: 0, also if there is none */
int policy_text_remove(const struct guard *g, uint64_t network,
		       enum policy_source source, struct cni_err *err);

#endif
