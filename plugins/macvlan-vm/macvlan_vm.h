/* SPDX-License-Identifier: Apache-2.0 */
/* macvlan_vm.h - guests with a MAC of their own on the host's network card. */
#ifndef WEFT_MACVLAN_VM_H
#define WEFT_MACVLAN_VM_H

#include "cni/plugin.h"

/** macvlan_vm - The plugin, for the table of names in main.c */
extern const struct cni_plugin macvlan_vm;

#endif
