/* SPDX-License-Identifier: Apache-2.0 */
/* run_words.h - placeholders in a VMM's command line. Pure: no kernel. */
#ifndef WEFT_WEFT_RUN_WORDS_H
#define WEFT_WEFT_RUN_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum run_key {
	RUN_FDS,      /* "3:4", as QEMU has it */
	RUN_FDLIST,   /* "3,4", as Cloud Hypervisor has it */
	RUN_VHOSTFDS, /* as RUN_FDS; "" where there is no vhost-net */
	RUN_TAP,      /* the device's name */
	RUN_MAC,      /* the guest's */
	RUN_IP,	      /* "10.1.0.2/24,fd00:1::2/64" */
	RUN_GATEWAY,  /* "10.1.0.1,fd00:1::1" */
	RUN_MTU,
	RUN_QUEUES, /* how many descriptors */
	RUN_NETNS,  /* the VM's namespace */
	RUN_KEYS
};

/**
 * struct run_values - What they stand for, of one network
 * @v:		By key; NULL is ""
 */
struct run_values {
	char *v[RUN_KEYS];
};

/**
 * run_word_expand() - Put values in the place of placeholders
 * @word:	Of a command line. %FDS% is the first network's, and so is
 *		%FDS0%; %FDS1% is the second's. Any other '%' is itself
 * @values:	One each network
 * @n:		How many networks
 * @ret:	free()
 * @err:	CNI_E_ENV: a network that is not there
 *
 * Where %VHOSTFDS% stands for nothing, the option that it is the value of
 * ("vhostfds=%VHOSTFDS%", between commas) goes with it.
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int run_word_expand(const char *word, const struct run_values *values, size_t n,
		    char **ret, struct cni_err *err);

/** run_word_uses() - Does it hold that placeholder of the nth network? */
bool run_word_uses(const char *word, enum run_key key, size_t nth);

/**
 * run_word_quote() - As a POSIX shell must be given it
 *
 * Return: the text, free with free(); NULL: out of memory
 */
char *run_word_quote(const char *word);

#endif
