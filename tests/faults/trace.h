/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h - run a program under ptrace: list its calls, or break one. */
#ifndef WEFT_FAULTS_TRACE_H
#define WEFT_FAULTS_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#define TRACE_IMAGES 24
#define TRACE_CALLS 4096

enum fault_kind {
	FAULT_NONE,
	FAULT_ERROR,
	FAULT_KILL_BEFORE,
	FAULT_KILL_AFTER,
};

/* The @call-th call, from 1, of the @image-th process image, from 0. */
struct fault {
	unsigned int image, call;
	enum fault_kind kind;
	int error;
};

/* What one process executes from its birth or an execve(2) to the next. The
 * calls of the dynamic loader do not count; of a program that is not ours,
 * @is_foreign, only those on files of /var/lib/cni. */
struct image {
	char name[64];
	bool is_foreign;
	unsigned int n;
	short nr[TRACE_CALLS];
};

struct program {
	const char *path;
	char *const *argv; /* NULL: its name alone */
	char *const *env;
	int in, out, log; /* descriptors */
};

struct trace {
	struct image images[TRACE_IMAGES];
	unsigned int n_images;
	int injected; /* the call's number, or -1 */
	int status;   /* as waitpid(2) has it, of the first process */
	bool hung;    /* a process had to be killed after 20 s */
};

/**
 * trace_run() - Run a program and all its children to their end
 * @p:		What to run
 * @f:		The fault; FAULT_NONE: list every image's calls
 * @ret:	What happened, overwritten
 */
void trace_run(const struct program *p, const struct fault *f,
	       struct trace *ret);

/**
 * program_start() - fork(2) and execve(2)
 * @p:		What to run
 * @is_traced:	Stop before the execve(2) for the caller to trace it
 *
 * Return: the process, never fails
 */
int program_start(const struct program *p, bool is_traced);

#endif
