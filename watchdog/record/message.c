/* The sentence of a record: who, which connection, how long, how, why. */
#include <signal.h>
#include <string.h>

#include "record.h"
#include "text.h"

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
	[ENDED_BY_UNKNOWN] = "how it ended was not seen",
	[ENDED_BY_PEER_FIN] = "the peer closed it (FIN)",
	[ENDED_BY_PEER_RESET] = "a RST came in",
	[ENDED_BY_LOCAL_FIN] = "this side closed it (FIN)",
	[ENDED_BY_LOCAL_RESET] = "this side reset it (RST",
	[ENDED_BY_KEEPALIVE_TIMEOUT] = "TCP keep-alive probes went unanswered",
	[ENDED_BY_RETRANSMIT_TIMEOUT] = "stayed unacknowledged until the kernel gave up",
	[ENDED_BY_USER_TIMEOUT] = "no answer came within TCP_USER_TIMEOUT",
	[ENDED_BY_PROBE_TIMEOUT] = "the peer's window was shut and probes of it went unanswered",
	[ENDED_BY_UNREACHABLE] = "the kernel gave it up on a network error",
	[ENDED_BY_ABORTED] = "it was destroyed from outside the agent (SOCK_DESTROY)",
	[ENDED_BY_OUT_OF_MEMORY] = "the kernel had no memory left for it",
	[ENDED_BY_CONNECT_REFUSED] = "refused with a RST",
	[ENDED_BY_CONNECT_TIMEOUT] = "it got no answer",
	[ENDED_BY_CONNECT_UNREACHABLE] = "a network error",
};

static void add_how_detail(struct text *text, const struct record *record)
{
	const struct socket_facts *socket = &record->socket;

	switch (record->verdict.ended_by) {
	case ENDED_BY_LOCAL_RESET:
		if (socket->unread_bytes > 0) {
			text_add(text, ", ");
			add_bytes(text, socket->unread_bytes);
			text_add(text, " unread");
		} else if (socket->linger_zero) {
			text_add(text, ", SO_LINGER 0");
		}
		text_add(text, ")");
		break;
	case ENDED_BY_USER_TIMEOUT:
		add_span(text, " (", socket->user_timeout_msec * USEC_PER_MSEC, ")");
		break;
	case ENDED_BY_CONNECT_TIMEOUT:
		add_span(text, " in ", socket->age, "");
		if (socket->error == 0) /* the kernel would have gone on trying */
			text_add(text, " and gave up");
		break;
	case ENDED_BY_UNREACHABLE:
	case ENDED_BY_CONNECT_UNREACHABLE:
		if (socket->error != 0)
			text_add(text, " (%s)", strerror(socket->error));
		break;
	default: /* the phrase says it all */
		break;
	}
}

