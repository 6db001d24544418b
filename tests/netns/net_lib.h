/* SPDX-License-Identifier: Apache-2.0 */
/* net_lib.h - for the tests of common/net: a namespace that plays the host. */
#ifndef WEFT_TESTS_NET_LIB_H
#define WEFT_TESTS_NET_LIB_H

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../lib/check.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/mac.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/netns.h"

/* The namespace that plays the host, for one test. */
struct sandbox {
	int home;	 /* the way back */
	int fds;	 /* descriptors open before the test */
	int host, guest; /* two namespaces; the test runs in host */
	struct netlink *nl, *guest_nl;
	struct cni_err err;
};

static inline int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n;
}

static inline int own_netns(void)
{
	const int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* A new namespace; the caller stays where it is. */
static inline int new_netns(void)
{
	cleanup_close int here = own_netns();
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = own_netns();
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	return fd;
}

static inline int sandbox_setup(void **state)
{
	struct sandbox *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	s->fds = count_fds();
	s->home = own_netns();
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		perror("unshare");
		return -1;
	}
	s->host = own_netns();
	s->guest = new_netns();
	if (netlink_open(&s->nl, &s->err) < 0 ||
	    netlink_open_in(s->guest, &s->guest_nl, &s->err) < 0)
		return -1;
	*state = s;
	return 0;
}

/* Descriptors must be as before; the kernel then frees both namespaces. */
static inline int sandbox_teardown(void **state)
{
	struct sandbox *s = *state;
	int fds;

	netlink_close(s->nl);
	netlink_close(s->guest_nl);
	(void)close(s->host);
	(void)close(s->guest);
	if (setns(s->home, CLONE_NEWNET))
		return -1;
	(void)close(s->home);
	fds = s->fds;
	free(s);
	if (count_fds() == fds)
		return 0;
	(void)fprintf(stderr, "%d descriptors before, %d after\n", fds,
		      count_fds());
	return -1;
}

#define in_sandbox(test) \
	cmocka_unit_test_setup_teardown(test, sandbox_setup, sandbox_teardown)

/* A refusal must say what it was about. */
#define assert_fails(call, want, err, words)                              \
	do {                                                              \
		(err) = (struct cni_err)CNI_ERR_INIT;                     \
		assert_int_equal((call), -(want));                        \
		assert_int_not_equal((err).code, CNI_E_OK);               \
		assert_int_equal((err).errnum, (want));                   \
		if (!strstr((err).msg, (words)))                          \
			fail_msg("\"%s\" does not say \"%s\"", (err).msg, \
				 (words));                                \
	} while (0)

/* Success leaves the error alone. */
#define assert_works(call, err)                                          \
	do {                                                             \
		int r_ = ((err) = (struct cni_err)CNI_ERR_INIT, (call)); \
		if (r_ < 0)                                              \
			fail_msg("%s: %s {%s}", #call, (err).msg,        \
				 (err).details);                         \
		assert_int_equal((err).code, CNI_E_OK);                  \
	} while (0)

static inline struct ip_net net_of(const char *text)
{
	struct ip_net n;

	assert_int_equal(ip_net_parse(text, &n), 0);
	return n;
}

static inline struct ip_addr ip_of(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static inline struct mac mac_of(const char *text)
{
	struct mac m;

	assert_int_equal(mac_parse(text, &m), 0);
	return m;
}

/* How many devices there are, lo included. */
static inline size_t count_links(struct netlink *nl)
{
	cleanup_free struct link_info *v = NULL;
	struct cni_err err = CNI_ERR_INIT;
	size_t n = 0;

	assert_int_equal(link_list(nl, 0, &v, &n, &err), 0);
	return n;
}

#endif
