/* SPDX-License-Identifier: Apache-2.0 */
#include "weft-qemu-helper/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef WEFT_HELPER_PLUGIN_PATH
#define WEFT_HELPER_PLUGIN_PATH "/opt/cni/bin:/usr/lib/cni"
#endif

enum { FIRST_FD = 3 };

static int close_all_but(int fd)
{
	if (fd > FIRST_FD && syscall(SYS_close_range, FIRST_FD, fd - 1, 0) < 0)
		return -errno;
	return syscall(SYS_close_range, fd + 1, ~0U, 0) < 0 ? -errno : 0;
}

/* A file that is opened later must not take the place of a standard stream. */
static int fill_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return -errno;
	} while (fd < FIRST_FD);
	(void)close(fd);
	return 0;
}

static int set_environment(void)
{
	if (clearenv() || setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) ||
	    setenv("CNI_PATH", WEFT_HELPER_PLUGIN_PATH, 1))
		return -ENOMEM;
	return 0;
}

int privilege_clean(int fd, struct cni_err *err)
{
	sigset_t all;
	int r = set_environment();

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)umask(S_IWGRP | S_IWOTH);
	if (!r && chdir("/") < 0)
		r = -errno;
	if (!r)
		r = close_all_but(fd);
	if (!r)
		r = fill_streams();
	return r < 0 ? err_set(err, CNI_E_INTERNAL, -r, "begin anew") : 0;
}

static int lift_limits(void)
{
	static const int limits[] = { RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_AS,
				      RLIMIT_DATA, RLIMIT_STACK };
	struct rlimit l;

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		if (getrlimit(limits[i], &l) < 0)
			return -errno;
		l.rlim_cur = l.rlim_max;
		if (setrlimit(limits[i], &l) < 0)
			return -errno;
	}
	return 0;
}

int privilege_raise(struct cni_err *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
	    setresuid(0, 0, 0) < 0)
		return err_set(err, CNI_E_INTERNAL, errno,
			       "become root (file capabilities cap_setuid, "
			       "cap_setgid, cap_net_admin, cap_sys_admin)");
	if (lift_limits() < 0)
		return err_set(err, CNI_E_INTERNAL, errno, "lift limits");
	return 0;
}
