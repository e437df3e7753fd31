/* What an agent's last sessions with its hub were like: the rhythms that tell an expiring token
 * from chance. */
#pragma once

#include <stdbool.h>

#include "event.h"

enum { HISTORY_MAX = 8 };

enum session_end {
	SESSION_ENDED_HERE,  /* by the agent */
	SESSION_ENDED_THERE, /* by the peer, with a FIN or a RST */
	SESSION_BROKEN,      /* by nobody: the path was silent */
};

struct session {
	enum session_end end;
	usec_t time;     /* of the end */
	usec_t age;      /* since the SYN */
	usec_t silence;  /* how long nothing had come or gone, before the end or the last write */
	usec_t reopened; /* when the next session began; 0: not yet */
	bool suspended;  /* the host slept during it: its age tells nothing */
};

struct history {
	struct session sessions[HISTORY_MAX]; /* a ring */
	unsigned count;
	unsigned next;
};

/* How often in a row the same thing happened, the present session included, and its mean length. */
struct rhythm {
	unsigned count;
	usec_t period;
};

enum session_end session_end_of(enum ended_by ended_by);

/* How long it had been quiet: before the write that a RST answered or that nothing answered, else
 * before the end. */
usec_t session_silence(usec_t idle_rx, usec_t idle_tx, uint32_t unacked_bytes);

void history_add(struct history *history, const struct session *session);

/* The agent opens a connection again. */
void history_reopen(struct history *history, usec_t time);

/* Sessions just before `present` that ended on the same side at a like age, each followed at once
 * by the next one. Ages under 2 s, and ages over which the host slept, make no rhythm. */
struct rhythm history_ages(const struct history *history, const struct session *present);

/* Sessions just before `present` that ended after a like silence. */
struct rhythm history_silences(const struct history *history, const struct session *present);

/* Sessions just before `present` that the peer ended before `limit`. */
struct rhythm history_short_lives(const struct history *history, const struct session *present,
				  usec_t limit);
