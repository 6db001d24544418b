/* SPDX-License-Identifier: Apache-2.0 */
/* ops.h - the verbs that have a file of their own. */
#ifndef WEFT_MACVLAN_VM_OPS_H
#define WEFT_MACVLAN_VM_OPS_H

#include "macvlan-vm/job.h"

/** macvlan_vm_check() - CHECK: is all there that prevResult tells of? */
int macvlan_vm_check(const struct cni_call *call, struct cni_err *err);

/** macvlan_vm_gc() - GC: remove what the runtime does not list */
int macvlan_vm_gc(const struct cni_call *call, struct cni_err *err);

#endif
