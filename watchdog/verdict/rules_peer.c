/* Rules: the peer ended the connection. */
#include "verdict_rules.h"

#include <signal.h>

/* A hub gives a client up after 1.5 x its keep-alive (MQTT 3.1.1, 3.1.2.10); less its own pace. */
#define GIVEN_UP_AFTER(keepalive) ((keepalive)*14 / 10)

/* Sessions shorter than this were hardly accepted; repeated, they tell of one of two quarrels. */
#define SHORT_LIFE      (60 * USEC_PER_SEC)
#define REJECTED_LIFE   (2 * USEC_PER_SEC)
#define WITH_ITS_ANSWER (500 * USEC_PER_MSEC)
enum { QUARREL = 3 };

enum { SILENCES_SUSPECTED = 2, SILENCES_LEARNED = 3 };

/* Without eBPF: a dump that has just begun may be the agent's answer to the peer's end. */
static enum ruling decide_dumping(struct deliberation *on)
{
	const struct process *process = on->given->process;
	bool before = !process->exited && process->dumping + VERDICT_WAIT <= on->given->time;

	tokens_add(evidence(on), "dumping_core=yes");
	if (process->exited)
		*on->exit = exit_facts_from_code(process->exit_code);
	return decide(on, CAUSE_AGENT_CRASH, before ? CONFIDENCE_LIKELY : CONFIDENCE_SUSPECTED);
}

/* A process that is writing its core dump keeps its connections open until the dump is done; the
 * peer may lose patience first. */
static enum ruling rule_dumping(struct deliberation *on)
{
	const struct process *process = on->given->process;

	if (process && process->dumping)
		return decide_dumping(on);
	if (!process || !process->fatal.number || process->fatal.number == SIGKILL ||
	    process->exited || on->given->time < process->fatal.time)
		return SILENT;
	tokens_add(evidence(on), "dumping_core_after=%s",
		   signal_to_string(process->fatal.number) ?: "?");
	return decide(on, CAUSE_AGENT_CRASH, CONFIDENCE_LIKELY);
}

static bool was_silent(const struct circumstances *given)
{
	return given->settings->keepalive &&
	       given->socket->idle_tx >= GIVEN_UP_AFTER(given->settings->keepalive);
}

enum ruling rule_hung(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	bool frozen = given->process && given->process->frozen;

	if (frozen && given->socket->idle_tx >= keepalive_of(given)) {
		tokens_add(evidence(on), "process=stopped-by-signal");
		return decide(on, CAUSE_AGENT_HANG, CONFIDENCE_LIKELY);
	}
	if (given->stalled != CAUSE_AGENT_HANG)
		return SILENT;
	tokens_add(evidence(on), "stalled_before=agent-hang");
	if (given->socket->unread_bytes)
		tokens_add(evidence(on), "unread_bytes=%u", given->socket->unread_bytes);
	return decide(on, CAUSE_AGENT_HANG, CONFIDENCE_LIKELY);
}

/* What the peer says arrives, and what we say does not, although the kernel of a living peer would
 * acknowledge it: the peer may well have given us up for our silence. */
static bool may_be_unheard(const struct socket_facts *socket)
{
	return socket->unacked_bytes > 0 && socket->retransmit_timeouts > 0;
}

static enum ruling rule_unheard(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;

	if (on->verdict->ended_by != ENDED_BY_PEER_FIN || !may_be_unheard(socket) ||
	    socket->retransmit_timeouts < TIMEOUTS_TOLD)
		return SILENT;
	describe_timeout(on);
	decide_path(on, CONFIDENCE_SUSPECTED);
	if (on->given->mode == MODE_SOCK_DIAG)
		on->verdict->confidence = CONFIDENCE_SUSPECTED;
	return DECIDED;
}

