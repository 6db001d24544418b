/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/conflist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "cni/args.h"

struct raw {
	struct conflist c;
	const char *version;
	const cJSON *versions;
};

/* What is done with each list that a directory holds. */
struct visit {
	const char *path;
	bool is_single;
	size_t seen;
	int (*fn)(struct conflist *c, void *arg);
	void *arg;
	const char *wanted; /* NULL: all */
};

/* A bool that libcni also takes as a string. */
static int decode_flag(const cJSON *v, void *field, struct cni_err *err)
{
	const char *s = cJSON_IsString(v) ? v->valuestring : "";
	const bool yes = cJSON_IsTrue(v) || !strcasecmp(s, "true");

	if (!yes && !cJSON_IsFalse(v) && strcasecmp(s, "false") != 0)
		return json_expected(v, "true or false", err);
	*(bool *)field = yes;
	return 0;
}

#define FIELD(key, kind, member, ...)                               \
	{                                                           \
		.name = (key), .type = (kind),                      \
		.offset = offsetof(struct raw, member), __VA_ARGS__ \
	}

static const struct json_field fields[] = {
	FIELD("name", JSON_STR, c.name),
	FIELD("cniVersion", JSON_STR, version),
	FIELD("cniVersions", JSON_ARR, versions),
	FIELD("disableCheck", JSON_FUNC, c.disable_check,
	      .decode = decode_flag),
	FIELD("disableGC", JSON_FUNC, c.disable_gc, .decode = decode_flag),
	FIELD("loadOnlyInlinedPlugins", JSON_FUNC, c.only_inlined,
	      .decode = decode_flag),
	FIELD("plugins", JSON_ARR, c.plugins),
	{ 0 },
};

void conflist_free(struct conflist *c)
{
	cJSON_Delete(c->doc);
	free(c->text);
	*c = (struct conflist){ 0 };
}

/* Of "cniVersions", what we never heard of is for newer runtimes. */
static int highest(const cJSON *versions, enum cni_version *best,
		   struct cni_err *err)
{
	struct cni_err unknown = CNI_ERR_INIT;
	enum cni_version v;
	int found = 0;
	const cJSON *s;

	cJSON_ArrayForEach(s, versions)
	{
		if (!cJSON_IsString(s))
			return err_ctx(err, json_expected(s, "a string", err),
				       "key \"cniVersions\"");
		if (cni_version_parse(s->valuestring, &v, &unknown) < 0)
			continue;
		if (!found || v > *best)
			*best = v;
		found = 1;
	}
	return found;
}

/* The highest that both sides speak. */
static int settle_version(struct raw *raw, struct cni_err *err)
{
	enum cni_version best = CNI_V0_1_0, v = CNI_V0_1_0;
	struct cni_err unknown = CNI_ERR_INIT;
	const int found = highest(raw->versions, &best, err);
	int r;

	if (found < 0)
		return found;
	if (!found || raw->version) {
		r = cni_version_parse(raw->version, &v, &unknown);
		if (r < 0 && !found) {
			*err = unknown;
			return r;
		}
		if (!found || (!r && v > best))
			best = v;
	}
	raw->c.version = best;
	return 0;
}

/* A list may leave them to its directory, unless it says otherwise. */
static int check_plugins(const struct conflist *c, struct cni_err *err)
{
	const cJSON *p;
	int i = 0;

	if (!c->plugins && c->only_inlined)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"loadOnlyInlinedPlugins is true, and no 'plugins' key");
	if (c->plugins && !c->plugins->child)
		return err_say(err, CNI_E_CONFIG, EINVAL, "no plugins in list");
	cJSON_ArrayForEach(p, c->plugins)
	{
		const cJSON *type = json_get(p, "type");

		if (!cJSON_IsString(type) || !*type->valuestring)
			return err_say(err, CNI_E_CONFIG, EINVAL,
				       "plugins[%d]: missing 'type'", i);
		i++;
	}
	return 0;
}

/* {"name", "cniVersion", "type", ...} becomes {"name", "cniVersion",
 * "plugins": [...]}. Takes @single in every case. */
