#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The arrows of DESIGN.md section 3: which room may include which.
set -euo pipefail
cd "$(dirname "$0")/../.."

bad=0

# may ROOM ALLOWED...: files of ROOM include "..." only from these.
may() {
	local room=$1 file line target allowed

	shift
	while IFS=: read -r file line target; do
		target=${target#*\"}
		target=${target%%\"*}
		for allowed; do
			[[ $target != "$allowed"/* ]] || continue 2
			[[ $target != "$allowed" ]] || continue 2
		done
		echo "$file:$line: $room must not include $target" >&2
		bad=1
	done < <(grep -rnE --include='*.[ch]' '^#[[:space:]]*include "' \
		"$room" || true)
}

# never ROOM PATTERN WHY: no system header of another room's trade.
never() {
	local room=$1 pattern=$2 why=$3

	if grep -rnE --include='*.[ch]' "^#[[:space:]]*include <($pattern)" \
		"$room" >&2; then
		echo "$room: $why" >&2
		bad=1
	fi
}

may common/base base
may common/cni cni base
may common/net net base
may common/bpf bpf net base splice.insns guard_from.insns guard_to.insns guard_answer4.insns guard_answer6.insns guard_report.insns guard.id
# plugins/guest is what the plugins share, and knows none of them.
for plugin in plugins/*/; do
	plugin=${plugin%/}
	may "$plugin" "${plugin##*/}" guest cni net bpf base
done
for ipam in ipam/*/; do
	ipam=${ipam%/}
	may "$ipam" "${ipam##*/}" cni base
done
may go-free-shim/libcni libcni cni base
# lint asks the plugins' own parsers, which are pure.
mapfile -t parsers < <(cd plugins && ls -d ./*/conf.h && cd ../ipam &&
	ls -d ./*/conf.h)
may go-free-shim/weft-qemu-helper weft-qemu-helper weft/run.h libcni cni net base
may go-free-shim/weft weft libcni cni net bpf base "${parsers[@]#./}"

never common/base 'netlink/|linux/(rtnetlink|netlink|if_link)' \
	'base knows no kernel networking'
never common/cni 'netlink/|linux/|sched\.h' 'cni knows no kernel'
never common/net 'cjson/' 'net knows no JSON'
never common/bpf 'cjson/' 'bpf knows no JSON'
never plugins 'netlink/|linux/(rtnetlink|netlink|if_link|netfilter)' \
	'a netlink constant in a plugin is in the wrong room'
never ipam 'netlink/|linux/|net/' 'an IPAM plugin knows no kernel networking'

# conf.c is pure: bytes in, struct or error out.
if grep -nE '#include ("net/|"guest/(guest|check|lease)|<(fcntl|sys/stat|sys/socket|sys/ioctl)\.h>)' \
	plugins/*/conf.c plugins/guest/request.[ch] >&2; then
	echo "a conf.c must be pure" >&2
	bad=1
fi
exit $bad
