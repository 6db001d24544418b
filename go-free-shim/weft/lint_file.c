/* SPDX-License-Identifier: Apache-2.0 */
/* weft lint: one file, and what no plugin alone can see. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "weft/lint.h"

static void add(struct lint *all, const char *file, bool is_error,
		struct json_where w, const char *msg)
{
	cJSON *o = cJSON_CreateObject();
	int r = 0;

	r |= json_add_str(o, "file", file);
	r |= json_add(o, "line", cJSON_CreateNumber((double)w.line));
	r |= json_add(o, "column", cJSON_CreateNumber((double)w.column));
	r |= json_add_str(o, "severity", is_error ? "error" : "warning");
	r |= json_add_str(o, "message", msg);
	r |= json_add(all->found, NULL, o);
	all->failed |= r != 0;
	all->errors += is_error;
}

void lint_say_at(struct lint *all, const char *file, bool is_error,
		 struct json_where w, const char *fmt, ...)
{
	char msg[sizeof(((struct cni_err *)0)->msg) + 64];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	add(all, file, is_error, w, msg);
}

void lint_say(struct lint_file *f, bool is_error, const cJSON *node, bool key,
	      const char *fmt, ...)
{
	char msg[sizeof(((struct cni_err *)0)->msg) + 64];
	struct json_path path = { 0 };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	(void)json_path_find(f->doc, node, &path);
	add(f->all, f->name, is_error, json_where(f->text, f->len, &path, key),
	    msg);
}

static const char *type_of(const cJSON *plugin)
{
	const char *type = cJSON_GetStringValue(json_get(plugin, "type"));

	return type ? type : "";
}

static void check_spelling(struct lint_file *f, const cJSON *of)
{
	const cJSON *v = json_get(of, "type");
	const char *words[64];
	const struct kind *k;
	const char *near;
	size_t n = 0;

	if (!cJSON_IsString(v) || kind_find(v->valuestring))
		return;
	for (size_t i = 0; (k = kind_at(i)) && n < 64; i++)
		words[n++] = k->type;
	near = lint_near(v->valuestring, words, n);
	if (near)
		lint_say(f, false, v, false,
			 "plugin \"%s\" is not known, did you mean \"%s\"?",
			 v->valuestring, near);
}

/* What a plugin needs of those before it. */
static void check_place(struct lint_file *f, const cJSON *plugin, bool is_first)
{
	const struct kind *k = kind_find(type_of(plugin));
	const cJSON *type = json_get(plugin, "type");

	if (!k)
		return;
	if (k->role == KIND_IPAM)
		lint_say(
			f, true, type, false,
			"\"%s\" is an IPAM plugin: its place is \"ipam\" of another one",
			k->type);
	if (k->role == KIND_CHAINED && is_first)
		lint_say(
			f, true, type, false,
			"\"%s\" works on an interface that another plugin made: it cannot be the first",
			k->type);
	if (k->role == KIND_MAIN && !is_first)
		lint_say(
			f, false, type, false,
			"\"%s\" makes an interface of its own and ignores the plugins before it: it should be the first",
			k->type);
	if (k->capability &&
	    !cJSON_IsTrue(
		    json_get(json_get(plugin, "capabilities"), k->capability)))
		lint_say(
			f, false, type, false,
			"\"%s\" without \"capabilities\": {\"%s\": true}: engines will tell it nothing",
			k->type, k->capability);
}

static void check_log(struct lint_file *f, const cJSON *plugin)
{
	const cJSON *v = json_get(plugin, "log");

	if (cJSON_IsString(v) && *v->valuestring && *v->valuestring != '/' &&
	    strcmp(v->valuestring, "journal") != 0)
		lint_say(
			f, true, v, false,
			"key \"log\": \"%s\" is neither an absolute path nor \"journal\": nothing will be logged",
			v->valuestring);
}

static void check_plugin(struct lint_file *f, const cJSON *plugin,
			 const char *network, const char *version,
			 bool is_first)
{
	const cJSON *ipam = json_get(plugin, "ipam");
	const struct kind *k =
		cJSON_IsObject(ipam) ? kind_find(type_of(ipam)) : NULL;

	check_spelling(f, plugin);
	check_place(f, plugin, is_first);
	check_log(f, plugin);
	if (cJSON_IsObject(ipam) && ipam->child)
		check_spelling(f, ipam);
	if (k && k->role != KIND_IPAM)
		lint_say(f, true, json_get(ipam, "type"), false,
			 "\"%s\" is no IPAM plugin", k->type);
	lint_plugin(f, plugin, network, version);
}

