/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The records of the probe's ring buffer: the one layout that crosses kernel / user space.
 *
 * Included by the BPF programs, by the decoder (watchdog/events/decode.c), and for the size of a
 * record by the source that reads them (watchdog/sources/probe*.c); by nobody else. Fixed widths,
 * native byte order, no hidden padding; both sides assert the sizes. Whoever changes a field
 * changes PROBE_RECORD_VERSION. */
#pragma once

#ifndef __bpf__
#include <linux/types.h>
#endif

#define PROBE_RECORD_VERSION 16
#define PROBE_COMM_SIZE      16

enum probe_record_type {
	PROBE_OPENED = 1,   /* CLOSE -> SYN_SENT: probe_begun */
	PROBE_FOUND,        /* seen by an iterator: older than the probe */
	PROBE_ESTABLISHED,  /* SYN_SENT -> ESTABLISHED: probe_begun */
	PROBE_CLOSING,      /* ESTABLISHED -> FIN_WAIT1 or CLOSE_WAIT */
	PROBE_ENDED,        /* anything -> CLOSE */
	PROBE_RESET_SENT,   /* a RST of ours after CLOSE: probe_reset_sent */
	PROBE_RETRANSMIT,   /* retransmission time-outs in a row reached 1, 3 (one record each) */
	PROBE_HEALED,       /* an answer came after PROBE_RETRANSMIT */
	PROBE_NEVER_OPENED, /* destroyed without ever having been opened */
	PROBE_VANISHED,     /* destroyed, and its way to CLOSE went unseen */
	PROBE_SPOKEN, /* a TLS handshake has begun or is over, or there is none: probe_spoken */
	PROBE_LOGIN,  /* a CONNECT of MQTT was seen, or the answer to it: probe_login_seen */
	PROBE_CERTIFICATE,  /* the peer's certificate went by in plain text: probe_certificate */
	PROBE_VERIFIED,     /* the agent's libssl has verified it: probe_verified */
	PROBE_SAMPLED,      /* how it stands; read from an iterator, not from the ring */
	PROBE_STARTED = 32, /* process records from here on */
	PROBE_EXECED,
	PROBE_SIGNALED,
	PROBE_EXITED,
	PROBE_LOOKUP = 48,      /* a question to a name server, or its answer */
	PROBE_SAMPLE_DONE = 64, /* a header, nothing more */
};

struct probe_header {
	__u16 size; /* of the whole record */
	__u8 version;
	__u8 type; /* enum probe_record_type */
	__u32 agent;
	__u64 time_nsec; /* CLOCK_MONOTONIC */
};

enum probe_task_flag {
	PROBE_TASK_EXITING = 1 << 0,
	PROBE_TASK_IN_AGENT = 1 << 1,
};

struct probe_task {
	__u32 pid; /* thread group, in the pid namespace of the loader; 0: outside it */
	__u32 exit_code;
	__u32 flags;
	char comm[PROBE_COMM_SIZE];
	__u32 reserved;
	__u64 start_nsec; /* of the process: CLOCK_BOOTTIME. With its pid, it names the process */
};

enum probe_socket_flag {
	PROBE_SOCKET_FIN_RECEIVED = 1 << 0,
	PROBE_SOCKET_ORPHAN = 1 << 1,
	PROBE_SOCKET_KEEPALIVE = 1 << 2,
	PROBE_SOCKET_LINGER_ZERO = 1 << 3,
	PROBE_SOCKET_RESET_RECEIVED = 1 << 4,
	PROBE_SOCKET_TO_ITSELF = 1 << 5,      /* the owner listens at the other end */
	PROBE_SOCKET_LARGE_RECEIVED = 1 << 6, /* a segment as large as we allow the peer to send */
	/* the last RST that came, and was looked at */
	PROBE_SOCKET_RESET_BY_LOOPBACK = 1 << 7,
	PROBE_SOCKET_RESET_WITHOUT_ACK = 1 << 8,
};

/* Why our kernel sent a RST. The decoder asserts that these are the core's enum reset_reason. */
enum probe_reset_reason {
	PROBE_RESET_NONE,
	PROBE_RESET_NOT_SPECIFIED,
	PROBE_RESET_ABORT_ON_DATA,
	PROBE_RESET_ABORT_ON_CLOSE,
	PROBE_RESET_ABORT_ON_LINGER,
	PROBE_RESET_ABORT_ON_MEMORY,
	PROBE_RESET_STATE,
	PROBE_RESET_KEEPALIVE_TIMEOUT,
	PROBE_RESET_DISCONNECT_WITH_DATA,
	PROBE_RESET_OTHER,
	PROBE_RESET_MAX,
};

