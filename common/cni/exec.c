/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/json.h"

void cni_exec_result_free(struct cni_exec_result *x)
{
	free(x->out);
	*x = (struct cni_exec_result){ 0 };
}

static bool is_replaced(const char *entry, const char *const vars[])
{
	const size_t n = strcspn(entry, "=") + 1;

	for (; *vars; vars++)
		if (!strncmp(entry, *vars, n))
			return true;
	return false;
}

/* free() the array only. */
static const char **build_env(const char *const vars[])
{
	size_t n = 0, i = 0, k = 0;
	const char **env;

	while (environ[n])
		n++;
	while (vars[k])
		k++;
	env = calloc(n + k + 1, sizeof(*env));
	if (!env)
		return NULL;

	for (; i < k; i++)
		env[i] = vars[i];
	for (k = 0; k < n; k++)
		if (!is_replaced(environ[k], vars))
			env[i++] = environ[k];
	return env;
}

enum { ARGS_MAX = 16 };

static void list_args(const struct cni_exec *x, char *ret[ARGS_MAX + 2])
{
	size_t n = 0;

	ret[n++] = (char *)x->program;
	for (size_t i = 0; x->args && x->args[i] && n <= ARGS_MAX; i++)
		ret[n++] = (char *)x->args[i];
	ret[n] = NULL;
}

static int spawn(const struct cni_exec *x, char *const env[], int in, int out,
		 pid_t *ret)
{
	char *argv[ARGS_MAX + 2];
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t pipe_only;
	int r;

	list_args(x, argv);
	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	r = posix_spawn_file_actions_init(&files);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (!r) {
		(void)posix_spawnattr_setsigdefault(&attr, &pipe_only);
		(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
		r = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	}
	if (!r)
		r = posix_spawn_file_actions_adddup2(&files, out,
						     STDOUT_FILENO);
	if (!r && x->with_stderr)
		r = posix_spawn_file_actions_adddup2(&files, out,
						     STDERR_FILENO);
	if (!r)
		r = posix_spawn(ret, x->program, &files, &attr, argv, env);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	return -r;
}

/* A plugin that is being replaced is busy for a moment: libcni waits too. */
static int spawn_when_free(const struct cni_exec *x, char *const env[], int in,
			   int out, pid_t *ret)
{
	const struct timespec pause = { .tv_nsec = 200000000 };
	int r = spawn(x, env, in, out, ret);

	for (int i = 0; r == -ETXTBSY && i < 25; i++) {
		(void)nanosleep(&pause, NULL);
		r = spawn(x, env, in, out, ret);
	}
	return r;
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* write(2) to a pipe that nobody reads is an error here, never a signal:
 * whoever links this need not have thought of SIGPIPE. */
static ssize_t write_quietly(int fd, const char *text, size_t len)
{
	const struct timespec now = { 0 };
	sigset_t pipe_only, old, pending;
	int saved;
	ssize_t n;

	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	(void)sigpending(&pending);
	(void)pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
	n = write(fd, text, len);
	saved = errno;
	if (n < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
		(void)sigtimedwait(&pipe_only, NULL, &now);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = saved;
	return n;
}

static int feed(int *fd, const char **text, size_t *left)
{
	const ssize_t n = write_quietly(*fd, *text, *left);

	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != EPIPE)
		return -errno;
	if (n > 0) {
		*text += n;
		*left -= (size_t)n;
	}
	/* A plugin need not read what it does not need. */
	if (!*left || (n < 0 && errno == EPIPE)) {
		(void)close(*fd);
		*fd = -1;
	}
	return 0;
}

/* Return: 1 at the end of the output, 0 if there is more, or an error. */
static int drain(int fd, struct cni_exec_result *ret)
{
	char buf[4096];
	const ssize_t n = read(fd, buf, sizeof(buf));
	char *more;

	if (n <= 0)
		return n < 0 && errno != EINTR ? -errno : n == 0;
	if (ret->len + (size_t)n > JSON_MAX_SIZE)
		return -EFBIG;
	more = realloc(ret->out, ret->len + (size_t)n + 1);
	if (!more)
		return -ENOMEM;
	memcpy(more + ret->len, buf, (size_t)n);
	ret->out = more;
	ret->len += (size_t)n;
	more[ret->len] = '\0';
	return 0;
}

/* Until its output has ended and its input is read or nobody's. */
static int talk(const struct cni_exec *x, int in_fd, int out, int64_t deadline,
		struct cni_exec_result *ret)
{
	cleanup_close int in = in_fd;
	const char *text = x->text;
	size_t left = x->len;
	bool ended = false;
	int r = 0;

	while (!ended || in >= 0) {
		struct pollfd fds[] = { { .fd = ended ? -1 : out,
					  .events = POLLIN },
					{ .fd = in, .events = POLLOUT } };
		const int64_t wait = deadline - now_ms();

		if (wait <= 0)
			return -ETIMEDOUT;
		if (poll(fds, 2, (int)wait) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if (fds[1].revents)
			r = feed(&in, &text, &left);
		if (!r && fds[0].revents)
			r = drain(out, ret);
		if (r < 0)
			return r;
		ended |= r > 0;
		r = 0;
	}
	return 0;
}

/* Its output may end before it does. */
static int wait_until(pid_t pid, int64_t deadline)
{
	cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = { .fd = fd, .events = POLLIN };
	int r = 0;

	while (fd >= 0 && !r) {
		const int64_t wait = deadline - now_ms();

		r = wait > 0 ? poll(&end, 1, (int)wait) : -ETIMEDOUT;
		if (r < 0 && r != -ETIMEDOUT)
			r = errno == EINTR ? 0 : -errno;
	}
	return r < 0 ? r : 0;
}

static int reap(pid_t pid, struct cni_exec_result *ret)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFSIGNALED(status))
		ret->signal = WTERMSIG(status);
	else
		ret->exit_status = WEXITSTATUS(status);
	return 0;
}

static int make_pipe(int *ret_r, int *ret_w)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	*ret_r = p[0];
	*ret_w = p[1];
	return 0;
}

