#include "watch_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sources/probe.h"
#include "succession.h"
#include "support/cleanup.h"
#include "watch_records.h"
#include "watch_survey.h"

struct watch_source {
	struct source_options options;
	struct probe *probe; /* NULL in the mode sock-diag */
	struct watch_records *records;
	struct watch_survey *survey; /* NULL in the mode ebpf */
};

DEFINE_CLEANUP(struct watch_source *, watch_source_close);

static void notice(struct watch_source *source, const char *format, const char *complaint,
		   int error)
{
	char text[512];

	snprintf(text, sizeof(text), format, complaint);
	source->options.notice(source->options.userdata, text, error);
}

/* ---- opening */

static void on_survey(void *userdata)
{
	struct watch_source *source = userdata;

	source->options.look(source->options.userdata);
}

static void on_notice(void *userdata, const char *text, int error)
{
	struct watch_source *source = userdata;

	source->options.notice(source->options.userdata, text, error);
}

static int open_survey(struct watch_source *source, struct succession **succession, sd_event *event)
{
	const struct survey_listener listener = {
		.ready = on_survey,
		.notice = on_notice,
		.userdata = source,
	};
	const char *complaint = "no shared memory";
	int r = succession_open_alone(succession);

	if (r >= 0)
		r = watch_survey_new(&source->survey, event, source->options.connections, &listener,
				     &complaint);
	if (r < 0)
		notice(source, "%s", complaint, r);
	return r;
}

/* Says why the probe cannot be had, and goes on without if that is allowed. */
static int open_probe_or_survey(struct watch_source *source, struct succession **succession,
				sd_event *event)
{
	const char *complaint;
	int r = succession_open(succession, &source->probe, source->options.parcel, &complaint);

	if (r >= 0)
		return watch_records_new(&source->records, event, source->probe,
					 source->options.look, source->options.userdata);
	if (source->options.mode == MODE_EBPF) {
		notice(source, "%s", complaint, r);
		return r;
	}
	notice(source, "no eBPF, so the mode is sock-diag, which sees less: %s", complaint, r);
	return open_survey(source, succession, event);
}

int watch_source_open(struct watch_source **ret, struct succession **succession, sd_event *event,
		      const struct source_options *options)
{
	_cleanup_(watch_source_close_held) struct watch_source *source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return -ENOMEM;
	source->options = *options;
	if (options->mode == MODE_SOCK_DIAG && options->parcel)
		close(options->parcel);
	r = options->mode == MODE_SOCK_DIAG ? open_survey(source, succession, event)
					    : open_probe_or_survey(source, succession, event);
	if (r < 0)
		return r;
	*ret = STEAL_POINTER(source);
	return 0;
}

struct watch_source *watch_source_close(struct watch_source *source)
{
	if (!source)
		return NULL;
	watch_records_free(source->records);
	probe_close(source->probe);
	watch_survey_free(source->survey);
	free(source);
	return NULL;
}

enum mode watch_source_mode(const struct watch_source *source)
{
	return source->probe ? MODE_EBPF : MODE_SOCK_DIAG;
}

/* ---- one door to both */

void watch_source_begin(struct watch_source *source)
{
	if (source->records)
		watch_records_begin(source->records);
}

int watch_source_drain(struct watch_source *source, event_sink sink, void *userdata)
{
	return source->probe ? probe_drain(source->probe, sink, userdata)
			     : watch_survey_drain(source->survey, sink, userdata);
}

int watch_source_sample(struct watch_source *source)
{
	if (source->probe)
		return probe_sample(source->probe);
	watch_survey_look(source->survey, true);
	return 0;
}

int watch_source_find_connections(struct watch_source *source)
{
	if (source->probe)
		return probe_find_connections(source->probe);
	watch_survey_look(source->survey, false);
	return 0;
}

bool watch_source_shows_connections(const struct watch_source *source)
{
	return !source->probe || probe_shows_connections(source->probe);
}

int watch_source_process(struct watch_source *source, pid_t pid, uint32_t agent)
{
	return source->probe ? probe_watch_process(source->probe, pid, agent)
			     : watch_survey_process(source->survey, pid, agent);
}

int watch_source_cgroup(struct watch_source *source, const char *path, uint32_t agent)
{
	return source->probe ? probe_watch_cgroup(source->probe, path, agent)
			     : watch_survey_cgroup(source->survey, path, agent);
}

int watch_source_cgroup_to_come(struct watch_source *source, const char *parent, const char *name,
				uint32_t agent)
{
	_cleanup_free_ char *path = NULL;

	if (source->probe)
		return probe_watch_cgroup_to_come(source->probe, parent, name, agent);
	if (asprintf(&path, "%s/%s", parent, name) < 0)
		return -ENOMEM;
	return watch_survey_cgroup(source->survey, path, agent);
}

void watch_source_forget_cgroup(struct watch_source *source, const char *path, uint32_t agent)
{
	if (source->probe)
		probe_forget_cgroup(source->probe, path, agent);
	else
		watch_survey_forget_cgroup(source->survey, path, agent);
}

int watch_source_inspect_mqtt(struct watch_source *source, uint32_t agent, bool yes)
{
	if (source->probe)
		return probe_inspect_mqtt(source->probe, agent, yes);
	return yes ? -EOPNOTSUPP : 0;
}

void watch_source_unwatch(struct watch_source *source, uint32_t agent)
{
	if (source->probe)
		probe_unwatch(source->probe, agent);
	else
		watch_survey_unwatch(source->survey, agent);
}

void watch_source_recall(struct watch_source *source, event_sink sink, void *userdata)
{
	if (source->probe)
		probe_recall(source->probe, sink, userdata);
}

int watch_source_parcel(struct watch_source *source, struct succession *succession)
{
	return source->probe ? succession_prepare(succession, source->probe) : -EOPNOTSUPP;
}
