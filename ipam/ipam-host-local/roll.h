/* SPDX-License-Identifier: Apache-2.0 */
/* roll.h - all leases of a network by whom they belong to, for the index. */
#ifndef WEFT_IPAM_HOST_LOCAL_ROLL_H
#define WEFT_IPAM_HOST_LOCAL_ROLL_H

#include "ipam-host-local/store.h"

struct roll_entry {
	char *text; /* container ID NUL interface NUL; owned */
	struct ip_addr addr;
};

/* Zero-initialise; free with roll_free(). */
struct roll {
	struct roll_entry *v;
	size_t n;
	size_t size;
};

/**
 * roll_add() - One lease more; those without a holder do not count
 *
 * Return: 0 or -ENOMEM
 */
int roll_add(struct roll *r, const struct lease *l, const struct ip_addr *a);

/**
 * roll_index() - Write an index entry for everybody on the roll
 * @s:		Locked; complete is set if every entry could be written
 * @network:	Its name
 */
void roll_index(struct roll *r, struct store *s, const char *network);

void roll_free(struct roll *r);

#define cleanup_roll CLEANUP(roll_free)

#endif
