/* SPDX-License-Identifier: Apache-2.0 */
/* tap_vm.h - a VM in the place of a container, whatever plugin came before. */
#ifndef WEFT_TAP_VM_H
#define WEFT_TAP_VM_H

#include "cni/plugin.h"

/** tap_vm - The plugin, for the table of names in main.c */
extern const struct cni_plugin tap_vm;

#endif
