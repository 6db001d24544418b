/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/delegate.h"

#include <limits.h>
#include <stdio.h>

#include "cni/exec.h"

/* stdout stays with @ret_out for ADD; the other verbs print nothing. */
static int run(const struct cni_call *call, enum cni_command verb,
	       const char *type, struct cni_exec_result *x, struct cni_err *err)
{
	char command[] = "CNI_COMMAND=VERSION";
	const char *vars[] = { command, NULL, NULL };
	char program[PATH_MAX];
	int r;

	(void)snprintf(command, sizeof(command), "CNI_COMMAND=%s",
		       cni_command_name(verb));
	/* Only a tap gets here so; a plugin of the reference would refuse. */
	if (cni_netns_is_own(call->args.netns))
		vars[1] = "CNI_NETNS_OVERRIDE=1";

	r = cni_exec_find(call->args.path, type, program, sizeof(program), err);
	if (!r)
		r = cni_exec(&(struct cni_exec){ .program = program,
						 .vars = vars,
						 .text = call->conf.text,
						 .len = call->conf.len },
			     x, err);
	if (!r && (x->signal || x->exit_status))
		r = cni_exec_error(type, x, err);
	return r;
}

static int parse_output(const struct cni_call *call, const char *type,
			const struct cni_exec_result *x, struct cni_result *ret,
			struct cni_err *err)
{
	int r = json_parse(x->out ? x->out : "", x->len, &ret->doc, err);

	if (!r)
		r = cni_result_parse(ret->doc, call->conf.version, ret, err);
	return r < 0 ? err_ctx(err, r, "result of plugin \"%s\"", type) : 0;
}

int cni_delegate_add(const struct cni_call *call, const char *type,
		     struct cni_result *ret, struct cni_err *err)
{
	const struct cni_plugin *ours = cni_plugin_find(call->plugins, type);
	cleanup_exec_result struct cni_exec_result x = { 0 };
	struct cni_err ignored = CNI_ERR_INIT;
	int r;

	if (ours)
		return ours->add(call, ret, err);

	r = run(call, CNI_ADD, type, &x, err);
	if (!r)
		r = parse_output(call, type, &x, ret, err);
	if (r < 0)
		(void)cni_delegate(call, CNI_DEL, type, &ignored);
	return r;
}

static int call_ours(const struct cni_plugin *ours, const struct cni_call *call,
		     enum cni_command verb, struct cni_err *err)
{
	struct cni_call inner = *call;
	int (*f)(const struct cni_call *c, struct cni_err *e) =
		verb == CNI_DEL	    ? ours->del
		: verb == CNI_CHECK ? ours->check
		: verb == CNI_GC    ? ours->gc
				    : ours->status;

	inner.args.command = verb;
	return f ? f(&inner, err) : 0;
}

int cni_delegate(const struct cni_call *call, enum cni_command verb,
		 const char *type, struct cni_err *err)
{
	const struct cni_plugin *ours = cni_plugin_find(call->plugins, type);
	cleanup_exec_result struct cni_exec_result x = { 0 };

	return ours ? call_ours(ours, call, verb, err)
		    : run(call, verb, type, &x, err);
}
