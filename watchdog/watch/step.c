/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the loop: one event in, its outcomes out; and what loop.c and agents.c both need. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "effects/trace_writer.h"
#include "sources/task_state.h"
#include "support/clock.h"
#include "verdict/stall.h"
#include "watch/loop_state.h"

void watch_loop_say(const char *text, int error)
{
	if (error)
		fprintf(stderr, "connwatch: %s: %s\n", text, strerror(-error));
	else
		fprintf(stderr, "connwatch: %s\n", text);
}

/* ---- outcomes */

static bool came_up(const struct record *record)
{
	return record->kind == RECORD_CONNECTED ||
	       (record->kind == RECORD_RECOVERED && record->verdict.cause == CAUSE_UNKNOWN);
}

/* That a session came up is on the disk when the power fails. Left alone, it would be half a minute
 * later, and a weak power supply fails when the radio begins to send. */
static void write_to_journal(struct watch_loop *loop, const struct record *record)
{
	handover_writing(loop->handover, record);
	if (loop->options.journal) {
		loop->unwritten = watch_journal_write(&loop->journal, record);
		if (came_up(record))
			journal_question_ask(&loop->saved, clock_now(CLOCK_MONOTONIC));
	}
	handover_written(loop->handover, record);
}

static void write_record(struct watch_loop *loop, const struct record *record)
{
	usec_t realtime = record->time + clock_now(CLOCK_REALTIME) - clock_now(CLOCK_MONOTONIC);

	if (!record->folded)
		write_to_journal(loop, record);
	if (record->belated)
		return;
	output_record(loop->options.output, record, realtime);
	if (loop->options.record)
		loop->options.record(loop->options.userdata, record, realtime);
}

/* The samples come in order with the records. */
void watch_loop_sample(struct watch_loop *loop)
{
	int r = watch_observer_sample(loop->observer);

	if (r < 0 && r != -EOPNOTSUPP)
		watch_loop_say("cannot look at the connections", r);
}

/* The record of an order comes right before it. What is not recorded is not done: the next daemon
 * would not know of it, and would do it again. */
static void take_order(struct watch_loop *loop, const struct order *order)
{
	if (loop->unwritten < 0)
		watch_actions_done(loop->actions, order->agent, order->number, loop->unwritten);
	else
		watch_actions_carry_out(loop->actions, order,
					loop->agents[order->agent]->stalled_after);
}

static void take_outcome(void *userdata, const struct outcome *outcome)
{
	struct watch_loop *loop = userdata;

	switch (outcome->type) {
	case OUTCOME_RECORD:
		write_record(loop, outcome->record);
		break;
	case OUTCOME_ORDER:
		take_order(loop, &outcome->order);
		break;
	case OUTCOME_CERTIFICATE:
		if (loop->options.certificate)
			loop->options.certificate(loop->options.userdata, &outcome->certificate);
		break;
	case OUTCOME_SAMPLE:
		watch_loop_sample(loop);
		break;
	}
}

/* Returns true while a command that has ended may be started again. */
static bool may_restart(const struct watch_loop *loop)
{
	return loop->options.restart && !loop->no_restarts && engine_revival_pending(loop->engine);
}

/* A command is watched by nobody after us, so the result of an action must reach this engine. A
 * daemon hands that over to the next one. */
static bool awaits_systemd(const struct watch_loop *loop)
{
	return loop->options.restart && watch_actions_by_systemd(loop->actions);
}

static void finish_if_settled(struct watch_loop *loop)
{
	if (loop->finishing && !may_restart(loop) && !awaits_systemd(loop) &&
	    !watch_actions_pending(loop->actions) && !engine_verdicts_pending(loop->engine) &&
	    !engine_orphans_open(loop->engine))
		sd_event_exit(loop->event, loop->status);
}

/* Where the path is not known, a verdict claims less. */
static void follow_path(struct watch_loop *loop, const struct event *event)
{
	const struct agent_settings *agent = watch_loop_settings(loop, event->agent);
	int r = agent ? watch_path_follow(loop->path, event) : 0;

	if (r < 0)
		fprintf(stderr,
			"connwatch: cannot follow the links and routes of agent %s in net:[%" PRIu64
			"]: %s; its verdicts claim less\n",
			agent->name, event->connection.netns, strerror(-r));
}

/* The events for which it matters whether the agent could have worked: the peer has ended the
 * session, or the engine wants to know how the connections stand. */
static bool is_about_work(const struct event *event)
{
	const struct socket_facts *facts = &event->connection.facts;

	if (event->type == EVENT_CLOSING)
		return facts->state == TCP_STATE_CLOSE_WAIT;
	if (event->type == EVENT_ENDED)
		return facts->state_before == TCP_STATE_ESTABLISHED || facts->close_unobserved;
	return event->type == EVENT_SAMPLED &&
	       (facts->idle_tx >= USEC_PER_SEC || facts->unread_bytes > 0);
}

