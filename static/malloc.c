/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc.c - memory for a process that lives for a millisecond.
 *
 * musl's gives a freed page back to the kernel and fetches it for the next
 * object of that size: 12 % of an ADD, 20 % of a CHECK. Here a small block keeps
 * its size for good and waits in a list for the next of that size; a large one
 * is the kernel's. One thread; beyond 16 bytes nothing is aligned.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	UNIT = 16,
	EXACT = 1024,	    /* multiples of UNIT up to here, */
	SMALL = 128 * 1024, /* then powers of two up to here */
	CLASSES = EXACT / UNIT + 1 + 7,
	ARENA = 64 * 1024,
	CHUNK = 256 * 1024,
	LIVE = 0x6c697665,   /* tells a live block from what is none */
	MAPPED = 0x6d617070, /* and from a mapping of its own */
};

struct block {
	uint32_t state;
	uint32_t class;
	size_t size; /* what the caller can use */

	union {
		struct block *next; /* while it is free */
		max_align_t user[1];
	};
};

#define HEADER offsetof(struct block, user)
_Static_assert(HEADER == UNIT, "what follows the header is aligned");

static char arena[ARENA] __attribute__((aligned(UNIT)));
static char *unused = arena, *end = arena + sizeof(arena);
static struct block *lists[CLASSES];

static struct block *block_of(void *p)
{
	return (struct block *)(void *)((char *)p - HEADER);
}

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Rounds @size up to its class's. */
static uint32_t class_of(size_t *size)
{
	uint32_t class = EXACT / UNIT + 1;

	if (*size <= EXACT) {
		*size = (*size + UNIT - 1) & -(size_t)UNIT;
		return (uint32_t)(*size / UNIT);
	}
	for (size_t power = 2 * (size_t)EXACT; power < *size; power *= 2)
		class ++;
	*size = (size_t)2 * EXACT << (class - EXACT / UNIT - 1);
	return class;
}

static void *take_mapped(size_t size)
{
	struct block *b =
		size <= PTRDIFF_MAX - HEADER ? map(HEADER + size) : NULL;

	if (!b) {
		errno = ENOMEM;
		return NULL;
	}
	b->state = MAPPED;
	b->size = size;
	return b->user;
}

/* From the end of what is there, which the kernel has zeroed. */
static struct block *take_unused(size_t size)
{
	struct block *b;

	if ((size_t)(end - unused) < HEADER + size) {
		char *more = map(CHUNK);

		if (!more)
			return NULL;
		unused = more;
		end = more + CHUNK;
	}
	b = (struct block *)(void *)unused;
	unused += HEADER + size;
	return b;
}

/* Apart from malloc(), of which a compiler makes calloc() where zeros follow. */
static void *take(size_t size)
{
	struct block *b;
	uint32_t class;

	if (size > SMALL)
		return take_mapped(size);
	size = size ? size : 1;
	class = class_of(&size);
	b = lists[class];
	if (b)
		lists[class] = b->next;
	else
		b = take_unused(size);
	if (!b) {
		errno = ENOMEM;
		return NULL;
	}
	b->state = LIVE;
	b->class = class;
	b->size = size;
	return b->user;
}

/* The header's names of the parameters are reserved ones. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
void *malloc(size_t size)
{
	return take(size);
}

void free(void *p)
{
	struct block *b = p ? block_of(p) : NULL;

	if (!b)
		return;
	if (b->state == MAPPED) {
		const int errnum = errno; /* POSIX.1-2024: free() keeps it */

		(void)munmap(b, HEADER + b->size);
		errno = errnum;
		return;
	}
	if (b->state != LIVE)
		abort(); /* freed before, or overwritten */
	b->state = 0;
	b->next = lists[b->class];
	lists[b->class] = b;
}

void *calloc(size_t n, size_t size)
{
	void *p;

	if (__builtin_mul_overflow(n, size, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	p = take(size);
	if (p && size <= SMALL)
		memset(p, 0, size);
	return p;
}

void *realloc(void *p, size_t size)
{
	void *more;

	if (p && size && block_of(p)->size >= size)
		return p;
	more = take(size);
	if (more && p) {
		const size_t had = block_of(p)->size;

		memcpy(more, p, had < size ? had : size);
		free(p);
	}
	return more;
}

/* Or libc's own would come along, whose blocks are not ours. */
void *aligned_alloc(size_t align, size_t size)
{
	if (align <= UNIT)
		return take(size);
	errno = EINVAL;
	return NULL;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
