/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sentence of a record: who, which connection, how long, how, why. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "record/record.h"

/* ---- parts of sentences */

/* "mosquitto[812]", "edge (python3[4711])" where the process goes by another name. */
static void add_who(struct text *text, const struct record *record)
{
	const struct task *process = &record->process;
	bool same = strncmp(record->agent, process->comm, COMM_SIZE - 1) == 0;
	bool aside = process->comm[0] != '\0' && !same && record->agent[0] != '\0';

	if (aside)
		text_add(text, "%s (%s", record->agent, process->comm);
	else
		text_add(text, "%s", record->agent[0] != '\0' ? record->agent : process->comm);
	if (process->pid != 0)
		text_add(text, "[%u]", process->pid);
	if (aside)
		text_add(text, ")");
}

static void add_peer(struct text *text, const struct record *record)
{
	char peer[ENDPOINT_TEXT_SIZE];

	text_add(text, "%s",
		 record->peer.family ? endpoint_format(&record->peer, peer) : "its hub");
}

/* `before`, the span, `after`; nothing at all for a span that is 0 or not known. */
static void add_span(struct text *text, const char *before, usec_t span, const char *after)
{
	char words[TIME_SPAN_TEXT_SIZE];

	if (span == 0)
		return;
	time_span_format(span, words, sizeof(words));
	text_add(text, "%s%s%s", before, words, after);
}

static void add_bytes(struct text *text, uint32_t bytes)
{
	text_add(text, "%u byte%s", bytes, bytes == 1 ? "" : "s");
}

static const char *adverb(enum confidence confidence)
{
	switch (confidence) {
	case CONFIDENCE_SUSPECTED:
		return "perhaps ";
	case CONFIDENCE_LIKELY:
		return "probably ";
	case CONFIDENCE_PROVED:
	case CONFIDENCE_INVALID:
	case CONFIDENCE_MAX:
		break;
	}
	return "";
}

/* ---- how: what happened to the socket */

static const char *const how_phrases[ENDED_BY_MAX] = {
	[ENDED_BY_UNKNOWN] = "the end itself was not seen",
	[ENDED_BY_PEER_FIN] = "the peer closed it (FIN)",
	[ENDED_BY_PEER_RESET] = "a RST arrived",
	[ENDED_BY_LOCAL_FIN] = "this side closed it (FIN)",
	[ENDED_BY_LOCAL_RESET] = "this side reset it (RST",
	[ENDED_BY_KEEPALIVE_TIMEOUT] = "TCP keep-alive probes went unanswered",
	[ENDED_BY_RETRANSMIT_TIMEOUT] = "stayed unacknowledged until the kernel gave up",
	[ENDED_BY_USER_TIMEOUT] = "no acknowledgment came within TCP_USER_TIMEOUT",
	[ENDED_BY_PROBE_TIMEOUT] =
		"the peer's receive window was closed, and zero-window probes went unanswered",
	[ENDED_BY_UNREACHABLE] = "a network error ended it",
	[ENDED_BY_ABORTED] = "the socket was destroyed from outside the agent (SOCK_DESTROY)",
	[ENDED_BY_OUT_OF_MEMORY] = "the kernel ended it (out of memory)",
	[ENDED_BY_CONNECT_REFUSED] = "connection refused (RST)",
	[ENDED_BY_CONNECT_TIMEOUT] = "no answer",
	[ENDED_BY_CONNECT_UNREACHABLE] = "network error",
};

/* Adds a detail of the record to a phrase. */
typedef void add_detail(struct text *text, const struct record *record);

static void add_reset_detail(struct text *text, const struct record *record)
{
	if (record->socket.unread_bytes > 0) {
		text_add(text, ", ");
		add_bytes(text, record->socket.unread_bytes);
		text_add(text, " unread");
	} else if (record->socket.linger_zero) {
		text_add(text, ", SO_LINGER 0");
	}
	text_add(text, ")");
}

static void add_user_timeout(struct text *text, const struct record *record)
{
	add_span(text, " (", record->socket.user_timeout_msec * USEC_PER_MSEC, ")");
}

static void add_connect_timeout(struct text *text, const struct record *record)
{
	add_span(text, " in ", record->socket.age, "");
	if (record->socket.error == 0) /* the kernel would have gone on trying */
		text_add(text, ", and the agent gave up");
}

static void add_error(struct text *text, const struct record *record)
{
	if (record->socket.error != 0)
		text_add(text, " (%s)", strerror(record->socket.error));
}

