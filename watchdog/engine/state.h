/* The engine's inside, shared by its own files only: engine.c (dispatch), engine_connections.c,
 * engine_endings.c, engine_processes.c, engine_agents.c (units, recovery), engine_policy*.c
 * (actions). */
#pragma once

#include <sys/queue.h>

#include "back_off.h"
#include "deadline.h"
#include "engine.h"
#include "keyed_table.h"
#include "path.h"
#include "policy_budget.h"
#include "process.h"
#include "verdict.h"

/* Ends by peers, to see which came together. */
enum { PEER_ENDS_MAX = 8 };

/* What a struct deadline is embedded in. */
enum deadline_kind {
	DEADLINE_OF_CONNECTION,
	DEADLINE_OF_AGENT,
	DEADLINE_OF_PLAN,
	DEADLINE_OF_PATH,
};

/* There may be a hundred thousand: no gaps. */
struct connection {
	uint64_t cookie;
	struct deadline deadline; /* of its next check while it is open, of its verdict then */
	uint32_t agent;
	uint32_t netns; /* the kernel's numbers of namespaces are no longer */
	bool up;        /* it was established */
	bool ended;     /* the session is over; the socket may still be closing down */
	bool reported;  /* its one record is out */
	bool closed;    /* the socket reached CLOSE */
	bool aborted;   /* by an action of ours */
	struct endpoint local;
	struct endpoint peer;
	struct task owner;
	/* while it is open */
	bool kept_alive;    /* seen to send something in time */
	bool unseen;        /* the last check that was due has not shown anything */
	enum cause stalled; /* what was said of it; CAUSE_UNKNOWN: nothing */
	uint32_t sample;    /* engine.sample when it was last seen to be there */
	usec_t opened;      /* 0: not known */
	usec_t up_since;
	usec_t silence;      /* before the write that went unanswered; 0: none did */
	uint64_t read_bytes; /* what the agent had read at the last check */
	usec_t unread_since; /* unread data, and no reading, since then; 0: not so */
	usec_t stalled_since;
};

/* A session that ended and whose verdict still waits for a fact. */
struct ending {
	usec_t time;
	struct connection *connection;
	struct socket_facts socket;
	struct mqtt_facts mqtt;
	struct task current;
	struct tracked_process *process; /* whose exit it waits for */
	LIST_ENTRY(ending) of_process;
};

struct tracked_process {
	struct process facts;
	LIST_HEAD(ending_list, ending) endings;
	TAILQ_ENTRY(tracked_process) in_exited;
};

/* What is being done about an agent's trouble. */
struct plan {
	bool active;
	bool acted;           /* a step was taken */
	bool left_to_systemd; /* its Restart= was under way */
	bool recalled;        /* made of the past, or cut off from systemd: it rests until the
				 present is known */
	enum cause cause;
	usec_t since;         /* when the trouble began */
	unsigned step;        /* the next one */
	uint32_t order;       /* the order whose result is awaited; 0: none */
	usec_t concluded;     /* when the last step was, by an engine before us */
	const char *held_by;  /* what it waits for (static text); NULL: its deadline */
	struct record record; /* of the verdict, and of the action as far as it is */
	struct deadline deadline;
};

struct agent {
	const struct agent_settings *settings; /* NULL: this number is free */
	enum mode mode;
	bool actions_held;        /* by the operator */
	bool has_unit;            /* `unit` is what systemd says now */
	struct unit_event unit;   /* or what it said last; its name is known from the start */
	struct signal_facts stop; /* the last request to stop that came from outside */
	uint32_t command;         /* process that the agent lives and dies with; 0: there is none */
	usec_t command_since;     /* when that one was started */
	bool caught_up;           /* the present is known */
	bool blind;               /* but for connections that are older than the engine */
	uint32_t connections_up;
	usec_t down_since;          /* 0: a connection is up, or none ever was */
	unsigned attempts;          /* connections that failed to come up since then */
	struct endpoint last_peer;  /* of the last connection that came up; family 0: none yet */
	uint64_t last_netns;        /* likewise */
	bool no_route_told;         /* since then */
	bool not_reconnecting_told; /* since down_since */
	bool not_reconnecting_done; /* likewise: what is to be done about that was begun, or is held
				       for good */
	usec_t last_opened;         /* when it last began to open a connection */
	usec_t last_tried;          /* likewise, or could not even begin */
	struct history history;
	struct deadline deadline; /* ReconnectTimeoutSec= */
	/* actions */
	struct policy_budget budget;
	struct back_off back_off;
	struct plan plan;
	uint8_t unhelpful[CAUSE_MAX]; /* plans in a row that did not help, by cause */
};

