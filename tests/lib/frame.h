/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - frames, put together header by header. */
#ifndef WEFT_TESTS_FRAME_H
#define WEFT_TESTS_FRAME_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "base/mac.h"

/**
 * struct frame - What has been put together so far
 * @b:		Its bytes
 * @len:	How many
 * @ip:		Where the last IP header begins, whose length is kept right
 */
struct frame {
	uint8_t b[2048];
	size_t len, ip;
};

static inline void frame_put(struct frame *f, const void *data, size_t len)
{
	if (f->len + len > sizeof(f->b))
		abort();
	memcpy(f->b + f->len, data, len);
	f->len += len;
}

static inline void frame_u8(struct frame *f, unsigned int v)
{
	const uint8_t b = (uint8_t)v;

	frame_put(f, &b, 1);
}

static inline void frame_u16(struct frame *f, unsigned int v)
{
	frame_u8(f, v >> 8);
	frame_u8(f, v);
}

static inline void frame_u32(struct frame *f, uint32_t v)
{
	frame_u16(f, v >> 16);
	frame_u16(f, v & 0xffff);
}

static inline void frame_mac(struct frame *f, const char *text)
{
	struct mac m;

	if (mac_parse(text, &m) < 0)
		abort();
	frame_put(f, m.b, sizeof(m.b));
}

static inline void frame_ip(struct frame *f, const char *text)
{
	struct ip_addr a;

	if (ip_parse(text, &a) < 0)
		abort();
	frame_put(f, a.b, ip_len(&a));
}

static inline void frame_eth(struct frame *f, const char *from, const char *to,
			     unsigned int proto)
{
	f->len = 0;
	frame_mac(f, to);
	frame_mac(f, from);
	frame_u16(f, proto);
}

/* @field: flags and offset of a fragment; @words: of options, which follow. */
static inline void frame_ip4(struct frame *f, const char *from, const char *to,
			     unsigned int proto, unsigned int field,
			     unsigned int words)
{
	f->ip = f->len;
	frame_u8(f, 0x45 + words);
	frame_u8(f, 0);
	frame_u16(f, 0);
	frame_u16(f, 0x1234);
	frame_u16(f, field);
	frame_u8(f, 64);
	frame_u8(f, proto);
	frame_u16(f, 0);
	frame_ip(f, from);
	frame_ip(f, to);
}

static inline void frame_ip6(struct frame *f, const char *from, const char *to,
			     unsigned int next, unsigned int hops)
{
	f->ip = f->len;
	frame_u32(f, 0x60000000);
	frame_u16(f, 0);
	frame_u8(f, next);
	frame_u8(f, hops);
	frame_ip(f, from);
	frame_ip(f, to);
}

static inline void frame_fill(struct frame *f, size_t n)
{
	while (n--)
		frame_u8(f, 0);
}

static inline void frame_ports(struct frame *f, unsigned int from,
			       unsigned int to, size_t rest)
{
	frame_u16(f, from);
	frame_u16(f, to);
	frame_fill(f, rest);
}

/* The length in the IP header. */
static inline void frame_end(struct frame *f)
{
	const int is_6 = f->b[f->ip] >> 4 == 6;
	const size_t n = f->len - f->ip - (is_6 ? 40 : 0);
	uint8_t *at = f->b + f->ip + (is_6 ? 4 : 2);

	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
}

static inline void frame_arp(struct frame *f, unsigned int op,
			     const char *from_mac, const char *from,
			     const char *to_mac, const char *to)
{
	frame_u16(f, 1);
	frame_u16(f, 0x0800);
	frame_u8(f, 6);
	frame_u8(f, 4);
	frame_u16(f, op);
	frame_mac(f, from_mac);
	frame_ip(f, from);
	frame_mac(f, to_mac);
	frame_ip(f, to);
}

/* @mac: NULL: without the option */
static inline void frame_nd(struct frame *f, unsigned int type,
			    const char *target, unsigned int option,
			    const char *mac)
{
	frame_u8(f, type);
	frame_fill(f, 7);
	if (target)
		frame_ip(f, target);
	if (!mac)
		return;
	frame_u8(f, option);
	frame_u8(f, 1);
	frame_mac(f, mac);
}

#endif
