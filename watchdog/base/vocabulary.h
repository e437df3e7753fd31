/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The vocabulary of verdicts and records: enums, each value with its name in the journal.
 *
 * Each enum has a _MAX (one past its last value) and an _INVALID (-1). NAME_to_string() returns the
 * name of a value, or NULL outside the enum; NAME_from_string() returns the value of a name, or
 * NAME_INVALID for NULL and for an unknown name. All strings are static. */
#pragma once

#include <stdbool.h>

/* How the socket ended: a fact from the kernel, never a guess. */
enum ended_by {
	ENDED_BY_UNKNOWN,            /* the evidence was lost */
	ENDED_BY_PEER_FIN,           /* the peer's FIN came before ours */
	ENDED_BY_PEER_RESET,         /* a RST arrived */
	ENDED_BY_LOCAL_FIN,          /* our FIN came first */
	ENDED_BY_LOCAL_RESET,        /* our kernel sent a RST */
	ENDED_BY_KEEPALIVE_TIMEOUT,  /* TCP keep-alive probes went unanswered */
	ENDED_BY_RETRANSMIT_TIMEOUT, /* data stayed unacknowledged until the kernel gave up */
	ENDED_BY_USER_TIMEOUT,       /* TCP_USER_TIMEOUT ran out (RFC 5482) */
	ENDED_BY_PROBE_TIMEOUT,      /* zero-window probes went unanswered */
	ENDED_BY_UNREACHABLE,        /* an ICMP or route error ended it */
	ENDED_BY_ABORTED,            /* destroyed from outside (SOCK_DESTROY) */
	ENDED_BY_OUT_OF_MEMORY,      /* TCP memory pressure */
	ENDED_BY_CONNECT_REFUSED,    /* a RST answered our SYN */
	ENDED_BY_CONNECT_TIMEOUT, /* nothing answered our SYN until the kernel or the agent gave up
				   */
	ENDED_BY_CONNECT_UNREACHABLE, /* an ICMP or route error answered our SYN */
	ENDED_BY_MAX,
	ENDED_BY_INVALID = -1,
};

/* The side that caused the end. */
enum side {
	SIDE_NONE, /* "-": not known */
	SIDE_AGENT,
	SIDE_PEER,
	SIDE_NETWORK,
	SIDE_HOST,
	SIDE_MAX,
	SIDE_INVALID = -1,
};

/* The diagnosis. docs/CAUSES.md says for each what proves it and what to do. */
enum cause {
	CAUSE_UNKNOWN,
	CAUSE_EVIDENCE_LOST,
	/* agent */
	CAUSE_AGENT_CRASH,
	CAUSE_AGENT_OOM,
	CAUSE_AGENT_EXIT,
	CAUSE_AGENT_STOPPED,
	CAUSE_AGENT_HANG,
	CAUSE_AGENT_ABORT,
	CAUSE_AGENT_CLOSE,
	CAUSE_TOKEN_RENEWAL,
	CAUSE_AGENT_NOT_RECONNECTING,
	/* peer */
	CAUSE_TOKEN_EXPIRED,
	CAUSE_PEER_IDLE_TIMEOUT,
	CAUSE_SESSION_REJECTED,
	CAUSE_SESSION_TAKEOVER,
	CAUSE_SERVICE_TRANSIENT,
	CAUSE_CONNECT_REFUSED,
	CAUSE_PEER_RESET,
	CAUSE_PEER_CLOSE,
	/* TLS, of each side */
	CAUSE_TLS_REFUSED_BY_AGENT,
	CAUSE_TLS_REFUSED_BY_HUB,
	CAUSE_TLS_NOT_SPOKEN,
	CAUSE_TLS_STALLED,
	/* network: names */
	CAUSE_NAME_NOT_FOUND,
	CAUSE_NAME_SERVER_FAILING,
	CAUSE_NAME_SERVER_SILENT,
	/* network: the path */
	CAUSE_LINK_DOWN,
	CAUSE_WIFI_DISCONNECTED,
	CAUSE_MODEM_DISCONNECTED,
	CAUSE_NO_ROUTE,
	CAUSE_ADDRESS_CHANGED,
	CAUSE_UNREACHABLE,
	CAUSE_PATH_SILENT,
	CAUSE_PATH_MTU,
	CAUSE_PATH_HALF,
	CAUSE_IDLE_DROP,
	CAUSE_MIDDLEBOX_RESET,
	/* host */
	CAUSE_OPERATOR_ABORT,
	CAUSE_HOST_SUSPEND,
	CAUSE_CLOCK_WRONG,
	CAUSE_MEMORY_PRESSURE,
	CAUSE_HOST_STARVED,
	CAUSE_HOST_FIREWALL,
	CAUSE_HOST_NAT,
	/* host: it went down */
	CAUSE_HOST_SHUTDOWN,
	CAUSE_HOST_REBOOT,
	CAUSE_HOST_CRASH,
	CAUSE_POWER_LOST,
	CAUSE_MAX,
	CAUSE_INVALID = -1,
};

