/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "calls.h"

#ifndef __x86_64__
#error "the registers and the breakpoint are those of x86-64"
#endif

enum { TASKS = 64, TIMEOUT_S = 20 };

struct task {
	int pid;
	unsigned int image;
	bool is_known;	/* its parent's event came */
	bool is_parked; /* it stopped before that */
	bool is_loading;
	bool breaks; /* at the end of this call */
	uint64_t entry;
	long word; /* what is really there */
};

struct tracer {
	const struct fault *f;
	struct trace *ret;
	struct task tasks[TASKS];
	size_t n;
	int first;
};

static void on_alarm(int sig)
{
	(void)sig;
}

int program_start(const struct program *p, bool is_traced)
{
	const char *slash = strrchr(p->path, '/');
	char *const name[] = { (char *)(slash ? slash + 1 : p->path), NULL };
	const int pid = fork();

	if (pid)
		return pid < 0 ? (err(2, "fork"), -1) : pid;
	if (dup2(p->in, 0) < 0 || dup2(p->out, 1) < 0 || dup2(p->log, 2) < 0)
		_exit(126);
	if (is_traced && (ptrace(PTRACE_TRACEME, 0, 0, 0) || raise(SIGSTOP)))
		_exit(126);
	execve(p->path, p->argv ? p->argv : name, p->env);
	_exit(127);
}

static struct task *find(struct tracer *t, int pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->tasks[i].pid == pid)
			return &t->tasks[i];
	return NULL;
}

static struct task *find_or_add(struct tracer *t, int pid)
{
	struct task *k = find(t, pid);

	if (k)
		return k;
	if (t->n == TASKS)
		errx(2, "more than %d tasks", TASKS);
	k = &t->tasks[t->n++];
	*k = (struct task){ .pid = pid };
	return k;
}

static unsigned int add_image(struct tracer *t, const char *name)
{
	struct image *i = &t->ret->images[t->ret->n_images];

	if (t->ret->n_images == TRACE_IMAGES)
		errx(2, "more than %d process images", TRACE_IMAGES);
	i->n = 0;
	i->is_foreign = false;
	(void)snprintf(i->name, sizeof(i->name), "%s", name);
	return t->ret->n_images++;
}

/* Every call of an image that is still to be broken, or listed. */
static void go_on(const struct tracer *t, const struct task *k, int sig)
{
	const bool stop = !k->is_loading &&
			  (t->f->kind == FAULT_NONE ||
			   (t->ret->injected < 0 && k->image == t->f->image) ||
			   k->breaks);

	(void)ptrace(stop ? PTRACE_SYSCALL : PTRACE_CONT, k->pid, 0, sig);
}

static void read_name(int pid, char *buf, size_t size, const char *file)
{
	char path[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	n = readlink(path, buf, size - 1);
	if (n < 0)
		n = file_read_at(AT_FDCWD, path, buf, size - 1);
	buf[n < 0 ? 0 : n] = '\0';
}

/* Where the loader hands over: a breakpoint. */
static void break_at_entry(struct task *k)
{
	Elf64_auxv_t aux[64];
	char path[64];
	int fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/auxv", k->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, aux, sizeof(aux));
	(void)close(fd);
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(aux[0]); i++)
		if (aux[i].a_type == AT_ENTRY)
			k->entry = aux[i].a_un.a_val;
	errno = 0;
	k->word = ptrace(PTRACE_PEEKTEXT, k->pid, k->entry, 0);
	if (errno || ptrace(PTRACE_POKETEXT, k->pid, k->entry,
			    (k->word & ~0xffL) | 0xcc))
		err(2, "breakpoint");
	k->is_loading = true;
}

static void on_entry(struct task *k)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, k->pid, 0, &regs) ||
	    regs.rip != k->entry + 1)
		errx(2, "a trap that is not ours");
	regs.rip = k->entry;
	if (ptrace(PTRACE_POKETEXT, k->pid, k->entry, k->word) ||
	    ptrace(PTRACE_SETREGS, k->pid, 0, &regs))
		err(2, "breakpoint");
	k->is_loading = false;
}

static void on_exec(struct tracer *t, struct task *k)
{
	char name[4096], exe[4096];
	const char *slash;

	read_name(k->pid, name, sizeof(name), "cmdline");
	read_name(k->pid, exe, sizeof(exe), "exe");
	slash = strrchr(name, '/');
	k->image = add_image(t, slash ? slash + 1 : name);
	slash = strrchr(exe, '/');
	t->ret->images[k->image].is_foreign = !slash || strcmp(slash, "/weft");
	k->breaks = false;
	break_at_entry(k);
}

static void on_child(struct tracer *t, const struct task *parent, int event)
{
	const unsigned int image = parent->image;
	char name[64 + 8];
	unsigned long pid = 0;
	struct task *k;

	(void)ptrace(PTRACE_GETEVENTMSG, parent->pid, 0, &pid);
	k = find_or_add(t, (int)pid);
	k->is_known = true;
	k->image = image;
	if (event != PTRACE_EVENT_CLONE) {
		(void)snprintf(name, sizeof(name), "%s, child",
			       t->ret->images[image].name);
		k->image = add_image(t, name);
		t->ret->images[k->image].is_foreign =
			t->ret->images[image].is_foreign;
	}
	if (k->is_parked)
		go_on(t, k, 0);
}

