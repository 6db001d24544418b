/* SPDX-License-Identifier: Apache-2.0 */
/* weft doctor: daemons that take devices or rules for theirs. */
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "net/forward.h"
#include "weft/doctor.h"

enum { CONF_MAX = 1 << 16, COMM = 32, HELP = 512, NAMES = 3 };

/* Our devices, as the derived names look; the third is the bridge. */
static const char *const ours[NAMES] = { "veth0123456789a", "tap0123456789a",
					 NULL };

/* By /proc/PID/comm, which holds 15 characters. */
static bool is_running(const char *name)
{
	cleanup_dir DIR *proc = opendir("/proc");
	struct dirent *e;
	char path[COMM + 16], comm[COMM];

	while (proc && (e = readdir(proc))) {
		if (*e->d_name < '1' || *e->d_name > '9' ||
		    strlen(e->d_name) > COMM / 2)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%.16s/comm",
			       e->d_name);
		if (file_read_at(AT_FDCWD, path, comm, sizeof(comm)) < 0)
			continue;
		comm[strcspn(comm, "\n")] = '\0';
		if (!strncmp(comm, name, 15))
			return true;
	}
	return false;
}

static void check_firewalld(struct doctor *d)
{
	char help[HELP];
	const char *bridge = doctor_bridge(d);

	if (!is_running("firewalld") && !forward_nft_table("firewalld"))
		return;
	(void)snprintf(
		help, sizeof(help),
		"firewall-cmd --permanent --zone=trusted --add-interface=%s && firewall-cmd --reload",
		bridge);
	doctor_say(
		d,
		&(struct doctor_finding){
			"firewalld", DOCTOR_WARNING,
			"its default zone rejects what guests send to the host and through it, unless the bridge is in a zone that does not",
			help },
		"firewalld filters on this host");
}

/* --- files of NAME=VALUE lines in sections, as both daemons read them --- */

struct conf {
	char *text;
	size_t len;
};

static void conf_free(struct conf *c)
{
	free(c->text);
}

#define cleanup_conf CLEANUP(conf_free)

static bool conf_read(struct conf *c, const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd >= 0 && file_read_fd(fd, CONF_MAX, &c->text, &c->len) >= 0;
}

static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t\r");
	end = s + strlen(s);
	while (end > s && strchr(" \t\r", end[-1]))
		*--end = '\0';
	return s;
}

/* The next line of a section that says something. Cuts @rest. */
static bool next_setting(char **rest, const char **section, const char **key,
			 const char **value)
{
	char *line, *eq;

	while ((line = strsep(rest, "\n"))) {
		line = trim(line);
		if (*line == '[') {
			line[strcspn(line, "]")] = '\0';
			*section = line + 1;
			continue;
		}
		eq = strchr(line, '=');
		if (!eq || *line == '#' || *line == ';')
			continue;
		*eq = '\0';
		*key = trim(line);
		*value = trim(eq + 1);
		return true;
	}
	return false;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_network(const struct dirent *e)
{
	const size_t n = strlen(e->d_name);

	return n > 8 && !strcmp(e->d_name + n - 8, ".network");
}

static int is_conf(const struct dirent *e)
{
	const size_t n = strlen(e->d_name);

	return n > 5 && !strcmp(e->d_name + n - 5, ".conf");
}

/* --- NetworkManager --- */

/* "interface-name:veth*;interface-name:tap*;mac:..." */
static bool nm_lists(const char *value, const char *name)
{
	char copy[1024], *rest = copy, *spec;
	bool listed = false;

	(void)snprintf(copy, sizeof(copy), "%s", value);
	while ((spec = strsep(&rest, ";,"))) {
		static const char match[] = "interface-name:";

		spec = trim(spec);
		if (strncmp(spec, match, sizeof(match) - 1) != 0)
			continue;
		spec += sizeof(match) - 1;
		spec += *spec == '=' || *spec == '~';
		listed |= !fnmatch(spec, name, 0);
	}
	return listed;
}

static void nm_file(const char *path, const char *const names[NAMES],
		    bool left[NAMES])
{
	cleanup_conf struct conf c = { 0 };
	const char *section = "", *key = NULL, *value = NULL;
	char *rest;

	if (!conf_read(&c, path))
		return;
	rest = c.text;
	while (next_setting(&rest, &section, &key, &value))
		for (size_t i = 0; i < NAMES; i++)
			if (!strcmp(section, "keyfile") &&
			    !strncmp(key, "unmanaged-devices", 17))
				left[i] |= nm_lists(value, names[i]);
}

static void nm_dir(const char *dir, const char *const names[NAMES],
		   bool left[NAMES])
{
	struct dirent **files = NULL;
	const int n = scandir(dir, &files, is_conf, by_name);
	char path[512];

	for (int i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir,
			       files[i]->d_name);
		nm_file(path, names, left);
		free(files[i]);
	}
	free(files);
}

