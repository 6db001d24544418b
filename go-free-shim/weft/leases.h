/* SPDX-License-Identifier: Apache-2.0 */
/* leases.h - a network's lease directory, to be removed with the network. */
#ifndef WEFT_WEFT_LEASES_H
#define WEFT_WEFT_LEASES_H

#include "base/err.h"

/**
 * leases_check_none() - Refuse while an address is held
 * @network:	Valid name; its configuration, where there still is one, says
 *		where the leases are
 *
 * Return: 0, -EBUSY (CNI_E_TAKEN) naming one, or a negative errno
 */
int leases_check_none(const char *network, struct cni_err *err);

/**
 * leases_remove() - Remove what host-local and we keep beside the leases
 *
 * Files that neither of us makes stay, and with them the directory: then that
 * is the error.
 *
 * Return: 0 or a negative errno
 */
int leases_remove(const char *network, struct cni_err *err);

#endif
