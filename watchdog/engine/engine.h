/* The engine: events in, outcomes out. Pure: reads no clock, opens nothing, logs nothing, and
 * allocates only in engine_new(). */
#pragma once

#include "event.h"
#include "record.h"
#include "settings.h"

struct engine;

struct engine_limits {
	uint32_t agents;      /* at once */
	uint32_t connections; /* at once */
	uint32_t processes;   /* at once */
	uint32_t namespaces;  /* of the network, whose links and routes are known at once */
	uint32_t seed;        /* of the machine: spreads RandomizedDelaySec= over a fleet */
};

/* An action to be taken. Its record (RECORD_ACTION, "starting") came before it. */
struct order {
	uint32_t number; /* comes back in EVENT_ACTION_RESULT */
	usec_t time;     /* as of when everything below holds */
	uint32_t agent;
	struct action action;
	enum cause cause;
	uint64_t cookie; /* the connection, for ACTION_ABORT_CONNECTION */
	uint64_t netns;
	uint32_t pid;              /* the process, for ACTION_SIGNAL */
	usec_t delay;              /* of an agent without a unit: wait so long before its start */
	char unit[UNIT_NAME_SIZE]; /* the agent's unit; empty: it has none */
};

enum outcome_type {
	OUTCOME_RECORD,
	OUTCOME_ORDER,
	OUTCOME_SAMPLE, /* the engine wants an EVENT_SAMPLED of every connection, soon */
};

struct outcome {
	enum outcome_type type;
	union {
		const struct record *record; /* lives for the call only */
		struct order order;
	};
};

/* Takes one outcome. Must not call engine_step(). */
typedef void (*outcome_sink)(void *userdata, const struct outcome *outcome);

/* Returns 0 and a new engine in `*ret`, to be freed with engine_free(); or -ENOMEM. */
int engine_new(struct engine **ret, const struct engine_limits *limits);
struct engine *engine_free(struct engine *engine); /* returns NULL */

/* Takes one event and hands the outcomes to `sink`, in the order in which they must happen. Time
 * never runs backwards: an event older than the one before counts as of that one's time, but
 * waits and ages are computed from the event's own. What is due by the event's time happens
 * before the event. */
void engine_step(struct engine *engine, const struct event *event, outcome_sink sink,
		 void *userdata);

/* True while connections are open whose agent has no process any more: the kernel is about to close
 * them, unless somebody else holds them. */
bool engine_orphans_open(struct engine *engine);

/* True if a process of agent `number` is known to live. */
bool engine_agent_alive(struct engine *engine, uint32_t number);

/* When the engine next wants an EVENT_TIME at the latest; USEC_INFINITY: it waits for nothing. */
usec_t engine_deadline(const struct engine *engine);

/* True if an EVENT_TIME of `time` would not be for nothing. Some things can wait a while longer,
 * but are as well done by whoever is awake anyway. */
bool engine_is_due(const struct engine *engine, usec_t time);

/* True while a verdict waits for a fact. */
bool engine_verdicts_pending(const struct engine *engine);

/* True while an agent whose process has ended may yet be acted upon for it: the plan waits. */
bool engine_revival_pending(const struct engine *engine);
