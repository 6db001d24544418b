/* SPDX-License-Identifier: Apache-2.0 */
/* ops.h - the verbs that have a file of their own. */
#ifndef WEFT_BRIDGE_VM_OPS_H
#define WEFT_BRIDGE_VM_OPS_H

#include "bridge-vm/job.h"

/** bridge_ensure() - Find the network's bridge or make it; fills j->bridge */
int bridge_ensure(struct job *j, struct cni_err *err);

/** bridge_vm_check() - CHECK: is all there that prevResult tells of? */
int bridge_vm_check(const struct cni_call *call, struct cni_err *err);

/** bridge_vm_gc() - GC: remove what belongs to no valid attachment */
int bridge_vm_gc(const struct cni_call *call, struct cni_err *err);

#endif
