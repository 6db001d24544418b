/* SPDX-License-Identifier: Apache-2.0 */
/* calls.h - how system calls can fail. */
#ifndef WEFT_FAULTS_CALLS_H
#define WEFT_FAULTS_CALLS_H

#include <stdbool.h>

#define CALL_ERRORS 5

struct call_info {
	int nr;
	const char *name;
	int errors[CALL_ERRORS]; /* ends with 0 */
	bool is_done;		 /* it fails, and yet it was done: close(2) */
	bool no_return;		 /* nothing comes after it in this image */
};

/**
 * call_find() - What a system call is called and how it can fail
 * @nr:	Its number
 *
 * Return: static storage, or NULL: the table lacks it
 */
const struct call_info *call_find(int nr);

/**
 * call_failure() - What the kernel would return
 * @c:		The call
 * @error:	One of its errors
 *
 * Return: the value of the result register
 */
long call_failure(const struct call_info *c, int error);

#endif
