/* SPDX-License-Identifier: Apache-2.0 */
/* The guard on a port. */
#include <errno.h>
#include <string.h>

#include "bpf/answers.h"
#include "bpf/filter.h"
#include "bpf/guard.h"
#include "bpf/map.h"
#include "net/netlink.h"

static struct bpf_filter filter_from(uint32_t ifindex, bool mirrored)
{
	return (struct bpf_filter){ .ifindex = ifindex,
				    .prio = BPF_FILTER_GUARD,
				    .egress = mirrored,
				    .replace = true,
				    .name = "weft_guard_from" };
}

static struct bpf_filter filter_to(uint32_t ifindex, bool mirrored)
{
	return (struct bpf_filter){ .ifindex = ifindex,
				    .prio = BPF_FILTER_GUARD,
				    .egress = !mirrored,
				    .replace = true,
				    .name = "weft_guard_to" };
}

int guard_attach(const struct guard *g, struct netlink *nl, uint32_t ifindex,
		 bool mirrored, struct cni_err *err)
{
	const struct bpf_filter from = filter_from(ifindex, mirrored);
	const struct bpf_filter to = filter_to(ifindex, mirrored);
	const int r = bpf_filter_attach(nl, &from, g->from, err);

	return r ? r : bpf_filter_attach(nl, &to, g->to, err);
}

static int stale(struct cni_err *err, uint32_t ifindex, const char *what)
{
	return err_say(err, CNI_E_CHECK, ESTALE, "guard of interface %u: %s",
		       ifindex, what);
}

static int check_filter(struct netlink *nl, const struct bpf_filter *f,
			struct cni_err *err)
{
	struct bpf_filter_info have;
	const int r = bpf_filter_get(nl, f, &have, err);

	if (r < 0)
		return r;
	if (!r)
		return err_say(err, CNI_E_CHECK, ESTALE,
			       "guard of interface %u: filter %s is missing",
			       f->ifindex, f->name);
	return strcmp(have.name, f->name)
		       ? err_say(err, CNI_E_CHECK, ESTALE,
				 "guard of interface %u: filter %s is in the place of %s",
				 f->ifindex, have.name, f->name)
		       : 0;
}

/* But for what the program writes itself, and the policy's. */
static bool is_as_written(const struct guard_guest *have,
			  struct guard_guest *want)
{
	want->next_ll = have->next_ll;
	want->flags |= have->flags & GUARD_POLICED;
	memcpy(want->link_local, have->link_local, sizeof(want->link_local));
	return !memcmp(have, want, sizeof(*want));
}

static int check_answers(const struct guard *g, uint32_t ifindex,
			 const struct answers *answers, struct cni_err *err)
{
	struct guard_answer want, have;
	int r = answers_encode(answers, &want, err);

	if (r < 0)
		return r;
	r = bpf_map_get(g->map[GUARD_ANSWERED_BY], &ifindex, &have);
	return r < 0 || memcmp(&want, &have, sizeof(want)) != 0
		       ? stale(err, ifindex,
			       "what its guest is told was changed")
		       : 0;
}

static int check_entry(const struct guard *g, uint32_t ifindex,
		       const struct guard_rules *rules, struct cni_err *err)
{
	struct guard_sources more, more_there;
	struct guard_guest want, have;
	int r = guard_encode(rules, &want, &more, err);

	if (r < 0)
		return r;
	r = bpf_map_get(g->map[GUARD_GUESTS], &ifindex, &have);
	if (r < 0)
		return stale(err, ifindex, "what holds for it is missing");
	if (!is_as_written(&have, &want))
		return stale(err, ifindex, "what holds for it was changed");
	r = more.n ? bpf_map_get(g->map[GUARD_SOURCES], &ifindex, &more_there)
		   : 0;
	if (r < 0 || (more.n && memcmp(&more, &more_there, sizeof(more)) != 0))
		return stale(err, ifindex, "what it may send from was changed");
	return rules->answers ? check_answers(g, ifindex, rules->answers, err)
			      : 0;
}

static int check_filters(struct netlink *nl, uint32_t ifindex, bool mirrored,
			 struct cni_err *err)
{
	const struct bpf_filter from = filter_from(ifindex, mirrored);
	const struct bpf_filter to = filter_to(ifindex, mirrored);
	const int r = check_filter(nl, &from, err);

	return r ? r : check_filter(nl, &to, err);
}

static int check_counts(const struct guard *g, uint32_t ifindex,
			struct cni_err *err)
{
	struct guard_counts counts;

	return guard_counts(g, ifindex, &counts, err) < 0
		       ? stale(err, ifindex, "its counters are missing")
		       : 0;
}

int guard_check(struct netlink *nl, uint32_t ifindex, bool mirrored,
		const struct guard_rules *rules, struct cni_err *err)
{
	cleanup_guard struct guard g = GUARD_NONE;
	int r = guard_find(&g, err);

	if (!r)
		return stale(err, ifindex, "it is not loaded");
	if (r > 0)
		r = check_entry(&g, ifindex, rules, err);
	if (!r)
		r = check_counts(&g, ifindex, err);
	return r ? r : check_filters(nl, ifindex, mirrored, err);
}

int guard_check_port(const struct guard *g, struct netlink *nl,
		     uint32_t ifindex, uint64_t attachment, struct cni_err *err)
{
	int r = guard_knows(g, ifindex, attachment);

	r = r > 0 ? check_counts(g, ifindex, err)
		  : stale(err, ifindex, "nothing is known of it");
	return r ? r : check_filters(nl, ifindex, false, err);
}
