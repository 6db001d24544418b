/* SPDX-License-Identifier: Apache-2.0 */
/* weft run --print: for those who start their VMM themselves. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libcni/cache.h"
#include "weft/run.h"

#define WORD_SIZE 512

enum { FIRST_FD = 3 }; /* of those that the shell is to open */

static int print_word(const char *before, const char *word)
{
	cleanup_free char *quoted = run_word_quote(word);

	if (!quoted)
		return -ENOMEM;
	(void)printf("%s%s", before, quoted);
	return 0;
}

/* A comma in a value is written twice. */
static void qemu_value(const char *s, char *buf, size_t size)
{
	size_t n = 0;

	for (; *s && n + 3 <= size; s++) {
		buf[n++] = *s;
		if (*s == ',')
			buf[n++] = ',';
	}
	buf[n] = '\0';
}

/* "3:4:5": what the shell opens of a macvtap's node. */
static void fd_list(size_t first, size_t n, char between, char *buf,
		    size_t size)
{
	size_t len = 0;

	*buf = '\0';
	for (size_t i = 0; i < n && len + 8 < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%.*s%zu",
					i ? 1 : 0, &between, first + i);
}

/**
 * struct plan - What the command lines have in common
 * @queues:	Of each
 * @fd:		The first one that this network's node is opened as
 */
struct plan {
	const struct run_nic *nic;
	size_t nth, queues, fd;
};

static int print_qemu(const struct plan *p)
{
	const struct run_device *d = &p->nic->device;
	const bool many = p->queues > 1;
	char word[WORD_SIZE], value[256], more[64] = "";
	int r;

	if (d->is_macvtap) {
		fd_list(p->fd, p->queues, ':', value, sizeof(value));
		(void)snprintf(word, sizeof(word), "tap,id=net%zu,fd%s=%s",
			       p->nth, many ? "s" : "", value);
	} else {
		qemu_value(d->name, value, sizeof(value));
		if (many)
			(void)snprintf(more, sizeof(more), ",queues=%zu",
				       p->queues);
		(void)snprintf(
			word, sizeof(word),
			"tap,id=net%zu,ifname=%s,script=no,downscript=no%s%s",
			p->nth, value, more,
			access("/dev/vhost-net", R_OK | W_OK) ? ""
							      : ",vhost=on");
	}
	r = print_word(" \\\n  -netdev ", word);
	if (r < 0)
		return r;
	*more = '\0';
	if (many)
		(void)snprintf(more, sizeof(more), ",mq=on,vectors=%zu",
			       2 * p->queues + 2);
	(void)snprintf(word, sizeof(word),
		       "virtio-net-pci,netdev=net%zu,mac=%s,host_mtu=%u%s",
		       p->nth, run_nic_mac(p->nic), d->mtu, more);
	return print_word(" \\\n  -device ", word);
}

static int print_cloud_hypervisor(const struct plan *p)
{
	const struct run_device *d = &p->nic->device;
	char word[WORD_SIZE], list[256];

	if (d->is_macvtap) {
		fd_list(p->fd, p->queues, ',', list, sizeof(list));
		(void)snprintf(word, sizeof(word),
			       "fd=[%s],mac=%s,num_queues=%zu", list,
			       run_nic_mac(p->nic), 2 * p->queues);
	} else {
		(void)snprintf(word, sizeof(word),
			       "tap=%s,mac=%s,num_queues=%zu,mtu=%u", d->name,
			       run_nic_mac(p->nic), 2 * p->queues, d->mtu);
	}
	return print_word(p->nth ? " \\\n        " : " \\\n  --net ", word);
}

static int print_nodes(const struct run_nic *nics, size_t n,
		       const struct weft_args *a)
{
	size_t fd = FIRST_FD;
	char before[32];
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		const size_t queues =
			a->queues ? a->queues : run_nic_queues(&nics[i]);

		for (size_t k = 0;
		     !r && nics[i].device.is_macvtap && k < queues; k++) {
			(void)snprintf(before, sizeof(before), " \\\n  %zu<>",
				       fd++);
			r = print_word(before, nics[i].device.node);
		}
	}
	return r;
}

/* What is in the VM's namespace is opened from there. */
static int print_program(const struct run_nic *nic, const char *program)
{
	char word[PATH_MAX + 8];

	if (nic->device.in_netns && !nic->device.is_macvtap) {
		(void)snprintf(word, sizeof(word), "--net=%s",
			       nic->session.rt.netns);
		if (print_word("nsenter ", word) < 0)
			return -ENOMEM;
		(void)putchar(' ');
	}
	(void)fputs(program, stdout);
	return 0;
}

