/* SPDX-License-Identifier: Apache-2.0 */
/* netlink.h - netlink requests: build, send, hear the kernel's answer. One
 * thread of a process may: what is received goes to a buffer that all share. */
#ifndef WEFT_NET_NETLINK_H
#define WEFT_NET_NETLINK_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/mem.h"

struct nl_msg;
struct nlattr;
struct nlmsghdr;
struct netlink;

#define NETLINK_TIMEOUT_S 10   /* no answer for so long: an error */
#define NETLINK_BATCH_MAX 128U /* requests in one send */

/**
 * netlink_open() - Open an rtnetlink socket in the calling thread's netns
 * @ret:	The socket; unchanged on failure. Free with netlink_close()
 * @err:	Filled on failure
 *
 * The socket stays bound to that namespace after setns(). It is closed on
 * exec and waits at most NETLINK_TIMEOUT_S for an answer.
 *
 * Source: netlink(7), rtnetlink(7); NETLINK_EXT_ACK, _CAP_ACK, _GET_STRICT_CHK.
 *
 * Return: 0, or a negative errno
 */
int netlink_open(struct netlink **ret, struct cni_err *err);

/**
 * netlink_open_in() - Open an rtnetlink socket in another netns
 * @netns:	Descriptor of the namespace, see netns_open()
 * @ret:	The socket, bound to @netns; unchanged on failure
 * @err:	Filled on failure
 *
 * The calling thread is back in its own namespace on return; if the kernel
 * refuses that, the process aborts.
 *
 * Return: 0, or a negative errno
 */
int netlink_open_in(int netns, struct netlink **ret, struct cni_err *err);

/**
 * netlink_open_nfnl() - Open an nfnetlink socket in the calling thread's netns
 *
 * For nf_tables, see nft.h. Otherwise as netlink_open().
 *
 * Return: 0, or -EPROTONOSUPPORT: a kernel without nfnetlink
 */
int netlink_open_nfnl(struct netlink **ret, struct cni_err *err);

/**
 * netlink_reopen() - A fresh rtnetlink socket in the namespace of another one
 * @nl:		rtnetlink socket, usually a broken one
 * @ret:	The fresh socket; unchanged on failure
 * @err:	Filled on failure
 *
 * Source: SIOCGSKNS, linux/sockios.h; SO_NETNS_COOKIE, Linux 5.14.
 *
 * Return: 0, or a negative errno
 */
int netlink_reopen(const struct netlink *nl, struct netlink **ret,
		   struct cni_err *err);

/** netlink_close() - Close and free; NULL is fine */
void netlink_close(struct netlink *nl);

/** netlink_fd() - The descriptor; still owned by @nl */
int netlink_fd(const struct netlink *nl);

/**
 * netlink_is_broken() - Has a send or a receive failed?
 *
 * Then the outcome of that request is unknown, "maybe done", and an answer
 * may still be pending: every later call fails with -EPIPE. Clean up on a
 * fresh socket.
 */
bool netlink_is_broken(const struct netlink *nl);

/**
 * netlink_is_missing() - Has this kernel not the part of nfnetlink that was asked?
 * @r:		What a request that reads returned, or opening the socket
 *
 * Source: socket(2); nfnetlink_rcv_msg() and nfnetlink_rcv_batch() in
 * net/netfilter/nfnetlink.c.
 */
static inline bool netlink_is_missing(int r)
{
	return r == -EPROTONOSUPPORT || r == -EINVAL || r == -EOPNOTSUPP;
}

DEFINE_CLEANUP(struct netlink *, netlink_close)
#define cleanup_netlink CLEANUP(netlink_closep)

/**
 * struct netlink_req - A request being built
 * @msg:	NULL once building has run out of memory
 *
 * The error is sticky: put as many attributes as needed, sending checks once.
 * A request must end in one of the functions that send, which free it, or in
 * netlink_req_free().
 */
struct netlink_req {
	struct nl_msg *msg;
};

/**
 * netlink_req() - Begin a request
 * @type:	RTM_* or NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_*
 * @flags:	NLM_F_*; REQUEST, ACK and DUMP are added by what sends it
 * @hdr:	The family's header: struct ifinfomsg, rtmsg, ...
 * @len:	Its size in bytes
 */
struct netlink_req netlink_req(int type, int flags, const void *hdr,
			       size_t len);
/**
 * netlink_req_sized() - Begin a request of more than a page
 * @size:	Room in bytes, all headers included
 */
struct netlink_req netlink_req_sized(int type, int flags, const void *hdr,
				     size_t len, size_t size);
