/* SPDX-License-Identifier: Apache-2.0 */
/* clash NETWORK: two container IDs whose eth0 on that network is to have the same
 * ifindex, as DESIGN.md section 4 derives it. Knows nothing of our code. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDS = 1 << 17, BITS = 30 };

struct id {
	uint32_t index;
	uint64_t number;
};

static uint64_t fnv(uint64_t h, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3U;
	return h;
}

static int compare(const void *a, const void *b)
{
	const struct id *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

int main(int argc, char **argv)
{
	static struct id ids[IDS];
	uint64_t begin = 0xcbf29ce484222325U;
	uint64_t number = 1;
	char name[32];

	if (argc != 2)
		return 2;
	begin = fnv(begin, argv[1], strlen(argv[1]) + 1);
	for (uint32_t i = 0; i < IDS; i++) {
		const int n = snprintf(name, sizeof(name), "vm%016jx",
				       (uintmax_t)number);
		const uint64_t h =
			fnv(fnv(begin, name, (size_t)n + 1), "eth0", 4);

		ids[i] = (struct id){ (uint32_t)(h & ((1U << BITS) - 1)),
				      number };
		/* Names that follow each other would hardly ever clash. */
		number = number * 6364136223846793005U + 1442695040888963407U;
	}
	qsort(ids, IDS, sizeof(ids[0]), compare);
	for (size_t i = 1; i < IDS; i++)
		if (ids[i].index == ids[i - 1].index) {
			printf("vm%016jx vm%016jx\n",
			       (uintmax_t)ids[i - 1].number,
			       (uintmax_t)ids[i].number);
			return 0;
		}
	return 1;
}
