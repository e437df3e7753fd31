/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct event: the engine's only input, time included. A tagged union.
 *
 * Sources fill in events and pass them to the engine; a trace is the same events as text (trace.h).
 * An event owns nothing and is copied by value. Its only pointer, watching.settings, must stay
 * valid until the engine gets newer settings of the agent, or EVENT_AGENT_GONE. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "base/limits.h"
#include "base/usec.h"
#include "base/vocabulary.h"
#include "events/socket_facts.h"

enum event_type {
	EVENT_TIME,       /* only time has passed */
	EVENT_AGENT,      /* watching an agent begins, or its settings changed */
	EVENT_AGENT_GONE, /* watching an agent ends */
	EVENT_UNIT,       /* systemd's view of an agent's unit changed */
	/* connections */
	EVENT_OPENED,      /* a SYN was sent */
	EVENT_FOUND,       /* the connection is older than the watchdog */
	EVENT_ESTABLISHED, /* the handshake is done */
	EVENT_SPOKEN,      /* a TLS handshake has begun, is over, or there is none where one may be
			      expected: only cookie, age, tls */
	EVENT_LOGIN,       /* a CONNECT of MQTT was seen, or its answer: cookie, age, mqtt, token */
	EVENT_CERTIFICATE, /* the hub's certificate was seen: cookie, age, certificate */
	EVENT_VERIFIED,    /* the agent's libssl has verified it: cookie, age, x509_error */
	EVENT_CLOSING,     /* the first FIN: ours (FIN_WAIT1) or the peer's (CLOSE_WAIT) */
	EVENT_ENDED,       /* the socket reached CLOSE, with its whole evidence */
	EVENT_RESET_SENT,  /* our kernel sent a RST after the socket had reached CLOSE: only cookie,
			      age, and that RST */
	EVENT_RETRANSMIT,  /* a retransmission time-out expired: data is unacknowledged */
	EVENT_HEALED,      /* the peer acknowledges again, after EVENT_RETRANSMIT */
	EVENT_NEVER_OPENED, /* destroyed without a SYN: no route for connect(), or no connect() */
	EVENT_VANISHED,     /* the socket is gone, and its end was not observed */
	/* The sample that the engine asked for: each open connection, then EVENT_SAMPLE_DONE.
	 * - A connection known before the request that has neither ended nor been sampled by
	 *   EVENT_SAMPLE_DONE is gone: its EVENT_ENDED was dropped.
	 * - A sampled connection that the engine does not know was opened, and its EVENT_OPENED was
	 *   dropped or is still to come. An EVENT_OPENED with the same time minus age is of the
	 *   same connection. */
	EVENT_SAMPLED,
	EVENT_SAMPLE_DONE,
	/* processes of an agent */
	EVENT_COMMAND, /* the agent is this command, started now; it is gone when it exits */
	EVENT_STARTED,
	EVENT_EXECED,
	EVENT_SIGNALED,
	EVENT_DUMPING, /* a core dump is being written; the signal is not known */
	EVENT_EXITED,
	EVENT_LOOKUP, /* the agent asked a name server, or got its answer */
	/* the path to the peer */
	EVENT_NAMESPACE, /* what is known of a network namespace begins or ends to be complete */
	EVENT_LINK,
	EVENT_ADDRESS,
	EVENT_ROUTE,
	EVENT_NEIGHBOUR,
	EVENT_RADIO,  /* the radio of an interface has its connection, or lost it */
	EVENT_DEVICE, /* NetworkManager connected an interface, or disconnected it */
	/* the host and ourselves */
	EVENT_SUSPENDED,     /* the host slept */
	EVENT_CLOCK,         /* whether the host's clock is synchronised: at first, and changes */
	EVENT_ACTION_RESULT, /* the result of an action */
	EVENT_LOST, /* records were dropped before we could read them, or groups not watched */
	/* the time before the watchdog started, from its records in the journal, oldest first */
	EVENT_HISTORY_SESSION,
	EVENT_HISTORY_TROUBLE,
	EVENT_HISTORY_ACTION,
	EVENT_HISTORY_OPEN,  /* a session whose end the journal does not tell */
	EVENT_HISTORY_SPENT, /* an action that counts for the limit, from the handover */
	EVENT_CAUGHT_UP,     /* the past of an agent is complete: what follows is new */
	EVENT_TYPE_MAX,
	EVENT_TYPE_INVALID = -1,
};
DECLARE_NAMES(event_type);

