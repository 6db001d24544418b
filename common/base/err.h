/* SPDX-License-Identifier: Apache-2.0 */
/* err.h - the one error type: CNI code + message + details. */
#ifndef WEFT_BASE_ERR_H
#define WEFT_BASE_ERR_H

/* CNI spec 1.1.0, section "Error"; 100+ are ours. */
enum cni_code {
	CNI_E_OK = 0,
	CNI_E_VERSION = 1, /* incompatible CNI version */
	CNI_E_FIELD = 2,   /* unsupported field; message holds key and value */
	CNI_E_CONTAINER = 3, /* container unknown: no DEL needed */
	CNI_E_ENV = 4,	     /* bad CNI_* variable; message names it */
	CNI_E_IO = 5,
	CNI_E_DECODE = 6,
	CNI_E_CONFIG = 7,
	CNI_E_NETNS = 8, /* libcni's ErrInvalidNetNS, not in the spec's table */
	CNI_E_RETRY = 11,
	CNI_E_UNAVAILABLE = 50,
	CNI_E_LIMITED = 51,
	CNI_E_KERNEL = 100, /* a syscall or netlink request was refused */
	CNI_E_TAKEN = 101,  /* a name or an address belongs to another */
	CNI_E_CHECK = 102,  /* CHECK: reality differs from prevResult */
	CNI_E_INTERNAL = 999,
};

/**
 * struct cni_err - What went wrong, for a person and for a program
 * @code:	CNI error code; CNI_E_OK while nothing failed
 * @errnum:	Positive errno, the first one seen
 * @msg:	What was attempted, outermost first, and why it did not work
 * @details:	Machine facts as key=value
 *
 * Caller-owned, fixed size: building an error never allocates, so it also
 * works when the error is ENOMEM. Only failure writes it. A text that does
 * not fit ends in "...".
 */
struct cni_err {
	enum cni_code code;
	int errnum;
	char msg[1024];
	char details[512];
};

#define CNI_ERR_INIT             \
	{                        \
		.code = CNI_E_OK \
	}

/**
 * err_set() - Record that the system refused something
 * @e:		Error to fill, overwritten
 * @code:	CNI error code
 * @errnum:	Positive errno; its text is appended to the message
 * @fmt:	What was being attempted: "create bridge %s"
 *
 * Return: -@errnum, so that "return err_set(...)" both records and fails
 */
int err_set(struct cni_err *e, enum cni_code code, int errnum, const char *fmt,
	    ...) __attribute__((format(printf, 4, 5), cold));

/**
 * err_say() - Record a failure that the sentence explains by itself
 * @e:		Error to fill, overwritten
 * @code:	CNI error code
 * @errnum:	Positive errno, for callers that branch; not shown
 * @fmt:	The whole sentence
 *
 * Return: -@errnum
 */
int err_say(struct cni_err *e, enum cni_code code, int errnum, const char *fmt,
	    ...) __attribute__((format(printf, 4, 5), cold));

/**
 * err_ctx() - Say what the caller was doing: prefixes "fmt: " to the message
 *
 * Return: @r unchanged
 */
int err_ctx(struct cni_err *e, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

/**
 * err_detail() - Append one "key=value" to the details
 * @key:	NULL: the text stands for itself
 */
void err_detail(struct cni_err *e, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

/**
 * err_keep_first() - Collect failures in work that goes on after one
 * @first:	What is reported in the end; filled if it holds none yet
 * @e:		The failure at hand
 * @r:		Its return value
 * @acc:	Return value so far
 *
 * Return: @acc if it is a failure already, else @r
 */
int err_keep_first(struct cni_err *first, const struct cni_err *e, int r,
		   int acc);

#endif
