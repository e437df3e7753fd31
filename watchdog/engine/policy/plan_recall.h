/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plan of a previous engine: rebuilt from what the journal has of it, without handing anything
 * out; then it goes on where it stood. */
#pragma once

#include "engine/state.h"

/* Takes a verdict of a previous engine, oldest first: plan_begin(), but the plan rests. */
void plan_recall_verdict(struct agent *agent, const struct record *verdict);

/* Takes a RECORD_ACTION of a previous engine, oldest first, with what it said of the action:
 * `outcome`, and `held_by` for ACTION_HELD. Counts it for the limit and moves the plan on. */
void plan_recall_action(struct engine *engine, struct agent *agent, const struct record *taken,
			enum action_outcome outcome, const char *held_by);

/* True if a previous engine's plan gave the order to abort the connection with `cookie`. */
bool plan_recall_aborts(const struct agent *agent, uint64_t cookie);

/* Lets a plan that rests go on, once EVENT_CAUGHT_UP and an EVENT_UNIT have shown the present.
 * Harmless before that, or for a plan that does not rest. Its last order is settled first; a plan
 * that has become pointless ends. */
void plan_recall_resume(struct engine *engine, struct agent *agent);
