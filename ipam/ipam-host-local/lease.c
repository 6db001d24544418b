/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/lease.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cni/args.h"

static bool is_space(char c)
{
	return c && strchr(" \t\n\v\f\r", c);
}

void lease_parse(struct lease *l, size_t len)
{
	struct cni_err ignored = CNI_ERR_INIT;
	const bool has_nul = strlen(l->text) != len;
	char *id = l->text, *eol;

	l->kind = LEASE_GARBLED;
	l->container_id = l->ifname = "";
	while (len && is_space(l->text[len - 1]))
		len--;
	l->text[len] = '\0';
	id += strspn(id, " \t\n\v\f\r");

	eol = strstr(id, "\r\n");
	if (eol)
		*eol = '\0';
	if (has_nul || !cni_name_is_valid(id))
		return;
	if (eol && cni_ifname_check(eol + 2, &ignored) < 0)
		return;

	l->kind = eol ? LEASE_FULL : LEASE_LEGACY;
	l->container_id = id;
	l->ifname = eol ? eol + 2 : "";
}

int lease_format(const struct cni_attachment *who, char buf[LEASE_SIZE],
		 struct cni_err *err)
{
	const int n = snprintf(buf, LEASE_SIZE, "%s\r\n%s", who->container_id,
			       who->ifname);

	if (n >= LEASE_SIZE)
		return err_say(err, CNI_E_ENV, ENAMETOOLONG,
			       "CNI_CONTAINERID of %zu bytes: a lease holds %d",
			       strlen(who->container_id), LEASE_SIZE - 32);
	return n;
}

bool lease_is_of(const struct lease *l, const struct cni_attachment *who)
{
	return l->kind == LEASE_FULL &&
	       !strcmp(l->container_id, who->container_id) &&
	       !strcmp(l->ifname, who->ifname);
}

bool lease_is_legacy_of(const struct lease *l, const struct cni_attachment *who)
{
	return l->kind == LEASE_LEGACY &&
	       !strcmp(l->container_id, who->container_id);
}

const char *lease_holder(const struct lease *l, char *buf, size_t size)
{
	if (l->kind == LEASE_FULL)
		(void)snprintf(buf, size, "container %s, interface %s",
			       l->container_id, l->ifname);
	else if (l->kind == LEASE_LEGACY)
		(void)snprintf(buf, size, "container %s", l->container_id);
	else
		(void)snprintf(buf, size, "a file that names no container");
	return buf;
}

bool lease_name_parse(const char *name, struct ip_addr *ret)
{
	char text[IP_STR_SIZE];
	struct ip_addr a;

	if (ip_parse(name, &a) < 0 || strcmp(name, ip_format(&a, text)) != 0)
		return false;
	*ret = a;
	return true;
}
