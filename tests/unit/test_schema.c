/* SPDX-License-Identifier: Apache-2.0 */
/* The schema, docs/configuration.md and the plugins' parsers know the same keys.
 * Run in the source's directory. */
#include <ctype.h>
#include <strings.h>

#include "../lib/check.h"
#include "libcni/conflist.h"
#include "weft/lint.h"

static cJSON *schema;
static char *manual;

static char *slurp(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	(void)fclose(f);
	return text;
}

static int load(void **state)
{
	struct cni_err err = CNI_ERR_INIT;
	char *text = slurp("docs/weft.schema.json");

	(void)state;
	assert_ok(json_parse(text, strlen(text), &schema, &err), &err);
	free(text);
	manual = slurp("docs/configuration.md");
	return 0;
}

static int unload(void **state)
{
	(void)state;
	cJSON_Delete(schema);
	free(manual);
	return 0;
}

static const cJSON *def(const char *name)
{
	const cJSON *v = json_get(json_get(schema, "$defs"), name);

	if (!v)
		print_error("the schema has no $defs/%s\n", name);
	assert_non_null(v);
	return v;
}

static const cJSON *ref_of(const cJSON *node)
{
	const char *ref = cJSON_GetStringValue(json_get(node, "$ref"));

	return ref ? def(ref + strlen("#/$defs/")) : NULL;
}

/* --- a value for every key that the schema knows --- */

static cJSON *sample(const cJSON *node);

static void sample_keys(cJSON *to, const cJSON *node)
{
	const cJSON *p;

	if (!node)
		return;
	/* A definition's own say more of a key than what it refers to. */
	cJSON_ArrayForEach(p, json_get(node, "properties"))
	{
		if (!cJSON_GetObjectItemCaseSensitive(to, p->string))
			assert_int_equal(json_add(to, p->string, sample(p)), 0);
	}
	sample_keys(to, ref_of(node));
	cJSON_ArrayForEach(p, json_get(node, "allOf")) sample_keys(to, p);
	sample_keys(to, json_get(node, "then"));
}

static const cJSON *look_up(const cJSON *node, const char *key)
{
	const cJSON *v = json_get(node, key);

	return v || !ref_of(node) ? v : look_up(ref_of(node), key);
}

static bool holds_objects(const cJSON *node)
{
	const cJSON *items = look_up(node, "items");

	return items ? holds_objects(items)
		     : look_up(node, "properties") != NULL;
}

static cJSON *sample(const cJSON *node)
{
	const cJSON *type = look_up(node, "type"), *v;
	cJSON *made;

	if (look_up(node, "items") && holds_objects(node)) {
		made = cJSON_CreateArray();
		assert_int_equal(
			json_add(made, NULL, sample(look_up(node, "items"))),
			0);
		return made;
	}
	if (look_up(node, "properties") || look_up(node, "then")) {
		made = cJSON_CreateObject();
		sample_keys(made, node);
		return made;
	}
	v = look_up(node, "const");
	if (!v && look_up(node, "examples"))
		v = look_up(node, "examples")->child;
	if (!v)
		v = look_up(node, "default");
	if (v)
		return cJSON_Duplicate(v, true);
	if (!type || !strcmp(type->valuestring, "string"))
		return cJSON_CreateString("x");
	if (!strcmp(type->valuestring, "boolean"))
		return cJSON_CreateFalse();
	if (!strcmp(type->valuestring, "array"))
		return cJSON_CreateArray();
	return cJSON_CreateObject();
}

/* --- what the parsers ask for --- */

static bool is_free(const cJSON *at)
{
	static const char *const names[] = { "capabilities", "runtimeConfig",
					     "prevResult",   "cni",
					     "policy",	     "labels" };

	for (size_t i = 0; at->string && i < sizeof(names) / sizeof(*names);
	     i++)
		if (!strcmp(at->string, names[i]))
			return true;
	return false;
}

static bool is_asked_for(const struct lint_watch *w, const cJSON *obj,
			 const char *key)
{
	for (size_t i = 0; i < w->n; i++)
		for (const struct json_field *f = w->seen[i].fields;
		     w->seen[i].obj == obj && f->name; f++)
			if (!strcmp(f->name, key))
				return true;
	return !strcmp(key, "$schema") || !strcmp(key, "capabilities");
}