static bool is_of_leases(int pid, const struct __ptrace_syscall_info *info)
{
	char path[64], text[256] = "";
	struct iovec here = { text, sizeof(text) - 1 };
	struct iovec there = { (void *)(uintptr_t)info->entry.args[1], 255 };

	switch (info->entry.nr) {
	case SYS_openat:
	case SYS_mkdirat:
	case SYS_unlinkat:
	case SYS_renameat:
		(void)process_vm_readv(pid, &here, 1, &there, 1, 0);
		break;
	case SYS_write:
	case SYS_flock:
		(void)snprintf(path, sizeof(path), "fd/%d",
			       (int)info->entry.args[0]);
		read_name(pid, text, sizeof(text), path);
		break;
	default:
		break;
	}
	return !strncmp(text, "/var/lib/cni", 12);
}

static void set_result(int pid, bool skip, long result)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
		err(2, "registers");
	if (skip)
		regs.orig_rax = (unsigned long)-1;
	else
		regs.rax = (unsigned long)result;
	if (ptrace(PTRACE_SETREGS, pid, 0, &regs))
		err(2, "registers");
}

static void at_begin(struct tracer *t, struct task *k,
		     const struct __ptrace_syscall_info *info)
{
	struct image *i = &t->ret->images[k->image];
	const int nr = (int)info->entry.nr;

	/* The rest of a call that a signal interrupted, not one of its own. */
	if (nr == SYS_restart_syscall)
		return;
	if (i->is_foreign && !is_of_leases(k->pid, info))
		return;
	if (i->n == TRACE_CALLS)
		errx(2, "%s: more than %d calls", i->name, TRACE_CALLS);
	i->nr[i->n++] = (short)nr;
	if (t->f->kind == FAULT_NONE || t->ret->injected >= 0 ||
	    k->image != t->f->image || i->n != t->f->call)
		return;

	t->ret->injected = nr;
	k->breaks = t->f->kind != FAULT_KILL_BEFORE;
	if (t->f->kind == FAULT_KILL_BEFORE ||
	    (t->f->kind == FAULT_ERROR && !call_find(nr)->is_done))
		set_result(k->pid, true, 0);
	if (t->f->kind == FAULT_KILL_BEFORE)
		(void)kill(k->pid, SIGKILL);
}

static void at_end(struct tracer *t, struct task *k)
{
	if (!k->breaks)
		return;
	k->breaks = false;
	if (t->f->kind == FAULT_KILL_AFTER)
		(void)kill(k->pid, SIGKILL);
	else
		set_result(
			k->pid, false,
			call_failure(call_find(t->ret->injected), t->f->error));
}

static void on_call(struct tracer *t, struct task *k)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, k->pid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		at_begin(t, k, &info);
	else
		at_end(t, k);
}

static void on_stop(struct tracer *t, struct task *k, int status)
{
	const int sig = WSTOPSIG(status), event = status >> 16;
	int deliver = 0;

	if (!k->is_known) {
		k->is_parked = true;
		return;
	}
	if (sig == (SIGTRAP | 0x80))
		on_call(t, k);
	else if (event == PTRACE_EVENT_EXEC)
		on_exec(t, k);
	else if (event)
		on_child(t, k, event);
	else if (sig == SIGTRAP && k->is_loading)
		on_entry(k);
	else if (sig != SIGSTOP)
		deliver = sig;
	go_on(t, find(t, k->pid), deliver);
}

static void on_end(struct tracer *t, struct task *k, int status)
{
	if (k->pid == t->first)
		t->ret->status = status;
	*k = t->tasks[--t->n];
}

static void follow(struct tracer *t)
{
	while (t->n) {
		int status;
		const int pid = waitpid(-1, &status, __WALL);
		struct task *k;

		if (pid < 0) {
			t->ret->hung = true;
			for (size_t i = 0; i < t->n; i++)
				(void)kill(t->tasks[i].pid, SIGKILL);
			if (errno == ECHILD)
				return;
			continue;
		}
		/* Else an orphan that an earlier DEL has left. */
		k = WIFSTOPPED(status) ? find_or_add(t, pid) : find(t, pid);
		if (k && WIFSTOPPED(status))
			on_stop(t, k, status);
		else if (k)
			on_end(t, k, status);
	}
}

void trace_run(const struct program *p, const struct fault *f,
	       struct trace *ret)
{
	static const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
				    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
				    PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	const struct sigaction wake = { .sa_handler = on_alarm };
	struct tracer t = { .f = f, .ret = ret };
	struct task *k;
	int status;

	ret->n_images = 0;
	ret->injected = -1;
	ret->hung = false;
	(void)sigaction(SIGALRM, &wake, NULL);
	t.first = program_start(p, true);
	if (waitpid(t.first, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, t.first, 0, options))
		err(2, "trace");
	k = find_or_add(&t, t.first);
	k->is_known = true;
	k->is_loading = true; /* until the execve(2), at least */
	(void)alarm(TIMEOUT_S);
	(void)ptrace(PTRACE_CONT, t.first, 0, 0);
	follow(&t);
	(void)alarm(0);
}
