/* SPDX-License-Identifier: Apache-2.0 */
/* dan.h - Kata's directly attachable networks: one file a sandbox. */
#ifndef WEFT_CNI_DAN_H
#define WEFT_CNI_DAN_H

#include "base/json.h"

/* Where Kata looks by default: its "dan_conf". */
#define DAN_DIR "/run/kata-containers/dans"

/*
 * The key of a device that says whose it is: the alias of its port. Kata reads
 * past keys that it does not know.
 *
 * Source: Kata's runtime-rs, crates/resource/src/network/dan.rs.
 */
#define DAN_MARK "weft"

/**
 * dan_put() - Add a device to a sandbox's file
 * @dir:	Directory, made if it is missing
 * @sandbox:	Its name, without ".json"
 * @device:	With a DAN_MARK; takes the place of one with the same
 * @err:	CNI_E_IO naming the file, CNI_E_CONFIG if its devices are in
 *		another namespace, CNI_E_RETRY: somebody holds the lock
 *
 * Under a lock of the directory, and all at once: Kata reads the old file or the
 * new one. What others have in it stays as they wrote it, byte for byte.
 *
 * Return: 0, -EBADMSG if the file is not what Kata could read, or another
 * negative errno
 */
int dan_put(const char *dir, const char *sandbox, const cJSON *device,
	    struct cni_err *err);

/**
 * dan_get() - The device with a mark
 * @ret:	Unchanged on failure; free with cJSON_Delete()
 *
 * Return: 0, -ENOENT: it is not there, or another negative errno
 */
int dan_get(const char *dir, const char *sandbox, const char *mark, cJSON **ret,
	    struct cni_err *err);

/**
 * dan_drop() - Take the device with a mark out, and the file with the last one
 *
 * A file that Kata could not read is left alone, and told of in the log.
 *
 * Return: 0, also if there is none, or a negative errno
 */
int dan_drop(const char *dir, const char *sandbox, const char *mark,
	     struct cni_err *err);

/** typedef dan_match_fn - Is this the mark of one that is looked for? */
typedef bool dan_match_fn(const char *mark, void *arg);

/** dan_collect() - dan_drop() of all that match, in every file of @dir */
int dan_collect(const char *dir, dan_match_fn *match, void *arg,
		struct cni_err *err);

#endif
