/* SPDX-License-Identifier: Apache-2.0 */
/* policy.h - who may talk to a guest and whom it may talk to: NetworkPolicy's
 * rules, once the selectors are resolved; pure. */
#ifndef WEFT_BPF_POLICY_H
#define WEFT_BPF_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"

struct cJSON; /* cjson/cJSON.h */

enum policy_dir {
	POLICY_INGRESS, /* to the guest */
	POLICY_EGRESS,	/* from it */
	POLICY_DIRS,
};

enum policy_action {
	POLICY_ALLOW,
	POLICY_DENY, /* ours; wins over every POLICY_ALLOW */
};

#define POLICY_ANY 256 /* beside the IPPROTO_* */

/**
 * struct policy_port - What a rule is about
 * @proto:	IPPROTO_TCP, _UDP, _SCTP, _ICMP, _ICMPV6, or POLICY_ANY
 * @first:	Destination port; of ICMP type * 256 + code
 * @last:	Not less; 0 and 65535: whatever it is
 */
struct policy_port {
	uint16_t proto, first, last;
};

/**
 * struct policy_peer - An ipBlock, or one address of who was selected
 * @net:	Without host bits
 * @except:	Within it, not meant; free()
 */
struct policy_peer {
	struct ip_net net;
	struct ip_net *except;
	size_t n_except;
};

/**
 * struct policy_rule - One element of "ingress" or "egress"
 * @action:	What becomes of what matches
 * @number:	Which one of its direction in the text, from 1
 * @any_peer:	Whoever it is; else one of @peers, which may be nobody
 * @any_port:	Whatever protocol; else one of @ports
 */
struct policy_rule {
	enum policy_action action;
	uint32_t number;
	bool any_peer, any_port;
	struct policy_peer *peers;
	size_t n_peers;
	struct policy_port *ports;
	size_t n_ports;
};

/**
 * struct policy_side - One direction
 * @selected:	What no rule allows is denied; else everything is allowed
 * @audit:	Say what would be dropped, and let it pass
 */
struct policy_side {
	bool selected, audit;
	struct policy_rule *rules;
	size_t n;
};

/** struct policy - What holds for one guest; by enum policy_dir */
struct policy {
	struct policy_side side[POLICY_DIRS];
};

/** policy_free() - Leaves an empty one */
void policy_free(struct policy *p);

#define cleanup_policy CLEANUP(policy_free)

struct policy_label {
	const char *key, *value;
};

/**
 * struct policy_endpoint - Somebody whom a selector may mean
 * @labels:	Its own
 * @space:	Its namespace; NULL is ""
 * @space_labels: The namespace's, beside kubernetes.io/metadata.name
 * @addrs:	Where it is
 */
struct policy_endpoint {
	const struct policy_label *labels;
	size_t n_labels;
	const char *space;
	const struct policy_label *space_labels;
	size_t n_space_labels;
	const struct ip_addr *addrs;
	size_t n_addrs;
};

/**
 * struct policy_world - Whom selectors are evaluated against
 * @self:	The guest that the policy is for
 * @others:	Everybody of the network, the guest too
 */
struct policy_world {
	const struct policy_endpoint *self;
	const struct policy_endpoint *others;
	size_t n;
};

/**
 * policy_parse() - What of a text holds for one guest
 * @doc:	A NetworkPolicy's spec, a whole NetworkPolicy (kind, metadata,
 *		spec), or an array of them
 * @world:	Who is where
 * @ret:	policy_free(); unchanged on failure
 * @err:	CNI_E_CONFIG, CNI_E_DECODE: which policy, rule, key and value
 *
 * Policies add up. Ours beside the specification: "action": "Deny" in a rule;
 * "audit", which holds for a direction where all that select it agree; the
 * protocols "ICMP" and "ICMPv6", with "type" and "code", and "Any"; "namespace"
 * where there is no metadata. Without a namespace a policy is of the guest's. A
 * key that nobody knows is refused: without "from", whose letters were mixed up,
 * a rule would let everybody in. So is a port's name.
 *
 * Source: networking.k8s.io/v1 NetworkPolicy.
 *
 * Return: 0 or a negative errno
 */
int policy_parse(const struct cJSON *doc, const struct policy_world *world,
		 struct policy *ret, struct cni_err *err);

/**
 * policy_check_selector() - Is it a LabelSelector?
 *
 * Return: 0, or -EINVAL with the key and the value in @err
 */
int policy_check_selector(const struct cJSON *selector, struct cni_err *err);

/**
 * policy_selects() - Does a LabelSelector mean somebody with these labels?
 * @selector:	policy_check_selector() has found it good; {} means everybody
 */
bool policy_selects(const struct cJSON *selector,
		    const struct policy_label *labels, size_t n);

/** policy_check_keys() - Return: 0, or -EINVAL for a key that is not in @known */
int policy_check_keys(const struct cJSON *obj, const char *const known[],
		      struct cni_err *err);

/**
 * struct policy_packet - What a verdict is about
 * @dir:	Which way it goes
 * @peer:	The address at the other end
 * @proto:	IPPROTO_*
 * @port:	As in struct policy_port; of another protocol 0
 */
struct policy_packet {
	enum policy_dir dir;
	struct ip_addr peer;
	uint8_t proto;
	uint16_t port;
};

#endif
