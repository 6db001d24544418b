/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/guard_watch.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum { HEADER = 8 }; /* before each event; events are at multiples of it */

#define NS 1000000000ULL

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

static uint64_t load(const __u64 *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static int say(int r, const char *what, struct cni_err *err)
{
	return err_set(err, CNI_E_KERNEL, -r, "guard: watch: %s", what);
}

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int share(struct guard_watch *w, struct cni_err *err)
{
	void *p = mmap(NULL, sizeof(*w->shared), PROT_READ | PROT_WRITE,
		       MAP_SHARED, w->g->map[GUARD_WATCHED], 0);

	if (p == MAP_FAILED)
		return say(-errno, "who else is there", err);
	w->shared = p;
	return 0;
}

/* One page that is ours to write, one of the kernel's, and the events twice, one
 * copy behind the other: none is cut by the end. */
static int make_ring(struct guard_watch *w, struct cni_err *err)
{
	void *p;

	w->ring = bpf_map_make(&guard_ring);
	if (w->ring < 0)
		return say(w->ring, "make a ring", err);
	p = mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_SHARED, w->ring, 0);
	if (p == MAP_FAILED)
		return say(-errno, "map a ring", err);
	w->read = p;
	p = mmap(NULL, page() + 2 * (size_t)GUARD_RING, PROT_READ, MAP_SHARED,
		 w->ring, (off_t)page());
	if (p == MAP_FAILED)
		return say(-errno, "map a ring's events", err);
	w->mapped = p;
	w->written = p;
	w->events = (const uint8_t *)p + page();
	return 0;
}

/* Looked for first: removing waits for every CPU, also where there is none. */
static int forget_ring(const struct guard_watch *w, uint32_t slot)
{
	const int map = w->g->map[GUARD_WATCHERS];
	uint32_t id;
	int r = bpf_map_get(map, &slot, &id);

	if (!r)
		r = bpf_map_remove(map, &slot);
	return r == -ENOENT ? 0 : r;
}

static void extend(struct guard_watch *w, uint64_t until)
{
	__u64 last = load(&w->shared->until);

	w->until = until;
	__atomic_store_n(&w->shared->by[w->slot].until, until,
			 __ATOMIC_RELEASE);
	while (last < until && !__atomic_compare_exchange_n(
				       &w->shared->until, &last, until, false,
				       __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
		;
}

/* The first that nobody has; of others who are gone the rings go, too. */
static int take_place(struct guard_watch *w, struct cni_err *err)
{
	const uint64_t now = now_ns();
	int r = 0;

	for (uint32_t i = GUARD_WATCHING; !r && i-- > 0;) {
		if (load(&w->shared->by[i].until) > now)
			continue;
		w->slot = i;
		r = forget_ring(w, i);
	}
	if (r < 0)
		return say(r, "forget who is gone", err);
	if (w->slot == GUARD_WATCHING)
		return err_say(err, CNI_E_RETRY, EBUSY,
			       "guard: %d others watch already",
			       GUARD_WATCHING);
	r = bpf_map_put(w->g->map[GUARD_WATCHERS], &w->slot, &w->ring, BPF_ANY);
	if (r < 0) {
		w->slot = GUARD_WATCHING;
		return say(r, "begin", err);
	}
	w->lost = load(&w->shared->by[w->slot].lost);
	extend(w, now + GUARD_WATCH_S * NS);
	return 0;
}

int guard_watch_open(const struct guard *g, struct guard_watch *ret,
		     struct cni_err *err)
{
	cleanup_close int lock = -1;
	int r;

	*ret = (struct guard_watch)GUARD_WATCH_NONE;
	ret->g = g;
	r = share(ret, err);
	if (!r)
		r = make_ring(ret, err);
	if (!r)
		r = guard_lock(&lock, err);
	return r ? r : take_place(ret, err);
}

int guard_watch_stay(struct guard_watch *w, uint64_t *ret_lost,
		     struct cni_err *err)
{
	const struct guard_watcher *own = &w->shared->by[w->slot];
	const uint64_t lost = load(&own->lost);

	if (load(&own->until) != w->until) {
		w->slot = GUARD_WATCHING;
		return err_say(
			err, CNI_E_RETRY, ESTALE,
			"guard: stopped for more than %d s, and another watches now in its place",
			GUARD_WATCH_S);
	}
	*ret_lost = lost - w->lost;
	w->lost = lost;
	extend(w, now_ns() + GUARD_WATCH_S * NS);
	return 0;
}

bool guard_watch_next(struct guard_watch *w, struct guard_event *ret)
{
	const uint64_t at = *w->read;
	const uint8_t *header = w->events + (at & (GUARD_RING - 1));
	uint32_t len;

	if (at >= load(w->written))
		return false;
	len = __atomic_load_n((const uint32_t *)(const void *)header,
			      __ATOMIC_ACQUIRE);
	/* Being written: it is told when it is whole. */
	if (len & BPF_RINGBUF_BUSY_BIT)
		return false;
	memcpy(ret, header + HEADER, sizeof(*ret));
	__atomic_store_n(w->read,
			 at + HEADER +
				 (sizeof(*ret) + HEADER - 1) / HEADER * HEADER,
			 __ATOMIC_RELEASE);
	return true;
}

/* Its place is given up first: nothing is put into a ring that is going. */
void guard_watch_close(struct guard_watch *w)
{
	if (w->slot < GUARD_WATCHING &&
	    load(&w->shared->by[w->slot].until) == w->until) {
		__atomic_store_n(&w->shared->by[w->slot].until, 0,
				 __ATOMIC_RELEASE);
		(void)forget_ring(w, w->slot);
	}
	if (w->mapped)
		(void)munmap(w->mapped, page() + 2 * (size_t)GUARD_RING);
	if (w->read)
		(void)munmap(w->read, page());
	if (w->shared)
		(void)munmap(w->shared, sizeof(*w->shared));
	closep(&w->ring);
	*w = (struct guard_watch)GUARD_WATCH_NONE;
}
