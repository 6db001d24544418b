/* SPDX-License-Identifier: Apache-2.0 */
/* key.h - what a VM is known by, whatever container it runs in. */
#ifndef WEFT_CNI_KEY_H
#define WEFT_CNI_KEY_H

#include "cni/attachment.h"

#define CNI_KEY_SIZE 129 /* a key and a NUL */

/* In front of a key: the container ID that its addresses are leased to while no
 * container has them. */
#define CNI_KEY_HOLDER "weft-key."

/**
 * struct cni_key - "allocationKey": MAC and addresses go with it
 * @name:	"" for none: they go with the container
 * @is_silent:	"onConflict" is "silent": a second container may have the key
 * @holder:	CNI_KEY_HOLDER and @name
 */
struct cni_key {
	char name[CNI_KEY_SIZE];
	bool is_silent;
	char holder[sizeof(CNI_KEY_HOLDER) + CNI_KEY_SIZE];
};

/**
 * cni_key_parse() - The key of an attachment
 * @call:	runtimeConfig, args.cni, CNI_ARGS (ALLOCATION_KEY) if the
 *		configuration lists "allocationKey" in perAttachment, and else
 *		the configuration's own
 * @ret:	Filled; without a key on failure
 * @err:	CNI_E_DECODE, CNI_E_ENV or CNI_E_CONFIG
 *
 * Return: 0 or a negative errno
 */
int cni_key_parse(const struct cni_call *call, struct cni_key *ret,
		  struct cni_err *err);

/** cni_key_set() - The key of a name that is one */
void cni_key_set(struct cni_key *ret, const char *name);

/**
 * cni_key_of() - Who holds what is the key's and nobody's
 * @key:	Must outlive what is returned
 * @who:	An attachment of that key; the network and the interface count
 */
struct cni_attachment cni_key_of(const struct cni_key *key,
				 const struct cni_attachment *who);

/** cni_key_mac() - The guest's MAC: the same on every machine */
struct mac cni_key_mac(const struct cni_key *key,
		       const struct cni_attachment *who);

#endif
