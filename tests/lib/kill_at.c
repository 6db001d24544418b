/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_at US COMMAND...: run it, and kill it with SIGKILL so many microseconds
 * after its beginning, if it still runs. Exits as it did, or with 137; not before
 * the kernel has taken away all that it held.
 */
#include <err.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { US = 1000000, KILLED = 128 + SIGKILL };

int main(int argc, char **argv)
{
	const long us = argc > 2 ? atol(argv[1]) : -1;
	const struct timespec limit = { .tv_sec = us / US,
					.tv_nsec = us % US * 1000 };
	sigset_t child, old;
	int status;
	pid_t pid;

	if (us < 0)
		errx(2, "see the head of kill_at.c");
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, &old);
	pid = fork();
	if (!pid) {
		(void)sigprocmask(SIG_SETMASK, &old, NULL);
		(void)execvp(argv[2], argv + 2);
		err(127, "%s", argv[2]);
	}
	if (pid < 0)
		err(2, "fork");
	if (sigtimedwait(&child, NULL, &limit) < 0)
		(void)kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		err(2, "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}
