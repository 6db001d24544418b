/* SPDX-License-Identifier: Apache-2.0 */
/* bridge_vm.h - guests, containers and VMs alike, on a Linux bridge. */
#ifndef WEFT_BRIDGE_VM_H
#define WEFT_BRIDGE_VM_H

#include "cni/plugin.h"

/** bridge_vm - The plugin, for the table of names in main.c */
extern const struct cni_plugin bridge_vm;

#endif
