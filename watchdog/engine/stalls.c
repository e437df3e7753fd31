/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/stalls.h"

#include "engine/endings.h"
#include "engine/outcomes.h"
#include "engine/policy/policy.h"
#include "verdict/stall.h"

/* A process that takes longer than this to die of a signal is writing its core dump. */
#define DYING_TIME (1 * USEC_PER_SEC)

/* In the mode sock-diag: how long after a path event the next survey is certain to have shown every
 * connection that had ended by then (SURVEY_INTERVAL in watch/survey/). */
#define NEXT_LOOK (1500 * USEC_PER_MSEC)

/* A link whose radio is lost is reported as down so much later at most: the kernel does it once a
 * second (linkwatch_schedule_work()). */
#define LINK_DELAY (2 * USEC_PER_SEC)

/* Or so much earlier: the kernel waits for what is on the air meanwhile (ieee80211_set_disassoc()).
 * NetworkManager's word on what it does takes its way over the bus, too. */
#define WORD_DELAY (500 * USEC_PER_MSEC)

/* ---- records */

static void report_stalled(struct engine *engine, struct connection *connection,
			   const struct socket_facts *socket, usec_t time,
			   const struct verdict *verdict)
{
	struct agent *agent = state_agent(engine, connection->agent);
	struct record record;

	if (connection->stalled != CAUSE_UNKNOWN)
		return;
	connection->stalled = (uint8_t)verdict->cause;
	connection->stalled_since = time;
	outcomes_begin_record(agent, RECORD_STALLED, time, &record);
	outcomes_describe_connection(connection, &record);
	record.socket = *socket;
	record.verdict = *verdict;
	outcomes_send_record(engine, &record);
	policy_apply(engine, agent, &record);
}

/* Reports that the connection works again, if it was stalled. */
static void heal(struct engine *engine, struct connection *connection, usec_t time)
{
	struct agent *agent = state_agent(engine, connection->agent);
	struct record record;

	connection->silence = 0;
	if (connection->stalled == CAUSE_UNKNOWN)
		return;
	policy_recovered(engine, agent, time);
	outcomes_begin_record(agent, RECORD_RECOVERED, time, &record);
	outcomes_describe_connection(connection, &record);
	record.verdict.cause = connection->stalled;
	record.downtime = time - connection->stalled_since;
	connection->stalled = CAUSE_UNKNOWN;
	outcomes_send_record(engine, &record);
}

/* ---- checks: is the agent at work? */

static usec_t patience(const struct engine *engine, const struct connection *connection)
{
	return stall_patience(state_agent(engine, connection->agent)->settings);
}

static void check_at(struct engine *engine, struct connection *connection, usec_t time)
{
	connection->deadline.kind = DEADLINE_OF_CONNECTION;
	deadline_set(&engine->deadlines, &connection->deadline, time);
}

/* The next check is at `time`, or later by stall_slack() if nothing else wakes the host before. */
static void check_lazily(struct engine *engine, struct connection *connection, usec_t time)
{
	const struct agent *agent = state_agent(engine, connection->agent);

	connection->deadline.kind = DEADLINE_OF_CONNECTION;
	deadline_set_lazily(&engine->deadlines, &connection->deadline, time,
			    stall_slack(agent->settings));
}

void stalls_begin(struct engine *engine, struct connection *connection, usec_t time)
{
	check_lazily(engine, connection, time + patience(engine, connection));
}

void stalls_due(struct engine *engine, struct connection *connection)
{
	const struct circumstances circumstances =
		state_circumstances(engine, connection, &(struct socket_facts){ 0 }, engine->now);
	struct verdict verdict;

	if (state_is_orphan(engine, connection)) {
		endings_orphan(engine, connection);
		return;
	}
	check_lazily(engine, connection, engine->now + patience(engine, connection));
	if (stall_of_dying_process(&circumstances, &verdict))
		report_stalled(engine, connection, circumstances.socket, engine->now, &verdict);
	else
		outcomes_ask_for_sample(engine);
	connection->check_unanswered = true;
}

