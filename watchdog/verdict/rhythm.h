/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The past sessions of an agent with its hub, and the rhythm in them: what tells an expiring token
 * or an idle time-out from chance. */
#pragma once

#include <stdbool.h>

#include "events/event.h"

enum { PAST_SESSIONS_MAX = 8 };

/* "At once" for a reconnect: SDKs wait up to 10 s before their first try. */
#define REOPENED_AT_ONCE (15 * USEC_PER_SEC)

enum session_end {
	SESSION_ENDED_BY_AGENT,
	SESSION_ENDED_BY_PEER, /* with a FIN or a RST */
	SESSION_BROKEN,        /* by neither: the path was silent */
};

/* What the login of a past session tells of the agent's token. */
enum session_login {
	LOGIN_TELLS_NOTHING,
	LOGIN_WAS_ACCEPTED,  /* and the peer ended the session later without a reason */
	LOGIN_TOKEN_EXPIRED, /* refused: the token had expired */
};

struct session {
	enum session_end end;
	enum session_login login;
	usec_t time;     /* of the end, CLOCK_MONOTONIC */
	usec_t age;      /* since the SYN */
	usec_t silence;  /* see session_silence() */
	usec_t before;   /* its age when that began */
	usec_t reopened; /* when the agent connected again, CLOCK_MONOTONIC; 0: not yet */
	bool suspended;  /* the host slept during the session: the age means nothing */
	bool reset;      /* the peer ended it with a RST */
	bool shut_out;   /* an attempt to connect to the peer again did not come up */
};

/* The last PAST_SESSIONS_MAX sessions of one agent. All zero: none. */
struct past_sessions {
	struct session sessions[PAST_SESSIONS_MAX]; /* a ring */
	unsigned count;
	unsigned next;
};

/* So many sessions in a row that are alike make a rhythm: two may be alike by chance. */
enum { RHYTHM_MIN = 3 };

struct rhythm {
	unsigned count; /* sessions in a row that are alike, the present one included */
	unsigned
		fins; /* of short lives: so many of them, up to the present one, ended with a FIN */
	unsigned firsts; /* of like silences: of so many, up to the present one, the session was too
			    young to have survived another like it */
	usec_t period;   /* their mean age or silence */
};

/* Which side ended a session whose socket ended like this. Total: whatever neither the agent nor
 * the peer did is SESSION_BROKEN. */
enum session_end session_end_of(enum ended_by ended_by);

/* How long a connection had been quiet when it ended, or, where data was unacknowledged
 * (`unacked_bytes` > 0), when the agent wrote the last time. `idle_rx` and `idle_tx`: microseconds
 * from the last data received and sent to the end. */
usec_t session_silence(usec_t idle_rx, usec_t idle_tx, uint32_t unacked_bytes);

/* Remembers a copy of `*session`, and forgets the oldest one if there is no room. */
void past_sessions_add(struct past_sessions *past, const struct session *session);

/* The agent opened a connection at `time`. Counts for the newest session, once. */
void past_sessions_reopen(struct past_sessions *past, usec_t time);

/* An attempt to connect to the peer of the newest session again did not come up. */
void past_sessions_shut_out(struct past_sessions *past);

/* The rhythms of `present` and of the sessions just before it. `present` is not one of `past`.
 *
 * Ages: sessions ended by the same side at a like age, the agent back at once after each. Ages
 * under 2 s, and ages over which the host slept, make no rhythm. `count` is at least 1. */
struct rhythm rhythm_of_ages(const struct past_sessions *past, const struct session *present);

/* The newest of `past`, if `present` began after it; `*pause`, in microseconds, is the time between
 * them. NULL: there is none. Borrowed from `past`. */
const struct session *session_before(const struct past_sessions *past,
				     const struct session *present, usec_t *pause);

/* Silences: sessions ended by the same side after a like silence. `count` is at least 1. */
struct rhythm rhythm_of_silences(const struct past_sessions *past, const struct session *present);

/* Short lives: sessions, one after the other, that the peer ended before the age of `limit`
 * microseconds, and after which it let the agent in again at once. `count` is 0 if `present` is
 * none. */
struct rhythm rhythm_of_short_lives(const struct past_sessions *past, const struct session *present,
				    usec_t limit);
