/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mac.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mac_parse(const char *s, struct mac *ret)
{
	struct mac m;
	/* Dotted groups hold two bytes, the other forms one. */
	const size_t group = strlen(s) == 14 ? 2 : 1;
	char sep = '.';

	if (group == 1)
		sep = s[0] && s[1] && s[2] == '-' ? '-' : ':';

	for (size_t i = 0; i < MAC_LEN; i++) {
		int hi, lo;

		if (i && i % group == 0 && *s++ != sep)
			return -EINVAL;
		hi = nibble(s[0]);
		lo = hi < 0 ? -1 : nibble(s[1]);
		if (lo < 0)
			return -EINVAL;
		m.b[i] = (uint8_t)(hi << 4 | lo);
		s += 2;
	}
	if (*s)
		return -EINVAL;

	*ret = m;
	return 0;
}

const char *mac_format(const struct mac *m, char buf[MAC_STR_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < MAC_LEN; i++) {
		buf[3 * i] = digits[m->b[i] >> 4];
		buf[3 * i + 1] = digits[m->b[i] & 0xf];
		buf[3 * i + 2] = i + 1 < MAC_LEN ? ':' : '\0';
	}
	return buf;
}

bool mac_is_unicast(const struct mac *m)
{
	const struct mac zero = { 0 };

	return !(m->b[0] & 1) && !mac_equal(m, &zero);
}

bool mac_equal(const struct mac *a, const struct mac *b)
{
	return !memcmp(a->b, b->b, MAC_LEN);
}