static cJSON *wrap(cJSON *single)
{
	cleanup_json cJSON *list = cJSON_CreateObject();
	cJSON *array = cJSON_CreateArray();
	int r = 0;

	for (size_t i = 0; i < 2; i++) {
		const char *key = i ? "cniVersion" : "name";
		const cJSON *v = json_get(single, key);

		if (v)
			r |= json_add(list, key, cJSON_Duplicate(v, true));
	}
	r |= json_add(array, NULL, single);
	r |= json_add(list, "plugins", array);
	return r ? NULL : TAKE_PTR(list);
}

/* A single one is kept, and cached, as the list that it stands for. */
static int wrap_text(struct conflist *c, struct cni_err *err)
{
	c->doc = wrap(c->doc);
	free(c->text);
	c->text = c->doc ? cJSON_PrintUnformatted(c->doc) : NULL;
	if (!c->text)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "wrap");
	c->len = strlen(c->text);
	return 0;
}

int conflist_parse(char *text, size_t len, bool is_single, struct conflist *ret,
		   struct cni_err *err)
{
	struct raw raw = { .c = { .text = text, .len = len } };
	int r;

	r = json_parse(text, len, &raw.c.doc, err);
	if (!r && is_single)
		r = wrap_text(&raw.c, err);
	if (!r)
		r = json_decode(raw.c.doc, fields, &raw, err);
	if (!r && (!raw.c.name || !cni_name_is_valid(raw.c.name)))
		r = err_say(err, CNI_E_CONFIG, EINVAL,
			    "missing or invalid network name");
	if (!r)
		r = check_plugins(&raw.c, err);
	if (!r)
		r = settle_version(&raw, err);
	*ret = raw.c;
	return r;
}

int conflist_complete(const struct conflist *c, struct cni_err *err)
{
	return c->plugins ? 0
			  : err_say(err, CNI_E_CONFIG, ENOENT,
				    "no plugin configs found");
}

static bool has_suffix(const char *s, const char *suffix)
{
	const size_t n = strlen(s), k = strlen(suffix);

	return n > k && !strcmp(s + n - k, suffix);
}

static int is_list(const struct dirent *d)
{
	return has_suffix(d->d_name, ".conflist");
}

static int is_conf(const struct dirent *d)
{
	return has_suffix(d->d_name, ".conf") || has_suffix(d->d_name, ".json");
}