struct engine {
	struct engine_limits limits;
	enum mode mode; /* that of all agents */
	usec_t now;
	outcome_sink sink; /* for the length of one engine_step() */
	void *sink_userdata;
	uint32_t orders; /* numbers given out */
	usec_t resumed;  /* when the host last woke up; 0: it has not slept */
	usec_t slept;
	uint32_t sample;     /* the number of the last one that was asked for */
	usec_t sample_asked; /* when the one under way was asked for; 0: none is */
	struct peer_end {
		usec_t time;
		uint32_t agent;
	} peer_ends[PEER_ENDS_MAX]; /* a ring */
	unsigned peer_ends_next;
	uint64_t refused; /* connections that found no room since the last evidence-lost record */
	struct keyed_table connections;                  /* by cookie */
	struct keyed_table endings;                      /* by cookie */
	struct keyed_table processes;                    /* by pid: struct tracked_process */
	TAILQ_HEAD(exited_list, tracked_process) exited; /* oldest first */
	struct deadline_heap deadlines;
	struct path_table path;
	struct path_news {
		struct deadline deadline; /* unset: the connections have been looked at since */
		usec_t first, last;
	} path_news;
	struct agent *agents; /* by number; [0] is not used */
};

/* NULL for a number that is not watched. */
struct agent *engine_agent(struct engine *engine, uint32_t number);

/* An empty record of `kind` about `agent` (NULL: about none), as of `time`. */
void engine_record_begin(const struct agent *agent, enum record_kind kind, usec_t time,
			 struct record *record);
void engine_record_out(struct engine *engine, const struct record *record);

/* Asks for an EVENT_SAMPLED of every connection, unless that is under way. */
void engine_ask_for_sample(struct engine *engine);

/* engine_connections.c */
void connections_take(struct engine *engine, const struct event *event);
void connections_due(struct engine *engine, struct connection *connection);
void connections_forget_agent(struct engine *engine, uint32_t agent);

void connections_forget(struct engine *engine, struct connection *connection);
struct connection *connections_find(struct engine *engine, uint64_t cookie);
/* Nobody saw how it ended: says just that, and forgets it. */
void connections_vanish(struct engine *engine, struct connection *connection, usec_t time);
/* Says in `record` which connection it is about. */
void connections_describe(const struct connection *connection, struct record *record);
/* True if process `pid` has opened a connection that has not ended. */
bool connections_has_open(const struct engine *engine, uint32_t pid);
/* True if the process that opened it, and all others of the agent, are dead. */
bool connections_is_orphan(struct engine *engine, const struct connection *connection);
/* We are about to destroy it ourselves. Harmless for one that is not known. */
void connections_mark_aborted(struct engine *engine, uint64_t cookie);

/* True if it is known that nothing can reach `peer` at `time`: no route leads there, or its link is
 * down, which the kernel tells of before it removes the route. */
bool engine_is_offline(const struct engine *engine, uint64_t netns, const struct endpoint *peer,
		       usec_t time);

/* True if it is known that no route leads to `peer` at `time`. */
bool engine_route_is_missing(const struct engine *engine, uint64_t netns,
			     const struct endpoint *peer, usec_t time);

/* How the way to the peer was since the peer was last heard of. */
struct path_view connections_path(const struct engine *engine, const struct connection *connection,
				  const struct socket_facts *socket, usec_t time);
/* What a verdict on it may look at, whether it is open or ends: the agent, the owner, and the way
 * to the peer since the peer was last heard of. `socket` is how it stands at `time`, and must
 * outlive what is returned. */
