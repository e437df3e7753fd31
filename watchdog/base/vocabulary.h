/* The words of a verdict: closed lists, each with the name the journal record carries.
 *
 * Every list has a _MAX (one past its last value) and an _INVALID (-1). NAME_to_string() returns
 * the name, or NULL outside the list; NAME_from_string() returns the value, or NAME_INVALID for
 * NULL and for anything not in the list. No string here is ever freed. */
#pragma once

/* What happened to the socket: a fact from the kernel, never a guess. */
enum ended_by {
	ENDED_BY_UNKNOWN,             /* the evidence was lost */
	ENDED_BY_PEER_FIN,            /* the peer's FIN came before ours */
	ENDED_BY_PEER_RESET,          /* a RST arrived */
	ENDED_BY_LOCAL_FIN,           /* our FIN came first */
	ENDED_BY_LOCAL_RESET,         /* our kernel sent a RST */
	ENDED_BY_KEEPALIVE_TIMEOUT,   /* TCP keep-alive probes went unanswered */
	ENDED_BY_RETRANSMIT_TIMEOUT,  /* data stayed unacknowledged until the kernel gave up */
	ENDED_BY_USER_TIMEOUT,        /* TCP_USER_TIMEOUT ran out (RFC 5482) */
	ENDED_BY_PROBE_TIMEOUT,       /* zero-window probes went unanswered */
	ENDED_BY_UNREACHABLE,         /* an ICMP or route error ended it */
	ENDED_BY_ABORTED,             /* destroyed from outside (SOCK_DESTROY) */
	ENDED_BY_OUT_OF_MEMORY,       /* TCP memory pressure */
	ENDED_BY_CONNECT_REFUSED,     /* a RST answered our SYN */
	ENDED_BY_CONNECT_TIMEOUT,     /* nothing answered our SYN until somebody gave up */
	ENDED_BY_CONNECT_UNREACHABLE, /* an ICMP or route error answered our SYN */
	ENDED_BY_MAX,
	ENDED_BY_INVALID = -1,
};

/* Whose doing it was. */
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
	/* network */
	CAUSE_LINK_DOWN,
	CAUSE_NO_ROUTE,
	CAUSE_ADDRESS_CHANGED,
	CAUSE_UNREACHABLE,
	CAUSE_PATH_SILENT,
	CAUSE_IDLE_DROP,
	CAUSE_MIDDLEBOX_RESET,
	/* host */
	CAUSE_OPERATOR_ABORT,
	CAUSE_HOST_SUSPEND,
	CAUSE_MEMORY_PRESSURE,
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

/* What a record tells. */
enum record_kind {
	RECORD_ENDED,         /* a connection ended */
	RECORD_RECOVERED,     /* the agent has a connection again */
	RECORD_ACTION,        /* an action is about to be taken, was taken, or was held */
	RECORD_STALLED,       /* a connection is open but in trouble */
	RECORD_WATCHING,      /* we began to watch an agent */
	RECORD_EVIDENCE_LOST, /* the probe had to drop records */
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

/* Why our kernel sent a RST: the kernel's enum sk_rst_reason, in numbers of our own because its
 * numbers changed between versions. NOT_SPECIFIED stands for kernels that give no reason. */
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

/* What can be done about a cause. */
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

/* What became of an action: CONNWATCH_ACTION_RESULT. */
enum action_outcome {
	ACTION_STARTED,
	ACTION_DONE,
	ACTION_FAILED,
	ACTION_HELD,
	ACTION_DID_NOT_HELP,
	ACTION_HELPED,      /* told by the recovery that followed */
	ACTION_INTERRUPTED, /* our death came first: it did not happen */
	ACTION_UNCERTAIN,   /* our death came between: nothing tells whether it happened */
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
	UNIT_UNKNOWN, /* systemd cannot be asked, or names a state that is none of these */
	UNIT_STATE_MAX,
	UNIT_STATE_INVALID = -1,
};

/* Where the evidence comes from. */
enum mode {
	MODE_EBPF,
	MODE_SOCK_DIAG,
	MODE_MAX,
	MODE_INVALID = -1,
};

/* How much was seen of the MQTT that a connection carries. */
enum mqtt_track {
	MQTT_NOT_SEEN, /* it was not looked at, cannot be, or is no MQTT */
	MQTT_FOLLOWED, /* every packet */
	MQTT_LOST,     /* it is MQTT, and part of it went by unseen */
	MQTT_TRACK_MAX,
	MQTT_TRACK_INVALID = -1,
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
DECLARE_NAMES(action_type);
DECLARE_NAMES(action_outcome);
DECLARE_NAMES(unit_state);
DECLARE_NAMES(mode);
DECLARE_NAMES(mqtt_track);
DECLARE_NAMES(mqtt_packet);

/* The side a cause belongs to; SIDE_NONE for unknown and evidence-lost. */
enum side cause_side(enum cause cause);

/* A signal's name with its SIG ("SIGSEGV"), or NULL for a number that has none. */
const char *signal_to_string(int signal);

/* The number of a signal's name, with or without "SIG", or of a decimal number; -1 if unknown. */
int signal_from_string(const char *string);
