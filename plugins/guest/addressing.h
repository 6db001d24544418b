/* SPDX-License-Identifier: Apache-2.0 */
/* addressing.h - "guard.dhcp", and what a VM is told of its addresses. */
#ifndef WEFT_GUEST_ADDRESSING_H
#define WEFT_GUEST_ADDRESSING_H

#include "bpf/answers.h"
#include "cni/plugin.h"
#include "cni/result.h"

enum {
	ADDRESSING_SERVERS = 8,
	ADDRESSING_OPTIONS = 8, /* of both families together */
	ADDRESSING_OPTION_MAX = 255,
	ADDRESSING_NAME_SIZE = 64, /* RFC 1035: 63 bytes and a NUL */
};

/**
 * struct addressing_conf - What the configuration adds to the CNI result
 * @lease_s:	For how long an address is given, seconds; 0: a day
 * @hostname:	"" for the name of the attachment's Kubernetes pod, if it has one
 * @boot_server: Whence the guest boots, what, and the same of IPv6; "" if it is not
 * @boot_file:	said
 * @boot_url:
 * @ntp:	Time servers
 * @n_ntp:	How many
 * @options:	Any other, by number
 * @n_options:	How many
 */
struct addressing_conf {
	int64_t lease_s;
	const char *hostname, *boot_server, *boot_file, *boot_url;
	struct ip_addr ntp[ADDRESSING_SERVERS];
	size_t n_ntp;

	struct addressing_option {
		bool ip6;
		uint16_t code;
		uint8_t data[ADDRESSING_OPTION_MAX];
		size_t len;
	} options[ADDRESSING_OPTIONS];

	size_t n_options;
};

/**
 * addressing_parse() - Decode and check "dhcp"
 * @obj:	Object or NULL; must outlive @ret
 * @ret:	Filled on success
 * @err:	CNI_E_DECODE or CNI_E_CONFIG, naming the key and the value
 *
 * Return: 0 or a negative errno
 */
int addressing_parse(const cJSON *obj, struct addressing_conf *ret,
		     struct cni_err *err);

/**
 * struct addressing_from - Where a guest's answers come from
 * @call:	Its request
 * @conf:	Its network's configuration
 * @result:	Routes and dns
 * @of:		Whose gateways count: see struct guarded
 * @addrs:	Its addresses, @n of them
 * @mac:	In whose name it is told
 * @neighbour:	That is the gateway's own
 * @mtu:	Of the port; 0: not said
 */
struct addressing_from {
	const struct cni_call *call;
	const struct addressing_conf *conf;
	const struct cni_result *result;
	const struct cni_interface *of;
	const struct ip_net *addrs;
	size_t n;
	struct mac mac;
	bool neighbour;
	uint32_t mtu;
};

/**
 * struct addressing - The answers, and what they point into
 * @answers:	For struct guard_rules
 */
struct addressing {
	struct answers answers;
	struct answers_route *routes;
	struct answers_option options[ADDRESSING_OPTIONS];
	struct ip_addr dns[ADDRESSING_SERVERS];
	const char *search[ADDRESSING_SERVERS];
	char hostname[ADDRESSING_NAME_SIZE];
};

/**
 * addressing_make() - Gather what there is to know
 * @from:	Must outlive @ret
 * @ret:	Free with addressing_free(), also after a failure
 * @err:	Filled on failure
 *
 * Return: 0 or a negative errno
 */
int addressing_make(const struct addressing_from *from, struct addressing *ret,
		    struct cni_err *err);

void addressing_free(struct addressing *a);

#define cleanup_addressing CLEANUP(addressing_free)

#endif