/* Without eBPF an end may be as old as the last look: what broke since then is no cause of it. */
static enum ruling rule_cut_off(struct deliberation *on)
{
	if (rule_broken_path(on) != DECIDED)
		return SILENT;
	if (on->given->mode == MODE_SOCK_DIAG)
		on->verdict->confidence = CONFIDENCE_SUSPECTED;
	return DECIDED;
}

static enum ruling rule_idle_timeout(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	struct rhythm rhythm = { 0 };

	if (!given->session)
		return SILENT;
	rhythm = history_silences(given->history, given->session);
	if (!was_silent(given) && rhythm.count < SILENCES_LEARNED) {
		if (given->socket->idle_tx < keepalive_of(given) && !may_be_unheard(given->socket))
			tokens_add(ruled_out(on), "peer-idle-timeout=was-active");
		return SILENT;
	}
	tokens_add(evidence(on), "silent_sec=%llu",
		   (unsigned long long)(given->socket->idle_tx / USEC_PER_SEC));
	if (given->unseen)
		return decide(on, CAUSE_PEER_IDLE_TIMEOUT, CONFIDENCE_SUSPECTED);
	if (given->socket->unread_bytes == 0)
		tokens_add(ruled_out(on), "agent-hang=nothing-left-unread");
	return decide(on, CAUSE_PEER_IDLE_TIMEOUT, CONFIDENCE_LIKELY);
}

/* A NAT or balancer that forgot the connection answers the next write with a RST of its own. */
static enum ruling rule_idle_drop(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	struct rhythm rhythm;

	if (on->verdict->ended_by != ENDED_BY_PEER_RESET || !given->session ||
	    given->socket->unacked_bytes == 0)
		return SILENT;
	rhythm = history_silences(given->history, given->session);
	if (rhythm.count < SILENCES_SUSPECTED)
		return SILENT;
	tokens_add(evidence(on), "silence_before_write_sec=%llu",
		   (unsigned long long)(rhythm.period / USEC_PER_SEC));
	tokens_add(evidence(on), "like_silences=%u", rhythm.count);
	on->verdict->period = rhythm.period;
	on->verdict->period_count = rhythm.count;
	return decide(on, CAUSE_IDLE_DROP,
		      rhythm.count < SILENCES_LEARNED ? CONFIDENCE_SUSPECTED : CONFIDENCE_LIKELY);
}

/* The FIN counts as a byte: it takes a sequence number (tcp_rcv_nxt_update()). */
static bool said_nothing(const struct socket_facts *peer)
{
	return peer->bytes_received <= (peer->fin_received ? 1 : 0);
}

/* A hub that refuses closes with its first answer; one that gives the session to another client
 * closes in the middle of nothing. A CONNACK that was seen settles it; so does a peer that never
 * said a word: there was no session to take over. */
static bool is_refusal(struct deliberation *on, const struct rhythm *lives)
{
	const struct mqtt_facts *mqtt = on->given->mqtt;

	if (mqtt->track == MQTT_FOLLOWED && mqtt->answered && mqtt->connack == 0) {
		tokens_add(ruled_out(on), "session-rejected=the-CONNACK-accepted-it");
		return false;
	}
	if (said_nothing(on->given->socket)) {
		tokens_add(ruled_out(on), "session-takeover=the-peer-had-said-nothing");
		return true;
	}
	return lives->period < REJECTED_LIFE && on->given->session->silence < WITH_ITS_ANSWER;
}

/* Accepted, and then ended by the peer, again and again. Never more than suspected: a fast rival
 * looks like a refusal, a late refusal like a rival, and a service that keeps failing like both. */
static enum ruling rule_quarrel(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	struct rhythm lives;

	if (!given->session)
		return SILENT;
	lives = history_short_lives(given->history, given->session, SHORT_LIFE);
	if (lives.count < QUARREL)
		return SILENT;
	tokens_add(evidence(on), "short_lives_in_a_row=%u", lives.count);
	on->verdict->period = lives.period;
	on->verdict->period_count = lives.count;
	return decide(on, is_refusal(on, &lives) ? CAUSE_SESSION_REJECTED : CAUSE_SESSION_TAKEOVER,
		      CONFIDENCE_SUSPECTED);
}

