/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine's tables, and look-ups in them. Private to engine/: nothing outside includes this.
 *
 * The files of engine/ and engine/policy/ form a ladder: each calls only those before it. state,
 * outcomes, processes, policy/systemd, policy/obstacles, policy/plan, policy/results,
 * policy/plan_recall, policy/steps, policy/policy, attempts, open_session, outage, lookups, agents,
 * recall, endings, stalls, connections, engine. */
#pragma once

#include <sys/queue.h>

#include "base/deadline.h"
#include "base/keyed_table.h"
#include "base/share.h"
#include "engine/engine.h"
#include "engine/policy/back_off.h"
#include "engine/policy/budget.h"
#include "verdict/path.h"
#include "verdict/process.h"
#include "verdict/verdict.h"

/* Ends by peers that are remembered, to see whether several agents lost their peers at once. */
enum { PEER_ENDS_MAX = 8 };

/* The kind of object that a struct deadline is embedded in. */
enum deadline_kind {
	DEADLINE_OF_CONNECTION,
	DEADLINE_OF_AGENT,
	DEADLINE_OF_LOOKUPS,
	DEADLINE_OF_CLIMB,
	DEADLINE_OF_TOKEN,
	DEADLINE_OF_OUTAGE,
	DEADLINE_OF_OPEN_SESSION,
	DEADLINE_OF_PLAN,
	DEADLINE_OF_PATH,
};

/* Who opened a connection: of struct task, what lasts. */
struct owner {
	uint64_t started;
	uint32_t pid;
	char comm[COMM_SIZE];
	bool in_agent;
};

/* A socket from its SYN to CLOSE. There may be a hundred thousand: its members leave no gaps. */
struct connection {
	uint64_t cookie;
	struct deadline deadline; /* while it is open: of its next check; then: of its verdict */
	uint32_t agent;
	uint32_t netns;      /* the kernel's inode numbers of namespaces have 32 bits */
	bool up : 1;         /* it was established */
	bool serves : 1;     /* the session is up, too, as far as can be seen */
	bool logging_in : 1; /* a login is awaited or was refused: without it, no session is up */
	bool ended : 1;      /* the session is over; the socket may still be closing down */
	bool reported : 1;   /* its one RECORD_ENDED was handed out */
	bool closed : 1;     /* the socket reached CLOSE */
	bool aborted : 1;    /* by an action of the policy */
	/* while it is open */
	bool kept_alive : 1;       /* the agent was seen to send something within KeepAliveSec= */
	bool check_unanswered : 1; /* no sample has shown it since its last check */
	bool may_starve : 1; /* while it is stalled: the agent may lack something, as far as was
			      * seen
			      */
	bool icmp_error : 1; /* one was pending while what now waits for an answer was repeated */
	uint8_t stalled; /* enum cause of its RECORD_STALLED; CAUSE_UNKNOWN: it is not stalled */
	uint8_t reached; /* enum rung: the last one that was seen to be climbed */
	struct endpoint local;
	struct endpoint peer;
	uint32_t sample; /* engine.sample when a sample or its first event last showed it */
	struct owner owner;
	usec_t opened; /* 0: not known */
	usec_t up_since;
	usec_t silence;      /* of the peer, before the write that went unanswered; 0: none did */
	uint64_t read_bytes; /* how much the agent had read at the last check */
	usec_t unread_since; /* since then data is unread and nothing is read; 0: not so */
	usec_t stalled_since;
};

_Static_assert(sizeof(struct connection) <= 160, "docs/BENCHMARKS.md: memory");
_Static_assert(CAUSE_MAX <= UINT8_MAX, "a cause fits `stalled`");

/* A session that ended and whose verdict still waits for a fact. */
struct ending {
	usec_t time;
	struct connection *connection;
	struct socket_facts socket;
	struct mqtt_facts mqtt;
	struct tls_facts tls;
	struct login_facts login;
	struct task current;
	enum task_state owner_state;
	struct tracked_process *process; /* whose exit it waits for; NULL: none */
	LIST_ENTRY(ending) of_process;
};

struct tracked_process {
	struct process facts;
	LIST_HEAD(ending_list, ending) endings; /* that wait for its exit */
	TAILQ_ENTRY(tracked_process) in_exited;
};

/* The unit's starts, counted as systemd counts them for its start limit: in one window after the
 * other, each of which begins with a start. */