static add_detail *const how_details[ENDED_BY_MAX] = {
	[ENDED_BY_LOCAL_RESET] = add_reset_detail,
	[ENDED_BY_USER_TIMEOUT] = add_user_timeout,
	[ENDED_BY_CONNECT_TIMEOUT] = add_connect_timeout,
	[ENDED_BY_UNREACHABLE] = add_error,
	[ENDED_BY_CONNECT_UNREACHABLE] = add_error,
};

static void add_how(struct text *text, const struct record *record)
{
	enum ended_by ended_by = record->verdict.ended_by;

	if (ended_by == ENDED_BY_RETRANSMIT_TIMEOUT && record->socket.unacked_bytes > 0) {
		add_bytes(text, record->socket.unacked_bytes);
		text_add(text, " ");
	} else if (ended_by == ENDED_BY_RETRANSMIT_TIMEOUT) {
		text_add(text, "sent data ");
	}
	text_add(text, "%s", how_phrases[ended_by]);
	if (how_details[ended_by])
		how_details[ended_by](text, record);
}

static bool never_came_up(enum ended_by ended_by)
{
	return ended_by == ENDED_BY_CONNECT_REFUSED || ended_by == ENDED_BY_CONNECT_TIMEOUT ||
	       ended_by == ENDED_BY_CONNECT_UNREACHABLE;
}

/* ---- why: the diagnosis. "probably" goes between the two halves. */

struct phrase {
	const char *before;
	const char *after;
};

static const struct phrase why_phrases[CAUSE_MAX] = {
	[CAUSE_UNKNOWN] = { "", "the evidence does not show why" },
	[CAUSE_EVIDENCE_LOST] = { "", "the cause is unknown because the probe dropped records" },
	[CAUSE_AGENT_CRASH] = { "the agent ", "crashed" },
	[CAUSE_AGENT_OOM] = { "the OOM killer ", "killed the agent" },
	[CAUSE_AGENT_EXIT] = { "the agent ", "exited" },
	[CAUSE_AGENT_STOPPED] = { "the agent was ", "stopped on request" },
	[CAUSE_AGENT_HANG] = { "the agent is alive but ", "hangs" },
	[CAUSE_AGENT_ABORT] = { "the agent is alive and ", "aborted the connection" },
	[CAUSE_AGENT_CLOSE] = { "that was ", "the agent's own decision" },
	[CAUSE_TOKEN_RENEWAL] = { "the agent ", "renewed its token" },
	[CAUSE_AGENT_NOT_RECONNECTING] = { "the agent is alive but ", "does not reconnect" },
	[CAUSE_TOKEN_EXPIRED] = { "the agent's token ", "expired" },
	[CAUSE_PEER_IDLE_TIMEOUT] = { "the hub ", "dropped the silent agent" },
	[CAUSE_SESSION_REJECTED] = { "the hub ",
				     "rejected the session: check credentials, clock and quota" },
	[CAUSE_SESSION_TAKEOVER] = { "another client with the same id ", "took over the session" },
	[CAUSE_SERVICE_TRANSIENT] = { "the service ", "had a transient fault" },
	[CAUSE_CONNECT_REFUSED] = { "", "nothing listens there, or a firewall rejects it" },
	[CAUSE_PEER_RESET] = { "the cause is ", "on the peer's side, not visible from here" },
	[CAUSE_PEER_CLOSE] = { "the cause is ", "on the peer's side, not visible from here" },
	[CAUSE_TLS_REFUSED_BY_AGENT] = { "the agent ",
					 "does not accept the hub's certificate or TLS" },
	[CAUSE_TLS_REFUSED_BY_HUB] = { "the hub ", "refused the agent's TLS handshake" },
	[CAUSE_TLS_NOT_SPOKEN] = { "what answers there ", "does not speak TLS" },
	[CAUSE_TLS_STALLED] = { "the TLS handshake ", "stalled" },
	[CAUSE_NAME_NOT_FOUND] = { "its DNS lookups ", "find no address" },
	[CAUSE_NAME_SERVER_FAILING] = { "its DNS lookups ", "fail at the name server" },
	[CAUSE_NAME_SERVER_SILENT] = { "its name server ", "does not answer" },
	[CAUSE_LINK_DOWN] = { "this host's network link ", "went down" },
	[CAUSE_WIFI_DISCONNECTED] = { "this host's Wi-Fi connection was ", "lost" },
	[CAUSE_MODEM_DISCONNECTED] = { "this host's modem ", "lost its connection" },
	[CAUSE_NO_ROUTE] = { "this host ", "has no route to the peer" },
	[CAUSE_ADDRESS_CHANGED] = { "this host ", "lost the connection's local address" },
	[CAUSE_UNREACHABLE] = { "the network ", "reported the peer as unreachable" },
	[CAUSE_PATH_SILENT] = { "the path to the peer is ", "broken, or the peer is gone" },
	[CAUSE_PATH_MTU] = { "the path to the peer ", "loses large packets (MTU)" },
	[CAUSE_PATH_HALF] = { "half of the path to the peer is ", "broken" },
	[CAUSE_IDLE_DROP] = { "a NAT or load balancer on the path ",
			      "dropped the idle connection" },
	[CAUSE_MIDDLEBOX_RESET] = { "it ", "came from a middlebox, not from the peer" },
	[CAUSE_OPERATOR_ABORT] = { "somebody on this host ", "did that, as with ss -K" },
	[CAUSE_HOST_SUSPEND] = { "the connection ", "broke while this host was suspended" },
	[CAUSE_CLOCK_WRONG] = { "this host's clock is ",
				"wrong: the hub's certificate is not valid by it" },
	[CAUSE_MEMORY_PRESSURE] = { "this host ", "is short of TCP memory" },
	[CAUSE_HOST_STARVED] = { "the agent is alive but ", "does not get what it needs" },
	[CAUSE_HOST_NAT] = { "this host's own NAT or connection tracking ", "cut it off" },
	[CAUSE_HOST_FIREWALL] = { "this host's own firewall ", "does not let its packets through" },
	[CAUSE_HOST_SHUTDOWN] = { "this host was ", "shut down" },
	[CAUSE_HOST_REBOOT] = { "this host was ", "rebooted" },
	[CAUSE_HOST_CRASH] = { "this host ", "crashed" },
	[CAUSE_POWER_LOST] = { "this host ", "lost its power, or was reset" },
};

