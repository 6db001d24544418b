/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/blob.h"

#include <string.h>

enum { LABEL_MAX = 63, NAME_MAX_LEN = 253 };

void blob_fail(struct blob *o, int why)
{
	if (o->bad)
		return;
	o->bad = o->what;
	o->why = why;
}

void blob_put(struct blob *o, const void *from, size_t n)
{
	if (o->bad || n > o->max - o->len) {
		blob_fail(o, -E2BIG);
		return;
	}
	if (n)
		memcpy(o->b + o->len, from, n);
	o->len += n;
}

void blob_u8(struct blob *o, unsigned int v)
{
	const uint8_t b = (uint8_t)v;

	blob_put(o, &b, 1);
}

void blob_u16(struct blob *o, unsigned int v)
{
	blob_u8(o, v >> 8);
	blob_u8(o, v);
}

void blob_u32(struct blob *o, uint32_t v)
{
	blob_u16(o, v >> 16);
	blob_u16(o, v & 0xffff);
}

void blob_name(struct blob *o, const char *name)
{
	const size_t len = strlen(name);
	const char *p = name;

	if (!len || len > NAME_MAX_LEN) {
		blob_fail(o, -EINVAL);
		return;
	}
	while (*p) {
		const size_t n = strcspn(p, ".");

		if (!n || n > LABEL_MAX) {
			blob_fail(o, -EINVAL);
			return;
		}
		blob_u8(o, (unsigned int)n);
		blob_put(o, p, n);
		p += n;
		/* The last one may have a dot, too. */
		if (*p)
			p++;
	}
	blob_u8(o, 0);
}
