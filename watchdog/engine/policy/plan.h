/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan: what is done about one trouble of an agent, step by step. An agent has one at a time. Its
 * parts are here; what moves it on is in steps.c, results.c, plan_recall.c and policy.c. */
#pragma once

#include "engine/state.h"

/* How long the agent may reconnect by itself when the host is back online. */
#define GRACE_ONLINE (15 * USEC_PER_SEC)

/* The order of a plan whose result will never come: a previous engine gave it, or the bus was lost.
 * No order has this number. */
#define UNANSWERED_ORDER UINT32_MAX

/* Makes a plan of `verdict`: the record, RECORD_ENDED or RECORD_STALLED, that it is to act upon.
 * Returns false, and changes nothing, if another plan is active or has an order out, or if the
 * settings have no action for the cause that makes sense. */
bool plan_begin(struct agent *agent, const struct record *verdict);

/* Settles who gets the signals of the plan: the unit's main process of now, or the connection's
 * owner. A process that takes its place later is not meant. To be called when a plan begins on a
 * verdict of now; a plan that is recalled from the journal knows no starts of processes. */
void plan_aim(struct engine *engine, struct agent *agent);

/* Returns when process `pid` of the agent started, as the kernel reported. `otherwise`: nothing is
 * known of it, because it is older than the engine, or not the agent's. */
uint64_t plan_start_of(const struct engine *engine, const struct agent *agent, uint32_t pid,
		       uint64_t otherwise);

/* Ends the plan, if it is active. Hands out nothing. Then plan_resume_not_reconnecting(). */
void plan_end(struct engine *engine, struct agent *agent);

/* Makes the plan's deadline `time`. */
void plan_set_deadline(struct engine *engine, struct plan *plan, usec_t time);

/* True if the plan waits for a time. */
bool plan_has_deadline(const struct plan *plan);

/* Returns how long after its verdict the first step of the plan is due, in microseconds: its open
 * connection may heal, systemd may act first, a fleet is to spread its actions. */
usec_t plan_first_delay(const struct engine *engine, const struct agent *agent);

/* Returns the action of the next step; NULL: all steps are taken. */
const struct action *plan_next_action(const struct agent *agent);

/* True if the plan is active and waits for `obstacle` to pass. */
bool plan_is_held_by(const struct plan *plan, const char *obstacle);

/* True if the agent is the command of `run`, and was started again since the plan's verdict. */
bool plan_command_runs_again(const struct agent *agent);

/* Hands out the plan's record as of now, with `outcome`, and with `held_by` (static text) for
 * ACTION_HELD. */
void plan_report(struct engine *engine, struct plan *plan, enum action_outcome outcome,
		 const char *held_by);

/* Notes that a step against `cause` was taken (`obstacle` is NULL), or is held for good by
 * `obstacle`. In the same outage agent-not-reconnecting is not acted upon again, unless the unit
 * was stopped: it may be started again, and not reconnect as before. */
void plan_note_handled(struct agent *agent, enum cause cause, const char *obstacle);

/* True if no action is left for the agent that does not reconnect in this outage: the policy acted,
 * or is held for good, or has no action for it and the trouble is reported. */
bool plan_not_reconnecting_is_handled(const struct agent *agent);

/* To be called when nothing is done about the agent any more. If agent-not-reconnecting was
 * reported in the meantime and still holds, it has its turn: the agent's deadline is now. */
void plan_resume_not_reconnecting(struct engine *engine, struct agent *agent);
