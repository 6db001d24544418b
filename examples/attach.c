/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach NETWORK: make a network namespace, attach it, show its addresses,
 * detach it. As root:
 *
 *	cc -o attach examples/attach.c $(pkg-config --cflags --libs weft-cni)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weft-cni.h>

int main(int argc, char **argv)
{
	const int host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct weft_cni_guest me = { .container_id = "attach-example" };
	struct weft_cni_error err;
	struct weft_cni *net;
	char netns[64];
	int r, own;

	if (argc != 2 || unshare(CLONE_NEWNET) < 0)
		return 2;
	own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	(void)snprintf(netns, sizeof(netns), "/proc/%d/fd/%d", getpid(), own);
	me.netns = netns;

	/* The plugins run on the host's side, we look from ours. */
	(void)setns(host, CLONE_NEWNET);
	r = weft_cni_open(getenv("NETCONFPATH"), argv[1], &net, &err);
	if (r == 0) {
		(void)weft_cni_set_plugin_path(net, getenv("CNI_PATH"));
		r = weft_cni_add(net, &me, NULL, &err);
		(void)setns(own, CLONE_NEWNET);
		if (r == 0)
			r = system("ip -brief address show dev eth0");
		(void)setns(host, CLONE_NEWNET);
		if (weft_cni_del(net, &me, r ? NULL : &err) < 0 && !r)
			r = -1;
		weft_cni_close(net);
	}
	if (r < 0)
		(void)fprintf(stderr, "%s\n", err.msg);
	return r != 0;
}
