/* SPDX-License-Identifier: Apache-2.0 */
/* guard_lib.h - a guard for each test. */
#ifndef WEFT_TESTS_GUARD_LIB_H
#define WEFT_TESTS_GUARD_LIB_H

#include "../lib/guard_empty.h"
#include "net_lib.h"

/* A bpffs that goes with the sandbox. */
static inline void mount_bpffs(void)
{
	assert_int_equal(mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL), 0);
}

/* Loaded by the first test of a program: the mount namespaces of the next ones
 * are made after its own. */
static inline void open_guard(struct sandbox *s, struct guard *ret)
{
	static bool is_mounted;

	if (!is_mounted)
		mount_bpffs();
	is_mounted = true;
	assert_works(guard_open(ret, &s->err), s->err);
	guard_empty(ret);
}

#endif
