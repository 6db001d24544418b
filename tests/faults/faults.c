/* SPDX-License-Identifier: Apache-2.0 */
/* faults.c - break every system call and allocation of a plugin, once. */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "calls.h"
#include "fail_alloc.h"
#include "scenarios.h"
#include "state.h"
#include "trace.h"
#include "world.h"

/* Of one scenario. */
struct sweep {
	const struct scenario *s;
	struct state before, clean; /* at least, at most */
	char prev[16384];	    /* the guest's ADD */
	unsigned long planned, injected, leaks, wrong, foreign;
};

static unsigned long all_injected, all_leaks, all_wrong, all_differ;
static unsigned int step = 1, at_step; /* every step-th fault */
static struct trace t;
static struct fail_alloc *allocs;
static int allocs_fd;

static struct request request(const struct sweep *w, const char *verb)
{
	return (struct request){ .setup = w->s->setup,
				 .verb = verb,
				 .id = GUEST,
				 .prev = !strcmp(verb, "CHECK") ? w->prev
								: NULL,
				 .more = !strcmp(verb, "DEL") ? EVENT : NULL,
				 .alloc = -1 };
}

/* A command may print what it likes. */
static bool is_success(const struct sweep *w, const struct answer *a,
		       const char *verb)
{
	if (world_is_run(w->s->setup))
		return WIFEXITED(a->status) && !WEXITSTATUS(a->status);
	return answer_is_success(a, verb);
}

static bool call(const struct sweep *w, const char *verb, struct answer *ret)
{
	const struct request r = request(w, verb);

	if (world_is_run(w->s->setup) && !strcmp(verb, "CHECK"))
		return true;
	world_call(&r, ret);
	if (is_success(w, ret, verb))
		return true;
	printf("#   %s: status %x %s%s\n", verb, (unsigned)ret->status,
	       ret->out, ret->log);
	return false;
}

static void must_call(struct sweep *w, const char *verb)
{
	struct answer a;

	if (!call(w, verb, &a))
		errx(2, "%s: %s fails undisturbed", w->s->name, verb);
	if (!strcmp(verb, "ADD"))
		(void)snprintf(w->prev, sizeof(w->prev), "%s", a.out);
}

/* What may be there for a while: a hint of our IPAM that no lease confirms,
 * until the next DEL, which a run's guest may not need; a bridge, or a gateway's device in a VLAN, that is not
 * marked yet, until the next ADD; the addresses that tap-vm takes from eth0. */
static bool is_passing(const char *line, bool after_del)
{
	static const char bridge[] = "device in 0: br0 bridge";
	static const char gateway[] = "device in 0: br0.100 vlan";
	static const char given[] = "address in 2: eth0 ";

	return (!after_del && strstr(line, "/.weft/net1/")) ||
	       !strncmp(line, given, strlen(given)) ||
	       ((!strncmp(line, bridge, strlen(bridge)) ||
		 !strncmp(line, gateway, strlen(gateway))) &&
		!strcmp(line + strlen(line) - strlen(" alias "), " alias "));
}

static bool is_left(const struct sweep *w, char *line, bool after_del,
		    const char *when)
{
	const struct state one = { &line, 1 };
	const bool is_last = after_del && !world_is_run(w->s->setup);

	return !is_passing(line, is_last) &&
	       !state_has_all(&w->clean, &one, when);
}

/* A hint that GC could not read is a hint less, no lease. */
static bool is_gone(const struct state *now, char *line, const char *when)
{
	const struct state one = { &line, 1 };

	return !is_passing(line, false) &&
	       !state_has_all(now, &one, when ? "gone" : NULL);
}

/* Nothing is left, and nothing of others is gone? */
static bool is_clean(const struct sweep *w, bool after_del, const char *when)
{
	struct state now;
	bool right;

	state_read(&now);
	right = true;
	for (size_t i = 0; i < w->before.n; i++)
		right &= !is_gone(&now, w->before.lines[i], when);
	for (size_t i = 0; i < now.n; i++)
		right &= !is_left(w, now.lines[i], after_del, when);
	state_free(&now);
	return right;
}

/* The state that the fault happens in. */
static void set_the_scene(struct sweep *w)
{
	if (w->s->is_fresh)
		world_forget(w->s->setup->is_first);
	world_give_addresses(w->s->setup);
	if (strcmp(w->s->verb, "ADD") != 0)
		must_call(w, "ADD");
}

static void build(struct sweep *w)
{
	world_build(w->s->setup, w->s->is_fresh);
	must_call(w, "ADD");
	must_call(w, "DEL");
	state_free(&w->clean);
	state_read(&w->clean);
	if (w->s->is_fresh)
		world_forget(w->s->setup->is_first);
	state_free(&w->before);
	state_read(&w->before);
}

