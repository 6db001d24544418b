/* SPDX-License-Identifier: Apache-2.0 */
/* repair_guard.h - of weft repair: the guard on the ports that there are. */
#ifndef WEFT_WEFT_REPAIR_GUARD_H
#define WEFT_WEFT_REPAIR_GUARD_H

#include <stddef.h>

#include "base/err.h"

/**
 * repair_guard() - Put the programs of this build on every port that is guarded
 * @dirs:	Caches that tell in which namespaces ports are, beside our own
 * @n:		How many
 * @ret_ports:	On how many it is now
 * @err:	Filled on failure
 *
 * In the place of those of another build, or where somebody took them off. No
 * frame passes a port without one of the two. What holds for a guest is not
 * touched: without that its port stays closed until it is attached again.
 *
 * Return: 0, or the first negative errno; it goes on after one
 */
int repair_guard(const char *const dirs[], size_t n, size_t *ret_ports,
		 struct cni_err *err);

#endif
