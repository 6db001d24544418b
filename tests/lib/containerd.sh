# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# containerd.sh: containerd with weft's networks, in the private host of
# engine.sh, which it sources. $containerd is the command that starts it.
#
#	containerd_config; containerd_up NAME; containerd_down
#	containerd_image CTR-NAMESPACE
#	cri COMMAND..., ctrd ARGUMENT...

# shellcheck source=tests/lib/engine.sh
. "${BASH_SOURCE%/*}/engine.sh"

containerd_dir=$engine_dir/containerd
containerd_socket=/run/containerd/containerd.sock
containerd=(containerd)

# It also wants "loopback", a reference plugin. /usr/lib/cni is all that ctr
# knows, so they are there, too. One of them keeps a list of what it was asked.
containerd_config() {
	mkdir -p "$containerd_dir" "$engine_dir/plugins"
	ln -s "$cni_bin"/* "$engine_dir/plugins"
	cp /usr/lib/cni/loopback "$engine_dir/plugins"
	rm "$engine_dir/plugins/bridge-vm"
	cat >"$engine_dir/plugins/bridge-vm" <<-EOF
		#!/bin/sh
		echo "\$CNI_COMMAND" >>"$engine_dir/verbs"
		exec "$cni_bin/bridge-vm"
	EOF
	chmod +x "$engine_dir/plugins/bridge-vm"
	mount --bind "$engine_dir/plugins" /usr/lib/cni
	cat >"$containerd_dir/config.toml" <<-EOF
		version = 2
		root = "$containerd_dir/root"
		state = "$containerd_dir/state"
		disabled_plugins = [
		  "io.containerd.snapshotter.v1.btrfs",
		  "io.containerd.snapshotter.v1.devmapper",
		  "io.containerd.snapshotter.v1.zfs"]
		[grpc]
		  address = "$containerd_socket"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$containerd_dir/opt"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "localhost/guest:1"
		  restrict_oom_score_adj = true
		  disable_cgroup = true
		  disable_tcp_service = true
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "$engine_dir/plugins"
		    conf_dir = "/etc/cni/net.d"
		  [plugins."io.containerd.grpc.v1.cri".containerd]
		    snapshotter = "overlayfs"
		    default_runtime_name = "runc"
		  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		    runtime_type = "io.containerd.runc.v2"
		  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
		    BinaryName = "$engine_runc"
	EOF
}

# verbs: what bridge-vm was asked, each once.
verbs() {
	sort -u "$engine_dir/verbs" | paste -sd ' '
}

# containerd_up NAME: not below "succeeds", whose shell would own the daemon.
containerd_up() {
	"${containerd[@]}" --config "$containerd_dir/config.toml" \
		>>"$containerd_dir/log" 2>&1 </dev/null &
	containerd_pid=$!
	if engine_wait 30 ctrd version; then
		ok "$1"
	else
		note "$(tail -n 20 "$containerd_dir/log")"
		nok "$1"
	fi
}

containerd_down() {
	kill -TERM "$containerd_pid"
	engine_wait 10 gone "$containerd_pid" || kill -KILL "$containerd_pid"
	wait "$containerd_pid" || true
}

ctrd() {
	timeout -k 5 60 ctr -a "$containerd_socket" "$@"
}

cri() {
	timeout -k 5 90 "$cni_root/tests/engines/cri.py" \
		"$containerd_socket" "$@"
}

# containerd_image NAMESPACE: a docker archive of one layer, by hand.
containerd_image() {
	local dir=$engine_dir/image digest

	if [ ! -e "$dir.tar" ]; then
		mkdir "$dir"
		cp "$engine_dir/root.tar" "$dir/layer.tar"
		digest=$(sha256sum "$dir/layer.tar" | cut -d' ' -f1)
		jq -n --arg digest "sha256:$digest" '{
			architecture: "amd64", os: "linux",
			config: { Cmd: ["/bin/httpd", "-f", "-h", "/www"],
				Env: ["PATH=/bin"] },
			rootfs: { type: "layers", diff_ids: [$digest] }
		}' >"$dir/config.json"
		jq -n '[{ Config: "config.json", Layers: ["layer.tar"],
			RepoTags: ["localhost/guest:1"] }]' \
			>"$dir/manifest.json"
		tar -C "$dir" -cf "$dir.tar" .
	fi
	ctrd -n "$1" images import "$dir.tar"
}
