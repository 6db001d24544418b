/* SPDX-License-Identifier: Apache-2.0 */
/* l3.h - what layer 3 needs of the bridge and the host. */
#ifndef WEFT_BRIDGE_VM_L3_H
#define WEFT_BRIDGE_VM_L3_H

#include "bridge-vm/job.h"
#include "net/masq.h"

/**
 * l3_complete() - What the configuration adds to the IPAM plugin's answer
 *
 * With isGateway a missing gateway is the network's first address; with
 * isDefaultGateway a family without a default route gets one.
 *
 * Return: 0 or -ENOMEM
 */
int l3_complete(struct job *j, struct cni_err *err);

/** l3_gateway() - isGateway: the bridge's addresses, and forwarding */
int l3_gateway(struct job *j, struct cni_err *err);

/** typedef l3_masq_fn - masq_ensure() or masq_check() */
typedef int l3_masq_fn(const struct masq *m, struct cni_err *err);

/**
 * l3_masq() - Make or check the rule that ipMasq asks for
 * @r:		Result whose addresses tell the subnets
 * @apply:	What to do with it
 *
 * Return: what @apply returned
 */
int l3_masq(const struct cni_call *call, const char *bridge,
	    const struct cni_result *r, l3_masq_fn *apply, struct cni_err *err);

#endif
