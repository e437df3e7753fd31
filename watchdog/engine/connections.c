/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/connections.h"

#include <string.h>

#include "engine/agents.h"
#include "engine/attempts.h"
#include "engine/endings.h"
#include "engine/outage.h"
#include "engine/outcomes.h"
#include "engine/policy/plan_recall.h"
#include "engine/processes.h"
#include "engine/stalls.h"
#include "verdict/device.h"
#include "verdict/ended_by.h"
#include "verdict/mqtt_facts.h"
#include "verdict/tls_facts.h"

/* ---- how one begins */

static bool leads_to_hub(const struct engine *engine, const struct event *event)
{
	const struct agent *agent = state_agent(engine, event->agent);

	if (!agent)
		return false;
	if (agent->settings->peer_count == 0)
		return true;
	for (unsigned i = 0; i < agent->settings->peer_count; i++)
		if (peer_pattern_matches(&agent->settings->peers[i], &event->connection.peer))
			return true;
	return false;
}

/* Returns when the connection's SYN went out, which is the same in all its events; 0: not known. */
static usec_t opened_at(const struct event *event)
{
	usec_t age = event->connection.facts.age;

	return age || event->type == EVENT_OPENED ? event->time - age : 0;
}

static void note_owner(struct connection *connection, const struct task *task)
{
	connection->owner = (struct owner){
		.started = task->started,
		.pid = task->pid,
		.in_agent = task->in_agent,
	};
	memcpy(connection->owner.comm, task->comm, sizeof(task->comm));
}

/* The owner may be older than the engine: then no event has shown it yet. */
static struct connection *begin(struct engine *engine, const struct event *event)
{
	const struct connection_event *from = &event->connection;
	struct connection *connection;

	if (!leads_to_hub(engine, event))
		return NULL;
	connection = state_add(engine, &engine->connections, from->cookie, event->agent);
	if (!connection) {
		engine->refused = event->agent;
		return NULL;
	}
	connection->cookie = from->cookie;
	connection->netns = (uint32_t)from->netns;
	connection->agent = event->agent;
	connection->local = from->local;
	connection->peer = from->peer;
	note_owner(connection, &from->owner);
	processes_track(engine, &from->owner, event->agent);
	connection->sample = engine->sample;
	connection->opened = opened_at(event);
	connection->aborted = plan_recall_aborts(state_agent(engine, event->agent), from->cookie);
	agents_connection_opened(engine, state_agent(engine, event->agent), from->cookie,
				 event->time);
	return connection;
}

/* `since`: when it came up, which may be long before `time`, when the engine learns it. */
static void come_up(struct engine *engine, struct connection *connection, usec_t time, usec_t since)
{
	struct agent *agent = state_agent(engine, connection->agent);

	if (connection->up || connection->ended)
		return;
	connection->up = true;
	connection->up_since = since;
	agent->last_peer = connection->peer;
	agent->last_netns = connection->netns;
	agent->no_route_reported = false;
	connection->reached = RUNG_TCP;
	if (connection->opened)
		attempts_climbed(agent, connection->cookie, RUNG_TCP, since - connection->opened);
	stalls_begin(engine, connection, time);
	attempts_came_up(agent, connection, since);
	if (attempts_other_unanswered(agent, connection))
		endings_reconsider_agent(engine, connection->agent);
}

/* ---- the session on it */

/* How long a client may take to send its first byte: one that speaks TLS does so at once, unless
 * the host is busy. One that spoke it before is waited for longer (TLS_PATIENCE). */
#define FIRST_WORD_PATIENCE (1 * USEC_PER_SEC)

/* A server that refuses the client's certificate of TLS 1.3 says so a round trip after the client's
 * Finished; one that takes it may say nothing. */
#define REFUSAL_PATIENCE (3 * USEC_PER_SEC)

/* The session is up since the handshake of TCP, or since `since` if it took longer. */
static void serve(struct engine *engine, struct connection *connection, usec_t since)
{
	struct agent *agent = state_agent(engine, connection->agent);

	if (!connection->up || connection->serves || connection->ended)
		return;
	connection->serves = true;
	if (agent->climb.cookie == connection->cookie) {
		agent->climb.cookie = 0;
		deadline_clear(&engine->deadlines, &agent->climb.deadline);
	}
	agents_connection_up(engine, agent, connection, since);
}

