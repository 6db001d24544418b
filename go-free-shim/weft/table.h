/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - aligned columns, whatever is in them. */
#ifndef WEFT_WEFT_TABLE_H
#define WEFT_WEFT_TABLE_H

#include <stdio.h>

#include "base/mem.h"

/**
 * struct table - Cells, row after row
 * @columns:	How many make a row
 * @cells:	Owned
 * @n:		How many cells
 * @failed:	Out of memory; sticky
 */
struct table {
	size_t columns;
	char **cells;
	size_t n;
	int failed;
};

void table_free(struct table *t);

#define cleanup_table CLEANUP(table_free)

/**
 * table_cell() - Add a cell; empty or NULL becomes "-"
 *
 * What is not printable ASCII becomes '?': a device's name may hold what a
 * terminal obeys.
 */
void table_cell(struct table *t, const char *text);

/** table_print() - Measure, then print; return 0, -ENOMEM or -EIO */
int table_print(const struct table *t, FILE *to);

#endif
