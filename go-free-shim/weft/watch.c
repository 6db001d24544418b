/* SPDX-License-Identifier: Apache-2.0 */
/* weft watch: what the guard does not let pass, as it happens. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bpf/guard_watch.h"
#include "bpf/policy_member.h"
#include "cni/attachment.h"
#include "weft/packet.h"
#include "weft/show.h"
#include "weft/weft.h"

enum { STAY_MS = 1000, STAMP = 32, US = 1000 };

#define NS 1000000000LL

/* What is looked for, and how much of it is still to come. */
struct watch {
	const struct weft_args *args;
	const char *network; /* NULL: all */
	uint64_t hash;	     /* its */
	unsigned long left;  /* 0: until it is ended */
};

/* An event, and who is behind the port. */
struct seen {
	struct guard_event e;
	struct policy_member who; /* of nobody known the container ID is NULL */
	struct packet packet;
};

static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

/* Of the clock that the wall has; what the event has goes on in sleep, too. */
static struct timespec time_of(const struct guard_event *e)
{
	struct timespec boot, now, ret;
	int64_t ns;

	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	ns = (now.tv_sec - boot.tv_sec) * NS + now.tv_nsec - boot.tv_nsec +
	     (int64_t)e->time;
	ret.tv_sec = (time_t)(ns / NS);
	ret.tv_nsec = (long)(ns % NS);
	return ret;
}

static void stamp(const struct guard_event *e, bool for_programs,
		  char ret[STAMP])
{
	const struct timespec t = time_of(e);
	struct tm tm;
	size_t n;

	if (for_programs)
		(void)gmtime_r(&t.tv_sec, &tm);
	else
		(void)localtime_r(&t.tv_sec, &tm);
	n = strftime(ret, STAMP,
		     for_programs ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
	(void)snprintf(ret + n, STAMP - n, ".%06ld%s", t.tv_nsec / US,
		       for_programs ? "Z" : "");
}

static bool is_sent(const struct seen *s)
{
	return s->e.flags & GUARD_SENT;
}

/* What only is looked at is told in the policy's words. */
static enum guard_verdict reason_of(const struct seen *s)
{
	return s->e.verdict ? s->e.verdict : GUARD_POLICY;
}

static void print_text(const struct seen *s)
{
	const enum guard_verdict v = reason_of(s);
	char when[STAMP], packet[PACKET_TEXT], mac[MAC_STR_SIZE];

	stamp(&s->e, false, when);
	if (s->who.container_id)
		(void)printf("%s %s %s %s %s: ", when,
			     is_sent(s) ? "from" : "to", s->who.network,
			     s->who.container_id, s->who.ifname);
	else
		(void)printf("%s %s interface %u: ", when,
			     is_sent(s) ? "from" : "to", s->e.ifindex);
	(void)printf("%s: ", packet_text(&s->packet, packet));
	if (v == GUARD_MAC)
		(void)printf("mac, from %s, not the guest's",
			     mac_format(&s->packet.from_mac, mac));
	else if (v == GUARD_POLICY && s->e.rule)
		(void)printf("policy, rule %u denies it", s->e.rule);
	else
		(void)printf("%s, %s", guard_verdict_name(v),
			     guard_verdict_text(v));
	(void)printf("%s\n", s->e.verdict ? "" : ", but that is only audited");
	if (s->e.missed)
		(void)printf("%s %llu more before that, too many to list\n",
			     when, s->e.missed);
}

static int add_ends(cJSON *o, const struct packet *p)
{
	char from[IP_STR_SIZE], to[IP_STR_SIZE], proto[PACKET_PROTO_TEXT];
	const bool has = p->from.family;
	int r = show_str(o, "source", has ? ip_format(&p->from, from) : NULL) |
		show_str(o, "destination", has ? ip_format(&p->to, to) : NULL) |
		show_str(o, "protocol",
			 p->proto >= 0 ? packet_proto_text(p, proto) : NULL);

	if (!r && p->has_ports)
		r = show_num(o, "sourcePort", p->from_port) |
		    show_num(o, "destinationPort", p->to_port);
	if (!r && p->has_type)
		r = show_num(o, "icmpType", p->icmp_type) |
		    show_num(o, "icmpCode", p->icmp_code);
	if (!r && p->is_fragment)
		r = show_num(o, "fragmentOffset", p->offset);
	return r;
}

static int add_ether(cJSON *o, const struct seen *s)
{
	const struct packet *p = &s->packet;
	const int tag = s->e.flags & GUARD_TAGGED ? s->e.tag & 0xfff : p->tag;
	char mac[MAC_STR_SIZE], type[8];
	int r = show_num(o, "length", s->e.len) |
		show_str(o, "sourceMAC", mac_format(&p->from_mac, mac)) |
		show_str(o, "destinationMAC", mac_format(&p->to_mac, mac));

	(void)snprintf(type, sizeof(type), "0x%04x", p->type);
	r |= show_str(o, "etherType", type);
	return !r && tag >= 0 ? show_num(o, "vlan", tag) : r;
}

static int add_why(cJSON *o, const struct seen *s)
{
	const enum guard_verdict v = reason_of(s);
	int r = show_str(o, "reason", guard_verdict_name(v)) |
		show_bool(o, "passed", !s->e.verdict) |
		show_num(o, "missed", (int64_t)s->e.missed);

	return !r && v == GUARD_POLICY && s->e.rule
		       ? show_num(o, "rule", s->e.rule)
		       : r;
}

/* A line each: what reads it does not wait for an end. */
static int print_json(const struct seen *s, struct cni_err *err)
{
	cleanup_json cJSON *o = cJSON_CreateObject();
	cleanup_free char *text = NULL;
	char when[STAMP];
	int r;

	stamp(&s->e, true, when);
	r = o ? show_str(o, "time", when) |
			    show_str(o, "network", s->who.network) |
			    show_str(o, "containerID", s->who.container_id) |
			    show_str(o, "ifname", s->who.ifname) |
			    show_str(o, "direction",
				     is_sent(s) ? "from" : "to") |
			    add_why(o, s) | add_ends(o, &s->packet) |
			    add_ether(o, s)
	      : -ENOMEM;
	text = r ? NULL : cJSON_PrintUnformatted(o);
	if (!text)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "watch");
	(void)printf("%s\n", text);
	return 0;
}