/* A connection of the agent to itself has no hub, so nothing about it is reported. It stays known
 * until it closes. */
static bool is_none_of_ours(struct connection *connection, const struct event *event)
{
	if (event->connection.to_itself)
		connection->ended = connection->reported = true;
	return event->connection.to_itself;
}

/* IANA's service names https, amqps, secure-mqtt, and pcsync-https. */
static bool is_port_of_tls(uint16_t port)
{
	return port == 443 || port == 5671 || port == 8883 || port == 8443;
}

/* TLS is expected, and its records will be seen: the packets of the handshake of TCP were. */
static bool will_speak_tls(const struct agent *agent, const struct event *event)
{
	return event->type == EVENT_ESTABLISHED && event->connection.facts.flow_ttl_min != 0 &&
	       (agent->speaks_tls || is_port_of_tls(event->connection.peer.port));
}

/* Where the session of a connection counts as up from, if no login is seen. */
static usec_t through_since(const struct agent *agent, const struct connection *connection)
{
	return agent->climb.cookie == connection->cookie && agent->climb.to_login
		       ? agent->climb.since
		       : connection->up_since;
}

/* Only the newest connection is waited for: one before it of which nothing was seen yet counts as
 * up. */
static void begin_climb(struct engine *engine, struct agent *agent,
			const struct connection *connection)
{
	struct connection *before = state_connection(engine, agent->climb.cookie);

	if (before && before != connection && !before->logging_in && !agent->climb.begun &&
	    !agent->climb.unseen)
		serve(engine, before, through_since(agent, before));
	agent->climb.cookie = connection->cookie;
	agent->climb.begun = agent->climb.unseen = agent->climb.to_login = false;
}

static void climb(struct engine *engine, struct agent *agent, const struct connection *connection)
{
	begin_climb(engine, agent, connection);
	deadline_set(&engine->deadlines, &agent->climb.deadline,
		     connection->up_since +
			     (agent->speaks_tls ? TLS_PATIENCE : FIRST_WORD_PATIENCE));
}

/* Nobody follows its TLS handshake, because it was found, or packets are not seen (yet): whether
 * that fails, the connection's life shows. That is waited for where TLS is expected of one that was
 * found, and where the last attempt failed so. */
static bool may_be_in_handshake(const struct agent *agent, const struct connection *connection,
				usec_t time, bool found)
{
	if (agent->mode != MODE_EBPF || !connection->opened ||
	    time >= connection->opened + TLS_PATIENCE)
		return false;
	if (agent->attempt.failed == RUNG_TLS)
		return true;
	return found && (agent->speaks_tls || is_port_of_tls(connection->peer.port));
}

static void climb_unseen(struct engine *engine, struct agent *agent,
			 const struct connection *connection)
{
	begin_climb(engine, agent, connection);
	agent->climb.unseen = true;
	deadline_set(&engine->deadlines, &agent->climb.deadline, connection->opened + TLS_PATIENCE);
}

/* How long an agent may take from TCP or TLS to its CONNECT, where nobody knows whether one comes.
 */
#define CONNECT_PATIENCE (1 * USEC_PER_SEC)

/* The same where its last one was seen, up to the answer: with TLS, that may be the first sign. */
#define LOGIN_PATIENCE (5 * USEC_PER_SEC)

/* The agent logs in there, as was seen: its last login, or that attempts fail with it. While a
 * daemon gives way to the next one, nobody sees how. */
static bool expects_login(const struct agent *agent, const struct connection *connection)
{
	return agent->login_port == connection->peer.port || agent->attempt.failed == RUNG_LOGIN;
}

/* Returns how long to wait for a sign of a login; 0: none is expected, or none would be seen. */
static usec_t login_patience(const struct agent *agent, const struct connection *connection)
{
	if (!agent->settings->mqtt_inspect || agent->mode != MODE_EBPF)
		return 0;
	if (expects_login(agent, connection))
		return LOGIN_PATIENCE;
	return agent->login_port || agent->login_missed ? 0 : CONNECT_PATIENCE;
}

