/* SPDX-License-Identifier: Apache-2.0 */
/* mem.h - scope-bound ownership: CLEANUP*, TAKE_*. */
#ifndef WEFT_BASE_MEM_H
#define WEFT_BASE_MEM_H

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((__cleanup__(fn)))

/* Defines fn##p(T *p), usable with CLEANUP(): runs fn on a non-NULL *p. */
#define DEFINE_CLEANUP(type, fn)          \
	static inline void fn##p(type *p) \
	{                                 \
		if (*p)                   \
			fn(*p);           \
	}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define cleanup_free CLEANUP(freep)
#define cleanup_close CLEANUP(closep)

/* Hand ownership on; the local's cleanup then does nothing. */
#define TAKE_PTR(p)                                   \
	({                                            \
		__typeof__(p) *_pp = &(p), _v = *_pp; \
		*_pp = NULL;                          \
		_v;                                   \
	})
#define TAKE_FD(fd)                          \
	({                                   \
		int *_pp = &(fd), _v = *_pp; \
		*_pp = -1;                   \
		_v;                          \
	})

#endif
