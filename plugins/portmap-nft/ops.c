/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "guest/guest.h"
#include "net/linger.h"
#include "net/portmap.h"
#include "net/upstream.h"
#include "portmap-nft/conf.h"
#include "portmap-nft/gc.h"
#include "portmap-nft/portmap_nft.h"

/* One attachment's forwards, and what they are made of. */
struct job {
	struct portmap_nft_conf conf;
	char owner[PORTMAP_NFT_OWNER_SIZE];
	struct portmap_forward *forwards;
	struct portmap portmap;
};

_Static_assert(PORTMAP_NFT_OWNER_SIZE == PORTMAP_OWNER_SIZE,
	       "an owner fits into an element");

static void job_close(struct job *j)
{
	portmap_nft_conf_free(&j->conf);
	free(j->forwards);
}

/* Each port in each family that the guest has an address of. */
static int list_forwards(struct job *j, const struct ip_addr guest[2],
			 struct cni_err *err)
{
	size_t n = 0;

	j->forwards = calloc(2 * j->conf.n_ports + 1, sizeof(*j->forwards));
	if (!j->forwards)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "%zu ports",
			       j->conf.n_ports);
	for (size_t i = 0; i < 2 * j->conf.n_ports; i++) {
		const struct portmap_nft_port *p = &j->conf.ports[i / 2];
		const struct ip_addr *ip = &guest[i % 2];

		if (!ip->family ||
		    (p->host_ip.family && p->host_ip.family != ip->family))
			continue;
		j->forwards[n++] =
			(struct portmap_forward){ .proto = p->proto,
						  .host_port = p->host_port,
						  .host_ip = p->host_ip,
						  .guest_ip = *ip,
						  .guest_port = p->guest_port };
	}
	if (j->conf.n_ports && !n)
		log_warn(
			"no host port leads to %s: it has no address of their families",
			j->owner);
	j->portmap = (struct portmap){ .owner = j->owner,
				       .v = j->forwards,
				       .n = n,
				       .snat = j->conf.snat,
				       .masq_all = j->conf.masq_all };
	return portmap_links(&j->portmap, err);
}

static int job_open(const struct cni_call *call, const struct cni_result *prev,
		    struct job *ret, struct cni_err *err)
{
	const struct cni_attachment a = cni_attachment_of(call);
	struct ip_addr guest[2];
	int r;

	*ret = (struct job){ 0 };
	portmap_nft_owner(&a, ret->owner);
	r = portmap_nft_conf_parse(call, &ret->conf, err);
	if (r < 0)
		return r;
	portmap_nft_guest(prev, call->args.ifname, guest);
	return list_forwards(ret, guest, err);
}

/* The transaction comes last: nothing after it can fail and need it undone. */
static int add(const struct cni_call *call, struct cni_result *ret,
	       struct cni_err *err)
{
	CLEANUP(job_close) struct job j = { 0 };
	int r = cni_result_prev(call->conf.prev_result, call->conf.version, ret,
				err);

	if (!r)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"network \"%s\": must be called as chained plugin",
			call->conf.name);
	if (r > 0)
		r = job_open(call, ret, &j, err);
	if (!r)
		r = portmap_localnet(&j.portmap, err);
	if (!r)
		r = portmap_ensure(&j.portmap, &ret->adopted, err);
	return r;
}

struct owner {
	char text[PORTMAP_NFT_OWNER_SIZE];
	bool found; /* has a forward */
};

static bool is_own(const char *text, void *arg)
{
	struct owner *o = arg;
	const bool is_it = !strcmp(text, o->text);

	o->found |= is_it;
	return is_it;
}

static bool has_ports(const struct cni_call *call)
{
	const cJSON *ports =
		json_get(call->conf.runtime_config, "portMappings");

	return cJSON_IsArray(ports) && ports->child;
}

/* Reads no key to remove something: what was forwarded stands in the kernel, by
 * us or by the reference plugin that was here before. */
static int del(const struct cni_call *call, struct cni_err *err)
{
	const struct cni_attachment a = cni_attachment_of(call);
	const struct upstream u = { a.network, a.container_id, a.ifname };
	struct owner owner = { .found = false };
	struct cni_err e = CNI_ERR_INIT;
	int r, acc;

	linger_begin();
	portmap_nft_owner(&a, owner.text);
	acc = portmap_remove(is_own, &owner, err);
	r = upstream_remove(&u, UPSTREAM_FORWARDS, &e);
	acc = err_keep_first(err, &e, r, acc);
	linger_end(guest_wait_asked(call));
	if (!owner.found && has_ports(call))
		upstream_warn_legacy(&u, UPSTREAM_FORWARDS);
	return acc;
}

/* Ours, or what the reference plugin made for this very attachment. */
static int check_forwards(const struct cni_call *call, const struct job *j,
			  struct cni_err *err)
{
	const struct cni_attachment a = cni_attachment_of(call);
	const struct upstream u = { a.network, a.container_id, a.ifname };
	struct cni_err e = CNI_ERR_INIT;
	struct cni_err own = CNI_ERR_INIT;
	const int r = portmap_check(&j->portmap, &own);

	if (!r || (own.code == CNI_E_CHECK &&
		   upstream_find(&u, UPSTREAM_FORWARDS, &e) > 0))
		return 0;
	*err = own;
	return r;
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	cleanup_result struct cni_result prev = { 0 };
	CLEANUP(job_close) struct job j = { 0 };
	int r = cni_result_prev_required(call->conf.prev_result,
					 call->conf.version, &prev, err);

	if (r >= 0)
		r = job_open(call, &prev, &j, err);
	return r ? r : check_forwards(call, &j, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	cleanup_portmap_nft_conf struct portmap_nft_conf conf = { 0 };
	int r = portmap_nft_conf_parse(call, &conf, err);

	if (!r)
		r = portmap_available(err);
	return r;
}

const struct cni_plugin portmap_nft = {
	.name = "portmap-nft",
	.add = add,
	.del = del,
	.check = check,
	.gc = portmap_nft_gc,
	.status = status,
};
