/* Connections that are open but in trouble: told once when it begins, once when it is over. */
#include <string.h>

#include "engine_state.h"
#include "verdict_stall.h"

/* How long a process may take to die of a signal before it is said that it is writing its core. */
#define DYING_TIME (1 * USEC_PER_SEC)

/* ---- telling */

static void tell(struct engine *engine, struct connection *connection,
		 const struct socket_facts *socket, usec_t time, const struct verdict *verdict)
{
	struct agent *agent = engine_agent(engine, connection->agent);
	struct record record;

	if (connection->stalled != CAUSE_UNKNOWN)
		return;
	connection->stalled = verdict->cause;
	connection->stalled_since = time;
	engine_record_begin(agent, RECORD_STALLED, time, &record);
	connections_describe(connection, &record);
	record.socket = *socket;
	record.verdict = *verdict;
	engine_record_out(engine, &record);
	policy_apply(engine, agent, &record);
}

/* It works again: says so, if it was said that it did not. */
static void heal(struct engine *engine, struct connection *connection, usec_t time)
{
	struct record record;

	connection->silence = 0;
	if (connection->stalled == CAUSE_UNKNOWN)
		return;
	policy_recovered(engine, engine_agent(engine, connection->agent), time);
	engine_record_begin(engine_agent(engine, connection->agent), RECORD_RECOVERED, time,
			    &record);
	connections_describe(connection, &record);
	record.verdict.cause = connection->stalled;
	record.downtime = time - connection->stalled_since;
	connection->stalled = CAUSE_UNKNOWN;
	engine_record_out(engine, &record);
}

/* ---- checks: is the agent at work? */

static usec_t patience(struct engine *engine, const struct connection *connection)
{
	return stall_patience(engine_agent(engine, connection->agent)->settings);
}

static void check_at(struct engine *engine, struct connection *connection, usec_t time)
{
	connection->deadline.kind = DEADLINE_OF_CONNECTION;
	deadline_set(&engine->deadlines, &connection->deadline, time);
}

/* Whether the agent is at work is looked at when we are awake anyway, if that is in time. */
static void check_from(struct engine *engine, struct connection *connection, usec_t time)
{
	const struct agent *agent = engine_agent(engine, connection->agent);

	connection->deadline.kind = DEADLINE_OF_CONNECTION;
	deadline_set_lazily(&engine->deadlines, &connection->deadline, time,
			    stall_slack(agent->settings));
}

void stalls_begin(struct engine *engine, struct connection *connection, usec_t time)
{
	check_from(engine, connection, time + patience(engine, connection));
}

void stalls_due(struct engine *engine, struct connection *connection)
{
	const struct circumstances circumstances = connections_look_around(
		engine, connection, &(struct socket_facts){ 0 }, engine->now);
	struct verdict verdict;

	if (connections_is_orphan(engine, connection)) {
		endings_orphan(engine, connection);
		return;
	}
	check_from(engine, connection, engine->now + patience(engine, connection));
	if (stall_of_dying_process(&circumstances, &verdict))
		tell(engine, connection, circumstances.socket, engine->now, &verdict);
	else
		engine_ask_for_sample(engine);
	connection->unseen = true;
}

/* Since when nothing was read although there was something to read. */
static void note_reading(struct connection *connection, const struct socket_facts *socket,
			 usec_t time)
{
	uint64_t read = socket->bytes_received - socket->unread_bytes;

	if (socket->unread_bytes == 0 || read != connection->read_bytes)
		connection->unread_since = 0;
	if (socket->unread_bytes > 0 && !connection->unread_since)
		connection->unread_since = time;
	connection->read_bytes = read;
}

static bool agent_side(enum cause cause)
{
	return cause != CAUSE_UNKNOWN && cause_side(cause) == SIDE_AGENT;
}

/* The next time at which the agent could have been silent, or could have left data unread, for too
 * long. */
static usec_t next_check(const struct connection *connection, const struct socket_facts *socket,
			 usec_t time, usec_t patience)
{
	usec_t after_tx = time + patience - (socket->idle_tx < patience ? socket->idle_tx : 0);
	usec_t after_rx =
		connection->unread_since ? connection->unread_since + patience : USEC_INFINITY;

	if (after_rx <= time)
		after_rx = time + patience;
	return after_tx < after_rx ? after_tx : after_rx;
}

static void take_sampled(struct engine *engine, struct connection *connection,
			 const struct event *event)
{
	const struct socket_facts *socket = &event->connection.facts;
	struct circumstances circumstances;
	struct verdict verdict;

	connection->sample = engine->sample;
	connection->unseen = false;
	if (!connection->up || connection->ended)
		return;
	note_reading(connection, socket, event->time);
	circumstances = connections_look_around(engine, connection, socket, event->time);
	if (stall_of_idle_agent(&circumstances, connection->unread_since, &verdict))
		tell(engine, connection, socket, event->time, &verdict);
	else if (agent_side(connection->stalled))
		heal(engine, connection, event->time);
	if (socket->idle_tx < patience(engine, connection))
		connection->kept_alive = true;
	check_from(engine, connection,
		   next_check(connection, socket, event->time, patience(engine, connection)));
}

/* What was told of before the sample was asked for, and is not in it, does not exist any more. Only
 * what is missing in two samples is sure: while sockets come and go, the kernel's iterator may pass
 * over one that is there (bpf_sk_storage_map_seq_find_next(), by their number in a bucket). */
