/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/ls_guard.h"

#include <errno.h>

#include "base/json.h"
#include "weft/show.h"

/* Return: how many ports they are of */
static int sum_up(const struct guard *g, const struct cni_attachment *a,
		  struct guard_counts *ret)
{
	const uint64_t hash = cni_attachment_hash(a);
	uint32_t index = 0;
	int n = 0;

	while (g->map[GUARD_GUESTS] >= 0 && guard_next(g, hash, &index) > 0) {
		struct cni_err ignored = CNI_ERR_INIT;
		struct guard_counts one;

		if (guard_counts(g, index, &one, &ignored) < 0)
			continue;
		guard_counts_add(ret, &one);
		n++;
	}
	return n;
}

static int add_dropped(cJSON *obj, const struct guard_counts *c)
{
	cJSON *dropped = cJSON_CreateObject();
	int r = json_add(obj, "dropped", dropped);

	for (enum guard_verdict v = GUARD_PASS + 1; !r && v < GUARD_VERDICTS;
	     v++)
		if (c->from[v] && v != GUARD_ANSWERED)
			r = show_num(dropped, guard_verdict_name(v),
				     (int64_t)c->from[v]);
	return r;
}

int ls_guard_add(const struct guard *g, const struct cni_attachment *a,
		 cJSON *obj)
{
	struct guard_counts c = { 0 };
	cJSON *guard;
	int r;

	if (!sum_up(g, a, &c))
		return show_str(obj, "guard", NULL);
	guard = cJSON_CreateObject();
	r = json_add(obj, "guard", guard);
	if (!r)
		r = show_num(guard, "sent", (int64_t)c.from[GUARD_PASS]);
	if (!r)
		r = show_num(guard, "answered",
			     (int64_t)c.from[GUARD_ANSWERED]);
	if (!r)
		r = show_num(guard, "received", (int64_t)c.to[GUARD_PASS]);
	return r ? r : add_dropped(guard, &c);
}
