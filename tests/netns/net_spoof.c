/* SPDX-License-Identifier: Apache-2.0 */
/* A port through which one MAC address may send; waiting for DAD. */
#include <errno.h>

#include "net/addr.h"
#include "net/dad.h"
#include "net/spoof.h"
#include "net/veth.h"
#include "net_lib.h"

static const char alias[] = "weft1:bridge-vm:hybrid:c1:eth0";

static struct spoof guard_of(void)
{
	return (struct spoof){
		.chain = "macspoof-0123456789a",
		.comment = alias,
		.port = "port",
		.mac = mac_of("02:01:02:03:04:05"),
	};
}

static struct veth new_port(struct sandbox *s)
{
	const struct veth_opts o = { .host_name = "port",
				     .guest_name = "eth0",
				     .netns = s->guest,
				     .alias = alias };
	struct veth made = { 0 };

	assert_works(veth_create(s->nl, &o, &made, &s->err), s->err);
	return made;
}

static size_t count_chains(struct sandbox *s)
{
	cleanup_free struct spoof_chain *v = NULL;
	size_t n = 99;

	assert_works(spoof_list(&v, &n, &s->err), s->err);
	return n;
}

TEST(a_guard_is_made_found_right_listed_and_removed)
{
	struct sandbox *s = *state;
	const struct spoof g = guard_of();
	cleanup_free struct spoof_chain *v = NULL;
	size_t n = 0;

	new_port(s);
	assert_fails(spoof_check(&g, &s->err), ENOENT, s->err, "is missing");
	assert_works(spoof_guard(&g, &s->err), s->err);
	assert_works(spoof_check(&g, &s->err), s->err);
	assert_works(spoof_list(&v, &n, &s->err), s->err);
	assert_int_equal(n, 1);
	assert_string_equal(v[0].name, g.chain);
	assert_string_equal(v[0].comment, alias);

	assert_works(spoof_remove(g.chain, &s->err), s->err);
	assert_fails(spoof_check(&g, &s->err), ENOENT, s->err, "is missing");
	assert_works(spoof_remove(g.chain, &s->err), s->err);
	assert_int_equal(system("nft list tables | grep -q ."), 256);
}

TEST(a_guard_that_is_there_is_replaced)
{
	struct sandbox *s = *state;
	struct spoof g = guard_of();

	new_port(s);
	assert_works(spoof_guard(&g, &s->err), s->err);
	g.mac = mac_of("02:01:02:03:04:06");
	assert_fails(spoof_check(&g, &s->err), ENOENT, s->err, "other rules");
	assert_works(spoof_guard(&g, &s->err), s->err);
	assert_works(spoof_check(&g, &s->err), s->err);
	assert_int_equal(count_chains(s), 1);
}

/* What is left of one whose port is gone, where the kernel leaves it, too. */
TEST(a_guard_comes_back_with_its_port)
{
	struct sandbox *s = *state;
	const struct spoof g = guard_of();

	for (int i = 0; i < 3; i++) {
		const struct veth made = new_port(s);

		assert_works(spoof_guard(&g, &s->err), s->err);
		assert_works(spoof_check(&g, &s->err), s->err);
		assert_works(link_delete(s->nl, made.host_index, &s->err),
			     s->err);
	}
	assert_works(spoof_remove(g.chain, &s->err), s->err);
	assert_int_equal(count_chains(s), 0);
}

TEST(the_table_stays_as_long_as_another_guard_is_in_it)
{
	struct sandbox *s = *state;
	const struct spoof g = guard_of();
	struct spoof other = guard_of();

	new_port(s);
	other.chain = "macspoof-other";
	assert_works(spoof_guard(&g, &s->err), s->err);
	assert_works(spoof_guard(&other, &s->err), s->err);
	assert_works(spoof_remove(g.chain, &s->err), s->err);
	assert_works(spoof_check(&other, &s->err), s->err);
	assert_works(spoof_remove(other.chain, &s->err), s->err);
	assert_int_equal(count_chains(s), 0);
}

