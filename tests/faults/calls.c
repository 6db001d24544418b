/* SPDX-License-Identifier: Apache-2.0 */
#include "calls.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>

#define CALL(call, ...)                                      \
	{                                                    \
		.nr = SYS_##call, .name = #call, __VA_ARGS__ \
	}
#define FAILS(...) .errors = { __VA_ARGS__ }

/* ENOENT is not among them: it would be another state of the world, not a
 * failure. A call without errors cannot fail in a way that is not a bug. */
static const struct call_info table[] = {
	CALL(read, FAILS(EIO, EINTR)),
	CALL(write, FAILS(ENOSPC, EIO, EINTR)),
	CALL(readv, FAILS(EIO, EINTR)),
	CALL(writev, FAILS(ENOSPC, EIO, EINTR)),
	CALL(pread64, FAILS(EIO)),
	CALL(pwrite64, FAILS(EIO, EPERM)),
	CALL(open, FAILS(EMFILE, EACCES, EIO, ENOMEM)),
	CALL(openat, FAILS(EMFILE, EACCES, EIO, ENOMEM)),
	CALL(close, FAILS(EIO), .is_done = true),
	CALL(newfstatat, FAILS(EACCES, ENOMEM)),
	CALL(fstat, FAILS(EIO)),
	CALL(stat, FAILS(EACCES, ENOMEM)),
	CALL(statfs, FAILS(EACCES, EIO)),
	CALL(fstatfs, FAILS(EIO)),
	CALL(readlinkat, FAILS(EIO, ENOMEM)),
	CALL(readlink, FAILS(EIO, ENOMEM)),
	CALL(getdents64, FAILS(EIO, ENOMEM)),
	CALL(faccessat, FAILS(EACCES)),
	CALL(faccessat2, FAILS(EACCES)),
	CALL(access, FAILS(EACCES)),
	CALL(mkdir, FAILS(ENOSPC, EROFS, EACCES)),
	CALL(mkdirat, FAILS(ENOSPC, EROFS, EACCES)),
	CALL(linkat, FAILS(ENOSPC, EPERM, EIO)),
	CALL(symlinkat, FAILS(ENOSPC, EACCES, EIO)),
	CALL(mknodat, FAILS(ENOSPC, EPERM)),
	CALL(fchownat, FAILS(EPERM, EIO)),
	CALL(fchmodat, FAILS(EPERM, EIO)),
	CALL(fchmod, FAILS(EPERM, EIO)),
	CALL(statx, FAILS(EACCES, ENOMEM)),
	CALL(lstat, FAILS(EACCES, ENOMEM)),
	CALL(fsopen, FAILS(EPERM, ENODEV, EMFILE)),
	CALL(fsconfig, FAILS(EPERM, ENOMEM)),
	CALL(fsmount, FAILS(EPERM, ENOMEM)),
	CALL(renameat, FAILS(ENOSPC, EIO)),
	CALL(renameat2, FAILS(ENOSPC, EIO)),
	CALL(unlinkat, FAILS(EIO, EROFS, EACCES)),
	CALL(unlink, FAILS(EIO, EROFS, EACCES)),
	CALL(ftruncate, FAILS(EIO, ENOSPC)),
	CALL(utimensat, FAILS(EIO, EPERM)),
	CALL(fsync, FAILS(EIO)),
	CALL(lseek, FAILS(EINVAL)),
	CALL(flock, FAILS(EINTR, ENOLCK, EWOULDBLOCK)),
	CALL(socket, FAILS(EMFILE, ENOMEM, EACCES)),
	CALL(setsockopt, FAILS(ENOMEM, ENOPROTOOPT)),
	CALL(getsockopt, FAILS(ENOPROTOOPT)),
	CALL(getsockname, FAILS(ENOBUFS)),
	CALL(bind, FAILS(ENOMEM, EPERM)),
	CALL(sendmsg, FAILS(ENOBUFS, ENOMEM, EINTR)),
	CALL(sendto, FAILS(ENOBUFS, ENOMEM, EINTR)),
	CALL(recvmsg, FAILS(ENOBUFS, ENOMEM, EINTR, EAGAIN)),
	CALL(recvfrom, FAILS(ENOBUFS, ENOMEM, EINTR, EAGAIN)),
	CALL(poll, FAILS(EINTR, ENOMEM)),
	CALL(ppoll, FAILS(EINTR, ENOMEM)),
	CALL(ioctl, FAILS(EPERM, ENOMEM, EIO)),
	CALL(bpf, FAILS(EPERM, ENOMEM, EAGAIN)),
	CALL(fcntl, FAILS(EPERM)),
	CALL(setns, FAILS(EPERM, ENOMEM)),
	CALL(pipe2, FAILS(EMFILE, ENFILE)),
	CALL(dup2, FAILS(EMFILE)),
	CALL(clone, FAILS(EAGAIN, ENOMEM)),
	CALL(clone3, FAILS(EAGAIN, ENOMEM)),
	CALL(fork, FAILS(EAGAIN, ENOMEM)),
	CALL(vfork, FAILS(EAGAIN, ENOMEM)),
	CALL(execve, FAILS(EACCES, ENOMEM, ETXTBSY), .no_return = true),
	CALL(wait4, FAILS(EINTR)),
	CALL(waitid, FAILS(EINTR)),
	CALL(pidfd_open, FAILS(ENOSYS, EMFILE)),
	CALL(close_range, FAILS(ENOSYS)),
	CALL(mmap, FAILS(ENOMEM)),
	CALL(mremap, FAILS(ENOMEM)),
	CALL(brk, FAILS(ENOMEM)),
	CALL(munmap, FAILS(0)),
	CALL(mprotect, FAILS(ENOMEM)),
	CALL(getrandom, FAILS(EAGAIN)),
	CALL(membarrier, FAILS(ENOSYS)),
	CALL(clock_nanosleep, FAILS(EINTR)),
	CALL(nanosleep, FAILS(EINTR)),
	CALL(kill, FAILS(EPERM)),
	CALL(rt_sigaction, FAILS(0)),
	CALL(rt_sigprocmask, FAILS(0)),
	CALL(rt_sigpending, FAILS(0)),
	CALL(rt_sigtimedwait, FAILS(EAGAIN)),
	CALL(rt_sigreturn, FAILS(0), .no_return = true),
	CALL(setitimer, FAILS(0)),
	CALL(clock_gettime, FAILS(0)),
	CALL(clock_getres, FAILS(0)),
	CALL(getpid, FAILS(0)),
	CALL(gettid, FAILS(0)),
	CALL(prlimit64, FAILS(0)),
	CALL(set_robust_list, FAILS(0)),
	CALL(arch_prctl, FAILS(0)),
	CALL(set_tid_address, FAILS(0)),
	CALL(prctl, FAILS(EINVAL)),
	CALL(mount, FAILS(EPERM, ENOMEM)),
	CALL(umount2, FAILS(EPERM, ENOMEM)),
	CALL(unshare, FAILS(EPERM, ENOMEM)),
	CALL(rmdir, FAILS(EIO, EBUSY)),
	CALL(getppid, FAILS(0)),
	CALL(getuid, FAILS(0)),
	CALL(geteuid, FAILS(0)),
	CALL(exit_group, FAILS(0), .no_return = true),
};

const struct call_info *call_find(int nr)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].nr == nr)
			return &table[i];
	return NULL;
}

long call_failure(const struct call_info *c, int error)
{
	/* The system call answers where the heap ends, not an errno. */
	return c->nr == SYS_brk ? 0 : -error;
}
