/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "cni/attachment.h"

#define KIND "cniCacheV1"
#define NAME_SIZE 256
#define TMP_PREFIX ".weft-"

static const struct json_field fields[] = {
	{ .name = "kind",
	  .type = JSON_STR,
	  .offset = offsetof(struct cache_entry, kind) },
	{ .name = "containerId",
	  .type = JSON_STR,
	  .offset = offsetof(struct cache_entry, container_id) },
	{ .name = "ifName",
	  .type = JSON_STR,
	  .offset = offsetof(struct cache_entry, ifname) },
	{ .name = "networkName",
	  .type = JSON_STR,
	  .offset = offsetof(struct cache_entry, network) },
	{ .name = "netns",
	  .type = JSON_STR,
	  .offset = offsetof(struct cache_entry, netns) },
	{ .name = "capabilityArgs",
	  .type = JSON_OBJ,
	  .offset = offsetof(struct cache_entry, cap_args) },
	{ .name = "result",
	  .type = JSON_OBJ,
	  .offset = offsetof(struct cache_entry, result) },
	{ 0 },
};

void cache_entry_free(struct cache_entry *e)
{
	cJSON_Delete(e->doc);
	*e = (struct cache_entry){ 0 };
}

static int entry_name(char buf[NAME_SIZE], const char *network,
		      const char *container_id, const char *ifname)
{
	const int n = snprintf(buf, NAME_SIZE, "%s-%s-%s", network,
			       container_id, ifname);

	return n < NAME_SIZE && !strchr(buf, '/') ? 0 : -ENAMETOOLONG;
}

/* Derived, so that whoever comes next for the same attachment replaces or
 * removes what a killed one left. */
static void tmp_name(char buf[NAME_SIZE], const char *network,
		     const char *container_id, const char *ifname)
{
	const struct cni_attachment a = { network, container_id, ifname };

	(void)snprintf(buf, NAME_SIZE, TMP_PREFIX "%016llx",
		       (unsigned long long)cni_attachment_hash(&a));
}

/* RFC 4648, as Go's encoding/json writes bytes. */
static char *base64(const char *s, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	const unsigned char *b = (const unsigned char *)s;
	char *out = malloc((len + 2) / 3 * 4 + 1), *p = out;

	for (size_t i = 0; out && i < len; i += 3) {
		const size_t n = len - i;
		const unsigned int v =
			(unsigned int)b[i] << 16 |
			(n > 1 ? (unsigned int)b[i + 1] << 8 : 0) |
			(n > 2 ? b[i + 2] : 0U);

		*p++ = digits[v >> 18 & 63];
		*p++ = digits[v >> 12 & 63];
		*p++ = digits[n > 1 ? v >> 6 & 63 : 64];
		*p++ = digits[n > 2 ? v & 63 : 64];
	}
	if (out)
		*p = '\0';
	return out;
}

static int add_pair(cJSON *list, const char *pair, size_t len)
{
	const size_t k = strcspn(pair, "=;");
	cleanup_free char *key = strndup(pair, k);
	cleanup_free char *value =
		k < len ? strndup(pair + k + 1, len - k - 1) : strdup("");
	cJSON *item = cJSON_CreateArray();
	int r = json_add(list, NULL, item);

	r |= r ? r : json_add(item, NULL, cJSON_CreateString(key));
	r |= r ? r : json_add(item, NULL, cJSON_CreateString(value));
	return r;
}

/* "K=V;K=V" as [["K","V"],...] */
static int add_args(cJSON *doc, const char *args)
{
	cJSON *list = cJSON_CreateArray();
	int r = json_add(doc, "cniArgs", list);

	for (const char *p = args; !r && *p; p += *p == ';') {
		const size_t len = strcspn(p, ";");

		if (len)
			r = add_pair(list, p, len);
		p += len;
	}
	return r;
}

static char *print_entry(const struct conflist *list,
			 const struct cache_entry *e)
{
	cleanup_json cJSON *doc = cJSON_CreateObject();
	cleanup_free char *config = base64(list->text, list->len);
	int r;

	r = json_add_str(doc, "kind", KIND);
	r |= json_add_str(doc, "containerId", e->container_id);
	r |= json_add(doc, "config", cJSON_CreateString(config));
	r |= json_add_str(doc, "ifName", e->ifname);
	r |= json_add_str(doc, "networkName", e->network);
	r |= json_add_str(doc, "netns", e->netns);
	if (*e->args)
		r |= add_args(doc, e->args);
	if (e->cap_args)
		r |= json_add(doc, "capabilityArgs",
			      cJSON_Duplicate(e->cap_args, true));
	if (e->result)
		r |= json_add(doc, "result", cJSON_Duplicate(e->result, true));
	return r || !config ? NULL : cJSON_PrintUnformatted(doc);
}