/* A process at the time of the event. */
struct task {
	uint32_t pid; /* thread group, in our pid namespace; 0: outside it or not known */
	char comm[COMM_SIZE];
	bool in_agent;      /* the process belongs to the agent */
	bool exiting;       /* PF_EXITING: the process was exiting */
	uint32_t exit_code; /* as in wait(2), 0x80: core dumped; valid only if exiting */
	uint64_t started;   /* when the process started, in clock ticks after boot: `starttime` of
			       proc(5). A later process with this pid has another. 0: not known */
};

/* MQTT on the connection, as far as it was seen, where MqttInspect= allows it. Codes are those of
 * MQTT 5, 2.4, or MQTT 3.1.1, 3.2.2.3. */
struct mqtt_facts {
	enum mqtt_track track;
	bool tls;    /* seen in the agent's calls of libssl: received packets it has not read are
			missing */
	bool unsent; /* what the agent wrote last was still in the send queue, and was not seen */
	enum mqtt_packet sent;     /* the last packet of the agent */
	enum mqtt_packet received; /* the last packet of the peer */
	bool answered;             /* a CONNACK came: `connack` is valid */
	uint8_t connack;           /* 0: accepted */
	uint8_t sent_reason;       /* valid if the last packet sent is a DISCONNECT */
	uint8_t received_reason;   /* valid if the last packet received is one */
	usec_t sent_ago;           /* since the last packet was sent */
	usec_t received_ago;       /* since the last packet was received */
	usec_t unanswered;         /* since the first PINGREQ without a PINGRESP; 0: none is open */
};

/* How the peer answered a login that is not MQTT's, where MqttInspect= allows to look. */
struct login_facts {
	enum login_protocol protocol;
	bool sasl_ended; /* AMQP: `sasl` is valid */
	uint8_t sasl;    /* code of the outcome, AMQP 1.0, part 5, 5.3.3.6. 0: accepted */
	enum amqp_error amqp_error; /* of the peer's close */
	uint16_t http_status;       /* 0: none came. 101: WebSocket is spoken */
	bool went_on;               /* the agent sent something after the status */
	bool left;                  /* the agent closed the WebSocket before the peer did */
	uint16_t close_code;        /* of the peer's close of WebSocket, RFC 6455, 7.4. 0: none */
};

/* The TLS of a connection, from the headers of its records. Alerts as in RFC 8446, 6. */
struct tls_facts {
	enum tls_track track;
	bool is_13;          /* TLS 1.3, or newer */
	bool finished;       /* the agent sent its Finished */
	bool alert_sent;     /* a fatal alert, before the handshake was over */
	bool alert_received; /* likewise */
	uint8_t sent;        /* what the alert says; TLS_ALERT_SEALED: it is encrypted */
	uint8_t received;
	/* the last data of a side looks like a close_notify; in TLS 1.3 by its length alone */
	bool goodbye_sent;
	bool goodbye_received;
	bool goodbye_peer_first; /* valid if goodbye_received: the agent had not sent one before */
	/* TLS 1.3: data of that length had gone before, so the length says nothing */
	bool goodbye_sent_unclear;
	bool goodbye_received_unclear;
	bool unsent;            /* what the agent wrote last was still in the send queue */
	enum tls_answer answer; /* what came instead of TLS */
	uint32_t sent_since;    /* bytes that the agent sent since the handshake was over */
	usec_t begun;           /* since the ClientHello; 0: none was sent */
	usec_t took;            /* the handshake; 0: it is not over */
};
enum { TLS_ALERT_SEALED = 255 };

/* What kept a process from its work, besides itself, as one look at it shows: counters are as they
 * were then, and 0 where the kernel does not count. */
