/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The processes of the agents: who lives, which signals they got, how they exited. */
#pragma once

#include "engine/state.h"

/* Takes an event_is_process() event: begins to track the process, brings its facts up to date, and
 * notes a stop request to its agent. Returns the process if this event reports its exit, else
 * NULL. */
struct tracked_process *processes_take(struct engine *engine, const struct event *event);

/* Returns the process of `task`, which is tracked as one of agent number `agent` from now on; NULL
 * if its pid is 0 or there is no room. Where the table is full, the process that has been dead for
 * longest is forgotten. */
struct tracked_process *processes_track(struct engine *engine, const struct task *task,
					uint32_t agent);

/* Forgets who has been dead for longer than 10 s. Endings that waited for them wait on. */
void processes_forget_exited(struct engine *engine);

/* Forgets all processes of agent number `agent`. */
void processes_forget_agent(struct engine *engine, uint32_t agent);