/* TCP is through, and TLS where it is spoken, since `since`, as is known at `time`. */
static void log_in_or_serve(struct engine *engine, struct connection *connection, usec_t time,
			    usec_t since)
{
	struct agent *agent = state_agent(engine, connection->agent);
	usec_t patience = login_patience(agent, connection);

	if (connection->serves || connection->logging_in)
		return;
	if (!patience) {
		serve(engine, connection, since);
		return;
	}
	begin_climb(engine, agent, connection);
	agent->climb.to_login = true;
	agent->climb.since = since;
	deadline_set(&engine->deadlines, &agent->climb.deadline, time + patience);
}

static void climb_or_serve(struct engine *engine, struct connection *connection,
			   const struct event *event)
{
	struct agent *agent = state_agent(engine, connection->agent);

	if (connection->serves)
		return;
	if (will_speak_tls(agent, event))
		climb(engine, agent, connection);
	else if (may_be_in_handshake(agent, connection, event->time, false))
		climb_unseen(engine, agent, connection);
	else
		log_in_or_serve(engine, connection, event->time, connection->up_since);
}

/* A handshake that is over, or whose end nobody sees. */
static bool is_through(const struct tls_facts *tls)
{
	return tls->track == TLS_SECURED || tls->track == TLS_PLAIN || tls->track == TLS_LOST;
}

void connections_take_spoken(struct engine *engine, const struct event *event)
{
	struct connection *connection = state_connection(engine, event->connection.cookie);
	const struct tls_facts *tls = &event->connection.tls;
	struct agent *agent;

	if (!connection)
		return;
	if (connection->ended) {
		endings_take_spoken(engine, event);
		return;
	}
	agent = state_agent(engine, connection->agent);
	agent->speaks_tls = tls->track != TLS_PLAIN;
	if (is_through(tls)) {
		if (tls->track == TLS_SECURED) {
			connection->reached = RUNG_TLS;
			agent->accepted_tls = true;
			attempts_climbed(agent, connection->cookie, RUNG_TLS, tls->took);
		}
		log_in_or_serve(engine, connection, event->time,
				tls->track == TLS_SECURED ? event->time : connection->up_since);
		return;
	}
	if (agent->climb.cookie != connection->cookie)
		return;
	agent->climb.begun = true;
	agent->climb.to_login = false;
	if (tls->finished && !tls->alert_received)
		deadline_set(&engine->deadlines, &agent->climb.deadline,
			     event->time + REFUSAL_PATIENCE);
	else
		deadline_clear(&engine->deadlines, &agent->climb.deadline);
}

/* No login was seen: as far as can be seen, there is none. */
static void miss_login(struct engine *engine, struct agent *agent, struct connection *connection)
{
	agent->login_missed = true;
	if (agent->login_port == connection->peer.port)
		agent->login_port = 0;
	serve(engine, connection, agent->climb.since);
}

void connections_climb_due(struct engine *engine, struct agent *agent)
{
	struct connection *connection = state_connection(engine, agent->climb.cookie);

	if (!connection || connection->logging_in)
		return;
	if (agent->climb.to_login)
		miss_login(engine, agent, connection);
	else if (agent->climb.begun)
		log_in_or_serve(engine, connection, engine->now, engine->now);
	else if (!agent->climb.unseen && expects_login(agent, connection))
		log_in_or_serve(engine, connection, engine->now, connection->up_since);
	else
		serve(engine, connection, connection->up_since);
}

/* ---- the login, where MQTT is followed */

static void accept_login(struct engine *engine, struct connection *connection,
			 const struct mqtt_facts *mqtt, usec_t since)
{
	connection->logging_in = false;
	connection->reached = RUNG_LOGIN;
	if (mqtt->sent == MQTT_CONNECT)
		attempts_climbed(state_agent(engine, connection->agent), connection->cookie,
				 RUNG_LOGIN, mqtt->sent_ago);
	serve(engine, connection, since);
}

/* A CONNECT was seen, and not accepted so far: without that, the session is not up. */
static void await_login(struct engine *engine, struct connection *connection)
{
	struct agent *agent = state_agent(engine, connection->agent);

	connection->logging_in = true;
	if (agent->climb.cookie == connection->cookie && agent->climb.to_login)
		deadline_clear(&engine->deadlines, &agent->climb.deadline);
}