enum { WAITED_IN_SIZE = 32 };
struct hardship {
	/* PSI of its control group, which is how long some of its tasks waited, in percent of the
	 * last 10 s. 0: not at all, or not known. */
	uint8_t cpu, io, memory;
	bool uninterruptible; /* the task below sleeps so that not even a signal wakes it: state D,
				 proc(5) */
	bool runnable;        /* the task below runs, or waits for a processor: state R */
	bool disk_read_only;  /* `disk` is: the kernel made it so after an error */
	uint16_t tasks;       /* how many it has; 0: nobody looked, and the rest is not known */
	uint32_t task;      /* the one that shows most: one in state D, else in R, else the first */
	uint32_t task_runs; /* how often that began to run */
	uint32_t throttled_times;   /* how often a quota held its control group, or one above it */
	uint32_t memory_limit_hits; /* how often these reached a limit of memory */
	usec_t ran, waited; /* of all its tasks: on a processor, and for one while able to run */
	usec_t age;         /* of the process */
	usec_t throttled;   /* how long a quota held these groups, on all processors together */
	usec_t io_waited, memory_waited;   /* PSI again, since the group was made */
	char system_call[WAITED_IN_SIZE];  /* the task's: its name, or number; "": not known */
	char wait_channel[WAITED_IN_SIZE]; /* the kernel's function that it sleeps in; likewise */
	char disk[WAITED_IN_SIZE * 2]; /* where a file system is mounted that is full or read-only,
					  and on which it has a file open for writing; "": none */
};

/* When the hub's certificate is valid, in seconds since 1970, where a handshake showed it in plain
 * text. */
struct certificate_facts {
	uint64_t from;
	uint64_t until;    /* 0: there is one, and it could not be read */
	uint32_t last_day; /* YYYYMMDD, of `until` */
	uint64_t now;      /* by this host's clock when it was seen */
};

struct connection_event {
	uint64_t cookie; /* SO_COOKIE: identifies the socket for its whole life */
	uint64_t netns;  /* inode number of the network namespace */
	struct endpoint local;
	struct endpoint peer;
	struct task owner; /* who called connect(), or, if found later, who holds the socket */
	struct hardship hardship;    /* of the owner, likewise; where the agent may hang */
	enum task_state owner_state; /* as looked up when the event was taken; not in every event */
	bool to_itself;      /* the owner holds the other end, too; looked up when it opened */
	struct task current; /* who was on the processor: at a close(), who closed it */
	struct socket_facts facts;
	struct mqtt_facts mqtt;
	struct tls_facts tls;
	struct login_facts login;
	/* EVENT_LOGIN, with TokenInspect=: until the end of the token in the CONNECT, by this
	 * host's clock, or since then. At most one is not 0; both are where it is not known. */
	usec_t token_left;
	usec_t token_over;
	struct certificate_facts certificate;
	uint8_t x509_error; /* EVENT_VERIFIED: X509_V_ERR_ of OpenSSL; 0: none */
};

struct process_event {
	struct task task;
	int signal;         /* EVENT_SIGNALED */
	bool from_kernel;   /* sent by no process: a fault, the OOM killer, a terminal */
	bool handled;       /* the process has a handler for the signal */
	struct task sender; /* of the signal, unless from_kernel */
	bool oom;           /* the OOM killer chose the process */
};

struct lookup_event {
	enum lookup_answer answer;
	bool by_library; /* getaddrinfo(3) of the agent's C library told: no server is known */
	struct endpoint server; /* without a port */
};

struct unit_event {
	char unit[UNIT_NAME_SIZE];
	enum unit_state state;
	char sub_state[UNIT_WORD_SIZE];
	char result[UNIT_WORD_SIZE]; /* Result= of the service: success, watchdog, timeout, ... */
	char job[UNIT_WORD_SIZE];    /* type of the running job, or "unknown"; empty: no job */
	bool masked;
	bool missing;                /* systemd has no such unit, though it may still run */
	uint32_t start_limit_burst;  /* starts that systemd allows in each interval; 0: any */
	usec_t start_limit_interval; /* 0: it counts none */
	uint32_t main_pid;
	uint64_t main_started;                  /* of the main process, as in struct task */
	char invocation_id[INVOCATION_ID_SIZE]; /* hex; empty: not running */
};

