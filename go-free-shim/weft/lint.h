/* SPDX-License-Identifier: Apache-2.0 */
/* lint.h - what weft lint's files share. */
#ifndef WEFT_WEFT_LINT_H
#define WEFT_WEFT_LINT_H

#include "base/json_where.h"
#include "weft/kinds.h"

/**
 * struct lint_net - A plugin that hands out addresses, or makes a network
 * @file:	Where it stands
 * @where:	There
 * @network:	Its name
 * @facts:	What it means for others
 */
struct lint_net {
	const char *file;
	struct json_where where;
	char network[128];
	struct facts facts;
};

/**
 * struct lint - All files of one command
 * @found:	Array of findings: file, line, column, severity, message
 * @errors:	How many of them are errors
 * @nets:	Of the files so far; owned
 * @n_nets:	How many
 * @failed:	Out of memory; sticky
 */
struct lint {
	cJSON *found;
	size_t errors;
	struct lint_net *nets;
	size_t n_nets;
	bool failed;
};

/**
 * struct lint_file - One of them
 * @all:	What it belongs to
 * @name:	As it was given
 * @text:	Its bytes
 * @len:	Their number
 * @doc:	The same as a tree
 */
struct lint_file {
	struct lint *all;
	const char *name;
	char *text;
	size_t len;
	cJSON *doc;
};

/** lint_say() - Add a finding at a node; @key: at its key */
void lint_say(struct lint_file *f, bool is_error, const cJSON *node, bool key,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/** lint_say_at() - The same at a place */
void lint_say_at(struct lint *all, const char *file, bool is_error,
		 struct json_where w, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/** lint_file() - Check one file; what is wrong is added to @all */
void lint_file(struct lint *all, const char *name);

/** lint_plugin() - Let a plugin's own parsers judge its configuration */
void lint_plugin(struct lint_file *f, const cJSON *plugin, const char *network,
		 const char *version);

/** lint_list() - The same for what libcni reads of a list */
void lint_list(struct lint_file *f);

/** lint_near() - The word of those that is at most two slips away, or NULL */
const char *lint_near(const char *word, const char *const *words, size_t n);

#define LINT_TABLES 64

/**
 * struct lint_watch - Which tables decode which objects of a tree
 * @root:	The tree: the first object that is decoded
 * @refused:	Where the parser stopped, within @root; NULL: it did not
 * @seen:	What was decoded, and by what
 * @n:		How many
 */
struct lint_watch {
	const cJSON *root;
	const cJSON *refused;

	struct {
		const cJSON *obj;
		const struct json_field *fields;
	} seen[LINT_TABLES];

	size_t n;
};

/** lint_watch() - Begin; the parsers of this process then fill @w */
void lint_watch(struct lint_watch *w);

/** lint_watch_end() - Nobody watches any more */
void lint_watch_end(void);

/**
 * lint_keys() - Name the keys that no table knows
 * @f:		The file
 * @at:		What stands there for @w's root
 * @w:		The tables
 * @is_known:	Whose further keys are others' affair
 */
void lint_keys(struct lint_file *f, const cJSON *at, const struct lint_watch *w,
	       bool (*is_known)(const char *object, const char *key));

#endif
