# SPDX-License-Identifier: LGPL-2.1-or-later
# The words that cases are written in. Every wait is for an event and ends after $PATIENCE seconds.

PATIENCE=20

trap 'echo "$CASE:$LINENO: $BASH_COMMAND failed"' ERR

fail() {
	echo "$*"
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

# ---- the stage

# The settings of the agent "agent"; more lines on standard input.
settings() {
	mkdir -p /etc/connwatch
	{ printf '[Match]\nUnit=agent.service\nPeer=*:1883\n' && cat; } >/etc/connwatch/agent.agent
}

# A drop-in for UNIT, from standard input.
drop_in() {
	mkdir -p "/run/systemd/system/$1.d"
	cat >"/run/systemd/system/$1.d/case.conf"
	systemctl daemon-reload
}

# A network namespace "field" with one link to the host, which is 192.0.2.1 there and has the broker.
make_field() {
	ip netns add field
	ip link add to-field type veth peer name uplink netns field
	ip address add 192.0.2.1/24 dev to-field
	ip link set to-field up
	ip -n field address add 192.0.2.2/24 dev uplink
	ip -n field link set uplink up
	first_line sh -c 'until ip -n field link show dev uplink up | grep "state UP"; do sleep 0.1; done'
}

# Broker, watchdog and agent, in this order, up to a connection that has come to rest.
start_all() {
	systemctl start broker.service
	systemctl start connwatchd.service
	start_agent
}

start_agent() {
	systemctl start agent.service
	wait_for_log broker.service 'Sending SUBACK to agent'
}

# Does what start_all does, for cases that must see a session from its first byte: the agent's second one
# begins when all is set up.
start_all_and_reconnect() {
	local cursor
	systemctl start broker.service
	start_agent
	systemctl start connwatchd.service
	cursor=$(end_of_log)
	systemctl restart broker.service
	wait_for_log broker.service 'Sending SUBACK to agent' --after-cursor="$cursor"
}

# A name server at 127.0.0.1 that knows what the options of dnsmasq(8) tell it.
name_server() {
	systemctl stop names.service 2>/dev/null || true
	systemd-run --quiet --unit=names.service --service-type=exec dnsmasq --keep-in-foreground \
		--conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces --listen-address=127.0.0.1 \
		--log-queries --log-facility=- --pid-file= --user=root "$@"
}

# The agent connects to hub.test, which it looks up each time.
look_up_hub() {
	drop_in agent.service <<-'END'
		[Service]
		ExecStart=
		ExecStart=/usr/bin/mosquitto_sub -h hub.test -p 1883 -i agent -t commands/# -k 5
	END
}

# Whom the C library asks, and how: resolv.conf(5). It is a link to what systemd-resolved would write.
resolve_by() {
	rm -f /etc/resolv.conf
	printf 'nameserver %s\noptions timeout:2 attempts:2\n' "$1" >/etc/resolv.conf
}

# systemd-resolved asks that name server, as it does where some link is up.
start_resolved() {
	make_field
	mkdir -p /run/systemd/resolved.conf.d
	printf '[Resolve]\nDNS=127.0.0.1\nCache=no\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no\n' \
		>/run/systemd/resolved.conf.d/case.conf
	systemctl unmask systemd-resolved.service
	systemctl start systemd-resolved.service
}

# The agent is in a session.
is_connected() {
	first_line sh -c 'until connwatchctl status agent | grep "^agent.*: connected$"; do sleep 0.1; done'
}

# The hub closes, and the agent's lookups fail unseen until the name server has the name again. COMMAND... makes
# sure that what it now knows counts.
fail_unseen() {
	name_server --local=/test/
	"$@"
	systemctl restart broker.service
	record CONNWATCH_KIND=stalled
	expect CONNWATCH_CAUSE=agent-not-reconnecting CONNWATCH_CONFIDENCE=suspected
	has_started_once
	name_server --address=/hub.test/127.0.0.1
	"$@"
	is_connected
	has_started_once
}

# Nothing was done to the agent, and nothing claimed that it does not try to connect.
has_started_once() {
	[ "$(count_starts)" = 1 ]
	[ "$(count_records CONNWATCH_KIND=action CONNWATCH_ACTION_RESULT=starting)" = 0 ]
	[ "$(count_records CONNWATCH_CAUSE=agent-not-reconnecting CONNWATCH_CONFIDENCE=proved)" = 0 ]
	[ "$(count_records CONNWATCH_CAUSE=agent-not-reconnecting CONNWATCH_CONFIDENCE=likely)" = 0 ]
}

# Starts the agent once more, up to a connection that has come to rest.
start_agent_again() {
	local cursor
	cursor=$(end_of_log)
	systemctl reset-failed agent.service 2>/dev/null || true
	systemctl start agent.service
	wait_for_log broker.service 'Sending SUBACK to agent' --after-cursor="$cursor"
}

# The number of the agent's port.
agent_port() {
	ss --no-header --tcp --numeric state established 'dport = :1883' | sed -E 's/.*:([0-9]+) +[^ ]+:1883 *$/\1/'
}

# ---- waiting

# Reads the first line that a command prints into $line, then ends the command.
first_line() {
	local output pid
	exec {output}< <(exec timeout "$PATIENCE" "$@")
	pid=$!
	IFS= read -r line <&"$output" || fail "nothing came in $PATIENCE s: $*"
	# its process group: timeout(1) that has only just forked would go without its child
	kill -- "-$pid" 2>/dev/null || true
	exec {output}<&-
}

# Prints the end of the journal as a cursor, see journalctl(1).
end_of_log() {
	journalctl --lines=1 --output=json | jq -r .__CURSOR
}

# wait_for_log UNIT PATTERN [OPTION...]: a line of UNIT's that matches PATTERN, however early it was
# written.
wait_for_log() {
	local unit=$1 pattern=$2
	shift 2
	first_line journalctl --follow --lines=all --output=cat --unit="$unit" --grep="$pattern" "$@"
}

# wait_for_state UNIT STATE
wait_for_state() {
	local deadline=$((SECONDS + PATIENCE))
	until [ "$(systemctl show --property=ActiveState --value "$1")" = "$2" ]; do
		[ $SECONDS -lt $deadline ] || fail "$1 is not $2 after $PATIENCE s"
		sleep 0.1
	done
}

# Until systemd has started it again.
wait_for_daemon() {
	wait_for_state connwatchd.service active
}

# Prints the number of descriptors that systemd keeps for connwatchd.
stored() {
	systemctl show --property=NFileDescriptorStore --value connwatchd.service
}

# ---- records

# The fields that select a record, as for journalctl: reads the first record of the agent's unit that
# matches into $record, as JSON.
record() {
	local line
	first_line journalctl --follow --lines=all --output=json --unit=agent.service "$@"
	record=$line
}

# Prints the number of records up to now.
count_records() {
	journalctl --sync
	journalctl --output=cat --unit=agent.service "$@" | wc -l
}

# Waits until there are as many records.
wait_for_count() {
	local wanted=$1 deadline=$((SECONDS + PATIENCE))
	shift
	until [ "$(count_records "$@")" -ge "$wanted" ]; do
		[ $SECONDS -lt $deadline ] || fail "$(count_records "$@") of $wanted in $PATIENCE s: $*"
		sleep 0.1
	done
}

# Prints how often the agent's unit was started, by its MESSAGE_ID in systemd's own catalog.
count_starts() {
	count_records MESSAGE_ID=39f53479d3a045ac8e11786248231fbf
}

# FIELD=VALUE...: what $record must say.
expect() {
	local pair value
	for pair; do
		value=$(jq -r --arg field "${pair%%=*}" '.[$field] // "(none)"' <<<"$record")
		[ "$value" = "${pair#*=}" ] || {
			jq -S . <<<"$record"
			fail "$pair expected, it is $value"
		}
	done
}

# ---- metrics

METRICS=/run/connwatch.prom

# Makes connwatchd, which must not run yet, write metrics.
write_metrics() {
	mkdir -p /etc/connwatch
	printf '[Watchdog]\nMetricsFile=%s\n' $METRICS >/etc/connwatch/connwatchd.conf
}

# Waits until the file has this line: it is written every 15 s at most.
metric() {
	# shellcheck disable=SC2016 # the inner shell expands it
	first_line sh -c 'until grep -Fx "$0" "$1" 2>/dev/null; do sleep 0.1; done' "$1" $METRICS
}

# metric_reaches SAMPLE VALUE: waits until the sample has at least this value.
metric_reaches() {
	# shellcheck disable=SC2016 # likewise
	first_line sh -c 'until awk -v sample="$0" -v least="$1" \
		"index(\$0, sample \" \") == 1 && \$2 >= least { print; found = 1 } END { exit !found }" "$2" 2>/dev/null
		do sleep 0.1; done' "$1" "$2" $METRICS
}

# Prints the value of a sample: its name with its labels, as written, in a file (the present one).
value_of() {
	awk -v sample="$1" 'index($0, sample " ") == 1 { print $2 }' "${2:-$METRICS}"
}

# alerts EXPECTED FILE MINUTES...: these alerts, and no others, fire at the end; see inside/alerts.
alerts() {
	/connwatch/inside/alerts "$@" || fail "other alerts than these fire: $1"
}

# ---- faults

crash_agent() {
	kill -SEGV "$(systemctl show --property=MainPID --value agent.service)"
}

daemon_pid() {
	systemctl show --property=MainPID --value connwatchd.service
}

# SIGKILL; returns when systemd has noticed.
kill_daemon() {
	local pid
	pid=$(daemon_pid)
	kill -KILL "$pid"
	while [ "$(daemon_pid)" = "$pid" ]; do sleep 0.01; done
}

# The hub's kernel sends a RST.
reset_connection() {
	ss --kill --tcp state established "sport = :1883 and dport = :$(agent_port)"
}

# Nothing comes back to the agent any more. This host drops nothing, which would be its own firewall's
# doing: packets go to where nobody is, and the answer to that does not go out.
open_black_hole() {
	nft -f - <<-'END'
		table inet hole {
			chain prerouting { type filter hook prerouting priority raw
				tcp dport 1883 tcp dport set 1
				tcp sport 1883 tcp dport set 1
			}
			chain output { type filter hook output priority filter; tcp sport 1 drop; }
		}
	END
}
