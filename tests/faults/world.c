/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/guard_empty.h"
#include "base/ip.h"
#include "base/json.h"
#include "base/own_netns.h"
#include "net/addr.h"
#include "net/link.h"
#include "net/link_remove.h"
#include "net/masq.h"
#include "net/netns.h"
#include "net/portmap.h"
#include "net/spoof.h"
#include "net/sysctl.h"
#include "net/upstream.h"
#include "net/veth.h"

enum { ORPHANS = 16, VARS = 10 };

#define CONF_DIR "/run/tmp/net.d"

static const char *const guests[] = { BYSTANDER, GUEST };
static char vars[VARS][4096], *env[VARS + 1];
static const char *bin_dir, *reference_dir, *preload_path;
static struct netlink *host, *inside[2];
static int in = -1, out = -1, logs = -1;
static unsigned int started;

static void must(int r, const char *what, const struct cni_err *e)
{
	if (r < 0)
		errx(2, "%s: %s", what, e->msg);
}

static int memory(const char *name)
{
	const int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		err(2, "memfd_create");
	return fd;
}

void world_open(const char *bin, const char *reference, const char *preload)
{
	struct cni_err e = CNI_ERR_INIT;
	char path[64];
	int fd = -1;

	bin_dir = bin;
	reference_dir = reference;
	preload_path = preload;
	in = memory("in");
	out = memory("out");
	logs = memory("log");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L))
		err(2, "subreaper");
	must(netlink_open(&host, &e), "open", &e);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "/run/netns/%s", guests[i]);
		must(netns_open(path, &fd, &e), "open", &e);
		must(netlink_open_in(fd, &inside[i], &e), "open", &e);
		(void)close(fd);
	}
}

static void rewrite(int fd, const char *text)
{
	const size_t n = strlen(text);

	if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) ||
	    write(fd, text, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET))
		err(2, "memory");
}

static void write_env(const struct request *r)
{
	int n = 0;

#define PUT(...) (void)snprintf(vars[n++], sizeof(vars[0]), __VA_ARGS__)
	PUT("CNI_COMMAND=%s", r->verb);
	PUT("CNI_CONTAINERID=%s", r->id);
	if (r->setup->is_on_host)
		PUT("CNI_NETNS=/proc/self/ns/net");
	else
		PUT("CNI_NETNS=/run/netns/%s", r->id);
	PUT("CNI_IFNAME=eth0");
	PUT("CNI_PATH=%s:%s", bin_dir, reference_dir);
	PUT("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	PUT("NETCONFPATH=" CONF_DIR);
	if (strstr(r->setup->keys, "\"silent\""))
		PUT("CNI_ARGS=ALLOCATION_KEY=vm");
	else if (strstr(r->setup->keys, "\"allocationKey\""))
		PUT("CNI_ARGS=ALLOCATION_KEY=vm-of-%s", r->id);
	if (r->alloc >= 0) {
		PUT("LD_PRELOAD=%s", preload_path);
		PUT("WEFT_FAIL_ALLOC=%d", r->alloc);
	}
#undef PUT
	for (int i = 0; i < VARS; i++)
		env[i] = i < n ? vars[i] : NULL;
}

/* The network as a list, and the command on it: ADD of the bystander is that of a
 * container. */
static char *const *run_command(const struct request *r)
{
	static const char *const add[] = { "weft", "add",
					   "net1", "/run/netns/" BYSTANDER,
					   "--id", BYSTANDER,
					   NULL };
	static const char *const run[] = { "weft", "run", "net1", "--id",
					   GUEST,  "--",  "true", NULL };
	static const char *const gc[] = { "weft",  "gc",	"--orphans",
					  "--yes", "--min-age", "0",
					  NULL };
	FILE *f;

	(void)mkdir(CONF_DIR, 0755);
	f = fopen(CONF_DIR "/net1.conflist", "we");
	if (!f ||
	    fprintf(f,
		    "{\"cniVersion\":\"1.1.0\",\"name\":\"net1\","
		    "\"plugins\":[{\"type\":\"%s\",%s}]}",
		    r->setup->type, r->setup->keys) < 0 ||
	    fclose(f))
		err(2, "configuration");
	if (!strcmp(r->id, BYSTANDER))
		return (char *const *)add;
	return (char *const *)(!strcmp(r->verb, "ADD") ||
					       strstr(r->setup->name, "again")
				       ? run
				       : gc);
}

static const struct program *prepare_run(const struct request *r)
{
	static struct program p;
	static char path[4096];

	rewrite(in, "");
	rewrite(out, "");
	rewrite(logs, "");
	write_env(r);
	(void)snprintf(path, sizeof(path), "%s/weft", bin_dir);
	p = (struct program){ path, run_command(r), env, in, out, logs };
	return &p;
}

const struct program *world_prepare(const struct request *r)
{
	static struct program p;
	static char path[4096];
	cleanup_free char *text = NULL;
	const bool is_made = r->setup->maker && !strcmp(r->verb, "ADD");
	const char *type = is_made ? r->setup->maker : r->setup->type;
	const bool is_ours = !is_made && strcmp(type, "host-local") != 0;

	if (world_is_run(r->setup))
		return prepare_run(r);
	if (asprintf(&text,
		     "{\"cniVersion\":\"1.1.0\",\"name\":\"net1\",\"type\":"
		     "\"%s\",%s%s%s%s}",
		     type, r->setup->keys, r->more ? r->more : "",
		     r->prev ? ",\"prevResult\":" : "",
		     r->prev ? r->prev : "") < 0)
		err(2, "memory");
	rewrite(in, text);
	rewrite(out, "");
	rewrite(logs, "");
	write_env(r);
	(void)snprintf(path, sizeof(path), "%s/%s",
		       is_ours ? bin_dir : reference_dir, type);
	p = (struct program){ path, NULL, env, in, out, logs };
	return &p;
}

static void read_back(int fd, char *buf, size_t size)
{
	const ssize_t n = pread(fd, buf, size - 1, 0);

	buf[n < 0 ? 0 : n] = '\0';
}

void world_answer(int status, struct answer *ret)
{
	ret->status = status;
	read_back(out, ret->out, sizeof(ret->out));
	read_back(logs, ret->log, sizeof(ret->log));
}

void world_call(const struct request *r, struct answer *ret)
{
	const int pid = program_start(world_prepare(r), false);
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			err(2, "wait");
	world_answer(status, ret);
	(void)world_reap(++started % ORPHANS == 0);
}

bool world_reap(bool all)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int pid = 0;

	for (int i = 0; i < (all ? 5000 : 1); i++) {
		do
			pid = waitpid(-1, NULL, WNOHANG);
		while (pid > 0);
		if (pid < 0)
			return true;
		if (all)
			(void)nanosleep(&pause, NULL);
	}
	return false;
}

