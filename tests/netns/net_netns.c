/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/own_netns.h"
#include "net/bridge.h"
#include "net/sysctl.h"
#include "net/undo.h"
#include "net_lib.h"

static bool is_own(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && own_netns_is(&st);
}

TEST(a_namespace_file_opens_whatever_its_path)
{
	struct sandbox *s = *state;
	char path[64], target[] = "/tmp/weft-netns-XXXXXX";
	cleanup_close int a = -1, b = -1;
	int file;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", s->guest);
	assert_works(netns_open(path, &a, &s->err), s->err);
	assert_true((unsigned)fcntl(a, F_GETFD) & (unsigned)FD_CLOEXEC);

	file = mkstemp(target);
	assert_true(file >= 0);
	(void)close(file);
	assert_int_equal(mount(path, target, NULL, MS_BIND, NULL), 0);
	assert_works(netns_open(target, &b, &s->err), s->err);
	assert_int_equal(umount2(target, MNT_DETACH), 0);
	assert_int_equal(unlink(target), 0);
	assert_int_equal(is_own(b), 0);
}

TEST(a_namespace_is_pinned_empty_and_unpinned_from_any_state)
{
	struct sandbox *s = *state;
	char dir[] = "/tmp/weft-netns-XXXXXX", path[64];
	cleanup_close int fd = -1;
	struct stat st;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/netns", dir);
	assert_works(netns_pin(path, &s->err), s->err);
	assert_int_equal(is_own(s->host), 1);
	assert_works(netns_open(path, &fd, &s->err), s->err);
	assert_int_equal(is_own(fd), 0);
	assert_fails(netns_pin(path, &s->err), EEXIST, s->err, path);
	assert_works(netns_unpin(path, &s->err), s->err);
	assert_int_equal(stat(path, &st), -1);
	assert_works(netns_unpin(path, &s->err), s->err);
	/* Killed between making the file and the namespace. */
	(void)close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0));
	assert_works(netns_unpin(path, &s->err), s->err);
	assert_int_equal(rmdir(dir), 0);
	assert_fails(netns_pin(path, &s->err), ENOENT, s->err, path);
}

TEST(own_namespace_is_recognised_by_identity)
{
	struct sandbox *s = *state;

	assert_int_equal(is_own(s->host), 1);
	assert_int_equal(is_own(s->guest), 0);
	assert_int_equal(is_own(s->home), 0);
}

TEST(what_is_no_network_namespace_is_code_8_and_named)
{
	struct sandbox *s = *state;
	int fd = -1;

	assert_fails(netns_open("/nope", &fd, &s->err), ENOENT, s->err,
		     "failed to open netns \"/nope\": No such file");
	assert_int_equal(s->err.code, CNI_E_NETNS);
	assert_fails(netns_open("/etc/passwd", &fd, &s->err), EINVAL, s->err,
		     "failed to open netns \"/etc/passwd\": unknown FS magic");
	assert_fails(netns_open("/proc/self/status", &fd, &s->err), EINVAL,
		     s->err, "unknown FS magic on \"/proc/self/status\": 9fa0");
	assert_fails(netns_open("/proc/self/ns/mnt", &fd, &s->err), EINVAL,
		     s->err, "not a network namespace");
	assert_int_equal(s->err.code, CNI_E_NETNS);
	assert_fails(netns_open("", &fd, &s->err), ENOENT, s->err, "\"\"");
	assert_int_equal(fd, -1);
}

