/* SPDX-License-Identifier: Apache-2.0 */
/* fail_alloc.h - what the injector and the preloaded library share. */
#ifndef WEFT_FAULTS_FAIL_ALLOC_H
#define WEFT_FAULTS_FAIL_ALLOC_H

#include <stdatomic.h>
#include <stdbool.h>

/* In a shared mapping of the descriptor that WEFT_FAIL_ALLOC names. */
struct fail_alloc {
	unsigned int at; /* from 1; 0: none fails */
	bool ever_after; /* and every one after it */
	atomic_uint count, failed;
};

#endif
