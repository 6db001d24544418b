#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# cache.sh: Debian packages, fetched and unpacked but not installed. To be
# sourced, or run with the name of a function:
#
#	cache_kernel cloud       prints a directory with boot/ and lib/modules/ of
#	                         the small kernel that guests boot
#	cache_kernel 6.1|6.12    the same of the generic one, which has it all
#	cache_reference_plugins  prints the one that holds bridge, host-local, ...
#	cache_containerd         prints the directory of a containerd of CNI 1.1
#	cache_libcni             prints a GOPATH with libcni of CNI 1.1
#	cache_go                 prints the GOROOT of a Go that it can be built with
#	cache_jq                 prints one that holds a jq that starts quickly
#	cache_source NAME        prints a source tree that static/sources.txt pins
#
# They cost nothing and need no network once the package is there. To take a
# newer one, delete the old one's directory. WEFT_CACHE names another place,
# WEFT_MIRROR another Debian mirror than the one this machine uses.

cache_dir() {
	echo "${WEFT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weft}"
}

cache_kernel() {
	local image package=linux-image-amd64 suite=

	# The digit leaves out -cloud-amd64 and -rt-amd64.
	case $1 in
	cloud)
		image='linux-image-*-cloud-amd64'
		package=linux-image-cloud-amd64
		;;
	6.1) image='linux-image-6.1.*[0-9]-amd64' suite=bookworm ;;
	6.12) image='linux-image-6.12.*[0-9]-amd64' suite=bookworm-backports ;;
	*)
		echo "cache: no kernel $1 (cloud, 6.1, 6.12)" >&2
		return 2
		;;
	esac
	cache_package "$image" cache_fetch_kernel "$package" "$suite"
}

cache_reference_plugins() {
	local dir

	dir=$(cache_package containernetworking-plugins cache_fetch_forky \
		containernetworking-plugins) || return
	echo "$dir/usr/lib/cni"
}

cache_containerd() {
	local dir

	dir=$(cache_package containerd cache_fetch_forky containerd) || return
	echo "$dir/usr/bin"
}

cache_go() {
	local dir

	dir=$(cache_package 'golang-1.*-go' cache_fetch_go) || return
	echo "$dir"/usr/lib/go-1.*
}

cache_libcni() {
	local dir

	dir=$(cache_package golang-github-appc-cni-dev cache_fetch_forky \
		golang-github-appc-cni-dev) || return
	echo "$dir/usr/share/gocode"
}

cache_source() {
	local version

	version=$(cache_pins "$1" | awk '{ print $2; exit }')
	cache_package "$1-${version:?$1 is not pinned}" \
		cache_fetch_source "$1" "$version"
}

# jq 1.6 compiles its library at every start, 25 ms; 1.7 needs 3. Emulated, that
# is most of a test's time. Prints nothing where the machine's jq is newer.
cache_jq() {
	local dir

	[ "$(jq --version)" = jq-1.6 ] || return 0
	dir=$(cache_package jq cache_fetch_jq) || return
	echo "$dir/weft"
}

# cache_package PATTERN FETCH [ARGUMENT...]: prints the directory of the newest
# package whose name matches; if there is none, FETCH is called first, in a
# scratch directory that the next holder of the lock removes should this one be
# killed.
cache_package() {
	local pattern=$1 fetch=$2 cache

	shift 2
	cache=$(cache_dir)
	cache_newest "$cache" "$pattern" && return
	mkdir -p "$cache"
	(
		flock -w 900 9 || exit
		rm -rf "$cache"/.tmp.*
		! cache_newest "$cache" "$pattern" >&3 || exit 0
		tmp=$(mktemp -d "$cache/.tmp.XXXXXX") || exit
		trap 'rm -rf "$tmp"' EXIT
		# A shell of its own: here errexit may be off, as in any $(..)||
		bash "${BASH_SOURCE[0]}" "$fetch" "$tmp" "$@" >&2 ||
			exit
		mv -T "$tmp/tree" "$cache/$(cat "$tmp/name")" || exit
		cache_newest "$cache" "$pattern" >&3
	) 3>&1 9>"$cache/.lock"
}

cache_newest() {
	local found

	found=$(find "$1" -mindepth 1 -maxdepth 1 -type d -name "$2_*" \
		2>/dev/null | sort -V | tail -n 1)
	[ -n "$found" ] && echo "$found"
}