static int is_plugin(const struct dirent *d)
{
	return has_suffix(d->d_name, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_text(const char *path, char **ret, size_t *ret_len,
		     struct cni_err *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	const int r =
		fd < 0 ? -errno : file_read_fd(fd, JSON_MAX_SIZE, ret, ret_len);

	return r < 0 ? err_set(err, CNI_E_IO, -r, "read %s", path) : 0;
}

/* Takes @plugin in every case. */
static int append_plugin(struct conflist *c, cJSON *plugin, const char *path,
			 struct cni_err *err)
{
	const cJSON *type = json_get(plugin, "type");
	cJSON *list = (cJSON *)c->plugins;

	if (!cJSON_IsString(type) || !*type->valuestring) {
		cJSON_Delete(plugin);
		return err_say(err, CNI_E_CONFIG, EINVAL, "%s: missing 'type'",
			       path);
	}
	if (!list) {
		list = cJSON_CreateArray();
		c->plugins = list;
		if (json_add(c->doc, "plugins", list) < 0)
			c->plugins = NULL;
	}
	return json_add(c->plugins ? list : NULL, NULL, plugin) < 0
		       ? err_set(err, CNI_E_INTERNAL, ENOMEM, "plugin")
		       : 0;
}

/* Its name in the directory, or none for a directory. */
static int join(const char *dir, const char *name, char path[PATH_MAX])
{
	struct stat st;

	if (snprintf(path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	return !stat(path, &st) && S_ISDIR(st.st_mode) ? -EISDIR : 0;
}

static int load_plugin(struct conflist *c, const char *dir, const char *name,
		       struct cni_err *err)
{
	cleanup_free char *text = NULL;
	cJSON *plugin = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r;

	if (join(dir, name, path) < 0)
		return 0;
	r = read_text(path, &text, &len, err);
	if (r < 0)
		return r;
	r = json_parse(text, len, &plugin, err);
	return r < 0 ? err_ctx(err, r, "%s", path)
		     : append_plugin(c, plugin, path, err);
}

/* <dir>/<name>/<x>.conf, after the inlined ones. */
static int load_drop_ins(struct conflist *c, const char *dir,
			 struct cni_err *err)
{
	struct dirent **files = NULL;
	char path[PATH_MAX];
	int n, r = 0;

	if (c->only_inlined || join(dir, c->name, path) != -EISDIR)
		return 0;
	n = scandir(path, &files, is_plugin, by_name);
	if (n < 0)
		return err_set(err, CNI_E_IO, errno, "plugins in %s", path);
	for (int i = 0; i < n; i++) {
		if (!r)
			r = load_plugin(c, path, files[i]->d_name, err);
		free(files[i]);
	}
	free(files);
	return r;
}

static int read_list(const struct visit *v, const char *path,
		     struct conflist *ret, struct cni_err *err)
{
	char *text = NULL;
	size_t len = 0;
	int r;

	r = read_text(path, &text, &len, err);
	if (r < 0)
		return r;
	r = conflist_parse(text, len, v->is_single, ret, err);
	if (!r && !v->is_single)
		r = load_drop_ins(ret, v->path, err);
	return r ? err_ctx(err, r, "%s", path) : 0;
}

/* Return: 1 to end the search, 0, or a negative errno */
static int visit_file(const struct visit *v, const char *name,
		      struct cni_err *err)
{
	cleanup_conflist struct conflist c = { 0 };
	char path[PATH_MAX];
	int r;

	if (join(v->path, name, path) < 0)
		return 0;
	r = read_list(v, path, &c, err);
	if (!v->wanted && r < 0) {
		log_warn("%s", err->msg);
		return 0;
	}
	/* Only its own network needs a version that we speak. */
	if (v->wanted && c.name && strcmp(c.name, v->wanted) != 0 &&
	    (!r || err->code == CNI_E_VERSION))
		return 0;
	if (!r && v->wanted)
		r = conflist_complete(&c, err);
	return r < 0 ? r : v->fn(&c, v->arg);
}

static int visit_dir(struct visit *v, struct cni_err *err)
{
	struct dirent **files = NULL;
	int n, r = 0;

	n = scandir(v->path, &files, v->is_single ? is_conf : is_list, by_name);
	if (n < 0)
		return errno == ENOENT ? 0
				       : err_set(err, CNI_E_CONFIG, errno,
						 "network configurations in %s",
						 v->path);
	v->seen += (size_t)n;
	for (int i = 0; i < n; i++) {
		if (!r)
			r = visit_file(v, files[i]->d_name, err);
		free(files[i]);
	}
	free(files);
	return r;
}

static int visit_both(struct visit *v, struct cni_err *err)
{
	int r = visit_dir(v, err);

	v->is_single = true;
	return r ? r : visit_dir(v, err);
}

static int take(struct conflist *c, void *arg)
{
	*(struct conflist *)arg = *c;
	*c = (struct conflist){ 0 };
	return 1;
}

int conflist_load(const char *dir, const char *name, struct conflist *ret,
		  struct cni_err *err)
{
	struct visit v = {
		.path = dir, .fn = take, .arg = ret, .wanted = name
	};
	int r;

	*ret = (struct conflist){ 0 };
	r = visit_both(&v, err);
	if (r)
		return r < 0 ? r : 0;
	return v.seen ? err_say(err, CNI_E_CONFIG, ENOENT,
				"no net configuration with name \"%s\" in %s",
				name, dir)
		      : err_say(err, CNI_E_CONFIG, ENOENT,
				"no net configurations found in %s", dir);
}

int conflist_each(const char *dir, int (*fn)(struct conflist *c, void *arg),
		  void *arg, struct cni_err *err)
{
	struct visit v = { .path = dir, .fn = fn, .arg = arg };

	return visit_both(&v, err);
}
