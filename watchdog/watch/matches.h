/* From the matches of an agent's settings to what is watched: units by systemd's word on
 * their control groups, control groups by their names. Wiring for watch_loop.c. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "core/event.h"
#include "core/settings.h"

struct watch_matches;
struct watch_source;

struct match_listener {
	void (*unit)(void *userdata, const struct event *event); /* systemd told of a unit */
	void (*settled)(void *userdata); /* systemd has told of every unit that was added */
	void (*notice)(void *userdata, const char *text, int error); /* error: -errno or 0 */
	void *userdata;
};

/* `agents` is how many there are at most. `event` and `source` are referenced and outlive it.
 * Returns 0 or -ENOMEM. */
int watch_matches_new(struct watch_matches **ret, sd_event *event, struct watch_source *source,
		      uint32_t agents, const struct match_listener *listener);
struct watch_matches *watch_matches_free(struct watch_matches *matches); /* returns NULL */

/* Watches everything that `settings` name, also what is yet to come, for agent `number`. Returns 0
 * or the -errno of the match that could not be set up; then the agent is yet to be removed. */
int watch_matches_add(struct watch_matches *matches, uint32_t number,
		      const struct agent_settings *settings);
void watch_matches_remove(struct watch_matches *matches, uint32_t number);

/* Tells, through `source`, of the connections that watched processes and control groups have open
 * already. Returns 0 or -errno; a kernel that cannot show them is told of once. */
int watch_matches_find_connections(struct watch_matches *matches);

/* True while systemd has yet to tell of a unit. */
bool watch_matches_awaited(const struct watch_matches *matches);