/* Notes since when the agent has read nothing although there is something to read. */
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

/* An agent that is at work has overcome these. */
static bool is_about_work(enum cause cause)
{
	return cause == CAUSE_HOST_STARVED ||
	       (cause != CAUSE_UNKNOWN && cause_side(cause) == SIDE_AGENT);
}

/* A first look that is older says nothing about the present. */
#define LOOK_LIFETIME (10 * USEC_PER_SEC)

/* Returns the entry of the process, else the one that may be overwritten, else NULL. */
static struct first_look *first_look(struct agent *agent, uint32_t pid, usec_t time)
{
	struct first_look *room = NULL;

	for (unsigned i = 0; i < FIRST_LOOKS_MAX; i++) {
		struct first_look *look = &agent->first_looks[i];
		bool is_stale = look->pid == 0 || time > look->time + LOOK_LIFETIME;

		if (look->pid == pid && !is_stale)
			return look;
		if (is_stale)
			room = look;
	}
	if (room)
		*room = (struct first_look){ 0 };
	return room;
}

/* What the agent lacked takes two looks to see. Returns false if the second one is to come: then
 * the verdict waits for that. */
static bool look_twice(struct engine *engine, struct connection *connection,
		       const struct event *event, struct circumstances *given)
{
	struct agent *agent = state_agent(engine, connection->agent);
	usec_t apart = stall_looks_apart(agent->settings);
	uint32_t pid = event->connection.owner.pid;
	struct first_look *first;

	given->hardship = event->connection.hardship;
	if (given->hardship.tasks == 0 || connection->stalled != CAUSE_UNKNOWN)
		return true;
	first = first_look(agent, pid, event->time);
	if (!first)
		return true;
	if (first->pid == 0)
		*first = (struct first_look){ pid, event->time, given->hardship,
					      connection->cookie };
	if (event->time < first->time + apart / 2) {
		check_at(engine, connection, first->time + apart);
		return false;
	}
	given->hardship_before = first->hardship;
	given->hardship_span = event->time - first->time;
	return true;
}

/* The connection is at work: what its process lacked before says nothing about its next trouble.
 * Another connection of the process may still wait for its second look. */
static void forget_look(struct agent *agent, uint64_t cookie)
{
	for (unsigned i = 0; i < FIRST_LOOKS_MAX; i++)
		if (agent->first_looks[i].cookie == cookie)
			agent->first_looks[i] = (struct first_look){ 0 };
}

/* Returns when the agent can next have sent nothing, or have left data unread, for `patience`. */
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

void stalls_take_sampled(struct engine *engine, const struct event *event)
{
	struct connection *connection = state_connection(engine, event->connection.cookie);
	const struct socket_facts *socket = &event->connection.facts;
	struct circumstances circumstances;
	struct verdict verdict;

	if (!connection)
		return;
	connection->sample = engine->sample;
	connection->check_unanswered = false;
	if (!connection->up || connection->ended)
		return;
	note_reading(connection, socket, event->time);
	circumstances = state_circumstances(engine, connection, socket, event->time);
	circumstances.owner_state = event->connection.owner_state;
	if (stall_may_be_of_agent(&circumstances, connection->unread_since)) {
		if (!look_twice(engine, connection, event, &circumstances))
			return;
		stall_of_idle_agent(&circumstances, connection->unread_since, &verdict);
		if (connection->stalled == CAUSE_UNKNOWN)
			connection->may_starve = stall_may_be_starved(&circumstances);
		report_stalled(engine, connection, socket, event->time, &verdict);
	} else {
		forget_look(state_agent(engine, connection->agent), connection->cookie);
		if (is_about_work(connection->stalled))
			heal(engine, connection, event->time);
	}
	if (socket->idle_tx < patience(engine, connection))
		connection->kept_alive = true;
	check_lazily(engine, connection,
		     next_check(connection, socket, event->time, patience(engine, connection)));
}

