/* SPDX-License-Identifier: Apache-2.0 */
/* add, check, del, gc, status: the verbs of the runtime. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cni/args.h"
#include "cni/attachment.h"
#include "libcni/cache.h"
#include "weft/weft.h"

/* A runtime and what it points into. */
struct session {
	struct conflist list;
	struct runtime rt;
	cJSON *cap_args;
	char plugin_path[PATH_MAX];
	char netns[PATH_MAX];
	char id[32];
};

static void session_close(struct session *s)
{
	conflist_free(&s->list);
	cJSON_Delete(s->cap_args);
}

#define cleanup_session CLEANUP(session_close)

static const char *env_or(const char *name, const char *fallback)
{
	const char *s = getenv(name);

	return s && *s ? s : fallback;
}

const char *weft_conf_dir(void)
{
	return env_or("NETCONFPATH", "/etc/cni/net.d");
}

/* The plugins lie beside this very file, whatever it was started as. */
static void default_plugin_path(char *buf, size_t size)
{
	char self[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	(void)snprintf(buf, size, "%.*s%s/opt/cni/bin:/usr/lib/cni",
		       (int)(size / 2), self, slash ? ":" : "");
}

static int read_cap_args(struct session *s, struct cni_err *err)
{
	const char *text = env_or("CAP_ARGS", "");
	int r;

	if (!*text)
		return 0;
	r = json_parse(text, strlen(text), &s->cap_args, err);
	if (!r && !cJSON_IsObject(s->cap_args))
		r = json_expected(s->cap_args, "an object", err);
	return r < 0 ? err_ctx(err, r, "CAP_ARGS") : 0;
}

/* Two guests must not share an ID because their paths are written alike. */
static int name_guest(struct session *s, const struct weft_args *a,
		      struct cni_err *err)
{
	const char *netns = a->n > 1 ? a->positional[1] : "";

	if (*netns && !realpath(netns, s->netns))
		(void)snprintf(s->netns, sizeof(s->netns), "%s", netns);
	if (a->id) {
		s->rt.container_id = a->id;
	} else if (*netns) {
		const struct cni_attachment by_path = { s->netns, "", "" };

		(void)snprintf(
			s->id, sizeof(s->id), "weft-%016llx",
			(unsigned long long)cni_attachment_hash(&by_path));
		s->rt.container_id = s->id;
	} else {
		return err_say(err, CNI_E_ENV, EINVAL,
			       "neither NETNS nor --id says who is meant");
	}
	if (!cni_name_is_valid(s->rt.container_id))
		return err_say(err, CNI_E_ENV, EINVAL,
			       "--id \"%s\": invalid characters",
			       s->rt.container_id);
	return cni_ifname_check(a->ifname, err);
}

static int session_open(struct session *s, const struct weft_args *a,
			struct cni_err *err)
{
	const char *path = getenv("CNI_PATH");
	int r;

	*s = (struct session){
		.rt = { .plugin_path = path,
			.cache_dir = a->cache_dir,
			.container_id = "",
			.netns = s->netns,
			.ifname = a->ifname,
			.args = env_or("CNI_ARGS", "") },
	};
	s->rt.list = &s->list;
	if (!path || !*path) {
		default_plugin_path(s->plugin_path, sizeof(s->plugin_path));
		s->rt.plugin_path = s->plugin_path;
	}
	r = read_cap_args(s, err);
	s->rt.cap_args = s->cap_args;
	return r ? r
		 : conflist_load(weft_conf_dir(), a->positional[0], &s->list,
				 err);
}

/* A second add must fail and leave the first one's work alone. */
static int check_new(const struct session *s, struct cni_err *err)
{
	cleanup_cache_entry struct cache_entry e = { 0 };

	if (!cache_load(s->rt.cache_dir, s->list.name, s->rt.container_id,
			s->rt.ifname, &e))
		return 0;
	return err_say(
		err, CNI_E_TAKEN, EEXIST,
		"%s of \"%s\" is attached to network \"%s\" already, see %s",
		s->rt.ifname, s->rt.container_id, s->list.name,
		s->rt.cache_dir);
}

static int add(const struct session *s, cJSON **ret, struct cni_err *err)
{
	struct cni_err ignored = CNI_ERR_INIT;
	const int r = runtime_add(&s->rt, ret, err);

	if (r < 0 && err->code != CNI_E_TAKEN)
		(void)runtime_del(&s->rt, &ignored);
	return r;
}

int weft_add(const struct weft_args *a, struct cni_err *err)
{
	cleanup_session struct session s = { 0 };
	cleanup_json cJSON *result = NULL;
	char *text;
	int r;

	r = session_open(&s, a, err);
	if (!r)
		r = name_guest(&s, a, err);
	if (!r)
		r = check_new(&s, err);
	if (!r)
		r = add(&s, &result, err);
	if (r < 0)
		return r;
	text = json_print(result);
	r = text && puts(text) >= 0 && !fflush(stdout) ? 0 : -EIO;
	free(text);
	return r < 0 ? err_set(err, CNI_E_IO, EIO, "print result") : 0;
}

static int on_guest(const struct weft_args *a,
		    int (*verb)(const struct runtime *rt, struct cni_err *err),
		    struct cni_err *err)
{
	cleanup_session struct session s = { 0 };
	int r = session_open(&s, a, err);

	if (!r)
		r = name_guest(&s, a, err);
	return r ? r : verb(&s.rt, err);
}

static int on_network(const struct weft_args *a,
		      int (*verb)(const struct runtime *rt,
				  struct cni_err *err),
		      struct cni_err *err)
{
	cleanup_session struct session s = { 0 };
	const int r = session_open(&s, a, err);

	return r ? r : verb(&s.rt, err);
}

int weft_check(const struct weft_args *a, struct cni_err *err)
{
	return on_guest(a, runtime_check, err);
}

int weft_del(const struct weft_args *a, struct cni_err *err)
{
	return on_guest(a, runtime_del, err);
}

int weft_gc(const struct weft_args *a, struct cni_err *err)
{
	return on_network(a, runtime_gc, err);
}

int weft_status(const struct weft_args *a, struct cni_err *err)
{
	return on_network(a, runtime_status, err);
}
