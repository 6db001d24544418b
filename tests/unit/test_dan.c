/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "../lib/tmp.h"
#include "base/mem.h"
#include "cni/dan.h"

#define OTHERS                                                     \
	"{ \"name\":\"eth7\",\n\t\"device\": {\"type\":\"vfio\"}," \
	" \"n\": 18446744073709551615, \"f\":1.50, \"s\":\"a\\u0041}\" }"
#define WITH_OTHERS "{\"devices\" : [ " OTHERS " ], \"netns\":null,\"x\":1e3 }"

static int put(const struct tmp *t, const char *mark, const char *name,
	       struct cni_err *err)
{
	cleanup_json cJSON *device = cJSON_CreateObject();

	assert_int_equal(json_add_str(device, "name", name) |
				 json_add_str(device, DAN_MARK, mark),
			 0);
	return dan_put(t->path, "c1", device, err);
}

static void must_put(const struct tmp *t, const char *mark, const char *name)
{
	struct cni_err err = CNI_ERR_INIT;

	assert_ok(put(t, mark, name, &err), &err);
}

static void must_drop(const struct tmp *t, const char *mark)
{
	struct cni_err err = CNI_ERR_INIT;

	assert_ok(dan_drop(t->path, "c1", mark, &err), &err);
}

static void file_is(const struct tmp *t, const char *want)
{
	cleanup_free char *text = tmp_read(t, "c1.json");

	if (!want) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, want);
}

TEST(the_first_device_makes_the_file_and_the_last_takes_it_away)
{
	struct stat st;
	struct tmp t;
	char path[128];

	tmp_make(&t);
	must_put(&t, "m1", "eth0");
	file_is(&t, "{\"netns\":null,\"devices\":[\n"
		    "{\"name\":\"eth0\",\"weft\":\"m1\"}\n]}\n");
	(void)snprintf(path, sizeof(path), "%s/c1.json", t.path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	must_put(&t, "m2", "eth1");
	file_is(&t, "{\"netns\":null,\"devices\":[\n"
		    "{\"name\":\"eth0\",\"weft\":\"m1\"},\n"
		    "{\"name\":\"eth1\",\"weft\":\"m2\"}\n]}\n");
	must_put(&t, "m1", "eth9");
	file_is(&t, "{\"netns\":null,\"devices\":[\n"
		    "{\"name\":\"eth1\",\"weft\":\"m2\"},\n"
		    "{\"name\":\"eth9\",\"weft\":\"m1\"}\n]}\n");
	must_drop(&t, "m2");
	must_drop(&t, "m2");
	file_is(&t, "{\"netns\":null,\"devices\":[\n"
		    "{\"name\":\"eth9\",\"weft\":\"m1\"}\n]}\n");
	must_drop(&t, "m1");
	file_is(&t, NULL);
	must_drop(&t, "m1");
	tmp_remove(&t);
}

/* Also what cJSON would print in another way. */
TEST(what_others_wrote_stays_byte_for_byte)
{
	struct stat st;
	struct tmp t;

	tmp_make(&t);
	(void)tmp_write(&t, "c1.json", WITH_OTHERS, 0640);
	must_put(&t, "m1", "eth0");
	file_is(&t, "{\"devices\" : [\n" OTHERS
		    ",\n{\"name\":\"eth0\",\"weft\":\"m1\"}\n], "
		    "\"netns\":null,\"x\":1e3 }");
	must_drop(&t, "m2");
	must_drop(&t, "m1");
	file_is(&t,
		"{\"devices\" : [\n" OTHERS "\n], \"netns\":null,\"x\":1e3 }");
	assert_int_equal(stat(t.file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	tmp_remove(&t);
}

TEST(a_file_that_kata_could_not_read_is_an_error_for_put_and_nobody_touches_it)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"devices\":{}}",
		"{\"devices\":[1]}",
		"{\"devices\":[],\"devices\":[]}",
		"{\"Devices\":[]}",
		"{\"devices\":[],\"netns\":null,\"netns\":null}",
		"{\"devices\":[]} x",
	};
	struct tmp t;

	tmp_make(&t);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct cni_err err = CNI_ERR_INIT;

		(void)tmp_write(&t, "c1.json", texts[i], 0600);
		assert_int_equal(put(&t, "m1", "eth0", &err), -EBADMSG);
		assert_int_equal(err.code, CNI_E_IO);
		assert_non_null(strstr(err.msg, "c1.json"));
		assert_non_null(strstr(err.msg, t.path));
		must_drop(&t, "m1");
		file_is(&t, texts[i]);
	}
	tmp_remove(&t);
}