static void check_network_manager(struct doctor *d,
				  const char *const names[NAMES])
{
	bool left[NAMES] = { false };
	char help[HELP];

	if (!is_running("NetworkManager"))
		return;
	nm_file("/etc/NetworkManager/NetworkManager.conf", names, left);
	nm_dir("/usr/lib/NetworkManager/conf.d", names, left);
	nm_dir("/run/NetworkManager/conf.d", names, left);
	nm_dir("/etc/NetworkManager/conf.d", names, left);
	for (size_t i = 0; i < NAMES; i++) {
		if (left[i])
			continue;
		(void)snprintf(
			help, sizeof(help),
			"printf '[keyfile]\\nunmanaged-devices+=interface-name:veth*;interface-name:tap*;interface-name:mvt*;interface-name:%s\\n' >/etc/NetworkManager/conf.d/99-weft.conf && nmcli general reload",
			names[NAMES - 1]);
		doctor_say(
			d,
			&(struct doctor_finding){
				"network-manager", DOCTOR_WARNING,
				"it may ask for addresses on the host's end of a guest's interface, or take the bridge down",
				help },
			"NetworkManager runs, and is not told to leave %s alone",
			names[i]);
		return;
	}
}

/* --- systemd-networkd --- */

/* "Name=veth* !veth1": systemd.link(5). */
static bool networkd_lists(const char *value, const char *name)
{
	char copy[1024], *rest = copy, *glob;
	bool negated = false, listed = false;

	(void)snprintf(copy, sizeof(copy), "%s", value);
	if (*copy == '!') {
		negated = true;
		rest++;
	}
	while ((glob = strsep(&rest, " \t")))
		listed |= *glob && !fnmatch(glob, name, 0);
	return listed != negated;
}

struct network_file {
	bool matches[NAMES];
	bool unmanaged;
};

/* What it matches by other means than name and type is not ours to judge. */
static void networkd_file(const char *path, const char *const names[NAMES],
			  struct network_file *ret)
{
	cleanup_conf struct conf c = { 0 };
	const char *section = "", *key = NULL, *value = NULL;
	bool is_match = false;
	char *rest;

	if (!conf_read(&c, path))
		return;
	rest = c.text;
	for (size_t i = 0; i < NAMES; i++)
		ret->matches[i] = true;
	while (next_setting(&rest, &section, &key, &value)) {
		if (!strcmp(section, "Link") && !strcmp(key, "Unmanaged"))
			ret->unmanaged = strchr("yt1", *value) != NULL;
		if (strcmp(section, "Match") != 0)
			continue;
		is_match = true;
		for (size_t i = 0; i < NAMES; i++)
			if (!strcmp(key, "Name"))
				ret->matches[i] &=
					networkd_lists(value, names[i]);
			else if (!strcmp(key, "Type"))
				ret->matches[i] &= networkd_lists(
					value,
					i + 1 < NAMES ? "ether" : "bridge");
			else
				ret->matches[i] = false;
	}
	for (size_t i = 0; i < NAMES; i++)
		ret->matches[i] &= is_match;
}

static const char *const networkd_dirs[] = { "/etc/systemd/network",
					     "/run/systemd/network",
					     "/usr/lib/systemd/network",
					     "/lib/systemd/network" };

/* Of equal names the first directory's counts, and of all the first name. */
struct grab {
	char file[256];
	char path[512];
};

static void grabs(const char *const names[NAMES], struct grab ret[NAMES])
{
	for (size_t k = sizeof(networkd_dirs) / sizeof(*networkd_dirs); k--;) {
		struct dirent **files = NULL;
		const int n =
			scandir(networkd_dirs[k], &files, is_network, by_name);

		for (int f = 0; f < n; f++) {
			struct network_file file = { 0 };
			char path[512];

			(void)snprintf(path, sizeof(path), "%s/%s",
				       networkd_dirs[k], files[f]->d_name);
			networkd_file(path, names, &file);
			for (size_t i = 0; i < NAMES; i++) {
				struct grab *g = &ret[i];
				const int c = *g->file
						      ? strcmp(files[f]->d_name,
							       g->file)
						      : -1;

				if (c > 0 || (c < 0 && !file.matches[i]))
					continue;
				(void)snprintf(g->file, sizeof(g->file), "%s",
					       files[f]->d_name);
				(void)snprintf(g->path, sizeof(g->path), "%s",
					       file.matches[i] &&
							       !file.unmanaged
						       ? path
						       : "");
			}
			free(files[f]);
		}
		free(files);
	}
}

static void check_networkd(struct doctor *d, const char *const names[NAMES])
{
	struct grab found[NAMES] = { 0 };
	char help[HELP];

	if (!is_running("systemd-networkd"))
		return;
	grabs(names, found);
	for (size_t i = 0; i < NAMES; i++) {
		if (!*found[i].path)
			continue;
		(void)snprintf(
			help, sizeof(help),
			"printf '[Match]\\nName=veth* tap* mvt* %s\\n[Link]\\nUnmanaged=yes\\n' >/etc/systemd/network/05-weft.network && networkctl reload",
			names[NAMES - 1]);
		doctor_say(
			d,
			&(struct doctor_finding){
				"networkd", DOCTOR_WARNING,
				"it changes addresses, routes and state of the interface as that file says",
				help },
			"systemd-networkd runs, and %s is about %s",
			found[i].path, names[i]);
		return;
	}
}

void doctor_look_at_managers(struct doctor *d)
{
	const char *const names[NAMES] = { ours[0], ours[1], doctor_bridge(d) };

	check_firewalld(d);
	check_network_manager(d, names);
	check_networkd(d, names);
}
