/* The loop that `connwatchd`, `connwatchctl run` and `connwatchctl watch` share: sources feed the
 * engine, its outcomes go to the effects. Wiring only; everything it decides is in core/. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "core/engine.h"
#include "core/engine_snapshot.h"
#include "core/settings.h"
#include "output.h"

struct watch_loop;

struct watch_options {
	enum mode mode;       /* MODE_INVALID: the best that can be had */
	uint32_t agents;      /* how many at most */
	uint32_t connections; /* how many at most */
	enum output output;
	bool journal;      /* write records to the journal, where there is one */
	bool observe_only; /* take no action, whatever the settings say */
	const char *trace; /* record the events into this file; NULL: do not */
	int parcel;        /* what the watchdog before us left (taken over); 0: nothing */

	/* Restarts an agent that is no unit. Returns 0, and the caller reports the result with
	 * watch_loop_action_done(); or -errno. NULL: such an agent cannot be restarted. */
	int (*restart)(void *userdata, const struct order *order);
	/* Called once, when systemd has told of every unit that was added before the event loop
	 * began, so that nothing of them escapes any more; or after READY_TIMEOUT. May be NULL. */
	void (*ready)(void *userdata);
	/* Called with each record, which is in the journal by then. `realtime` is its time in
	 * microseconds since 1970. May be NULL. */
	void (*record)(void *userdata, const struct record *record, usec_t realtime);
	/* Called when the engine has taken an event and its outcomes are out. May be NULL. */
	void (*stepped)(void *userdata);
	void *userdata;
};

#define READY_TIMEOUT (5 * USEC_PER_SEC)

/* Opens the source of evidence and builds the rest around it. Returns 0, or -errno after having
 * said why on standard error. */
int watch_loop_new(struct watch_loop **ret, const struct watch_options *options);
struct watch_loop *watch_loop_free(struct watch_loop *loop); /* returns NULL */

/* The event loop; owned by `loop`. */
sd_event *watch_loop_event(struct watch_loop *loop);

/* Where the evidence comes from. */
enum mode watch_loop_mode(const struct watch_loop *loop);

/* True if it goes on where the watchdog before us stopped. */
bool watch_loop_inherits(const struct watch_loop *loop);

/* What the watchdog after us needs, in one descriptor for somebody else to keep. To be called
 * before the event loop begins. Returns the descriptor, to be closed by the caller; or -errno. */
int watch_loop_parcel(struct watch_loop *loop);

/* Watches an agent by the matches of its settings, which are copied. Returns its number (from 1),
 * -ENOSPC, or the -errno of the match that could not be set up. */
int watch_loop_add_agent(struct watch_loop *loop, const struct agent_settings *settings);

/* The settings of agent `number`; NULL if there is none. Owned by `loop`. */
const struct agent_settings *watch_loop_settings(const struct watch_loop *loop, uint32_t number);

/* Gives agent `number` other settings. What it has open stays known, unless the matches differ:
 * then it is watched afresh. Returns 0 or -errno as watch_loop_add_agent(). */
int watch_loop_change_agent(struct watch_loop *loop, uint32_t number,
			    const struct agent_settings *settings);

/* No longer watches agent `number`. */
void watch_loop_remove_agent(struct watch_loop *loop, uint32_t number);

/* From now on takes no action for agent `number`, whatever its settings say; or does again. Lasts
 * as long as the agent is watched. Returns 0 or -errno. */
int watch_loop_hold_actions(struct watch_loop *loop, uint32_t number, bool hold);
bool watch_loop_actions_held(const struct watch_loop *loop, uint32_t number);

/* What the engine knows now: engine_snapshot(). If `sampled` is not NULL, the kernel is asked about
 * each open connection first, and its EVENT_SAMPLED handed to it with the sink's userdata; what the
 * kernel cannot tell is left out. Not to be called from inside the callbacks above. */
void watch_loop_snapshot(struct watch_loop *loop, const struct snapshot_sink *sink,
			 event_sink sampled);

/* Adds process `pid`, its descendants and the connections they have open to agent `number`.
 * Returns 0, -ESRCH or another -errno. */
int watch_loop_add_process(struct watch_loop *loop, uint32_t number, pid_t pid);

/* Adds process `pid` as watch_loop_add_process() does. The agent is this command: what the policy
 * says about its end holds for each, also without a connection. Returns 0 or -errno. */
int watch_loop_add_command(struct watch_loop *loop, uint32_t number, pid_t pid);

/* Adds the control group at `path` (in the file system, version 2) to agent `number`: what is
 * opened in it from now on. Returns 0 or -errno. */
int watch_loop_add_control_group(struct watch_loop *loop, uint32_t number, const char *path);

/* Takes in what has been seen up to now, without waiting. */
void watch_loop_drain(struct watch_loop *loop);

/* To be called by whoever wakes up now and then: does what would soon have been a reason to wake up
 * for. */
void watch_loop_tick(struct watch_loop *loop);

/* Ends the event loop with `status` as soon as no verdict waits for a fact (each comes, or its time
 * is up, within VERDICT_WAIT), no result of an action is on its way to the engine and, with
 * options.restart, no restart waits for its time and systemd carries no action out. */
void watch_loop_finish(struct watch_loop *loop, int status);

/* If watch_loop_finish() waits for nothing but what systemd carries out, it no longer does: it is
 * told that nobody knows what came of that. */
void watch_loop_forgo_results(struct watch_loop *loop);

/* From now on watch_loop_finish() waits for no restart. */
void watch_loop_forgo_restarts(struct watch_loop *loop);

/* Takes watch_loop_finish() back: there is more to watch. */
void watch_loop_go_on(struct watch_loop *loop);

/* Reports what became of a restart that options.restart took on: 0 or -errno. */
void watch_loop_action_done(struct watch_loop *loop, uint32_t agent, uint32_t order, int error);