static int timeout_of(const struct cni_exec *x)
{
	return x->timeout_s ? x->timeout_s : CNI_EXEC_TIMEOUT_S;
}

static int run(const struct cni_exec *x, char *const env[],
	       struct cni_exec_result *ret)
{
	const int64_t deadline = now_ms() + (int64_t)timeout_of(x) * 1000;
	cleanup_close int in_r = -1, in_w = -1, out_r = -1, out_w = -1;
	pid_t pid = -1;
	int r, reaped;

	r = make_pipe(&in_r, &in_w);
	if (!r)
		r = make_pipe(&out_r, &out_w);
	if (!r && fcntl(in_w, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (!r)
		r = spawn_when_free(x, env, in_r, out_w, &pid);
	if (r < 0)
		return r;
	(void)close(TAKE_FD(in_r));
	(void)close(TAKE_FD(out_w));

	r = talk(x, TAKE_FD(in_w), out_r, deadline, ret);
	if (!r)
		r = wait_until(pid, deadline);
	if (r < 0)
		(void)kill(pid, SIGKILL);
	reaped = reap(pid, ret);
	return r < 0 ? r : reaped;
}

int cni_exec(const struct cni_exec *x, struct cni_exec_result *ret,
	     struct cni_err *err)
{
	cleanup_free const char **env = build_env(x->vars);
	int r = env ? run(x, (char *const *)env, ret) : -ENOMEM;

	if (r == -ETIMEDOUT)
		return err_say(err, CNI_E_RETRY, ETIMEDOUT,
			       "plugin %s: no answer within %d s, killed",
			       x->program, timeout_of(x));
	if (r == -EFBIG)
		return err_say(
			err, CNI_E_DECODE, EFBIG,
			"plugin %s: more than %u bytes of output, killed",
			x->program, JSON_MAX_SIZE);
	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "run plugin %s", x->program);
	return 0;
}

static int say_ending(const char *type, const struct cni_exec_result *x,
		      const char *why, struct cni_err *err)
{
	return err_say(err, CNI_E_INTERNAL, EIO,
		       "plugin \"%s\" failed %s: %s %d", type, why,
		       x->signal ? "killed by signal" : "exit status",
		       x->signal ? x->signal : x->exit_status);
}

int cni_exec_error(const char *name, const struct cni_exec_result *x,
		   struct cni_err *err)
{
	struct said {
		int64_t code;
		const char *msg, *details;
	} said = { .code = CNI_E_INTERNAL, .msg = "", .details = "" };
	static const struct json_field fields[] = {
		{ .name = "code",
		  .type = JSON_INT,
		  .offset = offsetof(struct said, code),
		  .min = 0,
		  .max = INT_MAX },
		{ .name = "msg",
		  .type = JSON_STR,
		  .offset = offsetof(struct said, msg) },
		{ .name = "details",
		  .type = JSON_STR,
		  .offset = offsetof(struct said, details) },
		{ 0 },
	};
	cleanup_json cJSON *doc = NULL;
	struct cni_err bad = CNI_ERR_INIT;

	if (!x->len)
		return say_ending(name, x, "with no error message", err);
	if (json_parse(x->out, x->len, &doc, &bad) < 0 ||
	    json_decode(doc, fields, &said, &bad) < 0 || !*said.msg) {
		(void)say_ending(name, x, "with no error in its output", err);
		err_detail(err, "output", "%s", x->out);
		return -EIO;
	}
	(void)err_say(err,
		      said.code ? (enum cni_code)said.code : CNI_E_INTERNAL,
		      EIO, "%s", said.msg);
	if (*said.details)
		err_detail(err, NULL, "%s", said.details);
	return -EIO;
}

int cni_exec_find(const char *path, const char *type, char *ret, size_t size,
		  struct cni_err *err)
{
	cleanup_free char *list = NULL;
	struct stat st;

	if (!*type)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "no plugin name provided");
	if (strchr(type, '/'))
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "invalid plugin name: %s", type);
	if (!*path)
		return err_say(err, CNI_E_ENV, EINVAL,
			       "required env variables [CNI_PATH] missing");
	for (const char *p = path; *p; p += *p == ':') {
		const int len = (int)strcspn(p, ":");

		if (len &&
		    snprintf(ret, size, "%.*s/%s", len, p, type) < (int)size &&
		    !stat(ret, &st) && S_ISREG(st.st_mode))
			return 0;
		p += len;
	}
	list = strdup(path);
	for (char *p = list; p && (p = strchr(p, ':')); p++)
		*p = ' ';
	return err_say(err, CNI_E_CONFIG, ENOENT,
		       "failed to find plugin \"%s\" in path [%s]", type,
		       list ? list : path);
}