TEST(links_fifos_and_directories_are_not_followed)
{
	struct cni_err err = CNI_ERR_INIT;
	char path[128];
	struct tmp t;

	tmp_make(&t);
	(void)snprintf(path, sizeof(path), "%s/c1.json", t.path);
	(void)tmp_write(&t, "target", "{\"devices\":[]}", 0600);
	assert_int_equal(symlink("target", path), 0);
	assert_int_equal(put(&t, "m1", "eth0", &err), -EBADMSG);
	must_drop(&t, "m1");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(put(&t, "m1", "eth0", &err), -EBADMSG);
	must_drop(&t, "m1");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(put(&t, "m1", "eth0", &err), -EBADMSG);
	must_drop(&t, "m1");
	tmp_remove(&t);
}

TEST(devices_of_another_namespace_are_no_place_for_ours)
{
	struct cni_err err = CNI_ERR_INIT;
	const char *text = "{\"netns\":\"/run/netns/x\",\"devices\":[{}]}";
	struct tmp t;

	tmp_make(&t);
	(void)tmp_write(&t, "c1.json", text, 0600);
	assert_int_equal(put(&t, "m1", "eth0", &err), -EXDEV);
	assert_int_equal(err.code, CNI_E_CONFIG);
	assert_non_null(strstr(err.msg, "/run/netns/x"));
	file_is(&t, text);
	tmp_remove(&t);
}

TEST(a_device_is_found_by_its_mark)
{
	struct cni_err err = CNI_ERR_INIT;
	cleanup_json cJSON *device = NULL;
	struct tmp t;

	tmp_make(&t);
	assert_int_equal(dan_get(t.path, "c1", "m1", &device, &err), -ENOENT);
	(void)tmp_write(&t, "c1.json", WITH_OTHERS, 0600);
	must_put(&t, "m1", "eth0");
	assert_int_equal(dan_get(t.path, "c1", "m2", &device, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "m2"));
	assert_null(device);
	assert_ok(dan_get(t.path, "c1", "m1", &device, &err), &err);
	assert_string_equal(
		cJSON_GetObjectItemCaseSensitive(device, "name")->valuestring,
		"eth0");
	tmp_remove(&t);
}

TEST(where_there_is_no_directory_there_is_nothing_to_drop)
{
	struct cni_err err = CNI_ERR_INIT;
	char path[128], id[300];
	struct tmp t;

	tmp_make(&t);
	(void)snprintf(path, sizeof(path), "%s/a/b", t.path);
	assert_ok(dan_drop(path, "c1", "m1", &err), &err);
	assert_int_equal(access(path, F_OK), -1);
	(void)tmp_write(&t, "a", "", 0600);
	assert_ok(dan_drop(path, "c1", "m1", &err), &err);
	assert_ok(dan_collect(path, NULL, NULL, &err), &err);
	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	assert_ok(dan_drop(t.path, id, "m1", &err), &err);
	assert_int_equal(dan_get(t.path, id, "m1", NULL, &err), -ENOENT);
	tmp_remove(&t);
}

TEST(a_name_that_no_file_can_have_is_refused)
{
	struct cni_err err = CNI_ERR_INIT;
	cleanup_json cJSON *device = cJSON_CreateObject();
	char id[252];
	struct tmp t;

	tmp_make(&t);
	assert_int_equal(json_add_str(device, DAN_MARK, "m"), 0);
	memset(id, 'x', sizeof(id) - 1);
	id[251] = '\0';
	assert_int_equal(dan_put(t.path, id, device, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "251"));
	id[250] = '\0';
	assert_ok(dan_put(t.path, id, device, &err), &err);
	tmp_remove(&t);
}

static bool is_not_kept(const char *mark, void *arg)
{
	return strcmp(mark, arg) != 0;
}

