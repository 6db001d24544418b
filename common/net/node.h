/* SPDX-License-Identifier: Apache-2.0 */
/* node.h - character devices of macvtaps, under a name of their own in /dev. */
#ifndef WEFT_NET_NODE_H
#define WEFT_NET_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define NODE_DIR "/dev"
#define NODE_PREFIX "mvt" /* and eleven hex digits */

/**
 * struct node - A node that is to be
 * @name:	In NODE_DIR
 * @number:	Of the device, from the kernel
 * @index:	ifindex of the macvtap: the kernel may have made a node of its
 *		own, called after it
 * @owner:	User ID
 * @group:	Group ID
 * @mode:	Permissions
 */
struct node {
	const char *name;
	dev_t number;
	uint32_t index;
	uid_t owner;
	gid_t group;
	mode_t mode;
};

/**
 * node_make() - Make a node, whole, in place of one that has the name
 * @n:		What it is to be
 * @err:	Filled on failure; then there may be a part of it, for node_remove()
 *
 * A hard link to the kernel's own node, if that is this device's: when the
 * device goes, the kernel takes all permissions from it, and nobody gets the
 * next device of that number by an old name. Owner and permissions are then the
 * kernel's node's, too. Without one, or where its name belongs to the device of
 * another namespace, a node of its own; older ones of that number are removed.
 *
 * Source: drivers/base/devtmpfs.c, handle_remove().
 *
 * Return: 0 or a negative errno
 */
int node_make(const struct node *n, struct cni_err *err);

/**
 * node_get() - What is there
 * @ret:	Without index
 *
 * Return: 0, -ENOENT, -ENODEV if it is no such device, or another negative errno
 */
int node_get(const char *name, struct node *ret, struct cni_err *err);

/** node_remove() - Remove a node and what a killed node_make() left of it */
int node_remove(const char *name, struct cni_err *err);

/**
 * node_collect() - Remove the nodes whose devices are gone
 *
 * Whosever they were: nobody can open them any more, or what they open is
 * another's.
 *
 * Return: 0 or a negative errno
 */
int node_collect(struct cni_err *err);

/**
 * node_list_held() - Which character devices do processes have open?
 * @major:	Only of these
 * @ret:	Array, NULL if there are none; free()
 * @ret_n:	How many
 * @err:	Filled on failure
 *
 * Looks at the descriptors of every process. One that may not be looked at is an
 * error: it could have any.
 *
 * Source: proc(5), /proc/pid/fd.
 *
 * Return: 0 or a negative errno
 */
int node_list_held(unsigned int major, dev_t **ret, size_t *ret_n,
		   struct cni_err *err);

/**
 * node_is_held() - Has a process a character device open?
 *
 * Return: 1, 0, or a negative errno if that cannot be told
 */
int node_is_held(dev_t number, struct cni_err *err);

#endif
