/* SPDX-License-Identifier: Apache-2.0 */
/* The VMM: a child in the foreground, and the signals that are meant for it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "weft/run.h"

enum { CANNOT_RUN = 126, NOT_FOUND = 127, BY_SIGNAL = 128 };

static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
static const int others[] = { SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT };

/* What is ignored from the start, as under nohup, stays so, for the VMM too. */
static void add(sigset_t *set, const int *signals, size_t n)
{
	struct sigaction now;

	for (size_t i = 0; i < n; i++)
		if (!sigaction(signals[i], NULL, &now) &&
		    now.sa_handler != SIG_IGN)
			(void)sigaddset(set, signals[i]);
}

static void ending_set(sigset_t *set)
{
	(void)sigemptyset(set);
	add(set, ending, sizeof(ending) / sizeof(*ending));
}

static void all_set(sigset_t *set)
{
	ending_set(set);
	add(set, others, sizeof(others) / sizeof(*others));
	(void)sigaddset(set, SIGCHLD);
}

void run_signals_hold(sigset_t *ret_before)
{
	sigset_t all;

	all_set(&all);
	(void)sigprocmask(SIG_BLOCK, &all, ret_before);
}

int run_signals_pending(void)
{
	const struct timespec now = { 0 };
	sigset_t set;
	int s;

	ending_set(&set);
	s = sigtimedwait(&set, NULL, &now);
	return s > 0 ? s : 0;
}

static int inherit(const struct run_nic *nics, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < nics[i].n_fds + nics[i].n_vhost; k++)
			if (fcntl(nics[i].fds[k], F_SETFD, 0) < 0)
				return -errno;
	return 0;
}

/* Killed with SIGKILL, we could not tell it to end. */
static int end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		return -errno;
	if (getppid() != parent)
		_exit(NOT_FOUND);
	return 0;
}

__attribute__((noreturn)) static void child(char *const argv[],
					    const struct run_nic *nics,
					    size_t n, const sigset_t *mask,
					    pid_t parent, int report)
{
	int r = end_with(parent);

	if (!r)
		r = inherit(nics, n);
	if (!r) {
		(void)sigprocmask(SIG_SETMASK, mask, NULL);
		(void)execvp(argv[0], argv);
		r = -errno;
	}
	(void)!write(report, &r, sizeof(r));
	_exit(NOT_FOUND);
}

/* Return: 0 once it runs, or the negative errno that execvp(3) gave. */
static int start(char *const argv[], struct run_nic *nics, size_t n,
		 const sigset_t *mask, pid_t *ret, struct cni_err *err)
{
	cleanup_close int from = -1, to = -1;
	const pid_t self = getpid();
	int pipe_fds[2], r = 0;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_set(err, CNI_E_INTERNAL, errno, "pipe");
	from = pipe_fds[0];
	to = pipe_fds[1];
	*ret = fork();
	if (*ret < 0)
		return err_set(err, CNI_E_INTERNAL, errno, "fork");
	if (!*ret)
		child(argv, nics, n, mask, self, to);
	(void)close(TAKE_FD(to));
	if (read(from, &r, sizeof(r)) != sizeof(r))
		return 0;
	(void)waitpid(*ret, NULL, 0);
	return err_set(err, CNI_E_IO, -r, "run %s", argv[0]);
}

/* The terminal's own stop keys reach the whole group, and so the VMM. */
static void stop_too(void)
{
	sigset_t one, before;

	(void)sigemptyset(&one);
	(void)sigaddset(&one, SIGTSTP);
	(void)kill(getpid(), SIGTSTP);
	(void)sigprocmask(SIG_UNBLOCK, &one, &before);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}

static void forward(pid_t vmm, const siginfo_t *info)
{
	if (info->si_code != SI_KERNEL)
		(void)kill(vmm, info->si_signo);
	if (info->si_signo == SIGTSTP)
		stop_too();
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? BY_SIGNAL + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static bool has_ended(pid_t vmm, int *ret_status)
{
	pid_t pid;

	do
		pid = waitpid(vmm, ret_status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	return pid == vmm;
}

static int wait_for(pid_t vmm)
{
	siginfo_t info;
	sigset_t all;
	int status;

	all_set(&all);
	for (;;) {
		const int s = sigwaitinfo(&all, &info);

		if (s > 0 && s != SIGCHLD) {
			forward(vmm, &info);
			continue;
		}
		/* A plugin's child may be the one that ended. */
		if (s > 0 && has_ended(vmm, &status))
			return exit_status(status);
	}
}

int run_vmm(char *const argv[], struct run_nic *nics, size_t n,
	    const sigset_t *mask, struct cni_err *err)
{
	pid_t vmm = -1;
	int r = start(argv, nics, n, mask, &vmm, err);

	if (r < 0 && err->code == CNI_E_IO) {
		(void)fprintf(stderr, "weft: %s\n", err->msg);
		*err = (struct cni_err)CNI_ERR_INIT;
		return r == -ENOENT ? NOT_FOUND : CANNOT_RUN;
	}
	if (r < 0)
		return r;
	/* So that a device's carrier follows the VMM. */
	for (size_t i = 0; i < n; i++)
		run_nic_close_fds(&nics[i]);
	return wait_for(vmm);
}