void netlink_req_free(struct netlink_req *q);
void netlink_put(struct netlink_req *q, int attr, const void *data, size_t len);
void netlink_put_str(struct netlink_req *q, int attr, const char *s);
void netlink_put_u8(struct netlink_req *q, int attr, uint8_t v);
void netlink_put_u16(struct netlink_req *q, int attr, uint16_t v);
void netlink_put_u32(struct netlink_req *q, int attr, uint32_t v);
/** netlink_put_be32() - In network byte order, as nf_tables wants numbers */
void netlink_put_be32(struct netlink_req *q, int attr, uint32_t v);
struct nlattr *netlink_nest(struct netlink_req *q, int attr);
void netlink_nest_end(struct netlink_req *q, struct nlattr *nest);

/* Readers that believe no length: too short counts as absent. */
uint8_t netlink_attr_u8(const struct nlattr *a, uint8_t absent);
uint16_t netlink_attr_u16(const struct nlattr *a, uint16_t absent);
uint32_t netlink_attr_u32(const struct nlattr *a, uint32_t absent);
uint32_t netlink_attr_be32(const struct nlattr *a, uint32_t absent);
/** netlink_attr_ip() - Of @family; absent or of another length: @ret stays */
void netlink_attr_ip(const struct nlattr *a, uint8_t family,
		     struct ip_addr *ret);
/** netlink_attr_str() - Copy a string, cut to @size - 1 bytes; "" if absent */
void netlink_attr_str(const struct nlattr *a, char *buf, size_t size);

/**
 * netlink_do() - Send one request, wait for the acknowledgement
 * @nl:		Socket
 * @req:	Request; freed in every case
 * @err:	On failure, the errno's text and the kernel's own sentence (extack)
 *
 * Return: 0, or a negative errno, the kernel's; see netlink_is_broken()
 */
int netlink_do(struct netlink *nl, struct netlink_req *req,
	       struct cni_err *err);

/**
 * netlink_do_all() - Send requests in one go, wait for every acknowledgement
 * @nl:		Socket
 * @reqs:	Requests; freed in every case
 * @n:		How many, 1..NETLINK_BATCH_MAX
 * @results:	Room for @n: 0 or a negative errno each, -EIO where no answer
 *		came; may be NULL
 * @err:	On failure, of the first request that failed
 *
 * The kernel runs them in order and does not stop at a failure: the second
 * must not do harm if the first is refused.
 *
 * Return: 0 if all succeeded, or the first one's negative errno
 */
int netlink_do_all(struct netlink *nl, struct netlink_req *reqs, size_t n,
		   int *results, struct cni_err *err);

/**
 * netlink_do_batch() - Send an nfnetlink transaction, all or nothing
 * @nl:		nfnetlink socket
 * @reqs:	Requests, first and last being NFNL_MSG_BATCH_BEGIN and _END;
 *		freed in every case
 * @n:		How many, 3..NETLINK_BATCH_MAX
 * @err:	On failure, of the first request that failed
 *
 * Return: 0, or
 *   -ERESTART    the generation in BEGIN is not the current one
 *   another negative errno of a request or of the commit
 */
int netlink_do_batch(struct netlink *nl, struct netlink_req *reqs, size_t n,
		     struct cni_err *err);

/**
 * typedef netlink_cb - Take one message of an answer
 * @h:		The message, checked to be whole; NULL in a dump: the kernel's
 *		tables changed meanwhile, forget what came and begin anew
 * @arg:	The caller's
 * @err:	Fill on failure
 *
 * It may ask the kernel, by another socket; -EDEADLK: not in a callback of that.
 *
 * Return: 0, or a negative errno; then no further message is handed over
 */
typedef int netlink_cb(struct nlmsghdr *h, void *arg, struct cni_err *err);

/**
 * netlink_get() - Ask for one object
 * @nl:		Socket
 * @req:	Request; freed in every case
 * @cb:		Takes the answer
 * @arg:	Passed to @cb
 * @err:	Filled on failure
 *
 * Return: 0, what @cb returned, or the kernel's negative errno
 */
int netlink_get(struct netlink *nl, struct netlink_req *req, netlink_cb *cb,
		void *arg, struct cni_err *err);

/**
 * netlink_get_echo() - Ask for one object of tc's, which the kernel tells its
 *	listeners and not who asks
 *
 * As netlink_get(), but of some objects nothing is told: then @cb is not called,
 * and this is success.
 */
int netlink_get_echo(struct netlink *nl, struct netlink_req *req,
		     netlink_cb *cb, void *arg, struct cni_err *err);

/**
 * netlink_dump() - Ask for all objects that match
 * @nl:		Socket
 * @req:	Request; freed in every case. Let its header and attributes
 *		filter in the kernel: never dump what grows with attachments
 * @cb:		Takes each object
 * @arg:	Passed to @cb
 * @err:	Filled on failure
 *
 * Return: 0, what @cb returned, the kernel's negative errno, or -EAGAIN: the
 * tables changed under each of 64 attempts
 */
int netlink_dump(struct netlink *nl, struct netlink_req *req, netlink_cb *cb,
		 void *arg, struct cni_err *err);

#endif