struct unit_starts {
	usec_t since;   /* the window's beginning; without `known`: of what was seen */
	unsigned count; /* in it */
	bool known;     /* it is systemd's window, and no start in it was missed */
};

/* The policy's plan against an agent's trouble. */
struct plan {
	bool active;
	bool acted;            /* a step was taken */
	bool left_to_systemd;  /* the unit's Restart= was under way */
	bool recalled;         /* rebuilt from the journal, or cut off from systemd: the plan rests
				  until the present is known */
	bool aimed;            /* who gets a signal is settled: `main_pid`, or the owner */
	uint32_t main_pid;     /* the unit's main process when the plan began; 0: none */
	uint64_t main_started; /* its start, as in struct task */
	enum cause cause;
	usec_t since;         /* when the trouble began */
	unsigned step;        /* index of the next action in the cause's settings */
	uint32_t order;       /* whose result is awaited; 0: none */
	usec_t concluded;     /* when the result of UNANSWERED_ORDER was settled or recalled */
	const char *held_by;  /* the obstacle it waits for (static text); NULL: its deadline */
	struct record record; /* of the verdict, and of the action as far as it is known */
	struct deadline deadline;
};

/* So many sessions in a row tell that an agent's lookups are seen: one session does not, for it may
 * have begun before the service came up that hides them (systemd-resolved at boot). */
enum { LOOKUPS_TRUSTED = 2 };

/* A failed lookup says nothing about the present after this time: agents try at least so often. */
#define LOOKUP_LIFETIME (5 * USEC_PER_MINUTE)

/* The name lookups of an agent without a connection. */
struct lookups {
	struct lookup_facts facts;
	usec_t asked;        /* since then, no question was answered; 0: none is open */
	unsigned questions;  /* since then; the probe reports one a second */
	usec_t found;        /* when one last found something in this outage; 0: none did */
	usec_t last_failed;  /* valid if facts.failed > 0 */
	usec_t on_wire;      /* when a packet last told of one; 0: none has in this outage */
	bool settled;        /* they fail: no answer that found something followed */
	enum cause reported; /* in this outage; CAUSE_UNKNOWN: nothing */
	struct deadline deadline;
};

/* The agent's newest attempt to connect, and where attempts fail. */
struct attempt {
	uint64_t cookie;       /* of its connection; 0: there is none yet */
	usec_t took[RUNG_MAX]; /* how long each rung took; 0: not known */
	usec_t asked;          /* the lookup for the next one began; 0: none has */
	usec_t unfound;        /* when it was last told that there is nothing; 0: it was not */
	usec_t found;          /* when it found something; 0: it has not */
	usec_t looked_up;      /* valid if `found`: how long that took */
	enum rung failed;      /* where the last one failed, since the agent was last connected;
				  RUNG_NONE: none has */
	usec_t failed_since;   /* since then all did there */
};

/* The agent's attempts by one address family. */
struct family_tries {
	unsigned unanswered; /* in a row */
	usec_t came_up;      /* when a connection last did; 0: none has */
	uint16_t port;       /* of its peer */
};
enum { FAMILY_IPV4, FAMILY_IPV6, FAMILIES };

/* The agent's newest connection, from the handshake of TCP until its session is up. */
struct climb {
	uint64_t cookie; /* 0: there is none */
	bool begun;      /* the TLS handshake was begun */
	bool unseen;     /* its beginning was not seen: it was found */
	bool to_login;   /* TCP and TLS are through: a CONNECT of MQTT may follow */
	usec_t since;    /* valid if `to_login`: the session is up since then if none does */
	struct deadline deadline;
};

/* The token in the agent's newest login. */
struct token {
	uint64_t cookie; /* of its connection; 0: there is none */
	usec_t ends;
	struct deadline deadline;
};

/* The certificate of the agent's hub, as the newest handshake with one in plain text showed it. */
struct seen_certificate {
	uint64_t cookie; /* of its connection; 0: there is none */
	usec_t seen;
	struct certificate_facts facts;
};

/* The last verification of a hub's certificate by the agent's libssl. */
struct verified {
	uint64_t cookie; /* of its connection; 0: nothing was seen */
	uint8_t x509_error;
};

/* Attempts that failed by one cause in the present outage. */
struct failures {
	unsigned count;
	unsigned told_count; /* how many there were when one was last told; 0: none was */
	usec_t told;         /* when */
};

/* From the end of a session until the next that is really up. */
struct outage {
	char id[OUTAGE_ID_SIZE];
	bool under_way; /* else only `over` counts, and the attempts of an agent that has another
			   connection */
	unsigned short_sessions; /* that came up in it and ended too soon */
	bool untold;             /* its end was not told: that is due when it has lasted */

