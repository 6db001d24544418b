/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cni/args.h"

#define KEY "allocationKey"

static int read_string(const cJSON *obj, const char *where, const char *key,
		       const char **ret, struct cni_err *err)
{
	const cJSON *v = json_get(obj, key);

	if (!v)
		return 0;
	if (!cJSON_IsString(v))
		return err_ctx(err, json_expected(v, "a string", err),
			       "%skey \"%s\"", where, key);
	if (*v->valuestring)
		*ret = v->valuestring;
	return 0;
}

static bool is_listed(const cJSON *doc)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, json_get(doc, "perAttachment"))
	{
		if (cJSON_IsString(v) && !strcmp(v->valuestring, KEY))
			return true;
	}
	return false;
}

/* What whoever attaches asks for: the last one counts. */
static int read_asked(const struct cni_call *call, char buf[CNI_KEY_SIZE],
		      const char **ret, struct cni_err *err)
{
	int r = cni_args_get(&call->args, "ALLOCATION_KEY", buf, CNI_KEY_SIZE,
			     err);

	if (r < 0)
		return r;
	*ret = buf;
	r = read_string(call->conf.args_cni, "args.cni: ", KEY, ret, err);
	if (!r)
		r = read_string(call->conf.runtime_config,
				"runtimeConfig: ", KEY, ret, err);
	return r;
}

static int read_conflict(const cJSON *doc, bool *ret_is_silent,
			 struct cni_err *err)
{
	const char *what = "refuse";
	const int r = read_string(doc, "", "onConflict", &what, err);

	*ret_is_silent = !strcmp(what, "silent");
	if (r < 0 || *ret_is_silent || !strcmp(what, "refuse"))
		return r;
	return err_say(
		err, CNI_E_CONFIG, EINVAL,
		"key \"onConflict\": \"%s\": must be \"refuse\" or \"silent\"",
		what);
}

static int settle(const struct cni_call *call, const char **ret,
		  char buf[CNI_KEY_SIZE], struct cni_err *err)
{
	const char *own = "", *asked = "";
	int r = read_string(call->conf.doc, "", KEY, &own, err);

	if (!r)
		r = read_asked(call, buf, &asked, err);
	if (r < 0)
		return r;
	if (*asked && !is_listed(call->conf.doc))
		return err_say(
			err, CNI_E_CONFIG, EPERM,
			KEY
			" \"%s\" asked for by this attachment: network \"%s\" does not list \"" KEY
			"\" in perAttachment",
			asked, call->conf.name);
	*ret = *asked ? asked : own;
	return 0;
}

void cni_key_set(struct cni_key *ret, const char *name)
{
	*ret = (struct cni_key){ .name = "" };
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
	(void)snprintf(ret->holder, sizeof(ret->holder), CNI_KEY_HOLDER "%s",
		       ret->name);
}

int cni_key_parse(const struct cni_call *call, struct cni_key *ret,
		  struct cni_err *err)
{
	char buf[CNI_KEY_SIZE];
	const char *name = "";
	bool is_silent;
	int r;

	*ret = (struct cni_key){ .name = "" };
	r = read_conflict(call->conf.doc, &is_silent, err);
	if (!r)
		r = settle(call, &name, buf, err);
	if (r < 0 || !*name)
		return r;
	if (strlen(name) >= sizeof(ret->name) || !cni_name_is_valid(name))
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			KEY
			" \"%.160s\": must be 1 to %d letters, digits, \"_\", \".\" and \"-\", the first a letter or a digit",
			name, CNI_KEY_SIZE - 1);
	cni_key_set(ret, name);
	ret->is_silent = is_silent;
	return 0;
}

struct cni_attachment cni_key_of(const struct cni_key *key,
				 const struct cni_attachment *who)
{
	return (struct cni_attachment){ who->network, key->holder,
					who->ifname };
}

struct mac cni_key_mac(const struct cni_key *key,
		       const struct cni_attachment *who)
{
	const struct cni_attachment of = cni_key_of(key, who);
	struct mac guest, unused;

	cni_attachment_macs_on("", &of, &guest, &unused);
	return guest;
}
