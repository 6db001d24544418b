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
#define NEXT "next-"
#define NAME_SIZE 24
#define NEW "key.new"

/* Who has a key, or waits for it; points into @text. */
struct record {
	const char *container_id, *ifname, *key;
	char text[PATH_MAX];
};

#define NO_RECORD                                           \
	{                                                   \
		.container_id = "", .ifname = "", .key = "" \
	}

static const char *record_name(const char *prefix,
			       const struct cni_attachment *of,
			       char buf[NAME_SIZE])
{
	(void)snprintf(buf, NAME_SIZE, "%s%016llx", prefix,
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

static bool record_is_of(const struct record *rec,
			 const struct cni_attachment *who,
			 const struct cni_key *key)
{
	return !strcmp(rec->key, key->name) &&
	       !strcmp(rec->container_id, who->container_id) &&
	       !strcmp(rec->ifname, who->ifname);
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

/* Who waits for the key, if that is since this boot and not @but.
 *
 * Return: 1, 0, or a negative errno */
static int read_waiting(const struct store *s, const struct cni_attachment *of,
			const struct cni_key *key,
			const struct cni_attachment *but, struct record *ret,
			struct cni_err *err)
{
	char name[NAME_SIZE];
	const int r = record_read(s, record_name(NEXT, of, name), ret);

	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "who waits for key %s",
			       key->name);
	return r && !strcmp(ret->key, key->name) &&
	       !strcmp(ret->ifname, but->ifname) &&
	       strcmp(ret->container_id, but->container_id) != 0 &&
	       !store_own_is_of_earlier_boot(s, name);
}

/* One waits for a key, not two. */
static int wait_for(const struct store *s, const struct cni_attachment *of,
		    const struct cni_attachment *who, const struct cni_key *key,
		    bool *ret_anew, struct cni_err *err)
{
	char name[NAME_SIZE];
	struct record rec = NO_RECORD;
	int r = read_waiting(s, of, key, who, &rec, err);

	if (r > 0)
		return err_say(
			err, CNI_E_TAKEN, EEXIST,
			"allocationKey \"%s\" of network \"%s\", interface %s: container %s waits for it already",
			key->name, who->network, who->ifname, rec.container_id);
	if (r < 0)
		return r;
	*ret_anew = record_read(s, record_name(NEXT, of, name), &rec) <= 0 ||
		    !record_is_of(&rec, who, key);
	return record_write(s, name, who, key, err);
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

/* Killed when its DEL had given all away, the one on record has nothing. */
static int check_waiting(struct store *s, const char *name,
			 const struct cni_attachment *of,
			 const struct cni_attachment *who,
			 const struct cni_key *key, struct cni_err *err)
{
	struct record rec = NO_RECORD;
	struct cni_attachment other = *who;
	int r = read_waiting(s, of, key, who, &rec, err);

	if (r <= 0)
		return r;
	other.container_id = rec.container_id;
	return check_holder(s, name, who, key, &other, err);
}

int sticky_attach(struct store *s, const struct cni_attachment *who,
		  const struct cni_key *key, struct sticky *ret,
		  struct cni_err *err)
{
	const struct cni_attachment of = cni_key_of(key, who);
	cleanup_held struct held before = { 0 };
	struct cni_attachment holder = *who;
	char name[NAME_SIZE];
	struct record rec = NO_RECORD;
	int r = record_read(s, record_name(PREFIX, &of, name), &rec);

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
		if (r == -EEXIST && key->is_silent) {
			*err = (struct cni_err)CNI_ERR_INIT;
			(void)snprintf(ret->holder, sizeof(ret->holder), "%s",
				       rec.container_id);
			return wait_for(s, &of, who, key, &ret->anew, err);
		}
		if (!r)
			r = check_waiting(s, name, &of, who, key, err);
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
	ret->anew = !before.own.n;
	return move(s, &of, who, err);
}

/* Whoever waits has them now, its name only when it has them all. */
static int pass_on(struct store *s, const struct cni_attachment *from,
		   const struct cni_attachment *to, const struct cni_key *key,
		   struct cni_err *err)
{
	const struct cni_attachment of = cni_key_of(key, from);
	char name[NAME_SIZE];
	int r = move(s, from, to, err);

	if (!r)
		r = record_write(s, record_name(PREFIX, &of, name), to, key,
				 err);
	if (!r)
		(void)unlinkat(s->own, record_name(NEXT, &of, name), 0);
	return r;
}

/* What it waits for is the other's; what it has been given, its own. */
static int stop_waiting(struct store *s, const struct cni_attachment *of,
			const struct cni_attachment *who,
			const struct cni_key *key, struct cni_err *err)
{
	char name[NAME_SIZE];
	struct record rec = NO_RECORD;
	int r = record_read(s, record_name(NEXT, of, name), &rec);

	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "who waits for key %s",
			       key->name);
	if (!r || !record_is_of(&rec, who, key))
		return 0;
	r = move(s, who, of, err);
	if (!r)
		(void)unlinkat(s->own, name, 0);
	return r < 0 ? r : 1;
}

int sticky_detach(struct store *s, const struct cni_attachment *who,
		  const struct cni_key *key, struct cni_err *err)
{
	const struct cni_attachment of = cni_key_of(key, who);
	char name[NAME_SIZE];
	struct record rec = NO_RECORD, next = NO_RECORD;
	struct cni_attachment to = *who;
	int r = s->own < 0 && s->own_error != -ENOENT
			? s->own_error
			: record_read(s, record_name(PREFIX, &of, name), &rec);

	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "who holds key %s",
			       key->name);
	tidy(s);
	if (!r || !record_is_of(&rec, who, key))
		return stop_waiting(s, &of, who, key, err);
	r = read_waiting(s, &of, key, who, &next, err);
	if (r > 0) {
		to.container_id = next.container_id;
		r = pass_on(s, who, &to, key, err);
		return r < 0 ? r : 1;
	}
	if (!r)
		r = move(s, who, &of, err);
	if (r < 0)
		return r;
	(void)unlinkat(s->own, name, 0);
	return 1;
}

int sticky_holder(const struct store *s, const struct cni_attachment *who,
		  const struct cni_key *key, char ret[STICKY_ID_SIZE],
		  struct cni_err *err)
{
	const struct cni_attachment of = cni_key_of(key, who);
	char name[NAME_SIZE];
	struct record rec = NO_RECORD;
	int r = record_read(s, record_name(NEXT, &of, name), &rec);

	if (r > 0 && !record_is_of(&rec, who, key))
		return 0;
	if (r > 0)
		r = record_read(s, record_name(PREFIX, &of, name), &rec);
	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "who holds key %s",
			       key->name);
	if (r > 0)
		(void)snprintf(ret, STICKY_ID_SIZE, "%s", rec.container_id);
	return r;
}

