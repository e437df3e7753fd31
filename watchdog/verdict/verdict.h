/* From the evidence to the verdict: ENDED_BY, CAUSE, CONFIDENCE, and what they rest on. */
#pragma once

#include "event.h"
#include "history.h"
#include "path.h"
#include "process.h"
#include "record.h"
#include "settings.h"

/* How long a verdict waits, on the event clock, for a fact that is on its way: the exit of a
 * process that has just closed its connection, systemd's word on why it killed one. */
#define VERDICT_WAIT (1 * USEC_PER_SEC)

/* systemd's DefaultTimeoutStopSec= (systemd-system.conf(5)): a stop that was asked for longer ago
 * explains nothing any more. */
#define STOP_REQUEST_LIFETIME (90 * USEC_PER_SEC)

/* One unanswered time-out is everyday loss; after the third in a row the peer has been silent for
 * at least seven times the normal wait (RFC 6298, 5.5: it doubles each time). */
enum { TIMEOUTS_TOLD = 3 };

/* All that a verdict may rest on, as known when the session ended. Pointers are borrowed. */
struct circumstances {
	const struct agent_settings *settings;
	enum mode mode; /* MODE_SOCK_DIAG: no signal is seen, nor who closed a socket */
	const struct socket_facts *socket;
	const struct mqtt_facts *mqtt;
	bool closed;                   /* the socket is closed: nothing of it is yet to come */
	usec_t time;                   /* of the end */
	bool came_up;                  /* it was established */
	const struct task *owner;      /* who opened the connection */
	const struct task *current;    /* the closer, where the end was asked for by our side */
	const struct process *process; /* the closer's, else the owner's; NULL: not known */
	const struct signal_facts *agent_stop; /* the last stop request to any of its processes */
	const struct unit_event *unit; /* NULL: the agent is no unit, or nothing is known of it */
	const struct history *history; /* of the agent's sessions before this one */
	const struct session *session; /* this one; NULL: it never came up */
	enum cause stalled; /* what was said of it while it was open; CAUSE_UNKNOWN: nothing */
	bool aborted_by_us; /* because of that, by abort-connection */
	bool kept_alive;    /* it was seen to keep KeepAliveSec= */
	bool unseen;    /* nobody could look whether the agent was at work, though it was time */
	usec_t resumed; /* when the host last woke up; 0: it has not slept */
	usec_t slept;   /* for how long */
	struct path_view path; /* the way to the peer since it was last heard of */
	bool others_too;       /* the peers of other agents ended theirs at the same moment */
	bool waited;           /* VERDICT_WAIT is over: no more facts will come */
};

/* True if the agent said DISCONNECT, before the peer did: whoever closed the connection then, the
 * session's end was the agent's doing. */
bool agent_said_goodbye(const struct mqtt_facts *mqtt);

/* The agent's command has ended, and no connection with it: fills in `*verdict`, but for ENDED_BY,
 * and `*exit`. Of `given` only settings, mode, time, process, which has exited, and agent_stop
 * count. */
void verdict_on_exit(const struct circumstances *given, struct verdict *verdict,
		     struct exit_facts *exit);

/* The agent is dead, and the kernel keeps its connection for reasons of its own (MPTCP waits for
 * the peer, somebody else holds the socket): the session is over all the same, how the connection
 * ends will not be seen. `given->process` has exited. */
void verdict_orphaned(const struct circumstances *given, struct verdict *verdict,
		      struct exit_facts *exit);

/* Fills in `*verdict` and `*exit`. Returns false if a fact that would change the verdict is still
 * on its way: ask again when it has come, or with `waited`. Always true with `waited`. */
bool verdict_decide(const struct circumstances *circumstances, struct verdict *verdict,
		    struct exit_facts *exit);
