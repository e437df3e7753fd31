/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- evidence in words */

/* Each name of evidence with its sentence, in the order in which they are shown;
 * tests/docs/check.py fails if one is missing. A row whose name has "=" in it is for that value
 * alone. %s stands for the value, which is a time span where the name ends in _sec or _msec.
 * `moment`, if not 0, makes that span a point in time: before the end of the connection (-1) or
 * after it (1). */
static const struct phrase {
	const char *name;
	const char *words;
	int moment;
} phrases[] = {
	/* what happened to the socket */
	{ "state", "the connection was in the state %s", 0 },
	{ "error", "the socket had the error %s", 0 },
	{ "icmp", "the network had reported %s (by ICMP or the route)", 0 },
	{ "icmp_before", "the network had reported it before (by ICMP or the route)", 0 },
	{ "closed_by", "%s closed it", 0 },
	{ "closed_at", "it was closed at an %s", 0 },
	{ "closed_with", "it was closed with %s", 0 },
	{ "closed_with_unread_bytes", "it was closed with %s unread bytes", 0 },
	{ "destroyed_by", "%s destroyed the socket", 0 },
	{ "left_behind", "it left a %s behind, as the side that closes first does", 0 },
	{ "peer_fin", "the kernel had counted a FIN from the peer", 0 },
	{ "peer_reset", "the kernel had counted a segment that can only be a RST", 0 },
	{ "socket=never-opened", "the socket never sent a SYN", 0 },
	{ "socket=outlives-its-process", "the socket outlived its process", 0 },
	{ "reset_ttl", "the RST came with a TTL of %s", 0 },
	{ "reset_ack=no", "whoever sent the RST did not know the connection", 0 },
	{ "peer_ttl", "the peer's other packets had come with a TTL of %s", 0 },
	{ "gave_up_after_msec", "the agent gave up connecting after %s", 0 },
	{ "user_timeout_msec", "TCP_USER_TIMEOUT was %s", 0 },
	{ "unanswered_probes", "%s probes in a row went unanswered", 0 },
	{ "unanswered_retransmissions", "%s retransmissions in a row went unanswered", 0 },
	{ "unacked_bytes", "%s sent bytes were not acknowledged", 0 },
	{ "unread_bytes", "%s received bytes were not read", 0 },
	/* the process */
	{ "signal", "the process had received %s", 0 },
	{ "killed_by", "%s killed the process", 0 },
	{ "sent_by", "that signal came from %s", 0 },
	{ "core_dumped", "it dumped core", 0 },
	{ "dumping_core_after", "it was writing its core dump after %s", 0 },
	{ "dumping_core", "it was writing its core dump", 0 },
	{ "dying_msec", "it had been dying for %s", 0 },
	{ "oom_victim", "the kernel had marked it as a victim of the OOM killer", 0 },
	{ "exit_status", "it exited with status %s", 0 },
	{ "exited_after_msec", "the process ended", 1 },
	{ "process=stopped", "the process was stopped by a signal", 0 },
	{ "process=traced", "a debugger held the process", 0 },
	{ "process=frozen", "the process's control group was frozen", 0 },
	{ "process", "the process was %s", 0 },
	{ "short_of=memory", "it was short of memory", 0 },
	{ "short_of=cpu-quota", "a quota of processor time held it back", 0 },
	{ "short_of=cpu", "it was short of processor time", 0 },
	{ "short_of=io", "it waited for a disk", 0 },
	{ "short_of=disk", "it cannot write to a disk", 0 },
	{ "short_of", "it was short of %s", 0 },
	{ "tasks", "its process had %s tasks; of the one that shows most:", 0 },
	{ "runnable", "it was able to run", 0 },
	{ "system_call", "it was in the system call %s", 0 },
	{ "wait_channel", "it slept in the kernel's function %s", 0 },
	{ "waited_for_cpu", "between two looks it waited for a processor for %s of the time", 0 },
	{ "ran", "it ran for %s of that time", 0 },
	{ "usually_ran", "over its life it has run for %s of the time", 0 },
	{ "throttled", "the quota held its control group for %s of that time", 0 },
	{ "memory_limit_hits", "meanwhile its control group reached a limit of memory: %s times",
	  0 },
	{ "disk_full", "a file system that it writes to was full: %s", 0 },
	{ "disk_read_only",
	  "a file system that it writes to had become read-only, as after an error: %s", 0 },
	{ "uninterruptible",
	  "it slept so that no signal wakes it, as one does that waits for a disk", 0 },
	{ "cpu_pressure", "tasks of its control group waited for a processor for %s of the time",
	  0 },
	{ "io_pressure", "tasks of its control group waited for a disk for %s of the time", 0 },
	{ "memory_pressure", "tasks of its control group waited for memory for %s of the time", 0 },
	{ "handed_on", "another process of the agent handed that request on", 0 },
	{ "unit", "its unit was %s", 0 },
	{ "unit_job", "systemd had a job for its unit: %s", 0 },
	{ "unit_result", "systemd's result for its unit: %s", 0 },
	{ "stalled_before", "it was already reported as %s while it was open", 0 },
	{ "nothing_sent_sec", "the agent had sent nothing for %s", 0 },
	{ "silent_sec", "the agent had been silent for %s", 0 },
	{ "down_sec", "it had been without a connection for %s", 0 },
	{ "attempts", "it had tried to connect %s times", 0 },
	/* MQTT */
	{ "mqtt", "its MQTT: %s", 0 },
	{ "mqtt_last_sent", "the last MQTT packet from the agent was a %s", 0 },
	{ "mqtt_last_received", "the last MQTT packet from the peer was a %s", 0 },
	{ "mqtt_unsent", "the agent's last data had not been sent yet", 0 },
	{ "mqtt_disconnect_sent", "the agent sent DISCONNECT: %s", 0 },
	{ "mqtt_disconnect_received", "the peer sent DISCONNECT: %s", 0 },
	{ "mqtt_connack", "the peer refused the MQTT session: %s", 0 },
	{ "sasl_outcome", "the peer ended AMQP's SASL: %s", 0 },
	{ "amqp_error", "the peer closed the AMQP connection: %s", 0 },
	{ "http_status", "the peer answered the HTTP request: %s", 0 },
	{ "websocket_close", "the peer closed the WebSocket: %s", 0 },
	{ "mqtt_ping_unanswered_msec", "a PINGREQ had gone unanswered for %s", 0 },
	{ "mqtt_sent_before_msec", "the last MQTT packet was sent", -1 },
	{ "mqtt_received_before_msec", "the last MQTT packet was received", -1 },
	/* rhythms */
	{ "token_lifetime_sec", "the settings give a token a lifetime of %s", 0 },
	{ "token_left_sec", "the token in its login was to end in %s", 0 },
	{ "token_over_sec", "the token in its login had ended %s before", 0 },
	{ "refused_after", "the refusal as not authorized came after %s", 0 },
	{ "like_ages", "%s sessions in a row ended at a similar age", 0 },
	{ "like_silences", "%s sessions in a row ended after a similar silence", 0 },
	{ "silence_before_write_sec", "nothing was sent or received for %s before the last write",
	  0 },
	{ "short_lives_in_a_row", "%s sessions in a row were short", 0 },
	{ "other_agents_too",
	  "the peers of other agents closed their connections at the same moment", 0 },
	/* the path to the peer, and the host */
	{ "interface", "the path to the peer used %s", 0 },
	{ "interface_state", "that interface was %s", 0 },
	{ "nm_interface", "what NetworkManager has for it is %s", 0 },
	{ "nm_state", "NetworkManager had that interface as %s", 0 },
	{ "nm_reason", "the reason that NetworkManager gave for that: %s", 0 },
	{ "nm_failed", "NetworkManager failed to connect it: %s", 0 },
	{ "wifi", "its Wi-Fi: %s", 0 },
	{ "wifi_reason", "the reason that was given for that: %s", 0 },
	{ "wifi_signal_dbm", "the access point was last heard with %s dBm", 0 },
	{ "modem", "the modem: %s", 0 },
	{ "modem_lost_before_msec", "the modem lost its connection", -1 },
	{ "modem_back_before_msec", "the modem's connection came back", -1 },
	{ "wifi_lost_before_msec", "the Wi-Fi connection was lost", -1 },
	{ "wifi_back_before_msec", "the Wi-Fi connection came back", -1 },
	{ "link_lost_before_msec", "the link went down", -1 },
	{ "lookup_msec", "the lookup of the hub's name took %s", 0 },
	{ "tcp_msec", "the TCP handshake took %s", 0 },
	{ "tls_msec", "the TLS handshake took %s", 0 },
	{ "login_msec", "the hub accepted the login after %s", 0 },
	{ "x509_error", "its own TLS library found: %s", 0 },
	{ "tls_alert_sent", "the agent sent the TLS alert %s", 0 },
	{ "tls_alert_received", "the peer sent the TLS alert %s", 0 },
	{ "certificate_until", "the hub's certificate is valid until %s", 0 },
	{ "certificate_over_sec", "by this host's clock, that was %s before", 0 },
	{ "certificate_early_sec", "by this host's clock, it was to begin in %s", 0 },
	{ "clock", "this host's clock was %s", 0 },
	{ "tls_answer", "the answer to the TLS handshake was: %s", 0 },
	{ "tls_goodbye_sent", "the agent's last data was a TLS close_notify: %s", 0 },
	{ "tls_goodbye_received", "the peer's last data was a TLS close_notify: %s", 0 },
	{ "rung", "the attempt ended at: %s", 0 },
	{ "name_server", "the name server asked last was %s", 0 },
	{ "name_answer", "its answer was %s", 0 },
	{ "name_error", "its C library said of the lookup: %s", 0 },
	{ "lookups_failed", "%s lookups failed", 0 },
	{ "lookups_failing_msec", "lookups had been failing for %s", 0 },
	{ "link_back_before_msec", "the link came back", -1 },
	{ "address_lost_before_msec", "the local address was removed", -1 },
	{ "address_back_before_msec", "the local address came back", -1 },
	{ "route_lost_before_msec", "the route was removed", -1 },
	{ "route_back_before_msec", "the route came back", -1 },
	{ "route", "there was no route to the last peer", 0 },
	{ "reset_came_by", "the RST came by the %s: this host sent it", 0 },
	{ "dropped_here", "this host dropped %s packets of the connection on their way out", 0 },
	{ "dropped_here_in", "this host dropped %s packets that came for the connection", 0 },
	{ "sent_meanwhile", "meanwhile it sent %s", 0 },
	{ "nat_entry=another", "this host's NAT makes another connection of it than at first", 0 },
	{ "nat_entry=none", "NAT of this host tracks others and not this one", 0 },
	{ "nat_entry=gone", "this host's NAT does not know the connection any more", 0 },
	{ "conntrack_table=full", "this host's table of connections was full", 0 },
	{ "dropped_by", "they were dropped by %s", 0 },
	{ "dropped_in", "that was in the %s", 0 },
	{ "conntrack", "conntrack held the connection for %s", 0 },
	{ "not_sent", "what it sent last did not leave this host: %s", 0 },
	{ "next_hop", "the next hop was %s", 0 },
	{ "lost_segment_bytes", "a segment of %s bytes was sent again and again in vain", 0 },
	{ "arrived_behind_bytes", "of what was sent behind it, some %s bytes arrived", 0 },
	{ "missing_bytes", "%s bytes were missing before what the peer sent last", 0 },
	{ "heard_before_msec", "the peer was last heard", -1 },
	{ "family", "it was an attempt by %s", 0 },
	{ "came_up_meanwhile", "meanwhile a connection came up by %s", 0 },
	{ "attempts_unanswered", "attempts in a row by that family without an answer: %s", 0 },
	{ "slept_sec", "the host had been suspended for %s", 0 },
	{ "resumed_before_msec", "the host resumed", -1 },
	{ "boot", "it was open in the boot %s, and no end of it is told", 0 },
	{ "shutdown", "systemd then carried out a shutdown: %s", 0 },
	{ "shutdown_asked_by=logind", "a client of logind, such as systemctl, had asked for that",
	  0 },
	{ "shutdown_asked_by", "%s had asked for that", 0 },
	{ "journal_closed", "the journal was closed in order", 0 },
	{ "kernel_panic", "the kernel left a record of its panic", 0 },
	{ "watchdog_bootstatus", "the hardware watchdog's status at boot was %s", 0 },
	{ "container", "this host is a container, which may be killed from outside", 0 },
	{ "boots_between", "other boots may have come in between", 0 },
	{ "unwatched", "connwatch had been stopped before", 0 },
	{ "host_down_sec", "from the last sign of that boot to the first of this one it took %s",
	  0 },
	/* what else it may have been */
	{ "or", "it may also have been %s", 0 },
};
enum { PHRASES = sizeof(phrases) / sizeof(phrases[0]) };