TEST(a_fifo_is_refused_without_waiting_for_a_writer)
{
	struct sandbox *s = *state;
	char dir[] = "/tmp/weft-fifo-XXXXXX", path[64];
	int fd = -1;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)alarm(5);
	assert_fails(netns_open(path, &fd, &s->err), EINVAL, s->err, "magic");
	(void)alarm(0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

TEST(enter_and_leave_come_back_also_by_cleanup)
{
	struct sandbox *s = *state;
	{
		cleanup_netns_leave int home = -1;

		assert_works(netns_enter(s->guest, &home, &s->err), s->err);
		assert_int_equal(is_own(s->guest), 1);
	}

	assert_int_equal(is_own(s->host), 1);
	assert_fails(netlink_open_in(0, &s->nl, &s->err), EINVAL, s->err,
		     "enter a netns");
	assert_int_equal(is_own(s->host), 1);
}

TEST(no_way_back_is_the_end_of_the_process)
{
	struct sandbox *s = *state;
	const pid_t child = fork();
	int status;

	if (!child) {
		int home = -1;

		if (netns_enter(s->guest, &home, &s->err) < 0 ||
		    dup2(STDOUT_FILENO, home) < 0)
			_exit(1);
		(void)signal(SIGABRT, SIG_DFL);
		netns_leave(&home);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

TEST(without_proc_a_socket_knows_our_own_namespace)
{
	struct sandbox *s = *state;
	int home = -1, r;

	assert_int_equal(mount("tmpfs", "/proc", "tmpfs", 0, NULL), 0);
	r = is_own(s->host) && !is_own(s->guest) &&
	    !netns_enter(s->guest, &home, &s->err) && is_own(s->guest);
	netns_leave(&home);
	r = r && is_own(s->host);
	assert_int_equal(umount("/proc"), 0);
	assert_true(r);
}

TEST(sysctls_are_those_of_the_namespace_and_interface)
{
	struct sandbox *s = *state;
	const struct bridge_opts o = { 0 };
	uint32_t index;
	char value[16];

	assert_works(bridge_create(s->nl, "br.0", &o, &index, &s->err), s->err);
	assert_works(
		sysctl_set_net("ipv4/conf", "br.0", "arp_notify", "1", &s->err),
		s->err);
	assert_works(sysctl_get_net("ipv4/conf", "br.0", "arp_notify", value,
				    sizeof(value), &s->err),
		     s->err);
	assert_string_equal(value, "1");
	assert_works(sysctl_get_net("ipv4/conf", "lo", "arp_notify", value,
				    sizeof(value), &s->err),
		     s->err);
	assert_string_equal(value, "0");

	assert_works(sysctl_set_net("ipv4", NULL, "ip_forward", "1", &s->err),
		     s->err);
	{
		cleanup_netns_leave int home = -1;

		assert_works(netns_enter(s->guest, &home, &s->err), s->err);
		assert_works(sysctl_get_net("ipv4", NULL, "ip_forward", value,
					    sizeof(value), &s->err),
			     s->err);
		assert_string_equal(value, "0");
	}
}

TEST(a_sysctl_of_nothing_is_enoent_and_of_a_path_einval)
{
	static const char *const bad[] = { "", ".", "..", "../all", "a/b" };
	struct sandbox *s = *state;
	char value[16];

	assert_fails(
		sysctl_set_net("ipv4/conf", "nope", "arp_notify", "1", &s->err),
		ENOENT, s->err, "net/ipv4/conf/nope/arp_notify to 1");
	assert_fails(sysctl_get_net("ipv9/conf", "lo", "accept_ra", value,
				    sizeof(value), &s->err),
		     ENOENT, s->err, "net/ipv9/conf/lo/accept_ra");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(sysctl_set_net("ipv4/conf", bad[i], "arp_notify",
					    "1", &s->err),
			     EINVAL, s->err, "arp_notify to 1");
	assert_fails(sysctl_set_net("ipv4", NULL, "ip_forward", "x", &s->err),
		     EINVAL, s->err, "net/ipv4/ip_forward to x");
	assert_fails(
		sysctl_get_net("ipv4", NULL, "tcp_rmem", value, 4, &s->err),
		E2BIG, s->err, "tcp_rmem");
}

TEST(where_proc_sys_is_read_only_right_values_are_no_error)
{
	struct sandbox *s = *state;

	assert_works(sysctl_set_net("ipv4", NULL, "ip_forward", "1", &s->err),
		     s->err);
	assert_int_equal(mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL),
			 0);
	assert_int_equal(mount(NULL, "/proc/sys", NULL,
			       MS_BIND | MS_REMOUNT | MS_RDONLY, NULL),
			 0);
	const int same =
		sysctl_set_net("ipv4", NULL, "ip_forward", "1", &s->err);
	const int other =
		sysctl_set_net("ipv4", NULL, "ip_forward", "0", &s->err);
	assert_int_equal(umount("/proc/sys"), 0);
	assert_int_equal(same, 0);
	assert_int_equal(other, -EROFS);
}

static char trace[8];

static int step(void *arg, struct cni_err *err)
{
	(void)err;
	(void)strncat(trace, arg, sizeof(trace) - strlen(trace) - 1);
	return 0;
}

static int bad_step(void *arg, struct cni_err *err)
{
	(void)step(arg, err);
	return err_set(err, CNI_E_KERNEL, EBUSY, "remove %s",
		       (const char *)arg);
}

static int armed(struct cni_err *err, bool fail)
{
	static char a[] = "a", b[] = "b", c[] = "c";
	cleanup_undo struct undo u = UNDO_INIT(err);

	trace[0] = '\0';
	undo_push(&u, step, a);
	undo_push(&u, bad_step, b);
	undo_push(&u, step, c);
	if (fail)
		return err_set(err, CNI_E_IO, EIO, "first failure");
	undo_disarm(&u);
	return 0;
}

TEST(undo_runs_backwards_past_failures_and_keeps_the_first_error)
{
	struct cni_err err = CNI_ERR_INIT;

	assert_int_equal(armed(&err, true), -EIO);
	assert_string_equal(trace, "cba");
	assert_int_equal(err.code, CNI_E_IO);
	assert_non_null(strstr(err.msg, "first failure"));
	assert_non_null(strstr(err.details, "undo=\"remove b: "));
}

TEST(undo_disarmed_does_nothing)
{
	struct cni_err err = CNI_ERR_INIT;

	assert_int_equal(armed(&err, false), 0);
	assert_string_equal(trace, "");
	assert_int_equal(err.code, CNI_E_OK);
}

/* Held by a child, which is killed: the lock ends with it. */
TEST(a_namespace_is_locked_until_its_holder_is_gone)
{
	struct sandbox *s = *state;
	cleanup_close int mine = -1;
	int ready[2], unlocked = -1;
	pid_t child;
	char c;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (!child) {
		if (netns_lock(1, &mine, &s->err) < 0 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		(void)pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_fails(netns_lock(1, &mine, &s->err), ETIMEDOUT, s->err,
		     "locked by another for 1 s");
	assert_int_equal(s->err.code, CNI_E_RETRY);

	/* Another namespace is another lock. */
	assert_int_equal(setns(s->guest, CLONE_NEWNET), 0);
	assert_works(netns_lock(1, &unlocked, &s->err), s->err);
	assert_int_equal(setns(s->host, CLONE_NEWNET), 0);

	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_works(netns_lock(1, &mine, &s->err), s->err);
	(void)close(unlocked);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(a_namespace_file_opens_whatever_its_path),
		in_sandbox(
			a_namespace_is_pinned_empty_and_unpinned_from_any_state),
		in_sandbox(own_namespace_is_recognised_by_identity),
		in_sandbox(what_is_no_network_namespace_is_code_8_and_named),
		in_sandbox(a_fifo_is_refused_without_waiting_for_a_writer),
		in_sandbox(enter_and_leave_come_back_also_by_cleanup),
		in_sandbox(no_way_back_is_the_end_of_the_process),
		in_sandbox(without_proc_a_socket_knows_our_own_namespace),
		in_sandbox(sysctls_are_those_of_the_namespace_and_interface),
		in_sandbox(a_sysctl_of_nothing_is_enoent_and_of_a_path_einval),
		in_sandbox(
			where_proc_sys_is_read_only_right_values_are_no_error),
		in_sandbox(a_namespace_is_locked_until_its_holder_is_gone),
		cmocka_unit_test(
			undo_runs_backwards_past_failures_and_keeps_the_first_error),
		cmocka_unit_test(undo_disarmed_does_nothing),
	};

	return RUN(tests);
}
