/* SPDX-License-Identifier: Apache-2.0 */
/* ipam.h - addresses from this host's own pools, as host-local gives them. */
#ifndef WEFT_IPAM_HOST_LOCAL_IPAM_H
#define WEFT_IPAM_HOST_LOCAL_IPAM_H

#include "cni/plugin.h"

extern const struct cni_plugin ipam_host_local;

#endif
