/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sha512.h"

#include <stdint.h>
#include <string.h>

enum {
	BLOCK = 128, /* bytes */
	LENGTH = 16, /* ... at the end of the last one: the message's length */
	ROUNDS = 80,
	WORDS = 8,
	MARK = 0x80, /* follows the message */
};

struct state {
	uint64_t h[WORDS];
	uint8_t block[BLOCK];
	uint64_t len; /* bytes so far */
};

/* The first 64 bits of the fractions of square roots of the first primes ... */
static const uint64_t begin[WORDS] = {
	UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b),
	UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1),
	UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
	UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};

/* ... and of cube roots. */
static const uint64_t k[ROUNDS] = {
	UINT64_C(0x428a2f98d728ae22), UINT64_C(0x7137449123ef65cd),
	UINT64_C(0xb5c0fbcfec4d3b2f), UINT64_C(0xe9b5dba58189dbbc),
	UINT64_C(0x3956c25bf348b538), UINT64_C(0x59f111f1b605d019),
	UINT64_C(0x923f82a4af194f9b), UINT64_C(0xab1c5ed5da6d8118),
	UINT64_C(0xd807aa98a3030242), UINT64_C(0x12835b0145706fbe),
	UINT64_C(0x243185be4ee4b28c), UINT64_C(0x550c7dc3d5ffb4e2),
	UINT64_C(0x72be5d74f27b896f), UINT64_C(0x80deb1fe3b1696b1),
	UINT64_C(0x9bdc06a725c71235), UINT64_C(0xc19bf174cf692694),
	UINT64_C(0xe49b69c19ef14ad2), UINT64_C(0xefbe4786384f25e3),
	UINT64_C(0x0fc19dc68b8cd5b5), UINT64_C(0x240ca1cc77ac9c65),
	UINT64_C(0x2de92c6f592b0275), UINT64_C(0x4a7484aa6ea6e483),
	UINT64_C(0x5cb0a9dcbd41fbd4), UINT64_C(0x76f988da831153b5),
	UINT64_C(0x983e5152ee66dfab), UINT64_C(0xa831c66d2db43210),
	UINT64_C(0xb00327c898fb213f), UINT64_C(0xbf597fc7beef0ee4),
	UINT64_C(0xc6e00bf33da88fc2), UINT64_C(0xd5a79147930aa725),
	UINT64_C(0x06ca6351e003826f), UINT64_C(0x142929670a0e6e70),
	UINT64_C(0x27b70a8546d22ffc), UINT64_C(0x2e1b21385c26c926),
	UINT64_C(0x4d2c6dfc5ac42aed), UINT64_C(0x53380d139d95b3df),
	UINT64_C(0x650a73548baf63de), UINT64_C(0x766a0abb3c77b2a8),
	UINT64_C(0x81c2c92e47edaee6), UINT64_C(0x92722c851482353b),
	UINT64_C(0xa2bfe8a14cf10364), UINT64_C(0xa81a664bbc423001),
	UINT64_C(0xc24b8b70d0f89791), UINT64_C(0xc76c51a30654be30),
	UINT64_C(0xd192e819d6ef5218), UINT64_C(0xd69906245565a910),
	UINT64_C(0xf40e35855771202a), UINT64_C(0x106aa07032bbd1b8),
	UINT64_C(0x19a4c116b8d2d0c8), UINT64_C(0x1e376c085141ab53),
	UINT64_C(0x2748774cdf8eeb99), UINT64_C(0x34b0bcb5e19b48a8),
	UINT64_C(0x391c0cb3c5c95a63), UINT64_C(0x4ed8aa4ae3418acb),
	UINT64_C(0x5b9cca4f7763e373), UINT64_C(0x682e6ff3d6b2b8a3),
	UINT64_C(0x748f82ee5defb2fc), UINT64_C(0x78a5636f43172f60),
	UINT64_C(0x84c87814a1f0ab72), UINT64_C(0x8cc702081a6439ec),
	UINT64_C(0x90befffa23631e28), UINT64_C(0xa4506cebde82bde9),
	UINT64_C(0xbef9a3f7b2c67915), UINT64_C(0xc67178f2e372532b),
	UINT64_C(0xca273eceea26619c), UINT64_C(0xd186b8c721c0c207),
	UINT64_C(0xeada7dd6cde0eb1e), UINT64_C(0xf57d4f7fee6ed178),
	UINT64_C(0x06f067aa72176fba), UINT64_C(0x0a637dc5a2c898a6),
	UINT64_C(0x113f9804bef90dae), UINT64_C(0x1b710b35131c471b),
	UINT64_C(0x28db77f523047d84), UINT64_C(0x32caab7b40c72493),
	UINT64_C(0x3c9ebe0a15c9bebc), UINT64_C(0x431d67c49c100d4c),
	UINT64_C(0x4cc5d4becb3e42b6), UINT64_C(0x597f299cfc657e2a),
	UINT64_C(0x5fcb6fab3ad6faec), UINT64_C(0x6c44198c4a475817),
};