static void add_period(struct text *text, const struct record *record)
{
	add_span(text, ", as it does every ", record->verdict.period, "");
}

static void add_silence(struct text *text, const struct record *record)
{
	add_span(text, " (nothing sent for ", record->socket.idle_tx, ")");
}

static void add_hang_detail(struct text *text, const struct record *record)
{
	if (record->socket.unread_bytes == 0)
		return add_silence(text, record);
	text_add(text, " (");
	add_bytes(text, record->socket.unread_bytes);
	text_add(text, " unread)");
}

/* The value of the evidence `name`; NULL if it is not there. */
static const char *evidence_of(const struct record *record, const char *name)
{
	const struct tokens *evidence = &record->verdict.evidence;
	size_t length = strlen(name);

	for (unsigned i = 0; i < evidence->count; i++)
		if (strncmp(evidence->text[i], name, length) == 0 &&
		    evidence->text[i][length] == '=')
			return evidence->text[i] + length + 1;
	return NULL;
}

/* Where a RST answered a write, the silence is that before the write. */
static void add_idle_time(struct text *text, const struct record *record)
{
	const char *seconds = evidence_of(record, "silence_before_write_sec");

	add_span(text, " (idle for ",
		 seconds ? strtoul(seconds, NULL, 10) * USEC_PER_SEC : record->socket.idle_tx, ")");
}

static void add_stranger(struct text *text, const struct record *record)
{
	if (evidence_of(record, "reset_ack"))
		text_add(text, " (whoever sent it did not know the connection)");
}

/* Adds " (VALUE)" of the evidence `name`, if it is there: a reason in the words of its protocol. */
static void add_evidence(struct text *text, const struct record *record, const char *name)
{
	const char *value = evidence_of(record, name);

	if (value)
		text_add(text, " (%s)", value);
}

static void add_as_words(struct text *text, const char *value)
{
	for (; *value; value++)
		text_add(text, "%c", *value == '-' ? ' ' : *value);
}

/* Adds " (VALUE)" of the evidence `name`, in words. */
static bool add_words(struct text *text, const struct record *record, const char *name)
{
	const char *value = evidence_of(record, name);

	if (!value)
		return false;
	text_add(text, " (");
	add_as_words(text, value);
	text_add(text, ")");
	return true;
}

