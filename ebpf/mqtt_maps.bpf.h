/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state of MQTT on watched connections: made and read by the probe, filled in by
 * the programs of mqtt.bpf.c, which are loaded only where an agent's settings ask for them
 * (MqttInspect=). Both objects use the same maps. Nothing of a packet is kept but what is here. */
#pragma once

enum mqtt_state {
	MQTT_AWAITED,  /* not a byte was seen yet, or not the whole of the first packet's name */
	MQTT_FOLLOWED, /* it began with a CONNECT, and each packet since then was seen */
	MQTT_LOGIN,    /* AMQP, or HTTP: the peer's answer is looked at */
	MQTT_OTHER,    /* something else, TLS for one */
	MQTT_LOST,     /* it was MQTT; where its next packet begins is no longer known */
};

/* How far into a packet a direction is: one word, for mqtt_after(). */
union mqtt_place {
	struct {
		__u32 remaining; /* length of the packet under way, as far as it is known */
		__u8 part;       /* of that packet: enum mqtt_part */
		__u8 at;         /* how many bytes of that part were looked at */
		__u8 first;      /* its first byte */
		__u8 last;       /* type of the last packet; 0: none yet */
	};
	__u64 word;
};

/* Codes of its packets: one word, for mqtt_codes_after(). */
union mqtt_codes {
	struct {
		__u8 reason;   /* of the last packet, where it was a DISCONNECT */
		__u8 connack;  /* reason code of the last CONNACK */
		bool answered; /* there was one */
	};
	__u32 word;
};

/* One direction. Where its next packet begins is told by the length of the one before, so bytes
 * that go by unseen matter only if a packet begins among them. */
struct mqtt_stream {
	__u32 next;    /* sequence number of the next byte to look at */
	__u32 end;     /* one past the last byte that went by */
	__u32 entered; /* how often somebody began to look at a chunk of it, and was done with it */
	__u32 left;
	union mqtt_place place;
	union mqtt_codes codes;
	__u64 last_nsec; /* when it went by */
	__u64 ping_nsec; /* of PINGREQ: of the first one behind the last PINGRESP; of PINGRESP: of
			    the last one */
};

/* How far into the peer's answer to a login: one word, for login_after(). */
union login_place {
	struct {
		__u32 remaining; /* of a frame, as far as it is known */
		__u8 part;       /* enum login_part */
		__u8 at;         /* how many bytes of that part were looked at */
		__u8 descriptor; /* of AMQP; the first byte of a frame of WebSocket */
		__u8 left;       /* bytes of the part under way that are to come */
	};
	__u64 word;
};

/* The reasons that a login's answer gives, for login_codes_after(). */
union login_codes {
	struct {
		__u32 condition;  /* hash of the name of an AMQP error; 0: none */
		__u16 status;     /* of HTTP; 0: none */
		__u16 close_code; /* of WebSocket; 0: none */
	};
	__u64 word;
};

/* Likewise, for login_sasl_after(). */
union login_sasl {
	struct {
		__u32 hash; /* of the name that is under way */
		__u8 code;  /* of an outcome */
		bool known; /* there was one */
	};
	__u64 word;
};

/* The peer's answer to a login that is not MQTT's: login_follow.bpf.h. */
struct login_follow {
	union login_place place;
	union login_codes codes;
	union login_sasl sasl;
	__u8 protocol; /* enum probe_login_protocol */
	__u8 flags;    /* enum probe_login_flag, but for PROBE_LOGIN_SASL */
};

/* Whose session it is. */
struct mqtt_socket {
	__u64 cookie;      /* of the connection; 0: not known */
	__u64 opened_nsec; /* CLOCK_MONOTONIC of the SYN */
	__u64 agent;
};

enum token_part {
	TOKEN_NONE,         /* nobody wants to know, or it is over */
	TOKEN_SOUGHT,       /* from here on, bytes are looked at */
	TOKEN_SIGNED,       /* "Shar" of SharedAccessSignature went by */
	TOKEN_CODED,        /* in the second part of a JSON web token */
	TOKEN_EXPIRY,       /* in the digits, as they are */
	TOKEN_CODED_EXPIRY, /* in the digits, within base64 */
};

/* How far into a token: one word, for token_after(). */
union token_place {
	struct {
		__u64 said : 48;     /* the last bytes, decoded from base64 in TOKEN_CODED; in the
					digits, their number */
		__u64 bits : 6;      /* of base64, that make no byte yet */
		__u64 bit_count : 3; /* of those */
		__u64 digits : 4;    /* how many there were; TOKEN_DIGITS_MOST: or more */
		__u64 part : 3;      /* enum token_part */
	};
	__u64 word;
};

/* When the token in the CONNECT ends: token_follow.bpf.h. All but `seconds` is wiped with the end
 * of the CONNECT. */
struct token_follow {
	union token_place place;
	__u64 seconds; /* since 1970; 0: not known */
	__u32 next;    /* sequence number of the next byte to look at */
	__u32 end;     /* one past the CONNECT */
};

/* How much of a login was told: login_told.bpf.h. */
enum login_told {
	LOGIN_UNTOLD,
	LOGIN_BEGUN, /* that a CONNECT was seen */
	LOGIN_TOLD,  /* the answer to it, or that there will be none */
};

struct mqtt_session {
	struct mqtt_socket socket;
	struct mqtt_stream sent;
	struct mqtt_stream received;
	__u8 state;   /* enum mqtt_state */
	__u8 version; /* protocol level */
	__u8 told;    /* enum login_told */
	bool token_wanted;
	struct login_follow login;
	struct token_follow token;
};

/* MQTT of each connection that is looked at, from its handshake on. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct mqtt_session);
} mqtt_sessions SEC(".maps");

/* The same where the kernel has no types of its own: by the address of the socket. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct mqtt_session);
} mqtt_sessions_by_address SEC(".maps");

/* `sk` is a socket, as a packet has it or a tracepoint. NULL: nobody looks at its MQTT. */
static __always_inline struct mqtt_session *session_of(void *sk)
{
	struct mqtt_session *session;
	__u64 address, cookie;

	if (have_kernel_types)
		return bpf_sk_storage_get(&mqtt_sessions, sk, NULL, 0);
	address = address_of(sk);
	session = bpf_map_lookup_elem(&mqtt_sessions_by_address, &address);
	cookie = session ? session->socket.cookie : 0;
	return session && (cookie >> 63 || cookie == cookie_at(address)) ? session : NULL;
}

/* The MQTT that an agent wrote and read over TLS. */
struct tls_session {
	struct mqtt_session session;
	__u64 ssl;       /* the SSL object that it was said through */
	__u64 ambiguous; /* there were two of them for one socket, or two sockets for one of them */
};

/* By the cookie of the socket, until that is destroyed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct tls_session);
} tls_sessions SEC(".maps");
