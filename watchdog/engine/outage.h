/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent's outage: from the end of a session until the next one that is really up, or from the
 * first attempt that failed if there was no session before. All its records have one id, one
 * diagnosis grows over them, and failed attempts are told less and less often. */
#pragma once

#include "engine/state.h"

/* Begins an outage of `agent` at `time`, unless one is under way. The id is a function of the boot,
 * the agent and the time, so that an engine that reads the end back from the journal makes the same
 * one. */
void outage_begin(struct engine *engine, struct agent *agent, usec_t time);

/* As outage_begin(), with the id that the journal has for it; "": it has none. */
void outage_recall(const struct engine *engine, struct agent *agent, usec_t time, const char *id);

/* Returns true if the session whose end is `ended` was too short to end the outage before it, which
 * is under way again then, and the session one of its failed attempts. A session that its agent
 * ended by its own decision is never too short. */
bool outage_resumes(struct engine *engine, struct agent *agent, const struct record *ended);

/* Gives a verdict the outage's id, and takes it into the diagnosis: the first one begins it, and a
 * later one that knows more about the same end corrects it and says so in `record->corrects`. Does
 * nothing while no outage is under way. */
void outage_take_verdict(struct agent *agent, struct record *record);

/* Counts an attempt that failed by `cause`, which has no record of its own. */
void outage_count_attempt(struct agent *agent, enum cause cause);

/* Counts the failed attempt that `record` is about, writes the counts into it, and sets
 * `record->folded` unless it is to be told: the first of its cause; then when their number has
 * doubled, or after another cause, but at most once in 5 minutes. `came_up`: it was a session, but
 * a short one; of these, the first few are told, and each crash. */
void outage_take_attempt(struct agent *agent, struct record *record, bool came_up);

/* Takes a failed attempt that the journal has, from `time`. */
void outage_recall_attempt(struct agent *agent, const struct history_trouble_event *past,
			   usec_t time);

/* Ends the outage that is under way: a session on `connection` came up at `time`. Writes the record
 * of that into `recovered`, all but its downtime and what an action had to do with it. */
void outage_end(struct engine *engine, struct agent *agent, const struct connection *connection,
		usec_t time, struct record *recovered);

/* Hands out that record. An outage that was resumed once may be so again: `recovered` is folded,
 * unless an action helped, and its belated copy is told once the session has lived a while. */
void outage_send_end(struct engine *engine, struct agent *agent, struct record *recovered);

/* Tells the belated record of the end, if one is due. */
void outage_settle(struct engine *engine, struct agent *agent);

/* The outage is none, whether it is under way or not. Nothing is told. */
void outage_forget(struct engine *engine, struct agent *agent);