/* Every object of the sample was decoded, and its keys are those asked for. */
static size_t compare(const struct lint_watch *w, const cJSON *at)
{
	const cJSON *child;
	size_t bad = 0;

	if (is_free(at))
		return 0;
	cJSON_ArrayForEach(child, at)
	{
		if (cJSON_IsObject(at) && !is_asked_for(w, at, child->string)) {
			print_error("the schema has \"%s\", no parser\n",
				    child->string);
			bad++;
		}
		bad += compare(w, child);
	}
	for (size_t i = 0; i < w->n; i++)
		for (const struct json_field *f = w->seen[i].fields;
		     w->seen[i].obj == at && f->name; f++)
			if (!cJSON_GetObjectItemCaseSensitive(at, f->name)) {
				print_error(
					"a parser has \"%s\", not the schema\n",
					f->name);
				bad++;
			}
	return bad;
}

static cJSON *sample_of(const struct kind *k)
{
	cJSON *doc = cJSON_CreateObject();

	if (k->role == KIND_IPAM) {
		cJSON *bare = cJSON_CreateObject();

		sample_keys(bare, def(k->type));
		assert_int_equal(json_add_str(doc, "type", "bridge-vm"), 0);
		assert_int_equal(json_add(doc, "ipam", bare), 0);
		sample_keys(doc, def("shared"));
	} else {
		sample_keys(doc, def(k->type));
	}
	cJSON_ReplaceItemInObject(doc, "type", cJSON_CreateString(k->type));
	return doc;
}

static void check_kind(const struct kind *k)
{
	cleanup_json cJSON *doc = sample_of(k);
	const struct kind *ipam = kind_find("ipam-host-local");
	struct cni_call call = { .args = { .args = "" } };
	struct cni_err err = CNI_ERR_INIT;
	struct facts facts = { 0 };
	struct lint_watch w;
	char *text = cJSON_PrintUnformatted(doc);
	const cJSON *ports;

	lint_watch(&w);
	assert_ok(cni_netconf_parse(text, strlen(text), &call.conf, &err),
		  &err);
	assert_ok(k->read(&call, &facts, &err), &err);
	if (k != ipam)
		assert_ok(ipam->read(&call, &facts, &err), &err);
	lint_watch_end();
	assert_true(w.n < LINT_TABLES);
	assert_int_equal(compare(&w, call.conf.doc), 0);
	/* Of runtimeConfig, which is free, this is described. */
	ports = json_get(call.conf.runtime_config, "portMappings");
	if (k->capability)
		assert_int_equal(cJSON_GetArraySize(ports), 1);
	if (ports)
		assert_int_equal(compare(&w, ports), 0);
	cni_netconf_free(&call.conf);
}

TEST(schema_and_parsers_know_the_same_keys)
{
	const struct kind *k;
	size_t n = 0;

	for (size_t i = 0; (k = kind_at(i)); i++)
		if (k->read) {
			check_kind(k);
			n++;
		}
	assert_true(n >= 4);
}

TEST(so_it_is_for_the_list)
{
	cleanup_conflist struct conflist c = { 0 };
	cleanup_json cJSON *doc = cJSON_CreateObject();
	struct cni_err err = CNI_ERR_INIT;
	struct lint_watch w;
	char *text;
	cJSON *plugins;

	sample_keys(doc, def("list"));
	plugins = cJSON_DetachItemFromObject(doc, "plugins");
	cJSON_Delete(plugins);
	assert_int_equal(json_add(doc, "plugins", cJSON_CreateNull()), 0);
	text = cJSON_PrintUnformatted(doc);
	lint_watch(&w);
	assert_ok(conflist_parse(text, strlen(text), false, &c, &err), &err);
	lint_watch_end();
	assert_int_equal(compare(&w, c.doc), 0);
}

static size_t count_undescribed(const cJSON *at, bool in_properties)
{
	const cJSON *child;
	size_t bad = 0;

	cJSON_ArrayForEach(child, at)
	{
		if (in_properties && cJSON_IsObject(child) &&
		    !look_up(child, "description") &&
		    !json_get(child, "const")) {
			print_error("\"%s\": no description\n", child->string);
			bad++;
		}
		bad += count_undescribed(
			child, child->string &&
				       !strcmp(child->string, "properties") &&
				       !in_properties);
	}
	return bad;
}

TEST(every_key_is_described)
{
	assert_int_equal(count_undescribed(schema, false), 0);
}

/* --- the manual --- */

