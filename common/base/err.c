/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Not all of it: an answer that nothing is there is an error, too, and common. */
static void begin(struct cni_err *e, enum cni_code code, int errnum)
{
	e->code = code;
	e->errnum = errnum;
	e->msg[0] = '\0';
	e->details[0] = '\0';
}

/* Appends at @n; a reader must see that a text was cut. */
__attribute__((format(printf, 4, 0))) static size_t
append(char *buf, size_t size, size_t n, const char *fmt, va_list ap)
{
	int len = vsnprintf(buf + n, size - n, fmt, ap);

	if (len < 0)
		return n;
	if ((size_t)len < size - n)
		return n + (size_t)len;

	memcpy(buf + size - sizeof("..."), "...", sizeof("..."));
	return size - 1;
}

__attribute__((format(printf, 4, 5))) static size_t
appendf(char *buf, size_t size, size_t n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	n = append(buf, size, n, fmt, ap);
	va_end(ap);
	return n;
}

int err_set(struct cni_err *e, enum cni_code code, int errnum, const char *fmt,
	    ...)
{
	va_list ap;
	size_t n;

	begin(e, code, errnum);

	va_start(ap, fmt);
	n = append(e->msg, sizeof(e->msg), 0, fmt, ap);
	va_end(ap);

	(void)appendf(e->msg, sizeof(e->msg), n, ": %s", strerror(errnum));
	return -errnum;
}

int err_say(struct cni_err *e, enum cni_code code, int errnum, const char *fmt,
	    ...)
{
	va_list ap;

	begin(e, code, errnum);

	va_start(ap, fmt);
	(void)append(e->msg, sizeof(e->msg), 0, fmt, ap);
	va_end(ap);
	return -errnum;
}

int err_ctx(struct cni_err *e, int r, const char *fmt, ...)
{
	char tail[sizeof(e->msg)];
	va_list ap;
	size_t n;

	memcpy(tail, e->msg, strlen(e->msg) + 1);

	va_start(ap, fmt);
	n = append(e->msg, sizeof(e->msg), 0, fmt, ap);
	va_end(ap);

	(void)appendf(e->msg, sizeof(e->msg), n, ": %s", tail);
	return r;
}

void err_detail(struct cni_err *e, const char *key, const char *fmt, ...)
{
	size_t n = strlen(e->details);
	va_list ap;

	n = appendf(e->details, sizeof(e->details), n, "%s%s%s", n ? " " : "",
		    key ? key : "", key ? "=" : "");
	va_start(ap, fmt);
	(void)append(e->details, sizeof(e->details), n, fmt, ap);
	va_end(ap);
}

int err_keep_first(struct cni_err *first, const struct cni_err *e, int r,
		   int acc)
{
	if (r >= 0 || acc < 0)
		return acc;
	*first = *e;
	return r;
}
