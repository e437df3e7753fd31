/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the journal holds of an agent's open session. A session that lasts has one record while it
 * is open: RECORD_RECOVERED if it ended an outage, else RECORD_CONNECTED. If no record of its end
 * follows, the host went down first, and the next boot says so. */
#pragma once

#include "engine/state.h"

/* A session of the agent is up on `connection`. It is told once it has lived for SettleSec=, unless
 * another open session of the agent is told or waits to be. */
void open_session_begin(struct engine *engine, struct agent *agent,
			const struct connection *connection);

/* The journal has a record of the session on the connection `cookie`, and none of its end. */
void open_session_told(struct agent *agent, uint64_t cookie);

/* Returns true if it has. */
bool open_session_is_told(const struct agent *agent, uint64_t cookie);

/* The session on the connection `cookie` ended at `time`: another one that is open takes its place.
 */
void open_session_end(struct engine *engine, struct agent *agent, uint64_t cookie, usec_t time);

/* The past is read back: a session that the journal has may be gone, which shows by the deadline.
 */
void open_session_check(struct engine *engine, struct agent *agent);

/* The deadline has come: hands out RECORD_CONNECTED, for the journal alone. */
void open_session_due(struct engine *engine, struct agent *agent);
