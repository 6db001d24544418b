/* SPDX-License-Identifier: Apache-2.0 */
/* The guard in the kernel: once per boot, pinned, found again by its names. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "bpf/guard.h"
#include "bpf/guard_watch.h"
#include "bpf/map.h"
#include "bpf/policy_abi.h"
#include "bpf/prog.h"

#define BPFFS "/sys/fs/bpf"
#define HOME BPFFS "/weft"

enum {
	LOAD_64 = BPF_LD + BPF_DW + BPF_IMM,
	MODE = 0700,
	LOCK_TIMEOUT_S = 10,
	PATH_SIZE = 96,
	GUESTS_MAX = 65536,
	CLAIMS_MAX = 131072,
	RULES_MAX = 1U << 20,
	FLOWS_MAX = 1U << 17,
	PARTS_MAX = 1U << 13,
};

static const uint64_t from_insns[] = {
#include "guard_from.insns"
};

static const uint64_t to_insns[] = {
#include "guard_to.insns"
};

static const uint64_t answer4_insns[] = {
#include "guard_answer4.insns"
};

static const uint64_t answer6_insns[] = {
#include "guard_answer6.insns"
};

static const uint64_t report_insns[] = {
#include "guard_report.insns"
};

static const char build_id[] =
#include "guard.id"
	;

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

const struct bpf_map_def guard_ring = {
	"weft_events", BPF_MAP_TYPE_RINGBUF, 0, 0, 0, GUARD_RING, NULL
};

static const struct bpf_map_def maps[GUARD_ALL_MAPS] = {
	[GUARD_GUESTS] = { "weft_guests", BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC,
			   sizeof(uint32_t), sizeof(struct guard_guest),
			   GUESTS_MAX },
	[GUARD_SOURCES] = { "weft_sources", BPF_MAP_TYPE_HASH,
			    BPF_F_NO_PREALLOC, sizeof(uint32_t),
			    sizeof(struct guard_sources), GUESTS_MAX },
	[GUARD_CLAIMS] = { "weft_claims", BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC,
			   sizeof(struct guard_claim), sizeof(uint32_t),
			   CLAIMS_MAX },
	[GUARD_COUNTS] = { "weft_counts", BPF_MAP_TYPE_PERCPU_HASH,
			   BPF_F_NO_PREALLOC, sizeof(uint32_t),
			   sizeof(struct guard_counts), GUESTS_MAX },
	[GUARD_ANSWERED_BY] = { "weft_answers", BPF_MAP_TYPE_HASH,
				BPF_F_NO_PREALLOC, sizeof(uint32_t),
				sizeof(struct guard_answer), GUESTS_MAX },
	[GUARD_POLICIES] = { "weft_policies", BPF_MAP_TYPE_HASH,
			     BPF_F_NO_PREALLOC, sizeof(uint32_t),
			     sizeof(struct guard_policy), GUESTS_MAX },
	[GUARD_PEERS] = { "weft_peers", BPF_MAP_TYPE_LPM_TRIE,
			  BPF_F_NO_PREALLOC, sizeof(struct guard_peer),
			  sizeof(struct guard_class), RULES_MAX },
	[GUARD_PORTS] = { "weft_ports", BPF_MAP_TYPE_LPM_TRIE,
			  BPF_F_NO_PREALLOC, sizeof(struct guard_port),
			  sizeof(struct guard_rule), RULES_MAX },
	[GUARD_FLOWS] = { "weft_flows", BPF_MAP_TYPE_LRU_HASH, 0,
			  sizeof(struct guard_flow),
			  sizeof(struct guard_flow_state), FLOWS_MAX },
	[GUARD_PARTS] = { "weft_parts", BPF_MAP_TYPE_LRU_HASH, 0,
			  sizeof(struct guard_part), sizeof(uint32_t),
			  PARTS_MAX },
	[GUARD_MEMBERS] = { "weft_members", BPF_MAP_TYPE_HASH,
			    BPF_F_NO_PREALLOC, sizeof(uint32_t),
			    sizeof(struct guard_member), GUESTS_MAX },
	[GUARD_TEXTS] = { "weft_texts", BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC,
			  sizeof(struct guard_chunk_key),
			  sizeof(struct guard_chunk), GUESTS_MAX },
	[GUARD_WATCHED] = { "weft_watched", BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE,
			    sizeof(uint32_t), sizeof(struct guard_watched), 1 },
	[GUARD_WATCHERS] = { "weft_watchers", BPF_MAP_TYPE_ARRAY_OF_MAPS, 0,
			     sizeof(uint32_t), sizeof(uint32_t), GUARD_WATCHING,
			     &guard_ring },
	[GUARD_TAILS] = { "weft_tails", BPF_MAP_TYPE_PROG_ARRAY, 0,
			  sizeof(uint32_t), sizeof(uint32_t), GUARD_CALLED },
};

static const struct bpf_code programs[] = {
	{ "weft_from", from_insns, COUNT(from_insns) },
	{ "weft_to", to_insns, COUNT(to_insns) },
};

static const struct bpf_code called[GUARD_CALLED] = {
	[GUARD_ANSWER4] = { "weft_answer4", answer4_insns,
			    COUNT(answer4_insns) },
	[GUARD_ANSWER6] = { "weft_answer6", answer6_insns,
			    COUNT(answer6_insns) },
	[GUARD_REPORT] = { "weft_report", report_insns, COUNT(report_insns) },
};

static void map_path(size_t i, char ret[PATH_SIZE])
{
	if (i == GUARD_TAILS)
		(void)snprintf(ret, PATH_SIZE, HOME "/%s/%s", build_id,
			       maps[i].name);
	else
		(void)snprintf(ret, PATH_SIZE, HOME "/v%d/%s", GUARD_SCHEMA,
			       maps[i].name);
}

static void program_path(size_t i, char ret[PATH_SIZE])
{
	(void)snprintf(ret, PATH_SIZE, HOME "/%s/%s", build_id,
		       programs[i].name);
}

static int *program_fd(struct guard *g, size_t i)
{
	return i ? &g->to : &g->from;
}

void guard_close(struct guard *g)
{
	for (size_t i = 0; i < GUARD_ALL_MAPS; i++)
		closep(&g->map[i]);
	closep(&g->from);
	closep(&g->to);
	*g = (struct guard)GUARD_NONE;
}

static int say_open(int r, const char *path, struct cni_err *err)
{
	return err_set(err, CNI_E_KERNEL, -r, "guard: open %s", path);
}

/* Return: 1 if all up to @end are there, 0 if not, or a negative errno */
static int open_maps(struct guard *g, size_t end, struct cni_err *err)
{
	char path[PATH_SIZE];

	for (size_t i = 0; i < end; i++) {
		map_path(i, path);
		g->map[i] = bpf_pinned(path);
		if (g->map[i] < 0)
			return g->map[i] == -ENOENT
				       ? 0
				       : say_open(g->map[i], path, err);
	}
	return 1;
}