static void add_how(struct text *text, const struct record *record)
{
	enum ended_by ended_by = record->verdict.ended_by;

	if (ended_by == ENDED_BY_RETRANSMIT_TIMEOUT && record->socket.unacked_bytes > 0) {
		add_bytes(text, record->socket.unacked_bytes);
		text_add(text, " ");
	} else if (ended_by == ENDED_BY_RETRANSMIT_TIMEOUT) {
		text_add(text, "what was sent ");
	}
	text_add(text, "%s", how_phrases[ended_by]);
	add_how_detail(text, record);
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
	[CAUSE_UNKNOWN] = { "the evidence ", "does not tell why" },
	[CAUSE_EVIDENCE_LOST] = { "why is not known, for the probe ", "had to drop records" },
	[CAUSE_AGENT_CRASH] = { "the agent ", "crashed" },
	[CAUSE_AGENT_OOM] = { "the OOM killer ", "chose the agent" },
	[CAUSE_AGENT_EXIT] = { "the agent ", "exited" },
	[CAUSE_AGENT_STOPPED] = { "the agent was ", "stopped on request" },
	[CAUSE_AGENT_HANG] = { "the agent is alive, but ", "hangs" },
	[CAUSE_AGENT_ABORT] = { "the agent is alive and ", "cut it off itself" },
	[CAUSE_AGENT_CLOSE] = { "that was ", "the agent's own choice" },
	[CAUSE_TOKEN_RENEWAL] = { "it was ", "the agent renewing its token" },
	[CAUSE_AGENT_NOT_RECONNECTING] = { "the agent is alive, but ", "does not reconnect" },
	[CAUSE_TOKEN_EXPIRED] = { "the agent's token has ", "expired" },
	[CAUSE_PEER_IDLE_TIMEOUT] = { "the agent was silent for too long, so the hub ",
				      "gave it up" },
	[CAUSE_SESSION_REJECTED] = { "the hub ", "rejects the session: check credentials, clock "
						 "and quota" },
	[CAUSE_SESSION_TAKEOVER] = { "another client with the same id has ",
				     "taken over the session" },
	[CAUSE_SERVICE_TRANSIENT] = { "the service ", "has a passing trouble" },
	[CAUSE_CONNECT_REFUSED] = { "", "nothing listens there, or a firewall rejects it" },
	[CAUSE_PEER_RESET] = { "it was ", "the peer's own doing, and nothing here tells why" },
	[CAUSE_PEER_CLOSE] = { "it was ", "the peer's own doing, and nothing here tells why" },
	[CAUSE_LINK_DOWN] = { "this host's network link has ", "gone down" },
	[CAUSE_NO_ROUTE] = { "this host ", "has no route to the peer" },
	[CAUSE_ADDRESS_CHANGED] = { "this host has ", "lost the address it was using" },
	[CAUSE_UNREACHABLE] = { "the network ", "reports that the peer cannot be reached" },
	[CAUSE_PATH_SILENT] = { "nothing comes back, so the way to the peer is ",
				"broken or the peer is gone" },
	[CAUSE_IDLE_DROP] = { "a NAT or load balancer on the way has ",
			      "forgotten the idle connection" },
	[CAUSE_MIDDLEBOX_RESET] = { "the RST ", "came from a box on the way, not from the peer" },
	[CAUSE_OPERATOR_ABORT] = { "somebody on this host ", "asked for that, as with ss -K" },
	[CAUSE_HOST_SUSPEND] = { "the connection ", "did not survive this host's sleep" },
	[CAUSE_MEMORY_PRESSURE] = { "this host ", "is short of memory for TCP" },
};

static void add_why_detail(struct text *text, const struct record *record)
{
	const struct socket_facts *socket = &record->socket;
	char address[ADDRESS_TEXT_SIZE];

	switch (record->verdict.cause) {
	case CAUSE_TOKEN_RENEWAL:
	case CAUSE_TOKEN_EXPIRED:
		add_span(text, ", as it does every ", record->verdict.period, "");
		break;
	case CAUSE_PEER_IDLE_TIMEOUT:
		add_span(text, " (nothing sent for ", socket->idle_tx, ")");
		break;
	case CAUSE_IDLE_DROP:
		add_span(text, " (idle for ", socket->idle_tx, ")");
		break;
	case CAUSE_ADDRESS_CHANGED:
		if (record->local.family)
			text_add(text, " (%s)", endpoint_address(&record->local, address));
		break;
	case CAUSE_AGENT_HANG:
		if (socket->unread_bytes > 0) {
			text_add(text, " (");
			add_bytes(text, socket->unread_bytes);
			text_add(text, " unread)");
		} else {
			add_span(text, " (nothing sent for ", socket->idle_tx, ")");
		}
		break;
	default: /* no detail adds to the phrase */
		break;
	}
}

static const struct phrase *why_phrase(const struct verdict *verdict)
{
	static const struct phrase unheard = {
		"what was sent last never arrived, so the way to the peer is ", "broken"
	};

	if (verdict->cause == CAUSE_PATH_SILENT && verdict->ended_by == ENDED_BY_PEER_FIN)
		return &unheard;
	return &why_phrases[verdict->cause];
}

static void add_why(struct text *text, const struct record *record)
{
	const struct phrase *phrase = why_phrase(&record->verdict);
	bool diagnosed = cause_side(record->verdict.cause) != SIDE_NONE;

	text_add(text, "%s%s%s", phrase->before,
		 diagnosed ? adverb(record->verdict.confidence) : "", phrase->after);
	add_why_detail(text, record);
}

/* ---- ended */

static bool is_agents_end(enum cause cause)
{
	return cause == CAUSE_AGENT_CRASH || cause == CAUSE_AGENT_OOM ||
	       cause == CAUSE_AGENT_EXIT || cause == CAUSE_AGENT_STOPPED;
}

