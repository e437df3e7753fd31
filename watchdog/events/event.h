/* Everything the outside can tell the engine, time included: one tagged union.
 *
 * A source fills in an event and hands it to the engine; a trace file is these events as text
 * (trace.h). An event owns nothing: it is copied by value, and the one pointer in it
 * (agent.settings) must live until the engine is told of a newer one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vocabulary.h"

/* Microseconds. Points in time are CLOCK_MONOTONIC, so suspended time does not count. */
typedef uint64_t usec_t;
#define USEC_INFINITY   UINT64_MAX
#define USEC_PER_MSEC   UINT64_C(1000)
#define USEC_PER_SEC    UINT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR   (60 * USEC_PER_MINUTE)

enum {
	COMM_SIZE = 16,       /* TASK_COMM_LEN */
	UNIT_NAME_SIZE = 256, /* UNIT_NAME_MAX */
	INVOCATION_ID_SIZE = 33,
	INTERFACE_NAME_SIZE = 16, /* IFNAMSIZ */
	UNIT_WORD_SIZE = 32,      /* SubState=, Result=, job type */
	ADDRESS_TEXT_SIZE = 46,   /* INET6_ADDRSTRLEN */
	ENDPOINT_TEXT_SIZE = 56,  /* an address in brackets, a colon, a port */
};

enum event_type {
	EVENT_TIME,       /* time has passed, nothing else happened */
	EVENT_AGENT,      /* an agent is watched from now on, or its settings changed */
	EVENT_AGENT_GONE, /* an agent is no longer watched */
	EVENT_UNIT,       /* systemd's view of an agent's unit changed */
	/* connections */
	EVENT_OPENED,       /* a SYN is on its way */
	EVENT_FOUND,        /* was there before we came */
	EVENT_ESTABLISHED,  /* the handshake is done */
	EVENT_CLOSING,      /* the first FIN: ours (FIN_WAIT1) or the peer's (CLOSE_WAIT) */
	EVENT_ENDED,        /* the socket reached CLOSE, with its whole evidence */
	EVENT_RESET_SENT,   /* our kernel sent a RST after the socket had reached CLOSE */
	EVENT_RETRANSMIT,   /* data goes unacknowledged: a retransmission time-out ran out */
	EVENT_HEALED,       /* the peer acknowledges again */
	EVENT_NEVER_OPENED, /* destroyed without a SYN: no route for connect(), or no connect() */
	EVENT_VANISHED,     /* the socket is gone and nobody saw it end */
	/* The engine asked how the connections stand: one EVENT_SAMPLED each, then the end. What
	 * was told of before the sample was asked for, and neither ended nor was in it by its end,
	 * is gone: its EVENT_ENDED was dropped. One that was not told of before (its EVENT_OPENED
	 * was dropped, or is still to come: the same one if its time less its age is the same) is
	 * in the sample all the same. */
	EVENT_SAMPLED,
	EVENT_SAMPLE_DONE,
	/* processes of an agent */
	EVENT_COMMAND, /* the agent is this command, which has been started: it lives as long */
	EVENT_STARTED,
	EVENT_EXECED,
	EVENT_SIGNALED,
	EVENT_DUMPING, /* it writes its core dump; by which signal is not known */
	EVENT_EXITED,
	/* the way to the peer */
	EVENT_NAMESPACE, /* what is known of a network namespace begins or ends */
	EVENT_LINK,
	EVENT_ADDRESS,
	EVENT_ROUTE,
	EVENT_NEIGHBOUR,
	/* the host and ourselves */
	EVENT_SUSPENDED,     /* the host slept */
	EVENT_ACTION_RESULT, /* what became of an action */
	EVENT_LOST,          /* records were dropped on the way to us */
	/* what our own records tell of the time before we began, oldest first */
	EVENT_HISTORY_SESSION,
	EVENT_HISTORY_TROUBLE,
	EVENT_HISTORY_ACTION,
	EVENT_CAUGHT_UP, /* all that there was of an agent is told: the present begins */
	EVENT_TYPE_MAX,
	EVENT_TYPE_INVALID = -1,
};
DECLARE_NAMES(event_type);

/* One end of a connection. */
struct endpoint {
	uint8_t family; /* AF_INET or AF_INET6; v4-mapped addresses are AF_INET. 0: not known */
	uint16_t port;  /* host byte order */
	uint8_t address[16]; /* network byte order; the first 4 bytes for AF_INET */
};

/* A process as it was at the moment of the event. */
struct task {
	uint32_t pid; /* thread group, in our own pid namespace; 0: outside it or not known */
	char comm[COMM_SIZE];
	bool in_agent;      /* one of the agent's own processes */
	bool exiting;       /* PF_EXITING: it was on its way out */
	uint32_t exit_code; /* as wait(2) encodes it, 0x80 = core dumped; counts only if exiting */
};

