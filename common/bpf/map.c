/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/map.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

int bpf_call(int cmd, union bpf_attr *attr)
{
	const long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static int make(const struct bpf_map_def *def, int inner)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = def->type;
	attr.map_flags = def->flags;
	attr.key_size = def->key;
	attr.value_size = def->value;
	attr.max_entries = def->max;
	attr.inner_map_fd = inner < 0 ? 0 : (uint32_t)inner;
	memcpy(attr.map_name, def->name,
	       strnlen(def->name, sizeof(attr.map_name) - 1));
	return bpf_call(BPF_MAP_CREATE, &attr);
}

int bpf_map_make(const struct bpf_map_def *def)
{
	cleanup_close int inner = def->inner ? make(def->inner, -1) : -1;

	return def->inner && inner < 0 ? inner : make(def, inner);
}

static int element(int cmd, int map, const void *key, const void *value,
		   uint64_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map;
	attr.key = bpf_pointer(key);
	attr.value = bpf_pointer(value);
	attr.flags = flags;
	return bpf_call(cmd, &attr);
}

int bpf_map_get(int map, const void *key, void *ret)
{
	return element(BPF_MAP_LOOKUP_ELEM, map, key, ret, 0);
}

int bpf_map_put(int map, const void *key, const void *value, uint64_t flags)
{
	return element(BPF_MAP_UPDATE_ELEM, map, key, value, flags);
}

int bpf_map_remove(int map, const void *key)
{
	return element(BPF_MAP_DELETE_ELEM, map, key, NULL, 0);
}

int bpf_map_next(int map, const void *key, void *ret)
{
	return element(BPF_MAP_GET_NEXT_KEY, map, key, ret, 0);
}

static int object(int cmd, int fd, const char *path)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = bpf_pointer(path);
	attr.bpf_fd = (uint32_t)fd;
	return bpf_call(cmd, &attr);
}

int bpf_pin(int fd, const char *path)
{
	return object(BPF_OBJ_PIN, fd, path);
}

int bpf_pinned(const char *path)
{
	return object(BPF_OBJ_GET, 0, path);
}