/* The answer will not be seen: what was seen has to do. */
static void give_up_login(struct engine *engine, struct connection *connection)
{
	const struct agent *agent = state_agent(engine, connection->agent);

	if (!connection->logging_in)
		return;
	connection->logging_in = false;
	if (agent->climb.cookie != connection->cookie || agent->climb.to_login)
		serve(engine, connection, through_since(agent, connection));
}

static void take_login(struct engine *engine, struct connection *connection,
		       const struct mqtt_facts *mqtt, usec_t time)
{
	if (mqtt->track == MQTT_FOLLOWED)
		state_agent(engine, connection->agent)->login_port = connection->peer.port;
	if (connection->serves || connection->ended || !connection->up)
		return;
	if (mqtt_session_is_accepted(mqtt))
		accept_login(engine, connection, mqtt, time);
	else if (mqtt->track == MQTT_FOLLOWED)
		await_login(engine, connection);
	else
		give_up_login(engine, connection);
}

/* How long before its end a token is told that was not renewed, by another login. SDKs renew at 97
 * % of its lifetime at the latest, so for a short one it is less. */
#define TOKEN_WARNING (2 * USEC_PER_MINUTE)
enum { TOKEN_WARNING_PART = 50 };

static usec_t token_warning(usec_t left)
{
	return left / TOKEN_WARNING_PART < TOKEN_WARNING ? left / TOKEN_WARNING_PART
							 : TOKEN_WARNING;
}

static void take_token(struct engine *engine, const struct connection *connection,
		       const struct event *event)
{
	struct token *token = &state_agent(engine, connection->agent)->token;
	usec_t left = event->connection.token_left, over = event->connection.token_over;

	if (!left && !over)
		return;
	token->cookie = connection->cookie;
	token->ends = over < event->time ? event->time - over + left : 1;
	if (left)
		deadline_set(&engine->deadlines, &token->deadline,
			     token->ends - token_warning(left));
	else
		deadline_clear(&engine->deadlines, &token->deadline);
}

void connections_take_login(struct engine *engine, const struct event *event)
{
	struct connection *connection = state_connection(engine, event->connection.cookie);

	if (!connection)
		return;
	take_token(engine, connection, event);
	take_login(engine, connection, &event->connection.mqtt, event->time);
}

void connections_take_certificate(struct engine *engine, const struct event *event)
{
	const struct connection *connection = state_connection(engine, event->connection.cookie);
	const struct certificate_facts *facts = &event->connection.certificate;
	struct agent *agent;

	if (!connection)
		return;
	agent = state_agent(engine, connection->agent);
	if (!facts->until) {
		agent->certificates_unread++;
		return;
	}
	agent->certificate = (struct seen_certificate){
		.cookie = connection->cookie,
		.seen = event->time,
		.facts = *facts,
	};
	outcomes_send_certificate(engine, connection, facts);
}

void connections_take_verified(struct engine *engine, const struct event *event)
{
	const struct connection *connection = state_connection(engine, event->connection.cookie);

	if (connection)
		state_agent(engine, connection->agent)->verified = (struct verified){
			.cookie = connection->cookie,
			.x509_error = event->connection.x509_error,
		};
}

/* What the end shows of a login that had not been told. */
static void settle_login(struct engine *engine, struct connection *connection,
			 const struct mqtt_facts *mqtt)
{
	const struct agent *agent = state_agent(engine, connection->agent);

	if (connection->serves || !connection->up)
		return;
	if (mqtt_session_is_accepted(mqtt))
		accept_login(engine, connection, mqtt, through_since(agent, connection));
	else if (mqtt->track == MQTT_FOLLOWED)
		connection->logging_in = true;
}

/* One that ends before its first word was as much of a session as could be seen; but not where the
 * agent is known to log in: the peer's answer may be yet to be read, and is no acceptance. */
static void settle_climb(struct engine *engine, struct connection *connection,
			 const struct event *event)
{
	struct agent *agent = state_agent(engine, connection->agent);
	const struct climb *climb = &agent->climb;

	settle_login(engine, connection, &event->connection.mqtt);
	if (climb->cookie != connection->cookie)
		return;
	if (climb->to_login && expects_login(agent, connection))
		connection->logging_in = true;
	if (!connection->logging_in &&
	    (climb->to_login || (!climb->begun && !climb->unseen && !event->connection.tls.begun)))
		serve(engine, connection, through_since(agent, connection));
	agent->climb.cookie = 0;
	deadline_clear(&engine->deadlines, &agent->climb.deadline);
}

