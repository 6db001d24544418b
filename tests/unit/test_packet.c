/* SPDX-License-Identifier: Apache-2.0 */
#include "../lib/check.h"
#include "../lib/frame.h"
#include "weft/packet.h"

#define MINE "02:00:00:00:00:01"
#define OTHERS "02:00:00:00:00:02"

enum { IP4 = 0x0800, IPV6 = 0x86dd, ARP = 0x0806, TAG = 0x8100, TCP = 6 };

static struct packet read_frame(const struct frame *f)
{
	struct packet p;

	packet_read(f->b, f->len, &p);
	return p;
}

static void reads(const struct frame *f, const char *want)
{
	const struct packet p = read_frame(f);
	char text[PACKET_TEXT];

	assert_string_equal(packet_text(&p, text), want);
}

static void tcp(struct frame *f, unsigned int flags)
{
	frame_eth(f, MINE, OTHERS, IP4);
	frame_ip4(f, "10.1.0.2", "10.1.0.3", TCP, 0, 0);
	frame_ports(f, 40000, 80, 9);
	frame_u8(f, flags);
	frame_fill(f, 6);
}

/* What @next says follows behind IPv6's header. */
static void ip6(struct frame *f, unsigned int next)
{
	frame_eth(f, MINE, OTHERS, IPV6);
	frame_ip6(f, "fd00:1::2", "fd00:1::3", next, 64);
}

TEST(five_tuples_are_read_of_both_families)
{
	struct frame f;

	(void)state;
	tcp(&f, 0x02);
	reads(&f, "tcp 10.1.0.2:40000 > 10.1.0.3:80 syn");
	tcp(&f, 0x12);
	reads(&f, "tcp 10.1.0.2:40000 > 10.1.0.3:80 syn,ack");
	tcp(&f, 0xff);
	reads(&f, "tcp 10.1.0.2:40000 > 10.1.0.3:80 fin,syn,rst,psh,ack,urg");
	ip6(&f, 17);
	frame_ports(&f, 53, 5353, 4);
	reads(&f, "udp [fd00:1::2]:53 > [fd00:1::3]:5353");
	ip6(&f, 132);
	frame_ports(&f, 1, 2, 0);
	reads(&f, "sctp [fd00:1::2]:1 > [fd00:1::3]:2");
	ip6(&f, 47);
	reads(&f, "ip/47 fd00:1::2 > fd00:1::3");
}

TEST(icmp_has_a_type_and_perhaps_a_code)
{
	struct frame f;

	(void)state;
	frame_eth(&f, MINE, OTHERS, IP4);
	frame_ip4(&f, "10.1.0.2", "10.1.0.3", 1, 0, 0);
	frame_u16(&f, 8 << 8);
	reads(&f, "icmp/8 10.1.0.2 > 10.1.0.3");
	frame_eth(&f, MINE, OTHERS, IP4);
	frame_ip4(&f, "10.1.0.2", "10.1.0.3", 1, 0, 0);
	frame_u16(&f, 3 << 8 | 4);
	reads(&f, "icmp/3:4 10.1.0.2 > 10.1.0.3");
	ip6(&f, 58);
	frame_u16(&f, 135 << 8);
	reads(&f, "icmpv6/135 fd00:1::2 > fd00:1::3");
	/* Of the other family it is no ICMP. */
	ip6(&f, 1);
	frame_u16(&f, 8 << 8);
	reads(&f, "icmp fd00:1::2 > fd00:1::3");
}

TEST(options_and_extension_headers_are_stepped_over)
{
	struct frame f;

	(void)state;
	frame_eth(&f, MINE, OTHERS, IP4);
	frame_ip4(&f, "10.1.0.2", "10.1.0.3", 17, 0, 2);
	frame_fill(&f, 8);
	frame_ports(&f, 1, 2, 0);
	reads(&f, "udp 10.1.0.2:1 > 10.1.0.3:2");
	ip6(&f, 0);
	frame_u8(&f, 60);
	frame_fill(&f, 7);
	frame_u8(&f, 17);
	frame_u8(&f, 1);
	frame_fill(&f, 14);
	frame_ports(&f, 1, 2, 0);
	reads(&f, "udp [fd00:1::2]:1 > [fd00:1::3]:2");
	/* RFC 4302: in words of four bytes, without two. */
	ip6(&f, 51);
	frame_u8(&f, 17);
	frame_u8(&f, 1);
	frame_fill(&f, 10);
	frame_ports(&f, 1, 2, 0);
	reads(&f, "udp [fd00:1::2]:1 > [fd00:1::3]:2");
	/* There are more than anybody sends. */
	ip6(&f, 0);
	for (int i = 0; i < 12; i++)
		frame_fill(&f, 8);
	reads(&f, "ip/0 fd00:1::2 > fd00:1::3");
}

