/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - a guest in ADD's result. */
#ifndef WEFT_GUEST_REPORT_H
#define WEFT_GUEST_REPORT_H

#include "cni/plugin.h"

/**
 * report_check_version() - Can a result be told in the configuration's version?
 *
 * One without an address cannot be written before 0.3.0: asked before there is
 * anything to undo.
 *
 * Return: 0 or -EINVAL (CNI_E_VERSION)
 */
int report_check_version(const struct cni_call *call, struct cni_err *err);

/**
 * report_guest() - Append the guest's interface, its addresses, routes and dns
 * @call:	The request
 * @mac:	The guest's, as text; must outlive @ret
 * @ipam:	What the IPAM plugin gave, completed; must outlive @ret
 * @ret:	After what an earlier plugin of the chain reported
 * @err:	Filled on failure
 *
 * The configuration's dns counts if it says anything at all.
 *
 * Return: 0 or -ENOMEM
 */
int report_guest(const struct cni_call *call, const char *mac,
		 const struct cni_result *ipam, struct cni_result *ret,
		 struct cni_err *err);

/** report_interface() - The same of an interface with more to be told */
int report_interface(const struct cni_call *call,
		     const struct cni_interface *guest,
		     const struct cni_result *ipam, struct cni_result *ret,
		     struct cni_err *err);

#endif
