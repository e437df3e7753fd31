/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections from SYN to CLOSE, and when the session of each is over. */
#pragma once

#include "engine/state.h"

/* Takes an EVENT_OPENED or EVENT_FOUND: a connection begins, if its peer is the agent's hub
 * (Peer=). Of one without room, engine.refused names the agent. */
void connections_take_opened(struct engine *engine, const struct event *event);

/* Takes an EVENT_ESTABLISHED: the connection is up, and so is its session unless TLS or a
 * login is expected. */
void connections_take_established(struct engine *engine, const struct event *event);

/* Takes an EVENT_SPOKEN: a handshake of TLS has begun, is over or came to nothing, or there is
 * none. Where TLS is expected, and can be seen, the session is up only once its handshake is over.
 */
void connections_take_spoken(struct engine *engine, const struct event *event);

/* Takes an EVENT_CERTIFICATE: when the hub's certificate is valid. */
void connections_take_certificate(struct engine *engine, const struct event *event);

/* Takes an EVENT_VERIFIED: what the agent's libssl found wrong with it. */
void connections_take_verified(struct engine *engine, const struct event *event);

/* Takes an EVENT_LOGIN: a CONNECT of MQTT was seen, the answer to it, or that none will be seen.
 * Where a CONNECT was seen, the session is up only once it is accepted. */
void connections_take_login(struct engine *engine, const struct event *event);

/* The deadline of the agent's climb has come: the connection's session counts as up, because
 * nothing shows that it is not. */
void connections_climb_due(struct engine *engine, struct agent *agent);

/* Takes an EVENT_SAMPLED: begins the connection if it is not known and is up, then
 * stalls_take_sampled(). */
void connections_take_sampled(struct engine *engine, const struct event *event);

/* Takes an EVENT_CLOSING or EVENT_ENDED. The session is over with the connection's first FIN or at
 * CLOSE, whichever comes first: its verdict is given, or waits. */
void connections_take_end(struct engine *engine, const struct event *event);

/* Takes an EVENT_VANISHED: nobody saw the socket's end. */
void connections_take_vanished(struct engine *engine, const struct event *event);

/* Takes an EVENT_NEVER_OPENED: a connect() without a SYN. If the agent has no connection, and no
 * route leads to its last peer, that is a failed attempt. It is reported once an outage. */
void connections_take_never_opened(struct engine *engine, const struct event *event);

/* The deadline of `connection` has come: of its verdict if the session is over, else of a check. */
void connections_due(struct engine *engine, struct connection *connection);

/* Forgets all connections of agent number `agent`, with verdicts that wait. */
void connections_forget_agent(struct engine *engine, uint32_t agent);
