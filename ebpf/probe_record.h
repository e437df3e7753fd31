/* What the probe writes into its ring buffer: the one layout that crosses kernel / user space.
 *
 * Included by the BPF programs and by the decoder (watchdog/core/decode.c), by nobody else. Fixed
 * widths, native byte order, no hidden padding; both sides assert the sizes. Whoever changes a
 * field changes PROBE_RECORD_VERSION. */
#pragma once

#ifndef __bpf__
#include <linux/types.h>
#endif

#define PROBE_RECORD_VERSION 5
#define PROBE_COMM_SIZE      16

enum probe_record_type {
	PROBE_OPENED = 1,   /* CLOSE -> SYN_SENT */
	PROBE_FOUND,        /* seen by an iterator: older than the probe */
	PROBE_ESTABLISHED,  /* SYN_SENT -> ESTABLISHED */
	PROBE_CLOSING,      /* ESTABLISHED -> FIN_WAIT1 or CLOSE_WAIT */
	PROBE_ENDED,        /* anything -> CLOSE */
	PROBE_RESET_SENT,   /* a RST of ours after CLOSE */
	PROBE_RETRANSMIT,   /* retransmission time-outs in a row reached 1, 3 (one record each) */
	PROBE_HEALED,       /* an answer came after PROBE_RETRANSMIT */
	PROBE_NEVER_OPENED, /* destroyed without ever having been opened */
	PROBE_VANISHED,     /* destroyed, and its way to CLOSE went unseen */
	PROBE_SAMPLED,      /* how it stands; read from an iterator, not from the ring */
	PROBE_STARTED = 32, /* process records from here on */
	PROBE_EXECED,
	PROBE_SIGNALED,
	PROBE_EXITED,
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
};

enum probe_socket_flag {
	PROBE_SOCKET_FIN_RECEIVED = 1 << 0,
	PROBE_SOCKET_ORPHAN = 1 << 1,
	PROBE_SOCKET_KEEPALIVE = 1 << 2,
	PROBE_SOCKET_LINGER_ZERO = 1 << 3,
	PROBE_SOCKET_RESET_RECEIVED = 1 << 4,
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

/* What was seen of the MQTT that a connection carries, where it is looked at (MqttInspect=). */
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
	__u8 reset_ttl; /* of the last RST that came */
	__u8 reserved[6];
	__u32 flags; /* enum probe_socket_flag */
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
};

enum probe_signal_flag {
	PROBE_SIGNAL_FROM_KERNEL = 1 << 0,
	PROBE_SIGNAL_OOM = 1 << 1, /* the process was chosen by the OOM killer */
};

struct probe_process {
	struct probe_header header;
	struct probe_task task;
	struct probe_task sender;
	__u32 signal;
	__u32 flags; /* enum probe_signal_flag */
};

_Static_assert(sizeof(struct probe_header) == 16, "layout of probe_header");
_Static_assert(sizeof(struct probe_task) == 28, "layout of probe_task");
_Static_assert(sizeof(struct probe_mqtt) == 32, "layout of probe_mqtt");
_Static_assert(sizeof(struct probe_connection) == 272, "layout of probe_connection");
_Static_assert(sizeof(struct probe_process) == 80, "layout of probe_process");
