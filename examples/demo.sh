#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# demo.sh: a container and a virtual machine on one CNI network, from two
# commands. All of it happens in namespaces that play the host and end with
# this script. WEFT_ACCEL=kvm|tcg spares the VM the trial of KVM.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/lib/netns.sh
. "$top/tests/lib/netns.sh"
# shellcheck source=tests/lib/vm.sh
. "$top/tests/lib/vm.sh"
# shellcheck source=tests/lib/container.sh
. "$top/tests/lib/container.sh"

export NETCONFPATH=$top/examples
export CNI_PATH=${WEFT_BIN:-$top/build/bin}

network=hybrid bridge=weft0 leases=/var/lib/cni/networks/hybrid
outside4=203.0.113.2 outside6=2001:db8::2
uplink4=203.0.113.1 uplink6=2001:db8::1
declare -A kind=([c1]=container [vm1]=VM)
declare -A port=() mac=() addresses=() gateways=() ip4=() ip6=()
servers=() failures=() steps=0

bold='' red='' plain=''
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
fi

title() {
	steps=$((steps + 1))
	printf '\n%s%s. %s%s\n\n' "$bold" "$steps" "$1" "$plain"
}

say() {
	printf '   %s\n' "$@" | sed 's/ *$//'
}

# failed WHAT: note it and go on. die WHAT: it makes no sense to go on.
failed() {
	failures+=("$1")
}

die() {
	failed "$1"
	finish
}

