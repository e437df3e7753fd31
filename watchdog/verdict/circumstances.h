/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that a verdict may rest on. */
#pragma once

#include "events/event.h"
#include "settings/settings.h"
#include "verdict/path.h"
#include "verdict/process.h"
#include "verdict/rhythm.h"

/* How long a verdict waits, on the clock of the events, for a fact that is on its way: the exit of
 * a process that has just closed its connection, or systemd's reason for killing it. */
#define VERDICT_WAIT (1 * USEC_PER_SEC)

/* A stop request explains an end that comes no later than this. systemd kills a service that takes
 * longer to stop: DefaultTimeoutStopSec=, systemd-system.conf(5). */
#define STOP_REQUEST_LIFETIME (90 * USEC_PER_SEC)

/* Where the agent's keep-alive is not known: no hub loses patience sooner. The shortest keep-alives
 * that hubs allow are of 5 s (mosquitto; AWS and Azure: 30 s and more). */
#define SHORTEST_PATIENCE (5 * USEC_PER_SEC)

/* So many retransmission time-outs in a row make a silent peer. One is everyday loss; the third
 * comes after seven times the normal wait, which doubles each time (RFC 6298, 5.5). */
enum { TIMEOUTS_OF_SILENCE = 3 };

/* The name lookups of an agent without a connection. */
struct lookup_facts {
	unsigned failed; /* answers, and questions without one, since a lookup last found something
			  */
	usec_t failing_since;      /* valid if failed > 0 */
	enum lookup_answer answer; /* the last failure; LOOKUP_ASKED: no answer came */
	bool by_library;           /* the agent's C library told of it, and knows no server */
	struct endpoint server;    /* asked last; family 0: not known */
	bool some_found;   /* since the agent was last connected, a lookup found something */
	bool server_found; /* likewise, a name server did: the C library also finds what is no name
			    */
};

/* The attempts of an agent to connect by one address family. */
struct family_way {
	bool is_ipv6;        /* it is IPv6; else IPv4 */
	unsigned unanswered; /* attempts in a row without an answer, this one included */
	bool other_came_up;  /* a connection to the same port by the other family did, since this
				attempt began */
};

/* The facts known when a session ended, or when an open connection was checked (stall.h). Pointers
 * are borrowed; times are CLOCK_MONOTONIC. */
struct circumstances {
	const struct agent_settings *settings;
	enum mode mode; /* MODE_SOCK_DIAG: neither signals nor the closing task are observed */
	const struct socket_facts *socket;
	const struct mqtt_facts *mqtt;
	const struct tls_facts *tls;
	const struct login_facts *login;
	bool no_connection;            /* there is none: `socket` and `mqtt` are empty */
	bool closed;                   /* the socket is closed: its facts are final */
	usec_t time;                   /* of the end, or of the check */
	bool came_up;                  /* the connection was established */
	const struct task *current;    /* the closing task, where our side asked for the end; NULL:
					  there is no connection, or it is open */
	const struct process *process; /* of the closing task, else of the owner; NULL: not known */
	enum task_state owner_state;   /* of the process that opened the connection, at `time` */
	struct hardship hardship;      /* likewise, where it is open and may hang */
	struct hardship hardship_before; /* at an earlier look at the same process */
	usec_t hardship_span;            /* from that look to this one; 0: this is the first */
	const struct signal_facts *stop; /* the request to stop that came from outside the agent and
					    reached `process`, directly or handed on by others of
					    the agent; NULL: none */
	bool stop_was_handed_on;
	bool another_had_exited; /* of the agent's processes, shortly before `process` was killed */
	const struct unit_event *unit; /* NULL: the agent is no unit, or its state is not known */
	const struct past_sessions *past_sessions; /* before this one */
	const struct session *session;             /* this one; NULL: it never came up */
	bool login_failed;     /* a login was awaited or refused, and never accepted */
	struct family_way way; /* valid if it never came up */
	const usec_t *took; /* how long each rung of the attempt took, by enum rung; 0: not known;
			    NULL: nothing is known */
	usec_t token_ends;  /* when the token of its login ends; 0: not known */
	struct certificate_facts certificate; /* of the hub, where it was seen: `until` is not 0;
						 `now` is the host's clock at `time` */
	uint8_t x509_error; /* that the agent's libssl found in the certificate; 0: none */
	enum cause stalled; /* the last `stalled` verdict while it was open; CAUSE_UNKNOWN: none */
	bool may_have_starved; /* by that verdict, what the agent lacked may be why */
	bool icmp_error_came; /* one is pending, or was while what waits for an answer was repeated:
				 the kernel forgets it when anything comes from the peer (tcp_ack())
			       */
	bool aborted_by_us;   /* by the action abort-connection, because of that verdict */
	bool kept_alive;      /* the agent was observed to keep KeepAliveSec= */
	bool check_unanswered;  /* the last check of the agent that was due brought no sample */
	enum clock_state clock; /* the host's, at `time` */
	bool accepted_tls;      /* a TLS handshake of the agent's was over, by the same clock */
	usec_t resumed;         /* when the host last woke up; 0: it has not slept */
	usec_t slept;           /* how long it slept */
	struct path_view path;  /* since the peer was last heard of */
	bool host_path_stayed;  /* likewise, from where connwatch is: link and route were there */
	const struct lookup_facts *lookups; /* NULL: the verdict is not about lookups */
	bool lookups_hide; /* the agent may look up names unseen: none of its lookups was of late */
	bool may_rest; /* it has ended its last session itself, and not tried to connect since */
	bool attempts_lost; /* since the agent lost its connection, records were dropped: it may
			       have tried to connect unseen */
	const struct host_end *host_end; /* NULL: the host did not go down */
	bool others_too; /* the peers of other agents ended their connections at the same moment */
	bool waited;     /* VERDICT_WAIT is over: no more facts will come */
};