/* The reason that the peer gave for a refusal, or for the end of the session. */
static void add_refusal(struct text *text, const struct record *record)
{
	static const char *const names[] = { "mqtt_connack", "mqtt_disconnect_received",
					     "sasl_outcome", "http_status", "websocket_close" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (add_words(text, record, names[i]))
			return;
	add_evidence(text, record, "amqp_error"); /* a name of the protocol's, and no words */
}

/* Why, by the agent's own library, or what it told the hub. */
static void add_refused(struct text *text, const struct record *record)
{
	if (!add_words(text, record, "x509_error"))
		add_evidence(text, record, "tls_alert_sent");
}

static void add_alert_received(struct text *text, const struct record *record)
{
	add_evidence(text, record, "tls_alert_received");
}

static void add_tls_answer(struct text *text, const struct record *record)
{
	add_evidence(text, record, "tls_answer");
}

static void add_name_answer(struct text *text, const struct record *record)
{
	add_evidence(text, record, "name_answer");
	add_evidence(text, record, "name_error");
}

static void add_name_server(struct text *text, const struct record *record)
{
	add_evidence(text, record, "name_server");
}

static void add_half(struct text *text, const struct record *record)
{
	if (!add_words(text, record, "family"))
		text_add(text, " (what this host sends is lost)");
}

static void add_modem(struct text *text, const struct record *record)
{
	add_words(text, record, "modem");
}

/* What NetworkManager gives as its reason, where its own words would not do. */
static const char *words_of_manager(const char *reason)
{
	static const char *const words[][2] = {
		{ "user-requested", "a user or a program asked for it" },
		{ "sleeping", "for sleep, or networking was switched off" },
		{ "connection-removed", "its connection profile was removed" },
		{ "new-activation", "to connect it anew" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(reason, words[i][0]) == 0)
			return words[i][1];
	return reason;
}

/* ": NetworkManager disconnected eth0 (a user or a program asked for it)": as with a radio, a fact.
 * That it did so for want of a carrier says no more than that the link is down. */
static void add_network_manager(struct text *text, const struct record *record)
{
	const char *interface =
		evidence_of(record, "interface") ?: evidence_of(record, "nm_interface");
	const char *reason = evidence_of(record, "nm_reason");
	const char *failed = evidence_of(record, "nm_failed");
	bool fell = reason && strcmp(reason, "carrier-changed") != 0;

	if (!interface || (!fell && !failed))
		return;
	text_add(text, ": NetworkManager ");
	if (fell) {
		text_add(text, "disconnected %s (", interface);
		add_as_words(text, words_of_manager(reason));
		text_add(text, ")%s", failed ? " and " : "");
	}
	if (failed) {
		text_add(text, "failed to connect %s (", fell ? "it" : interface);
		add_as_words(text, failed);
		text_add(text, ")");
	}
}

static void add_local_address(struct text *text, const struct record *record)
{
	char address[ADDRESS_TEXT_SIZE];

	if (record->local.family)
		text_add(text, " (%s)", endpoint_address(&record->local, address));
	add_network_manager(text, record);
}

static void add_host_down(struct text *text, const struct record *record)
{
	add_evidence(text, record, "shutdown_asked_by");
	add_span(text, " (down for ", record->downtime, ")");
}

/* The last sign of a boot that ended without a word: a quiet host writes nothing for hours. */
static void add_host_down_at_most(struct text *text, const struct record *record)
{
	add_span(text, " (down for at most ", record->downtime, ")");
}

static void add_shortage(struct text *text, const struct record *record)
{
	add_words(text, record, "short_of");
}

static add_detail *const why_details[CAUSE_MAX] = {
	[CAUSE_HOST_SHUTDOWN] = add_host_down,
	[CAUSE_HOST_REBOOT] = add_host_down,
	[CAUSE_HOST_CRASH] = add_host_down_at_most,
	[CAUSE_POWER_LOST] = add_host_down_at_most,
	[CAUSE_TLS_REFUSED_BY_AGENT] = add_refused,
	[CAUSE_TLS_REFUSED_BY_HUB] = add_alert_received,
	[CAUSE_CLOCK_WRONG] = add_refused,
	[CAUSE_TLS_NOT_SPOKEN] = add_tls_answer,
	[CAUSE_NAME_NOT_FOUND] = add_name_answer,
	[CAUSE_NAME_SERVER_FAILING] = add_name_answer,
	[CAUSE_NAME_SERVER_SILENT] = add_name_server,
	[CAUSE_SESSION_REJECTED] = add_refusal,
	[CAUSE_SERVICE_TRANSIENT] = add_refusal,
	[CAUSE_TOKEN_RENEWAL] = add_period,
	[CAUSE_TOKEN_EXPIRED] = add_period,
	[CAUSE_PEER_IDLE_TIMEOUT] = add_silence,
	[CAUSE_PEER_RESET] = add_stranger,
	[CAUSE_IDLE_DROP] = add_idle_time,
	[CAUSE_PATH_HALF] = add_half,
	[CAUSE_LINK_DOWN] = add_network_manager,
	[CAUSE_NO_ROUTE] = add_network_manager,
	[CAUSE_ADDRESS_CHANGED] = add_local_address,
	[CAUSE_MODEM_DISCONNECTED] = add_modem,
	[CAUSE_AGENT_HANG] = add_hang_detail,
	[CAUSE_HOST_STARVED] = add_shortage,
};

static const struct phrase *why_phrase(const struct verdict *verdict)
{
	static const struct phrase unheard = {
		"the peer never received the last data: the path to it is ", "broken"
	};

	if (verdict->cause == CAUSE_PATH_SILENT && verdict->ended_by == ENDED_BY_PEER_FIN)
		return &unheard;
	return &why_phrases[verdict->cause];
}

/* Adds " (reason 4, inactivity)" of "4-inactivity". */
static void add_radio_reason(struct text *text, const char *reason)
{
	size_t number = strspn(reason, "0123456789");

	text_add(text, " (reason %.*s", (int)number, reason);
	if (reason[number]) {
		text_add(text, ", ");
		add_as_words(text, reason + number + 1);
	}
	text_add(text, ")");
}

/* "wlan0 was deauthenticated by the access point (reason 4, inactivity)": that is a fact, and what
 * may be in doubt is whether the connection ended because of it. False: nothing was reported. */
static bool add_radio(struct text *text, const struct record *record)
{
	const char *interface = evidence_of(record, "interface");
	const char *what = evidence_of(record, "wifi");
	const char *reason = evidence_of(record, "wifi_reason");
	const char *doubt = adverb(record->verdict.confidence);

	if (!interface || !what)
		return false;
	text_add(text, "%s%s%s ", doubt, *doubt ? "because " : "", interface);
	if (radio_from_string(what) == RADIO_AP_LOST) {
		text_add(text, "lost its access point");
	} else {
		text_add(text, "was ");
		add_as_words(text, what);
	}
	if (reason)
		add_radio_reason(text, reason);
	return true;
}

static void add_why(struct text *text, const struct record *record)
{
	const struct phrase *phrase = why_phrase(&record->verdict);
	enum cause cause = record->verdict.cause;
	bool diagnosed = cause_side(cause) != SIDE_NONE;

	if (cause == CAUSE_WIFI_DISCONNECTED && add_radio(text, record))
		return;
	text_add(text, "%s%s%s", phrase->before,
		 diagnosed ? adverb(record->verdict.confidence) : "", phrase->after);
	if (why_details[cause])
		why_details[cause](text, record);
}

/* ---- ended */

static bool is_agents_end(enum cause cause)
{
	return cause == CAUSE_AGENT_CRASH || cause == CAUSE_AGENT_OOM ||
	       cause == CAUSE_AGENT_EXIT || cause == CAUSE_AGENT_STOPPED;
}

static struct phrase fate(const struct record *record)
{
	static const struct phrase fates[CAUSE_MAX] = {
		[CAUSE_AGENT_OOM] = { "was ", "killed by the OOM killer" },
		[CAUSE_AGENT_EXIT] = { "", "exited by itself" },
		[CAUSE_AGENT_STOPPED] = { "was ", "stopped on request" },
	};
	const struct exit_facts *exit = &record->exit;

	if (fates[record->verdict.cause].after)
		return fates[record->verdict.cause];
	/* A crash. Nobody crashes by SIGKILL: it always comes from somebody else. */
	if (exit->known && exit->by_signal && exit->status == SIGKILL)
		return (struct phrase){ "was ", "killed" };
	return (struct phrase){ "", "crashed" };
}

static void add_exit(struct text *text, const struct exit_facts *exit)
{
	const char *signal = signal_to_string(exit->status);

	if (!exit->known)
		return;
	if (!exit->by_signal)
		text_add(text, " (status %d", exit->status);
	else if (signal)
		text_add(text, " (%s", signal);
	else
		text_add(text, " (signal %d", exit->status);
	text_add(text, exit->dumped ? ", core dumped)" : ")");
}

/* Once the exit status is known, the end of the process is certain, and only its role as the reason
 * of the connection's end is likely. A request to stop is never so certain. */
static void tell_agents_end(struct text *text, const struct record *record)
{
	struct phrase phrase = fate(record);
	enum ended_by ended_by = record->verdict.ended_by;
	enum cause cause = record->verdict.cause;
	const char *word = adverb(record->verdict.confidence);
	bool end_certain = record->exit.known && cause != CAUSE_AGENT_STOPPED;

	add_who(text, record);
	text_add(text, " %s%s%s", phrase.before, end_certain ? "" : word, phrase.after);
	if (cause != CAUSE_AGENT_OOM)
		add_exit(text, &record->exit);
	if (never_came_up(ended_by)) {
		text_add(text, " while it was connecting to ");
		add_peer(text, record);
		text_add(text, ".");
		return;
	}
	text_add(text, "; that %sended its connection to ", end_certain ? word : "");
	add_peer(text, record);
	add_span(text, " after ", record->socket.age, "");
	if (ended_by == ENDED_BY_LOCAL_FIN) {
		text_add(text, " with a FIN");
	} else {
		text_add(text, ": ");
		add_how(text, record);
	}
	text_add(text, ".");
}

/* Of an attempt, how many failed before it; the journal has only some of them. */
static void add_place_in_outage(struct text *text, const struct record *record)
{
	if (record->is_correction)
		text_add(text, " So the session had ended for that reason, not by %s.",
			 cause_to_string(record->corrects));
	if (record->attempts > 1)
		text_add(text, " Attempt %u of this outage.", record->attempts);
}

static void tell_ended(struct text *text, const struct record *record)
{
	if (is_agents_end(record->verdict.cause)) {
		tell_agents_end(text, record);
		return;
	}
	add_who(text, record);
	if (never_came_up(record->verdict.ended_by)) {
		text_add(text, " could not connect to ");
		add_peer(text, record);
	} else {
		text_add(text, ": the connection to ");
		add_peer(text, record);
		text_add(text, " ended");
		add_span(text, " after ", record->socket.age, "");
	}
	text_add(text, ": ");
	add_how(text, record);
	text_add(text, "; ");
	add_why(text, record);
	text_add(text, ".");
	add_place_in_outage(text, record);
}

/* ---- stalled */

static void tell_lookups(struct text *text, const struct record *record)
{
	text_add(text, " has had no connection to ");
	add_peer(text, record);
	add_span(text, " for ", record->downtime, "");
	text_add(text, ": ");
	add_why(text, record);
	text_add(text, ".");
}

static void tell_stalled(struct text *text, const struct record *record)
{
	add_who(text, record);
	if (record->verdict.cause == CAUSE_AGENT_NOT_RECONNECTING) {
		text_add(text, " is alive but has had no connection to ");
		add_peer(text, record);
		add_span(text, " for ", record->downtime, "");
		text_add(text, ".");
		return;
	}
	if (cause_is_of_names(record->verdict.cause)) {
		tell_lookups(text, record);
		return;
	}
	if (record->verdict.cause == CAUSE_TOKEN_EXPIRED) {
		text_add(text, ": the token of its connection to ");
		add_peer(text, record);
		text_add(text, " ends soon, and was not renewed.");
		return;
	}
	text_add(text, ": the connection to ");
	add_peer(text, record);
	text_add(text, " is open but stalled");
	if (record->socket.unacked_bytes > 0) {
		text_add(text, ", with ");
		add_bytes(text, record->socket.unacked_bytes);
		text_add(text, " unacknowledged");
	}
	text_add(text, "; ");
	add_why(text, record);
	text_add(text, ".");
}

/* ---- the other kinds */

/* The connection was open all the while, but in trouble. */
static void tell_healed(struct text *text, const struct record *record)
{
	add_who(text, record);
	text_add(text, ": the connection to ");
	add_peer(text, record);
	text_add(text, " works again");
	add_span(text, " after ", record->downtime, " of trouble");
	text_add(text, " (%s).", cause_to_string(record->verdict.cause) ?: "?");
}

/* " The outage began with peer-close (likely); 34 attempts failed: connect-refused 32, no-route 2."
 */
static void add_summary(struct text *text, const struct outage_summary *outage)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < outage->failed_count; i++)
		failed += outage->failed[i].count;
	if (!outage->known)
		return;
	text_add(text, " The outage began with %s", cause_to_string(outage->cause));
	if (outage->confidence != CONFIDENCE_INVALID)
		text_add(text, " (%s)", confidence_to_string(outage->confidence));
	if (failed)
		text_add(text, "; %u attempt%s failed:", failed, failed == 1 ? "" : "s");
	for (unsigned i = 0; i < outage->failed_count; i++)
		text_add(text, "%s %s %u", i ? "," : "", cause_to_string(outage->failed[i].by),
			 outage->failed[i].count);
	text_add(text, ".");
}

