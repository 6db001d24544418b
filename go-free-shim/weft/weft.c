/* SPDX-License-Identifier: Apache-2.0 */
#include "weft/weft.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
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
	{ "check", "NETWORK [NETNS]", "is everything as add left it?", 1, 2,
	  weft_check },
	{ "del", "NETWORK [NETNS]", "detach", 1, 2, weft_del },
	{ "gc", "NETWORK", "remove what belongs to no guest", 1, 2, weft_gc },
	{ "gc", "--orphans", "find what nobody holds, on all networks", 0, 1,
	  weft_gc_orphans },
	{ "status", "NETWORK", "can the network take another guest?", 1, 2,
	  weft_status },
	{ "version", "[NETWORK]", "what its plugins speak", 0, 2,
	  weft_version },
	{ "repair", "", "forward ports again after a ruleset was flushed", 0, 0,
	  weft_repair },
	{ "ls", "[NETWORK]", "list attachments", 0, 1, weft_ls },
	{ "network", "ls", "list networks", 1, 2, weft_network },
	{ "network", "rm NETWORK", "remove what outlives the last guest", 1, 2,
	  weft_network },
	{ "lease", "ls NETWORK", "list what VMs keep by allocationKey", 2, 3,
	  weft_lease },
	{ "lease", "release NETWORK KEY", "free what a VM keeps", 2, 3,
	  weft_lease },
	{ "policy", "show NETWORK", "who may talk to whom; --id ID: in detail",
	  2, 2, weft_policy },
	{ "policy", "apply NETWORK FILE", "another policy, from now on", 3, 3,
	  weft_policy },
	{ "policy", "reset NETWORK", "the configuration's again", 2, 2,
	  weft_policy },
	{ "policy", "test NETWORK ID from|to ADDRESS PROTOCOL/PORT",
	  "what would become of a packet", 6, 6, weft_policy },
	{ "watch", "[NETWORK]", "what does not pass, and why, as it happens", 0,
	  1, weft_watch },
	{ "run", "NETWORK... -- VMM...", "run a VM on networks", 1, SIZE_MAX,
	  weft_run },
	{ "lint", "FILE...", "check configurations: FILE:LINE:COLUMN: what", 1,
	  SIZE_MAX, weft_lint },
	{ "doctor", "", "what on this host will get in the way", 0, 0,
	  weft_doctor },
};

static const size_t n_verbs = sizeof(verbs) / sizeof(verbs[0]);

static int usage(FILE *to)
{
	(void)fputs("usage: weft [OPTIONS] VERB ARGUMENTS\n\n", to);
	for (size_t i = 0; i < n_verbs; i++)
		(void)fprintf(to, "  %-8s %-20s %s\n", verbs[i].name,
			      verbs[i].usage, verbs[i].about);
	(void)fputs(
		"\nOptions:\n"
		"  --id ID          container ID (default: derived from NETNS)\n"
		"  -i, --ifname NAME  interface in the guest (default: $CNI_IFNAME, eth0)\n"
		"  --json           of ls, policy, watch and others: all there is, for programs\n"
		"  --count N        of watch: end after so many\n"
		"  --queues N       of run: file descriptors of each network\n"
		"  --print VMM      of run: the command for what add attached; VMM is\n"
		"                   qemu, cloud-hypervisor or firecracker\n"
		"  --yes            of gc --orphans: remove it\n"
		"  --min-age TIME   of gc --orphans: leave alone what is younger (10m)\n"
		"  --cache-dir DIR  where results are kept (default: " CACHE_DIR
		")\n"
		"\nEnvironment: NETCONFPATH (/etc/cni/net.d), CNI_PATH, CNI_ARGS, CAP_ARGS (JSON)\n",
		to);
	return to == stderr ? 2 : 0;
}

static int take_number(const char *s, unsigned int max, unsigned int *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(s, &end, 10);
	if (errno || end == s || *end || *s == '-' || !n || n > max)
		return -EINVAL;
	*ret = (unsigned int)n;
	return 0;
}

/* "90", "90s", "15m", "2h", "1d" */
static int take_time(const char *s, unsigned int *ret)
{
	static const struct {
		char unit;
		unsigned int seconds;
	} units[] = { { '\0', 1 },
		      { 's', 1 },
		      { 'm', 60 },
		      { 'h', 3600 },
		      { 'd', 86400 } };

	char *end;
	const unsigned long n = strtoul(s, &end, 10);

	if (end == s || *s < '0' || *s > '9' || n > UINT16_MAX ||
	    (*end && end[1]))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (*end == units[i].unit) {
			*ret = (unsigned int)n * units[i].seconds;
			return 0;
		}
	return -EINVAL;
}

