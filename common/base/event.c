/* SPDX-License-Identifier: Apache-2.0 */
#include "base/event.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/mem.h"

/* Under PIPE_BUF: also a FIFO takes a line whole or not at all. */
enum { LINE = 2048, FIELD_MAX = 640 };

struct line {
	char text[LINE];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void put(struct line *l,
						      const char *fmt, ...)
{
	const size_t room = sizeof(l->text) - l->n;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->n, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->n += (size_t)n < room ? (size_t)n : room - 1;
}

/* One line stays one line, whoever chose the words. */
static const char *quoted(const char *s, char buf[FIELD_MAX])
{
	size_t n = 0;

	for (; *s && n + 3 < FIELD_MAX; s++) {
		if (*s == '"' || *s == '\\')
			buf[n++] = '\\';
		buf[n] = *s;
		if ((unsigned char)*s < ' ' || *s == '\x7f')
			buf[n] = ' ';
		n++;
	}
	buf[n] = '\0';
	return buf;
}

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || strchr("\"\\=\x7f", *s))
			return false;
	return true;
}

static void put_field(struct line *l, const char *key, const char *value)
{
	char buf[FIELD_MAX];

	if (!value || !*value)
		return;
	if (is_plain(value) && strlen(value) < sizeof(buf))
		put(l, " %s=%s", key, value);
	else
		put(l, " %s=\"%s\"", key, quoted(value, buf));
}

static bool failed(const struct event *e)
{
	return e->err && e->err->code;
}

static void put_event(struct line *l, const struct event *e)
{
	char verb[FIELD_MAX];

	put(l, "%s", quoted(e->verb && *e->verb ? e->verb : "?", verb));
	put_field(l, "plugin", e->plugin);
	put_field(l, "network", e->network);
	put_field(l, "container", e->container);
	put_field(l, "ifname", e->ifname);
	put(l, " us=%" PRIu64, e->us);
	if (failed(e)) {
		put(l, " code=%d", (int)e->err->code);
		put_field(l, "error", e->err->msg);
		put_field(l, "details", e->err->details);
	} else {
		put(l, " ok");
		put_field(l, "result", e->result);
	}
}

static void put_time(struct line *l)
{
	struct timespec now;
	struct tm tm;
	char text[32];

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (!gmtime_r(&now.tv_sec, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	put(l, "%s.%06ldZ ", text, now.tv_nsec / 1000);
}

static void to_file(const char *path, const struct event *e)
{
	/* O_NONBLOCK: a FIFO that nobody reads must not hold a verb up. */
	cleanup_close int fd = open(path,
				    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW |
					    O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
				    0600);
	struct line l = { .n = 0 };

	if (fd < 0)
		return;
	put_time(&l);
	put_event(&l, e);
	/* The last byte is the line's end, even if the line was cut. */
	if (l.n == sizeof(l.text) - 1)
		l.n--;
	l.text[l.n++] = '\n';
	(void)!write(fd, l.text, l.n);
}

/* A field whose value cannot hold a line end: journald then needs no length. */
static void put_journal(struct line *l, const char *key, const char *value)
{
	char buf[FIELD_MAX];

	if (value && *value)
		put(l, "%s=%s\n", key, quoted(value, buf));
}

static void to_journal(const struct event *e)
{
	const struct sockaddr_un to = { .sun_family = AF_UNIX,
					.sun_path = EVENT_JOURNAL_SOCKET };
	cleanup_close int fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct line l = { .n = 0 };

	if (fd < 0)
		return;
	put(&l, "SYSLOG_IDENTIFIER=weft\nPRIORITY=%d\n", failed(e) ? 3 : 6);
	put_journal(&l, "WEFT_PLUGIN", e->plugin);
	put_journal(&l, "WEFT_VERB", e->verb);
	put_journal(&l, "WEFT_NETWORK", e->network);
	put_journal(&l, "WEFT_CONTAINER", e->container);
	put_journal(&l, "WEFT_IFNAME", e->ifname);
	put(&l, "WEFT_US=%" PRIu64 "\nMESSAGE=", e->us);
	put_event(&l, e);
	if (l.n == sizeof(l.text) - 1)
		l.n--;
	l.text[l.n++] = '\n';
	(void)sendto(fd, l.text, l.n, MSG_NOSIGNAL,
		     (const struct sockaddr *)&to, sizeof(to));
}

static bool is_place(const char *s)
{
	return s && (*s == '/' || !strcmp(s, EVENT_JOURNAL));
}

const char *event_where(const char *configured)
{
	const char *env = getenv("WEFT_LOG");

	if (is_place(env))
		return env;
	return is_place(configured) ? configured : NULL;
}

void event_log(const char *where, const struct event *e)
{
	const int saved = errno;

	if (!strcmp(where, EVENT_JOURNAL))
		to_journal(e);
	else
		to_file(where, e);
	errno = saved;
}
