/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/session.h"

int weft_status(const struct weft_args *a, struct cni_err *err)
{
	cleanup_session struct session s = { 0 };
	const int r = session_open(&s, a, err);

	return r ? r : runtime_status(&s.rt, err);
}