enum confidence {
	CONFIDENCE_SUSPECTED, /* plausible; alternatives remain */
	CONFIDENCE_LIKELY,    /* the evidence agrees and the alternatives were ruled out */
	CONFIDENCE_PROVED,    /* the kernel's evidence alone settles it */
	CONFIDENCE_MAX,
	CONFIDENCE_INVALID = -1,
};

/* The kind of a journal record: CONNWATCH_KIND. */
enum record_kind {
	RECORD_ENDED,         /* a connection ended */
	RECORD_RECOVERED,     /* the agent has a connection again */
	RECORD_ACTION,        /* an action is about to be taken, was taken, or was held */
	RECORD_STALLED,       /* a connection is open but in trouble */
	RECORD_WATCHING,      /* we started to watch an agent */
	RECORD_CONNECTED,     /* the agent has a session, and had no outage before it */
	RECORD_EVIDENCE_LOST, /* the probe dropped records */
	RECORD_KIND_MAX,
	RECORD_KIND_INVALID = -1,
};

/* Kernel TCP states, numbered as in the kernel (include/net/tcp_states.h). */
enum tcp_state {
	TCP_STATE_NONE,
	TCP_STATE_ESTABLISHED,
	TCP_STATE_SYN_SENT,
	TCP_STATE_SYN_RECV,
	TCP_STATE_FIN_WAIT1,
	TCP_STATE_FIN_WAIT2,
	TCP_STATE_TIME_WAIT,
	TCP_STATE_CLOSE,
	TCP_STATE_CLOSE_WAIT,
	TCP_STATE_LAST_ACK,
	TCP_STATE_LISTEN,
	TCP_STATE_CLOSING,
	TCP_STATE_NEW_SYN_RECV,
	TCP_STATE_MAX,
	TCP_STATE_INVALID = -1,
};

/* What dropped packets, and what was known of them: bits. */
enum drop_place {
	DROP_BY_NETFILTER = 1 << 0,  /* a rule of nftables or iptables, or conntrack */
	DROP_BY_CGROUP = 1 << 1,     /* a program on a control group, as for IPAddressDeny= */
	DROP_BY_TC = 1 << 2,         /* a filter of tc */
	DROP_IN_HOST_NETNS = 1 << 3, /* not where the socket is, but where connwatch is */
	DROP_AS_NEW = 1 << 4,        /* conntrack had no entry, though it was no SYN */
	DROP_AS_KNOWN = 1 << 5,      /* conntrack had one, and had seen both directions */
};

/* What this host's own connection tracking knows of a connection, where connwatch is: bits.
 * "At first": soon after the handshake, or when the connection was found open. */
enum tracking {
	TRACKING_HERE = 1 << 0,      /* the kernel has connection tracking */
	TRACKING_SEEN = 1 << 1,      /* it was asked at first */
	TRACKING_KNOWN = 1 << 2,     /* there was an entry then */
	TRACKING_ASKED = 1 << 3,     /* it was asked again when there was trouble, or at the end */
	TRACKING_FOUND = 1 << 4,     /* there was an entry then */
	TRACKING_NAT = 1 << 5,       /* it translates the connection, or did at first */
	TRACKING_KEPT_PORT = 1 << 6, /* at first, to the port that the agent has */
	TRACKING_MOVED = 1 << 7,     /* it translates otherwise than at first */
	TRACKING_READDRESSED = 1 << 8, /* and to another address of this host */
	TRACKING_LATE = 1 << 9,        /* the trouble is older than that, or may be */
	TRACKING_FULL = 1 << 10,       /* its table has no room, or hardly any */
	TRACKING_BUSY = 1 << 11, /* without an entry of the connection: it has some of others */
};

