/* SPDX-License-Identifier: Apache-2.0 */
#include "net/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net/netlink_sock.h"

enum { DUMP_TRIES = 64, DEPTH_MAX = 2 };

/* What is expected back, and what came. */
struct exchange {
	uint32_t first; /* sequence number of the first request */
	size_t n;	/* requests */
	size_t left;	/* answers that have not come */
	bool acked;	/* what is told before does not count */
	bool framed;	/* first and last only answer to refuse the whole */
	bool changed;	/* NLM_F_DUMP_INTR */
	int *results;
	size_t failed; /* the first request that failed, n if none */
	int errnum;    /* its errno, positive */
	char extack[160];
	netlink_cb *cb;
	void *arg;
	int cb_result;
};

static int broke(struct netlink *nl, int errnum, const char *what,
		 struct cni_err *err)
{
	nl->broken = true;
	return err_set(err, CNI_E_KERNEL, errnum, "%s", what);
}

static int send_all(struct netlink *nl, struct netlink_req *reqs, size_t n,
		    struct cni_err *err)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec iov[NETLINK_BATCH_MAX];
	struct msghdr mh = { .msg_name = &kernel,
			     .msg_namelen = sizeof(kernel),
			     .msg_iov = iov,
			     .msg_iovlen = (unsigned)n };
	ssize_t len;

	for (size_t i = 0; i < n; i++) {
		struct nlmsghdr *h = nlmsg_hdr(reqs[i].msg);

		h->nlmsg_flags |= NLM_F_REQUEST;
		h->nlmsg_seq = nl->seq++;
		h->nlmsg_pid = 0;
		iov[i] = (struct iovec){ .iov_base = h,
					 .iov_len = h->nlmsg_len };
	}
	do
		len = sendmsg(nl->fd, &mh, 0);
	while (len < 0 && errno == EINTR);

	return len < 0 ? broke(nl, errno, "send to the kernel", err) : 0;
}

/* For one datagram each: of an exchange, and of one within its callback. Not on
 * the stack, where each of their pages would be probed. */
static char bufs[DEPTH_MAX][NETLINK_BUF_SIZE]
	__attribute__((aligned(NLMSG_ALIGNTO)));
static unsigned int depth;

/* One datagram of at most NETLINK_BUF_SIZE; any process may send to our port. */
static int receive(struct netlink *nl, void *buf, int *ret_len,
		   struct cni_err *err)
{
	struct sockaddr_nl from;
	struct iovec iov = { .iov_base = buf, .iov_len = NETLINK_BUF_SIZE };
	struct msghdr mh;
	ssize_t len;

	do {
		from = (struct sockaddr_nl){ 0 };
		mh = (struct msghdr){ .msg_name = &from,
				      .msg_namelen = sizeof(from),
				      .msg_iov = &iov,
				      .msg_iovlen = 1 };
		len = recvmsg(nl->fd, &mh, 0);
	} while ((len < 0 && errno == EINTR) || (len >= 0 && from.nl_pid));

	if (len < 0)
		return broke(nl, errno == EAGAIN ? ETIMEDOUT : errno,
			     "wait for the kernel's answer", err);
	if ((unsigned)mh.msg_flags & (unsigned)MSG_TRUNC)
		return broke(nl, EMSGSIZE, "read the kernel's answer", err);

	*ret_len = (int)len;
	return 0;
}

/* The kernel's own sentence, behind the error or the end of a dump. */
static void read_extack(struct exchange *x, struct nlmsghdr *h, size_t off)
{
	struct nlattr *a;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) ||
	    h->nlmsg_len < NLMSG_HDRLEN + off)
		return;
	a = nla_find((void *)((char *)nlmsg_data(h) + off),
		     (int)(h->nlmsg_len - NLMSG_HDRLEN - off),
		     NLMSGERR_ATTR_MSG);
	if (a)
		netlink_attr_str(a, x->extack, sizeof(x->extack));
}

static void note(struct exchange *x, size_t i, int error, struct nlmsghdr *h,
		 size_t off)
{
	if (x->results)
		x->results[i] = error;
	if (!error || i >= x->failed)
		return;
	x->failed = i;
	x->errnum = -error;
	x->extack[0] = '\0';
	read_extack(x, h, off);
}

/* An acknowledgement, good or bad, of request @i. */
static int take_error(struct netlink *nl, struct exchange *x,
		      struct nlmsghdr *h, size_t i)
{
	const struct nlmsgerr *e = nlmsg_data(h);
	size_t off = sizeof(*e);

	if (h->nlmsg_len < NLMSG_HDRLEN + sizeof(*e))
		return -EBADMSG;
	if (!(h->nlmsg_flags & NLM_F_CAPPED) && e->error)
		off += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
	note(x, i, e->error, h, off);

	if (!x->framed || (i && i != x->n - 1)) {
		x->left--;
		return 0;
	}
	if (e->error) { /* acknowledgements of single requests may follow */
		nl->broken = true;
		x->left = 0;
	}
	return 0;
}

static int take(struct netlink *nl, struct exchange *x, struct nlmsghdr *h,
		struct cni_err *err)
{
	const size_t i = h->nlmsg_seq - x->first;
	int error = 0;

	if (i >= x->n)
		return -EBADMSG;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		x->changed = true;

