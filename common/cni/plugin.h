/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.h - from the environment and stdin to a verb, and its answer out. */
#ifndef WEFT_CNI_PLUGIN_H
#define WEFT_CNI_PLUGIN_H

#include "cni/args.h"
#include "cni/netconf.h"
#include "cni/result.h"

struct cni_plugin;

/**
 * struct cni_call - One request to one plugin
 * @args:	The environment
 * @conf:	The configuration
 * @plugins:	The plugins linked into this program, ended by a zero entry:
 *		delegates found here are called, others are executed
 */
struct cni_call {
	struct cni_args args;
	struct cni_netconf conf;
	const struct cni_plugin *plugins;
};

/**
 * struct cni_plugin - A plugin's verbs
 *
 * add fills a result; the rest answer by their return value, 0 or a negative
 * errno with the error filled. add returns with everything undone on failure.
 * VERSION is common to all.
 */
struct cni_plugin {
	const char *name;
	int (*add)(const struct cni_call *call, struct cni_result *ret,
		   struct cni_err *err);
	int (*del)(const struct cni_call *call, struct cni_err *err);
	int (*check)(const struct cni_call *call, struct cni_err *err);
	int (*gc)(const struct cni_call *call, struct cni_err *err);
	int (*status)(const struct cni_call *call, struct cni_err *err);
};

/** cni_plugin_find() - By name, or NULL */
const struct cni_plugin *cni_plugin_find(const struct cni_plugin *plugins,
					 const char *name);

/**
 * cni_plugin_main() - Run one plugin as a CNI executable
 * @self:	The plugin
 * @plugins:	All of them, for delegation
 *
 * Reads the environment and stdin, checks in libcni's order, runs the verb,
 * and is the only code that writes to stdout: a result, an error, or nothing.
 *
 * Source: CNI spec 1.1.0 sections 2 and 5; libcni pkg/skel.
 *
 * Return: the exit status
 */
int cni_plugin_main(const struct cni_plugin *self,
		    const struct cni_plugin *plugins);

/**
 * cni_plugin_not_own_netns() - Refuse to work on the plugin's own namespace
 * @args:	CNI_NETNS and CNI_NETNS_OVERRIDE
 * @err:	CNI_E_NETNS in libcni's words
 *
 * For ADD, before anything is made. A path that cannot be opened is left to
 * the caller to report.
 *
 * Return: 0 or -EINVAL
 */
int cni_plugin_not_own_netns(const struct cni_args *args, struct cni_err *err);

/** cni_netns_is_own() - Is CNI_NETNS the namespace that we run in? */
bool cni_netns_is_own(const char *path);

#endif
