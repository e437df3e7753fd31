/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loop that `connwatchd`, `connwatchctl run` and `connwatchctl watch` share: sources feed the
 * engine, its outcomes go to the effects. It decides nothing. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "engine/engine.h"
#include "engine/snapshot.h"
#include "settings/settings.h"
#include "watch/output.h"

struct watch_loop;

struct watch_options {
	enum mode mode;       /* MODE_INVALID: the best that the kernel allows */
	const char *btf;      /* a file with the kernel's BTF, if it has none; NULL: look for it */
	uint32_t agents;      /* how many at most */
	uint32_t connections; /* how many at most */
	enum output output;
	bool journal;      /* write records to the journal, where there is one */
	bool observe_only; /* take no action, whatever the settings say */
	const char *trace; /* record the events into this file; NULL: do not */
	/* the handover of the daemon before us, as systemd kept it: a descriptor, closed by
	 * watch_loop_new(); 0: none */
	int stored_handover;

	/* Restarts an agent that is no unit. Returns 0, and the caller reports the result with
	 * watch_loop_action_done(); or -errno. NULL: such an agent cannot be restarted. */
	int (*restart)(void *userdata, const struct order *order);
	/* Called once: when systemd has told of every unit that was added before the event loop
	 * began, so that none of their connections goes unseen; or after READY_TIMEOUT. May be
	 * NULL. */
	void (*ready)(void *userdata);
	/* Called with each record, which is in the journal by then. `realtime` is its time in
	 * microseconds since 1970. May be NULL. */
	void (*record)(void *userdata, const struct record *record, usec_t realtime);
	/* Called with the certificate of an agent's hub. May be NULL. */
	void (*certificate)(void *userdata, const struct hub_seen *seen);
	/* Called when the engine has taken an event and all its outcomes are carried out or begun.
	 * May be NULL. */
	void (*stepped)(void *userdata);
	void *userdata;
};

#define READY_TIMEOUT (5 * USEC_PER_SEC)

/* Opens the sources and the engine. Returns 0 and the loop in `*ret`, or -errno after having said
 * why on standard error. */
int watch_loop_new(struct watch_loop **ret, const struct watch_options *options);
struct watch_loop *watch_loop_free(struct watch_loop *loop); /* returns NULL */

/* Returns the event loop, owned by `loop`. */
sd_event *watch_loop_event(struct watch_loop *loop);

/* Returns MODE_EBPF or MODE_SOCK_DIAG. */
enum mode watch_loop_mode(const struct watch_loop *loop);

/* Returns true if the kernel has no BTF, and the probe works with a file of it. */
bool watch_loop_has_external_btf(const struct watch_loop *loop);

/* Returns the state of the host's clock, as last seen. */
enum clock_state watch_loop_clock(const struct watch_loop *loop);

/* Returns true if the loop goes on where the daemon before us stopped. */
bool watch_loop_taken_over(const struct watch_loop *loop);

/* Packs the handover to the next daemon into one descriptor, for systemd to keep. To be called
 * before the event loop begins. Returns the descriptor, the caller's to close; or -errno. */
int watch_loop_pack_handover(struct watch_loop *loop);

/* Watches an agent by the matches of its settings, which are copied. Returns its number (from 1),
 * -EUSERS: as many agents as there can be are watched already; or the -errno of the match that
 * could not be set up. */
int watch_loop_add_agent(struct watch_loop *loop, const struct agent_settings *settings);

/* Returns the settings of agent `number`, owned by `loop`; NULL if there is no such agent. */
const struct agent_settings *watch_loop_settings(const struct watch_loop *loop, uint32_t number);

/* Gives agent `number` other settings, which are copied. Its open connections stay known unless the
 * matches differ: then the agent is removed and added again. Returns 0 or -errno as
 * watch_loop_add_agent(). */
int watch_loop_change_agent(struct watch_loop *loop, uint32_t number,
			    const struct agent_settings *settings);

/* No longer watches agent `number`. */
void watch_loop_remove_agent(struct watch_loop *loop, uint32_t number);

/* With `hold`, takes no action for agent `number` whatever its settings say; without, takes actions
 * again. Lasts as long as the agent is watched. Returns 0 or -errno. */
int watch_loop_hold_actions(struct watch_loop *loop, uint32_t number, bool hold);
bool watch_loop_actions_held(const struct watch_loop *loop, uint32_t number);

/* Hands what the engine knows to `sink`: engine_snapshot(). If `sampled` is not NULL, the kernel is
 * asked about each open connection first, and each EVENT_SAMPLED goes to `sampled` with the sink's
 * userdata; connections that the kernel cannot show are left out. Not to be called from inside the
 * callbacks above. */
void watch_loop_snapshot(struct watch_loop *loop, const struct snapshot_sink *sink,
			 event_sink sampled);

/* Adds process `pid`, its descendants and the connections that they have open to agent `number`.
 * Returns 0, -ESRCH or another -errno. */
int watch_loop_add_process(struct watch_loop *loop, uint32_t number, pid_t pid);

/* Adds process `pid` as watch_loop_add_process() does, as the command that the agent is: the policy
 * for an agent that ended counts for each of its ends, even without a connection. Returns 0 or
 * -errno. */
int watch_loop_add_command(struct watch_loop *loop, uint32_t number, pid_t pid);

/* Adds the control group at `path` (in the file system, version 2) to agent `number`: connections
 * that are opened in it from now on. Returns 0 or -errno. */
int watch_loop_add_control_group(struct watch_loop *loop, uint32_t number, const char *path);

/* Takes what the kernel has recorded up to now, without waiting. */
void watch_loop_drain(struct watch_loop *loop);

/* To be called by code that wakes up anyway, from time to time: does what would soon wake the loop.
 */
void watch_loop_tick(struct watch_loop *loop);

/* Ends the event loop with `status` as soon as nothing is pending: no verdict waits for a fact
 * (VERDICT_WAIT at most), no result of an action is yet to reach the engine and, with
 * options.restart, no restart waits for its time and systemd carries no action out. */
void watch_loop_finish(struct watch_loop *loop, int status);

/* If watch_loop_finish() waits for nothing but actions that systemd carries out, no longer waits
 * for them: the engine is told that their results are not known. */
void watch_loop_forgo_results(struct watch_loop *loop);

/* From now on watch_loop_finish() does not wait for restarts. */
void watch_loop_forgo_restarts(struct watch_loop *loop);

/* Takes watch_loop_finish() back: the event loop goes on. */
void watch_loop_go_on(struct watch_loop *loop);

/* Reports the result of restart number `order` that options.restart took on: 0 or -errno. */
void watch_loop_action_done(struct watch_loop *loop, uint32_t agent, uint32_t order, int error);