static int write_file(int dir, const char *name, const char *text, bool sync)
{
	cleanup_close int fd = openat(
		dir, name,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : file_write_all(fd, text, strlen(text));

	return !r && sync && fsync(fd) < 0 ? -errno : r;
}

static int write_atomically(int dir, const struct cache_entry *e,
			    const char *text)
{
	char name[NAME_SIZE], tmp[NAME_SIZE];
	int r;

	r = entry_name(name, e->network, e->container_id, e->ifname);
	if (r < 0)
		return r;
	tmp_name(tmp, e->network, e->container_id, e->ifname);
	/* Until there is a result, a power cut takes what it speaks of too. */
	r = write_file(dir, tmp, text, e->result != NULL);
	if (!r && renameat(dir, tmp, dir, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir, tmp, 0);
	return r;
}

int cache_save(const char *dir, const struct conflist *list,
	       const struct cache_entry *e, struct cni_err *err)
{
	cleanup_free char *text = print_entry(list, e);
	cleanup_close int fd = -1;
	int r;

	if (!text)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "cache entry");
	if (strlen(text) > JSON_MAX_SIZE)
		return err_say(err, CNI_E_CONFIG, E2BIG,
			       "cache entry of %zu bytes: at most %u",
			       strlen(text), JSON_MAX_SIZE);
	r = file_mkdirs(dir, 0700, &fd, err);
	if (r < 0)
		return r;
	r = write_atomically(fd, e, text);
	return r < 0 ? err_set(err, CNI_E_IO, -r, "cache %s-%s-%s in %s",
			       e->network, e->container_id, e->ifname, dir)
		     : 0;
}

/* Appends to @buf, or only counts without one. */
static size_t put_pair(char *buf, size_t size, size_t n, const cJSON *pair)
{
	const char *k = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 0));
	const char *v = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 1));

	if (!k || !v)
		return n;
	return n + (size_t)snprintf(buf ? buf + n : NULL, buf ? size - n : 0,
				    "%s%s=%s", n ? ";" : "", k, v);
}

/* The pairs back as "K=V;K=V", kept in the tree. */
static const char *join_args(cJSON *doc)
{
	const cJSON *pairs = json_get(doc, "cniArgs"), *pair;
	cleanup_free char *text = NULL;
	size_t size = 0, n = 0;
	cJSON *joined;

	cJSON_ArrayForEach(pair, pairs) size = put_pair(NULL, 0, size, pair);
	text = calloc(++size, 1);
	if (!text)
		return NULL;
	cJSON_ArrayForEach(pair, pairs) n = put_pair(text, size, n, pair);
	joined = cJSON_CreateString(text);
	return json_add(doc, "weft.args", joined) < 0 ? NULL
						      : joined->valuestring;
}

static const struct cache_entry nothing = { .kind = "",
					    .container_id = "",
					    .ifname = "",
					    .network = "",
					    .netns = "",
					    .args = "" };

/* Return: 1, or 0 for what counts as none */
static int read_doc(int dir, const char *name, struct cache_entry *e)
{
	cleanup_close int fd =
		openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct cni_err err = CNI_ERR_INIT;
	cleanup_free char *text = NULL;
	size_t len = 0;
	struct stat st;

	*e = nothing;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    file_read_fd(fd, JSON_MAX_SIZE, &text, &len) < 0 ||
	    json_parse(text, len, &e->doc, &err) < 0)
		return 0;
	e->saved = st.st_mtime;
	return 1;
}

static int read_entry(int dir, const char *name, struct cache_entry *ret)
{
	struct cni_err err = CNI_ERR_INIT;
	struct cache_entry e;

	if (!read_doc(dir, name, &e))
		return 0;
	if (json_decode(e.doc, fields, &e, &err) < 0 || !*e.container_id ||
	    !*e.ifname || !*e.network ||
	    (*e.kind && strcmp(e.kind, KIND) != 0) ||
	    !(e.args = join_args(e.doc))) {
		log_info("cache entry %s: not readable", name);
		cJSON_Delete(e.doc);
		return 0;
	}
	*ret = e;
	return 1;
}

static bool is_bare_result(const cJSON *doc)
{
	return !json_get(doc, "kind") && !json_get(doc, "containerId") &&
	       (json_get(doc, "cniVersion") || json_get(doc, "interfaces") ||
		json_get(doc, "ips") || json_get(doc, "ip4") ||
		json_get(doc, "ip6"));
}

/* libcni before 0.8 kept the result alone: whose it is, only the file's name
 * says. */
static int read_bare(int dir, const char *name, const struct cni_attachment *a,
		     struct cache_entry *ret)
{
	struct cache_entry e;

	if (!read_doc(dir, name, &e))
		return 0;
	if (!is_bare_result(e.doc)) {
		cJSON_Delete(e.doc);
		return 0;
	}
	e.network = a->network;
	e.container_id = a->container_id;
	e.ifname = a->ifname;
	e.result = e.doc;
	*ret = e;
	return 1;
}

