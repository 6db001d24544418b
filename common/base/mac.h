/* SPDX-License-Identifier: Apache-2.0 */
/* mac.h - 48-bit Ethernet addresses. */
#ifndef WEFT_BASE_MAC_H
#define WEFT_BASE_MAC_H

#include <stdbool.h>
#include <stdint.h>

#define MAC_LEN 6
#define MAC_STR_SIZE 18 /* "02:00:00:00:00:01" and the NUL */

struct mac {
	uint8_t b[MAC_LEN];
};

/**
 * mac_parse() - Read an address as Go's net.ParseMAC does, 48 bits only
 * @s:		"02:00:5e:10:00:01", "02-00-..." or "0200.5e10.0001", any case
 * @ret:	The address; unchanged on failure
 *
 * Return: 0, or -EINVAL
 */
int mac_parse(const char *s, struct mac *ret);

/** mac_format() - Lower case, with colons; returns @buf */
const char *mac_format(const struct mac *m, char buf[MAC_STR_SIZE]);

/** mac_is_unicast() - Not a group address and not all zero: fit for a device */
bool mac_is_unicast(const struct mac *m);

bool mac_equal(const struct mac *a, const struct mac *b);

#endif
