/* The policy's inside, shared by its own files only: engine_policy.c (from a verdict to a plan, and
 * how a plan ends), engine_policy_obstacles.c (what keeps from acting), engine_policy_steps.c (one
 * action after the other), engine_policy_results.c (what became of them), engine_policy_recall.c
 * (the plan of an engine before us). */
#pragma once

#include "engine_state.h"

/* How long the agent may try by itself when the host is back online. */
#define GRACE_ONLINE (15 * USEC_PER_SEC)

/* An order whose result nobody will tell: it is an engine's before us, or the bus was lost. */
#define UNANSWERED_ORDER UINT32_MAX

/* engine_policy.c */
/* Makes a plan of `verdict`. One trouble ends many connections at once: while a plan is under way,
 * nothing is added. Returns false if nothing is to be done. */
bool plan_begin(struct agent *agent, const struct record *verdict);
void plan_end(struct engine *engine, struct agent *agent);
void plan_at(struct engine *engine, struct plan *plan, usec_t time);
bool plan_has_deadline(const struct plan *plan);
/* How long after its verdict the first step of a plan is due. */
usec_t plan_first_step_after(const struct engine *engine, const struct agent *agent);

/* engine_policy_obstacles.c: reasons are static text, as in CONNWATCH_ACTION_HELD_BY */
/* What keeps the next step from being taken for good; NULL: nothing. */
const char *obstacle_for_good(const struct engine *engine, const struct agent *agent);
/* What keeps `action` from being taken now; the world will tell when that changes. NULL: nothing.
 */
const char *obstacle_for_now(const struct engine *engine, const struct agent *agent,
			     const struct action *action);
/* `held_by` as static text if it holds for a while; NULL: it holds for good. */
const char *obstacle_that_passes(const char *held_by);
bool plan_is_held_by(const struct plan *plan, const char *reason);
/* The agent wants to wait while its host is offline, and it is. */
bool host_is_offline(const struct engine *engine, const struct agent *agent);
/* True for causes that leave no process behind. */
bool cause_is_death(enum cause cause);
/* systemd is starting, stopping or reloading the unit. */
bool systemd_at_work(const struct agent *agent);
/* Its Restart= is under way. */
bool systemd_restarts(const struct agent *agent);
/* The unit's process is gone, and systemd has not said so yet. */
bool systemd_will_react(const struct agent *agent);
/* The agent is a command, and was started since the plan's trouble began. */
bool command_runs_anew(const struct agent *agent);
/* Nobody wants the unit to run. */
bool unit_is_stopped(const struct agent *agent);

/* engine_policy_steps.c */
/* The action that is next; NULL: there is none left. */
const struct action *plan_step(const struct agent *agent);
/* A step for `cause` is taken, or held for good by `obstacle` (NULL: it is taken). */
void plan_note_begun(struct agent *agent, enum cause cause, const char *obstacle);
/* Writes the record of an action. `held_by`: of ACTION_HELD. */
void plan_tell(struct engine *engine, struct plan *plan, enum action_outcome outcome,
	       const char *held_by);

/* engine_policy_results.c */
/* Tells what became of UNANSWERED_ORDER, as far as the world shows it. Returns false while that is
 * under way. */
bool plan_settle(struct engine *engine, struct agent *agent);
/* Likewise, but does not wait: the trouble is over. */
void plan_settle_now(struct engine *engine, struct agent *agent);
