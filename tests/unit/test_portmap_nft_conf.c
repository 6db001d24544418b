/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>

#include "../lib/netconf.h"
#include "portmap-nft/conf.h"

#define PORTS(list) "\"runtimeConfig\":{\"portMappings\":[" list "]}"
#define PORT(host, guest) \
	"{\"hostPort\":" #host ",\"containerPort\":" #guest "}"

static struct portmap_nft_conf read_conf(const char *keys)
{
	cleanup_netconf struct cni_netconf conf = { 0 };
	const struct cni_call call = call_with(keys, "", &conf);
	struct portmap_nft_conf c = { 0 };
	struct cni_err err = CNI_ERR_INIT;

	assert_ok(portmap_nft_conf_parse(&call, &c, &err), &err);
	return c;
}

static void check_refused(const char *keys, int code, const char *msg)
{
	cleanup_netconf struct cni_netconf conf = { 0 };
	const struct cni_call call = call_with(keys, "", &conf);
	cleanup_portmap_nft_conf struct portmap_nft_conf c = { 0 };
	struct cni_err err = CNI_ERR_INIT;

	assert_refused(portmap_nft_conf_parse(&call, &c, &err), &err, code,
		       msg);
}

TEST(nothing_said_means_the_defaults)
{
	const struct portmap_nft_conf c = read_conf("");

	assert_true(c.snat);
	assert_false(c.masq_all || c.strict_gc);
	assert_int_equal(c.n_ports, 0);
	assert_int_equal(
		read_conf("\"runtimeConfig\":{\"portMappings\":null}").n_ports,
		0);
}

TEST(keys_of_the_reference_are_taken)
{
	const struct portmap_nft_conf c = read_conf(
		"\"backend\":\"iptables\",\"snat\":false,\"masqAll\":true,"
		"\"markMasqBit\":31,\"conditionsV4\":[],\"conditionsV6\":null,"
		"\"externalSetMarkChain\":\"\",\"gc\":\"strict\"");

	assert_false(c.snat);
	assert_true(c.masq_all && c.strict_gc);
}

TEST(what_only_iptables_can_do_is_refused_by_name)
{
	static const char why[] =
		": it is for iptables, and this plugin writes nf_tables by itself";
	char msg[256];

	(void)snprintf(msg, sizeof(msg),
		       "key \"conditionsV4\": unsupported: value [\"-d\"]%s",
		       why);
	check_refused("\"conditionsV4\":[\"-d\"]", CNI_E_FIELD, msg);
	(void)snprintf(msg, sizeof(msg),
		       "key \"conditionsV6\": unsupported: value [\"-d\"]%s",
		       why);
	check_refused("\"conditionsV6\":[\"-d\"]", CNI_E_FIELD, msg);
	(void)snprintf(
		msg, sizeof(msg),
		"key \"externalSetMarkChain\": unsupported: value \"KUBE\"%s",
		why);
	check_refused("\"externalSetMarkChain\":\"KUBE\"", CNI_E_FIELD, msg);
}

TEST(bad_values_are_named)
{
	check_refused("\"backend\":\"ipfw\"", CNI_E_CONFIG,
		      "key \"backend\": unknown backend \"ipfw\"");
	check_refused("\"gc\":\"all\"", CNI_E_CONFIG,
		      "key \"gc\": \"all\" is not \"strict\"");
	check_refused(
		"\"markMasqBit\":32", CNI_E_CONFIG,
		"key \"markMasqBit\": 32: MasqMarkBit must be between 0 and 31");
	check_refused(
		"\"markMasqBit\":-1", CNI_E_CONFIG,
		"key \"markMasqBit\": -1: MasqMarkBit must be between 0 and 31");
	check_refused(
		PORTS(PORT(1, 1) "," PORT(0, 80)), CNI_E_CONFIG,
		"portMappings[1]: key \"hostPort\": Invalid host port number: 0");
	check_refused(
		PORTS(PORT(65536, 80)), CNI_E_CONFIG,
		"portMappings[0]: key \"hostPort\": Invalid host port number: 65536");
	check_refused(
		PORTS(PORT(80, 0)), CNI_E_CONFIG,
		"portMappings[0]: key \"containerPort\": Invalid container port number: 0");
	check_refused(
		PORTS("{\"hostPort\":1,\"containerPort\":1,\"protocol\":\"icmp\"}"),
		CNI_E_CONFIG,
		"portMappings[0]: key \"protocol\": \"icmp\": must be \"tcp\", \"udp\" or \"sctp\"");
	check_refused(
		PORTS("{\"hostPort\":1,\"containerPort\":1,\"hostIP\":\"x\"}"),
		CNI_E_CONFIG,
		"portMappings[0]: key \"hostIP\": \"x\": not an IP address");
	check_refused(
		PORTS("{\"hostPort\":65535,\"containerPort\":1,\"range\":2}"),
		CNI_E_CONFIG,
		"portMappings[0]: key \"range\": 2 ports from 65535 to 1 do not fit below 65536");
	check_refused(
		PORTS("{\"hostPort\":1,\"containerPort\":1,\"range\":0}"),
		CNI_E_CONFIG,
		"portMappings[0]: key \"range\": 0 ports from 1 to 1 do not fit below 65536");
	check_refused(
		PORTS("{\"hostPort\":1,\"containerPort\":1,\"range\":16385}"),
		CNI_E_CONFIG, "portMappings[0]: more than 16384 ports");
	check_refused(PORTS("7"), CNI_E_DECODE,
		      "portMappings[0]: 7 is not an object");
}

