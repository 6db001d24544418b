/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails once: no crash, no leak, an error that says so. */
#include <sys/socket.h>

#include "../lib/corpus.h"
#include "../lib/oom.h"
#include "../lib/tmp.h"
#include "base/json.h"
#include "bpf/policy_tables.h"
#include "bridge-vm/conf.h"
#include "cni/attachments.h"
#include "cni/delegate.h"
#include "libcni/cache.h"

static int no_text(struct cni_err *err)
{
	return err_set(err, CNI_E_INTERNAL, ENOMEM, "the test's own text");
}

static int parse_json(struct cni_err *err)
{
	cleanup_json cJSON *doc = NULL;

	return json_parse(CORPUS_CONF, strlen(CORPUS_CONF), &doc, err);
}

static int parse_netconf(const char *text, struct cni_netconf *ret,
			 struct cni_err *err)
{
	char *copy = strdup(text);

	return copy ? cni_netconf_parse(copy, strlen(copy), ret, err)
		    : no_text(err);
}

static int configure(struct cni_err *err)
{
	cleanup_netconf struct cni_netconf c = { 0 };
	struct bridge_vm_conf conf;
	struct cni_call call;
	int r = parse_netconf(CORPUS_CONF, &c, err);

	call = (struct cni_call){ .args.args = "MAC=02:00:00:00:00:03",
				  .conf = c };
	return r < 0 ? r : bridge_vm_conf_parse(&call, &conf, err);
}

static int read_prev_result(struct cni_err *err)
{
	cleanup_netconf struct cni_netconf c = { 0 };
	cleanup_result struct cni_result prev = { 0 };
	int r = parse_netconf(CORPUS_CONF, &c, err);

	return r < 0 ? r
		     : cni_result_prev(c.prev_result, c.version, &prev, err);
}

static int replace_attachments(struct cni_err *err)
{
	cleanup_netconf struct cni_netconf c = { 0 }, other = { 0 };
	struct cni_attachments a = { 0 };
	int r = parse_netconf(CORPUS_CONF, &c, err);

	if (!r)
		r = cni_attachments_parse(c.attachments, &a, err);
	if (!r && cni_attachments_add(&a, "d", "eth0") < 0)
		r = err_set(err, CNI_E_INTERNAL, ENOMEM, "add");
	/* A list that could not grow is still one. */
	(void)cni_attachments_has(&a, "d", "eth1");
	if (!r)
		r = cni_attachments_replace(&c, &a, &other, err);
	cni_attachments_free(&a);
	return r;
}

static int convert(const char *text, enum cni_version to, struct cni_err *err)
{
	cleanup_result struct cni_result res = { 0 };
	char *out = NULL;
	int r = json_parse(text, strlen(text), &res.doc, err);

	if (!r)
		r = cni_result_parse(res.doc, CNI_V1_1_0, &res, err);
	if (!r)
		r = cni_result_print(&res, to, &out, err);
	/* All of it or nothing: a cut document is worse than none. */
	if (!r && out[strlen(out) - 1] != '}')
		fail_msg("cut: %s", out);
	free(out);
	return r;
}

static int to_1_1(struct cni_err *err)
{
	return convert(CORPUS_RESULT, CNI_V1_1_0, err);
}

static int to_0_4(struct cni_err *err)
{
	return convert(CORPUS_OLD_RESULT, CNI_V0_4_0, err);
}

static int to_0_2(struct cni_err *err)
{
	return convert(CORPUS_RESULT, CNI_V0_2_0, err);
}

static int parse_list(const char *text, bool is_single, struct cni_err *err)
{
	struct conflist list = { 0 };
	char *copy = strdup(text);
	int r = copy ? conflist_parse(copy, strlen(copy), is_single, &list, err)
		     : no_text(err);

	conflist_free(&list);
	return r;
}

static int parse_conflist(struct cni_err *err)
{
	return parse_list(CORPUS_LIST, false, err);
}

static int parse_single(struct cni_err *err)
{
	return parse_list(CORPUS_CONF, true, err);
}

static struct tmp dir;

static int save(struct cni_err *err)
{
	const struct conflist list = { .text = (char *)CORPUS_LIST,
				       .len = strlen(CORPUS_LIST) };
	const struct cache_entry e = { .network = "n",
				       .container_id = "c",
				       .ifname = "i",
				       .netns = "/ns",
				       .args = "A=B;C=D" };
	char sub[128];

	(void)snprintf(sub, sizeof(sub), "%s/a/b", dir.path);
	return cache_save(sub, &list, &e, err);
}

static int load(struct cni_err *err)
{
	cleanup_cache_entry struct cache_entry e = { 0 };
	char sub[128];

	(void)err;
	(void)snprintf(sub, sizeof(sub), "%s/a/b", dir.path);
	if (cache_load(sub, "n", "c", "i", &e))
		assert_string_equal(e.args, "A=B;C=D");
	return 0;
}

static int delegate(struct cni_err *err)
{
	static const struct cni_plugin none[] = { { 0 } };
	const struct cni_call call = {
		.plugins = none,
		.args = { .path = dir.path, .netns = "" },
		.conf = { .text = (char *)"{}", .len = 2 }
	};

	return cni_delegate(&call, CNI_DEL, "p", err);
}

static int compile_policy(struct cni_err *err)
{
	static const char text[] =
		"[{\"ingress\":[{\"from\":[{\"namespaceSelector\":{}},"
		"{\"ipBlock\":{\"cidr\":\"10.0.0.0/8\",\"except\":"
		"[\"10.1.0.0/16\"]}}],\"ports\":[{\"port\":7,\"endPort\":99}]},"
		"{\"ports\":[{\"port\":1}]}],\"egress\":[{}]}]";
	const struct ip_addr addr = { .family = AF_INET };
	const struct policy_endpoint self = { .addrs = &addr, .n_addrs = 1 };
	const struct policy_world world = { &self, &self, 1 };
	cleanup_tables struct policy_tables t = { 0 };
	cleanup_policy struct policy p = { 0 };
	cleanup_json cJSON *doc = NULL;
	int r = json_parse(text, sizeof(text) - 1, &doc, err);

	if (!r)
		r = policy_parse(doc, &world, &p, err);
	return r ? r : policy_compile(&p, POLICY_ENTRIES_MAX, &t, err);
}

TEST(a_policy_survives)
{
	oom_sweep(compile_policy);
}

TEST(json_survives)
{
	oom_sweep(parse_json);
}

TEST(a_configuration_survives)
{
	oom_sweep(configure);
	oom_sweep(read_prev_result);
	oom_sweep(replace_attachments);
}

TEST(a_result_survives)
{
	oom_sweep(to_1_1);
	oom_sweep(to_0_4);
	oom_sweep(to_0_2);
}

TEST(a_list_survives)
{
	oom_sweep(parse_conflist);
	oom_sweep(parse_single);
}

TEST(the_cache_survives)
{
	tmp_make(&dir);
	oom_sweep(save);
	oom_sweep(load);
	tmp_remove(&dir);
}

TEST(running_a_plugin_survives)
{
	tmp_make(&dir);
	(void)tmp_write(&dir, "p", "#!/bin/sh\necho x\n", 0700);
	oom_sweep(delegate);
	tmp_remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_survives),
		cmocka_unit_test(a_policy_survives),
		cmocka_unit_test(a_configuration_survives),
		cmocka_unit_test(a_result_survives),
		cmocka_unit_test(a_list_survives),
		cmocka_unit_test(the_cache_survives),
		cmocka_unit_test(running_a_plugin_survives),
	};

	return RUN(tests);
}