/* ---- how it is known */

/* A connection that was up in its first event counts as up since its SYN. */
static void was_there(struct engine *engine, struct connection *connection,
		      const struct mqtt_facts *mqtt, usec_t time)
{
	struct agent *agent = state_agent(engine, connection->agent);

	come_up(engine, connection, time, connection->opened ?: time);
	take_login(engine, connection, mqtt, time);
	if (connection->logging_in)
		return;
	if (may_be_in_handshake(agent, connection, time, true))
		climb_unseen(engine, agent, connection);
	else if (agent->attempt.failed == RUNG_LOGIN &&
		 time < connection->up_since + LOGIN_PATIENCE)
		log_in_or_serve(engine, connection, connection->up_since, connection->up_since);
	else
		serve(engine, connection, connection->up_since);
}

/* True if the event is about `connection`. A socket may be used again after disconnect(): then a
 * new connection has the same cookie. A sample may have shown a connection before its EVENT_OPENED.
 */
static bool is_known(const struct connection *connection, const struct event *event)
{
	return !connection->ended &&
	       (event->type == EVENT_FOUND || connection->opened == opened_at(event));
}

void connections_take_opened(struct engine *engine, const struct event *event)
{
	struct connection *connection = state_connection(engine, event->connection.cookie);

	if (connection && is_known(connection, event))
		return;
	if (connection) {
		endings_settle(engine, connection);
		connection = state_connection(engine, event->connection.cookie);
	}
	if (connection)
		endings_vanish(engine, connection, event->time);
	connection = begin(engine, event);
	if (connection && !is_none_of_ours(connection, event) && event->type != EVENT_OPENED &&
	    event->connection.facts.state == TCP_STATE_ESTABLISHED)
		was_there(engine, connection, &event->connection.mqtt, event->time);
}

void connections_take_established(struct engine *engine, const struct event *event)
{
	struct connection *connection = state_connection(engine, event->connection.cookie);

	if (!connection)
		connection = begin(engine, event);
	if (!connection)
		return;
	connection->local = event->connection.local;
	if (is_none_of_ours(connection, event))
		return;
	come_up(engine, connection, event->time, event->time);
	climb_or_serve(engine, connection, event);
}

/* The connection is not known if its EVENT_OPENED was dropped. */
void connections_take_sampled(struct engine *engine, const struct event *event)
{
	struct connection *connection = state_connection(engine, event->connection.cookie);

	if (!connection && event->connection.facts.state == TCP_STATE_ESTABLISHED)
		connections_take_opened(engine, event);
	if (connection && connection->logging_in)
		take_login(engine, connection, &event->connection.mqtt, event->time);
	stalls_take_sampled(engine, event);
}

/* ---- how it ends */

static bool was_up(enum tcp_state state)
{
	return state != TCP_STATE_NONE && state != TCP_STATE_SYN_SENT &&
	       state != TCP_STATE_SYN_RECV && state != TCP_STATE_CLOSE;
}

/* The first event of the connection is its end: those before were dropped, or a previous engine
 * took them. */
static struct connection *begin_at_end(struct engine *engine, const struct event *event)
{
	struct connection *connection = begin(engine, event);

	if (connection && !is_none_of_ours(connection, event) &&
	    was_up(event->connection.facts.state_before))
		was_there(engine, connection, &event->connection.mqtt, event->time);
	return connection;
}

/* After the end of the session: the connection is forgotten once its record is out. */
static void take_rest(struct engine *engine, struct connection *connection)
{
	if (connection->closed && connection->reported)
		endings_forget(engine, connection);
}

