/* SPDX-License-Identifier: Apache-2.0 */
/* weft-qemu-helper: QEMU's -netdev bridge,helper= joins a CNI network. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "cni/args.h"
#include "cni/attachment.h"
#include "libcni/cache.h"
#include "net/netns.h"
#include "net/tap.h"
#include "weft-qemu-helper/acl.h"
#include "weft-qemu-helper/privilege.h"
#include "weft/run.h"

#ifndef WEFT_HELPER_CONF
#define WEFT_HELPER_CONF "/etc/weft/qemu-helper.conf"
#endif

enum { GROUPS_MAX = 1024, FIRST_FD = 3, NAME_MAX_LEN = 64 };

/**
 * struct asked - What QEMU asks
 * @network:	Of --br=NETWORK[:NAME]
 * @id:		qemu-<uid>-<NAME>, or a random one: nobody else's
 * @fd:		A Unix socket that gets the tap
 * @mac:	Only say which MAC the VM of that name has to have
 */
struct asked {
	char network[256];
	char id[NAME_MAX_LEN + 32];
	int fd;
	bool mac;
};

static int read_br(const char *br, struct asked *ret, struct cni_err *err)
{
	const size_t n = strcspn(br, ":");
	const char *name = br[n] ? br + n + 1 : "";
	uint64_t random = 0;

	(void)snprintf(ret->network, sizeof(ret->network), "%.*s", (int)n, br);
	if (n >= sizeof(ret->network) || !cni_name_is_valid(ret->network))
		return err_say(err, CNI_E_ENV, EINVAL,
			       "--br: no network's name");
	if (!br[n] && ret->mac)
		return err_say(
			err, CNI_E_ENV, EINVAL,
			"--mac --br=%s: only a VM with a name keeps its MAC",
			ret->network);
	if (!br[n]) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return err_set(err, CNI_E_INTERNAL, errno, "getrandom");
		(void)snprintf(ret->id, sizeof(ret->id), "qemu-%u-%016llx",
			       getuid(), (unsigned long long)random);
		return 0;
	}
	if (strlen(name) > NAME_MAX_LEN || !cni_name_is_valid(name))
		return err_say(err, CNI_E_ENV, EINVAL,
			       "--br=%s:...: no VM's name", ret->network);
	(void)snprintf(ret->id, sizeof(ret->id), "qemu-%u-%s", getuid(), name);
	return 0;
}

static int read_fd(const char *s, int *ret, struct cni_err *err)
{
	int domain = 0;
	socklen_t len = sizeof(domain);
	char *end = NULL;
	const long n = strtol(s, &end, 10);

	if (end == s || *end || n < FIRST_FD || n > INT32_MAX - 1 ||
	    getsockopt((int)n, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
	    domain != AF_UNIX)
		return err_say(err, CNI_E_ENV, EINVAL,
			       "--fd: not a Unix socket's descriptor");
	*ret = (int)n;
	return 0;
}

static int read_args(int argc, char **argv, struct asked *ret,
		     struct cni_err *err)
{
	static const struct option options[] = {
		{ "use-vnet", no_argument, NULL, 'v' },
		{ "br", required_argument, NULL, 'b' },
		{ "fd", required_argument, NULL, 'f' },
		{ "mac", no_argument, NULL, 'm' },
		{ 0 },
	};
	const char *br = NULL, *fd = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'v': /* always: QEMU asks the tap itself */
			break;
		case 'b':
			br = optarg;
			break;
		case 'f':
			fd = optarg;
			break;
		case 'm':
			ret->mac = true;
			break;
		default:
			br = NULL;
			optind = argc;
		}
	if (!br || (ret->mac && fd) || (!ret->mac && !fd) || optind < argc)
		return err_say(err, CNI_E_ENV, EINVAL,
			       "usage: weft-qemu-helper [--use-vnet] "
			       "--br=NETWORK[:NAME] --fd=SOCKET, or "
			       "--mac --br=NETWORK:NAME");
	c = read_br(br, ret, err);
	return c || !fd ? c : read_fd(fd, &ret->fd, err);
}

static int uid_of(const char *name, uid_t *ret)
{
	const struct passwd *p = getpwnam(name);

	if (!p)
		return -ENOENT;
	*ret = p->pw_uid;
	return 0;
}

static int gid_of(const char *name, gid_t *ret)
{
	const struct group *g = getgrnam(name);

	if (!g)
		return -ENOENT;
	*ret = g->gr_gid;
	return 0;
}