static size_t name_length(const char *token)
{
	return strcspn(token, "=");
}

static bool is_row_of(const struct phrase *phrase, const char *token)
{
	size_t length = name_length(token);

	return strcmp(phrase->name, token) == 0 ||
	       (strlen(phrase->name) == length && strncmp(phrase->name, token, length) == 0);
}

/* The index of the token's row; PHRASES if there is none. */
static unsigned rank(const char *token)
{
	unsigned i = 0;

	while (i < PHRASES && !is_row_of(&phrases[i], token))
		i++;
	return i;
}

static bool has_suffix(const char *name, size_t length, const char *suffix)
{
	size_t tail = strlen(suffix);

	return length > tail && strncmp(name + length - tail, suffix, tail) == 0;
}

/* The value in microseconds, if the name ends in a unit of time; otherwise USEC_INFINITY. */
static usec_t span_of(const char *token)
{
	size_t length = name_length(token);
	usec_t unit = has_suffix(token, length, "_msec")  ? USEC_PER_MSEC
		      : has_suffix(token, length, "_sec") ? USEC_PER_SEC
							  : 0;
	unsigned long long value;
	char *end;

	if (unit == 0 || token[length] == '\0' || token[length + 1] < '0' ||
	    token[length + 1] > '9')
		return USEC_INFINITY;
	value = strtoull(token + length + 1, &end, 10);
	/* bounded so that the sum of two spans fits a signed number */
	return *end == '\0' && value < INT64_MAX / 4 / unit ? value * unit : USEC_INFINITY;
}