# cache_fetch_kernel TMP METAPACKAGE SUITE: without one, the machine's own.
cache_fetch_kernel() {
	local tmp=$1 package=$2 suite=$3 image version

	[ -n "$suite" ] || suite=$(cache_mirror suite)
	cache_update "$tmp" "$suite"
	image=$(cache_apt "$tmp" apt-cache depends --important "$package" |
		awk '$1 == "Depends:" && /linux-image-/ { print $2; exit }')
	cache_unpack "$tmp" "${image:?$package names no image}"
	# Debian 13 and later ship usr/lib/modules; depmod wants lib/modules.
	[ -e "$tmp/tree/lib" ] || ln -s usr/lib "$tmp/tree/lib"
	version=$(basename "$tmp"/tree/lib/modules/*)
	depmod -b "$tmp/tree" "$version"
}

cache_fetch_forky() {
	cache_update "$1" forky
	cache_unpack "$1" "$2"
}

cache_fetch_go() {
	local tmp=$1 package

	cache_update "$tmp" forky
	package=$(cache_apt "$tmp" apt-cache depends --important golang-go |
		awk '$1 == "Depends:" && /-go$/ { print $2; exit }')
	cache_unpack "$tmp" "${package%-go}-src"
	cache_unpack "$tmp" "${package:?golang-go names no package}"
}

cache_fetch_source() {
	local tmp=$1 name=$2 version=$3 hash file

	mkdir "$tmp/files"
	while read -r _ _ hash file; do
		cache_download "$tmp/files/$file" "$name" "$version" "$hash"
	done < <(cache_pins "$name")
	dpkg-source -q --no-check --no-copy -x "$tmp"/files/*.dsc "$tmp/tree"
	echo "$name-${version}_source" >"$tmp/name"
}

# The lines of static/sources.txt about a source: name, version, hash, file.
cache_pins() {
	grep "^$1 " "$(dirname "${BASH_SOURCE[0]}")/../../static/sources.txt"
}

# Fetches one file of a source package to TARGET, from CACHE/files where someone
# may have put it, else from the pool of this machine's mirrors. The hash is
# what makes it right, wherever it comes from.
cache_download() {
	local target=$1 name=$2 version=$3 hash=$4 file=${1##*/} pool url
	local files

	files=$(cache_dir)/files
	if [ -e "$files/$file" ]; then
		cp "$files/$file" "$target"
		echo "$hash  $target" | sha256sum --quiet -c
		return
	fi
	pool=${name:0:1}
	[[ $name != lib* ]] || pool=${name:0:4}
	for url in $(cache_pools); do
		! cache_get "$url/$pool/$name/$file" "$target" "$hash" || return 0
	done
	echo "cache: no mirror has $file ($name $version, sha256 $hash);" \
		"put it into $files, or pin a newer version in" \
		"static/sources.txt" >&2
	return 1
}

cache_get() {
	local url=$1 target=$2 hash=$3

	/usr/lib/apt/apt-helper -o APT::Sandbox::User=root \
		-o Acquire::Retries=2 download-file \
		"$url" "$target" "SHA256:$hash" >"$target.log" 2>&1
}

# Prints where main's source files are: of the mirror and, since a security
# update may be nowhere else yet, of the security archives.
cache_pools() {
	local mirror

	mirror=$(cache_mirror uri)
	echo "${mirror%/}/pool/main"
	[ -n "${WEFT_MIRROR-}" ] || apt-get update --print-uris |
		sed -En "s|^'(.*-security/)dists/.*|\1pool/updates/main|p" |
		sort -u
}

# With the C library that it was built for, and its loader.
cache_fetch_jq() {
	local tmp=$1 package

	cache_update "$tmp" trixie
	for package in libc6 libonig5 libjq1 jq; do
		cache_unpack "$tmp" "$package"
	done
	mkdir "$tmp/tree/weft"
	cat >"$tmp/tree/weft/jq" <<-'EOF'
		#!/bin/sh
		usr=${0%/weft/jq}/usr
		lib=$usr/lib/x86_64-linux-gnu
		exec "$lib/ld-linux-x86-64.so.2" --library-path "$lib" \
			"$usr/bin/jq" "$@"
	EOF
	chmod +x "$tmp/tree/weft/jq"
}

# Leaves the unpacked package in TMP/tree and its directory's name in TMP/name.
cache_unpack() {
	local tmp=$1 package=$2 deb

	(cd "$tmp" && cache_apt "$tmp" apt-get -qq download "$package")
	deb=$(echo "$tmp/$package"_*.deb)
	dpkg-deb -x "$deb" "$tmp/tree"
	# shellcheck disable=SC2016 # dpkg's own variables
	dpkg-deb -W --showformat '${Package}_${Version}' "$deb" >"$tmp/name"
}

# Prints the mirror, or the suite, that this machine's own packages come from.
# Without downloaded lists apt knows no origin: then the path must do.
cache_mirror() {
	local what=$1 found

	# shellcheck disable=SC2016 # apt's own variables
	found=$(apt-get indextargets \
		--format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' |
		awk '$2 ~ /^[a-z]+$/ && $3 == "main" && $4 == "Debian" {
			print $1, $2 }')
	[ -n "$found" ] || found=$(apt-get update --print-uris |
		sed -En "s|^'(.*/debian/)dists/([a-z]+)/.*|\1 \2|p")
	if [ -z "$found" ]; then
		echo "cache: apt knows no Debian mirror here" >&2
		return 1
	fi
	found=${found%%$'\n'*}
	case $what in
	uri) echo "${WEFT_MIRROR:-${found% *}}" ;;
	suite) echo "${found#* }" ;;
	esac
}

# An apt of our own: the machine's proxies and credentials, but no list, state
# or hook of its.
cache_update() {
	local tmp=$1 suite=$2 mirror

	mirror=$(cache_mirror uri)
	mkdir -p "$tmp"/apt/{lists,cache}/partial
	: >"$tmp/apt/status"
	cat >"$tmp/apt/sources.list" <<-EOF
		deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \
		$mirror $suite main
	EOF
	cat >"$tmp/apt/conf" <<-EOF
		Dir::State "$tmp/apt";
		Dir::State::lists "$tmp/apt/lists";
		Dir::State::status "$tmp/apt/status";
		Dir::Cache "$tmp/apt/cache";
		Dir::Etc::sourcelist "$tmp/apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Acquire::Languages "none";
		Acquire::Retries "3";
		Acquire::http::Timeout "15";
		Acquire::https::Timeout "15";
		APT::Update::Error-Mode "any";
		APT::Architecture "amd64";
		APT::Sandbox::User "root";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	EOF
	echo "cache: asking $suite for its packages"
	cache_apt "$tmp" apt-get -qq update
}

cache_apt() {
	local tmp=$1 command=$2

	shift 2
	"$command" -c "$tmp/apt/conf" "$@"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -euo pipefail
	"$@"
fi
