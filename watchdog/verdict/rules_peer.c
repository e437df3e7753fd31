/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rules_peer.h"

#include <signal.h>

#include "verdict/login_facts.h"
#include "verdict/mqtt_facts.h"
#include "verdict/rule_hung.h"
#include "verdict/rules_drops.h"
#include "verdict/rules_half_path.h"
#include "verdict/rules_host.h"
#include "verdict/rules_mqtt.h"
#include "verdict/rules_nat.h"
#include "verdict/rules_network.h"
#include "verdict/rules_token.h"
#include "verdict/tls_facts.h"

/* A hub closes after 1.5 times the keep-alive (MQTT 3.1.1, 3.1.2.10). 1.4 leaves room for the time
 * that packets and timers take. */
#define GIVEN_UP_AFTER(keepalive) ((keepalive)*14 / 10)

/* So many sessions in a row that the peer ended within SHORT_LIFE are a refusal or a takeover. A
 * refusal ends within REJECTED_LIFE, and WITH_ITS_ANSWER: so soon after the last packet. */
#define SHORT_LIFE      (60 * USEC_PER_SEC)
#define REJECTED_LIFE   (2 * USEC_PER_SEC)
#define WITH_ITS_ANSWER (500 * USEC_PER_MSEC)
enum { SHORT_LIVES_SUSPECTED = 3 };

/* So many like silences in a row make an idle drop suspected. */
enum { SILENCES_SUSPECTED = 2 };

/* In the mode sock-diag. Only a dump that began VERDICT_WAIT or longer before the end cannot be the
 * agent's answer to it. */
static enum ruling decide_dumping(struct deliberation *on)
{
	const struct process *process = on->given->process;

	tokens_add(evidence(on), "dumping_core=yes");
	if (process->exited)
		*on->exit = exit_facts_from_code(process->exit_code);
	return nominate(on, CAUSE_AGENT_CRASH);
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
	return nominate(on, CAUSE_AGENT_CRASH);
}

static bool was_silent(const struct circumstances *given)
{
	return given->settings->keepalive &&
	       given->socket->idle_tx >= GIVEN_UP_AFTER(given->settings->keepalive);
}

/* The peer's packets arrive and ours do not, although the kernel of a living peer would acknowledge
 * them: the peer may have closed because it heard nothing from us. What a filter of our own drops
 * is asked for again by window probes. */
static bool is_unheard(const struct socket_facts *socket)
{
	return socket->unacked_bytes > 0 &&
	       (socket->retransmit_timeouts >= TIMEOUTS_OF_SILENCE ||
		(socket->probes > 0 && socket->send_window > 0) || could_not_be_sent(socket));
}

static enum ruling rule_unheard(struct deliberation *on)
{
	/* its FIN would come behind what is missing */
	if (on->verdict->ended_by == ENDED_BY_PEER_RESET && on->given->socket->unacked_bytes == 0)
		return rule_half_path(on);
	if (on->verdict->ended_by != ENDED_BY_PEER_FIN || !is_unheard(on->given->socket))
		return SILENT;
	describe_timeout(on);
	return decide_silent_path(on);
}

/* The peer closed after the agent's silence, as its idle time-out would have it. */
static enum ruling rule_idle_timeout(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	struct rhythm rhythm = { 0 };

	if (!given->session)
		return SILENT;
	rhythm = rhythm_of_silences(given->past_sessions, given->session);
	/* a hub that closes sooner than the keep-alive it was promised closes for another reason */
	if (!was_silent(given) &&
	    (rhythm.count < RHYTHM_MIN || given->socket->idle_tx < given->settings->keepalive))
		return SILENT;
	tokens_add(evidence(on), "silent_sec=%llu",
		   (unsigned long long)(given->socket->idle_tx / USEC_PER_SEC));
	return nominate(on, CAUSE_PEER_IDLE_TIMEOUT);
}

/* The peer's system forgets no connection but by a restart, and ends one by a RST with an ACK.
 * Behind a box that has forgotten an idle one, it is asked by another address or port, or another
 * system is. */
static bool was_forgotten(const struct circumstances *given)
{
	return given->socket->reset_without_ack && given->session->silence >= SHORTEST_NAT_TIMEOUT;
}

/* A NAT or balancer that has forgotten an idle connection answers the next write with a RST, or has
 * the peer answer so. */
static enum ruling rule_idle_drop(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	struct rhythm rhythm;

	if (on->verdict->ended_by != ENDED_BY_PEER_RESET || !given->session ||
	    given->socket->unacked_bytes == 0)
		return SILENT;
	rhythm = rhythm_of_silences(given->past_sessions, given->session);
	if (rhythm.count < SILENCES_SUSPECTED && !was_forgotten(given))
		return SILENT;
	tokens_add(evidence(on), "silence_before_write_sec=%llu",
		   (unsigned long long)(rhythm.period / USEC_PER_SEC));
	describe_peers_reset(on);
	if (rhythm.count >= SILENCES_SUSPECTED) {
		tokens_add(evidence(on), "like_silences=%u", rhythm.count);
		on->verdict->period = rhythm.period;
		on->verdict->period_count = rhythm.count;
	}
	return nominate(on, CAUSE_IDLE_DROP);
}