static void take_sample_done(struct engine *engine, const struct event *event)
{
	struct connection *connection = NULL;
	bool missing = false;

	engine->sample_asked = 0;
	while ((connection = keyed_table_next(&engine->connections, connection))) {
		uint32_t missed = engine->sample - connection->sample;

		if (missed > 1 && !connection->ended)
			connections_vanish(engine, connection, event->time);
		else if (missed == 1 && !connection->ended)
			missing = true;
	}
	if (missing)
		engine_ask_for_sample(engine);
}

/* ---- the path */

/* How long the peer had been quiet when the write went out that is now repeated for the first time:
 * since its last data or, of a peer that only acknowledges, its last acknowledgment. */
static void note_silence(struct connection *connection, const struct socket_facts *socket)
{
	usec_t unheard = socket->idle_rx < socket->idle_ack ? socket->idle_rx : socket->idle_ack;

	if (!connection->silence && unheard > socket->rto_usec)
		connection->silence = unheard - socket->rto_usec;
}

static void take_retransmit(struct engine *engine, struct connection *connection,
			    const struct event *event)
{
	const struct socket_facts *socket = &event->connection.facts;
	struct circumstances circumstances;
	struct verdict verdict;

	if (!connection->up || connection->ended)
		return;
	note_silence(connection, socket);
	if (socket->retransmit_timeouts < TIMEOUTS_TOLD)
		return;
	circumstances = connections_look_around(engine, connection, socket, event->time);
	stall_of_path(&circumstances, &verdict);
	tell(engine, connection, socket, event->time, &verdict);
}

/* When something went last; 0: nothing did. */
static usec_t lost_at(const struct path_view *path)
{
	usec_t lost = path->link.lost > path->address.lost ? path->link.lost : path->address.lost;

	return lost > path->route.lost ? lost : path->route.lost;
}

/* A link that goes down says nothing to the sockets that use it: the connection looks well until
 * somebody writes. What was missing before may be there already: a link carries packets a while
 * before the kernel says so (linkwatch_fire_event()). */
static void look_at_path(struct engine *engine, struct connection *connection, usec_t since,
			 usec_t time)
{
	const struct socket_facts unheard = { .idle_rx = time - since, .idle_tx = time - since };
	const struct circumstances circumstances =
		connections_look_around(engine, connection, &unheard, time);
	const struct path_view *path = &circumstances.path;
	struct verdict verdict;

	if (!path->known || !*path->interface)
		return;
	if (path_is_whole(path) && lost_at(path) && lost_at(path) < time)
		look_at_path(engine, connection, since, lost_at(path)); /* and is back */
	if (!path_is_whole(path)) {
		if (!lost_at(path))
			return;
		stall_of_path(&circumstances, &verdict);
		tell(engine, connection, &unheard, time, &verdict);
	} else if (connection->stalled != CAUSE_UNKNOWN && !connection->silence &&
		   cause_side(connection->stalled) == SIDE_NETWORK) {
		heal(engine, connection, time);
	}
}

/* Without eBPF, that a connection has ended may be seen only by the next look at all of them. */
#define NEXT_LOOK (1500 * USEC_PER_MSEC)

/* News of the way may come before older news of a connection, and one that had ended by then has
 * not stalled. So connections are looked at when all that happened until then is known. */
void stalls_take_path(struct engine *engine, const struct event *event)
{
	struct path_news *news = &engine->path_news;
	usec_t delay = engine->mode == MODE_SOCK_DIAG ? NEXT_LOOK : 0;

	if (event->path.initial || event->type == EVENT_NEIGHBOUR)
		return;
	news->last = event->time;
	if (news->deadline.position)
		return;
	news->first = event->time;
	news->deadline.kind = DEADLINE_OF_PATH;
	deadline_set(&engine->deadlines, &news->deadline, event->time + delay);
}

void stalls_path_due(struct engine *engine)
{
	const struct path_news *news = &engine->path_news;
	struct connection *connection = NULL;

	while ((connection = keyed_table_next(&engine->connections, connection))) {
		usec_t since =
			connection->up_since > news->first ? connection->up_since : news->first;

		if (connection->up && !connection->ended && since <= news->last)
			look_at_path(engine, connection, since, news->last);
	}
}

/* A fatal signal came, and yet the process is there: it may be writing its core dump, with its
 * connections open all the while. */
void stalls_take_signal(struct engine *engine, const struct event *event)
{
	struct connection *connection = NULL;

	if (event->type == EVENT_SIGNALED && !signal_dumps_core(event->process.signal))
		return;
	while ((connection = keyed_table_next(&engine->connections, connection)))
		if (connection->owner.pid == event->process.task.pid && connection->up &&
		    !connection->ended)
			check_at(engine, connection, event->time + DYING_TIME);
}

/* The connections of a dead process close at once, or there is something to be said. */
void stalls_take_exit(struct engine *engine, const struct event *event)
{
	struct connection *connection = NULL;

	while ((connection = keyed_table_next(&engine->connections, connection)))
		if (connection->owner.pid == event->process.task.pid && !connection->ended)
			check_at(engine, connection, event->time + VERDICT_WAIT);
}

void stalls_take(struct engine *engine, const struct event *event)
{
	struct connection *connection = connections_find(engine, event->connection.cookie);

	if (event->type == EVENT_SAMPLE_DONE)
		take_sample_done(engine, event);
	if (!connection)
		return;
	switch (event->type) {
	case EVENT_SAMPLED:
		take_sampled(engine, connection, event);
		break;
	case EVENT_RETRANSMIT:
		take_retransmit(engine, connection, event);
		break;
	case EVENT_HEALED:
		heal(engine, connection, event->time);
		break;
	default: /* nothing else concerns an open connection */
		break;
	}
}
