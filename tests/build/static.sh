#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The static build: static, small, hardened, the same bytes anywhere, at home in
# an empty root directory; and what make install does.
set -euo pipefail
# shellcheck source=tests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
top=$(realpath "$(dirname "$0")/../..")

# A make that knows nothing of the one that runs the tests.
fresh_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -j2 "$@"
}

# Built before the private host, where there is no mirror: here, and out of a
# copy of the sources in a directory with another name.
if [ -z "${WEFT_PRIVATE_HOST-}" ]; then
	WEFT_COPY=$(mktemp -d)
	export WEFT_COPY
	trap 'rm -rf "$WEFT_COPY"' EXIT
	mkdir "$WEFT_COPY/weft"
	tar -C "$top" --exclude=./build --exclude=./.git -c . |
		tar -C "$WEFT_COPY/weft" -x
	fresh_make -C "$top" all static
	CFLAGS=-O3 LDFLAGS=-Wl,-v fresh_make -C "$WEFT_COPY/weft" static
	WEFT_PRIVATE_HOST=1 private_host bash "$0" || exit
	exit
fi
test_main "$@"

weft=$top/build/static/bin/weft
conf='{ "cniVersion": "1.1.0", "name": "net1", "type": "ipam-host-local",
	"bridge": "br0", "ipMasq": true, "ipam": { "type": "ipam-host-local",
	"dataDir": "/leases", "ranges": [[{ "subnet": "10.1.0.0/24" }]] } }'

# lacks NAME PATTERN TEXT: no line of the text matches.
lacks() {
	same '' "$(grep -E "$2" <<<"$3" || true)" "$1"
}

is_one_hardened_file() {
	local headers dynamic calls size

	headers=$(readelf -hlW "$weft")
	dynamic=$(readelf -dW "$weft")
	size=$(stat -c %s "$weft")
	lacks 'no interpreter' INTERP "$headers"
	lacks 'no shared library' NEEDED "$dynamic"
	lacks 'no text relocation' TEXTREL "$dynamic"
	succeeds 'position-independent' grep -q 'Type: *DYN' <<<"$headers"
	succeeds 'nothing bound late' grep -q 'Flags:.*NOW' <<<"$dynamic"
	lacks 'no segment is writable and executable' '(LOAD|STACK).* RWE ' \
		"$headers"
	same '' "$(readelf -sW "$weft" | grep FUNC || true)" 'stripped'
	lacks 'no path of the machine' "$top|$HOME/|$WEFT_COPY" \
		"$(grep -aoE '/[[:print:]]{4,}' "$weft")"
	succeeds "$size bytes: under 1 MB" test "$size" -lt 1000000
	calls=$(CNI_COMMAND=VERSION strace -qq -e trace=mprotect -o /dev/stdout \
		"${weft%/*}/bridge-vm" <<<"$conf")
	succeeds 'RELRO is read-only when main begins' \
		grep -q 'mprotect(.*, PROT_READ) = 0' <<<"$calls"
}

# in_root VERB NAME: in a root directory that holds what $root does.
in_root() {
	env CNI_COMMAND="$1" CNI_CONTAINERID=c1 CNI_IFNAME=eth0 \
		CNI_NETNS=/netns CNI_PATH=/ chroot "$root" "/$2" \
		<<<"${conf/ipam-host-local/$2}"
}

refuses() {
	local name=$1 word=$2

	shift 2
	fails "$name" in_root "$@"
	if [[ $output = *"$word"* ]]; then
		ok "and names $word"
	else
		nok "and names $word" "$output"
	fi
}

