/* SPDX-License-Identifier: Apache-2.0 */
/* undo.h - what ADD has made so far, to be taken back if it fails. */
#ifndef WEFT_NET_UNDO_H
#define WEFT_NET_UNDO_H

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

#define UNDO_MAX 16

/**
 * typedef undo_fn - Take one thing back
 * @arg:	The caller's; must live as long as the struct undo
 * @err:	Fill on failure
 *
 * Return: 0, also if the thing is gone already, or a negative errno
 */
typedef int undo_fn(void *arg, struct cni_err *err);

/**
 * struct undo - Steps back, the last one pushed runs first
 * @err:	What the caller reports: a step that fails adds to its details
 *
 *	cleanup_undo struct undo undo = UNDO_INIT(err);
 *	...
 *	r = veth_create(...);
 *	if (r < 0)
 *		return r;
 *	undo_push(&undo, remove_port, &port);
 *	...
 *	undo_disarm(&undo);
 *	return 0;
 */
struct undo {
	struct cni_err *err;
	size_t n;

	struct {
		undo_fn *fn;
		void *arg;
	} steps[UNDO_MAX];
};

#define UNDO_INIT(report)       \
	{                       \
		.err = (report) \
	}

/** undo_push() - Add a step; more than UNDO_MAX are a programmer's mistake */
void undo_push(struct undo *u, undo_fn *fn, void *arg);

/** undo_disarm() - All is well: forget the steps */
void undo_disarm(struct undo *u);

/**
 * undo_run() - Run the steps that are left, the last first, each once
 *
 * A step that fails stops nothing; it is named in the details of @u->err,
 * whose message stays that of the failure which led here.
 */
void undo_run(struct undo *u);

#define cleanup_undo CLEANUP(undo_run)

#endif