static bool ttls_known(const struct socket_facts *socket)
{
	return socket->reset_ttl && socket->flow_ttl_min;
}

/* The RST came over another number of hops than the peer's other packets: somebody on the way wrote
 * it. Initial TTLs are the sender's choice (RFC 1700: 64; others 128, 255), so a box may match the
 * peer by chance, and a peer's path may change: never proved. */
static enum ruling rule_middlebox(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;

	if (on->verdict->ended_by != ENDED_BY_PEER_RESET || !ttls_known(socket))
		return SILENT;
	if (socket->reset_ttl >= socket->flow_ttl_min &&
	    socket->reset_ttl <= socket->flow_ttl_max) {
		tokens_add(ruled_out(on), "middlebox-reset=ttl-%u-is-the-peer's",
			   socket->reset_ttl);
		return SILENT;
	}
	tokens_add(evidence(on), "reset_ttl=%u", socket->reset_ttl);
	tokens_add(evidence(on), "peer_ttl=%u", socket->flow_ttl_min);
	return decide(on, CAUSE_MIDDLEBOX_RESET, CONFIDENCE_LIKELY);
}

static enum ruling rule_transient(struct deliberation *on)
{
	if (!on->given->others_too)
		return SILENT;
	tokens_add(evidence(on), "other_agents_too=yes");
	return decide(on, CAUSE_SERVICE_TRANSIENT, CONFIDENCE_SUSPECTED);
}

static enum ruling rule_plain_peer(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	bool reset = on->verdict->ended_by == ENDED_BY_PEER_RESET;

	tokens_add(ruled_out(on), "agent-close=our-side-had-not-closed");
	if (given->unseen && given->socket->unread_bytes) { /* for a moment, or for an hour? */
		tokens_add(evidence(on), "unread_bytes=%u", given->socket->unread_bytes);
		return decide(on, reset ? CAUSE_PEER_RESET : CAUSE_PEER_CLOSE,
			      CONFIDENCE_SUSPECTED);
	}
	if (reset) /* only the TTL tells that nobody else wrote it */
		return decide(on, CAUSE_PEER_RESET,
			      ttls_known(given->socket) ? CONFIDENCE_LIKELY : CONFIDENCE_SUSPECTED);
	/* After a silence that nothing explains, or one that was only the peer's impression, the
	 * peer's patience cannot be ruled out. */
	if (given->socket->idle_tx >= keepalive_of(given) || may_be_unheard(given->socket))
		return decide(on, CAUSE_PEER_CLOSE, CONFIDENCE_LIKELY);
	return decide(on, CAUSE_PEER_CLOSE, CONFIDENCE_PROVED);
}

enum ruling rule_peer(struct deliberation *on)
{
	static enum ruling (*const rules[])(struct deliberation *) = {
		rule_dumping,      rule_hung,      rule_suspended,     rule_cut_off,
		rule_unheard,      rule_idle_drop, rule_token_expired, rule_unanswered_connect,
		rule_idle_timeout, rule_middlebox, rule_quarrel,       rule_transient,
		rule_plain_peer,
	};
	enum ruling ruling = SILENT;

	switch (on->verdict->ended_by) {
	case ENDED_BY_PEER_FIN:
	case ENDED_BY_PEER_RESET:
		break;
	case ENDED_BY_CONNECT_REFUSED:
		return decide(on, CAUSE_CONNECT_REFUSED, CONFIDENCE_PROVED);
	default:
		return SILENT;
	}
	if (mqtt_may_tell_more(on->given) && wait_unless_over(on) == WAIT)
		return WAIT;
	for (size_t i = 0; ruling == SILENT && i < sizeof(rules) / sizeof(*rules); i++)
		ruling = rules[i](on);
	return ruling;
}
