/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race.c - time CNI plugins against each other, called as an engine would.
 *
 *	race latency RUNS CONTENDER...
 *	race parallel ATTACHMENTS WORKERS ROUNDS CONTENDER...
 *	race fill ATTACHMENTS WORKERS CONTENDER
 *	race memory CONTENDER...
 *
 * A contender is one argument, of words:
 *
 *	NAME PROGRAM CONFIGURATION VERBS [VARIABLE=VALUE...]
 *
 * PROGRAM,PROGRAM and CONFIGURATION,CONFIGURATION are a chain of two.
 * VERBS are letters: V(ERSION), A(DD), C(HECK), D(EL). Contenders take turns,
 * and another one begins each time. A DEL may leave a child that waits for the
 * kernel: it is waited for before the next call, outside of the time measured,
 * and its CPU time counts. RACE_PUT="FILE TEXT" has TEXT written to FILE before
 * each call. Prints one JSON object a line; times in us, memory in kB.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NETNS_DIR "/run/race"

enum {
	WARM_UP = 3, /* rounds that do not count */
	MAX_WORDS = 16,
	MAX_CONTENDERS = 16,
	MAX_PARTS = 2,
	MAX_WORKERS = 64,
	TEXT_SIZE = 32768,
	SHOWN_ERRORS = 3,
	FILL_ID = 100000, /* first container ID of race fill */
};

/* A plugin, or one of a chain. */
struct part {
	const char *program;
	char path[512]; /* CNI_PATH */
	char conf[TEXT_SIZE];
};

struct contender {
	char *words[MAX_WORDS + 1];
	const char *name, *verbs;
	char **vars; /* NAME=VALUE of its own */
	char *put_file, *put_text;
	struct part parts[MAX_PARTS];
	unsigned int n_parts;
	char **results; /* of the last ADD, by attachment */
};

struct sample {
	double wall, cpu;
	bool failed;
};

struct call {
	const struct contender *c;
	char verb;
	unsigned int slot; /* whose network namespace and result */
	unsigned int id;   /* container ID */
	bool forget;	   /* its result */
};

/* argv, environment and stdin of one call. */
struct image {
	char *argv[2];
	char vars[5][600];
	char *envp[MAX_WORDS + 8];
	char in[2 * TEXT_SIZE];
};

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double cpu_of(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e6 +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec);
}

static const char *verb_name(char verb)
{
	return verb == 'V'   ? "VERSION"
	       : verb == 'A' ? "ADD"
	       : verb == 'C' ? "CHECK"
			     : "DEL";
}

static unsigned int number(const char *text)
{
	return (unsigned int)strtoul(text, NULL, 10);
}

static void read_file(const char *name, char *buf, size_t size)
{
	FILE *f = fopen(name, "re");
	size_t n = f ? fread(buf, 1, size - 1, f) : 0;

	if (!n)
		err(1, "%s", name);
	while (n && strchr(" \n", buf[n - 1]))
		n--;
	buf[n] = '\0';
	(void)fclose(f);
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "we");

	if (!f || fputs(text, f) < 0 || fclose(f))
		err(1, "%s", name);
}

static void netns_path(const struct contender *c, unsigned int slot,
		       char buf[128])
{
	(void)snprintf(buf, 128, NETNS_DIR "/%s-%u", c->name, slot);
}

/* Namespaces like those of `ip netns`, all from this one thread. */
static void make_netns(const struct contender *c, unsigned int n)
{
	const int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	char path[128];

	(void)mkdir(NETNS_DIR, 0755);
	for (unsigned int i = 0; i < n; i++) {
		int fd;

		netns_path(c, i, path);
		fd = open(path, O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 || close(fd) || unshare(CLONE_NEWNET) ||
		    mount("/proc/thread-self/ns/net", path, "", MS_BIND, NULL))
			err(1, "%s", path);
	}
	if (home < 0 || setns(home, CLONE_NEWNET) || close(home))
		err(1, "back home");
}

static void drop_netns(const struct contender *c, unsigned int n)
{
	char path[128];

	for (unsigned int i = 0; i < n; i++) {
		netns_path(c, i, path);
		(void)umount2(path, MNT_DETACH);
		(void)unlink(path);
	}
}

