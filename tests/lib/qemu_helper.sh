# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# qemu_helper.sh: weft-qemu-helper as it is installed, in a private host whose
# /etc and /opt are copies.
#
#	helper_install                  $helper, and an empty /etc/cni/net.d
#	helper_user UID COMMAND...

helper=/opt/libexec/weft-qemu-helper
helper_caps_needed=cap_setuid,cap_setgid,cap_net_admin,cap_sys_admin+ep

helper_install() {
	mkdir "$TMPDIR/etc" "$TMPDIR/user"
	chmod 755 "$TMPDIR" "$TMPDIR/user"
	cp -a /etc/{passwd,group,nsswitch.conf,ld.so.cache,machine-id,alternatives} \
		"$TMPDIR/etc" 2>/dev/null || true
	mount --bind "$TMPDIR/etc" /etc
	mount -t tmpfs -o mode=755 opt /opt
	mkdir -p /etc/cni/net.d /etc/weft /opt/cni/bin /opt/libexec
	# shellcheck disable=SC2154 # of cni.sh
	cp "$cni_bin/weft" /opt/cni/bin
	ln -s weft /opt/cni/bin/bridge-vm
	ln -s weft /opt/cni/bin/ipam-host-local
	# shellcheck disable=SC2154 # of cni.sh
	cp "${cni_bin%/bin}/libexec/weft-qemu-helper" "$helper"
	helper_caps
}

helper_caps() {
	setcap "$helper_caps_needed" "$helper"
}

helper_user() {
	local uid=$1

	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups \
		--bounding-set=+all "$@"
}
