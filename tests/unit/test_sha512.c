/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../lib/check.h"
#include "base/sha512.h"

/* By sha512sum(1): nothing, a word, and lengths on both sides of where the
 * message's own length no longer fits into its last block. */
static const struct {
	size_t n; /* times 'a' */
	const char *begin, *end;
} known[] = {
	{ 0, "cf83e1357eefb8bd", "a538327af927da3e" },
	{ 1, "1f40fc92da241694", "c7957b2652fe9a75" },
	{ 111, "fa9121c7b32b9e01", "b2b4d60fc6b566a2" },
	{ 112, "c01d080efd492776", "407c8830604b70ca" },
	{ 127, "828613968b501dc0", "4291f5d921629502" },
	{ 128, "b73d1929aa615934", "46d465c59582f321" },
	{ 129, "4f681e0bd53cda4b", "1037dfbd98420429" },
	{ 239, "52c853cb8d907f3d", "9f628015e50bf286" },
	{ 240, "4c296d90c61052a6", "eb0bf549c985ab5f" },
	{ 1000, "67ba5535a46e3f86", "92a8d9d447709c97" },
};

TEST(every_length_gives_what_sha512sum_gives)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		char text[1024] = "", got[SHA512_DIGITS + 1];
		const char *const parts[] = { text };

		memset(text, 'a', known[i].n);
		sha512_hex(parts, 1, SHA512_DIGITS, got);
		assert_int_equal(strlen(got), SHA512_DIGITS);
		assert_memory_equal(got, known[i].begin, 16);
		assert_string_equal(got + SHA512_DIGITS - 16, known[i].end);
	}
}

TEST(parts_are_hashed_as_one_string)
{
	static const char *const one[] = { "eth0:c1" };
	static const char *const three[] = { "eth0", ":", "c1" };
	char a[17], b[17];

	sha512_hex(one, 1, 16, a);
	sha512_hex(three, 3, 16, b);
	assert_string_equal(a, b);
	assert_string_equal(a, "f4d01f2ef4b92245");
}

TEST(bytes_are_hashed_whatever_they_are)
{
	static const char *const parts[] = { "c1" };
	char a[17], b[17];

	sha512_hex(parts, 1, 16, a);
	sha512_hex_of("c1", 2, 16, b);
	assert_string_equal(a, b);
	/* printf '\\0c1' | sha512sum */
	sha512_hex_of("\0c1", 3, 16, b);
	assert_string_equal(b, "b80940d685edd310");
}

TEST(no_more_is_written_than_was_asked_for)
{
	static const char *const parts[] = { "net1", "c1" };
	char got[] = "0123456789012345678901234567";

	sha512_hex(parts, 2, 24, got);
	assert_string_equal(got, "c2d892b58e87e28a12fe6479");
	assert_string_equal(got + 25, "567");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_gives_what_sha512sum_gives),
		cmocka_unit_test(parts_are_hashed_as_one_string),
		cmocka_unit_test(bytes_are_hashed_whatever_they_are),
		cmocka_unit_test(no_more_is_written_than_was_asked_for),
	};

	return RUN(tests);
}
