/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Actions on a verdict: from the verdict to a plan, and the events that end or wake the plan. */
#pragma once

#include "engine/state.h"

/* Acts upon `verdict`, a record just handed out: makes a plan if there is none, and takes its first
 * step when that is due, perhaps at once. The unexpected exit of a command takes over from a plan
 * for another trouble. Does nothing if the settings have no action for the cause. */
void policy_apply(struct engine *engine, struct agent *agent, const struct record *verdict);

/* The result of an action. A new trouble that came meanwhile, when the agent had recovered from the
 * first one, has its turn. */
void policy_take_result(struct engine *engine, const struct event *event);

/* policy_apply() for the exit of the agent's command. Does nothing if the end of a connection was
 * already judged to be this exit, unless that is only suspected and `verdict` is not. */
void policy_take_exit(struct engine *engine, struct agent *agent, const struct record *verdict);

/* A connection works since `time`. Ends the plan and counts it as helpful, unless the trouble began
 * later. Returns the last action it took, valid until the next plan begins; NULL: none. */
const struct action *policy_recovered(struct engine *engine, struct agent *agent, usec_t time);

/* The connection with `cookie` has ended: a plan that is about to abort it ends. */
void policy_connection_ended(struct engine *engine, struct agent *agent, uint64_t cookie);

/* A path event was taken: a plan that is held while offline has its next step 15 s after the host
 * is online again. */
void policy_take_path(struct engine *engine);

/* agent->unit has changed: ends a plan whose unit was stopped, or that systemd restarted after a
 * crash; wakes one that waited for systemd. */
void policy_take_unit(struct engine *engine, struct agent *agent);

/* True while an agent whose process has ended may yet be restarted for it. */
bool policy_revival_pending(const struct engine *engine);
