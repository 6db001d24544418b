/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/lease.h"

#include <errno.h>

#include "cni/delegate.h"
#include "guest/guest.h"

static int release(void *arg, struct cni_err *err)
{
	const struct lease *l = arg;

	if (l->in_use || l->ipam->adopted)
		return 0;
	return cni_delegate(l->call, CNI_DEL, l->call->conf.ipam_type, err);
}

int lease_take(struct lease *l, struct undo *undo, struct cni_err *err)
{
	const char *type = l->call->conf.ipam_type;
	int r;

	if (!guest_is_l3(l->call))
		return 0;
	r = cni_delegate_add(l->call, type, l->ipam, err);
	if (r < 0)
		return r;
	undo_push(undo, release, l);
	if (!l->ipam->n_ips)
		return err_say(err, CNI_E_INTERNAL, EINVAL,
			       "IPAM plugin \"%s\" returned missing IP config",
			       type);
	return 0;
}