works_in_an_empty_root() {
	local root=$TMPDIR/root name

	mkdir -p "$root/leases"
	cp -P "${weft%/*}"/* "$root"
	for name in bridge-vm macvlan-vm ipam-host-local; do
		succeeds "VERSION of $name in an empty root" \
			in_root VERSION $name
	done
	succeeds 'STATUS of the IPAM' in_root STATUS ipam-host-local
	succeeds 'ADD' in_root ADD ipam-host-local
	same 10.1.0.2/24 "$(jq -r '.ips[0].address' <<<"$output")" 'an address'
	succeeds 'CHECK' in_root CHECK ipam-host-local
	succeeds 'DEL' in_root DEL ipam-host-local
	same '' "$(find "$root/leases/net1" -name '10.*')" 'no lease is left'

	ns_new guest
	touch "$root/netns"
	mount --bind /run/netns/guest "$root/netns"
	refuses 'a veth without /proc' /proc/ ADD bridge-vm
	mkdir "$root/proc"
	mount --bind /proc "$root/proc"
	mount -t tmpfs none "$root/proc/sys"
	refuses 'ipMasq without /proc/sys' /proc/sys/net ADD bridge-vm
	umount "$root/proc/sys"
	conf=${conf/\"bridge\"/\"attach\": \"tap\", \"bridge\"}
	refuses 'a tap without /sys' /sys/fs/bpf ADD bridge-vm
	conf=${conf/\"bridge\"/\"guard\": {\"antispoof\": false, \"addressing\": false\}, \"bridge\"}
	refuses 'a tap without /dev' /dev/net/tun ADD bridge-vm
	same '' "$(find "$root/leases/net1" -name '10.*')" 'no lease is left'
	umount "$root/proc" "$root/netns"
	ip netns del guest
}

# installs WHAT BUILD: make WHAT puts that build below DESTDIR.
installs() {
	local dest=$TMPDIR/$1 bin=$TMPDIR/$1/opt/cni/bin page name

	succeeds "make $1" fresh_make -C "$top" "$1" DESTDIR="$dest"
	succeeds "it is $2" cmp "$top/$2/weft" "$bin/weft"
	for name in bridge-vm macvlan-vm ipam-host-local; do
		same weft "$(readlink "$bin/$name")" "$name is a link beside it"
		succeeds "VERSION of the installed $name" \
			env CNI_COMMAND=VERSION "$bin/$name" <<<"$conf"
	done
	for page in "$top"/docs/*.8; do
		name=${page##*/}
		succeeds "$name is installed" \
			cmp "$page" "$dest/usr/local/share/man/man8/$name"
	done
	for name in docs/weft.schema.json:weft/weft.schema.json \
		completions/weft.bash:bash-completion/completions/weft \
		completions/_weft:zsh/site-functions/_weft; do
		succeeds "${name##*:} is installed" cmp "$top/${name%%:*}" \
			"$dest/usr/local/share/${name##*:}"
	done
	same "$(cd "$top/$2" && ls -A)" "$(ls -A "$bin")" 'and nothing else'
}

names_a_missing_source() {
	local dsc

	fails 'without a mirror' env WEFT_CACHE="$TMPDIR/cache" \
		WEFT_MIRROR=http://127.0.0.1:1/debian \
		"$top/tests/lib/cache.sh" cache_source cjson
	succeeds 'the missing source is named, in one line' grep -qE \
		'^cache: .*has cjson_[^ ]+\.dsc \(cjson .*, sha256' <<<"$output"
	same 1 "$(wc -l <<<"$output")" 'and nothing else is said'
	dsc=$(awk '/^cjson .*\.dsc$/ { print $4 }' "$top/static/sources.txt")
	mkdir -p "$TMPDIR/cache/files"
	echo forged >"$TMPDIR/cache/files/$dsc"
	fails 'a forged source' env WEFT_CACHE="$TMPDIR/cache" \
		"$top/tests/lib/cache.sh" cache_source cjson
}

same "$(sha256sum <"$weft")" \
	"$(sha256sum <"$WEFT_COPY/weft/build/static/bin/weft")" \
	'two directories, other flags in the environment: the same bytes'
is_one_hardened_file
works_in_an_empty_root
installs install build/bin
installs install-static build/static/bin
names_a_missing_source