/* The socket as the kernel had it at the event. Windows and counters as in struct tcp_sock. */
struct socket_facts {
	enum tcp_state state_before;
	enum tcp_state state;
	uint16_t error;                 /* sk_err, an errno */
	uint16_t soft_error;            /* sk_err_soft */
	uint8_t shutdown;               /* sk_shutdown: 1 receive side, 2 send side */
	bool fin_received;              /* SOCK_DONE */
	bool orphan;                    /* SOCK_DEAD: no file refers to it any more */
	bool keepalive;                 /* SO_KEEPALIVE is on */
	bool linger_zero;               /* SO_LINGER on, with a time of 0 */
	bool reset_received;            /* tcp_reset() ran; see docs/CAUSES.md for the trap in it */
	enum reset_reason reset_reason; /* of the RST our kernel sent up to this event */
	enum tcp_state reset_state;     /* the state it was sent in */
	uint8_t flow_ttl_min;   /* lowest TTL or hop limit of what came, RSTs aside; 0: not known */
	uint8_t flow_ttl_max;   /* the highest */
	uint8_t reset_ttl;      /* of the last RST that came; 0: not known */
	uint32_t unread_bytes;  /* received, not yet read; the FIN's sequence number not counted */
	uint32_t unacked_bytes; /* written, not yet acknowledged */
	uint32_t send_window;   /* the peer's last offer */
	uint32_t retransmit_timeouts; /* icsk_retransmits: in a row, without an answer */
	uint32_t retransmits;         /* total over the connection's life */
	uint32_t probes; /* keep-alive or zero-window probes in a row, without an answer */
	uint32_t user_timeout_msec; /* TCP_USER_TIMEOUT; 0: not set */
	uint32_t rtt_usec;          /* smoothed */
	uint32_t rto_usec;          /* the retransmission time-out in force */
	uint64_t bytes_sent;
	uint64_t bytes_acked;
	uint64_t bytes_received;
	usec_t age;      /* since the SYN; 0: not known */
	usec_t idle_rx;  /* since the last segment with data came */
	usec_t idle_tx;  /* since the last segment with data went */
	usec_t idle_ack; /* since the last acknowledgment came, with data or without */
	/* In the mode sock-diag nobody is there when a socket closes: error, soft_error, shutdown,
	 * orphan, keepalive, linger_zero, the RST that was sent, user_timeout_msec and the current
	 * task are not known, and state_before is that of the last look. fin_received and
	 * reset_received are true where the counters prove it; false proves nothing. What is known
	 * instead (see socket_look.h): */
	bool unseen;
	bool fin_sent;  /* our FIN went out */
	bool time_wait; /* a TIME_WAIT took its place: our FIN came first, and was acknowledged */
	bool disconnected; /* tcp_disconnect() ran: SO_LINGER 0, or connect(AF_UNSPEC) */
	bool unanswered;   /* nothing came from the peer since the last look */
};

/* What the two ends said to each other in MQTT, as far as the settings have it looked at. Codes as
 * in MQTT 5, 2.4, or MQTT 3.1.1, 3.2.2.3. */
struct mqtt_facts {
	enum mqtt_track track;
	bool tls;    /* seen as the agent wrote and read it: what has come may be unread still */
	bool unsent; /* what the agent wrote last had not gone out yet, and was not seen */
	enum mqtt_packet sent; /* the last packet */
	enum mqtt_packet received;
	bool answered;           /* a CONNACK came, with the code `connack` */
	uint8_t connack;         /* 0: accepted */
	uint8_t sent_reason;     /* of a DISCONNECT that was the last packet */
	uint8_t received_reason; /* likewise */
	usec_t sent_ago;         /* since the last packet */
	usec_t received_ago;
	usec_t unanswered; /* since the first PINGREQ without a PINGRESP; 0: there is none */
};

struct connection_event {
	uint64_t cookie; /* SO_COOKIE: the connection's name for its whole life */
	uint64_t netns;  /* inode of its network namespace */
	struct endpoint local;
	struct endpoint peer;
	struct task owner; /* who called connect(), or who holds it if found later */
	struct task
		current; /* who was on the processor: the closer, if the closing was asked for */
	struct socket_facts facts;
	struct mqtt_facts mqtt;
};

struct process_event {
	struct task task;
	int signal;         /* EVENT_SIGNALED */
	bool from_kernel;   /* no process sent it: a fault, the OOM killer, a terminal */
	struct task sender; /* who sent it, unless from_kernel */
	bool oom;           /* the OOM killer chose it */
};

struct unit_event {
	char unit[UNIT_NAME_SIZE];
	enum unit_state state;
	char sub_state[UNIT_WORD_SIZE];
	char result[UNIT_WORD_SIZE]; /* Result= of the service: success, watchdog, timeout, ... */
	char job[UNIT_WORD_SIZE];    /* type of the job under way or "unknown"; empty: none */
	bool masked;                 /* the operator wants it never to start */
	uint32_t main_pid;
	char invocation_id[INVOCATION_ID_SIZE]; /* hex; empty: not running */
};

/* One change in a network namespace, or one part of its state as found.
 *
 * EVENT_NAMESPACE with `up` false: from now on changes may go by unseen. Should the namespace be
 * looked at (again), all there is follows as `initial` events, then EVENT_NAMESPACE with `up` true:
 * everything was told, and every change from now on will be. */
