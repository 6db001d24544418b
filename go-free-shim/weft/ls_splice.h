/* SPDX-License-Identifier: Apache-2.0 */
/* ls_splice.h - what tap-vm has made, in the guests' namespaces. */
#ifndef WEFT_WEFT_LS_SPLICE_H
#define WEFT_WEFT_LS_SPLICE_H

#include <stdbool.h>

#include "cni/attachment.h"
#include "libcni/cache.h"
#include "net/link.h"

/**
 * ls_splice_find() - The tap that stands behind an attachment's interface
 * @e:		The attachment's; the zero entry is nobody's
 * @ret:	As the kernel has it, in @e's namespace
 * @ret_alias:	Its alias, taken apart
 *
 * Of an entry whose result tells of no such device no namespace is opened.
 *
 * Return: is there one? Not where we may not look.
 */
bool ls_splice_find(const struct cache_entry *e, struct link_info *ret,
		    struct cni_alias *ret_alias);

#endif
