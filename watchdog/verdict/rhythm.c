/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rhythm.h"

/* Ages and silences are alike if they differ by no more than a twentieth. Hubs that watch each
 * token close within seconds of its end. Hubs that sweep at intervals scatter more: no rhythm is
 * found, and the plainer cause is given. */
enum { LIKENESS = 20 };

#define SHORTEST_RHYTHM (2 * USEC_PER_SEC)

enum session_end session_end_of(enum ended_by ended_by)
{
	switch (ended_by) {
	case ENDED_BY_PEER_FIN:
	case ENDED_BY_PEER_RESET:
		return SESSION_ENDED_BY_PEER;
	case ENDED_BY_LOCAL_FIN:
	case ENDED_BY_LOCAL_RESET:
	case ENDED_BY_ABORTED:
		return SESSION_ENDED_BY_AGENT;
	case ENDED_BY_KEEPALIVE_TIMEOUT:
	case ENDED_BY_RETRANSMIT_TIMEOUT:
	case ENDED_BY_USER_TIMEOUT:
	case ENDED_BY_PROBE_TIMEOUT:
	case ENDED_BY_UNREACHABLE:
	case ENDED_BY_OUT_OF_MEMORY:
	case ENDED_BY_CONNECT_REFUSED:
	case ENDED_BY_CONNECT_TIMEOUT:
	case ENDED_BY_CONNECT_UNREACHABLE:
	case ENDED_BY_UNKNOWN:
	case ENDED_BY_MAX:
	case ENDED_BY_INVALID:
		break;
	}
	return SESSION_BROKEN;
}

usec_t session_silence(usec_t idle_rx, usec_t idle_tx, uint32_t unacked_bytes)
{
	if (unacked_bytes > 0 && idle_rx > idle_tx)
		return idle_rx - idle_tx;
	return idle_rx < idle_tx ? idle_rx : idle_tx;
}

void past_sessions_add(struct past_sessions *past, const struct session *session)
{
	past->sessions[past->next] = *session;
	past->next = (past->next + 1) % PAST_SESSIONS_MAX;
	if (past->count < PAST_SESSIONS_MAX)
		past->count++;
}

/* The `back`-th session from the end, from 1. */
static const struct session *session_back(const struct past_sessions *past, unsigned back)
{
	return &past->sessions[(past->next + PAST_SESSIONS_MAX - back) % PAST_SESSIONS_MAX];
}

void past_sessions_reopen(struct past_sessions *past, usec_t time)
{
	struct session *last =
		&past->sessions[(past->next + PAST_SESSIONS_MAX - 1) % PAST_SESSIONS_MAX];

	if (past->count > 0 && last->reopened == 0)
		last->reopened = time;
}

void past_sessions_shut_out(struct past_sessions *past)
{
	struct session *last =
		&past->sessions[(past->next + PAST_SESSIONS_MAX - 1) % PAST_SESSIONS_MAX];

	last->shut_out = past->count > 0;
}

static bool alike(usec_t a, usec_t b)
{
	usec_t difference = a > b ? a - b : b - a;

	return a >= SHORTEST_RHYTHM && b >= SHORTEST_RHYTHM && difference <= a / LIKENESS;
}

/* True if the later session began after the earlier one had ended. */
static bool in_a_row(const struct session *earlier, const struct session *later)
{
	return earlier->time + later->age <= later->time;
}

const struct session *session_before(const struct past_sessions *past,
				     const struct session *present, usec_t *pause)
{
	const struct session *before = session_back(past, 1);

	if (past->count == 0 || !in_a_row(before, present))
		return NULL;
	*pause = present->time - present->age - before->time;
	return before;
}

static bool like_age(const struct session *earlier, const struct session *present)
{
	usec_t pause = earlier->reopened > earlier->time ? earlier->reopened - earlier->time : 0;

	return earlier->end == present->end && !earlier->suspended && earlier->reopened &&
	       pause <= REOPENED_AT_ONCE && pause <= earlier->age &&
	       alike(earlier->age, present->age);
}

static bool like_silence(const struct session *earlier, const struct session *present)
{
	return earlier->end == present->end && !earlier->suspended &&
	       alike(earlier->silence, present->silence);
}

struct rhythm rhythm_of_ages(const struct past_sessions *past, const struct session *present)
{
	struct rhythm rhythm = { .count = 1, .period = present->age };
	usec_t sum = present->age;

	if (present->suspended)
		return rhythm;
	while (rhythm.count <= past->count && like_age(session_back(past, rhythm.count), present))
		sum += session_back(past, rhythm.count++)->age;
	rhythm.period = sum / rhythm.count;
	return rhythm;
}

static bool is_first_silence(const struct session *session)
{
	return session->before < session->silence;
}

struct rhythm rhythm_of_silences(const struct past_sessions *past, const struct session *present)
{
	struct rhythm rhythm = { .count = 1, .period = present->silence };
	const struct session *session;
	usec_t sum = present->silence;

	if (present->suspended)
		return rhythm;
	rhythm.firsts = is_first_silence(present);
	while (rhythm.count <= past->count &&
	       like_silence(session = session_back(past, rhythm.count), present)) {
		rhythm.firsts += rhythm.firsts == rhythm.count && is_first_silence(session);
		rhythm.count++;
		sum += session->silence;
	}
	rhythm.period = sum / rhythm.count;
	return rhythm;
}

struct rhythm rhythm_of_short_lives(const struct past_sessions *past, const struct session *present,
				    usec_t limit)
{
	struct rhythm rhythm = { .period = present->age };
	const struct session *session = present;
	usec_t sum = 0;

	while (session->end == SESSION_ENDED_BY_PEER && session->age < limit) {
		const struct session *later = session;

		sum += session->age;
		rhythm.fins += rhythm.fins == rhythm.count && !session->reset;
		if (++rhythm.count > past->count)
			break;
		session = session_back(past, rhythm.count);
		if (session->shut_out || !in_a_row(session, later))
			break;
	}
	if (rhythm.count)
		rhythm.period = sum / rhythm.count;
	return rhythm;
}