/* A connection that began before the sample was asked for, and is not in it, is gone. One sample is
 * not enough: while sockets come and go, the kernel's iterator may pass over one that is there
 * (bpf_sk_storage_map_seq_find_next() counts them by their position in a bucket). */
void stalls_take_sample_done(struct engine *engine, const struct event *event)
{
	struct connection *connection = NULL;
	bool missing = false;

	engine->sample_asked = 0;
	while ((connection = keyed_table_next(&engine->connections, connection))) {
		uint32_t missed = engine->sample - connection->sample;

		if (missed > 1 && !connection->ended)
			endings_vanish(engine, connection, event->time);
		else if (missed == 1 && !connection->ended)
			missing = true;
	}
	if (missing)
		outcomes_ask_for_sample(engine);
}

/* ---- tokens */

/* Nothing is wrong yet: the connection does not count as stalled, and no action follows. */
void stalls_token_due(struct engine *engine, struct agent *agent)
{
	static const struct socket_facts no_facts = { 0 };
	const struct connection *connection = state_connection(engine, agent->token.cookie);
	struct circumstances circumstances;
	struct record record;

	if (!connection || !connection->serves || connection->ended)
		return;
	circumstances = state_circumstances(engine, connection, &no_facts, engine->now);
	outcomes_begin_record(agent, RECORD_STALLED, engine->now, &record);
	outcomes_describe_connection(connection, &record);
	stall_of_token(&circumstances, &record.verdict);
	outcomes_send_record(engine, &record);
}

/* ---- retransmissions */

/* Notes how long the peer had been quiet when the write went out that is now repeated for the first
 * time: since its last data, or since its last acknowledgment if it only acknowledges. */
static void note_silence(struct connection *connection, const struct socket_facts *socket)
{
	usec_t unheard = socket->idle_rx < socket->idle_ack ? socket->idle_rx : socket->idle_ack;

	if (!connection->silence && unheard > socket->rto_usec)
		connection->silence = unheard - socket->rto_usec;
}

/* The first time-out in a row begins an episode. */
static void note_icmp_error(struct connection *connection, const struct socket_facts *socket)
{
	connection->icmp_error =
		socket->soft_error || (connection->icmp_error && socket->retransmit_timeouts > 1);
}

void stalls_take_retransmit(struct engine *engine, const struct event *event)
{
	struct connection *connection = state_connection(engine, event->connection.cookie);
	const struct socket_facts *socket = &event->connection.facts;
	struct circumstances circumstances;
	struct verdict verdict;

	if (!connection || !connection->up || connection->ended)
		return;
	note_silence(connection, socket);
	note_icmp_error(connection, socket);
	if (socket->retransmit_timeouts < TIMEOUTS_OF_SILENCE)
		return;
	circumstances = state_circumstances(engine, connection, socket, event->time);
	stall_of_path(&circumstances, &verdict);
	report_stalled(engine, connection, socket, event->time, &verdict);
}

void stalls_take_healed(struct engine *engine, const struct event *event)
{
	struct connection *connection = state_connection(engine, event->connection.cookie);

	if (!connection)
		return;
	connection->icmp_error = false;
	heal(engine, connection, event->time);
}

/* ---- the path */

/* The kernel changes nothing in the sockets of a link that goes down: a connection looks well until
 * the agent writes. A part that was missing at `since` already does not stall it: a link carries
 * packets a while before the kernel reports it as up (linkwatch_fire_event()). */