static char *section(const char *title)
{
	char head[64], *at, *end, *copy;

	(void)snprintf(head, sizeof(head), "\n## %s\n", title);
	at = strstr(manual, head);
	if (!at)
		print_error("docs/configuration.md has no section %s\n", title);
	assert_non_null(at);
	at += strlen(head);
	end = strstr(at, "\n## ");
	copy = strndup(at, end ? (size_t)(end - at) + 1 : strlen(at));
	assert_non_null(copy);
	return copy;
}

static bool has_key(const cJSON *at, const char *key)
{
	const cJSON *child;

	if (!at)
		return false;
	if (cJSON_IsObject(at) && cJSON_GetObjectItemCaseSensitive(at, key))
		return true;
	cJSON_ArrayForEach(child, at) if (has_key(child, key)) return true;
	return false;
}

/* "| `subnet`, `gateway` | ..." in tables whose head is "key". */
static size_t check_tables(const char *text, const cJSON *doc)
{
	bool in_table = false;
	size_t bad = 0;

	for (const char *line = text; line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *end = *line == '|' ? strchr(line + 1, '|') : NULL;
		const char *p = line;

		if (*line != '|')
			in_table = false;
		else if (!strncmp(line, "| key |", 7))
			in_table = true;
		while (in_table && end && (p = strchr(p, '`')) && p < end) {
			char key[64];
			const size_t n = strcspn(++p, "`");

			(void)snprintf(key, sizeof(key), "%.*s", (int)n, p);
			if (!has_key(doc, key)) {
				print_error(
					"the manual has \"%s\", not the schema\n",
					key);
				bad++;
			}
			p += n + 1;
		}
	}
	return bad;
}

static size_t check_mentioned(const char *text, const cJSON *doc,
			      const cJSON *others)
{
	const cJSON *child;
	char quoted[80];
	size_t bad = 0;

	if (is_free(doc))
		return 0;
	cJSON_ArrayForEach(child, doc)
	{
		if (others &&
		    cJSON_GetObjectItemCaseSensitive(others, child->string))
			continue;
		bad += check_mentioned(text, child, NULL);
		if (!cJSON_IsObject(doc))
			continue;
		(void)snprintf(quoted, sizeof(quoted), "`%s`", child->string);
		/* As a key of an object that is shown: { "dst", "gw" }. */
		if (!strstr(text, quoted)) {
			(void)snprintf(quoted, sizeof(quoted), "\"%s\"",
				       child->string);
		}
		if (!strstr(text, quoted)) {
			print_error("the schema has \"%s\", not the manual\n",
				    child->string);
			bad++;
		}
	}
	return bad;
}

static void check_manual(const char *title, const cJSON *doc,
			 const cJSON *others)
{
	char *text = section(title);

	assert_int_equal(check_tables(text, doc), 0);
	assert_int_equal(check_mentioned(text, doc, others), 0);
	free(text);
}

TEST(the_manual_knows_the_same_keys)
{
	cleanup_json cJSON *shared = cJSON_CreateObject();
	const struct kind *k;

	sample_keys(shared, def("shared"));
	cJSON_DeleteItemFromObject(shared, "ipam");
	assert_int_equal(json_add(shared, "ipam", cJSON_CreateNull()), 0);
	check_manual("Every plugin", shared, NULL);
	for (size_t i = 0; (k = kind_at(i)); i++) {
		cleanup_json cJSON *doc = NULL;

		if (!k->read)
			continue;
		doc = cJSON_CreateObject();
		sample_keys(doc, def(k->type));
		cJSON_DeleteItemFromObject(doc, k->role == KIND_IPAM ? "type"
								     : "ipam");
		if (k->role != KIND_IPAM)
			cJSON_DeleteItemFromObject(doc, "dns");
		if (k->role != KIND_IPAM)
			assert_int_equal(
				json_add(doc, "dns", cJSON_CreateNull()) |
					json_add(doc, "ipam",
						 cJSON_CreateNull()),
				0);
		check_manual(k->type, doc,
			     k->role == KIND_IPAM ? NULL : shared);
	}
}

TEST(the_manual_knows_the_keys_of_a_list)
{
	cleanup_json cJSON *doc = cJSON_CreateObject();

	sample_keys(doc, def("list"));
	cJSON_DeleteItemFromObject(doc, "plugins");
	assert_int_equal(json_add(doc, "plugins", cJSON_CreateNull()), 0);
	check_manual("The list", doc, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_and_parsers_know_the_same_keys),
		cmocka_unit_test(so_it_is_for_the_list),
		cmocka_unit_test(every_key_is_described),
		cmocka_unit_test(the_manual_knows_the_same_keys),
		cmocka_unit_test(the_manual_knows_the_keys_of_a_list),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
