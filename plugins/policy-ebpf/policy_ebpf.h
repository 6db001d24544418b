/* SPDX-License-Identifier: Apache-2.0 */
/* policy_ebpf.h - who may talk to whom, whatever plugin made the interface. */
#ifndef WEFT_POLICY_EBPF_H
#define WEFT_POLICY_EBPF_H

#include "cni/plugin.h"

/** policy_ebpf - The plugin, for the table of names in main.c */
extern const struct cni_plugin policy_ebpf;

#endif