static void tell_recovered(struct text *text, const struct record *record)
{
	if (record->verdict.cause != CAUSE_UNKNOWN) {
		tell_healed(text, record);
		return;
	}
	add_who(text, record);
	text_add(text, " reconnected to ");
	add_peer(text, record);
	add_span(text, " after ", record->downtime, "");
	if (record->attempts > 1)
		text_add(text, ", on attempt %u", record->attempts);
	if (record->action.type != ACTION_NONE)
		text_add(text, ", after the action %s", action_type_to_string(record->action.type));
	text_add(text, ".");
	add_summary(text, &record->outage);
}

static const struct verb {
	const char *infinitive, *doing, *done;
} verbs[ACTION_TYPE_MAX] = {
	[ACTION_NONE] = { "act", "doing nothing", "did nothing" },
	[ACTION_RELOAD] = { "reload", "reloading", "reloaded" },
	[ACTION_SIGNAL] = { "send", "sending", "sent" },
	[ACTION_ABORT_CONNECTION] = { "abort", "aborting", "aborted" },
	[ACTION_RESTART] = { "restart", "restarting", "restarted" },
	[ACTION_START_UNIT] = { "start", "starting", "started" },
};

static void add_object(struct text *text, const struct record *record)
{
	const char *signal = signal_to_string(record->action.signal);

	switch (record->action.type) {
	case ACTION_RELOAD:
	case ACTION_RESTART:
		text_add(text, " %s", record->unit[0] != '\0' ? record->unit : "it");
		break;
	case ACTION_SIGNAL:
		if (signal)
			text_add(text, " it %s", signal);
		else
			text_add(text, " it signal %d", record->action.signal);
		break;
	case ACTION_ABORT_CONNECTION:
		text_add(text, " the connection to ");
		add_peer(text, record);
		break;
	case ACTION_START_UNIT:
		text_add(text, " %s", record->action.unit);
		break;
	case ACTION_NONE:
	case ACTION_TYPE_MAX:
	case ACTION_TYPE_INVALID:
		break;
	}
}

