/* SPDX-License-Identifier: Apache-2.0 */
/* fake.h - foreign plugins, played by small shell scripts. */
#ifndef WEFT_TESTS_LIB_FAKE_H
#define WEFT_TESTS_LIB_FAKE_H

#include "cni/plugin.h"
#include "tmp.h"

#define FAKE_CONF "{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"ipam\":{}}"

static const struct cni_plugin fake_none[] = { { 0 } };

/* A request and the directory where the plugin lies; scripts know it as $T. */
struct fake {
	struct tmp dir;
	struct cni_call call;
	struct cni_err err;
};

static inline int fake_setup(void **state)
{
	struct fake *q = calloc(1, sizeof(*q));

	assert_non_null(q);
	tmp_make(&q->dir);
	q->call = (struct cni_call){ .plugins = fake_none,
				     .args = { .command = CNI_ADD,
					       .container_id = "c",
					       .netns = "/none",
					       .ifname = "eth0",
					       .args = "",
					       .path = q->dir.path } };
	assert_ok(cni_netconf_parse(dup_text(FAKE_CONF), strlen(FAKE_CONF),
				    &q->call.conf, &q->err),
		  &q->err);
	(void)setenv("CNI_COMMAND", "ADD", 1);
	(void)setenv("CNI_ARGS", "A=B", 1);
	(void)setenv("WEFT_TEST", "kept", 1);
	(void)setenv("T", q->dir.path, 1);
	*state = q;
	return 0;
}

static inline int fake_teardown(void **state)
{
	struct fake *q = *state;

	cni_netconf_free(&q->call.conf);
	tmp_remove(&q->dir);
	free(q);
	return 0;
}

static inline void fake_plugin(struct fake *q, const char *script)
{
	char text[4096];

	(void)snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
	(void)tmp_write(&q->dir, "p", text, 0700);
}

/* @text was written to @name by the plugin. */
static inline void fake_check_file(const struct fake *q, const char *name,
				   const char *text)
{
	char *got = tmp_read(&q->dir, name);

	assert_non_null(got);
	assert_string_equal(got, text);
	free(got);
}

#define WITH_FAKE(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

#endif
