/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
	[LOG_L_ERROR] = "error",
	[LOG_L_WARN] = "warn",
	[LOG_L_INFO] = "info",
	[LOG_L_DEBUG] = "debug",
};

static enum log_level threshold(void)
{
	const char *s = getenv("WEFT_LOG");

	for (int i = LOG_L_ERROR; s && i <= LOG_L_DEBUG; i++)
		if (!strcmp(s, names[i]))
			return (enum log_level)i;
	return LOG_L_WARN;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (level > threshold())
		return;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "weft: %s: %s\n", names[level], line);
}
