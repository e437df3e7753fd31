/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "past/timeline.h"

#include <string.h>

#include "base/names.h"

static const char *const presence_names[PRESENCE_MAX] = {
	[PRESENCE_UNKNOWN] = "unknown",
	[PRESENCE_DOWN] = "down",
	[PRESENCE_UP] = "up",
	[PRESENCE_STALLED] = "stalled",
};
DEFINE_NAMES(presence);

void timeline_begin(struct timeline *timeline, usec_t since, timeline_emit emit, void *userdata)
{
	*timeline = (struct timeline){
		.emit = emit,
		.userdata = userdata,
		.begun = since != 0,
		.emitted = since,
	};
}

static void emit(struct timeline *timeline, usec_t until, enum presence presence)
{
	struct span span = { timeline->emitted, until, presence };

	if (until <= timeline->emitted)
		return;
	timeline->emit(timeline->userdata, &span);
	timeline->emitted = until;
}

/* Emits `presence` for the last `back` microseconds before `now`, and what is presumed before them.
 */
static void emit_back(struct timeline *timeline, usec_t now, usec_t back, enum presence presence)
{
	usec_t from = back < now ? now - back : 0;

	if (!timeline->begun) {
		timeline->begun = true;
		timeline->emitted = from;
	}
	emit(timeline, from, timeline->presumed);
	emit(timeline, now, presence);
}

/* A connection whose age is not known (0) is older than the watchdog. */
static void session_ended(struct timeline *timeline, const struct past_record *past)
{
	bool stalled = timeline->presumed == PRESENCE_STALLED;
	usec_t age = past->record.socket.age;

	if (stalled)
		emit_back(timeline, past->realtime, 0, PRESENCE_STALLED);
	else if (age == 0 && timeline->presumed == PRESENCE_UNKNOWN && timeline->begun)
		emit(timeline, past->realtime, PRESENCE_UP);
	else
		emit_back(timeline, past->realtime, age, PRESENCE_UP);
	timeline->presumed = PRESENCE_DOWN;
}

/* How long before the record was written what it tells of happened. */
static usec_t delay_of(const struct past_record *past)
{
	usec_t told = past->record.time, since = past->happened;

	return since && since < told ? told - since : 0;
}

/* The record is of the boot after: the session lasted up to the end of the boot before, and since
 * then there was none. Where it is not known how long the host was down, that time is unknown. */
static void host_went_down(struct timeline *timeline, const struct past_record *past)
{
	if (past->record.downtime)
		timeline->presumed = PRESENCE_UP;
	emit_back(timeline, past->realtime, delay_of(past) + past->record.downtime, PRESENCE_DOWN);
	timeline->presumed = PRESENCE_DOWN;
}

static void stalled(struct timeline *timeline, const struct past_record *past)
{
	enum cause cause = past->record.verdict.cause;

	if (cause == CAUSE_AGENT_NOT_RECONNECTING || cause_is_of_names(cause)) {
		emit_back(timeline, past->realtime, 0, PRESENCE_DOWN);
		timeline->presumed = PRESENCE_DOWN;
		return;
	}
	emit_back(timeline, past->realtime, past->record.socket.age, PRESENCE_UP);
	/* a token that ends soon stalls nothing yet */
	timeline->presumed = cause == CAUSE_TOKEN_EXPIRED ? PRESENCE_UP : PRESENCE_STALLED;
}

static void recovered(struct timeline *timeline, const struct past_record *past)
{
	bool healed = past->record.verdict.cause != CAUSE_UNKNOWN;

	emit_back(timeline, past->realtime, past->record.downtime,
		  healed ? PRESENCE_STALLED : PRESENCE_DOWN);
	timeline->presumed = PRESENCE_UP;
}

/* Told when it had lasted a while. */
static void connected(struct timeline *timeline, const struct past_record *past)
{
	emit_back(timeline, past->realtime, delay_of(past), PRESENCE_UP);
	timeline->presumed = PRESENCE_UP;
}

/* The watchdog was started. Whether the connection lasted, the next record of it says; an agent
 * that was up is presumed to stay up until then. */
static void watched(struct timeline *timeline, const struct past_record *past)
{
	if (timeline->begun && (timeline->presumed == PRESENCE_UP || timeline->is_new_boot))
		return;
	emit_back(timeline, past->realtime, 0, timeline->presumed);
	timeline->presumed = PRESENCE_UNKNOWN;
}

/* No connection survives a boot. When the host went down, a record of the next boot may say, but
 * not the first one. */
static void look_at_boot(struct timeline *timeline, const struct past_record *past)
{
	bool same = strcmp(timeline->boot_id, past->boot_id) == 0;

	timeline->is_new_boot = !same && timeline->boot_id[0];
	if (timeline->is_new_boot)
		timeline->presumed = PRESENCE_UNKNOWN;
	memcpy(timeline->boot_id, past->boot_id, sizeof(timeline->boot_id));
}

void timeline_add(struct timeline *timeline, const struct past_record *past)
{
	look_at_boot(timeline, past);
	switch (past->record.kind) {
	case RECORD_ENDED:
		if (past_is_of_earlier_boot(past))
			host_went_down(timeline, past);
		else if (past_came_up(past))
			session_ended(timeline, past);
		break;
	case RECORD_STALLED:
		stalled(timeline, past);
		break;
	case RECORD_RECOVERED:
		recovered(timeline, past);
		break;
	case RECORD_WATCHING:
		watched(timeline, past);
		break;
	case RECORD_CONNECTED:
		connected(timeline, past);
		break;
	case RECORD_ACTION:
	case RECORD_EVIDENCE_LOST:
	case RECORD_KIND_MAX:
	case RECORD_KIND_INVALID:
		break;
	}
}

void timeline_finish(struct timeline *timeline, usec_t until)
{
	if (timeline->begun)
		emit(timeline, until, timeline->presumed);
}