	switch (h->nlmsg_type) {
	case NLMSG_NOOP:
		return 0;
	case NLMSG_OVERRUN:
		return -EBADMSG;
	case NLMSG_ERROR:
		return take_error(nl, x, h, i);
	case NLMSG_DONE:
		if (h->nlmsg_len >= NLMSG_HDRLEN + sizeof(error))
			memcpy(&error, nlmsg_data(h), sizeof(error));
		note(x, i, error < 0 ? error : 0, h, sizeof(error));
		x->left = 0;
		return 0;
	default:
		break;
	}

	if (x->cb && !x->changed && x->cb_result >= 0)
		x->cb_result = x->cb(h, x->arg, err);
	if (x->cb && !x->acked && !(h->nlmsg_flags & NLM_F_MULTI))
		x->left--;
	return 0;
}

static int collect(struct netlink *nl, struct exchange *x, char *buf,
		   struct cni_err *err)
{
	while (x->left) {
		struct nlmsghdr *h = (struct nlmsghdr *)buf;
		int len = 0, r;

		r = receive(nl, buf, &len, err);
		if (r < 0)
			return r;
		for (; x->left && nlmsg_ok(h, len); h = nlmsg_next(h, &len)) {
			r = take(nl, x, h, err);
			if (r < 0)
				return broke(nl, -r, "read the kernel's answer",
					     err);
		}
	}
	return 0;
}

/* Sends @reqs, which stay the caller's, and hears the answers. */
static int talk(struct netlink *nl, struct netlink_req *reqs,
		struct exchange *x, struct cni_err *err)
{
	int r;

	if (x->n > NETLINK_BATCH_MAX)
		return err_set(err, CNI_E_INTERNAL, E2BIG, "%zu requests",
			       x->n);
	for (size_t i = 0; i < x->n; i++)
		if (!reqs[i].msg)
			return err_set(err, CNI_E_INTERNAL, ENOMEM,
				       "build a request");
	if (nl->broken)
		return err_set(err, CNI_E_KERNEL, EPIPE,
			       "netlink socket out of step");
	if (depth == DEPTH_MAX)
		return err_set(err, CNI_E_INTERNAL, EDEADLK,
			       "talk within a callback's callback");

	x->first = nl->seq;
	x->failed = x->n;
	x->changed = false;
	x->cb_result = 0;
	r = send_all(nl, reqs, x->n, err);
	if (r >= 0) {
		r = collect(nl, x, bufs[depth++], err);
		depth--;
	}
	if (r < 0 || x->cb_result < 0)
		return r < 0 ? r : x->cb_result;
	if (x->failed == x->n)
		return 0;

	r = err_say(err, CNI_E_KERNEL, x->errnum, "%s", strerror(x->errnum));
	if (x->extack[0])
		err_detail(err, "kernel", "\"%s\"", x->extack);
	return r;
}

/* Adds @flags to all of @reqs but the first and last @frame, talks, frees. */
static int exchange(struct netlink *nl, struct netlink_req *reqs,
		    struct exchange *x, unsigned flags, struct cni_err *err)
{
	const size_t frame = x->framed ? 1 : 0;
	int r;

	for (size_t i = frame; i + frame < x->n; i++)
		if (reqs[i].msg)
			nlmsg_hdr(reqs[i].msg)->nlmsg_flags |= (uint16_t)flags;
	for (size_t i = 0; x->results && i < x->n; i++)
		x->results[i] = -EIO;

	r = talk(nl, reqs, x, err);
	for (size_t i = 0; i < x->n; i++)
		netlink_req_free(&reqs[i]);
	return r;
}

int netlink_do(struct netlink *nl, struct netlink_req *req, struct cni_err *err)
{
	return netlink_do_all(nl, req, 1, NULL, err);
}

int netlink_do_all(struct netlink *nl, struct netlink_req *reqs, size_t n,
		   int *results, struct cni_err *err)
{
	struct exchange x = { .n = n, .left = n };

	x.results = results;
	return exchange(nl, reqs, &x, NLM_F_ACK, err);
}

int netlink_do_batch(struct netlink *nl, struct netlink_req *reqs, size_t n,
		     struct cni_err *err)
{
	struct exchange x = { .n = n, .left = n - 2, .framed = true };

	return exchange(nl, reqs, &x, NLM_F_ACK, err);
}

int netlink_get(struct netlink *nl, struct netlink_req *req, netlink_cb *cb,
		void *arg, struct cni_err *err)
{
	struct exchange x = { .n = 1, .left = 1, .cb = cb, .arg = arg };

	return exchange(nl, req, &x, 0, err);
}

int netlink_get_echo(struct netlink *nl, struct netlink_req *req,
		     netlink_cb *cb, void *arg, struct cni_err *err)
{
	struct exchange x = {
		.n = 1, .left = 1, .acked = true, .cb = cb, .arg = arg
	};

	return exchange(nl, req, &x, (unsigned)NLM_F_ECHO | NLM_F_ACK, err);
}

int netlink_dump(struct netlink *nl, struct netlink_req *req, netlink_cb *cb,
		 void *arg, struct cni_err *err)
{
	struct exchange x = { .n = 1, .cb = cb, .arg = arg };
	int r = 0;

	if (req->msg)
		nlmsg_hdr(req->msg)->nlmsg_flags |= NLM_F_DUMP;
	for (int i = 0; i < DUMP_TRIES; i++) {
		x.left = 1;
		r = talk(nl, req, &x, err);
		if (!x.changed)
			break;
		if (r >= 0)
			r = cb(NULL, arg, err);
		if (r < 0)
			break;
	}
	netlink_req_free(req);

	if (r >= 0 && x.changed)
		return err_set(err, CNI_E_KERNEL, EAGAIN,
			       "list what keeps changing");
	return r;
}
