/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged and hostile documents through every decoder: an error with a message
 * or success, never a crash; what then is printed can be read again. */
#include "../lib/check.h"
#include "../lib/corpus.h"
#include "bridge-vm/conf.h"
#include "cni/attachments.h"
#include "libcni/conflist.h"
#include "macvlan-vm/conf.h"

static const char *const corpus[] = { CORPUS_CONF, CORPUS_RESULT,
				      CORPUS_OLD_RESULT, CORPUS_LIST };

#define N_CORPUS (sizeof(corpus) / sizeof(corpus[0]))

static void check_answer(int r, const struct cni_err *err)
{
	if (r < 0) {
		assert_true(err->code > 0);
		assert_true(*err->msg != '\0');
		assert_true(memchr(err->msg, '\0', sizeof(err->msg)) != NULL);
	}
}

/* A copy whose end is where the sanitizer watches. */
static char *exact(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

static void print_all(const struct cni_result *res)
{
	for (int v = 0; v < CNI_V_MAX; v++) {
		struct cni_err err = CNI_ERR_INIT;
		cleanup_json cJSON *doc = NULL;
		char *text = NULL;
		int r = cni_result_print(res, (enum cni_version)v, &text, &err);

		check_answer(r, &err);
		if (r < 0)
			continue;
		assert_true(is_utf8(text));
		/* Layout may make a large one larger than we would read. */
		if (strlen(text) <= JSON_MAX_SIZE)
			assert_ok(json_parse(text, strlen(text), &doc, &err),
				  &err);
		free(text);
	}
}

static void through_result(const char *text, size_t len)
{
	for (int v = CNI_V0_2_0; v <= CNI_V1_1_0; v += 5) {
		cleanup_result struct cni_result res = { 0 };
		struct cni_err err = CNI_ERR_INIT;
		int r = json_parse(text, len, &res.doc, &err);

		check_answer(r, &err);
		if (r < 0)
			return;
		r = cni_result_parse(res.doc, (enum cni_version)v, &res, &err);
		check_answer(r, &err);
		if (!r)
			print_all(&res);
	}
}

static void through_netconf(const char *text, size_t len)
{
	cleanup_netconf struct cni_netconf c = { 0 };
	cleanup_result struct cni_result prev = { 0 };
	struct cni_attachments a = { 0 };
	struct cni_err err = CNI_ERR_INIT;
	struct macvlan_vm_conf macvlan;
	struct bridge_vm_conf conf;
	struct cni_call call;
	int r = cni_netconf_parse(exact(text, len), len, &c, &err);

	check_answer(r, &err);
	if (r < 0)
		return;
	call = (struct cni_call){ .args.args = "", .conf = c };
	check_answer(bridge_vm_conf_parse(&call, &conf, &err), &err);
	check_answer(macvlan_vm_conf_parse(&call, &macvlan, &err), &err);
	r = cni_result_prev(c.prev_result, c.version, &prev, &err);
	check_answer(r, &err);
	if (r > 0)
		print_all(&prev);
	r = cni_attachments_parse(c.attachments, &a, &err);
	check_answer(r, &err);
	if (!r)
		(void)cni_attachments_has(&a, "c", "eth0");
	cni_attachments_free(&a);
}

static void through_list(const char *text, size_t len)
{
	for (int single = 0; single < 2; single++) {
		cleanup_conflist struct conflist list = { 0 };
		struct cni_err err = CNI_ERR_INIT;

		check_answer(conflist_parse(exact(text, len), len, single,
					    &list, &err),
			     &err);
	}
}

static void through_all(const char *text, size_t len)
{
	char *copy = exact(text, len);

	through_result(copy, len);
	through_netconf(copy, len);
	through_list(copy, len);
	free(copy);
}

TEST(the_corpus_itself_is_sound)
{
	cleanup_netconf struct cni_netconf c = { 0 };
	struct cni_err err = CNI_ERR_INIT;
	struct bridge_vm_conf conf;
	struct cni_call call;

	for (size_t i = 0; i < N_CORPUS; i++)
		through_all(corpus[i], strlen(corpus[i]));
	assert_ok(cni_netconf_parse(exact(CORPUS_CONF, strlen(CORPUS_CONF)),
				    strlen(CORPUS_CONF), &c, &err),
		  &err);
	call = (struct cni_call){ .args.args = "", .conf = c };
	assert_ok(bridge_vm_conf_parse(&call, &conf, &err), &err);
}

TEST(a_document_cut_anywhere_is_an_error)
{
	for (size_t i = 0; i < N_CORPUS; i++) {
		for (size_t len = 0; len < strlen(corpus[i]); len++) {
			struct cni_err err = CNI_ERR_INIT;
			char *copy = exact(corpus[i], len);
			cJSON *doc = NULL;

			assert_true(json_parse(copy, len, &doc, &err) < 0);
			assert_int_equal(err.code, CNI_E_DECODE);
			assert_non_null(strstr(err.msg, "JSON syntax error"));
			free(copy);
			through_all(corpus[i], len);
		}
	}
}

TEST(a_value_of_any_type_in_any_place_does_no_harm)
{
	static const char *const values[] = {
		"null",	 "true",	 "0",	   "-1",
		"1e400", "\"\"",	 "[]",	   "{}",
		"[[]]",	 "[{}]",	 "[null]", "{\"type\":{}}",
		"1e15",	 "\"\xff\xfe\"",
	};

	/* In place of what stands between a colon and the next comma. */
	for (size_t i = 0; i < N_CORPUS; i++) {
		const char *s = corpus[i];

		for (const char *p = s; (p = strchr(p, ':')); p++) {
			const size_t head = (size_t)(p + 1 - s);
			const size_t tail = head + strcspn(p + 1, ",]}");

			for (size_t v = 0; v < sizeof(values) / sizeof(*values);
			     v++) {
				char text[4096];

				(void)snprintf(text, sizeof(text), "%.*s%s%s",
					       (int)head, s, values[v],
					       s + tail);
				through_all(text, strlen(text));
			}
		}
	}
}

/* xorshift64: the same damage on every run. */
static uint64_t random_next(void)
{
	static uint64_t x = 0x77656674;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static size_t damage(char *text, size_t len)
{
	static const char syntax[] = "{}[]\",:\\0123456789eE+-.tfnu \n";
	const size_t at = random_next() % len;
	size_t from, n;

	switch (random_next() % 5) {
	case 0:
		text[at] = (char)(text[at] ^ 1 << random_next() % 8);
		return len;
	case 1:
		text[at] = (char)random_next();
		return len;
	case 2:
		text[at] = syntax[random_next() % (sizeof(syntax) - 1)];
		return len;
	case 3:
		memmove(text + at, text + at + 1, len - at - 1);
		return len - 1;
	default:
		from = random_next() % len;
		n = random_next() % 16;
		if (from + n <= len && at + n <= len)
			memmove(text + at, text + from, n);
		return len;
	}
}

TEST(twenty_thousand_damaged_documents_do_no_harm)
{
	for (int i = 0; i < 20000; i++) {
		const char *s = corpus[random_next() % N_CORPUS];
		size_t len = strlen(s);
		char *text = exact(s, len);

		for (uint64_t n = 1 + random_next() % 4; n; n--)
			len = damage(text, len);
		through_all(text, len);
		free(text);
	}
}

TEST(large_documents_are_decoded_in_bounded_time)
{
	static const struct {
		const char *head, *item, *tail;
	} rows[] = {
		{ "{\"name\":\"n\",\"prevResult\":{\"ips\":[",
		  "{\"address\":\"1.2.3.4/8\"}", "]}}" },
		{ "{\"name\":\"n\",\"interfaces\":[", "{}", "]}" },
		{ "{\"name\":\"n\",\"cni.dev/valid-attachments\":[",
		  "{\"containerID\":\"c\",\"ifname\":\"e\"}", "]}" },
		{ "{\"name\":\"n\",\"plugins\":[", "{\"type\":\"a\"}", "]}" },
		{ "{", "\"name\":\"n\"", "}" },
		{ "[", "0", "]" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = malloc(JSON_MAX_SIZE + 1), *p = text;

		assert_non_null(text);
		p += sprintf(p, "%s%s", rows[i].head, rows[i].item);
		while (p - text < (long)JSON_MAX_SIZE - 100)
			p += sprintf(p, ",%s", rows[i].item);
		p += sprintf(p, "%s", rows[i].tail);
		through_all(text, (size_t)(p - text));
		free(text);
	}
}

TEST(deep_documents_are_refused_by_every_decoder)
{
	static const size_t deep[] = { 65, 1000, 100000 };

	for (size_t i = 0; i < 3; i++) {
		char *s = repeat('[', 2 * deep[i]);

		memset(s + deep[i], ']', deep[i]);
		through_all(s, strlen(s));
		through_all(s, deep[i]);
		for (size_t k = 0; k + 5 <= deep[i]; k += 5)
			memcpy(s + k, "{\"a\":", 5);
		through_all(s, deep[i]);
		free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_corpus_itself_is_sound),
		cmocka_unit_test(a_document_cut_anywhere_is_an_error),
		cmocka_unit_test(a_value_of_any_type_in_any_place_does_no_harm),
		cmocka_unit_test(twenty_thousand_damaged_documents_do_no_harm),
		cmocka_unit_test(large_documents_are_decoded_in_bounded_time),
		cmocka_unit_test(deep_documents_are_refused_by_every_decoder),
	};

	return RUN(tests);
}
