/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/session.h"

int weft_check(const struct weft_args *a, struct cni_err *err)
{
	return session_on_guest(a, runtime_check, err);
}
