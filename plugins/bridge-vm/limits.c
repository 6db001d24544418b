/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a guest may send and receive: on the port, and in a device of its
 * own where what it has sent waits. */
#include "bridge-vm/limits.h"

#include "net/shape.h"

enum { IFB_OCTET = 0xfa }; /* beside 02: and fe: */

/* It answers to the port's other name, the one that this kind of guest leaves
 * free: so whoever looks for the port, of either kind, finds it with no further
 * question. */
static struct shape shape_of(const struct job *j,
			     char altname[CNI_LINK_NAME_SIZE])
{
	struct shape s = {
		.out = j->conf.bandwidth.to_guest,
		.in = j->conf.bandwidth.from_guest,
		.ifb = j->ifb_name,
		.ifb_altname = altname,
		.ifb_mac = j->port_mac,
		.alias = j->alias,
		.mtu = j->mtu,
	};

	s.ifb_mac.b[0] = IFB_OCTET;
	cni_attachment_link_name(&j->attachment, job_is_vm(j) ? "veth" : "tap",
				 altname);
	return s;
}

void limits_names(struct job *j)
{
	struct mac mac = j->port_mac;

	mac.b[0] = IFB_OCTET;
	cni_attachment_link_name(&j->attachment, "ifb", j->ifb_name);
	(void)mac_format(&mac, j->ifb_mac_text);
}

int limits_set(struct job *j, struct cni_err *err)
{
	char altname[CNI_LINK_NAME_SIZE];
	const struct shape s = shape_of(j, altname);

	return shape_set(j->host, j->port, &s, err);
}

int limits_check(struct job *j, const struct link_info *port,
		 struct cni_err *err)
{
	char altname[CNI_LINK_NAME_SIZE];
	struct shape s = shape_of(j, altname);
	int r;

	s.mtu = port->mtu;
	r = shape_check(j->host, port->index, &s, err);
	return r < 0 ? err_ctx(err, r, "port %s", port->name) : 0;
}
