/* SPDX-License-Identifier: Apache-2.0 */
/* state.h - what a host holds, one line for each thing. */
#ifndef WEFT_FAULTS_STATE_H
#define WEFT_FAULTS_STATE_H

#include <stdbool.h>
#include <stddef.h>

struct state {
	char **lines; /* sorted */
	size_t n;
};

/**
 * state_open() - Open the namespaces that count
 * @paths:	Namespaces beside our own, ends with NULL
 *
 * Exits on failure, as everything here does: a test that cannot look is over.
 */
void state_open(const char *const *paths);

/**
 * state_read() - Look at everything
 * @ret:	Devices, addresses, nf_tables rules, files; free with
 *		state_free()
 *
 * Not what changes by itself: link-local addresses, where the next search for a
 * free lease begins, when our IPAM has looked at the leases last and what it
 * noted then (a link for each attachment).
 */
void state_read(struct state *ret);

void state_free(struct state *s);

/**
 * state_has_all() - Does one hold all that the other does?
 * @whole:	Where to look
 * @part:	What should be there
 * @what:	Printed before each line that is missing; NULL prints nothing
 */
bool state_has_all(const struct state *whole, const struct state *part,
		   const char *what);

#endif