static bool ends_in(const char *s, const char *suffix)
{
	const size_t n = strlen(s), k = strlen(suffix);

	return n > k && !strcmp(s + n - k, suffix);
}

static void check_list(struct lint_file *f)
{
	const cJSON *plugins = json_get(f->doc, "plugins"), *p;
	const char *name = cJSON_GetStringValue(json_get(f->doc, "name"));
	const char *version =
		cJSON_GetStringValue(json_get(f->doc, "cniVersion"));
	bool is_first = true;

	/* What is wrong with these is said once, of the list. */
	if (!name || !cni_name_is_valid(name))
		name = "unnamed";
	if (!version || cni_version_parse(version, &(enum cni_version){ 0 },
					  &(struct cni_err)CNI_ERR_INIT) < 0)
		version = cni_version_str(CNI_V_MAX - 1);
	lint_list(f);
	if (!cJSON_IsArray(plugins))
		return;
	cJSON_ArrayForEach(p, plugins)
	{
		if (cJSON_IsObject(p) && *type_of(p))
			check_plugin(f, p, name, version, is_first);
		is_first = false;
	}
}

static void check(struct lint_file *f)
{
	const bool is_list =
		ends_in(f->name, ".conflist") || json_get(f->doc, "plugins");

	if (!cJSON_IsObject(f->doc))
		lint_say(f, true, f->doc, false,
			 "a network configuration is an object");
	else if (is_list)
		check_list(f);
	else if (!*type_of(f->doc))
		lint_say(
			f, true, f->doc, false,
			"neither \"plugins\", as a list has it, nor \"type\", as a single plugin");
	else
		check_plugin(f, f->doc, NULL, NULL, true);
}

static int read_text(struct lint_file *f)
{
	cleanup_close int fd = open(f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno
		      : file_read_fd(fd, JSON_MAX_SIZE, &f->text, &f->len);
}

static bool same_subnet(const struct facts *a, const struct facts *b,
			size_t *ret_a, size_t *ret_b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (ip_net_overlaps(&a->subnets[i], &b->subnets[k])) {
				*ret_a = i;
				*ret_b = k;
				return true;
			}
	return false;
}

/* The network at @i against those before it. */
static void check_others(struct lint *all, size_t i)
{
	const struct lint_net *b = &all->nets[i];
	char x[IP_NET_STR_SIZE], y[IP_NET_STR_SIZE];
	size_t ka = 0, kb = 0;

	for (size_t k = 0; k < i; k++) {
		const struct lint_net *a = &all->nets[k];
		const bool one = !strcmp(a->network, b->network);

		if (one && strcmp(a->file, b->file) != 0)
			lint_say_at(
				all, b->file, false, b->where,
				"network \"%s\" is also in %s: engines take the file whose name comes first",
				b->network, a->file);
		else if (!one && same_subnet(&a->facts, &b->facts, &ka, &kb))
			lint_say_at(
				all, b->file, false, b->where,
				"subnet %s overlaps with %s of network \"%s\" in %s: both may hand out one address",
				ip_net_format(&b->facts.subnets[kb], x),
				ip_net_format(&a->facts.subnets[ka], y),
				a->network, a->file);
	}
}

void lint_file(struct lint *all, const char *name)
{
	struct lint_file f = { .all = all, .name = name };
	const struct json_where top = { 1, 1 };
	struct cni_err err = CNI_ERR_INIT;
	size_t at = 0, before = all->n_nets;
	int r = read_text(&f);

	if (r < 0)
		lint_say_at(all, name, true, top, "read: %s",
			    r == -EFBIG ? "over 1 MiB" : strerror(-r));
	else if (json_parse_at(f.text, f.len, &f.doc, &at, &err) < 0)
		lint_say_at(all, name, true, json_where_at(f.text, f.len, at),
			    "%s", err.msg);
	else
		check(&f);
	for (; before < all->n_nets; before++)
		check_others(all, before);
	cJSON_Delete(f.doc);
	free(f.text);
}
