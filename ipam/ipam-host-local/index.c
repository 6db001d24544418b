/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/index.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "cni/key.h"

#define NAME_SIZE 17
#define NEW "index.new"
#define LEARNT "~"

struct entry {
	struct cni_attachment of; /* points into text; network is not in it */
	char *addrs;
	char text[PATH_MAX];
};

static const char *entry_name(const struct cni_attachment *who,
			      char buf[NAME_SIZE])
{
	(void)snprintf(buf, NAME_SIZE, "%016llx",
		       (unsigned long long)cni_attachment_hash(who));
	return buf;
}

static bool is_entry(const struct dirent *e)
{
	return strspn(e->d_name, "0123456789abcdef") == NAME_SIZE - 1;
}

static bool entry_read(const struct store *s, const char *name,
		       struct entry *ret)
{
	const ssize_t n =
		readlinkat(s->own, name, ret->text, sizeof(ret->text) - 1);

	if (n <= 0)
		return false;
	ret->text[n] = '\0';
	ret->addrs = ret->text;
	ret->of.container_id = strsep(&ret->addrs, " ");
	ret->of.ifname = strsep(&ret->addrs, " ");
	return ret->addrs;
}

static bool entry_is_of(const struct entry *e, const struct cni_attachment *who)
{
	return !strcmp(e->of.container_id, who->container_id) &&
	       !strcmp(e->of.ifname, who->ifname);
}

int index_read(const struct store *s, const struct cni_attachment *who,
	       struct ip_list *ret, struct timespec *ret_written)
{
	char name[NAME_SIZE], *word;
	struct ip_addr a;
	struct entry e;
	struct stat st;

	if (fstatat(s->own, entry_name(who, name), &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (!entry_read(s, name, &e) || !entry_is_of(&e, who))
		return -EBADMSG;
	*ret_written = st.st_mtim;
	while ((word = strsep(&e.addrs, " "))) {
		if (!strcmp(word, LEARNT))
			return 2;
		if (!lease_name_parse(word, &a))
			return -EBADMSG;
		if (ip_list_add(ret, &a) < 0)
			return -ENOMEM;
	}
	return 1;
}

static bool entry_format(const struct cni_attachment *who,
			 const struct ip_list *addrs, const char *mark,
			 char *buf, size_t size)
{
	char text[IP_STR_SIZE];
	int n = snprintf(buf, size, "%s %s", who->container_id, who->ifname);

	for (size_t i = 0; n > 0 && (size_t)n < size && i < addrs->n; i++)
		n += snprintf(buf + n, size - (size_t)n, " %s",
			      ip_format(&addrs->v[i], text));
	if (n > 0 && (size_t)n < size)
		n += snprintf(buf + n, size - (size_t)n, "%s", mark);
	return n > 0 && (size_t)n < size;
}

static int entry_replace(const struct store *s, const char *name,
			 const char *text)
{
	if (!symlinkat(text, s->own, name))
		return 0;
	if (errno != EEXIST)
		return -errno;
	(void)unlinkat(s->own, NEW, 0);
	if (symlinkat(text, s->own, NEW) < 0 ||
	    renameat(s->own, NEW, s->own, name) < 0)
		return -errno;
	return 0;
}

void index_write(struct store *s, const struct cni_attachment *who,
		 const struct ip_list *addrs)
{
	char name[NAME_SIZE], text[PATH_MAX];
	struct entry old;
	int r = 0;

	(void)entry_name(who, name);
	if (entry_read(s, name, &old) && !entry_is_of(&old, who))
		r = addrs->n ? -EEXIST : 0;
	else if (!addrs->n)
		(void)unlinkat(s->own, name, 0);
	else if (entry_format(who, addrs, "", text, sizeof(text)))
		r = entry_replace(s, name, text);
	else
		r = -ENAMETOOLONG;
	if (!r)
		return;

	s->complete = false;
	if (r != -EEXIST)
		(void)unlinkat(s->own, name, 0);
	log_debug("index %s: %s", name, strerror(-r));
}

void index_unstage(const struct store *s)
{
	(void)unlinkat(s->own, NEW, 0);
}

bool index_learn(const struct store *s, const struct cni_attachment *who,
		 const struct ip_list *addrs)
{
	char name[NAME_SIZE], text[PATH_MAX], known[PATH_MAX];
	ssize_t n;

	(void)entry_name(who, name);
	if (s->own < 0 ||
	    !entry_format(who, addrs, " " LEARNT, text, sizeof(text)))
		return false;
	n = readlinkat(s->own, name, known, sizeof(known) - 1);
	if (n > 0) {
		struct entry old;

		known[n] = '\0';
		/* The one that ADD wrote is the same without the mark. */
		if (!strncmp(known, text, (size_t)n) &&
		    (!text[n] || !strcmp(text + n, " " LEARNT)))
			return true;
		if (entry_read(s, name, &old) && !entry_is_of(&old, who))
			return false;
	}
	return !entry_replace(s, name, text);
}

static size_t free_old(const struct store *s, const struct cni_attachment *who,
		       char *addrs)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct lease lease;
	struct ip_addr a;
	size_t freed = 0;
	char *word;

	while ((word = strsep(&addrs, " ")))
		if (lease_name_parse(word, &a) &&
		    store_is_of_earlier_boot(s, &a) &&
		    store_read(s, &a, &lease, &ignored) > 0 &&
		    lease_is_of(&lease, who) && !store_remove(s, &a, &ignored))
			freed++;
	return freed;
}

size_t index_reclaim(const struct store *s, const char *network)
{
	cleanup_dir DIR *d = NULL;
	const struct dirent *e;
	struct entry entry;
	size_t freed = 0;

	if (file_opendir_at(s->own, &d) < 0)
		return 0;
	while ((e = readdir(d))) {
		if (!is_entry(e) ||
		    !store_own_is_of_earlier_boot(s, e->d_name) ||
		    !entry_read(s, e->d_name, &entry) ||
		    strchr(entry.addrs, *LEARNT) ||
		    !strncmp(entry.of.container_id, CNI_KEY_HOLDER,
			     strlen(CNI_KEY_HOLDER)))
			continue;
		entry.of.network = network;
		freed += free_old(s, &entry.of, entry.addrs);
		(void)unlinkat(s->own, e->d_name, 0);
	}
	return freed;
}

void index_sweep(const struct store *s, const char *network,
		 const struct cni_attachments *valid)
{
	cleanup_dir DIR *d = NULL;
	const struct dirent *e;
	char name[NAME_SIZE];
	struct entry entry;

	if (file_opendir_at(s->own, &d) < 0)
		return;
	while ((e = readdir(d))) {
		if (!is_entry(e))
			continue;
		if (entry_read(s, e->d_name, &entry)) {
			entry.of.network = network;
			if (!strcmp(e->d_name, entry_name(&entry.of, name)) &&
			    cni_attachments_has(
				    valid, entry.of.container_id,
				    *entry.of.ifname ? entry.of.ifname : NULL))
				continue;
		}
		(void)unlinkat(s->own, e->d_name, 0);
	}
}
