/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "weft/session.h"

/* What is attached already is not this call's to undo. */
static int add(const struct session *s, cJSON **ret, struct cni_err *err)
{
	struct cni_err ignored = CNI_ERR_INIT;
	const int r = runtime_add(&s->rt, ret, err);

	if (r < 0 && r != -EEXIST)
		(void)runtime_del(&s->rt, &ignored);
	return r;
}

int weft_add(const struct weft_args *a, struct cni_err *err)
{
	cleanup_session struct session s = { 0 };
	cleanup_json cJSON *result = NULL;
	cleanup_free char *text = NULL;
	int r;

	r = session_open(&s, a, err);
	if (!r)
		r = session_name_guest(&s, a, err);
	if (!r)
		r = add(&s, &result, err);
	if (r < 0)
		return r;
	text = json_print(result);
	if (!text || puts(text) < 0 || fflush(stdout))
		return err_set(err, CNI_E_IO, EIO, "print result");
	return 0;
}