static void remove_links(struct netlink *nl)
{
	cleanup_free struct link_info *links = NULL;
	struct cni_err e = CNI_ERR_INIT;
	size_t n = 0;

	must(link_list(nl, 0, &links, &n, &e), "clean", &e);
	for (size_t i = 0; i < n; i++)
		if (strcmp(links[i].name, "lo") != 0)
			(void)link_delete(nl, links[i].index, &e);
}

/* They outlive their ports. */
static void remove_spoof_chains(void)
{
	cleanup_free struct spoof_chain *v = NULL;
	struct cni_err e = CNI_ERR_INIT;
	size_t n = 0;

	must(spoof_list(&v, &n, &e), "clean", &e);
	for (size_t i = 0; i < n; i++)
		must(spoof_remove(v[i].name, &e), "clean", &e);
	must(spoof_prune(&e), "clean", &e);
}

static void remove_files(const char *root)
{
	char *const roots[] = { (char *)root, NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	const FTSENT *f;

	while (walk && (f = fts_read(walk))) {
		if (f->fts_info == FTS_F)
			(void)umount2(f->fts_accpath, MNT_DETACH);
		if (f->fts_info != FTS_D)
			(void)remove(f->fts_accpath);
	}
	(void)fts_close(walk);
}

static void remove_state(void)
{
	remove_files("/var/lib/cni/networks");
	remove_files("/var/lib/cni/weft");
	remove_files("/run/weft");
}

/* Kata's, which stay when their files are gone. */
static void remove_dans(void)
{
	remove_files("/run/kata-containers/dans");
	(void)rmdir("/run/kata-containers/dans");
	(void)rmdir("/run/kata-containers");
}

static bool is_any(const char *owner, void *arg)
{
	(void)owner;
	(void)arg;
	return true;
}

static void remove_rules(void)
{
	struct cni_err e = CNI_ERR_INIT;

	must(portmap_remove(is_any, NULL, &e), "clean", &e);
	must(portmap_remove_idle(&e), "clean", &e);
	must(masq_remove("net1", &e), "clean", &e);
	must(upstream_collect("net1", NULL, 0, UPSTREAM_MASQ | UPSTREAM_SPOOF,
			      &e),
	     "clean", &e);
}

/* So that an ADD has them to change. */
static void reset_sysctls(void)
{
	struct cni_err e = CNI_ERR_INIT;

	(void)sysctl_set_net("ipv4", NULL, "ip_forward", "0", &e);
	(void)sysctl_set_net("ipv6/conf", "all", "forwarding", "0", &e);
}

/* It stays loaded. */
static void forget_guard(void)
{
	cleanup_guard struct guard g = GUARD_NONE;
	struct cni_err e = CNI_ERR_INIT;
	const int r = guard_find(&g, &e);

	if (r < 0)
		errx(2, "forget the guard: %s", e.msg);
	if (r)
		guard_empty(&g);
}

void world_forget(bool is_first)
{
	struct cni_err e = CNI_ERR_INIT;
	struct link_info bridge;

	if (!link_get(host, "br0", &bridge, &e))
		must(link_remove(host, bridge.index, LINK_WAIT_EVENT, &e),
		     "clean", &e);
	remove_rules();
	remove_spoof_chains();
	remove_state();
	remove_dans();
	forget_guard();
	if (is_first)
		remove_files("/sys/fs/bpf/weft");
	reset_sysctls();
}

/* A veth end, with the host's addresses. */
static void make_parent(void)
{
	static const char *const texts[] = { "10.1.0.1/16", "fd00:1::1/64" };
	struct veth_opts o = { .host_name = "p0",
			       .guest_name = "p1",
			       .netns = own_netns_open(),
			       .alias = "parent" };
	struct cni_err e = CNI_ERR_INIT;
	struct ip_net addr;
	struct veth v;

	must(veth_create(host, &o, &v, &e), "parent", &e);
	(void)close(o.netns);
	for (size_t i = 0; i < 2; i++)
		if (ip_net_parse(texts[i], &addr) ||
		    addr_add(host, v.host_index, &addr, IFA_F_NODAD, &e) < 0)
			errx(2, "parent: %s", e.msg);
	must(link_set_up(host, v.host_index, true, &e), "parent", &e);
	must(link_set_up(host, v.guest_index, true, &e), "parent", &e);
}

/* Of the plugin that came before tap-vm; CHECK and DEL find the addresses gone,
 * so each ADD gets them anew. */
void world_give_addresses(const struct setup *s)
{
	static const char *const texts[] = { "10.1.0.2/16", "fd00:1::2/64" };
	struct cni_err e = CNI_ERR_INIT;
	struct link_info eth0;
	struct ip_net addr;

	if (!world_has_pod(s))
		return;
	must(link_get(inside[1], "eth0", &eth0, &e), "pod", &e);
	for (size_t i = 0; i < 2; i++)
		if (ip_net_parse(texts[i], &addr) ||
		    (addr_add(inside[1], eth0.index, &addr, IFA_F_NODAD, &e) <
			     0 &&
		     e.errnum != EEXIST && e.errnum != EACCES))
			errx(2, "pod: %s", e.msg);
}

bool world_is_run(const struct setup *s)
{
	return !strncmp(s->name, "run", 3);
}

bool world_has_pod(const struct setup *s)
{
	return !strcmp(s->type, "tap-vm");
}

static void make_pod(const struct setup *s)
{
	struct veth_opts o = { .host_name = "g0",
			       .guest_name = "eth0",
			       .netns = -1,
			       .alias = "pod" };
	struct cni_err e = CNI_ERR_INIT;
	struct veth v;

	must(netns_open("/run/netns/" GUEST, &o.netns, &e), "pod", &e);
	must(veth_create(host, &o, &v, &e), "pod", &e);
	(void)close(o.netns);
	must(link_set_up(host, v.host_index, true, &e), "pod", &e);
	must(link_set_up(inside[1], v.guest_index, true, &e), "pod", &e);
	world_give_addresses(s);
}

void world_build(const struct setup *s, bool is_fresh)
{
	const struct request add = {
		.setup = s, .verb = "ADD", .id = BYSTANDER, .alloc = -1
	};
	struct answer a;

	remove_links(inside[0]);
	remove_links(inside[1]);
	remove_links(host);
	remove_rules();
	remove_spoof_chains();
	remove_state();
	remove_dans();
	forget_guard();
	reset_sysctls();
	if (s->has_parent)
		make_parent();
	if (world_has_pod(s))
		make_pod(s);
	if (is_fresh)
		return;
	world_call(&add, &a);
	if (!answer_is_success(&a, "ADD"))
		errx(2, "%s: the bystander: %s%s", s->name, a.out, a.log);
}

bool answer_is_error(const struct answer *a)
{
	const char *end = NULL;
	cleanup_json cJSON *doc = cJSON_ParseWithOpts(a->out, &end, false);
	const cJSON *code = json_get(doc, "code"), *msg = json_get(doc, "msg");

	return WIFEXITED(a->status) && WEXITSTATUS(a->status) == 1 && doc &&
	       !end[strspn(end, " \n")] && cJSON_IsNumber(code) &&
	       code->valuedouble > 0 && cJSON_IsString(msg) &&
	       *msg->valuestring;
}

bool answer_is_run_error(const struct answer *a, bool may_be_killed)
{
	const int status = WIFEXITED(a->status) ? WEXITSTATUS(a->status) : 0;

	if (status == 128 + SIGKILL)
		return may_be_killed;
	return status >= 125 && status <= 127 && strstr(a->log, "weft: ") &&
	       !*a->out;
}

bool answer_is_success(const struct answer *a, const char *verb)
{
	cleanup_json cJSON *doc = cJSON_Parse(a->out);

	return WIFEXITED(a->status) && !WEXITSTATUS(a->status) &&
	       (strcmp(verb, "ADD") != 0 ? !*a->out
					 : !!json_get(doc, "cniVersion"));
}