/* The call said that it succeeded: has it? */
static bool is_done(struct sweep *w, const struct answer *a)
{
	struct answer ignored;

	if (!is_success(w, a, w->s->verb))
		return false;
	if (world_is_run(w->s->setup))
		return is_clean(w, false, "left after success");
	if (!strcmp(w->s->verb, "ADD"))
		(void)snprintf(w->prev, sizeof(w->prev), "%s", a->out);
	if (!strcmp(w->s->verb, "ADD") || !strcmp(w->s->verb, "CHECK"))
		return call(w, "CHECK", &ignored);
	return is_clean(w, false, "left after success");
}

/* Neither killed nor a success: what did it say, what did an ADD undo? */
static bool is_right_failure(struct sweep *w, const struct answer *a,
			     bool may_be_killed, bool undoes)
{
	struct answer ignored;

	if (world_is_run(w->s->setup))
		return answer_is_run_error(a, may_be_killed);
	if (!answer_is_error(a))
		return false;
	if (!strcmp(w->s->verb, "CHECK"))
		return call(w, "CHECK", &ignored);
	return !undoes || strcmp(w->s->verb, "ADD") != 0 ||
	       is_clean(w, false, "left by a failed ADD");
}

/* Whatever a failed ADD has left of its network, the next one completes. */
static bool goes_on(struct sweep *w)
{
	struct answer a;
	struct state now;
	bool right;

	if (!call(w, "ADD", &a))
		return false;
	(void)snprintf(w->prev, sizeof(w->prev), "%s", a.out);
	right = call(w, "CHECK", &a) & call(w, "DEL", &a);
	state_read(&now);
	right &= state_has_all(&w->clean, &now, "left after the next ADD") &
		 state_has_all(&now, &w->clean, "gone after the next ADD");
	state_free(&now);
	return right;
}

/* What the plugin said, then one DEL. */
static bool judge(struct sweep *w, const struct answer *a, bool may_be_killed,
		  bool undoes)
{
	struct answer del;
	bool right;

	if (WIFSIGNALED(a->status))
		right = may_be_killed && WTERMSIG(a->status) == SIGKILL;
	else if (!WEXITSTATUS(a->status))
		right = is_done(w, a);
	else
		right = is_right_failure(w, a, may_be_killed, undoes);
	right &= call(w, "DEL", &del);
	if (!is_clean(w, true, "left")) {
		w->leaks++;
		return false;
	}
	return right && (strcmp(w->s->verb, "ADD") != 0 || goes_on(w));
}

static void tell(const struct sweep *w, const char *what,
		 const struct answer *a)
{
	printf("# %s: %s: status %x\n#   %s\n#   %s\n", w->s->name, what,
	       (unsigned)a->status, a->out, a->log);
}

static void describe(const struct image *i, const struct fault *f, char *buf,
		     size_t size)
{
	const struct call_info *c = call_find(i->nr[f->call - 1]);

	(void)snprintf(buf, size, "%s: call %u, %s, %s", i->name, f->call,
		       c->name,
		       f->kind == FAULT_ERROR	      ? strerror(f->error)
		       : f->kind == FAULT_KILL_BEFORE ? "killed before"
						      : "killed after");
}

/* The reference loses leases, so only what is ours counts. */
static bool judge_foreign(struct sweep *w, const struct answer *a)
{
	const unsigned long leaks = w->leaks, wrong = w->wrong;
	const bool right =
		answer_is_error(a) || answer_is_success(a, w->s->verb);
	struct answer del;
	struct state now;
	bool left = false;

	(void)call(w, "DEL", &del);
	state_read(&now);
	for (size_t i = 0; i < now.n; i++) {
		if (strncmp(now.lines[i], "file: /var/lib/cni", 18) != 0)
			left |= is_left(w, now.lines[i], true, "left");
		else if (is_left(w, now.lines[i], true, NULL))
			w->foreign++;
	}
	state_free(&now);
	w->leaks = leaks + left;
	w->wrong = wrong;
	build(w);
	return right && !left;
}

/* Another event on the host may add or save a call: then once more. */
static bool break_it(struct sweep *w, const struct image *i,
		     const struct fault *f, struct answer *ret)
{
	struct request r;
	struct answer ignored;

	for (int tries = 0; tries < 20; tries++) {
		if (tries)
			(void)call(w, "DEL", &ignored);
		/* What an earlier fault has left in another order. */
		if (tries == 10)
			build(w);
		set_the_scene(w);
		r = request(w, w->s->verb);
		if (w->s->more)
			r.more = w->s->more;
		trace_run(world_prepare(&r), f, &t);
		world_answer(t.status, ret);
		if (t.injected == i->nr[f->call - 1])
			return true;
	}
	return false;
}

