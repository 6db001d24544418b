/* SPDX-License-Identifier: Apache-2.0 */
/* tmp.h - a directory of the test's own, with small files in it. */
#ifndef WEFT_TESTS_LIB_TMP_H
#define WEFT_TESTS_LIB_TMP_H

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

struct tmp {
	char path[64];
	char file[256]; /* of the last tmp_write() */
};

static inline void tmp_make(struct tmp *t)
{
	(void)snprintf(t->path, sizeof(t->path), "/tmp/weft-unit-XXXXXX");
	assert_non_null(mkdtemp(t->path));
}

/* Return: the file's path, until the next call */
static inline const char *tmp_write(struct tmp *t, const char *name,
				    const char *text, mode_t mode)
{
	int fd;

	(void)snprintf(t->file, sizeof(t->file), "%s/%s", t->path, name);
	fd = open(t->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
	return t->file;
}

/* Return: the file's text, free with free(); NULL if there is none */
static inline char *tmp_read(const struct tmp *t, const char *name)
{
	char path[256], *text = calloc(1, 1 << 16);
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", t->path, name);
	f = fopen(path, "re");
	if (f) {
		(void)fread(text, 1, (1 << 16) - 1, f);
		(void)fclose(f);
		return text;
	}
	free(text);
	return NULL;
}

static inline int tmp_unlink(const char *path, const struct stat *st, int type,
			     struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void tmp_remove(const struct tmp *t)
{
	assert_int_equal(nftw(t->path, tmp_unlink, 8, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