int cache_load(const char *dir, const char *network, const char *container_id,
	       const char *ifname, struct cache_entry *ret)
{
	const struct cni_attachment a = { network, container_id, ifname };
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_SIZE];

	if (fd < 0 || entry_name(name, network, container_id, ifname) < 0)
		return 0;
	if (!read_entry(fd, name, ret))
		return read_bare(fd, name, &a, ret);
	if (!strcmp(ret->network, network) &&
	    !strcmp(ret->container_id, container_id) &&
	    !strcmp(ret->ifname, ifname))
		return 1;
	cache_entry_free(ret);
	return 0;
}

int cache_remove(const char *dir, const char *network, const char *container_id,
		 const char *ifname, struct cni_err *err)
{
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_SIZE], tmp[NAME_SIZE];

	if (fd < 0 && errno != ENOENT)
		return err_set(err, CNI_E_IO, errno, "open %s", dir);
	if (fd < 0 || entry_name(name, network, container_id, ifname) < 0)
		return 0;
	tmp_name(tmp, network, container_id, ifname);
	(void)unlinkat(fd, tmp, 0);
	if (unlinkat(fd, name, 0) < 0 && errno != ENOENT)
		return err_set(err, CNI_E_IO, errno, "remove %s/%s", dir, name);
	return 0;
}

static int is_temporary(const struct dirent *d)
{
	return !strncmp(d->d_name, TMP_PREFIX, sizeof(TMP_PREFIX) - 1);
}

void cache_tidy(const char *dir, time_t until)
{
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **files = NULL;
	struct stat st;
	int n;

	n = fd < 0 ? 0 : scandir(dir, &files, is_temporary, alphasort);
	for (int i = 0; i < n; i++) {
		const char *name = files[i]->d_name;

		if (!fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) &&
		    st.st_mtime <= until)
			(void)unlinkat(fd, name, 0);
		free(files[i]);
	}
	free(files);
}

static int not_hidden(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int cache_walk(const char *dir,
	       int (*fn)(const char *file, const struct cache_entry *e,
			 void *arg, struct cni_err *err),
	       void *arg, struct cni_err *err)
{
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **files = NULL;
	int n, r = 0;

	n = fd < 0 ? 0 : scandir(dir, &files, not_hidden, alphasort);
	for (int i = 0; i < n; i++) {
		cleanup_cache_entry struct cache_entry e = { 0 };
		const char *name = files[i]->d_name;

		if (!r)
			r = fn(name, read_entry(fd, name, &e) ? &e : NULL, arg,
			       err);
		free(files[i]);
	}
	free(files);
	return r;
}

/* Those of one network, to a function that needs no more. */
struct each {
	const char *network;
	int (*fn)(const struct cache_entry *e, void *arg, struct cni_err *err);
	void *arg;
};

static int each_one(const char *file, const struct cache_entry *e, void *arg,
		    struct cni_err *err)
{
	const struct each *x = arg;

	(void)file;
	return e && !strcmp(e->network, x->network) ? x->fn(e, x->arg, err) : 0;
}

int cache_each(const char *dir, const char *network,
	       int (*fn)(const struct cache_entry *e, void *arg,
			 struct cni_err *err),
	       void *arg, struct cni_err *err)
{
	struct each x = { network, fn, arg };

	return cache_walk(dir, each_one, &x, err);
}

static int digit_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* What base64() made, NUL-terminated; NULL if it is none. */
static char *unbase64(const char *s, size_t *ret_len)
{
	char *out = malloc(strlen(s) / 4 * 3 + 4);
	unsigned int v = 0, bits = 0;
	size_t n = 0;

	for (; out && *s && *s != '='; s++) {
		const int d = digit_of(*s);

		if (d < 0) {
			free(out);
			return NULL;
		}
		v = v << 6 | (unsigned int)d;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		out[n++] = (char)(v >> bits);
		v &= (1U << bits) - 1;
	}
	if (out)
		out[n] = '\0';
	*ret_len = n;
	return out;
}

int cache_config(const struct cache_entry *e, struct conflist *ret,
		 struct cni_err *err)
{
	const char *config = cJSON_GetStringValue(json_get(e->doc, "config"));
	cleanup_json cJSON *doc = NULL;
	struct cni_err ignored = CNI_ERR_INIT;
	char *text;
	size_t len = 0;

	*ret = (struct conflist){ 0 };
	text = config ? unbase64(config, &len) : NULL;
	if (!text)
		return err_say(err, CNI_E_DECODE, ENOENT,
			       "cache entry without a configuration");
	(void)json_parse(text, len, &doc, &ignored);
	return conflist_parse(text, len, !json_get(doc, "plugins"), ret, err);
}