static const char *held_phrase(const char *held_by)
{
	static const struct {
		const char *held_by, *phrase;
	} phrases[] = {
		{ "limit", "the action limit is reached" },
		{ "offline", "this host is offline" },
		{ "operator", "the operator has put its actions on hold" },
		{ "confidence", "the cause is only suspected" },
		{ "did-not-help", "it did not help the last few times" },
		{ "stopped", "the unit was stopped" },
		{ "masked", "the unit is masked" },
		{ "start-limit", "the unit has reached systemd's start limit" },
		{ "systemd", "systemd is already acting on the unit" },
		{ "bus", "systemd cannot be reached over D-Bus" },
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++)
		if (strcmp(held_by, phrases[i].held_by) == 0)
			return phrases[i].phrase;
	return held_by;
}

static void add_limit(struct text *text, const struct action_limit *limit)
{
	char span[TIME_SPAN_TEXT_SIZE];

	text_add(text, "the limit of %u action%s in %s ", limit->burst,
		 limit->burst == 1 ? "" : "s",
		 time_span_format(limit->interval, span, sizeof(span)));
	if (limit->wait == USEC_INFINITY)
		text_add(text, "allows none");
	else
		add_span(text, "is reached; the next one is allowed in ", limit->wait, "");
}

/* Adds the outcome of an action, with the verb in front of its object. */
static void add_outcome(struct text *text, const struct verb *verb, const struct record *record)
{
	switch (action_outcome_from_string(record->action_result)) {
	case ACTION_HELD:
		text_add(text, ": did not %s", verb->infinitive);
		break;
	case ACTION_FAILED:
		text_add(text, ": tried to %s", verb->infinitive);
		break;
	case ACTION_INTERRUPTED:
		text_add(text, ": was about to %s", verb->infinitive);
		break;
	case ACTION_DONE:
	case ACTION_DID_NOT_HELP:
		text_add(text, ": %s", verb->done);
		break;
	case ACTION_STARTED:
	case ACTION_UNCERTAIN:
	case ACTION_HELPED:
	case ACTION_OUTCOME_MAX:
	case ACTION_OUTCOME_INVALID:
		text_add(text, ": %s", verb->doing);
		break;
	}
}

