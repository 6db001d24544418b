/* SPDX-License-Identifier: Apache-2.0 */
/* scenarios.h - the calls that are broken. */
#ifndef WEFT_FAULTS_SCENARIOS_H
#define WEFT_FAULTS_SCENARIOS_H

#include <stdbool.h>
#include <stddef.h>

#include "world.h"

#define EVENT ",\"delWait\":false"

/**
 * struct scenario - One call
 * @setup:	What is called
 * @name:	As it is chosen on the command line
 * @verb:	CNI_COMMAND
 * @more:	Further keys, each begins with a comma; NULL: none
 * @is_fresh:	Nobody else is on the network, and nothing of it is there
 */
struct scenario {
	const struct setup *setup;
	const char *name, *verb, *more;
	bool is_fresh;
};

extern const struct scenario scenarios[];
extern const size_t n_scenarios;

/* The one needs a kernel that has it, and two are not in the list. */
extern const struct setup setup_vlan, setup_veth, setup_reference;

#endif
