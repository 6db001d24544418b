/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - one plugin's turn: what it is sent, and what it answers. */
#ifndef WEFT_LIBCNI_REQUEST_H
#define WEFT_LIBCNI_REQUEST_H

#include "cni/args.h"
#include "cni/attachments.h"
#include "libcni/runtime.h"

/**
 * struct turn - A plugin, and what the specification adds to its own object
 * @rt:		Who asks, and about what
 * @verb:	Any but VERSION
 * @plugin:	Its configuration in the list
 * @prev:	prevResult, NULL for none
 * @valid:	For GC, NULL otherwise
 */
struct turn {
	const struct runtime *rt;
	enum cni_command verb;
	const cJSON *plugin;
	const cJSON *prev;
	const struct cni_attachments *valid;
};

/** turn_type() - The plugin's name */
const char *turn_type(const struct turn *t);

/**
 * turn_take() - Run a plugin that answers by its exit status alone
 * @err:	The plugin's own error, after plugin type="x" name="y" failed (...)
 *
 * Return: 0 or a negative errno
 */
int turn_take(const struct turn *t, struct cni_err *err);

/**
 * turn_add() - Run a plugin's ADD
 * @ret:	Its result, always with a cniVersion; free with cJSON_Delete()
 *
 * Return: 0 or a negative errno
 */
int turn_add(const struct turn *t, cJSON **ret, struct cni_err *err);

/**
 * turn_versions() - Ask a plugin for the versions it speaks
 * @ret:	Array of strings; free with cJSON_Delete()
 *
 * Source: CNI spec 1.1.0 section 2, "VERSION"; libcni pkg/version/plugin.go.
 *
 * Return: 0 or a negative errno
 */
int turn_versions(const struct turn *t, cJSON **ret, struct cni_err *err);

#endif