static int print_command(const struct weft_args *a, const struct run_nic *nics,
			 size_t n)
{
	const bool qemu = !strcmp(a->print, "qemu");
	size_t fd = FIRST_FD;
	int r = print_program(&nics[0],
			      qemu ? "qemu-system-x86_64" : "cloud-hypervisor");

	for (size_t i = 0; !r && i < n; i++) {
		const struct plan p = { &nics[i], i,
					a->queues ? a->queues
						  : run_nic_queues(&nics[i]),
					fd };

		if (nics[i].device.is_macvtap)
			fd += p.queues;
		r = qemu ? print_qemu(&p) : print_cloud_hypervisor(&p);
	}
	if (!r)
		r = print_nodes(nics, n, a);
	(void)putchar('\n');
	return r;
}

static int print_firecracker(const struct run_nic *nics, size_t n)
{
	cleanup_json cJSON *doc = cJSON_CreateObject();
	cJSON *list = cJSON_CreateArray();
	cleanup_free char *text = NULL;
	int r = json_add(doc, "network-interfaces", list);

	for (size_t i = 0; !r && i < n; i++) {
		cJSON *one = cJSON_CreateObject();

		r = json_add(list, NULL, one);
		if (r < 0)
			break;
		r = json_add_str(one, "iface_id", nics[i].ifname);
		r |= json_add_str(one, "guest_mac", run_nic_mac(&nics[i]));
		r |= json_add_str(one, "host_dev_name", nics[i].device.name);
	}
	text = r ? NULL : json_print(doc);
	if (!text)
		return -ENOMEM;
	(void)puts(text);
	return 0;
}

static bool is_firecracker(const struct weft_args *a)
{
	return !strcmp(a->print, "firecracker");
}

/* Can that VMM open it by name at all? */
static int check(const struct weft_args *a, const struct run_nic *nics,
		 size_t n, struct cni_err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct run_device *d = &nics[i].device;
		const size_t queues =
			a->queues ? a->queues : run_nic_queues(&nics[i]);

		if (is_firecracker(a) && (d->is_macvtap || d->multi_queue))
			return err_say(err, CNI_E_CONFIG, EINVAL,
				       "%s is %s: Firecracker opens a tap with "
				       "one queue",
				       d->name,
				       d->is_macvtap ? "a macvtap"
						     : "multi-queue");
		if ((queues > 1) != d->multi_queue && !d->is_macvtap)
			return err_say(err, CNI_E_CONFIG, EINVAL,
				       "tap %s is %s-queue, and --queues %zu "
				       "would not open it",
				       d->name,
				       d->multi_queue ? "multi" : "single",
				       queues);
		if (d->is_macvtap && !*d->node)
			return err_say(err, CNI_E_CONFIG, ENOENT,
				       "macvtap %s: the result does not say "
				       "where its character device is",
				       d->name);
		if (d->in_netns != nics[0].device.in_netns && !d->is_macvtap &&
		    !nics[0].device.is_macvtap)
			return err_say(err, CNI_E_CONFIG, EINVAL,
				       "%s and %s are in two namespaces: no "
				       "program opens both by name, weft run "
				       "does",
				       nics[0].device.name, d->name);
	}
	return 0;
}

static int print_all(const struct weft_args *a, struct run_nic *nics,
		     struct cni_err *err)
{
	size_t n = 0;
	int r = 0;

	for (; !r && n < a->n; n++) {
		r = run_nic_load(&nics[n], a, n, "", err);
		if (!r)
			r = run_nic_recall(&nics[n], err);
	}
	if (!r)
		r = check(a, nics, n, err);
	if (r < 0)
		return r;
	r = is_firecracker(a) ? print_firecracker(nics, n)
			      : print_command(a, nics, n);
	if (r < 0 || fflush(stdout))
		return err_set(err, CNI_E_IO, EIO, "print");
	if (is_firecracker(a) && nics[0].device.in_netns)
		(void)fprintf(stderr, "weft: to be run by: nsenter --net=%s\n",
			      nics[0].session.rt.netns);
	return 0;
}

int run_print(const struct weft_args *a, struct cni_err *err)
{
	static const char *const known[] = { "qemu", "cloud-hypervisor",
					     "firecracker" };
	struct run_nic *nics;
	bool is_known = false;
	int r;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		is_known = is_known || !strcmp(a->print, known[i]);
	if (!is_known)
		return err_say(err, CNI_E_ENV, EINVAL,
			       "--print \"%s\": not qemu, cloud-hypervisor or "
			       "firecracker",
			       a->print);
	if (!a->id || a->command)
		return err_say(err, CNI_E_ENV, EINVAL,
			       "--print is for what add attached: it needs "
			       "--id, and no VMM");
	nics = calloc(a->n, sizeof(*nics));
	if (!nics)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "networks");
	r = print_all(a, nics, err);
	for (size_t i = 0; i < a->n; i++)
		run_nic_free(&nics[i]);
	free(nics);
	return r;
}