static int take_gc_option(int c, struct weft_args *ret)
{
	switch (c) {
	case 'o':
		ret->orphans = true;
		return 0;
	case 'y':
		ret->yes = true;
		return 0;
	case 'a':
		return take_time(optarg, &ret->min_age);
	default:
		return -EINVAL;
	}
}

static int take_option(int c, struct weft_args *ret)
{
	switch (c) {
	case 'd':
		ret->id = optarg;
		return 0;
	case 'i':
		ret->ifname = optarg;
		return 0;
	case 'c':
		ret->cache_dir = optarg;
		return 0;
	case 'j':
		ret->json = true;
		return 0;
	case 'q':
		return take_number(optarg, WEFT_QUEUES_MAX, &ret->queues);
	case 'n':
		return take_number(optarg, UINT32_MAX, &ret->count);
	case 'p':
		ret->print = optarg;
		return 0;
	case 'h':
		ret->help = true;
		return 0;
	default:
		return take_gc_option(c, ret);
	}
}

static int find_dashes(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	return i;
}

/* What follows "--" is a VMM's command line for run, and no option for others;
 * getopt would not say where that was. */
static void take_rest(int argc, char **argv, int dashes, struct weft_args *ret)
{
	const bool is_run = ret->verb && !strcmp(ret->verb, "run");
	int end = dashes;

	if (is_run && dashes < argc)
		ret->command = argv + dashes + 1;
	for (int i = dashes + 1; !is_run && i < argc; i++)
		argv[end++] = argv[i];
	if (!ret->verb && optind < end)
		ret->verb = argv[optind++];
	ret->positional = argv + optind;
	ret->n = (size_t)(end - optind);
}

/* Options may stand before the verb, as cnitool has it, or anywhere. */
static int parse(int argc, char **argv, struct weft_args *ret)
{
	static const struct option options[] = {
		{ "id", required_argument, NULL, 'd' },
		{ "ifname", required_argument, NULL, 'i' },
		{ "cache-dir", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "queues", required_argument, NULL, 'q' },
		{ "count", required_argument, NULL, 'n' },
		{ "print", required_argument, NULL, 'p' },
		{ "orphans", no_argument, NULL, 'o' },
		{ "yes", no_argument, NULL, 'y' },
		{ "min-age", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *env = getenv("CNI_IFNAME");
	const int dashes = find_dashes(argc, argv);
	int c;

	*ret = (struct weft_args){ .ifname = env && *env ? env : "eth0",
				   .cache_dir = CACHE_DIR,
				   .min_age = WEFT_MIN_AGE };
	while ((c = getopt_long(dashes, argv, "hi:", options, NULL)) != -1)
		if (take_option(c, ret) < 0)
			return -EINVAL;
	if (optind < dashes)
		ret->verb = argv[optind++];
	take_rest(argc, argv, dashes, ret);
	return 0;
}

static const struct verb *find_verb(const struct weft_args *a)
{
	for (size_t i = 0; a->verb && i < n_verbs; i++)
		if (!strcmp(verbs[i].name, a->verb) &&
		    (verbs[i].run == weft_gc_orphans) == a->orphans &&
		    a->n >= verbs[i].n_min && a->n <= verbs[i].n_max)
			return &verbs[i];
	return NULL;
}

int weft_main(int argc, char **argv)
{
	struct cni_err err = CNI_ERR_INIT;
	const struct verb *verb;
	struct weft_args args;
	int r;

	if (parse(argc, argv, &args) < 0)
		return usage(stderr);
	if (args.help || (args.verb && !strcmp(args.verb, "help")))
		return usage(stdout);
	verb = find_verb(&args);
	if (!verb)
		return usage(stderr);

	/* Inherited as ignored, it would hide how a plugin ended. */
	(void)signal(SIGCHLD, SIG_DFL);
	r = verb->run(&args, &err);
	if (r >= 0)
		return r;
	(void)fprintf(stderr, "weft: %s (code %d)%s%s\n", err.msg, err.code,
		      *err.details ? "\n  " : "", err.details);
	return verb->run == weft_run ? WEFT_RUN_FAILED : 1;
}
