/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An engine that watches one agent, on a clock that the test owns, and all that came out of it.
 * The events to feed it with: example_events.h. */
#pragma once

#include "engine/engine.h"
#include "engine/snapshot.h"
#include "example_events.h"

enum { BENCH_KEPT = 64 }; /* records and orders; a test that makes more of them fails */

struct bench {
	struct engine *engine;
	struct agent_settings settings; /* the engine has them by reference */
	usec_t now;
	uint32_t agent; /* whose events bench_step() feeds: 1, unless the test says another */
	unsigned records;
	struct record record[BENCH_KEPT];
	unsigned connected; /* these records are kept apart: most tests have no eye for them */
	struct record connected_record; /* the last one */
	unsigned orders;
	struct order order[BENCH_KEPT];
	usec_t ordered[BENCH_KEPT];    /* when each came */
	unsigned records_before_order; /* how many were out when the last order came */
};

/* Begins an hour after the boot, with the default settings of the agent "agent", which is not
 * watched yet. */
void bench_begin_alone(struct bench *bench);

/* The same, and the agent is watched. Nothing has come out yet. */
void bench_begin(struct bench *bench);
void bench_end(struct bench *bench);

/* The agent is watched from now on. */
void bench_watch(struct bench *bench);

/* Feeds `event` as of now, of the agent or of the path. */
void bench_step(struct bench *bench, struct event event);

/* An event_sink, with the bench as `userdata`. */
void bench_take(void *bench, const struct event *event);

/* `time` passes, and then the engine is told what time it is. */
void bench_pass(struct bench *bench, usec_t time);

/* The connection comes up. */
void bench_open(struct bench *bench, uint64_t cookie);

/* The agent's TLS on the connection has come so far. */
void bench_speak(struct bench *bench, uint64_t cookie, struct tls_facts tls);

/* The last order was carried out (0) or failed (-errno). */
void bench_result(struct bench *bench, int error);

/* The policy for `cause` is one restart. */
void bench_restart_on(struct bench *bench, enum cause cause);

/* ---- what came out */

unsigned bench_count(const struct bench *bench, enum record_kind kind);

/* Record `number` of a kind, from 0. The test ends as a failure if there is none. */
const struct record *bench_record(const struct bench *bench, enum record_kind kind,
				  unsigned number);

/* The last record. The test ends as a failure if there is none. */
const struct record *bench_last(const struct bench *bench);

/* The last order. The test ends as a failure if there is none. */
const struct order *bench_last_order(const struct bench *bench);

/* The verdict of the one record, which must be that of an end. */
const struct verdict *bench_only_verdict(const struct bench *bench);

/* Returns true if the verdict of `record` has the evidence `token`. */
bool bench_has_token(const struct record *record, const char *token);

/* Returns how the agent stands. */
struct agent_snapshot bench_look(const struct bench *bench);

/* Returns the obstacle of the last action that was held back; "": none was. */
const char *bench_held_by(const struct bench *bench);
