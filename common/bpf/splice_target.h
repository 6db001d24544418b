/* SPDX-License-Identifier: Apache-2.0 */
/* splice_target.h - what stands in splice.bpf.c where the ifindex will be. */
#ifndef WEFT_BPF_SPLICE_TARGET_H
#define WEFT_BPF_SPLICE_TARGET_H

#define SPLICE_TARGET 0x77656674U

#endif