static uint64_t rotate(uint64_t x, unsigned int n)
{
	return x >> n | x << (64 - n);
}

static uint64_t read_be64(const uint8_t *p)
{
	uint64_t x = 0;

	for (int i = 0; i < 8; i++)
		x = x << 8 | p[i];
	return x;
}

static void expand(const uint8_t *block, uint64_t w[ROUNDS])
{
	for (size_t i = 0; i < BLOCK / 8; i++)
		w[i] = read_be64(block + 8 * i);
	for (size_t i = BLOCK / 8; i < ROUNDS; i++) {
		uint64_t a = w[i - 15], b = w[i - 2];

		a = rotate(a, 1) ^ rotate(a, 8) ^ a >> 7;
		b = rotate(b, 19) ^ rotate(b, 61) ^ b >> 6;
		w[i] = w[i - 16] + a + w[i - 7] + b;
	}
}

/* In FIPS 180-4 v[] is called a..h. */
static void digest_block(struct state *s)
{
	uint64_t w[ROUNDS], v[WORDS], t1, t2;

	expand(s->block, w);
	memcpy(v, s->h, sizeof(v));
	for (int i = 0; i < ROUNDS; i++) {
		t1 = v[7] +
		     (rotate(v[4], 14) ^ rotate(v[4], 18) ^ rotate(v[4], 41)) +
		     ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
		t2 = (rotate(v[0], 28) ^ rotate(v[0], 34) ^ rotate(v[0], 39)) +
		     ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, sizeof(v) - sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < WORDS; i++)
		s->h[i] += v[i];
}

static void put(struct state *s, uint8_t byte)
{
	s->block[s->len++ % BLOCK] = byte;
	if (s->len % BLOCK == 0)
		digest_block(s);
}

static void finish(struct state *s)
{
	const uint64_t bits = 8 * s->len;

	put(s, MARK);
	while (s->len % BLOCK != BLOCK - LENGTH)
		put(s, 0);
	for (int i = 0; i < LENGTH / 2; i++)
		put(s, 0);
	for (int i = LENGTH / 2 - 1; i >= 0; i--)
		put(s, (uint8_t)(bits >> 8 * i));
}

static void print(const struct state *s, size_t digits, char *ret)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < digits; i++)
		ret[i] = hex[s->h[i / 16] >> (60 - 4 * (i % 16)) & 15];
	ret[digits] = '\0';
}

void sha512_hex(const char *const *parts, size_t n, size_t digits, char *ret)
{
	struct state s = { .len = 0 };

	memcpy(s.h, begin, sizeof(begin));
	for (size_t i = 0; i < n; i++)
		for (const char *p = parts[i]; *p; p++)
			put(&s, (uint8_t)*p);
	finish(&s);
	print(&s, digits, ret);
}

void sha512_hex_of(const void *data, size_t len, size_t digits, char *ret)
{
	const uint8_t *b = data;
	struct state s = { .len = 0 };

	memcpy(s.h, begin, sizeof(begin));
	for (size_t i = 0; i < len; i++)
		put(&s, b[i]);
	finish(&s);
	print(&s, digits, ret);
}
