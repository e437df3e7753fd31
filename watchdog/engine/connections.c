#include <string.h>

#include "ended_by.h"
#include "engine_state.h"

static bool leads_to_hub(struct engine *engine, const struct event *event)
{
	const struct agent *agent = engine_agent(engine, event->agent);

	if (!agent)
		return false;
	if (agent->settings->peer_count == 0)
		return true;
	for (unsigned i = 0; i < agent->settings->peer_count; i++)
		if (peer_pattern_matches(&agent->settings->peers[i], &event->connection.peer))
			return true;
	return false;
}

/* When its SYN went out; 0: not known. The same in every event of a connection. */
static usec_t opened_at(const struct event *event)
{
	usec_t age = event->connection.facts.age;

	return age || event->type == EVENT_OPENED ? event->time - age : 0;
}

static struct connection *begin(struct engine *engine, const struct event *event)
{
	const struct connection_event *news = &event->connection;
	struct connection *connection;

	if (!leads_to_hub(engine, event))
		return NULL;
	connection = keyed_table_add(&engine->connections, news->cookie);
	if (!connection) {
		engine->refused++;
		return NULL;
	}
	connection->cookie = news->cookie;
	connection->netns = (uint32_t)news->netns;
	connection->agent = event->agent;
	connection->local = news->local;
	connection->peer = news->peer;
	connection->owner = news->owner;
	processes_track(engine, &news->owner, event->agent); /* older than we, it was not told of */
	connection->sample = engine->sample;
	connection->opened = opened_at(event);
	connection->aborted = policy_was_aborting(engine_agent(engine, event->agent), news->cookie);
	agents_connection_opened(engine_agent(engine, event->agent), event->time);
	return connection;
}

void connections_forget(struct engine *engine, struct connection *connection)
{
	deadline_clear(&engine->deadlines, &connection->deadline);
	keyed_table_remove(&engine->connections, connection);
}

/* `since` may be long before the event that tells it, at `time`. */
static void come_up(struct engine *engine, struct connection *connection, usec_t time, usec_t since)
{
	if (connection->up || connection->ended)
		return;
	connection->up = true;
	connection->up_since = since;
	engine_agent(engine, connection->agent)->last_peer = connection->peer;
	engine_agent(engine, connection->agent)->last_netns = connection->netns;
	engine_agent(engine, connection->agent)->no_route_told = false;
	stalls_begin(engine, connection, time);
	agents_connection_up(engine, engine_agent(engine, connection->agent), connection, since);
}

/* It was up when it was first heard of: since its SYN, as far as we know. */
static void was_there(struct engine *engine, struct connection *connection, usec_t time)
{
	come_up(engine, connection, time, connection->opened ?: time);
}

/* ---- what is known of one */

void connections_describe(const struct connection *connection, struct record *record)
{
	record->process = connection->owner;
	record->cookie = connection->cookie;
	record->netns = connection->netns;
	record->local = connection->local;
	record->peer = connection->peer;
}

struct connection *connections_find(struct engine *engine, uint64_t cookie)
{
	return keyed_table_find(&engine->connections, cookie);
}

/* NULL: not known. */
static const struct process *owner_of(struct engine *engine, const struct connection *connection)
{
	struct tracked_process *process = processes_find(engine, connection->owner.pid);

	return process ? &process->facts : NULL;
}

/* Since the last data came, or since the last data went and was acknowledged. */
struct path_view connections_path(const struct engine *engine, const struct connection *connection,
				  const struct socket_facts *socket, usec_t time)
{
	usec_t unheard = connection->up ? socket->idle_rx : socket->age;
	struct path_view view;

	if (connection->up && socket->unacked_bytes == 0 && socket->idle_tx < unheard)
		unheard = socket->idle_tx;
	path_look(&engine->path, connection->netns, &connection->local, &connection->peer,
		  time - (unheard < time ? unheard : time), time, &view);
	return view;
}

struct circumstances connections_look_around(struct engine *engine,
					     const struct connection *connection,
					     const struct socket_facts *socket, usec_t time)
{
	/* A connection never outlives its agent: connections_forget_agent(). */
	const struct agent *agent = engine_agent(engine, connection->agent);

	return (struct circumstances){
		.settings = agent->settings,
		.mode = agent->mode,
		.socket = socket,
		.time = time,
		.came_up = connection->up,
		.owner = &connection->owner,
		.process = owner_of(engine, connection),
		.unit = agent->has_unit ? &agent->unit : NULL,
		.history = &agent->history,
		.stalled = connection->stalled,
		.kept_alive = connection->kept_alive,
		.path = connections_path(engine, connection, socket, time),
	};
}