/* How much of a connection's MQTT was seen, where it is looked at (MqttInspect=). */
enum probe_mqtt_track {
	PROBE_MQTT_NONE,     /* it was not looked at, or it is no MQTT */
	PROBE_MQTT_FOLLOWED, /* every packet was seen */
	PROBE_MQTT_LOST,     /* it is MQTT, and part of it went by unseen */
	PROBE_MQTT_MAX,
};

enum probe_mqtt_flag {
	PROBE_MQTT_ANSWERED = 1 << 0, /* a CONNACK came: `connack` counts */
	PROBE_MQTT_UNSENT = 1 << 1,   /* what was written last is yet to go out, and to be seen */
	PROBE_MQTT_TLS = 1 << 2,      /* seen as the agent itself reads and writes it */
};

/* Types and reason codes as in MQTT 5, 2.1.2 and 2.4; nothing else of a packet gets here. */
struct probe_mqtt {
	__u8 track; /* enum probe_mqtt_track */
	__u8 flags; /* enum probe_mqtt_flag */
	__u8 sent;  /* type of the last packet; 0: none */
	__u8 received;
	__u8 connack;
	__u8 sent_reason; /* where the last packet was a DISCONNECT */
	__u8 received_reason;
	__u8 reserved;
	__u64 sent_nsec; /* since the last packet */
	__u64 received_nsec;
	__u64 unanswered_nsec; /* since the first PINGREQ without a PINGRESP; 0: there is none */
};

enum probe_login_protocol {
	PROBE_LOGIN_NONE,
	PROBE_LOGIN_AMQP, /* AMQP 1.0 */
	PROBE_LOGIN_HTTP, /* WebSocket, where the status is 101 */
	PROBE_LOGIN_MAX,
};

enum probe_login_flag {
	PROBE_LOGIN_SASL = 1 << 0,    /* an outcome came: `sasl` counts */
	PROBE_LOGIN_WENT_ON = 1 << 1, /* the agent sent something after the status */
	PROBE_LOGIN_LEFT = 1 << 2,    /* the agent closed the WebSocket before the peer did */
};

/* How the peer answered a login that is not MQTT's, where it is looked at (MqttInspect=). */
struct probe_login {
	__u32 reason;  /* AMQP: 32-bit FNV-1a of the name of an error. HTTP: the status in the upper
			  half, the code of a close of WebSocket in the lower. 0: none came */
	__u8 protocol; /* enum probe_login_protocol */
	__u8 flags;    /* enum probe_login_flag */
	__u8 sasl;     /* code of the outcome: AMQP 1.0, part 5, 5.3.3.6 */
	__u8 reserved;
};

/* How far the TLS of a connection came, from the headers of its records. */
enum probe_tls_track {
	PROBE_TLS_NONE,       /* nothing was sent, or nobody looks */
	PROBE_TLS_BEGUN,      /* a ClientHello was sent */
	PROBE_TLS_ANSWERED,   /* and answered */
	PROBE_TLS_SECURED,    /* the handshake is over */
	PROBE_TLS_PLAIN,      /* what was sent first is no TLS */
	PROBE_TLS_NOT_SPOKEN, /* the answer to the ClientHello is no TLS */
	PROBE_TLS_LOST,       /* part of it was not seen */
	PROBE_TLS_MAX,
};

enum probe_tls_flag {
	PROBE_TLS_IS_13 = 1 << 0,
	PROBE_TLS_ALERT_SENT = 1 << 1, /* a fatal one, before the handshake was over */
	PROBE_TLS_ALERT_RECEIVED = 1 << 2,
	PROBE_TLS_FINISHED = 1 << 3, /* the agent's Finished was sent */
	PROBE_TLS_UNSENT = 1 << 4,   /* what the agent wrote last is yet to go out */
};

