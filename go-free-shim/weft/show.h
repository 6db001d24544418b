/* SPDX-License-Identifier: Apache-2.0 */
/* show.h - lists are JSON first; a table is one way to print them. */
#ifndef WEFT_WEFT_SHOW_H
#define WEFT_WEFT_SHOW_H

#include <stdint.h>

#include "base/ip.h"
#include "base/json.h"

struct table;

/* Keys of an object; a value that is not known is null. 0 or -ENOMEM. */
int show_str(cJSON *obj, const char *key, const char *s);
int show_num(cJSON *obj, const char *key, int64_t n);
int show_bool(cJSON *obj, const char *key, bool b);

/** show_net() - Append "10.1.0.2/24" to an array, the length only if >= 0 */
int show_net(cJSON *array, const struct ip_addr *a, int plen);

/** show_cell() - A string of the object, as a cell */
void show_cell(struct table *t, const cJSON *obj, const char *key);

/** show_num_cell() - A number likewise */
void show_num_cell(struct table *t, const cJSON *obj, const char *key);

/** show_list_cell() - An array's strings joined by commas, cut at a '/' */
void show_list_cell(struct table *t, const cJSON *obj, const char *key);

/** show_words_cell() - The same, whole */
void show_words_cell(struct table *t, const cJSON *obj, const char *key);

/** show_age_cell() - How long ago a time of the object was: "3h" */
void show_age_cell(struct table *t, const cJSON *obj, const char *key);

/** show_json() - Print a list as JSON; return 0 or a negative errno */
int show_json(const cJSON *list, struct cni_err *err);

/** show_table() - Print a table; return 0 or a negative errno */
int show_table(const struct table *t, struct cni_err *err);

#endif
