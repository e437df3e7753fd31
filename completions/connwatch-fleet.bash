# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for connwatch-fleet(1): goes to /usr/share/bash-completion/completions/connwatch-fleet.
# Commands, options and what they take are read from its --help, so they are never out of date.

_connwatch_fleet_commands() {
	"$1" --help 2>/dev/null | sed -n 's/^  \([a-z]\+\)  *[A-Z].*/\1/p'
}

# The options of command $2, one a line: "-o", "--output=FORMAT".
_connwatch_fleet_options() {
	"$1" "$2" --help 2>/dev/null | sed -n '/^ *-/{s/   *[^- ].*//; s/^ *//; s/, */\n/g; p}'
}

_connwatch_fleet() {
	local program=${COMP_WORDS[0]} command=report word=$2 before=$3 taken='' commands
	# "--output=j" comes as three words
	[ "$word" = = ] && word=
	[ "$before" = = ] && before=${COMP_WORDS[COMP_CWORD - 2]}
	[ "$before" = -o ] && before=--output
	[ "$before" = -D ] && before=--directory

	commands=$(_connwatch_fleet_commands "$program")
	if [ "$COMP_CWORD" -eq 1 ] && [[ $word != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
		return
	fi
	[[ " ${commands//$'\n'/ } " == *" ${COMP_WORDS[1]} "* ]] && command=${COMP_WORDS[1]}
	if [[ $before == -* ]]; then
		taken=$(_connwatch_fleet_options "$program" "$command" | sed -n "s/^$before=//p")
	fi
	case $taken in
	FORMAT) mapfile -t COMPREPLY < <(compgen -W 'short json' -- "$word") ;;
	DIR) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	FILE) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	'')
		mapfile -t COMPREPLY < <(compgen -W "$(_connwatch_fleet_options "$program" "$command" | sed 's/=.*/=/')" -- "$word")
		[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace 2>/dev/null
		;;
	*) COMPREPLY=() ;;
	esac
}
complete -F _connwatch_fleet connwatch-fleet
