/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/attachment.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

#define FNV_BASIS 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

/* http://www.isthe.com/chongo/tech/comp/fnv/, FNV-1a, 64 bits. */
static uint64_t fnv(uint64_t h, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		h ^= (uint8_t)s[i];
		h *= FNV_PRIME;
	}
	return h;
}

/* XOR-folding, as the authors of FNV advise for narrower hashes. */
static uint64_t fold(uint64_t h, unsigned int bits)
{
	return (h >> bits) ^ (h & ((1ULL << bits) - 1));
}

static uint64_t hash_from(uint64_t h, const struct cni_attachment *a)
{
	h = fnv(h, a->network, strlen(a->network) + 1);
	h = fnv(h, a->container_id, strlen(a->container_id) + 1);
	return fnv(h, a->ifname, strlen(a->ifname));
}

struct cni_attachment cni_attachment_of(const struct cni_call *call)
{
	return (struct cni_attachment){
		.network = call->conf.name,
		.container_id = call->args.container_id,
		.ifname = call->args.ifname,
	};
}

uint64_t cni_attachment_hash(const struct cni_attachment *a)
{
	return hash_from(FNV_BASIS, a);
}

uint64_t cni_network_hash(const char *network)
{
	return cni_attachment_hash(&(struct cni_attachment){ network, "", "" });
}

void cni_attachment_link_name(const struct cni_attachment *a,
			      const char *prefix, char ret[CNI_LINK_NAME_SIZE])
{
	(void)snprintf(ret, CNI_LINK_NAME_SIZE, "%.4s%011llx", prefix,
		       (unsigned long long)fold(cni_attachment_hash(a), 44));
}

void cni_attachment_altname(const struct cni_attachment *a,
			    char ret[CNI_LINK_ALTNAME_SIZE])
{
	(void)snprintf(ret, CNI_LINK_ALTNAME_SIZE, "weft-%016llx",
		       (unsigned long long)cni_attachment_hash(a));
}

/* machine-id(5); containers and minimal hosts may have none. */
static char *read_machine_id(void)
{
	cleanup_close int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	char *id = NULL;
	size_t len = 0;

	if (fd >= 0 && !file_read_fd(fd, 1024, &id, &len))
		id[strcspn(id, " \t\r\n")] = '\0';
	return id;
}

static uint64_t hash_on(const char *machine_id, const struct cni_attachment *a)
{
	return hash_from(fnv(FNV_BASIS, machine_id, strlen(machine_id) + 1), a);
}

static struct mac mac_from(uint8_t first, uint64_t h)
{
	struct mac m = { { first } };

	h = fold(h, 40);
	for (size_t i = 1; i < MAC_LEN; i++)
		m.b[i] = (uint8_t)(h >> 8 * (MAC_LEN - 1 - i));
	return m;
}

void cni_attachment_macs_on(const char *machine_id,
			    const struct cni_attachment *a,
			    struct mac *ret_guest, struct mac *ret_port)
{
	const uint64_t h = hash_on(machine_id, a);

	*ret_guest = mac_from(0x02, h);
	*ret_port = mac_from(0xfe, h);
}

void cni_attachment_macs(const struct cni_attachment *a, struct mac *ret_guest,
			 struct mac *ret_port)
{
	cleanup_free char *id = read_machine_id();

	cni_attachment_macs_on(id ? id : "", a, ret_guest, ret_port);
}

struct mac cni_bridge_mac_on(const char *machine_id, const char *bridge)
{
	const struct cni_attachment a = { bridge, "", "" };

	return mac_from(0x02, hash_on(machine_id, &a));
}

struct mac cni_bridge_mac(const char *bridge)
{
	cleanup_free char *id = read_machine_id();

	return cni_bridge_mac_on(id ? id : "", bridge);
}

uint32_t cni_attachment_ifindex(const struct cni_attachment *a)
{
	return (1U << 30) |
	       (uint32_t)(cni_attachment_hash(a) & ((1U << 30) - 1));
}

void cni_attachment_alias(const struct cni_attachment *a, const char *role,
			  char ret[CNI_LINK_ALIAS_SIZE])
{
	const int n = snprintf(ret, CNI_LINK_ALIAS_SIZE, "weft1:%s:%s:%s:%s",
			       role, a->network, a->container_id, a->ifname);

	if (n >= CNI_LINK_ALIAS_SIZE)
		(void)snprintf(ret, CNI_LINK_ALIAS_SIZE, "weft1:%s:#%016llx",
			       role,
			       (unsigned long long)cni_attachment_hash(a));
}

void cni_network_alias(const char *network, const char *role,
		       char ret[CNI_LINK_ALIAS_SIZE])
{
	const struct cni_attachment a = { network, "", "" };
	const int n = snprintf(ret, CNI_LINK_ALIAS_SIZE, "weft1:%s:%s", role,
			       network);

	if (n >= CNI_LINK_ALIAS_SIZE)
		(void)snprintf(ret, CNI_LINK_ALIAS_SIZE, "weft1:%s:#%016llx",
			       role,
			       (unsigned long long)cni_attachment_hash(&a));
}

/* The next field, or "" after the last one. */
static const char *next_field(char **rest)
{
	char *field = *rest, *colon = strchr(field, ':');

	*rest = colon ? colon + 1 : field + strlen(field);
	if (colon)
		*colon = '\0';
	return field;
}

bool cni_alias_parse(const char *alias, struct cni_alias *ret)
{
	struct cni_err ignored = CNI_ERR_INIT;
	char *rest = ret->text;

	(void)snprintf(ret->text, sizeof(ret->text), "%s", alias);
	if (strcmp(next_field(&rest), "weft1") != 0)
		return false;
	ret->role = next_field(&rest);
	ret->of.network = next_field(&rest);
	ret->of.container_id = next_field(&rest);
	ret->of.ifname = next_field(&rest);
	if (*rest || !cni_name_is_valid(ret->role))
		return false;
	if (*ret->of.network == '#') {
		ret->of.container_id = ret->of.network;
		ret->of.network = "";
		return cni_name_is_valid(ret->of.container_id + 1);
	}
	if (!cni_name_is_valid(ret->of.network))
		return false;
	if (!*ret->of.container_id)
		return true;
	return cni_name_is_valid(ret->of.container_id) &&
	       !cni_ifname_check(ret->of.ifname, &ignored);
}
