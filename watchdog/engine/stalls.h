/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections that are open but in trouble: RECORD_STALLED when the trouble begins,
 * RECORD_RECOVERED when it is over. An agent's side of it is seen in samples, which each
 * connection's deadline asks for; the network's side in retransmissions and path events. */
#pragma once

#include "engine/state.h"

/* `connection` came up, which the engine learned at `time`: sets the deadline of its first check.
 */
void stalls_begin(struct engine *engine, struct connection *connection, usec_t time);

/* The deadline of an open connection has come. Asks for a sample; but if its process is writing a
 * core dump, the connection is stalled, and if its agent is dead, its session is over. */
void stalls_due(struct engine *engine, struct connection *connection);

/* Takes an EVENT_SAMPLED: how the connection stands, and when to check it next. */
void stalls_take_sampled(struct engine *engine, const struct event *event);

/* Takes an EVENT_SAMPLE_DONE: connections that two samples have not shown are gone. */
void stalls_take_sample_done(struct engine *engine, const struct event *event);

/* The deadline of the agent's token has come: it ends soon, and was not renewed. */
void stalls_token_due(struct engine *engine, struct agent *agent);

/* Takes an EVENT_RETRANSMIT: after TIMEOUTS_OF_SILENCE time-outs in a row the connection is
 * stalled. */
void stalls_take_retransmit(struct engine *engine, const struct event *event);

/* Takes an EVENT_HEALED: the peer acknowledges again. */
void stalls_take_healed(struct engine *engine, const struct event *event);

/* Takes a path event, after path_take(): open connections are to be checked against the path. */
void stalls_take_path(struct engine *engine, const struct event *event);

/* The deadline that stalls_take_path() set has come: a connection is stalled if a part of its path
 * went since it is up, and recovers if the path is whole again. */
void stalls_path_due(struct engine *engine);

/* Takes an EVENT_SIGNALED or EVENT_DUMPING, after processes_take(): the process may take long to
 * die of it, with its connections open. */
void stalls_take_signal(struct engine *engine, const struct event *event);

/* Takes an EVENT_EXITED, after processes_take(): connections of the dead process must end soon. */
void stalls_take_exit(struct engine *engine, const struct event *event);