static const char *value_of(const char *token, char text[static TOKEN_SIZE])
{
	const char *value = token + name_length(token);
	usec_t span = span_of(token);

	if (span != USEC_INFINITY)
		time_span_format(span, text, TOKEN_SIZE);
	else
		snprintf(text, TOKEN_SIZE, "%s", *value ? value + 1 : "");
	return text;
}

/* Puts the value in the place of "%s". */
static void fill_in(const char *phrase, const char *value, char words[static WORDS_SIZE])
{
	const char *place = strstr(phrase, "%s");

	if (place)
		snprintf(words, WORDS_SIZE, "%.*s%s%s", (int)(place - phrase), phrase, value,
			 place + strlen("%s"));
	else
		snprintf(words, WORDS_SIZE, "%s", phrase);
}

static void replace(char *text, char old, char new)
{
	for (; *text; text++)
		if (*text == old)
			*text = new;
}

/* -1 or 1 if the token is a point in time before or after the end, 0 if it is none. */
static int moment_of(const char *token)
{
	unsigned place = rank(token);

	return place < PHRASES && span_of(token) != USEC_INFINITY ? phrases[place].moment : 0;
}

const char *account_evidence(const char *token, char words[static WORDS_SIZE])
{
	unsigned place = rank(token);
	char value[TOKEN_SIZE], name[TOKEN_SIZE];

	value_of(token, value);
	if (moment_of(token))
		return NULL;
	if (place < PHRASES && !phrases[place].moment) {
		fill_in(phrases[place].words, value, words);
		return words;
	}
	snprintf(name, sizeof(name), "%.*s", (int)name_length(token), token);
	replace(name, '_', ' ');
	snprintf(words, WORDS_SIZE, "%s: %s", name, value);
	return words;
}

