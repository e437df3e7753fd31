/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine: events in, outcomes out. Pure: it reads no clock, opens nothing, logs nothing, and
 * allocates only in engine_new(). */
#pragma once

#include "events/event.h"
#include "record/record.h"
#include "settings/settings.h"

struct engine;

/* How many there may be at once: memory for them is taken in engine_new(). */
struct engine_limits {
	uint32_t agents;
	uint32_t connections;
	uint32_t processes;
	uint32_t namespaces; /* network namespaces whose links, addresses and routes are known */
	uint32_t seed;       /* differs from machine to machine: for RandomizedDelaySec= */
	uint64_t boot[2];    /* differs from boot to boot: for the ids of outages */
};

/* An action to be taken. Its record (RECORD_ACTION, "starting") came before it. */
struct order {
	uint32_t number; /* EVENT_ACTION_RESULT names it */
	usec_t time;     /* when everything below was true */
	uint32_t agent;
	struct action action;
	enum cause cause;
	uint64_t cookie; /* the connection, for ACTION_ABORT_CONNECTION */
	uint64_t netns;
	uint32_t pid;     /* the process, for ACTION_SIGNAL */
	uint64_t started; /* when it started, as in struct task: a later process is not meant */
	usec_t delay;     /* of an agent without a unit: how long to wait before its start */
	char unit[UNIT_NAME_SIZE]; /* the agent's unit; empty: it has none */
};

/* When the certificate of an agent's hub is valid. */
struct hub_seen {
	uint32_t agent;
	struct endpoint peer;
	struct certificate_facts facts;
};

enum outcome_type {
	OUTCOME_RECORD,
	OUTCOME_ORDER,
	OUTCOME_CERTIFICATE, /* a hub's certificate was seen */
	OUTCOME_SAMPLE,      /* the engine needs an EVENT_SAMPLED of every open connection */
};

struct outcome {
	enum outcome_type type;
	union {
		const struct record *record; /* valid during the call only */
		struct order order;
		struct hub_seen certificate;
	};
};

/* Takes one outcome. Must not call engine_step(). */
typedef void (*outcome_sink)(void *userdata, const struct outcome *outcome);

/* Returns 0 and a new engine in `*ret`, to be freed with engine_free(); or -ENOMEM. */
int engine_new(struct engine **ret, const struct engine_limits *limits);

/* Frees `engine`, if it is not NULL. Returns NULL. */
struct engine *engine_free(struct engine *engine);

/* Takes one event and hands the outcomes to `sink`, in the order in which they must happen. Time
 * never runs backwards: an event older than the one before counts as of that one's time, but waits
 * and ages are computed from the event's own. What is due by the event's time happens before the
 * event. */
void engine_step(struct engine *engine, const struct event *event, outcome_sink sink,
		 void *userdata);

/* Returns when the engine next wants an EVENT_TIME at the latest; USEC_INFINITY: it waits for no
 * time. */
usec_t engine_deadline(const struct engine *engine);

/* Returns true if an EVENT_TIME of `time` has something to do. That may be before
 * engine_deadline(): some checks can wait a while, and are done early when the host is awake
 * anyway. */
bool engine_is_due(const struct engine *engine, usec_t time);

/* Returns the state of the host's clock, as last reported. */
enum clock_state engine_clock(const struct engine *engine);

/* Returns true while a verdict waits for a fact. */
bool engine_verdicts_pending(const struct engine *engine);

/* Returns true while an agent whose process has ended may yet be restarted for it: its plan waits.
 */
bool engine_revival_pending(const struct engine *engine);

/* Returns true while connections are open whose agents have no process any more. The kernel is
 * about to close them, unless another process holds them. */
bool engine_orphans_open(const struct engine *engine);

/* Returns true while agent `number` is optional and nothing of it was seen: no unit, no lookup, no
 * connection. */
bool engine_agent_absent(const struct engine *engine, uint32_t number);

/* Returns true if a process of agent `number` is known to live. */
bool engine_agent_alive(const struct engine *engine, uint32_t number);
