/* SPDX-License-Identifier: Apache-2.0 */
/* acl.h - who may join which network. Pure but for looking names up. */
#ifndef WEFT_QEMU_HELPER_ACL_H
#define WEFT_QEMU_HELPER_ACL_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/**
 * struct acl_who - Who asks
 * @uid:	Real user ID
 * @gids:	All group IDs, the real one among them
 * @n_gids:	How many
 * @uid_of:	A user's ID by name: 0, or a negative errno if there is none
 * @gid_of:	A group's likewise
 */
struct acl_who {
	uid_t uid;
	const gid_t *gids;
	size_t n_gids;
	int (*uid_of)(const char *name, uid_t *ret);
	int (*gid_of)(const char *name, gid_t *ret);
};

/**
 * acl_check() - May they join the network?
 * @text:	Lines "allow|deny NETWORK|all [user:NAME|group:NAME]", '#' begins a
 *		comment. The first one that fits decides; none: no
 * @network:	Its name
 * @err:	CNI_E_CONFIG
 *
 * A line that is not understood is an error wherever it stands: nobody is let
 * in by half a file. A user or group that there is not fits nobody.
 *
 * Return: 0, -EACCES, or -EINVAL
 */
int acl_check(const char *text, const char *network, const struct acl_who *who,
	      struct cni_err *err);

/**
 * acl_read() - Read the file, if nobody but root can write to it
 * @path:	Regular file of root's, no link, at most 64 kB
 * @ret:	free()
 *
 * Return: 0 or a negative errno
 */
int acl_read(const char *path, char **ret, struct cni_err *err);

#endif
