/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agents: their settings and units, RECORD_WATCHING and RECORD_RECOVERED, and an agent that
 * does not reconnect. */
#pragma once

#include "engine/state.h"

/* Takes an EVENT_AGENT: begins to watch the agent, and says so once, or takes its new settings.
 * Ignores numbers above engine_limits.agents. */
void agents_take_settings(struct engine *engine, const struct event *event);

/* Forgets `agent`. Its connections and processes must be forgotten before. */
void agents_forget(struct engine *engine, struct agent *agent);

/* Takes the `unit` of an EVENT_UNIT: the new state of the agent's unit. */
void agents_take_unit(struct engine *engine, struct agent *agent, const struct event *event);

/* Takes an EVENT_CAUGHT_UP: a plan that rests goes on, and an agent without a connection is
 * expected to reconnect. */
void agents_take_caught_up(struct engine *engine, const struct event *event);

/* Takes an EVENT_COMMAND: the process of the event is the agent. */
void agents_take_command(struct engine *engine, const struct event *event);

/* `process`, a process that has just exited, may be the agent's command: then, unless a connection
 * of it is open whose end will be judged, the policy for its exit applies. */
void agents_take_exit(struct engine *engine, const struct process *process);

/* The agent has sent the SYN of the connection `cookie` at `time`. */
void agents_connection_opened(struct engine *engine, struct agent *agent, uint64_t cookie,
			      usec_t time);

/* A connection of the agent works since `time`, which may be long ago. Hands out RECORD_RECOVERED
 * if the agent had none. */
void agents_connection_up(struct engine *engine, struct agent *agent,
			  const struct connection *connection, usec_t time);

/* The session on `connection` ended at `time`, or did not come up: then `rung` is where the attempt
 * failed. An agent without any connection is expected to reconnect within ReconnectTimeoutSec=. */
void agents_connection_down(struct engine *engine, struct agent *agent,
			    const struct connection *connection, enum rung rung, usec_t time);

/* The same, of a previous engine, at `time`: no deadline is set before EVENT_CAUGHT_UP. */
void agents_recall_end(struct agent *agent, const struct history_trouble_event *past, usec_t time);

/* A previous engine reported agent-not-reconnecting in this outage. */
void agents_recall_not_reconnecting(struct agent *agent);

/* The agent's deadline has come. An agent that lives, and has not tried to reconnect for
 * ReconnectTimeoutSec=, is reported once an outage, and the policy applies. */
void agents_due(struct engine *engine, struct agent *agent);