	usec_t since;
	usec_t before;     /* how long it had lasted before `since`, in the boot before */
	usec_t over;       /* when the session that ended it came up; 0: none has, or long ago */
	unsigned attempts; /* that had failed by then */
	uint64_t cookie;   /* of that session's connection */
	struct deadline deadline; /* of its belated end */
	bool diagnosed;           /* the next two are known */
	enum cause cause;
	enum confidence confidence;
	enum cause failed_by; /* the last attempt */
	struct failures failures[CAUSE_MAX];
};

/* The one open session of an agent that the journal tells of, or will. */
struct open_session {
	uint64_t cookie; /* of its connection; 0: there is none */
	bool told;       /* the journal has a record of it */
	struct deadline deadline;
};

/* The first of two looks at a process that may hang. */
struct first_look {
	uint32_t pid; /* 0: this entry is free */
	usec_t time;
	struct hardship hardship;
	uint64_t cookie; /* of the connection that it was taken for */
};
enum { FIRST_LOOKS_MAX = 4 };

struct agent {
	const struct agent_settings *settings; /* NULL: this number is free */
	enum mode mode;
	bool external_btf;      /* as in struct agent_event */
	bool actions_held;      /* by the operator */
	bool optional;          /* a profile as shipped */
	bool absent;            /* it is optional, and nothing of it was seen */
	bool has_unit;          /* `unit` is the unit's present state */
	struct unit_event unit; /* else its last known state; its name is always known */
	bool start_refused;     /* the unit failed when it was to be restarted: its start limit */
	struct unit_starts starts;
	uint32_t command;     /* the process that is the agent of `run`; 0: there is none */
	usec_t command_since; /* when that process was started */
	bool caught_up;       /* the past is read back: events are of the present */
	bool blind;           /* connections older than the engine cannot be seen */
	uint32_t connections_up;
	usec_t down_since;              /* 0: a connection is up, or none ever was */
	usec_t lost;                    /* when records of it were last found to be dropped */
	unsigned attempts;              /* connections that failed to come up since then */
	struct endpoint last_peer;      /* of the last one that came up; family 0: none yet */
	uint64_t last_netns;            /* likewise */
	bool no_route_reported;         /* since a connection last came up */
	bool not_reconnecting_reported; /* since down_since */
	bool not_reconnecting_handled;  /* likewise: the policy acted on it, or is held for good */
	usec_t last_opened;             /* when the agent last sent a SYN */
	usec_t last_tried;              /* likewise, or had no route for one */
	bool lookups_hide;              /* its lookups may be unseen, as far as the host goes */
	bool lookups_seen;              /* since it last came up, one was */
	bool lookups_seen_inside;       /* likewise, by its C library: that shows the next, too */
	unsigned came_up_by_lookup;     /* sessions in a row that began after one that was seen;
					   LOOKUPS_TRUSTED at most */
	struct lookups lookups;
	struct attempt attempt;
	struct family_tries tries[FAMILIES];
	struct climb climb;
	struct token token;
	struct seen_certificate certificate;
	struct verified verified;
	uint64_t certificates_unread;
	struct outage outage;
	struct open_session open_session;
	struct first_look first_looks[FIRST_LOOKS_MAX];
	uint16_t login_port; /* of the hub at which its last login was seen; 0: none was */
	bool login_missed;   /* none was seen where one was waited for */
	bool speaks_tls;     /* its last connection did */
	bool accepted_tls;   /* a TLS handshake of it was over: the hub's certificate was valid then
			      */
	struct past_sessions past_sessions;
	struct deadline deadline; /* ReconnectTimeoutSec= */
	/* the policy's */
	struct budget budget;
	struct back_off back_off;
	struct plan plan;
	bool waits;            /* `waiting` is a verdict since which the agent has not recovered */
	struct record waiting; /* for the result of an action on an earlier trouble */
	uint8_t unhelpful[CAUSE_MAX]; /* plans in a row that did not help, by cause */
};

