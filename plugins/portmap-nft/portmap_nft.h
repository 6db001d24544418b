/* SPDX-License-Identifier: Apache-2.0 */
/* portmap_nft.h - ports of the host that lead to a guest. */
#ifndef WEFT_PORTMAP_NFT_H
#define WEFT_PORTMAP_NFT_H

#include "cni/plugin.h"

/** portmap_nft - The plugin, for the table of names in main.c */
extern const struct cni_plugin portmap_nft;

#endif