static int ask_list(const char *network, const struct acl_who *who,
		    struct cni_err *err)
{
	cleanup_free char *text = NULL;
	int r = acl_read(WEFT_HELPER_CONF, &text, err);

	if (!r)
		r = acl_check(text, network, who, err);
	return r < 0 ? err_ctx(err, r, WEFT_HELPER_CONF) : 0;
}

static int check_access(const char *network, struct cni_err *err)
{
	gid_t gids[GROUPS_MAX + 1];
	const int n = getgroups(GROUPS_MAX, gids);
	struct acl_who who = { .uid = getuid(),
			       .gids = gids,
			       .uid_of = uid_of,
			       .gid_of = gid_of };

	if (n < 0)
		return err_set(err, CNI_E_INTERNAL, errno, "groups");
	gids[n] = getgid();
	who.n_gids = (size_t)n + 1;
	return ask_list(network, &who, err);
}

static int send_fd(int to, int fd, struct cni_err *err)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };

	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(to, &msg, MSG_NOSIGNAL) < 0
		       ? err_set(err, CNI_E_IO, errno, "hand over the tap")
		       : 0;
}

/* From here on the tap ends with QEMU. */
static int hand_over(struct run_nic *nic, int to, struct cni_err *err)
{
	int r = run_nic_open(nic, 1, true, false, err);

	if (!r && !nic->device.is_macvtap)
		r = tap_expire(nic->fds[0], err);
	return r ? r : send_fd(to, nic->fds[0], err);
}

static int join(const struct asked *q, struct run_space *space,
		struct run_nic *nic, struct cni_err *err)
{
	char *const networks[] = { (char *)q->network };
	const struct weft_args a = { .positional = networks,
				     .n = 1,
				     .id = q->id,
				     .cache_dir = CACHE_DIR };
	struct cni_err ignored = CNI_ERR_INIT;
	int r = run_space_lock(space, q->id, err);

	if (r < 0)
		return r;
	r = run_nic_load(nic, &a, 0, space->netns, err);
	if (!r)
		r = run_space_clear(space, q->id, CACHE_DIR, err);
	if (r < 0) {
		(void)rmdir(space->path);
		return r;
	}
	r = netns_pin(space->netns, err);
	if (!r)
		r = run_nic_attach(nic, err);
	if (!r)
		r = hand_over(nic, q->fd, err);
	if (r < 0) {
		(void)run_nic_detach(nic, &ignored);
		(void)run_space_remove(space, &ignored);
	}
	return r;
}

/* What the guest is to be told; where a MAC is checked, it must be this one. */
static void tell(const struct asked *q, struct run_nic *nic)
{
	struct cni_err ignored = CNI_ERR_INIT;

	if (run_nic_words(nic, &ignored) < 0)
		return;
	(void)fprintf(stderr,
		      "weft-qemu-helper: network %s: %s: mac=%s ip=%s "
		      "gateway=%s mtu=%s\n",
		      q->network, q->id, nic->words.v[RUN_MAC],
		      nic->words.v[RUN_IP], nic->words.v[RUN_GATEWAY],
		      nic->words.v[RUN_MTU]);
}

/* No secret: a hash of what who asks has said, and of the machine's ID. */
static int tell_mac(const struct asked *q)
{
	const struct cni_attachment a = { q->network, q->id, "eth0" };
	struct mac guest, port;
	char text[MAC_STR_SIZE];

	cni_attachment_macs(&a, &guest, &port);
	return puts(mac_format(&guest, text)) < 0 || fflush(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
	CLEANUP(run_nic_free) struct run_nic nic = { 0 };
	CLEANUP(run_space_close) struct run_space space = { .dir = -1 };
	struct cni_err err = CNI_ERR_INIT;
	struct asked q = { .fd = -1 };
	int r = read_args(argc, argv, &q, &err);

	if (!r && q.mac)
		return tell_mac(&q);
	if (!r)
		r = privilege_clean(q.fd, &err);
	if (!r)
		r = check_access(q.network, &err);
	if (!r)
		r = privilege_raise(&err);
	if (!r)
		r = join(&q, &space, &nic, &err);
	if (!r)
		tell(&q, &nic);
	else
		(void)fprintf(stderr, "weft-qemu-helper: %s\n", err.msg);
	return r ? 1 : 0;
}