static struct phrase fate(const struct record *record)
{
	const struct exit_facts *exit = &record->exit;

	switch (record->verdict.cause) {
	case CAUSE_AGENT_OOM:
		return (struct phrase){ "was ", "killed by the OOM killer" };
	case CAUSE_AGENT_EXIT:
		return (struct phrase){ "", "exited by itself" };
	case CAUSE_AGENT_STOPPED:
		return (struct phrase){ "was ", "stopped on request" };
	default:
		break;
	}
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

/* That the process ended is certain once its exit status is known; what is only likely then is
 * that the connection ended for that reason. Whether a stop was asked for is never so certain. */
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
}

/* ---- stalled */

static void tell_stalled(struct text *text, const struct record *record)
{
	add_who(text, record);
	if (record->verdict.cause == CAUSE_AGENT_NOT_RECONNECTING) {
		text_add(text, " is alive, but has had no connection to ");
		add_peer(text, record);
		add_span(text, " for ", record->downtime, "");
		text_add(text, ".");
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
	add_span(text, "; it did not for ", record->downtime, "");
	text_add(text, " (%s).", cause_to_string(record->verdict.cause) ?: "?");
}

static void tell_recovered(struct text *text, const struct record *record)
{
	if (record->verdict.cause != CAUSE_UNKNOWN) {
		tell_healed(text, record);
		return;
	}
	add_who(text, record);
	text_add(text, " is connected to ");
	add_peer(text, record);
	text_add(text, " again");
	add_span(text, " after ", record->downtime, " without a connection");
	if (record->attempts > 1)
		text_add(text, ", at attempt %u", record->attempts);
	if (record->action.type != ACTION_NONE)
		text_add(text, ", after the action '%s'",
			 action_type_to_string(record->action.type));
	text_add(text, ".");
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
		{ "limit", "the limit of actions is reached" },
		{ "offline", "this host is offline" },
		{ "operator", "the operator holds its actions" },
		{ "confidence", "that is only suspected" },
		{ "did-not-help", "it did not help the last times" },
		{ "stopped", "the unit was stopped" },
		{ "masked", "the unit is masked" },
		{ "start-limit", "systemd has given up starting the unit" },
		{ "systemd", "systemd is at work on the unit" },
		{ "bus", "systemd cannot be asked" },
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++)
		if (strcmp(held_by, phrases[i].held_by) == 0)
			return phrases[i].phrase;
	return held_by;
}

/* What it came to, with the verb in front of its object. */
static void add_outcome(struct text *text, const struct verb *verb, const struct record *record)
{
	switch (action_outcome_from_string(record->action_result)) {
	case ACTION_HELD:
		text_add(text, ": did not %s", verb->infinitive);
		break;
	case ACTION_FAILED:
		text_add(text, ": wanted to %s", verb->infinitive);
		break;
	case ACTION_INTERRUPTED:
		text_add(text, ": was to %s", verb->infinitive);
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
		if (record->action_held_by)
			text_add(text, ": %s", held_phrase(record->action_held_by));
		break;
	case ACTION_FAILED:
		text_add(text, ", but failed: %s", strerror(-record->action_error));
		break;
	case ACTION_DID_NOT_HELP:
		text_add(text, ", but that did not help");
		break;
	case ACTION_INTERRUPTED:
		text_add(text, ", but connwatch or the system bus died before it did");
		break;
	case ACTION_UNCERTAIN:
		text_add(text, ", but connwatch or the system bus was gone before its end: whether "
			       "it was done is not known, so it is not done again");
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
	text_add(text, held_by && !dry_run ? " in spite of %s" : " because of %s", cause);
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
		text_add(text, " by sock_diag: without eBPF, how a connection ended often stays "
			       "unknown.");
	else
		text_add(text, " by eBPF.");
}

static void tell_evidence_lost(struct text *text, const struct record *record)
{
	if (record->agent[0] != '\0')
		text_add(text, "%s: ", record->agent);
	if (record->mode == MODE_SOCK_DIAG) /* which counts no more than that there were some */
		text_add(text, "Some of the kernel's news had to be dropped");
	else
		text_add(text, "%llu record%s of the probe had to be dropped",
			 (unsigned long long)record->lost_events,
			 record->lost_events == 1 ? "" : "s");
	text_add(text, "; what ended meanwhile may stay unexplained.");
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
