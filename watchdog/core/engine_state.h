/* The engine's inside, shared by its own files only: engine.c (dispatch), engine_connections.c,
 * engine_processes.c, engine_agents.c (units, recovery), engine_policy.c (actions). */
#pragma once

#include <sys/queue.h>

#include "deadline.h"
#include "engine.h"
#include "keyed_table.h"
#include "process.h"
#include "verdict.h"

/* ActionLimitBurst= counts up to this many. */
enum { BUDGET_MAX = 64 };

struct connection {
	uint64_t cookie;
	uint64_t netns;
	uint32_t agent;
	bool up;       /* it was established */
	bool ended;    /* the session is over; the socket may still be closing down */
	bool reported; /* its one record is out */
	bool closed;   /* the socket reached CLOSE */
	struct endpoint local;
	struct endpoint peer;
	struct task owner;
	struct deadline deadline; /* for its verdict */
};

/* A session that ended and whose verdict still waits for a fact. */
struct ending {
	usec_t time;
	struct connection *connection;
	struct socket_facts socket;
	struct task current;
	struct tracked_process *process; /* whose exit it waits for */
	LIST_ENTRY(ending) of_process;
};

struct tracked_process {
	struct process facts;
	LIST_HEAD(, ending) endings;
	TAILQ_ENTRY(tracked_process) in_exited;
};

struct agent {
	const struct agent_settings *settings; /* NULL: this number is free */
	enum mode mode;
	bool has_unit;
	struct unit_event unit;
	struct signal_facts stop; /* the last request to stop that came from outside */
	uint32_t connections_up;
	usec_t down_since; /* 0: a connection is up, or none ever was */
	unsigned attempts; /* connections that failed to come up since then */
	/* actions */
	usec_t taken[BUDGET_MAX]; /* when, as a ring */
	unsigned taken_next;
	uint32_t order_number; /* the order whose result is awaited; 0: none */
	struct record order_record;
};

struct engine {
	struct engine_limits limits;
	usec_t now;
	outcome_sink sink; /* for the length of one engine_step() */
	void *sink_userdata;
	uint32_t orders;  /* numbers given out */
	uint64_t refused; /* connections that found no room since the last evidence-lost record */
	struct keyed_table connections;       /* by cookie */
	struct keyed_table endings;           /* by cookie */
	struct keyed_table processes;         /* by pid: struct tracked_process */
	TAILQ_HEAD(, tracked_process) exited; /* oldest first */
	struct deadline_heap deadlines;
	struct agent *agents; /* by number; [0] is not used */
};

/* NULL for a number that is not watched. */
struct agent *engine_agent(struct engine *engine, uint32_t number);

/* An empty record of `kind` about `agent` (NULL: about none), as of `time`. */
void engine_record_begin(const struct agent *agent, enum record_kind kind, usec_t time,
			 struct record *record);
void engine_record_out(struct engine *engine, const struct record *record);

/* engine_connections.c */
void connections_take(struct engine *engine, const struct event *event);
void connections_due(struct engine *engine, struct connection *connection);
void connections_reconsider(struct engine *engine, struct tracked_process *process);
void connections_reconsider_agent(struct engine *engine, uint32_t agent);
void connections_forget_agent(struct engine *engine, uint32_t agent);

/* engine_processes.c */
void processes_take(struct engine *engine, const struct event *event);
void processes_forget_exited(struct engine *engine);
void processes_forget_agent(struct engine *engine, uint32_t agent);
struct tracked_process *processes_find(struct engine *engine, uint32_t pid);
/* Finds or begins to track; NULL if pid is 0 or there is no room. */
struct tracked_process *processes_track(struct engine *engine, const struct task *task,
					uint32_t agent);

/* engine_agents.c */
void agents_take(struct engine *engine, const struct event *event);
void agents_connection_up(struct engine *engine, struct agent *agent,
			  const struct connection *connection, usec_t time);
void agents_connection_down(struct agent *agent, const struct connection *connection, usec_t time);

/* engine_policy.c */
void policy_apply(struct engine *engine, struct agent *agent, const struct record *verdict);
void policy_take_result(struct engine *engine, const struct event *event);
