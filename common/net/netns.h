/* SPDX-License-Identifier: Apache-2.0 */
/* netns.h - network namespaces: open by path, enter, come back. */
#ifndef WEFT_NET_NETNS_H
#define WEFT_NET_NETNS_H

#include "base/err.h"
#include "base/mem.h"

/**
 * netns_open() - Open a network namespace by path
 * @path:	A namespace file, such as CNI_NETNS
 * @ret_fd:	Descriptor, closed on exec; unchanged on failure
 * @err:	Filled on failure, code CNI_E_NETNS
 *
 * Nothing but a namespace file is ever opened: a FIFO would block and a
 * device may do something.
 *
 * Source: NSFS_MAGIC, linux/magic.h; ioctl_ns(2).
 *
 * Return: 0, or
 *   -ENOENT  there is no such file
 *   -EINVAL  it is not a network namespace
 *   another negative errno of statfs(2) or open(2)
 */
int netns_open(const char *path, int *ret_fd, struct cni_err *err);

/**
 * netns_enter() - Move the calling thread into a network namespace
 * @fd:		Descriptor of the namespace
 * @ret_home:	The way back, for netns_leave(); unchanged on failure
 * @err:	Filled on failure, code CNI_E_NETNS
 *
 * With cleanup_netns_leave on @ret_home the way back cannot be forgotten.
 *
 * Return: 0, or a negative errno
 */
int netns_enter(int fd, int *ret_home, struct cni_err *err);

/**
 * netns_leave() - Go back to where netns_enter() was called
 * @home:	Closed and set to -1; -1: nothing to do
 *
 * A process that cannot come back, though it tried a few times, would work on
 * the wrong namespace: it aborts.
 */
void netns_leave(int *home);

/**
 * netns_is_own() - Is a descriptor that of the calling thread's namespace?
 * @fd:		From netns_open()
 * @err:	Filled on failure, code CNI_E_NETNS
 *
 * Return: 1 or 0, or a negative errno: it cannot be told
 */
int netns_is_own(int fd, struct cni_err *err);

/**
 * netns_lock() - One of us at a time in the calling thread's namespace
 * @timeout_s:	Seconds, > 0
 * @ret_fd:	Close it to unlock; unchanged on failure
 * @err:	Filled on failure
 *
 * For changes that the kernel cannot make in one request. flock(2) of the
 * namespace itself: it needs no file, and ends with its holder.
 *
 * Return: 0, -ETIMEDOUT (CNI_E_RETRY), or another negative errno
 */
int netns_lock(int timeout_s, int *ret_fd, struct cni_err *err);

/**
 * netns_pin() - Make an empty network namespace that lives at a path
 * @path:	A file that is made, in a directory that exists
 * @err:	Filled on failure, code CNI_E_NETNS
 *
 * The calling thread is back in its own namespace on return.
 *
 * Source: namespaces(7), ip-netns(8).
 *
 * Return: 0, -EEXIST if there is such a file, or another negative errno
 */
int netns_pin(const char *path, struct cni_err *err);

/**
 * netns_unpin() - Remove what netns_pin() made, in any state of it
 *
 * The namespace lives on while a process is in it or has it open.
 *
 * Return: 0, also where there is nothing, or a negative errno
 */
int netns_unpin(const char *path, struct cni_err *err);

#define cleanup_netns_leave CLEANUP(netns_leave)

#endif
