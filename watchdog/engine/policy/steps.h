/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One action after the other: its obstacles, its record, its order; and the end of a plan whose
 * steps are all taken. */
#pragma once

#include "engine/state.h"

/* The deadline of the agent's plan has come, or the obstacle that held it is gone. Takes the next
 * step, reports what holds it, or ends the plan. A plan that rests goes on:
 * plan_recall_resume(). */
void steps_due(struct engine *engine, struct agent *agent);