TEST(check_notices_each_damage)
{
	static const char *const damages[] = {
		"flush chain netdev weft macspoof-0123456789a",
		"add rule netdev weft macspoof-0123456789a accept",
		"add chain netdev weft macspoof-0123456789a "
		"'{ policy accept; }'",
		"add table netdev weft '{ flags dormant; }'",
		"delete table netdev weft",
	};
	struct sandbox *s = *state;
	const struct spoof g = guard_of();
	char command[256];

	new_port(s);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		assert_works(spoof_guard(&g, &s->err), s->err);
		assert_works(spoof_check(&g, &s->err), s->err);
		(void)snprintf(command, sizeof(command), "nft %s", damages[i]);
		assert_int_equal(system(command), 0);
		assert_fails(spoof_check(&g, &s->err), ENOENT, s->err,
			     "spoof check of port port");
	}
}

TEST(without_the_port_the_guard_is_refused)
{
	struct sandbox *s = *state;
	const struct spoof g = guard_of();

	if (spoof_guard(&g, &s->err) == 0) {
		/* From Linux 6.16 on a hook waits for its device. */
		assert_works(spoof_check(&g, &s->err), s->err);
		return;
	}
	assert_says(&s->err, "guard port port");
	assert_int_equal(count_chains(s), 0);
}

TEST(a_comment_that_is_too_long_is_left_out)
{
	struct sandbox *s = *state;
	struct spoof g = guard_of();
	cleanup_free char *text = repeat('c', SPOOF_COMMENT_SIZE);
	cleanup_free struct spoof_chain *v = NULL;
	size_t n = 0;

	new_port(s);
	g.comment = text;
	assert_works(spoof_guard(&g, &s->err), s->err);
	assert_works(spoof_list(&v, &n, &s->err), s->err);
	assert_int_equal(n, 1);
	assert_string_equal(v[0].comment, "");
}

TEST(dad_ends_once_the_link_is_there)
{
	struct sandbox *s = *state;
	const struct veth made = new_port(s);
	const struct ip_net addr = net_of("fd00::2/64");
	int r;

	r = addr_add(s->guest_nl, made.guest_index, &addr, 0, &s->err);
	if (r == -EAFNOSUPPORT || r == -EOPNOTSUPP) {
		print_message("no IPv6 in this kernel\n");
		skip();
		return;
	}
	assert_ok(r, &s->err);
	assert_works(link_set_up(s->guest_nl, made.guest_index, true, &s->err),
		     s->err);
	assert_fails(dad_wait(s->guest_nl, made.guest_index, 50, &s->err),
		     ETIMEDOUT, s->err, "fd00::2");
	assert_works(link_set_up(s->nl, made.host_index, true, &s->err),
		     s->err);
	assert_works(dad_wait(s->guest_nl, made.guest_index, DAD_TIMEOUT_MS,
			      &s->err),
		     s->err);
}

TEST(dad_names_the_address_that_is_a_duplicate)
{
	struct sandbox *s = *state;
	const struct veth made = new_port(s);
	const struct ip_net addr = net_of("fd00::2/64");
	int r;

	r = addr_add(s->nl, made.host_index, &addr, 0x02 /* IFA_F_NODAD */,
		     &s->err);
	if (r == -EAFNOSUPPORT || r == -EOPNOTSUPP) {
		print_message("no IPv6 in this kernel\n");
		skip();
		return;
	}
	assert_ok(r, &s->err);
	assert_works(link_set_up(s->nl, made.host_index, true, &s->err),
		     s->err);
	assert_works(addr_add(s->guest_nl, made.guest_index, &addr, 0, &s->err),
		     s->err);
	assert_works(link_set_up(s->guest_nl, made.guest_index, true, &s->err),
		     s->err);
	assert_fails(dad_wait(s->guest_nl, made.guest_index, DAD_TIMEOUT_MS,
			      &s->err),
		     EADDRINUSE, s->err, "fd00::2");
	assert_int_equal(s->err.code, CNI_E_TAKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(a_guard_is_made_found_right_listed_and_removed),
		in_sandbox(a_guard_that_is_there_is_replaced),
		in_sandbox(a_guard_comes_back_with_its_port),
		in_sandbox(the_table_stays_as_long_as_another_guard_is_in_it),
		in_sandbox(check_notices_each_damage),
		in_sandbox(without_the_port_the_guard_is_refused),
		in_sandbox(a_comment_that_is_too_long_is_left_out),
		in_sandbox(dad_ends_once_the_link_is_there),
		in_sandbox(dad_names_the_address_that_is_a_duplicate),
	};

	return RUN(tests);
}
