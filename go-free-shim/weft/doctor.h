/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.h - what weft doctor's files share. */
#ifndef WEFT_WEFT_DOCTOR_H
#define WEFT_WEFT_DOCTOR_H

#include "weft/kinds.h"

enum doctor_severity {
	DOCTOR_NOTE,	/* good to know */
	DOCTOR_WARNING, /* some will stumble over it */
	DOCTOR_ERROR,	/* a network that is configured will not work */
};

/**
 * struct doctor_net - A plugin of a configured network that makes interfaces
 * @network:	Its name
 * @facts:	What it needs and has
 */
struct doctor_net {
	char network[128];
	struct facts facts;
};

/**
 * struct doctor - What was found
 * @found:	Array: id, severity, what, why, help
 * @errors:	How many errors are in it
 * @nets:	Configured networks of weft's plugins; owned
 * @n_nets:	How many
 * @types:	Plugins that they name, each once; array of strings
 * @failed:	Out of memory; sticky
 */
struct doctor {
	cJSON *found;
	size_t errors;
	struct doctor_net *nets;
	size_t n_nets;
	cJSON *types;
	bool failed;
};

/**
 * struct doctor_finding - One of them
 * @id:		Stable, for programs: "forward-drop"
 * @severity:	How bad
 * @why:	What it does to guests
 * @help:	One line for a root shell
 */
struct doctor_finding {
	const char *id;
	enum doctor_severity severity;
	const char *why;
	const char *help;
};

/** doctor_say() - Add a finding; @fmt: what there is */
void doctor_say(struct doctor *d, const struct doctor_finding *f,
		const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** doctor_bridge() - A bridge for examples: the first network's, or weft0 */
const char *doctor_bridge(const struct doctor *d);

/** doctor_needs() - The first network that needs forwarding, or NULL */
const struct doctor_net *doctor_needs(const struct doctor *d);

/* The looks, each adds its findings. */
void doctor_look_at_configuration(struct doctor *d);
void doctor_look_at_kernel(struct doctor *d);
void doctor_look_at_filters(struct doctor *d);
void doctor_look_at_forwarding(struct doctor *d);
void doctor_look_at_bridges(struct doctor *d);
void doctor_look_at_managers(struct doctor *d);

/** doctor_bridge_ports() - A bridge with so many ports; pure */
void doctor_bridge_ports(struct doctor *d, const char *bridge, size_t ports);

#endif
