/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - one line per event on stderr, for what an error cannot say. */
#ifndef WEFT_BASE_LOG_H
#define WEFT_BASE_LOG_H

enum log_level { LOG_L_ERROR, LOG_L_WARN, LOG_L_INFO, LOG_L_DEBUG };

/**
 * log_at() - Write one line to stderr
 *
 * WEFT_LOG=error|warn|info|debug sets the threshold, warn without it; its other
 * values are event_where()'s. Never
 * for failures that are returned: those travel in a struct cni_err.
 */
void log_at(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_warn(...) log_at(LOG_L_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_L_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_L_DEBUG, __VA_ARGS__)

#endif