static void check_path(struct engine *engine, struct connection *connection, usec_t since,
		       usec_t time)
{
	const struct socket_facts unheard = { .idle_rx = time - since, .idle_tx = time - since };
	const struct circumstances circumstances =
		state_circumstances(engine, connection, &unheard, time);
	const struct path_view *path = &circumstances.path;
	struct verdict verdict;
	usec_t lost;

	if (!path->known || !*path->interface)
		return;
	lost = path_last_lost(path);
	if (path_is_whole(path) && lost && lost < time)
		check_path(engine, connection, since, lost); /* lost, and back since */
	if (!path_is_whole(path)) {
		if (!lost)
			return;
		stall_of_path(&circumstances, &verdict);
		report_stalled(engine, connection, &unheard, time, &verdict);
	} else if (connection->stalled != CAUSE_UNKNOWN && !connection->silence &&
		   cause_side(connection->stalled) == SIDE_NETWORK) {
		heal(engine, connection, time);
	}
}

static usec_t delay_of_check(const struct engine *engine, const struct event *event)
{
	const struct path_event *path = &event->path;

	if (engine->mode == MODE_SOCK_DIAG)
		return NEXT_LOOK;
	if (path->up)
		return 0;
	if (path_has_device(&engine->path, path->netns, path->interface))
		return WORD_DELAY;
	return event->type == EVENT_LINK && !path->disabled &&
			       path_has_radio(&engine->path, path->netns, path->interface)
		       ? WORD_DELAY
		       : 0;
}

/* A Wi-Fi alone is no stall: one that changes its access point is back before its link is reported
 * as down. The link of a modem stays up. */
static void take_radio(struct path_change *change, const struct event *event)
{
	change->radio_lost = event->path.up ? 0 : event->time;
	if (change->deadline.position && !event->path.up)
		change->last = event->time;
}

/* Older events of a connection may arrive after a path event, and a connection that had ended by
 * then has not stalled. So the check waits until all events up to the path event are taken. */
void stalls_take_path(struct engine *engine, const struct event *event)
{
	struct path_change *change = &engine->path_change;

	if (event->type == EVENT_RADIO)
		take_radio(change, event);
	if (event->path.initial || event->type == EVENT_NEIGHBOUR || event->type == EVENT_DEVICE ||
	    (event->type == EVENT_RADIO && !radio_is_of_modem(event->path.radio)))
		return;
	change->last = event->time;
	if (change->deadline.position)
		return;
	change->first = event->time;
	if (change->radio_lost && event->time < change->radio_lost + LINK_DELAY)
		change->first = change->radio_lost;
	change->deadline.kind = DEADLINE_OF_PATH;
	deadline_set(&engine->deadlines, &change->deadline,
		     event->time + delay_of_check(engine, event));
}

void stalls_path_due(struct engine *engine)
{
	const struct path_change *change = &engine->path_change;
	struct connection *connection = NULL;

	while ((connection = keyed_table_next(&engine->connections, connection))) {
		usec_t since =
			connection->up_since > change->first ? connection->up_since : change->first;

		if (connection->up && !connection->ended && since <= change->last)
			check_path(engine, connection, since, change->last);
	}
}

/* ---- processes */

/* Fatal signals that write no core dump kill at once. */
void stalls_take_signal(struct engine *engine, const struct event *event)
{
	uint32_t pid = event->process.task.pid;
	struct connection *connection = NULL;

	if (event->type == EVENT_SIGNALED && !signal_dumps_core(event->process.signal))
		return;
	if (!state_process(engine, pid)) /* there was no room to track it */
		return;
	while ((connection = keyed_table_next(&engine->connections, connection)))
		if (connection->owner.pid == pid && connection->up && !connection->ended)
			check_at(engine, connection, event->time + DYING_TIME);
}

/* The kernel closes the connections of a dead process at once. stalls_due() deals with one that is
 * still open then. */
void stalls_take_exit(struct engine *engine, const struct event *event)
{
	struct connection *connection = NULL;

	while ((connection = keyed_table_next(&engine->connections, connection)))
		if (connection->owner.pid == event->process.task.pid && !connection->ended)
			check_at(engine, connection, event->time + VERDICT_WAIT);
}
