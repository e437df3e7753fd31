/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the matches of an agent's settings to what is watched: a unit by the control group that
 * systemd tells of, control groups by their names. */
#pragma once

#include <stdbool.h>

#include "events/event.h"
#include "settings/settings.h"

struct watch_matches;
struct watch_observer;
struct watch_sources;

struct match_listener {
	void (*settled)(void *userdata); /* the state of every unit that was added is known */
	event_sink event;                /* takes an EVENT_LOST: groups that are not watched */
	void (*notice)(void *userdata, const char *text, int error); /* error: -errno or 0 */
	void *userdata;
};

/* For agents 1 to `agents`. `sources`, in which it opens the unit monitor and the finder of control
 * groups when the first agent needs them, and `observer` are borrowed. Returns 0 or -ENOMEM. */
int watch_matches_new(struct watch_matches **ret, struct watch_sources *sources,
		      struct watch_observer *observer, uint32_t agents,
		      const struct match_listener *listener);

/* To be called when `sources` are closed. Returns NULL. */
struct watch_matches *watch_matches_free(struct watch_matches *matches);

/* Watches everything that `settings` name, now and whenever it appears, for agent `number`. Returns
 * 0, or the -errno of the match that could not be set up; the caller then removes the agent. */
int watch_matches_add(struct watch_matches *matches, uint32_t number,
		      const struct agent_settings *settings);
void watch_matches_remove(struct watch_matches *matches, uint32_t number);

/* To be called when the engine has taken an EVENT_UNIT. */
void watch_matches_unit_told(struct watch_matches *matches, const struct event *event);

/* Looks for the connections that watched processes and control groups have open already; they
 * follow as events of the observer. Returns 0 or -errno. A kernel that cannot show them is no
 * error, and is said once. */
int watch_matches_find_connections(struct watch_matches *matches);

/* To be called when all agents of the start were added, before they are told to be caught up. Until
 * then connections are looked for a fifth of the time at most, however many agents, units and
 * groups there are: one look shows those of all. Returns as watch_matches_find_connections(). */
int watch_matches_begin(struct watch_matches *matches);

/* Returns true while the state of a unit is not known yet. */
bool watch_matches_awaited(const struct watch_matches *matches);
