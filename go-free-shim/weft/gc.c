/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "cni/attachments.h"
#include "libcni/cache.h"
#include "weft/session.h"

/* What others attached is valid as well while its namespace exists: engines
 * know nothing of ours, and --cache-dir neither, but we can look. */
static int list_valid(const struct runtime *rt, struct cni_attachments *ret,
		      struct cni_err *err)
{
	cleanup_json cJSON *none = cJSON_CreateArray();
	const char *const dirs[] = { rt->cache_dir, CACHE_DIR,
				     CACHE_DIR_LIBCNI };
	int r;

	if (!none)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "GC");
	r = cni_attachments_parse(none, ret, err);
	for (size_t i = 0; !r && i < sizeof(dirs) / sizeof(*dirs); i++)
		r = runtime_alive(rt, dirs[i], ret, err);
	return r;
}

int weft_gc(const struct weft_args *a, struct cni_err *err)
{
	cleanup_attachments struct cni_attachments valid = { 0 };
	cleanup_session struct session s = { 0 };
	int r = session_open(&s, a, err);

	if (!r)
		r = list_valid(&s.rt, &valid, err);
	return r ? r : runtime_gc(&s.rt, &valid, err);
}
