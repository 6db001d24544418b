/* SPDX-License-Identifier: Apache-2.0 */
/* portmap_elem.h - forwards as elements of maps and sets, and back. */
#ifndef WEFT_NET_PORTMAP_ELEM_H
#define WEFT_NET_PORTMAP_ELEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/portmap.h"
#include "net/portmap_table.h"

/**
 * struct portmap_elem - One element
 * @set:	Where
 * @key:	Fields, each filled up to four bytes
 * @data:	Of a map
 * @owner:	The comment; "" where another program made it
 */
struct portmap_elem {
	enum portmap_set set;
	uint8_t key[PORTMAP_KEY_MAX];
	uint8_t data[PORTMAP_DATA_MAX];
	char owner[PORTMAP_OWNER_SIZE];
};

/**
 * portmap_elems() - The elements that forwards are made of
 * @p:		Forwards
 * @ret:	Sorted by set, no two with the same key; free with free()
 * @ret_n:	How many
 *
 * Return: 0, or a negative errno
 */
int portmap_elems(const struct portmap *p, struct portmap_elem **ret,
		  size_t *ret_n, struct cni_err *err);

/** portmap_elem_forward() - What an element of a map says; false for a set's */
bool portmap_elem_forward(const struct portmap_elem *e,
			  struct portmap_forward *ret);

/** portmap_elem_text() - "tcp 8080" or "tcp 192.0.2.1:8080"; returns @buf */
const char *portmap_elem_text(const struct portmap_elem *e, char *buf,
			      size_t size);

/**
 * portmap_elems_put() - The requests for elements
 * @b:		Transaction
 * @type:	NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM
 * @flags:	NLM_F_*
 * @v:		Elements, those of a set side by side
 */
void portmap_elems_put(struct portmap_batch *b, int type, int flags,
		       const struct portmap_elem *v, size_t n);

/**
 * portmap_elem_get() - Look an element up by its key
 * @ret:	As the kernel has it
 *
 * Return: 1, or 0 if there is none, or a negative errno
 */
int portmap_elem_get(struct netlink *nl, const struct portmap_elem *key,
		     struct portmap_elem *ret, struct cni_err *err);

/** portmap_elem_equal() - The same data and the same owner? */
bool portmap_elem_equal(const struct portmap_elem *a,
			const struct portmap_elem *b);

/**
 * struct portmap_whose - A choice of owners
 * @is_meant:	Is this owner one of them?
 * @arg:	Passed to it
 */
struct portmap_whose {
	bool (*is_meant)(const char *owner, void *arg);
	void *arg;
};

/**
 * portmap_elems_list() - All elements of the owners that are meant
 * @t:		What there is; sets that are not right are left out
 * @whose:	Owners
 * @ret:	Those of a set side by side; free with free()
 *
 * Return: 0, or a negative errno
 */
int portmap_elems_list(struct netlink *nl, const struct portmap_table *t,
		       const struct portmap_whose *whose,
		       struct portmap_elem **ret, size_t *ret_n,
		       struct cni_err *err);

#endif
