# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for connwatchctl(1): goes to /usr/share/bash-completion/completions/connwatchctl.
# Commands, options and what they take are read from its --help, so they are never out of date.

_connwatchctl_commands() {
	"$1" --help 2>/dev/null | sed -n 's/^  \([a-z]\+\)  *[A-Z].*/\1/p'
}

# The options of command $2, one a line: "-o", "--output=FORMAT".
_connwatchctl_options() {
	"$1" "$2" --help 2>/dev/null | sed -n '/^ *-/{s/   *[^- ].*//; s/^ *//; s/\[=.*\]//; s/, */\n/g; p}'
}

# The word in capitals that the option before the cursor takes, if it takes one.
_connwatchctl_taken() {
	case $3 in
	-o) set -- "$1" "$2" --output ;;
	-n) set -- "$1" "$2" --lines ;;
	esac
	_connwatchctl_options "$1" "$2" | sed -n "s/^$3=//p"
}

# The word in capitals that command $2 itself takes.
_connwatchctl_argument() {
	"$1" "$2" --help 2>/dev/null | sed -n '1{s/.*\[OPTIONS\.\.\.\]//; s/^[^A-Za-z]*\([A-Z]\+\).*/\1/p}'
}

# The values of such a placeholder.
_connwatchctl_values() {
	case $1 in
	FORMAT) compgen -W 'text json' -- "$2" ;;
	AGENT) compgen -W "$(find /usr/lib/connwatch /run/connwatch /etc/connwatch -name '*.agent' -printf '%f\n' 2>/dev/null | sed 's/\.agent$//')" -- "$2" ;;
	UNIT) compgen -W "$(systemctl list-units --all --full --plain --no-legend 2>/dev/null | sed 's/ .*//')" -- "$2" ;;
	PID) compgen -W "$(ps -e -o pid=)" -- "$2" ;;
	HOST) compgen -A hostname -- "$2" ;;
	COMMAND) compgen -c -- "$2" ;;
	DIR) compgen -d -- "$2" ;;
	FILE | PATH) compgen -f -- "$2" ;;
	esac
}

_connwatchctl() {
	local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} word=$2 before=$3 taken
	# "--output=j" comes as three words
	[ "$word" = = ] && word=
	[ "$before" = = ] && before=${COMP_WORDS[COMP_CWORD - 2]}

	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_connwatchctl_commands "$program") --help --version" -- "$word")
		return
	fi
	taken=$(_connwatchctl_taken "$program" "$command" "$before")
	if [ -z "$taken" ] && [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_connwatchctl_options "$program" "$command" | sed 's/=.*/=/')" -- "$word")
		[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace 2>/dev/null
		return
	fi
	mapfile -t COMPREPLY < <(_connwatchctl_values "${taken:-$(_connwatchctl_argument "$program" "$command")}" "$word")
}
complete -F _connwatchctl connwatchctl
