/* SPDX-License-Identifier: Apache-2.0 */
/* event.h - one line for each verb, where engines drop stderr. */
#ifndef WEFT_BASE_EVENT_H
#define WEFT_BASE_EVENT_H

#include <stdint.h>

#include "base/err.h"

#define EVENT_JOURNAL "journal"
#define EVENT_JOURNAL_SOCKET "/run/systemd/journal/socket"

/**
 * struct event - What was done, for whom, and how it ended
 * @plugin:	Who did it
 * @verb:	"ADD"
 * @network:	Any string may be NULL or empty; then it is left out
 * @container:	Container ID
 * @ifname:	In the guest
 * @result:	"10.88.0.2/16,fd00:88::2/64"
 * @err:	Why it failed, NULL or CNI_E_OK if it did not
 * @us:		How long it took, microseconds
 */
struct event {
	const char *plugin;
	const char *verb;
	const char *network;
	const char *container;
	const char *ifname;
	const char *result;
	const struct cni_err *err;
	uint64_t us;
};

/**
 * event_where() - Where events go
 * @configured:	The configuration's "log", NULL or "" without
 *
 * WEFT_LOG comes before it, if it is a path or "journal": its other values are
 * thresholds of log_at().
 *
 * Return: a path, EVENT_JOURNAL, or NULL: nowhere, and nothing is to be done
 */
const char *event_where(const char *configured);

/**
 * event_log() - Write one line
 * @where:	From event_where()
 * @e:		The event
 *
 * To a file opened O_APPEND | O_NOFOLLOW, made 0600, in one write; or as one
 * datagram to journald. Never waits, and what cannot be written is lost: no
 * verb may fail for it. errno is kept.
 *
 * Source: systemd.journal-fields(7); the journal's native protocol.
 */
void event_log(const char *where, const struct event *e);

#endif
