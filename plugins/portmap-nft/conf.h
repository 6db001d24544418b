/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - portmap-nft's configuration; pure. */
#ifndef WEFT_PORTMAP_NFT_CONF_H
#define WEFT_PORTMAP_NFT_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cni/attachment.h"
#include "cni/plugin.h"

#define PORTMAP_NFT_PORTS 16384	   /* of one attachment, ranges expanded */
#define PORTMAP_NFT_OWNER_SIZE 127 /* see portmap_nft_owner() */

/**
 * struct portmap_nft_port - One port of the host
 * @proto:	IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP
 * @host_port:	1..65535
 * @guest_port:	1..65535
 * @host_ip:	family 0: any, of both families; 0.0.0.0 or ::, any of that one
 */
struct portmap_nft_port {
	uint8_t proto;
	uint16_t host_port, guest_port;
	struct ip_addr host_ip;
};

/**
 * struct portmap_nft_conf - What one attachment gets
 * @snat:	Masquerade what would not find its way back; default true
 * @masq_all:	Masquerade all of it
 * @strict_gc:	GC also removes forwards to guests whose port is in use
 * @del_wait:	DEL waits for the kernel's clean-up; only checked here
 * @ports:	Sorted, none twice
 * @n_ports:	How many; 0 where the runtime asks for none
 */
struct portmap_nft_conf {
	bool snat;
	bool masq_all;
	bool strict_gc;
	bool del_wait;
	struct portmap_nft_port *ports;
	size_t n_ports;
};

/**
 * portmap_nft_conf_parse() - Decode and check
 * @call:	Configuration
 * @ret:	Free with portmap_nft_conf_free(), also after a failure
 * @err:	CNI_E_DECODE, CNI_E_CONFIG, or CNI_E_FIELD for the reference
 *		plugin's keys that only iptables can keep
 *
 * Return: 0 or a negative errno
 */
int portmap_nft_conf_parse(const struct cni_call *call,
			   struct portmap_nft_conf *ret, struct cni_err *err);

void portmap_nft_conf_free(struct portmap_nft_conf *c);

#define cleanup_portmap_nft_conf CLEANUP(portmap_nft_conf_free)

/**
 * portmap_nft_guest() - The addresses of the guest
 * @prev:	Result of the plugins before
 * @ifname:	Its interface; entries of other interfaces and of the host's
 *		do not count
 * @ret:	Its first IPv4 and its first IPv6 address; family 0: none
 */
void portmap_nft_guest(const struct cni_result *prev, const char *ifname,
		       struct ip_addr ret[2]);

/**
 * portmap_nft_owner() - What every element says of whose it is
 * @ret:	"HASH NETWORK:CONTAINERID:IFNAME"; where that is too long, the
 *		network is '#' and a hash of its own, and the rest is cut
 */
void portmap_nft_owner(const struct cni_attachment *a,
		       char ret[PORTMAP_NFT_OWNER_SIZE]);

/** portmap_nft_owner_is_of() - Is this owner's network @network? */
bool portmap_nft_owner_is_of(const char *owner, const char *network);

/**
 * portmap_nft_owner_parse() - Whose it is
 * @owner:	As portmap_nft_owner() makes it
 * @text:	What @ret points into
 *
 * Return: false for the short form, and for what we did not make
 */
bool portmap_nft_owner_parse(const char *owner,
			     char text[PORTMAP_NFT_OWNER_SIZE],
			     struct cni_attachment *ret);

#endif
