/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/run_words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { INDEX_MAX = 999 };

static const char *const names[RUN_KEYS] = {
	[RUN_FDS] = "FDS",	     [RUN_FDLIST] = "FDLIST",
	[RUN_VHOSTFDS] = "VHOSTFDS", [RUN_TAP] = "TAP",
	[RUN_MAC] = "MAC",	     [RUN_IP] = "IP",
	[RUN_GATEWAY] = "GATEWAY",   [RUN_MTU] = "MTU",
	[RUN_QUEUES] = "QUEUES",     [RUN_NETNS] = "NETNS",
};

/* "%NAME%" or "%NAME7%" at @s: its length, or 0. */
static size_t placeholder(const char *s, enum run_key *ret_key, size_t *ret_nth)
{
	const size_t letters = strspn(s + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	const char *p = s + 1 + letters;
	size_t key = 0, nth = 0;

	for (; *p >= '0' && *p <= '9' && nth < INDEX_MAX; p++)
		nth = nth * 10 + (size_t)(*p - '0');
	while (key < RUN_KEYS && (strlen(names[key]) != letters ||
				  strncmp(names[key], s + 1, letters) != 0))
		key++;
	if (*p != '%' || key == RUN_KEYS)
		return 0;
	*ret_key = (enum run_key)key;
	*ret_nth = nth;
	return (size_t)(p + 1 - s);
}

bool run_word_uses(const char *word, enum run_key key, size_t nth)
{
	for (const char *p = strchr(word, '%'); p; p = strchr(p + 1, '%')) {
		enum run_key k = RUN_KEYS;
		size_t i = 0;

		if (placeholder(p, &k, &i) && k == key && i == nth)
			return true;
	}
	return false;
}

/* What grows; @failed is sticky. */
struct text {
	char *s;
	size_t len;
	bool failed;
};

static void text_add(struct text *t, const char *s, size_t len)
{
	char *more = realloc(t->s, t->len + len + 1);

	if (!more) {
		t->failed = true;
		return;
	}
	memcpy(more + t->len, s, len);
	t->len += len;
	more[t->len] = '\0';
	t->s = more;
}

/* The option "key=" that @t ends with, and a comma on one side of it. Returns
 * how far the input goes on with what belongs to it. */
static size_t drop_option(struct text *t, const char *rest)
{
	const char *comma = t->s ? strrchr(t->s, ',') : NULL;
	const size_t tail = strcspn(rest, ",");

	if (!t->len || t->s[t->len - 1] != '=')
		return 0;
	t->len = comma ? (size_t)(comma - t->s) : 0;
	t->s[t->len] = '\0';
	return tail + (!comma && rest[tail]);
}

static int check_network(const char *word, size_t len, size_t nth, size_t n,
			 struct cni_err *err)
{
	if (nth < n)
		return 0;
	return err_say(err, CNI_E_ENV, EINVAL,
		       "%.*s: networks are counted from 0, and there %s %zu",
		       (int)len, word, n == 1 ? "is" : "are", n);
}

int run_word_expand(const char *word, const struct run_values *values, size_t n,
		    char **ret, struct cni_err *err)
{
	struct text t = { 0 };

	text_add(&t, "", 0);
	for (const char *p = word; *p && !t.failed;) {
		enum run_key key = RUN_KEYS;
		size_t nth = 0;
		const size_t len = *p == '%' ? placeholder(p, &key, &nth) : 0;
		const char *value = NULL;

		if (!len) {
			text_add(&t, p++, 1);
			continue;
		}
		if (check_network(p, len, nth, n, err) < 0) {
			free(t.s);
			return -EINVAL;
		}
		p += len;
		value = values[nth].v[key];
		if (value && *value)
			text_add(&t, value, strlen(value));
		else if (key == RUN_VHOSTFDS)
			p += drop_option(&t, p);
	}
	if (t.failed) {
		free(t.s);
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "command line");
	}
	*ret = t.s;
	return 0;
}

char *run_word_quote(const char *word)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789_-+=:,./@%";
	struct text t = { 0 };

	if (*word && !word[strspn(word, plain)])
		return strdup(word);
	text_add(&t, "'", 1);
	for (; *word && !t.failed; word++)
		if (*word == '\'')
			text_add(&t, "'\\''", 4);
		else
			text_add(&t, word, 1);
	if (!t.failed)
		text_add(&t, "'", 1);
	if (t.failed) {
		free(t.s);
		return NULL;
	}
	return t.s;
}
