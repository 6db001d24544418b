/* SPDX-License-Identifier: Apache-2.0 */
/* ipam_world.h - a temporary dataDir, and the verbs on network "n" in it. */
#ifndef WEFT_TESTS_UNIT_IPAM_WORLD_H
#define WEFT_TESTS_UNIT_IPAM_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "ipam-host-local/index.h"
#include "ipam-host-local/ipam.h"
#include "unit.h"

/**
 * struct world - Where one test lives
 * @dir:	dataDir
 * @ranges:	Of the next calls
 * @more:	Further keys of the next calls' configuration, with their comma
 * @args:	CNI_ARGS of the next calls
 * @err:	Of the last call
 * @ips:	The last result's, separated by spaces
 * @adopted:	By the last ADD
 */
struct world {
	char dir[32];
	const char *ranges;
	const char *more;
	const char *args;
	struct cni_err err;
	char ips[512];
	bool adopted;
};

static inline int world_remove_one(const char *path, const struct stat *st,
				   int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void world_free(struct world *w)
{
	(void)nftw(w->dir, world_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define cleanup_world CLEANUP(world_free)

static inline struct world world_new(const char *ranges)
{
	struct world w = { .dir = "/tmp/weft-test-XXXXXX",
			   .ranges = ranges,
			   .more = "",
			   .args = "" };

	assert_non_null(mkdtemp(w.dir));
	return w;
}

static inline int world_call(struct world *w, enum cni_command verb,
			     const char *id, const char *ifname)
{
	const struct cni_plugin *p = &ipam_host_local;
	cleanup_netconf struct cni_netconf conf = { 0 };
	cleanup_result struct cni_result result = { 0 };
	char text[IP_STR_SIZE], *json = NULL;
	struct cni_call call = { .args = { .command = verb,
					   .container_id = id,
					   .ifname = ifname,
					   .args = w->args,
					   .netns = "",
					   .path = "" } };

	w->err = (struct cni_err)CNI_ERR_INIT;
	w->ips[0] = '\0';
	assert_true(
		asprintf(&json,
			 "{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"ipam\":"
			 "{\"dataDir\":\"%s\",\"ranges\":%s}%s}",
			 w->dir, w->ranges, w->more) > 0);
	assert_int_equal(cni_netconf_parse(json, strlen(json), &conf, &w->err),
			 0);
	call.conf = conf;
	switch (verb) {
	case CNI_DEL:
		return p->del(&call, &w->err);
	case CNI_CHECK:
		return p->check(&call, &w->err);
	case CNI_GC:
		return p->gc(&call, &w->err);
	case CNI_STATUS:
		return p->status(&call, &w->err);
	default:
		break;
	}
	if (p->add(&call, &result, &w->err) < 0)
		return -w->err.errnum;
	w->adopted = result.adopted;
	for (size_t i = 0; i < result.n_ips; i++)
		(void)snprintf(w->ips + strlen(w->ips),
			       sizeof(w->ips) - strlen(w->ips), "%s%s",
			       i ? " " : "",
			       ip_format(&result.ips[i].address.addr, text));
	return 0;
}

static inline void world_path(const struct world *w, const char *name,
			      char buf[PATH_MAX])
{
	(void)snprintf(buf, PATH_MAX, "%s/%s", w->dir, name);
}

/* Puts a file there, as another program would; @age_s old. */
static inline void world_put(const struct world *w, const char *name,
			     const void *data, size_t len, time_t age_s)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	char path[PATH_MAX];
	cleanup_close int fd = -1;

	world_path(w, "n", path);
	(void)mkdir(path, 0755);
	world_path(w, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, data, len), 0);
	if (!age_s)
		return;
	times[1].tv_sec = time(NULL) - age_s;
	assert_int_equal(futimens(fd, times), 0);
}

static inline void world_put_text(const struct world *w, const char *name,
				  const char *text)
{
	world_put(w, name, text, strlen(text), 0);
}

/* The content of a file, "-" if there is none. */
static inline const char *world_get(const struct world *w, const char *name)
{
	static char text[8192];
	char path[PATH_MAX];

	world_path(w, name, path);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return "-";
	return text;
}

static int world_count_one;

static inline int world_count_file(const char *path, const struct stat *st,
				   int type, struct FTW *ftw)
{
	(void)st;
	world_count_one += type != FTW_D && strcmp(path + ftw->base, "stamp");
	return 0;
}

/* What lies under a directory, directories and the index's stamp apart. */
static inline int world_count(const struct world *w, const char *name)
{
	char path[PATH_MAX];

	world_path(w, name, path);
	world_count_one = 0;
	(void)nftw(path, world_count_file, 16, FTW_PHYS);
	return world_count_one;
}

static inline void world_index_name(const char *id, const char *ifname,
				    char buf[64])
{
	const struct cni_attachment who = { "n", id, ifname };

	(void)snprintf(buf, 64, ".weft/n/%016llx",
		       (unsigned long long)cni_attachment_hash(&who));
}

/* Makes the index say @record of an attachment. */
static inline void world_lie(const struct world *w, const char *id,
			     const char *ifname, const char *record)
{
	char path[PATH_MAX], name[64];

	world_index_name(id, ifname, name);
	world_path(w, name, path);
	(void)unlink(path);
	assert_int_equal(symlink(record, path), 0);
}

static inline const char *world_index(const struct world *w, const char *id,
				      const char *ifname)
{
	static char text[PATH_MAX];
	char path[PATH_MAX], name[64];
	ssize_t n;

	world_index_name(id, ifname, name);
	world_path(w, name, path);
	n = readlink(path, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? "-" : text;
}

#define ONE "[[{\"subnet\":\"10.1.0.0/29\"}]]"
#define DUAL "[[{\"subnet\":\"10.1.0.0/29\"}],[{\"subnet\":\"fd00::/64\"}]]"
#define YEARS (10L * 365 * 24 * 3600) /* before any boot */

static inline void assert_adds(struct world *w, const char *id, const char *ips)
{
	if (world_call(w, CNI_ADD, id, "eth0") < 0)
		fail_msg("ADD %s: %s", id, w->err.msg);
	assert_string_equal(w->ips, ips);
}

static inline void assert_works(struct world *w, enum cni_command verb,
				const char *id)
{
	if (world_call(w, verb, id, "eth0") < 0)
		fail_msg("verb %d %s: %s", verb, id, w->err.msg);
}

static inline void assert_fails(struct world *w, enum cni_command verb,
				const char *id, enum cni_code code,
				const char *msg)
{
	assert_true(world_call(w, verb, id, "eth0") < 0);
	assert_int_equal(w->err.code, code);
	if (!strstr(w->err.msg, msg))
		fail_msg("\"%s\" is not in \"%s\"", msg, w->err.msg);
}

#endif
