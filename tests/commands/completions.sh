#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Tests that bash, zsh and fish offer what --help of connwatchctl and connwatch-fleet names.
#
#     tests/commands/completions.sh CONNWATCHCTL CONNWATCH-FLEET
#
# Ends with "N passed, N failed".
set -u

connwatchctl=$(realpath "$1")
fleet=$(realpath "$2")
cd "$(dirname "$0")/../.." || exit 2
passed=0 failed=0

check() { # TITLE EXPECTED SEEN
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAILED  %s\n  expected: %s\n  seen:     %s\n' "$1" "${2//$'\n'/ }" "${3//$'\n'/ }"
	fi
}

commands() { "$connwatchctl" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' | sort; }
long_options() { "$connwatchctl" "$1" --help | tail -n +2 | grep -E '^ *-' | grep -oE -- '--[a-z][a-z-]*' | sort -u; }

# ---- bash

# shellcheck source=completions/connwatchctl.bash
. completions/connwatchctl.bash

offer() { # WORD...: what is offered for the last one
	COMP_WORDS=("$connwatchctl" "$@")
	COMP_CWORD=$#
	_connwatchctl "$connwatchctl" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

check "bash: commands" "$(commands)" "$(offer '' | grep -v ^-)"
for command in $(commands); do
	[ "$command" = fleet ] && continue # another program's
	check "bash: options of $command" "$(long_options "$command")" "$(offer "$command" -- | sed 's/=$//')"
done
check "bash: -o" $'json\ntext' "$(offer status -o '')"
check "bash: --output=" $'json\ntext' "$(offer status --output =)"
check "bash: --output=j" json "$(offer status --output = j)"
check "bash: files" tests/packages.txt "$(offer replay tests/pack)"
check "bash: a command's own argument" "" "$(offer watch '')"

# ---- bash, connwatch-fleet

# shellcheck source=completions/connwatch-fleet.bash
. completions/connwatch-fleet.bash

fleet_commands() { "$fleet" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' | sort; }
fleet_options() { "$fleet" "$1" --help | tail -n +2 | grep -E '^ *-' | grep -oE -- '--[a-z][a-z-]*' | sort -u; }

offer_fleet() { # WORD...: what is offered for the last one
	COMP_WORDS=("$fleet" "$@")
	COMP_CWORD=$#
	_connwatch_fleet "$fleet" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

check "bash: commands of connwatch-fleet" "$(fleet_commands)" "$(offer_fleet '')"
check "bash: options without a command" "$(fleet_options report)" "$(offer_fleet -- | sed 's/=$//')"
for command in $(fleet_commands); do
	check "bash: options of connwatch-fleet $command" "$(fleet_options "$command")" \
		"$(offer_fleet "$command" -- | sed 's/=$//')"
done
check "bash: connwatch-fleet -o" $'json\nshort' "$(offer_fleet -o '')"

# ---- zsh, with what its completion system would be called with

if ! command -v zsh >/dev/null; then
	echo "SKIPPED, zsh: it is not installed"
else
	zsh_offer() {
		zsh -f -c '
			_describe() { print -l -- ${${(@P)2}%%:*} }
			_arguments() { shift; print -l -- ${${${(@)argv:#\**}%%\[*}%=} }
			words=("$@") CURRENT=$#
			fpath=(completions) . completions/_connwatchctl' zsh "$connwatchctl" "$@" | sort
	}
	zsh_fleet() {
		zsh -f -c '
			_describe() { print -l -- ${${(@P)2}%%:*} }
			_arguments() { shift; print -l -- ${${${(@)argv:#\**}%%\[*}%=} }
			words=("$@") CURRENT=$#
			fpath=(completions) . completions/_connwatch-fleet' zsh "$fleet" "$@" | sort
	}
	check "zsh: commands of connwatch-fleet" "$(fleet_commands)" "$(zsh_fleet '')"
	for command in $(fleet_commands); do
		check "zsh: options of connwatch-fleet $command" "$(fleet_options "$command")" \
			"$(zsh_fleet "$command" '' | grep '^--')"
	done
	check "zsh: commands" "$(commands)" "$(zsh_offer '')"
	for command in $(commands); do
		[ "$command" = fleet ] && continue
		check "zsh: options of $command" "$(long_options "$command")" "$(zsh_offer "$command" '' | grep '^--')"
	done
fi

# ---- fish

if ! command -v fish >/dev/null; then
	echo "SKIPPED, fish: it is not installed"
else
	fish_offer() { # LINE: what is offered for its last word, without what it does
		# shellcheck disable=SC2016 # fish expands it
		fish --no-config -c 'source completions/connwatchctl.fish; source completions/connwatch-fleet.fish
			complete --do-complete $argv[1]' -- "$1" | cut -f 1 | sort
	}
	check "fish: commands" "$(commands)" "$(fish_offer "$connwatchctl ")"
	for command in $(commands); do
		[ "$command" = fleet ] && continue
		check "fish: options of $command" "$(long_options "$command")" "$(fish_offer "$connwatchctl $command --" | sed 's/=$//')"
	done
	check "fish: -o" $'json\ntext' "$(fish_offer "$connwatchctl status -o ")"
	check "fish: --output=j" --output=json "$(fish_offer "$connwatchctl status --output=j")"
	check "fish: files" tests/packages.txt "$(fish_offer "$connwatchctl replay tests/pack")"
	check "fish: a command's own argument" "" "$(fish_offer "$connwatchctl watch ")"
	check "fish: commands of connwatch-fleet" "$(fleet_commands)" "$(fish_offer "$fleet ")"
	check "fish: options without a command" "$(fleet_options report)" "$(fish_offer "$fleet --" | sed 's/=$//')"
	for command in $(fleet_commands); do
		check "fish: options of connwatch-fleet $command" "$(fleet_options "$command")" \
			"$(fish_offer "$fleet $command --" | sed 's/=$//')"
	done
	check "fish: connwatch-fleet -o" $'json\nshort' "$(fish_offer "$fleet -o ")"
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
