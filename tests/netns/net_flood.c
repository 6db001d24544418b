/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that floods while its port comes, while its policy is replaced, while the
 * programs are, and while it goes: nothing passes that must not. */
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/json.h"
#include "bpf/policy_load.h"
#include "net/link_remove.h"
#include "road_lib.h"

enum {
	FRAMES = 1000000,
	BATCH = 64,
	GOOD_EACH = 32, /* one that passes, of so many */
	SWAPS = 200,
	UPGRADES = 5,
	ATTACHMENT = 7,
	NETWORK = 70,
	BAD_PORT = 666,
};

#define PEER_IP "192.0.2.1"

/* By both processes. */
struct shared {
	uint64_t bad, good;
	int stop;
};

struct flood {
	struct sandbox *s;
	struct guard g;
	struct end peer, guest;
	uint32_t bridge;
	struct shared *shared;
	uint64_t got_bad, got_good;
	pid_t pid;
};

/* Both policies deny what is bad, and let pass what is good. */
static const char *const policies[] = {
	"{\"policyTypes\":[\"Egress\"],\"egress\":[{\"ports\":[{\"protocol\":\"UDP\",\"port\":7}]}]}",
	"{\"policyTypes\":[\"Egress\"],\"egress\":[{\"to\":[{\"ipBlock\":{\"cidr\":"
	"\"192.0.2.0/24\"}}],\"ports\":[{\"protocol\":\"UDP\",\"port\":7},"
	"{\"protocol\":\"TCP\",\"port\":80,\"endPort\":90}]}]}",
};

static void apply(struct flood *f, const char *text)
{
	static const struct policy_endpoint self = { 0 };
	static const struct policy_world world = { &self, NULL, 0 };
	struct sandbox *s = f->s;
	cleanup_tables struct policy_tables t = { 0 };
	cleanup_policy struct policy p = { 0 };
	cleanup_json cJSON *doc = NULL;

	assert_works(json_parse(text, strlen(text), &doc, &s->err), s->err);
	assert_works(policy_parse(doc, &world, &p, &s->err), s->err);
	assert_works(policy_compile(&p, POLICY_ENTRIES_MAX, &t, &s->err),
		     s->err);
	assert_works(guard_police(&f->g, PORT, &t, &s->err), s->err);
}

static void udp(struct frame *f, const char *from, unsigned int port)
{
	frame_eth(f, GUEST_MAC, PEER_MAC, 0x0800);
	frame_ip4(f, from, PEER_IP, IPPROTO_UDP, 0, 0);
	frame_ports(f, 40000, port, 4);
	frame_u32(f, 0x77656674);
	frame_end(f);
	put_checksum(f);
}

/* Bad ones are of a port that is denied, and of an address that is another's. */
__attribute__((noreturn)) static void flood(int fd, struct shared *shared)
{
	struct frame bad[2], good;
	struct iovec v[BATCH];
	struct mmsghdr m[BATCH];

	udp(&bad[0], GUEST_IP, BAD_PORT);
	udp(&bad[1], "10.1.0.99", 7);
	udp(&good, GUEST_IP, 7);
	memset(m, 0, sizeof(m));
	for (int i = 0; i < BATCH; i++) {
		struct frame *f = i % GOOD_EACH ? &bad[i % 2] : &good;

		v[i] = (struct iovec){ f->b, f->len };
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		const int n = sendmmsg(fd, m, BATCH, 0);

		/* Not up yet, or gone already. */
		if (n <= 0)
			continue;
		for (int i = 0; i < n; i++)
			__atomic_fetch_add(i % GOOD_EACH ? &shared->bad
							 : &shared->good,
					   1, __ATOMIC_RELAXED);
	}
	_exit(0);
}

/* What has come out so far. */
static void drain(struct flood *f)
{
	struct frame good;
	uint8_t b[2048];
	ssize_t n;

	udp(&good, GUEST_IP, 7);
	while ((n = recv(f->peer.fd, b, sizeof(b), MSG_DONTWAIT)) > 0) {
		if (n < (ssize_t)good.len ||
		    memcmp(b + good.len - 4, "weft", 4))
			continue;
		if (memcmp(b, good.b, good.len) != 0)
			f->got_bad++;
		else
			f->got_good++;
	}
}

static uint64_t sent(const struct flood *f)
{
	return __atomic_load_n(&f->shared->bad, __ATOMIC_RELAXED);
}

static uint64_t share(uint64_t n)
{
	const char *scale = getenv("WEFT_TEST_SCALE");

	return scale ? n * strtoull(scale, NULL, 10) / 100 : n;
}

/* Until a part of them has been sent since @from. */
static void let_flow(struct flood *f, uint64_t from, uint64_t n)
{
	while (sent(f) - from < share(n))
		drain(f);
	drain(f);
}