const char *account_ruled_out(const char *token, char words[static WORDS_SIZE])
{
	size_t length = name_length(token);
	char reason[TOKEN_SIZE];

	snprintf(reason, sizeof(reason), "%s", token[length] ? token + length + 1 : "");
	replace(reason, '-', ' ');
	snprintf(words, WORDS_SIZE, "%.*s: %s", (int)length, token, reason);
	return words;
}

static int compare_tokens(const void *a, const void *b)
{
	unsigned rank_a = rank(a), rank_b = rank(b);

	return rank_a == rank_b ? strcmp(a, b) : rank_a < rank_b ? -1 : 1;
}

void account_sort(struct tokens *evidence)
{
	qsort(evidence->text, evidence->count, sizeof(evidence->text[0]), compare_tokens);
}

/* ---- in the order of time */

static void add_moment(struct moments *moments, int64_t offset, const char *words)
{
	struct moment *moment = &moments->items[moments->count];

	if (moments->count == MOMENTS_MAX)
		return;
	moments->count++;
	moment->offset = offset;
	snprintf(moment->words, WORDS_SIZE, "%s", words);
}

static void add_before(struct moments *moments, usec_t span, const char *words)
{
	if (span < INT64_MAX / 2)
		add_moment(moments, -(int64_t)span, words);
}

