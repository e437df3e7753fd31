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

# ---- the air

# The device's Wi-Fi is wlan0, with wpa_supplicant; it is 192.0.2.2. The access point (hostapd on wlan1) and the
# hub, 192.0.2.1, are in a network namespace "air". SETTING...: lines of hostapd.conf(5).
make_air() {
	modprobe mac80211_hwsim radios=2
	ip netns add air
	iw phy phy1 set netns name air
	printf '%s\n' interface=wlan1 driver=nl80211 ssid=connwatch hw_mode=g channel=1 \
		ctrl_interface=/run/hostapd "$@" >/run/hostapd.conf
	printf '%s\n' ctrl_interface=/run/station 'network={' 'ssid="connwatch"' 'key_mgmt=NONE' '}' >/run/station.conf
	systemd-run --quiet --unit=access-point.service ip netns exec air hostapd /run/hostapd.conf
	wait_for_log access-point.service AP-ENABLED
	ip -n air link set lo up
	ip -n air address add 192.0.2.1/24 dev wlan1
	systemd-run --quiet --unit=station.service wpa_supplicant -i wlan0 -D nl80211 -c /run/station.conf
	wait_for_log station.service CTRL-EVENT-CONNECTED
	ip address add 192.0.2.2/24 dev wlan0
}

access_point() {
	hostapd_cli -p /run/hostapd -i wlan1 "$@"
}

station() {
	wpa_cli -p /run/station -i wlan0 "$@"
}

# What comes is read from $cursor on, with journalctl's --cursor=: --after-cursor= of systemd 252 also skips the
# first entry that matches, if the cursor's own does not.

# The agent is in a session with the hub behind the access point. It sends something every $1 seconds.
connect_by_air() {
	systemctl stop agent.service
	drop_in broker.service <<<$'[Service]\nNetworkNamespacePath=/run/netns/air'
	drop_in agent.service <<-END
		[Service]
		ExecStart=
		ExecStart=/usr/bin/mosquitto_sub -h 192.0.2.1 -p 1883 -i agent -t commands/# -k $1
	END
	systemctl restart broker.service
	cursor=$(end_of_log)
	systemctl start agent.service
	record --cursor="$cursor" CONNWATCH_KIND={connected,recovered}
}

# The next record of this kind, as $record, says so to who asks journalctl(1) for the agent's unit.
operator_reads() {
	record --cursor="$cursor" CONNWATCH_KIND="$1"
	journalctl --no-hostname --unit=agent.service --cursor="$(jq -r .__CURSOR <<<"$record")" --lines=1 |
		grep -F "$2" >/run/line || fail "does not say: $2"
	echo "##show $(cat /run/line)"
}