/* A port may have a new guest by now. Return: 1, or 0 if it is not known */
static int find_who(const struct guard *g, struct seen *s, struct cni_err *err)
{
	const int r = policy_member_read(g, s->e.ifindex, &s->who, err);
	const struct cni_attachment a = { s->who.network, s->who.container_id,
					  s->who.ifname };

	if (r <= 0 || cni_attachment_hash(&a) == s->e.attachment)
		return r;
	policy_member_free(&s->who);
	return 0;
}

static bool is_wanted(const struct watch *w, const struct seen *s)
{
	if (w->network && s->e.network != w->hash)
		return false;
	return !w->args->id || (s->who.container_id &&
				!strcmp(s->who.container_id, w->args->id));
}

static int print_one(struct watch *w, const struct guard *g, struct seen *s,
		     struct cni_err *err)
{
	int r = find_who(g, s, err);

	if (r < 0 || !is_wanted(w, s))
		return r < 0 ? r : 0;
	packet_read(s->e.frame, s->e.len < GUARD_FRAME ? s->e.len : GUARD_FRAME,
		    &s->packet);
	r = 0;
	if (w->args->json)
		r = print_json(s, err);
	else
		print_text(s);
	if (w->left && !--w->left)
		ended = 1;
	return r;
}

static int print_all(struct watch *w, struct guard_watch *from,
		     struct cni_err *err)
{
	int r = 0;

	while (!r && !ended) {
		struct seen s = { 0 };

		if (!guard_watch_next(from, &s.e))
			break;
		r = print_one(w, from->g, &s, err);
		policy_member_free(&s.who);
	}
	if (fflush(stdout) == EOF && !r)
		r = err_set(err, CNI_E_IO, errno, "watch: write");
	return r;
}

static int follow(struct watch *w, struct guard_watch *from,
		  const sigset_t *waiting, struct cni_err *err)
{
	const struct timespec stay = { STAY_MS / 1000, 0 };
	struct pollfd p = { .fd = from->ring, .events = POLLIN };
	uint64_t lost = 0;
	int r = 0;

	while (!r && !ended) {
		if (ppoll(&p, 1, &stay, waiting) < 0 && errno != EINTR)
			return err_set(err, CNI_E_KERNEL, errno, "watch: wait");
		r = print_all(w, from, err);
		if (!r && !ended)
			r = guard_watch_stay(from, &lost, err);
		if (lost)
			(void)fprintf(
				stderr,
				"weft: %" PRIu64
				" events lost: they come faster than they are read\n",
				lost);
		lost = 0;
	}
	return r;
}

/* They are let in only while it waits: none comes between looking and waiting. */
static void take_signals(sigset_t *ret_waiting)
{
	static const int signals[] = { SIGINT, SIGTERM };
	const struct sigaction action = { .sa_handler = end };
	sigset_t blocked;

	(void)sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		(void)sigaddset(&blocked, signals[i]);
		(void)sigaction(signals[i], &action, NULL);
	}
	(void)sigprocmask(SIG_BLOCK, &blocked, ret_waiting);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		(void)sigdelset(ret_waiting, signals[i]);
}

int weft_watch(const struct weft_args *a, struct cni_err *err)
{
	cleanup_guard struct guard g = GUARD_NONE;
	cleanup_watch struct guard_watch from = GUARD_WATCH_NONE;
	struct watch w = { .args = a,
			   .network = a->n ? a->positional[0] : NULL,
			   .left = a->count };
	sigset_t waiting;
	int r;

	if (w.network && !cni_name_is_valid(w.network))
		return err_say(err, CNI_E_ENV, EINVAL,
			       "network \"%s\": invalid characters", w.network);
	w.hash = w.network ? cni_network_hash(w.network) : 0;
	r = guard_find(&g, err);
	if (!r)
		return err_say(err, CNI_E_ENV, ENOENT,
			       "watch: no guest on this host has a guard");
	take_signals(&waiting);
	if (r > 0)
		r = guard_watch_open(&g, &from, err);
	if (r < 0)
		return r;
	(void)fprintf(stderr, "weft: watching %s\n",
		      w.network ? w.network : "all networks");
	return follow(&w, &from, &waiting, err);
}
