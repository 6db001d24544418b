/* SPDX-License-Identifier: Apache-2.0 */
/* weft run: a VM on networks, from a VMM's command line. */
#include "weft/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cni/args.h"
#include "net/netns.h"

/* The whole of one call. */
struct run {
	struct weft_args args;
	char id[24];
	struct run_space space;
	struct run_nic *nics;
	size_t n;
	char **argv;
	sigset_t mask;
};

static void run_free(struct run *x)
{
	for (size_t i = 0; i < x->n; i++)
		run_nic_free(&x->nics[i]);
	free(x->nics);
	for (char **w = x->argv; w && *w; w++)
		free(*w);
	free(x->argv);
	run_space_close(&x->space);
}

static int check_args(struct run *x, struct cni_err *err)
{
	const struct weft_args *a = &x->args;
	uint64_t random = 0;

	if (!a->command || !a->command[0])
		return err_say(err, CNI_E_ENV, EINVAL,
			       "run: no VMM: NETWORK... -- VMM ARGUMENT...");
	if (a->n > RUN_NETWORKS_MAX)
		return err_say(err, CNI_E_ENV, EINVAL,
			       "run: %zu networks, at most %d", a->n,
			       RUN_NETWORKS_MAX);
	if (!a->id) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return err_set(err, CNI_E_INTERNAL, errno, "getrandom");
		(void)snprintf(x->id, sizeof(x->id), "run-%016llx",
			       (unsigned long long)random);
		x->args.id = x->id;
	}
	/* A file's name as well as a container ID. */
	return cni_name_is_valid(x->args.id)
		       ? 0
		       : err_say(err, CNI_E_ENV, EINVAL,
				 "--id \"%s\": invalid characters", x->args.id);
}

/* All of them before any is attached: a wrong name costs nothing. */
static int load(struct run *x, struct cni_err *err)
{
	int r = 0;

	x->nics = calloc(x->args.n, sizeof(*x->nics));
	if (!x->nics)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "networks");
	for (x->n = 0; !r && x->n < x->args.n; x->n++)
		r = run_nic_load(&x->nics[x->n], &x->args, x->n, x->space.netns,
				 err);
	return r;
}

static bool uses(const struct run *x, enum run_key key, size_t nth)
{
	for (char *const *w = x->args.command; *w; w++)
		if (run_word_uses(*w, key, nth))
			return true;
	return false;
}

static int open_nic(struct run *x, size_t i, struct cni_err *err)
{
	const bool vhost = uses(x, RUN_VHOSTFDS, i);
	const bool fds = vhost || uses(x, RUN_FDS, i) || uses(x, RUN_FDLIST, i);
	int r = run_nic_open(&x->nics[i], x->args.queues, fds, vhost, err);

	return r ? r : run_nic_words(&x->nics[i], err);
}

static int expand(struct run *x, struct cni_err *err)
{
	struct run_values values[RUN_NETWORKS_MAX];
	size_t n = 0;
	int r = 0;

	while (x->args.command[n])
		n++;
	x->argv = calloc(n + 1, sizeof(*x->argv));
	if (!x->argv)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "command line");
	for (size_t i = 0; i < x->n; i++)
		values[i] = x->nics[i].words;
	for (size_t i = 0; !r && i < n; i++)
		r = run_word_expand(x->args.command[i], values, x->n,
				    &x->argv[i], err);
	return r;
}

/* Return: 0, the status 128 + N after signal N, or a negative errno */
static int attach(struct run *x, struct cni_err *err)
{
	int r = 0, s = 0;

	for (size_t i = 0; !r && !s && i < x->n; i++) {
		r = run_nic_attach(&x->nics[i], err);
		s = run_signals_pending();
	}
	for (size_t i = 0; !r && !s && i < x->n; i++)
		r = open_nic(x, i, err);
	if (!r && !s)
		r = expand(x, err);
	return r || !s ? r : 128 + s;
}

/* The last first, and on over what fails. */
static int detach(struct run *x, struct cni_err *err)
{
	struct cni_err one = CNI_ERR_INIT;
	int acc = 0;

	for (size_t i = x->n; i-- > 0;)
		acc = err_keep_first(err, &one,
				     run_nic_detach(&x->nics[i], &one), acc);
	return err_keep_first(err, &one, run_space_remove(&x->space, &one),
			      acc);
}

static int run_vm(struct run *x, struct cni_err *err)
{
	struct cni_err after = CNI_ERR_INIT;
	int r, gone;

	r = load(x, err);
	if (!r)
		r = run_space_clear(&x->space, x->args.id, x->args.cache_dir,
				    err);
	if (r < 0) {
		/* What is there lives, or is of another run; else nothing is. */
		(void)rmdir(x->space.path);
		return r;
	}
	r = netns_pin(x->space.netns, err);
	if (!r)
		r = attach(x, err);
	if (!r)
		r = run_vmm(x->argv, x->nics, x->n, &x->mask, err);
	gone = detach(x, &after);
	if (gone < 0 && !r) {
		*err = after;
		return gone;
	}
	if (gone < 0)
		(void)fprintf(stderr, "weft: %s\n", after.msg);
	return r;
}

/* `weft gc --orphans` looks at it for a moment. */
static int lock(struct run *x, struct cni_err *err)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };
	int r = run_space_lock(&x->space, x->args.id, err);

	for (int i = 0; r == -EBUSY && i < 5; i++) {
		(void)nanosleep(&tenth, NULL);
		r = run_space_lock(&x->space, x->args.id, err);
	}
	return r;
}

int weft_run(const struct weft_args *a, struct cni_err *err)
{
	CLEANUP(run_free) struct run x = { .args = *a, .space.dir = -1 };
	int r;

	if (a->print)
		return run_print(a, err);
	r = check_args(&x, err);
	if (r < 0)
		return r;
	run_signals_hold(&x.mask);
	r = lock(&x, err);
	return r ? r : run_vm(&x, err);
}
