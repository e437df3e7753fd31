/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/endings.h"

#include "engine/agents.h"
#include "engine/attempts.h"
#include "engine/outage.h"
#include "engine/outcomes.h"
#include "engine/policy/policy.h"
#include "engine/processes.h"
#include "verdict/ended_by.h"
#include "verdict/mqtt_facts.h"
#include "verdict/rules_token.h"
#include "verdict/tls_facts.h"

/* Sessions that peers ended within this span probably ended for the same reason. */
#define SAME_MOMENT (2 * USEC_PER_SEC)

/* ---- endings that wait */

static struct ending *find(const struct engine *engine, uint64_t cookie)
{
	return keyed_table_find(&engine->endings, cookie);
}

static void drop(struct engine *engine, struct connection *connection)
{
	struct ending *ending = find(engine, connection->cookie);

	if (!ending)
		return;
	if (ending->process)
		LIST_REMOVE(ending, of_process);
	keyed_table_remove(&engine->endings, ending);
	deadline_clear(&engine->deadlines, &connection->deadline);
}

/* Returns false if there is no room. */
static bool keep(struct engine *engine, const struct ending *ending)
{
	struct connection *connection = ending->connection;
	struct ending *kept = find(engine, connection->cookie);

	if (kept)
		return true;
	kept = keyed_table_add(&engine->endings, connection->cookie);
	if (!kept)
		return false;
	*kept = *ending;
	kept->process = ending->current.pid && ended_by_own_side(&ending->socket)
				? processes_track(engine, &ending->current, connection->agent)
				: state_process(engine, connection->owner.pid);
	if (kept->process)
		LIST_INSERT_HEAD(&kept->process->endings, kept, of_process);
	deadline_set(&engine->deadlines, &connection->deadline, ending->time + VERDICT_WAIT);
	return true;
}

void endings_forget(struct engine *engine, struct connection *connection)
{
	drop(engine, connection);
	deadline_clear(&engine->deadlines, &connection->deadline);
	state_remove(engine, &engine->connections, connection, connection->agent);
}

/* ---- the evidence */

static const struct process *process_of(const struct engine *engine, const struct ending *ending)
{
	uint32_t pid = ended_by_own_side(&ending->socket) ? ending->current.pid : 0;
	const struct tracked_process *process = state_process(engine, pid);

	if (!process)
		process = state_process(engine, ending->connection->owner.pid);
	return process ? &process->facts : NULL;
}

static usec_t silence_of(const struct ending *ending)
{
	const struct socket_facts *socket = &ending->socket;

	if (ending->connection->silence)
		return ending->connection->silence;
	return session_silence(socket->idle_rx, socket->idle_tx, socket->unacked_bytes);
}

/* How long ago the peer was last heard, `age` at most. */
static usec_t quiet_for(const struct socket_facts *socket, usec_t age)
{
	bool only_acknowledges = socket->idle_ack && socket->idle_ack < socket->idle_rx;
	usec_t quiet = only_acknowledges ? socket->idle_ack : socket->idle_rx;

	return quiet < age ? quiet : age;
}

/* Whoever says goodbye first ends the session, whoever closes the connection then. */
static enum session_end session_end(const struct ending *ending)
{
	enum session_end end = session_end_of(ended_by_classify(&ending->socket));

	if (mqtt_agent_disconnected_first(&ending->mqtt))
		return SESSION_ENDED_BY_AGENT;
	if (end != SESSION_ENDED_BY_AGENT && end != SESSION_ENDED_BY_PEER)
		return end;
	if (tls_peer_left_first(&ending->tls, &ending->socket))
		return SESSION_ENDED_BY_PEER;
	if (tls_agent_left_first(&ending->tls, &ending->socket))
		return SESSION_ENDED_BY_AGENT;
	return end;
}

/* Returns false if there was no session: the connection never came up. A login that failed counts
 * as one here: why it did, the sessions before it may tell. */
static bool session_of(const struct engine *engine, const struct ending *ending,
		       struct session *session)
{
	usec_t age = ending->socket.age ?: ending->time - ending->connection->up_since;

