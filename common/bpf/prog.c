/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/prog.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "bpf/map.h"

enum { LOG_SIZE = 65536, LOG_SHOWN = 200, TRIES = 5 };

/* The verdict is at the end of what it says. */
static void tell_verdict(const char *log, struct cni_err *err)
{
	size_t len = strlen(log);
	const char *from = log + (len > LOG_SHOWN ? len - LOG_SHOWN : 0);

	if (len)
		err_detail(err, "verifier", "%s", from);
}

/* Once more, to hear why: the first time nobody pays for the text. */
static void explain(union bpf_attr *attr, struct cni_err *err)
{
	cleanup_free char *log = calloc(1, LOG_SIZE);
	int fd;

	if (!log)
		return;
	attr->log_level = 1;
	attr->log_size = LOG_SIZE;
	attr->log_buf = bpf_pointer(log);
	fd = bpf_call(BPF_PROG_LOAD, attr);
	if (fd >= 0)
		(void)close(fd);
	log[LOG_SIZE - 1] = '\0';
	tell_verdict(log, err);
}

int bpf_prog_load(const struct bpf_code *code, int *ret_fd, struct cni_err *err)
{
	static const char license[] = "Apache-2.0";
	union bpf_attr attr;
	int fd = -EAGAIN;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = bpf_pointer(code->insns);
	attr.insn_cnt = (uint32_t)code->n;
	attr.license = bpf_pointer(license);
	memcpy(attr.prog_name, code->name,
	       strnlen(code->name, sizeof(attr.prog_name) - 1));

	/* The verifier stops with EAGAIN where a signal is pending. */
	for (int i = 0; i < TRIES; i++) {
		fd = bpf_call(BPF_PROG_LOAD, &attr);
		if (fd >= 0) {
			*ret_fd = fd;
			return 0;
		}
		if (fd != -EAGAIN)
			break;
	}
	(void)err_set(err, CNI_E_KERNEL, -fd, "load eBPF program %s",
		      code->name);
	explain(&attr, err);
	return fd;
}

int bpf_prog_tag(int fd, uint8_t ret[BPF_TAG_SIZE], struct cni_err *err)
{
	struct bpf_prog_info info;
	union bpf_attr attr;
	int r;

	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = bpf_pointer(&info);
	r = bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr);
	if (r < 0)
		return err_set(err, CNI_E_KERNEL, -r,
			       "ask for an eBPF program");
	_Static_assert(sizeof(info.tag) == BPF_TAG_SIZE, "a tag's size");
	memcpy(ret, info.tag, BPF_TAG_SIZE);
	return 0;
}
