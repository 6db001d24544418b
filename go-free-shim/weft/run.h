/* SPDX-License-Identifier: Apache-2.0 */
/* run.h - weft run: a VM's namespace, its devices, its command line. */
#ifndef WEFT_WEFT_RUN_H
#define WEFT_WEFT_RUN_H

#include <net/if.h>
#include <signal.h>
#include <sys/types.h>

#include "cni/result.h"
#include "weft/run_words.h"
#include "weft/session.h"

#define RUN_DIR "/run/weft/run"
#define RUN_NETWORKS_MAX 16

/**
 * struct run_device - What a VMM opens
 * @name:	Interface
 * @index:	ifindex
 * @mtu:	Bytes
 * @in_netns:	It is in the VM's namespace, not in ours
 * @is_macvtap:	Opened by its node, not by its name
 * @multi_queue: Of a tap: as it was made
 * @is_open:	Somebody has it open now, or it cannot be told
 * @node:	Of a macvtap; "" if the result tells none. In the result
 */
struct run_device {
	char name[IFNAMSIZ];
	uint32_t index, mtu;
	bool in_netns, is_macvtap, multi_queue, is_open;
	const char *node;
};

/**
 * struct run_nic - One network's part of a VM
 * @session:	Network, attachment, plugins
 * @ifname:	eth0, eth1, ...
 * @result:	ADD's
 * @parsed:	The same, points into it
 * @device:	What the VMM opens
 * @fds:	Queues, then as many of vhost-net
 * @n_fds:	Queues that are open; 0 if nobody asks for descriptors
 * @n_vhost:	The same number or 0
 * @words:	What the placeholders stand for
 * @attached:	It needs a DEL
 */
struct run_nic {
	struct session session;
	char ifname[IFNAMSIZ];
	char *args;
	cJSON *result;
	struct cni_result parsed;
	struct run_device device;
	int *fds;
	size_t n_fds, n_vhost;
	struct run_values words;
	bool attached;
};

/* run_space.c */

/**
 * struct run_space - /run/weft/run/<id>: one VM, and nobody else's
 * @dir:	Locked while the VM runs; -1: none
 * @path:	Of it
 * @netns:	The VM's namespace in it
 */
struct run_space {
	int dir;
	char path[PATH_MAX];
	char netns[PATH_MAX];
};

/**
 * run_space_lock() - Make it ours; what an earlier run left stays
 * @id:		Valid container ID
 *
 * Return: 0, -EBUSY (CNI_E_TAKEN) while it runs, or a negative errno
 */
int run_space_lock(struct run_space *s, const char *id, struct cni_err *err);

/**
 * run_space_clear() - Detach what an earlier run of it left behind
 * @cache_dir:	Where it kept its results; CACHE_DIR is searched, too
 * @err:	CNI_E_TAKEN: a VMM of it lives on
 *
 * Return: 0, -EBUSY, or a negative errno
 */
int run_space_clear(const struct run_space *s, const char *id,
		    const char *cache_dir, struct cni_err *err);

/** run_space_remove() - The end of it; return 0 or a negative errno */
int run_space_remove(struct run_space *s, struct cni_err *err);

/** run_space_close() - Unlock it, if it is locked */
void run_space_close(struct run_space *s);

/* run_device.c */

/**
 * run_device_find() - The last device in a result that a VMM can open
 * @result:	Of ADD
 * @netns:	The VM's namespace
 * @ret:	Points into @result
 *
 * Return: 1, 0 if there is none, or a negative errno
 */
int run_device_find(const struct cni_result *result, const char *netns,
		    struct run_device *ret, struct cni_err *err);

/**
 * run_device_open() - Open its queues
 * @netns:	The VM's namespace
 * @queues:	How many
 * @ret_fds:	Room for so many; closed on exec
 *
 * Return: 0, or a negative errno and nothing is open
 */
int run_device_open(const struct run_device *d, const char *netns,
		    size_t queues, int *ret_fds, struct cni_err *err);

/**
 * run_vhost_open() - Open vhost-net as often
 *
 * Return: 1, or 0 and nothing is open: there is no vhost-net here
 */
int run_vhost_open(size_t queues, int *ret_fds);

/* run_nic.c */

/**
 * run_nic_load() - Load a network, name the attachment
 * @nth:	Which network of the command line
 * @netns:	The VM's namespace
 */
int run_nic_load(struct run_nic *nic, const struct weft_args *a, size_t nth,
		 const char *netns, struct cni_err *err);

/** run_nic_attach() - ADD as a VM, find its device; undone after a failure */
int run_nic_attach(struct run_nic *nic, struct cni_err *err);

/** run_nic_recall() - What ADD answered when it was attached before */
int run_nic_recall(struct run_nic *nic, struct cni_err *err);

/**
 * run_nic_open() - Open what the command line asks for
 * @queues:	--queues
 */
int run_nic_open(struct run_nic *nic, unsigned int queues, bool wants_fds,
		 bool wants_vhost, struct cni_err *err);

/** run_nic_words() - What the placeholders of this network stand for */
int run_nic_words(struct run_nic *nic, struct cni_err *err);

/** run_nic_queues() - How many a VMM should ask for, unless told otherwise */
size_t run_nic_queues(const struct run_nic *nic);

/** run_nic_mac() - The guest's MAC */
const char *run_nic_mac(const struct run_nic *nic);

/** run_nic_close_fds() - The VMM has its own now */
void run_nic_close_fds(struct run_nic *nic);

/** run_nic_detach() - DEL, if it needs one; return 0 or a negative errno */
int run_nic_detach(struct run_nic *nic, struct cni_err *err);

/** run_nic_free() - Free it; what is attached stays so */
void run_nic_free(struct run_nic *nic);

/* run_vmm.c */

/** run_signals_hold() - From here on they wait; @ret_before: as it was */
void run_signals_hold(sigset_t *ret_before);

/** run_signals_pending() - One that asks us to end, 0 for none */
int run_signals_pending(void);

/**
 * run_vmm() - Run it in the foreground to its end
 * @argv:	Ended by NULL
 * @fds:	Descriptors that it inherits under their numbers; closed here
 *		once it runs
 * @mask:	Its signal mask
 *
 * Return: its exit status, 128 and the signal's number, 126 or 127 as a shell
 * has it if it could not be run (said on standard error), or a negative errno
 */
int run_vmm(char *const argv[], struct run_nic *nics, size_t n,
	    const sigset_t *mask, struct cni_err *err);

/* run_print.c */

/** run_print() - --print: the command line for what add attached */
int run_print(const struct weft_args *a, struct cni_err *err);

#endif