struct path_event {
	uint64_t netns;
	uint32_t interface;                       /* index; 0: of a route that refuses */
	char interface_name[INTERFACE_NAME_SIZE]; /* link */
	bool up;       /* link: IFF_UP and IFF_RUNNING; address, route: is there; neighbour: has not
			  failed to answer */
	bool initial;  /* as found: no news */
	usec_t within; /* it happened within that span before its time; 0: at its time */
	bool disabled; /* link: set down or removed, not merely without a carrier */
	bool removed;  /* link: it is no more */
	bool refuses;  /* route: unreachable, blackhole, prohibit, throw */
	bool partial;  /* route: one of several next hops, or for some sources only */
	bool replaces; /* route: instead of those to the same destination with the same metric */
	struct endpoint
		address; /* address; route destination; neighbour. Its port does not count */
	struct endpoint gateway; /* route; family 0: directly attached */
	struct endpoint source;  /* route: the address it prefers to send from; family 0: any */
	uint8_t prefix_length;   /* address and route; 0 with family set: the default route */
	uint32_t table;          /* route: as in rtnetlink(7); `local` is not told */
	uint32_t metric;         /* route: the lowest wins */
};

struct action_result_event {
	uint32_t order; /* the number the action went out with */
	int error;      /* 0: done; -ECONNRESET: nobody knows, the bus was lost; else -errno */
	char detail[UNIT_WORD_SIZE]; /* systemd's job result, or empty */
};

struct lost_event {
	uint64_t records; /* how many since the last EVENT_LOST */
};

/* A session that had come up and ended. Spans, not times: it may be older than the boot. */
struct history_session_event {
	usec_t ago; /* its end, before the event */
	usec_t age;
	usec_t idle_rx;
	usec_t idle_tx;
	uint32_t unacked_bytes;
	usec_t reopened_after; /* from its end to the next connection; 0: there was none */
	enum ended_by ended_by;
	enum cause cause;
};

/* What a verdict of before was about. Spans, not times, as above. */
struct past_verdict {
	usec_t ago; /* what happened, before the event */
	enum cause cause;
	enum confidence confidence;
	uint64_t cookie; /* 0: about no connection */
	uint64_t netns;
	struct endpoint local;
	struct endpoint peer;
	uint32_t pid;
	char comm[COMM_SIZE];
	char invocation_id[INVOCATION_ID_SIZE]; /* of the unit, as it was then */
};

/* A verdict of this boot. The agent has not recovered since. */
struct history_trouble_event {
	struct past_verdict verdict;
	bool open;         /* the connection is in trouble; else it ended */
	bool came_up;      /* it had come up before it ended */
	unsigned attempts; /* that failed since, and of which nothing more is told */
};

/* An action that was taken, or one more word about it. Only ACTION_STARTED is told of an action
 * before the agent's last recovery or boot, and none that was interrupted. */
struct history_action_event {
	struct past_verdict verdict; /* `ago` is the action's */
	enum action_type action;
	enum action_outcome outcome;
	char held_by[UNIT_WORD_SIZE]; /* ACTION_HELD */
};

struct agent_settings;

struct agent_event {
	const struct agent_settings *settings; /* borrowed */
	enum mode mode;
	bool actions_held; /* the operator wants none taken */
	bool catching_up;  /* what happened up to now will be told, until EVENT_CAUGHT_UP */
};

struct event {
	enum event_type type;
	usec_t time;
	uint32_t agent; /* which agent; 0: none or all */
	union {
		struct agent_event watching;
		struct unit_event unit;
		struct connection_event connection;
		struct process_event process;
		struct path_event path;
		struct action_result_event action_result;
		struct lost_event lost;
		struct history_session_event history_session;
		struct history_trouble_event history_trouble;
		struct history_action_event history_action;
		usec_t suspended; /* for how long */
		bool blind;       /* EVENT_CAUGHT_UP: older connections cannot be seen */
	};
};

/* True for the types that carry a struct connection_event. */
bool event_is_connection(enum event_type type);

/* True for the types that carry a struct process_event. */
bool event_is_process(enum event_type type);

/* True for the types that carry a struct path_event. */
bool event_is_path(enum event_type type);

/* Formats the address of `endpoint` into `text` and returns `text`; "" when not known. */
const char *endpoint_address(const struct endpoint *endpoint, char text[static ADDRESS_TEXT_SIZE]);

/* Formats `endpoint` into `text` and returns `text`: "192.0.2.7:8883", "[2001:db8::7]:8883";
 * without a port "192.0.2.7" and "2001:db8::7"; "*" for an address that is not known. */
const char *endpoint_format(const struct endpoint *endpoint, char text[static ENDPOINT_TEXT_SIZE]);

/* Reads what endpoint_format() writes, and an IPv6 address in brackets without a port. Returns 0,
 * or -EINVAL. */
int endpoint_parse(const char *text, struct endpoint *endpoint);

/* Takes one event from a source. The event lives for the call only. */
typedef void (*event_sink)(void *userdata, const struct event *event);