TEST(of_parts_only_the_first_has_ports)
{
	struct frame f;

	(void)state;
	frame_eth(&f, MINE, OTHERS, IP4);
	frame_ip4(&f, "10.1.0.2", "10.1.0.3", 17, 0x2000, 0);
	frame_ports(&f, 1, 2, 0);
	reads(&f, "udp part at 0 10.1.0.2:1 > 10.1.0.3:2");
	frame_eth(&f, MINE, OTHERS, IP4);
	frame_ip4(&f, "10.1.0.2", "10.1.0.3", 17, 185, 0);
	frame_ports(&f, 1, 2, 0);
	reads(&f, "udp part at 1480 10.1.0.2 > 10.1.0.3");
	ip6(&f, 44);
	frame_u16(&f, 17 << 8);
	frame_u16(&f, 185 << 3);
	frame_u32(&f, 7);
	frame_ports(&f, 1, 2, 0);
	reads(&f, "udp part at 1480 fd00:1::2 > fd00:1::3");
}

TEST(arp_says_whose_address_is_where)
{
	struct frame f;

	(void)state;
	frame_eth(&f, MINE, "ff:ff:ff:ff:ff:ff", ARP);
	frame_arp(&f, 1, OTHERS, "10.1.0.2", "00:00:00:00:00:00", "10.1.0.1");
	reads(&f, "arp request 10.1.0.2 (" OTHERS ") > 10.1.0.1");
	frame_eth(&f, MINE, "ff:ff:ff:ff:ff:ff", ARP);
	frame_arp(&f, 2, OTHERS, "10.1.0.2", "00:00:00:00:00:00", "10.1.0.1");
	reads(&f, "arp reply 10.1.0.2 (" OTHERS ") > 10.1.0.1");
	frame_eth(&f, MINE, "ff:ff:ff:ff:ff:ff", ARP);
	frame_arp(&f, 9, OTHERS, "10.1.0.2", "00:00:00:00:00:00", "10.1.0.1");
	reads(&f, "arp other 10.1.0.2 (" OTHERS ") > 10.1.0.1");
}

TEST(what_is_behind_tags_is_read_and_the_outer_one_told)
{
	struct packet p;
	struct frame f;

	(void)state;
	frame_eth(&f, MINE, OTHERS, 0x88a8);
	frame_u16(&f, 0xe000 | 7);
	frame_u16(&f, TAG);
	frame_u16(&f, 8);
	frame_u16(&f, IP4);
	frame_ip4(&f, "10.1.0.2", "10.1.0.3", 17, 0, 0);
	frame_ports(&f, 1, 2, 0);
	reads(&f, "udp 10.1.0.2:1 > 10.1.0.3:2");
	p = read_frame(&f);
	assert_int_equal(p.tag, 7);
	assert_int_equal(p.type, IP4);
	frame_eth(&f, MINE, OTHERS, 0x88cc);
	reads(&f, "0x88cc " MINE " > " OTHERS);
	assert_int_equal(read_frame(&f).tag, -1);
}

/* Each byte that is missing is missed by the sanitizer. */
TEST(of_what_is_cut_only_what_is_there_is_read)
{
	struct frame whole[4];

	(void)state;
	tcp(&whole[0], 2);
	ip6(&whole[1], 0);
	frame_u16(&whole[1], 44 << 8);
	frame_fill(&whole[1], 6);
	frame_u16(&whole[1], TCP << 8);
	frame_fill(&whole[1], 6);
	frame_ports(&whole[1], 1, 2, 16);
	frame_eth(&whole[2], MINE, OTHERS, ARP);
	frame_arp(&whole[2], 1, MINE, "10.1.0.2", MINE, "10.1.0.1");
	frame_eth(&whole[3], MINE, OTHERS, TAG);
	frame_u16(&whole[3], 1);
	frame_u16(&whole[3], IPV6);
	frame_ip6(&whole[3], "::", "ff02::1", 51, 1);
	frame_u16(&whole[3], 0x3aff);
	for (size_t i = 0; i < 4; i++)
		for (size_t n = 0; n < whole[i].len; n++) {
			uint8_t *cut = malloc(n + 1);
			char text[PACKET_TEXT];
			struct packet p;

			assert_non_null(cut);
			memcpy(cut + 1, whole[i].b, n);
			packet_read(cut + 1, n, &p);
			assert_true(n >= 14 || !p.type);
			assert_true(*packet_text(&p, text));
			free(cut);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_tuples_are_read_of_both_families),
		cmocka_unit_test(icmp_has_a_type_and_perhaps_a_code),
		cmocka_unit_test(
			options_and_extension_headers_are_stepped_over),
		cmocka_unit_test(of_parts_only_the_first_has_ports),
		cmocka_unit_test(arp_says_whose_address_is_where),
		cmocka_unit_test(
			what_is_behind_tags_is_read_and_the_outer_one_told),
		cmocka_unit_test(of_what_is_cut_only_what_is_there_is_read),
	};

	return RUN(tests);
}
