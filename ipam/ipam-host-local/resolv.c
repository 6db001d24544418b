/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/resolv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define SPACE " \t\v\f\r"

struct lists {
	cJSON *nameservers;
	cJSON *search;
	cJSON *options;
	const char *domain;
};

static int take_line(struct lists *l, char *line)
{
	char *rest = line;
	const char *key = strtok_r(rest, SPACE, &rest);
	const char *word = key ? strtok_r(NULL, SPACE, &rest) : NULL;
	cJSON *list = NULL;
	int r = 0;

	/* "#" and ";" begin a comment: no keyword here does. */
	if (!word)
		return 0;
	if (!strcmp(key, "nameserver"))
		return json_add_str(l->nameservers, NULL, word);
	if (!strcmp(key, "domain"))
		l->domain = word;
	else if (!strcmp(key, "search"))
		list = l->search;
	else if (!strcmp(key, "options"))
		list = l->options;

	for (; !r && list && word; word = strtok_r(NULL, SPACE, &rest))
		r = json_add_str(list, NULL, word);
	return r;
}

static int add_list(cJSON *dns, const char *key, cJSON *list)
{
	if (list && !list->child) {
		cJSON_Delete(list);
		return 0;
	}
	return json_add(dns, key, list);
}

int resolv_parse(char *text, cJSON **ret)
{
	struct lists l = {
		.nameservers = cJSON_CreateArray(),
		.search = cJSON_CreateArray(),
		.options = cJSON_CreateArray(),
	};
	cleanup_json cJSON *dns = cJSON_CreateObject();
	char *line;
	int r = 0;

	while (!r && (line = strsep(&text, "\n")))
		r = take_line(&l, line);

	r |= add_list(dns, "nameservers", l.nameservers);
	r |= json_add_str(dns, "domain", l.domain);
	r |= add_list(dns, "search", l.search);
	r |= add_list(dns, "options", l.options);
	if (r || !dns)
		return -ENOMEM;

	*ret = dns->child ? TAKE_PTR(dns) : NULL;
	return 0;
}

int resolv_read(const char *path, cJSON **ret, struct cni_err *err)
{
	/* O_NONBLOCK: a FIFO must not hang us. */
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	cleanup_free char *text = NULL;
	struct stat st;
	size_t len = 0;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, CNI_E_IO, errno, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "resolvConf %s is no regular file", path);
	r = file_read_fd(fd, RESOLV_MAX_SIZE, &text, &len);
	if (!r)
		r = resolv_parse(text, ret);
	return r < 0 ? err_set(err, CNI_E_IO, -r, "read %s", path) : 0;
}
