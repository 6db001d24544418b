/* SPDX-License-Identifier: Apache-2.0 */
/* privilege.h - from a user's process to one that only root has a hand in. */
#ifndef WEFT_QEMU_HELPER_PRIVILEGE_H
#define WEFT_QEMU_HELPER_PRIVILEGE_H

#include "base/err.h"

/**
 * privilege_clean() - Leave behind what the caller has set
 * @fd:		Stays open, beside the standard streams; anything else is closed
 *
 * Environment, directory, umask, signals (they wait), and limits' soft values.
 *
 * Return: 0 or a negative errno
 */
int privilege_clean(int fd, struct cni_err *err);

/**
 * privilege_raise() - Become root, for good
 *
 * What is left in files is then root's, and the caller can neither signal nor
 * trace us.
 *
 * Return: 0 or a negative errno
 */
int privilege_raise(struct cni_err *err);

#endif
