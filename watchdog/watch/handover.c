/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings/settings.h"
#include "sources/probe.h"
#include "support/cleanup.h"
#include "support/handover_memory.h"
#include "support/handover_store.h"

struct handover {
	struct handover_memory *memory;
	struct handover_shelf shelf; /* for the probe's lenses; both ends 0: there is none */
	uint64_t shelved;            /* the probe's changes that it knows of */
	uint64_t shelf_number;
	bool taken_over;
	/* reports of the daemon before us; there is room for them only if there was one */
	size_t reported_count;
	struct handover_report reported[];
};

_Static_assert((int)AGENT_NAME_SIZE == (int)HANDOVER_NAME_SIZE, "every name finds room");
_Static_assert((int)BUDGET_MAX == (int)HANDOVER_ACTIONS_MAX, "all that count are remembered");

/* Another probe or another layout of the memory is another version, which nobody takes over. */
struct label {
	uint64_t probe;
	uint64_t memory;
};

static struct label own_label(void)
{
	return (struct label){ probe_version(), HANDOVER_VERSION };
}

/* What is packed, the probe's descriptors last. */
enum {
	MEMORY,
	SHELF,
	OTHER_END_OF_SHELF,
	PROBE,
	CONTENTS_MAX = PROBE + PROBE_DESCRIPTORS_MAX,
};

/* A probe without its lenses sees nothing: then it is not taken over. */
static int take_lenses_over(struct handover *handover, struct probe *probe)
{
	int lenses[PROBE_LENS_DESCRIPTORS_MAX];
	int count;

	count = handover_shelf_get(&handover->shelf, &handover->shelf_number, lenses,
				   PROBE_LENS_DESCRIPTORS_MAX);
	if (count > 0)
		probe_lens_take_over(probe, lenses, (unsigned)count);
	return count < 0 ? count : 0;
}

static void close_shelf(struct handover *handover)
{
	if (!handover->shelf.ends[0])
		return;
	close(handover->shelf.ends[0]);
	close(handover->shelf.ends[1]);
}

static int take_over(struct handover **ret, struct probe **probe, const char *btf, int stored,
		     const char **complaint)
{
	size_t size =
		sizeof(struct handover) + HANDOVER_REPORTS_MAX * sizeof(struct handover_report);
	_cleanup_(handover_free_held) struct handover *handover = calloc(1, size);
	struct label label = own_label();
	int contents[CONTENTS_MAX];
	int count, r;

	if (!handover)
		return -ENOMEM;
	count = handover_store_unpack(stored, &label, sizeof(label), contents, CONTENTS_MAX);
	if (count <= PROBE)
		return count < 0 ? count : -ESTALE;
	handover->shelf.ends[0] = contents[SHELF];
	handover->shelf.ends[1] = contents[OTHER_END_OF_SHELF];
	r = probe_take_over(probe, btf, contents + PROBE, (unsigned)(count - PROBE), complaint);
	if (r >= 0) {
		r = take_lenses_over(handover, *probe);
		if (r >= 0)
			r = handover_memory_open(&handover->memory, contents[MEMORY]);
		if (r < 0)
			*probe = probe_close(*probe);
	}
	close(contents[MEMORY]);
	if (r < 0)
		return r;
	handover->taken_over = true;
	handover->reported_count = handover_memory_reports(handover->memory, handover->reported);
	probe_remember(*probe, handover->memory);
	*ret = STEAL_POINTER(handover);
	return 0;
}

int handover_open_alone(struct handover **ret)
{
	struct handover *handover = calloc(1, sizeof(*handover));
	int r = handover ? handover_memory_new(&handover->memory) : -ENOMEM;

	if (r < 0) {
		free(handover);
		return r;
	}
	*ret = handover;
	return 0;
}

static int open_anew(struct handover **ret, struct probe **probe, const char *btf,
		     const char **complaint)
{
	int r = handover_open_alone(ret);

	if (r < 0) {
		*complaint = "no shared memory";
		return r;
	}
	r = probe_open(probe, btf, complaint);
	if (r < 0)
		*ret = handover_free(*ret);
	return r;
}

int handover_open(struct handover **ret, struct probe **probe, const char *btf, int stored,
		  const char **complaint)
{
	int r = -ESTALE;

	if (stored) {
		r = take_over(ret, probe, btf, stored, complaint);
		close(stored);
	}
	if (r >= 0)
		return r;
	*complaint = NULL;
	return open_anew(ret, probe, btf, complaint);
}

struct handover *handover_free(struct handover *handover)
{
	if (!handover)
		return NULL;
	close_shelf(handover);
	handover_memory_free(handover->memory);
	free(handover);
	return NULL;
}

bool handover_taken_over(const struct handover *handover)
{
	return handover->taken_over;
}