/* close_notify: the last data of a side looks like one. In TLS 1.3 only its length tells. */
enum probe_tls_goodbye {
	PROBE_TLS_GOODBYE_SENT = 1 << 0,
	PROBE_TLS_GOODBYE_RECEIVED = 1 << 1,
	PROBE_TLS_GOODBYE_PEER_FIRST = 1 << 2, /* valid if the peer's was received */
	/* TLS 1.3: data of that length went before and was none, so the length says nothing */
	PROBE_TLS_GOODBYE_SENT_UNCLEAR = 1 << 3,
	PROBE_TLS_GOODBYE_RECEIVED_UNCLEAR = 1 << 4,
};

enum { PROBE_TLS_ALERT_SEALED = 255 }; /* an encrypted alert: what it says is not known */

enum probe_tls_answer {
	PROBE_TLS_ANSWER_NONE,
	PROBE_TLS_ANSWER_HTTP,
	PROBE_TLS_ANSWER_OTHER,
	PROBE_TLS_ANSWER_MAX,
};

/* Alerts as in RFC 8446, 6. */
struct probe_tls {
	__u8 track;      /* enum probe_tls_track */
	__u8 flags;      /* enum probe_tls_flag */
	__u8 alert_sent; /* valid with its flag */
	__u8 alert_received;
	__u8 answer;  /* enum probe_tls_answer: what came instead of TLS */
	__u8 goodbye; /* enum probe_tls_goodbye */
	__u8 reserved[2];
	__u32 sent_since; /* bytes that the agent sent since the handshake was over */
	__u32 padding;
	__u64 begun_nsec; /* since the ClientHello; 0: none was sent */
	__u64 took_nsec;  /* the handshake; 0: it is not over */
};

struct probe_spoken {
	struct probe_header header;
	__u64 cookie;
	__u64 opened_nsec; /* CLOCK_MONOTONIC of the SYN; 0: not seen */
	struct probe_tls tls;
};

/* When the first certificate of a handshake is valid: YYYYMMDDHHMMSS, as a number. Both are 0 where
 * that could not be read. */
struct probe_certificate {
	struct probe_header header;
	__u64 cookie;
	__u64 opened_nsec; /* CLOCK_MONOTONIC of the SYN; 0: not seen */
	__u64 not_before;
	__u64 not_after;
};

/* The agent's libssl has verified the hub's certificate; told where it is looked at (MqttInspect=).
 * `error` is one of OpenSSL's X509_V_ERR_, 0 for X509_V_OK. */
struct probe_verified {
	struct probe_header header;
	__u64 cookie;
	__u64 opened_nsec; /* CLOCK_MONOTONIC of the SYN */
	__u32 error;
	__u32 reserved;
};

/* The track is not PROBE_MQTT_FOLLOWED: of a login that was told, the answer will not be seen. */
struct probe_login_seen {
	struct probe_header header;
	__u64 cookie;
	__u64 opened_nsec; /* CLOCK_MONOTONIC of the SYN */
	struct probe_mqtt mqtt;
	__u64 token_seconds; /* when the token in the CONNECT ends, since 1970; 0: not known */
};

struct probe_connection {
	struct probe_header header;
	__u64 cookie;
	__u64 netns;       /* inode */
	__u64 opened_nsec; /* CLOCK_MONOTONIC of the SYN; 0: not seen */
	__u64 bytes_sent;
	__u64 bytes_acked;
	__u64 bytes_received;
	__u64 idle_rx_nsec;
	__u64 idle_tx_nsec;
	__u64 idle_ack_nsec;
	__u8 local_address[16]; /* IPv4: the first 4 bytes */
	__u8 peer_address[16];
	__u16 local_port; /* host byte order */
	__u16 peer_port;
	__u16 family; /* AF_INET or AF_INET6, v4-mapped as AF_INET */
	__u16 error;
	__u16 soft_error;
	__u8 state_before;
	__u8 state;
	__u8 shutdown;
	__u8 reset_reason; /* enum probe_reset_reason */
	__u8 reset_state;
	__u8 flow_ttl_min; /* TTL or hop limit of what came, RSTs aside; 0: not known */
	__u8 flow_ttl_max;
	__u8 reset_ttl;     /* of the last RST that came */
	__u16 lost_segment; /* bytes of the segment that timed out; 0: none has */
	__u16 sacked_bytes; /* behind it, that the peer had got by then, in 16; 4080: or more */
	__u16 hole_bytes;   /* that are missing before what came last; 65535: or more */
	__u32 flags;        /* enum probe_socket_flag */
	__u32 unread_bytes;
	__u32 unacked_bytes;
	__u32 send_window;
	__u32 retransmit_timeouts;
	__u32 retransmits;
	__u32 probes;
	__u32 user_timeout_msec;
	__u32 rtt_usec;
	__u32 rto_usec;
	struct probe_task owner;
	struct probe_task current;
	struct probe_mqtt mqtt;
	struct probe_tls tls;
	struct probe_login login;
};

