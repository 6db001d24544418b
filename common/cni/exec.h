/* SPDX-License-Identifier: Apache-2.0 */
/* exec.h - run a foreign program, bounded in time and output. */
#ifndef WEFT_CNI_EXEC_H
#define WEFT_CNI_EXEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

#define CNI_EXEC_TIMEOUT_S 180 /* IPAM by DHCP takes its time */

/**
 * struct cni_exec_result - How a program ended
 * @out:	Its stdout, NUL-terminated; NULL without any
 * @len:	Bytes
 * @exit_status: 0..255; 0 if a signal ended it
 * @signal:	That ended it, 0 for none
 */
struct cni_exec_result {
	char *out;
	size_t len;
	int exit_status;
	int signal;
};

void cni_exec_result_free(struct cni_exec_result *x);

#define cleanup_exec_result CLEANUP(cni_exec_result_free)

/**
 * struct cni_exec - A program and what it gets
 * @program:	Path
 * @args:	Its arguments, ended by NULL; NULL: none
 * @vars:	"K=V", ended by NULL: added to our environment, or in place of
 *		the same variable there
 * @text:	For its stdin
 * @len:	Bytes
 * @with_stderr: What it says there is part of its output; else its stderr is ours
 * @timeout_s:	Seconds until it is killed; 0: CNI_EXEC_TIMEOUT_S
 */
struct cni_exec {
	const char *program;
	const char *const *args;
	const char *const *vars;
	const char *text;
	size_t len;
	bool with_stderr;
	int timeout_s;
};

/**
 * cni_exec() - Run a plugin to its end
 * @x:		What to run
 * @ret:	Zeroed; free with cni_exec_result_free()
 * @err:	CNI_E_IO; CNI_E_RETRY if it took too long, CNI_E_DECODE if it
 *		printed more than JSON_MAX_SIZE: it is then killed
 *
 * Return: 0 when it ran, however it ended, or a negative errno
 */
int cni_exec(const struct cni_exec *x, struct cni_exec_result *ret,
	     struct cni_err *err);

/**
 * cni_exec_error() - The failure that a plugin reported
 * @name:	The plugin, for a message where it gave none
 * @x:		How it ended, not well
 * @err:	Its own code, message and details where it printed them, else
 *		CNI_E_INTERNAL with how it ended and what it printed instead
 *
 * Return: -EIO
 */
int cni_exec_error(const char *name, const struct cni_exec_result *x,
		   struct cni_err *err);

/**
 * cni_exec_find() - CNI_PATH's first regular file of that name
 * @path:	Directories, colon-separated
 * @type:	Plugin; a plain name
 * @ret:	Its path
 * @err:	CNI_E_CONFIG in libcni's words; CNI_E_ENV without any @path
 *
 * Return: 0, -EINVAL or -ENOENT
 */
int cni_exec_find(const char *path, const char *type, char *ret, size_t size,
		  struct cni_err *err);

#endif