/* The events with which the engine may first hear of a connection that the probe could not judge:
 * one that was open before, or any in the mode sock-diag. */
static bool is_not_judged(const struct watch_loop *loop, const struct event *event)
{
	if (watch_observer_mode(loop->observer) == MODE_EBPF)
		return event->type == EVENT_FOUND;
	return event->type == EVENT_OPENED || event->type == EVENT_FOUND ||
	       event->type == EVENT_ESTABLISHED || event->type == EVENT_SAMPLED;
}

/* Whether the connection leads to the agent itself, and to no hub. With Peer= the settings say what
 * is a hub. */
static bool is_to_itself(struct watch_loop *loop, const struct event *event)
{
	const struct connection_event *connection = &event->connection;
	const struct agent_settings *agent;

	if (!event_is_connection(event->type))
		return false;
	agent = watch_loop_settings(loop, event->agent);
	if (!agent || agent->peer_count > 0)
		return false;
	return connection->to_itself ||
	       (is_not_judged(loop, event) &&
		own_peer_look(&loop->own_peers, (pid_t)connection->owner.pid, &connection->local,
			      &connection->peer, clock_now(CLOCK_MONOTONIC)));
}

/* A sample that may show that the agent hangs. */
static bool may_hang(const struct watch_loop *loop, const struct event *event)
{
	const struct agent_settings *agent = watch_loop_settings(loop, event->agent);
	const struct socket_facts *facts = &event->connection.facts;

	return event->type == EVENT_SAMPLED && agent &&
	       (facts->unread_bytes > 0 || facts->idle_tx >= stall_patience(agent));
}

void watch_loop_feed(void *userdata, const struct event *event)
{
	struct watch_loop *loop = userdata;
	struct event seen;
	uint16_t tracking;

	if (is_about_work(event)) {
		seen = *event;
		seen.connection.owner_state = task_state_look(
			&loop->owner_state, (pid_t)event->connection.owner.pid,
			event->connection.owner.started, clock_now(CLOCK_MONOTONIC));
		if (seen.connection.owner_state == TASK_STATE_RUNS && may_hang(loop, event))
			seen.connection.hardship = hardship_look(
				&loop->hardship, (pid_t)event->connection.owner.pid,
				event->connection.owner.started, clock_now(CLOCK_MONOTONIC));
		event = &seen;
	}
	if (event_is_connection(event->type) &&
	    event->connection.to_itself != is_to_itself(loop, event)) {
		seen = *event;
		seen.connection.to_itself = !event->connection.to_itself;
		event = &seen;
	}

	tracking = event_is_connection(event->type) && !event->connection.to_itself
			   ? flow_tracking_note(&loop->tracking, event, clock_now(CLOCK_MONOTONIC))
			   : 0;
	if (tracking) {
		seen = *event;
		seen.connection.facts.tracking = tracking;
		event = &seen;
	}

	if (event->type == EVENT_OPENED || event->type == EVENT_FOUND)
		follow_path(loop, event);
	if (loop->trace)
		trace_write(loop->trace, event);
	engine_step(loop->engine, event, take_outcome, loop);
	if (event->type == EVENT_EXITED && !engine_agent_alive(loop->engine, event->agent))
		watch_path_leave(loop->path, event->agent);
	if (loop->sampled && event->type == EVENT_SAMPLED)
		loop->sampled(loop->sampled_userdata, event);
	if (loop->options.stepped)
		loop->options.stepped(loop->options.userdata);
	finish_if_settled(loop);
}

/* ---- sources */

void watch_loop_drain(struct watch_loop *loop)
{
	watch_sources_take(loop->sources);
}

void watch_loop_tick(struct watch_loop *loop)
{
	watch_sources_take_all(loop->sources);
}

/* ---- agents, as loop.c and agents.c see them */

void watch_loop_catch_up(struct watch_loop *loop, uint32_t number)
{
	watch_loop_drain(loop);
	watch_loop_feed(loop, &(struct event){
				      .type = EVENT_CAUGHT_UP,
				      .time = clock_now(CLOCK_MONOTONIC),
				      .agent = number,
				      .blind = !watch_observer_shows_connections(loop->observer),
			      });
}

const struct agent_settings *watch_loop_settings(const struct watch_loop *loop, uint32_t number)
{
	return number && number <= loop->options.agents ? loop->agents[number] : NULL;
}

/* ---- the end */

void watch_loop_finish(struct watch_loop *loop, int status)
{
	watch_loop_drain(loop);
	loop->finishing = true;
	loop->status = status;
	finish_if_settled(loop);
}

void watch_loop_forgo_results(struct watch_loop *loop)
{
	if (loop->finishing && !may_restart(loop))
		watch_actions_forgo(loop->actions);
}

void watch_loop_forgo_restarts(struct watch_loop *loop)
{
	loop->no_restarts = true;
}

void watch_loop_go_on(struct watch_loop *loop)
{
	loop->finishing = false;
}
