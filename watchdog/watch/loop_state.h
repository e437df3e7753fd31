/* The inside of watch_loop.h, shared by its own files only: watch_loop.c (the loop) and
 * watch_loop_agents.c (who is watched). */
#pragma once

#include "succession.h"
#include "watch_actions.h"
#include "watch_journal.h"
#include "watch_loop.h"
#include "watch_matches.h"
#include "watch_path.h"
#include "watch_source.h"

struct watch_loop {
	struct watch_options options;
	sd_event *event;
	sd_event_source *timer; /* the engine's deadline */
	bool finishing;         /* watch_loop_finish() holds */
	bool no_restarts;       /* are waited for */
	int status;
	struct engine *engine;
	struct watch_source *source;
	struct watch_path *path;
	usec_t slept; /* by the host since it booted */
	struct watch_journal journal;
	struct succession *succession;
	bool inheriting; /* what the watchdog before us left is yet to be taken */
	struct watch_matches *matches;
	struct watch_actions *actions;
	FILE *trace;
	struct agent_settings **agents; /* by number; [0] is not used */
	bool *actions_held;             /* by number */
	bool said_unseen;               /* that MQTT cannot be looked at */
	event_sink sampled;             /* during watch_loop_snapshot() */
	void *sampled_userdata;
	sd_event_source *ready; /* READY_TIMEOUT; NULL: options.ready was called */
};

/* On standard error; `error`: -errno, or 0. */
void watch_loop_say(const char *text, int error);

/* Hands an event to the engine and carries out what comes of it: an event_sink for sources.
 * `userdata` is the loop. */
void watch_loop_feed(void *userdata, const struct event *event);

/* All there is about agent `number` has been asked for: takes it in, and says so to the engine. */
void watch_loop_catch_up(struct watch_loop *loop, uint32_t number);
