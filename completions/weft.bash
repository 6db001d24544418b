# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of weft(8) for bash.

# Names of networks, read from the files: pressing a key runs no plugin.
_weft_networks() {
	local file dir=${NETCONFPATH:-/etc/cni/net.d}

	for file in "$dir"/*.conflist "$dir"/*.conf "$dir"/*.json; do
		[ ! -r "$file" ] ||
			grep -oE '"name"[[:space:]]*:[[:space:]]*"[A-Za-z0-9_.-]+"' \
				"$file" | head -n 1 | cut -d '"' -f 4 || true
	done
}

_weft() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verbs='add check del gc status version run ls network repair lease policy watch lint doctor'
	local options='--id --ifname --cache-dir --json --count --queues --print --orphans --yes --min-age --help'
	local verb='' word words=''
	local -i i n=0

	COMPREPLY=()
	case $prev in
	--cache-dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--print)
		mapfile -t COMPREPLY < <(compgen -W \
			'qemu cloud-hypervisor firecracker' -- "$cur")
		return
		;;
	--id | --ifname | -i | --count | --queues | --min-age) return ;;
	esac
	if [[ $cur = -* && " ${COMP_WORDS[*]:0:COMP_CWORD} " != *' -- '* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi
	# The verb, and how many words come after it.
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--id | --ifname | -i | --cache-dir | --count | --queues | --print | --min-age)
			i+=1
			;;
		--)
			# A VMM and its arguments.
			[ "$verb" != run ] || {
				mapfile -t COMPREPLY < <(compgen -c -f -- "$cur")
				compopt -o filenames 2>/dev/null || true
				return
			}
			;;
		-*) ;;
		*)
			if [ -z "$verb" ]; then
				verb=$word
			else
				n+=1
			fi
			;;
		esac
	done
	case $verb:$n in
	:*) words=$verbs ;;
	network:0) words='ls rm' ;;
	network:1) [ "$prev" != rm ] || words=$(_weft_networks) ;;
	lease:0) words='ls release' ;;
	lease:1) words=$(_weft_networks) ;;
	policy:0) words='apply reset show test' ;;
	policy:1) words=$(_weft_networks) ;;
	policy:3) words='from to' ;;
	lint:* | policy:2)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null || true
		return
		;;
	doctor:* | help:* | lease:* | policy:* | repair:*) ;;
	*:0 | run:*) words=$(_weft_networks) ;;
	add:1 | check:1 | del:1 | version:1)
		mapfile -t COMPREPLY < <(compgen -f -- "${cur:-/run/netns/}")
		compopt -o filenames 2>/dev/null || true
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _weft weft
