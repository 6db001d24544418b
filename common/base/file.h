/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - whole files under an opened directory, locks. */
#ifndef WEFT_BASE_FILE_H
#define WEFT_BASE_FILE_H

#include <dirent.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"

DEFINE_CLEANUP(DIR *, closedir)
#define cleanup_dir CLEANUP(closedirp)

/**
 * file_read_fd() - Read to the end
 * @fd:		Any readable descriptor
 * @max:	Limit, bytes
 * @ret:	NUL-terminated; unchanged on failure. Free with free()
 * @ret_len:	Bytes without the NUL
 *
 * Return: 0, -EFBIG over @max, or a negative errno; no error object, the
 * caller knows the name
 */
int file_read_fd(int fd, size_t max, char **ret, size_t *ret_len);

/**
 * file_read_at() - Read a small regular file, links not followed
 * @dirfd:	Opened directory
 * @name:	File in it
 * @buf:	NUL-terminated on success
 * @size:	At least the file's size + 1
 *
 * Return: bytes read, -EFBIG if it does not fit, -ELOOP for a symbolic link,
 * -EISDIR if it is no regular file, or a negative errno
 */
ssize_t file_read_at(int dirfd, const char *name, char *buf, size_t size);

/** file_write_all() - Write everything; return 0 or a negative errno */
int file_write_all(int fd, const void *data, size_t len);

/**
 * file_mkdirs() - mkdir -p, then open
 * @path:	Directory
 * @mode:	For those that are made
 * @ret_fd:	O_RDONLY|O_DIRECTORY; unchanged on failure
 *
 * Return: 0 or a negative errno
 */
int file_mkdirs(const char *path, mode_t mode, int *ret_fd,
		struct cni_err *err);

/**
 * file_opendir_at() - List an opened directory, from its beginning
 * @dirfd:	Stays open and as it is
 * @ret:	For readdir(3); unchanged on failure. Free with closedir()
 *
 * Return: 0 or a negative errno
 */
int file_opendir_at(int dirfd, DIR **ret);

/**
 * file_lock_fd() - Take an exclusive flock(2), waiting at most @timeout_s
 * @fd:		Open file; closing it unlocks
 * @timeout_s:	Seconds, > 0
 *
 * Return: 0, -ETIMEDOUT, or another negative errno
 */
int file_lock_fd(int fd, int timeout_s);

/**
 * file_lock_at() - The same of a file by its name
 * @dirfd:	Opened directory
 * @name:	Lock file in it, created if missing
 * @mode:	Of a created lock file
 * @timeout_s:	Seconds, > 0
 * @ret_fd:	Close it to unlock
 *
 * Return: 0, -ETIMEDOUT (CNI_E_RETRY), or a negative errno
 */
int file_lock_at(int dirfd, const char *name, mode_t mode, int timeout_s,
		 int *ret_fd, struct cni_err *err);

#endif
