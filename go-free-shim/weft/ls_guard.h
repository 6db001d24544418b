/* SPDX-License-Identifier: Apache-2.0 */
/* ls_guard.h - of weft ls: what the guard has let through and what it has not. */
#ifndef WEFT_WEFT_LS_GUARD_H
#define WEFT_WEFT_LS_GUARD_H

#include <cjson/cJSON.h>

#include "bpf/guard.h"
#include "cni/attachment.h"

/**
 * ls_guard_add() - Add "guard", null where there is none
 * @g:		As guard_find() has left it
 * @a:		Whose
 * @obj:	Where it goes
 *
 * An attachment with several ports, as tap-vm's behind bridge-vm's, has the sum.
 *
 * Return: 0 or -ENOMEM
 */
int ls_guard_add(const struct guard *g, const struct cni_attachment *a,
		 cJSON *obj);

#endif
