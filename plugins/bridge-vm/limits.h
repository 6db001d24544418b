/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - how fast a guest may send and receive. */
#ifndef WEFT_BRIDGE_VM_LIMITS_H
#define WEFT_BRIDGE_VM_LIMITS_H

#include "bridge-vm/job.h"

/** limits_names() - Derive j->ifb_name and j->ifb_mac_text */
void limits_names(struct job *j);

/** limits_set() - Limit the new port, if the configuration says so */
int limits_set(struct job *j, struct cni_err *err);

/** limits_check() - CHECK of the same; -ENOENT (CNI_E_CHECK) */
int limits_check(struct job *j, const struct link_info *port,
		 struct cni_err *err);

#endif
