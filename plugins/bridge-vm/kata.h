/* SPDX-License-Identifier: Apache-2.0 */
/* kata.h - "kataDan": a VM's tap and addresses, for Kata to find. */
#ifndef WEFT_BRIDGE_VM_KATA_H
#define WEFT_BRIDGE_VM_KATA_H

#include "bridge-vm/job.h"
#include "cni/dan.h"

/**
 * kata_tell() - Write a VM's device to its sandbox's file, if kataDan says so
 * @j:		Its port is made; rolled back by j->undo
 * @res:	What ADD answers
 * @err:	CNI_E_FIELD for a route that Kata has no words for, or as
 *		dan_put()
 *
 * Return: 0 or a negative errno
 */
int kata_tell(struct job *j, const struct cni_result *res, struct cni_err *err);

/**
 * kata_check() - CHECK of the same: does it say what prevResult does?
 * @prev:	With the guest's addresses only
 * @guest:	The guest's entry there
 *
 * Return: 0, -ENOENT (CNI_E_CHECK), or another negative errno
 */
int kata_check(const struct job *j, const struct cni_result *prev,
	       const struct cni_interface *guest, struct cni_err *err);

/**
 * kata_forget() - Take it out, wherever the configuration says that it is
 *
 * And from where it is by default: DEL may come with another configuration.
 */
int kata_forget(const struct cni_call *call, struct cni_err *err);

/** kata_collect() - The same of all whose mark matches */
int kata_collect(const struct bridge_vm_conf *conf, dan_match_fn *match,
		 void *arg, struct cni_err *err);

#endif