static void add_socket(const struct socket_facts *socket, bool came_up, struct moments *moments)
{
	if (socket->age == 0)
		return;
	add_before(moments, socket->age,
		   came_up ? "the connection was opened" : "the agent began to connect");
	if (socket->bytes_received > 0 && socket->idle_rx < socket->age)
		add_before(moments, socket->idle_rx, "the last data was received");
	if (socket->bytes_sent > 0 && socket->idle_tx < socket->age)
		add_before(moments, socket->idle_tx, "the last data was sent");
}

/* The points in time on one side of the end: sign -1 before it, 1 after it. */
static void add_tokens(const struct tokens *evidence, int sign, struct moments *moments)
{
	for (unsigned i = 0; i < evidence->count; i++) {
		const char *token = evidence->text[i];

		if (moment_of(token) == sign)
			add_moment(moments, sign * (int64_t)span_of(token),
				   phrases[rank(token)].words);
	}
}

static void add_end(const struct past_record *past, struct moments *moments)
{
	char words[WORDS_SIZE];

	if (past->record.kind == RECORD_STALLED)
		snprintf(words, sizeof(words), "it was found stalled");
	else
		snprintf(words, sizeof(words), "it ended: %s",
			 past->ended_by[0] ? past->ended_by : "unknown how");
	add_moment(moments, 0, words);
}

/* An insertion sort, because it is stable: moments at the same time keep their order. */
static void sort_moments(struct moments *moments)
{
	for (unsigned i = 1; i < moments->count; i++)
		for (unsigned k = i;
		     k > 0 && moments->items[k - 1].offset > moments->items[k].offset; k--) {
			struct moment held = moments->items[k];

			moments->items[k] = moments->items[k - 1];
			moments->items[k - 1] = held;
		}
}

void account_moments(const struct past_record *past, struct moments *moments)
{
	moments->count = 0;
	add_socket(&past->record.socket, past_came_up(past), moments);
	add_tokens(&past->record.verdict.evidence, -1, moments);
	add_end(past, moments);
	add_tokens(&past->record.verdict.evidence, 1, moments);
	sort_moments(moments);
}
