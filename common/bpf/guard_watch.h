/* SPDX-License-Identifier: Apache-2.0 */
/* guard_watch.h - hear of what the guard does not let pass. */
#ifndef WEFT_BPF_GUARD_WATCH_H
#define WEFT_BPF_GUARD_WATCH_H

#include "bpf/guard.h"
#include "bpf/map.h"

#define GUARD_RING (256U * 1024) /* bytes: some 1,400 events */

/* What a watcher's ring is made as. */
extern const struct bpf_map_def guard_ring;

/**
 * struct guard_watch - One who listens, of at most GUARD_WATCHING
 * @g:		The guard
 * @shared:	Who else does; shared with the programs
 * @slot:	Which of them it is; GUARD_WATCHING: none yet
 * @until:	What it has said last
 * @ring:	Descriptor, to poll for
 * @read:	How far it has read; shared with the kernel, as is
 * @written:	how far it was written
 * @events:	Behind that, what has been written
 * @mapped:	@written and @events
 * @lost:	How many it has been told of
 */
struct guard_watch {
	const struct guard *g;
	struct guard_watched *shared;
	uint32_t slot;
	uint64_t until;
	int ring;
	__u64 *read;
	const __u64 *written;
	const uint8_t *events;
	void *mapped;
	uint64_t lost;
};

#define GUARD_WATCH_NONE                            \
	{                                           \
		.slot = GUARD_WATCHING, .ring = -1, \
	}

/**
 * guard_watch_open() - Begin to listen
 * @g:		Of guard_find(); longer there than @ret
 * @ret:	guard_watch_close(), also after a failure
 * @err:	CNI_E_RETRY: GUARD_WATCHING others do
 *
 * Who is killed counts as gone after GUARD_WATCH_S seconds; its ring stays until
 * the next one comes.
 *
 * Source: the layout of the ring is kernel/bpf/ringbuf.c's, as
 * Documentation/bpf/ringbuf.rst has it.
 *
 * Return: 0 or a negative errno
 */
int guard_watch_open(const struct guard *g, struct guard_watch *ret,
		     struct cni_err *err);

enum { GUARD_WATCH_S = 4 };

/**
 * guard_watch_stay() - Say that one is still there; at least once a second
 * @w:		The watch
 * @ret_lost:	How many more events there was no room for, since the last call
 * @err:	-ESTALE: it was not said for too long, and another has the place
 *
 * Return: 0 or a negative errno
 */
int guard_watch_stay(struct guard_watch *w, uint64_t *ret_lost,
		     struct cni_err *err);

/**
 * guard_watch_next() - The next event, if there is one
 *
 * Return: true, or false if none is there: poll @w->ring for POLLIN
 */
bool guard_watch_next(struct guard_watch *w, struct guard_event *ret);

void guard_watch_close(struct guard_watch *w);

#define cleanup_watch CLEANUP(guard_watch_close)

#endif