/* bytes_received counts the FIN as a byte: it takes a sequence number (tcp_rcv_nxt_update()). */
static bool said_nothing(const struct socket_facts *peer)
{
	return peer->bytes_received <= (peer->fin_received ? 1 : 0);
}

/* A hub that refuses closes with its first answer; a hub that gives the session to another client
 * closes at any moment. Proved by an accepting CONNACK (no refusal) and by a peer that never said
 * anything (no session to take over). */
static bool is_refusal(const struct circumstances *given, const struct rhythm *lives)
{
	if (mqtt_session_is_accepted(given->mqtt))
		return false;
	return said_nothing(given->socket) ||
	       (lives->period < REJECTED_LIFE && given->session->silence < WITH_ITS_ANSWER);
}

/* The peer ended short sessions again and again: session-rejected or session-takeover. Never more
 * than suspected: a rival that is back at once looks like a refusal, a late refusal looks like a
 * rival, and a service that keeps failing looks like both. A hub that hands a session over says so
 * with a FIN; RSTs in a row are of a box on the path, or of a hub that falls over. */
static enum ruling rule_short_lives(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	struct rhythm lives;
	bool refused;

	if (!given->session)
		return SILENT;
	lives = rhythm_of_short_lives(given->past_sessions, given->session, SHORT_LIFE);
	refused = is_refusal(given, &lives);
	if ((refused ? lives.count : lives.fins) < SHORT_LIVES_SUSPECTED)
		return SILENT;
	tokens_add(evidence(on), "short_lives_in_a_row=%u", lives.count);
	on->verdict->period = lives.period;
	on->verdict->period_count = lives.count;
	return nominate(on, refused ? CAUSE_SESSION_REJECTED : CAUSE_SESSION_TAKEOVER);
}

static bool ttls_known(const struct socket_facts *socket)
{
	return socket->reset_ttl && socket->flow_ttl_min;
}

/* The RST came over another number of hops than the peer's other packets: a box on the path wrote
 * it. Never proved: senders choose their initial TTL (RFC 1700: 64; others 128, 255), so a box may
 * match the peer by chance, and the path to the peer may change. */
static enum ruling rule_middlebox(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;

	if (on->verdict->ended_by != ENDED_BY_PEER_RESET || !ttls_known(socket))
		return SILENT;
	if (socket->reset_ttl >= socket->flow_ttl_min && socket->reset_ttl <= socket->flow_ttl_max)
		return SILENT;
	tokens_add(evidence(on), "reset_ttl=%u", socket->reset_ttl);
	tokens_add(evidence(on), "peer_ttl=%u", socket->flow_ttl_min);
	describe_peers_reset(on);
	return nominate(on, CAUSE_MIDDLEBOX_RESET);
}

/* Peers of several agents ended their connections at once: probably one service. */
static enum ruling rule_transient(struct deliberation *on)
{
	if (!on->given->others_too)
		return SILENT;
	tokens_add(evidence(on), "other_agents_too=yes");
	return nominate(on, CAUSE_SERVICE_TRANSIENT);
}

/* The last rule: the peer ended it, and nothing says why. Never SILENT. */
static enum ruling rule_plain_peer(struct deliberation *on)
{
	if (on->given->socket->unread_bytes)
		tokens_add(evidence(on), "unread_bytes=%u", on->given->socket->unread_bytes);
	/* A RST after a goodbye comes of what the peer left unread. */
	if (on->verdict->ended_by == ENDED_BY_PEER_RESET &&
	    !tls_peer_left_first(on->given->tls, on->given->socket)) {
		describe_peers_reset(on);
		return nominate(on, CAUSE_PEER_RESET);
	}
	return nominate(on, CAUSE_PEER_CLOSE);
}

enum ruling decide_peers_doing(struct deliberation *on)
{
	static enum ruling (*const rules[])(struct deliberation *) = {
		rule_dumping,       rule_hung,
		rule_suspended,     rule_dropped_here,
		rule_broken_path,   rule_lost_by_nat,
		rule_unheard,       rule_idle_drop,
		rule_token_expired, rule_unanswered_connect,
		rule_idle_timeout,  rule_middlebox,
		rule_short_lives,   rule_transient,
		rule_plain_peer,
	};
	enum ruling ruling = SILENT;

	for (size_t i = 0; ruling == SILENT && i < sizeof(rules) / sizeof(*rules); i++)
		ruling = rules[i](on);
	return ruling;
}

enum ruling rule_peer(struct deliberation *on)
{
	if (on->verdict->ended_by == ENDED_BY_CONNECT_REFUSED)
		return rule_dropped_here(on) == DECIDED ? DECIDED
							: nominate(on, CAUSE_CONNECT_REFUSED);
	if (on->verdict->ended_by != ENDED_BY_PEER_FIN &&
	    on->verdict->ended_by != ENDED_BY_PEER_RESET)
		return SILENT;
	if ((mqtt_more_may_come(on->given) || login_more_may_come(on->given)) &&
	    wait_unless_over(on) == WAIT)
		return WAIT;
	return decide_peers_doing(on);
}
