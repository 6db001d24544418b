/* SPDX-License-Identifier: Apache-2.0 */
#include "tap-vm/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/request.h"

/* Decoded but only used to settle the rest. */
struct raw {
	struct tap_vm_conf c;
	const char *shape;
	const cJSON *tap;
};

#define FIELD(key, kind, member)                       \
	{                                              \
		.name = (key), .type = (kind),         \
		.offset = offsetof(struct raw, member) \
	}

static const struct json_field fields[] = {
	FIELD("tap", JSON_OBJ, tap),
	FIELD("vmResult", JSON_STR, shape),
	FIELD("delWait", JSON_BOOL, c.del_wait),
	{ 0 },
};

/* "pod" and eleven digits: what KubeVirt calls an interface of a pod. Without an
 * attachment there is none: STATUS, lint. */
static bool is_kubevirts(const char *ifname)
{
	return ifname && !strncmp(ifname, "pod", 3) && strlen(ifname) == 14 &&
	       strspn(ifname + 3, "0123456789abcdef") == 11;
}

static int settle_shape(const struct cni_call *call, struct raw *raw,
			struct cni_err *err)
{
	if (!strcmp(raw->shape, "tc-redirect-tap"))
		raw->c.shape = TAP_VM_TC_REDIRECT;
	else if (!strcmp(raw->shape, "kubevirt") ||
		 (!*raw->shape && is_kubevirts(call->args.ifname)))
		raw->c.shape = TAP_VM_KUBEVIRT;
	else if (*raw->shape)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"vmResult\": \"%s\" is neither \"kubevirt\" nor \"tc-redirect-tap\"",
			raw->shape);
	return 0;
}

/* As tc-redirect-tap reads them: a number, or nothing. */
static int read_id(const struct cni_call *call, const char *key, int64_t *ret,
		   struct cni_err *err)
{
	char text[REQUEST_SIZE];
	unsigned long id;
	char *end;
	int r = cni_args_get(&call->args, key, text, sizeof(text), err);

	if (r <= 0 || !*text)
		return r < 0 ? r : 0;
	errno = 0;
	id = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || id >= UINT32_MAX)
		return err_say(err, CNI_E_ENV, EINVAL,
			       "CNI_ARGS: %s \"%s\": not a user or group ID",
			       key, text);
	*ret = (int64_t)id;
	return 0;
}

static int read_name(const struct cni_call *call, char *ret,
		     struct cni_err *err)
{
	char text[REQUEST_SIZE];
	struct cni_err bad = CNI_ERR_INIT;
	const int r = cni_args_get(&call->args, "TC_REDIRECT_TAP_NAME", text,
				   sizeof(text), err);

	if (r <= 0 || !*text)
		return r < 0 ? r : 0;
	if (cni_ifname_check(text, &bad) < 0)
		return err_say(err, CNI_E_ENV, EINVAL,
			       "CNI_ARGS: TC_REDIRECT_TAP_NAME \"%s\": %s",
			       text, bad.msg);
	(void)snprintf(ret, CNI_LINK_NAME_SIZE, "%.15s", text);
	return 0;
}

/* What each VMM expects where the configuration says nothing. */
static int settle_owner(const struct cni_call *call, struct raw *raw,
			struct cni_err *err)
{
	struct tap_request *tap = &raw->c.tap;
	int r = 0;

	if (raw->c.shape == TAP_VM_KUBEVIRT) {
		tap->owner = TAP_VM_KUBEVIRT_ID;
		tap->group = TAP_VM_KUBEVIRT_ID;
	} else if (raw->c.shape == TAP_VM_TC_REDIRECT) {
		tap->owner = geteuid();
		tap->group = getegid();
	}
	r = tap_request_decode(raw->tap, tap, err);
	if (r < 0 || raw->c.shape != TAP_VM_TC_REDIRECT)
		return r;
	r = read_id(call, "TC_REDIRECT_TAP_UID", &tap->owner, err);
	return r ? r : read_id(call, "TC_REDIRECT_TAP_GID", &tap->group, err);
}

/* KubeVirt looks for "tap" where "pod" was, and in the pod's first interface
 * for tap0, as every VMM's user does. */
static int settle_name(const struct cni_call *call, struct raw *raw,
		       struct cni_err *err)
{
	const struct cni_attachment a = cni_attachment_of(call);
	char *name = raw->c.name;

	if (!a.ifname || !*a.ifname)
		return 0;
	if (*raw->c.tap.name)
		(void)snprintf(name, CNI_LINK_NAME_SIZE, "%s", raw->c.tap.name);
	else if (is_kubevirts(a.ifname))
		(void)snprintf(name, CNI_LINK_NAME_SIZE, "tap%.11s",
			       a.ifname + 3);
	else if (!strcmp(a.ifname, "eth0"))
		(void)snprintf(name, CNI_LINK_NAME_SIZE, "tap0");
	else
		cni_attachment_link_name(&a, "tap", name);
	return raw->c.shape == TAP_VM_TC_REDIRECT ? read_name(call, name, err)
						  : 0;
}

static int check_name(const struct cni_call *call, const struct raw *raw,
		      struct cni_err *err)
{
	if (*raw->c.name && !strcmp(raw->c.name, call->args.ifname))
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"tap \"%s\": that is the name of the interface itself",
			raw->c.name);
	return 0;
}

int tap_vm_conf_parse(const struct cni_call *call, struct tap_vm_conf *ret,
		      struct cni_err *err)
{
	struct raw raw = { .c = { .tap = TAP_REQUEST_INIT }, .shape = "" };
	int r = json_decode(call->conf.doc, fields, &raw, err);

	if (!r)
		r = settle_shape(call, &raw, err);
	if (!r)
		r = settle_owner(call, &raw, err);
	if (!r)
		r = settle_name(call, &raw, err);
	if (!r)
		r = check_name(call, &raw, err);
	if (!r)
		r = guard_conf_parse(call, true, &raw.c.guard, err);
	if (r < 0)
		return err_ctx(err, r, "network \"%s\"", call->conf.name);
	*ret = raw.c;
	return 0;
}
