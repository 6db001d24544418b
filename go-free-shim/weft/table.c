/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/table.h"

#include <errno.h>
#include <string.h>

enum { GAP = 1 }; /* two would not fit 100 columns */

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->n = 0;
}

static void make_printable(char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}

void table_cell(struct table *t, const char *text)
{
	char **more = reallocarray(t->cells, t->n + 1, sizeof(*more));

	if (more) {
		t->cells = more;
		more[t->n] = strdup(text && *text ? text : "-");
	}
	if (!more || !more[t->n]) {
		t->failed = 1;
		return;
	}
	make_printable(more[t->n++]);
}

static size_t width(const struct table *t, size_t column)
{
	size_t most = 0;

	for (size_t i = column; i < t->n; i += t->columns) {
		const size_t len = strlen(t->cells[i]);

		most = len > most ? len : most;
	}
	return most;
}

int table_print(const struct table *t, FILE *to)
{
	cleanup_free int *widths = calloc(t->columns, sizeof(*widths));

	if (!widths || t->failed)
		return -ENOMEM;
	for (size_t c = 0; c + 1 < t->columns; c++)
		widths[c] = (int)width(t, c) + GAP;
	for (size_t i = 0; i < t->n; i++) {
		const size_t c = i % t->columns;

		(void)fprintf(to, "%-*s%s", widths[c], t->cells[i],
			      c + 1 == t->columns ? "\n" : "");
	}
	return fflush(to) ? -EIO : 0;
}
