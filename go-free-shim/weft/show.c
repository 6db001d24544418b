/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "weft/table.h"

int show_str(cJSON *obj, const char *key, const char *s)
{
	return json_add(obj, key,
			s && *s ? cJSON_CreateString(s) : cJSON_CreateNull());
}

int show_num(cJSON *obj, const char *key, int64_t n)
{
	return json_add(obj, key, cJSON_CreateNumber((double)n));
}

int show_bool(cJSON *obj, const char *key, bool b)
{
	return json_add(obj, key, cJSON_CreateBool(b));
}

int show_net(cJSON *array, const struct ip_addr *a, int plen)
{
	char text[IP_NET_STR_SIZE];
	const struct ip_net net = { *a, (uint8_t)plen };

	if (plen < 0)
		(void)ip_format(a, text);
	else
		(void)ip_net_format(&net, text);
	return json_add(array, NULL, cJSON_CreateString(text));
}

void show_cell(struct table *t, const cJSON *obj, const char *key)
{
	table_cell(t, cJSON_GetStringValue(json_get(obj, key)));
}

void show_num_cell(struct table *t, const cJSON *obj, const char *key)
{
	const cJSON *v = json_get(obj, key);
	char text[24] = "";

	if (cJSON_IsNumber(v))
		(void)snprintf(text, sizeof(text), "%" PRId64,
			       (int64_t)v->valuedouble);
	table_cell(t, text);
}

static void join_cell(struct table *t, const cJSON *list, const char *end)
{
	char text[512] = "";
	const cJSON *v;
	size_t n = 0;

	cJSON_ArrayForEach(v, list)
	{
		const char *s = cJSON_IsString(v) ? v->valuestring : "";
		const int len = (int)strcspn(s, end);

		/* One that does not fit is left to --json. */
		if (n + (size_t)len + 2 <= sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "%s%.*s", n ? "," : "", len, s);
	}
	table_cell(t, text);
}

void show_list_cell(struct table *t, const cJSON *obj, const char *key)
{
	join_cell(t, json_get(obj, key), "/");
}

void show_words_cell(struct table *t, const cJSON *obj, const char *key)
{
	join_cell(t, json_get(obj, key), "");
}

void show_age_cell(struct table *t, const cJSON *obj, const char *key)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };

	const cJSON *since = json_get(obj, key);
	int64_t age;
	char text[24] = "";
	size_t i = 0;

	if (cJSON_IsNumber(since)) {
		age = time(NULL) - (int64_t)since->valuedouble;
		age = age < 0 ? 0 : age;
		while (i < 3 && age < units[i].seconds)
			i++;
		(void)snprintf(text, sizeof(text), "%lld%c",
			       (long long)(age / units[i].seconds),
			       units[i].unit);
	}
	table_cell(t, text);
}

int show_json(const cJSON *list, struct cni_err *err)
{
	cleanup_free char *text = json_print(list);

	if (!text || puts(text) < 0 || fflush(stdout))
		return err_set(err, CNI_E_IO, EIO, "print list");
	return 0;
}

int show_table(const struct table *t, struct cni_err *err)
{
	const int r = table_print(t, stdout);

	return r < 0 ? err_set(err, CNI_E_IO, -r, "print table") : 0;
}