/* Of a sample; what takes several processes takes longer, and adds little. */
static bool is_passed_over(const struct sweep *w)
{
	const unsigned int often =
		step > 1 && world_is_run(w->s->setup) ? 4 : 1;

	return at_step++ % (step * often);
}

static void inject(struct sweep *w, const struct image *i,
		   const struct fault *f)
{
	char what[256];
	struct answer a;
	bool right;

	if (is_passed_over(w))
		return;
	w->planned++;
	describe(i, f, what, sizeof(what));
	if (break_it(w, i, f, &a))
		w->injected++;
	else
		printf("# %s: %s: not injected\n", w->s->name, what);
	right = i->is_foreign ? judge_foreign(w, &a)
			      : judge(w, &a, f->kind != FAULT_ERROR, true);
	if (right && !t.hung)
		return;
	w->wrong++;
	tell(w, what, &a);
	build(w);
}

static void inject_each(struct sweep *w, const struct image *i, struct fault f)
{
	const struct call_info *c = call_find(i->nr[f.call - 1]);

	if (!c)
		errx(2, "tests/faults/calls.c lacks call %d",
		     i->nr[f.call - 1]);
	f.kind = FAULT_KILL_BEFORE;
	inject(w, i, &f);
	f.kind = FAULT_KILL_AFTER;
	if (!c->no_return)
		inject(w, i, &f);
	f.kind = FAULT_ERROR;
	for (size_t e = 0; !i->is_foreign && c->errors[e]; e++) {
		f.error = c->errors[e];
		inject(w, i, &f);
	}
}

static void report(struct sweep *w, const char *name, unsigned int calls,
		   const char *unit)
{
	printf("# %-24s %-28s %4u %s, %4lu faults, %4lu injected\n", w->s->name,
	       name, calls, unit, w->planned, w->injected);
	all_injected += w->injected;
	all_differ += w->planned != w->injected;
	w->planned = w->injected = 0;
}

static void list_calls(struct sweep *w, struct trace *ret)
{
	static const struct fault none = { .kind = FAULT_NONE };
	struct request r;
	struct answer ignored;

	set_the_scene(w);
	r = request(w, w->s->verb);
	if (w->s->more)
		r.more = w->s->more;
	trace_run(world_prepare(&r), &none, ret);
	if (ret->status)
		errx(2, "%s fails when traced", w->s->name);
	(void)call(w, "DEL", &ignored);
}

static bool is_same(const struct trace *a, const struct trace *b)
{
	bool same = a->n_images == b->n_images;

	for (unsigned int i = 0; same && i < a->n_images; i++)
		same = a->images[i].n == b->images[i].n &&
		       !memcmp(a->images[i].nr, b->images[i].nr,
			       a->images[i].n * sizeof(a->images[i].nr[0]));
	return same;
}

static void sweep_calls(struct sweep *w)
{
	static struct trace whole;

	do {
		list_calls(w, &whole);
		list_calls(w, &t);
	} while (!is_same(&whole, &t));
	for (unsigned int i = 0; i < whole.n_images; i++) {
		const struct image *image = &whole.images[i];

		for (unsigned int k = 1; k <= image->n; k++)
			inject_each(w, image, (struct fault){ i, k, 0, 0 });
		report(w, image->name, image->n, "calls");
	}
}

static void fail_alloc(struct sweep *w, unsigned int at, bool ever_after)
{
	struct request r = request(w, w->s->verb);
	char what[64];
	struct answer a;

	if (at && is_passed_over(w))
		return;
	set_the_scene(w);
	if (w->s->more)
		r.more = w->s->more;
	r.alloc = allocs_fd;
	*allocs = (struct fail_alloc){ .at = at, .ever_after = ever_after };
	world_call(&r, &a);
	w->planned += !!at;
	w->injected += !!allocs->failed;
	if (judge(w, &a, false, !ever_after))
		return;
	(void)snprintf(what, sizeof(what), "allocation %u%s", at,
		       ever_after ? " and all after it" : "");
	tell(w, what, &a);
	w->wrong++;
	build(w);
}

static void sweep_allocs(struct sweep *w)
{
	unsigned int n;

	fail_alloc(w, 0, false);
	n = allocs->count;
	if (!n)
		printf("skip - allocations of %s: none is seen, a static "
		       "build?\n",
		       w->s->name);
	for (unsigned int i = 1; i <= n; i++) {
		fail_alloc(w, i, false);
		fail_alloc(w, i, true);
	}
	report(w, "(its libraries too)", n, "allocations");
}