struct circumstances connections_look_around(struct engine *engine,
					     const struct connection *connection,
					     const struct socket_facts *socket, usec_t time);

/* engine_endings.c: from the end of a session to its verdict */
/* Gives the verdict, or keeps a copy of `ending` until it can be given. */
void endings_judge(struct engine *engine, struct ending *ending);
/* Gives the verdict that was waited for now, as it is. Harmless if none is. */
void endings_settle(struct engine *engine, struct connection *connection);
/* The agent of `connection` is dead and the kernel does not close it: says that the session is
 * over. */
void endings_orphan(struct engine *engine, struct connection *connection);
/* The socket was closed after the end of its session: what was said on it by then counts. */
void endings_take_close(struct engine *engine, const struct event *event);
void endings_drop(struct engine *engine, struct connection *connection);
/* A process has exited, or systemd has told more of a unit: what waited for that is judged again.
 */
void endings_reconsider(struct engine *engine, struct tracked_process *process);
void endings_reconsider_agent(struct engine *engine, uint32_t agent);
void endings_report(struct engine *engine, struct agent *agent, const struct ending *ending,
		    struct record *record);

/* engine_stalls.c: connections that are open but in trouble */
void stalls_take_path(struct engine *engine, const struct event *event);
void stalls_path_due(struct engine *engine);
void stalls_begin(struct engine *engine, struct connection *connection, usec_t time);
void stalls_take(struct engine *engine, const struct event *event);
void stalls_take_exit(struct engine *engine, const struct event *event);
void stalls_take_signal(struct engine *engine, const struct event *event);
void stalls_due(struct engine *engine, struct connection *connection);

/* engine_history.c */
void history_take(struct engine *engine, const struct event *event);

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
void agents_due(struct engine *engine, struct agent *agent);
void agents_take_command(struct engine *engine, const struct event *event);
/* A process has ended, and what its end tells about connections that had ended is told. */
void agents_take_exit(struct engine *engine, const struct process *process);
/* Nothing is being done about the agent any more. If it was told meanwhile that it does not
 * reconnect, and still does not, that has its turn. */
void agents_plan_ended(struct engine *engine, struct agent *agent);
void agents_connection_opened(struct agent *agent, usec_t time);
/* An engine before us told of this. */
void agents_recall_end(struct agent *agent, const struct history_trouble_event *past, usec_t time);
void agents_recall_not_reconnecting(struct agent *agent);
/* It came up at `time`, which may be long ago. */
void agents_connection_up(struct engine *engine, struct agent *agent,
			  const struct connection *connection, usec_t time);
void agents_connection_down(struct engine *engine, struct agent *agent,
			    const struct connection *connection, usec_t time);

/* engine_policy*.c */
void policy_apply(struct engine *engine, struct agent *agent, const struct record *verdict);
/* The agent's command has ended, and this is why. */
void policy_take_exit(struct engine *engine, struct agent *agent, const struct record *verdict);
void policy_due(struct engine *engine, struct agent *agent);
/* A connection works since `time`. Returns the action that was taken since the trouble began; NULL:
 * none. */
const struct action *policy_recovered(struct engine *engine, struct agent *agent, usec_t time);
void policy_connection_ended(struct engine *engine, struct agent *agent, uint64_t cookie);
void policy_take_path(struct engine *engine);
void policy_take_unit(struct engine *engine, struct agent *agent);
void policy_take_result(struct engine *engine, const struct event *event);
/* What an engine before us told, from the oldest on: as if we had, but in silence. */
void policy_recall(struct agent *agent, const struct record *verdict);
void policy_recall_action(struct engine *engine, struct agent *agent, const struct record *taken,
			  enum action_outcome outcome, const char *held_by);
/* True if an engine before us set out to abort the connection. */
bool policy_was_aborting(const struct agent *agent, uint64_t cookie);
/* A plan that was recalled or cut off goes on where it stood, once systemd has told of the unit. */
void policy_go_on(struct engine *engine, struct agent *agent);
