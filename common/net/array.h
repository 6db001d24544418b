/* SPDX-License-Identifier: Apache-2.0 */
/* array.h - arrays that grow while the kernel lists things. */
#ifndef WEFT_NET_ARRAY_H
#define WEFT_NET_ARRAY_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/**
 * struct array - Elements of one size
 * @v:		free(); NULL while empty
 * @n:		How many
 * @room:	How many fit
 */
struct array {
	void *v;
	size_t n, room;
};

/**
 * array_append() - Add a copy of an element
 * @a:		Zero-initialised in the beginning
 * @elem:	The element
 * @size:	Its size in bytes, the same in every call
 * @err:	Filled on failure
 *
 * Return: 0, or -ENOMEM
 */
static inline int array_append(struct array *a, const void *elem, size_t size,
			       struct cni_err *err)
{
	if (a->n == a->room) {
		const size_t room = a->room ? 2 * a->room : 8;
		void *v = reallocarray(a->v, room, size);

		if (!v)
			return err_set(err, CNI_E_INTERNAL, ENOMEM, "list");
		a->v = v;
		a->room = room;
	}
	memcpy((char *)a->v + a->n++ * size, elem, size);
	return 0;
}

#endif