/* Splits RACE_PUT=FILE, TEXT off the variables. */
static void take_put(struct contender *c)
{
	for (char **v = c->vars; *v; v++)
		if (!strncmp(*v, "RACE_PUT=", 9) && v[1]) {
			c->put_file = *v + 9;
			c->put_text = v[1];
			*v = NULL;
			return;
		}
}

/* PROGRAM,PROGRAM and FILE,FILE are a chain. */
static void take_parts(struct contender *c)
{
	char *programs = c->words[1], *files = c->words[2], *program, *file;

	while ((program = strsep(&programs, ",")) &&
	       (file = strsep(&files, ",")) && c->n_parts < MAX_PARTS) {
		struct part *p = &c->parts[c->n_parts++];
		char *slash;

		p->program = program;
		read_file(file, p->conf, sizeof(p->conf));
		(void)snprintf(p->path, sizeof(p->path), "%s", program);
		slash = strrchr(p->path, '/');
		if (slash)
			*slash = '\0';
	}
}

static struct contender *contender_parse(char *text, unsigned int slots)
{
	struct contender *c = calloc(1, sizeof(*c));
	char *save = NULL;
	unsigned int n = 0;

	if (!c)
		err(1, "contender");
	for (char *w = strtok_r(text, " ", &save); w && n < MAX_WORDS;
	     w = strtok_r(NULL, " ", &save))
		c->words[n++] = w;
	if (n < 4)
		errx(2, "a contender needs a name, program, file and verbs");
	c->name = c->words[0];
	c->verbs = c->words[3];
	c->vars = &c->words[4];
	take_put(c);
	take_parts(c);
	c->results = calloc(slots, sizeof(*c->results));
	if (!c->results)
		err(1, "results");
	make_netns(c, slots);
	return c;
}

static void image_make(const struct call *call, unsigned int part,
		       struct image *m)
{
	const struct contender *c = call->c;
	const struct part *p = &c->parts[part];
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	const char *prev = c->results[call->slot];
	size_t n = 0;

	m->argv[0] = (char *)p->program;
	m->argv[1] = NULL;
	(void)snprintf(m->vars[0], sizeof(m->vars[0]), "CNI_COMMAND=%s",
		       verb_name(call->verb));
	(void)snprintf(m->vars[1], sizeof(m->vars[1]),
		       "CNI_CONTAINERID=%s-%06u", c->name, call->id);
	(void)snprintf(m->vars[2], sizeof(m->vars[2]),
		       "CNI_NETNS=" NETNS_DIR "/%s-%u", c->name, call->slot);
	(void)snprintf(m->vars[3], sizeof(m->vars[3]), "CNI_IFNAME=eth0");
	(void)snprintf(m->vars[4], sizeof(m->vars[4]), "CNI_PATH=%s", p->path);
	for (; n < sizeof(m->vars) / sizeof(m->vars[0]); n++)
		m->envp[n] = m->vars[n];
	for (char **v = c->vars; *v; v++)
		m->envp[n++] = *v;
	m->envp[n++] = path;
	m->envp[n] = NULL;

	if ((part || strchr("CD", call->verb)) && prev)
		(void)snprintf(m->in, sizeof(m->in), "%.*s,\"prevResult\":%s}",
			       (int)strlen(p->conf) - 1, p->conf, prev);
	else
		(void)snprintf(m->in, sizeof(m->in), "%s", p->conf);
}

static pid_t image_spawn(struct image *m, int in, int out)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int r = posix_spawn_file_actions_init(&fa);

	if (!r)
		r = posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	if (!r)
		r = posix_spawn(&pid, m->argv[0], &fa, NULL, m->argv, m->envp);
	if (r)
		errx(1, "%s: %s", m->argv[0], strerror(r));
	(void)posix_spawn_file_actions_destroy(&fa);
	return pid;
}

static void complain(const struct call *call, int status, const char *out)
{
	static unsigned int shown;

	if (__atomic_fetch_add(&shown, 1, __ATOMIC_RELAXED) < SHOWN_ERRORS)
		warnx("%s %s %u: status %#x: %s", call->c->name,
		      verb_name(call->verb), call->id, (unsigned)status, out);
}

