/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/plugin.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/event.h"
#include "base/file.h"
#include "base/own_netns.h"

#define EVENT_SIZE 256	      /* of a result in the log */
#define VERSION_STDIN_MS 1000 /* how long VERSION waits for its input */

const struct cni_plugin *cni_plugin_find(const struct cni_plugin *plugins,
					 const char *name)
{
	for (; plugins->name; plugins++)
		if (!strcmp(plugins->name, name))
			return plugins;
	return NULL;
}

bool cni_netns_is_own(const char *path)
{
	struct stat st;

	return !stat(path, &st) && own_netns_is(&st);
}

int cni_plugin_not_own_netns(const struct cni_args *args, struct cni_err *err)
{
	if (args->netns_override || !cni_netns_is_own(args->netns))
		return 0;
	(void)err_say(
		err, CNI_E_NETNS, EINVAL,
		"plugin's netns and netns from CNI_NETNS should not be the same");
	err_detail(err, "CNI_NETNS", "\"%s\"", args->netns);
	return -EINVAL;
}

static int put(const char *text)
{
	return file_write_all(STDOUT_FILENO, text, strlen(text));
}

static int print_error(enum cni_version version, const struct cni_err *err)
{
	cleanup_json cJSON *doc = cJSON_CreateObject();
	const int code = err->code ? (int)err->code : (int)CNI_E_INTERNAL;
	cleanup_free char *text = NULL;
	int r;

	r = json_add_str(doc, "cniVersion", cni_version_str(version));
	r |= json_add(doc, "code", cJSON_CreateNumber(code));
	r |= json_add(doc, "msg", cJSON_CreateString(err->msg));
	r |= json_add_str(doc, "details", err->details);
	if (!r)
		text = json_print(doc);
	(void)put(text ? text : "{\"code\": 999, \"msg\": \"out of memory\"}");
	return 1;
}

/* Stdin is only for the version to be echoed: nobody has to send any. */
static enum cni_version version_asked(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	struct cni_err err = CNI_ERR_INIT;
	cleanup_json cJSON *doc = NULL;
	enum cni_version v = CNI_V1_1_0;
	const cJSON *asked;
	char text[4096];
	ssize_t n;

	if (isatty(STDIN_FILENO) || poll(&in, 1, VERSION_STDIN_MS) <= 0)
		return v;
	n = read(STDIN_FILENO, text, sizeof(text));
	if (n <= 0 || json_parse(text, (size_t)n, &doc, &err) < 0)
		return v;
	asked = json_get(doc, "cniVersion");
	if (cJSON_IsString(asked))
		(void)cni_version_parse(asked->valuestring, &v, &err);
	return v;
}

static int print_versions(void)
{
	cleanup_json cJSON *doc = cJSON_CreateObject();
	cJSON *list = cJSON_CreateArray();
	char *text = NULL;
	int r;

	r = json_add_str(doc, "cniVersion", cni_version_str(version_asked()));
	r |= json_add(doc, "supportedVersions", list);
	for (int v = 0; !r && v < CNI_V_MAX; v++)
		r |= json_add_str(list, NULL, cni_version_str(v));
	if (!r)
		text = cJSON_PrintUnformatted(doc);
	r = text && !put(text) && !put("\n") ? 0 : 1;
	cJSON_free(text);
	return r;
}

static int read_config(struct cni_netconf *ret, struct cni_err *err)
{
	char *text = NULL;
	size_t len = 0;
	int r;

	r = file_read_fd(STDIN_FILENO, JSON_MAX_SIZE, &text, &len);
	if (r == -EFBIG)
		return err_say(err, CNI_E_DECODE, EFBIG,
			       "network config of more than %u bytes",
			       JSON_MAX_SIZE);
	if (r < 0)
		return err_set(err, CNI_E_IO, -r,
			       "read network config from stdin");
	return cni_netconf_parse(text, len, ret, err);
}

static int check_allowed(const struct cni_call *call, struct cni_err *err)
{
	const enum cni_command c = call->args.command;

	if (c == CNI_UNKNOWN)
		return err_say(err, CNI_E_ENV, EINVAL,
			       "unknown CNI_COMMAND: %s",
			       call->args.command_name);
	if ((c == CNI_CHECK && call->conf.version < CNI_V0_4_0) ||
	    ((c == CNI_GC || c == CNI_STATUS) &&
	     call->conf.version < CNI_V1_1_0))
		return err_say(err, CNI_E_VERSION, EPROTONOSUPPORT,
			       "config version does not allow %s",
			       cni_command_name(c));
	return 0;
}

static int report(const struct cni_result *result, enum cni_version version,
		  struct cni_err *err)
{
	cleanup_free char *text = NULL;
	int r = cni_result_print(result, version, &text, err);