static const struct ip_net *guest_addrs(void)
{
	static struct ip_net addrs[2];

	addrs[0] = net_of(GUEST_IP "/24");
	addrs[1] = net_of(GUEST_IP6 "/64");
	return addrs;
}

/* As ADD does: the guest floods before it may. */
static void add(struct flood *f)
{
	struct sandbox *s = f->s;
	const struct guard_rules rules = { .attachment = ATTACHMENT,
					   .network = NETWORK,
					   .antispoof = true,
					   .mac = mac_of(GUEST_MAC),
					   .addrs = guest_addrs(),
					   .n = 2 };

	open_guard(s, &f->g);
	f->guest = veth_road(s, f->bridge);
	f->pid = fork();
	if (!f->pid)
		flood(f->guest.fd, f->shared);
	assert_works(guard_admit(&f->g, PORT, &rules, &s->err), s->err);
	apply(f, policies[0]);
	assert_works(guard_attach(&f->g, s->nl, PORT, false, &s->err), s->err);
	assert_works(link_set_up(s->nl, PORT, true, &s->err), s->err);
	while (!f->got_good)
		drain(f);
	let_flow(f, 0, FRAMES / 4);
}

static void swap_policies(struct flood *f)
{
	const uint64_t from = sent(f);

	for (int i = 0; i < SWAPS; i++) {
		apply(f, policies[i % 2]);
		drain(f);
	}
	let_flow(f, from, FRAMES / 4);
}

static void forget_programs(void)
{
	static const char *const pins[] = { "/sys/fs/bpf/weft/*/weft_from",
					    "/sys/fs/bpf/weft/*/weft_to",
					    "/sys/fs/bpf/weft/*/weft_tails" };

	for (size_t i = 0; i < sizeof(pins) / sizeof(*pins); i++) {
		glob_t g;

		assert_int_equal(glob(pins[i], 0, NULL, &g), 0);
		for (size_t k = 0; k < g.gl_pathc; k++)
			assert_int_equal(unlink(g.gl_pathv[k]), 0);
		globfree(&g);
	}
}

/* As another build's would be put in their place: with the maps that are there. */
static void upgrade(struct flood *f)
{
	const uint64_t from = sent(f);
	struct sandbox *s = f->s;

	for (int i = 0; i < UPGRADES; i++) {
		forget_programs();
		guard_close(&f->g);
		assert_works(guard_open(&f->g, &s->err), s->err);
		assert_works(guard_attach(&f->g, s->nl, PORT, false, &s->err),
			     s->err);
		let_flow(f, from, (uint64_t)FRAMES / 4 / UPGRADES * (i + 1));
	}
}

/* As DEL does: the entry first, then the device. */
static void del(struct flood *f)
{
	struct sandbox *s = f->s;
	uint64_t from, good;

	assert_works(guard_dismiss(&f->g, PORT, ATTACHMENT, &s->err), s->err);
	from = sent(f);
	drain(f);
	good = f->got_good;
	let_flow(f, from, FRAMES / 4);
	/* One may have been on its way. */
	assert_true(f->got_good - good <= 1);
	assert_works(link_remove(s->nl, PORT, LINK_WAIT_KERNEL, &s->err),
		     s->err);
	drain(f);
}

static void stop(struct flood *f)
{
	int status;

	__atomic_store_n(&f->shared->stop, 1, __ATOMIC_RELEASE);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	assert_int_equal(status, 0);
}

TEST(of_a_million_frames_none_passes_that_must_not)
{
	struct flood f = { .s = *state, .g = GUARD_NONE };
	const int room = 64 << 20;
	uint32_t unused;

	f.shared = mmap(NULL, sizeof(*f.shared), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f.shared, MAP_FAILED);
	f.bridge = make_bridge(f.s);
	f.peer = make_peer(f.s, "p0", f.bridge, &unused);
	assert_int_equal(setsockopt(f.peer.fd, SOL_SOCKET, SO_RCVBUFFORCE,
				    &room, sizeof(room)),
			 0);
	add(&f);
	swap_policies(&f);
	upgrade(&f);
	del(&f);
	stop(&f);
	print_message(
		"flood: ADD, %d policies, %d upgrades, DEL: %llu frames that must not pass, %llu passed (of others %llu)\n",
		SWAPS, UPGRADES, (unsigned long long)sent(&f),
		(unsigned long long)f.got_bad, (unsigned long long)f.got_good);
	assert_int_equal(f.got_bad, 0);
	assert_true(sent(&f) >= share(FRAMES));
	guard_close(&f.g);
	(void)close(f.guest.fd);
	(void)close(f.peer.fd);
	(void)munmap(f.shared, sizeof(*f.shared));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(of_a_million_frames_none_passes_that_must_not),
	};

	return RUN(tests);
}
