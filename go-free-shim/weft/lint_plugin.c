/* SPDX-License-Identifier: Apache-2.0 */
/* weft lint: what the plugins' own parsers say, and where that is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "libcni/conflist.h"
#include "weft/lint.h"

enum { KEY = 64, MAX_ERRORS = 16 };

/* Others read these, or nobody has to. */
static bool anybodys(const char *object, const char *key)
{
	static const char *const whole[] = { "cni", "runtimeConfig", "args",
					     "prevResult", "capabilities" };
	static const char *const keys[] = { "capabilities", "cniVersion",
					    "name", "$schema" };

	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (!strcasecmp(object, whole[i]))
			return true;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

static bool in_foreign_ipam(const char *object, const char *key)
{
	return !strcasecmp(object, "ipam") || anybodys(object, key);
}

/* "key "tap": key "queues": ...": as far as there are such keys. */
static const cJSON *by_keys(const cJSON *at, const char *msg)
{
	const cJSON *v = NULL;
	char key[KEY];

	for (; (msg = strstr(msg, "key \"")); msg += strlen("key \"")) {
		const char *name = msg + strlen("key \"");
		const size_t n = strcspn(name, "\"");

		if (n >= sizeof(key))
			break;
		memcpy(key, name, n);
		key[n] = '\0';
		if (!json_get(v ? v : at, key))
			break;
		v = json_get(v ? v : at, key);
	}
	return v;
}

/* The longest string that the message quotes. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static const cJSON *by_value(const cJSON *at, const char *msg)
{
	enum { TOO_SHORT = 3 };

	const cJSON *child, *best = NULL;
	const char *s = cJSON_GetStringValue(at);

	if (s && strlen(s) >= TOO_SHORT && strstr(msg, s))
		best = at;
	cJSON_ArrayForEach(child, at)
	{
		const cJSON *v = by_value(child, msg);

		if (v && (!best ||
			  strlen(v->valuestring) > strlen(best->valuestring)))
			best = v;
	}
	return best;
}

/* "range set 1": the old single range comes before "ranges". */
static const cJSON *by_range_set(const cJSON *ipam, const char *msg)
{
	const cJSON *ranges = json_get(ipam, "ranges");
	const char *at = strstr(msg, "range set ");
	int i = at ? (int)strtol(at + strlen("range set "), NULL, 10) : -1;

	if (i < 0)
		return NULL;
	if (json_get(ipam, "subnet") && !i--)
		return json_get(ipam, "subnet");
	return cJSON_GetArrayItem(ranges, i);
}

/* "portMappings[1]: key "hostPort": ...": what an engine adds, here by hand. */
static const cJSON *by_mapping(const cJSON *doc, const char *msg)
{
	static const char prefix[] = "portMappings[";
	const cJSON *all =
		json_get(json_get(doc, "runtimeConfig"), "portMappings");
	const char *at = strstr(msg, prefix);
	const cJSON *v, *key;

	if (!at)
		return NULL;
	v = cJSON_GetArrayItem(all,
			       (int)strtol(at + sizeof(prefix) - 1, NULL, 10));
	key = by_keys(v, at);
	return key ? key : v;
}

static const cJSON *first_of(const cJSON *a, const cJSON *b)
{
	return a ? a : b;
}

/* What the error is about, in the tree that was parsed. */
static const cJSON *culprit(const struct lint_watch *w, const cJSON *doc,
			    bool in_ipam, const struct cni_err *err)
{
	const cJSON *ipam = in_ipam ? json_get(doc, "ipam") : NULL;
	const cJSON *v = w->refused;

	if (!v && err->code == CNI_E_VERSION)
		v = json_get(doc, "cniVersion");
	if (!v && in_ipam)
		v = first_of(by_value(ipam, err->msg),
			     by_range_set(ipam, err->msg));
	if (!v)
		v = by_mapping(doc, err->msg);
	if (!v)
		v = first_of(by_keys(doc, err->msg), by_value(doc, err->msg));
	return first_of(v, ipam);
}

/* @at is in the file what @doc is in the parser's tree. Return: the node of
 * @doc, or NULL if it is not in the file */
static const cJSON *say(struct lint_file *f, const cJSON *at, const cJSON *doc,
			const cJSON *node, const struct cni_err *err)
{
	const bool known = err->code != CNI_E_INTERNAL;
	struct json_path path = { 0 };
	const cJSON *here = at;

	if (node && json_path_find(doc, node, &path))
		here = json_path_get((cJSON *)at, &path);
	f->all->failed |= !known;
	lint_say(f, true, here ? here : at, false, "%s%s%s", err->msg,
		 *err->details ? "; " : "", err->details);
	return here && here != at ? node : NULL;
}

static void remember(struct lint_file *f, const cJSON *at, const char *network,
		     const struct facts *facts)
{
	struct lint *all = f->all;
	struct lint_net *more =
		reallocarray(all->nets, all->n_nets + 1, sizeof(*more));
	const cJSON *ipam = json_get(at, "ipam");
	struct json_path path;

	all->failed |= !more;
	if (!more)
		return;
	all->nets = more;
	more += all->n_nets++;
	*more = (struct lint_net){ .file = f->name, .facts = *facts };
	(void)snprintf(more->network, sizeof(more->network), "%s", network);
	if (json_path_find(f->doc, ipam ? ipam : at, &path))
		more->where = json_where(f->text, f->len, &path, false);
}

/* One round of the parsers. Return: the value that they refuse, if another
 * round without it is worth while */
static const cJSON *judge(struct lint_file *f, const cJSON *at,
			  struct cni_call *call, struct lint_watch *w,
			  struct facts *facts, struct cni_err *err)
{
	const struct kind *kind = kind_find(call->conf.type);
	const struct kind *ipam = kind_find(call->conf.ipam_type);
	bool in_ipam = false, once;
	int r = kind && kind->read ? kind->read(call, facts, err) : 0;

	/* Without "ipam" in a plugin that is unknown nobody may ask for it. */
	if (!r && ipam && ipam->read && (!kind || kind->role == KIND_MAIN)) {
		in_ipam = true;
		r = ipam->read(call, facts, err);
	}
	if (r >= 0)
		return NULL;
	/* A mapping without its port is wrong again. */
	once = in_ipam || by_mapping(call->conf.doc, err->msg);
	at = say(f, at, w->root, culprit(w, call->conf.doc, in_ipam, err), err);
	return once ? NULL : at;
}

static void keys(struct lint_file *f, const cJSON *at,
		 const struct cni_call *call, const struct lint_watch *w)
{
	const struct kind *kind = kind_find(call->conf.type);
	const struct kind *ipam = kind_find(call->conf.ipam_type);

	if (kind && kind->read)
		lint_keys(f, at, w,
			  !*call->conf.ipam_type || (ipam && ipam->read)
				  ? anybodys
				  : in_foreign_ipam);
}

/* Return: whether another round may find more, @work being poorer by a value */
static bool round_of(struct lint_file *f, const cJSON *at, cJSON *work,
		     const char *const net[2], bool *ok)
{
	struct cni_err err = CNI_ERR_INIT;
	struct cni_call call = { .args = { .args = "" } };
	struct facts facts = { 0 };
	const struct kind *kind;
	const cJSON *bad = NULL;
	struct json_path path;
	struct lint_watch w;
	cJSON *poorer;
	size_t len = 0;
	char *text = kind_text(work, net[0], net[1], &len);

	f->all->failed |= !text;
	if (!text)
		return false;
	lint_watch(&w);
	if (cni_netconf_parse(text, len, &call.conf, &err) < 0)
		bad = say(f, at, w.root,
			  culprit(&w, call.conf.doc, false, &err), &err);
	else
		bad = judge(f, at, &call, &w, &facts, &err);
	lint_watch_end();

	*ok = !err.code;
	kind = kind_find(call.conf.type);
	if (*ok && kind && kind->role == KIND_MAIN)
		remember(f, at, call.conf.name, &facts);
	if (!bad)
		keys(f, at, &call, &w);
	poorer = bad && json_path_find(w.root, bad, &path)
			 ? json_path_get(work, &path)
			 : NULL;
	/* null is as good as absent. */
	if (poorer && !cJSON_IsNull(poorer)) {
		if (poorer->child)
			cJSON_Delete(poorer->child);
		poorer->child = NULL;
		poorer->type = cJSON_NULL | (poorer->type & ~0xff);
	} else {
		poorer = NULL;
	}
	cni_netconf_free(&call.conf);
	return poorer;
}

void lint_plugin(struct lint_file *f, const cJSON *plugin, const char *network,
		 const char *version)
{
	cleanup_json cJSON *work = cJSON_Duplicate(plugin, true);
	const char *const net[] = { network, version };
	bool ok = false;

	f->all->failed |= !work;
	for (int i = 0; work && i < MAX_ERRORS; i++)
		if (!round_of(f, plugin, work, net, &ok))
			break;
}

/* "plugins[2]: ..." */
static const cJSON *by_plugin(const cJSON *doc, const char *msg)
{
	static const char prefix[] = "plugins[";
	const size_t n = sizeof(prefix) - 1;

	if (strncmp(msg, prefix, n) != 0)
		return NULL;
	return cJSON_GetArrayItem(json_get(doc, "plugins"),
				  (int)strtol(msg + n, NULL, 10));
}

void lint_list(struct lint_file *f)
{
	cleanup_conflist struct conflist c = { 0 };
	struct cni_err err = CNI_ERR_INIT;
	const cJSON *node = NULL;
	struct lint_watch w;
	char *text = strndup(f->text, f->len);

	f->all->failed |= !text;
	if (!text)
		return;
	lint_watch(&w);
	if (conflist_parse(text, f->len, false, &c, &err) < 0) {
		node = culprit(&w, c.doc, false, &err);
		if (!node && strstr(err.msg, "name"))
			node = json_get(c.doc, "name");
		if (!node)
			node = by_plugin(c.doc, err.msg);
		(void)say(f, f->doc, c.doc, node, &err);
	}
	lint_watch_end();
	lint_keys(f, f->doc, &w, anybodys);
}