	if (!ending->connection->serves && !ending->connection->logging_in)
		return false;
	*session = (struct session){
		.end = session_end(ending),
		.time = ending->time,
		.age = age,
		.silence = silence_of(ending),
		.before = age - quiet_for(&ending->socket, age),
		.reset = ended_by_classify(&ending->socket) == ENDED_BY_PEER_RESET,
		.suspended = engine->resumed && engine->resumed + age > ending->time,
	};
	return true;
}

static void note_peer_end(struct engine *engine, uint32_t agent, const struct session *session)
{
	if (session->end != SESSION_ENDED_BY_PEER)
		return;
	engine->peer_ends[engine->peer_ends_next] =
		(struct peer_end){ .time = session->time, .agent = agent };
	engine->peer_ends_next = (engine->peer_ends_next + 1) % PEER_ENDS_MAX;
}

static bool others_ended_too(const struct engine *engine, const struct ending *ending)
{
	for (unsigned i = 0; i < PEER_ENDS_MAX; i++) {
		const struct peer_end *end = &engine->peer_ends[i];

		if (end->agent && end->agent != ending->connection->agent &&
		    end->time + SAME_MOMENT >= ending->time)
			return true;
	}
	return false;
}

/* The returned value points to `session`, which is the caller's. */
static struct circumstances gather(const struct engine *engine, const struct ending *ending,
				   struct session *session)
{
	const struct connection *connection = ending->connection;
	struct circumstances circumstances =
		state_circumstances(engine, connection, &ending->socket, ending->time);

	circumstances.mqtt = &ending->mqtt;
	circumstances.tls = &ending->tls;
	circumstances.login = &ending->login;
	circumstances.closed = connection->closed;
	circumstances.current = &ending->current;
	circumstances.owner_state = ending->owner_state;
	circumstances.process = process_of(engine, ending);
	state_find_stop(engine, &circumstances);
	circumstances.session = session_of(engine, ending, session) ? session : NULL;
	circumstances.login_failed =
		connection->logging_in && !mqtt_session_is_accepted(&ending->mqtt);
	circumstances.way = attempts_way(&engine->agents[connection->agent], connection);
	circumstances.took = attempts_took(&engine->agents[connection->agent], connection->cookie);
	circumstances.aborted_by_us = connection->aborted;
	circumstances.check_unanswered = connection->check_unanswered;
	circumstances.clock = engine->clock;
	circumstances.accepted_tls = engine->agents[connection->agent].accepted_tls;
	circumstances.resumed = engine->resumed;
	circumstances.slept = engine->slept;
	circumstances.others_too = others_ended_too(engine, ending);
	return circumstances;
}

/* ---- the verdict */

static void remember_session(struct engine *engine, struct agent *agent,
			     const struct ending *ending, enum cause cause)
{
	struct session session;

	if (!session_of(engine, ending, &session))
		return;
	session.login = token_login_of(&ending->mqtt, &ending->login, cause);
	/* The next session may have begun while the verdict waited. */
	if (agent->last_opened >= session.time)
		session.reopened = agent->last_opened;
	past_sessions_add(&agent->past_sessions, &session);
	note_peer_end(engine, ending->connection->agent, &session);
}

/* The last session's end begins an outage, and so does an attempt that fails while there is none.
 */
static void note_outage(struct engine *engine, struct agent *agent, const struct ending *ending,
			struct record *record)
{
	bool is_attempt = !ending->connection->serves;
	bool was_last = agent->connections_up == (is_attempt ? 0 : 1);

	if (was_last && !is_attempt)
		is_attempt = outage_resumes(engine, agent, record);
	if (was_last)
		outage_begin(engine, agent, ending->time);
	outage_take_verdict(agent, record);
	if (is_attempt)
		outage_take_attempt(agent, record, ending->connection->serves);
}

static void report(struct engine *engine, struct agent *agent, const struct ending *ending,
		   struct record *record)
{
	struct connection *connection = ending->connection;

	outcomes_describe_connection(connection, record);
	note_outage(engine, agent, ending, record);
	record->socket = ending->socket;
	connection->reported = true;
	outcomes_send_record(engine, record);
	remember_session(engine, agent, ending, record->verdict.cause);
	agents_connection_down(engine, agent, connection, record->verdict.rung, ending->time);
	policy_connection_ended(engine, agent, connection->cookie);
	policy_apply(engine, agent, record);
}

/* Gives the verdict, or keeps the ending until it can be given. With `waited` it can be. `ending`
 * may be the kept one. */