static void add_end_of_action(struct text *text, const struct record *record)
{
	switch (action_outcome_from_string(record->action_result)) {
	case ACTION_HELD:
		if (record->limit.wait) {
			text_add(text, ": ");
			add_limit(text, &record->limit);
		} else if (record->action_held_by)
			text_add(text, ": %s", held_phrase(record->action_held_by));
		break;
	case ACTION_FAILED:
		text_add(text, ", but that failed: %s", strerror(-record->action_error));
		break;
	case ACTION_DID_NOT_HELP:
		text_add(text, ", but that did not help");
		break;
	case ACTION_INTERRUPTED:
		text_add(text, ", but connwatch or the system bus went down first");
		break;
	case ACTION_UNCERTAIN:
		text_add(text, ", but connwatch or the system bus went down meanwhile: the "
			       "result is unknown, so it is not done again");
		break;
	case ACTION_STARTED:
	case ACTION_DONE:
	case ACTION_HELPED:
	case ACTION_OUTCOME_MAX:
	case ACTION_OUTCOME_INVALID:
		break;
	}
}

static void tell_action(struct text *text, const struct record *record)
{
	const struct verb *verb = &verbs[record->action.type];
	const char *cause = cause_to_string(record->verdict.cause);
	const char *held_by = record->action_held_by;
	bool dry_run = held_by && strcmp(held_by, "dry-run") == 0;

	add_who(text, record);
	if (dry_run)
		text_add(text, ": dry run, would %s", verb->infinitive);
	else
		add_outcome(text, verb, record);
	add_object(text, record);
	if (record->delay)
		add_span(text, " in ", record->delay, "");
	text_add(text, held_by && !dry_run ? " despite %s" : " because of %s", cause);
	if (!dry_run)
		add_end_of_action(text, record);
	text_add(text, ".");
}