static void check_port(const struct portmap_nft_port *p, uint8_t proto,
		       uint16_t host, uint16_t guest, uint8_t family)
{
	assert_int_equal(p->proto, proto);
	assert_int_equal(p->host_port, host);
	assert_int_equal(p->guest_port, guest);
	assert_int_equal(p->host_ip.family, family);
}

TEST(ports_are_sorted_and_ranges_expanded)
{
	cleanup_portmap_nft_conf struct portmap_nft_conf c = read_conf(PORTS(
		"{\"hostPort\":53,\"containerPort\":54,\"protocol\":\"UDP\",\"hostIP\":\"::1\"},"
		"{\"hostPort\":9,\"containerPort\":9,\"protocol\":\"sctp\",\"hostIP\":\"0.0.0.0\"},"
		"{\"hostPort\":8000,\"containerPort\":80,\"protocol\":\"\",\"range\":3}"));

	assert_int_equal(c.n_ports, 5);
	for (uint16_t i = 0; i < 3; i++)
		check_port(&c.ports[i], IPPROTO_TCP, (uint16_t)(8000 + i),
			   (uint16_t)(80 + i), 0);
	check_port(&c.ports[3], IPPROTO_UDP, 53, 54, AF_INET6);
	check_port(&c.ports[4], IPPROTO_SCTP, 9, 9, AF_INET);
}

TEST(the_same_twice_is_once_and_two_ways_are_refused)
{
	cleanup_portmap_nft_conf struct portmap_nft_conf c =
		read_conf(PORTS(PORT(1, 2) "," PORT(1, 2)));

	assert_int_equal(c.n_ports, 1);
	check_refused(PORTS(PORT(1, 2) "," PORT(1, 3)), CNI_E_CONFIG,
		      "portMappings: host port 1 leads to the ports 2 and 3");
	check_refused(PORTS(PORT(1, 2) ",{\"hostPort\":1,\"containerPort\":3,"
				       "\"hostIP\":\"::\"}"),
		      CNI_E_CONFIG,
		      "portMappings: host port 1 leads to the ports 2 and 3");
}

TEST(one_port_may_lead_to_several_places_by_address_or_protocol)
{
	cleanup_portmap_nft_conf struct portmap_nft_conf c = read_conf(PORTS(PORT(
		1,
		2) ","
		   "{\"hostPort\":1,\"containerPort\":3,\"hostIP\":\"192.0.2.1\"},"
		   "{\"hostPort\":1,\"containerPort\":4,\"hostIP\":\"192.0.2.2\"},"
		   "{\"hostPort\":1,\"containerPort\":5,\"protocol\":\"udp\",\"hostIP\":\"0.0.0.0\"},"
		   "{\"hostPort\":1,\"containerPort\":6,\"protocol\":\"udp\",\"hostIP\":\"::\"}"));

	assert_int_equal(c.n_ports, 5);
}

static void read_prev(const char *ips, struct cni_result *ret)
{
	struct cni_err err = CNI_ERR_INIT;
	char text[1024];
	cJSON *doc = NULL;

	(void)snprintf(
		text, sizeof(text),
		"{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"br0\"},"
		"{\"name\":\"eth0\"},{\"name\":\"eth0\",\"sandbox\":\"/n\"},"
		"{\"name\":\"eth1\",\"sandbox\":\"/n\"}],\"ips\":[%s]}",
		ips);
	*ret = (struct cni_result){ 0 };
	assert_ok(json_parse(text, strlen(text), &doc, &err), &err);
	assert_ok(cni_result_parse(doc, CNI_V1_0_0, ret, &err), &err);
	ret->doc = doc;
}