static void judge(struct engine *engine, const struct ending *ending, bool waited)
{
	struct connection *connection = ending->connection;
	struct agent *agent = state_agent(engine, connection->agent);
	struct session session;
	struct circumstances circumstances = gather(engine, ending, &session);
	struct record record;

	circumstances.waited = waited;
	outcomes_begin_record(agent, RECORD_ENDED, ending->time, &record);
	if (!verdict_decide(&circumstances, &record.verdict, &record.exit)) {
		if (keep(engine, ending))
			return;
		circumstances.waited = true;
		verdict_decide(&circumstances, &record.verdict, &record.exit);
	}
	report(engine, agent, ending, &record);
	drop(engine, connection);
	if (connection->closed)
		endings_forget(engine, connection);
}

void endings_judge(struct engine *engine, const struct ending *ending)
{
	judge(engine, ending, false);
}

void endings_settle(struct engine *engine, struct connection *connection)
{
	const struct ending *ending = find(engine, connection->cookie);

	if (ending)
		judge(engine, ending, true);
}

/* ---- facts that verdicts wait for */

/* The end is our own side's: a goodbye of the peer's that came after it answers it. */
static void take_tls(struct ending *ending, const struct tls_facts *tls)
{
	bool received = ending->tls.goodbye_received;
	bool peer_first = ending->tls.goodbye_peer_first;

	ending->tls = *tls;
	ending->tls.goodbye_received = received;
	ending->tls.goodbye_peer_first = peer_first;
}

void endings_take_close(struct engine *engine, const struct event *event)
{
	struct ending *ending = find(engine, event->connection.cookie);

	if (!ending || (event->connection.mqtt.track == MQTT_NOT_SEEN && !ending->tls.unsent &&
			event->connection.login.protocol == LOGIN_NONE))
		return;
	ending->mqtt = event->connection.mqtt;
	ending->login = event->connection.login;
	if (ended_by_own_side(&ending->socket))
		take_tls(ending, &event->connection.tls);
	judge(engine, ending, false);
}

void endings_take_spoken(struct engine *engine, const struct event *event)
{
	struct ending *ending = find(engine, event->connection.cookie);

	if (!ending || !ended_by_own_side(&ending->socket))
		return; /* an alert that answers the peer's FIN is no reason for it */
	take_tls(ending, &event->connection.tls);
	judge(engine, ending, false);
}

void endings_take_reset(struct engine *engine, const struct event *event)
{
	struct ending *ending = find(engine, event->connection.cookie);

	if (!ending)
		return;
	ending->socket.reset_reason = event->connection.facts.reset_reason;
	ending->socket.reset_state = event->connection.facts.reset_state;
}

void endings_reconsider(struct engine *engine, struct tracked_process *process)
{
	struct ending *ending, *next;

	for (ending = LIST_FIRST(&process->endings); ending; ending = next) {
		next = LIST_NEXT(ending, of_process);
		judge(engine, ending, false);
	}
}

void endings_reconsider_agent(struct engine *engine, uint32_t agent)
{
	const struct ending *ending = NULL;

	while ((ending = keyed_table_next(&engine->endings, ending)))
		if (ending->connection->agent == agent)
			judge(engine, ending, false);
}

/* ---- ends that nobody saw */

void endings_orphan(struct engine *engine, struct connection *connection)
{
	struct agent *agent = state_agent(engine, connection->agent);
	const struct ending ending = { .time = engine->now, .connection = connection };
	struct session session;
	const struct circumstances circumstances = gather(engine, &ending, &session);
	struct record record;

	connection->ended = true;
	outcomes_begin_record(agent, RECORD_ENDED, engine->now, &record);
	verdict_orphaned(&circumstances, &record.verdict, &record.exit);
	report(engine, agent, &ending, &record);
}

void endings_vanish(struct engine *engine, struct connection *connection, usec_t time)
{
	struct agent *agent = state_agent(engine, connection->agent);
	const struct ending ending = { .time = time, .connection = connection };
	struct record record;

	if (!connection->reported) {
		outcomes_begin_record(agent, RECORD_ENDED, time, &record);
		record.verdict.cause = CAUSE_EVIDENCE_LOST;
		report(engine, agent, &ending, &record);
	}
	endings_forget(engine, connection);
}
