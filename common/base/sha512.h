/* SPDX-License-Identifier: Apache-2.0 */
/* sha512.h - for names that others derive from it. */
#ifndef WEFT_BASE_SHA512_H
#define WEFT_BASE_SHA512_H

#include <stddef.h>

#define SHA512_DIGITS 128

/**
 * sha512_hex() - The first digits of a SHA-512, in lower-case hexadecimal
 * @parts:	Strings; what is hashed is all of them, one after the other
 * @n:		How many
 * @digits:	At most SHA512_DIGITS
 * @ret:	Room for @digits and a NUL
 *
 * For the reference plugins' names. Nothing secret depends on it.
 *
 * Source: FIPS 180-4.
 */
void sha512_hex(const char *const *parts, size_t n, size_t digits, char *ret);

/** sha512_hex_of() - The same of any bytes */
void sha512_hex_of(const void *data, size_t len, size_t digits, char *ret);

#endif
