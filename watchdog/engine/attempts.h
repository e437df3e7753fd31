/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent's attempts to connect: how long each rung of the newest one took, and on which rung they
 * fail. */
#pragma once

#include "engine/state.h"

/* Takes an EVENT_LOOKUP, for the time that the lookup takes. */
void attempts_take_lookup(struct agent *agent, const struct event *event);

/* The connection `cookie` begins with its SYN at `time`: it is the newest attempt. */
void attempts_begin(struct agent *agent, uint64_t cookie, usec_t time);

/* The connection `cookie` climbed `rung` in `took`, 0 if that is not known. Only of the newest
 * attempt this is kept. */
void attempts_climbed(struct agent *agent, uint64_t cookie, enum rung rung, usec_t took);

/* Returns how long each rung took, by enum rung, if `cookie` is the newest attempt; else NULL. */
const usec_t *attempts_took(const struct agent *agent, uint64_t cookie);

/* The connection came up at `time`. */
void attempts_came_up(struct agent *agent, const struct connection *connection, usec_t time);

/* The attempt ended as `ended_by`, and never came up. */
void attempts_ended(struct agent *agent, const struct connection *connection,
		    enum ended_by ended_by);

/* Returns how the attempts by the connection's address family go. */
struct family_way attempts_way(const struct agent *agent, const struct connection *connection);

/* Returns true if attempts by the other address family than the connection's go unanswered. */
bool attempts_other_unanswered(const struct agent *agent, const struct connection *connection);

/* An attempt failed on `rung` at `time`. RUNG_NONE: it did not fail. */
void attempts_failed(struct agent *agent, enum rung rung, usec_t time);

/* The agent is connected. */
void attempts_succeeded(struct agent *agent);
