/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/sticky.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "ipam-host-local/held.h"
#include "ipam-host-local/index.h"

#define PREFIX "key-"
#define NAME_SIZE 24
#define NEW "key.new"

/* Who has a key; points into @text. */
struct record {
	const char *container_id, *ifname, *key;
	char text[PATH_MAX];
};

#define NO_RECORD                                           \
	{                                                   \
		.container_id = "", .ifname = "", .key = "" \
	}

static const char *record_name(const struct cni_attachment *of,
			       char buf[NAME_SIZE])
{
	(void)snprintf(buf, NAME_SIZE, PREFIX "%016llx",
		       (unsigned long long)cni_attachment_hash(of));
	return buf;
}

/* What a killed call may have left. */
static void tidy(const struct store *s)
{
	store_unstage(s);
	index_unstage(s);
	(void)unlinkat(s->own, NEW, 0);
}

/* Return: 1, 0 if there is none that could be read, or a negative errno */
static int record_read(const struct store *s, const char *name,
		       struct record *ret)
{
	const ssize_t n = s->own < 0 ? 0
				     : readlinkat(s->own, name, ret->text,
						  sizeof(ret->text) - 1);
	char *rest = ret->text;

	if (!n)
		return 0;
	if (n < 0)
		return errno == ENOENT || errno == EINVAL ? 0 : -errno;
	ret->text[n] = '\0';
	ret->container_id = strsep(&rest, " ");
	ret->ifname = strsep(&rest, " ");
	ret->key = rest;
	return rest != NULL;
}

static int record_write(const struct store *s, const char *name,
			const struct cni_attachment *who,
			const struct cni_key *key, struct cni_err *err)
{
	char text[PATH_MAX];
	const int n = snprintf(text, sizeof(text), "%s %s %s",
			       who->container_id, who->ifname, key->name);
	int r = 0;

	(void)unlinkat(s->own, NEW, 0);
	if (n < 0 || (size_t)n >= sizeof(text))
		r = -ENAMETOOLONG;
	else if (symlinkat(text, s->own, NEW) < 0 ||
		 renameat(s->own, NEW, s->own, name) < 0)
		r = -errno;
	return r < 0 ? err_set(err, CNI_E_IO, -r, "record the holder of key %s",
			       key->name)
		     : 0;
}

/* One's leases become another's, each by one rename. Content, entry, name: a
 * lease is never younger than the index's entry, nor there before it. */
static int move(struct store *s, const struct cni_attachment *from,
		const struct cni_attachment *to, struct cni_err *err)
{
	cleanup_held struct held theirs = { 0 }, ours = { 0 };
	const struct ip_list none = { 0 };
	char text[LEASE_SIZE];
	int n, r = held_find(s, from, &theirs, err);

	if (!r && !theirs.own.n)
		index_write(s, from, &none);
	if (r < 0 || !theirs.own.n)
		return r;
	r = held_find(s, to, &ours, err);
	n = r < 0 ? r : lease_format(to, text, err);
	r = n < 0 ? n : store_stage(s, text, (size_t)n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; !r && i < theirs.own.n; i++)
		r = ip_list_add(&ours.own, &theirs.own.v[i]);
	if (r < 0)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "leases");
	ip_list_sort(&ours.own);
	index_write(s, to, &ours.own);
	for (size_t i = 0; !r && i < theirs.own.n; i++)
		r = store_replace(s, &theirs.own.v[i], err);
	store_unstage(s);
	if (r < 0) {
		s->complete = false;
		return r;
	}
	index_write(s, from, &none);
	return 0;
}

/* Does somebody else live who has the key? What has not been taken up since the
 * host came up has no guest. */
static int check_holder(struct store *s, const char *name,
			const struct cni_attachment *who,
			const struct cni_key *key,
			const struct cni_attachment *holder,
			struct cni_err *err)
{
	cleanup_held struct held held = { 0 };
	int r = held_find(s, holder, &held, err);
	bool is_old = store_own_is_of_earlier_boot(s, name);

	for (size_t i = 0; i < held.own.n; i++)
		is_old &= store_is_of_earlier_boot(s, &held.own.v[i]);
	if (r < 0 || !held.own.n || is_old)
		return r;
	return err_say(
		err, CNI_E_TAKEN, EEXIST,
		"allocationKey \"%s\" of network \"%s\", interface %s: held by container %s",
		key->name, who->network, who->ifname, holder->container_id);
}

int sticky_attach(struct store *s, const struct cni_attachment *who,
		  const struct cni_key *key, bool *ret_anew,
		  struct cni_err *err)
{
	const struct cni_attachment of = cni_key_of(key, who);
	cleanup_held struct held before = { 0 };
	struct cni_attachment holder = *who;
	char name[NAME_SIZE];
	struct record rec = NO_RECORD;
	int r = record_read(s, record_name(&of, name), &rec);

	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "who holds key %s",
			       key->name);
	if (r && (strcmp(rec.key, key->name) != 0 ||
		  strcmp(rec.ifname, who->ifname) != 0))
		return err_say(
			err, CNI_E_TAKEN, EEXIST,
			"allocationKey \"%s\": its hash is that of \"%s\"",
			key->name, rec.key);
	if (r)
		holder.container_id = rec.container_id;
	if (r && strcmp(holder.container_id, who->container_id) != 0) {
		r = check_holder(s, name, who, key, &holder, err);
		if (!r)
			r = move(s, &holder, &of, err);
		if (r < 0)
			return r;
	}
	r = held_find(s, who, &before, err);
	if (!r)
		r = record_write(s, name, who, key, err);
	if (r < 0)
		return r;
	*ret_anew = !before.own.n;
	return move(s, &of, who, err);
}

int sticky_detach(struct store *s, const struct cni_attachment *who,
		  const struct cni_key *key, struct cni_err *err)
{
	const struct cni_attachment of = cni_key_of(key, who);
	char name[NAME_SIZE];
	struct record rec = NO_RECORD;
	int r = s->own < 0 && s->own_error != -ENOENT
			? s->own_error
			: record_read(s, record_name(&of, name), &rec);

	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "who holds key %s",
			       key->name);
	tidy(s);
	if (!r || strcmp(rec.key, key->name) != 0 ||
	    strcmp(rec.container_id, who->container_id) != 0 ||
	    strcmp(rec.ifname, who->ifname) != 0)
		return 0;
	r = move(s, who, &of, err);
	if (r < 0)
		return r;
	(void)unlinkat(s->own, name, 0);
	return 1;
}

void sticky_sweep(const struct store *s, const struct cni_attachments *valid)
{
	cleanup_dir DIR *d = NULL;
	const struct dirent *e;
	struct record rec = NO_RECORD;

	if (file_opendir_at(s->own, &d) < 0)
		return;
	while ((e = readdir(d)))
		if (!strncmp(e->d_name, PREFIX, strlen(PREFIX)) &&
		    (record_read(s, e->d_name, &rec) <= 0 ||
		     !cni_attachments_has(valid, rec.container_id, rec.ifname)))
			(void)unlinkat(s->own, e->d_name, 0);
}
