/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/weft.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "libcni/cache.h"

static const struct verb {
	const char *name;
	const char *usage;
	const char *about;
	size_t n_min, n_max;
	int (*run)(const struct weft_args *a, struct cni_err *err);
} verbs[] = {
	{ "add", "NETWORK NETNS", "attach a namespace, print the result", 2, 2,
	  weft_add },
	{ "check", "NETWORK NETNS", "is everything as add left it?", 2, 2,
	  weft_check },
	{ "del", "NETWORK [NETNS]", "detach", 1, 2, weft_del },
	{ "gc", "NETWORK", "remove what belongs to no guest", 1, 1, weft_gc },
	{ "status", "NETWORK", "can the network take another guest?", 1, 1,
	  weft_status },
	{ "network", "rm NETWORK", "remove what outlives the last guest", 2, 2,
	  weft_network },
};

static const size_t n_verbs = sizeof(verbs) / sizeof(verbs[0]);

static int usage(FILE *to)
{
	(void)fputs("usage: weft VERB ARGUMENTS [OPTIONS]\n\n", to);
	for (size_t i = 0; i < n_verbs; i++)
		(void)fprintf(to, "  %-8s %-16s %s\n", verbs[i].name,
			      verbs[i].usage, verbs[i].about);
	(void)fputs(
		"\nOptions:\n"
		"  --id ID          container ID (default: derived from NETNS)\n"
		"  --ifname NAME    interface in the guest (default: $CNI_IFNAME, eth0)\n"
		"  --cache-dir DIR  where results are kept (default: " CACHE_DIR
		")\n"
		"\nEnvironment: NETCONFPATH (/etc/cni/net.d), CNI_PATH, CNI_ARGS, CAP_ARGS (JSON)\n",
		to);
	return to == stderr ? 2 : 0;
}

static int parse(int argc, char **argv, struct weft_args *ret)
{
	static const struct option options[] = {
		{ "id", required_argument, NULL, 'd' },
		{ "ifname", required_argument, NULL, 'i' },
		{ "cache-dir", required_argument, NULL, 'c' },
		{ 0 },
	};
	const size_t max = sizeof(ret->positional) / sizeof(char *);
	const char *env = getenv("CNI_IFNAME");
	int c;

	*ret = (struct weft_args){ .ifname = env && *env ? env : "eth0",
				   .cache_dir = CACHE_DIR };
	while ((c = getopt_long(argc, argv, "i:", options, NULL)) != -1) {
		if (c == 'd')
			ret->id = optarg;
		else if (c == 'i')
			ret->ifname = optarg;
		else if (c == 'c')
			ret->cache_dir = optarg;
		else
			return -EINVAL;
	}
	for (; optind < argc && ret->n < max; optind++)
		ret->positional[ret->n++] = argv[optind];
	return optind < argc ? -EINVAL : 0;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < n_verbs; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

int weft_main(int argc, char **argv)
{
	const struct verb *verb = argc > 1 ? find_verb(argv[1]) : NULL;
	struct cni_err err = CNI_ERR_INIT;
	struct weft_args args;

	if (argc > 1 &&
	    (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help")))
		return usage(stdout);
	if (!verb || parse(argc - 1, argv + 1, &args) < 0 ||
	    args.n < verb->n_min || args.n > verb->n_max)
		return usage(stderr);

	/* Inherited as ignored, it would hide how a plugin ended. */
	(void)signal(SIGCHLD, SIG_DFL);
	if (verb->run(&args, &err) >= 0)
		return 0;
	(void)fprintf(stderr, "weft: %s (code %d)%s%s\n", err.msg, err.code,
		      *err.details ? "\n  " : "", err.details);
	return 1;
}