void connections_take_end(struct engine *engine, const struct event *event)
{
	struct connection *connection = state_connection(engine, event->connection.cookie);

	if (!connection)
		connection = begin_at_end(engine, event);
	if (!connection)
		return;
	if (!connection->local.port) /* the kernel chose it after EVENT_OPENED */
		connection->local = event->connection.local;
	if (event->connection.facts.state == TCP_STATE_CLOSE)
		connection->closed = true;
	if (connection->ended && !connection->reported) {
		endings_take_close(engine, event);
		return;
	}
	if (connection->ended) {
		take_rest(engine, connection);
		return;
	}
	settle_climb(engine, connection, event);
	if (!connection->up)
		attempts_ended(state_agent(engine, connection->agent), connection,
			       ended_by_classify(&event->connection.facts));
	connection->ended = true;
	deadline_clear(&engine->deadlines, &connection->deadline);
	endings_judge(engine, &(struct ending){
				      .time = event->time,
				      .connection = connection,
				      .socket = event->connection.facts,
				      .mqtt = event->connection.mqtt,
				      .tls = event->connection.tls,
				      .login = event->connection.login,
				      .current = event->connection.current,
				      .owner_state = event->connection.owner_state,
			      });
}

/* The end that was not observed, by what the socket still knew when it was destroyed. */
static struct event end_left_behind(const struct connection *connection, const struct event *event)
{
	struct event end = *event;
	struct socket_facts *facts = &end.connection.facts;

	end.type = EVENT_ENDED;
	facts->state_before = connection->up ? TCP_STATE_ESTABLISHED : TCP_STATE_SYN_SENT;
	facts->state = TCP_STATE_CLOSE;
	facts->close_unobserved = true;
	end.connection.current = (struct task){ 0 }; /* destroyed it, and need not have ended it */
	return end;
}

void connections_take_vanished(struct engine *engine, const struct event *event)
{
	struct connection *connection = state_connection(engine, event->connection.cookie);
	struct event end;

	if (!connection)
		return;
	end = end_left_behind(connection, event);
	if (!connection->ended && event->connection.facts.error &&
	    ended_by_classify(&end.connection.facts) != ENDED_BY_UNKNOWN) {
		connections_take_end(engine, &end);
		return;
	}
	connection->closed = true;
	if (connection->ended)
		take_rest(engine, connection);
	else
		endings_vanish(engine, connection, event->time);
}

/* ---- one that never began */

static void report_no_route(struct engine *engine, struct agent *agent, const struct event *event)
{
	const struct path_view path =
		state_path_now(engine, event->connection.netns, &agent->last_peer);
	struct record record;

	outcomes_begin_record(agent, RECORD_ENDED, event->time, &record);
	record.process = event->connection.owner;
	record.cookie = event->connection.cookie;
	record.netns = event->connection.netns;
	record.peer = agent->last_peer;
	record.verdict.ended_by = ENDED_BY_CONNECT_UNREACHABLE;
	record.verdict.cause = CAUSE_NO_ROUTE;
	record.verdict.confidence = CONFIDENCE_LIKELY;
	record.verdict.rung = RUNG_PATH;
	tokens_add(&record.verdict.evidence, "rung=path");
	tokens_add(&record.verdict.evidence, "socket=never-opened");
	tokens_add(&record.verdict.evidence, "route=none-to-the-last-peer");
	device_describe_attempt(&record.verdict.evidence, &path);
	outage_begin(engine, agent, event->time);
	outage_take_verdict(agent, &record);
	outage_take_attempt(agent, &record, false);
	outcomes_send_record(engine, &record);
}

/* connect() without a route fails before the SYN, and the socket then holds neither the peer nor
 * the error. The missing route makes it likely that this was an attempt. Some agents retry many
 * times a second: hence one record an outage. */
void connections_take_never_opened(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);

	if (!agent || agent->connections_up || !agent->last_peer.family ||
	    !state_route_is_missing(engine, event->connection.netns, &agent->last_peer,
				    event->time))
		return;
	attempts_failed(agent, RUNG_PATH, event->time);
	agent->last_tried = event->time;
	if (agent->no_route_reported)
		outage_count_attempt(agent, CAUSE_NO_ROUTE);
	else
		report_no_route(engine, agent, event);
	agent->no_route_reported = true;
}

/* ---- deadlines, agents that go */

void connections_due(struct engine *engine, struct connection *connection)
{
	if (connection->ended)
		endings_settle(engine, connection);
	else
		stalls_due(engine, connection);
}

void connections_forget_agent(struct engine *engine, uint32_t agent)
{
	struct connection *connection = NULL;

	while ((connection = keyed_table_next(&engine->connections, connection)))
		if (connection->agent == agent)
			endings_forget(engine, connection);
}
