#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A VM without a disk: QEMU's iPXE asks for its address and for what it boots, and gets
# both from its port.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
test_main "$@"
# shellcheck source=tests/lib/cni.sh
. "$(dirname "$0")/../lib/cni.sh"

ns_new vm
config=$(conf '.attach = "tap" | .isDefaultGateway = true | .dns = {
		nameservers: ["10.1.0.53"], domain: "boot.test"} |
	.guard.dhcp = {hostname: "vm1", bootServer: "10.1.0.1",
		bootFile: "http://10.1.0.1:8080/boot.ipxe"}')
# What the network has besides its guests stays.
add vm1 vm "$config"
del vm1 vm "$config"
before=$(state vm)
add vm1 vm "$config"
worked "a VM that is told what to boot"

# What iPXE has been told it asks for: the server's log has it.
mkdir "$TMPDIR/www"
cat >"$TMPDIR/www/boot.ipxe" <<'EOF'
#!ipxe
imgfetch /told/${net0/ip}/${net0/netmask}/${net0/gateway}/${net0/dns}/${hostname}/${domain} ||
reboot
EOF
busybox httpd -f -vv -p 10.1.0.1:8080 -h "$TMPDIR/www" 2>"$TMPDIR/httpd" &
httpd=$!

boot() {
	timeout 60 qemu-system-x86_64 -M q35 -accel tcg -cpu max -m 128 \
		-nodefaults -no-user-config -no-reboot -display none \
		-netdev "tap,id=n0,ifname=$(port),script=no,downscript=no,vhost=off" \
		-device "virtio-net-pci,netdev=n0,bootindex=1,mac=$(jq -r \
			'.interfaces[2].mac' <<<"$result")" \
		-serial "file:$TMPDIR/console" </dev/null
}
start=$SECONDS
succeeds "it boots what it was told, and ends" boot
note "$((SECONDS - start)) s"
[ "$(grep -c boot.ipxe "$TMPDIR/httpd")" -gt 0 ] ||
	note "$(tail -n 20 "$TMPDIR/console")"
succeeds "it has fetched the boot file" grep -q 'url:/boot.ipxe' "$TMPDIR/httpd"
same "url:/told/10.1.0.3/255.255.255.0/10.1.0.1/10.1.0.53/vm1/boot.test" \
	"$(grep -o 'url:/told.*' "$TMPDIR/httpd")" "and was told all that there is"
kill $httpd
wait $httpd 2>/dev/null || true
rm -r "$TMPDIR/www"
del vm1 vm "$config"
worked "DEL"
same "$before" "$(state vm)" "nothing is left"
