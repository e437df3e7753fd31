/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the end of a session to its verdict: the evidence, the wait for a fact, the one
 * RECORD_ENDED. A connection is forgotten once that is handed out and its socket is closed. */
#pragma once

#include "engine/state.h"

/* Gives the verdict on the session of `ending`, which has just ended, or keeps a copy for at most
 * VERDICT_WAIT until it can be given. */
void endings_judge(struct engine *engine, const struct ending *ending);

/* Gives the verdict on `connection` that waits, with the facts there are. Harmless if none waits.
 * The connection may be forgotten by it. */
void endings_settle(struct engine *engine, struct connection *connection);

/* Takes an EVENT_ENDED that follows the end of its session: what the ends said in MQTT and TLS by
 * then counts for a verdict that waits. */
void endings_take_close(struct engine *engine, const struct event *event);

/* Takes an EVENT_SPOKEN that follows the end of its session: an alert of TLS that was still in the
 * send queue then counts for a verdict that waits. */
void endings_take_spoken(struct engine *engine, const struct event *event);

/* Takes an EVENT_RESET_SENT: a RST that the host sent counts for a verdict that waits. */
void endings_take_reset(struct engine *engine, const struct event *event);

/* Gives the verdicts that waited for the exit of `process`, which has exited. */
void endings_reconsider(struct engine *engine, struct tracked_process *process);

/* Gives the verdicts of agent number `agent` that the new state of its unit makes possible. */
void endings_reconsider_agent(struct engine *engine, uint32_t agent);

/* The agent of the open `connection` is dead and the kernel does not close the connection: its
 * session is over. */
void endings_orphan(struct engine *engine, struct connection *connection);

/* The socket of `connection` was gone by `time` and nobody saw how its session ended: the cause is
 * evidence-lost, unless its verdict is out. Forgets the connection. */
void endings_vanish(struct engine *engine, struct connection *connection, usec_t time);

/* Forgets the connection, and its verdict if that waits. */
void endings_forget(struct engine *engine, struct connection *connection);
