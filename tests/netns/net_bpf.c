/* SPDX-License-Identifier: Apache-2.0 */
/* common/bpf: programs are loaded, attached, read back and taken away. */
#include <errno.h>
#include <linux/bpf.h>

#include "bpf/filter.h"
#include "bpf/prog.h"
#include "net/veth.h"
#include "net_lib.h"

enum { INDEX = 0x40003000 };

static void make_pair(struct sandbox *s)
{
	const struct veth_opts opts = { .host_name = "va",
					.guest_name = "vb",
					.netns = s->host,
					.host_index = INDEX,
					.guest_index = INDEX + 1,
					.alias = "weft1:t:n:c:i" };
	struct veth made;

	assert_works(veth_create(s->nl, &opts, &made, &s->err), s->err);
}

static struct bpf_filter place(void)
{
	return (struct bpf_filter){ .ifindex = INDEX,
				    .prio = BPF_FILTER_SPLICE,
				    .name = "weft_splice" };
}

static int load(struct sandbox *s, uint32_t target)
{
	int fd = -1;

	assert_works(bpf_splice_load(target, &fd, &s->err), s->err);
	assert_true((unsigned)fcntl(fd, F_GETFD) & (unsigned)FD_CLOEXEC);
	return fd;
}

TEST(a_tag_tells_programs_by_their_target)
{
	struct sandbox *s = *state;
	cleanup_close int a = load(s, 7), b = load(s, 7), c = load(s, 8);
	uint8_t ta[BPF_TAG_SIZE], tb[BPF_TAG_SIZE], tc[BPF_TAG_SIZE];

	assert_works(bpf_prog_tag(a, ta, &s->err), s->err);
	assert_works(bpf_prog_tag(b, tb, &s->err), s->err);
	assert_works(bpf_prog_tag(c, tc, &s->err), s->err);
	assert_memory_equal(ta, tb, BPF_TAG_SIZE);
	assert_memory_not_equal(ta, tc, BPF_TAG_SIZE);
}

TEST(a_program_is_attached_once_found_and_detached)
{
	struct sandbox *s = *state;
	const struct bpf_filter f = place();
	uint8_t want[BPF_TAG_SIZE];
	struct bpf_filter_info have;
	cleanup_close int prog = load(s, INDEX + 1);

	make_pair(s);
	assert_int_equal(bpf_filter_get(s->nl, &f, &have, &s->err), 0);
	assert_works(bpf_filter_attach(s->nl, &f, prog, &s->err), s->err);
	assert_int_equal(bpf_filter_get(s->nl, &f, &have, &s->err), 1);
	assert_works(bpf_prog_tag(prog, want, &s->err), s->err);
	assert_memory_equal(want, have.tag, BPF_TAG_SIZE);
	assert_string_equal(have.name, "weft_splice");
	assert_int_equal(bpf_filter_attach(s->nl, &f, prog, &s->err), -EEXIST);
	assert_works(bpf_filter_detach(s->nl, &f, &s->err), s->err);
	assert_int_equal(bpf_filter_get(s->nl, &f, &have, &s->err), 0);
	assert_works(bpf_filter_detach(s->nl, &f, &s->err), s->err);
	assert_works(bpf_filter_attach(s->nl, &f, prog, &s->err), s->err);
}

TEST(nothing_is_on_a_device_that_is_not_there)
{
	struct sandbox *s = *state;
	const struct bpf_filter f = place();
	struct bpf_filter_info have;
	cleanup_close int prog = load(s, 1);

	assert_int_equal(bpf_filter_get(s->nl, &f, &have, &s->err), 0);
	assert_works(bpf_filter_detach(s->nl, &f, &s->err), s->err);
	assert_int_equal(bpf_filter_attach(s->nl, &f, prog, &s->err), -ENODEV);
	assert_non_null(strstr(s->err.msg, "weft_splice"));
}

TEST(what_the_verifier_refuses_it_explains)
{
	struct sandbox *s = *state;
	static const uint64_t exits_without_a_value[] = { (
		uint64_t)(BPF_JMP | BPF_EXIT) };
	const struct bpf_code bad = { "bad", exits_without_a_value, 1 };
	int fd = -1;

	assert_true(bpf_prog_load(&bad, &fd, &s->err) < 0);
	assert_int_equal(fd, -1);
	assert_int_equal(s->err.code, CNI_E_KERNEL);
	assert_non_null(strstr(s->err.msg, "bad"));
	assert_non_null(strstr(s->err.details, "R0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(a_tag_tells_programs_by_their_target),
		in_sandbox(a_program_is_attached_once_found_and_detached),
		in_sandbox(nothing_is_on_a_device_that_is_not_there),
		in_sandbox(what_the_verifier_refuses_it_explains),
	};

	return RUN(tests);
}