/* A connection on its way up. Nothing has happened on it yet, and the short record costs its agent
 * less. */
struct probe_begun {
	struct probe_header header;
	__u64 cookie;
	__u64 opened_nsec;      /* CLOCK_MONOTONIC of the SYN; 0: not seen */
	__u8 local_address[16]; /* these as in probe_connection */
	__u8 peer_address[16];
	__u16 local_port;
	__u16 peer_port;
	__u16 family;
	__u8 state_before;
	__u8 state;
	__u32 netns;
	__u32 flags; /* PROBE_SOCKET_TO_ITSELF, or 0 */
	__u8 flow_ttl_min;
	__u8 flow_ttl_max;
	__u8 reserved[6];
	struct probe_task owner;
};

/* The rest is in the PROBE_ENDED before it. */
struct probe_reset_sent {
	struct probe_header header;
	__u64 cookie;
	__u64 opened_nsec; /* CLOCK_MONOTONIC of the SYN; 0: not seen */
	__u8 reset_reason; /* enum probe_reset_reason */
	__u8 reset_state;
	__u8 reserved[6];
};

enum probe_signal_flag {
	PROBE_SIGNAL_FROM_KERNEL = 1 << 0,
	PROBE_SIGNAL_OOM = 1 << 1,     /* the process was chosen by the OOM killer */
	PROBE_SIGNAL_HANDLED = 1 << 2, /* it has a handler for the signal */
};

struct probe_process {
	struct probe_header header;
	struct probe_task task;
	struct probe_task sender;
	__u32 signal;
	__u32 flags; /* enum probe_signal_flag */
};

/* Answers of a name server. The decoder asserts that these are the core's enum lookup_answer. */
enum probe_lookup_answer {
	PROBE_LOOKUP_NONE,
	PROBE_LOOKUP_ASKED,     /* the question */
	PROBE_LOOKUP_FOUND,     /* NOERROR, with answers */
	PROBE_LOOKUP_EMPTY,     /* NOERROR, without */
	PROBE_LOOKUP_NOT_FOUND, /* NXDOMAIN */
	PROBE_LOOKUP_FAILED,    /* SERVFAIL, and all others */
	PROBE_LOOKUP_REFUSED,   /* REFUSED */
	PROBE_LOOKUP_UNCLEAR,   /* one began, and its header was not seen as a whole */
	PROBE_LOOKUP_MAX,
};

struct probe_lookup {
	struct probe_header header;
	__u8 server[16]; /* address; IPv4: the first 4 bytes */
	__u16 family;    /* AF_INET or AF_INET6; 0: the agent's C library was asked */
	__u8 answer;     /* enum probe_lookup_answer */
	__u8 reserved[5];
};

_Static_assert(sizeof(struct probe_header) == 16, "layout of probe_header");
_Static_assert(sizeof(struct probe_task) == 40, "layout of probe_task");
_Static_assert(sizeof(struct probe_mqtt) == 32, "layout of probe_mqtt");
_Static_assert(sizeof(struct probe_login) == 8, "layout of probe_login");
_Static_assert(sizeof(struct probe_tls) == 32, "layout of probe_tls");
_Static_assert(sizeof(struct probe_spoken) == 64, "layout of probe_spoken");
_Static_assert(sizeof(struct probe_certificate) == 48, "layout of probe_certificate");
_Static_assert(sizeof(struct probe_verified) == 40, "layout of probe_verified");
_Static_assert(sizeof(struct probe_login_seen) == 72, "layout of probe_login_seen");
_Static_assert(sizeof(struct probe_connection) == 336, "layout of probe_connection");
_Static_assert(sizeof(struct probe_begun) == 128, "layout of probe_begun");
_Static_assert(sizeof(struct probe_reset_sent) == 40, "layout of probe_reset_sent");
_Static_assert(sizeof(struct probe_process) == 104, "layout of probe_process");
_Static_assert(sizeof(struct probe_lookup) == 40, "layout of probe_lookup");
