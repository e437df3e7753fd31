/* From the end of a session to its verdict: what the verdict may look at, waiting for it, telling
 * it. */
#include <string.h>

#include "ended_by.h"
#include "engine_state.h"

void endings_drop(struct engine *engine, struct connection *connection)
{
	struct ending *ending = keyed_table_find(&engine->endings, connection->cookie);

	if (!ending)
		return;
	if (ending->process)
		LIST_REMOVE(ending, of_process);
	keyed_table_remove(&engine->endings, ending);
	deadline_clear(&engine->deadlines, &connection->deadline);
}

static bool keep_ending(struct engine *engine, const struct ending *ending)
{
	struct connection *connection = ending->connection;
	struct ending *kept = keyed_table_find(&engine->endings, connection->cookie);

	if (kept)
		return true;
	kept = keyed_table_add(&engine->endings, connection->cookie);
	if (!kept)
		return false;
	*kept = *ending;
	kept->process = ending->current.pid
				? processes_track(engine, &ending->current, connection->agent)
				: processes_find(engine, connection->owner.pid);
	if (kept->process)
		LIST_INSERT_HEAD(&kept->process->endings, kept, of_process);
	deadline_set(&engine->deadlines, &connection->deadline, ending->time + VERDICT_WAIT);
	return true;
}

static const struct process *process_of(struct engine *engine, const struct ending *ending)
{
	uint32_t pid = ended_by_own_side(&ending->socket) ? ending->current.pid : 0;
	struct tracked_process *process = processes_find(engine, pid);

	if (!process)
		process = processes_find(engine, ending->connection->owner.pid);
	return process ? &process->facts : NULL;
}

static usec_t silence_of(const struct ending *ending)
{
	const struct socket_facts *socket = &ending->socket;

	if (ending->connection->silence)
		return ending->connection->silence;
	return session_silence(socket->idle_rx, socket->idle_tx, socket->unacked_bytes);
}

/* Returns false if there was no session: the connection never came up. */
static bool session_of(const struct engine *engine, const struct ending *ending,
		       struct session *session)
{
	usec_t age = ending->socket.age ?: ending->time - ending->connection->up_since;

	if (!ending->connection->up)
		return false;
	*session = (struct session){
		.end = agent_said_goodbye(&ending->mqtt)
			       ? SESSION_ENDED_HERE
			       : session_end_of(ended_by_classify(&ending->socket)),
		.time = ending->time,
		.age = age,
		.silence = silence_of(ending),
		.suspended = engine->resumed && engine->resumed + age > ending->time,
	};
	return true;
}

/* Ends by their peers at the same moment have a common reason. */
#define SAME_MOMENT (2 * USEC_PER_SEC)

static void note_peer_end(struct engine *engine, uint32_t agent, const struct session *session)
{
	if (session->end != SESSION_ENDED_THERE)
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

void endings_report(struct engine *engine, struct agent *agent, const struct ending *ending,
		    struct record *record)
{
	struct connection *connection = ending->connection;
	struct session session;

	connections_describe(connection, record);
	record->socket = ending->socket;
	connection->reported = true;
	engine_record_out(engine, record);
	if (session_of(engine, ending, &session)) {
		/* The next one may have begun while the verdict waited. */
		if (agent->last_opened >= session.time)
			session.reopened = agent->last_opened;
		history_add(&agent->history, &session);
		note_peer_end(engine, connection->agent, &session);
	}
	agents_connection_down(engine, agent, connection, ending->time);
	policy_connection_ended(engine, agent, connection->cookie);
	policy_apply(engine, agent, record);
}

/* `session` is the caller's, and must outlive what is returned. */
static struct circumstances gather(struct engine *engine, const struct ending *ending,
				   struct session *session)
{
	const struct connection *connection = ending->connection;
	const struct agent *agent = engine_agent(engine, connection->agent);
	struct circumstances circumstances =
		connections_look_around(engine, connection, &ending->socket, ending->time);

	circumstances.mqtt = &ending->mqtt;
	circumstances.closed = connection->closed;
	circumstances.current = &ending->current;
	circumstances.process = process_of(engine, ending);
	circumstances.agent_stop = &agent->stop;
	circumstances.session = session_of(engine, ending, session) ? session : NULL;
	circumstances.aborted_by_us = connection->aborted;
	circumstances.unseen = connection->unseen;
	circumstances.resumed = engine->resumed;
	circumstances.slept = engine->slept;
	circumstances.others_too = others_ended_too(engine, ending);
	return circumstances;
}

/* Gives the verdict if it can be given; keeps the ending for later if it cannot. `ending` may be
 * the kept one. */
static void judge(struct engine *engine, struct ending *ending, bool waited)
{
	struct connection *connection = ending->connection;
	struct agent *agent = engine_agent(engine, connection->agent);
	struct session session;
	struct circumstances circumstances = gather(engine, ending, &session);
	struct record record;

	circumstances.waited = waited;
	engine_record_begin(agent, RECORD_ENDED, ending->time, &record);
	if (!verdict_decide(&circumstances, &record.verdict, &record.exit)) {
		if (keep_ending(engine, ending))
			return;
		circumstances.waited = true;
		verdict_decide(&circumstances, &record.verdict, &record.exit);
	}
	endings_report(engine, agent, ending, &record);
	endings_drop(engine, connection);
	if (connection->closed)
		connections_forget(engine, connection);
}

void endings_judge(struct engine *engine, struct ending *ending)
{
	judge(engine, ending, false);
}

void endings_settle(struct engine *engine, struct connection *connection)
{
	struct ending *ending = keyed_table_find(&engine->endings, connection->cookie);

	if (ending)
		judge(engine, ending, true);
}

void endings_take_close(struct engine *engine, const struct event *event)
{
	struct ending *ending = keyed_table_find(&engine->endings, event->connection.cookie);

	if (!ending || event->connection.mqtt.track == MQTT_NOT_SEEN)
		return;
	ending->mqtt = event->connection.mqtt;
	judge(engine, ending, false);
}

void endings_orphan(struct engine *engine, struct connection *connection)
{
	struct agent *agent = engine_agent(engine, connection->agent);
	struct ending ending = { .time = engine->now, .connection = connection };
	struct session session;
	const struct circumstances circumstances = gather(engine, &ending, &session);
	struct record record;

	connection->ended = true;
	engine_record_begin(agent, RECORD_ENDED, engine->now, &record);
	verdict_orphaned(&circumstances, &record.verdict, &record.exit);
	endings_report(engine, agent, &ending, &record);
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
	struct ending *ending = NULL;

	while ((ending = keyed_table_next(&engine->endings, ending)))
		if (ending->connection->agent == agent)
			judge(engine, ending, false);
}
