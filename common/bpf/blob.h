/* SPDX-License-Identifier: Apache-2.0 */
/* blob.h - bytes of a message, one after the other, as far as there is room;
 * the first thing that does not fit is remembered. Private to answers*.c. */
#ifndef WEFT_BPF_BLOB_H
#define WEFT_BPF_BLOB_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct answers;
struct cni_err;
struct guard_answer;

/**
 * struct blob - So far
 * @b:		The bytes,
 * @len:	so many,
 * @max:	of these
 * @open:	Where the length of what is being put stands
 * @what:	What that is
 * @bad:	What did not fit or cannot be said; NULL: nothing
 * @why:	-E2BIG or -EINVAL
 */
struct blob {
	uint8_t *b;
	size_t len, max, open;
	const char *what, *bad;
	int why;
};

/** blob_fail() - Remember that what is being put cannot be */
void blob_fail(struct blob *o, int why);

void blob_put(struct blob *o, const void *from, size_t n);
void blob_u8(struct blob *o, unsigned int v);
void blob_u16(struct blob *o, unsigned int v);
void blob_u32(struct blob *o, uint32_t v);

/** blob_name() - A domain as labels, RFC 1035 section 3.1 */
void blob_name(struct blob *o, const char *name);

/* answers_ip6.c: router advertisement, and DHCPv6. Return: 0 or a negative
 * errno */
int answers_encode6(const struct answers *a, struct guard_answer *ret,
		    struct cni_err *err);

/** answers_replaced() - Has the user an option of that number? */
bool answers_replaced(const struct answers *a, bool ip6, unsigned int code);

/** answers_end() - Say what was wrong, if something was */
int answers_end(const struct blob *o, const char *where, struct cni_err *err);

#endif