static void check_guest(const char *ips, const char *v4, const char *v6)
{
	struct cni_result prev;
	struct ip_addr guest[2];
	char text[IP_STR_SIZE];

	read_prev(ips, &prev);
	portmap_nft_guest(&prev, "eth0", guest);
	assert_string_equal(guest[0].family ? ip_format(&guest[0], text) : "",
			    v4);
	assert_string_equal(guest[1].family ? ip_format(&guest[1], text) : "",
			    v6);
	cni_result_free(&prev);
}

TEST(the_guest_has_the_first_address_of_its_interface_in_each_family)
{
	check_guest("", "", "");
	check_guest("{\"address\":\"10.0.0.1/24\",\"interface\":0},"
		    "{\"address\":\"10.0.0.2/24\",\"interface\":1},"
		    "{\"address\":\"10.0.0.3/24\",\"interface\":3},"
		    "{\"address\":\"10.0.0.4/24\",\"interface\":2},"
		    "{\"address\":\"10.0.0.5/24\",\"interface\":2},"
		    "{\"address\":\"fd00::4/64\",\"interface\":2}",
		    "10.0.0.4", "fd00::4");
	check_guest("{\"address\":\"10.0.0.1/24\"}", "10.0.0.1", "");
}

TEST(an_owner_says_its_hash_and_its_names)
{
	const struct cni_attachment a = { "net", "c1", "eth0" };
	char owner[PORTMAP_NFT_OWNER_SIZE], text[PORTMAP_NFT_OWNER_SIZE];
	char want[64];
	struct cni_attachment b;

	portmap_nft_owner(&a, owner);
	(void)snprintf(want, sizeof(want), "%016llx net:c1:eth0",
		       (unsigned long long)cni_attachment_hash(&a));
	assert_string_equal(owner, want);
	assert_true(portmap_nft_owner_is_of(owner, "net"));
	assert_false(portmap_nft_owner_is_of(owner, "ne"));
	assert_false(portmap_nft_owner_is_of(owner, "net:c1"));
	assert_false(portmap_nft_owner_is_of("", "net"));
	assert_false(portmap_nft_owner_is_of("web server", "net"));
	assert_true(portmap_nft_owner_parse(owner, text, &b));
	assert_string_equal(b.network, "net");
	assert_string_equal(b.container_id, "c1");
	assert_string_equal(b.ifname, "eth0");
	owner[0] = owner[0] == '0' ? '1' : '0';
	assert_false(portmap_nft_owner_parse(owner, text, &b));
}

TEST(an_owner_of_long_names_still_says_its_network)
{
	char *id = repeat('i', 120), *net = repeat('n', 40);
	const struct cni_attachment a = { net, id, "eth0" },
				    b = { net, id, "eth1" };
	char one[PORTMAP_NFT_OWNER_SIZE], two[PORTMAP_NFT_OWNER_SIZE];
	char text[PORTMAP_NFT_OWNER_SIZE];
	struct cni_attachment c;

	portmap_nft_owner(&a, one);
	portmap_nft_owner(&b, two);
	assert_int_equal(strlen(one), PORTMAP_NFT_OWNER_SIZE - 1);
	assert_string_not_equal(one, two);
	assert_int_equal(one[17], '#');
	assert_true(portmap_nft_owner_is_of(one, net));
	net[0] = 'm';
	assert_false(portmap_nft_owner_is_of(one, net));
	assert_false(portmap_nft_owner_parse(one, text, &c));
	free(id);
	free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_means_the_defaults),
		cmocka_unit_test(keys_of_the_reference_are_taken),
		cmocka_unit_test(what_only_iptables_can_do_is_refused_by_name),
		cmocka_unit_test(bad_values_are_named),
		cmocka_unit_test(ports_are_sorted_and_ranges_expanded),
		cmocka_unit_test(
			the_same_twice_is_once_and_two_ways_are_refused),
		cmocka_unit_test(
			one_port_may_lead_to_several_places_by_address_or_protocol),
		cmocka_unit_test(
			the_guest_has_the_first_address_of_its_interface_in_each_family),
		cmocka_unit_test(an_owner_says_its_hash_and_its_names),
		cmocka_unit_test(an_owner_of_long_names_still_says_its_network),
	};

	return RUN(tests);
}