static void keep_result(const struct call *call, const char *out)
{
	char **at = &call->c->results[call->slot];

	free(*at);
	*at = strdup(out);
}

/* The whole of a call: from before the process is made until it is reaped and
 * its answer is read. */
static struct sample run_part(const struct call *call, unsigned int part)
{
	static __thread char out[TEXT_SIZE];
	static __thread struct image m;
	struct sample s = { 0 };
	struct rusage usage;
	int in[2], outp[2], status = -1;
	size_t len = 0;
	ssize_t n;
	double start;
	pid_t pid;

	image_make(call, part, &m);
	if (call->c->put_file)
		write_file(call->c->put_file, call->c->put_text);
	if (pipe2(in, O_CLOEXEC) || pipe2(outp, O_CLOEXEC))
		err(1, "pipe");
	start = now();
	if (write(in[1], m.in, strlen(m.in)) < 0 || close(in[1]))
		err(1, "stdin");
	pid = image_spawn(&m, in[0], outp[1]);
	(void)close(in[0]);
	(void)close(outp[1]);
	while (len < sizeof(out) - 1 &&
	       (n = read(outp[0], out + len, sizeof(out) - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	(void)wait4(pid, &status, 0, &usage);
	s.wall = now() - start;
	s.cpu = cpu_of(&usage);
	s.failed = status != 0;
	(void)close(outp[0]);

	if (s.failed)
		complain(call, status, out);
	if (call->verb == 'A' && !s.failed && !call->forget)
		keep_result(call, out);
	return s;
}

/* The plugins of a chain one after the other, DEL from its end. */
static struct sample run(const struct call *call)
{
	const unsigned int n = call->c->n_parts;
	struct sample all = { 0 };

	for (unsigned int i = 0; i < n && !all.failed; i++) {
		const struct sample s =
			run_part(call, call->verb == 'D' ? n - 1 - i : i);

		all.wall += s.wall;
		all.cpu += s.cpu;
		all.failed = s.failed;
	}
	return all;
}

/* Waits for the children that calls have left behind; returns their CPU time. */
static double settle(void)
{
	struct rusage usage;
	double cpu = 0;

	while (wait4(-1, NULL, 0, &usage) > 0 || errno == EINTR)
		cpu += cpu_of(&usage);
	return cpu;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Percentiles of those calls that succeeded. */
static void print_samples(const char *test, const struct contender *c,
			  char verb, const struct sample *s, unsigned int n)
{
	double *wall = calloc(n + 1, sizeof(*wall));
	double *cpu = calloc(n + 1, sizeof(*cpu));
	unsigned int good = 0;

	if (!wall || !cpu)
		err(1, "samples");
	for (unsigned int i = 0; i < n; i++) {
		if (s[i].failed)
			continue;
		wall[good] = s[i].wall;
		cpu[good++] = s[i].cpu;
	}
	qsort(wall, good, sizeof(*wall), compare);
	qsort(cpu, good, sizeof(*cpu), compare);
	(void)printf("{\"test\":\"%s\",\"name\":\"%s\",\"verb\":\"%s\","
		     "\"runs\":%u,\"failed\":%u,\"min\":%.0f,\"p10\":%.0f,"
		     "\"p50\":%.0f,\"p99\":%.0f,\"cpu\":%.0f}\n",
		     test, c->name, verb_name(verb), n, n - good, wall[0],
		     wall[good / 10], wall[good / 2], wall[good * 99 / 100],
		     cpu[good / 2]);
	free(wall);
	free(cpu);
}

/* One contender's verbs, one after the other. */
static void lap(const struct contender *c, unsigned int id,
		struct sample *const s[], unsigned int at)
{
	for (unsigned int v = 0; c->verbs[v]; v++) {
		const struct call call = { .c = c,
					   .verb = c->verbs[v],
					   .id = id };
		struct sample one = run(&call);

		one.cpu += settle();
		if (s)
			s[v][at] = one;
		if (one.failed && call.verb == 'A')
			errx(1, "%s: ADD failed", c->name);
	}
}

static void race_latency(unsigned int runs, struct contender *const c[],
			 unsigned int n)
{
	struct sample *s[MAX_CONTENDERS][8] = { 0 };

	for (unsigned int k = 0; k < n; k++)
		for (unsigned int v = 0; v < 8 && c[k]->verbs[v]; v++) {
			s[k][v] = calloc(runs, sizeof(**s[k]));
			if (!s[k][v])
				err(1, "samples");
		}
	for (unsigned int i = 0; i < WARM_UP; i++)
		for (unsigned int k = 0; k < n; k++)
			lap(c[k], i, NULL, 0);
	for (unsigned int i = 0; i < runs; i++)
		for (unsigned int k = 0; k < n; k++)
			lap(c[(i + k) % n], i + WARM_UP, s[(i + k) % n], i);
	for (unsigned int k = 0; k < n; k++)
		for (unsigned int v = 0; v < 8 && s[k][v]; v++) {
			print_samples("latency", c[k], c[k]->verbs[v], s[k][v],
				      runs);
			free(s[k][v]);
		}
}

struct phase {
	const struct contender *c;
	char verb;
	bool fill; /* in one namespace, and the results do not matter */
	unsigned int n, next, failed;
};

static void *work(void *arg)
{
	struct phase *p = arg;
	unsigned int i;

	while ((i = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED)) < p->n) {
		const struct call call = {
			.c = p->c,
			.verb = p->verb,
			.slot = p->fill ? 0 : i,
			.id = p->fill ? FILL_ID + i : i,
			.forget = p->fill,
		};

		if (run(&call).failed)
			__atomic_fetch_add(&p->failed, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Return: how long all attachments took, without what DELs left behind */
static double phase_run(struct phase *p, unsigned int workers)
{
	pthread_t t[MAX_WORKERS];
	const double start = now();
	double took;

	for (unsigned int i = 0; i < workers; i++)
		if (pthread_create(&t[i], NULL, work, p))
			errx(1, "no thread");
	for (unsigned int i = 0; i < workers; i++)
		(void)pthread_join(t[i], NULL);
	took = now() - start;
	(void)settle();
	return took;
}

/* Attachments a second: the best round of each, as p10 is for single calls. */
static void race_parallel(unsigned int n, unsigned int workers,
			  unsigned int rounds, struct contender *const c[],
			  unsigned int n_contenders)
{
	double best[MAX_CONTENDERS][2] = { 0 };
	unsigned int failed[MAX_CONTENDERS][2] = { 0 };

	for (unsigned int i = 0; i < rounds; i++)
		for (unsigned int k = 0; k < n_contenders; k++)
			for (unsigned int v = 0; v < 2; v++) {
				struct phase p = { .c = c[k],
						   .verb = "AD"[v],
						   .n = n };
				const double rate =
					n / phase_run(&p, workers) * 1e6;

				failed[k][v] += p.failed;
				if (rate > best[k][v])
					best[k][v] = rate;
			}
	for (unsigned int k = 0; k < n_contenders; k++)
		for (unsigned int v = 0; v < 2; v++)
			(void)printf("{\"test\":\"parallel\",\"name\":\"%s\","
				     "\"verb\":\"%s\",\"workers\":%u,"
				     "\"per_second\":%.0f,\"failed\":%u}\n",
				     c[k]->name, verb_name("AD"[v]), workers,
				     best[k][v], failed[k][v]);
}

static void race_fill(unsigned int n, unsigned int workers, struct contender *c)
{
	struct phase p = { .c = c, .verb = 'A', .n = n, .fill = true };
	const double took = phase_run(&p, workers);

	(void)printf("{\"test\":\"fill\",\"name\":\"%s\",\"n\":%u,"
		     "\"failed\":%u,\"per_second\":%.0f}\n",
		     c->name, n, p.failed, n / took * 1e6);
}

static long peak_of(pid_t pid)
{
	char name[64], line[128];
	long peak = 0;
	FILE *f;

	(void)snprintf(name, sizeof(name), "/proc/%d/status", (int)pid);
	f = fopen(name, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmHWM:", 6))
			peak = strtol(line + 6, NULL, 10);
	if (f)
		(void)fclose(f);
	return peak;
}

__attribute__((noreturn)) static void traced(struct image *m, int in, int out)
{
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP))
		_exit(126);
	(void)execve(m->argv[0], m->argv, m->envp);
	_exit(127);
}

/* Lets a process and all that it makes run; each is asked as it exits. The
 * ru_maxrss of wait4() would be its maker's: exec keeps it. */
static long follow(pid_t pid)
{
	const unsigned long options = PTRACE_O_TRACEEXIT | PTRACE_O_TRACEFORK |
				      PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	long peak = 0;
	pid_t who;
	int status;

	if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, options) < 0)
		err(1, "trace");
	(void)ptrace(PTRACE_CONT, pid, NULL, 0UL);
	while ((who = waitpid(-1, &status, __WALL)) > 0) {
		unsigned long sig = 0;

		if (!WIFSTOPPED(status))
			continue;
		if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXIT << 8))) {
			const long one = peak_of(who);

			peak = one > peak ? one : peak;
		} else if (status >> 16 == 0 && WSTOPSIG(status) != SIGSTOP &&
			   WSTOPSIG(status) != SIGTRAP) {
			sig = (unsigned long)WSTOPSIG(status);
		}
		(void)ptrace(PTRACE_CONT, who, NULL, sig);
	}
	return peak;
}