/* The state of a process, from /proc/PID/stat and its control group (proc(5), cgroups(7)). */
enum task_state {
	TASK_STATE_UNKNOWN,
	TASK_STATE_RUNS,    /* or sleeps: nobody keeps it from running */
	TASK_STATE_STOPPED, /* by SIGSTOP and its kind */
	TASK_STATE_TRACED,  /* a debugger holds it */
	TASK_STATE_FROZEN,  /* with its control group */
	TASK_STATE_DEAD,
	TASK_STATE_MAX,
	TASK_STATE_INVALID = -1,
};

/* Why our kernel sent a RST: the kernel's enum sk_rst_reason with numbers of our own, because the
 * kernel's changed between versions. NOT_SPECIFIED: the kernel gives no reason. */
enum reset_reason {
	RESET_REASON_NONE, /* no RST was sent */
	RESET_REASON_NOT_SPECIFIED,
	RESET_REASON_ABORT_ON_DATA,     /* data came after our close */
	RESET_REASON_ABORT_ON_CLOSE,    /* closed with unread data */
	RESET_REASON_ABORT_ON_LINGER,   /* TCP_LINGER2 < 0 */
	RESET_REASON_ABORT_ON_MEMORY,   /* tcp_check_oom() */
	RESET_REASON_STATE,             /* linger 0, disconnect, SOCK_DESTROY, FIN_WAIT2 timer */
	RESET_REASON_KEEPALIVE_TIMEOUT, /* keep-alive timer gave up */
	RESET_REASON_DISCONNECT_WITH_DATA,
	RESET_REASON_OTHER, /* a reason this list does not name */
	RESET_REASON_MAX,
	RESET_REASON_INVALID = -1,
};

/* The actions of a policy. */
enum action_type {
	ACTION_NONE,
	ACTION_RELOAD,           /* systemd ReloadUnit */
	ACTION_SIGNAL,           /* signal:NAME to the agent's main process */
	ACTION_ABORT_CONNECTION, /* SOCK_DESTROY */
	ACTION_RESTART,          /* RestartUnit, or the child under `run` */
	ACTION_START_UNIT,       /* start:UNIT */
	ACTION_TYPE_MAX,
	ACTION_TYPE_INVALID = -1,
};

/* The result of an action: CONNWATCH_ACTION_RESULT. */
enum action_outcome {
	ACTION_STARTED,
	ACTION_DONE,
	ACTION_FAILED,
	ACTION_HELD,
	ACTION_DID_NOT_HELP,
	ACTION_HELPED,      /* in the record of the recovery that followed */
	ACTION_INTERRUPTED, /* we died before it happened */
	ACTION_UNCERTAIN,   /* we died meanwhile, and nothing shows whether it happened */
	ACTION_OUTCOME_MAX,
	ACTION_OUTCOME_INVALID = -1,
};

/* systemd's ActiveState= of a unit. */
enum unit_state {
	UNIT_INACTIVE,
	UNIT_ACTIVATING,
	UNIT_ACTIVE,
	UNIT_RELOADING,
	UNIT_DEACTIVATING,
	UNIT_FAILED,
	UNIT_MAINTENANCE,
	UNIT_UNKNOWN, /* systemd cannot be reached, or names another state */
	UNIT_STATE_MAX,
	UNIT_STATE_INVALID = -1,
};

/* Answers of a name server. If one question has several, such as for IPv4 and IPv6, the one that
 * found something counts. */
enum lookup_answer {
	LOOKUP_NONE,
	LOOKUP_ASKED,     /* nothing so far: this is the question */
	LOOKUP_FOUND,     /* NOERROR, with answers */
	LOOKUP_EMPTY,     /* NOERROR, without any */
	LOOKUP_NOT_FOUND, /* NXDOMAIN */
	LOOKUP_FAILED,    /* SERVFAIL or another error */
	LOOKUP_REFUSED,   /* REFUSED */
	LOOKUP_UNCLEAR,   /* one came, and what it says was not seen */
	LOOKUP_ANSWER_MAX,
	LOOKUP_ANSWER_INVALID = -1,
};

/* The rungs of a session, in the order in which an attempt to connect climbs them. */
enum rung {
	RUNG_NONE,
	RUNG_NAME,  /* looking up the hub's name */
	RUNG_PATH,  /* the path to the hub */
	RUNG_TCP,   /* the handshake of TCP */
	RUNG_TLS,   /* the handshake of TLS */
	RUNG_LOGIN, /* the hub's answer to the agent's CONNECT, of MQTT */
	RUNG_MAX,
	RUNG_INVALID = -1,
};

