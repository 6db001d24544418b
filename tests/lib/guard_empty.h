/* SPDX-License-Identifier: Apache-2.0 */
/* guard_empty.h - the guard as it is after boot, but loaded: that takes seconds
 * where the kernel is emulated. */
#ifndef WEFT_TESTS_GUARD_EMPTY_H
#define WEFT_TESTS_GUARD_EMPTY_H

#include "bpf/guard.h"
#include "bpf/map.h"

/* Of any map. */
enum { GUARD_KEY_MAX = 64 };

static inline void guard_empty(const struct guard *g)
{
	for (size_t i = 0; i < GUARD_KEPT; i++) {
		uint8_t key[GUARD_KEY_MAX];

		while (!bpf_map_next(g->map[i], NULL, key) &&
		       !bpf_map_remove(g->map[i], key))
			;
	}
}

#endif
