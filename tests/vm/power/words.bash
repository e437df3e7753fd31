# SPDX-License-Identifier: LGPL-2.1-or-later
# What the plays are written in besides the words of tests/system/inside/case.bash.
# shellcheck disable=SC2034,SC2154 # case.bash reads PATIENCE and sets $record

PATIENCE=300

# The agent is in a session, and the journal has been told so. A Debian's kernel has all that the probe
# needs.
session_is_up() {
	wait_for_log connwatchd.service 'Watching agent .* with eBPF' --boot
	record --boot CONNWATCH_KIND={connected,recovered}
}

# The end that this boot tells of the one before, as $record, with what it says.
told_by_this_boot() {
	record --boot CONNWATCH_KIND=ended
	echo "##show $(jq -r .MESSAGE <<<"$record")"
	echo "##show $(jq -c '[.CONNWATCH_EVIDENCE] | flatten' <<<"$record")"
}

# The record's evidence has a word that matches.
evidence() {
	jq -e --arg word "^($1)\$" '[.CONNWATCH_EVIDENCE] | flatten | any(test($word))' <<<"$record" >/dev/null ||
		fail "no $1"
}

# Somebody pulls the plug; the power comes again after so many seconds, in which the battery keeps
# the clock going.
cut_power() {
	echo "##cut $(($(date +%s) + $1))"
	sleep infinity
}

# The machine goes off in order; the power comes again so many seconds later. COMMAND... is what does it.
goes_off() {
	echo "##off $(($(date +%s) + $1))"
	shift
	goes_down "$@"
}

# Somebody presses the power key.
press_power_key() {
	echo "##press"
}

# The machine goes down of itself.
goes_down() {
	"$@"
	sleep infinity
}

# The agent's session lasts to the end of the boot: a shutdown does not stop its unit.
agent_outlives_connwatchd() {
	drop_in agent.service <<<$'[Unit]\nDefaultDependencies=no'
}