/* How far the host's clock is to be believed. */
enum clock_state {
	CLOCK_UNKNOWN,
	CLOCK_SYNCHRONISED, /* a time service vouches for it */
	CLOCK_UNVOUCHED,    /* none does */
	CLOCK_AWAITED,      /* none does yet: one is at work */
	CLOCK_PAST,         /* none does, and it shows a time before this program was written */
	CLOCK_STATE_MAX,
	CLOCK_STATE_INVALID = -1,
};

/* How systemd took the host down, by the last target that it reached. */
enum host_stop {
	HOST_STOP_UNSEEN, /* it reached none, as far as can be seen */
	HOST_STOP_POWEROFF,
	HOST_STOP_HALT,
	HOST_STOP_REBOOT,
	HOST_STOP_KEXEC,
	HOST_STOP_MAX,
	HOST_STOP_INVALID = -1,
};

/* What became of an interface's radio. */
enum radio {
	RADIO_NONE, /* not about a radio */
	RADIO_UP,   /* it has its connection */
	/* Wi-Fi: it lost its connection */
	RADIO_DEAUTHENTICATED, /* by a frame of the access point's */
	RADIO_DISASSOCIATED,   /* likewise */
	RADIO_DISCONNECTED,    /* likewise; the driver does not tell by which frame */
	RADIO_AP_LOST,         /* this side gave up: nothing was heard, or a handshake failed */
	RADIO_LEFT,            /* this side left as one does on request */
	/* a modem */
	RADIO_MODEM_UP,
	RADIO_BEARER_LOST,  /* it is registered, and its session with the network ended */
	RADIO_UNREGISTERED, /* it lost the network */
	RADIO_SIM_MISSING,
	RADIO_SIM_FAULTY,
	RADIO_SIM_LOCKED,
	RADIO_MODEM_FAILED,
	RADIO_MODEM_DISABLED,
	RADIO_MODEM_LEFT, /* somebody on this host asked for it */
	RADIO_MAX,
	RADIO_INVALID = -1,
};

/* What NetworkManager did with an interface, as far as it matters to a connection. */
enum device_state {
	DEVICE_NONE, /* nothing is told of it, or no longer */
	DEVICE_ACTIVATED,
	DEVICE_DEACTIVATING, /* it begins to disconnect it */
	DEVICE_DISCONNECTED,
	DEVICE_UNAVAILABLE, /* it cannot be connected: no carrier, for example */
	DEVICE_FAILED,      /* the connection failed, or the attempt to connect it */
	DEVICE_STATE_MAX,
	DEVICE_STATE_INVALID = -1,
};

/* Where the evidence comes from. */
enum mode {
	MODE_EBPF,
	MODE_SOCK_DIAG,
	MODE_MAX,
	MODE_INVALID = -1,
};

/* How much of a connection's MQTT was seen. */
enum login_protocol {
	LOGIN_NONE,
	LOGIN_AMQP, /* AMQP 1.0 */
	LOGIN_HTTP, /* HTTP, or WebSocket */
	LOGIN_PROTOCOL_MAX,
	LOGIN_PROTOCOL_INVALID = -1,
};

/* Why a peer closed an AMQP connection: all that AMQP 1.0 defines for it, part 2, 2.8.15 to 2.8.17.
 */
enum amqp_error {
	AMQP_NO_ERROR,
	AMQP_INTERNAL_ERROR,
	AMQP_NOT_FOUND,
	AMQP_UNAUTHORIZED_ACCESS,
	AMQP_DECODE_ERROR,
	AMQP_RESOURCE_LIMIT_EXCEEDED,
	AMQP_NOT_ALLOWED,
	AMQP_INVALID_FIELD,
	AMQP_NOT_IMPLEMENTED,
	AMQP_RESOURCE_LOCKED,
	AMQP_PRECONDITION_FAILED,
	AMQP_RESOURCE_DELETED,
	AMQP_ILLEGAL_STATE,
	AMQP_FRAME_SIZE_TOO_SMALL,
	AMQP_CONNECTION_FORCED,
	AMQP_FRAMING_ERROR,
	AMQP_CONNECTION_REDIRECT,
	AMQP_OTHER_ERROR, /* a name of the peer's own */
	AMQP_ERROR_MAX,
	AMQP_ERROR_INVALID = -1,
};