finish() {
	local failure

	[ ${#failures[@]} -gt 0 ] || exit 0
	echo
	for failure in "${failures[@]}"; do
		echo "${red}demo: failed: $failure$plain"
	done
	exit 1
}

# weft ARGUMENT...: show the command and run it; what it prints is in $result.
weft() {
	say "\$ ${CNI_ARGS:+CNI_ARGS=$CNI_ARGS }weft $*"
	result=$("$CNI_PATH/weft" "$@") || {
		[ -z "$result" ] || say "$result"
		die "weft $*"
	}
}

since() {
	awk -v from="$1" -v to="$EPOCHREALTIME" \
		'BEGIN { printf "%.3f", to - from }'
}

# --- the host, and the rest of the world -------------------------------------

host_up() {
	title 'A host'
	say 'Namespaces play it; the network of this machine is not touched.' \
		'Another namespace plays the outside. It knows no way back to the' \
		'guests, so what they get from there came through masquerade.'
	ns_new outside
	ip link add uplink type veth peer name eth0 netns outside
	ip addr add $uplink4/24 dev uplink
	ip addr add $uplink6/64 dev uplink nodad
	ip link set uplink addrgenmode none up
	ip -n outside addr add $outside4/24 dev eth0
	ip -n outside addr add $outside6/64 dev eth0 nodad
	ip -n outside link set eth0 addrgenmode none up
	ns_new c1
	ns_new vm1
	container_build
	before=$(state)
}

state() {
	local ns

	host_state
	for ns in outside c1 vm1; do
		ns_state "$ns" | sed "s/^/$ns: /"
	done
}

servers_up() {
	guest_www "$TMPDIR/www"
	busybox httpd -f -h "$TMPDIR/www" &
	servers=($!)
	ip netns exec outside busybox httpd -f -h "$TMPDIR/www" &
	servers+=($!)
}

servers_down() {
	kill "${servers[@]}"
	wait "${servers[@]}" 2>/dev/null || true
}

# --- the guests --------------------------------------------------------------

attach() {
	local name=$1

	weft add $network "/run/netns/$name" --id "$name"
	port[$name]=$(jq -r '.interfaces[1].name' <<<"$result")
	mac[$name]=$(jq -r '.interfaces[2].mac' <<<"$result")
	addresses[$name]=$(jq -r '[.ips[].address] | join(",")' <<<"$result")
	gateways[$name]=$(jq -r '[.ips[].gateway] | join(",")' <<<"$result")
	ip4[$name]=$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")
	ip6[$name]=$(jq -r '.ips[1].address | sub("/.*"; "")' <<<"$result")
	say "    ${mac[$name]}  ${addresses[$name]/,/  }" \
		"    behind ${port[$name]} on $bridge"
	echo
}

guests_attach() {
	local lease holder

	title 'Two commands'
	say 'The network is in examples/hybrid.conflist.' ''
	attach c1
	CNI_ARGS=ATTACH=tap attach vm1
	gateway4=${gateways[c1]%,*} gateway6=${gateways[c1]#*,}
	say 'Leases of one pool hold both:'
	for lease in "$leases"/[0-9a-f]*[.:]*; do
		mapfile -t holder < <(tr -d '\r' <"$lease")
		say "    $(printf '%-14s' "${lease##*/}")${holder[*]}"
	done
}

guests_start() {
	local begin=$EPOCHREALTIME how

	title 'Two guests'
	container_start c1 /run/netns/c1
	if ! guest_ready c1 10; then
		container_complaint c1
		die 'the container does not start'
	fi
	say "c1, a container of runc, after $(since "$begin") s:"
	say "    \"$(guest_run c1 introduce)\""

	vm_build
	begin=$EPOCHREALTIME
	vm_start vm1 "${port[vm1]}" "${mac[vm1]}" asks ''
	if ! vm_ready vm1; then
		vm_complaint vm1
		die 'the VM does not boot'
	fi
	how="$vm_accel${vm_accel_why:+, for $vm_accel_why}"
	say "vm1, a VM of QEMU ($how), after $(since "$begin") s:" \
		"    \"$(vm_says vm1)\"" \
		'It asked for its addresses, and nothing but its port has answered:'
	asked
}

# What the VM was told, as its kernel has it.
asked() {
	local has

	has=$(guest_run vm1 "ip -o addr show dev eth0 scope global" |
		awk '{ print $4 }' | sort | paste -sd' ')
	say "    $has"
	[ "$has" = "${addresses[vm1]%,*} ${ip6[vm1]}/128" ] ||
		failed "the VM has $has, and not ${addresses[vm1]}"
}

# --- the picture -------------------------------------------------------------

picture() {
	title 'One network'
	say "                  outside    $outside4  $outside6" \
		'                     |' \
		'+--------------------|---------------------------------------------+'
	framed "                 uplink    $uplink4  $uplink6" \
		'                    |      masquerade' \
		"                 $bridge     $gateway4  $gateway6" \
		'                    |' \
		'        +-----------+-------------------+' \
		'        |                               |' \
		"   $(printf '%-31s %s' "${port[c1]}" "${port[vm1]}")" \
		'        |                               |' \
		' +------+----------------------+ +------+----------------------+'
	pair 'eth0' 'eth0'
	pair "${mac[c1]}" "${mac[vm1]}"
	pair "${addresses[c1]%,*}" "${addresses[vm1]%,*}"
	pair "${addresses[c1]#*,}" "${addresses[vm1]#*,}"
	framed ' +------------- container c1 --+ +------------------- VM vm1 --+'
	say '+--------------------------------------------------------- host ---+'
}

framed() {
	printf '   |%-66s|\n' "$@"
}

pair() {
	framed "$(printf ' | %-27s | | %-27s |' "   $1" "   $2")"
}

# --- the table ---------------------------------------------------------------

table() {
	title 'Ping and HTTP'
	say "The mean of 5 pings, and $((guest_data / 1000000)) MB by HTTP." ''
	servers_up
	say '                                  IPv4                  IPv6' \
		'from        to              ping       HTTP       ping       HTTP' \
		'------------------------------------------------------------------'
	row c1 VM "${ip4[vm1]}" "${ip6[vm1]}"
	row vm1 container "${ip4[c1]}" "${ip6[c1]}"
	row c1 gateway "$gateway4" "$gateway6"
	row vm1 gateway "$gateway4" "$gateway6"
	row c1 outside $outside4 $outside6
	row vm1 outside $outside4 $outside6
	echo
	seen_outside c1
	seen_outside vm1
	servers_down
}

row() {
	local from=$1 to=$2 address

	printf '   %-11s %-10s' "${kind[$from]}" "$to"
	for address in "$3" "$4"; do
		cell ping "$from" "$to" "$address"
		cell http "$from" "$to" "$address"
	done
	echo
}

cell() {
	local figure status=0

	figure=$("measure_$1" "$2" "$4") || status=$?
	if [ "$status" != 0 ]; then
		figure=${figure##*$'\n'}
		failed "$1 from ${kind[$2]} to $3, $4: ${figure:-no answer}"
		figure=FAILED
	fi
	printf ' %10s' "$figure"
	[ "$status" != 124 ] || die "the ${kind[$2]} does not answer any more"
}

# The first ping also resolves the neighbour: not counted.
measure_ping() {
	guest_run "$1" "ping -q -c 1 -W 3 $2 >/dev/null" || return
	guest_run "$1" "ping -q -c 5 -i 0.1 -W 2 $2" | awk -F/ '
		/ 0% packet loss/ { whole = 1 }
		/min\/avg\/max/ { printf "%.2f ms", $4 }
		END { exit !whole }'
}

measure_http() {
	local begin=$EPOCHREALTIME

	guest_run "$1" "timeout 8 wget -q -O /dev/null $(url "$2" data)" || return
	awk -v bytes="$guest_data" -v seconds="$(since "$begin")" \
		'BEGIN { printf "%.0f MB/s", bytes / seconds / 1e6 }'
}

url() {
	case $1 in
	*:*) echo "http://[$1]/$2" ;;
	*) echo "http://$1/$2" ;;
	esac
}

seen_outside() {
	local as4 as6

	as4=$(asks_outside "$1" $outside4) || as4=nobody
	as6=$(asks_outside "$1" $outside6) || as6=nobody
	say "Outside sees the ${kind[$1]} as $as4 and $as6"
	[ "$as4 $as6" = "$uplink4 $uplink6" ] ||
		failed "outside does not see the ${kind[$1]} as the host"
}

asks_outside() {
	guest_run "$1" "timeout 8 wget -q -O - $(url "$2" cgi-bin/whoami)" |
		tr -d '[]' | sed 's/^::ffff://'
}

# --- what the bridge knows, and the end --------------------------------------

# --- who may talk to whom ----------------------------------------------------

policy() {
	title 'A policy, while it runs'
	servers_up
	cat >"$TMPDIR/policy.json" <<-'POLICY'
		{ "podSelector": {}, "policyTypes": ["Ingress"],
		  "ingress": [{ "ports": [{ "protocol": "ICMP" }, { "protocol": "ICMPv6" }] }] }
	POLICY
	sed 's/^/       /' "$TMPDIR/policy.json"
	weft policy apply $network "$TMPDIR/policy.json" 2>"$TMPDIR/unguarded"
	say "    $result" \
		'The container is not asked: its network has no "policy" that would' \
		'guard containers, too.'
	grep -q 'of c1 has no guard' "$TMPDIR/unguarded" ||
		failed 'nobody says for whom the policy does not hold'
	meets blocked
	weft policy test $network vm1 from "${ip4[c1]}" icmp/8
	say "    $result"
	weft policy reset $network 2>/dev/null
	say "    $result"
	meets passes
	servers_down
}

# meets blocked|passes: what becomes of HTTP to the VM; all else passes.
meets() {
	local address

	echo
	for address in "${ip4[vm1]}" "${ip6[vm1]}"; do
		tried passes "container -> VM, ping $address" \
			guest_run c1 "ping -q -c 1 -W 3 $address >/dev/null"
		tried "$1" "container -> VM, HTTP $address" \
			guest_run c1 "timeout 2 wget -q -O /dev/null $(url "$address" data)"
	done
	for address in "${ip4[c1]}" "${ip6[c1]}"; do
		tried passes "VM -> container, HTTP $address" \
			guest_run vm1 "timeout 8 wget -q -O /dev/null $(url "$address" data)"
	done
	echo
}

# tried blocked|passes WHAT COMMAND...
tried() {
	local is=blocked

	! "${@:3}" >/dev/null 2>&1 || is=passes
	say "$(printf '    %-48s %s' "$2" "$is")"
	[ "$is" = "$1" ] || failed "$2: $is"
}

forwarding() {
	local name line

	title 'What the bridge has learned'
	say "\$ bridge fdb show br $bridge"
	for name in c1 vm1; do
		line=$(bridge fdb show br $bridge | grep -i "^${mac[$name]} " |
			head -n 1)
		say "    ${line:-(no ${mac[$name]})}"
		[[ $line == *" dev ${port[$name]} "* ]] ||
			failed "the MAC of ${kind[$name]} is not on its port"
	done
	echo
	weft check $network /run/netns/c1 --id c1
	CNI_ARGS=ATTACH=tap weft check $network /run/netns/vm1 --id vm1
	[[ $(vm_says vm1) == *" ${mac[vm1]}" ]] ||
		failed 'the VM says another MAC than the result'
}

take_down() {
	title 'And nothing is left'
	container_stop c1
	vm_stop vm1
	weft del $network /run/netns/c1 --id c1
	CNI_ARGS=ATTACH=tap weft del $network /run/netns/vm1 --id vm1
	weft network rm $network
	echo
	kept
	prove 'links, addresses, routes, rules, nftables, sysctls, mounts, files' \
		"$before" "$(state)"
	prove 'processes' '' "$(processes)"
}

# What other networks may count on by now stays, on any CNI host. Not here.
kept() {
	say 'Kept, for others may need it: IP forwarding, empty directories.'
	sysctl_set net/ipv4/ip_forward 0
	sysctl_set net/ipv6/conf/all/forwarding 0
	find /var/lib/cni -mindepth 1 -depth -type d -empty -delete
}

# Everything in this pid namespace but this script: its shells, and these two.
processes() {
	ps -e -o comm= | awk '!/^(bash|ps|awk)$/'
}

# prove WHAT BEFORE AFTER
prove() {
	if [ "$2" = "$3" ]; then
		say "as before: $1"
	else
		diff -U 0 --label before --label after <(echo "$2") \
			<(echo "$3") || true
		failed "not as before: $1"
	fi
}

inside() {
	host_up
	guests_attach
	guests_start
	picture
	table
	policy
	forwarding
	take_down
	finish
}

# --- on this machine ---------------------------------------------------------

machine_state() {
	net_state
	ls -A /run/netns /var/lib/cni 2>/dev/null || true
	find /sys/fs/cgroup -name c1 -o -name vm1 | sort
	awk '{ print "mount", $2, $3 }' /proc/self/mounts | sort
}

# The namespaces' processes carry this word, and the kernel needs a moment to
# end them all.
machine_processes() {
	local tries=50

	while grep -qsF "$WEFT_DEMO" /proc/[0-9]*/environ; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || break
		sleep 0.1
	done
	grep -alsF "$WEFT_DEMO" /proc/[0-9]*/environ || true
}

main() {
	[ "$(id -u)" = 0 ] || die 'only root may'
	[ -x "$CNI_PATH/weft" ] || die "there is no $CNI_PATH/weft: run make"
	echo "${bold}weft: a container and a virtual machine on one network$plain"
	cache_kernel cloud >/dev/null || die 'no kernel for the VM'
	machine=$(machine_state)
	WEFT_DEMO=weft-demo-$$-$EPOCHREALTIME
	trap 'main_end $?' EXIT
	WEFT_DEMO=$WEFT_DEMO private_host bash "$0" inside
}

main_end() {
	local status=$1

	trap - EXIT
	prove 'all of these and the cgroups, on this machine itself' \
		"$machine" "$(machine_state)"
	prove 'its processes' '' "$(machine_processes)"
	case $status in
	0) ;;
	1) failed 'see above' ;;
	129 | 130 | 143) failed 'interrupted' ;;
	*) failed "ended early, with status $status" ;;
	esac
	[ ${#failures[@]} = 0 ] || finish
	echo
	echo "${bold}demo: passed$plain"
}

case ${1-} in
inside) inside ;;
*) main ;;
esac