TEST(what_a_killed_add_left_is_removed)
{
	struct cni_err err = CNI_ERR_INIT;
	struct tmp t;

	tmp_make(&t);
	(void)tmp_write(&t, ".weft.new", "{\"dev", 0600);
	must_put(&t, "m1", "eth0");
	assert_int_equal(access(t.file, F_OK), -1);
	(void)tmp_write(&t, ".weft.new", "{\"dev", 0600);
	assert_ok(dan_drop(t.path, "c9", "m1", &err), &err);
	assert_int_equal(access(t.file, F_OK), -1);
	(void)tmp_write(&t, ".weft.new", "{\"dev", 0600);
	assert_ok(dan_collect(t.path, is_not_kept, (void *)"m1", &err), &err);
	assert_int_equal(access(t.file, F_OK), -1);
	tmp_remove(&t);
}

TEST(collecting_goes_through_every_file_and_past_garbled_ones)
{
	struct cni_err err = CNI_ERR_INIT;
	cleanup_free char *c0 = NULL, *c2 = NULL, *other = NULL, *gone = NULL;
	struct tmp t;

	tmp_make(&t);
	(void)tmp_write(&t, "c0.json", "garbled", 0600);
	(void)tmp_write(&t, "c2.json",
			"{\"devices\":[{\"weft\":\"m9\"},{\"weft\":1},"
			"{\"weft\":\"keep\"}]}",
			0600);
	(void)tmp_write(&t, "c3.json", "{\"devices\":[{\"weft\":\"m8\"}]}",
			0600);
	(void)tmp_write(&t, "c4.txt", "{\"devices\":[{\"weft\":\"m8\"}]}",
			0600);
	assert_ok(dan_collect(t.path, is_not_kept, (void *)"keep", &err), &err);
	c0 = tmp_read(&t, "c0.json");
	c2 = tmp_read(&t, "c2.json");
	other = tmp_read(&t, "c4.txt");
	gone = tmp_read(&t, "c3.json");
	assert_string_equal(c0, "garbled");
	assert_string_equal(c2, "{\"devices\":[\n{\"weft\":1},\n"
				"{\"weft\":\"keep\"}\n]}");
	assert_non_null(other);
	assert_null(gone);
	tmp_remove(&t);
}

/* Four processes, each its own devices, all at once. */
TEST(networks_that_come_at_once_are_all_in_the_file)
{
	enum { PROCESSES = 4, DEVICES = 25 };

	cleanup_free char *text = NULL;
	cleanup_json cJSON *doc = NULL;
	struct cni_err err = CNI_ERR_INIT;
	struct tmp t;
	int status;

	tmp_make(&t);
	for (int i = 0; i < PROCESSES; i++)
		if (!fork()) {
			char mark[16];

			for (int k = 0; k < DEVICES; k++) {
				(void)snprintf(mark, sizeof(mark), "m%d.%d", i,
					       k);
				if (put(&t, mark, mark, &err) < 0)
					_exit(1);
				if (k % 2 &&
				    dan_drop(t.path, "c1", mark, &err) < 0)
					_exit(2);
			}
			_exit(0);
		}
	for (int i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	text = tmp_read(&t, "c1.json");
	assert_ok(json_parse(text, strlen(text), &doc, &err), &err);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(
				 doc, "devices")),
			 PROCESSES * (DEVICES / 2 + 1));
	tmp_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_first_device_makes_the_file_and_the_last_takes_it_away),
		cmocka_unit_test(what_others_wrote_stays_byte_for_byte),
		cmocka_unit_test(
			a_file_that_kata_could_not_read_is_an_error_for_put_and_nobody_touches_it),
		cmocka_unit_test(links_fifos_and_directories_are_not_followed),
		cmocka_unit_test(
			devices_of_another_namespace_are_no_place_for_ours),
		cmocka_unit_test(a_device_is_found_by_its_mark),
		cmocka_unit_test(
			where_there_is_no_directory_there_is_nothing_to_drop),
		cmocka_unit_test(a_name_that_no_file_can_have_is_refused),
		cmocka_unit_test(what_a_killed_add_left_is_removed),
		cmocka_unit_test(
			collecting_goes_through_every_file_and_past_garbled_ones),
		cmocka_unit_test(
			networks_that_come_at_once_are_all_in_the_file),
	};

	return RUN(tests);
}
