#include "succession.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/settings.h"
#include "sources/probe.h"
#include "support/cleanup.h"
#include "support/descriptor_parcel.h"
#include "support/handover.h"

struct succession {
	struct handover *handover;
	bool inherits;
	size_t settled_count;
	struct handover_report settled[]; /* by the one before us; no room if there was none */
};

_Static_assert((int)AGENT_NAME_SIZE == (int)HANDOVER_NAME_SIZE, "every name finds room");

struct label {
	uint64_t probe;
	uint64_t handover;
};

static struct label own_label(void)
{
	return (struct label){ probe_version(), HANDOVER_VERSION };
}

/* The shared memory is the first in the parcel, the probe's descriptors follow. */
enum { CONTENTS_MAX = 1 + PROBE_DESCRIPTORS_MAX };

static int follow(struct succession **ret, struct probe **probe, int parcel, const char **complaint)
{
	size_t size =
		sizeof(struct succession) + HANDOVER_REPORTS_MAX * sizeof(struct handover_report);
	_cleanup_free_ struct succession *succession = calloc(1, size);
	struct label label = own_label();
	int contents[CONTENTS_MAX];
	int count, r;

	if (!succession)
		return -ENOMEM;
	count = descriptor_parcel_unpack(parcel, &label, sizeof(label), contents, CONTENTS_MAX);
	if (count < 2)
		return count < 0 ? count : -ESTALE;
	r = probe_take_over(probe, contents + 1, (unsigned)count - 1, complaint);
	if (r >= 0) {
		r = handover_open(&succession->handover, contents[0]);
		if (r < 0)
			*probe = probe_close(*probe);
	}
	close(contents[0]);
	if (r < 0)
		return r;
	succession->inherits = true;
	succession->settled_count = handover_reports(succession->handover, succession->settled);
	probe_remember(*probe, succession->handover);
	*ret = STEAL_POINTER(succession);
	return 0;
}

int succession_open_alone(struct succession **ret)
{
	struct succession *succession = calloc(1, sizeof(*succession));
	int r = succession ? handover_new(&succession->handover) : -ENOMEM;

	if (r < 0) {
		free(succession);
		return r;
	}
	*ret = succession;
	return 0;
}

static int begin(struct succession **ret, struct probe **probe, const char **complaint)
{
	int r = succession_open_alone(ret);

	if (r < 0) {
		*complaint = "no shared memory";
		return r;
	}
	r = probe_open(probe, complaint);
	if (r < 0)
		*ret = succession_free(*ret);
	return r;
}

int succession_open(struct succession **ret, struct probe **probe, int parcel,
		    const char **complaint)
{
	int r = -ESTALE;

	if (parcel) {
		r = follow(ret, probe, parcel, complaint);
		close(parcel);
	}
	return r < 0 ? begin(ret, probe, complaint) : r;
}

struct succession *succession_free(struct succession *succession)
{
	if (!succession)
		return NULL;
	handover_free(succession->handover);
	free(succession);
	return NULL;
}

bool succession_inherits(const struct succession *succession)
{
	return succession->inherits;
}

int succession_prepare(struct succession *succession, struct probe *probe)
{
	int contents[CONTENTS_MAX] = { handover_descriptor(succession->handover) };
	struct label label = own_label();
	int count = probe_descriptors(probe, contents + 1);

	if (count < 0)
		return count;
	probe_remember(probe, succession->handover);
	return descriptor_parcel_pack(&label, sizeof(label), contents, 1 + (unsigned)count);
}

/* ---- numbers */

uint32_t succession_number(struct succession *succession, const char *name, uint32_t max)
{
	return handover_number(succession->handover, name, max);
}

bool succession_has_number(const struct succession *succession, uint32_t number)
{
	return handover_name(succession->handover, number) != NULL;
}

void succession_free_number(struct succession *succession, uint32_t number)
{
	handover_free_number(succession->handover, number);
}

/* ---- what is told already */

static struct handover_report *last_report(struct succession *succession, uint64_t cookie)
{
	struct handover_report *last = NULL;

	for (size_t i = 0; i < succession->settled_count; i++) {
		struct handover_report *report = &succession->settled[i];

		if (report->cookie == cookie && report->written &&
		    (!last || report->time > last->time))
			last = report;
	}
	return last;
}

static void forget_reports(struct succession *succession, uint64_t cookie)
{
	struct handover_report *report;

	while ((report = last_report(succession, cookie)))
		*report = succession->settled[--succession->settled_count];
}

/* A connection that is opened after its cookie's last one ended is another one. */
bool succession_is_old_news(struct succession *succession, const struct event *event)
{
	uint64_t cookie = event->connection.cookie;
	const struct handover_report *report;

	if (!event_is_connection(event->type))
		return false;
	report = last_report(succession, cookie);
	if (!report)
		return false;
	if (event->type != EVENT_OPENED || event->time <= report->time)
		return true;
	forget_reports(succession, cookie);
	return false;
}

/* Whoever follows us is not to look for it again: so far back in the journal it may not look. */
void succession_confirm(struct succession *succession, uint64_t cookie)
{
	for (size_t i = 0; i < succession->settled_count; i++) {
		struct handover_report *report = &succession->settled[i];

		if (report->cookie != cookie || report->written)
			continue;
		report->written = 1;
		handover_report_confirm(succession->handover, cookie);
	}
}

static bool is_report(const struct record *record)
{
	return record->kind == RECORD_ENDED && record->cookie;
}

void succession_writing(struct succession *succession, const struct record *record)
{
	if (is_report(record))
		handover_report_begin(succession->handover, record->cookie, record->time);
}

void succession_written(struct succession *succession, const struct record *record)
{
	if (is_report(record))
		handover_report_end(succession->handover);
}
