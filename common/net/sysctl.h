/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl.h - /proc/sys/net of the calling thread's network namespace. */
#ifndef WEFT_NET_SYSCTL_H
#define WEFT_NET_SYSCTL_H

#include <stddef.h>

#include "base/err.h"

/**
 * sysctl_set_net() - Set a value below /proc/sys/net
 * @dir:	"ipv6/conf", "ipv4": from the program, never from input
 * @ifname:	Interface or "all" or "default", which is looked up in @dir as
 *		one path component; NULL: @key is in @dir itself
 * @key:	"accept_ra": from the program, never from input
 * @value:	"0"
 * @err:	Filled on failure
 *
 * Written only if it is not so already: where /proc/sys is read-only, what is
 * right stays no error.
 *
 * Source: Documentation/networking/ip-sysctl.rst.
 *
 * Return: 0, or
 *   -ENOENT  no such interface, or no IPv6 in this kernel
 *   -EINVAL  @ifname is no path component, or the kernel refuses @value
 *   -EROFS   /proc/sys is read-only
 */
int sysctl_set_net(const char *dir, const char *ifname, const char *key,
		   const char *value, struct cni_err *err);

/**
 * sysctl_get_net() - Read a value below /proc/sys/net
 * @dir:	As sysctl_set_net()
 * @ifname:	As sysctl_set_net()
 * @key:	As sysctl_set_net()
 * @buf:	The text, without its line end; unchanged on failure
 * @size:	Room in @buf; a longer value is -E2BIG
 * @err:	Filled on failure
 *
 * Return: 0, or a negative errno
 */
int sysctl_get_net(const char *dir, const char *ifname, const char *key,
		   char *buf, size_t size, struct cni_err *err);

#endif