int handover_shelve_lenses(struct handover *handover, struct probe *probe)
{
	uint64_t changes = probe_lens_changes(probe);
	int lenses[PROBE_LENS_DESCRIPTORS_MAX];
	int r;

	if (!handover->shelf.ends[0] || handover->shelved == changes)
		return 0;
	r = handover_shelf_put(&handover->shelf, ++handover->shelf_number, lenses,
			       (unsigned)probe_lens_descriptors(probe, lenses));
	if (r >= 0)
		handover->shelved = changes;
	return r;
}

int handover_pack(struct handover *handover, struct probe *probe)
{
	int contents[CONTENTS_MAX] = { [MEMORY] = handover_memory_descriptor(handover->memory) };
	struct label label = own_label();
	int count = probe_descriptors(probe, contents + PROBE);
	int r = count < 0 ? count : handover_shelf_open(&handover->shelf);

	if (r >= 0)
		r = handover_shelve_lenses(handover, probe);
	if (r < 0)
		return r;
	contents[SHELF] = handover->shelf.ends[0];
	contents[OTHER_END_OF_SHELF] = handover->shelf.ends[1];
	probe_remember(probe, handover->memory);
	return handover_store_pack(&label, sizeof(label), contents, PROBE + (unsigned)count);
}

/* ---- numbers */

uint32_t handover_number(struct handover *handover, const char *name, uint32_t max)
{
	return handover_memory_number(handover->memory, name, max);
}

bool handover_has_number(const struct handover *handover, uint32_t number)
{
	return handover_memory_name(handover->memory, number) != NULL;
}

void handover_free_number(struct handover *handover, uint32_t number)
{
	handover_memory_free_number(handover->memory, number);
}

/* ---- what is reported already */

static struct handover_report *last_report(struct handover *handover, uint64_t cookie)
{
	struct handover_report *last = NULL;

	for (size_t i = 0; i < handover->reported_count; i++) {
		struct handover_report *report = &handover->reported[i];

		if (report->cookie == cookie && report->written &&
		    (!last || report->time > last->time))
			last = report;
	}
	return last;
}

static void forget_reports(struct handover *handover, uint64_t cookie)
{
	struct handover_report *report;

	while ((report = last_report(handover, cookie)))
		*report = handover->reported[--handover->reported_count];
}

/* The kernel may give a cookie again: a connection that is opened after the end of the last one
 * with its cookie is another one. */
bool handover_is_reported(struct handover *handover, const struct event *event)
{
	uint64_t cookie = event->connection.cookie;
	const struct handover_report *report;

	if (!event_is_connection(event->type))
		return false;
	report = last_report(handover, cookie);
	if (!report)
		return false;
	if (event->type != EVENT_OPENED || event->time <= report->time)
		return true;
	forget_reports(handover, cookie);
	return false;
}

/* The report is confirmed in the memory, too: by the time of the next daemon it may be too far back
 * in the journal to be found. */
void handover_confirm_report(struct handover *handover, uint64_t cookie)
{
	for (size_t i = 0; i < handover->reported_count; i++) {
		struct handover_report *report = &handover->reported[i];

		if (report->cookie != cookie || report->written)
			continue;
		report->written = 1;
		handover_memory_confirm_report(handover->memory, cookie);
	}
}

static bool is_report(const struct record *record)
{
	return record->kind == RECORD_ENDED && record->cookie;
}

/* Returns the number of the agent that the record is about; 0: it has none. */
static uint32_t number_of(const struct handover *handover, const struct record *record)
{
	for (uint32_t number = 1; number <= HANDOVER_AGENTS_MAX; number++) {
		const char *name = handover_memory_name(handover->memory, number);

		if (name && strcmp(name, record->agent) == 0)
			return number;
	}
	return 0;
}

static void count_action(struct handover *handover, const struct record *record)
{
	enum action_outcome outcome = action_outcome_from_string(record->action_result);
	uint32_t number = number_of(handover, record);

	if (number && outcome == ACTION_STARTED)
		handover_memory_note_action(handover->memory, number, record->time);
	else if (number && outcome == ACTION_INTERRUPTED)
		handover_memory_take_action_back(handover->memory, number);
}

size_t handover_actions(const struct handover *handover, uint32_t number,
			usec_t times[static BUDGET_MAX])
{
	return handover_memory_actions(handover->memory, number, times);
}

void handover_writing(struct handover *handover, const struct record *record)
{
	if (record->kind == RECORD_ACTION)
		count_action(handover, record);
	if (is_report(record))
		handover_memory_begin_report(handover->memory, record->cookie, record->time);
}

void handover_written(struct handover *handover, const struct record *record)
{
	if (is_report(record))
		handover_memory_end_report(handover->memory);
}
