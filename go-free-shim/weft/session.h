/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - a runtime made of a command line and the environment. */
#ifndef WEFT_WEFT_SESSION_H
#define WEFT_WEFT_SESSION_H

#include <limits.h>

#include "libcni/runtime.h"
#include "weft/weft.h"

/**
 * struct session - A runtime and what it points into
 * @rt:		Pass it on
 */
struct session {
	struct runtime rt;
	struct conflist list;
	cJSON *cap_args;
	char plugin_path[WEFT_PATH_SIZE];
	char netns[PATH_MAX];
	char id[32];
};

/** session_open() - Load the network; free with session_close() in any case */
int session_open(struct session *s, const struct weft_args *a,
		 struct cni_err *err);

/**
 * session_name_guest() - Who is meant, by --id or else by NETNS
 *
 * Return: 0 or -EINVAL
 */
int session_name_guest(struct session *s, const struct weft_args *a,
		       struct cni_err *err);

void session_close(struct session *s);

#define cleanup_session CLEANUP(session_close)

/** session_on_guest() - Open, name the guest, run @verb */
int session_on_guest(const struct weft_args *a,
		     int (*verb)(const struct runtime *rt, struct cni_err *err),
		     struct cni_err *err);

#endif