enum mqtt_track {
	MQTT_NOT_SEEN, /* not inspected, not visible, or not MQTT */
	MQTT_FOLLOWED, /* every packet */
	MQTT_LOST,     /* MQTT, but a part of it was not seen */
	MQTT_TRACK_MAX,
	MQTT_TRACK_INVALID = -1,
};

/* How far the TLS of a connection came. */
enum tls_track {
	TLS_NOT_SEEN,   /* nothing was sent yet, or nobody looked */
	TLS_BEGUN,      /* the agent sent a ClientHello */
	TLS_ANSWERED,   /* the peer answered with TLS */
	TLS_SECURED,    /* the handshake is over */
	TLS_PLAIN,      /* the agent speaks something else */
	TLS_NOT_SPOKEN, /* the peer answered the ClientHello with something else */
	TLS_LOST,       /* part of it was not seen */
	TLS_TRACK_MAX,
	TLS_TRACK_INVALID = -1,
};

/* The answer of a peer that does not speak TLS. */
enum tls_answer {
	TLS_ANSWER_NONE,
	TLS_ANSWER_HTTP,
	TLS_ANSWER_OTHER,
	TLS_ANSWER_MAX,
	TLS_ANSWER_INVALID = -1,
};

/* Types of MQTT packets, numbered as in MQTT 5, 2.1.2. */
enum mqtt_packet {
	MQTT_NOTHING, /* none yet */
	MQTT_CONNECT,
	MQTT_CONNACK,
	MQTT_PUBLISH,
	MQTT_PUBACK,
	MQTT_PUBREC,
	MQTT_PUBREL,
	MQTT_PUBCOMP,
	MQTT_SUBSCRIBE,
	MQTT_SUBACK,
	MQTT_UNSUBSCRIBE,
	MQTT_UNSUBACK,
	MQTT_PINGREQ,
	MQTT_PINGRESP,
	MQTT_DISCONNECT,
	MQTT_AUTH,
	MQTT_PACKET_MAX,
	MQTT_PACKET_INVALID = -1,
};

#define DECLARE_NAMES(name)                            \
	const char *name##_to_string(enum name value); \
	enum name name##_from_string(const char *string)

DECLARE_NAMES(ended_by);
DECLARE_NAMES(side);
DECLARE_NAMES(cause);
DECLARE_NAMES(confidence);
DECLARE_NAMES(record_kind);
DECLARE_NAMES(tcp_state);
DECLARE_NAMES(reset_reason);
DECLARE_NAMES(task_state);
DECLARE_NAMES(action_type);
DECLARE_NAMES(action_outcome);
DECLARE_NAMES(unit_state);
DECLARE_NAMES(lookup_answer);
DECLARE_NAMES(rung);
DECLARE_NAMES(clock_state);
DECLARE_NAMES(host_stop);
DECLARE_NAMES(radio);
DECLARE_NAMES(device_state);
DECLARE_NAMES(mode);
DECLARE_NAMES(login_protocol);
DECLARE_NAMES(amqp_error);
DECLARE_NAMES(mqtt_track);
DECLARE_NAMES(mqtt_packet);
DECLARE_NAMES(tls_track);
DECLARE_NAMES(tls_answer);

/* The side a cause belongs to; SIDE_NONE for unknown and evidence-lost. */
enum side cause_side(enum cause cause);

/* True for the causes name-...: name lookups fail. */
bool cause_is_of_names(enum cause cause);

/* True for agent-crash, agent-oom and agent-exit: the agent's process ended without a stop request.
 */
bool cause_is_death(enum cause cause);

/* True if the session was open when the host went down. */
bool cause_is_host_down(enum cause cause);

/* True if the radio has its connection, or how it does is not known. */
bool radio_is_up(enum radio radio);

/* True for what became of a modem. */
bool radio_is_of_modem(enum radio radio);

/* True if the access point ended the connection. */
bool radio_is_ended_by_ap(enum radio radio);

/* A signal's name with its SIG ("SIGSEGV"), or NULL for a number that has none. */
const char *signal_to_string(int signal);

/* The number of a signal's name, with or without "SIG", or of a decimal number; -1 if unknown. */
int signal_from_string(const char *string);