/* One change in a network namespace, or one part of its state when it was first read.
 *
 * EVENT_NAMESPACE with `up` false: from now on changes may be missed. When the namespace is read
 * (again), its whole state follows as events with `initial`, and then EVENT_NAMESPACE with `up`
 * true: the state is complete, and every later change will be an event. */
struct path_event {
	uint64_t netns;
	uint32_t interface;                       /* index; 0: a route that refuses has none */
	char interface_name[INTERFACE_NAME_SIZE]; /* of a link */
	bool up;       /* link: IFF_UP and IFF_RUNNING; address, route: exists; neighbour: has
			  not failed to answer (NUD_FAILED) */
	bool initial;  /* part of the first state, no change */
	usec_t within; /* the change came up to so long before `time`; 0: at `time` */
	bool disabled; /* link: set down or removed, not only without a carrier */
	bool removed;  /* link: deleted */
	bool refuses;  /* route: unreachable, blackhole, prohibit, throw */
	bool partial;  /* route: one of several next hops, or only for some source addresses; rule:
			  only for some packets to its destination */
	bool rule;     /* route: not a route but a rule of `ip rule`, other than the kernel's own
			  three: it refuses, or sends packets to other tables. `address` is the
			  destination that it is for, `metric` its priority */
	bool replaces; /* route: replaces those with the same destination and metric */
	struct endpoint
		address; /* address; destination of a route; neighbour. The port is unused */
	struct endpoint gateway; /* route; family 0: the destination is on the link */
	struct endpoint source;  /* route: the preferred source address; family 0: any */
	uint8_t prefix_length;   /* address and route; 0 with family set: the default route */
	uint32_t table;          /* route: as in rtnetlink(7), without those of the table `local` */
	uint32_t metric;         /* route: the lowest wins */
	enum radio radio;        /* radio: what became of it; `up` as radio_is_up(). At first with
				    RADIO_NONE: there is one, and how it does is not known */
	enum device_state device; /* device: what became of it; `up` unless it was disconnected or
				     failed */
	uint16_t reason;          /* radio, device: why, by its own code (IEEE 802.11, 9.4.1.7;
				     NMDeviceStateReason). 0: none was given */
	int signal;               /* radio: how it was heard before that, dBm; 0: not known */
	usec_t expires_in; /* route: unless its life is prolonged, it ends so long after `time`; 0:
			      it does not expire */
};

struct action_result_event {
	uint32_t order; /* the number of the order that asked for the action */
	int error;      /* 0: done; -ECONNRESET: not known, the bus was lost; else -errno */
	char detail[UNIT_WORD_SIZE]; /* systemd's job result, or empty */
};

struct lost_event {
	uint64_t records; /* dropped since the last EVENT_LOST */
	uint64_t groups;  /* control groups of the agent that are not watched, likewise */
};

/* A past session that had come up. Its times are spans before the event, as it may be older than
 * the boot. */
struct history_session_event {
	usec_t ago; /* since its end */
	usec_t age;
	usec_t idle_rx;
	usec_t idle_tx;
	uint32_t unacked_bytes;
	usec_t reopened_after; /* from its end to the next connection; 0: no connection followed */
	enum ended_by ended_by;
	enum cause cause;
};

/* The subject of a past verdict. Its times are spans before the event, too. */
struct past_verdict {
	usec_t ago; /* since what the verdict is about */
	enum cause cause;
	enum confidence confidence;
	uint64_t cookie; /* 0: the verdict is about no connection */
	uint64_t netns;
	struct endpoint local;
	struct endpoint peer;
	uint32_t pid;
	char comm[COMM_SIZE];
	char invocation_id[INVOCATION_ID_SIZE]; /* of the unit at that time */
	char outage_id[OUTAGE_ID_SIZE];         /* "": an older version left it out */
};