bool connections_has_open(const struct engine *engine, uint32_t pid)
{
	const struct connection *connection = NULL;

	while ((connection = keyed_table_next(&engine->connections, connection)))
		if (!connection->ended && connection->owner.pid == pid)
			return true;
	return false;
}

void connections_due(struct engine *engine, struct connection *connection)
{
	if (connection->ended)
		endings_settle(engine, connection);
	else
		stalls_due(engine, connection);
}

void connections_mark_aborted(struct engine *engine, uint64_t cookie)
{
	struct connection *connection = connections_find(engine, cookie);

	if (connection)
		connection->aborted = true;
}

bool connections_is_orphan(struct engine *engine, const struct connection *connection)
{
	const struct process *owner = owner_of(engine, connection);

	return owner && owner->exited && !engine_agent_alive(engine, connection->agent);
}

bool engine_orphans_open(struct engine *engine)
{
	struct connection *connection = NULL;

	while ((connection = keyed_table_next(&engine->connections, connection)))
		if (!connection->ended && connections_is_orphan(engine, connection))
			return true;
	return false;
}

void connections_forget_agent(struct engine *engine, uint32_t agent)
{
	struct connection *connection = NULL;

	while ((connection = keyed_table_next(&engine->connections, connection))) {
		if (connection->agent != agent)
			continue;
		endings_drop(engine, connection);
		connections_forget(engine, connection);
	}
}

/* ---- events */

static bool was_up(enum tcp_state state)
{
	return state != TCP_STATE_NONE && state != TCP_STATE_SYN_SENT &&
	       state != TCP_STATE_SYN_RECV && state != TCP_STATE_CLOSE;
}

/* Its end is the first that is heard of it: the news of its beginning was lost, or the watchdog
 * before us had it. */
static struct connection *introduce(struct engine *engine, const struct event *event)
{
	struct connection *connection = begin(engine, event);

	if (connection && was_up(event->connection.facts.state_before))
		was_there(engine, connection, event->time);
	return connection;
}

/* What comes after the end of the session. */
static void take_rest(struct engine *engine, struct connection *connection)
{
	if (connection->closed && connection->reported)
		connections_forget(engine, connection);
}

/* The session is over with its first FIN or at CLOSE, whichever comes first; the rest is the
 * socket's winding up. */
static void take_end(struct engine *engine, const struct event *event)
{
	struct connection *connection =
		keyed_table_find(&engine->connections, event->connection.cookie);

	if (!connection)
		connection = introduce(engine, event);
	if (!connection)
		return;
	if (!connection->local.port) /* it is chosen after the SYN_SENT we saw */
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
	connection->ended = true;
	deadline_clear(&engine->deadlines, &connection->deadline);
	endings_judge(engine, &(struct ending){
				      .time = event->time,
				      .connection = connection,
				      .socket = event->connection.facts,
				      .mqtt = event->connection.mqtt,
				      .current = event->connection.current,
			      });
}

void connections_vanish(struct engine *engine, struct connection *connection, usec_t time)
{
	struct agent *agent = engine_agent(engine, connection->agent);
	struct record record;

	if (!connection->reported) {
		engine_record_begin(agent, RECORD_ENDED, time, &record);
		record.verdict.cause = CAUSE_EVIDENCE_LOST;
		endings_report(engine, agent,
			       &(struct ending){ .time = time, .connection = connection }, &record);
	}
	endings_drop(engine, connection);
	connections_forget(engine, connection);
}

/* A sample may have been ahead of the news. */
static bool is_known(const struct connection *connection, const struct event *event)
{
	return !connection->ended &&
	       (event->type == EVENT_FOUND || connection->opened == opened_at(event));
}

/* A socket may be used again after disconnect(): a new connection under the same cookie. */
static void take_opened(struct engine *engine, const struct event *event)
{
	struct connection *connection =
		keyed_table_find(&engine->connections, event->connection.cookie);

	if (connection && is_known(connection, event))
		return;
	if (connection) {
		endings_settle(engine, connection);
		connection = keyed_table_find(&engine->connections, event->connection.cookie);
	}
	if (connection)
		connections_vanish(engine, connection, event->time);
	connection = begin(engine, event);
	if (connection && event->type != EVENT_OPENED &&
	    event->connection.facts.state == TCP_STATE_ESTABLISHED)
		was_there(engine, connection, event->time);
}

