/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - the program that guard.program names. */
#ifndef WEFT_GUEST_PROGRAM_H
#define WEFT_GUEST_PROGRAM_H

#include "bpf/user.h"

/**
 * program_open() - Open it, loaded the first time
 * @path:	Of a program or a directory in a bpffs, see bpf_user_open(); or of an
 *		object file, as clang makes it
 * @ret:	Close with bpf_user_close(), also after a failure
 * @err:	CNI_E_CONFIG: there is none, or the kernel takes it not; what
 *		bpftool and the verifier have said is in the details
 *
 * An object file is loaded once per boot and content, by bpftool(8), into the
 * bpffs beside the guard, with its maps. The guard has been opened before.
 *
 * Return: 0 or a negative errno
 */
int program_open(const char *path, struct bpf_user *ret, struct cni_err *err);

#endif
