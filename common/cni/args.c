/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/args.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BIT(c) (1U << (c))
#define ON_ATTACHMENT (BIT(CNI_ADD) | BIT(CNI_DEL) | BIT(CNI_CHECK))

static const char *const commands[] = {
	[CNI_ADD] = "ADD",   [CNI_DEL] = "DEL",	      [CNI_CHECK] = "CHECK",
	[CNI_GC] = "GC",     [CNI_STATUS] = "STATUS", [CNI_VERSION] = "VERSION",
	[CNI_UNKNOWN] = "?",
};

const char *cni_command_name(enum cni_command c)
{
	return commands[c];
}

static enum cni_command command_of(const char *s)
{
	for (int c = 0; c < CNI_UNKNOWN; c++)
		if (!strcmp(s, commands[c]))
			return (enum cni_command)c;
	return CNI_UNKNOWN;
}

bool cni_name_is_valid(const char *s)
{
	if (!isalnum((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.-", *s))
			return false;
	return true;
}

static int check_container_id(const char *s, struct cni_err *err)
{
	if (cni_name_is_valid(s))
		return 0;
	(void)err_say(err, CNI_E_ENV, EINVAL,
		      "invalid characters in containerID");
	err_detail(err, "CNI_CONTAINERID", "\"%s\"", s);
	return -EINVAL;
}

/* White space beyond ASCII that Go's unicode.IsSpace() knows, in UTF-8. */
static bool has_space(const char *s)
{
	static const char *const wide[] = {
		"\xc2\x85",	"\xc2\xa0",	"\xe1\x9a\x80", "\xe2\x80\xa8",
		"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
	};

	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (strstr(s, wide[i]))
			return true;
	for (; *s; s++) {
		if (isspace((unsigned char)*s))
			return true;
		if (!strncmp(s, "\xe2\x80", 2) && (unsigned char)s[2] >= 0x80 &&
		    (unsigned char)s[2] <= 0x8a)
			return true;
	}
	return false;
}

int cni_ifname_check(const char *s, struct cni_err *err)
{
	const char *why = NULL;

	if (!*s)
		why = "interface name is empty";
	else if (strlen(s) > 15)
		why = "interface name is too long";
	else if (!strcmp(s, ".") || !strcmp(s, ".."))
		why = "interface name is . or ..";
	else if (strpbrk(s, "/:") || has_space(s))
		why = "interface name contains / or : or whitespace characters";
	else if (strchr(s, '%'))
		why = "interface name contains %, where the kernel puts a number";
	if (!why)
		return 0;

	(void)err_say(err, CNI_E_ENV, EINVAL, "%s", why);
	err_detail(err, "CNI_IFNAME", "\"%s\"", s);
	return -EINVAL;
}

/* One variable of the table below: value, needed by which commands, check. */
struct var {
	const char *name;
	const char **value;
	unsigned int required;
	int (*check)(const char *s, struct cni_err *err);
};

static int read_var(const struct var *v, enum cni_command c, char *missing,
		    size_t size, struct cni_err *err)
{
	const char *s = getenv(v->name);
	const size_t n = strlen(missing);

	*v->value = s ? s : "";
	if (!(v->required & BIT(c)))
		return 0;
	if (**v->value)
		return v->check ? v->check(*v->value, err) : 0;

	(void)snprintf(missing + n, size - n, "%s%s", n ? "," : "", v->name);
	return 0;
}

int cni_args_from_env(struct cni_args *ret, struct cni_err *err)
{
	const char *override = getenv("CNI_NETNS_OVERRIDE");
	struct cni_args a = { .command_name = getenv("CNI_COMMAND") };
	const struct var vars[] = {
		{ "CNI_CONTAINERID", &a.container_id, ON_ATTACHMENT,
		  check_container_id },
		{ "CNI_NETNS", &a.netns, BIT(CNI_ADD) | BIT(CNI_CHECK), NULL },
		{ "CNI_IFNAME", &a.ifname, ON_ATTACHMENT, cni_ifname_check },
		{ "CNI_ARGS", &a.args, 0, NULL },
		{ "CNI_PATH", &a.path, 0, NULL },
	};
	char missing[128] = "";
	int r = 0;

	if (!a.command_name)
		a.command_name = "";
	a.command = command_of(a.command_name);
	for (size_t i = 0; !r && i < sizeof(vars) / sizeof(vars[0]); i++)
		r = read_var(&vars[i], a.command, missing, sizeof(missing),
			     err);
	if (r < 0)
		return r;
	if (*missing)
		return err_say(err, CNI_E_ENV, EINVAL,
			       "required env variables [%s] missing", missing);

	a.netns_override = override && (!strcmp(override, "1") ||
					!strcasecmp(override, "true"));
	*ret = a;
	return 0;
}

int cni_args_get(const struct cni_args *a, const char *key, char *buf,
		 size_t size, struct cni_err *err)
{
	int found = 0;

	buf[0] = '\0';
	for (const char *p = a->args; *p; p += *p == ';') {
		const int len = (int)strcspn(p, ";");
		const char *eq = memchr(p, '=', (size_t)len);
		const size_t n = eq ? (size_t)(p + len - eq - 1) : 0;

		if (!eq || memchr(eq + 1, '=', n))
			return err_say(err, CNI_E_ENV, EINVAL,
				       "CNI_ARGS: invalid pair \"%.*s\"", len,
				       p);
		if ((size_t)(eq - p) == strlen(key) &&
		    !strncmp(p, key, strlen(key))) {
			if (n >= size)
				return err_say(
					err, CNI_E_ENV, EINVAL,
					"CNI_ARGS: value of %s is longer than %zu bytes",
					key, size - 1);
			memcpy(buf, eq + 1, n);
			buf[n] = '\0';
			found = 1;
		}
		p += len;
	}
	return found;
}
