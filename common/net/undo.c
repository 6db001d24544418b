/* SPDX-License-Identifier: Apache-2.0 */
#include "net/undo.h"

#include <assert.h>

void undo_push(struct undo *u, undo_fn *fn, void *arg)
{
	assert(u->n < UNDO_MAX);
	u->steps[u->n].fn = fn;
	u->steps[u->n].arg = arg;
	u->n++;
}

void undo_disarm(struct undo *u)
{
	u->n = 0;
}

void undo_run(struct undo *u)
{
	while (u->n) {
		struct cni_err err = CNI_ERR_INIT;

		u->n--;
		if (u->steps[u->n].fn(u->steps[u->n].arg, &err) < 0)
			err_detail(u->err, "undo", "\"%s\"", err.msg);
	}
}
