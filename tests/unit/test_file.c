/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "../lib/tmp.h"
#include "base/file.h"
#include "base/mem.h"

TEST(a_whole_file_is_read_and_terminated)
{
	char *text = repeat('x', 9000), *got = NULL;
	struct tmp t;
	size_t len = 0;
	int fd;

	tmp_make(&t);
	fd = open(tmp_write(&t, "f", text, 0600), O_RDONLY | O_CLOEXEC);
	assert_int_equal(file_read_fd(fd, 9000, &got, &len), 0);
	assert_int_equal(len, 9000);
	assert_string_equal(got, text);
	free(got);
	(void)close(fd);
	free(text);
	tmp_remove(&t);
}

TEST(one_byte_over_the_limit_is_too_big_and_leaves_the_output_alone)
{
	char *text = repeat('x', 9000), *got = (char *)"untouched";
	struct tmp t;
	size_t len = 7;
	int fd;

	tmp_make(&t);
	fd = open(tmp_write(&t, "f", text, 0600), O_RDONLY | O_CLOEXEC);
	assert_int_equal(file_read_fd(fd, 8999, &got, &len), -EFBIG);
	assert_string_equal(got, "untouched");
	assert_int_equal(len, 7);
	(void)close(fd);
	free(text);
	tmp_remove(&t);
}

TEST(an_empty_file_and_a_closed_descriptor)
{
	char *got = NULL;
	struct tmp t;
	size_t len = 7;
	int fd;

	tmp_make(&t);
	fd = open(tmp_write(&t, "f", "", 0600), O_RDONLY | O_CLOEXEC);
	assert_int_equal(file_read_fd(fd, 10, &got, &len), 0);
	assert_string_equal(got, "");
	assert_int_equal(len, 0);
	free(got);
	(void)close(fd);
	assert_int_equal(file_read_fd(-1, 10, &got, &len), -EBADF);
	tmp_remove(&t);
}

TEST(a_small_file_needs_room_for_its_end)
{
	char buf[6];
	struct tmp t;
	int dir;

	tmp_make(&t);
	(void)tmp_write(&t, "five", "12345", 0600);
	(void)tmp_write(&t, "six", "123456", 0600);
	dir = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(file_read_at(dir, "five", buf, sizeof(buf)), 5);
	assert_string_equal(buf, "12345");
	assert_int_equal(file_read_at(dir, "six", buf, sizeof(buf)), -EFBIG);
	assert_int_equal(file_read_at(dir, "none", buf, sizeof(buf)), -ENOENT);
	(void)close(dir);
	tmp_remove(&t);
}

TEST(links_fifos_and_directories_are_no_files)
{
	char buf[64];
	struct tmp t;
	int dir;

	tmp_make(&t);
	(void)tmp_write(&t, "f", "x", 0600);
	dir = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(symlinkat("f", dir, "link"), 0);
	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	assert_int_equal(mkdirat(dir, "dir", 0700), 0);
	assert_int_equal(file_read_at(dir, "link", buf, sizeof(buf)), -ELOOP);
	assert_int_equal(file_read_at(dir, "fifo", buf, sizeof(buf)), -EISDIR);
	assert_int_equal(file_read_at(dir, "dir", buf, sizeof(buf)), -EISDIR);
	(void)close(dir);
	tmp_remove(&t);
}

static void check_mkdirs(const struct tmp *t, const char *sub)
{
	struct cni_err err = CNI_ERR_INIT;
	char path[256];
	int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/%s", t->path, sub);
	assert_ok(file_mkdirs(path, 0700, &fd, &err), &err);
	assert_true(fd >= 0);
	(void)close(fd);
}

TEST(directories_are_made_with_their_parents_and_may_exist)
{
	struct tmp t;

	tmp_make(&t);
	check_mkdirs(&t, "a/b/c");
	check_mkdirs(&t, "a/b/c");
	check_mkdirs(&t, "a//d/");
	check_mkdirs(&t, ".");
	tmp_remove(&t);
}

TEST(an_empty_path_or_a_file_in_the_way_is_an_error)
{
	struct cni_err err = CNI_ERR_INIT;
	char path[300];
	struct tmp t;
	int fd = -7;

	assert_error(file_mkdirs("", 0700, &fd, &err), &err, CNI_E_IO,
		     "create directory : No such file or directory");
	tmp_make(&t);
	(void)snprintf(path, sizeof(path), "%s/x",
		       tmp_write(&t, "f", "", 0600));
	assert_true(file_mkdirs(path, 0700, &fd, &err) < 0);
	assert_says(&err, path);
	assert_int_equal(fd, -7);
	tmp_remove(&t);
}

TEST(a_lock_is_taken_once_and_named_when_it_is_held)
{
	struct cni_err err = CNI_ERR_INIT;
	int dir, one = -1, two = -1;
	struct tmp t;

	tmp_make(&t);
	dir = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(file_lock_at(dir, "lock", 0600, 1, &one, &err), &err);
	assert_error(file_lock_at(dir, "lock", 0600, 1, &two, &err), &err,
		     CNI_E_RETRY, "lock lock: held by another for 1 s");
	assert_int_equal(two, -1);
	(void)close(one);
	assert_ok(file_lock_at(dir, "lock", 0600, 1, &two, &err), &err);
	(void)close(two);
	(void)close(dir);
	tmp_remove(&t);
}

TEST(a_waiter_gets_the_lock_when_its_holder_dies)
{
	struct cni_err err = CNI_ERR_INIT;
	int dir, one = -1, two = -1;
	struct tmp t;
	pid_t pid;

	tmp_make(&t);
	dir = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(file_lock_at(dir, "lock", 0600, 1, &one, &err), &err);
	pid = fork();
	if (!pid) {
		(void)usleep(200000);
		_exit(0);
	}
	(void)close(one);
	assert_ok(file_lock_at(dir, "lock", 0600, 5, &two, &err), &err);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(two);
	(void)close(dir);
	tmp_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_file_is_read_and_terminated),
		cmocka_unit_test(
			one_byte_over_the_limit_is_too_big_and_leaves_the_output_alone),
		cmocka_unit_test(an_empty_file_and_a_closed_descriptor),
		cmocka_unit_test(a_small_file_needs_room_for_its_end),
		cmocka_unit_test(links_fifos_and_directories_are_no_files),
		cmocka_unit_test(
			directories_are_made_with_their_parents_and_may_exist),
		cmocka_unit_test(
			an_empty_path_or_a_file_in_the_way_is_an_error),
		cmocka_unit_test(
			a_lock_is_taken_once_and_named_when_it_is_held),
		cmocka_unit_test(a_waiter_gets_the_lock_when_its_holder_dies),
	};

	return RUN(tests);
}
