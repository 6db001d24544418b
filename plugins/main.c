/* SPDX-License-Identifier: Apache-2.0 */
/* One file under many names: the name decides what it is. */
#include <stdio.h>
#include <string.h>

#include "bridge-vm/bridge_vm.h"
#include "cni/plugin.h"
#include "ipam-host-local/ipam.h"
#include "macvlan-vm/macvlan_vm.h"
#include "policy-ebpf/policy_ebpf.h"
#include "portmap-nft/portmap_nft.h"
#include "tap-vm/tap_vm.h"
#include "weft/weft.h"

int main(int argc, char **argv)
{
	const struct cni_plugin plugins[] = {
		bridge_vm,   macvlan_vm,  tap_vm, ipam_host_local,
		portmap_nft, policy_ebpf, { 0 },
	};
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc ? argv[0] : "weft";
	const struct cni_plugin *self = cni_plugin_find(plugins, name);

	return self ? cni_plugin_main(self, plugins) : weft_main(argc, argv);
}
