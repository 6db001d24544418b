/* SPDX-License-Identifier: Apache-2.0 */
/* map.h - eBPF maps: make, fill, read. */
#ifndef WEFT_BPF_MAP_H
#define WEFT_BPF_MAP_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct bpf_map_def - What a map is made as
 * @name:	As bpftool shows it, at most 15 bytes
 * @type:	BPF_MAP_TYPE_*
 * @flags:	BPF_F_*
 * @key:	Bytes of a key
 * @value:	Bytes of a value, of one CPU
 * @max:	How many there may be; of a ring, its bytes
 * @inner:	What it holds, of a map of maps; else NULL
 */
struct bpf_map_def {
	const char *name;
	uint32_t type, flags, key, value, max;
	const struct bpf_map_def *inner;
};

/**
 * bpf_call() - bpf(2)
 *
 * Return: what it returns, or a negative errno
 */
int bpf_call(int cmd, union bpf_attr *attr);

/** bpf_pointer() - As the kernel wants to have it */
static inline uint64_t bpf_pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* Of all that follow: 0 or a descriptor, or a negative errno; the caller knows
 * what it is about. */

/**
 * bpf_map_make() - Make a map
 *
 * What a map of maps holds is made after the likeness of @def->inner, which holds
 * none itself.
 *
 * Return: its descriptor
 */
int bpf_map_make(const struct bpf_map_def *def);

/** bpf_map_get() - Return: 0, or -ENOENT */
int bpf_map_get(int map, const void *key, void *ret);

/**
 * bpf_map_put() - Set one
 * @flags:	BPF_ANY, BPF_NOEXIST or BPF_EXIST
 *
 * Return: 0, -EEXIST, -ENOENT, or -E2BIG where the map is full
 */
int bpf_map_put(int map, const void *key, const void *value, uint64_t flags);

/** bpf_map_remove() - Return: 0, or -ENOENT */
int bpf_map_remove(int map, const void *key);

/**
 * bpf_map_next() - Go through the keys
 * @key:	NULL: begin
 *
 * Return: 0, or -ENOENT at the end
 */
int bpf_map_next(int map, const void *key, void *ret);

/** bpf_pin() - Give a map or a program a name. Return: 0, or -EEXIST */
int bpf_pin(int fd, const char *path);

/** bpf_pinned() - Return: its descriptor, or -ENOENT */
int bpf_pinned(const char *path);

#endif