static long peak_memory(const struct call *call)
{
	static struct image m;
	char out[TEXT_SIZE];
	ssize_t n;
	int in[2], outp[2];
	long peak;
	pid_t pid;

	image_make(call, 0, &m);
	if (pipe2(in, O_CLOEXEC) || pipe2(outp, O_CLOEXEC) ||
	    write(in[1], m.in, strlen(m.in)) < 0 || close(in[1]))
		err(1, "pipe");
	pid = fork();
	if (!pid)
		traced(&m, in[0], outp[1]);
	if (pid < 0)
		err(1, "fork");
	(void)close(in[0]);
	(void)close(outp[1]);
	peak = follow(pid);
	n = read(outp[0], out, sizeof(out) - 1);
	(void)close(outp[0]);
	out[n > 0 ? n : 0] = '\0';
	if (call->verb == 'A')
		keep_result(call, out);
	return peak;
}

static void race_memory(struct contender *const c[], unsigned int n)
{
	for (unsigned int k = 0; k < n; k++)
		for (const char *v = c[k]->verbs; *v; v++) {
			const struct call call = { .c = c[k], .verb = *v };

			(void)printf("{\"test\":\"memory\",\"name\":\"%s\","
				     "\"verb\":\"%s\",\"peak\":%ld}\n",
				     c[k]->name, verb_name(*v),
				     peak_memory(&call));
		}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct contender *c[MAX_CONTENDERS];
	unsigned int args[3] = { 0 }, n = 0, slots;
	const int n_args = !strcmp(what, "latency")    ? 1
			   : !strcmp(what, "parallel") ? 3
			   : !strcmp(what, "fill")     ? 2
						       : 0;

	if (argc < 3 + n_args || argc - 2 - n_args > MAX_CONTENDERS)
		errx(2, "see the head of race.c");
	(void)signal(SIGPIPE, SIG_IGN);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1UL) < 0)
		err(1, "reap orphans");
	for (int i = 0; i < n_args; i++)
		args[i] = number(argv[2 + i]);
	if (args[1] > MAX_WORKERS)
		errx(2, "at most %d workers", MAX_WORKERS);
	slots = n_args == 3 ? args[0] : 1;
	for (int i = 2 + n_args; i < argc; i++)
		c[n++] = contender_parse(argv[i], slots);

	if (n_args == 1)
		race_latency(args[0], c, n);
	else if (n_args == 3)
		race_parallel(args[0], args[1], args[2], c, n);
	else if (n_args == 2)
		race_fill(args[0], args[1], c[0]);
	else
		race_memory(c, n);

	for (unsigned int k = 0; k < n; k++)
		drop_netns(c[k], slots);
	return 0;
}