	if (r < 0)
		return r;
	r = put(text);
	return r < 0 ? err_set(err, CNI_E_IO, -r, "print result") : 0;
}

/* What nobody heard of nobody will delete; unless it was there before. */
static void take_back(const struct cni_plugin *self,
		      const struct cni_call *call,
		      const struct cni_result *result, struct cni_err *err)
{
	struct cni_call inner = *call;
	struct cni_err e = CNI_ERR_INIT;

	inner.args.command = CNI_DEL;
	if (!result->adopted && self->del && self->del(&inner, &e) < 0)
		err_detail(err, "undo", "\"%s\"", e.msg);
}

/* The addresses, as far as there is room: for an event. */
static void summarize(const struct cni_result *result, char *buf, size_t size)
{
	char text[IP_NET_STR_SIZE];
	size_t n = 0;

	for (size_t i = 0; i < result->n_ips && n < size; i++)
		n += (size_t)snprintf(
			buf + n, size - n, "%s%s", i ? "," : "",
			ip_net_format(&result->ips[i].address, text));
}

static int run_add(const struct cni_plugin *self, const struct cni_call *call,
		   char said[EVENT_SIZE], struct cni_err *err)
{
	cleanup_result struct cni_result result = { 0 };
	int r = self->add(call, &result, err);

	if (r < 0)
		return r;
	if (event_where(call->conf.log))
		summarize(&result, said, EVENT_SIZE);
	r = report(&result, call->conf.version, err);
	if (r < 0)
		take_back(self, call, &result, err);
	return r;
}

static int run_verb(const struct cni_plugin *self, const struct cni_call *call,
		    char said[EVENT_SIZE], struct cni_err *err)
{
	int (*verb)(const struct cni_call *c, struct cni_err *e) = NULL;
	int r = check_allowed(call, err);

	if (r < 0)
		return r;
	switch (call->args.command) {
	case CNI_ADD:
		return run_add(self, call, said, err);
	case CNI_DEL:
		verb = self->del;
		break;
	case CNI_CHECK:
		verb = self->check;
		break;
	case CNI_GC:
		verb = self->gc;
		break;
	case CNI_STATUS:
		verb = self->status;
		break;
	case CNI_VERSION:
	case CNI_UNKNOWN:
		break;
	}
	r = verb ? verb(call, err) : 0;
	/* For STATUS all that is in the way is that ADD cannot work. */
	if (r < 0 && call->args.command == CNI_STATUS &&
	    err->code != CNI_E_LIMITED)
		err->code = CNI_E_UNAVAILABLE;
	return r;
}

/* Whoever started us may have left signals in a state that breaks waiting
 * for a delegate, or that kills us in the middle of undoing. */
static void take_signals(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
}

static int print_about(const char *name)
{
	(void)fprintf(
		stderr,
		"CNI %s plugin weft\nCNI protocol versions supported: ", name);
	for (int v = 0; v < CNI_V_MAX; v++)
		(void)fprintf(stderr, "%s%s", v ? ", " : "",
			      cni_version_str(v));
	(void)fputc('\n', stderr);
	return 0;
}

static uint64_t now_us(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void tell(const struct cni_plugin *self, const struct cni_call *call,
		 const char *result, const struct cni_err *err, uint64_t since)
{
	const char *where = event_where(call->conf.log);
	const struct event e = {
		.plugin = self->name,
		.verb = call->args.command_name,
		.network = call->conf.name,
		.container = call->args.container_id,
		.ifname = call->args.ifname,
		.result = result,
		.err = err,
		.us = where ? now_us() - since : 0,
	};

	if (where)
		event_log(where, &e);
}

int cni_plugin_main(const struct cni_plugin *self,
		    const struct cni_plugin *plugins)
{
	struct cni_call call = { .plugins = plugins };
	struct cni_err err = CNI_ERR_INIT;
	const char *command = getenv("CNI_COMMAND");
	enum cni_version version = CNI_V1_1_0;
	char said[EVENT_SIZE] = "";
	uint64_t since = 0;
	int r;

	if (!command || !*command)
		return print_about(self->name);

	take_signals();
	r = cni_args_from_env(&call.args, &err);
	if (!r && call.args.command == CNI_VERSION)
		return print_versions();
	if (!r)
		r = read_config(&call.conf, &err);
	if (!r) {
		version = call.conf.version;
		since = event_where(call.conf.log) ? now_us() : 0;
		r = run_verb(self, &call, said, &err);
	}
	tell(self, &call, said, r < 0 ? &err : NULL, since);
	if (r < 0)
		r = print_error(version, &err);
	cni_netconf_free(&call.conf);
	return r;
}