static void sweep(const struct scenario *s, bool with_allocs)
{
	struct sweep w = { .s = s };
	const time_t start = time(NULL);

	build(&w);
	sweep_calls(&w);
	if (with_allocs)
		sweep_allocs(&w);
	if (!world_reap(true)) {
		printf("# %s: a process is left\n", s->name);
		w.leaks++;
	}
	if (w.foreign)
		printf("# %s: the reference lost %lu leases when killed\n",
		       s->name, w.foreign);
	printf("%s - %s: %lu leaks, %lu other faults not survived (%ld s)\n",
	       w.wrong + w.leaks ? "not ok" : "ok", s->name, w.leaks,
	       w.wrong > w.leaks ? w.wrong - w.leaks : 0, time(NULL) - start);
	all_leaks += w.leaks;
	all_wrong += w.wrong;
	state_free(&w.before);
	state_free(&w.clean);
}

/* What is known to leak must be seen to leak. */
static void control(void)
{
	static const struct scenario s = { &setup_reference, "control", "ADD",
					   NULL, true };
	static const struct fault none = { .kind = FAULT_NONE };
	struct sweep w = { .s = &s };
	const struct request r = request(&w, "ADD");
	struct fault f = { .kind = FAULT_KILL_BEFORE };
	struct answer ignored;
	int found = 0;

	build(&w);
	set_the_scene(&w);
	trace_run(world_prepare(&r), &none, &t);
	(void)call(&w, "DEL", &ignored);
	while (f.call < t.images[0].n && t.images[0].nr[f.call] != SYS_write)
		f.call++;
	f.call++;
	for (int i = 0; i < 5; i++) {
		set_the_scene(&w);
		trace_run(world_prepare(&r), &f, &t);
		(void)call(&w, "DEL", &ignored);
		found += t.injected == SYS_write && !is_clean(&w, true, NULL);
		build(&w);
	}
	printf("%s - the lease that the reference leaks is found %d times "
	       "of 5\n",
	       found == 5 ? "ok" : "not ok", found);
	all_wrong += found != 5;
	state_free(&w.before);
	state_free(&w.clean);
}

static void open_allocs(void)
{
	allocs_fd = memfd_create("allocations", 0);
	if (allocs_fd < 0 || ftruncate(allocs_fd, sizeof(*allocs)))
		err(2, "memfd_create");
	allocs = mmap(NULL, sizeof(*allocs), PROT_READ | PROT_WRITE, MAP_SHARED,
		      allocs_fd, 0);
	if (allocs == MAP_FAILED)
		err(2, "mmap");
}

static bool is_wanted(const char *name, char **words)
{
	if (!*words)
		return true;
	for (; *words; words++)
		if (strstr(name, *words))
			return true;
	return false;
}

/* Does the kernel filter VLANs? Said once. */
static bool has_vlans(const struct scenario *s)
{
	const struct sweep w = { .s = s };
	const struct request add = request(&w, "ADD");
	struct answer a;

	world_build(s->setup, true);
	world_call(&add, &a);
	if (!strstr(a.out, "with VLAN filtering: Operation not supported"))
		return true;
	printf("skip - %s: no bridge VLAN filtering in this kernel\n", s->name);
	return false;
}

int main(int argc, char **argv)
{
	static const char *const inside[] = { "/run/netns/" BYSTANDER,
					      "/run/netns/" GUEST, NULL };
	const char *where = "";
	int o;

	while ((o = getopt(argc, argv, "n:r:")) != -1)
		if (o == 'n')
			step = (unsigned)atoi(optarg);
		else if (o == 'r')
			where = optarg;
	if (argc - optind < 2 || !step)
		errx(2, "usage: faults [-n every n-th] [-r reference plugins] "
			"bin fail_alloc.so [scenario...]");
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	argv += optind;
	world_open(argv[0], where, argv[1]);
	state_open(inside);
	open_allocs();
	if (*where && is_wanted("control", argv + 2))
		control();
	for (size_t i = 0; i < n_scenarios; i++)
		if (is_wanted(scenarios[i].name, argv + 2) &&
		    (*where || (!scenarios[i].setup->is_foreign &&
				!scenarios[i].setup->maker)) &&
		    (scenarios[i].setup != &setup_vlan ||
		     has_vlans(&scenarios[i])))
			sweep(&scenarios[i], !scenarios[i].setup->is_foreign);
	world_build(&setup_veth, true);
	printf("# %lu faults injected, %lu images where some were not, "
	       "%lu wrong\n",
	       all_injected, all_differ, all_wrong);
	printf("%s - %lu leaks\n",
	       all_leaks + all_wrong + all_differ ? "not ok" : "ok", all_leaks);
	return all_leaks || all_wrong || all_differ;
}