static void take_established(struct engine *engine, const struct event *event)
{
	struct connection *connection =
		keyed_table_find(&engine->connections, event->connection.cookie);

	if (!connection)
		connection = begin(engine, event);
	if (!connection)
		return;
	connection->local = event->connection.local;
	come_up(engine, connection, event->time, event->time);
}

bool engine_is_offline(const struct engine *engine, uint64_t netns, const struct endpoint *peer,
		       usec_t time)
{
	struct path_view path;

	path_look(&engine->path, netns, &(struct endpoint){ 0 }, peer, time, time, &path);
	return path.known && path.routes_known &&
	       (!path.route.there || (*path.interface && !path.link.there));
}

bool engine_route_is_missing(const struct engine *engine, uint64_t netns,
			     const struct endpoint *peer, usec_t time)
{
	struct path_view path;

	path_look(&engine->path, netns, &(struct endpoint){ 0 }, peer, time, time, &path);
	return path.known && path.routes_known && !path.route.there && !path.route.doubtful;
}

/* connect() fails without a SYN where there is no route; the socket then tells neither the peer nor
 * the error. That an agent without a connection makes sockets for nothing, while there is no way to
 * the peer it had, makes it likely. Told once an outage: some agents try every moment. */
static void take_never_opened(struct engine *engine, const struct event *event)
{
	struct agent *agent = engine_agent(engine, event->agent);
	struct record record;

	if (!agent || agent->connections_up || !agent->last_peer.family ||
	    !engine_route_is_missing(engine, event->connection.netns, &agent->last_peer,
				     event->time))
		return;
	agent->attempts++;
	agent->last_tried = event->time;
	if (agent->no_route_told)
		return;
	agent->no_route_told = true;
	engine_record_begin(agent, RECORD_ENDED, event->time, &record);
	record.process = event->connection.owner;
	record.cookie = event->connection.cookie;
	record.netns = event->connection.netns;
	record.peer = agent->last_peer;
	record.verdict.ended_by = ENDED_BY_CONNECT_UNREACHABLE;
	record.verdict.cause = CAUSE_NO_ROUTE;
	record.verdict.confidence = CONFIDENCE_LIKELY;
	tokens_add(&record.verdict.evidence, "socket=never-opened");
	tokens_add(&record.verdict.evidence, "route=none-to-the-last-peer");
	engine_record_out(engine, &record);
}

/* How the session ended may have been seen, if not the rest. */
static void take_vanished(struct engine *engine, const struct event *event)
{
	struct connection *connection = connections_find(engine, event->connection.cookie);

	if (!connection)
		return;
	connection->closed = true;
	if (connection->ended)
		take_rest(engine, connection);
	else
		connections_vanish(engine, connection, event->time);
}

static void take_reset_sent(struct engine *engine, const struct event *event)
{
	struct ending *ending = keyed_table_find(&engine->endings, event->connection.cookie);

	if (!ending)
		return;
	ending->socket.reset_reason = event->connection.facts.reset_reason;
	ending->socket.reset_state = event->connection.facts.reset_state;
}

void connections_take(struct engine *engine, const struct event *event)
{
	switch (event->type) {
	case EVENT_OPENED:
	case EVENT_FOUND:
		take_opened(engine, event);
		break;
	case EVENT_ESTABLISHED:
		take_established(engine, event);
		break;
	case EVENT_CLOSING:
	case EVENT_ENDED:
		take_end(engine, event);
		break;
	case EVENT_RESET_SENT:
		take_reset_sent(engine, event);
		break;
	case EVENT_NEVER_OPENED:
		take_never_opened(engine, event);
		break;
	case EVENT_VANISHED:
		take_vanished(engine, event);
		break;
	case EVENT_SAMPLED: /* perhaps the first that is heard of it: its EVENT_OPENED was lost */
		if (!connections_find(engine, event->connection.cookie) &&
		    event->connection.facts.state == TCP_STATE_ESTABLISHED)
			take_opened(engine, event);
		stalls_take(engine, event);
		break;
	default:
		stalls_take(engine, event);
		break;
	}
}
