/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/boot_past.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "base/text.h"
#include "sources/boot_end.h"
#include "sources/crash_traces.h"
#include "sources/host_clock.h"
#include "sources/journal_reader.h"
#include "support/cleanup.h"
#include "support/clock.h"

enum {
	RECORDS_MAX = 256, /* that are looked at for a session */
	MATCH_SIZE = 128,
};

/* The session, from the record that tells that it was up. */
struct open_past {
	char agent[AGENT_NAME_SIZE]; /* as records have it */
	struct past_record session;
	char present[BOOT_ID_SIZE]; /* this boot */
};

static bool came_up(const struct past_record *past)
{
	return past->record.kind == RECORD_CONNECTED ||
	       (past->record.kind == RECORD_RECOVERED && !*past->cause);
}

static bool tells_of_sessions(const struct past_record *past)
{
	return past->record.kind == RECORD_ENDED || came_up(past);
}

/* Returns 1 if there is one, 0 if there is none or this boot has records already, or -errno. */
static int find_session(const struct journal_query *query, struct open_past *open)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	struct past_record *past = &open->session;
	int r = journal_reader_new(&reader, query);

	if (r >= 0)
		r = journal_reader_last(reader);
	if (r < 0)
		return r;
	snprintf(open->present, sizeof(open->present), "%s", journal_reader_boot(reader));
	for (unsigned i = 0; i < RECORDS_MAX && (r = journal_reader_previous(reader, past)) > 0;
	     i++) {
		bool is_present = strcmp(past->boot_id, open->present) == 0;

		if (strcmp(past->record.agent, open->agent) != 0 || !tells_of_sessions(past))
			continue;
		if (is_present)
			return 0;
		if (came_up(past))
			return 1;
	}
	return r < 0 ? r : 0;
}

/* Returns 1 if the journal has a record like this, 0 or -errno. */
static int has_record(struct journal_query query, const char *agent, const char *boot,
		      const char *field)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	const char *const matches[] = { "CONNWATCH_KIND=ended", field, NULL };
	int r;

	if (!past)
		return -ENOMEM;
	query.boot = boot;
	query.matches = matches;
	r = journal_reader_new(&reader, &query);
	while (r >= 0 && (r = journal_reader_next(reader, past)) > 0)
		if (strcmp(past->record.agent, agent) == 0)
			break;
	return r;
}

/* Its end was told when it happened, or by an earlier boot than this one. */
static int has_ended(const struct journal_query *query, const struct open_past *open)
{
	const struct past_record *session = &open->session;
	char field[MATCH_SIZE];
	int r;

	snprintf(field, sizeof(field), "CONNWATCH_SOCKET_COOKIE=%" PRIu64, session->record.cookie);
	r = has_record(*query, open->agent, session->boot_id, field);
	if (r)
		return r;
	snprintf(field, sizeof(field), "CONNWATCH_EVIDENCE=boot=%s", session->boot_id);
	return has_record(*query, open->agent, NULL, field);
}

/* ---- the end of its boot */

/* Between the host's clock and one that a battery keeps going. One whose battery is empty began
 * anew when the power came, and systemd has set the host's clock ahead to its last known time
 * (systemd-timesyncd.service(8)). */
#define CLOCKS_APART (1 * USEC_PER_MINUTE)

static bool battery_agrees(void)
{
	_cleanup_fclose_ FILE *file = fopen("/sys/class/rtc/rtc0/since_epoch", "re");
	usec_t now = clock_now(CLOCK_REALTIME), time;
	uint64_t seconds;

	if (!file || fscanf(file, "%" SCNu64, &seconds) != 1 ||
	    seconds > USEC_INFINITY / USEC_PER_SEC)
		return false;
	time = seconds * USEC_PER_SEC;
	return (time > now ? time - now : now - time) < CLOCKS_APART;
}

/* A clock that nobody vouches for, and that no battery keeps going, says nothing about how long the
 * host was down. That of a container goes on. */
static bool clock_is_doubted(bool is_container)
{
	return !is_container && host_clock_state() != CLOCK_SYNCHRONISED && !battery_agrees();
}

/* A container's crash is not the kernel's. */
static void look_for_crash(const struct boot_end *end, struct host_end *host)
{
	struct crash_traces traces;

	if (host->is_container || host->not_the_last)
		return;
	crash_traces_look("", end->last > USEC_PER_MINUTE ? end->last - USEC_PER_MINUTE : 0,
			  &traces);
	host->crash_would_show = traces.kept;
	host->panicked = traces.panicked;
	host->watchdog = traces.watchdog;
}

static int describe_boot(const struct open_past *open, const char *unit,
			 struct history_open_event *event)
{
	bool is_container = access("/run/systemd/container", F_OK) == 0;
	usec_t now = clock_now(CLOCK_MONOTONIC);
	struct boot_end end;
	int r = boot_end_read(open->session.boot_id, open->present, unit,
			      clock_is_doubted(is_container), &end);

	if (r < 0)
		return r == -ENODATA ? 0 : r;
	event->host_went_down = true;
	event->host = end.host;
	event->host.is_container = is_container;
	look_for_crash(&end, &event->host);
	event->verdict.ago = now > end.next ? now - end.next : 0;
	return 1;
}

static struct past_verdict subject_of(const struct record *record)
{
	struct past_verdict subject = {
		.cookie = record->cookie,
		.netns = record->netns,
		.local = record->local,
		.peer = record->peer,
		.pid = record->process.pid,
	};

	memcpy(subject.comm, record->process.comm, sizeof(subject.comm));
	memcpy(subject.invocation_id, record->invocation_id, sizeof(subject.invocation_id));
	return subject;
}

static int look(const struct journal_query *query, struct open_past *open,
		struct history_open_event *event)
{
	int r = find_session(query, open);

	if (r <= 0)
		return r == -ENOENT ? 0 : r;
	r = has_ended(query, open);
	if (r)
		return r < 0 ? r : 0;
	event->verdict = subject_of(&open->session.record);
	return describe_boot(open, query->sender, event);
}

static int read_past(struct open_past *open, const char *agent, struct history_open_event *event)
{
	_cleanup_free_ char *unit = NULL;
	const char *const agents[] = { agent, NULL };
	struct journal_query query = { .agents = agents, .until = USEC_INFINITY };

	if (sd_pid_get_unit(0, &unit) < 0)
		return 0;
	query.sender = unit;
	text_copy(open->agent, sizeof(open->agent), agent);
	text_make_printable(open->agent);
	return look(&query, open, event);
}

int watch_boot_past_read(const struct agent_settings *settings, uint32_t agent, event_sink event,
			 void *userdata)
{
	_cleanup_free_ struct open_past *open = calloc(1, sizeof(*open));
	struct event told = { .type = EVENT_HISTORY_OPEN,
			      .time = clock_now(CLOCK_MONOTONIC),
			      .agent = agent };
	int r;

	if (!open)
		return -ENOMEM;
	r = read_past(open, settings->name, &told.history_open);
	if (r > 0)
		event(userdata, &told);
	return r < 0 ? r : 0;
}
