/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of watch/loop.h, shared by its own files only, each of which calls those before it:
 * step.c (events in, outcomes out), agents.c (who is watched), loop.c (opening, closing). */
#pragma once

#include "sources/flow_tracking.h"
#include "sources/hardship.h"
#include "sources/journal_sync.h"
#include "sources/own_peer.h"
#include "sources/task_state.h"
#include "watch/actions.h"
#include "watch/handover.h"
#include "watch/journal.h"
#include "watch/loop.h"
#include "watch/matches.h"
#include "watch/observer.h"
#include "watch/path.h"
#include "watch/sources.h"

struct watch_loop {
	struct watch_options options;
	sd_event *event;
	bool finishing;   /* watch_loop_finish() holds */
	bool no_restarts; /* watch_loop_finish() does not wait for restarts */
	int status;
	struct engine *engine;
	struct watch_sources *sources;
	struct watch_observer *observer; /* one of the sources */
	struct handover *handover;       /* the observer's */
	bool taking_over;                /* the handover of the daemon before us is to be read */
	struct watch_path *path;
	struct watch_matches *matches;
	struct watch_actions *actions;
	struct watch_journal journal;
	struct journal_question saved; /* that journald writes sessions down */
	int unwritten; /* why the journal did not take the last record: -errno; 0: it did */
	FILE *trace;
	struct agent_settings **agents; /* by agent number; [0] is not used */
	bool *actions_held;             /* by agent number */
	bool *grouped;                  /* by agent number: it is control groups, in whose packets
					   its lookups are seen */
	struct task_state_cache owner_state;
	struct hardship_cache hardship;
	struct own_peer_looks own_peers;
	struct flow_tracking tracking;
	bool said_mqtt_not_seen; /* the log says that MqttInspect= cannot be had */
	event_sink sampled;      /* during watch_loop_snapshot() */
	void *sampled_userdata;
	sd_event_source *ready; /* elapses at READY_TIMEOUT; NULL: options.ready was called */
};

/* Prints a sentence on standard error. `error`: -errno, or 0. */
void watch_loop_say(const char *text, int error);

/* Hands an event to the engine and carries out what comes of it: an event_sink, whose `userdata` is
 * the loop. */
void watch_loop_feed(void *userdata, const struct event *event);

/* Asks for a sample of all open connections, which follows as events of the observer. */
void watch_loop_sample(struct watch_loop *loop);

/* Takes the records, and tells the engine that it has all of the past of agent `number`. To be
 * called when all of that was asked for. */
void watch_loop_catch_up(struct watch_loop *loop, uint32_t number);