/* Whose holder is not valid any more, but who waits for it is. */
static int inherit(struct store *s, const char *network, const char *name,
		   const struct cni_attachments *valid, struct cni_err *err)
{
	struct record rec = NO_RECORD, next = NO_RECORD;
	struct cni_attachment from, to, of;
	struct cni_key key;

	if (record_read(s, name, &rec) <= 0 ||
	    cni_attachments_has(valid, rec.container_id, rec.ifname))
		return 0;
	cni_key_set(&key, rec.key);
	from = (struct cni_attachment){ network, rec.container_id, rec.ifname };
	of = cni_key_of(&key, &from);
	if (read_waiting(s, &of, &key, &from, &next, err) <= 0 ||
	    !cni_attachments_has(valid, next.container_id, next.ifname))
		return 0;
	to = (struct cni_attachment){ network, next.container_id, next.ifname };
	return pass_on(s, &from, &to, &key, err);
}

int sticky_inherit(struct store *s, const char *network,
		   const struct cni_attachments *valid, struct cni_err *err)
{
	cleanup_dir DIR *d = NULL;
	const struct dirent *e;
	int r = 0;

	if (file_opendir_at(s->own, &d) < 0)
		return 0;
	while (!r && (e = readdir(d)))
		if (!strncmp(e->d_name, PREFIX, strlen(PREFIX)))
			r = inherit(s, network, e->d_name, valid, err);
	return r;
}

void sticky_sweep(const struct store *s, const struct cni_attachments *valid)
{
	cleanup_dir DIR *d = NULL;
	const struct dirent *e;
	struct record rec = NO_RECORD;

	if (file_opendir_at(s->own, &d) < 0)
		return;
	while ((e = readdir(d)))
		if ((!strncmp(e->d_name, PREFIX, strlen(PREFIX)) ||
		     !strncmp(e->d_name, NEXT, strlen(NEXT))) &&
		    (record_read(s, e->d_name, &rec) <= 0 ||
		     !cni_attachments_has(valid, rec.container_id, rec.ifname)))
			(void)unlinkat(s->own, e->d_name, 0);
}
