/* SPDX-License-Identifier: Apache-2.0 */
/* child.h - run a function as a process of its own, with pipes. */
#ifndef WEFT_TESTS_LIB_CHILD_H
#define WEFT_TESTS_LIB_CHILD_H

#include <sys/wait.h>

#include "tmp.h"

/**
 * struct child - What goes in and what came out
 * @main:	Runs in the child; its return value is the exit status
 * @env:	"K=V", ended by NULL: the whole environment
 * @in:		For stdin
 * @status:	Exit status, or 128 and the signal
 */
struct child {
	int (*main)(void *arg);
	void *arg;
	const char *const *env;
	const char *in;
	char out[1 << 16];
	char err[1 << 16];
	int status;
};

static inline void child_redirect(const char *path, int flags, int fd)
{
	const int file = open(path, flags);

	if (file < 0 || dup2(file, fd) < 0)
		_exit(125);
	(void)close(file);
}

static inline void child_run(struct child *c)
{
	struct tmp t;
	char in[256], out[256], err[256], *text;
	pid_t pid;

	tmp_make(&t);
	(void)snprintf(out, sizeof(out), "%s", tmp_write(&t, "out", "", 0600));
	(void)snprintf(err, sizeof(err), "%s", tmp_write(&t, "err", "", 0600));
	(void)snprintf(in, sizeof(in), "%s",
		       tmp_write(&t, "in", c->in ? c->in : "", 0600));
	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		child_redirect(in, O_RDONLY, STDIN_FILENO);
		child_redirect(out, O_WRONLY, STDOUT_FILENO);
		child_redirect(err, O_WRONLY, STDERR_FILENO);
		(void)clearenv();
		for (const char *const *v = c->env; v && *v; v++)
			(void)putenv((char *)*v);
		c->status = c->main(c->arg);
		(void)fflush(NULL);
		_exit(c->status);
	}
	assert_int_equal(waitpid(pid, &c->status, 0), pid);
	c->status = WIFSIGNALED(c->status) ? 128 + WTERMSIG(c->status)
					   : WEXITSTATUS(c->status);
	text = tmp_read(&t, "out");
	(void)snprintf(c->out, sizeof(c->out), "%s", text);
	free(text);
	text = tmp_read(&t, "err");
	(void)snprintf(c->err, sizeof(c->err), "%s", text);
	free(text);
	tmp_remove(&t);
}

#endif
