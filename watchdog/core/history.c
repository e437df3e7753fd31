#include "history.h"

/* Ages and silences are alike if they differ by less than a twentieth. Hubs close within seconds
 * of a token's end when they watch it closely; where they sweep, the lengths scatter more and no
 * rhythm is found: an honest miss. */
enum { LIKENESS = 20 };

#define SHORTEST_RHYTHM (2 * USEC_PER_SEC)
/* "At once" for a reconnect: SDKs wait up to 10 s before their first try. */
#define REOPENED_AT_ONCE (15 * USEC_PER_SEC)

enum session_end session_end_of(enum ended_by ended_by)
{
	switch (ended_by) {
	case ENDED_BY_PEER_FIN:
	case ENDED_BY_PEER_RESET:
		return SESSION_ENDED_THERE;
	case ENDED_BY_LOCAL_FIN:
	case ENDED_BY_LOCAL_RESET:
	case ENDED_BY_ABORTED:
		return SESSION_ENDED_HERE;
	default:
		return SESSION_BROKEN;
	}
}

usec_t session_silence(usec_t idle_rx, usec_t idle_tx, uint32_t unacked_bytes)
{
	if (unacked_bytes > 0 && idle_rx > idle_tx)
		return idle_rx - idle_tx;
	return idle_rx < idle_tx ? idle_rx : idle_tx;
}

void history_add(struct history *history, const struct session *session)
{
	history->sessions[history->next] = *session;
	history->next = (history->next + 1) % HISTORY_MAX;
	if (history->count < HISTORY_MAX)
		history->count++;
}

/* The `back`-th session from the end, from 1. */
static const struct session *session_back(const struct history *history, unsigned back)
{
	return &history->sessions[(history->next + HISTORY_MAX - back) % HISTORY_MAX];
}

void history_reopen(struct history *history, usec_t time)
{
	struct session *last = &history->sessions[(history->next + HISTORY_MAX - 1) % HISTORY_MAX];

	if (history->count > 0 && last->reopened == 0)
		last->reopened = time;
}

static bool alike(usec_t a, usec_t b)
{
	usec_t difference = a > b ? a - b : b - a;

	return a >= SHORTEST_RHYTHM && b >= SHORTEST_RHYTHM && difference <= a / LIKENESS;
}

/* One after the other, not side by side. */
static bool in_a_row(const struct session *past, const struct session *later)
{
	return past->time + later->age <= later->time;
}

static bool like_age(const struct session *past, const struct session *present)
{
	usec_t pause = past->reopened > past->time ? past->reopened - past->time : 0;

	return past->end == present->end && !past->suspended && past->reopened &&
	       pause <= REOPENED_AT_ONCE && pause <= past->age && alike(past->age, present->age);
}

static bool like_silence(const struct session *past, const struct session *present)
{
	return past->end == present->end && !past->suspended &&
	       alike(past->silence, present->silence);
}

struct rhythm history_ages(const struct history *history, const struct session *present)
{
	struct rhythm rhythm = { 1, present->age };
	usec_t sum = present->age;

	if (present->suspended)
		return rhythm;
	while (rhythm.count <= history->count &&
	       like_age(session_back(history, rhythm.count), present))
		sum += session_back(history, rhythm.count++)->age;
	rhythm.period = sum / rhythm.count;
	return rhythm;
}

struct rhythm history_silences(const struct history *history, const struct session *present)
{
	struct rhythm rhythm = { 1, present->silence };
	usec_t sum = present->silence;

	if (present->suspended)
		return rhythm;
	while (rhythm.count <= history->count &&
	       like_silence(session_back(history, rhythm.count), present))
		sum += session_back(history, rhythm.count++)->silence;
	rhythm.period = sum / rhythm.count;
	return rhythm;
}

struct rhythm history_short_lives(const struct history *history, const struct session *present,
				  usec_t limit)
{
	struct rhythm rhythm = { 0, present->age };
	const struct session *session = present;
	usec_t sum = 0;

	while (session->end == SESSION_ENDED_THERE && session->age < limit) {
		const struct session *later = session;

		sum += session->age;
		if (++rhythm.count > history->count)
			break;
		session = session_back(history, rhythm.count);
		if (!in_a_row(session, later))
			break;
	}
	if (rhythm.count)
		rhythm.period = sum / rhythm.count;
	return rhythm;
}