struct engine {
	struct engine_limits limits;
	enum mode mode; /* of all agents */
	bool external_btf;
	usec_t now;
	outcome_sink sink; /* NULL outside engine_step() */
	void *sink_userdata;
	uint32_t orders; /* numbers given to orders so far */
	usec_t resumed;  /* when the host last woke up; 0: it has not slept */
	usec_t slept;    /* for how long */
	enum clock_state clock;
	usec_t lost;         /* when records of nobody knows whom were last found to be dropped */
	uint32_t sample;     /* the number of the last sample that was asked for */
	usec_t sample_asked; /* when; 0: it is complete */
	struct peer_end {
		usec_t time;
		uint32_t agent;     /* 0: this entry is free */
	} peer_ends[PEER_ENDS_MAX]; /* a ring */
	unsigned peer_ends_next;
	uint32_t refused;               /* the agent of a connection that found no room; 0: none */
	struct keyed_table connections; /* by cookie */
	struct keyed_table endings;     /* by cookie */
	struct keyed_table processes;   /* by pid: struct tracked_process */
	struct share connections_share; /* of each agent, where there are several */
	struct share processes_share;
	TAILQ_HEAD(exited_list, tracked_process) exited; /* oldest first */
	struct deadline_heap deadlines;
	struct path_table path;
	uint64_t own_netns; /* of connwatch: the first that is told of; 0: none is yet */
	struct path_change {
		struct deadline deadline; /* unset: open connections were checked since */
		usec_t first, last;       /* times of the first and last change before the check */
		usec_t radio_lost;        /* when a radio was last lost; 0: none is */
	} path_change;
	struct agent *agents; /* by number; [0] is not used */
};

/* Adds an entry to the table of connections or of processes. Returns NULL if it is full, or agent
 * `number` has its share of it already. state_remove() takes `entry` out again. */
void *state_add(struct engine *engine, struct keyed_table *table, uint64_t key, uint32_t number);
void state_remove(struct engine *engine, struct keyed_table *table, void *entry, uint32_t number);

/* Look-ups. None of them changes anything. */

/* Returns agent `number`, or NULL if that number is not watched. */
struct agent *state_agent(const struct engine *engine, uint32_t number);

/* Returns the number of `agent`, which is one of the engine's. */
uint32_t state_agent_number(const struct engine *engine, const struct agent *agent);

/* Returns true if a process of agent `number` is tracked and has not exited. */
bool state_agent_lives(const struct engine *engine, uint32_t number);

/* Returns the connection with `cookie`, or NULL. */
struct connection *state_connection(const struct engine *engine, uint64_t cookie);

/* Returns true if process `pid` opened a connection whose session is not over. */
bool state_has_open_connection(const struct engine *engine, uint32_t pid);

/* Returns who opened `connection`. */
struct task state_owner(const struct connection *connection);

/* Returns true if the process that opened `connection` and all others of its agent are dead. */
bool state_is_orphan(const struct engine *engine, const struct connection *connection);

/* Returns true if a connection is an orphan, and its session is not over. */
bool state_orphans_open(const struct engine *engine);

/* Returns the process `pid`, or NULL if it is 0 or not tracked. */
struct tracked_process *state_process(const struct engine *engine, uint32_t pid);

/* Returns how the path to the peer was since the peer was last heard of. `socket` is the state of
 * the connection's socket at `time`. */
struct path_view state_path(const struct engine *engine, const struct connection *connection,
			    const struct socket_facts *socket, usec_t time);

/* Returns what a verdict on an open or an ending connection may rest on: its agent, its owner, and
 * state_path(). Members that only an end has are 0. `socket` is the state of its socket at `time`;
 * the returned value points to it and to entries of the tables. */
struct circumstances state_circumstances(const struct engine *engine,
					 const struct connection *connection,
					 const struct socket_facts *socket, usec_t time);

/* Sets `circumstances->stop` and `stop_was_handed_on` from the signals that
 * `circumstances->process` got, and from those that members of the agent got which sent it one; and
 * `another_had_exited`. */
void state_find_stop(const struct engine *engine, struct circumstances *circumstances);

/* Returns true if nothing can reach `peer` from namespace `netns` at `time`: there is no route, or
 * the route's link is down, which the kernel reports before it removes the route. Returns false
 * if that is not known. */
bool state_is_offline(const struct engine *engine, uint64_t netns, const struct endpoint *peer,
		      usec_t time);

/* Returns the path to `peer` from namespace `netns`, from whatever local address, as it is now. */
struct path_view state_path_now(const struct engine *engine, uint64_t netns,
				const struct endpoint *peer);

/* Returns true if certainly no route leads to `peer` from namespace `netns` at `time`. */
bool state_route_is_missing(const struct engine *engine, uint64_t netns,
			    const struct endpoint *peer, usec_t time);