/* A verdict of this boot, after which the agent has not recovered. */
struct history_trouble_event {
	struct past_verdict verdict;
	bool open;      /* the connection is open but in trouble; otherwise it ended */
	bool came_up;   /* the session had come up before it ended */
	enum rung rung; /* where the attempt failed; RUNG_NONE: not known */
	/* of an attempt: how many had failed in the outage with it, 0: not known; of other ends:
	 * later attempts, which failed and have no event of their own */
	unsigned attempts;
	/* of an attempt, also of a session that was too short: how many by this cause; 0: not
	 * known */
	unsigned cause_attempts;
	usec_t down; /* how long the host was down before; 0: not known, or it was not */
};

/* One past record of an action. Of actions before the agent's last recovery, or before the boot,
 * only ACTION_STARTED is passed on, and not of one that was interrupted. */
struct history_action_event {
	struct past_verdict verdict; /* `ago` is since the record of the action */
	enum action_type action;
	enum action_outcome outcome;
	char held_by[UNIT_WORD_SIZE]; /* for ACTION_HELD */
};

/* How a boot ended, as far as its traces show that in a later one. */
struct host_end {
	enum host_stop stop;
	bool journal_closed;   /* journald's end is the last that the journal tells of it */
	bool unwatched;        /* connwatch was stopped while the host went on */
	bool is_container;     /* the host is a container, which others can kill */
	bool not_the_last;     /* other boots came between it and the present one, or may have */
	bool crash_would_show; /* a panic leaves a trace (pstore) */
	bool panicked;         /* it did */
	uint32_t watchdog;     /* the hardware watchdog's boot status, WDIOF_...; 0: nothing */
	usec_t down;           /* from its last sign to the present boot's first; 0: not known */
	char boot_id[INVOCATION_ID_SIZE];
	char asked_by[UNIT_WORD_SIZE]; /* who asked for the shutdown; "": not known */
};

/* The agent's newest session of which the journal has no end: of this boot, or of an earlier one,
 * which it did not outlive. Of `verdict`, what is about the connection and its owner; `ago` is
 * since the session came up, or since the first sign of the present boot. */
struct history_open_event {
	struct past_verdict verdict;
	bool host_went_down; /* `host` is valid */
	struct host_end host;
};

struct agent_settings;

struct agent_event {
	const struct agent_settings *settings; /* borrowed */
	enum mode mode;
	bool external_btf; /* the kernel has no BTF: the probe works with a file of it */
	bool actions_held; /* the operator holds all actions */
	bool lookups_hide; /* names may be looked up without a packet that is seen */
	bool optional;     /* see struct agent_settings, which a trace has without it */
	bool catching_up;  /* events up to EVENT_CAUGHT_UP tell the past */
};

struct event {
	enum event_type type;
	usec_t time;    /* CLOCK_MONOTONIC */
	uint32_t agent; /* number of the agent; 0: none, or all */
	union {
		struct agent_event watching;
		struct unit_event unit;
		struct connection_event connection;
		struct process_event process;
		struct lookup_event lookup;
		struct path_event path;
		struct action_result_event action_result;
		struct lost_event lost;
		struct history_session_event history_session;
		struct history_trouble_event history_trouble;
		struct history_action_event history_action;
		struct history_open_event history_open;
		usec_t spent_ago;       /* EVENT_HISTORY_SPENT: since the action began */
		enum clock_state clock; /* EVENT_CLOCK */
		usec_t suspended;       /* EVENT_SUSPENDED: how long the host slept */
		bool blind; /* EVENT_CAUGHT_UP: the kernel cannot show older connections */
	};
};

/* Whether events of the type hold a struct connection_event. */
bool event_is_connection(enum event_type type);

/* Whether events of the type hold a struct process_event. */
bool event_is_process(enum event_type type);

/* Whether events of the type hold a struct path_event. */
bool event_is_path(enum event_type type);

/* Takes one event from a source. `event` is valid only during the call. */
typedef void (*event_sink)(void *userdata, const struct event *event);
