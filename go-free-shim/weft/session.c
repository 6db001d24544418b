/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cni/args.h"
#include "cni/attachment.h"

void session_close(struct session *s)
{
	conflist_free(&s->list);
	cJSON_Delete(s->cap_args);
}

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
int session_name_guest(struct session *s, const struct weft_args *a,
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

const char *weft_plugin_path(char buf[WEFT_PATH_SIZE])
{
	const char *path = env_or("CNI_PATH", "");

	if (*path)
		return path;
	default_plugin_path(buf, WEFT_PATH_SIZE);
	return buf;
}

int session_open(struct session *s, const struct weft_args *a,
		 struct cni_err *err)
{
	int r;

	*s = (struct session){
		.rt = { .cache_dir = a->cache_dir,
			.container_id = "",
			.netns = s->netns,
			.ifname = a->ifname,
			.args = env_or("CNI_ARGS", "") },
	};
	s->rt.list = &s->list;
	s->rt.plugin_path = weft_plugin_path(s->plugin_path);
	r = read_cap_args(s, err);
	s->rt.cap_args = s->cap_args;
	return r ? r
		 : conflist_load(weft_conf_dir(), a->positional[0], &s->list,
				 err);
}

int session_on_guest(const struct weft_args *a,
		     int (*verb)(const struct runtime *rt, struct cni_err *err),
		     struct cni_err *err)
{
	cleanup_session struct session s = { 0 };
	int r = session_open(&s, a, err);

	if (!r)
		r = session_name_guest(&s, a, err);
	return r ? r : verb(&s.rt, err);
}
