/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/conflist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "cni/args.h"

struct raw {
	struct conflist c;
	const char *version;
	const cJSON *versions;
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
	FIELD("plugins", JSON_ARR, c.plugins),
	{ 0 },
};

void conflist_free(struct conflist *c)
{
	cJSON_Delete(c->doc);
	free(c->text);
	*c = (struct conflist){ 0 };
}

/* The highest that both sides speak; versions that we never heard of are for
 * newer runtimes. */
static int settle_version(struct raw *raw, struct cni_err *err)
{
	struct cni_err unknown = CNI_ERR_INIT;
	enum cni_version best = CNI_V0_1_0, v;
	bool found = false;
	const cJSON *s;

	cJSON_ArrayForEach(s, raw->versions)
	{
		if (!cJSON_IsString(s))
			return err_ctx(err, json_expected(s, "a string", err),
				       "key \"cniVersions\"");
		if (cni_version_parse(s->valuestring, &v, &unknown) < 0)
			continue;
		if (!found || v > best)
			best = v;
		found = true;
	}
	if (raw->version || !found) {
		const int r = cni_version_parse(raw->version, &v, err);

		if (r < 0)
			return r;
		if (!found || v > best)
			best = v;
	}
	raw->c.version = best;
	return 0;
}

static int check_plugins(const cJSON *plugins, struct cni_err *err)
{
	const cJSON *p;
	int i = 0;

	if (!plugins || !plugins->child)
		return err_say(err, CNI_E_CONFIG, EINVAL, "no plugins in list");
	cJSON_ArrayForEach(p, plugins)
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

int conflist_parse(char *text, size_t len, bool is_single, struct conflist *ret,
		   struct cni_err *err)
{
	struct raw raw = { .c = { .text = text, .len = len } };
	int r;

	r = json_parse(text, len, &raw.c.doc, err);
	if (!r && is_single) {
		raw.c.doc = wrap(raw.c.doc);
		if (!raw.c.doc)
			r = err_set(err, CNI_E_INTERNAL, ENOMEM, "wrap");
	}
	if (!r)
		r = json_decode(raw.c.doc, fields, &raw, err);
	if (!r && (!raw.c.name || !cni_name_is_valid(raw.c.name)))
		r = err_say(err, CNI_E_CONFIG, EINVAL,
			    "missing or invalid network name");
	if (!r)
		r = settle_version(&raw, err);
	if (!r)
		r = check_plugins(raw.c.plugins, err);
	*ret = raw.c;
	return r;
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

static int read_conf(int dir, const char *file, bool is_single,
		     struct conflist *ret, struct cni_err *err)
{
	cleanup_close int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t len = 0;
	int r;

	r = fd < 0 ? -errno : file_read_fd(fd, JSON_MAX_SIZE, &text, &len);
	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "read");
	return conflist_parse(text, len, is_single, ret, err);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Return: 1 if found, 0 if not, or a negative errno */
static int search(const char *path, const char *name, bool is_single,
		  struct conflist *ret, size_t *ret_seen, struct cni_err *err)
{
	cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **files = NULL;
	int n, r = 0;

	if (dir < 0 && errno == ENOENT)
		return 0;
	n = dir < 0 ? -1
		    : scandir(path, &files, is_single ? is_conf : is_list,
			      by_name);
	if (n < 0)
		return err_set(err, CNI_E_CONFIG, errno,
			       "network configurations in %s", path);
	*ret_seen += (size_t)n;
	for (int i = 0; i < n; i++) {
		if (!r) {
			conflist_free(ret);
			r = read_conf(dir, files[i]->d_name, is_single, ret,
				      err);
			if (r < 0)
				(void)err_ctx(err, r, "%s/%s", path,
					      files[i]->d_name);
			else
				r = !strcmp(ret->name, name);
		}
		free(files[i]);
	}
	free(files);
	return r;
}

int conflist_load(const char *dir, const char *name, struct conflist *ret,
		  struct cni_err *err)
{
	size_t seen = 0;
	int r;

	*ret = (struct conflist){ 0 };
	r = search(dir, name, false, ret, &seen, err);
	if (!r)
		r = search(dir, name, true, ret, &seen, err);
	if (r)
		return r < 0 ? r : 0;
	return seen ? err_say(err, CNI_E_CONFIG, ENOENT,
			      "no net configuration with name \"%s\" in %s",
			      name, dir)
		    : err_say(err, CNI_E_CONFIG, ENOENT,
			      "no net configurations found in %s", dir);
}
