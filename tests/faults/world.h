/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - a host with one network, and the engine that calls plugins. */
#ifndef WEFT_FAULTS_WORLD_H
#define WEFT_FAULTS_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "trace.h"

/* The guest of every fault, and one that none of them may touch. */
#define GUEST "c1"
#define BYSTANDER "c0"

struct setup {
	const char *name;
	const char *type;  /* the plugin that is called */
	const char *keys;  /* of its configuration, beside name and version */
	bool is_foreign;   /* its IPAM plugin is the reference's */
	bool has_parent;   /* the host has p0, for macvlans */
	const char *maker; /* the reference plugin that ADDs, or NULL */
	bool is_on_host;   /* CNI_NETNS is the plugin's own */
	bool is_first;	   /* a fresh host has not loaded the guard */
};

/* How to call a plugin. */
struct request {
	const struct setup *setup;
	const char *verb, *id;
	const char *more; /* further keys, each begins with a comma */
	const char *prev; /* prevResult or NULL */
	int alloc;	  /* descriptor for fail_alloc.so, or -1 */
};

struct answer {
	int status; /* as waitpid(2) has it */
	char out[16384], log[2048];
};

/**
 * world_open() - Begin
 * @bin:	Where our plugins are
 * @reference:	Where the reference plugins are, "" if they cannot be had
 * @preload:	fail_alloc.so
 *
 * Exits on failure, as everything here does.
 */
void world_open(const char *bin, const char *reference, const char *preload);

/**
 * world_build() - A host without a trace of earlier calls
 * @s:		What there shall be
 * @is_fresh:	No network yet; else there is one, with the bystander on it
 */
void world_build(const struct setup *s, bool is_fresh);

/** world_has_pod() - Does something come before the plugin, and make eth0? */
bool world_has_pod(const struct setup *s);

/**
 * world_is_run() - Is it `weft run` that is called, in the place of ADD?
 *
 * DEL then is `weft gc --orphans`, or the same run again, by the setup's name.
 */
bool world_is_run(const struct setup *s);

/** world_give_addresses() - To that eth0, where there is one */
void world_give_addresses(const struct setup *s);

/**
 * world_forget() - Take away what belongs to the network
 * @is_first:	And what is loaded once since the host came up
 *
 * Its guests must be gone.
 */
void world_forget(bool is_first);

/**
 * world_prepare() - What it takes to call a plugin
 * @r:	How
 *
 * Return: what to start; valid until the next call
 */
const struct program *world_prepare(const struct request *r);

/**
 * world_answer() - What the last program has said
 * @status:	How it ended
 * @ret:	The answer
 */
void world_answer(int status, struct answer *ret);

/**
 * world_call() - Call a plugin, undisturbed
 * @r:		How
 * @ret:	The answer
 */
void world_call(const struct request *r, struct answer *ret);

/**
 * world_reap() - Bury processes that others have left
 * @all:	Wait for them, 5 s
 *
 * Return: are there none left?
 */
bool world_reap(bool all);

/**
 * answer_is_run_error() - Did `weft run` fail in so many words?
 * @may_be_killed: Also without, as its VMM was killed
 */
bool answer_is_run_error(const struct answer *a, bool may_be_killed);

/* Exactly one CNI error, and exit status 1? */
bool answer_is_error(const struct answer *a);
/* Exit status 0, and for ADD a result, for the others nothing? */
bool answer_is_success(const struct answer *a, const char *verb);

#endif