static void tell_watching(struct text *text, const struct record *record)
{
	text_add(text, "Watching ");
	add_who(text, record);
	if (record->unit[0] != '\0' && strcmp(record->unit, record->agent) != 0)
		text_add(text, " (%s)", record->unit);
	if (record->mode == MODE_SOCK_DIAG)
		text_add(text,
			 " with sock_diag: without eBPF, name lookups, TLS and logins are not "
			 "seen, and how a connection ended often stays unknown.");
	else
		text_add(text, " with eBPF.");
}

static void tell_connected(struct text *text, const struct record *record)
{
	add_who(text, record);
	text_add(text, " is connected to ");
	add_peer(text, record);
	text_add(text, ".");
}

static void tell_records_lost(struct text *text, uint64_t count)
{
	text_add(text, "%llu probe record%s dropped", (unsigned long long)count,
		 count == 1 ? " was" : "s were");
}

static void tell_groups_lost(struct text *text, const struct record *record)
{
	uint64_t records = record->lost_events - record->lost_groups;
	bool one = record->lost_groups == 1;

	if (records) {
		tell_records_lost(text, records);
		text_add(text, ", and ");
	}
	text_add(text,
		 "%llu control group%s not watched, as the agent has more than its share; "
		 "connections in %s stay unseen.",
		 (unsigned long long)record->lost_groups, one ? " is" : "s are",
		 one ? "it" : "them");
}

static void tell_evidence_lost(struct text *text, const struct record *record)
{
	if (record->agent[0] != '\0')
		text_add(text, "%s: ", record->agent);
	if (record->lost_groups)
		return tell_groups_lost(text, record);
	if (record->mode == MODE_SOCK_DIAG) /* the count is only a flag in this mode */
		text_add(text, "%s kernel notifications were dropped",
			 record->agent[0] != '\0' ? "some" : "Some");
	else
		tell_records_lost(text, record->lost_events);
	text_add(text, "; connections that ended meanwhile may stay unexplained.");
}

const char *record_message(const struct record *record, char message[static MESSAGE_SIZE])
{
	struct text text = text_begin(message, MESSAGE_SIZE);

	switch (record->kind) {
	case RECORD_ENDED:
		tell_ended(&text, record);
		break;
	case RECORD_STALLED:
		tell_stalled(&text, record);
		break;
	case RECORD_RECOVERED:
		tell_recovered(&text, record);
		break;
	case RECORD_ACTION:
		tell_action(&text, record);
		break;
	case RECORD_WATCHING:
		tell_watching(&text, record);
		break;
	case RECORD_CONNECTED:
		tell_connected(&text, record);
		break;
	case RECORD_EVIDENCE_LOST:
		tell_evidence_lost(&text, record);
		break;
	case RECORD_KIND_MAX:
	case RECORD_KIND_INVALID:
		break;
	}
	text_make_printable(message);
	return message;
}
