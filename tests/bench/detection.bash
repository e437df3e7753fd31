# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in a container of tests/system: ends of connections, with the floor alone, then with
# connwatchd, then with connwatchd that restarts the agent for each. Leaves in /results: the times of
# the ends (NAME.times), the journal, and how long connwatchd took to get ready (start).

PORT=1883
ENDS=200
RESTARTS=30

unit() {
	cat >"/run/systemd/system/$1"
	systemctl daemon-reload
}

# floor NAME journal|times
floor() {
	unit "$1.service" <<-END
		[Service]
		Type=notify
		ExecStart=/bench-programs/detection_floor $PORT $2
		StandardOutput=file:/results/$1.times
	END
	systemctl start "$1.service"
}

# agent COUNT MILLISECONDS
agent() {
	drop_in agent.service <<-END
		[Unit]
		StartLimitIntervalSec=0
		[Service]
		ExecStart=
		ExecStart=/bench-programs/resets $PORT $1 $2
	END
	systemctl start agent.service
}

# Until as many ends are told, in a journal that is quiet again.
wait_for_records() {
	local wanted=$1 deadline=$((SECONDS + PATIENCE))
	shift
	until [ "$(journalctl --output=cat "$@" | wc -l)" -ge "$wanted" ]; do
		[ $SECONDS -lt $deadline ] || fail "too few records in $PATIENCE s: $*"
		sleep 0.5
	done
}

floor floor journal
agent $ENDS 20
wait_for_records $ENDS --unit=floor.service MESSAGE='a connection has ended'
systemctl stop agent.service floor.service

# each end is a session's, and has a record of its own
settings <<-'END'
	[Connection]
	SettleSec=0
END
for _ in 1 2 3 4 5; do
	systemctl restart connwatchd.service
	systemctl show --property=InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic \
		connwatchd.service >>/results/start
done
floor watched times
agent $ENDS 20
wait_for_records $ENDS CONNWATCH_KIND=ended
systemctl stop agent.service watched.service connwatchd.service

settings <<-'END'
	[Connection]
	MqttInspect=yes
	SettleSec=0
	[Policy]
	OnSessionRejected=restart
	ActionLimitBurst=64
	ActionLimitIntervalSec=1s
	RandomizedDelaySec=0
END
systemctl start connwatchd.service
floor restarted times
agent 100 200 # the first after a restart may be over before it is looked into
(wait_for_records $RESTARTS --unit=restarted.service --unit=agent.service \
	MESSAGE_ID=de5b426a63be47a7b6ac3eaac82e2f6f) || true
systemctl stop connwatchd.service agent.service restarted.service
journalctl --sync
journalctl --output=json >/results/journal.json
