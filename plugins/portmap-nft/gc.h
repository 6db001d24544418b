/* SPDX-License-Identifier: Apache-2.0 */
/* gc.h - the verb that has a file of its own. */
#ifndef WEFT_PORTMAP_NFT_GC_H
#define WEFT_PORTMAP_NFT_GC_H

#include "cni/plugin.h"

/** portmap_nft_gc() - GC: remove what belongs to no valid attachment */
int portmap_nft_gc(const struct cni_call *call, struct cni_err *err);

#endif