static int open_programs(struct guard *g, struct cni_err *err)
{
	char path[PATH_SIZE];

	for (size_t i = 0; i < COUNT(programs); i++) {
		int *fd = program_fd(g, i);

		program_path(i, path);
		*fd = bpf_pinned(path);
		if (*fd < 0)
			return *fd == -ENOENT ? 0 : say_open(*fd, path, err);
	}
	return 1;
}

/* systemd does it at boot; what tc does where it has not. */
static int mount_bpffs(struct cni_err *err)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs) < 0)
		return err_set(err, CNI_E_KERNEL, errno, "guard: find %s",
			       BPFFS);
	if (fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0700") < 0)
		return err_set(err, CNI_E_KERNEL, errno,
			       "guard: mount bpffs on %s", BPFFS);
	return 0;
}

static int make_dir(const char *path, struct cni_err *err)
{
	if (!mkdir(path, MODE) || errno == EEXIST)
		return 0;
	return err_set(err, CNI_E_KERNEL, errno, "guard: make %s", path);
}

int guard_lock(int *ret_fd, struct cni_err *err)
{
	cleanup_close int fd = open(HOME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : file_lock_fd(fd, LOCK_TIMEOUT_S);

	if (r < 0)
		return err_set(err,
			       r == -ETIMEDOUT ? CNI_E_RETRY : CNI_E_KERNEL, -r,
			       "guard: lock %s", HOME);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int make_maps(struct guard *g, struct cni_err *err)
{
	char path[PATH_SIZE];
	int r;

	for (size_t i = 0; i < GUARD_MAPS; i++) {
		map_path(i, path);
		if (g->map[i] < 0)
			g->map[i] = bpf_pinned(path);
		if (g->map[i] >= 0)
			continue;
		g->map[i] = bpf_map_make(&maps[i]);
		r = g->map[i] < 0 ? g->map[i] : bpf_pin(g->map[i], path);
		if (r < 0)
			return err_set(err, CNI_E_KERNEL, -r,
				       "guard: make eBPF map %s", path);
	}
	return 0;
}

/* Two halves of a 64-bit constant; see MAP() of bpf/kern/kern.h. */
static int put_maps(const struct guard *g, struct bpf_insn *insn, size_t n,
		    struct cni_err *err)
{
	for (size_t i = 0; i + 1 < n; i++) {
		if (insn[i].code != LOAD_64 ||
		    (uint32_t)insn[i + 1].imm != GUARD_MAP_MARK)
			continue;
		if (insn[i].imm < 0 || insn[i].imm >= GUARD_ALL_MAPS)
			return err_say(err, CNI_E_INTERNAL, EINVAL,
				       "guard: built with map %d", insn[i].imm);
		insn[i].src_reg = BPF_PSEUDO_MAP_FD;
		insn[i].imm = g->map[insn[i].imm];
		insn[i + 1].imm = 0;
	}
	return 0;
}

static int load_program(const struct guard *g, const struct bpf_code *from,
			int *ret_fd, struct cni_err *err)
{
	cleanup_free uint64_t *insns = malloc(from->n * sizeof(*insns));
	const struct bpf_code code = { from->name, insns, from->n };
	int r;

	if (!insns)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "guard");
	memcpy(insns, from->insns, from->n * sizeof(*insns));
	r = put_maps(g, (struct bpf_insn *)insns, from->n, err);
	return r ? r : bpf_prog_load(&code, ret_fd, err);
}

static int make_program(struct guard *g, size_t i, struct cni_err *err)
{
	char path[PATH_SIZE];
	int r = load_program(g, &programs[i], program_fd(g, i), err);

	if (r < 0)
		return r;
	program_path(i, path);
	r = bpf_pin(*program_fd(g, i), path);
	return r < 0 ? err_set(err, CNI_E_KERNEL, -r,
			       "guard: pin eBPF program %s", path)
		     : 0;
}

static int put_called(const struct guard *g, uint32_t i, struct cni_err *err)
{
	cleanup_close int fd = -1;
	int r = load_program(g, &called[i], &fd, err);

	if (r < 0)
		return r;
	r = bpf_map_put(g->map[GUARD_TAILS], &i, &fd, BPF_ANY);
	return r < 0 ? err_set(err, CNI_E_KERNEL, -r,
			       "guard: let eBPF program %s be called",
			       called[i].name)
		     : 0;
}

static int remove_programs(struct guard *g, struct cni_err *err)
{
	char path[PATH_SIZE];

	for (size_t i = 0; i < COUNT(programs); i++) {
		int *fd = program_fd(g, i);

		closep(fd);
		*fd = -1;
		program_path(i, path);
		if (unlink(path) < 0 && errno != ENOENT)
			return err_set(err, CNI_E_KERNEL, errno,
				       "guard: remove %s", path);
	}
	return 0;
}

/* Pinned when it is filled: what is there is whole. Programs that call by an
 * older one are not to be attached any more. */
static int make_tails(struct guard *g, struct cni_err *err)
{
	int *fd = &g->map[GUARD_TAILS];
	char path[PATH_SIZE];
	int r = 0;

	map_path(GUARD_TAILS, path);
	if (*fd < 0)
		*fd = bpf_pinned(path);
	if (*fd >= 0)
		return 0;
	*fd = bpf_map_make(&maps[GUARD_TAILS]);
	if (*fd < 0)
		return err_set(err, CNI_E_KERNEL, -*fd,
			       "guard: make eBPF map %s", path);
	for (uint32_t i = 0; !r && i < GUARD_CALLED; i++)
		r = put_called(g, i, err);
	if (!r)
		r = remove_programs(g, err);
	if (r < 0)
		return r;
	r = bpf_pin(*fd, path);
	return r < 0 ? err_set(err, CNI_E_KERNEL, -r, "guard: pin eBPF map %s",
			       path)
		     : 0;
}

static int make_programs(struct guard *g, struct cni_err *err)
{
	char path[PATH_SIZE];
	int r = make_tails(g, err);

	for (size_t i = 0; !r && i < COUNT(programs); i++) {
		int *fd = program_fd(g, i);

		program_path(i, path);
		if (*fd < 0)
			*fd = bpf_pinned(path);
		if (*fd < 0)
			r = make_program(g, i, err);
	}
	return r;
}

static int load(struct guard *g, struct cni_err *err)
{
	cleanup_close int lock = -1;
	char dir[PATH_SIZE];
	int r = mount_bpffs(err);

	if (!r)
		r = make_dir(HOME, err);
	if (!r)
		r = guard_lock(&lock, err);
	if (r < 0)
		return r;
	(void)snprintf(dir, sizeof(dir), HOME "/v%d", GUARD_SCHEMA);
	r = make_dir(dir, err);
	if (!r)
		r = make_maps(g, err);
	(void)snprintf(dir, sizeof(dir), HOME "/%s", build_id);
	if (!r)
		r = make_dir(dir, err);
	return r ? r : make_programs(g, err);
}

int guard_open(struct guard *ret, struct cni_err *err)
{
	int r;

	*ret = (struct guard)GUARD_NONE;
	r = open_maps(ret, GUARD_ALL_MAPS, err);
	if (r > 0)
		r = open_programs(ret, err);
	if (r < 0)
		return r;
	return r ? 0 : load(ret, err);
}

/* Who may not even look has never loaded it: rootless, no bpffs. Then neither is
 * the directory above for him, and the one answer is not an accident. */
static int may_be_loaded(struct cni_err *err)
{
	if (!access(HOME, F_OK))
		return 1;
	if (errno == ENOENT || errno == ENOTDIR)
		return 0;
	if (errno == EACCES && access(BPFFS, X_OK) < 0 && errno == EACCES)
		return 0;
	return err_set(err, CNI_E_KERNEL, EACCES, "guard: find %s", HOME);
}

int guard_find(struct guard *ret, struct cni_err *err)
{
	int r;

	*ret = (struct guard)GUARD_NONE;
	r = may_be_loaded(err);
	return r <= 0 ? r : open_maps(ret, GUARD_MAPS, err);
}

int guard_find_map(enum guard_map map, int *ret_fd, struct cni_err *err)
{
	char path[PATH_SIZE];
	int fd = may_be_loaded(err);

	if (fd <= 0)
		return fd;
	map_path(map, path);
	fd = bpf_pinned(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : say_open(fd, path, err);
	*ret_fd = fd;
	return 1;
}
