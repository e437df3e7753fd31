/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* systemd's work on an agent's unit, as far as its last EVENT_UNIT shows. Each returns false
 * for an agent without a unit, and, but for systemd_is_away(), while the bus is lost. */
#pragma once

#include "engine/state.h"

/* True while systemd starts, stops or reloads the unit, or has a job for it. */
bool systemd_at_work(const struct agent *agent);

/* True while the unit's Restart= waits for RestartSec=. */
bool systemd_restarts(const struct agent *agent);

/* True if the unit's main process, which the plan's verdict is about, is dead and systemd has not
 * reported that yet: a crash whose Restart= may follow. */
bool systemd_will_react(const struct agent *agent);

/* True if the unit was stopped, or has a stop job: it is not wanted to run. */
bool systemd_stopped(const struct agent *agent);

/* True if the unit ran into StartLimitBurst=, or failed after its Restart= was left to work. */
bool systemd_gave_up(const struct agent *agent);

/* Takes the unit's state that `event` is about to give the agent: counts the unit's starts. */
void systemd_count_starts(struct agent *agent, const struct event *event);

/* True if a start of the unit at `time` would go beyond its start limit, as far as its starts are
 * known: systemd would stop it and refuse to start it again. */
bool systemd_would_refuse(const struct agent *agent, usec_t time);

/* True if `action` is a job of systemd's and the bus is lost: neither can the unit's state be read
 * nor the job be given. */
bool systemd_is_away(const struct agent *agent, const struct action *action);
