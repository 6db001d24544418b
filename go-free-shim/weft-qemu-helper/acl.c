/* SPDX-License-Identifier: Apache-2.0 */
#include "weft-qemu-helper/acl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

enum { WORDS = 4, MAX_SIZE = 65536, ROOT = 0 };

static const char blank[] = " \t\r";

/* Return: how many words there are, WORDS for too many */
static size_t split(char *line, char *words[WORDS])
{
	char *save = NULL, *w = NULL;
	size_t n = 0;

	line[strcspn(line, "#")] = '\0';
	for (w = strtok_r(line, blank, &save); w && n < WORDS;
	     w = strtok_r(NULL, blank, &save))
		words[n++] = w;
	return n;
}

/* A number is an ID. */
static bool parse_id(const char *s, unsigned int *ret)
{
	char *end = NULL;
	unsigned long n;

	if (*s < '0' || *s > '9')
		return false;
	n = strtoul(s, &end, 10);
	*ret = (unsigned int)n;
	return !*end && n < UINT32_MAX;
}

static bool is_user(const char *name, const struct acl_who *who)
{
	unsigned int id = 0;
	uid_t uid = 0;

	if (parse_id(name, &id))
		return id == who->uid;
	return !who->uid_of(name, &uid) && uid == who->uid;
}

static bool is_in_group(const char *name, const struct acl_who *who)
{
	unsigned int id = 0;
	gid_t gid = 0;

	if (parse_id(name, &id))
		gid = id;
	else if (who->gid_of(name, &gid) < 0)
		return false;
	for (size_t i = 0; i < who->n_gids; i++)
		if (who->gids[i] == gid)
			return true;
	return false;
}

/* Return: does it fit? -EINVAL: it is none of ours */
static int fits(const char *word, const struct acl_who *who)
{
	if (!strncmp(word, "user:", 5) && word[5])
		return is_user(word + 5, who);
	if (!strncmp(word, "group:", 6) && word[6])
		return is_in_group(word + 6, who);
	return -EINVAL;
}

/* Return: 1 allow, 0 it says nothing here, -EACCES deny, -EINVAL */
static int ask_line(char *line, const char *network, const struct acl_who *who)
{
	char *words[WORDS] = { NULL };
	const size_t n = split(line, words);
	bool allows;
	int r = 1;

	if (!n)
		return 0;
	allows = !strcmp(words[0], "allow");
	if (n < 2 || n == WORDS || (!allows && strcmp(words[0], "deny") != 0))
		return -EINVAL;
	if (n == 3)
		r = fits(words[2], who);
	if (r <= 0 ||
	    (strcmp(words[1], "all") != 0 && strcmp(words[1], network) != 0))
		return r < 0 ? r : 0;
	return allows ? 1 : -EACCES;
}

int acl_check(const char *text, const char *network, const struct acl_who *who,
	      struct cni_err *err)
{
	cleanup_free char *copy = strdup(text);
	size_t number = 0;
	int verdict = 0;

	if (!copy)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "access list");
	for (char *line = copy, *next = NULL; line; line = next) {
		int r = 0;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		r = ask_line(line, network, who);
		if (r == -EINVAL)
			return err_say(err, CNI_E_CONFIG, EINVAL,
				       "line %zu: not \"allow|deny NETWORK|all "
				       "[user:NAME|group:NAME]\"",
				       number);
		if (!verdict)
			verdict = r;
	}
	if (verdict > 0)
		return 0;
	return err_say(err, CNI_E_CONFIG, EACCES,
		       "network \"%s\" is not for you", network);
}

int acl_read(const char *path, char **ret, struct cni_err *err)
{
	cleanup_close int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	size_t len = 0;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, CNI_E_CONFIG, errno, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != ROOT ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_say(err, CNI_E_CONFIG, EPERM,
			       "%s: not a file that only root can write to",
			       path);
	r = file_read_fd(fd, MAX_SIZE, ret, &len);
	if (!r && strlen(*ret) != len) {
		free(*ret);
		r = -EINVAL;
	}
	return r < 0 ? err_set(err, CNI_E_CONFIG, -r, "%s", path) : 0;
}
